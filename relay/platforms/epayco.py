"""ePayco (Colombia): confirmations of payments, a form or a query, of which some fields are signed.

`x_signature` is hex SHA-256 of customer id, P_KEY, reference, transaction, amount and currency with
`^` between them, each as it was received; e-mail, phone and state are not covered. The secret is
the P_KEY. The state is a code: 1 accepted, 2 rejected, 3 pending, 4 failed, 6 reversed, 11
cancelled. Reference and state are the key.

https://docs.epayco.com/docs/url-de-confirmacion (read 2026-11, the vendor's plugin)
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

_SIGNED: Final = ("x_ref_payco", "x_transaction_id", "x_amount", "x_currency_code")


class _PaymentSchema(PayloadSchema):
    id = Id("x_ref_payco", required=True)
    event_id = JoinedText("x_ref_payco + x_cod_transaction_state")
    at = Time("x_transaction_date")
    payment_id = Id("x_ref_payco")
    reference = Text("x_id_invoice", "x_id_factura")
    description = Text("x_description")
    amount = Amount("x_amount", "x_currency_code")
    status = Text("x_transaction_state", "x_response")
    reason = Text("x_response_reason_text")
    payment_method = Text("x_franchise")
    buyer = Person(
        "",
        fixed={"country": "CO"},
        email="x_customer_email",
        first_name="x_customer_name",
        last_name="x_customer_lastname",
        phones=("x_customer_movil", "x_customer_phone"),
        id_number="x_customer_document",
    )


def _message(fields: Fields, secret: str) -> str:
    values = [fields.text(name) for name in _SIGNED]
    return "^".join([fields.text("x_cust_id_cliente"), secret, *values])


def _body(request: WebhookRequest, _source: Source) -> object:
    """The form, or the query where the body is empty."""
    return parse_body(request).value if request.body.strip() else dict(request.query)


_PAYMENT: Final = Shape(schema=_PaymentSchema(), kind="payment")


def _step(event_type: str, state: str) -> Topic:
    return Topic(type=event_type, shape=_PAYMENT, step=state)


platform = Platform(
    name="epayco",
    title="ePayco",
    docs="https://docs.epayco.com/docs/url-de-confirmacion",
    group="payments",
    scheme=FieldDigest(_message, field="x_signature", body="form"),
    topic=Field("x_cod_transaction_state"),
    test=(FieldIs("x_test_request", "true"),),
    body=_body,
    media_types=(FORM,),
    methods=("POST", "GET"),
    stored_query=(
        *_SIGNED,
        "x_cust_id_cliente",
        "x_signature",
        "x_cod_transaction_state",
        "x_customer_email",
        "x_customer_movil",
        "x_customer_name",
        "x_customer_lastname",
        "x_id_invoice",
    ),
    topics={
        "1": _step("payment.approved", "approved"),
        "2": _step("payment.declined", "declined"),
        "4": _step("payment.declined", "failed"),
        "6": _step("payment.refunded", "reversed"),
        "11": _step("payment.declined", "cancelled"),
    },
    ignored={"3": "pending"},
    setup={
        "es": (
            "En el panel de ePayco abra Integraciones > Llaves API y copie P_KEY a EPAYCO_SECRET.",
            (
                "En las opciones de pasarela ponga la dirección de esta fuente como URL de "
                "confirmación."
            ),
            "Elija el método POST.",
        ),
        "en": (
            "In ePayco's dashboard open Integrations > API keys and copy P_KEY to EPAYCO_SECRET.",
            "In the gateway options enter the address of this source as confirmation URL.",
            "Choose the method POST.",
        ),
    },
)
