"""Look-ups that come to nothing: which are made again and when, and what is not asked at all."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate

import pytest

from relay.cli.labels import outcome_text
from relay.inbound import samples
from relay.inbound.lookups import Read, unsigned
from relay.model import State
from relay.operations import replay
from relay.platforms import discovered
from relay.store.keys import LOOKUPS
from relay.store.lookups import LookupQueue
from tests.platform_samples import request_of, source_of
from tests.waiting import eventually
from tests.worker.factories import Harness
from tests.worker.http_stub import HttpStub, answer, drip, hang_up, reset
from tests.worker.lookup_bench import Bench, credentials
from worker import lookups
from worker.lookups import Lookups
from worker.platform_api import LookupFailed, PlatformApi

WITH_API = {name: one for name, one in discovered().items() if one.api}
ODD_IDS = ["../../admin", "1/2", "1?x=1", "%2e%2e", "1 2", "x" * 99]
ORDER_OF_SHOPIFY = json.dumps(
    next(
        value
        for name, value in json.loads((samples.FOLDER / "shopify/api.json").read_text()).items()
        if name.startswith("GET")
    )
).encode()


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[HttpStub]:
    with HttpStub() as stub:
        yield stub


def http_date(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


@pytest.fixture
def bench(harness: Harness) -> Callable[..., Bench]:
    def make(platform: str, api_url: str) -> Bench:
        return Bench(harness, credentials(source_of(platform), api_url))

    return make


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


@pytest.mark.parametrize("name", sorted(WITH_API))
def test_what_an_api_says_of_its_pace_is_obeyed(harness, redis, api, name):
    """Each in the headers and units of its own."""
    source = source_of(name)
    declared = source.platform.api
    queue = LookupQueue(redis)
    asking = PlatformApi(queue, user_agent="test")
    in_20_s = {"retry-after": "20.0", **{
        header: f"{20 / unit:.0f}" for header, unit in declared.wait_headers.items()
    }}  # fmt: skip
    for header, text in {**in_20_s, "Retry-After": http_date(20), "": ""}.items():
        redis.flushall()
        api.answers(answer(429, **({header.replace("-", "_"): text} if header else {})))
        source = replace(source, credentials=credentials(source, api.url).credentials)
        values = {**declared.defaults, **source.credentials, "access_token": "x"}
        with pytest.raises(LookupFailed) as caught:
            asking.read(source, replace(declared, sign=unsigned), Read("/1"), values)
        expected = 20 if header else 60
        assert caught.value.reason == "lookup_rate"
        assert caught.value.wait_s == pytest.approx(expected, abs=2)
        # Whoever asks for this source next, in whichever process.
        assert LookupQueue(redis).reserve(name, 1, 5) == pytest.approx(expected, abs=2)
        assert LookupQueue(redis).reserve("another", 1, 5) == 0


def test_workers_share_the_pace_of_an_api(redis):
    """Ten requests a second for both, and for each source of its own."""
    queues = [LookupQueue(redis), LookupQueue(redis)]
    waits = [queues[number % 2].reserve("tiendanube", 0.1, 5) for number in range(20)]

    assert waits == pytest.approx([number / 10 for number in range(20)], abs=0.2)
    assert queues[0].reserve("shopify", 0.1, 5) == 0


def test_a_token_is_asked_for_at_the_pace_of_its_api(bench, api, redis):
    api.answers(answer(429, retry_after="30"))
    shop = bench("shopify", api.url)
    (record_id,) = shop.accept("refunds/create")
    for _ in range(3):
        redis.zadd(LOOKUPS, {record_id: 0}, xx=True)
        shop.run()

    assert [request.path for request in api.requests] == ["/oauth/access_token"]
    (entry,) = shop.harness.ledger.attempts(record_id)
    assert (entry["reason"], entry["retry_in_s"]) == ("lookup_rate", 30)


def test_what_is_busy_is_asked_again_when_it_says(bench, api):
    api.answers(answer(503, retry_after="90"))
    shop = bench("tiendanube", api.url)
    (record_id,) = shop.accept("order/created")
    shop.run()
    (entry,) = shop.harness.ledger.attempts(record_id)
    assert (entry["reason"], entry["retry_in_s"]) == ("lookup_http_503", 90)


@pytest.mark.parametrize(
    ("first", "then", "reason", "asked"),
    [
        # A token that was revoked is renewed once, and the look-up goes on.
        (answer(401), None, "", 4),
        (answer(401), answer(401), "lookup_credentials", 4),
        (answer(403), None, "lookup_forbidden", 2),
    ],
)
def test_a_token_that_is_refused_is_renewed_once(bench, api, first, then, reason, asked):
    token = answer(200, b'{"access_token": "throw-away", "expires_in": 3600}')
    order = answer(200, ORDER_OF_SHOPIFY)
    api.answers(token, first, token, then or order)
    shop = bench("shopify", api.url)
    (record_id,) = shop.accept("refunds/create")
    shop.run()

    assert len(api.requests) == asked
    record = shop.harness.record(record_id)
    assert record.state is (State.AWAITING_LOOKUP if reason else State.ACCEPTED)
    assert not reason or record.reason == reason


@pytest.mark.parametrize(
    ("platform", "topic", "reason"),
    [
        ("mercadolibre", "orders_v2", "lookup_reconnect"),
        ("paypal", "PAYMENT.CAPTURE.COMPLETED", "lookup_credentials"),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_grant_that_is_refused_waits_for_a_person(bench, api, platform, topic, reason, status):
    api.answers(answer(status, b'{"error": "invalid_grant"}'))
    shop = bench(platform, api.url)
    (record_id,) = shop.accept(topic)
    shop.run()

    assert shop.harness.record(record_id).reason == reason
    assert outcome_text(reason) != reason  # says what to do
    assert len(api.requests) == 1


@pytest.mark.parametrize("trouble", [hang_up, reset])
def test_a_connection_that_breaks_is_tried_again(bench, api, redis, trouble):
    api.answers(trouble)
    shop = bench("tiendanube", api.url)
    (record_id,) = shop.accept("order/created")
    shop.run()

    (entry,) = shop.harness.ledger.attempts(record_id)
    assert (entry["reason"], entry["status"]) == ("lookup_no_answer", 0)
    assert entry["retry_in_s"] > 0
    assert redis.zcard(LOOKUPS) == 1


@pytest.mark.parametrize("thing_id", ODD_IDS)
def test_an_id_of_another_form_is_not_asked_for(bench, api, redis, thing_id):
    shop = bench("tiendanube", api.url)
    (record_id,) = shop.accept("order/created")
    reasons = f'{{"lookup":{{"kind":"order","id":"{thing_id}","shop":"1"}}}}'
    redis.hset(f"relay:record:{record_id}", "reasons", reasons)
    shop.run()

    assert shop.harness.record(record_id).reason == "lookup_id"
    assert api.requests == []


@pytest.mark.parametrize(
    ("platform", "kind"),
    [(name, kind) for name, one in WITH_API.items() for kind in one.lookups],
)
def test_ids_of_a_platform_have_a_form_that_cannot_leave_its_path(platform, kind):
    pattern = WITH_API[platform].lookups[kind].id_pattern
    for thing_id in (*ODD_IDS, "", ".", "..", "1#x", "1;x", "1\n", "é", "1\x00", "-" * 99):
        assert not re.fullmatch(pattern, thing_id), (pattern, thing_id)
    assert re.fullmatch(pattern, "1042") or re.fullmatch(
        pattern, "123e4567-e89b-12d3-a456-426614174000"
    )


def test_a_name_that_leads_into_a_network_of_ours_is_not_asked(bench, monkeypatch):
    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, 443)) for address in ("203.0.113.9", "10.0.0.1")]

    monkeypatch.setattr("relay.addresses.socket.getaddrinfo", resolve)
    shop = bench("tiendanube", "https://api.tiendanube.example")
    (record_id,) = shop.accept("order/created")
    shop.run()
    assert shop.harness.record(record_id).reason == "lookup_address"


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1", "https://10.0.0.1", "https://172.16.0.1", "https://192.168.1.1",
        "https://169.254.169.254", "http://192.0.2.1", "https://100.64.0.1", "https://0.0.0.0",
        "https://[fe80::1]", "https://[fd00::1]", "https://[::ffff:10.0.0.1]", "https://[::]",
        "https://224.0.0.1", "https://127.0.0.2", "https://2130706433", "ftp://203.0.113.9",
    ],
)  # fmt: skip
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

    monkeypatch.setattr("worker.platform_api._WITHIN_S", 0.3)
    api.answers(drip)
    shop = bench("tiendanube", api.url)
    (record_id,) = shop.accept("order/created")
    started_at = time.monotonic()
    shop.run()

    assert time.monotonic() - started_at < 30
    assert shop.harness.record(record_id).attempts == 1


@pytest.mark.slow
def test_a_platform_that_does_not_answer_holds_up_no_other(bench, api, standin_server):
    """Many of its notices came before the one of another shop."""
    goes_on, asked = threading.Event(), threading.Semaphore(0)

    def hang(_connection: socket.socket) -> bool:
        asked.release()
        goes_on.wait(20)
        return False

    api.answers(hang)
    slow = bench("tiendanube", api.url)
    slow.source = replace(slow.source, name="slow")
    quick = bench("tiendanube", f"{standin_server.url}/_platforms/tiendanube")
    sources = {"slow": slow.source, "tiendanube": quick.source}
    both = Lookups(slow.harness.ledger, slow.harness.intake, sources, user_agent="test")
    notice = request_of("tiendanube", "order/created")
    for number in range(3 * lookups.AT_ONCE):
        body = json.dumps(json.loads(notice.body) | {"id": number}).encode()
        slow.accept("order/created", replace(notice, body=body))
    thread = threading.Thread(target=both.run)
    thread.start()
    try:
        for _ in range(lookups.OF_ONE_SOURCE):
            assert asked.acquire(timeout=20)
        (record_id,) = quick.accept("order/created")
        assert eventually(lambda: quick.harness.record(record_id).state is State.ACCEPTED)
        assert len(api.requests) == lookups.OF_ONE_SOURCE
    finally:
        both.stop()
        goes_on.set()
        thread.join(20)
