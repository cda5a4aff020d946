"""Every fault a person can be shown has a Spanish text, with its numbers and names in it."""

import re

import pytest
from cases import all_of

from config.fault_texts import in_console_language, in_spanish
from config.language import spanish_texts
from config.relay_toml import ConfigError
from config.settings import SettingsError, load
from tests.config import test_relay_toml, test_settings
from tests.relay import test_sources
from tests.relay.inbound import test_secrets
from tests.relay.mapping import test_rules

FAULTS = {
    fault.split(": ", 1)[1]
    for _, fault in (*test_relay_toml.FAULTS, *test_sources.FAULTS, *test_rules.FAULTS)
}
SAID_OF_SECRETS = {
    text
    for scheme, secret, *_ in test_secrets.REPORTS
    if (report := scheme.examine(secret))
    for text in (report.kind, report.weakness)
    if text
} | {fault for *_, fault in test_secrets.FAULTS if fault} | {"P-256 public key", "Ed25519 public key", f"a part of 3 {test_sources.PIECE}"}  # fmt: skip
TEXTS = spanish_texts("faults").items()


@all_of("text", sorted(FAULTS | SAID_OF_SECRETS))
def test_fault_of_relay_toml_has_a_spanish_text(text):
    # Some tables state the beginning of a fault only; what follows it is a list.
    spanish = in_spanish(text) or in_spanish(f"{text} []")

    assert spanish, text
    assert "%(" not in spanish
    assert set(re.findall(r"\d+", text)) == set(re.findall(r"\d+", spanish))


@all_of(("english", "spanish"), TEXTS)
def test_spanish_text_has_the_parts_of_the_english_one(english, spanish):
    def parts(text):
        return sorted(re.findall(r"%\(\w+\)s", text))

    assert parts(english) == parts(spanish)
    assert in_spanish(english)  # its own pattern, or one before it, matches


@pytest.mark.parametrize(
    ("language", "text"), [("es", "se esperaba una tabla"), ("en", "expected a table")]
)
def test_key_is_left_as_it_is(language, text, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", language)

    assert (
        in_console_language("sources.x.options: expected a table") == f"sources.x.options: {text}"
    )
    assert in_console_language("expected a table") == text


def test_fault_without_a_spanish_text_stays_as_it_is(monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "es")

    assert in_console_language("a.b: something new") == "a.b: something new"


def test_file_that_is_absent_is_a_fault_that_names_the_variable_and_the_default(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("RELAY_LANGUAGE", "es")
    with pytest.raises(ConfigError) as caught:
        test_relay_toml.relay_toml.load(tmp_path / "absent.toml", {})
    (fault,) = caught.value.faults

    assert fault.startswith(f"no existe en {tmp_path}; lo nombra RELAY_CONFIG")
    assert fault.endswith("relay.toml")


@pytest.mark.parametrize(
    ("variable", "value"), [(v, x) for v, x, fits in test_settings.BOUNDS if not fits]
)
def test_fault_of_a_variable_is_spanish_too(variable, value, monkeypatch):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load()
    english = str(caught.value)
    monkeypatch.setenv("RELAY_LANGUAGE", "es")
    with pytest.raises(SettingsError) as caught:
        load()

    assert str(caught.value).startswith(f"{variable}: ")
    assert str(caught.value) != english
