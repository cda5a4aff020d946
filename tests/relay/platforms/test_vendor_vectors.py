"""Signatures that vendors publish, against the platforms as they are declared.

Each is of the vendor's own documentation or SDK test, byte for byte, and stands beside where it is
from; long bodies are in `tests/fixtures/vectors/`. Of the vendor's guides whose example does not
follow from its own key, or that publish none (Stripe, SNS, Wix, BigCommerce, Mailchimp, Kit,
Customer.io, Calendly, Typeform, Tally, Cal.com, MailerLite, ePayco, Nuvei, Openpay, Rappi, Kushki,
Jumpseller, Tiendanube, Squarespace, WooCommerce) there is none here: their schemes are tested with
values of `openssl` (`tests/vectors.py`, `tests/composed_hmac_vectors.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import senders
from cases import all_of
from platform_samples import source_with

from relay.errors import MALFORMED, MISMATCH, Refused
from relay.model import WebhookRequest
from relay.platforms import discovered

FIXTURES: Final = Path(__file__).parents[2] / "fixtures"
HUBSPOT_SECRET: Final = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
HUBSPOT_URL: Final = "https://www.example.com/webhook_uri"
HUBSPOT_QUOTED: Final = b"{'example_field':'example_value'}"
STANDARD_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_BODY: Final = b'{"test": 2432232314}'
MAILGUN_KEY: Final = "key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk26"
PAYU_KEY: Final = "4Vj8eK4rloUd272L48hsrarnUA"
MP_SECRET: Final = "your_secret_key_here"
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, kw_only=True)
class Vector:
    """A request of `platform` at `at` (unix s) that was signed with `secret`, or with its other half."""

    platform: str
    secret: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes
    at: int = 1793631845
    parts: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def request(self) -> WebhookRequest:
        received_at = datetime.fromtimestamp(self.at, UTC)
        headers = dict(self.headers)
        return senders.delivery(headers, self.body, received_at=received_at, **self.parts)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def standard(platform: str, prefix: str, secret: str, signature: str) -> Vector:
    headers = {
        f"{prefix}-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        f"{prefix}-timestamp": "1614265330",
        f"{prefix}-signature": signature,
    }
    return Vector(
        platform=platform, secret=secret, headers=headers, body=STANDARD_BODY, at=1614265330
    )


def hubspot(version: str, signature: str, body: bytes, method: str = "POST") -> Vector:
    headers = {"x-hubspot-signature": signature, "x-hubspot-signature-version": version}
    if version == "v3":
        headers = {
            "x-hubspot-signature-v3": signature,
            "x-hubspot-request-timestamp": "1693657560000",
        }
    return Vector(
        platform="hubspot",
        secret=HUBSPOT_SECRET,
        headers=headers,
        body=body,
        at=1693657560,
        parts={"url": HUBSPOT_URL, "method": method},
    )


def mailgun(token: str, timestamp: str, signature: str) -> Vector:
    signed = f'{{"token":"{token}","timestamp":"{timestamp}","signature":"{signature}"}}'
    body = f'{{"signature":{signed},"event-data":{{"event":"delivered"}}}}'
    return Vector(platform="mailgun", secret=MAILGUN_KEY, body=body.encode(), at=int(timestamp))


def payu(reference: str, value: str, signature: str) -> Vector:
    body = (
        f"merchant_id=508029&reference_sale={reference}&value={value}&currency=USD&state_pol=4"
        f"&transaction_id=f5e668f1-7ecc-4b83-a4d1-0aaa68260862&sign={signature}"
    )
    return Vector(platform="payu_latam", secret=PAYU_KEY, headers=FORM, body=body.encode())


def sendgrid(key: str, timestamp: int, signature: str, body: bytes) -> Vector:
    headers = {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": str(timestamp),
    }
    return Vector(platform="sendgrid", secret=key, headers=headers, body=body, at=timestamp)


def mercadopago(data_id: str, signature: str) -> Vector:
    return Vector(
        platform="mercadopago",
        secret=MP_SECRET,
        headers={
            "x-signature": f"ts=1742505638683,v1={signature}",
            "x-request-id": "2066ca19-c6f1-498a-be75-1923005edd06",
        },
        body=b'{"type":"order"}',
        at=1742505638,
        parts={"query": (("data.id", data_id), ("type", "order"))},
    )


def github(body: bytes, signature: str) -> Vector:
    headers = {"x-hub-signature-256": f"sha256={signature}"}
    options = {"verify_token": "a-token-of-enough-length"}
    return Vector(
        platform="meta_leads", secret="123456", headers=headers, body=body, options=options
    )


VECTORS: Final = {
    # Shopify/shopify-api-js, packages/shopify-api/lib/webhooks/__tests__/validate.test.ts
    "shopify": Vector(
        platform="shopify",
        secret="test_secret_key",
        headers={"x-shopify-hmac-sha256": "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="},
        body=b'{"foo": "bar"}',
    ),
    # standard-webhooks/standard-webhooks, libraries/python/tests/test_webhooks.py; svix/svix-webhooks
    # has the same under its own headers
    "standard_webhooks": standard(
        "standard_webhooks", "webhook", STANDARD_SECRET,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    "loops": standard(
        "loops", "webhook", STANDARD_SECRET, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    ),
    "svix": standard(
        "resend", "svix", STANDARD_SECRET, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    ),
    # svix/svix-webhooks, server/svix-server/src/worker.rs, test_asymmetric_key_signing
    "standard_webhooks_v1a": standard(
        "standard_webhooks", "webhook", "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    ),
    # symfony/symfony, Mailer/Bridge/Resend/Tests/Webhook, whose lines end in CRLF
    "resend": Vector(
        platform="resend",
        secret="whsec_ESwTAuuIe3yfH4DgdgI+ENsiNzPAGdp+",
        headers={
            "svix-id": "172c41ce-ba6d-4281-8a7a-541faa725748",
            "svix-timestamp": "1712569389",
            "svix-signature": "v1,4wjuRp64yC/2itgCQwl2xPePVwSPTdPbXLIY6IxGLTA=",
        },
        body=fixture("vectors/resend_sent.json"),
        at=1712569389,
    ),
    # sendgrid/sendgrid-python, test/unit/test_eventwebhook.py
    "sendgrid": sendgrid(
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
        1600112502,
        "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
        fixture("vectors/sendgrid_signed_single.json"),
    ),
    # sendgrid/sendgrid-nodejs, packages/eventwebhook/src/eventwebhook.spec.js
    "sendgrid_batch": sendgrid(
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQ4LIFtWztlsF7skFqOncjD1lun4H5w8XOhyOArHW9RcIx/FfEzx6cikC/yPfUvwaX/JScE7Fc9CJD2afQ9Ok3Q==",
        1619651159,
        "MEYCIQC/I4o6vCgqRYrTljjoVWB/GRWNtxeePlLMHr3x9ETeRQIhAIpV+03nREPTTHWSW0wIOA0EoMPdcNgXa70yCaqDJlu5",
        fixture("vectors/sendgrid_signed_multi.json"),
    ),
    # symfony/symfony, Mailer/Bridge/Mailgun/Tests/Webhook/Fixtures, all six
    "mailgun_clicks": mailgun(
        "885894756b6c371a377f5f9516d60a4db497ad27d4931ed215", "1661621710",
        "606307bb55b72686b1b2a2c8c37ae6e6ec89496592bac4a4eee5a346337d04a5",
    ),
    "mailgun_spam_complaints": mailgun(
        "335da63647194414fe8bbb7c67b3b0585e426bcd10b258dcf4", "1661621468",
        "e3c1ce2c6c7a678823e610537eeef59426df9b1b8ed4a49a91e144e71aa64fa9",
    ),
    "mailgun_delivered_messages": mailgun(
        "d1931d9645b65e60f6fddf94448e982ff8db9256144a7fcb15", "1661621787",
        "1aed11dcc25700d6b75f9a6d568343ea02ecdd3fc89cc3209e2883a19e5cdd50",
    ),
    "mailgun_permanent_failure": mailgun(
        "fff0ebc59c0516f4ce0823212a2f45e5c67814420b99fe558b", "1661590666",
        "a0cd251821d8fd56a2130b541becc8e441023574e602fe9829a9ab9fbfdea33f",
    ),
    "mailgun_temporary_failure": mailgun(
        "fafa24ab7699395ccfce2847b87dce8a29f6696a79127ee77c", "1661621361",
        "4328a8ea0818dcb218382cf70ccee285c45a8755f5f5616be90b887b67d84593",
    ),
    "mailgun_unsubscribes": mailgun(
        "1483353025fd6e45b682f14b18d943c52cea11161c1721ee85", "1661621652",
        "83456337a19a70187a620658448ae21d3a50b0aca571bcdad43616741ca300b2",
    ),
    # https://developers.hubspot.com/docs/faq/v1-request-validation
    "hubspot_v1": hubspot(
        "v1",
        "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de",
        b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]',
    ),
    # HubSpot/hubspot-api-python, tests/spec/utils/test_signature.py
    "hubspot_v1_sdk": hubspot(
        "v1", "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750", HUBSPOT_QUOTED
    ),
    "hubspot_v2": hubspot(
        "v2", "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383", HUBSPOT_QUOTED
    ),
    # https://developers.hubspot.com/docs/faq/v2-request-validation, and the same test
    "hubspot_v2_get": hubspot(
        "v2", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e", b"", "GET"
    ),
    # HubSpot/hubspot-php, issue 403, the vendor's answer
    "hubspot_v2_json": hubspot(
        "v2",
        "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900",
        b'{"example_field":"example_value"}',
    ),
    "hubspot_v3": hubspot("v3", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=", HUBSPOT_QUOTED),
    # evendis/mandrill-rails, spec/fixtures/webhook_examples/click_with_signature.json
    "mandrill": Vector(
        platform="mandrill",
        secret="ntynTMaFpM_octE5R1DKAw",
        headers=FORM | {"x-mandrill-signature": "7rUa4lNJitlb178MgGOcHO6T4Bg="},
        body=fixture("mandrill_click_signed.form"),
        parts={"url": "http://requestb.in/q9a918q9"},
    ),
    # symfony/symfony, Mailer/Bridge/MailerSend/Tests/Webhook, without line breaks
    "mailersend": Vector(
        platform="mailersend",
        secret="GvLY88Uyj70jQm3fUwYyWmAaiz98wWim",
        headers={"signature": "e60f87b019f0aaae29042b14762991765ebb0cd6f6d42884af9fccca4cbd16e7"},
        body=fixture("vectors/mailersend_sent.json"),
    ),
    "mailersend_v2": Vector(
        platform="mailersend",
        secret="PnzMUKGNoNUPwuHj4yythmoI7h6teiC2",
        headers={"signature": "213b4053b0e3d44466eb39970f24f15cb178750d55c0ccd4c2e898d69b0f820d"},
        body=fixture("vectors/mailersend_v2_sent.json"),
    ),
    # mailersend/mailersend-nodejs, src/__tests__/services/mailersend.utils.test.ts
    "mailersend_sdk": Vector(
        platform="mailersend",
        secret="yXdTVu1YewsKiuN2bcILlFHsljmR9kaU",
        headers={"signature": "445e75aab3d8ea9169d134189a2814f06858977bd9cdc69324264e39f47bda2e"},
        body=fixture("vectors/mailersend_sent.signed_raw.json"),
    ),
    # mailtrap/mailtrap-ruby, spec/mailtrap/webhooks_spec.rb; the same in all SDKs of the vendor
    "mailtrap": Vector(
        platform="mailtrap",
        secret="8d9a3c0e7f5b2d4a6c1e9f8b3a7d5c2e",
        headers={
            "mailtrap-signature": "6d262e2611cd09be1f948382b5c611d63b0e585c4c9c5e40139d6ac3876d5433"
        },
        body=b'{"event":"delivery","sending_stream":"transactional","category":"welcome","message_id":"a8b1d8f6-1f8d-4a3c-9b2e-1a2b3c4d5e6f","email":"recipient@example.com","event_id":"f1e2d3c4-b5a6-7890-1234-567890abcdef","timestamp":1716070000}',
    ),
    # A public test, made by its author and not by the vendor, who publishes none.
    "klaviyo": Vector(
        platform="klaviyo",
        secret="klaviyo-test-secret",
        headers={
            "klaviyo-signature": "5aa0e720d80b3a04ca04baf3c65cdfe31da57504af69fee8da29c35d45f0596b",
            "klaviyo-timestamp": "Thu, 04 Jan 2024 18:05:25 GMT",
        },
        body=b'{"data":[{"external_id":"4L3cwQae2TX","topic":"event:klaviyo.sent_sms"}],"meta":{"klaviyo_webhook_id":"a8b890458b4bbfaa26d961471b83c101d6de23bd826e7e5173a15310985ec3cb"}}',
        at=1704391525,
    ),
    # mercadopago/sdk-go and sdk-python: the constants of their tests, which compute the values
    "mercadopago": mercadopago(
        "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
        "fb15ae6472eb449173c556793205d77787d58f384d183bb5bc3b724c27bd103c",
    ),
    "mercadopago_lower": mercadopago(
        "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
        "633f91233312dd391ec75fa0bea539cfc2d6c4918873305b84a96cc1c58db71c",
    ),
    # https://developers.payulatam.com, with two decimals and with one
    "payu": payu("TestPayU05", "150.26", "1d95778a651e11a0ab93c2169a519cd6"),
    "payu_one_decimal": payu("TestPayU04", "150.00", "b607a2c2fa100e0947b206d41864fb86"),
    # lyra/rest-php-sdk, src/Lyra/Tests/ClientTest.php
    "izipay": Vector(
        platform="izipay",
        secret="testpassword_DEMOPRIVATEKEY23G4475zXZQ2UA5x7M",
        headers=FORM,
        body=fixture("vectors/izipay_ipn_server.form"),
    ),
    # Meta signs as GitHub: octokit/webhooks and GitHub's own documents
    "meta": github(b"gidget", "091319196718d5bcb1c20ad25fc890597423ecdbad1f947f560afd643b5000de"),
    "meta_json": github(
        b'{"action": "opened"}',
        "0340d06469a1b35662ebd7a67ea2c0c328239f319f1cfafb221451de629e0430",
    ),
}  # fmt: skip


def refusal(vector: Vector, request: WebhookRequest | None = None, secret: str = "") -> str:
    """Why the platform refuses a vector, empty when it does not."""
    platform = discovered()[vector.platform]
    source = source_with(platform, secret or vector.secret, options=dict(vector.options))
    delivery = request or vector.request
    try:
        source.scheme.verify(delivery, source.secrets, delivery.received_at)
    except Refused as refused:
        return refused.reason
    return ""


@all_of("name", VECTORS)
def test_the_platform_accepts_what_its_vendor_signed(name):
    assert refusal(VECTORS[name]) == ""


@all_of("name", [name for name in VECTORS if "v1a" not in name])
def test_no_vector_is_accepted_with_another_secret(name):
    vector = VECTORS[name]
    other = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"
    if vector.platform == "sendgrid":
        other = VECTORS["sendgrid_batch" if name == "sendgrid" else "sendgrid"].secret
    assert refusal(vector, secret=other) == MISMATCH


# Of these the signature is over some fields, or over what is in the address.
PARTLY: Final = ("mailgun", "payu", "mercadopago")


@all_of("name", [name for name in VECTORS if not name.startswith(PARTLY)])
def test_no_vector_is_accepted_with_another_body(name):
    vector = VECTORS[name]
    body = vector.body[:-1] + b"?" if vector.body else b"x"
    assert refusal(vector, replace(vector.request, body=body)) == MISMATCH


@pytest.mark.parametrize(
    ("name", "part", "other"),
    [
        ("mailgun_clicks", b"885894", b"985894"),
        ("payu", b"150.26", b"150.27"),
        ("payu", b"state_pol=4", b"state_pol=6"),
        ("payu", b"TestPayU05", b"TestPayU06"),
    ],
)
def test_no_signed_field_can_be_another(name, part, other):
    request = VECTORS[name].request
    assert part in request.body
    changed = replace(request, body=request.body.replace(part, other))
    assert refusal(VECTORS[name], changed) == MISMATCH


def test_an_example_that_does_not_follow_from_its_key_is_refused():
    """PayU's page prints a signature beside a declined payment that is not of its public key."""
    body = fixture("vectors/payu_latam_confirmation_docs.form")
    vector = Vector(platform="payu_latam", secret=PAYU_KEY, headers=FORM, body=body)
    assert refusal(vector) == MISMATCH


def test_what_the_browser_brings_back_is_no_proof_of_izipay():
    """The same SDK test has an answer that was signed with the key of the browser."""
    body = fixture("vectors/izipay_ipn_browser.form")
    secret = "38453613e7f44dc58732bad3dca2bca3"
    vector = Vector(platform="izipay", secret=secret, headers=FORM, body=body)
    assert refusal(vector) == MALFORMED


def test_the_negative_vector_of_standard_webhooks_is_refused():
    """One letter differs."""
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="
    vector = standard("standard_webhooks", "webhook", STANDARD_SECRET, signature)
    assert refusal(vector) == MISMATCH
