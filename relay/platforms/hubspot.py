"""HubSpot: notices of contacts and deals, a JSON array, signed; they have to be looked up.

`X-HubSpot-Signature-v3` is signed with the app's client secret over method, address, body and time;
subscriptions of older apps carry v1 or v2 (`relay/inbound/signature/hubspot.py`). Apps of the
developer platform write `object.creation` with the id of the kind of thing, older ones
`contact.creation`: it is the same topic. A notice names a thing and one property; the vendor does
not promise that `eventId` is unique, so subscription and time are part of the key. Wants an answer
within 5 s and sends again up to 10 times in 24 h; most 4xx end that. Without `properties` the API
leaves phones out. A deal is told as an order: it is completed when it is won, cancelled when it is
lost, by the names that these two stages have in a pipeline of HubSpot's own; `closedate` is a plan
before, and the time of that then. `changeSource` is API or INTEGRATION of what an app wrote, among
them connected forms and ads: that is delivered unless the source ignores it.

https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
https://developers.hubspot.com/changelog/public-beta-generic-webhook-subscriptions (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Amount, Person
from relay.inbound.contract import Platform, Source, each_part
from relay.inbound.lookups import Api, Lookup, Read
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Echo, Field, FieldIs
from relay.inbound.signature import HubSpotSignature
from relay.inbound.timestamps import unix_time
from relay.inbound.topics import Shape, Topic, Values
from relay.model import Step, WebhookRequest

_KINDS: Final = {"0-1": "contact", "0-3": "deal"}
_ENDS: Final = {"closedwon": ("won", "order.fulfilled"), "closedlost": ("lost", "order.cancelled")}
_CONTACT_PROPERTIES: Final = (
    "email,firstname,lastname,phone,mobilephone,country,createdate,lastmodifieddate"
)
_DEAL_PROPERTIES: Final = (
    "dealname,amount,deal_currency_code,dealstage,closedate,createdate,hs_lastmodifieddate"
)


class _NoticeSchema(PayloadSchema):
    id = Id("objectId", required=True)
    at = Time("occurredAt")
    _event = Id("eventId")
    _subscription = Id("subscriptionId")
    _moment = Id("occurredAt")


class _ContactSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("properties.createdate", "createdAt")
    updated_at = Time("properties.lastmodifieddate", "updatedAt")
    buyer = Person(
        "properties",
        email="email",
        first_name="firstname",
        last_name="lastname",
        phones=("mobilephone", "phone"),
        country="country",
    )


class _DealSchema(PayloadSchema):
    id = Id("deal.id", required=True)
    created_at = Time("deal.properties.createdate", "deal.createdAt")
    updated_at = Time("deal.properties.hs_lastmodifieddate", "deal.updatedAt")
    order_number = Text("deal.properties.dealname", "deal.id")
    amount = Amount("deal.properties.amount", "deal.properties.deal_currency_code")
    status = Text("deal.properties.dealstage")
    _closed_at = Time("deal.properties.closedate")
    buyer = Person(
        "contact.properties",
        email="email",
        first_name="firstname",
        last_name="lastname",
        phones=("mobilephone", "phone"),
        country="country",
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The notices, with the kind of thing in the name of the topic."""
    value = json_body(request.body)
    notices = each_part(value)
    for notice in notices:
        topic = notice.get("subscriptionType") if isinstance(notice, dict) else None
        kind = _KINDS.get(str(notice.get("objectTypeId"))) if topic else None
        if kind and str(topic).startswith("object."):
            notice["subscriptionType"] = f"{kind}.{str(topic).partition('.')[2]}"
    return value


def _with_key(_topic: str, values: Values) -> Values:
    event = values.get("_event")
    parts = (event, values.get("_subscription"), values.get("_moment"))
    return {"event_id": "-".join(part for part in parts if part)} if event else {}


def _with_end(_topic: str, values: Values) -> Values:
    end = _ENDS.get(values.get("status", ""))
    return {"steps": [Step(*end, unix_time(values.get("_closed_at")))]} if end else {}


_NOTICE: Final = Shape(schema=_NoticeSchema(), refine=_with_key)
_CONTACT: Final = Shape(schema=_ContactSchema(), kind="customer", shown=("buyer",))
_DEAL: Final = Shape(
    schema=_DealSchema(),
    kind="order",
    shown=("status", "amount", "order_number"),
    refine=_with_end,
)


def _topics(thing: str, created: str, updated: str, *others: str) -> dict[str, Topic]:
    return {
        f"{thing}.creation": Topic(
            type=created, shape=_NOTICE, step="created", step_at="created_at",
            lookup=thing, other_types=others,
        ),
        f"{thing}.propertyChange": Topic(
            type=updated, shape=_NOTICE, updates=True, lookup=thing, other_types=others,
        ),
    }  # fmt: skip


platform = Platform(
    name="hubspot",
    title="HubSpot",
    docs="https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation",
    group="crm",
    scheme=HubSpotSignature(),
    topic=Field("subscriptionType"),
    shop=Field("portalId"),
    echo=Echo(FieldIs("changeSource", "api", "integration")),
    body=_body,
    parts=each_part,
    topics={
        **_topics("contact", "lead.created", "contact.updated"),
        **_topics("deal", "order.created", "order.updated", "order.fulfilled", "order.cancelled"),
    },
    ignored={
        # Nothing is left to look up.
        **dict.fromkeys(("contact.deletion", "deal.deletion"), "names_nobody"),
        **dict.fromkeys(
            ("contact.merge", "contact.associationChange", "deal.associationChange"),
            "told_by_another_topic",
        ),
    },
    held={"contact.privacyDeletion": "privacy_redaction"},
    api=Api(
        url="https://api.hubapi.com",
        credentials=("access_token",),
        headers={"Authorization": "Bearer {access_token}"},
        rate_per_s=9,
        wait_headers={"x-hubspot-ratelimit-interval-milliseconds": 0.001},
    ),
    lookups={
        "contact": Lookup(
            Read("/crm/v3/objects/contacts/{id}", query={"properties": _CONTACT_PROPERTIES}),
            shape=_CONTACT,
        ),
        "deal": Lookup(
            Read(
                "/crm/v3/objects/deals/{id}",
                "deal",
                query={"properties": _DEAL_PROPERTIES, "associations": "contacts"},
            ),
            Read(
                "/crm/v3/objects/contacts/{deal.associations.contacts.results.0.id}",
                "contact",
                query={"properties": _CONTACT_PROPERTIES},
                optional=True,
            ),
            shape=_DEAL,
        ),
    },
    deadline_s=5,
    retries="up to 10, within 24 hours; most 4xx end them",
    setup={
        "es": (
            "En HubSpot abra Desarrollo y cree una app con webhooks en su plataforma nueva.",
            "Ponga la dirección de esta fuente como URL de destino; es parte de la firma.",
            "Si el relay ve otra dirección, escriba la que puso en `public_url` de la fuente.",
            "Suscríbase a creación y cambio de propiedades de contactos y negocios.",
            "Copie el secreto del cliente de la app a HUBSPOT_SECRET.",
            (
                "Instale la app con permiso de leer contactos y negocios; ponga su token en "
                "`credentials.access_token`."
            ),
        ),
        "en": (
            "In HubSpot open Development and create an app with webhooks on its new platform.",
            "Enter the address of this source as target URL; it is part of the signature.",
            "If the relay sees another address, write the one you entered into its `public_url`.",
            "Subscribe to creation and property changes of contacts and deals.",
            "Copy the app's client secret to HUBSPOT_SECRET.",
            (
                "Install the app with the right to read contacts and deals; put its token into "
                "`credentials.access_token`."
            ),
        ),
    },
)
