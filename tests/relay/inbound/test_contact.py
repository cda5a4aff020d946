"""Whose event it is: one person out of those whom a body names. Everybody here is invented."""

from itertools import permutations

import pytest
from hypothesis import given, strategies as st

from relay.inbound.contact import Party, contact_of
from relay.model import Address, Contact, Phone

ANA = Party(email="ana@example.com", first_name="Ana", last_name="Inventada")
BILLING = Party(
    first_name="Ana", last_name="Inventada", country="EC", phones=("0999000001",),
    address=Address(city="Quito"),
)  # fmt: skip
ROSA = Party(
    first_name="Rosa", last_name="Regalada", country="US", phones=("3015550131",),
    address=Address(city="Miami"),
)  # fmt: skip


def names(contact: Contact) -> tuple[str, str]:
    return contact.first_name, contact.last_name


def test_buyer_is_completed_from_their_own_billing_address():
    contact = contact_of([ANA, BILLING])
    assert contact == Contact(
        email="ana@example.com",
        phones=(Phone("0999000001", "EC"),),
        country="EC",
        first_name="Ana",
        last_name="Inventada",
        address=Address(city="Quito"),
    )


def test_empty_phone_is_none():
    contact = contact_of([Party(email="ana@example.com", phones=("", "0999000001"))])
    assert contact.phones == (Phone("0999000001"),)


def test_gift_is_the_buyers_but_goes_to_the_recipient():
    contact = contact_of([ANA, BILLING], [ROSA])
    assert names(contact) == ("Ana", "Inventada")
    assert contact.phones == (Phone("0999000001", "EC"),)
    assert contact.country == "EC"
    assert contact.address == Address(city="Miami")


def test_recipient_is_the_contact_as_a_whole_when_nobody_else_is_named():
    contact = contact_of([Party(), Party(country="EC")], [ROSA, BILLING])
    assert names(contact) == ("Rosa", "Regalada")
    assert contact.phones == (Phone("3015550131", "US"),)
    assert contact.email == ""


@pytest.mark.parametrize("buyer", [Party(first_name="Ana"), Party(last_name="Baidez")])
def test_recipient_is_not_the_contact_of_a_buyer_who_cannot_be_reached(buyer):
    contact = contact_of([buyer], [ROSA])
    assert names(contact) == (buyer.first_name, buyer.last_name)
    assert (contact.phones, contact.email) == ((), "")


def test_each_phone_keeps_the_country_of_its_own_address():
    billing = Party(first_name="Ana", last_name="Inventada", country="US")
    delivery = Party(
        first_name="Ana", last_name="Inventada", country="CO", phones=("301 555 0132",)
    )
    contact = contact_of([billing], [delivery])
    assert contact.phones == (Phone("301 555 0132", "CO"),)
    assert contact.country == "US"


SAME = {
    "email": (Party(email="Ana@Example.com "), Party(email="ana@example.com", phones=("1234567",))),
    "phone": (Party(phones=("+593 99 900 0001",)), Party(phones=("0999000001",), country="EC")),
    "name": (ANA, Party(name="INVENTADA, Ana", phones=("1234567",))),
    "accents": (
        Party(first_name="José", last_name="Ñandú", email="j@example.com"),
        Party(name="jose nandu", phones=("1234567",)),
    ),
    "second_surname": (ANA, Party(name="Ana Inventada López", phones=("1234567",))),
    "same_name_other_email": (
        ANA,
        Party(name="Ana Inventada", email="otra@example.com", phones=("1234567",)),
    ),
    "email_spells_the_name": (
        Party(email="ana.inventada88@example.com"),
        Party(name="Ana Inventada", phones=("1234567",)),
    ),
}


@pytest.mark.parametrize(("buyer", "recipient"), SAME.values(), ids=SAME)
def test_recipient_with_something_the_same_is_the_buyer(buyer, recipient):
    contact = contact_of([buyer], [recipient])
    assert recipient.phones[-1] in [phone.text for phone in contact.phones]


OTHERS = {
    "nothing_the_same": (Party(email="ana@example.com"), ROSA),
    "other_name_same_email": (
        ANA,
        Party(name="Bruno Inventado", email="ana@example.com", phones=("1234567",)),
    ),
    "other_name_same_phone": (
        Party(name="Ana Inventada", phones=("+593999000001",), email="ana@example.com"),
        Party(name="Rosa Regalada", phones=("0999000001", "1234567"), country="EC"),
    ),
    "first_name_only": (
        Party(first_name="Ana", email="ana@example.com"),
        Party(name="Ana Regalada", phones=("1234567",)),
    ),
    "son": (ANA, Party(name="Ana Inventada hija", phones=("1234567",))),
    "other_email_and_first_name": (
        Party(first_name="Ana", email="ana@example.com"),
        Party(first_name="Ana", email="otra@example.com", phones=("1234567",)),
    ),
    "same_digits_of_two_countries": (
        Party(phones=("3015550131",), country="CO", email="ana@example.com"),
        Party(phones=("3015550131", "1234567"), country="US"),
    ),
    "other_document": (
        Party(name="Ana Inventada", email="ana@example.com", id_number="1"),
        Party(name="Ana Inventada", phones=("1234567",), id_number="2"),
    ),
    "other_customer_id": (
        Party(name="Ana Inventada", email="ana@example.com", customer_id="1"),
        Party(name="Ana Inventada", phones=("1234567",), customer_id="2"),
    ),
    "email_spells_another_name": (
        Party(email="ana.comprada@example.com"),
        Party(name="Ana Regalada", phones=("1234567",)),
    ),
}


@pytest.mark.parametrize(("buyer", "recipient"), OTHERS.values(), ids=OTHERS)
def test_recipient_who_may_be_another_person_adds_nothing(buyer, recipient):
    contact = contact_of([buyer], [recipient])
    assert contact == contact_of([buyer], [Party(address=recipient.address)])


def test_billing_address_belongs_to_a_buyer_without_a_name():
    contact = contact_of([Party(email="ana@example.com"), BILLING])
    assert names(contact) == ("Ana", "Inventada")
    assert contact.phones == (Phone("0999000001", "EC"),)


def test_account_that_shares_the_email_comes_before_a_billing_address_of_another_name():
    account = Party(first_name="Carla", email="ana@example.com")
    contact = contact_of([Party(email="ana@example.com"), BILLING, account])
    assert names(contact) == ("Carla", "")
    assert contact.phones == ()


def test_first_party_that_can_be_reached_is_the_contact():
    contact = contact_of([Party(first_name="Ana"), Party(name="Bruno", email="b@example.com")])
    assert names(contact) == ("Bruno", "")


def test_document_alone_reaches_somebody():
    contact = contact_of([Party(id_type="cedula", id_number="1710034065")], [ROSA])
    assert (contact.id_number, contact.phones) == ("1710034065", ())


def test_body_that_names_nobody():
    assert contact_of([Party(), Party()], [Party()]) == Contact()
    assert contact_of([]) == Contact()


PEOPLE = [
    ("Ana", "Inventada", "ana@example.com", "+593999000001"),
    ("Rosa", "Regalada", "rosa@example.com", "+593999000002"),
    ("Bruno", "Ficticio", "bruno@example.com", "+593999000003"),
]
PARTS = st.tuples(st.integers(0, 2), *[st.booleans()] * 4)


def party(person: int, *parts: bool) -> Party:
    first, last, email, phone = (
        value if kept else "" for value, kept in zip(PEOPLE[person], parts, strict=True)
    )
    return Party(first_name=first, last_name=last, email=email, phones=(phone,) if phone else ())


@given(
    st.lists(PARTS.filter(lambda parts: parts[1] and parts[2]), max_size=3),
    st.lists(PARTS, max_size=2),
)
def test_contact_is_never_two_people(parties, recipients):
    """Buyers with their names, recipients with or without."""
    contact = contact_of([party(*p) for p in parties], [party(*p) for p in recipients])
    values = {contact.first_name, contact.last_name, contact.email}
    values |= {phone.text for phone in contact.phones}
    assert any(values - {""} <= set(person) for person in PEOPLE)


def test_order_of_recipients_of_the_same_person_does_not_matter():
    own = Party(name="Ana Inventada", phones=("1234567",))
    contacts = {contact_of([ANA], order).phones for order in permutations([own, ROSA])}
    assert contacts == {(Phone("1234567"),)}
