"""Every body that was collected from vendors' documents, SDKs and tests is read, or said not to be.

The collection is not part of the project: without it these tests are skipped.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from platform_samples import source_of

from relay.errors import UNREADABLE
from relay.inbound.contract import Source
from relay.inbound.results import Handshake
from relay.model import Call, Held, Ignored, WebhookRequest
from relay.operations import Translation, request_from_file, transform
from relay.platforms import discovered

PAYLOADS = Path(__file__).parents[3].parent / "shared" / "payloads"
# What a platform's API answers, and what is kept of requests beside their bodies.
# `signed_minimal` is only there to be signed: it has an id and a kind.
NO_BODIES = ("api_", "resource_", "sns_notification.headers", "signed_minimal")
FILES = [
    pytest.param(file, id=f"{file.parent.name}/{file.name}")
    for file in sorted(PAYLOADS.glob("*/*"))
    if file.parent.name in discovered() and not file.name.startswith(NO_BODIES)
]


def on_the_wire(file: Path) -> bytes:
    """The body as it is sent: of some platforms the collection has what is inside."""
    content = file.read_bytes()
    if file.name.endswith(".events.json"):
        return urlencode({"mandrill_events": content}).encode()
    if file.name.endswith(".record.json"):
        envelope = {"Type": "Notification", "MessageId": file.stem, "Message": content.decode()}
        return json.dumps(envelope).encode()
    if file.name.endswith(".fields.json"):
        return urlencode(json.loads(content)).encode()
    return content


def request_of(file: Path, source: Source, received_at: datetime) -> WebhookRequest:
    topic, body = file.name.partition(".json")[0], on_the_wire(file)
    request = request_from_file(file.name, body, source, topic, received_at)
    headers = dict(request.headers)
    if file.name.endswith((".form", ".fields.json")):
        headers["content-type"] = "application/x-www-form-urlencoded"
    query: tuple[tuple[str, str], ...] = ()
    if file.parent.name == "mercadopago":  # signs what is in the address
        value = json.loads(body)
        query = (("data.id", value["data"]["id"]), ("type", value["type"]))
    return replace(request, headers=headers, query=query)


def translations_of(file: Path) -> Handshake | list[Translation]:
    """What becomes of a body that comes a minute after what it tells of, and is no test."""
    source = source_of(file.parent.name)
    source = replace(source, platform=replace(source.platform, test=()))
    now = datetime.now(UTC)
    found = transform(request_of(file, source, now), source)
    if isinstance(found, Handshake):
        return found
    times = [one.event.occurred_at for one in found if one.event]
    received_at = max(times, default=now) + timedelta(minutes=1)
    return transform(request_of(file, source, received_at), source)


@pytest.mark.parametrize("file", FILES)
def test_a_collected_body_is_read_or_said_why_not(file):
    found = translations_of(file)
    if isinstance(found, Handshake):
        assert found.response.status == 200
        return
    assert found
    for one in found:
        item = one.translated
        if isinstance(item, Held | Ignored):
            assert item.reason
            assert item.reason != UNREADABLE
        if isinstance(item, Call):
            assert item.body["notes"]
