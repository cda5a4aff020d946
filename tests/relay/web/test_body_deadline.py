"""Reads of a body end at its deadline; in processes of their own, whose sockets are gevent's."""

import subprocess
import sys

import pytest

START = """
import relay.patched
import socket
from relay.web.body_deadline import TooSlow, body_read_deadline

ours, theirs = socket.socketpair()
theirs.send(b"a")
"""
TRICKLES = """
try:
    with body_read_deadline(0.05):
        assert ours.recv(1) == b"a"
        ours.recv(1)
except TooSlow:
    print("too slow")
"""
IN_TIME = """
with body_read_deadline(0.05):
    assert ours.recv(1) == b"a"
ours.settimeout(0.2)
try:
    ours.recv(1)
except TimeoutError:
    print("left alone")
"""
NESTED = """
try:
    with body_read_deadline(0.05):
        with body_read_deadline(10):
            ours.recv(2)
            ours.recv(1)
except TooSlow:
    print("the outer one")
"""


@pytest.mark.parametrize(
    ("script", "printed"),
    [(TRICKLES, "too slow"), (IN_TIME, "left alone"), (NESTED, "the outer one")],
)
def test_reads_end_at_the_deadline_and_nothing_after_them(script, printed):
    done = subprocess.run(
        [sys.executable, "-c", START + script], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == printed, done.stderr
