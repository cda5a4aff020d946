"""A slow body is cut off at its deadline; other requests are served meanwhile."""

import socket
import time

from relay.web import body_deadline


def test_read_of_a_body_that_trickles_ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        began = time.monotonic()
        with body_deadline.body_read_deadline({"gunicorn.socket": ours}, within_s=0.2):
            theirs.send(b"a")
            assert ours.recv(1) == b"a"
            assert ours.recv(1) == b""
        assert time.monotonic() - began < 3


def test_connection_that_was_read_in_time_is_left_alone():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with body_deadline.body_read_deadline({"gunicorn.socket": ours}, within_s=0.2):
            pass
        time.sleep(1)
        theirs.send(b"a")
        assert ours.recv(1) == b"a"


def test_server_without_a_socket_goes_unwatched():
    with body_deadline.body_read_deadline({}):
        pass
