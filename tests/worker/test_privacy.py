"""Privacy requests of platforms are carried out: once for each person, at leisure, for many at once."""

import json
import threading
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from relay.model import Call, Customer, Held, State
from relay.pipeline import process
from relay.store.keys import PRIVACY
from relay.store.people import People
from relay.store.person import Person
from relay.store.privacy import AT_ONCE, PrivacyRequests, Worked
from relay.store.pseudonyms import Pseudonyms
from tests import senders
from tests.waiting import eventually
from tests.worker.factories import PERSONAL, call, signals_kept
from tests.worker.test_forget import BODY, EVA, TRACES, everything, of_eva, traces
from worker import process as worker_process
from worker.privacy import PrivacyWatch

pytestmark = pytest.mark.usefixtures("environment")
SHOP = {"shop_id": 954889, "shop_domain": "tienda-ejemplo.myshopify.com"}
WHO = {"id": 1, "email": EVA.email, "phone": EVA.phone}


@pytest.fixture
def requests(harness, settings, relay):
    return PrivacyRequests(harness.ledger, Pseudonyms.open(settings, relay.destinations))


@pytest.fixture
def shop(relay):
    return replace(relay.sources["shopify"], secrets=(senders.SECRETS["shopify"],))


def ask(harness, source, topic: str, body: object, **changes) -> str:
    """The id of what is held of a signed request."""
    content = json.dumps(body).encode()
    headers = {"x-shopify-topic": topic, "x-shopify-shop-domain": SHOP["shop_domain"]}
    signed = senders.signed("shopify", headers, content)
    request = senders.delivery(signed, content)
    items = process(request, replace(source, **changes), senders.NOW)
    (record_id,) = harness.intake.accept(request, source, items, senders.NOW).ids
    return record_id


def redact(harness, source, customer=WHO, **changes) -> str:
    body = {**SHOP, "customer": customer, "orders_to_redact": [len(everything(harness.redis))]}
    return ask(harness, source, "customers/redact", body, **changes)


def test_nothing_of_who_asked_to_be_forgotten_is_left(harness, requests, shop):
    raw = json.dumps({"email": EVA.email, "phone": EVA.phone}).encode()
    harness.keep(of_eva("open"), Held("orders/paid", "k", "unreadable", {}, raw))
    other = harness.keep_one(call("other"))
    redact(harness, shop)
    assert traces(harness)
    before = {key for key in harness.redis.scan_iter() if b":seen:" not in key}

    worked = requests.work_off()

    assert traces(harness) == []
    assert (worked.forgotten, worked.listed) == (1, 0)
    assert worked.records == {"accepted": 1, "held": 1}
    assert worked.read == 4
    assert harness.record(other).state is State.ACCEPTED
    assert harness.redis.exists(PRIVACY) == 0
    after = set(harness.redis.scan_iter())
    assert not (after - before) & {b"relay:privacy", b"relay:privacy:lock"}
    assert requests.work_off() == Worked()


@pytest.mark.slow
def test_burst_is_worked_off_in_one_pass_and_a_person_looked_for_once(
    harness, requests, shop, monkeypatch
):
    for number in range(40):
        address = f"burst-{number % 10}@example.com"
        harness.keep(call(f"order-{number}", customer=Customer(email=address), body={"notes": "x"}))
        redact(harness, shop, {"id": number, "email": address})
    kept = harness.keep_one(call("kept"))
    looked_for = []
    monkeypatch.setattr(
        "relay.store.privacy.People", lambda people: looked_for.extend(people) or People(people)
    )

    worked = requests.work_off()

    assert len(looked_for) == 10
    assert (worked.forgotten, worked.read) == (40, 81)
    assert worked.records == {"accepted": 40}
    assert b"burst-" not in everything(harness.redis)
    assert harness.record(kept).state is State.ACCEPTED


def test_more_than_one_pass_takes_wait_for_the_next(harness, requests, shop, monkeypatch):
    monkeypatch.setattr("relay.store.privacy.AT_ONCE", 2)
    assert AT_ONCE > 100
    for number in range(3):
        redact(harness, shop, {"id": number, "email": f"next-{number}@example.com"})

    assert [requests.work_off().forgotten for _ in range(3)] == [2, 1, 0]


def test_only_one_pass_at_a_time(harness, requests, shop):
    redact(harness, shop)
    with harness.redis.lock("relay:privacy:lock", timeout=60):
        assert requests.work_off() == Worked()
        assert len(requests) == 1

    assert requests.work_off().forgotten == 1


def test_pass_that_breaks_off_is_made_again(harness, requests, shop, monkeypatch):
    harness.keep(of_eva("one"), of_eva("two"))
    redact(harness, shop)
    with monkeypatch.context() as broken:
        broken.setattr(requests._eraser, "uncache", lambda _keys: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            requests.work_off()
    assert len(requests) == 1

    assert requests.work_off().forgotten == 1
    assert traces(harness) == []


def test_request_that_a_person_has_seen_to_is_left_alone(harness, requests, shop, forget):
    harness.keep(of_eva("one"))
    discarded = redact(harness, shop)
    harness.ledger.discard(harness.record(discarded))

    assert requests.work_off() == Worked()
    assert harness.record(discarded).state is State.DISCARDED
    redact(harness, shop)
    forget(EVA.email)
    assert len(requests) == 0


@pytest.mark.parametrize("customer", [WHO, {"id": 1}])
def test_what_a_person_decides_is_not_worked_off(harness, requests, shop, customer):
    harness.keep(of_eva("one"))
    source = replace(shop, on_redaction="hold")
    held = redact(harness, source, customer)

    assert len(requests) == 0
    assert requests.work_off() == Worked()
    assert harness.record(held).reason == "privacy_redaction"
    assert traces(harness)


def test_who_asks_for_their_data_has_them_listed(harness, requests, shop):
    delivered = harness.keep_one(of_eva("one"))
    harness.deliver(delivered)
    waiting = harness.keep_one(of_eva("two"))
    harness.keep_one(call("other"))
    body = {**SHOP, "customer": WHO, "data_request": {"id": 1}}
    notice = ask(harness, shop, "customers/data_request", body)

    worked = requests.work_off()

    record = harness.record(notice)
    assert (worked.listed, worked.forgotten, worked.records) == (1, 0, {})
    assert (record.state, record.reason) == (State.HELD, "privacy_request")
    states = sorted(harness.record(each).state.value for each in (delivered, waiting))
    assert record.reasons["kept"] == ", ".join(f"{state}: 1" for state in states)
    assert record.reasons["events"] == sorted([delivered, waiting])
    assert len(requests) == 0


def test_all_of_a_shop_goes_and_nothing_of_another(harness, requests, shop, relay):
    def accept(key: str, source, domain: str) -> str:
        made = replace(call(key, customer=EVA, body=BODY), raw=b'{"id":1}')
        headers = {"x-shopify-shop-domain": domain}
        (record_id,) = harness.accept(made, source=source, headers=headers).ids
        return record_id

    other_source = relay.sources["woocommerce"]
    ours = accept("ours", shop, SHOP["shop_domain"])
    others = accept("others", shop, "otra-tienda.myshopify.com")
    elsewhere = accept("elsewhere", other_source, SHOP["shop_domain"])
    notice = ask(harness, shop, "shop/redact", SHOP)

    worked = requests.work_off()

    assert worked.records == {"accepted": 1}
    assert [bool(harness.ledger.get(one)) for one in (ours, others, elsewhere, notice)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_many_people_are_found_as_each_alone_would_be(harness):
    people = [
        Person(phone="+593987654321"),
        Person(phone="+5215512345678"),
        Person(email="eva.de.prueba@example.com"),
        Person(email="ana@example.com"),
        Person(email="o'brien{x}@example.com"),
        Person(email="ñandú@example.com"),
    ]
    texts = [
        "098-765 (43) 21", "0987654321", "+52 55 1234 5678", "10987654321", "555 1234 5678",
        "EVA.DE.PRUEBA@example.com", "mariana@example.com", "foo@ana@example.com", "<ana@example.com>",
        "ana@example.com.ec", "ana@example.com.", "O'Brien{x}@Example.com", "ÑANDÚ@example.com",
        "ana%40example.com", "YW5hQGV4YW1wbGUuY29t plus more", "nobody",
    ]  # fmt: skip
    index, hits = People(people), 0
    for number, text in enumerate(texts):
        record = harness.record(harness.keep_one(call(f"k-{number}", body={"notes": text})))

        found = index.named_in(record)
        assert set(found) == {person for person in people if person.is_named_in(record)}
        hits += len(found)
    assert hits >= 10


def test_what_is_logged_are_counts(harness, requests, shop):
    harness.keep(of_eva("one"))
    redact(harness, shop)
    watch = PrivacyWatch(requests, look_every_s=0.01, pause_s=0.01)
    thread = threading.Thread(target=watch.run)

    with capture_logs() as logged:
        thread.start()
        assert eventually(lambda: len(requests) == 0 and logged)
        watch.stop()
        thread.join()

    assert [line["event"] for line in logged] == ["privacy.worked_off"]
    assert (logged[0]["forgotten"], logged[0]["records_deleted"]) == (1, {"accepted": 1})
    told = repr(logged)
    assert not [trace for trace in TRACES if trace.decode() in told]
    assert SHOP["shop_domain"] not in told
    assert not [text for text in PERSONAL if text in told]


def test_bug_ends_nothing_and_names_nobody(harness, requests, shop, monkeypatch):
    harness.keep(of_eva("one"))
    redact(harness, shop)
    real, calls = requests.work_off, []

    def fails_once():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError(EVA.email)
        return real()

    monkeypatch.setattr(requests, "work_off", fails_once)
    watch = PrivacyWatch(requests, look_every_s=0.01, pause_s=0.01)
    thread = threading.Thread(target=watch.run)

    with capture_logs() as logged:
        thread.start()
        assert eventually(lambda: len(requests) == 0)
        watch.stop()
        thread.join()

    assert logged[0]["event"] == "privacy.crashed"
    assert EVA.email not in repr(logged)
    assert traces(harness) == []


def test_worker_does_so_by_itself(harness, shop, settings, monkeypatch):
    monkeypatch.setattr(
        PrivacyWatch.__init__, "__kwdefaults__", {"look_every_s": 0.05, "pause_s": 0.05}
    )
    held = Held("orders/paid", "k", "unreadable", {}, json.dumps({"email": EVA.email}).encode())
    harness.keep(held)
    redact(harness, shop)
    parts = []

    def work(worker, **_options):
        parts.extend(worker._parts)
        assert eventually(lambda: traces(harness) == [])

    monkeypatch.setattr("worker.relay_worker.RelayWorker.work", work)
    with signals_kept():
        worker_process.run(settings)

    assert [part.name for part in parts] == ["privacy"]
    assert eventually(lambda: not parts[0].is_alive())


def test_call_of_somebody_alike_stays(harness, requests, shop):
    alike: Call = call("alike", customer=Customer(email="x" + EVA.email), body={"notes": "x"})
    record_id = harness.keep_one(alike)
    redact(harness, shop, {"id": 1, "email": EVA.email})

    requests.work_off()

    assert harness.record(record_id).state is State.ACCEPTED
