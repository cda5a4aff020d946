"""A digest of chosen fields of the body, which stands in the body itself or in a header."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from relay.errors import MISSING, Refused
from relay.inbound.payload import FORM, json_bytes
from relay.inbound.signature.body_fields import (
    Fields,
    form_fields,
    form_pairs,
    json_fields,
    unambiguous_form,
)
from relay.inbound.signature.keys import (
    KeyEncoding,
    SecretReport,
    decode_key,
    hmac_report,
    text_report,
)
from relay.inbound.signature.scheme import (
    Clock,
    Encoding,
    Vouches,
    copies,
    decode_signatures,
    encode_signature,
    require_match,
    require_recent,
    signed_time,
    time_text,
    with_headers,
)
from relay.model import WebhookRequest


@dataclass(frozen=True, slots=True)
class FieldDigest:
    """A digest of `message(fields, secret)`, in the body's field `field` or in `header`.

    The message holds the secret; with `keyed` it is an HMAC, and the secret its key. Of a form
    (`body="form"`) the fields are those of the query where the body is empty. `time` is the field
    with the signed time, which may differ from ours by `tolerance_s` (None: it is not checked);
    `clock` is how `sign` writes it. The platform's parser must not believe other fields. Where the
    sender says which fields are signed, the message must insist on those that identify the thing.
    The whole body is needed; a form comes out with the fields alone that were verified.
    """

    message: Callable[[Fields, str], str]
    field: str = ""
    header: str = ""
    body: Literal["json", "form"] = "json"
    keyed: bool = False
    digest: str = "sha256"
    encoding: Encoding = "hex"
    key: KeyEncoding = "utf8"
    time: str = ""
    tolerance_s: int | None = None
    clock: Clock = "s"
    vouches_for: Vouches = "identity"

    @property
    def label(self) -> str:
        name = f"{'HMAC-' if self.keyed else ''}{self.digest.upper()}"
        return f"{name} of some fields, {self.encoding}, `{self.header or self.field}`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        fields = self._fields(request)
        texts = copies(request.headers.get(self.header, "")) if self.header else []
        if self.field and fields.get(self.field):
            texts.append(fields.text(self.field))
        if not texts:
            raise Refused(MISSING)
        signatures = decode_signatures(texts, self.encoding)
        require_match(signatures, [self._digest(fields, secret) for secret in secrets])
        if self.time and self.tolerance_s is not None:
            require_recent(signed_time(fields.text(self.time)), now, past_s=self.tolerance_s)
        if self.body == "json" or not request.body.strip():
            return request
        body = unambiguous_form(form_pairs(request.body))
        return with_headers(request.with_body(body), {"content-type": FORM})

    def _fields(self, request: WebhookRequest) -> Fields:
        if self.body == "json":
            return json_fields(request.body)
        if request.body.strip():
            return form_fields(form_pairs(request.body))
        return form_fields([(name.encode(), value.encode()) for name, value in request.query])

    def _digest(self, fields: Fields, secret: str) -> bytes:
        message = self.message(fields, secret).encode(errors="surrogatepass")
        if self.keyed:
            return hmac.digest(decode_key(secret, self.key), message, self.digest)
        return hashlib.new(self.digest, message, usedforsecurity=False).digest()

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        if self.time:
            time = time_text(now, self.clock)
            is_number = isinstance(self._fields(request).get(self.time), int)
            request = self._with_field(request, self.time, int(time) if is_number else time)
        text = encode_signature(self._digest(self._fields(request), secret), self.encoding)
        if self.field:
            request = self._with_field(request, self.field, text)
        return with_headers(request, {self.header: text}) if self.header else request

    def _with_field(self, request: WebhookRequest, path: str, value: Any) -> WebhookRequest:
        """The request with this value in its body."""
        if self.body == "json":
            values = json_fields(request.body).values
            return request.with_body(json_bytes(_changed(values, path.split("."), value)))
        name = path.encode()
        others = [pair for pair in form_pairs(request.body) if pair[0] != name]
        return request.with_body(urlencode([*others, (name, str(value).encode())]).encode())

    def examine(self, secret: str) -> SecretReport:
        if self.keyed:
            return hmac_report(secret, self.key)
        fault = "" if secret else "expected a secret that is not empty"
        return text_report("secret", secret, fault=fault)


def _changed(values: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    name, *rest = path
    inner = values.get(name)
    if rest:
        value = _changed(inner if isinstance(inner, Mapping) else {}, rest, value)
    return {**values, name: value}
