"""Fields that make one value of several: people, amounts, items, documents, joined texts."""

from decimal import Decimal
from typing import Any

import pytest
from cases import all_of

from relay.inbound.composite_fields import (
    Amount,
    Documents,
    FirstOf,
    Items,
    JoinedText,
    Person,
    Texts,
    address,
)
from relay.inbound.contact import Party
from relay.inbound.payload_fields import Number, PathField, Text
from relay.inbound.payload_schema import ListOf, Object, PayloadSchema
from relay.model import Address, Money


def value_at(field: PathField, body: dict[str, Any]) -> Any:
    """The field's value in a body, None without one."""
    return PayloadSchema.of({"x": field}).load(body).data.get("x")


def omitted(field: PathField, body: dict[str, Any]) -> dict[str, str]:
    return PayloadSchema.of({"x": field}).load(body).omitted_fields


def shown(field: PathField, body: dict[str, Any]) -> dict[str, Any]:
    schema = PayloadSchema.of({"x": field})
    return schema.shown(("x",), schema.load(body).data, body)


# People.

BUYER = Person(
    email=("email", "customer.email"),
    phones=("phone", "customer.phones", "area + number"),
    first_name="customer.name",
)
SHIPPING = Person(
    "to", name="first + last", lines=("street", "more"), city="town", latitude="lat",
    country=("code", "country"), fixed={"country": "EC"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("body", "party"),
    [
        ({"email": "ana@example.com"}, Party(email="ana@example.com")),
        ({"email": "", "customer": {"email": "b@example.com"}}, Party(email="b@example.com")),
        (
            {"phone": "1", "customer": {"phones": ["2", "", 3, "1"]}, "area": "09", "number": 99},
            Party(phones=("1", "2", "3", "09 99")),
        ),
        ({"customer": {"name": "Ana"}, "phone": ""}, Party(first_name="Ana")),
        ({"number": "99"}, Party(phones=("99",))),
        ({"email": ["ana@example.com"]}, Party(email="ana@example.com")),
        (
            {"email": [None, "", "a@example.com", 5, "b@example.com"]},
            Party(email="a@example.com; b@example.com"),
        ),
        ({"email": [], "customer": {"email": "b@example.com"}}, Party(email="b@example.com")),
        ({"email": [{}]}, None),
        (
            {"email": [{"address": "a@example.com"}, "b@example.com"]},
            Party(email="a@example.com; b@example.com"),
        ),
        (
            {"email": {"value": "a@example.com"}, "phone": {"number": 5}},
            Party(email="a@example.com", phones=("5",)),
        ),
        ({"phone": [{"type": "x"}, {"phone": "1"}]}, Party(phones=("1",))),
        ({}, None),
        ({"email": "", "customer": {}}, None),
    ],
)
def test_person_of_a_whole_body(body, party):
    assert value_at(BUYER, body) == party


@pytest.mark.parametrize(
    ("value", "party"),
    [
        ({"first": "Ana", "last": "Inventada"}, Party(name="Ana Inventada", country="EC")),
        ({"last": "Inventada", "code": "CO"}, Party(name="Inventada", country="CO")),
        (
            {"street": "Calle 1", "more": "", "town": "Quito", "lat": -0.18},
            Party(
                country="EC", address=Address("Calle 1", "Quito", latitude="-0.18", country="EC")
            ),
        ),
        (
            {"street": "Calle 1", "more": "Dpto. 2", "country": "Chile"},
            Party(country="Chile", address=Address("Calle 1, Dpto. 2", country="Chile")),
        ),
        ({}, None),
        ({"first": "", "street": ""}, None),  # what is fixed says nothing by itself
        (None, None),
        ([], None),
    ],
)
def test_person_in_an_object(value, party):
    assert value_at(SHIPPING, {"to": value}) == party


def test_odd_parts_of_a_person_are_named_by_their_paths():
    assert omitted(SHIPPING, {"to": {"first": [], "lat": "n/a", "street": [{}], "town": True}}) == {
        "to.first": "not_a_text",
        "to.lat": "not_a_number",
        "to.street.0": "not_a_text",
        "to.town": "not_a_text",
    }
    assert omitted(SHIPPING, {"to": "Ana"}) == {"to": "not_an_object"}
    assert omitted(BUYER, {"customer": 5, "area": False}) == {
        "customer": "not_an_object", "area": "not_a_text",
    }  # fmt: skip


def test_shown_of_a_person_is_the_whole_object_or_the_parts_of_a_body():
    to = {"first": "Ana"}
    assert shown(SHIPPING, {"to": to}) == {"x": {"name": "Ana", "country": "EC"}}
    street = {"street": "Calle 1"}
    assert shown(SHIPPING, {"to": street})["x"]["address"] == ["Calle 1", "", "", "", "EC"]
    assert shown(SHIPPING, {"to": None}) == {"x": None}
    assert shown(SHIPPING, {}) == {}
    assert shown(BUYER, {}) == {}
    assert shown(BUYER, {"email": None}) == {"email": ""}
    everything = {"customer": {"name": "Ana"}, "email": "a@example.com"}
    assert shown(BUYER, everything) == {"first_name": "Ana", "email": "a@example.com", "phone": ()}


def test_usual_names_of_an_address_may_be_replaced():
    field = Person("to", **address(city="town", lines="street"))
    to = {"name": "Ana", "phone": "1", "town": "Quito", "street": "Calle 1", "country": "EC"}
    place = Address("Calle 1", "Quito", country="EC")
    assert value_at(field, {"to": to}) == Party(
        name="Ana", phones=("1",), country="EC", address=place
    )
    assert address()["phones"] == "phone"


def test_phone_of_two_texts_is_shown():
    """A change of either is worth an update."""
    assert shown(BUYER, {"area": "09", "number": "1"}) == {"phone": ("09 1",)}
    assert shown(BUYER, {"number": "2"}) == {"phone": ("2",)}


# Texts.


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"a": "1", "b": ["2", "", 3]}, ["1", "2", "3"]),
        ({"a": "", "c": "4", "d": "5"}, ["4 5"]),
        ({"b": {"0": "x", "1": "y"}}, ["x", "y"]),
        ({"a": None, "b": []}, []),
    ],
)
def test_texts_are_all_that_are_not_empty(body, texts):
    assert value_at(Texts("a", "b", "c + d"), body) == texts


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"a": "Ana", "b": "Inventada"}, "Ana Inventada"),
        ({"a": "Ana"}, "Ana"),
        ({"a": "", "b": 7}, "7"),
        ({"c": {"d": "x"}}, "x"),
        ({"a": "Ana", "c": {"d": "x"}}, "Ana"),
        ({"a": [], "b": {}}, None),
        ({}, None),
    ],
)
def test_joined_text_is_the_first_path_that_says_something(body, text):
    assert value_at(JoinedText("a+b", "c.d + e"), body) == text


def test_joined_text_is_shown_where_the_body_has_a_part():
    field = JoinedText("a + b.c")
    assert shown(field, {"a": "1"}) == {"x": "1"}
    assert shown(field, {"b": {}}) == {"x": None}
    assert shown(field, {"c": "1"}) == {}


# Amounts.


@pytest.mark.parametrize(
    ("field", "body", "money"),
    [
        (Amount("a", "c"), {"a": "49.90", "c": "usd"}, Money(Decimal("49.90"), "USD")),
        (Amount("a", "c"), {"a": Decimal("49.90")}, Money(Decimal("49.90"))),
        (Amount("a", ("x.c", "c")), {"a": 5, "c": "S/"}, Money(Decimal(5), "PEN")),
        (Amount("a.b", "a.c"), {"a": {"b": 1, "c": "CLP"}}, Money(Decimal(1), "CLP")),
        (Amount("a", "c", fixed="BRL"), {"a": 5}, Money(Decimal(5), "BRL")),
        (Amount("a", "c", fixed="BRL"), {"a": 5, "c": "USD"}, Money(Decimal(5), "USD")),
        (Amount("a", fixed="BRL"), {"a": 5}, Money(Decimal(5), "BRL")),
        (Amount("a"), {"a": 5}, Money(Decimal(5))),
        (Amount("a", "c", minor=True), {"a": 4990, "c": "USD"}, Money(Decimal("49.90"), "USD")),
        (Amount("a", "c", minor=True), {"a": 4990, "c": "CLP"}, Money(Decimal(4990), "CLP")),
        (Amount("a", fixed="CLP", digits=2), {"a": 499000}, Money(Decimal("4990.00"), "CLP")),
        (Amount("a", digits=0), {"a": 5}, Money(Decimal(5))),
        (Amount("a", "c", written=True), {"a": "$ 12.990", "c": "CLP"}, Money(Decimal(12990), "CLP")),
    ],
)  # fmt: skip
def test_amount_is_read_in_the_platforms_notation(field, body, money):
    assert value_at(field, body) == money
    assert omitted(field, body) == {}


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_no_amount(value):
    assert value_at(Amount("a", "c"), {"a": value, "c": []}) is None
    assert omitted(Amount("a", "c"), {"a": value}) == {}


@pytest.mark.parametrize("value", ["n/a", [], {}, True, "12.99.0", 1e300])
def test_odd_amount_is_named(value):
    field = Object(type("_Schema", (PayloadSchema,), {"y": Amount("a.b", "c")}), "o")
    assert omitted(field, {"o": {"a": {"b": value}}}) == {"o.a.b": "not_an_amount"}
    assert value_at(field, {"o": {"a": {"b": value}}}) == {}


def test_amount_with_an_odd_currency_has_none():
    body = {"a": 5, "c": {}}
    assert value_at(Amount("a", "c"), body) == Money(Decimal(5))
    assert omitted(Amount("a", "c"), body) == {"c": "not_a_text"}
    assert value_at(Amount("a", "c", fixed="USD"), body) == Money(Decimal(5), "USD")


# The first of several.


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ({"a": {"b": "1"}, "c": 2}, Money(Decimal(1))),
        ({"a": {"b": ""}, "c": 2}, Money(Decimal(2))),
        ({"a": [], "c": 2}, Money(Decimal(2))),
        ({"c": "n/a", "d": "x"}, "x"),
        ({"c": "n/a"}, None),
        ({}, None),
    ],
)
def test_first_of_several_fields_counts(body, value):
    assert value_at(FirstOf(Amount("a.b"), Amount("c"), Text("d")), body) == value


def test_first_of_several_is_shown_where_the_body_has_any():
    field = FirstOf(Amount("a.b"), Text("c"))
    assert shown(field, {"a": {}}) == {"x": None}
    assert shown(field, {"c": "1"}) == {"x": "1"}
    assert shown(field, {"b": "1"}) == {}


# Amounts.


@all_of(
    ("sent", "currency", "expected"),
    [
        # As a plugin or a person formats them.
        ("1,299.00", "USD", "1299.00"), ("1.299,00", "USD", "1299.00"), ("49,90", "USD", "49.90"),
        ("$49.90", "USD", "49.90"), ("12,990", "CLP", "12990"), ("$ 129.900", "COP", "129900"),
        ("1.299.900", "COP", "1299900"), ("S/ 89.90", "PEN", "89.90"), ("10.00 USD", "", "10.00"),
        ("Gs. 150.000", "PYG", "150000"), ("45.300,00", "ARS", "45300.00"), ("-1.299,50", "USD", "-1299.50"),
        # Thousands of a currency without cents; no program writes mills of it.
        ("129.900", "COP", "129900"), ("12.990", "CLP", "12990"), (" 150.000 ", "PYG", "150000"),
        # Decimals of programs.
        ("129.900000", "COP", "129.900000"), ("129.9000", "CLP", "129.9000"), ("0.990", "COP", "0.990"),
        ("1299.000", "COP", "1299.000"), ("129.90", "COP", "129.90"), ("1.299", "USD", "1.299"),
        ("129.900", "", "129.900"), (Decimal("129.900"), "COP", "129.900"), ("1.5e3", "USD", "1500"),
        # No amounts.
        ("1.299,000", "USD", None), ("gratis", "USD", None), ("25 mil", "COP", None), ("10/20", "USD", None),
    ],
)  # fmt: skip
def test_amount_that_is_no_decimal_is_read_as_people_write_it(sent, currency, expected):
    money = value_at(Amount("a", "c"), {"a": sent, "c": currency})
    assert (f"{money.amount:f}" if money else None) == expected


@pytest.mark.parametrize("units", ["129.900", "1.299,00", "$12"])
def test_minor_units_are_no_text_of_people(units):
    assert value_at(Amount("a", "c", minor=True), {"a": units, "c": "COP"}) is None


# Items.


def test_items_are_texts_of_quantity_and_name():
    lines = [
        {"name": "Taza &amp; plato", "quantity": 2}, {"name": " Té ", "quantity": None},
        {"name": "Café", "quantity": "0"}, {"name": "", "quantity": 1}, {"quantity": 3},
        {"name": "Pan", "quantity": Decimal("0.5")}, {"name": "Sal", "quantity": "mucha"},
    ]  # fmt: skip
    expected = ["2 × Taza & plato", "Té", "0.5 × Pan", "Sal"]  # noqa: RUF001  as notes show it
    assert value_at(Items("lines"), {"lines": lines}) == expected
    assert omitted(Items("lines"), {"lines": lines}) == {"lines.6.quantity": "not_a_number"}


@all_of(
    ("quantity", "shown"),
    [
        ("2.0000", "2"), (Decimal("2.0"), "2"), ("10", "10"), ("10.0", "10"), (20, "20"), ("1.50", "1.5"),
        ("0.0000", None), (0, None), ("", ""),
    ],
)  # fmt: skip
def test_quantity_has_no_decimals_that_say_nothing(quantity, shown):
    line = {"name": "Té", "quantity": quantity}
    item = f"{shown} × Té" if shown else "Té"  # noqa: RUF001  as notes show it
    assert value_at(Items("lines"), {"lines": [line]}) == ([] if shown is None else [item])


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("Camiseta <span> - </span>Rojo", "Camiseta - Rojo"),
        ("Taza<br/>grande", "Taza grande"),
        ("Caf&eacute; <b>340&nbsp;g</b>", "Café 340 g"),
        ('<SPAN class="talla">M</SPAN>', "M"),
        ("Taza\n\tgrande\x07\r\nroja", "Taza grande roja"),
        ("Cable <2 m> & <basic>", "Cable <2 m> & <basic>"),
        ("Regla &lt;i&gt;", "Regla <i>"),
        ("<br>", None),
    ],
)
def test_item_is_one_line_without_the_html_of_its_name(name, item):
    assert value_at(Items("lines"), {"lines": [{"name": name}]}) == ([item] if item else [])


def test_items_have_their_own_names_in_each_body():
    field = Items("a.lines", name=("label", "brand + model"), quantity="n")
    lines = {"1": {"brand": "Acme", "model": 7, "n": 1}, "2": {"label": "Té"}, "3": None}
    assert value_at(field, {"a": {"lines": lines}}) == ["1 × Acme 7", "Té"]  # noqa: RUF001  same
    assert omitted(field, {"a": {"lines": "Té"}}) == {"a.lines": "not_a_list"}
    assert omitted(field, {"a": {"lines": ["Té"]}}) == {"a.lines.0": "not_an_object"}


def test_what_is_a_part_of_another_item_is_none():
    lines = [{"id": 1, "name": "Té"}, {"name": "Té verde", "of": 1}, {"name": "Sal", "of": None}]
    assert value_at(Items("lines", part_of="of"), {"lines": lines}) == ["Té", "Sal"]
    assert value_at(Items("lines"), {"lines": lines}) == ["Té", "Té verde", "Sal"]


def test_only_the_first_items_of_many_are_kept():
    lines = [{"name": f"n{i}", "quantity": ""} for i in range(60)]
    assert value_at(Items("lines"), {"lines": lines}) == [f"n{i}" for i in range(50)]


# Documents.

NOTES = [{"name": "Color", "value": "azul"}, {"name": "Cédula", "value": "0102030400"}]


@pytest.mark.parametrize(
    ("body", "document"),
    [
        ({"notes": NOTES}, ("cedula", "0102030400")),
        ({"notes": NOTES, "to": {"code": "EC"}}, ("cedula", "0102030400")),
        ({"notes": NOTES, "to": {"code": "Ecuador"}}, ("cedula", "0102030400")),
        ({"notes": NOTES, "to": {"code": "CL"}}, None),
        ({"notes": NOTES, "to": {"code": []}}, ("cedula", "0102030400")),
        ({"meta": {"ruc": "1790016919001"}, "to": {"code": "EC"}}, ("ruc", "1790016919001")),
        ({"notes": [{"name": "Color", "value": "azul"}]}, None),
        ({"notes": "0102030400", "meta": []}, None),
        ({}, None),
    ],
)
def test_document_is_found_among_named_values(body, document):
    field = Documents("notes", "meta", country="to.code")
    assert value_at(field, body) == document
    assert omitted(field, body) == {}


def test_document_without_a_country_is_the_first_of_its_name():
    assert value_at(Documents("notes"), {"notes": NOTES}) == ("cedula", "0102030400")


# In lists.


@pytest.mark.parametrize(
    "field", [Amount("a"), FirstOf(Text("a")), JoinedText("a"), Texts("a"), Documents("a")]
)
def test_field_of_several_values_is_no_item_of_a_list(field):
    with pytest.raises(TypeError, match="an item of a list is one"):
        ListOf(field)


def test_people_and_objects_are_items_of_a_list():
    field = ListOf(Person("", email="mail"), "people")
    body = {"people": [{"mail": "a@example.com"}, 7, {"mail": ""}]}
    assert value_at(field, body) == [Party(email="a@example.com"), None]
    assert omitted(field, body) == {"people.1": "not_an_object"}
    assert value_at(ListOf(Number(), "n"), {"n": [1, "2"]}) == ["1", "2"]
