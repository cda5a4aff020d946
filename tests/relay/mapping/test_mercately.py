"""From event and rule to the exact body; relay.toml can set every field of the endpoint."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cases import all_of
from hypothesis import given, settings, strategies as st

from relay import sources
from relay.inbound.contract import Source
from relay.mapping.body_schema import AddressSchema, CustomerEventSchema
from relay.mapping.event_types import EVENT_TYPES
from relay.mapping.mercately import Unmappable, call_for
from relay.model import Address, Call, Contact, Event, Phone

# As Mercately's published customer-events page has them, in its order.
FIELDS = [
    "first_name", "last_name", "email", "phone", "id_type", "id_number",
    "customer_addresses_attributes", "notes", "agent_id", "tags", "custom_fields",
    "outbound_status", "campaign_id", "campaign_url", "error_message", "creation_date", "sent_at",
    "delivered_at", "read_at", "last_chat_interaction",
]  # fmt: skip
ADDRESS_FIELDS = [
    "address", "city", "state", "zip_code", "description", "latitude", "longitude", "country_id",
    "main",
]  # fmt: skip


def phones(*texts: str) -> tuple[Phone, ...]:
    return tuple(map(Phone, texts))


CONTACT = Contact(
    email=" ana@example.com ",
    phones=phones("0999000001"),
    first_name=" Ana ",
    last_name="Inventada",
    id_type="Cedula",
    id_number="0102030400",
    address=Address(
        address="Av. Imaginaria 123", city="Quito", state="Pichincha", zip_code="170150",
        description="Casa azul", latitude="-0.18", longitude="-78.48", country="EC",
    ),
)  # fmt: skip
# 21:30 of the day before in Guayaquil.
AT = datetime(2026, 11, 3, 2, 30, tzinfo=UTC)
EVENT = Event(
    type="order.created",
    topic="orders/create",
    key="k",
    occurred_at=AT,
    contact=CONTACT,
    extra={
        "order_number": "1001", "total": 10.5, "currency": "USD", "url": "https://x.example/1",
        "reason": "552 full", "none": None, "blank": "  ", "yes": True, "count": 3,
        "paid_at": "2026-11-03T04:59:59Z", "shipped_at": "2026-11-03T05:00:00+00:00",
        "local_at": "2026-11-02T23:30:00", "day": "2026-11-02", "word": "soon", "unix": 1793631845,
    },
)  # fmt: skip
PLACE = {
    "address": "Av. Imaginaria 123", "city": "Quito", "state": "Pichincha", "zip_code": "170150",
    "description": "Casa azul", "latitude": "-0.18", "longitude": "-78.48",
}  # fmt: skip
PERSON = {
    "first_name": "Ana", "last_name": "Inventada", "email": "ana@example.com",
    "phone": "+593999000001", "id_type": "cedula", "id_number": "0102030400",
}  # fmt: skip


@cache
def source_of(rule: str, destination: str) -> Source:
    """A source of a relay.toml with this rule for every event type."""
    rules = "\n".join(f'"{name}" = {rule}' for name in EVENT_TYPES)
    with TemporaryDirectory() as folder:
        file = Path(folder, "relay.toml")
        file.write_text(f"""
            [destinations.crm]
            api_key = "k"
            {destination}
            [sources.tienda]
            platform = "shopify"
            secrets = "s"
            [events]
            {rules}
        """)
        return sources.load(file, {}).sources["tienda"]


def call_of(rule: str, event: Event = EVENT, destination: str = "", **more: Any) -> Call:
    source = source_of(rule, destination)
    named = {"source": "tienda", "platform": "Shopify", "language": "es"} | more
    return call_for(event, source.rules[event.type], source.destination, **named)


def refusal_of(rule: str, event: Event = EVENT, **more: Any) -> tuple[str, Any]:
    with pytest.raises(Unmappable) as error_info:
        call_of(rule, event, **more)
    return error_info.value.reason, error_info.value.reasons


def about(**changes: Any) -> Event:
    """The event, with other values in its contact."""
    return replace(EVENT, contact=replace(CONTACT, **changes))


SENT = [
    ("{ profile = true }", PERSON),
    *((f'{{ profile = ["{name}"] }}', {name: value}) for name, value in PERSON.items()),
    ('{ profile = ["email", "first_name"] }', {"first_name": "Ana", "email": "ana@example.com"}),
    ("{ addresses = true }", {"customer_addresses_attributes": [PLACE]}),
    *(
        (
            f'{{ address = {{ {name} = "{{{{ order_number }}}}!" }} }}',
            {"customer_addresses_attributes": [PLACE | {name: "1001!"}]},
        )
        for name in PLACE
    ),
    ("{ address = { country_id = 7 } }", {"customer_addresses_attributes": [PLACE | {"country_id": 7}]}),
    ("{ address = { main = true } }", {"customer_addresses_attributes": [PLACE | {"main": True}]}),
    ("{ address = { main = false } }", {"customer_addresses_attributes": [PLACE | {"main": False}]}),
    (
        '{ addresses = true, address = { city = "{{ address.city | upper }}", state = "{{ missing }}" } }',
        {"customer_addresses_attributes": [{k: v for k, v in PLACE.items() if k != "state"} | {"city": "QUITO"}]},
    ),
    ('{ notes = "{{ title }}: {{ order_number }}, {{ total }}" }', {"notes": "Pedido creado: 1001, 10.5"}),
    ("{ notes = true }", {"notes": "Pedido 1001 creado por 10.5 USD (Shopify)"}),
    ("{ agent_id = 34 }", {"agent_id": 34}),
    ('{ tags = ["compra", "-carrito"] }', {"tags": [{"name": "compra", "value": True}, {"name": "carrito", "value": False}]}),
    ('{ tags = [{ name = "-x", value = true }] }', {"tags": [{"name": "-x", "value": True}]}),
    (
        '{ custom_fields = { pedido = "{{ order_number }}", n = "{{ count }}", fijo = "sí" } }',
        {"custom_fields": [
            {"field_name": "pedido", "field_content": "1001"},
            {"field_name": "n", "field_content": "3"},
            {"field_name": "fijo", "field_content": "sí"},
        ]},
    ),
    ('{ outbound_status = "error" }', {"outbound_status": "error"}),
    ('{ outbound_status = "{{ reason | length }}" }', {"outbound_status": "8"}),
    ("{ campaign_id = 12 }", {"campaign_id": 12}),
    ('{ campaign_url = "{{ url }}" }', {"campaign_url": "https://x.example/1"}),
    ('{ error_message = "{{ reason }}" }', {"error_message": "552 full"}),
    *((f'{{ {name} = "occurred_at" }}', {name: "2026-11-02"}) for name in FIELDS[-5:]),
    ('{ sent_at = "paid_at" }', {"sent_at": "2026-11-02"}),
    ('{ sent_at = "shipped_at" }', {"sent_at": "2026-11-03"}),
    ('{ sent_at = "local_at" }', {"sent_at": "2026-11-02"}),
    ('{ sent_at = "day" }', {"sent_at": "2026-11-02"}),
    ('{ sent_at = "2026-01-31" }', {"sent_at": "2026-01-31"}),
    ("{ sent_at = 2026-01-31 }", {"sent_at": "2026-01-31"}),
    ('{ sent_at = "word", read_at = "unix", delivered_at = "missing", agent_id = 1 }', {"agent_id": 1}),
    ('{ notes = "{{ none }}{{ blank }}{{ missing.deep[0] }}", agent_id = 0 }', {"agent_id": 0}),
    ('{ campaign_url = "{{ none }}", error_message = "{{ blank }}", outbound_status = "{{ x }}", agent_id = 1 }', {"agent_id": 1}),
    ('{ custom_fields = { a = "{{ none }}", b = "{{ yes }}" } }', {"custom_fields": [{"field_name": "b", "field_content": "True"}]}),
    ("{ notes = false, tags = [], custom_fields = {}, profile = [], addresses = false, agent_id = 1 }", {"agent_id": 1}),
    ("{ addresses = false, address = { main = true }, agent_id = 1 }", {"agent_id": 1}),
    (
        '{ notes = "{{ name }} {{ email }} {{ phone }} {{ id_type }} {{ id_number }} {{ address.zip_code }}" }',
        {"notes": "Ana Inventada ana@example.com +593999000001 cedula 0102030400 170150"},
    ),
    (
        '{ notes = "{{ type }} {{ topic }} {{ platform }} {{ source }} {{ date }} {{ time }} {{ occurred_at.year }}" }',
        {"notes": "order.created orders/create Shopify tienda 2026-11-02 21:30 2026"},
    ),
]  # fmt: skip


@all_of(("rule", "body"), SENT)
def test_rule_sends_exactly_what_it_says(rule, body):
    call_body = call_of(rule).body
    assert call_body == body
    assert json.loads(json.dumps(call_body)) == call_body


def test_table_above_reaches_every_field_of_the_contract():
    reached = {name for _, body in SENT for name in body}
    rows = [row for _, body in SENT for row in body.get("customer_addresses_attributes", [])]
    assert list(CustomerEventSchema().fields) == FIELDS
    assert reached == set(FIELDS)
    assert list(AddressSchema().fields) == ADDRESS_FIELDS
    assert {name for row in rows for name in row} == set(ADDRESS_FIELDS)


def test_body_keeps_the_order_of_the_contract():
    rule = '{ read_at = "occurred_at", tags = ["a"], notes = true, profile = true, agent_id = 1 }'
    call_body = list(call_of(rule).body)
    assert call_body == sorted(call_body, key=FIELDS.index)


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("America/Guayaquil", datetime(2026, 11, 3, 4, 59, 59, tzinfo=UTC), "2026-11-02"),
        ("America/Guayaquil", datetime(2026, 11, 3, 5, 0, tzinfo=UTC), "2026-11-03"),
        ("America/Bogota", datetime(2026, 1, 1, 4, 59, tzinfo=UTC), "2025-12-31"),
        ("America/Santiago", datetime(2026, 11, 3, 2, 59, tzinfo=UTC), "2026-11-02"),
        ("America/Santiago", datetime(2026, 7, 3, 3, 30, tzinfo=UTC), "2026-07-02"),
        ("America/Mexico_City", datetime(2026, 3, 1, 5, 59, tzinfo=UTC), "2026-02-28"),
        ("UTC", datetime(2026, 11, 3, 0, 0, tzinfo=UTC), "2026-11-03"),
        ("Pacific/Kiritimati", datetime(2026, 11, 2, 10, 0, tzinfo=UTC), "2026-11-03"),
    ],
)
def test_moment_has_its_day_where_the_destination_is(zone, at, expected):
    rule = '{ creation_date = "occurred_at", sent_at = "when", notes = "{{ date }}" }'
    event = replace(EVENT, occurred_at=at, extra={"when": at.isoformat()})
    call_body = call_of(rule, event, destination=f'timezone = "{zone}"').body
    assert call_body == dict.fromkeys(("creation_date", "sent_at", "notes"), expected)


@pytest.mark.parametrize(
    "when", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-05:00"]
)
def test_moment_at_the_end_of_the_calendar_is_left_out_or_sent_as_a_date(when):
    call = call_of('{ creation_date = "when", agent_id = 1 }', replace(EVENT, extra={"when": when}))
    assert date.fromisoformat(call.body.get("creation_date", "2026-01-01"))


def test_year_has_four_digits():
    event = replace(EVENT, extra={"when": "0987-01-02T00:00:00"})
    assert call_of('{ creation_date = "when" }', event).body == {"creation_date": "0987-01-02"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *((name, name) for name in ("cedula", "pasaporte", "ruc", "rut", "otro")),
        (" RUC ", "ruc"), ("DNI", "otro"), ("cédula", "cedula"), ("", None), ("  ", None),
    ],
)  # fmt: skip
def test_document_type_outside_the_list_is_otro(written, expected):
    """In a country whose documents are not known, so that the type is taken as written."""
    event = about(id_type=written, country="BO")
    body = call_of('{ profile = ["id_type"], agent_id = 1 }', event).body
    assert body.get("id_type") == expected


@pytest.mark.parametrize(
    ("changes", "left_out"),
    [
        ({"phones": phones("555-555-SHIP")}, {"phone": "not_valid_in_EC"}),
        ({"phones": phones("junk", "0999000001")}, {}),
        ({"email": "ana@localhost"}, {"email": "not_an_email"}),
        ({"email": "ana example.com"}, {"email": "not_an_email"}),
        ({"email": "@example.com"}, {"email": "not_an_email"}),
        ({"email": f"{'a' * 250}@x.ec"}, {"email": "not_an_email"}),
        ({"email": "", "phones": phones("0999000001")}, {}),
    ],
)
def test_unusable_phone_or_email_is_left_out_and_named(changes, left_out):
    call = call_of("{ profile = true }", about(**changes))
    assert call.omitted_fields == left_out
    assert not left_out.keys() & call.body.keys()
    assert all(getattr(call.customer, name) == "" for name in left_out)


def test_customer_is_who_the_event_names_else_who_the_source_names():
    customer = call_of("{ agent_id = 1 }").customer
    assert (customer.phone, customer.email) == ("+593999000001", "ana@example.com")
    assert (customer.first_name, customer.last_name, customer.customer_id) == (
        "Ana",
        "Inventada",
        "",
    )
    nobody = about(email="", phones=())
    assert call_of("{ agent_id = 1 }", nobody, customer_id="7").customer.customer_id == "7"
    named = about(customer_id="9")
    assert call_of("{ agent_id = 1 }", named, customer_id="7").customer.customer_id == "9"


def test_country_of_the_contact_comes_before_that_of_the_destination():
    event = about(phones=phones("300 900 0002"), country="CO")
    assert call_of("{ agent_id = 1 }", event).customer.phone == "+573009000002"
    event = about(phones=phones("300 900 0002"))
    customer = call_of("{ agent_id = 1 }", event, destination='country = "CO"').customer
    assert customer.phone == "+573009000002"


def test_event_that_names_nobody_is_unmappable():
    reason, reasons = refusal_of(
        "{ agent_id = 1 }", about(email="x", phones=phones("123"), id_number="")
    )
    expected = "expected a customer id, a phone, an e-mail or an id number"
    assert reason == "no_customer"
    assert reasons == {"contact": expected, "phone": "not_valid_in_EC", "email": "not_an_email"}


@pytest.mark.parametrize("rule", ["{}", '{ notes = "{{ missing }}" }', "{ notes = false }"])
def test_rule_that_comes_to_nothing_is_unmappable(rule):
    assert refusal_of(rule) == ("empty", {"events": "the rule for order.created says nothing"})


def test_value_of_a_type_that_mercately_does_not_take_is_unmappable():
    """A mistake in a platform's own code."""
    wrong = Address(city=5)
    reason, reasons = refusal_of("{ addresses = true }", about(address=wrong))
    assert reason == "invalid"
    assert reasons == {"customer_addresses_attributes": {0: {"city": ["Not a valid string."]}}}


def test_address_with_nothing_but_flags_is_not_sent():
    rule = "{ address = { main = true, country_id = 1 }, agent_id = 1 }"
    for address in (None, Address(country="EC")):
        assert call_of(rule, about(address=address)).body == {"agent_id": 1}


def test_what_a_person_wrote_is_no_longer_than_a_name_or_a_line():
    """A form takes megabytes; what Mercately cannot store holds up the customer's later events."""
    long = "a" * 1_000_000
    event = about(first_name=long, last_name=long, address=Address(address=long, city=long))
    call = call_of('{ profile = ["first_name", "last_name"], addresses = true }', event)

    short = "a" * 255
    assert (call.customer.first_name, call.customer.last_name) == (short, short)
    assert call.body == {
        "first_name": short,
        "last_name": short,
        "customer_addresses_attributes": [{"address": short, "city": short}],
    }


def test_text_of_a_sender_is_never_run_as_a_template():
    event = replace(EVENT, extra={"order_number": "{{ 7 * 7 }}{% raw %}"})
    call_body = call_of('{ notes = "{{ order_number }}" }', event).body
    assert call_body == {"notes": "{{ 7 * 7 }}{% raw %}"}


def test_fields_of_a_sender_do_not_replace_ours():
    event = replace(EVENT, extra={"type": "x", "email": "x", "date": "x", "title": "x"})
    call_body = call_of('{ notes = "{{ type }} {{ email }} {{ date }} {{ title }}" }', event).body
    assert call_body == {"notes": "order.created ana@example.com 2026-11-02 Pedido creado"}


WORDS = st.text(st.characters(exclude_categories=())) | st.sampled_from(["\ud83d", "{{", "\0"])
MOMENTS = st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | MOMENTS
NAMES = st.sampled_from(
    ["order_number", "order_id", "total", "currency", "subject", "campaign", "reason", "when",
     "tracking_number", "tracking_url", "checkout_url", "title", "self", "loop"]
) | WORDS  # fmt: skip
EVERYTHING = """{ notes = true, profile = true, addresses = true, tags = ["a"], sent_at = "when",
    creation_date = "occurred_at", outbound_status = "{{ status }}", campaign_url = "{{ url }}",
    error_message = "{{ reason }}", address = { city = "{{ total }}", main = true },
    custom_fields = { a = "{{ order_number }}", b = "{{ total }}", c = "{{ when }}" } }""".replace("\n", "")  # fmt: skip
CONTACTS = st.builds(
    Contact,
    email=WORDS | st.emails(),
    phones=st.lists(WORDS | st.just("0999000001"), max_size=2).map(lambda texts: phones(*texts)),
    country=st.sampled_from(["", "EC", "ec", "XX", "Ecuador"]),
    first_name=WORDS,
    id_type=WORDS,
    id_number=WORDS,
    address=st.none() | st.builds(Address, address=WORDS, latitude=WORDS),
)


@given(
    event_type=st.sampled_from(sorted(EVENT_TYPES)),
    fields=st.dictionaries(NAMES, SCALARS, max_size=6),
    contact=CONTACTS,
)
@settings(deadline=None, max_examples=300)
def test_any_event_becomes_a_valid_body_or_is_unmappable(event_type, fields, contact):
    event = replace(EVENT, type=event_type, extra=fields, contact=contact)
    body, refusal = None, ""
    try:
        body = call_of(EVERYTHING, event).body
    except Unmappable as error:
        refusal = error.reason
    if body is None:
        assert refusal == "no_customer"
    else:
        assert CustomerEventSchema().load(body)
        assert not {"", None} & {value for value in body.values() if not isinstance(value, list)}
