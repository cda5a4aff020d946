"""Openpay (Mexico, Colombia, Peru): charges, JSON, with user and password (Basic).

Nothing signs a body. When the webhook is made, a code comes (`verification`), which the merchant
has to copy into the panel: it is held for them to read. Charge and state are the key. Amounts are
decimal numbers. How often it sends again is not documented.

https://documents.openpay.mx/docs/webhooks.html (read 2026-11; open-pay/openpay-prestashop)
"""

from typing import Final

from relay.inbound.composite_fields import Amount, JoinedText, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Basic
from relay.inbound.topics import Shape, Topic


class _ChargeSchema(PayloadSchema):
    id = Id("transaction.id", required=True)
    event_id = JoinedText("transaction.id + transaction.status + type")
    at = Time("event_date", "transaction.operation_date")
    payment_id = Id("transaction.id")
    reference = Text("transaction.order_id")
    description = Text("transaction.description")
    amount = Amount("transaction.amount", "transaction.currency")
    status = Text("transaction.status")
    reason = Text("transaction.error_message")
    payment_method = Text("transaction.card.brand", "transaction.method")
    buyer = Person(
        "transaction.customer",
        email="email",
        first_name="name",
        last_name="last_name",
        phones="phone_number",
    )


_CHARGE: Final = Shape(schema=_ChargeSchema(), kind="payment")


def _step(event_type: str, state: str) -> Topic:
    return Topic(type=event_type, shape=_CHARGE, step=state)


platform = Platform(
    name="openpay",
    title="Openpay",
    docs="https://documents.openpay.mx/docs/webhooks.html",
    group="payments",
    scheme=Basic(),
    topic=Field("type"),
    topics={
        "charge.succeeded": _step("payment.approved", "approved"),
        "charge.failed": _step("payment.declined", "failed"),
        "charge.cancelled": _step("payment.declined", "cancelled"),
        "charge.refunded": _step("payment.refunded", "refunded"),
        "chargeback.created": _step("payment.charged_back", "charged_back"),
        "transaction.expired": _step("payment.declined", "expired"),
    },
    held={"verification": "setup_code"},
    ignored={"charge.created": "pending", "charge.rescored.to.decline": "pending"},
    setup={
        "es": (
            "En el panel de Openpay abra Configuración > Webhooks > Agregar.",
            "Invente usuario y contraseña y guárdelos en OPENPAY_SECRET (usuario:clave).",
            "Pegue la dirección de esta fuente con ese usuario y clave.",
            (
                "Openpay pide un código; cópielo: `mercately-relay events --state held` muestra "
                "el id; `show`, el código."
            ),
        ),
        "en": (
            "In Openpay's dashboard open Settings > Webhooks > Add.",
            "Make up user and password and put them into OPENPAY_SECRET (user:password).",
            "Paste the address of this source with that user and password.",
            (
                "Openpay asks for a code; copy it: `mercately-relay events --state held` shows the "
                "id, `show` the code."
            ),
        ),
    },
)
