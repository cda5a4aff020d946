"""Wompi (Colombia): payments, JSON, of which the sender signs the fields that it lists.

The checksum is SHA-256, no HMAC, over the values of `signature.properties` under `data`, in their
order, then `timestamp` and the events secret of the environment. It stands in the body, in capitals
in the vendor's example, and in `X-Event-Checksum`. The list varies; without the transaction's id,
status and amount it would vouch for nothing. E-mail, phone and document are never signed.

An event tells the state that a transaction came to: a new attempt is another transaction, and
`VOIDED` gives a card payment back. There is no id of the event: transaction and status are one.
Amounts count hundredths, of pesos too. Anything but exactly 200 is sent again three times. Tokens
of payment sources name nobody.

https://docs.wompi.co/docs/colombia/eventos/ (read 2026-08)
"""

import re
from typing import Final

from relay.errors import MALFORMED, Refused
from relay.inbound.composite_fields import Amount, JoinedText, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import FieldDigest, Fields
from relay.inbound.topics import Shape, Topic
from relay.model import Step

_SIGNED: Final = frozenset({"transaction.id", "transaction.status", "transaction.amount_in_cents"})
_SECONDS: Final = re.compile(r"[1-9][0-9]{9}")
_STATES: Final = {
    "DECLINED": Step("declined", "payment.declined"),
    "ERROR": Step("error", "payment.declined"),
    "APPROVED": Step("approved", "payment.approved"),
    "VOIDED": Step("voided", "payment.refunded"),
}


class _TransactionSchema(PayloadSchema):
    id = Id("data.transaction.id", required=True)
    event_id = JoinedText("data.transaction.id + data.transaction.status")
    at = Time("timestamp")
    status = Text("data.transaction.status")
    payment_id = Id("data.transaction.id")
    reference = Text("data.transaction.reference")
    amount = Amount("data.transaction.amount_in_cents", "data.transaction.currency", digits=2)
    payment_method = Text("data.transaction.payment_method_type")
    reason = Text("data.transaction.status_message")
    buyer = Person(
        "data.transaction",
        fixed={"country": "CO"},
        email="customer_email",
        phones="customer_data.phone_number",
        name="customer_data.full_name",
        id_type="billing_data.legal_id_type",
        id_number="billing_data.legal_id",
    )
    recipient = Person(
        "data.transaction.shipping_address",
        name="name",
        phones="phone_number",
        lines=("address_line_1", "address_line_2"),
        city="city",
        state="region",
        zip_code="postal_code",
        country="country",
    )


def _message(fields: Fields, secret: str) -> str:
    """What is digested: the values that the sender lists, its time and the secret."""
    paths = fields.texts("signature.properties")
    if not _SIGNED.issubset(paths):
        raise Refused(MALFORMED)
    values = [fields.text(f"data.{path}") for path in paths]
    time = fields.text("timestamp")
    if not _SECONDS.fullmatch(time):  # nothing stands between it and the amount: digits could move
        raise Refused(MALFORMED)
    return "".join([*values, time, secret])


_TRANSACTION: Final = Shape(
    schema=_TransactionSchema(),
    kind="payment",
    order=tuple(step.state for step in _STATES.values()),
    states={"status": _STATES},
)

platform = Platform(
    name="wompi",
    title="Wompi",
    docs="https://docs.wompi.co/docs/colombia/eventos/",
    group="payments",
    scheme=FieldDigest(
        _message, field="signature.checksum", header="x-event-checksum", time="timestamp"
    ),
    topic=Field("event"),
    test=(Field("environment"),),
    topics={"transaction.updated": Topic(type="payment.approved", shape=_TRANSACTION)},
    ignored={
        "nequi_token.updated": "names_nobody",
        "bancolombia_transfer_token.updated": "names_nobody",
    },
    retries="3, after 30 minutes, 3 hours and 24 hours",
    setup={
        "es": (
            "En el Dashboard de comercios de Wompi abra Desarrollo > Programadores.",
            "En modo producción escriba la dirección de esta fuente como URL de eventos y guarde.",
            "Copie el secreto de eventos (prod_events_…) a WOMPI_SECRET.",
        ),
        "en": (
            "In Wompi's merchant dashboard open Development > Developers.",
            "In production mode enter this source's address as the events URL and save.",
            "Copy the events secret (prod_events_…) to WOMPI_SECRET.",
        ),
    },
)
