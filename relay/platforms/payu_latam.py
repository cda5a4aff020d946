"""PayU Latam: confirmations of payments, a form, of which some fields are signed.

`sign` is hex MD5 of API key, merchant, reference, value, currency and state with `~` between them;
the value has one decimal where the second is 0. E-mail and phone are not covered. The secret is the
API key. Only final states come: 4 approved, 6 declined, 5 expired; several calls for one sale
differ in their transaction. Basic authentication in the address has to be off.

https://developers.payulatam.com/latam/en/docs/integrations/webcheckout-integration/ (read 2026-11)
"""

from typing import Final

from relay.inbound.bodies import FORM, parse_body
from relay.inbound.composite_fields import Amount, JoinedText, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field, FieldIs
from relay.inbound.signature import FieldDigest, Fields
from relay.inbound.topics import Shape, Topic
from relay.model import WebhookRequest


class _PaymentSchema(PayloadSchema):
    id = Id("reference_sale", required=True)
    event_id = JoinedText("transaction_id + state_pol")
    at = Time("transaction_date")
    payment_id = Id("transaction_id", "reference_pol")
    reference = Text("reference_sale")
    description = Text("description")
    amount = Amount("value", "currency")
    status = Text("response_message_pol")
    reason = Text("error_message_bank")
    payment_method = Text("payment_method_name")
    buyer = Person(
        "",
        email="email_buyer",
        name=("nickname_buyer", "cc_holder"),
        phones=("phone", "office_phone"),
        country="billing_country",
    )


def _message(fields: Fields, secret: str) -> str:
    value = fields.text("value")
    whole, dot, decimals = value.partition(".")
    if len(decimals) == 2 and decimals.endswith("0"):
        value = f"{whole}{dot}{decimals[:1]}"
    names = ("merchant_id", "reference_sale")
    rest = [fields.text(name) for name in ("currency", "state_pol")]
    return "~".join([secret, *(fields.text(name) for name in names), value, *rest])


def _body(request: WebhookRequest, _source: Source) -> object:
    return parse_body(request).value


_PAYMENT: Final = Shape(schema=_PaymentSchema(), kind="payment")


def _step(event_type: str, state: str, *, attempt: str = "") -> Topic:
    return Topic(type=event_type, shape=_PAYMENT, step=state, attempt=attempt)


platform = Platform(
    name="payu_latam",
    title="PayU Latam",
    docs="https://developers.payulatam.com/latam/en/docs/integrations/webcheckout-integration/confirmation-page.html",
    group="payments",
    scheme=FieldDigest(_message, field="sign", body="form", digest="md5"),
    topic=Field("state_pol"),
    test=(FieldIs("test", "1"),),
    body=_body,
    media_types=(FORM,),
    topics={
        "4": _step("payment.approved", "approved"),
        "5": _step("payment.declined", "expired", attempt="payment_id"),
        "6": _step("payment.declined", "declined", attempt="payment_id"),
    },
    setup={
        "es": (
            "En el panel de PayU abra Configuración > Configuración técnica.",
            "Ponga la dirección de esta fuente como URL de confirmación.",
            "Copie la API key a PAYU_LATAM_SECRET.",
        ),
        "en": (
            "In PayU's dashboard open Settings > Technical configuration.",
            "Enter the address of this source as confirmation URL.",
            "Copy the API key to PAYU_LATAM_SECRET.",
        ),
    },
)
