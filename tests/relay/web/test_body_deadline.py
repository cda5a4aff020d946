"""Reads of a body end at its deadline, where sockets are gevent's."""

import socket
from collections.abc import Iterator

import pytest

from relay.web.body_deadline import TooSlow, body_read_deadline

pytestmark = pytest.mark.greenlets


@pytest.fixture
def ours() -> Iterator[socket.socket]:
    """The end that is read from; one byte has come."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"a")
        yield ours


def read_two(ours: socket.socket) -> None:
    """Each when it comes."""
    assert ours.recv(1) == b"a"
    ours.recv(1)


def test_a_body_that_trickles_is_too_slow(ours: socket.socket) -> None:
    with pytest.raises(TooSlow), body_read_deadline(0.05):
        read_two(ours)


def test_reads_after_a_body_that_came_in_time_are_left_alone(ours: socket.socket) -> None:
    with body_read_deadline(0.05):
        assert ours.recv(1) == b"a"
    ours.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ours.recv(1)


def test_of_two_deadlines_the_outer_one_counts_too(ours: socket.socket) -> None:
    with pytest.raises(TooSlow), body_read_deadline(0.05), body_read_deadline(10):
        read_two(ours)
