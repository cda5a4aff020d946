"""The fast path of `PayloadSchema` has the results of marshmallow."""

import pytest
from hypothesis import given, strategies as st
from marshmallow import Schema, ValidationError, fields, post_load, validate

from relay.inbound.payload_schema import PayloadSchema, Text


class _Street(PayloadSchema):
    name = Text()
    latitude = fields.Float(allow_none=True)


class _Person(PayloadSchema):
    id = fields.Raw(required=True)
    note = fields.Raw()
    name = Text()
    kind = fields.String(validate=validate.OneOf(["a", "b"]))
    street = fields.Nested(_Street, allow_none=True)
    must = fields.Nested(_Street)
    streets = fields.List(fields.Nested(_Street))


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.just("1.5")
)
STREETS = st.dictionaries(st.sampled_from(["name", "latitude", "else"]), LEAVES)
VALUES = st.one_of(LEAVES, STREETS, st.lists(st.one_of(LEAVES, STREETS), max_size=3))
NAMES = ("id", "note", "name", "kind", "street", "must", "streets", "else")


def outcome(load, value):
    try:
        return load(value)
    except ValidationError as error:
        return error.messages


def field_by_field(schema, value):
    """The result of marshmallow alone."""
    return Schema.load(schema, value)


@given(st.one_of(VALUES, st.dictionaries(st.sampled_from(NAMES), VALUES)))
def test_load_has_the_result_of_marshmallow(value):
    schema = _Person()

    assert outcome(schema.load, value) == outcome(lambda v: field_by_field(schema, v), value)


def test_expected_types_do_not_run_marshmallow(monkeypatch):
    schema = _Person()
    value = {"id": 7, "name": "Ana", "street": {"name": None, "latitude": "1.5", "x": 1}, "y": 2}
    monkeypatch.setattr(Schema, "load", lambda *_, **__: pytest.fail("asked marshmallow"))

    values = schema.load(value)

    assert values == {"id": 7, "name": "Ana", "street": {"name": None, "latitude": 1.5}}


def test_all_faults_are_reported_at_once():
    with pytest.raises(ValidationError) as error_info:
        _Person().load({"name": 5, "street": {"name": [], "latitude": "x"}})

    assert error_info.value.messages == {
        "id": ["Missing data for required field."],
        "name": ["Not a valid string."],
        "street": {"latitude": ["Not a valid number."], "name": ["Not a valid string."]},
    }


class _Hooked(PayloadSchema):
    name = Text()

    @post_load
    def add(self, data, **_):
        return data | {"hooked": True}


class _Renamed(PayloadSchema):
    name = Text()
    other = fields.String(data_key="theirs", load_default="none")


class _Outer(PayloadSchema):
    inner = fields.Nested(_Hooked)
    strict = fields.Nested(_Street, unknown="raise")


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (_Hooked(), {"name": "Ana"}, {"name": "Ana", "hooked": True}),
        (_Renamed(), {"theirs": "x"}, {"other": "x"}),
        (_Renamed(), {}, {"other": "none"}),
        (_Outer(), {"inner": {}}, {"inner": {"hooked": True}}),
        (_Street(many=True), [{"name": "a"}], [{"name": "a"}]),
    ],
)
def test_schemas_that_ask_for_more_are_left_to_marshmallow(schema, value, expected):
    assert schema.load(value) == expected


def test_options_of_a_load_and_of_a_nested_field_hold():
    assert _Person().load({}, partial=True) == {}
    assert _Street().load([{"name": "a"}], many=True) == [{"name": "a"}]
    with pytest.raises(ValidationError, match="Unknown field"):
        _Outer().load({"strict": {"else": 1}})
