"""SIGKILL of web or worker between any two of their Redis commands loses nothing.

Each kind of command is died at once, before it and after it; with `--every-kill-point`, as
`make chaos` runs it, every single one is.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import relay_toml
from redis import Redis

from config.settings import Settings
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.devtools.standin import StandinServer
from relay.model import State
from relay.store.keys import OPEN
from relay.store.ledger import Ledger
from tests.killing import (
    NEVER,
    NOWHERE,
    RunChild,
    child_environ,
    children,
    dust_settles,
    each_kind_of_command,
    every_command,
    only_record,
    time_passes,
)
from tests.waiting import eventually

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[1]


@pytest.fixture
def environ(redis_server: EmbeddedRedis, config_file: Path) -> dict[str, str]:
    return {**child_environ(redis_server, config_file), "SHOPIFY_SECRET": "kill-test-secret"}


@pytest.fixture
def run_child(environ: dict[str, str]) -> Iterator[RunChild]:
    with children(environ) as run:
        yield run


QUEUE = "mercately.principal.shopify"


@pytest.mark.parametrize("when", ["before", "after"])
def test_web_killed_during_accept_leaves_everything_or_nothing(
    when: str,
    run_child: RunChild,
    redis: Redis,
    standin_server: StandinServer,
    request: pytest.FixtureRequest,
) -> None:
    standin = standin_server.standin
    outcomes = []
    for kill_at in every_command():
        redis.flushall()
        redis.script_flush()  # so that there is more than one command to die between
        standin.events.clear()
        with dust_settles(redis, standin_server._server):
            answer = run_child("accept:shopify", kill_at, when)
        kept = {key.decode().split(":")[1] for key in redis.keys("relay:*")}
        kept -= {"counts", "schema"}
        queued = redis.llen(f"rq:queue:{QUEUE}")
        whole = {"seen", "record", "open", "lane", "wakeup", "list", "find", "resource", "waiting"}
        assert (kept, queued) in ((set(), 0), (whole, 1)), kill_at
        outcomes.append(queued)
        if answer.startswith("done"):
            break
        assert answer == "killed"
        # No 200 came, so the platform sends again.
        assert run_child("accept:shopify", NEVER, when).startswith("done")
        assert run_child("deliver", NEVER, when).startswith("done")
        assert len(standin.events) == 1, kill_at
    request.node.user_properties.append(("kill_points", len(outcomes) - 1))
    assert outcomes == sorted(outcomes)  # from some command on everything is there
    assert set(outcomes) == {0, 1}


@pytest.mark.parametrize(
    ("when", "fault"),
    [
        ("before", ""),
        ("after", ""),
        ("after", "unavailable_503"),
        ("after", "reset_after_recording"),
    ],
)
def test_worker_killed_during_delivery_loses_nothing(
    when: str,
    fault: str,
    request: pytest.FixtureRequest,
    run_child: RunChild,
    redis: Redis,
    standin_server: StandinServer,
) -> None:
    standin = standin_server.standin
    ledger = Ledger(redis, keep_delivered_s=3600)

    def start_anew() -> None:
        redis.flushall()
        standin.reset()
        if fault:
            standin.fail(fault, times=1)
        assert run_child("accept:shopify", NEVER, when).startswith("done")

    for _ in range(2):  # the second time all scripts are loaded, as they are from then on
        start_anew()
        answer = run_child("deliver", NOWHERE, when)
    every = request.config.getoption("--every-kill-point")
    killed = 0
    for kill_at in every_command() if every else each_kind_of_command(answer):
        start_anew()
        with dust_settles(redis, standin_server._server):
            answer = run_child("deliver", kill_at, when)
        standin.clear()
        found, sent = only_record(ledger), len(standin.events)
        status = redis.hget(f"rq:job:{found.id}", "status")
        if status in (b"finished", b"scheduled") or redis.zcard(f"rq:finished:{QUEUE}"):
            # RQ is told last: what it takes for done nobody would do again.
            assert found.attempts == 1, (kill_at, status, found)
            assert found.state is (State.RETRYING if fault else State.DELIVERED)
        for _ in range(2):  # a retry falls due only after the sweep has given it a job
            time_passes(redis, QUEUE)
            assert run_child("deliver", NEVER, when).startswith("done")
        record = only_record(ledger)
        assert record.state is State.DELIVERED, (kill_at, when, record)
        # What was written down is not sent again, and what was not is sent exactly once more.
        again = found.state is not State.DELIVERED
        assert len(standin.events) == sent + again, (kill_at, found)
        assert redis.zcard(OPEN) == 0
        if answer.startswith("done") and (every or kill_at == NOWHERE):
            break
        killed += answer == "killed"  # else it was a command that is not sent each time
    request.node.user_properties.append(("kill_points", killed))
    assert killed >= 15


@contextmanager
def worker_process(environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A worker as a host starts it, killed in the end."""
    process = subprocess.Popen([sys.executable, "-m", "worker"], cwd=_ROOT, env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_event_in_the_hands_of_a_killed_worker_is_held_where_asked(
    environ: dict[str, str],
    run_child: RunChild,
    redis: Redis,
    config_file: Path,
    standin_server: StandinServer,
    settings: Settings,
) -> None:
    """It was sent and its answer never came: a person has to look whether it arrived."""
    standin = standin_server.standin
    config_file.write_text(relay_toml(standin_server.url, destination='on_ambiguous = "hold"'))
    ledger = Ledger(redis, keep_delivered_s=settings.keep_delivered_s)
    standin.fail("hang_after_recording", times=1)
    assert run_child("accept:shopify", NEVER, "before").startswith("done")
    with worker_process(environ) as worker:
        assert eventually(lambda: standin.events)
        record_id = only_record(ledger).id
        worker.kill()
        worker.wait()

    with worker_process(environ):
        # Who has just come looks on for the length of a lease.
        assert eventually(lambda: redis.zscore(f"rq:finished:{QUEUE}", record_id))
    record = only_record(ledger)
    assert (record.state, record.reason) == (State.HELD, "worker_died")
    (attempt,) = ledger.attempts(record.id)
    assert (attempt["outcome"], attempt["reason"]) == ("held", "worker_died")
    assert attempt["ambiguous"] is True
    assert redis.hget(f"rq:job:{record.id}", "redelivery_count") == b"1"
    assert len(standin.events) == 1
    assert redis.zcard(OPEN) == 0
