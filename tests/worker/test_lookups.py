"""Look-ups: from a notice that only names a thing to the call at Mercately, and all that may fail."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from relay.devtools.standin import StandinServer
from relay.inbound import samples
from relay.inbound.contract import Source, stored_request
from relay.inbound.results import Handshake
from relay.inbound.when import WhenSchema
from relay.model import State
from relay.operations import replay
from relay.pipeline import translate
from relay.platforms import discovered
from relay.store.keys import LOOKUPS, OPEN
from relay.store.lookups import LookupQueue
from tests.platform_samples import request_of, source_of
from tests.senders import NOW
from tests.worker.factories import Harness
from tests.worker.http_stub import HttpStub, answer
from worker import lookups
from worker.lookups import Lookups

# Every topic that only names a thing, and each of its samples.
THIN = [
    (platform, name)
    for platform, declared in discovered().items()
    for topic, meaning in declared.topics.items()
    if meaning.lookup in declared.lookups
    for name in samples.names(platform)
    if name.partition("__")[0] == samples.file_name(topic)
]

# Their APIs withhold who bought.
NAMING_NOBODY = {"mercadolibre"}


def credentials(source: Source, api_url: str) -> Source:
    """The source with throw-away credentials, and its API at a stand-in."""
    api = source.platform.api
    assert api
    values = {name: f"throw-away-{name.replace('_', '-')}" for name in api.credentials}
    platform = replace(source.platform, api=replace(api, rate_per_s=1000))
    return replace(source, platform=platform, credentials={**values, "api_url": api_url})


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[HttpStub]:
    with HttpStub() as stub:
        yield stub


class Bench:
    """A harness with a source that can look things up, and what makes the look-ups."""

    def __init__(self, harness: Harness, source: Source) -> None:
        source = replace(source, destination=harness.source.destination)
        self.harness = harness
        self.source = source
        self.lookups = Lookups(
            harness.ledger, harness.intake, {source.name: source}, user_agent="test"
        )

    def accept(self, name: str) -> list[str]:
        """The ids of the records of a sample."""
        request = request_of(self.source.platform.name, name)
        items = translate(request, self.source, self.harness.intake.memory(self.source))
        if isinstance(items, Handshake):
            return []
        receipt = self.harness.intake.accept(request, self.source, items, request.received_at)
        return [record_id for record_id in receipt.ids if record_id]

    def run(self) -> None:
        while self.lookups.run_due():
            pass


@pytest.fixture
def bench(harness: Harness) -> Callable[..., Bench]:
    def make(platform: str, api_url: str) -> Bench:
        return Bench(harness, credentials(source_of(platform), api_url))

    return make


@pytest.fixture
def shop(bench: Callable[..., Bench], standin_server: StandinServer) -> Bench:
    return bench("tiendanube", f"{standin_server.url}/_platforms/tiendanube")


def test_a_notice_becomes_a_call_with_all_that_was_read(shop, redis):
    (record_id,) = shop.accept("order/created")
    assert shop.harness.record(record_id).state is State.AWAITING_LOOKUP
    shop.run()

    record = shop.harness.record(record_id)
    assert (record.state, record.event_type) == (State.ACCEPTED, "order.created")
    assert (record.customer.phone, record.customer.email) == ("+593999000001", "ana@example.com")
    assert "Café tostado en grano" in record.body["notes"]
    assert redis.zcard(LOOKUPS) == redis.zcard("relay:state:awaiting_lookup") == 0
    assert redis.zcard(OPEN) == 1
    assert shop.harness.ledger.causes() == []


def test_condition_of_a_source_sees_what_was_read_and_a_replay_releases_what_it_holds(shop):
    shop.source = replace(shop.source, when=WhenSchema().load({"hold": "body.products"}))
    shop.lookups = Lookups(
        shop.harness.ledger, shop.harness.intake, {shop.source.name: shop.source}, user_agent="test"
    )
    (record_id,) = shop.accept("order/created")
    assert shop.harness.record(record_id).state is State.AWAITING_LOOKUP
    shop.run()

    held = shop.harness.record(record_id)
    assert (held.state, held.reason) == (State.HELD, "to_review")
    assert held.reasons["hold"] == "body.products"
    sources = {shop.source.name: shop.source}
    assert replay(held, shop.harness.intake, sources).outcome == "requeued"
    released = shop.harness.record(record_id)
    assert (released.state, released.event_type) == (State.ACCEPTED, "order.created")
    assert released.customer.email == "ana@example.com"


def test_what_was_told_already_is_not_told_again(shop):
    for name in ("order/created", "order/paid", "order/updated", "order/packed"):
        shop.accept(name)
        shop.run()

    records = shop.harness.ledger.list(list(State)).records
    assert sorted(one.event_type for one in records) == ["order.created", "order.paid"]
    counts = shop.harness.ledger.counts()
    assert counts["tiendanube:duplicate"] + counts.get("tiendanube:ignored", 0) == 2


def test_what_was_read_is_parsed_again_from_the_record(shop):
    (record_id,) = shop.accept("order/created")
    shop.run()
    record = shop.harness.record(record_id)
    again = stored_request(record.headers, record.raw, NOW)
    (item,) = translate(again, replace(shop.source, credentials={}))

    (call,) = item.items
    assert call.customer == record.customer
    assert call.body == record.body


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "lookup_credentials"),
        (402, "lookup_plan"),
        (403, "lookup_forbidden"),
        (418, "lookup_http_418"),
    ],
)
def test_what_a_person_has_to_mend_waits_for_them(bench, api, status, reason):
    api.answers(answer(status))
    shop = bench("tiendanube", api.url)
    (record_id,) = shop.accept("order/created")
    shop.run()
    record = shop.harness.record(record_id)

    assert (record.state, record.reason) == (State.AWAITING_LOOKUP, reason)
    (entry,) = shop.harness.ledger.attempts(record_id)
    assert (entry["outcome"], entry["reason"], entry["status"]) == ("lookup_failed", reason, status)
    (cause,) = shop.harness.ledger.causes()
    assert cause.reason == reason
    assert len(api.requests) == 1

    api.answers(answer(404))
    sources = {shop.source.name: shop.source}
    assert replay(record, shop.harness.intake, sources).outcome == "requeued"
    shop.run()
    assert len(api.requests) == 2


@pytest.mark.parametrize("status", [404, 408, 500, 503])
def test_what_may_be_otherwise_later_is_tried_again(bench, api, redis, status):
    api.answers(answer(status))
    shop = bench("tiendanube", api.url)
    (record_id,) = shop.accept("order/created")
    for _ in range(20):
        redis.zadd(LOOKUPS, {record_id: 0}, xx=True)
        shop.run()
    record = shop.harness.record(record_id)

    schedule = lookups._ABSENT_SCHEDULE_S if status == 404 else lookups._SCHEDULE_S
    assert len(api.requests) == record.attempts == len(schedule) + 1
    assert record.reason == ("lookup_not_found" if status == 404 else f"lookup_http_{status}")
    assert redis.zcard(LOOKUPS) == 0


def test_a_thing_that_is_not_whole_yet_is_read_again(bench, api, redis):
    """PrestaShop tells of an order before it has a state; no other part can be had without one."""
    order = b'{"order": {"id": 5, "current_state": "0", "id_lang": "1"}}'
    api.answers(answer(200, order), answer(404))
    shop = bench("prestashop", api.url)
    (record_id,) = shop.accept("order_created")
    shop.run()

    assert shop.harness.record(record_id).state is State.AWAITING_LOOKUP
    (entry,) = shop.harness.ledger.attempts(record_id)
    assert entry["reason"] == "lookup_not_found"
    assert redis.zcard(LOOKUPS) == 1  # to be tried again
    assert [request.path.partition("?")[0] for request in api.requests] == [
        "/orders/5", "/order_states/0",
    ]  # fmt: skip
    assert all(request.headers["authorization"].startswith("Basic ") for request in api.requests)


def test_a_platform_that_is_asked_too_much_is_left_alone_by_all(bench, api, redis):
    api.answers(answer(429, x_rate_limit_reset="40000"))
    shop = bench("tiendanube", api.url)
    (first,) = shop.accept("order/created")
    (second,) = shop.accept("order/paid")
    shop.run()

    assert len(api.requests) == 1
    assert shop.harness.record(first).attempts + shop.harness.record(second).attempts == 1
    assert LookupQueue(redis).reserve("tiendanube", 1, 5) == pytest.approx(40, abs=2)
    assert redis.zcard(LOOKUPS) == 2


def test_without_credentials_it_waits_and_is_adopted_when_there_are_some(bench, api, redis):
    shop = bench("tiendanube", api.url)
    able, shop.source = shop.source, replace(shop.source, credentials={})
    shop.accept("order/created")
    assert redis.zcard(LOOKUPS) == 0
    shop.source = able

    assert shop.lookups.adopt() == 1
    shop.run()
    assert len(api.requests) == 1


@pytest.mark.parametrize("thing_id", ["../../admin", "1/2", "1?x=1", "%2e%2e", "1 2", "x" * 99])
def test_an_id_of_another_form_is_not_asked_for(bench, api, redis, thing_id):
    shop = bench("tiendanube", api.url)
    (record_id,) = shop.accept("order/created")
    reasons = f'{{"lookup":{{"kind":"order","id":"{thing_id}","shop":"1"}}}}'
    redis.hset(f"relay:record:{record_id}", "reasons", reasons)
    shop.run()

    assert shop.harness.record(record_id).reason == "lookup_id"
    assert api.requests == []


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1", "https://10.0.0.1", "https://169.254.169.254", "http://192.0.2.1"],
)
def test_an_address_of_a_network_of_ours_is_not_asked(bench, url):
    shop = bench("tiendanube", url)
    (record_id,) = shop.accept("order/created")
    shop.run()
    assert shop.harness.record(record_id).reason == "lookup_address"


def test_a_redirect_is_not_followed(bench, api):
    with HttpStub() as elsewhere:
        api.answers(answer(302, Location=elsewhere.url))
        shop = bench("tiendanube", api.url)
        (record_id,) = shop.accept("order/created")
        shop.run()
        assert elsewhere.requests == []
    assert shop.harness.record(record_id).reason == "lookup_http_302"


def test_an_answer_that_drips_ends_in_time(bench, api, monkeypatch):
    """Each byte of its head comes within the time-out of a socket."""

    def drip(connection: socket.socket) -> bool:
        with suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
        return False

    monkeypatch.setattr("worker.platform_api._WITHIN_S", 0.3)
    api.answers(drip)
    shop = bench("tiendanube", api.url)
    (record_id,) = shop.accept("order/created")
    started_at = time.monotonic()
    shop.run()

    assert time.monotonic() - started_at < 30
    assert shop.harness.record(record_id).attempts == 1


def test_nothing_secret_is_in_what_is_logged(bench, api, capsys):
    api.answers(answer(500, b'{"message": "ana@example.com"}'))
    shop = bench("tiendanube", api.url)
    shop.accept("order/created")
    shop.run()
    text = capsys.readouterr().out

    assert "lookup.made" in text
    assert "throw-away" not in text
    assert "ana@example.com" not in text


@pytest.mark.parametrize(("platform", "name"), THIN, ids=[f"{p}/{n}" for p, n in THIN])
def test_every_thin_sample_is_looked_up_whole(bench, standin_server, platform, name):
    """With the answers in `relay/samples/<platform>/api.json`: nothing waits, nothing is held."""
    shop = bench(platform, f"{standin_server.url}/_platforms/{platform}")
    record_ids = shop.accept(name)
    shop.run()

    for record_id in record_ids:
        record = shop.harness.ledger.get(record_id)
        if platform in NAMING_NOBODY:
            assert record is None
        elif record is not None:  # none is left of what tells nothing new
            assert record.state is State.ACCEPTED, record.reason
            assert "ana@example.com" in (record.customer.email, *record.body.values())
            assert len(record.body["notes"]) > 20
