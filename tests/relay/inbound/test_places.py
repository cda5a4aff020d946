"""Places of a request: headers, query, fields of the body, and the first of several."""

from decimal import Decimal

import pytest
import senders
from cases import all_of

from relay.inbound.places import Field, FieldIs, FirstPlace, Header, Place, Query, SiteHeader

HEADERS = {"x-topic": "orders/create", "x-empty": "", "x-id": "d1"}
QUERY = (("type", "payment"), ("empty", ""), ("data.id", "7"), ("type", "refund"))
REQUEST = senders.delivery(HEADERS, b"", query=QUERY)
VALUE = {"event": "sale", "data": {"id": 7, "test": True, "no": None, "list": ["x"]}, "empty": ""}


def text_at(place: Place, value: object = VALUE) -> str:
    return place.find(REQUEST, value)


@all_of(
    ("place", "text"),
    [
        (Header("X-Topic"), "orders/create"),
        (Header("x-empty", "x-id"), "d1"),
        (Header("x-absent", "x-empty"), ""),
        (Query("data.id"), "7"),
        (Query("absent", "empty", "data.id"), "7"),
        (Query("type"), "refund"),  # of a repeated one the last
        (Query("absent"), ""),
        (Field("event"), "sale"),
        (Field("empty", "data.id"), "7"),
        (Field("data.test"), "true"),
        (Field("data.no"), ""),
        (Field("data.list"), ""),
        (Field("data.list.0"), ""),
        (Field("event.id"), ""),
        (Field("absent.id", "event"), "sale"),
        (FieldIs("event", "trial", "sale"), "true"),
        (FieldIs("event", "trial"), ""),
        (FieldIs("data.test", "true"), "true"),
        (FieldIs("absent", "sale"), ""),
        (FirstPlace(Header("x-absent"), Field("data.id"), Query("type")), "7"),
        (FirstPlace(Header("x-id"), Field("data.id")), "d1"),
        (FirstPlace(Header("x-absent"), Query("absent")), ""),
    ],
)
def test_text_at_a_place(place, text):
    assert text_at(place) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(Decimal(820982911946154508), "820982911946154508"), (1.5, "1.5"), (0, "0"), (False, "false")],
)
def test_number_or_boolean_in_a_field_is_a_text(number, text):
    assert text_at(Field("id"), {"id": number}) == text


@pytest.mark.parametrize("value", [None, 7, "event", ["event"], [{"event": "x"}]])
def test_body_that_is_no_object_has_no_fields(value):
    assert text_at(Field("event"), value) == ""


@all_of(
    ("text", "found"),
    [
        ("https://tienda.example/", "https://tienda.example/"),
        ("https://tienda.example", "https://tienda.example/"),
        ("http://Tienda.example/", "https://tienda.example/"),
        ("HTTPS://TIENDA.EXAMPLE//", "https://tienda.example/"),
        ("https://www.tienda.example/", "https://tienda.example/"),
        ("http://WWW.Tienda.example", "https://tienda.example/"),
        ("https://www2.tienda.example/", "https://www2.tienda.example/"),
        ("https://otra.tienda.example/", "https://otra.tienda.example/"),
        ("https://tienda.example/Ec", "https://tienda.example/Ec/"),
        ("https://tienda.example/Ec/", "https://tienda.example/Ec/"),
        (" Uno.myshopify.com ", "uno.myshopify.com"),
        ("uno.myshopify.com/", "uno.myshopify.com"),
        ("", ""),
    ],
)
def test_address_of_a_site_is_the_same_however_it_is_written(text, found):
    assert SiteHeader("x-shop").find(senders.delivery({"x-shop": text}, b""), None) == found


def test_place_names_what_must_be_stored_to_find_it_again():
    both = FirstPlace(Header("X-A", "x-b"), Query("q"), Field("f"), Header("x-c"))
    assert (both.headers, both.query) == (("x-a", "x-b", "x-c"), ("q",))
    assert (Header("X-A").headers, Header("X-A").query) == (("x-a",), ())
    assert (Query("q", "r").headers, Query("q", "r").query) == ((), ("q", "r"))
    assert (Field("f").headers, Field("f").query, Field("f", "g").path) == ((), (), "f")
    assert (Header("x-shop", sample="norte").sample, Header("x-shop").sample) == ("norte", "")
