"""Kushki (Ecuador, Colombia, Peru, Chile, Mexico): payments, JSON, signed.

`X-Kushki-Signature` is hex HMAC-SHA256 of the raw body, a full stop and `X-Kushki-Id`, which is
unix time, in seconds or milliseconds; the key is the webhook signature of the console. The simple
signature, of the time alone, is not accepted. There is no topic: the state of the transaction says
what happened, under one name for cards and another for cash, transfers and buttons. The ticket and
its state are the key. No phone is sent, but merchants put it into `metadata`. When the address is
saved an empty object may come.

https://docs.kushki.com/ec/notifications/overview (read 2026-11)
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from relay.inbound.composite_fields import Amount, FirstOf, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import ListOf, PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Handshake
from relay.inbound.signature import ComposedHmac, Message, SeparateHeaders
from relay.inbound.topics import Shape, Topic, Values
from relay.model import Money

_PARTS: Final = ("_untaxed", "_taxed", "_iva", "_ice")


class _PaymentSchema(PayloadSchema):
    id = Id("ticketNumber", "ticket_number", "id", "transaction_id", required=True)
    created_at = Time("created")
    payment_id = Id("ticketNumber", "ticket_number", "id", "transaction_id")
    reference = Text("transactionReference", "transaction_reference")
    description = Text("product.0.name")
    amount = FirstOf(
        Amount("approved_transaction_amount", "currency_code"),
        Amount("approvedTransactionAmount", "currency"),
    )
    _untaxed = Amount("amount.subtotalIva0", "amount.currency")
    _taxed = Amount("amount.subtotalIva", "amount.currency")
    _iva = Amount("amount.iva", "amount.currency")
    _ice = Amount("amount.ice", "amount.currency")
    items = ListOf(Text(), "product.0.name")
    status = Text("transaction_status", "status")
    payment_method = Text("payment_brand", "paymentMethod")
    reason = Text("response_text", "responseText")
    buyer = Person(
        "",
        email=("contactDetails.email", "email", "transactionEmail", "contact_details.email"),
        first_name=("contactDetails.firstName", "name"),
        last_name=("contactDetails.lastName", "lastName"),
        phones=("contactDetails.phoneNumber", "metadata.phone", "metadata.telefono"),
        id_number=("contactDetails.documentNumber", "identification"),
    )


def _probe(body: Mapping[str, Any]) -> Handshake | None:
    return None if body else Handshake()


def _with_amount(_topic: str, values: Values) -> Values:
    """What was paid is the sum of what is taxed, what is not, and the taxes."""
    parts = [part for name in _PARTS if (part := values.get(name)) is not None]
    if values.get("amount") is not None or not parts:
        return {}
    return {"amount": Money(sum((part.amount for part in parts), Decimal()), parts[0].currency)}


_PAYMENT: Final = Shape(schema=_PaymentSchema(), kind="payment", refine=_with_amount)


def _step(event_type: str, state: str) -> Topic:
    return Topic(type=event_type, shape=_PAYMENT, at=("created_at",), step=state)


platform = Platform(
    name="kushki",
    title="Kushki",
    docs="https://docs.kushki.com/ec/notifications/overview",
    group="payments",
    scheme=ComposedHmac(
        SeparateHeaders("x-kushki-signature", time="x-kushki-id"),
        lambda _request, time: Message(suffix=f".{time}"),
        clock="ms",
    ),
    topic=Field("transaction_status", "status"),
    signed_handshake=_probe,
    topics={
        "APPROVAL": _step("payment.approved", "approved"),
        "approvedTransaction": _step("payment.approved", "approved"),
        "DECLINED": _step("payment.declined", "declined"),
        "declinedTransaction": _step("payment.declined", "declined"),
    },
    setup={
        "es": (
            "En la consola de Kushki abra Configuración > Webhooks y agregue uno.",
            "Pegue la dirección de esta fuente y elija los medios de pago.",
            "Copie la firma del webhook (Webhook Signature) a KUSHKI_SECRET.",
        ),
        "en": (
            "In Kushki's console open Configuration > Webhooks and add one.",
            "Paste the address of this source and choose the payment methods.",
            "Copy the webhook signature to KUSHKI_SECRET.",
        ),
    },
)
