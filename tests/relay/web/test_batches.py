"""Batches: counted before they are parsed, and stored by one command at a cost per event."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import senders

from relay.inbound.batches import BATCH_MAX, parse_batch
from relay.inbound.results import Events, Skipped
from relay.model import Call, Held
from relay.pipeline import translate
from relay.store.keys import OPEN

TOO_MANY = {"body": f"expected at most {BATCH_MAX} events, found {BATCH_MAX + 1}"}


def part(platform: str, number: int) -> dict[str, Any]:
    email = f"p{number}@example.com"
    if platform == "sendgrid":
        return {"email": email, "event": "bounce", "sg_event_id": f"e{number}", "reason": "full"}
    contact = {"email": email, "phone": f"+59399{number:07}", "first_name": "Ana"}
    return {"type": "lead.created", "id": f"l{number}", "form": "Contacto", "contact": contact}


def batch(platform: str, count: int) -> bytes:
    return json.dumps([part(platform, number) for number in range(count)]).encode()


each_platform = pytest.mark.parametrize("platform", ["sendgrid", "generic"])


def test_no_part_is_parsed_of_a_batch_that_is_too_long():
    parsed: list[Any] = []

    def parse_part(value: Any) -> list[Skipped]:
        parsed.append(value)
        return [Skipped("x")]

    assert parse_batch([], parse_part) == Skipped("empty_batch")
    assert parse_batch([None] * BATCH_MAX, parse_part) == Events([Skipped("x")] * BATCH_MAX)
    assert len(parsed) == BATCH_MAX
    with pytest.raises(Exception, match="too_many_events"):
        parse_batch([None] * (BATCH_MAX + 1), parse_part)
    assert len(parsed) == BATCH_MAX


@each_platform
@pytest.mark.parametrize("value", [None, {}, [], 1, "x"])
def test_batch_that_is_too_long_is_held_as_one(platform, value):
    body = json.dumps([value] * (BATCH_MAX + 1)).encode()
    (item,) = translate(senders.delivery({}, body), senders.source_of(platform))
    assert item == Held("", item.key, "too_many_events", TOO_MANY, body)
    other = translate(senders.delivery({}, body + b" "), senders.source_of(platform))
    assert other[0].key != item.key


@pytest.mark.slow
@each_platform
def test_cost_of_a_batch_grows_with_its_events_and_no_faster(platform):
    """200 and 4,000 events: a step that looks at the whole for each would cost twenty times as
    much an event.
    """
    source = senders.source_of(platform)

    def per_event_s(count: int) -> float:
        request = senders.delivery({}, batch(platform, count))
        started_at = time.process_time()
        items = translate(request, source)
        cost_s = (time.process_time() - started_at) / count
        assert len(items) == count
        assert sum(len(item.raw) for item in items) <= len(request.body)
        return cost_s

    small = min(per_event_s(200) for _ in range(5))
    assert per_event_s(4000) < 5 * small


@pytest.mark.slow
@each_platform
def test_longest_batch_is_stored_by_one_script_and_refused_to_nobody(platform, web, redis):
    body = batch(platform, BATCH_MAX)
    signed = senders.signed(platform, {}, body, datetime.now(UTC))
    redis.config_resetstat()
    response = web().post(f"/webhooks/{platform}", headers=signed, data=body)

    assert (response.status_code, response.json["status"]) == (200, "accepted")
    assert len(set(response.json["ids"])) == redis.zcard(OPEN) == BATCH_MAX
    scripts = {name: stat["calls"] for name, stat in redis.info("commandstats").items()}
    assert scripts["cmdstat_evalsha"] <= 2  # the first time the script is not loaded yet
    again = web().post(f"/webhooks/{platform}", headers=signed, data=body)
    assert again.json == response.json | {"status": "duplicate"}


def test_part_of_a_batch_is_stored_without_the_others():
    source = senders.source_of("sendgrid")
    items = translate(senders.delivery({}, batch("sendgrid", 3)), source)
    for number, item in enumerate(items):
        assert isinstance(item, Call)
        assert json.loads(item.raw) == part("sendgrid", number)
        (again,) = translate(senders.delivery({}, item.raw), source)
        assert replace(again, occurred_at=item.occurred_at) == item


def test_line_about_a_batch_fits_into_a_pipe(web, capsys):
    """4 KiB go into a pipe at once; a longer line waits for whoever reads it."""
    topics = [chr(0x1F600 + number) * 100 for number in range(20)]
    body = json.dumps([part("generic", 1) | {"type": topic} for topic in topics]).encode()
    headers = senders.signed("generic", {}, body)
    client = web(log_level="INFO")
    response = client.post("/webhooks/generic", headers=headers, data=body)
    lines = capsys.readouterr().out.splitlines()

    assert response.status_code == 200
    assert any('"items": 20' in line for line in lines)
    assert max(map(len, lines)) < 4096
