"""Bold (Colombia): sales and voids, JSON, signed.

`x-bold-signature` is hex HMAC-SHA256 of the base64 of the raw body, with the integration's secret
key. In the vendor's test mode that key is empty, so that anybody can sign: it is not accepted. The
payment and its state are the key. `amount.total` is in whole units of the currency. Sales at a
terminal name nobody, and no sale has a phone. Wants 200 at once; how often it sends again is known
from memory only.

https://developers.bold.co/webhook (read 2026-11; three public receivers agree on the signature)
"""

from typing import Final

from relay.inbound.composite_fields import Amount, JoinedText, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, Topic


class _PaymentSchema(PayloadSchema):
    id = Id("data.payment_id", "subject", required=True)
    event_id = JoinedText("data.payment_id + type")
    at = Time("data.created_at")
    payment_id = Id("data.payment_id", "subject")
    reference = Text("data.metadata.reference")
    amount = Amount("data.amount.total", "data.amount.currency")
    payment_method = Text("data.payment_method")
    buyer = Person("data", email="payer_email", fixed={"country": "CO"})


_PAYMENT: Final = Shape(schema=_PaymentSchema(), kind="payment")


def _step(event_type: str, state: str) -> Topic:
    return Topic(type=event_type, shape=_PAYMENT, step=state)


platform = Platform(
    name="bold",
    title="Bold",
    docs="https://developers.bold.co/webhook",
    group="payments",
    scheme=Hmac(headers=("x-bold-signature",), encoding="hex", of_base64=True),
    topic=Field("type"),
    topics={
        "SALE_APPROVED": _step("payment.approved", "approved"),
        "SALE_REJECTED": _step("payment.declined", "rejected"),
        "VOID_APPROVED": _step("payment.refunded", "voided"),
    },
    ignored={"VOID_REJECTED": "nothing_changed"},
    setup={
        "es": (
            "En el panel de comercios de Bold abra Integraciones > Webhook.",
            "Agregue la dirección de esta fuente y elija los eventos de venta y anulación.",
            "Copie la llave secreta de la integración, la de producción, a BOLD_SECRET.",
        ),
        "en": (
            "In Bold's merchant panel open Integrations > Webhook.",
            "Add the address of this source and choose the events of sales and voids.",
            "Copy the integration's secret key, that of production, to BOLD_SECRET.",
        ),
    },
)
