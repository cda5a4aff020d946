"""Finding events: by number, phone or e-mail, by time, reason and cause, a page at a time."""

import json
import time

import pytest

from relay.store.keys import state_key
from worker.tasks import deliver_record


def ids_of(result):
    assert result.exit_code == 0, result.output
    return [json.loads(line)["id"] for line in result.stdout.splitlines()]


def test_event_is_shown_and_listed_by_its_number_and_email(run, accept):
    record_id = accept(7, name="#1042")
    other = accept(8, name="#1043", email="beto@example.com")

    assert json.loads(run("show", "1042").output)["id"] == record_id
    assert json.loads(run("show", "beto@example.com").output)["id"] == other
    assert ids_of(run("events", "#1042", "--json")) == [record_id]
    assert ids_of(run("events", "nobody@example.com", "--json")) == []


def test_events_are_listed_by_time(run, accept):
    record_id = accept()

    assert ids_of(run("events", "--since", "2h", "--json")) == [record_id]
    assert ids_of(run("events", "--since", "2999-01-01", "--json")) == []
    assert ids_of(run("events", "--since", "2020-01-01T10:00:00-05:00", "--json")) == [record_id]
    assert run("events", "--since", "yesterday").exit_code == 2


def test_pages_follow_one_another(run, accept):
    ids = [accept(number) for number in range(5)]
    first = run("events", "--json", "--limit", "3")
    (cursor,) = [line.split()[-1] for line in first.stderr.splitlines() if "--before" in line]

    second = run("events", "--json", "--limit", "3", "--before", cursor)

    assert ids_of(first) + ids_of(second) == ids[::-1]
    assert "--before" not in second.stderr


@pytest.fixture
def dead(accept, service, standin):
    standin.fail("validation_422")
    ids = [accept(number) for number in (1, 2)]
    for record_id in ids:
        deliver_record(service, record_id)
    standin.clear()
    return ids


def test_causes_are_explained_at_a_terminal_and_are_codes_elsewhere(run, accept, monkeypatch):
    accept(3, email="")
    assert run("events", "--causes").stdout.split("\t")[3] == "no_customer"
    monkeypatch.setattr("relay.cli.listing.at_terminal", lambda: True)
    shown = run("events", "--causes").stdout
    assert "no_customer · does not say which customer it is" in shown


def test_causes_are_counted_and_replayed(run, dead, accept):
    held = accept(3, email="")

    rows = [line.split("\t") for line in run("events", "--causes").stdout.splitlines()]
    assert rows == [
        ["2", "dead", "shopify", "validation", dead[-1]],
        ["1", "held", "shopify", "no_customer", held],
    ]
    assert ids_of(run("events", "--reason", "validation", "--json")) == dead[::-1]
    assert "dead: 2" in run("replay", "--state", "dead", "--reason", "validation").output
    assert "0 events" in run("replay", "--state", "dead", "--reason", "no_customer").output
    replayed = run("replay", "--state", "dead", "--source", "shopify", "--since", "1h", "--yes")
    assert "requeued: 2" in replayed.output
    assert [line.split("\t")[1] for line in run("events", "--causes").stdout.splitlines()] == [
        "held"
    ]
    assert json.loads(run("events", "--causes", "--json").stdout)["reason"] == "no_customer"


def test_end_of_what_waits_is_told_before(run, accept, redis):
    record_id = accept(email="")
    assert "within a week" not in run("events").stderr

    redis.zadd(state_key("held"), {record_id: time.time() - 85 * 86400})

    for result in (run("events"), run("doctor")):
        assert "1 events that wait for a person will be discarded within a week" in result.output


def test_doctor_says_what_the_digests_depend_on(run):
    unset, given = run("doctor").output, run("doctor", RELAY_PSEUDONYM_KEY="k" * 32).output

    assert "depend on each destination's api_key" in unset
    assert "1 key(s)" in given
    assert "warning: RELAY_PSEUDONYM_KEY" in run("check").stderr
    assert "RELAY_PSEUDONYM_KEY" not in run("check", RELAY_PSEUDONYM_KEY="k" * 32).stderr


def test_doctor_names_a_source_that_is_nearly_full(run, accept):
    accept(email="")

    result = run("doctor", RELAY_HELD_MAX="1")

    assert "shopify: 1 events wait for a person, of at most 1" in result.output
    assert "missing: held_full" in result.output


def test_doctor_tells_how_much_is_remembered(run, redis):
    for number in range(50):
        redis.hset(f"relay:resource:{number}", mapping={"v": 1, "s": "paid"})

    assert "memory of orders and other things: about " in run("doctor").output
