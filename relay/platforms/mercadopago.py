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

What is looked up: a payment says who paid in `payer`, and what the shop knew of its buyer, maybe
another person, in `additional_info.payer`, phones there in two fields. Part of it may be refunded
while it stays `approved`. Orders of before (merchant orders) hardly say who paid: the first of
their payments does. An account's own token does not expire.

https://www.mercadopago.com/developers/en/docs/your-integrations/notifications (read 2026-11;
mercadopago/sdk-java's test data for what is looked up)
"""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform, Source, stable_key
from relay.inbound.lookups import ANY_ID, Api, Lookup, Read
from relay.inbound.payload import json_object
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field, FieldIs
from relay.inbound.signature import ComposedHmac, Message, PairsHeader
from relay.inbound.topics import Shape, Topic, Values
from relay.model import Step, WebhookRequest

_ID: Final = "data.id"
_SALE: Final = ("order.updated", "order.on_hold", "order.cancelled", "order.refunded")
_SUBSCRIPTION: Final = ("subscription.cancelled", "subscription.payment_failed")


def _person(path: str) -> Person:
    return Person(
        path,
        email="email",
        first_name="first_name",
        last_name="last_name",
        phones="phone.area_code + phone.number",
        id_number="identification.number",
    )


class _NoticeSchema(PayloadSchema):
    id = Id(_ID, required=True)
    _notice_id = Id("id")
    _action = Text("action")
    _version = Id("version")


class _PaymentSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("date_created")
    updated_at = Time("date_last_updated")
    payment_id = Id("id")
    reference = Text("external_reference")
    description = Text()
    amount = Amount("transaction_amount", "currency_id")
    refunded = Amount("transaction_amount_refunded", "currency_id")
    items = Items("additional_info.items", name="title")
    payment_method = Text("payment_method_id")
    status = Text()
    reason = Text("status_detail")
    buyer = _person("additional_info.payer")
    account = _person("payer")


class _OrderSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("created_date")
    updated_at = Time("last_updated_date")
    order_number = Text("external_reference")
    amount = Amount("total_amount", "currency")
    items = Items("items", name="title")
    status = Text()
    buyer = _person("additional_info.payer")
    account = _person("payer")


class _MerchantOrderSchema(PayloadSchema):
    id = Id("order.id", required=True)
    created_at = Time("order.date_created")
    updated_at = Time("order.last_updated")
    order_number = Text("order.external_reference")
    amount = Amount("order.total_amount", "payment.currency_id")
    items = Items("order.items", name="title")
    status = Text("order.order_status")
    buyer = _person("payment.additional_info.payer")
    billing = _person("payment.payer")
    account = Person("order.payer", email="email")


class _PreapprovalSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("date_created")
    updated_at = Time("last_modified")
    subscription_id = Id("id")
    order_number = Text("external_reference")
    plan = Text("reason")
    amount = Amount("auto_recurring.transaction_amount", "auto_recurring.currency_id")
    next_payment_at = Time("next_payment_date")
    status = Text()
    buyer = Person(email="payer_email")


class _ChargeSchema(PayloadSchema):
    id = Id("charge.id", required=True)
    updated_at = Time("charge.last_modified", "charge.date_created")
    subscription_id = Id("charge.preapproval_id")
    order_number = Text("charge.external_reference")
    plan = Text("charge.reason")
    amount = Amount("charge.transaction_amount", "charge.currency_id")
    status = Text("charge.payment.status")
    reason = Text("charge.payment.status_detail")
    buyer = Person(email="subscription.payer_email")


class _ChargebackSchema(PayloadSchema):
    id = Id("chargeback.id", required=True)
    updated_at = Time("chargeback.date_last_updated", "chargeback.date_created")
    payment_id = Id("payment.id", "chargeback.payment_id", "chargeback.payments.0")
    reference = Text("payment.external_reference")
    amount = Amount("chargeback.amount", "payment.currency_id")
    reason = Text("chargeback.reason")
    buyer = _person("payment.additional_info.payer")
    account = _person("payment.payer")


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


def _by_status(untold: str, **types: str) -> dict[str, dict[str, Step]]:
    """Status -> step; nobody is told of those in `untold`, parted by blanks."""
    types |= dict.fromkeys(untold.split(), "")
    return {"status": {status: Step(status, event_type) for status, event_type in types.items()}}


_PAYMENT: Final = Shape(
    schema=_PaymentSchema(),
    kind="payment",
    states=_by_status(
        "pending in_process in_mediation authorized",
        approved="payment.approved",
        rejected="payment.declined",
        cancelled="payment.declined",
        refunded="payment.refunded",
        charged_back="payment.charged_back",
    ),
)
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    states=_by_status(
        "created processing action_required",
        processed="order.paid",
        failed="order.failed",
        expired="order.cancelled",
        canceled="order.cancelled",
        refunded="order.refunded",
        charged_back="payment.charged_back",
    ),
)
_MERCHANT_ORDER: Final = Shape(
    schema=_MerchantOrderSchema(),
    kind="order",
    states=_by_status(
        "payment_required partially_paid partially_reverted undefined",
        payment_in_process="order.on_hold",
        paid="order.paid",
        expired="order.cancelled",
        reverted="order.refunded",
    ),
)
_PREAPPROVAL: Final = Shape(
    schema=_PreapprovalSchema(),
    kind="subscription",
    states=_by_status(
        "pending paused",
        authorized="subscription.created",
        cancelled="subscription.cancelled",
    ),
)
_CHARGE: Final = Shape(
    schema=_ChargeSchema(),
    kind="charge",
    states=_by_status(
        "pending in_process authorized",
        approved="subscription.renewed",
        rejected="subscription.payment_failed",
        cancelled="subscription.payment_failed",
    ),
)
_CHARGEBACK: Final = Shape(schema=_ChargebackSchema(), kind="chargeback")


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
        "topic_chargebacks_wh": Topic(
            type="payment.charged_back", shape=_NOTICE, step="opened", lookup="chargeback"
        ),
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
    api=Api(
        url="https://api.mercadopago.com",
        credentials=("access_token",),
        headers={"Authorization": "Bearer {access_token}"},
    ),
    lookups={
        "payment": Lookup(Read("/v1/payments/{id}"), shape=_PAYMENT),
        "order": Lookup(Read("/v1/orders/{id}"), shape=_ORDER, id_pattern=ANY_ID),
        "merchant_order": Lookup(
            Read("/merchant_orders/{id}", "order"),
            Read("/v1/payments/{order.payments.0.id}", "payment", optional=True),
            shape=_MERCHANT_ORDER,
        ),
        "preapproval": Lookup(Read("/preapproval/{id}"), shape=_PREAPPROVAL, id_pattern=ANY_ID),
        "authorized_payment": Lookup(
            Read("/authorized_payments/{id}", "charge"),
            Read("/preapproval/{charge.preapproval_id}", "subscription", optional=True),
            shape=_CHARGE,
        ),
        "chargeback": Lookup(
            Read("/v1/chargebacks/{id}", "chargeback"),
            Read("/v1/payments/{chargeback.payment_id}", "payment", optional=True),
            Read("/v1/payments/{chargeback.payments.0}", "payment", optional=True),
            shape=_CHARGEBACK,
            id_pattern=ANY_ID,
        ),
    },
    deadline_s=22,
    retries="every 15 minutes, after the third time more seldom",
    setup={
        "es": (
            "En mercadopago.com/developers, abra Tus integraciones y elija la aplicación.",
            "En Webhooks > Configurar notificaciones elija Modo productivo.",
            "Pegue la dirección https de esta fuente y marque los eventos, como Pagos y Órdenes.",
            "Guarde la configuración y copie la clave secreta a MERCADOPAGO_SECRET.",
            "Ponga el Access Token de producción en `credentials` de la fuente: `access_token`.",
            "Quite la dirección de IPN, si la hay: esos avisos no vienen firmados.",
        ),
        "en": (
            "On mercadopago.com/developers, open Your integrations and choose the application.",
            "In Webhooks > Configure notifications, choose the production mode.",
            "Paste the https address of this source and tick events, such as Payments and Orders.",
            "Save the settings and copy the secret key to MERCADOPAGO_SECRET.",
            "Put the production access token into the source's `credentials`: `access_token`.",
            "Remove the address of IPN where there is one: those notices are not signed.",
        ),
    },
)
