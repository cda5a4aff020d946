"""Nuvei LatAm, formerly Paymentez (Ecuador, Colombia, Mexico, Peru): payments, JSON.

`transaction.stoken` is hex MD5 of transaction, application code, user and application key with `_`
between them: amount and e-mail are not covered. The secret is code and key with a colon between
them; either of the two pairs, of server or client, may be used. The commercial adviser sets the
address: there is no panel for it. Transaction and detail of the state are the key. Anything but 200
is sent again for about 48 h.

https://developers.paymentez.com/docs/notifications/ (read 2026-11; paymentez/pg-woocommerce-plugin)
"""

from typing import Final

from relay.inbound.composite_fields import Amount, JoinedText, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import FieldDigest, Fields
from relay.inbound.topics import Shape, Topic

_REFUNDED: Final = ("7", "34", *(str(code) for code in range(21, 30)))
_DECLINED: Final = ("9", "11", "12")


class _PaymentSchema(PayloadSchema):
    id = Id("transaction.id", required=True)
    event_id = JoinedText("transaction.id + transaction.status_detail")
    at = Time("transaction.payment_date", "transaction.date")
    payment_id = Id("transaction.id")
    reference = Text("transaction.dev_reference")
    description = Text("transaction.product_description")
    amount = Amount("transaction.amount", "transaction.currency", fixed="USD")
    status = Text("transaction.status")
    reason = Text("transaction.message")
    buyer = Person("user", email="email", phones="phone", name="name")


def _message(fields: Fields, secret: str) -> str:
    code, _, key = secret.partition(":")
    return "_".join([fields.text("transaction.id"), code, fields.text("user.id"), key])


_PAYMENT: Final = Shape(schema=_PaymentSchema(), kind="payment")


def _step(event_type: str, state: str) -> Topic:
    return Topic(type=event_type, shape=_PAYMENT, step=state)


platform = Platform(
    name="nuvei_latam",
    title="Nuvei LatAm",
    docs="https://developers.paymentez.com/docs/notifications/",
    group="payments",
    scheme=FieldDigest(_message, field="transaction.stoken", digest="md5"),
    topic=Field("transaction.status_detail"),
    topics={
        "3": _step("payment.approved", "approved"),
        **{code: _step("payment.declined", "declined") for code in _DECLINED},
        **{code: _step("payment.refunded", "refunded") for code in _REFUNDED},
        "8": _step("payment.charged_back", "charged_back"),
    },
    ignored=dict.fromkeys(("0", "1", "31", "35", "36"), "pending"),
    certainty="unverified",
    retries="for about 48 hours",
    setup={
        "es": (
            (
                "Pida a su asesor comercial de Nuvei que ponga la dirección de esta fuente como "
                "webhook."
            ),
            "Copie el application code y el application key a NUVEI_LATAM_SECRET (código:llave).",
        ),
        "en": (
            "Ask your commercial adviser at Nuvei to set the address of this source as webhook.",
            "Copy application code and application key to NUVEI_LATAM_SECRET (code:key).",
        ),
    },
)
