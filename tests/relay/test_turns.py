"""A batch of thousands lets others run."""

import time

import gevent
import pytest

from relay import turns
from relay.turns import in_turns


@pytest.mark.greenlets
def test_others_run_beside_a_batch() -> None:
    waits: list[float] = []

    def other() -> None:
        while True:
            started_at = time.perf_counter()
            gevent.sleep(0.001)
            waits.append(time.perf_counter() - started_at)

    beside = gevent.spawn(other)
    gevent.sleep(0)
    for _ in in_turns(range(500)):
        ends_at = time.perf_counter() + 0.001
        while time.perf_counter() < ends_at:
            pass
    beside.kill()

    assert len(waits) >= 5
    assert max(waits) < 0.25


def test_each_item_comes_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_TURN_S", 0.0)

    assert list(in_turns(iter(range(50)))) == list(range(50))
