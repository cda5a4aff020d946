"""What the tests of single platforms share: events of a request that verifies, and notes."""

import re
from collections.abc import Sequence
from dataclasses import replace

import senders
from contract_checks import translated

from relay.inbound.contract import Source
from relay.inbound.results import Handshake, Part
from relay.mapping.event_types import Language
from relay.model import Call, Event, WebhookRequest
from relay.pipeline import authenticate, parse

_EMPTY = re.compile(r"«\s*»|\"\s*\"|\(\s*\)|[:,;]\s*[:,;(]|[:,;]$|\s[,.;:!?)»]|None|  |\n")


def parsed(request: WebhookRequest, source: Source) -> Sequence[Part]:
    """The parts of a request that verifies."""
    verified = authenticate(request, source, request.received_at)
    assert isinstance(verified, WebhookRequest)
    items = parse(verified, source)
    assert not isinstance(items, Handshake)
    return items


def event_of(request: WebhookRequest, source: Source) -> Event:
    """The one event of a request that verifies."""
    (event,) = parsed(request, source)
    assert isinstance(event, Event)
    return event


def notes(request: WebhookRequest, source: Source, language: Language) -> list[str]:
    """The default notes of a request's events, each of which reads well."""
    rules = senders.source_of("generic", language=language).rules
    speaking = replace(source, rules=rules, language=language)
    calls = [item for item in translated(request, speaking) if isinstance(item, Call)]
    texts = [str(call.body["notes"]) for call in calls]
    for text in texts:
        assert not _EMPTY.search(text), text
        assert text.endswith(f"({source.title})")
        assert len(text) <= 220
    return texts
