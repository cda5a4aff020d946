"""An HMAC over a message that is composed of parts of the request: its body, time, URL or ids."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from relay.errors import MALFORMED, MISSING, Refused
from relay.inbound.signature.keys import KeyEncoding, SecretReport, decode_key, hmac_report
from relay.inbound.signature.scheme import (
    BodyCheck,
    Clock,
    Encoding,
    Vouches,
    copies,
    decode_signatures,
    encode_signature,
    has_prefix,
    require_match,
    require_recent,
    signed_time,
    single,
    time_text,
    with_headers,
)
from relay.model import WebhookRequest


@dataclass(frozen=True, slots=True)
class Message:
    """What is signed around the body, or all that is signed where the body is no part of it."""

    prefix: str = ""
    suffix: str = ""

    def start(self) -> bytes:
        return self.prefix.encode(errors="surrogatepass")

    def end(self) -> bytes:
        return self.suffix.encode(errors="surrogatepass")


@dataclass(frozen=True, slots=True)
class PairsHeader:
    """One header with time and signatures in pairs: `t=1700000000,v1=3cb32b…,v1=70a54c…`."""

    header: str
    time: str = "t"
    signature: str = "v1"

    def read(self, headers: Mapping[str, str]) -> tuple[str, list[str]]:
        """The time and the signatures.

        Raises:
            Refused: `missing`, or `malformed` unless there is one time.
        """
        parts = [part.partition("=") for part in copies(headers.get(self.header, ""))]
        if not parts:
            raise Refused(MISSING)
        pairs = [(name.strip(), text.strip()) for name, _, text in parts]
        # Each time would be one more pass over the body.
        times = {text for name, text in pairs if name == self.time}
        if len(times) != 1:
            raise Refused(MALFORMED)
        return times.pop(), [text for name, text in pairs if name == self.signature]

    def write(self, time: str, signature: str) -> dict[str, str]:
        return {self.header: f"{self.time}={time},{self.signature}={signature}"}


@dataclass(frozen=True, slots=True)
class SeparateHeaders:
    """The signature, after `prefix`, in one header and the time in another."""

    header: str
    time: str
    prefix: str = ""

    def read(self, headers: Mapping[str, str]) -> tuple[str, list[str]]:
        """The time and the signatures.

        Raises:
            Refused: `missing`.
        """
        texts = copies(headers.get(self.header, ""))
        time = single(headers.get(self.time, ""))
        if not (texts and time):
            raise Refused(MISSING)
        signatures = [text for text in texts if has_prefix(text, self.prefix)]
        return time, [text[len(self.prefix) :] for text in signatures]

    def write(self, time: str, signature: str) -> dict[str, str]:
        return {self.header: self.prefix + signature, self.time: time}


def _unchanged(request: WebhookRequest) -> WebhookRequest:
    return request


@dataclass(frozen=True, slots=True)
class ComposedHmac:
    """HMAC over prefix + body + suffix, with the time that is signed in its own header or in pairs.

    `message(request, time)` gives prefix and suffix (`request.body` is not there yet); where a
    platform is not of one mind, several messages, of which one has to match and the first is what
    `sign` uses. With `vouches_for="identity"` the body is no part of the message. A time is read in
    any notation; `clock` is that which `sign` writes, and `before_signing` adds what the platform
    sends besides, such as an id in the query.
    """

    headers: PairsHeader | SeparateHeaders
    message: Callable[[WebhookRequest, str], Message | Sequence[Message]]
    encoding: Encoding = "hex"
    digest: str = "sha256"
    key: KeyEncoding = "utf8"
    tolerance_s: int = 300
    clock: Clock = "s"
    vouches_for: Vouches = "body"
    before_signing: Callable[[WebhookRequest], WebhookRequest] = _unchanged

    @property
    def label(self) -> str:
        return f"HMAC-{self.digest.upper()}, {self.encoding}, `{self.headers.header}`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).whole(request.body)

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> BodyCheck:
        time, texts = self.headers.read(request.headers)
        sent_at_s = signed_time(time)
        signatures = decode_signatures(texts, self.encoding)
        messages = self._messages(request, time)
        keys = [decode_key(secret, self.key) for secret in secrets]
        macs = [(hmac.new(k, m.start(), self.digest), m.end()) for k in keys for m in messages]

        def verdict() -> None:
            for mac, end in macs:
                mac.update(end)
            require_match(signatures, [mac.digest() for mac, _ in macs])
            require_recent(sent_at_s, now, past_s=self.tolerance_s)

        if self.vouches_for != "body":
            verdict()
            return BodyCheck(request)
        return BodyCheck(request, tuple(mac for mac, _ in macs), verdict)

    def _messages(self, request: WebhookRequest, time: str) -> Sequence[Message]:
        message = self.message(request, time)
        return [message] if isinstance(message, Message) else message

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        request = self.before_signing(request)
        time = time_text(now, self.clock)
        message = self._messages(request, time)[0]
        body = request.body if self.vouches_for == "body" else b""
        content = message.start() + body + message.end()
        mac = hmac.digest(decode_key(secret, self.key), content, self.digest)
        return with_headers(request, self.headers.write(time, encode_signature(mac, self.encoding)))

    def examine(self, secret: str) -> SecretReport:
        return hmac_report(secret, self.key)
