"""Requests with an HMAC over a composed message, as platforms send them, typed in."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import senders

from relay.inbound.signature import ComposedHmac, Message, PairsHeader, SeparateHeaders
from relay.model import WebhookRequest

MAILCHIMP = ComposedHmac(
    PairsHeader("x-mailchimp-signature"), lambda _request, time: Message(f"{time}.")
)
RAPPI = replace(MAILCHIMP, headers=PairsHeader("rappi-signature", signature="sign"))
CALENDLY = replace(MAILCHIMP, headers=PairsHeader("calendly-webhook-signature"), tolerance_s=180)
CUSTOMER_IO = ComposedHmac(
    SeparateHeaders("x-cio-signature", "x-cio-timestamp"),
    lambda _request, time: Message(f"v0:{time}:"),
)
KLAVIYO = ComposedHmac(
    SeparateHeaders("klaviyo-signature", "klaviyo-timestamp"),
    lambda _request, time: Message(suffix=time),
    clock="http_date",
)
KUSHKI = ComposedHmac(
    SeparateHeaders("x-kushki-signature", "x-kushki-id"),
    lambda _request, time: Message(suffix=f".{time}"),
)
HUBSPOT = ComposedHmac(
    SeparateHeaders("x-hubspot-signature-v3", "x-hubspot-request-timestamp"),
    lambda request, time: Message(f"{request.method}{request.url}", time),
    encoding="base64",
    clock="ms",
)


def _mercado_pago_messages(request: WebhookRequest, time: str) -> list[Message]:
    """The id is signed as received or in lower case; what is missing is left out."""
    query = dict(request.query)
    request_id = request.headers.get("x-request-id", "")
    ids = dict.fromkeys((query.get("data.id", ""), query.get("data.id", "").lower()))
    rest = f"request-id:{request_id};ts:{time};" if request_id else f"ts:{time};"
    return [Message(f"id:{one};{rest}" if one else rest) for one in ids]


def _with_id(request: WebhookRequest) -> WebhookRequest:
    return replace(
        request,
        url=f"{request.url}?data.id=123456&type=payment",
        query=(("data.id", "123456"), ("type", "payment")),
        headers={**request.headers, "x-request-id": "2066ca19-c6f1-498a-be75-1923005edd06"},
    )


MERCADO_PAGO = ComposedHmac(
    PairsHeader("x-signature", time="ts"),
    _mercado_pago_messages,
    vouches_for="identity",
    before_signing=_with_id,
)


def _mercado_pago(data_id: str, request_id: str, signature: str, **parts: Any) -> WebhookRequest:
    headers = {"x-signature": signature} | ({"x-request-id": request_id} if request_id else {})
    query = (("type", "payment"), *((("data.id", data_id),) if data_id else ()))
    return _request(headers, b'{"anything":1}', 1742505638, query=query, **parts)


def _request(headers: dict[str, str], body: bytes, at: int, **parts: Any) -> WebhookRequest:
    received_at = datetime.fromtimestamp(at, UTC)
    return senders.delivery(headers, body, received_at=received_at, **parts)


REQUEST_ID = "2066ca19-c6f1-498a-be75-1923005edd06"
# Scheme, secret, request. Where no source is named, the platform publishes none, and the value is
# of `openssl dgst -sha256 -hmac SECRET` over the message.
VECTORS = {
    "mailchimp": (
        MAILCHIMP,
        "mc_secret",
        _request(
            {
                "x-mailchimp-signature": "t=1700000000,v1=1a86c6d0f18fb63d535ec6c5d8ca6b751151f955388906407378dc3e92fd78c3"
            },
            b"type=subscribe&fired_at=2026-01-10+15%3A00%3A00",
            1700000000,
        ),
    ),
    "rappi": (
        RAPPI,
        "rappi_secret",
        _request(
            {
                "rappi-signature": "t=1700000000,sign=5390a6ae67b620c74e57d398497566d12255484f83906318b27db88c2acba90e"
            },
            b'{ "message" : "Este es un ejemplo" }',
            1700000000,
        ),
    ),
    "calendly": (
        CALENDLY,
        "calendly_key",
        _request(
            {
                "calendly-webhook-signature": "t=1700000000,v1=3cb32bf5abcdbad9b8dbd2035eeaaa76b9db4c6d4f8623643808d584270e7256"
            },
            b'{"event":"invitee.created"}',
            1700000000,
        ),
    ),
    "customer_io": (
        CUSTOMER_IO,
        "cio_key",
        _request(
            {
                "x-cio-signature": "517ce5dccb43ced77c5fde5e5fe034924b6a8ae5d5d18438777183a1ce2dbdf2",
                "x-cio-timestamp": "1700000000",
            },
            b'{"metric":"sent"}',
            1700000000,
        ),
    ),
    # Made by the author of a public test, not by Klaviyo.
    "klaviyo": (
        KLAVIYO,
        "klaviyo-test-secret",
        _request(
            {
                "klaviyo-signature": "5aa0e720d80b3a04ca04baf3c65cdfe31da57504af69fee8da29c35d45f0596b",
                "klaviyo-timestamp": "Thu, 04 Jan 2024 18:05:25 GMT",
            },
            b'{"data":[{"external_id":"4L3cwQae2TX","topic":"event:klaviyo.sent_sms"}],"meta":{"klaviyo_webhook_id":"a8b890458b4bbfaa26d961471b83c101d6de23bd826e7e5173a15310985ec3cb"}}',
            1704391525,
        ),
    ),
    "kushki": (
        KUSHKI,
        "kushki_sig",
        _request(
            {
                "x-kushki-signature": "9c509581dd4a765b1228b73e8c2025a9c1833a389658d0c89b1ed9e71944b4ff",
                "x-kushki-id": "1700000000",
            },
            b'{"ticketNumber":"1"}',
            1700000000,
        ),
    ),
    # HubSpot/hubspot-api-python, tests/spec/utils/test_signature.py
    "hubspot": (
        HUBSPOT,
        "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
        _request(
            {
                "x-hubspot-signature-v3": "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
                "x-hubspot-request-timestamp": "1693657560000",
            },
            b"{'example_field':'example_value'}",
            1693657560,
            url="https://www.example.com/webhook_uri",
        ),
    ),
    # mercadopago/sdk-go, its test's constants; with milliseconds
    "mercado_pago": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
            REQUEST_ID,
            "ts=1742505638683,v1=fb15ae6472eb449173c556793205d77787d58f384d183bb5bc3b724c27bd103c",
        ),
    ),
    # The same with the id in lower case, which the documentation asks for.
    "mercado_pago_lower": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
            REQUEST_ID,
            "ts=1742505638683,v1=633f91233312dd391ec75fa0bea539cfc2d6c4918873305b84a96cc1c58db71c",
        ),
    ),
    "mercado_pago_seconds": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "123456",
            REQUEST_ID,
            "ts=1742505638,v1=7d51eedd98ab67683eeea4a3a00710f2498292e736e2dd8eb107b0d8c6c58448",
        ),
    ),
    "mercado_pago_without_request_id": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "123456",
            "",
            "ts=1742505638,v1=0174ed271a204ed4531b584fb879631625c51631165cad4f1e1da541d8da75e3",
        ),
    ),
    "mercado_pago_without_id": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "",
            REQUEST_ID,
            "ts=1742505638,v1=f8e96947f75151dcf46c4bc24001742171da7beea5a32aedff7b2728fb5549a1",
        ),
    ),
}
