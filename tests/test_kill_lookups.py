"""SIGKILL of a worker anywhere in a look-up loses neither the event nor the shop's tokens.

As in `tests/test_kill.py` each kind of Redis command is died at, and each HTTP request; with
`--every-kill-point` every single command is.
"""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from conftest import relay_toml
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.devtools.standin import StandinServer
from relay.inbound.samples import FOLDER, of_today
from relay.model import State
from relay.store.keys import LOOKUPS, OPEN
from relay.store.ledger import Ledger
from relay.store.record import Record
from tests.killing import (
    NEVER,
    NOWHERE,
    RunChild,
    child_environ,
    children,
    dust_settles,
    each_kind_of_command,
    every_command,
    time_passes,
)
from tests.waiting import LONG_S, eventually

pytestmark = pytest.mark.slow

TOKEN = "relay:token:mercadolibre"
FIRST = "throw-away-first"


class Seller:
    """Mercado Libre's API, where a refresh token is good for one use."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._open: set[object] = set()
        content = (FOLDER / "mercadolibre" / "api.json").read_bytes()
        answers = json.loads(of_today(content, datetime.now(UTC)))
        self._orders = {path: answer for path, answer in answers.items() if "/orders/" in path}
        self.reset()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def reset(self) -> None:
        self.issued = 0
        self.good = FIRST
        self.revoked = 0
        self.busy = False
        self.delay_s = 0.0
        self.refused = 0
        self.used_before_kept = 0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def connect_anew(self) -> str:
        """The seller gives the app leave again; the new refresh token."""
        self.good = "throw-away-by-hand"
        return self.good

    def token(self, refresh_token: str) -> tuple[int, dict[str, object]]:
        if refresh_token != self.good:
            self.refused += 1
            return 400, {"error": "invalid_grant"}
        self.issued += 1
        self.good = f"throw-away-next-{self.issued}"
        time.sleep(self.delay_s)
        return 200, {
            "access_token": f"access-{self.issued}",
            "refresh_token": self.good,
            "expires_in": 21600,
        }

    def order(self, path: str, proof: str) -> tuple[int, dict[str, object]]:
        if self.issued <= self.revoked:
            return 401, {"message": "invalid access token"}
        if self.busy:
            self.busy = False
            return 503, {}
        if proof != f"Bearer access-{self.issued}":
            return 401, {"message": "invalid access token"}
        self.used_before_kept += self._redis.get(TOKEN) is None
        return 200, self._orders[f"GET {path}"]

    def _handler(seller) -> type[BaseHTTPRequestHandler]:  # noqa: N805  `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def handle(self) -> None:
                seller._open.add(self)
                try:
                    super().handle()
                finally:
                    seller._open.discard(self)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer(*seller.token(form["refresh_token"][0]))

            def do_GET(self) -> None:
                self._answer(*seller.order(self.path, self.headers.get("Authorization", "")))

            def _answer(self, status: int, value: dict[str, object]) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


SOURCES = """
[sources.bigcommerce]
platform = "bigcommerce"
secrets = "throw-away-secret-of-bigcommerce"
[sources.bigcommerce.credentials]
store_hash = "throw-away-store-hash"
access_token = "throw-away-access-token"
api_url = "{standin}/_platforms/bigcommerce"

# Its orders do not say who bought; this source's are all Ana's.
[sources.mercadolibre]
platform = "mercadolibre"
secrets = "throw-away-token-of-an-address"
customer_id = "1713anaec1001"
[sources.mercadolibre.credentials]
client_id = "throw-away"
client_secret = "throw-away"
refresh_token = "{refresh_token}"
api_url = "{seller}"
"""
# Of a paid order two things are told.
EVENTS = {"bigcommerce": 1, "mercadolibre": 2}


class Host:
    """Where workers live and die: Redis, the platform's API and Mercately outlive them."""

    def __init__(self, redis: Redis, standin_server: StandinServer, config_file: Path) -> None:
        self.redis = redis
        self.ledger = Ledger(redis, keep_delivered_s=3600)
        self.servers = standin_server
        self.standin = standin_server.standin
        self.seller = Seller(redis)
        self._config_file = config_file
        self.write_config(FIRST)

    def write_config(self, refresh_token: str) -> None:
        sources = SOURCES.format(
            standin=self.servers.url, seller=self.seller.url, refresh_token=refresh_token
        )
        self._config_file.write_text(relay_toml(self.servers.url, sources=sources))

    def start_anew(self, run_child: RunChild, platform: str) -> None:
        self.redis.flushall()
        self.standin.reset()
        self.seller.reset()
        assert run_child(f"accept:{platform}", NEVER, "before").startswith("done")
        assert self.states() == [State.AWAITING_LOOKUP]

    def befall(self, trouble: str, run_child: RunChild) -> None:
        """What goes wrong at the platform in the look-up that follows."""
        self.seller.busy = trouble == "busy"
        if trouble == "revoked":  # after a look-up that had a token, and died
            path = next(iter(self.seller._orders)).removeprefix("GET ")
            assert run_child("lookup", f"HTTP:GET:{path}", "before") == "killed"
            self.seller.revoked = self.seller.issued
            time_passes(self.redis, "")

    def survive(self, run_child: RunChild, platform: str) -> None:
        """What other workers do after a death: the look-up, and deliveries of what it found."""
        for _ in range(2):  # a second time where the platform was busy
            time_passes(self.redis, f"mercately.principal.{platform}")
            assert run_child("lookup", NEVER, "before").startswith("done")
        if State.ACCEPTED in self.states():
            assert run_child("deliver", NEVER, "before").startswith("done")

    def records(self) -> list[Record]:
        found = [self.ledger.get(record_id) for record_id in self.ledger.ids(list(State))]
        return [record for record in found if record]

    def states(self) -> list[State]:
        return [record.state for record in self.records()]


@pytest.fixture
def host(redis: Redis, standin_server: StandinServer, config_file: Path) -> Iterator[Host]:
    made = Host(redis, standin_server, config_file)
    yield made
    made.seller.close()


@pytest.fixture
def environ(redis_server: EmbeddedRedis, host: Host, config_file: Path) -> dict[str, str]:
    return child_environ(redis_server, config_file)


@pytest.fixture
def run_child(environ: dict[str, str]) -> Iterator[RunChild]:
    with children(environ) as run:
        yield run


@pytest.mark.parametrize(
    ("platform", "trouble", "when"),
    [
        ("bigcommerce", "", "before"),
        ("bigcommerce", "", "after"),
        ("mercadolibre", "", "before"),
        ("mercadolibre", "", "after"),
        ("mercadolibre", "busy", "after"),
        ("mercadolibre", "revoked", "after"),
    ],
)
def test_worker_killed_during_a_lookup_loses_nothing(
    platform: str,
    trouble: str,
    when: str,
    request: pytest.FixtureRequest,
    run_child: RunChild,
    host: Host,
) -> None:
    redis, seller = host.redis, host.seller
    for _ in range(2):  # the second time all scripts are loaded, as they are from then on
        host.start_anew(run_child, platform)
        host.befall(trouble, run_child)
        answer = run_child("lookup", NOWHERE, when)
        assert host.states() in ([State.ACCEPTED] * EVENTS[platform], [State.AWAITING_LOOKUP])
    every = request.config.getoption("--every-kill-point")
    killed, disconnected = 0, 0
    for kill_at in every_command() if every else each_kind_of_command(answer):
        host.start_anew(run_child, platform)
        host.befall(trouble, run_child)
        issued, kept = seller.issued, redis.get(TOKEN)
        with dust_settles(redis, host.servers._server, seller):
            answer = run_child("lookup", kill_at, when)
        is_token_lost = seller.issued > issued and redis.get(TOKEN) == kept
        host.survive(run_child, platform)

        if is_token_lost:
            # The platform had answered, and nobody will ever know what: the merchant has to
            # connect the shop again, and is told so.
            (record,) = host.records()
            assert (record.state, record.reason) == (State.AWAITING_LOOKUP, "lookup_reconnect")
            assert redis.zcard(LOOKUPS) == 0
            assert host.standin.events == []
            host.write_config(seller.connect_anew())
            redis.zadd(LOOKUPS, {record.id: 1})  # as `replay` does
            host.survive(run_child, platform)
            host.write_config(FIRST)
            disconnected += 1
        else:
            assert seller.refused == 0, kill_at
            assert seller.issued == (platform == "mercadolibre") + (trouble == "revoked"), kill_at
        assert host.states() == [State.DELIVERED] * EVENTS[platform], (kill_at, host.records())
        assert len(host.standin.events) == EVENTS[platform], kill_at
        assert redis.zcard(LOOKUPS) == redis.zcard(OPEN) == seller.used_before_kept == 0
        if answer.startswith("done") and (every or kill_at == NOWHERE):
            break
        killed += answer == "killed"
    request.node.user_properties.append(("kill_points", killed))
    assert killed >= 12
    # Only between the platform's answer and Redis's taking it: after the request that brings it, or
    # before the command that stores it, which is not the first of its kind.
    can_be_lost = platform == "mercadolibre" and (when == "after" or every)
    assert bool(disconnected) == can_be_lost


def test_two_workers_with_one_token_refresh_it_once(
    environ: dict[str, str], run_child: RunChild, host: Host
) -> None:
    """Their records wait together, and each of them makes a look-up."""
    host.start_anew(run_child, "mercadolibre")
    host.seller.delay_s = 0.5
    answers: list[str] = []
    record_id = host.records()[0].id

    def look_up(run: RunChild) -> None:
        host.redis.zadd(LOOKUPS, {record_id: 1})  # it is due for both
        answers.append(run("lookup", NEVER, "before"))

    with children(environ) as other:
        threads = [threading.Thread(target=look_up, args=[run]) for run in (run_child, other)]
        for thread in threads:
            thread.start()
            assert eventually(lambda: host.seller.issued)
        for thread in threads:
            thread.join(LONG_S)
    assert [answer.split()[0] for answer in answers] == ["done", "done"]
    assert (host.seller.issued, host.seller.refused) == (1, 0)
    assert host.states() == [State.ACCEPTED] * EVENTS["mercadolibre"]
