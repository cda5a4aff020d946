"""PayPhone: a secret in the path, payments in cents, an answer of its own."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import senders
from cases import all_of
from event_checks import notes
from flask.testing import FlaskClient
from platform_samples import request_of, source_of
from proofs import reason

from relay.errors import MISMATCH, MISSING
from relay.mapping.event_fields import PaymentFields
from relay.model import Call, Event, Held, Money, WebhookRequest
from relay.pipeline import parse, translate

SOURCE = source_of("payphone")
(SECRET,) = SOURCE.secrets


def sent(**changes: Any) -> WebhookRequest:
    """An approved payment with other fields; one that is `...` is left out."""
    request = request_of("payphone", "Approved")
    body = {**json.loads(request.body), **changes}
    body = {name: value for name, value in body.items() if value is not ...}
    return replace(request, body=json.dumps(body).encode())


def event(request: WebhookRequest) -> Event:
    (item,) = parse(request, SOURCE)
    assert isinstance(item, Event)
    return item


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (f"{SECRET}/NotificacionPago", ""),
        (f"/{SECRET}/notificacionpago/", ""),
        (SECRET, ""),
        ("another-secret-of-an-address/NotificacionPago", MISMATCH),
        (f"{SECRET}/Otra", MISMATCH),
        (f"{SECRET.upper()}/NotificacionPago", MISMATCH),
        ("NotificacionPago", MISSING),
        ("", MISSING),
    ],
)
def test_secret_stands_before_the_last_word_of_the_path(token, expected):
    request = replace(request_of("payphone", "Approved"), token=token)

    assert reason(SOURCE.scheme, request, SECRET) == expected


def test_approved_payment():
    result = event(sent())

    assert (result.type, result.key) == ("payment.approved", "32805807:Approved")
    assert result.fields == PaymentFields(
        payment_id="32805807",
        reference="PEDIDO-1042",
        description="Pedido 1042 de Tienda Ejemplo",
        status="Approved",
        amount=Money(Decimal("26.88"), "USD"),
        payment_method="Visa St Georges Bank",
    )
    assert (result.contact.email, result.contact.country) == ("ana@example.com", "EC")
    assert [(phone.text, phone.country) for phone in result.contact.phones] == [
        ("593999000001", "EC")
    ]


def test_there_is_no_time():
    result = event(sent())

    assert result.occurred_at == senders.NOW
    assert result.omitted_fields == {"occurred_at": "absent"}


def test_cancelled_payment_is_declined():
    result = event(request_of("payphone", "Canceled"))

    assert (result.type, result.key) == ("payment.declined", "32805806:Canceled")


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("593999000001", "+593999000001"),
        ("0999000001", "+593999000001"),
        ("573009000002", "+573009000002"),
        (593999000001, "+593999000001"),
    ],
)
def test_phone_is_of_ecuador_unless_it_says_otherwise(phone, expected):
    (call,) = translate(sent(PhoneNumber=phone), SOURCE)
    assert isinstance(call, Call)
    assert call.customer.phone == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("1710034065", ("cedula", "1710034065")),
        ("1790011674001", ("ruc", "1790011674001")),
        ("9999999999", ("", "")),
        ("", ("", "")),
        (None, ("", "")),
    ],
)
def test_document_is_an_identity_number(document, expected):
    (call,) = translate(sent(Document=document, Email="", PhoneNumber=""), SOURCE)
    result = call.customer if isinstance(call, Call) else None

    assert ((result.id_type, result.id_number) if result else ("", "")) == expected


def test_repetition_has_the_same_key_and_other_payments_have_others():
    keys = {event(request).key for request in (sent(), sent(StoreId="otra"), sent(Email=None))}
    assert len(keys) == 1
    others = [sent(TransactionId=32805808), request_of("payphone", "Canceled")]
    assert len(keys | {event(other).key for other in others}) == 3


@all_of("value", [None, "", [], {}, False, {"a": [None]}, ...])
@all_of("name", ["Amount", "Currency", "ClientTransactionId", "Reference", "CardBrand", "Document"])
def test_odd_value_in_an_optional_field_holds_nothing(name, value):
    (item,) = translate(sent(**{name: value}), SOURCE)
    assert isinstance(item, Call)


@pytest.mark.parametrize("changes", [{"TransactionId": ...}, {"TransactionStatus": ...}])
def test_payment_without_id_or_state_is_held(changes):
    (item,) = translate(sent(**changes), SOURCE)
    assert isinstance(item, Held)


@pytest.mark.parametrize(
    ("name", "es", "en"),
    [
        (
            "Approved",
            "Pago aprobado: $26,88, referencia PEDIDO-1042 (PayPhone)",
            "Payment approved: $26.88, reference PEDIDO-1042 (PayPhone)",
        ),
        (
            "Canceled",
            "Pago rechazado: $26,88, referencia PEDIDO-1042 (PayPhone)",
            "Payment declined: $26.88, reference PEDIDO-1042 (PayPhone)",
        ),
    ],
)
def test_notes(name, es, en):
    request = request_of("payphone", name)
    assert notes(request, SOURCE, "es") == [es]
    assert notes(request, SOURCE, "en") == [en]


def post(client: FlaskClient, **changes: Any) -> tuple[int, Any]:
    path = f"/webhooks/payphone/{SECRET}/NotificacionPago"
    answer = client.post(path, data=sent(**changes).body, content_type="application/json")
    assert answer.content_type == "application/json"
    return answer.status_code, answer.json


def test_answers_are_the_vendors(web):
    client = web(SOURCE)

    assert post(client) == (200, {"Response": True, "ErrorCode": "000"})
    assert post(client) == (200, {"Response": False, "ErrorCode": "333"})
    assert post(client, TransactionId=32805808) == (200, {"Response": True, "ErrorCode": "000"})
    assert post(client, TransactionStatus=...) == (200, {"Response": True, "ErrorCode": "000"})


def test_payment_that_cannot_be_stored_is_asked_for_again(web):
    client = web(SOURCE, backlog_max=0)
    assert post(client) == (503, {"Response": False, "ErrorCode": "222"})


def test_stranger_gets_no_such_answer(web, redis):
    for path in ("payphone/NotificacionPago", "payphone/another-secret/NotificacionPago"):
        answer = web(SOURCE).post(f"/webhooks/{path}", data=sent().body)
        assert answer.status_code == 401
    assert redis.keys() == []
