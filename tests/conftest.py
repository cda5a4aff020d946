"""Wiring only: a real Redis, the stand-in, settings and a small configuration."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings as hypothesis_settings
from redis import Redis

from config.settings import Settings
from relay import sources
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.devtools.standin import DEMO_KEY, Standin, StandinServer, demo_customers
from relay.mapping.event_types import EVENT_TYPES
from relay.sources import Relay
from tests.greenlet_tests import (  # noqa: F401  pytest calls them
    pytest_runtest_protocol,
    pytest_unconfigure,
)
from worker.service import DeliveryService

# A busy machine is slow: no example may fail for the time it takes.
hypothesis_settings.register_profile(
    "relay",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",  # CI judges the change, not the luck of the draw
)
hypothesis_settings.load_profile("relay")
hypothesis_settings.register_profile(
    "brief", hypothesis_settings.get_profile("relay"), max_examples=20
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
    parser.addoption(
        "--every-kill-point", action="store_true", help="die at every Redis command, not each kind"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as cores: whoever waits for another process takes none."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal what takes long to xdist's processes, so that none is left to run alone in the end.

    Each begins with a part of the list, and takes from the ends of the others' when it is through.
    """
    processes = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    slow = {item: len(item.path.parts) for item in items if item.get_closest_marker("slow")}
    # Those at the top start whole processes.
    files = dict.fromkeys(item.path for item in sorted(slow, key=lambda item: slow[item]))
    hand = {path: number % processes for number, path in enumerate(files)}
    place = {item: number * processes // len(items) for number, item in enumerate(items)}
    place |= {item: hand[item.path] for item in slow}
    items.sort(key=lambda item: (place[item], item not in slow, slow.get(item, 0)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often a process was killed, each time between two others of its commands."""
    properties = [
        (name, value)
        for report in terminalreporter.getreports("passed")
        if report.when == "call"
        for name, value in report.user_properties
    ]
    if points := sum(value for name, value in properties if name == "kill_points"):
        terminalreporter.write_line(f"{points} kill points")


@pytest.fixture(autouse=True)
def fresh_logging() -> Iterator[None]:
    """An app that a test makes sets the level of its process; the next test must not inherit it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(redis_server: EmbeddedRedis) -> Iterator[Redis]:
    """An empty Redis."""
    # Without `driver_info` it would look for its own version in each test.
    with Redis.from_url(redis_server.url, driver_info=None) as client:
        client.flushall()
        yield client


@pytest.fixture
def just_now() -> Callable[[float], bool]:
    """Whether a moment lies within this test; scores grow by 1/20 s for each job that waits."""
    began_at = time.time()
    return lambda moment: began_at - 0.1 <= moment <= time.time() + 0.1


@pytest.fixture
def standin_server() -> Iterator[StandinServer]:
    with StandinServer(Standin(customers=demo_customers())) as server:
        yield server


@pytest.fixture
def standin(standin_server: StandinServer) -> Standin:
    return standin_server.standin


# One destination named `principal` at {server}, and a rule for every event type.
RELAY_TOML = """
language = "es"
[destinations.principal]
server = "{server}"
api_key = "{key}"
rate = "{rate}"
{destination}
{sources}
[events]
""" + "\n".join(
    f'"{name}" = {{{{ notes = true, creation_date = "occurred_at" }}}}' for name in EVENT_TYPES
)


def relay_toml(
    server: str, *, rate: str = "1000/s", destination: str = "", sources: str = ""
) -> str:
    """The test configuration; `destination` and `sources` are more TOML."""
    return RELAY_TOML.format(
        server=server, rate=rate, key=DEMO_KEY, destination=destination, sources=sources
    )


SECRETS = {
    "SHOPIFY_SECRET": "shopify-test-secret,shopify-old-secret",
    "WOOCOMMERCE_SECRET": "woocommerce-test-secret",
    "STANDARD_WEBHOOKS_SECRET": "whsec_c3RhbmRhcmQtd2ViaG9va3MtdGVzdA==",
}


def make_settings(redis_url: str, config_file: Path, **changes: object) -> Settings:
    """Settings for a test, without the environment."""
    values: dict[str, object] = {
        "redis_url": redis_url,
        "redis_tls_verify": True,
        "config_file": config_file,
        "queue": "mercately",
        "host": "127.0.0.1",
        "port": 0,
        "web_processes": 2,
        "redis_connections": 4,
        "outbound_proxy": "",
        "public_url": "",
        "body_max_bytes": 5 * 1024 * 1024,
        "backlog_max": 1_000_000,
        "memory_watermark": 0.9,
        "durability": "fsync",
        "dedup_s": 7 * 86400,
        "keep_delivered_s": 7 * 86400,
        "held_max": 10_000,
        "held_keep_s": 90 * 86400,
        "pseudonym_keys": (),
        "concurrency": 8,
        "shutdown_grace_s": 5.0,
        "sweep_s": 0.0,
        "connect_timeout_s": 2.0,
        "read_timeout_s": 5.0,
        "user_agent": "mercately-relay/test",
        "log_level": "CRITICAL",
        "dashboard_user": "relay",
        "dashboard_password": "",
        "environ": SECRETS,
    }
    return Settings(**values | changes)  # type: ignore[arg-type]


@pytest.fixture
def config_file(tmp_path: Path, standin_server: StandinServer) -> Path:
    file = tmp_path / "relay.toml"
    file.write_text(relay_toml(standin_server.url))
    return file


@pytest.fixture
def settings(redis_server: EmbeddedRedis, config_file: Path) -> Settings:
    return make_settings(redis_server.url, config_file)


_ANY_SERVER = 'server = "http://127.0.0.1:1"'
# By text, with any server in place of the stand-in, and environment.
_LOADED: dict[tuple[object, ...], Relay] = {}


@pytest.fixture
def relay(settings: Settings, standin_server: StandinServer) -> Relay:
    """The test configuration; most tests have the same, whose rules take 10 ms to compile."""
    text = settings.config_file.read_text()
    text = text.replace(f'server = "{standin_server.url}"', _ANY_SERVER)
    if standin_server.url in text or _ANY_SERVER not in text:
        return sources.load(settings.config_file, settings.environ)
    key = text, tuple(settings.environ.items())
    if key not in _LOADED:
        file = settings.config_file.with_name("any-server.toml")
        file.write_text(text)
        _LOADED[key] = sources.load(file, settings.environ)
    return _sending_to(standin_server.url, _LOADED[key])


def _sending_to(server: str, loaded: Relay) -> Relay:
    destinations = {
        name: replace(one, server=server) if f'"{one.server}"' in _ANY_SERVER else one
        for name, one in loaded.destinations.items()
    }
    bound = {
        name: replace(source, destination=destinations[source.destination.name])
        for name, source in loaded.sources.items()
    }
    return replace(loaded, destinations=destinations, sources=bound)


@pytest.fixture
def service(redis: Redis, settings: Settings, relay: Relay) -> Iterator[DeliveryService]:
    opened = DeliveryService.open(redis, settings, relay.destinations)
    yield opened
    for target in opened.destinations.values():
        target.client.close()
