"""Faults are compared in English, whatever the locale of who runs the tests."""

import pytest


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_LANGUAGE", "en")
