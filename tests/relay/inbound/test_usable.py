"""Lists of expressions: by field, what an expression gives has to be of use there."""

import json
from datetime import UTC, datetime

import pytest
import senders

from config.relay_toml import ConfigError
from relay.inbound.jmespath_reader import trace
from relay.inbound.usable import usable_as
from relay.model import Event
from relay.pipeline import parse

TOKEN = "a-token-that-is-long-enough"
OPTIONS = """
    auth = { kind = "bearer" }
    type = ["kind", "event"]
    types = { "lead.new" = "form.submitted", "sale" = "order.created" }
    id = ["id", "number"]
    time = ["at", "created"]
    machine = ["robot", "bot"]
    contact.email = ["a", "b", "c"]
    contact.phone = ["a", "[b, c]"]
    contact.first_name = ["a", "b"]
    contact.address = { city = ["a", "b"], latitude = ["a", "b"] }
    fields.total = ["a", "b"]
    fields.currency = "currency"
    fields.starts_at = ["a", "b"]
    fields.form = ["a", "b"]
    fields.own = ["a", "b"]
"""
SOURCE = senders.source_of("generic", options=OPTIONS, secrets=(TOKEN,))
SALE = {"event": "sale"}


def event(body: dict, source=SOURCE) -> Event:
    (item,) = parse(senders.delivery({}, json.dumps(SALE | body).encode()), source)
    assert isinstance(item, Event)
    return item


@pytest.mark.parametrize(
    ("values", "email"),
    [
        (("", "ana@example.com"), "ana@example.com"),
        (("n/a", "ana@example.com"), "ana@example.com"),
        ((["x"], {"e": 1}, ["beto@example.com"]), "beto@example.com"),
        (("Ana <ana@example.com>", "beto@example.com"), "Ana <ana@example.com>"),
        (("n/a", None), "n/a"),
    ],
)
def test_email_is_the_first_that_is_an_address(values, email):
    assert event(dict(zip("abc", values, strict=False))).contact.email == email


def test_phone_is_the_first_with_the_digits_of_one():
    contact = event({"a": "no tiene", "b": "12", "c": "099 900 0001"}).contact
    assert [phone.text for phone in contact.phones] == ["12", "099 900 0001"]
    assert [phone.text for phone in event({"a": "0999000001"}).contact.phones] == ["0999000001"]


def test_texts_ids_times_and_flags_are_each_usable_in_their_way():
    found = event(
        {
            "kind": " ", "id": "null", "number": 7, "at": "pronto", "created": "2026-11-01T10:00:00Z",
            "robot": "quizá", "bot": "yes", "a": {"x": 1}, "b": "Ana",
        }
    )  # fmt: skip
    assert (found.topic, found.type) == ("sale", "order.created")
    assert found.key == event({"number": 7, "more": 1}).key
    assert found.occurred_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert found.machine is True
    assert (found.contact.first_name, found.contact.address.city) == ("Ana", "Ana")
    assert found.contact.address.latitude == ""
    assert found.extra["own"] == {"x": 1}
    assert "occurred_at" not in found.omitted_fields


def test_amount_is_the_first_with_a_number_in_it():
    found = event({"a": "gratis", "b": "12.50", "currency": "USD"})
    assert str(found.fields.amount.amount) == "12.50"
    assert "fields.total" not in found.omitted_fields


def test_value_of_no_use_is_named_where_no_other_is_there():
    assert event({"a": "gratis"}).omitted_fields["fields.total"] == "not_an_amount"


@pytest.mark.parametrize(
    ("name", "value", "is_usable"),
    [
        ("total", "gratis", False),
        ("shop_amount", 12.5, True),
        ("starts_at", "mañana", False),
        ("starts_at", "2026-11-02T10:00:00Z", True),
        ("items", [], False),
        ("items", [{"name": "Café"}], True),
        ("form", {"name": "A"}, True),
        ("form", {"x": 1}, False),
        ("all_emails", "quizá", False),
        ("all_emails", False, True),
        ("answers", {}, False),
        ("answers", {"a": "b"}, True),
        ("of_the_sender", {"x": 1}, True),
        ("of_the_sender", "", False),
    ],
)
def test_field_of_an_event_is_usable_as_its_name_says(name, value, is_usable):
    assert usable_as(name)(value) is is_usable


def test_list_of_events_is_the_first_that_is_one():
    options = """
        auth = { kind = "bearer" }
        events = ["count", "items", "@"]
        type = "'sale'"
        types = { sale = "order.created" }
    """
    source = senders.source_of("generic", options=options, secrets=(TOKEN,))
    for body, count in ({"count": 3, "items": [{}, {"a": 1}]}, 2), ({"count": 1}, 1), ([{}] * 3, 3):
        assert len(parse(senders.delivery({}, json.dumps(body).encode()), source)) == count


def test_trace_says_what_each_expression_gives_and_what_does_not_fit():
    options = OPTIONS.replace('type = ["kind"', 'type_header = "X-Kind"\n type = ["kind"')
    options = options.replace('id = ["id", "number"]', 'id = ["abs(a)", "id"]\nid_header = "X-Id"')
    source = senders.source_of("generic", options=options, secrets=(TOKEN,))
    body = {"event": "sale", "a": "n/a", "b": "ana@example.com"}
    request = senders.delivery({"x-id": "7"}, json.dumps(body).encode())
    (fields,) = trace(request, source)
    assert [(each.expression, each.value, each.is_usable) for each in fields["type"]] == [
        ("header X-Kind", "", False), ("kind", None, False), ("event", "sale", True),
    ]  # fmt: skip
    assert [(each.expression, each.value) for each in fields["contact.email"]] == [
        ("a", "n/a"), ("b", "ana@example.com"), ("c", None),
    ]  # fmt: skip
    fits, missing, header = fields["id"]
    assert (fits.error is not None, missing.value, header.value) == (True, None, "7")
    assert [each.value for each in fields["fields.currency"]] == [None]
    assert {"time", "machine", "contact.address.city", "fields.own"} <= fields.keys()


def test_trace_of_a_body_that_cannot_be_read_is_empty():
    assert trace(senders.delivery({}, b"{"), SOURCE) == []


@pytest.mark.parametrize(
    ("option", "fault"),
    [
        ("type = []", "type: expected 1 to 10 JMESPath expressions"),
        (f"type = {json.dumps(['a'] * 11)}", "type: expected 1 to 10 JMESPath expressions"),
        ('type = ["a", 1]', "type: expected a JMESPath expression"),
        ('type = ["a", "b >"]', "type: expected a JMESPath expression: "),
        ('fields.total = ["a", "lenght(b)"]', "fields.total.value: expected a JMESPath expression: there is no function"),
    ],
)  # fmt: skip
def test_list_that_cannot_be_is_a_fault_of_its_key(option, fault, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "en")
    with pytest.raises(ConfigError) as caught:
        senders.source_of("generic", options=f'auth = {{ kind = "bearer" }}\n{option}')
    (line,) = caught.value.faults
    assert line.startswith(f"sources.generic.options.{fault}")
