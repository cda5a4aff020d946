"""An odd value in any optional field of any platform leaves the event delivered, the field named.

One sample per schema; of each schema every optional field, nested ones too, with every odd value.
"""

import copy
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import senders

from relay.inbound.jmespath_reader import _PartsSchema
from relay.inbound.payload_schema import Flag, Id, ListOf, Number, Object, PayloadSchema, Text, Time
from relay.model import Call, Held, Ignored
from relay.pipeline import flattened, translate
from relay.platforms.shopify.state import _FOREIGN as FOREIGN

PHP_DATE = {"date": "2026-11-20 15:00:00.000000", "timezone_type": 3, "timezone": "UTC"}
ODD = {
    "empty_list": [],
    "empty_object": {},
    "false": False,
    "true": True,
    "empty_text": "",
    "text": "n/a",
    "number": 5,
    "fraction": -1.5,
    "not_a_number": float("nan"),
    "php_date": PHP_DATE,
    "list": [{"x": [1]}],
    "object": {"x": [1]},
}
# Of these, what a field of the family takes.
TAKES = {
    Text: {"empty_text", "text", "number", "fraction"},
    Id: {"text", "number"},
    Number: {"number", "fraction"},
    Time: {"empty_text", "text", "number", "fraction", "php_date"},
    Flag: {"false", "true"},
    Object: {"empty_object", "php_date", "object"},
    ListOf: {"empty_list", "empty_text", "text", "number", "fraction"},
}
# Both phone and e-mail, so that either may be odd.
CONTACT = {"email": "ana@example.com", "phone": "+593999000001"}
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
LEAD = {"type": "form.submitted", "id": "1", "contact": CONTACT}
AUTH = 'auth = { kind = "bearer" }'
TOKENS = ("a-token-that-is-long-enough",)


def _schema(platform: str, name: str) -> PayloadSchema:
    schema: PayloadSchema = getattr(import_module(f"relay.platforms.{platform}"), name)
    return schema


# (platform, source, headers and body, schema, fields that are key, topic or only contact)
CASES = {
    "shopify": (
        "shopify",
        "orders_create",
        _schema("shopify", "_SCHEMA"),
        {"id", *FOREIGN["orders"]},
    ),
    "shopify-consent": (
        "shopify",
        "customers_marketing_consent_update",
        _schema("shopify", "_CONSENT_SCHEMA"),
        {"sms_marketing_consent", "sms_marketing_consent.state", *FOREIGN["customers"]},
    ),
    "woocommerce": ("woocommerce", "order_created", _schema("woocommerce", "_SCHEMA"), {"id"}),
    "sendgrid": ("sendgrid", "bounce", _schema("sendgrid", "_SCHEMA"), {"event", "email"}),
    "generic": ("generic", LEAD, _PartsSchema(), {"type", "contact", "contact.address"}),
    "standard_webhooks": (
        "standard_webhooks",
        LEAD,
        _PartsSchema(),
        {"type", "contact", "contact.address"},
    ),
}


def _paths(schema: PayloadSchema, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in schema.load_fields.items():
        path = before + (field.data_key or name)
        yield path, field
        if isinstance(field, Object):
            yield from _paths(field.schema, f"{path}.")


def _with_value(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(body)
    *parents, name = path.split(".")
    part = changed
    for parent in parents:
        if not isinstance(part.get(parent), dict):
            part[parent] = {}
        part = part[parent]
    part[name] = value
    return changed


def _source_and_body(platform: str, sample: Any) -> tuple[Any, dict[str, str], dict[str, Any]]:
    if isinstance(sample, str):
        headers, content = senders.request_for(platform, sample)
        body = json.loads(content)
        body = body[0] if isinstance(body, list) else body
        more = CONTACT if platform == "shopify" else {}
        return senders.source_of(platform), headers, body | more
    auth = AUTH if platform == "generic" else ""
    secrets = TOKENS if platform == "generic" else ()
    options = f"{auth}{READS.format(platform)}"
    return senders.source_of(platform, options=options, secrets=secrets), {}, sample


@pytest.mark.parametrize("case", CASES)
def test_odd_optional_field_is_named_and_the_event_delivered(case):
    platform, sample, schema, necessary = CASES[case]
    source, headers, body = _source_and_body(platform, sample)
    tried = 0
    for path, field in _paths(schema):
        if path in necessary:
            continue
        for name, value in ODD.items():
            content = json.dumps(_with_value(body, path, value)).encode()
            (item,) = flattened(translate(senders.delivery(headers, content), source))
            is_list_of_objects = isinstance(field, ListOf) and isinstance(field.item, Object)
            if name in TAKES[type(field)] or (name == "list" and is_list_of_objects):
                assert not isinstance(item, Held), (path, name)
                continue
            assert isinstance(item, Call), (path, name, item)
            # An empty text is no value to the reader of expressions.
            is_named = any(f"{key}.".startswith(f"{path}.") for key in item.omitted_fields)
            assert is_named is not (sample is LEAD and value == ""), (path, name)
            tried += 1
    assert tried > 50


@pytest.mark.parametrize("case", CASES)
def test_all_optional_fields_may_be_odd_at_once(case):
    """Of a body with nothing but key, topic and contact left, nothing is held."""
    platform, sample, schema, necessary = CASES[case]
    source, headers, body = _source_and_body(platform, sample)
    for value in ODD.values():
        changed = body
        for path, _ in _paths(schema):
            if "." not in path and path not in necessary and path not in ("email", "billing"):
                changed = _with_value(changed, path, value)
        content = json.dumps(changed).encode()
        (item,) = flattened(translate(senders.delivery(headers, content), source))
        assert isinstance(item, Call) or (isinstance(item, Ignored) and value is True), item


@pytest.mark.parametrize("place", ["email", "phone", "first_name", "country"])
def test_odd_value_in_a_usual_place_of_standard_webhooks_holds_nothing(place):
    data = {"email": "ana@example.com", "phone": "0999000001", "first_name": "Ana", "country": "EC"}
    for value in ODD.values():
        content = json.dumps({"type": "order.created", "data": {**data, place: value}}).encode()
        (item,) = translate(senders.delivery({}, content), senders.source_of("standard_webhooks"))
        assert isinstance(item, Call)
