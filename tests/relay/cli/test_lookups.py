"""What only names a thing (a refund of Shopify): stored, counted, and shown with what it needs."""

import json

import pytest

from relay.inbound import samples
from relay.model import State
from relay.store.lookups import LookupQueue
from relay.web.app import create_app


@pytest.fixture
def answer(settings, relay, redis):
    client = create_app(settings, relay, redis).test_client()
    request = samples.signed(relay.sources["shopify"], "refunds/create", "http://localhost")
    return client.post("/webhooks/shopify", data=request.body, headers=dict(request.headers))


def test_refund_is_stored_and_its_shop_is_answered(answer, service):
    (record_id,) = answer.json["ids"]
    assert (answer.status_code, answer.json["status"]) == (200, "accepted")
    assert answer.json["reasons"] == [{"topic": "refunds/create", "reason": "needs_order"}]
    record = service.ledger.get(record_id)
    assert (record.state, record.event_type) == (State.AWAITING_LOOKUP, "order.refunded")
    lookup = {"kind": "order", "id": "6120000001038", "shop": "tienda.myshopify.com"}
    assert record.reasons["lookup"] | {"id": lookup["id"]} == lookup
    assert json.loads(record.raw)["order_id"] == int(record.reasons["lookup"]["id"])


def test_refund_is_listed_counted_and_shown(answer, run):
    (record_id,) = answer.json["ids"]
    listed = run("events", "--state", "awaiting_lookup").output
    assert record_id in listed
    assert "needs_order" in listed
    assert "shopify:awaiting_lookup 1" in listed
    assert "needs_order" in run("events", "--causes").output
    shown = json.loads(run("show", record_id).output)
    assert (shown["state"], shown["reason"]) == ("awaiting_lookup", "needs_order")
    assert shown["reasons"]["lookup"]["kind"] == "order"
    number = shown["reasons"]["lookup"]["id"]
    assert record_id in run("events", number).output


def test_replay_says_what_a_refund_still_needs(answer, run, redis):
    (record_id,) = answer.json["ids"]
    assert f"{record_id}: needs_order" in run("replay", record_id, "--yes").output
    spanish = run("replay", record_id, "--yes", RELAY_LANGUAGE="es").output
    assert f"{record_id}: needs_order · falta consultarlo en la plataforma" in spanish
    assert redis.keys("rq:job:*") == []


@pytest.mark.parametrize(
    ("language", "words"), [("en", "connect the shop again"), ("es", "conecte de nuevo la tienda")]
)
def test_causes_say_at_a_terminal_what_a_person_has_to_do(
    answer, service, run, monkeypatch, language, words
):
    (record_id,) = answer.json["ids"]
    queue = LookupQueue(service.ledger.redis)
    record = service.ledger.get(record_id)
    queue.failed(record, "lookup_reconnect", retry_in_s=None, status=400, took_s=0.1)
    piped = run("events", "--causes", RELAY_LANGUAGE=language).stdout.rstrip("\n")
    assert piped.split("\t")[1:4] == ["awaiting_lookup", "shopify", "lookup_reconnect"]

    monkeypatch.setattr("relay.cli.listing.at_terminal", lambda: True)
    shown = run("events", "--causes", RELAY_LANGUAGE=language).stdout
    assert f"lookup_reconnect · {words}" in shown
