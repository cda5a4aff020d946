"""How the trial platforms in `tests/trials/` send: secrets, keys to sign with, and addresses.

The secrets are thrown away: they guard nothing. The samples are signed with them, at `senders.NOW`
where a time is signed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import senders
from key_pairs import RSA_CERTIFICATE, RSA_PRIVATE_KEY, RSA_PUBLIC_KEY

from relay.inbound.contract import Source
from relay.inbound.samples import file_name
from relay.model import WebhookRequest
from tests import trials


@dataclass(frozen=True)
class TrialSender:
    """What a source of the platform is configured with.

    `signing_key` is set where it is not the secret; `token` is the rest of the path, behind the
    source's name; `certificates` are those by their URLs that the platform signs with.
    """

    secret: str
    signing_key: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""
    certificates: Mapping[str, bytes] = field(default_factory=dict)


_PAYPHONE = "throw-away-secret-of-an-address"
SENDERS: Mapping[str, TrialSender] = {
    "amazon_ses": TrialSender(
        "arn:aws:sns:us-east-1:123456789012:correos",
        signing_key=RSA_PRIVATE_KEY,
        certificates={
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00000000.pem": (
                RSA_CERTIFICATE
            )
        },
    ),
    "mailchimp": TrialSender("throw-away-signing-secret-of-a-list"),
    "mandrill": TrialSender("throw-away-key-of-a-webhook"),
    "mercadopago": TrialSender("throw-away-secret-of-an-application"),
    "meta_leads": TrialSender(
        "throw-away-app-secret", options={"verify_token": "throw-away-verify-token-ñ"}
    ),
    "payphone": TrialSender(_PAYPHONE, token=f"{_PAYPHONE}/NotificacionPago"),
    "tiendanube": TrialSender("throw-away-client-secret-of-a-shop-app"),
    "wix": TrialSender(RSA_PUBLIC_KEY, signing_key=RSA_PRIVATE_KEY),
    # The events secret of the vendor's example.
    "wompi": TrialSender("prod_events_OcHnIzeBl5socpwByQ4hA52Em3USQ93Z"),
}


def source_of(name: str, **parts: Any) -> Source:
    """A source that takes all topics and the samples of a trial platform; `parts` are its fields."""
    sender = SENDERS[name]
    values = {"options": sender.options, "signing_key": sender.signing_key, "topics": ("*",)}
    return trials.source_of(trials.trials()[name], sender.secret, **values | parts)


def request_of(platform: str, name: str, **parts: Any) -> WebhookRequest:
    """The sample of a topic as it is sent, or another by its name; `parts` are the request's.

    The line `:query` of a sample is the query of its address.
    """
    sample = trials.sample(platform, file_name(name))
    headers = dict(sample.headers)
    token, query = SENDERS[platform].token, headers.pop(":query", "")
    path = f"/webhooks/{platform}" + (f"/{token}" if token else "") + (f"?{query}" if query else "")
    values = {
        "url": f"https://relay.example{path}",
        "query": tuple(parse_qsl(query, keep_blank_values=True)),
        "token": token,
    }
    return senders.delivery(headers, sample.body, **values | parts)
