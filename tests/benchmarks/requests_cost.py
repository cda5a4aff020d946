"""What of a POST is `requests`, layer by layer: processor time of this process, one thread."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter

from config import relay_toml
from tests.benchmarks.figures import Line, Section, compared, middle
from tests.benchmarks.peers import posting
from tests.benchmarks.plan import Plan
from tests.benchmarks.sink import Sink
from tests.benchmarks.stage import environment, sink_running
from worker.client import Client

_AT_ONCE: Final = 150
_PATH: Final = "/retailers/api/v1/customers/bench/events"
_HEADERS: Final = {"Content-Type": "application/json"}
_WHOLE: Final = "Session.post"


def run(plan: Plan, folder: Path) -> list[Section]:
    with sink_running(folder) as sink:
        ways = _ways(folder, sink)
        took: dict[str, list[float | None]] = {name: [] for name in ways}
        for post in ways.values():
            post()
        for _ in range(plan.rounds):
            for name, post in ways.items():
                sink.reset()
                took[name].append(_microseconds(post))
    each = {name: middle(rounds) for name, rounds in took.items()}
    lines: list[Line] = []
    results: dict[str, Any] = {}
    for name, us in each.items():
        rows, found = compared(name, us, "us", {_WHOLE: each[_WHOLE]}, {})
        path = name.replace(".", "_").replace(" ", "_")
        lines += rows
        results |= {path: found["ours"], f"{path}_ratio_session_post": found[f"ratio_{_WHOLE}"]}
    return [Section("requests_cost", "one POST of 1 kB", lines, results, _remarks(each))]


def _ways(folder: Path, sink: Sink) -> dict[str, Callable[[], object]]:
    """The same POST, with less and less of the library around it."""
    url = sink.url + _PATH
    body = posting.event_body(0)
    data = json.dumps(body).encode()
    plain, own = _session(), _session()
    own.trust_env = False
    prepared = plain.prepare_request(requests.Request("POST", url, data=data, headers=_HEADERS))
    adapter = own.get_adapter(url)
    pool = urllib3.PoolManager(num_pools=1, maxsize=64)
    client = _client(folder, sink)
    return {
        _WHOLE: lambda: plain.post(url, json=body, timeout=20),
        "same, trust_env off": lambda: own.post(url, json=body, timeout=20),
        "prepared, Session.send": lambda: plain.send(prepared, timeout=20),
        "prepared, HTTPAdapter.send": lambda: adapter.send(prepared, timeout=20).content,
        "urllib3 alone": lambda: pool.request("POST", url, body=data, headers=_HEADERS, timeout=20),
        "our Client.post_event": lambda: client.post_event("bench", body),
    }


def _session() -> requests.Session:
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=64))
    return session


def _client(folder: Path, sink: Sink) -> Client:
    """Ours without a pace to keep."""
    environ = environment(folder, "", sink)
    found = relay_toml.load(Path(environ["RELAY_CONFIG"]), environ)
    return Client(
        found.destinations["principal"],
        user_agent="mercately-relay/bench",
        connect_timeout_s=5,
        read_timeout_s=20,
    )


def _microseconds(post: Callable[[], object]) -> float:
    started = time.thread_time()
    for _ in range(_AT_ONCE):
        post()
    return (time.thread_time() - started) / _AT_ONCE * 1e6


def _remarks(each: Mapping[str, float | None]) -> list[str]:
    """What a change would bring where nothing but Python's one core is the limit."""
    whole, bare = each[_WHOLE], each["urllib3 alone"]
    if not whole or not bare:
        return []
    return [
        f"one core can post {1e6 / whole:,.0f}/s with {_WHOLE}, {1e6 / bare:,.0f}/s with urllib3",
        f"{whole - bare:,.0f} us of a delivery would be saved; processor time of the poster alone",
    ]
