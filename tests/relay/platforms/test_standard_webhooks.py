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
from relay.inbound.jmespath_reader import trace
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


@pytest.mark.parametrize(
    "to",
    [
        "ana@example.com", ["ana@example.com"], {"email": "ana@example.com"},
        [{"address": "ana@example.com", "name": "Ana"}], [{"Email": "ana@example.com"}],
        [{"name": "Ana"}, None, {"email_address": "ana@example.com"}],
        [[{"value": "ana@example.com"}]],
    ],
)  # fmt: skip
def test_recipients_may_be_objects(to):
    body = {"type": "email.bounced", "data": {"email_id": "e1", "to": to}}
    assert translated(request(body)).customer.email == "ana@example.com"


@pytest.mark.parametrize(
    "phone",
    ["+593999000001", {"number": "+593999000001", "type": "mobile"}, [{"value": "+593999000001"}],
     [{"type": "home", "number": ""}, {"Phone_Number": "+593999000001"}]],
)  # fmt: skip
def test_phone_may_be_an_object(phone):
    assert translated(request(created(phone=phone))).customer.phone == "+593999000001"


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


ROSA = {"email": "rosa@example.com", "phone": "+593999000002", "name": "Rosa Regalada"}


@pytest.mark.parametrize(
    ("data", "email", "phone", "first_name"),
    [
        # Whoever made the sale, or answers for it, beside the buyer.
        (
            {"customer": {**ANA, "name": "Ana"}, "user": {"phone": ROSA["phone"], "name": "Rosa"}},
            "ana@example.com", "", "Ana",
        ),
        (
            {"customer": {"phone": "+593999000001", "name": "Ana"}, "contact": ROSA},
            "", "+593999000001", "Ana",
        ),
        ({"user": ROSA, "buyer": {**ANA, "name": "Ana"}}, "ana@example.com", "", "Ana"),
        ({**ANA, "first_name": "Ana", "customer": ROSA}, "ana@example.com", "", "Ana"),
        ({"customer": {"name": "Ana"}, "user": ROSA}, "rosa@example.com", ROSA["phone"],
         "Rosa Regalada"),
        # A country is that of its own person.
        (
            {"customer": {**ANA, "phone": "0999000001", "name": "Ana"},
             "buyer": {"name": "Beto", "country": "CO"}},
            "ana@example.com", "+593999000001", "Ana",
        ),
    ],
)  # fmt: skip
def test_contact_is_never_put_together_from_two_people(data, email, phone, first_name):
    customer = translated(request(created(**data))).customer
    assert (customer.email, customer.phone, customer.first_name) == (email, phone, first_name)


def test_trace_shows_the_places_of_all_people():
    body = created(**ANA, customer={"name": "Ana"})
    (shown,) = trace(request(body), senders.source_of("standard_webhooks"))
    found = {a.expression: a.value for a in shown["contact.first_name"] if a.value}
    assert found == {"data.customer | first_name || firstName || name": "Ana"}
    assert "data.user | email || email_address" in [a.expression for a in shown["contact.email"]]
    assert [a.expression for a in shown["type"]] == ["type"]


def test_source_may_name_other_places():
    """As of a sender whose recipients are a list."""
    options = 'contact = { email = "data.to[0]" }\nfields = { subject = "data.subject" }'
    body = {"type": "email.bounced", "data": {"to": ["ana@example.com"], "subject": "Hola"}}
    item = translated(request(body), options=options)
    assert item.customer.email == "ana@example.com"
    assert item.body["notes"] == "El correo «Hola» no llegó (Standard Webhooks)"


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


def resend(kind: str, **data: object):
    """A body as Resend sends it."""
    message = {"email_id": "e-1", "from": "Tienda <hola@tienda.example>", "subject": "Su pedido"}
    return {
        "type": kind,
        "created_at": "2026-11-02T15:00:00.101Z",
        "data": {**message, "to": ["Ana I. <ana@example.com>", "luis@example.com"], **data},
    }


@pytest.mark.parametrize(
    ("kind", "event_type"),
    [
        ("email.sent", "email.sent"),
        ("email.delivered", "email.delivered"),
        ("email.delivery_delayed", "email.deferred"),
        ("email.bounced", "email.bounced"),
        ("email.complained", "email.complained"),
        ("email.clicked", "email.clicked"),
        ("email.failed", "email.rejected"),
        ("email.suppressed", "email.rejected"),
    ],
)
def test_mail_of_resend_is_told_of_its_first_recipient(kind, event_type):
    item = translated(request(resend(kind)))
    assert (item.event_type, item.customer.email) == (event_type, "ana@example.com")
    assert item.occurred_at.isoformat() == "2026-11-02T15:00:00.101000+00:00"
    assert "Su pedido" in item.body["notes"]


@pytest.mark.parametrize(
    "to",
    [
        ["ana@example.com"],
        "ana@example.com",
        "Ana <ana@example.com>",
        [" Ana@example.com"],
        ["Inventada, Ana <ana@example.com>"],
        [None, "ana@example.com"],
    ],
)
def test_recipient_may_be_written_in_any_way(to):
    assert (
        translated(request(resend("email.sent", to=to))).customer.email.lower() == "ana@example.com"
    )


@pytest.mark.parametrize(
    ("kind", "data", "note"),
    [
        ("email.bounced", {"bounce": {"message": "550 no existe", "type": "Permanent", "subType": "General"}},
         "El correo «Su pedido» no llegó: 550 no existe"),
        ("email.bounced", {"bounce": {"type": "Transient", "subType": "MailboxFull"}},
         "El correo «Su pedido» no llegó: el buzón está lleno"),
        ("email.bounced", {"bounce": None}, "El correo «Su pedido» no llegó"),
        ("email.failed", {"failed": {"reason": "reached daily quota"}},
         "No se envió el correo «Su pedido»: reached daily quota"),
        ("email.clicked", {"click": {"link": "https://tienda.example/a"}},
         "Hizo clic en un enlace del correo «Su pedido»: https://tienda.example/a"),
    ],
)  # fmt: skip
def test_reason_and_link_of_resend_are_in_the_note(kind, data, note):
    assert translated(request(resend(kind, **data))).body["notes"] == f"{note} (Standard Webhooks)"


def clerk(**data: object):
    """A body as Clerk sends it."""
    user = {
        "first_name": "Ana", "last_name": "Inventada", "primary_email_address_id": "idn_2",
        "email_addresses": [
            {"id": "idn_1", "email_address": "antes@example.com"},
            {"id": "idn_2", "email_address": "ana@example.com"},
        ],
        "phone_numbers": [],
    }  # fmt: skip
    return {"type": "user.created", "timestamp": 1793631600000, "data": {**user, **data}}


PHONES = [
    {"id": "p1", "phone_number": "+593999000009"},
    {"id": "p2", "phone_number": "+593999000001"},
]


@pytest.mark.parametrize(
    ("data", "email", "phone"),
    [
        ({}, "ana@example.com", ""),
        ({"primary_email_address_id": None}, "antes@example.com", ""),
        ({"primary_email_address_id": "gone"}, "antes@example.com", ""),
        ({"email_addresses": [], "phone_numbers": PHONES}, "", "+593999000009"),
        (
            {"phone_numbers": PHONES, "primary_phone_number_id": "p2"},
            "ana@example.com",
            "+593999000001",
        ),
        ({"email_addresses": ["x", None], "email": "ana@example.com"}, "ana@example.com", ""),
        (
            {"email_addresses": "x", "phone_numbers": {}, "email": "ana@example.com"},
            "ana@example.com",
            "",
        ),
    ],
)
def test_user_of_clerk_is_reached_by_the_primary_address(data, email, phone):
    item = translated(request(clerk(**data)))
    assert (item.customer.email, item.customer.phone) == (email, phone)
    assert (item.customer.first_name, item.customer.last_name) == ("Ana", "Inventada")


@pytest.mark.parametrize(
    ("kind", "event_type"),
    [("user.updated", "customer.updated"), ("user.deleted", "customer.deleted")],
)
def test_other_topics_of_users_are_known(kind, event_type):
    assert translated(request({**clerk(), "type": kind})).event_type == event_type


def test_types_of_the_source_are_added_to_the_usual_ones():
    options = 'types = { "lead.won" = "form.submitted", "user.created" = "contact.updated" }'
    for topic, event_type in [
        ("lead.won", "form.submitted"),
        ("user.created", "contact.updated"),
        ("user.updated", "customer.updated"),
    ]:
        item = translated(request({"type": topic, "data": ANA}), options=options)
        assert item.event_type == event_type


@pytest.mark.parametrize("form", ["Cotización", {"name": "Cotización"}, {"title": "Cotización"}])
def test_form_is_named(form):
    item = translated(request({"type": "form.submitted", "data": {**ANA, "form": form}}))
    assert item.body["notes"] == "Llenó el formulario «Cotización» (Standard Webhooks)"
