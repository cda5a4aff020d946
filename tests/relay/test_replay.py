"""A person says "again": held events are read anew, dead ones sent as they were."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import senders
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from relay.contract import Source
from relay.embedded_redis import EmbeddedRedis
from relay.guard import RedisPressure
from relay.intake import JobStore
from relay.ledger import OPEN, Attempt, Ledger, state_key
from relay.model import Outcome, State, Verdict
from relay.queue import TASK, open_queue
from relay.record import Record
from relay.replay import Replayed, replay
from relay.sources import Relay
from relay.web import create_app
from tests.conftest import make_settings

TOKEN = "throw-away-token"
READS = 'types = { "lead.new" = "form.submitted" }\n'
LEAD = {"type": "lead.new", "kind": "lead.new", "email": "ana@example.com"}


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return open_queue(redis, "mercately.crm.generic")


@pytest.fixture
def intake(redis: Redis) -> JobStore:
    return JobStore(
        redis,
        open_queue(redis, "mercately"),
        dedup_s=86400,
        backlog_max=1000,
        guard=RedisPressure(redis, durability="relaxed", watermark=1.0),
    )


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return Ledger(redis, keep_delivered_s=86400)


@pytest.fixture
def post(redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path) -> Callable[..., list[str]]:
    """Sends a lead to a source and returns the ids it was kept under."""

    def send(source: Source, lead: Any, **headers: str) -> list[str]:
        relay = Relay("es", {"crm": source.destination}, {source.name: source}, ())
        settings = make_settings(redis_server.url, tmp_path / "absent.toml")
        client: FlaskClient = create_app(settings, relay, redis).test_client()
        body = lead if isinstance(lead, bytes) else json.dumps(lead).encode()
        found = {"authorization": f"Bearer {TOKEN}", **headers}
        ids: list[str] = client.post("/webhooks/generic", headers=found, data=body).json["ids"]
        return ids

    return send


def generic(options: str, contact: str = 'email = "email"') -> Source:
    options = f'auth = {{ kind = "bearer" }}\ncontact = {{ {contact} }}\n{options}'
    return senders.source_of("generic", options=options, secrets=(TOKEN,))


# The type is looked for where it is not, and then where it is.
BLIND = generic(READS + 'type = "nowhere"')
SEEING = generic(READS + 'type = "type"')


def again(record: Record, intake: JobStore, *sources: Source) -> Replayed:
    return replay(record, intake, {source.name: source for source in sources})


def settled(ledger: Ledger, record_id: str, verdict: Verdict, reason: str = "x") -> Record:
    """The record as a worker leaves it after one attempt."""
    record = ledger.get(record_id)
    assert record is not None
    assert ledger.record_attempts([Attempt(record, Outcome(verdict, reason), took_s=0)]) == [True]
    record = ledger.get(record_id)
    assert record is not None
    return record


def test_unreadable_event_is_read_with_new_options_and_queued(post, intake, ledger, queue, redis):
    (record_id,) = post(BLIND, LEAD)
    held = ledger.get(record_id)
    assert (held.state, held.reason) == (State.HELD, "unreadable")
    assert held.reasons == {"type": ["Missing data for required field."]}
    assert queue.count == 0

    assert again(held, intake, SEEING) == Replayed("requeued", {})

    found = ledger.get(record_id)
    assert (found.state, found.reason, found.reasons, found.raw) == (
        "accepted",
        "",
        {},
        json.dumps(LEAD).encode(),
    )
    assert (found.event_type, found.attempts, found.runs) == ("form.submitted", 0, 2)
    assert found.customer.email == "ana@example.com"
    assert found.body == {
        "email": "ana@example.com", "notes": "Formulario enviado (Generic JSON)",
        "creation_date": found.body["creation_date"],
    }  # fmt: skip
    assert queue.job_ids == [f"{record_id}-r2"]
    job = Job.fetch(f"{record_id}-r2", connection=redis, serializer=JSONSerializer)
    assert (job.func_name, tuple(job.args)) == (TASK, (record_id,))
    assert redis.zscore(OPEN, record_id)
    assert redis.zscore(state_key("held"), record_id) is None


def test_event_that_still_cannot_be_read_stays_held_with_its_reasons(post, intake, ledger, queue):
    (record_id,) = post(BLIND, LEAD)
    held = ledger.get(record_id)
    other = generic(READS + 'type = "kind"', contact='phone = "@"')
    for source, reasons in [
        (BLIND, {"type": ["Missing data for required field."]}),
        (other, {"contact": {"phone": ["expected a text or a number"]}}),
    ]:
        assert again(held, intake, source) == Replayed("unreadable", reasons)
        assert ledger.get(record_id) == held
    assert queue.count == 0


def test_body_that_is_no_json_stays_held(post, intake, ledger, queue):
    (record_id,) = post(SEEING, b"{")
    held = ledger.get(record_id)
    told = Replayed("unreadable", {"body": "expected JSON, unreadable at byte 1"})
    assert again(held, intake, SEEING) == told
    assert (ledger.get(record_id), queue.count) == (held, 0)


def test_event_of_a_batch_is_read_alone(post, intake, ledger, queue):
    batch = generic(READS + 'events = "leads"\ntype = "type"')
    leads = [
        LEAD,
        {"kind": "lead.new", "email": "beto@example.com"},
        LEAD | {"email": "c@example.com"},
    ]
    ids = post(batch, {"leads": leads})
    states = [ledger.get(record_id).state for record_id in ids]
    assert states == ["accepted", "held", "accepted"]

    fixed = generic(READS + 'events = "leads"\ntype = "kind"')
    assert again(ledger.get(ids[1]), intake, fixed).outcome == "requeued"
    assert ledger.get(ids[1]).customer.email == "beto@example.com"
    assert queue.count == 3


@pytest.mark.parametrize("header", ["x-event", "X-Event-Type"])
def test_type_from_a_header_is_kept_for_reading_again(header, post, intake, ledger):
    reads = f'{READS}type_header = "{header}"'
    nobody = generic(reads, contact='email = "nowhere"')
    (record_id,) = post(nobody, LEAD, **{header: "lead.new"})
    held = ledger.get(record_id)
    assert (held.reason, held.topic) == ("no_customer", "lead.new")
    assert again(held, intake, generic(reads)) == Replayed("requeued", {})


def test_proof_is_not_among_the_headers_kept(post, ledger, redis):
    (record_id,) = post(generic(READS + 'type_header = "x-event"'), b"{", **{"x-event": "lead.new"})
    assert ledger.get(record_id).headers == {"x-event": "lead.new"}
    assert not any(TOKEN in str(redis.hgetall(key)) for key in redis.keys("relay:record:*"))


def test_event_that_is_not_wanted_any_more_stays_held(post, intake, ledger, queue):
    (record_id,) = post(BLIND, LEAD)
    held = ledger.get(record_id)
    other_wish = replace(SEEING, topics=("order.*",))
    assert again(held, intake, other_wish) == Replayed("topic_not_wanted", {})
    assert again(held, intake, replace(SEEING, rules={})) == Replayed("no_rule", {})
    assert (ledger.get(record_id), queue.count) == (held, 0)


def test_source_that_is_gone_is_told(post, intake, ledger):
    (record_id,) = post(BLIND, LEAD)
    held = ledger.get(record_id)
    assert again(held, intake) == Replayed("unknown_source", {})
    assert ledger.get(record_id) == held


@pytest.mark.parametrize(
    "verdict", [Verdict.DEAD, Verdict.HELD, Verdict.DISCARDED, Verdict.DELIVERED]
)
def test_event_that_was_mapped_is_sent_again_as_it_was(verdict, post, intake, ledger, queue, redis):
    (record_id,) = post(SEEING, LEAD)
    record = settled(ledger, record_id, verdict)
    assert again(record, intake) == Replayed("requeued", {})

    found = ledger.get(record_id)
    assert (found.state, found.reason, found.attempts, found.runs) == ("accepted", "", 0, 2)
    assert (found.body, found.customer) == (record.body, record.customer)
    assert queue.job_ids[-1] == f"{record_id}-r2"
    assert redis.ttl(f"relay:record:{record_id}") == -1
    assert redis.zscore(state_key(record.state), record_id) is None
    (due,) = ledger.to_deliver([record_id])
    assert due.open


def test_event_can_be_sent_again_and_again(post, intake, ledger, queue):
    (record_id,) = post(SEEING, LEAD)
    for runs in (2, 3, 4):
        record = settled(ledger, record_id, Verdict.DEAD)
        assert again(record, intake).outcome == "requeued"
        assert ledger.get(record_id).runs == runs
        assert queue.job_ids[-1] == f"{record_id}-r{runs}"
    assert len(ledger.attempts(record_id)) == 3


def test_open_event_is_left_alone(post, intake, ledger, queue):
    (record_id,) = post(SEEING, LEAD)
    assert again(ledger.get(record_id), intake) == Replayed("open", {})
    assert queue.job_ids == [record_id]


def test_two_people_who_say_again_at_once_make_one_job(post, intake, ledger, queue):
    (record_id,) = post(BLIND, LEAD)
    held = ledger.get(record_id)
    outcomes = [again(held, intake, SEEING).outcome for _ in range(2)]
    assert outcomes == ["requeued", "moved"]
    assert queue.job_ids == [f"{record_id}-r2"]


def test_record_that_is_gone_is_told(post, intake, ledger, redis):
    (record_id,) = post(SEEING, LEAD)
    record = settled(ledger, record_id, Verdict.DEAD)
    redis.delete(f"relay:record:{record_id}")
    assert again(record, intake) == Replayed("absent", {})
    assert not redis.exists(f"relay:record:{record_id}")


def test_delivery_that_comes_again_after_a_replay_is_still_a_duplicate(post, intake, ledger, queue):
    (record_id,) = post(BLIND, LEAD)
    assert again(ledger.get(record_id), intake, SEEING).outcome == "requeued"
    assert post(BLIND, LEAD) == [record_id]
    assert queue.count == 1


def test_time_of_the_first_delivery_is_kept(post, intake, ledger):
    (record_id,) = post(BLIND, LEAD)
    held = ledger.get(record_id)
    earlier = time.time() - timedelta(days=3).total_seconds()
    assert again(replace(held, accepted_at=earlier), intake, SEEING).outcome == "requeued"
    found = ledger.get(record_id)
    assert found.occurred_at == pytest.approx(earlier)
    assert found.accepted_at == held.accepted_at
