"""Look-ups: from a notice that only names a thing to the call at Mercately."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import senders

from relay.devtools.standin import StandinServer
from relay.inbound import samples
from relay.inbound.contract import stored_request
from relay.inbound.when import WhenSchema
from relay.model import State
from relay.operations import replay
from relay.pipeline import translate
from relay.platforms import discovered
from relay.store.keys import LOOKUPS, OPEN
from tests.platform_samples import source_of
from tests.senders import NOW
from tests.waiting import LONG_S, eventually
from tests.worker.factories import Harness
from tests.worker.http_stub import HttpStub, answer
from tests.worker.lookup_bench import Bench, credentials

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


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[HttpStub]:
    with HttpStub() as stub:
        yield stub


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
    source = replace(shop.source, when=WhenSchema().load({"hold": "body.products"}))
    shop = Bench(shop.harness, source)
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


@pytest.mark.parametrize("static", [False, True])
def test_a_refund_that_names_its_order_only_is_told_once(bench, standin_server, static):
    """The update of the order tells of it too, when that comes first."""
    shop = bench("shopify", f"{standin_server.url}/_platforms/shopify")
    if static:  # a token of an app that was made in the shop's admin
        api_url = shop.source.credentials["api_url"]
        kept = {"store": "s", "access_token": "throw-away", "api_url": api_url}
        shop = Bench(shop.harness, replace(shop.source, credentials=kept))
    (record_id,) = shop.accept("refunds/create")
    shop.run()

    record = shop.harness.record(record_id)
    assert (record.state, record.event_type) == (State.ACCEPTED, "order.partially_refunded")
    assert record.customer.email == "ana@example.com"
    assert "$12,90" in record.body["notes"]
    assert "#1036" in record.body["notes"]

    ids = {"x-shopify-webhook-id": "2", "x-shopify-event-id": "2"}
    (again,) = shop.accept("", senders.sent("shopify", "refunds/create", **ids, note="2"))
    shop.run()
    assert shop.harness.ledger.get(again) is None
    assert len(shop.harness.ledger.list(list(State)).records) == 1


def test_what_was_read_is_parsed_again_from_the_record(shop):
    (record_id,) = shop.accept("order/created")
    shop.run()
    record = shop.harness.record(record_id)
    again = stored_request(record.headers, record.raw, NOW)
    (item,) = translate(again, replace(shop.source, credentials={}))

    (call,) = item.items
    assert call.customer == record.customer
    assert call.body == record.body


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


def test_without_credentials_it_waits_and_is_adopted_when_there_are_some(bench, api, redis):
    shop = bench("tiendanube", api.url)
    able, shop.source = shop.source, replace(shop.source, credentials={})
    shop.accept("order/created")
    assert redis.zcard(LOOKUPS) == 0
    shop.source = able

    assert shop.lookups.adopt() == 1
    shop.run()
    assert len(api.requests) == 1


def test_nothing_secret_is_in_what_is_logged(bench, api, capsys):
    api.answers(answer(500, b'{"message": "ana@example.com"}'))
    shop = bench("tiendanube", api.url)
    shop.accept("order/created")
    shop.run()
    text = capsys.readouterr().out

    assert "lookup.made" in text
    assert "throw-away" not in text
    assert "ana@example.com" not in text


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_lookup_under_way_ends_before_its_worker_does(bench, harness):
    """Its answer may have the only copy of a refresh token in it."""

    def slow(connection: socket.socket) -> bool:
        time.sleep(0.5)
        connection.sendall(answer(403))
        return False

    with HttpStub(slow) as api:
        shop = bench("tiendanube", api.url)
        (record_id,) = shop.accept("order/created")
        thread = threading.Thread(target=shop.lookups.run)
        thread.start()
        assert eventually(lambda: api.requests)
        shop.lookups.stop()
        thread.join(LONG_S)

    assert harness.record(record_id).reason == "lookup_forbidden"


def test_none_is_begun_after_the_stop(shop, redis):
    shop.accept("order/created")
    shop.lookups.stop()
    shop.lookups.run()

    ((_, due_at),) = redis.zrange(LOOKUPS, 0, -1, withscores=True)
    assert due_at < time.time() + 1  # not claimed
