"""Izipay (Peru), and PayZen or Lyra elsewhere: payments (IPN), a form with JSON in it, signed.

`kr-hash` is hex HMAC-SHA256 of the text `kr-answer` with the REST password; what the browser brings
back is signed with another key (`kr-hash-key: sha256_hmac`), and is not accepted. The answer has
the order with amounts in minor units, and the buyer. Order and state are the key. What fails is
sent four more times within an hour, and the merchant gets an e-mail.

https://docs.lyra.com/en/rest/V4.0/api/kb/ipn_usage.html (read 2026-11; lyra/rest-php-sdk)
"""

from typing import Any, Final

from relay.errors import MALFORMED, Refused
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
    id = Id("orderDetails.orderId", "transactions.0.uuid", required=True)
    event_id = JoinedText("transactions.0.uuid + orderStatus", "orderDetails.orderId + orderStatus")
    at = Time("serverDate")
    payment_id = Id("transactions.0.uuid")
    reference = Text("orderDetails.orderId")
    amount = Amount("orderDetails.orderTotalAmount", "orderDetails.orderCurrency", minor=True)
    status = Text("orderStatus")
    reason = Text("transactions.0.errorMessage")
    payment_method = Text("transactions.0.transactionDetails.cardDetails.effectiveBrand")
    buyer = Person(
        "customer",
        email="email",
        first_name="billingDetails.firstName",
        last_name="billingDetails.lastName",
        phones=("billingDetails.cellPhoneNumber", "billingDetails.phoneNumber"),
        id_number="billingDetails.identityCode",
        country="billingDetails.country",
    )


def _message(fields: Fields, _secret: str) -> str:
    if fields.text("kr-hash-key") != "password":
        raise Refused(MALFORMED)
    return fields.text("kr-answer")


def _body(request: WebhookRequest, _source: Source) -> Any:
    value = parse_body(request).value
    return value.get("kr-answer", value) if isinstance(value, dict) else value


_PAYMENT: Final = Shape(schema=_PaymentSchema(), kind="payment")


platform = Platform(
    name="izipay",
    title="Izipay",
    docs="https://secure.micuentaweb.pe/doc/es-PE/rest/V4.0/ipn/",
    group="payments",
    scheme=FieldDigest(_message, field="kr-hash", body="form", keyed=True, vouches_for="body"),
    topic=Field("orderStatus"),
    test=(FieldIs("orderDetails.mode", "test"),),
    body=_body,
    media_types=(FORM,),
    topics={
        "PAID": Topic(type="payment.approved", shape=_PAYMENT, step="approved"),
        "UNPAID": Topic(
            type="payment.declined", shape=_PAYMENT, step="declined", attempt="payment_id"
        ),
    },
    ignored={"RUNNING": "pending", "PARTIALLY_PAID": "pending"},
    retries="4, within an hour",
    setup={
        "es": (
            "En el Back Office de Izipay abra Configuración > Reglas de notificación.",
            "En «URL de notificación al final del pago» ponga la dirección de esta fuente.",
            "Copie la contraseña REST de producción a IZIPAY_SECRET.",
        ),
        "en": (
            "In Izipay's Back Office open Settings > Notification rules.",
            (
                "As the URL of notification at the end of the payment enter the address of this "
                "source."
            ),
            "Copy the production REST password to IZIPAY_SECRET.",
        ),
    },
)
