"""Requests with a digest of some of their fields, as platforms send them, typed in."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import senders

from relay.inbound.signature import FieldDigest, Fields
from relay.model import WebhookRequest


def _wompi_message(fields: Fields, secret: str) -> str:
    """The sender says which fields are signed: the transaction has to be one of them."""
    paths = fields.texts("signature.properties")
    signed = "".join(fields.text(f"data.{path}") for path in paths)
    return signed + fields.text("timestamp") + secret


def _payu_message(fields: Fields, secret: str) -> str:
    value = fields.text("value")
    value = value.removesuffix("0")
    names = ("merchant_id", "reference_sale", None, "currency", "state_pol")
    return "~".join([secret, *(fields.text(name) if name else value for name in names)])


def _epayco_message(fields: Fields, secret: str) -> str:
    names = ("x_ref_payco", "x_transaction_id", "x_amount", "x_currency_code")
    return "^".join(["00000", secret, *map(fields.text, names)])


WOMPI = FieldDigest(
    _wompi_message, field="signature.checksum", header="x-event-checksum", time="timestamp"
)
MAILGUN = FieldDigest(
    lambda fields, _secret: fields.text("signature.timestamp") + fields.text("signature.token"),
    field="signature.signature",
    keyed=True,
    time="signature.timestamp",
    tolerance_s=300,
)
PAYU = FieldDigest(_payu_message, field="sign", body="form", digest="md5")
EPAYCO = FieldDigest(_epayco_message, field="x_signature", body="form")
NUVEI = FieldDigest(
    lambda f, secret: f"{f.text('transaction.id')}_APPCODE_{f.text('user.id')}_{secret}",
    field="transaction.stoken",
    digest="md5",
)
ECWID = FieldDigest(
    lambda fields, _secret: f"{fields.text('eventCreated')}.{fields.text('eventId')}",
    header="x-ecwid-webhook-signature",
    keyed=True,
    encoding="base64",
)
IZIPAY = FieldDigest(
    lambda fields, _secret: fields.text("kr-answer"),
    field="kr-hash",
    body="form",
    keyed=True,
    vouches_for="body",
)


def request_of(body: Any, at: int = 0, **parts: Any) -> WebhookRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = parts.pop("headers", {})
    received_at = datetime.fromtimestamp(at, UTC)
    return senders.delivery(headers, content, received_at=received_at, **parts)


WOMPI_SECRET = "prod_events_OcHnIzeBl5socpwByQ4hA52Em3USQ93Z"
WOMPI_CHECKSUM = "5a18ec5e8fdb7df463e9f94774cba8f583ba21bd04a09ceff2ea68a4bc0aefbe"
WOMPI_BODY: dict[str, Any] = {
    "event": "transaction.updated",
    "data": {
        "transaction": {
            "id": "1234-1610641025-49201",
            "amount_in_cents": 4490000,
            "status": "APPROVED",
            "customer_email": "ana@example.com",
        }
    },
    "signature": {
        "properties": ["transaction.id", "transaction.status", "transaction.amount_in_cents"],
        "checksum": WOMPI_CHECKSUM.upper(),
    },
    "timestamp": 1530291411,
}
MAILGUN_BODY: dict[str, Any] = {
    "signature": {
        "token": "d1931d9645b65e60f6fddf94448e982ff8db9256144a7fcb15",
        "timestamp": "1661621787",
        "signature": "1aed11dcc25700d6b75f9a6d568343ea02ecdd3fc89cc3209e2883a19e5cdd50",
    },
    "event-data": {"event": "delivered"},
}
EPAYCO_FORM = b"x_ref_payco=12345678&x_transaction_id=87654321&x_amount=116000&x_currency_code=COP&x_signature=51bd3003a7d186bc832ee931c31d64ce40a7226e7274ab711ac5099e3f31a97f"
ECWID_BODY = {"eventCreated": 1234567, "eventId": "80aece08-40e8-4145-8764-6c2f0d38678"}
ECWID_HEADER = "U0baajmZbvmlgiauSUaxLzk62KWTQRbk5qLSe3DSQh8="
VECTORS = {
    # docs.wompi.co prints the string, with a checksum that does not follow from it; this is what
    # `openssl dgst -sha256` makes of the string.
    "wompi": (WOMPI, WOMPI_SECRET, request_of(WOMPI_BODY, 1530291411)),
    # symfony/symfony, Bridge/Mailgun/Tests/Webhook
    "mailgun": (
        MAILGUN,
        "key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk26",
        request_of(MAILGUN_BODY, 1661621787),
    ),
    # developers.payulatam.com, with two decimals and with one
    "payu": (
        PAYU,
        "4Vj8eK4rloUd272L48hsrarnUA",
        request_of(
            b"merchant_id=508029&reference_sale=TestPayU05&value=150.26&currency=USD&state_pol=4&sign=1d95778a651e11a0ab93c2169a519cd6"
        ),
    ),
    "payu_one_decimal": (
        PAYU,
        "4Vj8eK4rloUd272L48hsrarnUA",
        request_of(
            b"merchant_id=508029&reference_sale=TestPayU04&value=150.00&currency=USD&state_pol=4&sign=b607a2c2fa100e0947b206d41864fb86"
        ),
    ),
    # None published: `openssl dgst` over the string.
    "epayco": (EPAYCO, "clave_p_key_de_prueba", request_of(EPAYCO_FORM)),
    "epayco_in_the_query": (
        EPAYCO,
        "clave_p_key_de_prueba",
        request_of(b"", query=tuple(parse_qsl(EPAYCO_FORM.decode()))),
    ),
    "nuvei": (
        NUVEI,
        "APPKEY",
        request_of(
            {
                "transaction": {"id": "TX-1", "stoken": "fdd808a9ee13e364f3d55d9aab7b1d2d"},
                "user": {"id": "123"},
            }
        ),
    ),
    "ecwid": (
        ECWID,
        "client_secret",
        request_of(
            {**ECWID_BODY, "eventCreated": "1234567"},
            headers={"x-ecwid-webhook-signature": ECWID_HEADER},
        ),
    ),
}
