"""Why a scheme refuses a request, for the tests of schemes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from relay.errors import Refused
from relay.inbound.signature import Scheme
from relay.model import WebhookRequest


def reason(
    scheme: Scheme,
    request: WebhookRequest,
    *secrets: str,
    late_s: float = 0,
    now: datetime | None = None,
) -> str:
    """The reason code, empty when the request is taken `late_s` after it was received."""
    now = now or request.received_at + timedelta(seconds=late_s)
    try:
        scheme.verify(request, secrets, now)
    except Refused as refused:
        return refused.reason if refused.status == 401 else f"{refused.reason} {refused.status}"
    return ""


def with_headers(request: WebhookRequest, headers: Mapping[str, str | None]) -> WebhookRequest:
    """The request with other headers; one that is None is left out."""
    changed = {**request.headers, **headers}
    present = {name: value for name, value in changed.items() if value is not None}
    return replace(request, headers=present)
