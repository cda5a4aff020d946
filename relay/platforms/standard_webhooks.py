"""Standard Webhooks: any sender that follows the specification, such as Svix and Resend.

Signs `webhook-id.webhook-timestamp.body`; the id stays the same on every retry. The specification
recommends bodies `{"type", "timestamp", "data"}` but does not say where in `data` a contact is:
common places are tried, those of Resend (`to`, of several the first) and Clerk (`email_addresses`)
among them, and the source's options may name others. `key = "utf8"` in the options is
for senders that use the secret as plain text. The headers may be named `svix-…` as well; another
`prefix` is tried before both.

https://github.com/standard-webhooks/standard-webhooks, spec (read 2026-08)
https://resend.com/docs/dashboard/webhooks/event-types
https://clerk.com/docs/webhooks/overview
"""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, post_load, validate

from relay.inbound.contract import Platform
from relay.inbound.expression import Expression
from relay.inbound.expression_fields import SelectorField
from relay.inbound.jmespath_options import (
    ContactOptions,
    JMESPathOptions,
    header_names,
    types_fault,
)
from relay.inbound.jmespath_reader import parse, trace
from relay.inbound.signature import Scheme, StandardWebhooks
from relay.inbound.topics import Topic
from relay.inbound.usable import is_text, is_time

_NAMES: Final = {
    "email": ("email", "email_address"),
    "phone": ("phone", "phone_number", "mobile"),
    "country": ("country", "country_code"),
    "first_name": ("first_name", "firstName"),
    "last_name": ("last_name", "lastName"),
    "id_type": ("id_type", "document_type"),
    "id_number": ("id_number", "document_number"),
}


def _contact(place: str = "", **more: str) -> Mapping[str, Any]:
    """The expressions for a person: the first value under one of the names, and what else is given.

    They are for the person itself, or for what has it in one place.
    """
    texts = {
        part: " || ".join([*(f"{place}{name}" for name in names), *filter(None, [more.get(part)])])
        for part, names in _NAMES.items()
    }
    texts["customer_id"] = f"{place}mercately_id"
    options: Mapping[str, Any] = ContactOptions().load(texts)
    return options


_CONTACT: Final = _contact(
    "data.",  # its name may be that of an order or a product, so it is not tried
    email="primary_first(data.email_addresses, data.primary_email_address_id)[].email_address"
    " || data.to || data.recipient",
    phone="primary_first(data.phone_numbers, data.primary_phone_number_id)[].phone_number",
)
_OTHER: Final = _contact(first_name="name")
# Other people in `data`, the buyer first: they are the contact too where they are the same person,
# and alone where there is no other.
_OTHER_CONTACTS: Final = tuple(
    (Expression(place), _OTHER)
    for place in ("data.customer", "data.buyer", "data.contact", "data.user")
)
_FIELDS: Final = {
    "form": "data.form.name || data.form.title || data.form_name",
    "link": "data.click.link",
    "reason": "data.bounce.message || data.failed.reason || data.suppressed.message",
    "bounce_type": "data.bounce.subType || data.bounce.type",
    "message_id": "data.email_id",
}
_TYPES: Final = {
    "contact.created": "customer.created",
    "user.created": "customer.created",
    "user.updated": "customer.updated",
    "user.deleted": "customer.deleted",
    "email.delivery_delayed": "email.deferred",
    "email.failed": "email.rejected",
    "email.suppressed": "email.rejected",
}


class _OptionsSchema(JMESPathOptions):
    key = fields.String(load_default="base64", validate=validate.OneOf(["base64", "utf8", "hex"]))
    prefix = fields.String(load_default="webhook", validate=validate.OneOf(["webhook", "svix"]))
    type = SelectorField(is_text, load_default=lambda: Expression("type"))
    time = SelectorField(is_time, load_default=lambda: Expression("timestamp || created_at"))

    @post_load
    def _complete(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if not data["contact"]:
            data = data | {"contact": _CONTACT, "other_contacts": _OTHER_CONTACTS}
        return data | {
            "id_header": data["id_header"] or f"{data['prefix']}-id",
            "types": _TYPES | data["types"],
            "usual_fields": {name: Expression(text) for name, text in _FIELDS.items()},
        }


def _scheme(options: Mapping[str, Any]) -> Scheme:
    return StandardWebhooks(key=options["key"], prefix=options["prefix"])


platform = Platform(
    name="standard_webhooks",
    title="Standard Webhooks",
    docs="https://www.standardwebhooks.com",
    scheme=_scheme,
    parse=parse,
    trace=trace,
    topics={
        "order.created": Topic(type="order.created"),
        "contact.created": Topic(type="customer.created"),
        "user.created": Topic(type="customer.created"),
        "email.bounced": Topic(type="email.bounced"),
    },
    any_sender=True,
    stored=header_names,
    options=_OptionsSchema,
    options_fault=types_fault,
    setup={
        "es": (
            "En la herramienta que envía cree un webhook y pegue la dirección de esta fuente.",
            "Copie su secreto (whsec_…, o la clave pública whpk_…) a STANDARD_WEBHOOKS_SECRET.",
            'Si sus cabeceras empiezan con `svix-`, escriba `prefix = "svix"` en las opciones.',
            "Elija los eventos y envíe uno de prueba.",
        ),
        "en": (
            "In the tool that sends create a webhook and paste the address of this source.",
            "Copy its secret (whsec_…, or the public key whpk_…) to STANDARD_WEBHOOKS_SECRET.",
            'If its headers begin with `svix-`, write `prefix = "svix"` into the options.',
            "Choose the events and send one to try it.",
        ),
    },
)
