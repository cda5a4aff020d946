"""How the trial platforms in `tests/trials/` send: secrets, keys to sign with, and addresses.

The secrets are thrown away: they guard nothing. The samples are signed with them, at `senders.NOW`
where a time is signed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import senders
from key_pairs import RSA_PRIVATE_KEY, RSA_PUBLIC_KEY

from relay.inbound.contract import Source
from relay.inbound.samples import Sample
from relay.model import WebhookRequest
from tests import trials


@dataclass(frozen=True)
class TrialSender:
    """What a source of the platform is configured with.

    `signing_key` is set where it is not the secret; `parts` are those of a request beside headers
    and body, such as the token in its path.
    """

    secret: str
    signing_key: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    parts: Callable[[Sample], Mapping[str, Any]] = lambda _: {}


_PAYPHONE = "throw-away-secret-of-an-address"
SENDERS: Mapping[str, TrialSender] = {
    "payphone": TrialSender(_PAYPHONE, parts=lambda _: {"token": f"{_PAYPHONE}/NotificacionPago"}),
    "wix": TrialSender(RSA_PUBLIC_KEY, signing_key=RSA_PRIVATE_KEY),
    # The events secret of the vendor's example.
    "wompi": TrialSender("prod_events_OcHnIzeBl5socpwByQ4hA52Em3USQ93Z"),
}


def source_of(name: str, **parts: Any) -> Source:
    """A source that takes the samples of a trial platform; `parts` are its fields."""
    sender = SENDERS[name]
    platform = trials.trials()[name]
    values = {"options": sender.options, "signing_key": sender.signing_key, **parts}
    return trials.source_of(platform, sender.secret, **values)


def request_of(platform: str, name: str) -> WebhookRequest:
    """A sample as it is sent."""
    sample = trials.sample(platform, name)
    return senders.delivery(sample.headers, sample.body, **SENDERS[platform].parts(sample))
