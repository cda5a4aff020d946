"""What every trial adapter is checked for; `tests/trials/test_<name>.py` says what is its own."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import senders
from flask.testing import FlaskClient
from redis import Redis

from relay.inbound.contract import Source, stored_request
from relay.inbound.results import Handshake, Part
from relay.mapping.event_types import EVENT_TYPES, Language
from relay.mapping.rules import compile_rules
from relay.model import Call, Event, Translated, WebhookRequest
from relay.pipeline import authenticate, flattened, parse, translate
from relay.sources import Relay
from relay.web.app import create_app
from relay.web.fetch import Fetcher
from tests import trials
from tests.conftest import make_settings

_EMPTY = re.compile(r"«\s*»|\"\s*\"|\(\s*\)|[:,;]\s*[:,;(]|[:,;]$|\s[,.;:!?)»]|None|  |\n")


def delivery(platform: str, name: str, **parts: Any) -> WebhookRequest:
    """The request of a sample."""
    found = trials.sample(platform, name)
    return senders.delivery(found.headers, found.body, **parts)


def web_client(
    source: Source, redis: Redis, redis_url: str, fetcher: Fetcher | None = None
) -> FlaskClient:
    """A client of an app with this one source."""
    settings = make_settings(redis_url, Path("absent.toml"))
    relay = Relay("es", {"crm": source.destination}, {source.name: source}, ())
    return create_app(settings, relay, redis, fetcher or Fetcher()).test_client()


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


def translated(request: WebhookRequest, source: Source) -> list[Translated]:
    """The items of a request, none of which comes from a fault of ours."""
    items = translate(request, source)
    assert not isinstance(items, Handshake)
    flat = flattened(items)
    assert not any("relay" in getattr(item, "reasons", {}) for item in flat)
    return list(flat)


def assert_parses_again(request: WebhookRequest, source: Source) -> None:
    """Each part, from the headers and the body that are stored of it."""
    for item in parsed(request, source):
        raw = getattr(item, "raw", b"") or request.body
        stored = stored_request(source.headers_to_store(request), raw, request.received_at)
        again = parse(stored, source)
        whole = replace(item, raw=b"") if isinstance(item, Event) else item
        assert again == [whole]


def notes(request: WebhookRequest, source: Source, language: Language) -> list[str]:
    """The default notes of a request's events, each of which reads well."""
    table = {name: {"notes": True} for name in EVENT_TYPES}
    rules, faults, _ = compile_rules([("events", table)], language)
    assert faults == []
    speaking = replace(source, rules=rules, language=language, topics=("*",))
    calls = [item for item in translated(request, speaking) if isinstance(item, Call)]
    texts = [str(call.body["notes"]) for call in calls]
    for text in texts:
        assert not _EMPTY.search(text), text
        assert text.endswith(f"({source.title})")
        assert len(text) <= 220
    return texts
