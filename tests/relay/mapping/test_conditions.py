"""`when` of a rule, and `body` in its texts: what the sender wrote decides and is told."""

import tomllib

import pytest
import senders

from relay.mapping.rules import compile_rules
from relay.model import Call, Held, Ignored
from relay.pipeline import flattened, translate

NOTES = [{"name": "Regalo", "value": "sí"}, {"name": "Mensaje", "value": "Feliz día"}]
BODY = {
    "total_price": "129.90", "total_price_set": None, "currency": "USD", "tags": "vip, mayorista",
    "note_attributes": NOTES, "financial_status": "paid",
}  # fmt: skip


def translated(rule: str, **changes):
    """An order under a rule of the source's own, which is merged with the general one."""
    source = senders.source_of("shopify", f'[sources.shopify.events]\n"order.created" = {rule}')
    delivery = senders.sent("shopify", "orders/create", **{**BODY, **changes})
    return senders.without_ends(flattened(translate(delivery, source)))[0]


@pytest.mark.parametrize(
    "when",
    [
        "true",
        "total > 100",
        "total == 129.90 and currency == 'USD'",
        "total >= 129.9 and 'vip' in body.tags",
        "total <= 129.9 and 129.9 <= total and 129.9 >= total",
        "status == 'paid' or status == 'pending'",
        "body.note_attributes[0].value == 'sí'",
        "body.note_attributes | selectattr('name', 'eq', 'Regalo') | list",
        "not body.nothing.at.all",
        "'vip' not in body.nothing",
        "type == 'order.created' and topic == 'orders/create'",
        "email and not address.city == 'Lima'",
        "body.total_price is string",
        "platform == 'Shopify' and source == 'shopify'",
        "date >= '2026-11-02'",
    ],
)
def test_event_for_which_the_expression_is_true_is_delivered(when):
    assert isinstance(translated(f'{{ when = "{when}" }}'), Call)


@pytest.mark.parametrize(
    "when",
    [
        "false",
        "total > 129.90",
        "total < 129.9 or 129.9 < total or 129.9 > total",
        "'mora' in body.tags",
        "body.nothing",
        "nothing",
        "nothing > 100",
        "status == 'pending'",
        "body.note_attributes | selectattr('name', 'eq', 'Color') | list",
        "none",
        "''",
        "0",
    ],
)
def test_event_for_which_it_is_not_is_ignored_with_the_reason(when):
    expected = Ignored("orders/create", "when", "order.created")
    assert translated(f'{{ when = "{when}" }}') == expected


@pytest.mark.parametrize(
    ("when", "error"),
    [
        ("total > 'a'", "TypeError"),
        ("total / 0 > 1", "DivisionByZero"),
    ],
)
def test_expression_that_fails_on_an_event_holds_it_without_its_values(when, error):
    held = translated(f'{{ when = "{when}" }}')
    assert isinstance(held, Held)
    assert (held.reason, held.event_type) == ("template", "order.created")
    assert held.reasons == {"when": f"the expression fails on this event: {error}"}


def test_event_of_nobody_is_ignored_as_that_whatever_the_expression_says():
    nobody = dict.fromkeys(
        ("email", "contact_email", "phone", "customer", "billing_address", "shipping_address")
    )
    assert translated('{ when = "false" }', **nobody).reason == "names_nobody"


@pytest.mark.parametrize(
    ("when", "fault"),
    [
        ('""', "expected an expression"),
        ("true", "expected an expression"),
        ('["a"]', "expected an expression"),
        ('"total >"', 'expected an expression such as "total > 100"; line 1: '),
        ('"{{ total }}"', 'expected an expression such as "total > 100"; line 1: '),
    ],
)
def test_what_is_no_expression_is_a_fault_of_its_key(when, fault):
    rule = tomllib.loads(f"rule = {{ when = {when} }}")["rule"]
    rules, (line,), _ = compile_rules([("events", {"order.created": rule})], "es")
    assert rules == {}
    assert line.startswith(f'events."order.created".when: {fault}')


def test_later_table_replaces_the_expression_of_an_earlier_one():
    tables = [("events", {"order.paid": {"when": "false", "notes": True}}),
              ("sources.s.events", {"order.paid": {"when": "true"}})]  # fmt: skip
    rules, faults, _ = compile_rules(tables, "es")
    assert faults == []
    assert rules["order.paid"].when({})
    assert rules["order.paid"].notes is not None


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ body.note_attributes[1].value }}", "Feliz día"),
        ("{% for a in body.note_attributes %}{{ a.name }};{% endfor %}", "Regalo;Mensaje;"),
        ("{{ body.total_price }} {{ body.nothing.at.all }}", "129.90"),
        ("{{ (body.weight * 1.5) }}", "1.50"),
    ],
)
def test_texts_reach_all_that_was_sent(template, text):
    call = translated(f'{{ notes = "{template}", profile = false }}', weight=1.0)
    assert call.body["notes"] == text


def test_body_is_the_event_and_not_the_batch():
    source = senders.source_of(
        "sendgrid", '[sources.sendgrid.events]\n"email.bounced" = { notes = "{{ body.sg_event_id }}" }'
    )  # fmt: skip
    (call,) = flattened(translate(senders.sent("sendgrid", "bounce"), source))
    assert call.body["notes"] == call.key.partition(":")[0]


def test_body_is_not_made_for_rules_that_do_not_ask_for_it():
    tables = {"a": "{{ body.x }}", "b": "{{ total }}"}  # fmt: skip
    compiled = {
        name: compile_rules([("events", {"order.paid": {"notes": text}})], "es")[0]["order.paid"]
        for name, text in tables.items()
    }
    assert ["body" in rule.words for rule in compiled.values()] == [True, False]
