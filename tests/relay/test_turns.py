"""A batch of thousands lets others run."""

import subprocess
import sys

# In a process of its own: greenlets need the patched standard library.
BESIDE_A_BATCH = """
import relay.patched
import time
import gevent
from relay.turns import in_turns

def busy(_item):
    ends_at = time.perf_counter() + 0.001
    while time.perf_counter() < ends_at:
        pass

waits = []
def other():
    while True:
        started_at = time.perf_counter()
        gevent.sleep(0.001)
        waits.append(time.perf_counter() - started_at)

beside = gevent.spawn(other)
gevent.sleep(0)
for item in in_turns(range(500)):
    busy(item)
beside.kill()
print(len(waits) >= 5, max(waits) < 0.25)
"""


def test_others_run_beside_a_batch() -> None:
    child = subprocess.run(
        [sys.executable, "-c", BESIDE_A_BATCH],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert child.stdout == "True True\n", child.stderr


def test_each_item_comes_once_and_in_order(monkeypatch) -> None:
    from relay import turns

    monkeypatch.setattr(turns, "_TURN_S", 0.0)

    assert list(turns.in_turns(iter(range(50)))) == list(range(50))
