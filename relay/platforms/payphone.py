"""PayPhone (Ecuador): payments, JSON with names in PascalCase, unsigned.

The vendor approves shop and address, which has to end in `NotificacionPago`: the secret is the
segment before. Nothing else proves who sent it, and nothing that it is true. Only approved payments
are announced; a cancelled one, which is documented, is one that the bank or the buyer refused.

`TransactionId` is the same on every repetition. Amounts count cents. The phone has its country code
without a plus. There is no time. A bare 200 is not enough: the vendor reads a JSON answer, in which
`000` is received, `333` known before and `222` an error here. Whether it sends again is not
documented.

https://docs.payphone.app/notificacion-externa (read 2026-08)
"""

from typing import Final

from relay.inbound.composite_fields import Amount, Person
from relay.inbound.contract import Platform
from relay.inbound.payload import json_bytes
from relay.inbound.payload_fields import Id, Text
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import PlatformResponse, Receipt
from relay.inbound.signature import PathToken
from relay.inbound.topics import Shape, Topic


class _PaymentSchema(PayloadSchema):
    event_id = Id("TransactionId", required=True)
    amount = Amount("Amount", "Currency", fixed="USD", digits=2)
    payment_id = Id("TransactionId")
    reference = Text("ClientTransactionId")
    description = Text("Reference")
    status = Text("TransactionStatus")
    payment_method = Text("CardBrand", "CardType")
    buyer = Person(
        fixed={"country": "EC"}, email="Email", phones="PhoneNumber", id_number="Document"
    )


def _answer(error_code: str, status: int = 200) -> PlatformResponse:
    body = json_bytes({"Response": error_code == "000", "ErrorCode": error_code})
    return PlatformResponse(status, body, "application/json")


def _response(receipt: Receipt) -> PlatformResponse:
    return _answer("333" if receipt.status == "duplicate" else "000")


_PAYMENT: Final = Shape(schema=_PaymentSchema())

platform = Platform(
    name="payphone",
    title="PayPhone",
    docs="https://docs.payphone.app/notificacion-externa",
    group="payments",
    scheme=PathToken("NotificacionPago"),
    topic=Field("TransactionStatus"),
    topics={
        "Approved": Topic(type="payment.approved", shape=_PAYMENT),
        "Canceled": Topic(type="payment.declined", shape=_PAYMENT),
    },
    response=_response,
    retry_response=_answer("222", status=503),
    setup={
        "es": (
            "Invente un secreto largo (letras y números) y guárdelo en PAYPHONE_SECRET.",
            (
                "Pida a PayPhone la Notificación Externa para su tienda, con la dirección de esta "
                "fuente seguida de /SECRETO/NotificacionPago, por https."
            ),
            "Espere su aprobación: sin ella PayPhone no envía nada.",
        ),
        "en": (
            "Make up a long secret (letters and digits) and put it in PAYPHONE_SECRET.",
            (
                "Ask PayPhone for the external notification (Notificación Externa) of your shop,"
                " with this source's address followed by /SECRET/NotificacionPago, over https."
            ),
            "Wait for their approval: without it PayPhone sends nothing.",
        ),
    },
)
