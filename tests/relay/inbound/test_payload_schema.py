"""What the lenient fields take, what they leave out and name, and what fails a load."""

import json
from decimal import Decimal

import pytest
from cases import all_of
from hypothesis import given, strategies as st
from marshmallow import ValidationError, post_load, validate

from relay.errors import Unreadable
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Flag, Id, Number, Text
from relay.inbound.payload_schema import ListOf, Object, Payload, PayloadSchema, validate as load

PHP_DATE = {"date": "2026-11-20 15:00:00.000000", "timezone_type": 3, "timezone": "UTC"}


class _Street(PayloadSchema):
    name = Text()
    latitude = Number()


class _Item(PayloadSchema):
    sku = Text(required=True)
    price = Text()


class _Person(PayloadSchema):
    id = Id(required=True)
    kind = Text(validate=validate.OneOf(["a", "b"]))
    name = Text()
    order_id = Id()
    vip = Flag()
    street = Object(_Street)
    tags = ListOf(Text())
    items = ListOf(Object(_Item))
    other = Text(data_key="theirs", attribute="ours")


PERSON = _Person()


def loaded(**values: object) -> Payload:
    payload: Payload = PERSON.load({"id": 1, **values})
    del payload.data["id"]
    return payload


@all_of(
    ("field", "value", "expected"),
    [
        ("name", "Ana", "Ana"),
        ("name", "", ""),
        ("name", 5129, "5129"),
        ("name", 25.5, "25.5"),
        ("name", -0.5, "-0.5"),
        ("name", 1e16, "10000000000000000"),
        ("name", Decimal("129.90"), "129.90"),
        ("name", Decimal("1.5e3"), "1500"),
        ("order_id", 820982911946154508, "820982911946154508"),
        ("order_id", "820982911946154508", "820982911946154508"),
        ("order_id", " gid://shopify/Order/1 ", "gid://shopify/Order/1"),
        ("order_id", 10**30, "1" + "0" * 30),
        ("order_id", 42.0, "42"),
        ("order_id", Decimal("820982911946154508.0"), "820982911946154508"),
        ("order_id", Decimal("8.20982911946154508E+17"), "820982911946154508"),
        ("vip", True, True),
        ("vip", "TRUE", True),
        ("vip", 1, True),
        ("vip", "no", False),
        ("vip", "0", False),
        ("street", {}, {}),
        ("street", {"name": 7, "latitude": "-0.1807"}, {"name": "7", "latitude": "-0.1807"}),
        ("street", {"latitude": -78.467834}, {"latitude": "-78.467834"}),
        ("tags", [], []),
        ("tags", "vip", ["vip"]),
        ("tags", 7, ["7"]),
        ("tags", ["vip", 7, None], ["vip", "7"]),
        ("tags", {"0": "vip", "2": "new"}, ["vip", "new"]),
        ("items", [{"sku": 1}], [{"sku": "1"}]),
        ("items", {"3": {"sku": "x", "price": 2}}, [{"sku": "x", "price": "2"}]),
        ("kind", "a", "a"),
    ],
)
def test_value_is_taken(field, value, expected):
    assert loaded(**{field: value}) == Payload({field: expected}, {})


ODD = {
    Text: [[], {}, False, True, PHP_DATE, ["x"], float("nan"), float("inf"), 1e300,
           Decimal("NaN"), Decimal("1e999999"), 10**50],
    Id: [[], {}, False, True, "", " ", PHP_DATE, 1.5, float("nan"), 1e17, Decimal("0.5")],
    Number: [[], {}, False, True, "", "n/a", "1,5", "٣", "1e5", PHP_DATE, float("inf")],
    Flag: [[], {}, "", "maybe", 2, 1.5, PHP_DATE],
    Object: [[], False, True, "", "x", 7, [{}], float("nan")],
    ListOf: [{}, False, True, {"a": 1}, PHP_DATE],
}  # fmt: skip
FIELDS = [
    ("name", Text, "not_a_text"),
    ("order_id", Id, "not_an_id"),
    ("street.latitude", Number, "not_a_number"),
    ("vip", Flag, "not_a_flag"),
    ("street", Object, "not_an_object"),
    ("tags", ListOf, "not_a_list"),
    ("items", ListOf, "not_a_list"),
]


@all_of(
    ("path", "value", "reason"),
    [(path, value, reason) for path, family, reason in FIELDS for value in ODD[family]],
)
def test_odd_value_is_left_out_and_named(path, value, reason):
    parent, _, field = path.rpartition(".")
    payload = loaded(**({parent: {"name": "Sol", field: value}} if parent else {field: value}))

    assert payload.omitted_fields == {path: reason}
    assert payload.data == ({parent: {"name": "Sol"}} if parent else {})


def test_empty_text_in_the_place_of_an_object_is_none():
    schema = PayloadSchema.of({"city": Text("address.city"), "name": Text()})

    assert schema.load({"address": "", "name": "Ana"}) == Payload({"name": "Ana"}, {})
    named = schema.load({"address": "Quito", "name": "Ana"})
    assert named == Payload({"name": "Ana"}, {"address": "not_an_object"})


@pytest.mark.parametrize("field", [name for name in PERSON.fields if name != "id"])
def test_null_is_the_same_as_absent(field):
    key = PERSON.fields[field].data_key or field
    assert loaded(**{key: None}) == loaded() == Payload({}, {})


def test_items_of_a_list_are_left_out_one_by_one():
    payload = loaded(tags=["a", [], "b"], items=[{"sku": "x", "price": []}, 7, {"price": 1}])

    assert payload.data == {"tags": ["a", "b"], "items": [{"sku": "x"}]}
    assert payload.omitted_fields == {
        "tags.1": "not_a_text",
        "items.0.price": "not_a_text",
        "items.1": "not_an_object",
        "items.2": "not_an_object",
    }


def test_only_some_of_a_thousand_odd_items_are_named():
    payload = loaded(name="Ana", tags=[[]] * 1000)

    assert payload.data == {"name": "Ana", "tags": []}
    assert len(payload.omitted_fields) == 20


def test_field_is_found_by_their_name_and_named_so():
    assert loaded(theirs="x") == Payload({"ours": "x"}, {})
    assert loaded(theirs=[]) == Payload({}, {"theirs": "not_a_text"})
    assert loaded(kind="c").omitted_fields == {"kind": "not_a_text"}


@pytest.mark.parametrize(
    ("value", "reasons"),
    [
        ({}, {"id": ["Missing data for required field."]}),
        ({"id": None, "name": []}, {"id": ["Missing data for required field."]}),
        ({"id": [], "street": 7}, {"id": ["expected an id"]}),
        ([], {"body": "expected a JSON object"}),
        (None, {"body": "expected a JSON object"}),
        ("x", {"body": "expected a JSON object"}),
    ],
)
def test_only_a_required_field_fails_the_load(value, reasons):
    with pytest.raises(Unreadable) as error_info:
        load(PERSON, value)

    assert error_info.value.reasons == reasons


class _Strict(PayloadSchema):
    street = Object(_Street, required=True)


def test_odd_part_of_a_required_object_is_left_out():
    payload = _Strict().load({"street": {"name": [], "latitude": 1}})

    assert payload == Payload({"street": {"latitude": "1"}}, {"street.name": "not_a_text"})
    with pytest.raises(ValidationError):
        _Strict().load({"street": []})


class _Hooked(PayloadSchema):
    name = Text()

    @post_load
    def add(self, data, **_):
        return data


class _Default(PayloadSchema):
    name = Text(load_default="x")


@pytest.mark.parametrize("schema", [_Hooked, _Default])
def test_schema_with_hooks_or_defaults_is_refused(schema):
    with pytest.raises(TypeError, match="takes no hooks or defaults"):
        schema().load({})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*PERSON.fields, "theirs", "else"]), JSON))
def test_no_optional_value_fails_a_load(values):
    payload = PERSON.load({**values, "id": 1})

    assert not payload.omitted_fields.keys() & {"id", "else"}
    top_level = {path for path in payload.omitted_fields if "." not in path}
    assert not top_level & (payload.data.keys() - {"other"})
    for field in ("name", "order_id", "ours"):
        assert isinstance(payload.data.get(field, ""), str)


@given(st.integers())
def test_id_of_any_length_stays_exact_from_json_to_text(number):
    body = json.dumps({"id": number}).encode()
    if abs(number) < 10**40:
        assert PERSON.load(json_body(body)).data["id"] == str(number)


def test_names_come_from_the_schema_and_never_from_the_sender():
    payload = loaded(street={"name": {"secret": 1}, "secret": 2}, tags={"secret": 3})

    assert set(payload.omitted_fields) == {"street.name", "tags"}
