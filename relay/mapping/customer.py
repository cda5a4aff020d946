"""The customer of an event at Mercately: what to find them by, from what the platform wrote."""

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

from relay.mapping.country import iso2, of_currency
from relay.mapping.email import to_email
from relay.mapping.identity import read_document
from relay.mapping.phone import to_e164
from relay.mapping.plain_text import without_html
from relay.model import Contact, Customer
from relay.value import value

# Opaque, but exactly one path segment, since it becomes part of a URL.
_ID: Final = re.compile(r"(?!\.{1,2}$)[^\s/?#]{1,64}")
# Characters of a name, or of a line of an address. Whoever fills a form in may write megabytes, and
# what Mercately cannot store would hold up the later events of the customer.
TEXT_MAX: Final = 255
# Categories of characters that nobody sees.
_HIDDEN: Final = ("Cf", "Cc")
# What programs write where there is no name.
_NO_NAME: Final = frozenset(
    ("null", "NULL", "undefined", "none", "None", "nan", "NaN", "n/a", "N/A", "NA")
)
# Fields that name a customer, in Mercately's words and in most platforms'.
_REFERENCES: Final = frozenset({"customer_id", "phone", "email", "id_number"})


@value(frozen=True, slots=True)
class Resolved:
    """A customer with their document, and what was left out with a reason code."""

    customer: Customer
    id_type: str
    id_number: str
    omitted_fields: Mapping[str, str]

    @property
    def is_known(self) -> bool:
        """Whether Mercately can be asked for them."""
        customer = self.customer
        return bool(customer.customer_id or customer.phone or customer.email or customer.id_number)


def resolve(
    contact: Contact, country: str, customer_id: str = "", *, currency: str = ""
) -> Resolved:
    """The customer of a contact; `country` is that of a contact without one.

    `currency` is what they pay in: its country comes before `country`. `customer_id` is for a
    contact without one of its own.
    """
    omitted_fields: dict[str, str] = {}
    own = iso2(contact.country)
    paid_in = "" if own else of_currency(currency)
    phone, phone_fault = to_e164(contact.phones, own or paid_in or country)
    if paid_in and not phone:
        phone, phone_fault = to_e164(contact.phones, country)
    country = own or paid_in or country
    id_type, id_number, id_fault = read_document(contact.id_type, contact.id_number, country)
    email, email_fault = to_email(contact.email)
    faults = {"phone": phone_fault, "id_number": id_fault, "email": email_fault}
    omitted_fields |= {name: fault for name, fault in faults.items() if fault}
    contact_id = contact.customer_id.strip()
    if contact_id and not _ID.fullmatch(contact_id):
        omitted_fields["customer_id"] = "not_an_id"
        contact_id = ""
    customer = Customer(
        customer_id=contact_id or customer_id,
        phone=phone,
        email=email,
        first_name=_name(contact.first_name)[:TEXT_MAX],
        last_name=_name(contact.last_name)[:TEXT_MAX],
    )
    if not (customer.customer_id or phone or email):
        customer = replace(customer, id_type=id_type, id_number=id_number)
    return Resolved(customer, id_type, id_number, omitted_fields)


def _name(text: str) -> str:
    """A name in one line, without HTML escapes and invisible characters; empty when it is none."""
    if text.isalpha() and text not in _NO_NAME:  # most
        return text
    return _cleaned(text)


@lru_cache(maxsize=1024)
def _cleaned(text: str) -> str:
    if "&" in text or "<" in text:
        text = without_html(html.unescape(text))
    if not (text.isascii() and text.isprintable()):
        text = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in _HIDDEN)
    text = " ".join(text.split())
    is_word = text[:1].isalpha() or any(map(str.isalpha, text))
    return text if is_word and text not in _NO_NAME else ""


def references_in(omitted_fields: Mapping[str, str]) -> dict[str, str]:
    """Those that would have named a customer, in Mercately's words or at the end of a path."""
    return {
        path: reason
        for path, reason in omitted_fields.items()
        if _REFERENCES.intersection(path.split("."))
    }
