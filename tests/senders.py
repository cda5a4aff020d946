"""Signs as the platforms do, and configures the sources that take it.

Shares no code with relay/inbound/signature/, so each checks the other. The secrets are thrown away:
they guard nothing. The samples in `relay/samples/` are signed with them, at `NOW` where a time
is signed.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from relay import sources
from relay.inbound import samples
from relay.inbound.contract import Source
from relay.mapping.event_fields import filled
from relay.mapping.event_types import EVENT_TYPES
from relay.model import Ended, Event, Translated, WebhookRequest

NOW = datetime(2026, 11, 2, 15, 4, 5, tzinfo=UTC)

# What a source of the platform is configured with; SendGrid's is the public half of the key below.
SECRETS = {
    "generic": "throw-away-secret-of-a-lead-form",
    "sendgrid": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3v3CEGBYjSlOujNXIBzSiiXNcY6S2qXF2MFmLi5UUaqEikyYN+s/n1a4VQAu26yJ89ZPt523T2NkPTxydYmOXA==",
    "shopify": "throw-away-client-secret-of-an-app",
    "standard_webhooks": "whsec_wD2P/Y8dPhUyl7tACE9DwFqoKtdAGiWQkeBcrcGW7ps=",
    "woocommerce": "throw-away {secret} with ñ & <spaces>",
}
# Another of the same kind: what a secret is rotated to.
SPARES = {
    "generic": "another-secret-of-a-lead-form",
    "sendgrid": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEl42gWW+GH9nZK0E9i5otzfw5bqhG6WEWtEUYTeFrjniyx9L2HgV8hdz9DtRGYzHKReACGJVua9xWjK3KTlu8w==",
    "shopify": "another-client-secret-of-an-app",
    "standard_webhooks": "whsec_b4QTpayy6PRFpsaYyQX17s5VHZxPqFiYafIhWZVRh1M=",
    "woocommerce": "another secret",
}
SENDGRID_PRIVATE_KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghE/v3j4zgWBjxOQg
X43GbhYkx4o5Xuo80h0RYEWBc8ahRANCAATe/cIQYFiNKU66M1cgHNKKJc1xjpLa
pcXYwWYuLlRRqoSKTJg36z+fVrhVAC7brInz1k+3nbdPY2Q9PHJ1iY5c
-----END PRIVATE KEY-----
"""


# What a source's options must say for the samples of its platform to be read.
OPTIONS = {
    "generic": """
        auth = { kind = "hmac", encoding = "hex", prefix = "sha256=" }
        events = "@"
        type = "type"
        types = { "lead.created" = "form.submitted", "lead.updated" = "contact.updated" }
        id = "id"
        time = "created_at"
        fields = { form = "form", message = "message", page = "page" }
        contact.email = "contact.email"
        contact.phone = "contact.phone"
        contact.country = "contact.country"
        contact.first_name = "contact.first_name"
        contact.last_name = "contact.last_name"
    """,
}
_RULES = "\n".join(
    f'"{name}" = {{ notes = true, profile = true, addresses = true, creation_date = "occurred_at" }}'
    for name in EVENT_TYPES
)


@cache
def source_of(
    platform: str,
    more: str = "",
    options: str | None = None,
    secrets: tuple[str, ...] = (),
    language: str = "es",
) -> Source:
    """A source as relay.toml configures it, with a rule for every event type.

    `more` is TOML for the source's own table; `options` replaces those the samples need.
    """
    listed = json.dumps(secrets or [SECRETS[platform]], ensure_ascii=False)
    text = f"""
        language = "{language}"
        [destinations.crm]
        api_key = "k"
        [sources.{platform}]
        platform = "{platform}"
        secrets = {listed}
        {more if "abandoned_after" in more else 'abandoned_after = "0s"' + chr(10) + more}
        [sources.{platform}.options]
        {OPTIONS.get(platform, "") if options is None else options}
        [events]
        {_RULES}
    """
    with TemporaryDirectory() as folder:
        file = Path(folder, "relay.toml")
        file.write_text(text, "utf-8")
        return sources.load(file, {}).sources[platform]


def without_ends(items: Iterable[Translated]) -> list[Translated]:
    """The items that are stored or counted by themselves."""
    return [item for item in items if not isinstance(item, Ended)]


def values(event: Event) -> dict[str, Any]:
    """What an event says, by name."""
    return {**event.extra, **filled(event.fields)}


def request_for(platform: str, name: str) -> tuple[dict[str, str], bytes]:
    """The headers and body of a sample; a topic or a sample's name will do."""
    sample = samples.load(platform, name)
    assert sample is not None, f"no sample {name} of {platform}"
    return dict(sample.headers), sample.body


def signed(
    platform: str, headers: Mapping[str, str], body: bytes, now: datetime = NOW
) -> dict[str, str]:
    """The headers with the platform's proof of this body in place of any other."""
    return {**headers, **_PROOFS[platform](SECRETS[platform], headers, body, now)}


def sent(platform: str, name: str, /, **changes: Any) -> WebhookRequest:
    """A sample with other headers, or with fields of its body changed, signed anew.

    A header or field that is changed to `...` is left out. In a list every part is changed.
    """
    headers, body = request_for(platform, name)
    for header in [header for header in changes if "-" in header]:
        headers[header] = changes.pop(header)
    if changes:
        body = json.dumps(_changed(json.loads(body), changes)).encode()
    headers = {header: value for header, value in headers.items() if value is not ...}
    return delivery(signed(platform, headers, body), body)


def _changed(value: Any, changes: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_changed(part, changes) for part in value]
    return {name: part for name, part in {**value, **changes}.items() if part is not ...}


def delivery(headers: Mapping[str, str], body: bytes, **parts: Any) -> WebhookRequest:
    """A request as the web process makes it, received at `NOW` unless `parts` say otherwise."""
    values = {"method": "POST", "url": "https://relay.example/webhooks/x", "received_at": NOW}
    return WebhookRequest(headers=dict(headers), body=body, **values | parts)


def _hmac(secret: bytes, message: bytes) -> bytes:
    return hmac.new(secret, message, hashlib.sha256).digest()


def _shopify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> dict[str, str]:
    return {"x-shopify-hmac-sha256": base64.b64encode(_hmac(secret.encode(), body)).decode()}


def _woocommerce(
    secret: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> dict[str, str]:
    return {"x-wc-webhook-signature": base64.b64encode(_hmac(secret.encode(), body)).decode()}


def _generic(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> dict[str, str]:
    return {"x-signature": "sha256=" + _hmac(secret.encode(), body).hex()}


def _standard_webhooks(
    secret: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    timestamp = f"{now.timestamp():.0f}"
    message = b".".join([headers["webhook-id"].encode(), timestamp.encode(), body])
    return {
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(_hmac(key, message)).decode(),
    }


def _sendgrid(
    public: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> dict[str, str]:
    key: Any = load_pem_private_key(SENDGRID_PRIVATE_KEY.encode(), None)
    timestamp = f"{now.timestamp():.0f}"
    proof = key.sign(timestamp.encode() + body, ECDSA(SHA256()))
    return {
        "x-twilio-email-event-webhook-signature": base64.b64encode(proof).decode(),
        "x-twilio-email-event-webhook-timestamp": timestamp,
    }


_PROOFS = {
    "generic": _generic,
    "sendgrid": _sendgrid,
    "shopify": _shopify,
    "standard_webhooks": _standard_webhooks,
    "woocommerce": _woocommerce,
}
