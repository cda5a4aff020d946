"""Amazon SNS: chosen fields of the envelope, signed with a key whose certificate has a URL in it.

Source: docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages", read 2026-11.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from relay.errors import MALFORMED, MISMATCH, MISSING, Refused
from relay.inbound.payload import json_bytes
from relay.inbound.signature.body_fields import Fields, json_fields
from relay.inbound.signature.certificates import certificate_at
from relay.inbound.signature.keys import SecretReport, rsa_private_key
from relay.inbound.signature.scheme import (
    Vouches,
    decode_signature,
    is_signed,
    require_match,
    require_recent,
    signed_time,
)
from relay.model import WebhookRequest

# With the name of a region: `sns.s3-us-west-2.amazonaws.com` is the bucket `sns` of somebody.
SNS_HOST: Final = r"sns\.[a-z]{2,}(?:-[a-z]+){1,3}-\d{1,2}\.amazonaws\.com(\.cn)?"
_CERTIFICATE_URL: Final = re.compile(rf"https://{SNS_HOST}/[A-Za-z0-9._/-]+\.pem")
_TOPIC_ARN: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}")
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "1": hashes.SHA1(),  # noqa: S303  what version 1 is, the default of topics
    "2": hashes.SHA256(),
}
_SIGNED: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    **dict.fromkeys(
        ("SubscriptionConfirmation", "UnsubscribeConfirmation"),
        ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
_OPTIONAL: Final = "Subject"
_SAMPLE_CERTIFICATE_URL: Final = (
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00000000.pem"
)


@dataclass(frozen=True, slots=True)
class AmazonSns:
    """RSA over the fields of an SNS message; the secrets are the ARNs of the topics to be taken.

    The certificate proves that Amazon sent it, to anybody's topic: hence the ARNs. `verify` raises
    `NeedsCertificate` for one that is not in `CERTIFICATES`. The signed time may be `tolerance_s`
    old. `sign` takes a private key in PEM; the certificate is for the caller to put there. All but
    `UnsubscribeURL` is signed, and the whole body is needed.
    """

    tolerance_s: int = 25 * 3600
    label: str = "RSA, Amazon SNS"
    vouches_for: ClassVar[Vouches] = "body"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        fields = json_fields(request.body)
        if not (fields.get("Signature") and fields.get("SigningCertURL")):
            raise Refused(MISSING)
        signature = decode_signature(fields.text("Signature"), "base64")
        algorithm = _HASHES.get(fields.text("SignatureVersion"))
        if algorithm is None:
            raise Refused(MALFORMED)
        message = _message(fields)
        topic = fields.text("TopicArn").encode(errors="surrogatepass")
        require_match([topic], [secret.strip().encode() for secret in secrets])
        sent_at_s = signed_time(fields.text("Timestamp"))
        certificate = certificate_at(fields.text("SigningCertURL"), _CERTIFICATE_URL, SNS_HOST, now)
        if not is_signed(certificate.key.verify, signature, message, padding.PKCS1v15(), algorithm):
            raise Refused(MISMATCH)
        require_recent(sent_at_s, now, past_s=self.tolerance_s)
        return request

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        """The request with time, signature and, unless it names one, certificate in its body.

        Raises:
            ValueError: the secret is no private key.
        """
        key = rsa_private_key(secret)
        defaults = {"SignatureVersion": "1", "SigningCertURL": _SAMPLE_CERTIFICATE_URL}
        at = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        values: dict[str, Any] = {
            **defaults,
            **json_fields(request.body).values,
            "Timestamp": at,
        }
        algorithm = _HASHES[values["SignatureVersion"]]
        signature = key.sign(_message(Fields(values)), padding.PKCS1v15(), algorithm)
        values["Signature"] = base64.b64encode(signature).decode()
        return request.with_body(json_bytes(values))

    def examine(self, secret: str) -> SecretReport:
        if not _TOPIC_ARN.fullmatch(secret.strip()):
            fault = "expected the ARN of an SNS topic: arn:aws:sns:region:account:name"
            return SecretReport("", fault)
        return SecretReport("Amazon SNS topic; messages of others are refused")


def _message(fields: Fields) -> bytes:
    """What is signed: each field's name and value on lines of their own.

    Raises:
        Refused: `malformed`.
    """
    names = _SIGNED.get(fields.text("Type"))
    if names is None:
        raise Refused(MALFORMED)
    present = [name for name in names if name != _OPTIONAL or fields.get(name) is not None]
    lines = "".join(f"{name}\n{fields.text(name)}\n" for name in present)
    return lines.encode(errors="surrogatepass")
