"""Standard Webhooks: header prefix, encoding of the key, places of the contact."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import pytest
import senders

from relay.errors import STALE, Refused
from relay.model import Call, Held, Ignored
from relay.pipeline import process

PLAIN = "a secret that is used as it is written"


def request(body: object, prefix: str = "webhook", key: bytes = b"", message_id: str = "msg_1"):
    """A signed delivery under either name of the headers, with any key."""
    raw = json.dumps(body).encode()
    secret = senders.SECRETS["standard_webhooks"].removeprefix("whsec_")
    timestamp = f"{senders.NOW.timestamp():.0f}"
    message = f"{message_id}.{timestamp}.".encode() + raw
    digest = hmac.new(key or base64.b64decode(secret), message, hashlib.sha256).digest()
    values = {
        "id": message_id,
        "timestamp": timestamp,
        "signature": "v1," + base64.b64encode(digest).decode(),
    }
    return senders.delivery({f"{prefix}-{name}": value for name, value in values.items()}, raw)


def translated(delivery, **source):
    (item,) = process(delivery, senders.source_of("standard_webhooks", **source), senders.NOW)
    return item


def created(**data: object):
    return {"type": "contact.created", "timestamp": "2026-11-02T15:00:00Z", "data": data}


ANA = {"email": "ana@example.com"}


@pytest.mark.parametrize("options", ["", 'prefix = "svix"'])
@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_either_name_of_the_headers_is_read_at_any_source_and_its_id_is_the_key(prefix, options):
    one = translated(request(created(**ANA), prefix), options=options)
    again = translated(request(created(**ANA, more="later"), prefix), options=options)
    other = translated(request(created(**ANA), prefix, message_id="msg_2"), options=options)
    assert isinstance(one, Call)
    assert one.key == again.key != other.key


def test_id_that_was_not_signed_makes_no_other_key():
    """Whoever captured one request could otherwise send it again and again under another id."""
    signed = request(created(**ANA), "svix")
    forged = replace(signed, headers={**signed.headers, "webhook-id": "msg_forged"})
    assert translated(forged).key == translated(signed).key


def test_plain_text_key_is_used_as_it_is_written():
    source = {"options": 'key = "utf8"', "secrets": (PLAIN,)}
    assert isinstance(translated(request(created(**ANA), key=PLAIN.encode()), **source), Call)


def test_secret_without_its_prefix_is_the_same_secret():
    bare = senders.SECRETS["standard_webhooks"].removeprefix("whsec_")
    assert isinstance(translated(request(created(**ANA)), secrets=(bare,)), Call)


def test_message_id_is_the_key():
    one = translated(request(created(**ANA)))
    again = translated(request(created(**ANA, changed=True)))
    other = translated(request(created(**ANA), message_id="msg_2"))
    assert one.key == again.key != other.key


@pytest.mark.parametrize(
    ("topic", "event_type"),
    [
        ("order.paid", "order.paid"),
        ("contact.created", "customer.created"),
        ("user.created", "customer.created"),
        ("email.bounced", "email.bounced"),
    ],
)
def test_known_type_is_told(topic, event_type):
    assert translated(request({"type": topic, "data": ANA})).event_type == event_type


def test_unknown_type_is_ignored():
    item = translated(request({"type": "invoice.voided", "data": ANA}))
    assert item == Ignored("invoice.voided", "unknown_topic")


@pytest.mark.parametrize("body", [{"data": ANA}, {"type": None, "data": ANA}, {"type": ""}])
def test_body_without_a_type_is_held(body):
    item = translated(request(body))
    assert isinstance(item, Held)
    assert "type" in item.reasons


@pytest.mark.parametrize(
    "data",
    [
        {"email": "ana@example.com", "phone": "+593999000001", "first_name": "Ana"},
        {"customer": {"email": "ana@example.com", "phone_number": "+593999000001", "name": "Ana"}},
        {"contact": {"email": "ana@example.com", "mobile": "+593999000001", "firstName": "Ana"}},
        {
            "user": {
                "email": "ana@example.com",
                "phone": "0999000001",
                "country": "EC",
                "name": "Ana",
            }
        },
        {"email": "ana@example.com", "buyer": {"phone": "+593999000001", "first_name": "Ana"}},
    ],
)
def test_contact_is_found_in_the_usual_places(data):
    customer = translated(request(created(**data))).customer
    assert (customer.email, customer.phone) == ("ana@example.com", "+593999000001")
    assert customer.first_name == "Ana"


def test_source_may_name_other_places():
    """As of a sender whose recipients are a list."""
    options = 'contact = { email = "data.to[0]" }\nfields = { subject = "data.subject" }'
    body = {"type": "email.bounced", "data": {"to": ["ana@example.com"], "subject": "Hola"}}
    item = translated(request(body), options=options)
    assert item.customer.email == "ana@example.com"
    assert item.body["notes"] == "Correo rebotado «Hola» (Standard Webhooks)"


def test_source_may_map_other_types():
    options = 'types = { "lead.won" = "form.submitted", "*" = "contact.updated" }'
    for topic, event_type in [("lead.won", "form.submitted"), ("lead.lost", "contact.updated")]:
        item = translated(request({"type": topic, "data": ANA}), options=options)
        assert item.event_type == event_type


def test_own_customer_id_needs_no_other_contact():
    item = translated(request(created(mercately_id="1713anaec1001")))
    assert item.customer.customer_id == "1713anaec1001"


@pytest.mark.parametrize(("more", "tolerance_s"), [("", 300), ('tolerance = "1m"', 60)])
@pytest.mark.parametrize("direction", [1, -1], ids=["past", "future"])
def test_time_is_held_to_the_sources_tolerance(more, tolerance_s, direction):
    source = senders.source_of("standard_webhooks", more)
    delivery = request(created(**ANA))
    assert process(delivery, source, senders.NOW + timedelta(seconds=direction * tolerance_s))
    beyond = senders.NOW + timedelta(seconds=direction * (tolerance_s + 1))
    with pytest.raises(Refused, match=STALE):
        process(delivery, source, beyond)
