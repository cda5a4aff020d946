"""An HMAC over the address and the fields of a form, as Mandrill and Twilio sign."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from relay.errors import MISSING, Refused
from relay.inbound.payload import FORM
from relay.inbound.signature.body_fields import form_pairs, unambiguous_form
from relay.inbound.signature.keys import SecretReport, decode_key, hmac_report
from relay.inbound.signature.scheme import (
    Encoding,
    Vouches,
    copies,
    decode_signatures,
    encode_signature,
    require_match,
    with_headers,
)
from relay.model import WebhookRequest


@dataclass(frozen=True, slots=True)
class UrlFormHmac:
    """HMAC over the public URL, followed by each name and decoded value, sorted by name.

    The URL is the one registered at the platform, query and all: a source's `public_url` where it
    differs from the relay's own. Nothing signed says when. The whole body is needed, and comes out
    with the fields alone that were verified.
    """

    header: str
    digest: str = "sha1"
    encoding: Encoding = "base64"
    vouches_for: ClassVar[Vouches] = "body"

    @property
    def label(self) -> str:
        return f"HMAC-{self.digest.upper()} of URL and form, {self.encoding}, `{self.header}`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime
    ) -> WebhookRequest:
        texts = copies(request.headers.get(self.header, ""))
        if not texts:
            raise Refused(MISSING)
        signatures = decode_signatures(texts, self.encoding)
        message = _message(request)
        require_match(signatures, [self._mac(secret, message) for secret in secrets])
        body = unambiguous_form(form_pairs(request.body))
        return with_headers(request.with_body(body), {"content-type": FORM})

    def _mac(self, secret: str, message: bytes) -> bytes:
        return hmac.digest(decode_key(secret, "utf8"), message, self.digest)

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        mac = self._mac(secret, _message(request))
        return with_headers(request, {self.header: encode_signature(mac, self.encoding)})

    def examine(self, secret: str) -> SecretReport:
        return hmac_report(secret, "utf8")


def _message(request: WebhookRequest) -> bytes:
    pairs = sorted(form_pairs(request.body), key=lambda pair: pair[0])
    fields = b"".join(part for pair in pairs for part in pair)
    return request.url.encode(errors="surrogatepass") + fields
