"""A slow body is cut off at its deadline; other requests are served meanwhile."""

import socket

from relay.web import body_deadline

WITHIN_S = 0.05


def test_read_of_a_body_that_trickles_ends():
    ours, theirs = socket.socketpair()
    with ours, theirs, body_deadline.body_read_deadline({"gunicorn.socket": ours}, WITHIN_S):
        theirs.send(b"a")
        assert ours.recv(1) == b"a"
        assert ours.recv(1) == b""


def test_connection_that_was_read_in_time_is_left_alone():
    ours, theirs = socket.socketpair()
    late, silent = socket.socketpair()
    with ours, theirs, late, silent:
        with body_deadline.body_read_deadline({"gunicorn.socket": ours}, WITHIN_S):
            pass
        with body_deadline.body_read_deadline({"gunicorn.socket": late}, WITHIN_S):
            assert late.recv(1) == b""  # so the time of the first one is over too
        theirs.send(b"a")
        assert ours.recv(1) == b"a"


def test_server_without_a_socket_goes_unwatched():
    with body_deadline.body_read_deadline({}):
        pass
