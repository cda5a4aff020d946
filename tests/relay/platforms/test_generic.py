"""The generic platform: schemes and JMESPath expressions from the source's options."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import senders

from config.relay_toml import ConfigError
from relay.calls import translate_item
from relay.errors import MALFORMED, MISMATCH, MISSING, Refused
from relay.inbound.results import Handshake
from relay.model import Call, Held, Ignored, Money
from relay.pipeline import parse, process

TOKEN = "a-token-that-is-long-enough"
PATHS = """
    type = "type"
    types = { "lead.created" = "form.submitted" }
    contact = { email = "email", phone = "phone", first_name = "name" }
"""
LEAD = {"type": "lead.created", "email": "ana@example.com"}
BODY = json.dumps(LEAD).encode()
HOLDS = 'on_nobody = "hold"'
NOBODY = {"contact": "expected a customer id, a phone, an e-mail or an id number"}
BEARER = f'auth = {{ kind = "bearer" }}\n{PATHS}'


def digest(kind: str, message: bytes = BODY, key: bytes = TOKEN.encode()) -> bytes:
    return hmac.new(key, message, kind).digest()


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(secret.encode()).decode()


def standard(key: bytes) -> dict[str, str]:
    timestamp = f"{senders.NOW.timestamp():.0f}"
    signature = base64.b64encode(digest("sha256", f"msg_1.{timestamp}.".encode() + BODY, key))
    return {"id": "msg_1", "timestamp": timestamp, "signature": f"v1,{signature.decode()}"}


def translated(body: object, options: str = BEARER, more: str = "", **headers: str):
    """What a body comes to at a source with a bearer token."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    delivery = senders.delivery({"authorization": f"Bearer {TOKEN}", **named}, raw)
    source = senders.source_of("generic", more, options, (TOKEN,))
    return process(delivery, source, senders.NOW)


@pytest.mark.parametrize(
    ("auth", "secret", "headers", "bad"),
    [
        (
            'kind = "hmac"',
            TOKEN,
            {"x-signature": base64.b64encode(digest("sha256")).decode()},
            {"x-signature": base64.b64encode(digest("sha256", b"other")).decode()},
        ),
        (
            'kind = "hmac", header = "X-Hub-Signature", prefix = "sha1=", encoding = "hex", digest = "sha1"',
            TOKEN,
            {"x-hub-signature": "sha1=" + digest("sha1").hex()},
            {"x-hub-signature": "sha1=" + digest("sha1", b"other").hex()},
        ),
        (
            'kind = "hmac", key = "hex", digest = "sha512", encoding = "hex"',
            "0b" * 20,
            {"x-signature": digest("sha512", key=b"\x0b" * 20).hex()},
            {"x-signature": digest("sha512", key=b"\x0c" * 20).hex()},
        ),
        (
            'kind = "standard_webhooks"',
            "CwsLCwsLCwsLCwsLCwsLCwsLCws=",
            {f"webhook-{name}": value for name, value in standard(b"\x0b" * 20).items()},
            {f"webhook-{name}": value for name, value in standard(b"\x0c" * 20).items()},
        ),
        (
            'kind = "standard_webhooks", prefix = "svix", key = "utf8"',
            TOKEN,
            {f"svix-{name}": value for name, value in standard(TOKEN.encode()).items()},
            {f"svix-{name}": value for name, value in standard(b"other").items()},
        ),
        (
            'kind = "basic"',
            "user:password",
            {"authorization": basic("user:password")},
            {"authorization": basic("user:passwort")},
        ),
        (
            'kind = "bearer"',
            TOKEN,
            {"authorization": f"bearer {TOKEN}"},
            {"authorization": f"Bearer {TOKEN}x"},
        ),
        (
            'kind = "bearer", header = "X-Api-Key", prefix = ""',
            TOKEN,
            {"x-api-key": TOKEN},
            {"x-api-key": TOKEN.upper()},
        ),
        ('kind = "path"', TOKEN, {"token": TOKEN}, {"token": "another"}),
    ],
)  # fmt: skip
def test_every_kind_of_proof_is_taken_and_a_wrong_one_refused(auth, secret, headers, bad):
    source = senders.source_of("generic", "", f"auth = {{ {auth} }}\n{PATHS}", (secret,))
    for sent, reason in ((headers, ""), (bad, MISMATCH), ({}, MISSING)):
        token = sent.get("token", "")
        delivery = senders.delivery(sent, BODY, token=token)
        if reason:
            with pytest.raises(Refused, match=reason):
                process(delivery, source, senders.NOW)
        else:
            (item,) = process(delivery, source, senders.NOW)
            assert isinstance(item, Call)


def test_proof_that_cannot_be_read_is_malformed():
    source = senders.source_of("generic", "", f'auth = {{ kind = "basic" }}\n{PATHS}', ("u:p",))
    with pytest.raises(Refused, match=MALFORMED):
        process(senders.delivery({"authorization": "Basic ñ"}, BODY), source, senders.NOW)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("", "options.auth: Missing data for required field"),
        ('auth = { kind = "magic" }', "options.auth.kind: Must be one of"),
        ('auth = { kind = "basic", header = "x" }', "basic takes no header"),
        ('auth = { kind = "bearer", digest = "sha1" }', "bearer takes no digest"),
        ('auth = { kind = "hmac", digest = "md5" }', "options.auth.digest: Must be one of"),
        ('auth = { kind = "bearer" }\ntype = "a["', "options.type: expected a JMESPath expression"),
        ('auth = { kind = "bearer" }\ntype = 7', "options.type: expected a JMESPath expression"),
        ('auth = { kind = "bearer" }\ntypes = { a = "b" }', "unknown event types ['b']"),
        ('auth = { kind = "bearer" }\nkind = "x"', "options.kind: Unknown field"),
        ('auth = { kind = "bearer" }\ncontact = { mail = "x" }', "options.contact.mail: Unknown"),
    ],
)
def test_options_that_cannot_work_are_told_at_start(options, fault):
    with pytest.raises(ConfigError) as refused:
        senders.source_of("generic", "", options, (TOKEN,))
    assert fault in str(refused.value)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_address_check_is_answered(method):
    delivery = senders.delivery({}, b"", method=method)
    assert process(delivery, senders.source_of("generic"), senders.NOW) == Handshake()


@pytest.mark.parametrize(
    ("expression", "body", "count"),
    [
        ("leads", {"leads": [LEAD, LEAD, LEAD]}, 3),
        ("data.leads", {"data": {"leads": [LEAD]}}, 1),
        ("@", [LEAD, LEAD], 2),
        ("@", LEAD, 1),
        ("[]", [LEAD, LEAD], 2),
        ("leads", LEAD, 1),  # one event of a list, read again by itself
    ],
)
def test_one_body_may_hold_many_events(expression, body, count):
    items = translated(body, f'events = "{expression}"\n{BEARER}')
    assert [type(item) for item in items] == [Call] * count


def test_empty_list_is_nothing():
    assert translated({"leads": []}, f'events = "leads"\n{BEARER}') == [Ignored("", "empty_batch")]


def test_bad_event_of_a_list_is_held_by_itself():
    bad = {**LEAD, "type": None}
    options = f'events = "leads"\nid = "id"\n{BEARER}'
    leads = [{**LEAD, "id": 1}, {**bad, "id": 2}, {**LEAD, "id": 3}]
    one, held, three = translated({"leads": leads}, options)
    assert isinstance(one, Call)
    assert isinstance(three, Call)
    assert json.loads(held.raw) == {**bad, "id": 2}
    assert translated(held.raw, options) == [held]


@pytest.mark.parametrize("email", ["ana at example", "ana@", "@example.com", "a b@example.com", 7])
def test_event_with_a_bad_email_only_is_ignored_or_held(email):
    lead = {**LEAD, "email": email}
    assert translated(lead) == [Ignored("lead.created", "invalid_contact", "form.submitted")]
    (held,) = translated(lead, more=HOLDS)
    assert (held.reason, held.event_type) == ("no_customer", "form.submitted")
    assert held.reasons == NOBODY | {"email": "not_an_email"}


@pytest.mark.parametrize(
    ("value", "omitted_fields"),
    [
        ({"home": "+593999000001"}, {"contact.phone.0": "not_a_text"}),
        (True, {"contact.phone": "not_a_list"}),
        ({}, {"contact.phone": "not_a_list"}),
        ([[["+593999000001"]]], {"contact.phone.0": "not_a_text"}),
        ([], {}),
    ],
)
def test_phone_that_is_no_text_is_left_out_and_named(value, omitted_fields):
    (call,) = translated({**LEAD, "phone": value})
    assert (call.customer.phone, call.omitted_fields) == ("", omitted_fields)
    (ignored,) = translated({**LEAD, "email": None, "phone": value})
    assert ignored.reason == ("invalid_contact" if omitted_fields else "names_nobody")
    (held,) = translated({**LEAD, "email": None, "phone": value}, more=HOLDS)
    assert held.reasons == NOBODY | omitted_fields


@pytest.mark.parametrize(
    "phones", [["+593999000001"], ["", "+593999000001"], [None, 593999000001, "+593999000002"]]
)
def test_expression_may_select_several_phones_and_emails(phones):
    emails = ["ana", "ana@example.com", "otra@example.com"]
    (call,) = translated({**LEAD, "phone": phones, "email": emails})
    assert (call.customer.phone, call.customer.email) == ("+593999000001", "ana@example.com")


def test_event_that_names_nobody_is_ignored_or_held():
    lead = {"type": "lead.created", "email": None, "phone": ""}
    assert translated(lead) == [Ignored("lead.created", "names_nobody", "form.submitted")]
    (held,) = translated(lead, more=HOLDS)
    assert (held.reason, held.reasons) == ("no_customer", NOBODY)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ("", Ignored),
        ('on_nobody = "ignore"', Ignored),
        ('on_nobody = "hold"', Held),
        ('on_invalid = "reject"', Held),  # which web answers with 422
        ('on_invalid = "reject"\non_nobody = "ignore"', Ignored),
    ],
)
def test_source_says_what_becomes_of_an_event_without_a_customer(more, kind):
    (item,) = translated({"type": "lead.created"}, more=more)
    assert isinstance(item, kind)


def test_a_source_may_be_about_one_customer():
    (call,) = translated({"type": "lead.created"}, more='customer_id = "1713anaec1001"')
    assert call.customer.customer_id == "1713anaec1001"


@pytest.mark.parametrize(
    "phone", [593999000001, "593 999 000 001", "0999-000-001", "+593999000001"]
)
def test_phone_may_be_written_in_many_ways(phone):
    (call,) = translated({**LEAD, "phone": phone})
    assert call.customer.phone == "+593999000001"


@pytest.mark.parametrize(
    ("types", "topic", "event_type"),
    [
        ('{ "lead.created" = "form.submitted" }', "lead.created", "form.submitted"),
        ('{ "lead.created" = "form.submitted" }', "order.paid", "order.paid"),
        ('{ "order.paid" = "payment.approved" }', "order.paid", "payment.approved"),
        ('{ "*" = "contact.updated" }', "anything", "contact.updated"),
        ('{ "*" = "contact.updated" }', "order.paid", "order.paid"),
        ('{ "lead.created" = "form.submitted" }', "anything", ""),
    ],
)
def test_types_are_mapped_to_ours(types, topic, event_type):
    options = BEARER.replace('{ "lead.created" = "form.submitted" }', types)
    (item,) = translated({**LEAD, "type": topic}, options)
    if event_type:
        assert item.event_type == event_type
    else:
        assert item == Ignored(topic, "unknown_topic")


def test_body_that_is_always_the_same_kind_needs_no_type():
    options = BEARER.replace('type = "type"', "type = \"'lead.created'\"")
    (call,) = translated({"email": "ana@example.com"}, options)
    assert call.event_type == "form.submitted"


def test_type_and_id_may_be_headers():
    options = f'type_header = "X-Event"\nid_header = "X-Delivery"\n{BEARER}'
    one, again, other, typed = (
        translated({"email": "ana@example.com", **extra}, options, x_event=topic, x_delivery=key)[0]
        for topic, key, extra in [
            ("lead.created", "1", {}),
            ("lead.created", "1", {"changed": True}),
            ("lead.created", "2", {}),
            ("order.paid", "1", {"type": "lead.created"}),
        ]
    )
    assert one.key == again.key
    assert len({one.key, other.key, typed.key}) == 3
    assert typed.event_type == "order.paid"


@pytest.mark.parametrize("count", [1, 2])
def test_list_of_events_needs_no_expression(count):
    """As tools send that hand on all items of a step; one that is read as a whole stays one."""
    leads = [{**LEAD, "id": n} for n in range(count)]
    assert [type(item) for item in translated(leads)] == [Call] * count
    whole = BEARER.replace('type = "type"', 'type = "[0].type"').replace('"email"', '"[0].email"')
    assert [type(item) for item in translated(leads, whole)] == [Call]
    (call,) = translated(leads[:1])
    (again,) = translated(call.raw)
    assert again.key == call.key


@pytest.mark.parametrize("body", [[], [1], ["a", LEAD], [[LEAD]], [{}]])
def test_list_of_anything_else_is_held(body):
    assert {type(item) for item in translated(body)} == {Held}


def test_id_in_a_header_does_not_stand_for_every_event_of_a_list():
    options = f'events = "@"\nid_header = "X-Delivery"\n{BEARER}'
    one, two = translated([LEAD, {**LEAD, "name": "Ana"}], options, x_delivery="1")
    assert one.key != two.key


@pytest.mark.parametrize("none", [0, "0", "null", "undefined", "N/A", ""])
def test_id_that_is_none_does_not_make_one_of_two_leads(none):
    options = f'id = "id"\n{BEARER}'
    leads = [{**LEAD, "id": none}, {**LEAD, "id": none}, {**LEAD, "id": none, "name": "Ana"}]
    one, again, other = (translated(lead, options)[0] for lead in leads)
    assert one.key == again.key != other.key


def test_without_an_id_the_body_is_the_key():
    one, again, other = (translated(body)[0] for body in (LEAD, LEAD, {**LEAD, "name": "Ana"}))
    assert one.key == again.key != other.key


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-11-01T10:00:00-05:00", datetime(2026, 11, 1, 15, tzinfo=UTC)),
        ("2026-11-01 10:00:00", datetime(2026, 11, 1, 15, tzinfo=UTC)),  # of the destination
        (1793545200, datetime(2026, 11, 1, 15, tzinfo=UTC)),
        ("1793545200000", datetime(2026, 11, 1, 15, tzinfo=UTC)),
        ("ayer", senders.NOW),
        (None, senders.NOW),
    ],
)
def test_time_is_read_in_many_ways(time, at):
    (call,) = translated({**LEAD, "at": time}, f'time = "at"\n{BEARER}')
    assert call.occurred_at == at


@pytest.mark.parametrize(
    ("more", "time", "day"),
    [
        # The destination is in Guayaquil, five hours behind UTC.
        ("", "2026-11-02 02:30:00", "2026-11-02"),
        ("", "02/11/2026 23:30", "2026-11-02"),
        ("", "02/11/2026", "2026-11-02"),
        ("", "2026-11-02T03:00:00Z", "2026-11-01"),
        ('timezone = "UTC"', "2026-11-02 02:30:00", "2026-11-01"),
        ('timezone = "UTC"', "02/11/2026", "2026-11-02"),
        ('timezone = "Europe/Madrid"', "2026-11-02 05:30", "2026-11-01"),
        ('timezone = "Europe/Madrid"', "2026-11-02T05:30:00-05:00", "2026-11-02"),
        ('timezone = "Pacific/Kiritimati"', "2026-11-02 12:00:00", "2026-11-01"),
    ],
)
def test_time_without_an_offset_is_of_the_source_and_its_day_of_the_destination(more, time, day):
    options = f'time = "at"\nfields = {{ paid_at = "at" }}\n{BEARER}'
    more = f'{more}\nevents."form.submitted" = {{ creation_date = "occurred_at", sent_at = "paid_at" }}'
    (call,) = translated({**LEAD, "at": time}, options, more)
    assert (call.body["creation_date"], call.body["sent_at"]) == (day, day)
    assert call.omitted_fields == {}


# The day of receipt may be another one: no date is better.
UNREAD_TIME = {"occurred_at": "not_a_time", "creation_date": "not_a_time"}


@pytest.mark.parametrize(
    ("body", "options", "omitted"),
    [
        ({"at": "ayer"}, 'time = "at"', UNREAD_TIME),
        ({"at": 0}, 'time = "at"', UNREAD_TIME),
        ({"at": False}, 'time = "at"', {"time": "not_a_time", "occurred_at": "absent"}),
        ({"at": "0000-00-00 00:00:00"}, 'time = "at"', UNREAD_TIME),
        ({}, 'time = "at"', {"occurred_at": "absent"}),
        ({}, "", {}),
        ({"at": "2026-11-02T10:00:00Z"}, 'time = "at"', {}),
        ({"at": "14:30"}, 'time = "at"', UNREAD_TIME),
        ({"paid": "nunca"}, 'fields = { paid_at = "paid" }', {"sent_at": "not_a_time"}),
        ({"paid": 1793545200}, 'fields = { paid_at = "paid" }', {}),
        ({"paid": ""}, 'fields = { paid_at = "paid" }', {}),
    ],
)
def test_time_that_could_not_be_read_is_named(body, options, omitted):
    more = 'events."form.submitted" = { notes = true, sent_at = "paid_at" }'
    (call,) = translated({**LEAD, **body}, f"{options}\n{BEARER}", more)
    assert call.omitted_fields == omitted
    assert call.occurred_at.year == 2026
    assert ("creation_date" in call.body) == ("creation_date" not in omitted)


NUMBER = f'fields = {{ total = "total", currency = "currency", order_number = "n" }}\n{BEARER}'


@pytest.mark.parametrize(
    ("total", "currency", "country", "note"),
    [
        (b"129.90", "USD", "EC", "Pago aprobado: $129,90, referencia 7 (Generic)"),
        (b"129.90", "USD", "MX", "Pago aprobado: USD 129.90, referencia 7 (Generic)"),
        (b"1.5e3", "USD", "EC", "Pago aprobado: $1.500,00, referencia 7 (Generic)"),
        (
            b"1e16",
            "USD",
            "EC",
            "Pago aprobado: $10.000.000.000.000.000,00, referencia 7 (Generic)",
        ),
        (b"15990.0", "CLP", "CL", "Pago aprobado: $15.990, referencia 7 (Generic)"),
        (b'"$ 15.990"', "CLP", "CL", "Pago aprobado: $15.990, referencia 7 (Generic)"),
        (b'"129.900"', "COP", "CO", "Pago aprobado: $129.900, referencia 7 (Generic)"),
        (b'"59.00"', "PEN", "PE", "Pago aprobado: S/ 59.00, referencia 7 (Generic)"),
        (b'"1.299,00"', "usd", "EC", "Pago aprobado: $1.299,00, referencia 7 (Generic)"),
        (b'"1.299"', "USD", "EC", "Pago aprobado: 1.299 USD, referencia 7 (Generic)"),
        (b"10", "", "EC", "Pago aprobado: 10, referencia 7 (Generic)"),
        (b'"10.00"', "", "EC", "Pago aprobado: 10,00, referencia 7 (Generic)"),
        (b"null", "USD", "EC", "Pago aprobado, referencia 7 (Generic)"),
        (b'""', "USD", "EC", "Pago aprobado, referencia 7 (Generic)"),
        (b"[1]", "USD", "EC", "Pago aprobado, referencia 7 (Generic)"),
        (b"true", "USD", "EC", "Pago aprobado, referencia 7 (Generic)"),
    ],
)
def test_default_note_has_the_amount_as_the_country_writes_it(total, currency, country, note):
    body = b'{"type": "payment.approved", "email": "ana@example.com", "n": 7, "total": %s, "currency": "%s"}'
    source = senders.source_of("generic", "", NUMBER, (TOKEN,))
    source = replace(source, destination=replace(source.destination, country=country))
    (event,) = parse(senders.delivery({}, body % (total, currency.encode())), source)
    assert translate_item(event, senders.delivery({}, body), source).body["notes"] == note


def test_own_template_has_total_and_currency_as_they_were_sent():
    rule = '{ notes = "{{ total }}|{{ currency }}|{{ amount }}|{{ total * 2 }}" }'
    body = b'{"type": "payment.approved", "email": "ana@example.com", "total": 129.90, "currency": "USD"}'
    (call,) = translated(body, NUMBER, f'events."payment.approved" = {rule}')
    assert call.body["notes"] == "129.90|USD|$129,90|259.80"


@pytest.mark.parametrize(
    ("currency", "shown"), [("USD", ": $129,90"), ("CLP", ": CLP 12.990"), ("", "")]
)
def test_total_may_count_minor_units(currency, shown):
    options = f"minor_units = true\n{NUMBER}"
    body = {**LEAD, "type": "payment.approved", "total": 12990, "currency": currency}
    (call,) = translated(body, options)
    assert call.body["notes"] == f"Pago aprobado{shown} (Generic)"


def test_field_named_amount_is_the_total_where_there_is_no_other():
    body = {**LEAD, "type": "payment.approved", "amount": 12.5, "currency": "USD"}
    rule = '{ notes = "{{ total }}|{{ amount }}" }'
    (call,) = translated(body, BEARER, f'events."payment.approved" = {rule}')
    assert call.body["notes"] == "12.5|$12,50"


def test_part_of_a_list_keeps_its_digits_when_it_is_held():
    options = f'events = "leads"\n{BEARER}'
    body = b'{"leads": [{"type": "lead.created", "email": "x", "total": 129.90}, {"total": 1e16}]}'
    held, other = translated(body, options, HOLDS)
    assert held.raw == b'{"type": "lead.created", "email": "x", "total": 129.90}'
    assert other.raw == b'{"total": 10000000000000000}'


def test_machines_are_told_by_the_expression():
    options = f'machine = "bot"\n{BEARER}'
    assert translated({**LEAD, "bot": True}, options)[0].reason == "made_by_a_machine"
    assert isinstance(translated({**LEAD, "bot": False}, options)[0], Call)


def test_address_is_read_by_its_paths():
    options = f'{BEARER}\ncontact.address = {{ city = "place.city", zip_code = "place.zip" }}'
    options = options.replace(
        'contact = { email = "email", phone = "phone", first_name = "name" }',
        'contact.email = "email"',
    )
    (call,) = translated({**LEAD, "place": {"city": "Quito", "zip": 170150}}, options)
    assert call.body["customer_addresses_attributes"] == [{"city": "Quito", "zip_code": "170150"}]
    assert "customer_addresses_attributes" not in translated(LEAD, options)[0].body


def test_fields_are_those_configured_else_all_texts_and_numbers():
    body = {**LEAD, "total": 12.5, "deep": {"a": "b"}, "list": [1]}
    delivery = senders.delivery({}, json.dumps(body).encode())
    (every,) = parse(delivery, senders.source_of("generic", "", BEARER, (TOKEN,)))
    assert senders.values(every) == {
        **LEAD,
        "total": Decimal("12.5"),
        "amount": Money(Decimal("12.5")),
    }
    chosen = f'fields = {{ a = "deep.a", missing = "x.y" }}\n{BEARER}'
    (some,) = parse(delivery, senders.source_of("generic", "", chosen, (TOKEN,)))
    assert senders.values(some) == {"a": "b", "missing": None}


@pytest.mark.parametrize("option", ["id = \"join('-', [a, b])\"", 'events = "sort(leads)"'])
def test_expression_that_fails_on_a_body_holds_it(option):
    (held,) = translated({**LEAD, "a": "1"}, f"{option}\n{BEARER}")
    assert isinstance(held, Held)
