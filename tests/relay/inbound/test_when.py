"""`when` of a source: its events are delivered, ignored or held, by what they and the body say."""

import json

import pytest
import senders

from config.relay_toml import ConfigError
from relay.model import Call, Held, Ignored
from relay.pipeline import flattened, translate

BODY = {
    "total_price": "129.90", "total_price_set": None, "currency": "USD", "tags": "vip, mayorista",
    "financial_status": "paid", "test": False,
}  # fmt: skip


def source(when: str, more: str = ""):
    return senders.source_of("shopify", f"when = {when}\n{more}")


def translated(when: str, more: str = "", **changes):
    delivery = senders.sent("shopify", "orders/create", **{**BODY, **changes})
    return senders.without_ends(flattened(translate(delivery, source(when, more))))[0]


@pytest.mark.parametrize(
    ("expression", "is_true"),
    [
        ("event.total > `100`", True),
        ("event.total == `129.90`", True),
        ("event.amount > `129.90`", False),
        ("event.currency == 'USD' && event.type == 'order.created'", True),
        ("event.topic == 'orders/create'", True),
        ("contains(body.tags, 'vip')", True),
        ("contains(body.tags, 'mora')", False),
        ("contains(body.nothing, 'vip')", False),
        ("!(body.nothing)", True),
        ("body.nothing", False),
        ("event.email == 'ana@example.com'", True),
        ("body.line_items[?quantity > `100`]", False),
        ("event.occurred_at >= '2020'", True),
        ("starts_with(event.occurred_at, '20')", True),
        ("event.status == 'paid' || event.status == 'pending'", True),
        ("body.test", False),
    ],
)
def test_each_outcome_is_decided_by_its_expression(expression, is_true):
    ignored = Ignored("orders/create", "when", "order.created")
    quoted = json.dumps(expression)
    assert isinstance(translated(quoted), Call) == is_true
    assert isinstance(translated(f"{{ deliver = {quoted} }}"), Call) == is_true
    assert (translated(quoted) == ignored) != is_true
    assert (translated(f"{{ ignore = {quoted} }}") == ignored) == is_true
    held = translated(f"{{ hold = {quoted} }}")
    assert isinstance(held, Held if is_true else Call)


def test_held_event_says_which_condition_holds_it_and_keeps_what_a_release_needs():
    call = translated("{}")
    held = translated('{ hold = "event.total > `100`" }')
    assert (held.reason, held.reasons) == ("to_review", {"hold": "event.total > `100`"})
    assert (held.key, held.other_keys, held.event_type) == (
        call.key, call.other_keys, "order.created",
    )  # fmt: skip
    assert (held.customer, held.references, held.step) == (
        call.customer,
        call.references,
        call.step,
    )


def test_ignore_comes_before_deliver_and_deliver_before_hold():
    yes, no = '"body.tags"', '"body.nothing"'
    assert translated(f"{{ ignore = {yes}, deliver = {yes}, hold = {yes} }}").reason == "when"
    assert isinstance(translated(f"{{ ignore = {yes}, hold = {yes} }}"), Ignored)
    assert isinstance(translated(f"{{ deliver = {no}, hold = {yes} }}"), Ignored)
    assert isinstance(translated(f"{{ ignore = {no}, deliver = {yes}, hold = {yes} }}"), Held)
    assert isinstance(translated(f"{{ ignore = {no}, deliver = {yes}, hold = {no} }}"), Call)


def test_what_cannot_be_mapped_is_not_held_for_a_look_but_for_that():
    nobody = dict.fromkeys(
        ("email", "contact_email", "phone", "customer", "billing_address", "shipping_address")
    )
    assert translated('{ hold = "body.tags" }', **nobody).reason == "names_nobody"
    held = translated('{ hold = "body.tags" }', 'on_nobody = "hold"', **nobody)
    assert held.reason == "no_customer"


def test_ignored_event_need_not_be_mapped():
    assert translated('{ ignore = "body.tags" }', 'on_nobody = "hold"', email=5).reason == "when"


def test_rule_of_an_event_type_decides_after_the_source():
    own = '[sources.shopify.events]\n"order.created" = { when = "total > 500" }'
    assert isinstance(translated('{ hold = "body.tags" }', own), Ignored)


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("length(event.total)", "length() takes no number"),
        ("sum(body.line_items[].title) > `1`", "sum() takes no str"),
    ],
)
def test_expression_that_does_not_fit_an_event_holds_it_without_its_values(expression, error):
    for name in ("ignore", "deliver", "hold"):
        held = translated(f'{{ {name} = "{expression}" }}')
        assert held.reason == "template"
        reason = f"the expression fails on this event: {error}"
        assert held.reasons == {f"when.{name}": reason}


def test_expression_that_has_no_result_holds_an_event_too():
    held = translated('{ hold = "max(body.weights) > `1`" }', weights=[float("nan"), 1.5])
    assert held.reasons.keys() == {"when.hold"}
    assert "cannot compute" in held.reasons["when.hold"]


def test_purchase_that_waits_is_ignored_and_not_held():
    more = 'abandoned_after = "1h"\ntopics = ["checkout.*"]'
    delivery = senders.sent("shopify", "checkouts/create")
    held = source("{ hold = \"event.type == 'checkout.abandoned'\" }", more)
    items = senders.without_ends(flattened(translate(delivery, held)))
    assert Ignored("checkouts/create", "to_review", "checkout.abandoned") in items


EXPECTED = 'expected an expression over event and body, such as "event.total > `100`"'


@pytest.mark.parametrize(
    ("when", "fault"),
    [
        ("true", f"when.deliver: {EXPECTED}"),
        ('""', f"when.deliver: {EXPECTED}"),
        ('["body.a"]', f"when.deliver: {EXPECTED}"),
        ("{ hold = 1 }", f"when.hold: {EXPECTED}"),
        ('{ hold = "total > `100`" }', f"when.hold: {EXPECTED}; found total"),
        ('{ hold = "a[?b].c && {x: d, y: body.e}" }', f"when.hold: {EXPECTED}; found a, d"),
        ('{ ignore = "!body.test" }', 'when.ignore: expected parentheses after "!", as in'),
        ('{ ignore = "lenght(body.a)" }', "when.ignore: expected a JMESPath expression: there is no function lenght()"),
        ('{ ignore = "length(body.a, `1`)" }', "when.ignore: expected a JMESPath expression: length() takes 1 values, found 2"),
        ('{ ignore = "body.a >" }', "when.ignore: expected a JMESPath expression: "),
        ('{ release = "body.a" }', "when.release: Unknown field."),
        ('"event.totl > `1` && event.email"', "when: no event has 'totl'"),
    ],
)  # fmt: skip
def test_what_can_never_be_true_is_a_fault_of_its_key(when, fault, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "en")
    with pytest.raises(ConfigError) as caught:
        source(when)
    (line,) = caught.value.faults
    assert line.startswith(f"sources.shopify.{fault}")


def test_fields_of_a_sender_without_a_platform_are_its_own():
    options = """
        auth = { kind = "bearer" }
        type = "'form.submitted'"
        contact = { email = "email" }
        fields = { age = "age" }
    """
    when = 'when = { hold = "event.age < `18`" }'
    of_forms = senders.source_of("generic", when, options, ("a-token-that-is-long-enough",))
    body = {"email": "ana@example.com", "age": 17}
    items = [
        flattened(translate(senders.delivery({}, json.dumps({**body, **more}).encode()), of_forms))
        for more in ({}, {"age": 18}, {"age": None})
    ]
    assert [type(item) for (item,) in items] == [Held, Call, Call]
