"""An odd value in any optional field of any platform leaves the event delivered, the field named.

For each shape of body the leaves of its schema are walked: each path that a field reads, and each
object on the way there. What is key or topic is left out; a contact is given by the source, so that
those of the body may all be odd.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import senders

from relay.inbound import samples
from relay.inbound.composite_fields import Amount, Documents, FirstOf, Items, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.jmespath_reader import _PartsSchema
from relay.inbound.payload_fields import Flag, Id, Text, Time
from relay.inbound.payload_schema import ListOf, Object, PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, Topic
from relay.model import AwaitingLookup, Call, Ignored, Translated
from relay.pipeline import flattened, translate
from relay.platforms import discovered
from tests.relay.platforms.schema_leaves import ODD, Leaf, leaves_of, odd_bodies

# Why an event is rightly ignored for the value of an optional field.
REASONS = {"made_by_a_machine", "no_consent_state", "nothing_changed"}


def translated(source: Source, headers: Mapping[str, str], body: Any) -> Translated:
    delivery = senders.delivery(headers, json.dumps(body).encode())
    return senders.without_ends(flattened(translate(delivery, source)))[0]


def assert_is_harmless(item: Translated, leaf: Leaf, name: str) -> None:
    """Delivered, or rightly ignored; and what makes no sense is named."""
    if isinstance(item, AwaitingLookup):
        return
    if isinstance(item, Ignored):
        assert item.reason in REASONS, (leaf.path, name, item)
        return
    assert isinstance(item, Call), (leaf.path, name, item)
    if name not in leaf.takes:
        named = [f"{path}." for path in item.omitted_fields]
        assert any(path.startswith(f"{leaf.path}.") for path in named), (leaf.path, name, named)


def _shapes() -> dict[str, tuple[str, str, Topic]]:
    """(platform, topic's name, topic) of the first topic of each shape that has a sample."""
    shapes: dict[int, tuple[str, str, Topic]] = {}
    for platform in map(discovered().__getitem__, senders.SECRETS):
        names = samples.names(platform.name)
        for name, topic in platform.topics.items():
            if samples.file_name(name) in names and platform.parse is None:
                shapes.setdefault(id(topic.shape), (platform.name, name, topic))
    return {
        f"{platform}-{name}": (platform, name, topic) for platform, name, topic in shapes.values()
    }


SHAPES = _shapes()


@pytest.mark.slow
@pytest.mark.parametrize("case", SHAPES)
def test_odd_optional_field_is_named_and_the_event_delivered(case):
    platform, name, topic = SHAPES[case]
    source = senders.source_of(platform, 'customer_id = "1713anaec1001"')
    headers, content = senders.request_for(platform, name)
    body = json.loads(content)
    body = body[0] if isinstance(body, list) else body
    tried = 0
    for leaf, odd, changed in odd_bodies(topic.shape.schema, body, set(topic.implies)):
        assert_is_harmless(translated(source, headers, changed), leaf, odd)
        tried += odd not in leaf.takes
    assert tried >= 20


@pytest.mark.parametrize("case", SHAPES)
def test_all_optional_fields_may_be_odd_at_once(case):
    """Of a body with nothing but key and topic left, nothing is held."""
    platform, name, topic = SHAPES[case]
    source = senders.source_of(platform, 'customer_id = "1713anaec1001"')
    headers, content = senders.request_for(platform, name)
    body = json.loads(content)
    body = body[0] if isinstance(body, list) else body
    paths = [leaf.path for leaf in leaves_of(topic.shape.schema) if leaf.path not in topic.implies]
    for value in ODD.values():
        changed = {**body, **{path: value for path in paths if "." not in path}}
        item = translated(source, headers, changed)
        is_delivered = isinstance(item, Call | AwaitingLookup)
        assert is_delivered or (isinstance(item, Ignored) and item.reason in REASONS), item


def test_every_shape_of_these_platforms_is_tried():
    shapes = {
        (platform.name, id(topic.shape))
        for platform in map(discovered().__getitem__, senders.SECRETS)
        for topic in platform.topics.values()
        if platform.parse is None
    }
    tried = {(platform, id(topic.shape)) for platform, _, topic in SHAPES.values()}
    assert tried == shapes
    assert len(SHAPES) >= 9


# A schema with every kind of field, as platforms to come have them.


class _Line(PayloadSchema):
    kind = Text()
    price = Amount("price", ("currency", "money"))


class _EverySchema(PayloadSchema):
    id = Id("data.id", required=True)
    at = Time("data.at", "at")
    buyer = Person(
        "data.who",
        email=("mail", "mails.0"),
        phones=("phone.area + phone.number", "phones", "cell"),
        name="first + last",
        latitude="lat",
    )
    account = Person(email="account.email", first_name="account.name")
    document = Documents("data.notes", country="data.country")
    amount = FirstOf(
        Amount("data.cents", "data.currency", minor=True), Amount("total", fixed="USD")
    )
    items = Items("data.lines", name=("label", "brand + model"), quantity="count")
    machine = Flag("data.robot")
    _lines = ListOf(Object(_Line), "data.more")
    _tags = ListOf(Text(), "tags")
    _totals = Object(_Line, "data.total", "totals")


EVERY = Platform(
    name="acme",
    title="Acme",
    docs="",
    scheme=Hmac(headers=("x-acme",)),
    topic=Field("event"),
    topics={"sale": Topic(type="order.paid", shape=Shape(schema=_EverySchema()))},
)


def test_odd_value_in_any_kind_of_field_is_named():
    source = replace(
        senders.source_of("generic"), platform=EVERY, customer_id="1713anaec1001", options={}
    )
    tried = set()
    body = {"event": "sale", "data": {"id": 1, "cents": 100, "currency": "USD"}}
    for leaf, odd, changed in odd_bodies(_EverySchema(), body, {"data"}):
        assert_is_harmless(translated(source, {}, changed), leaf, odd)
        tried.add(leaf.path)
    assert tried >= {
        "data.at", "at", "data.who", "data.who.mail", "data.who.mails.0", "data.who.phone",
        "data.who.phone.area", "data.who.phone.number", "data.who.phones.0", "data.who.first",
        "account", "account.email", "data.notes", "data.country", "data.cents", "data.currency",
        "total", "data.lines", "data.lines.0", "data.lines.0.model", "data.lines.0.count",
        "data.robot", "data.more.0.price", "data.more.0.money", "tags.0", "totals.kind",
    }  # fmt: skip


# Sources whose options say where things are.

CONTACT = {"email": "ana@example.com", "phone": "+593999000001"}
LEAD = {"type": "form.submitted", "id": "1", "contact": CONTACT}
READS = """
    type = "type"
    id = "id"
    time = "time"
    machine = "machine"
    [sources.{0}.options.contact]
    email = "contact.email"
    phone = "contact.phone"
    customer_id = "contact.customer_id"
    country = "contact.country"
    first_name = "contact.first_name"
    last_name = "contact.last_name"
    id_type = "contact.id_type"
    id_number = "contact.id_number"
    [sources.{0}.options.contact.address]
    address = "contact.address.address"
    city = "contact.address.city"
    state = "contact.address.state"
    zip_code = "contact.address.zip_code"
    description = "contact.address.description"
    latitude = "contact.address.latitude"
    longitude = "contact.address.longitude"
    country = "contact.address.country"
"""
AUTH = {"generic": 'auth = { kind = "bearer" }', "standard_webhooks": ""}
TOKENS = {"generic": ("a-token-that-is-long-enough",), "standard_webhooks": ()}


@pytest.mark.parametrize("platform", AUTH)
def test_odd_value_that_an_expression_finds_is_named(platform):
    """Both phone and e-mail, so that either may be odd; an empty text is as good as none."""
    options = f"{AUTH[platform]}{READS.format(platform)}"
    source = senders.source_of(platform, options=options, secrets=TOKENS[platform])
    tried = 0
    # The paths of expressions are not those of the schema where the object is not the sender's.
    not_tried = {"type", "contact", "contact.address"}
    for leaf, odd, changed in odd_bodies(_PartsSchema(), LEAD, not_tried):
        taken = replace(leaf, takes=leaf.takes | {"empty_text"})
        assert_is_harmless(translated(source, {}, changed), taken, odd)
        tried += 1
    assert tried > 200


@pytest.mark.parametrize("place", ["email", "phone", "first_name", "country"])
def test_odd_value_in_a_usual_place_of_standard_webhooks_holds_nothing(place):
    data = {"email": "ana@example.com", "phone": "0999000001", "first_name": "Ana", "country": "EC"}
    for value in ODD.values():
        content = json.dumps({"type": "order.created", "data": {**data, place: value}}).encode()
        (item,) = translate(senders.delivery({}, content), senders.source_of("standard_webhooks"))
        assert isinstance(item, Call)
