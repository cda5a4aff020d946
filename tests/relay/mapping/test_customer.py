"""The customer of an event: what Mercately is asked by, from what the platform wrote."""

import pytest

from relay.mapping.customer import references_in, resolve
from relay.model import Contact, Customer, Phone

LOCAL = (Phone("0999000001"),)
CEDULA = {"id_type": "CI", "id_number": "0102030400"}


def test_names_and_references_are_trimmed_and_normalised():
    result = resolve(
        Contact(email=" Ana@Example.com ", phones=LOCAL, first_name=" Ana ", last_name=" I. "), "EC"
    )
    assert result.customer == Customer(
        phone="+593999000001", email="Ana@example.com", first_name="Ana", last_name="I."
    )
    assert (result.is_known, result.omitted_fields) == (True, {})


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("  Ana\u00a0 Mar\u00eda\t", "Ana Mar\u00eda"),
        ("\u200eLuz\u200b", "Luz"),
        ("P\u00e9rez\r\n", "P\u00e9rez"),
        ("Mar&iacute;a", "Mar\u00eda"),
        ("O&#039;Higgins", "O'Higgins"),
        ("D & D", "D & D"),
        ("Ana <b>María</b>", "Ana María"),
        ("&lt;b&gt;Ana&lt;/b&gt;", "Ana"),
        ("Ana <3", "Ana <3"),
        ("\u674e", "\u674e"),
        ("Null", "Null"),  # a surname
        ("Ana 2", "Ana 2"),
        *(
            (word, "")
            for word in ("-", ".", "--", "0", "123", "*", "null", "undefined", "N/A", "n/a")
        ),
    ],
)
def test_name_is_one_line_of_what_can_be_seen_or_none(written, name):
    customer = resolve(Contact(phones=LOCAL, first_name=written, last_name=written), "EC").customer
    assert (customer.first_name, customer.last_name) == (name, name)


@pytest.mark.parametrize(
    ("contact", "fallback", "customer_id", "omitted_fields"),
    [
        (" c1 ", "", "c1", {}),
        ("c1", "of-the-source", "c1", {}),
        ("", "of-the-source", "of-the-source", {}),
        ("a/b", "", "", {"customer_id": "not_an_id"}),
        ("a/b", "of-the-source", "of-the-source", {"customer_id": "not_an_id"}),
        ("..", "", "", {"customer_id": "not_an_id"}),
        (".", "", "", {"customer_id": "not_an_id"}),
        ("a?b=c", "", "", {"customer_id": "not_an_id"}),
        ("a b", "", "", {"customer_id": "not_an_id"}),
        ("x" * 65, "", "", {"customer_id": "not_an_id"}),
        ("x" * 64, "", "x" * 64, {}),
        ("..x", "", "..x", {}),
    ],
)
def test_id_is_one_segment_of_a_path_or_left_out(contact, fallback, customer_id, omitted_fields):
    result = resolve(Contact(customer_id=contact), "EC", fallback)
    assert (result.customer.customer_id, result.omitted_fields) == (customer_id, omitted_fields)
    assert result.is_known is bool(customer_id)


@pytest.mark.parametrize(
    ("own", "phones", "country", "phone"),
    [
        ("", LOCAL, "EC", "+593999000001"),
        ("Ecuador", LOCAL, "CL", "+593999000001"),
        ("??", LOCAL, "EC", "+593999000001"),
        ("", (Phone("5599000003", "MX"),), "EC", "+525599000003"),
    ],
)
def test_phone_is_read_by_the_country_it_stands_beside_else_the_persons(
    own, phones, country, phone
):
    assert resolve(Contact(country=own, phones=phones), country).customer.phone == phone


def test_document_is_a_reference_only_where_there_is_no_other():
    alone = resolve(Contact(**CEDULA), "EC")
    assert (alone.customer.id_type, alone.customer.id_number) == ("cedula", "0102030400")
    assert alone.is_known
    for contact, customer_id in (
        (Contact(email="ana@example.com", **CEDULA), ""),
        (Contact(phones=LOCAL, **CEDULA), ""),
        (Contact(customer_id="c1", **CEDULA), ""),
        (Contact(**CEDULA), "of-the-source"),
    ):
        beside = resolve(contact, "EC", customer_id)
        assert (beside.customer.id_type, beside.customer.id_number) == ("", "")
        assert (beside.id_type, beside.id_number) == ("cedula", "0102030400")


def test_what_cannot_be_used_is_named_and_nobody_is_known():
    contact = Contact(
        email="ana@", phones=(Phone("123"),), id_type="cedula", id_number="0102030405"
    )
    result = resolve(contact, "EC")
    assert result.omitted_fields.keys() == {"email", "phone", "id_number"}
    assert (result.is_known, result.customer) == (False, Customer())
    assert not resolve(Contact(first_name="Ana"), "EC").is_known


def test_references_are_the_fields_that_would_have_named_somebody():
    omitted_fields = {
        "customer.email": "not_a_text", "phone": "too_short", "items.0.price": "not_a_text",
        "billing.phone.0": "not_a_text", "emails": "not_a_list", "id_number": "check_digit",
    }  # fmt: skip
    assert references_in(omitted_fields).keys() == {
        "customer.email", "phone", "billing.phone.0", "id_number",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "text", "country", "phone"),
    [
        ("PEN", "999000004", "", "+51999000004"),  # in Ecuador a mobile of somebody else
        ("PEN", "999000004", "EC", "+593999000004"),  # who lives there
        ("COP", "0999000004", "", "+593999000004"),  # no number of Colombia
        ("USD", "999000004", "", "+593999000004"),
        ("puntos", "999000004", "", "+593999000004"),
        ("", "999000004", "", "+593999000004"),
    ],
)
def test_phone_without_a_country_is_of_the_one_whose_currency_is_paid(
    currency, text, country, phone
):
    contact = Contact(phones=(Phone(text),), country=country)
    assert resolve(contact, "EC", currency=currency).customer.phone == phone
