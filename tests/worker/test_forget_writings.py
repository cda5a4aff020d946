"""Forgetting a person: in whatever writing a body names them, and nobody who is only alike."""

import json
import time
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from relay.model import Customer, Held, State, Waiting
from relay.store.erase import Eraser
from relay.store.person import Person
from tests.worker.factories import call
from tests.worker.test_forget import EVA, of_eva
from worker.attempt import attempt_delivery

pytestmark = pytest.mark.usefixtures("environment")


def held_body(raw: bytes) -> Held:
    return Held("orders/paid", "k", "unreadable", {}, raw)


@pytest.mark.parametrize(
    "near",
    [
        "mieva.de.prueba@example.com",
        "x-eva.de.prueba@example.com",
        "eva.de.prueba@example.com.ec",
        "eva.de.prueba@example.community",
    ],
)
def test_somebody_with_a_similar_address_stays(near, harness, forget):
    event = call("1", customer=Customer(email=near), body={"email": near})
    (accepted,) = harness.keep(event)
    forget(EVA.email)
    assert harness.ledger.get(accepted)


@pytest.mark.parametrize("digits", ["5987654321", "59398765432100", "1593987654321001"])
def test_a_longer_number_is_another(digits, harness, forget):
    (kept,) = harness.keep(held_body(json.dumps({"id": int(digits)}).encode()))
    forget(EVA.phone)
    assert harness.ledger.get(kept)


@pytest.mark.parametrize(
    "raw",
    [
        urlencode({"email": EVA.email}).encode(),
        urlencode({"events": json.dumps([{"to": "\n" + EVA.email}])}).encode(),
        b'{"email":"eva.de.prueba\\u0040example.com"}',
        b'{"text":"from\\neva.de.prueba@example.com."}',
        b"<b>eva.de.prueba&#64;example.com</b>",
        '{"email":"eva.de.prueba@example.com"}'.encode("utf-16"),
        b64encode(b'{"id":1,"email":"eva.de.prueba@example.com"}'),
        b'{"email":"EVA.DE.PRUEBA@EXAMPLE.COM"}',
    ],
    ids=["form", "json in a form", "escaped", "line", "html", "utf-16", "base64", "upper case"],
)
def test_an_address_is_found_in_any_writing(raw, harness, forget):
    (kept,) = harness.keep(held_body(raw))
    forget(EVA.email)
    assert harness.ledger.get(kept) is None


@pytest.mark.parametrize(
    ("phone", "written"),
    [
        ("+50766123456", "6612-3456"),
        ("+59899123456", "099 123 456"),
        ("+525512345678", "+52 1 55 1234 5678"),
        ("+593987654321", "(09) 8765-4321"),
        ("+593987654321", "+593 (0) 98 765 4321"),
        ("+593987654321", "00593987654321"),
        ("+593987654321", "593987654321"),
    ],
)
def test_a_number_is_found_as_it_is_written_at_home_and_abroad(phone, written, harness, forget):
    (kept,) = harness.keep(held_body(json.dumps({"phone": written}).encode()))
    forget(phone)
    assert harness.ledger.get(kept) is None


def test_what_a_worker_has_in_its_hands_leaves_nothing(harness, forget):
    record_id = harness.keep_one(of_eva("one"))
    (task,) = harness.service.read_tasks([record_id])
    forget(EVA.email)
    attempt_delivery(task)
    harness.service.record_attempts([task])
    assert not harness.redis.exists(f"relay:record:{record_id}")
    assert list(harness.ledger.ids(list(State))) == []


def test_cached_ids_go_whatever_the_case_of_the_address(harness, forget, standin):
    customer = replace(EVA, email="Eva.De.Prueba@example.com")
    standin.add_customer(phone=EVA.phone, email=EVA.email)
    harness.keep_one(call("one", customer=customer))
    harness.run_jobs()
    assert harness.redis.keys("relay:customer:*")
    forget(EVA.email)
    assert harness.redis.keys("relay:customer:*") == []


def test_what_becomes_due_meanwhile_goes_too(harness, forget, monkeypatch):
    """An entry that is promoted between the two looks is seen by the second."""
    due_at = datetime.now(UTC) - timedelta(seconds=1)
    harness.keep(Waiting(of_eva("waits"), "cart-1", due_at))
    found = Eraser.waiting

    def found_and_promoted(*args):
        entries = found(*args)
        assert harness.intake.promote_waiting(10)
        return entries

    monkeypatch.setattr(Eraser, "waiting", found_and_promoted)
    forget(EVA.email)
    assert list(harness.ledger.ids(list(State))) == []


@pytest.mark.slow
@pytest.mark.parametrize("junk", ["\\" * 1_000_000, "0 (" * 300_000, "a" * 1_000_000, "=" * 10**6])
def test_no_body_takes_long(junk, harness):
    (kept,) = harness.keep(held_body(junk.encode()))
    record = harness.ledger.get(kept)
    began_at = time.process_time()
    assert not Person(phone=EVA.phone).is_named_in(record)
    assert not Person(email=EVA.email).is_named_in(record)
    assert time.process_time() - began_at < 2
