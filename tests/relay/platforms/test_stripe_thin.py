"""Stripe's thin events: they name an object of ours, or of something else."""

import json
from typing import Any

import pytest
import senders
from platform_samples import request_of, samples_of, source_of

from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, TOPIC
from relay.inbound.samples import FOLDER
from relay.model import AwaitingLookup, Call, Ignored, Resource
from relay.pipeline import flattened, process, translate
from relay.platforms.stripe import platform

SOURCE = source_of("stripe")
ANSWERS = json.loads((FOLDER / "stripe" / "api.json").read_text("utf-8"))
# Of stripe/stripe-python, tests/test_v2_event.py.
OF_A_METER = {
    "id": "evt_234",
    "object": "v2.core.event",
    "type": "v1.billing.meter.error_report_triggered",
    "livemode": True,
    "context": "acct_123",
    "created": "2022-02-15T00:27:45.330Z",
    "related_object": {
        "id": "mtr_123",
        "type": "billing.meter",
        "url": "/v1/billing/meters/mtr_123",
    },
    "reason": {"type": "request", "request": {"id": "foo", "idempotency_key": "bar"}},
}


def told(topic: str, path: str, **change: Any) -> list[str]:
    """What is told of an object of the samples that was read, with a change."""
    kind = platform.topics[topic].lookup
    body = {"data": {"object": {**ANSWERS[f"GET /v1/{path}"], **change}}}
    request = stored_request(
        {LOOKED_UP: kind, TOPIC: topic}, json.dumps(body).encode(), senders.NOW
    )
    return [
        one.event_type if isinstance(one, Call) else one.reason
        for one in flattened(translate(request, SOURCE))
    ]


def test_every_topic_has_a_thin_twin_that_is_looked_up():
    thick = {name for name in platform.topics if not name.startswith("v1.")}
    assert {f"v1.{name}" for name in thick} == {
        name for name, topic in platform.topics.items() if topic.lookup
    }
    assert all(platform.topics[f"v1.{name}"].type == platform.topics[name].type for name in thick)


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("v1_checkout_session_completed", Resource("session", "cs_live_a1Invented")),
        ("v1_checkout_session_expired", Resource("cart", "cs_live_a1Invented")),
        ("v1_charge_refunded", Resource("charge", "ch_3Invented0004")),
        ("v1_invoice_paid", Resource("invoice", "in_1Invented")),
        ("v1_customer_updated", Resource("customer", "cus_Invented")),
    ],
)
def test_thin_event_names_what_to_look_up(name, resource):
    (item,) = process(request_of("stripe", name), SOURCE, senders.NOW)
    assert isinstance(item, AwaitingLookup)
    assert item.resource == resource
    assert samples_of("stripe")[name].body == item.raw


def test_thin_event_of_something_else_is_ignored():
    request = senders.delivery({}, json.dumps(OF_A_METER).encode())
    signed = platform.scheme_for({}).sign(request, SOURCE.secrets[0], senders.NOW)
    (item,) = process(signed, SOURCE, senders.NOW)
    assert item == Ignored(str(OF_A_METER["type"]), "unknown_topic")


@pytest.mark.parametrize(
    ("topic", "path", "change", "expected"),
    [
        ("v1.charge.succeeded", "charges/ch_3Invented0004", {}, ["payment.approved"]),
        ("v1.invoice.paid", "invoices/in_1Invented", {}, ["subscription.renewed"]),
        (
            "v1.invoice.paid",
            "invoices/in_1Invented",
            {"billing_reason": "subscription_create"},
            ["subscription.created"],
        ),
        (
            "v1.checkout.session.completed",
            "checkout/sessions/cs_live_a1Invented",
            {"payment_status": "unpaid"},
            ["not_paid_yet"],
        ),
    ],
)
def test_what_was_read_is_told_as_if_it_had_been_sent(topic, path, change, expected):
    assert told(topic, path, **change)[: len(expected)] == expected
