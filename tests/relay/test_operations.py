"""What a person does with records: find, list, select, replay, discard; and with requests."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import senders
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.inbound import samples
from relay.inbound.batches import BATCH_MAX
from relay.inbound.contract import Source
from relay.inbound.when import WhenSchema
from relay.model import Call, Held, Outcome, State, Verdict
from relay.operations import (
    AmbiguousId,
    RelayUnreachable,
    Replayed,
    UnknownRecord,
    body_of_file,
    discard,
    find_record,
    list_events,
    list_ignored,
    replay,
    replay_all,
    request_from_file,
    select_records,
    send,
    show_event,
    transform,
)
from relay.sources import Relay
from relay.store.backpressure import RedisPressure
from relay.store.job_store import JobStore
from relay.store.keys import OPEN, state_key
from relay.store.ledger import Attempt, Ledger
from relay.store.pseudonyms import Pseudonyms
from relay.store.queue import TASK, open_queue
from relay.store.record import Record
from relay.web.app import create_app
from tests.conftest import make_settings
from tests.worker.http_stub import HttpStub

TOKEN = "throw-away-token"
READS = 'types = { "lead.new" = "form.submitted" }\n'
LEAD = {"type": "lead.new", "kind": "lead.new", "email": "ana@example.com"}


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return open_queue(redis, "mercately.crm.generic")


@pytest.fixture
def intake(redis: Redis) -> JobStore:
    return JobStore(
        open_queue(redis, "mercately"),
        dedup_s=86400,
        backlog_max=1000,
        held_max=1000,
        pressure=RedisPressure(redis, durability="relaxed", watermark=1.0),
        pseudonyms=Pseudonyms(("k" * 32,)),
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


def lead(number: int) -> dict[str, Any]:
    return LEAD | {"number": number}


def settled(ledger: Ledger, record_id: str, verdict: Verdict, reason: str = "x") -> Record:
    """The record as a worker leaves it after one attempt."""
    record = ledger.get(record_id)
    assert record is not None
    # An entry of the log that is there already is not written again: each has a time of its own.
    at = time.time() + record.runs
    attempt = Attempt(record, Outcome(verdict, reason), took_s=0, at=at)
    assert ledger.record_attempts([attempt]) == [True]
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
        "email": "ana@example.com", "notes": "Llenó un formulario (Generic)",
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
    other = generic(READS + 'type = "@"')
    for source, reasons in [
        (BLIND, {"type": ["Missing data for required field."]}),
        (other, {"type": ["expected a text"]}),
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
    nobody = replace(generic(reads, contact='email = "nowhere"'), on_nobody="hold")
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


def test_event_that_a_condition_holds_is_released_by_a_replay(post, intake, ledger, queue):
    holding = senders.source_of(
        "generic",
        more="when = { ignore = 'body.spam', hold = \"event.form == 'Reclamos'\" }",
        options=f"""
            auth = {{ kind = "bearer" }}
            contact = {{ email = "email" }}
            fields = {{ form = "form" }}
            {READS}
            type = "type"
        """,
        secrets=(TOKEN,),
    )
    (record_id,) = post(holding, LEAD | {"form": "Reclamos"})
    held = ledger.get(record_id)
    assert (held.state, held.reason, held.event_type) == (State.HELD, "to_review", "form.submitted")
    assert held.reasons == {"hold": "event.form == 'Reclamos'"}
    assert queue.count == 0
    assert [row.id for row in list_events(ledger, frozenset({State.HELD}), reason="to_review").events] == [record_id]  # fmt: skip

    ignoring = replace(holding, when=replace(holding.when, ignore=holding.when.hold))
    assert again(held, intake, ignoring) == Replayed("when", {})
    assert again(held, intake, holding) == Replayed("requeued", {})
    assert (ledger.get(record_id).state, queue.count) == (State.ACCEPTED, 1)
    assert ledger.get(record_id).customer.email == "ana@example.com"


def test_event_that_a_condition_holds_is_discarded_like_any(post, ledger):
    holding = replace(SEEING, when=WhenSchema().load({"hold": "body.email"}))
    (record_id,) = post(holding, LEAD)
    assert discard([ledger.get(record_id)], ledger) == (record_id,)
    assert ledger.get(record_id).state is State.DISCARDED


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


# Finding, listing and selecting.


@pytest.fixture
def kept(post) -> list[str]:
    """Three held records, oldest first."""
    return [record_id for number in range(3) for record_id in post(BLIND, lead(number))]


def test_record_is_found_by_its_id_and_by_a_beginning_that_no_other_has(kept, ledger):
    for record_id in kept:
        beginnings = [record_id[:length] for length in range(1, 27)]
        for text in beginnings:
            matching = [one for one in kept if one.startswith(text)]
            if len(matching) == 1:
                assert find_record(ledger, text).id == record_id
                assert find_record(ledger, text.lower()).id == record_id
            else:
                with pytest.raises(AmbiguousId) as caught:
                    find_record(ledger, text)
                assert list(caught.value.matches) == matching


@pytest.mark.parametrize("state", sorted(set(State) - {State.AWAITING_LOOKUP}))
def test_beginning_is_looked_for_in_every_state(state, post, ledger, redis, intake):
    (record_id,) = post(SEEING, LEAD)
    verdicts = {"retrying": Verdict.RETRY, "dead": Verdict.DEAD, "held": Verdict.HELD}
    verdicts |= {"delivered": Verdict.DELIVERED, "discarded": Verdict.DISCARDED}
    if state != "accepted":
        settled(ledger, record_id, verdicts[state.value])

    assert find_record(ledger, record_id[:5]).state is state


@pytest.mark.parametrize("text", ["", "zz", "*", "0*", "[0-9]*", "01?", "01\\x", "ñ", "0" * 100])
def test_text_that_begins_no_id_is_an_unknown_record(text, kept, ledger):
    with pytest.raises(UnknownRecord):
        find_record(ledger, text)


def test_id_whose_record_has_expired_is_no_match(kept, ledger, redis):
    redis.delete(f"relay:record:{kept[0]}")
    redis.delete(f"relay:record:{kept[1]}")

    assert find_record(ledger, kept[2][:4]).id == kept[2]


def test_event_is_shown_with_its_attempts(post, ledger):
    (record_id,) = post(SEEING, LEAD)
    settled(ledger, record_id, Verdict.RETRY)
    settled(ledger, record_id, Verdict.DEAD)
    detail = show_event(ledger, record_id)

    assert detail.record.id == record_id
    assert [entry["outcome"] for entry in detail.attempts] == ["retry", "dead"]


def test_list_has_the_newest_first_up_to_its_limit(kept, ledger):
    rows = list_events(ledger, frozenset(State), limit=2).events

    assert [row.id for row in rows] == kept[:0:-1]
    assert {(row.state, row.source, row.reason) for row in rows} == {
        ("held", "generic", "unreadable")
    }
    assert list_events(ledger, frozenset({State.DEAD})).events == []
    assert list_events(ledger, frozenset(State), source="other").events == []


def test_ignored_events_are_listed_without_an_id(post, ledger):
    post(replace(SEEING, rules={}), LEAD)
    (row,) = list_ignored(ledger)

    assert (row.id, row.state, row.reason, row.topic) == ("", "ignored", "no_rule", "lead.new")
    assert abs(row.accepted_at - time.time()) < 60
    assert list_ignored(ledger, source="other") == []


def test_selection_has_records_once_and_the_absent_ids(kept, ledger):
    unique = next(
        kept[0][:n] for n in range(1, 27) if sum(i.startswith(kept[0][:n]) for i in kept) == 1
    )
    selection = select_records(ledger, [kept[0], unique, "gone", kept[1]])

    assert [record.id for record in selection.records] == kept[:2]
    assert selection.absent == ("gone",)


def test_selection_by_state_and_source(kept, ledger):
    held = select_records(ledger, state=State.HELD)

    assert [record.id for record in held.records] == kept
    assert select_records(ledger, state=State.DEAD).records == ()
    assert select_records(ledger, state=State.HELD, source="other").records == ()
    assert select_records(ledger).records == ()


def test_ambiguous_beginning_selects_nothing(kept, ledger):
    with pytest.raises(AmbiguousId):
        select_records(ledger, [kept[0], kept[1][:3]])


def test_replaying_several_tells_of_each_as_it_goes(kept, intake, ledger, queue):
    records = select_records(ledger, state=State.HELD).records
    results = replay_all(records, intake, {"generic": SEEING})

    assert queue.count == 0
    first, result = next(results)
    assert (first.id, result.outcome, queue.count) == (kept[0], "requeued", 1)
    assert [one.outcome for _, one in results] == ["requeued", "requeued"]
    assert {ledger.get(record_id).state for record_id in kept} == {State.ACCEPTED}


def test_discarding_returns_the_ids_that_were_held_or_dead(kept, post, ledger):
    (open_id,) = post(SEEING, LEAD)
    records = [ledger.get(record_id) for record_id in (*kept, open_id)]

    assert discard(records, ledger) == tuple(kept)
    assert {ledger.get(record_id).state for record_id in kept} == {State.DISCARDED}
    assert ledger.get(open_id).state is State.ACCEPTED
    assert discard(records, ledger) == ()


# Requests.

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def test_body_is_translated_and_nothing_is_kept(redis):
    request = request_from_file("lead.json", json.dumps(LEAD).encode(), SEEING, "lead.new", NOW)
    (translation,) = transform(request, SEEING)

    assert isinstance(translation.translated, Call)
    assert translation.event is not None
    assert translation.event.type == "form.submitted"
    assert redis.keys() == []


def test_batch_that_is_too_long_is_one_translation_without_an_event():
    source = senders.source_of("sendgrid")
    (only,) = transform(senders.delivery({}, json.dumps([None] * (BATCH_MAX + 1)).encode()), source)
    assert (only.event, only.translated.reason) == (None, "too_many_events")


def test_body_that_cannot_be_read_has_no_event():
    (translation,) = transform(request_from_file("x", b"{", SEEING, "x", NOW), SEEING)

    assert isinstance(translation.translated, Held)
    assert translation.event is None


def test_request_file_has_headers_and_body_and_the_topic_given():
    source = senders.source_of("shopify")
    content = (samples.FOLDER / "shopify" / "orders_create.http").read_bytes()
    request = request_from_file("orders_create.http", content, source, "orders_paid", NOW)

    assert request.body == senders.request_for("shopify", "orders_create")[1]
    assert request.headers["x-shopify-topic"] == "orders/paid"
    assert request.headers["x-shopify-shop-domain"]
    assert body_of_file("orders_create.http", content) == request.body
    assert body_of_file("orders_create.json", content) == content


def test_request_file_keeps_its_own_content_type():
    content = (
        b"Content-Type: application/x-www-form-urlencoded\n\ntype=lead.new&email=ana%40example.com"
    )
    request = request_from_file("lead.http", content, SEEING, "lead.new", NOW)
    (translation,) = transform(request, SEEING)

    assert translation.translated.customer.email == "ana@example.com"


@pytest.mark.parametrize("body", [b'{"type": "lead.new", "email": "ana@example.com"}', b"type=lead.new&email=ana%40example.com"])  # fmt: skip
def test_body_of_any_sender_is_json_or_a_form_as_it_looks(body):
    (translation,) = transform(request_from_file("lead", body, SEEING, "x", NOW), SEEING)

    assert translation.translated.customer.email == "ana@example.com"
    assert [each.value for each in translation.expressions["contact.email"]] == ["ana@example.com"]


def test_relay_that_does_not_answer_is_told_by_its_address():
    source = senders.source_of("shopify")
    with pytest.raises(RelayUnreachable) as caught:
        send(source, "orders/create", "http://127.0.0.1:1")
    assert caught.value.address == "http://127.0.0.1:1"


def test_no_proxy_of_the_environment_stands_between(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with HttpStub() as stub:
        assert send(senders.source_of("shopify"), "orders/create", stub.url).ok

    assert stub.requests[0].path == "/webhooks/shopify"


def test_topic_without_a_sample_is_a_lookup_error():
    with pytest.raises(LookupError):
        send(senders.source_of("shopify"), "orders/eaten", "http://127.0.0.1:1")
