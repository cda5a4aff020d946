"""A wrong declaration is refused when platforms are discovered, by platform, topic and name."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from cases import all_of
from marshmallow import fields, post_load

import relay.platforms
from relay.inbound.contract import Platform
from relay.inbound.declaration_check import check_declaration
from relay.inbound.lookups import Lookup, Read
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, Topic, created, updated
from relay.model import Step
from relay.platforms import discovered


class _OrderSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time()
    updated_at = Time()
    order_number = Text()
    token = Text()
    ours = Text("theirs", attribute="status")
    _own = Text("own")


class _OtherSchema(_OrderSchema):
    pass


class _NamelessSchema(PayloadSchema):
    created_at = Time()
    updated_at = Time()
    order_number = Text()


class _HookedSchema(PayloadSchema):
    order_number = Text()

    @post_load
    def add(self, data, **_):
        return data


class _ForeignSchema(PayloadSchema):
    id = fields.String()


ORDER = Shape(schema=_OrderSchema(), kind="order", shown=("order_number", "status"))
STATES = {"status": {"paid": Step("paid", "order.paid"), "open": Step("open", "")}}
NAMELESS = Shape(schema=_NamelessSchema(), kind="order")


def platform(**parts):
    common = {"name": "acme", "title": "Acme", "docs": "", "scheme": Hmac(headers=("x-acme",))}
    return Platform(**{**common, **parts})


@pytest.mark.parametrize(
    "topic",
    [
        created("order.created", ORDER),
        created("", ORDER),
        updated("order.updated", replace(ORDER, states=STATES)),
        updated("order.updated", ORDER, delayed_type="checkout.abandoned"),
        Topic(type="order.paid", shape=ORDER, step="paid"),
        Topic(type="order.paid", shape=ORDER, at=("created_at", "at")),
        Topic(type="customer.deleted"),
        Topic(type="order.refunded", shape=NAMELESS, at=("created_at",)),
    ],
)
def test_sound_declaration_is_taken(topic):
    check_declaration(platform(topics={"a": topic}, other=topic))


WRONG = [
    (Topic(type="order.creted"), "unknown event type 'order.creted'"),
    (created("order.created", ORDER, delayed_type="cart.left"), "unknown event type 'cart.left'"),
    (
        Topic(type="order.paid", shape=ORDER, lookup="order", other_types=("order.mislaid",)),
        "unknown event type 'order.mislaid'",
    ),
    (
        created("customer.created", replace(ORDER, schema=_OtherSchema())),
        "'order_number' in the schema is no field",
    ),
    (
        created("", replace(ORDER, schema=PayloadSchema.of({"id": Id(), "numero": Text()}))),
        "'numero' in the schema is no field",
    ),
    (
        created("order.created", replace(ORDER, shown=("order_number", "ours"))),
        "'ours' in shown is not in the schema",
    ),
    (
        created("order.created", replace(ORDER, states={"state": {"p": Step("paid", "")}})),
        "'state' in states is not in the schema",
    ),
    (
        created("order.created", replace(ORDER, states={"status": {"p": Step("paid", "x.y")}})),
        "unknown event type 'x.y'",
    ),
    (
        Topic(type="order.paid", shape=replace(ORDER, kind="", states=STATES)),
        "'kind' of the shape",
    ),
    (Topic(type="order.paid", shape=ORDER, at=("paid_at",)), "'paid_at' in at is not in the"),
    (
        Topic(type="order.paid", shape=ORDER, step="paid", step_at="paid_at"),
        "'paid_at' in step_at is not in the schema",
    ),
    (Topic(type="order.paid", shape=ORDER, step_at="at"), "'at' in step_at is not in the schema"),
    (Topic(type="order.paid", shape=replace(ORDER, kind=""), step="paid"), "'kind' of the shape"),
    (updated("order.updated", replace(ORDER, kind="")), "'kind' of the shape"),
    (created("order.created", NAMELESS), "'id' is not in the schema"),
    (updated("order.updated", NAMELESS), "'id' is not in the schema"),
    (Topic(type="order.paid", shape=NAMELESS, at=(), once=True), "'id' is not in the schema"),
    (Topic(type="order.paid", shape=NAMELESS, at=(), lookup="order"), "'id' is not in the schema"),
    (
        Topic(type="order.paid", shape=NAMELESS, at=(), delayed_type="order.failed"),
        "'token' is not in",
    ),
    (Topic(type="order.paid", shape=Shape(schema=_HookedSchema())), "no hooks or defaults"),
    (Topic(type="order.paid", shape=Shape(schema=_ForeignSchema())), "id: expected a PathField"),
]


@all_of(("topic", "fault"), WRONG)
def test_wrong_declaration_is_refused_by_its_name(topic, fault):
    sound = created("order.created", ORDER)
    with pytest.raises(TypeError, match=fault) as error_info:
        check_declaration(platform(topics={"sound": sound, "wrong/one": topic}))
    named = ("platform acme, topic 'wrong/one': ", "_HookedSchema: ", "_ForeignSchema.")
    assert str(error_info.value).startswith(named)


def test_topic_of_all_others_is_checked_too():
    with pytest.raises(TypeError, match="topic 'other': unknown event type 'x'"):
        check_declaration(platform(other=Topic(type="x")))


def test_topic_that_nothing_looks_up_is_refused():
    looked_up = Topic(type="order.paid", shape=ORDER, lookup="order")
    other = {"payment": Lookup(Read("/payments/{id}"), shape=ORDER)}
    with pytest.raises(TypeError, match="platform acme: no look-up of 'order'"):
        check_declaration(platform(topics={"paid": looked_up}, lookups=other))


def test_name_counts_where_any_topic_of_the_schema_has_it():
    """Topics may share a body: what only one of their families has is left out of the others."""
    shape = replace(ORDER, schema=PayloadSchema.of({"id": Id(), "url": Text(), "carrier": Text()}))
    shape = replace(shape, shown=())
    shared = {
        "paid": Topic(type="order.paid", shape=shape),
        "sent": Topic(type="order.shipped", shape=replace(shape, kind="shipment")),
    }
    check_declaration(platform(topics=shared))
    with pytest.raises(TypeError, match="topic 'paid': 'carrier' in the schema"):
        check_declaration(platform(topics={"paid": shared["paid"]}))


FIRST = next(iter(discovered()))


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        (SimpleNamespace(), rf"relay/platforms/{FIRST}\.py: expected platform '{FIRST}'"),
        (SimpleNamespace(platform=platform(name="no")), rf"relay/platforms/{FIRST}\.py: expected"),
        (
            SimpleNamespace(platform=platform(name=FIRST, topics={"a": Topic(type="x")})),
            f"platform {FIRST}, topic 'a': unknown event type 'x'",
        ),
    ],
)
def test_discovery_refuses_a_module_without_a_sound_platform(monkeypatch, module, fault):
    monkeypatch.setattr(relay.platforms, "import_module", lambda _name: module)
    with pytest.raises(TypeError, match=fault):
        relay.platforms.Platforms()[FIRST]
