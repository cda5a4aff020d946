"""Requests: translate one without sending it, send one to a relay, read a customer's history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

import requests

from config.relay_toml import Destination
from config.settings import Settings
from relay.calls import translate_item
from relay.errors import TooManyParts
from relay.inbound import samples
from relay.inbound.contract import Source
from relay.inbound.expression import Attempt
from relay.inbound.recall import NOTHING_RECALLED, Recollection
from relay.inbound.results import Handshake
from relay.inbound.steps import decide
from relay.model import Ended, Event, Memory, Translated, WebhookRequest
from relay.pipeline import hold_batch, parse, translate_report
from worker.client import Client
from worker.reply import Reply

_SEND_TIMEOUT_S: Final = 30.0
# A whole request, as samples are kept: comments, headers, a blank line, the body.
_REQUEST_FILE: Final = ".http"


class RelayUnreachable(Exception):
    """No relay answered at `address`."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


@dataclass(frozen=True, slots=True)
class Translation:
    """One event of a body: as parsed, when it could be, and what the relay would do with it.

    `expressions` are those of the source's options by field, and what each of them gives.
    """

    translated: Translated
    event: Event | None
    expressions: Mapping[str, Sequence[Attempt]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RelayAnswer:
    """What a relay answered to a webhook."""

    url: str
    status: int
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def transform(request: WebhookRequest, source: Source) -> Handshake | list[Translation]:
    """What the relay would do with each event of a verified request; sends and stores nothing."""
    try:
        items = parse(request, source)
    except TooManyParts as error:
        return [Translation(hold_batch(request, error), None)]
    if isinstance(items, Handshake):
        return items
    translations: list[Translation] = []
    traces = source.platform.trace(request, source) if source.platform.trace else []
    for i, item in enumerate(items):
        if isinstance(item, Event) and item.report:
            nothing = Recollection(Memory(), NOTHING_RECALLED.digest)
            decision = decide(
                item.report,
                nothing,
                request.received_at,
                NOTHING_RECALLED.dedup_s,
                nothing.digest,
            )
            parts = translate_report(item, decision, request, source)
            shown_parts = [part for part in parts if not isinstance(part, Ended)]
            translations += [Translation(part, item) for part in shown_parts]
            continue
        event = item if isinstance(item, Event) else None
        expressions = traces[i] if len(traces) == len(items) else {}
        translated = translate_item(item, request, source)
        translations.append(Translation(translated, event, expressions))
    return translations


def request_from_file(
    name: str, content: bytes, source: Source, topic: str, received_at: datetime
) -> WebhookRequest:
    """A request of a file's content: its body, or headers and body when `name` ends in `.http`."""
    platform = source.platform
    topic = samples.topic_named(topic.partition("__")[0], platform.topics)
    sample = samples.parse(name, content) if name.endswith(_REQUEST_FILE) else None
    body = sample.body if sample else content
    own_headers = sample.headers if sample else {}
    headers = {**own_headers, **samples.unsigned_headers(platform, topic)}
    if "content-type" in own_headers:  # a form stays one
        headers["content-type"] = own_headers["content-type"]
    elif platform.any_sender:  # it may be JSON or a form
        del headers["content-type"]
    query = sample.sender.get("query", "") if sample else ""
    return WebhookRequest(
        method="POST",
        url=f"http://localhost/webhooks/{source.name}{'?' if query else ''}{query}",
        headers=headers,
        body=body,
        received_at=received_at,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
    )


def body_of_file(name: str, content: bytes) -> bytes:
    """The body in a file's content: what follows the headers when `name` ends in `.http`."""
    return samples.parse(name, content).body if name.endswith(_REQUEST_FILE) else content


def send(source: Source, topic: str, address: str, body: bytes | None = None) -> RelayAnswer:
    """Sign a sample of the topic, or `body`, as the platform does, and post it to a relay.

    Raises:
        LookupError: no body was given and there is no sample of the topic.
        ValueError: the source has no key to sign with.
        RelayUnreachable: nothing answered at `address`, within 30 s.
    """
    request = samples.signed(source, topic, address, body)
    with requests.Session() as session:
        session.trust_env = False  # no proxy and no ~/.netrc
        try:
            response = session.post(
                request.url,
                data=request.body,
                headers=dict(request.headers),
                timeout=_SEND_TIMEOUT_S,
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            raise RelayUnreachable(address) from error
    return RelayAnswer(request.url, response.status_code, response.text)


def history(
    destination: Destination,
    settings: Settings,
    customer_id: str,
    page: int = 1,
    results_per_page: int = 20,
) -> Reply:
    """One page of the events that a destination keeps of a customer; one request.

    Raises:
        NoResponse: no answer came.
    """
    client = Client(
        destination,
        user_agent=settings.user_agent,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        proxy=settings.outbound_proxy,
    )
    try:
        return client.history(customer_id, page, results_per_page)
    finally:
        client.close()
