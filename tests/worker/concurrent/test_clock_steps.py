"""Whose lease is over is not for the clock of Redis to say, which may step."""

from types import SimpleNamespace

import pytest

from worker.concurrent import Timings, lease_keeper
from worker.concurrent.claims import Heartbeat
from worker.concurrent.execution import ExecutionTable
from worker.concurrent.greenlets import Wakeup
from worker.concurrent.lease_keeper import LeaseKeeper

TIMINGS = Timings()


class Thread:
    """The thread that sends heartbeats, of which the last was answered just now."""

    failed_at = 0.0

    def __init__(self) -> None:
        self.sent_at = 1000.0
        self.answer = Heartbeat(0, {})

    def alive(self) -> None:
        pass

    def take_answer(self) -> Heartbeat:
        return self.answer


class Reclaims:
    def __init__(self) -> None:
        self.made: list[tuple[str, float]] = []

    def reclaim(self, name: str, lease: float) -> list[str]:
        self.made.append((name, lease))
        return []


@pytest.fixture
def beats(monkeypatch):
    """Sends one heartbeat after another, each answered with the next lease of `worker-1`."""
    thread, claims = Thread(), Reclaims()
    monkeypatch.setattr(lease_keeper, "time", SimpleNamespace(monotonic=lambda: thread.sent_at))
    keeper = LeaseKeeper(
        claims, ExecutionTable({}), Wakeup(), claiming=lambda: False, timings=TIMINGS
    )  # fmt: skip

    def send(*leases):
        for lease in leases:
            thread.sent_at += TIMINGS.heartbeat_s
            thread.answer = Heartbeat(0, {"worker-1": lease})
            keeper.keep(thread)
        return claims.made

    send(*range(10))  # it has been in touch for long
    return send


def test_who_renews_lives_whatever_the_clock_says(beats):
    """It has stepped ahead or back by a minute or an hour since."""
    assert beats(60.0, 120.0, 3600.0, 62.0, 10.0, 9.0, 8.0, 7.0) == []


def test_who_does_not_renew_is_dead_whatever_the_clock_says(beats):
    """After a step back the lease would have run for an hour more."""
    lasting = 1e12
    assert beats(lasting, lasting, lasting) == []
    assert beats(lasting) == [("worker-1", lasting)]


def test_who_renews_once_more_has_another_lease_in_full(beats):
    assert beats(5.0, 5.0, 5.0, 6.0, 6.0, 6.0) == []
    assert beats(6.0) == [("worker-1", 6.0)]
