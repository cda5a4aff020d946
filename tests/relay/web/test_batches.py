"""Batches: counted before they are parsed, and stored by one command at a cost per event."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
import senders
from hypothesis import given, strategies as st
from redis import ConnectionError as RedisConnectionError

from relay.inbound.batches import BATCH_MAX, parse_batch
from relay.inbound.results import Events, Skipped
from relay.model import Call, Held, Ignored, Parts, Resource
from relay.pipeline import translate
from relay.store.job_store import JobStore
from relay.store.keys import OPEN
from relay.store.pieces import PIECE, in_pieces

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
def test_longest_batch_is_stored_in_pieces_and_refused_to_nobody(platform, web, redis):
    body = batch(platform, BATCH_MAX)
    signed = senders.signed(platform, {}, body, datetime.now(UTC))
    redis.config_resetstat()
    response = web().post(f"/webhooks/{platform}", headers=signed, data=body)

    assert (response.status_code, response.json["status"]) == (200, "accepted")
    assert len(set(response.json["ids"])) == redis.zcard(OPEN) == BATCH_MAX
    scripts = {name: stat["calls"] for name, stat in redis.info("commandstats").items()}
    # The first time the script is not loaded yet.
    assert scripts["cmdstat_evalsha"] <= BATCH_MAX // PIECE + 1
    again = web().post(f"/webhooks/{platform}", headers=signed, data=body)
    assert again.json == response.json | {"status": "duplicate"}


@pytest.mark.slow
def test_batch_whose_middle_was_not_stored_is_whole_when_it_comes_again(web, redis, monkeypatch):
    """What was stored of it is a duplicate then."""
    count, pieces, store = 2 * PIECE + 5, list[int](), JobStore._store

    def fail_once(jobs: JobStore, request: Any, source: Any, items: Any, *rest: Any) -> Any:
        pieces.append(len(items))
        if len(pieces) == 2:
            raise RedisConnectionError
        return store(jobs, request, source, items, *rest)

    monkeypatch.setattr(JobStore, "_store", fail_once)
    body = batch("sendgrid", count)
    signed = senders.signed("sendgrid", {}, body, datetime.now(UTC))
    client = web()
    assert client.post("/webhooks/sendgrid", headers=signed, data=body).status_code == 503
    assert redis.zcard(OPEN) == PIECE

    again = client.post("/webhooks/sendgrid", headers=signed, data=body)
    assert (again.status_code, again.json["status"]) == (200, "accepted")
    assert len(set(again.json["ids"])) == redis.zcard(OPEN) == count
    assert pieces == [PIECE, PIECE, PIECE, PIECE, 5]


def of_thing(number: int) -> Parts:
    return Parts((), Resource("order", str(number), "shop"), 0, None)


def test_short_batch_is_one_piece():
    for count in (0, 1, PIECE):
        items = [of_thing(number) for number in range(count)]
        assert list(in_pieces(items)) == [items]


@given(st.lists(st.integers(0, 12) | st.none(), max_size=60), st.integers(1, 9))
def test_pieces_are_the_batch_and_no_thing_is_in_two(numbers, size):
    items = [Ignored("t", "r") if number is None else of_thing(number) for number in numbers]
    with patch("relay.store.pieces.PIECE", size):
        pieces = list(in_pieces(items))

    assert [item for piece in pieces for item in piece] == items
    assert all(len(piece) >= size for piece in pieces[:-1])
    things = [{item.resource for item in piece if isinstance(item, Parts)} for piece in pieces]
    for index, own in enumerate(things):
        for other in things[index + 1 :]:
            assert not own & other
    if all(number is None for number in numbers):
        assert all(len(piece) <= size for piece in pieces)


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
