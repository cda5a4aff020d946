"""PayPal: the vendor's string to sign, certificates of PayPal alone, and payments looked up."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import senders
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from key_pairs import RSA_PRIVATE_KEY
from platform_samples import request_of, sender_of, source_of

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, NeedsCertificate, Refused
from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, TOPIC
from relay.inbound.samples import FOLDER
from relay.inbound.signature import CERTIFICATES, PayPalSignature
from relay.inbound.signature.keys import rsa_private_key
from relay.model import AwaitingLookup, Call, Ignored, Resource
from relay.pipeline import flattened, process, translate
from relay.platforms.paypal import platform

SOURCE = source_of("paypal")
WEBHOOK_ID = "4JH86294D6297924G"
((URL, CERTIFICATE),) = sender_of("paypal").certificates.items()
ANSWERS = json.loads((FOLDER / "paypal" / "api.json").read_text("utf-8"))
# Of paypal/PayPal-Python-SDK, samples/notification/webhook-events/verify_webhook_events.py.
VENDORS_BODY = (
    b'{"id":"WH-0G2756385H040842W-5Y612302CV158622M","create_time":"2015-05-18T15:45:13Z","r'
    b'esource_type":"sale","event_type":"PAYMENT.SALE.COMPLETED","summary":"Payment complete'
    b'd for $ 20.0 USD","resource":{"id":"4EU7004268015634R","create_time":"2015-05-18T15:44'
    b':02Z","update_time":"2015-05-18T15:44:21Z","amount":{"total":"20.00","currency":"USD"}'
    b',"payment_mode":"INSTANT_TRANSFER","state":"completed","protection_eligibility":"ELIGI'
    b'BLE","protection_eligibility_type":"ITEM_NOT_RECEIVED_ELIGIBLE,UNAUTHORIZED_PAYMENT_EL'
    b'IGIBLE","parent_payment":"PAY-86C81811X5228590KKVNARQQ","transaction_fee":{"value":"0.'
    b'88","currency":"USD"},"links":[{"href":"https://api.sandbox.paypal.com/v1/payments/sal'
    b'e/4EU7004268015634R","rel":"self","method":"GET"},{"href":"https://api.sandbox.paypal.'
    b'com/v1/payments/sale/4EU7004268015634R/refund","rel":"refund","method":"POST"},{"href"'
    b':"https://api.sandbox.paypal.com/v1/payments/payment/PAY-86C81811X5228590KKVNARQQ","re'
    b'l":"parent_payment","method":"GET"}]},"links":[{"href":"https://api.sandbox.paypal.com'
    b'/v1/notifications/webhooks-events/WH-0G2756385H040842W-5Y612302CV158622M","rel":"self"'
    b',"method":"GET"},{"href":"https://api.sandbox.paypal.com/v1/notifications/webhooks-eve'
    b'nts/WH-0G2756385H040842W-5Y612302CV158622M/resend","rel":"resend","method":"POST"}]}'
)
VENDORS_STRING = (
    b"dfb3be50-fd74-11e4-8bf3-77339302725b|2015-05-18T15:45:13Z|4JH86294D6297924G|2771810304"
)


def vendors_request(**headers: str) -> Any:
    """The vendor's example, of which our own key has signed the string."""
    key = rsa_private_key(RSA_PRIVATE_KEY)
    signature = key.sign(VENDORS_STRING, padding.PKCS1v15(), hashes.SHA256())
    return senders.delivery(
        {
            "paypal-transmission-id": "dfb3be50-fd74-11e4-8bf3-77339302725b",
            "paypal-transmission-time": "2015-05-18T15:45:13Z",
            "paypal-transmission-sig": base64.b64encode(signature).decode(),
            "paypal-cert-url": URL,
            "paypal-auth-algo": "SHA256withRSA",
            **headers,
        },
        VENDORS_BODY,
    )


def told(topic: str, **found: Any) -> list[tuple[str, str] | str]:
    """What is told once these were read."""
    body = json.dumps(found).encode()
    kind = platform.topics[topic].lookup
    request = stored_request({LOOKED_UP: kind, TOPIC: topic}, body, senders.NOW)
    return [
        (one.event_type, one.customer.email) if isinstance(one, Call) else one.reason
        for one in flattened(translate(request, SOURCE))
    ]


def test_the_vendors_string_is_what_is_signed():
    scheme = PayPalSignature(tolerance_s=20 * 366 * 86400)
    request = vendors_request()
    assert scheme.verify(request, ("another", WEBHOOK_ID), senders.NOW) == request
    for secrets in (("8PT597110X687430L",), ()):
        with pytest.raises(Refused, match=MISMATCH):
            scheme.verify(request, secrets, senders.NOW)
    with pytest.raises(Refused, match=MISMATCH):
        scheme.verify(replace(request, body=VENDORS_BODY + b" "), (WEBHOOK_ID,), senders.NOW)


def test_an_old_transmission_is_stale():
    with pytest.raises(Refused, match=STALE):
        PayPalSignature().verify(vendors_request(), (WEBHOOK_ID,), senders.NOW)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example/v1/notifications/certs/api.paypal.com",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://evilpaypal.com/v1/notifications/certs/CERT-1",
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/../CERT-1",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?x=1",
        "https://api.paypal.com:444/v1/notifications/certs/CERT-1",
        "https://www.paypal.com/redirect/CERT-1",
    ],
)
def test_a_certificate_of_anybody_else_is_refused(url):
    with pytest.raises(Refused, match=MISMATCH):
        SOURCE.scheme.verify(
            vendors_request(**{"paypal-cert-url": url}), SOURCE.secrets, senders.NOW
        )


@pytest.mark.parametrize("host", ["api.paypal.com", "api.sandbox.paypal.com", "api-m.paypal.com"])
def test_another_certificate_of_paypal_is_fetched(host):
    url = f"https://{host}/v1/notifications/certs/CERT-360caa42-fca2a594-5edc0ebc"
    with pytest.raises(NeedsCertificate) as needed:
        SOURCE.scheme.verify(
            vendors_request(**{"paypal-cert-url": url}), SOURCE.secrets, senders.NOW
        )
    assert needed.value.url == url


@pytest.mark.parametrize(
    ("header", "text", "reason"),
    [
        ("paypal-auth-algo", "SHA1withRSA", MALFORMED),
        ("paypal-auth-algo", "none", MALFORMED),
        ("paypal-transmission-sig", "!", MALFORMED),
        ("paypal-transmission-time", "yesterday", MALFORMED),
        *(
            (f"paypal-{name}", "", MISSING)
            for name in ("transmission-id", "transmission-time", "transmission-sig", "cert-url")
        ),
    ],
)
def test_odd_proof_is_refused(header, text, reason):
    with pytest.raises(Refused, match=reason):
        SOURCE.scheme.verify(vendors_request(**{header: text}), SOURCE.secrets, senders.NOW)


def test_a_certificate_out_of_date_is_refused():
    request = request_of("paypal", "PAYMENT.CAPTURE.COMPLETED")
    later = senders.NOW + timedelta(days=80 * 366)
    CERTIFICATES.put(URL, CERTIFICATE, later)
    with pytest.raises(Refused, match=MISMATCH):
        SOURCE.scheme.verify(request, SOURCE.secrets, later)


def test_a_secret_that_is_no_id_of_a_webhook_is_a_fault():
    assert SOURCE.scheme.examine(WEBHOOK_ID).fault == ""
    assert "webhook" in SOURCE.scheme.examine("https://example.com/hook").fault


@pytest.mark.parametrize(
    ("topic", "resource"),
    [
        ("PAYMENT.CAPTURE.COMPLETED", Resource("capture", "3C679366HH908993F")),
        ("PAYMENT.CAPTURE.REFUNDED", Resource("capture", "9LB53561YB8032149")),
        ("PAYMENT.CAPTURE.REVERSED", Resource("capture", "9LB53561YB8032149")),
        ("PAYMENT.SALE.COMPLETED", Resource("sale", "4EU7004268015634R")),
    ],
)
def test_notice_names_the_capture_or_sale(topic, resource):
    (item,) = process(request_of("paypal", topic), SOURCE, senders.NOW)
    assert isinstance(item, AwaitingLookup)
    assert item.resource == resource


@pytest.mark.parametrize(
    "name", ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.PENDING", "CUSTOMER.DISPUTE.CREATED"]
)
def test_what_is_no_payment_yet_is_ignored(name):
    request = senders.delivery({}, json.dumps({"id": "WH-1", "event_type": name}).encode())
    signed = SOURCE.scheme.sign(request, SOURCE.signing_key, senders.NOW)
    (item,) = process(signed, SOURCE, senders.NOW)
    assert isinstance(item, Ignored)


CAPTURE = ANSWERS["GET /v2/payments/captures/3C679366HH908993F"]
ORDER = ANSWERS["GET /v2/checkout/orders/5O190127TN364715T"]
REFUNDED = ANSWERS["GET /v2/payments/captures/9LB53561YB8032149"]
WITH_REFUND = ANSWERS["GET /v2/checkout/orders/2AB190127TN364714"]
SALE = ANSWERS["GET /v1/payments/sale/4EU7004268015634R"]
SUBSCRIPTION = ANSWERS["GET /v1/billing/subscriptions/I-BW452GLLEP1G"]
OF_A_PAYMENT = {"payer": {"payer_info": {"email": "ana@example.com", "first_name": "Ana"}}}
ANA = "ana@example.com"


@pytest.mark.parametrize(
    ("topic", "found", "expected"),
    [
        (
            "PAYMENT.CAPTURE.COMPLETED",
            {"capture": CAPTURE, "order": ORDER},
            [("payment.approved", ANA)],
        ),
        ("PAYMENT.CAPTURE.COMPLETED", {"capture": CAPTURE}, ["names_nobody"]),
        (
            "PAYMENT.CAPTURE.DENIED",
            {"capture": {**CAPTURE, "status": "DECLINED"}, "order": ORDER},
            [("payment.declined", ANA)],
        ),
        (
            "PAYMENT.CAPTURE.REFUNDED",
            {"capture": REFUNDED, "order": WITH_REFUND},
            [("payment.refunded", ANA)],
        ),
        (
            "PAYMENT.CAPTURE.REVERSED",
            {"capture": REFUNDED, "order": WITH_REFUND},
            [("payment.charged_back", ANA)],
        ),
        (
            "PAYMENT.SALE.COMPLETED",
            {"sale": SALE, "subscription": SUBSCRIPTION},
            [("subscription.renewed", ANA)],
        ),
        (
            "PAYMENT.SALE.COMPLETED",
            {
                "sale": {**SALE, "billing_agreement_id": None, "parent_payment": "PAY-1"},
                "payment": OF_A_PAYMENT,
            },
            [("payment.approved", ANA)],
        ),
    ],
)
def test_what_was_read_is_told(topic, found, expected):
    assert told(topic, **found) == expected
