"""Flow (Chile): confirmations of payments, a form with a token; they have to be looked up.

Nothing proves who sent one: the secret is in the path of the `urlConfirmation` that the shop gives
with each payment. The body is a token, and what became of the payment is what the look-up says,
whose query is signed: hex HMAC-SHA256 of its names and values, sorted. The same token may come
again, after each try to pay. Wants 200 within 15 s; without, the merchant gets an e-mail, and a
confirmation that is sent again is not documented. Times are of Santiago. A refund's `urlCallBack`
has a token of another kind and must not lead here.

https://developers.flow.cl/docs/tutorial-basics/order-confirmation (read 2026-11)
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.inbound.bodies import FORM, parse_body
from relay.inbound.composite_fields import Amount, Documents, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.lookups import ANY_ID, Api, ApiRequest, Lookup, Read
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import PathToken
from relay.inbound.topics import Shape, Topic
from relay.model import Step, WebhookRequest

_TOPIC: Final = "payment"


class _NoticeSchema(PayloadSchema):
    id = Id("token", required=True)


class _PaymentSchema(PayloadSchema):
    id = Id("flowOrder", required=True)
    at = Time("paymentData.date")
    payment_id = Id("flowOrder")
    reference = Text("commerceOrder")
    description = Text("subject")
    amount = Amount("amount", "currency")
    payment_method = Text("paymentData.media", "pending_info.media")
    reason = Text("lastError.message")
    document = Documents("optional")
    _status = Text("status")
    buyer = Person("", fixed={"country": "CL"}, email="payer")


def _body(request: WebhookRequest, _source: Source) -> Any:
    value = parse_body(request).value
    return {**value, "topic": _TOPIC} if isinstance(value, dict) else value


def signed(request: ApiRequest, credentials: Mapping[str, str]) -> ApiRequest:
    """The request with `s`, the proof of its query."""
    text = "".join(f"{name}{value}" for name, value in sorted(request.query.items()))
    proof = hmac.new(credentials["secret_key"].encode(), text.encode(), hashlib.sha256)
    return replace(request, query={**request.query, "s": proof.hexdigest()})


_PAYMENT: Final = Shape(
    schema=_PaymentSchema(),
    kind="payment",
    states={
        "_status": {
            "1": Step("pending", ""),
            "2": Step("approved", "payment.approved"),
            "3": Step("declined", "payment.declined"),
            "4": Step("cancelled", "payment.declined"),
        }
    },
)

platform = Platform(
    name="flow",
    title="Flow",
    docs="https://developers.flow.cl/docs/tutorial-basics/order-confirmation",
    group="payments",
    scheme=PathToken(),
    media_types=(FORM,),
    topic=Field("topic"),
    body=_body,
    zone=ZoneInfo("America/Santiago"),
    topics={
        _TOPIC: Topic(
            type="payment.approved",
            shape=Shape(schema=_NoticeSchema()),
            repeats=True,
            lookup="payment",
            other_types=("payment.declined",),
        )
    },
    api=Api(
        url="https://www.flow.cl/api",
        credentials=("api_key", "secret_key"),
        sign=signed,
    ),
    lookups={
        "payment": Lookup(
            Read(
                "/payment/getStatusExtended",
                query={"apiKey": "{api_key}", "token": "{id}"},
            ),
            shape=_PAYMENT,
            id_pattern=ANY_ID,
        )
    },
    deadline_s=15,
    setup={
        "es": (
            "En Flow abra Mis datos > Seguridad y copie la API Key y la Secret Key.",
            "Póngalas en `credentials` de la fuente: `api_key` y `secret_key`.",
            "Invente un secreto largo y guárdelo en FLOW_SECRET.",
            (
                "Al crear cada pago ponga en `urlConfirmation` la dirección de esta fuente, "
                "seguida de /SECRETO."
            ),
        ),
        "en": (
            "In Flow open Mis datos > Seguridad and copy the API Key and the Secret Key.",
            "Put them into the source's `credentials`: `api_key` and `secret_key`.",
            "Make up a long secret and put it into FLOW_SECRET.",
            (
                "With each payment that you create give the address of this source, followed by "
                "/SECRET, as `urlConfirmation`."
            ),
        ),
    },
)
