"""Privacy requests of platforms: whom they are about, as far as the signed body says so.

Which request it is may stand in a header that nobody signed. So what its body has decides: an
order that somebody sends again as a redaction has none of the fields of one, and a person looks at
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from relay.mapping.email import to_email
from relay.mapping.phone import to_e164
from relay.model import Phone

# Reasons to hold one: for a person; to be worked off by a worker; with what is kept to be listed.
REDACTION: Final = "privacy_redaction"
FORGETTING: Final = "privacy_forgetting"
REQUEST: Final = "privacy_request"
# Where the reasons of a record say whom it is about.
WHOM: Final = "whom"
_TOPIC: Final = "event"


def is_to_be_worked_off(reason: str, reasons: Mapping[str, Any]) -> bool:
    """Whether a held record is a privacy request that a worker sees to."""
    return reason == FORGETTING or (reason == REQUEST and WHOM in reasons)


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """What a topic asks for.

    - `asks`: to `forget` the person or shop, or to `list` what is kept of the person.
    - `proof`: fields of the body that only such a request has.
    - `shop`: the field that names the shop, where it is all of a shop that is to be forgotten.
      Such a body has no other fields than `proof`.
    """

    asks: str
    proof: tuple[str, ...]
    shop: str = ""

    @property
    def reason(self) -> str:
        return REQUEST if self.asks == "list" else REDACTION

    def whom(self, body: Any, country: str) -> dict[str, str]:
        """`email`, `phone`, or `shop` and the field that names it; empty where that is not sure."""
        if not isinstance(body, Mapping) or not set(self.proof) <= body.keys():
            return {}
        if self.shop:
            name = body[self.shop]
            is_all = body.keys() <= {*self.proof, _TOPIC}
            is_named = isinstance(name, str | int) and not isinstance(name, bool) and str(name)
            return {"shop": str(name), "shop_field": self.shop} if is_all and is_named else {}
        customer = body.get("customer")
        return _person(customer, country) if isinstance(customer, Mapping) else {}


def _person(customer: Mapping[str, Any], country: str) -> dict[str, str]:
    """Of a reference that is there and cannot be read nobody would find what it names."""
    email, phone = customer.get("email") or "", customer.get("phone") or ""
    if not (isinstance(email, str) and isinstance(phone, str)):
        return {}
    address, _ = to_email(email)
    number, _ = to_e164([Phone(phone, "")], country)
    if (email and not address) or (phone and not number):
        return {}
    return {name: text for name, text in (("email", address), ("phone", number)) if text}
