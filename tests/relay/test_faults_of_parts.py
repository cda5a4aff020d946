"""A bug that one part of a batch meets concerns that part alone, and a part can be replayed."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import senders

from relay import pipeline
from relay.inbound import batch_order, declared, jmespath_reader
from relay.inbound.contract import PART, stored_request
from relay.inbound.results import Events, NeedsLookup
from relay.model import AwaitingLookup, Contact, Event, Held, Report, Resource
from relay.pipeline import flattened, translate
from relay.store.job_store import JobStore
from relay.store.ledger import Ledger
from relay.store.queue import open_queue

NOW = datetime(2026, 11, 2, tzinfo=UTC)


class Odd(Exception):
    pass


def bounce(number: int) -> dict[str, str]:
    email = f"p{number}@example.com"
    return {"email": email, "event": "bounce", "sg_event_id": f"e{number}", "reason": "full"}


def lead(number: int, **more: object) -> dict[str, object]:
    contact = {"email": f"p{number}@example.com"}
    return {"type": "lead.created", "id": f"l{number}", "contact": contact, **more}


def raises_for(monkeypatch, module, name: str, is_odd) -> None:
    """Has a function of a module raise where its first argument is odd."""
    function = getattr(module, name)

    def odd(first, *args, **named):
        if is_odd(first):
            raise Odd("p1@example.com")
        return function(first, *args, **named)

    monkeypatch.setattr(module, name, odd)


def kinds(items) -> list[str]:
    return [f"{type(item).__name__} {getattr(item, 'reason', '')}".strip() for item in items]


@pytest.mark.parametrize(
    ("platform", "module", "name", "part"),
    [
        ("sendgrid", declared, "_parse_part", bounce),
        ("generic", jmespath_reader, "_parse_part", lead),
    ],
)
def test_bug_while_one_part_is_parsed_holds_that_part(platform, module, name, part, monkeypatch):
    raises_for(
        monkeypatch, module, name, lambda first: "p1@" in str(getattr(first, "value", first))
    )
    body = json.dumps([part(number) for number in range(3)]).encode()
    items = translate(senders.delivery({}, body), senders.source_of(platform))
    assert kinds(items) == ["Call", "Held unreadable", "Call"]
    assert items[1].reasons == {"relay": "Odd while reading; please report it"}
    assert json.loads(items[1].raw) == part(1)


def source_of(*items):
    """A source whose platform parses anything as these items."""
    source = senders.source_of("shopify")
    parsed = replace(source.platform, parse=lambda *_: Events(items))
    return replace(source, platform=parsed)


def event(number: int, **changes) -> Event:
    contact = Contact(email=f"p{number}@example.com")
    raw = b"%d" % number
    return replace(Event("order.created", "t", f"k{number}", NOW, contact, raw=raw), **changes)


def of_thing(number: int) -> Event:
    return event(number, report=Report(resource=Resource("order", str(number))))


REQUEST = senders.delivery({}, b"[0, 1, 2]")


def test_bug_while_it_is_decided_what_is_new_holds_that_event(monkeypatch):
    raises_for(monkeypatch, pipeline, "decide", lambda report: report.resource.id == "1")
    items = flattened(translate(REQUEST, source_of(*map(of_thing, range(3)))))
    held = [item for item in items if isinstance(item, Held)]
    assert [(item.key, item.reason, item.raw) for item in held] == [("k1", "internal_error", b"1")]
    assert len(items) == 3


def test_unknown_type_of_what_is_to_be_looked_up_holds_that_part():
    notices = [
        NeedsLookup(Resource("order", str(n)), "t", f"k{n}", b"%d" % n, event_type)
        for n, event_type in enumerate(("order.created", "order.payed", "order.created"))
    ]
    source = replace(source_of(*notices), topics=())
    items = translate(REQUEST, source)
    assert [type(item) for item in items] == [AwaitingLookup, Held, AwaitingLookup]
    assert items[1].reasons == {"relay": "KeyError while mapping; please report it"}


def test_events_that_cannot_be_ordered_go_out_as_sent(monkeypatch):
    raises_for(monkeypatch, batch_order, "_by_stage", lambda _: True)
    items = translate(REQUEST, source_of(*map(event, (2, 0, 1))))
    assert [item.key for item in items] == ["k2", "k0", "k1"]


def test_unknown_type_holds_that_event():
    odd = event(1, type="order.payed")
    source = replace(source_of(event(0), odd, event(2)), topics=())
    assert kinds(translate(REQUEST, source)) == ["Call", "Held internal_error", "Call"]


@pytest.fixture
def jobs(redis, settings) -> JobStore:
    return JobStore.open(open_queue(redis, settings.queue), settings)


def test_part_with_a_list_like_the_batch_s_is_replayed_as_itself(jobs, redis, settings):
    """`events` fits the part's own list too, as where an order of a batch has items."""
    text = senders.OPTIONS["generic"].replace('events = "@"', 'events = "items"')
    source = senders.source_of("generic", options=text)
    source = replace(source, on_nobody="hold")
    lines = [{"sku": 1}, {"sku": 2}]
    nobody = {"type": "lead.created", "id": "l0", "items": lines}
    body = json.dumps({"items": [nobody, lead(1, items=lines)]}).encode()
    request = senders.delivery({}, body)
    items = translate(request, source)
    assert kinds(items) == ["Held no_customer", "Call"]
    receipt = jobs.accept(request, source, items, NOW)

    ledger = Ledger.open(redis, settings)
    for record_id, item in zip(receipt.ids, items, strict=True):
        record = ledger.get(record_id)
        stored = stored_request(record.headers, record.raw, NOW)
        assert record.headers[PART]
        assert kinds(translate(stored, source)) == kinds([item])


def test_whole_body_is_no_part(jobs, redis, settings):
    headers, body = senders.request_for("shopify", "orders_create")
    request = senders.delivery(headers, body)
    source = senders.source_of("shopify")
    receipt = jobs.accept(request, source, flattened(translate(request, source)), NOW)
    record = Ledger.open(redis, settings).get(receipt.ids[0])
    assert PART not in record.headers
