"""Amazon SNS: RSA over the envelope, with certificates that the web layer fetches."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import senders
from key_pairs import (
    EC_CERTIFICATE,
    EXPIRED_RSA_CERTIFICATE,
    RSA_CERTIFICATE,
    RSA_PRIVATE_KEY,
    RSA_PUBLIC_KEY,
)
from proofs import reason

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, NeedsCertificate
from relay.inbound.signature import CERTIFICATES, SNS_HOST, AmazonSns, IncrementalScheme
from relay.inbound.signature.certificates import CERTIFICATES_MAX, KEEP, CertificateCache
from relay.model import WebhookRequest

SCHEME = AmazonSns()
TOPIC = "arn:aws:sns:us-west-2:123456789012:MyTopic"
URL = "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"
NOTIFICATION: dict[str, Any] = {
    "Type": "Notification",
    "MessageId": "da41e39f-ea4d-435a-b922-c6aae3915ebe",
    "TopicArn": TOPIC,
    "Subject": "test",
    "Message": "test message",
    "Timestamp": "2026-11-02T15:04:05.719Z",
    "SignatureVersion": "1",
    # printf 'Message\\ntest message\\nMessageId\\n…' | openssl dgst -sha1 -sign key.pem | base64
    "Signature": "O3sDjyvEVTnHCFMJ4I7EuxiPYEdfrMD4LMbJoZEGMTLq6fZrMa8+z5WCV0457AAmsSu3AkgrEe3BiE5AwbO3DCpLmvn6q7R00rA6XFiNUPvdNMzg6SR6RVJGcrunnPTw3fJIvGCrTQRdILMlOjsdS/nxxrC42DYNXqTJ52rf6gvh2bF9iDWw4Pad8Q2OQctYgVumTGSO3d/8SGRiZ+7mmfLJ6gPtXQhh8qKQtrQufv61ceuRA7OoE93TCMKSiY2Iof7Z2DEqCiv+WNzs6nXDm1WnnpPMGZbAkUHjp7DX/9FuHYKU6X4dVZ2QRliSi1S/Y8/9y/KoaJbWAVQyee0ajQ==",
    "SigningCertURL": URL,
    "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe",
}
# The same with -sha256.
SHA256 = {
    "SignatureVersion": "2",
    "Signature": "CVQ5T7oQ+QERi7efu2qeOPer8mT1p4BxJozYFjqaTJ2vMPpM8FHVzY6bimtsYlzzWeCq5pSUG+sp5EQgS5zKsKT4lPxc3xKrzw28+dUDd/S9WVI/87j/Sqs4rT2eoF0E0lMbX79pzUzfgNEIUGIPqHFbwft87hnLiVY0WkJnY7eL1B8/HcNszg/vGZ+CB4D3M3hmmzN2J6tQVM776reauULZdUi54dE2uYZ02mXiUNv8QO86GiLFyYc3hjmxFxA7Im6Ux2bz8P3usKxewvnT0yv4E/W0ORGIK24xsj4rvGv4SoqS+mRaKFn6Q5Vtohx1M5mjCnglIp0f9cNFJEmzHA==",
}
CONFIRMATION: dict[str, Any] = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
    "Token": "2336412f37",
    "TopicArn": TOPIC,
    "Message": "You have chosen to subscribe.",
    "SubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-west-2:123456789012:MyTopic&Token=2336412f37",
    "Timestamp": "2026-11-02T15:04:05.719Z",
    "SignatureVersion": "2",
    "Signature": "Is3kFrRcm39SNpfEQ0ugLHzuVN3YPb/p/Ahh8JNJ+WRLNKLHbVxb0TO+T6N+AyAm9JpgN1ukBqAj1JpjcNuRp9s2naSoOhPRoytZG8Xkte1gxR6TuvgjeQ4MkCHwdTKD8IJ5G6RQeal/hmFlpmE0KDy5QAkIIlLHlWC3NxurabOmBulkp4FWSYuhg7T+vNGF5jiPvGVjqiGt/AZ+uqYtPiRrs1Qyd5iBVGBN1GkuVfxDYSkSiESONPb2jOoMopaLVHHsKZo7GswbmtZeT/eNTBw5a/I9gzycSTYhmLiWqbOxcVUttOQfCFxL5w0A/2xaqt5NPahoKrgcePdwqH4XdA==",
    "SigningCertURL": URL,
}


@pytest.fixture(autouse=True)
def fetched() -> Iterator[None]:
    CERTIFICATES.put(URL, RSA_CERTIFICATE, senders.NOW)
    yield
    CERTIFICATES.clear()


def _request(values: Any) -> WebhookRequest:
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    return senders.delivery({"content-type": "text/plain; charset=UTF-8"}, body)


def _reason(message: dict[str, Any], *topics: str, late_s: float = 0, **changes: Any) -> str:
    values = {name: value for name, value in {**message, **changes}.items() if value is not ...}
    return reason(SCHEME, _request(values), *(topics or (TOPIC,)), late_s=late_s)


@pytest.mark.parametrize(
    "message", [NOTIFICATION, {**NOTIFICATION, **SHA256}, CONFIRMATION], ids=["1", "2", "confirm"]
)
def test_message_of_an_allowed_topic_verifies(message):
    assert _reason(message) == ""
    assert _reason(message, "arn:aws:sns:us-west-2:123456789012:Other", TOPIC) == ""
    assert _reason(message, "arn:aws:sns:us-west-2:123456789012:Other") == MISMATCH


@pytest.mark.parametrize(
    ("message", "changes", "expected"),
    [
        *((NOTIFICATION, {name: "x"}, MISMATCH) for name in ("Message", "MessageId", "Subject")),
        (NOTIFICATION, {"Timestamp": "2026-11-02T15:04:06.719Z"}, MISMATCH),
        (NOTIFICATION, {"Subject": None}, MISMATCH),
        (NOTIFICATION, {"Subject": ...}, MISMATCH),
        (NOTIFICATION, {"SignatureVersion": "2"}, MISMATCH),
        (NOTIFICATION, {"Signature": "AAAA"}, MISMATCH),
        (NOTIFICATION, {"TopicArn": TOPIC.lower()}, MISMATCH),
        (NOTIFICATION, {"Type": "SubscriptionConfirmation"}, MALFORMED),
        (CONFIRMATION, {"Type": "UnsubscribeConfirmation"}, MISMATCH),
        (CONFIRMATION, {"SubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=x"}, MISMATCH),
        (CONFIRMATION, {"Token": "another"}, MISMATCH),
        (CONFIRMATION, {"Token": ...}, MALFORMED),
        (NOTIFICATION, {"Type": "Other"}, MALFORMED),
        (NOTIFICATION, {"Type": ...}, MALFORMED),
        (NOTIFICATION, {"SignatureVersion": "3"}, MALFORMED),
        (NOTIFICATION, {"SignatureVersion": ...}, MALFORMED),
        (NOTIFICATION, {"Signature": "%%"}, MALFORMED),
        (NOTIFICATION, {"Signature": ["AAAA"]}, MALFORMED),
        (NOTIFICATION, {"Timestamp": "soon"}, MALFORMED),
        (NOTIFICATION, {"TopicArn": ...}, MALFORMED),
        (NOTIFICATION, {"Signature": ...}, MISSING),
        (NOTIFICATION, {"SigningCertURL": ""}, MISSING),
        (NOTIFICATION, {"UnsubscribeURL": "https://elsewhere.example/"}, ""),
    ],
)
def test_each_signed_field_counts(message, changes, expected):
    assert _reason(message, **changes) == expected


@pytest.mark.parametrize("body", [b"", b"plain text", b"[]", b"\xff"])
def test_body_that_is_no_envelope_is_malformed(body):
    assert reason(SCHEME, _request(body), TOPIC) == MALFORMED


@pytest.mark.parametrize(
    ("late_s", "expected"), [(25 * 3600, ""), (25 * 3600 + 1, STALE), (-299, ""), (-301, STALE)]
)
def test_signed_time_has_a_window(late_s, expected):
    CERTIFICATES.put(URL, RSA_CERTIFICATE, senders.NOW + timedelta(seconds=late_s))

    assert _reason(NOTIFICATION, late_s=late_s) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-west-2.amazonaws.com/x.pem",
        "https://sns.us-west-2.amazonaws.com.evil.example/x.pem",
        "https://evil.example/sns.us-west-2.amazonaws.com/x.pem",
        "https://evil.example/?https://sns.us-west-2.amazonaws.com/x.pem",
        "https://sns.us-west-2.amazonaws.com@evil.example/x.pem",
        "https://sns.us-west-2.amazonaws.com:8443/x.pem",
        "https://sns.us-west-2.amazonaws.com\\@evil.example/x.pem",
        "https://s3.us-west-2.amazonaws.com/x.pem",
        "https://bucket.s3.amazonaws.com/x.pem",
        "https://sns.x.amazonaws.com/x.pem",
        "https://sns.s3-us-west-2.amazonaws.com/x.pem",
        "https://sns.s3-accelerate.amazonaws.com/x.pem",
        "https://snsXus-west-2.amazonaws.com/x.pem",
        "https://sns.us-west-2.amazonaws.com/x.pem?y",
        "https://sns.us-west-2.amazonaws.com/x.pem#y",
        "https://sns.us-west-2.amazonaws.com/x.pem\n",
        "https://sns.us-west-2.amazonaws.com/?Action=x.pem",
        "https://sns.us-west-2.amazonaws.com/x.txt",
        "file:///x.pem",
    ],
)
def test_certificate_of_another_host_is_never_asked_for(url):
    CERTIFICATES.put(url, RSA_CERTIFICATE, senders.NOW)

    assert _reason(NOTIFICATION, SigningCertURL=url) == MISMATCH


@pytest.mark.parametrize(
    "host",
    [
        "sns.eu-west-1.amazonaws.com",
        "sns.ap-southeast-7.amazonaws.com",
        "sns.us-gov-west-1.amazonaws.com",
        "sns.cn-north-1.amazonaws.com.cn",
    ],
)
def test_certificate_that_is_not_there_is_asked_for(host):
    url = f"https://{host}/SimpleNotificationService-1.pem"
    with pytest.raises(NeedsCertificate) as caught:
        _reason(NOTIFICATION, SigningCertURL=url)

    assert (caught.value.url, caught.value.hosts) == (url, SNS_HOST)


def test_nothing_is_asked_for_on_behalf_of_another_topic():
    url = URL.replace("f3", "00")

    assert _reason(NOTIFICATION, "arn:aws:sns:us-west-2:1:x", SigningCertURL=url) == MISMATCH


def test_certificate_out_of_its_time_proves_nothing():
    CERTIFICATES.put(URL, EXPIRED_RSA_CERTIFICATE, senders.NOW)

    assert _reason(NOTIFICATION) == MISMATCH


def test_what_is_signed_verifies_with_its_certificate():
    plain = _request({"Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": "é"})
    signed = SCHEME.sign(plain, RSA_PRIVATE_KEY, senders.NOW)
    values = json.loads(signed.body)
    CERTIFICATES.put(values["SigningCertURL"], RSA_CERTIFICATE, senders.NOW)

    assert reason(SCHEME, signed, TOPIC) == ""
    assert values["Timestamp"] == "2026-11-02T15:04:05.000Z"
    for message in (NOTIFICATION, CONFIRMATION):
        again = SCHEME.sign(_request(message), RSA_PRIVATE_KEY, senders.NOW)
        assert reason(SCHEME, again, TOPIC) == ""
        assert json.loads(again.body)["SigningCertURL"] == URL


@pytest.mark.parametrize("secret", [TOPIC, RSA_PUBLIC_KEY, senders.SENDGRID_PRIVATE_KEY])
def test_only_an_rsa_private_key_signs(secret):
    with pytest.raises(ValueError, match=r".+"):
        SCHEME.sign(_request(NOTIFICATION), secret, senders.NOW)


@pytest.mark.parametrize(
    ("secret", "usable"),
    [
        (TOPIC, True),
        (f" {TOPIC}\n", True),
        ("arn:aws-cn:sns:cn-north-1:123456789012:Topic.fifo", True),
        ("arn:aws:sqs:us-west-2:123456789012:MyQueue", False),
        (f"{TOPIC}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55", False),
        ("a-secret", False),
        ("", False),
    ],
)
def test_secret_is_the_arn_of_a_topic(secret, usable):
    report = SCHEME.examine(secret)

    assert bool(report.kind) == usable
    assert bool(report.fault) != usable
    assert "123456789012" not in report.kind


def test_whole_body_is_needed_and_vouched_for():
    assert not isinstance(SCHEME, IncrementalScheme)
    assert (SCHEME.vouches_for, SCHEME.label) == ("body", "RSA, Amazon SNS")
    assert _reason(NOTIFICATION, late_s=61) == ""
    assert (
        reason(replace(SCHEME, tolerance_s=60), _request(NOTIFICATION), TOPIC, late_s=61) == STALE
    )


class TestCertificateCache:
    def test_certificate_is_kept_for_a_day(self):
        cache = CertificateCache()
        cache.put("u", RSA_CERTIFICATE, senders.NOW)

        assert cache.get("other", senders.NOW) is None
        assert cache.get("u", senders.NOW + KEEP - timedelta(seconds=1))
        assert cache.get("u", senders.NOW + KEEP) is None

    def test_the_oldest_gives_way(self):
        cache = CertificateCache()
        for number in range(CERTIFICATES_MAX):
            cache.put(f"u{number}", RSA_CERTIFICATE, senders.NOW)
        cache.put("u0", RSA_CERTIFICATE, senders.NOW)
        cache.put("new", RSA_CERTIFICATE, senders.NOW)
        kept = [f"u{n}" for n in range(CERTIFICATES_MAX) if cache.get(f"u{n}", senders.NOW)]

        assert cache.get("new", senders.NOW)
        assert kept == [f"u{n}" for n in range(CERTIFICATES_MAX) if n != 1]

    @pytest.mark.parametrize("pem", [b"", b"<html>", RSA_PUBLIC_KEY.encode(), EC_CERTIFICATE])
    def test_what_is_no_certificate_of_an_rsa_key_is_not_taken(self, pem):
        with pytest.raises(ValueError, match=r".+"):
            CertificateCache().put("u", pem, senders.NOW)
