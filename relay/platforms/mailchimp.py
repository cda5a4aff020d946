"""Mailchimp (audience): subscriptions and contacts, a form per event, signed since 2026.

`X-Mailchimp-Signature: t=<unix s>,v1=<hex>` is HMAC-SHA256 of `<t>.<raw body>` with the hook's
signing secret, several `v1` while that is rotated. Hooks made before are unsigned: then the source
has `auth = "path"` or `"query"`, and its secret is in the hook's address. A GET asks whether the
address is there when a hook is saved. No event has an id: the body itself is the key. Times have
no zone and are taken for UTC. Answers are awaited for 10 s, failures sent again for 75 minutes.
Opens, clicks and deliveries are never told. Lists and campaigns come as ids: the option `lists`
names the lists. `cleaned` is an address that mail does not reach any more, or that complained. A
changed address (`upemail`) is told of the old one; the whole profile follows under the new one.
Names and phones are merge fields, whose tags the owner of the list may change. What an API key
writes comes back only where the hook was made to tell it (`sources`); no body says who wrote.

https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/ (read 2026-11)
"""

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from marshmallow import Schema, fields, validate

from relay.inbound.bodies import FORM, parse_body
from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, Source, address_check
from relay.inbound.payload_fields import Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import (
    ComposedHmac,
    Message,
    PairsHeader,
    PathToken,
    QueryToken,
    Scheme,
)
from relay.inbound.topics import Shape, Values, alike
from relay.model import WebhookRequest

_SCHEMES: Final[Mapping[str, Scheme]] = {
    "signature": ComposedHmac(
        PairsHeader("x-mailchimp-signature"), lambda _request, time: Message(f"{time}.")
    ),
    "path": PathToken(),
    "query": QueryToken("secret"),
}
_LIST_ID: Final = Field("data.list_id")
# The tag of the phone in new lists, and those of lists made in Spanish.
_PHONE_TAGS: Final = ("PHONE", "SMSPHONE", "CELULAR", "TELEFONO", "MOVIL", "WHATSAPP")
_ADDRESS: Final = "data.merges.ADDRESS"


class _OptionsSchema(Schema):
    """`lists` maps the ids of lists to the names that agents know them by."""

    auth = fields.String(load_default="signature", validate=validate.OneOf(list(_SCHEMES)))
    lists = fields.Dict(keys=fields.String(), values=fields.String(), load_default={})


class _EventSchema(PayloadSchema):
    buyer = Person(
        email=("data.email", "data.old_email"),
        first_name="data.merges.FNAME",
        last_name="data.merges.LNAME",
        phones=tuple(f"data.merges.{tag}" for tag in _PHONE_TAGS),
        lines=(f"{_ADDRESS}.addr1", f"{_ADDRESS}.addr2"),
        city=f"{_ADDRESS}.city",
        state=f"{_ADDRESS}.state",
        zip_code=f"{_ADDRESS}.zip",
        country=f"{_ADDRESS}.country",
    )
    new_email = Text("data.new_email")
    at = Time("fired_at")
    list_name = Text()
    _reason = Text("data.reason")


def _body(request: WebhookRequest, source: Source) -> Any:
    """The form, with the name of its list where the source has one."""
    value = parse_body(request).value
    name = source.options["lists"].get(_LIST_ID.find(request, value))
    return {**value, "list_name": name} if name else value


def _refined(topic: str, values: Values) -> Values:
    reason = values.get("_reason", "")
    if reason == "abuse":
        return {"type": "email.complained"}
    return {"bounce_type": reason} if topic == "cleaned" else {}


_EVENT: Final = Shape(schema=_EventSchema(), refine=_refined)

platform = Platform(
    name="mailchimp",
    title="Mailchimp",
    docs="https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/",
    group="email",
    scheme=lambda options: _SCHEMES[options["auth"]],
    options=_OptionsSchema,
    topic=Field("type"),
    topics=alike(
        _EVENT,
        {
            "subscribe": "email.subscribed",
            "unsubscribe": "email.unsubscribed",
            "profile": "contact.updated",
            "upemail": "contact.updated",
            "cleaned": "email.bounced",
        },
    ),
    ignored={"campaign": "names_nobody"},
    body=_body,
    zone=UTC,
    handshake=address_check,
    media_types=(FORM,),
    stored=("content-type",),
    deadline_s=10,
    retries="at growing intervals for 75 minutes",
    disable_after="many failures, at Mailchimp's discretion",
    # The guide does not speak of signatures; the vendor's newer texts do.
    certainty="unverified",
    setup={
        "es": (
            "En Mailchimp abra Público > Configuración > Webhooks y pulse Crear webhook.",
            (
                "Como URL escriba la dirección de esta fuente. Marque altas, bajas, cambios de "
                "perfil, cambios de correo y correos depurados."
            ),
            (
                "Si otra herramienta escribe en la lista por API y no quiere recibir esos cambios "
                "de vuelta, deje sin marcar los que hace la API."
            ),
            "Guarde y copie el secreto de firma, que se muestra una sola vez, a MAILCHIMP_SECRET.",
            (
                'Si su cuenta no muestra ningún secreto, ponga auth = "query" en las opciones de '
                "la fuente, invente un secreto de 16 letras y números o más y añada "
                "?secret=SECRETO a la URL."
            ),
        ),
        "en": (
            "In Mailchimp open Audience > Settings > Webhooks and press Create New Webhook.",
            (
                "As the URL enter this source's address. Tick subscribes, unsubscribes, profile "
                "updates, e-mail changes and cleaned addresses."
            ),
            (
                "If another tool writes to the list by the API and those changes need not come "
                "back, leave those made by the API unticked."
            ),
            "Save, and copy the signing secret, which is shown only once, to MAILCHIMP_SECRET.",
            (
                'If your account shows no secret, put auth = "query" into the source\'s options, '
                "make up a secret of 16 letters and digits or more and add ?secret=SECRET to the "
                "URL."
            ),
        ),
    },
)
