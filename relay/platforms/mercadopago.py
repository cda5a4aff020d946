"""Mercado Pago: notices of payments, orders and subscriptions, JSON, of which the id is signed.

`x-signature: ts=…,v1=…` is hex HMAC-SHA256 of `id:<data.id>;request-id:<x-request-id>;ts:<ts>;`,
with the application's secret as text. `data.id` is that of the query; what is missing is left out.
Pages and SDKs are not of one mind whether a capital id is signed in small letters, or `ts` counts
seconds or milliseconds: all is taken. The body is not signed. So the id to look up is that of the
query, and what became of the thing is what the look-up says, whatever `action` says. Notices of QR
codes, and the old IPN, have no signature and are refused.

Wants 200 or 201 within 22 s; else it sends again every 15 minutes, after the third time more seldom
(older pages: for 4 days). It is not known whether a retry has a `ts` of its own, and the vendor's
SDKs check none unless told to: 25 h are accepted, since a repeated notice is one more look-up at
worst. A notice has an `id`, the same on a retry; that of a merchant order is the order's, so action
and version are in the key, too. `live_mode: false` is a test.

https://www.mercadopago.com/developers/en/docs/your-integrations/notifications (read 2026-11)
"""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from relay.inbound.contract import Platform, Source, stable_key
from relay.inbound.payload import json_object
from relay.inbound.payload_fields import Id, Text
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field, FieldIs
from relay.inbound.signature import ComposedHmac, Message, PairsHeader
from relay.inbound.topics import Shape, Topic, Values
from relay.model import WebhookRequest

_ID: Final = "data.id"
_SALE: Final = ("order.updated", "order.on_hold", "order.cancelled", "order.refunded")
_SUBSCRIPTION: Final = ("subscription.cancelled", "subscription.payment_failed")


class _NoticeSchema(PayloadSchema):
    id = Id(_ID, required=True)
    _notice_id = Id("id")
    _action = Text("action")
    _version = Id("version")


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with the id of the query, which is signed, in place of its own."""
    value = json_object(request.body)
    return {**value, "data": {"id": dict(request.query).get(_ID)}}


def _notice(topic: str, values: Values) -> Values:
    names = ("id", "_notice_id", "_action", "_version")
    return {"event_id": stable_key(topic, *(values.get(name, "") for name in names))}


def _messages(request: WebhookRequest, time: str) -> list[Message]:
    thing_id = dict(request.query).get(_ID, "")
    request_id = request.headers.get("x-request-id", "")
    rest = f"request-id:{request_id};ts:{time};" if request_id else f"ts:{time};"
    ids = dict.fromkeys((thing_id, thing_id.lower()))
    return [Message(f"id:{one};{rest}" if one else rest) for one in ids]


def _complete(request: WebhookRequest) -> WebhookRequest:
    """The request with the query and the id that Mercado Pago gives it."""
    value = json_object(request.body)
    thing_id = Field(_ID, "id").find(request, value)
    query = ((_ID, thing_id), ("type", Field("type").find(request, value)))
    url = f"{request.url}?{urlencode(query)}"
    headers = {**request.headers, "x-request-id": str(uuid4())}
    return replace(request, url=url, query=query, headers=headers)


_NOTICE: Final = Shape(schema=_NoticeSchema(), refine=_notice)


def _topic(kind: str, event_type: str, *other_types: str) -> Topic:
    return Topic(type=event_type, shape=_NOTICE, lookup=kind, other_types=other_types)


platform = Platform(
    name="mercadopago",
    title="Mercado Pago",
    docs="https://www.mercadopago.com/developers/en/docs/your-integrations/notifications",
    group="payments",
    scheme=ComposedHmac(
        PairsHeader("x-signature", time="ts"),
        _messages,
        tolerance_s=25 * 3600,
        vouches_for="identity",
        before_signing=_complete,
    ),
    topic=Field("type"),
    shop=Field("user_id"),
    test=(FieldIs("live_mode", "false", "0"),),
    body=_body,
    stored_query=(_ID,),
    topics={
        "payment": _topic(
            "payment",
            "payment.approved",
            "payment.declined",
            "payment.refunded",
            "payment.charged_back",
        ),
        "order": _topic("order", "order.paid", "order.failed", "payment.charged_back", *_SALE),
        "merchant_order": _topic("merchant_order", "order.paid", *_SALE),
        "topic_merchant_order_wh": _topic("merchant_order", "order.paid", *_SALE),
        "topic_chargebacks_wh": _topic("chargeback", "payment.charged_back"),
        "subscription_preapproval": _topic("preapproval", "subscription.created", *_SUBSCRIPTION),
        "subscription_authorized_payment": _topic(
            "authorized_payment", "subscription.renewed", *_SUBSCRIPTION
        ),
    },
    ignored={
        "mp-connect": "names_nobody",
        "subscription_preapproval_plan": "names_nobody",
        "automatic-payments": "names_nobody",
    },
    deadline_s=22,
    retries="every 15 minutes, after the third time more seldom",
    setup={
        "es": (
            "En mercadopago.com/developers, abra Tus integraciones y elija la aplicación.",
            "En Webhooks > Configurar notificaciones elija Modo productivo.",
            "Pegue la dirección https de esta fuente y marque los eventos, como Pagos y Órdenes.",
            "Guarde la configuración y copie la clave secreta a MERCADOPAGO_SECRET.",
            "Quite la dirección de IPN, si la hay: esos avisos no vienen firmados.",
        ),
        "en": (
            "On mercadopago.com/developers, open Your integrations and choose the application.",
            "In Webhooks > Configure notifications, choose the production mode.",
            "Paste the https address of this source and tick events, such as Payments and Orders.",
            "Save the settings and copy the secret key: it is the secret.",
            "Remove the address of IPN where there is one: those notices are not signed.",
        ),
    },
)
