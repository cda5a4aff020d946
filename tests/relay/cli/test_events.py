"""Lists of events, one event, and what is done to them."""

import json
from dataclasses import replace

import pytest

from relay.cli import listing as module
from relay.inbound import samples
from relay.model import State
from relay.web.app import create_app
from tests.conftest import relay_toml
from worker.service import DeliveryService
from worker.tasks import deliver_record


def test_events_and_show_tell_what_became_of_an_event(run, accept, service: DeliveryService):
    record_id = accept()
    deliver_record(service, record_id)
    listed = run("events", "--state", "delivered", "--source", "shopify")
    shown = json.loads(run("show", record_id).output)

    assert record_id in listed.output
    assert "shopify:accepted 1" in listed.output
    assert "ana@example.com" not in listed.output
    assert shown["state"] == "delivered"
    assert [entry["outcome"] for entry in shown["attempt_log"]] == ["delivered"]
    assert run("events", "--state", "dead").output.count(record_id) == 0
    assert run("show", "01NOSUCH").exit_code == 1


def test_ignored_events_are_listed_with_their_reason(run, settings, relay, redis):
    refuse(settings, relay, redis)
    assert "names_nobody" in run("events", "--state", "ignored").output


def test_replay_only_counts_until_it_is_told_yes(run, accept, service, standin, redis):
    standin.fail("validation_422")
    ids = [accept(number) for number in (1, 2)]
    for record_id in ids:
        assert deliver_record(service, record_id) == "dead: validation"
    standin.clear()
    counted = run("replay", "--state", "dead")
    states = {service.ledger.get(record_id).state for record_id in ids}

    assert "dead: 2" in counted.output
    assert states == {State.DEAD}
    assert "requeued: 2" in run("replay", "--state", "dead", "--yes").output
    for record_id in ids:
        assert deliver_record(service, record_id) == "delivered"
    assert len(standin.events) == 2


def test_replay_maps_a_held_event_anew(run, accept, service, config_file, standin_server):
    """A customer id written into the source makes the event deliverable."""
    record_id = accept(email="")
    assert service.ledger.get(record_id).reason == "no_customer"
    assert "names_nobody" in run("replay", record_id, "--yes").output
    config_file.write_text(
        relay_toml(
            standin_server.url,
            sources='[sources.shopify]\nplatform = "shopify"\nsecrets = "${SHOPIFY_SECRET}"\n'
            'customer_id = "1713anaec1001"\n',
        )
    )
    assert "requeued: 1" in run("replay", record_id, "--yes").output
    assert deliver_record(service, record_id) == "delivered"
    assert standin_server.standin.events[0].customer_id == "1713anaec1001"


def test_replay_of_what_is_still_open_does_nothing(run, accept):
    record_id = accept()
    result = run("replay", record_id, "--yes")

    assert result.exit_code == 1
    assert f"{record_id}: open" in result.output


ABSENT = "01NOSUCHEVENT"
# Letters at the beginning of an id that change once in 12 days.
COMMON = 4


@pytest.fixture
def held(run, accept, service, standin):
    """Three held events, accepted within a second."""
    return [accept(number, email="") for number in (1, 2, 3)]


@pytest.fixture
def at_terminal(monkeypatch):
    monkeypatch.setattr(module, "at_terminal", lambda: True)


def test_in_a_pipe_events_are_lines_of_cells_with_whole_ids(run, held):
    rows = [line.split("\t") for line in run("events", COLUMNS="20").stdout.splitlines()]

    assert [row[0] for row in rows] == sorted(held, reverse=True)
    for row in rows:
        assert row[1:8] == [
            "held", "shopify", "orders/create", "order.created", "principal", "0", "no_customer",
        ]  # fmt: skip
        assert row[8].endswith("+00:00")


def test_ignored_event_has_no_id_and_no_cell_is_empty(run, settings, relay, redis):
    refuse(settings, relay, redis)
    (row,) = [line.split("\t") for line in run("events").stdout.splitlines()]

    assert row[:2] == ["-", "ignored"]
    assert all(row)


def refuse(settings, relay, redis):
    signed = samples.signed(relay.sources["shopify"], "customers/delete", "http://localhost", b"{}")
    create_app(settings, relay, redis).test_client().post(
        "/webhooks/shopify", data=b"{}", headers=dict(signed.headers)
    )


def test_counts_stand_beside_the_lines_and_not_among_them(run, held):
    result = run("events")

    assert "shopify:held 3" in result.stderr
    assert "shopify:held" not in result.stdout


def test_json_is_one_object_a_line(run, held, settings, relay, redis):
    refuse(settings, relay, redis)
    result = run("events", "--json")
    objects = [json.loads(line) for line in result.output.splitlines()]

    assert [one["id"] for one in objects] == [*sorted(held, reverse=True), None]
    assert objects[0].keys() == {
        "id", "state", "source", "topic", "type", "destination", "attempts", "reason", "repeats", "accepted_at",
    }  # fmt: skip
    assert {one["state"] for one in objects} == {"held", "ignored"}


@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
def test_table_has_whole_ids_at_any_width(run, held, at_terminal, width):
    result = run("events", COLUMNS=str(width))

    for record_id in held:
        assert record_id in result.output
    if width >= 60:
        assert max(map(len, result.output.splitlines())) <= width


def test_wider_terminal_shows_more_columns(run, held, at_terminal):
    headings = [
        [
            name.strip()
            for name in run("events", COLUMNS=str(width)).output.splitlines()[1].split("┃")
        ]
        for width in (20, 80, 200)
    ]

    assert [name for name in headings[0] if name] == ["id"]
    assert {"id", "state", "reason", "age"} <= set(headings[1]) < set(headings[2])
    assert {"source", "topic", "type", "destination", "attempts"} <= set(headings[2])


def test_table_speaks_spanish_and_the_lines_keep_the_codes(run, held, monkeypatch):
    assert "\theld\t" in run("events", RELAY_LANGUAGE="es").stdout
    monkeypatch.setattr(module, "at_terminal", lambda: True)
    table = run("events", RELAY_LANGUAGE="es").output

    assert "retenido" in table
    assert "antigüedad" in table


@pytest.mark.parametrize("state", ["held", "retenido", "Retenido"])
def test_state_may_be_given_as_tables_show_it(run, held, state):
    assert len(run("events", "--state", state).stdout.splitlines()) == 3
    assert run("events", "--state", "eaten").exit_code == 2


def test_beginning_of_an_id_is_enough_where_only_one_has_it(run, held):
    (first, *_) = held
    beginnings = (first[:length] for length in range(1, len(first) + 1))
    beginning = next(text for text in beginnings if sum(i.startswith(text) for i in held) == 1)

    assert json.loads(run("show", beginning).output)["id"] == first
    assert json.loads(run("show", beginning.lower()).output)["id"] == first
    assert "discarded: 1" in run("discard", beginning, "--yes").output


@pytest.mark.parametrize(
    "command", [("show",), ("replay", "--yes"), ("discard", "--yes"), ("replay",)]
)
def test_beginning_of_several_ids_is_refused_with_these_ids(run, held, service, command):
    result = run(command[0], held[0][:COMMON], *command[1:])

    assert result.exit_code == 1
    assert "Several events match" in result.output
    assert all(record_id in result.output for record_id in held)
    assert {service.ledger.get(record_id).state for record_id in held} == {State.HELD}


@pytest.mark.parametrize(
    "command", [("show",), ("replay", "--yes"), ("discard", "--yes"), ("replay",), ("discard",)]
)
@pytest.mark.parametrize("text", [ABSENT, "*", "01*", "[", "", "é"])
def test_absent_id_is_a_message_and_exit_status_1(run, held, command, text):
    result = run(command[0], text, *command[1:])

    assert result.exit_code == 1
    assert f"There is no event {text}" in result.output


def test_absent_id_beside_another_leaves_the_other_done_and_exits_1(run, held, service):
    result = run("discard", held[0], ABSENT, "--yes")

    assert result.exit_code == 1
    assert "discarded: 1" in result.output
    assert service.ledger.get(held[0]).state is State.DISCARDED


@pytest.mark.parametrize(
    ("language", "count", "sentence"),
    [
        ("es", 1, "1 evento en total; repita con --yes para ejecutarlo."),
        ("es", 3, "3 eventos en total; repita con --yes para ejecutarlo."),
        ("en", 1, "1 event in all; repeat with --yes to do it."),
        ("en", 3, "3 events in all; repeat with --yes to do it."),
    ],
)
def test_count_is_a_sentence(run, held, language, count, sentence):
    result = run("replay", *held[:count], RELAY_LANGUAGE=language)

    assert result.exit_code == 0
    assert sentence in result.output


def test_what_a_sender_wrote_controls_no_terminal(run, settings, relay, redis, at_terminal):
    holding = {"shopify": replace(relay.sources["shopify"], on_nobody="hold")}
    body = b'{"id": 5, "note": "\xc2\x9b31m\xe2\x80\xae"}'
    signed = samples.signed(relay.sources["shopify"], "orders/create", "http://localhost", body)
    headers = dict(signed.headers) | {"x-shopify-topic": "orders/create"}
    answer = (
        create_app(settings, replace(relay, sources=holding), redis)
        .test_client()
        .post("/webhooks/shopify", data=body, headers=headers)
    )
    shown = run("show", answer.json["ids"][0]).output

    assert "\u009b" not in shown
    assert "\u202e" not in shown
    assert json.loads(json.loads(shown)["raw"])["note"] == "\u009b31m\u202e"


def test_ids_or_a_state_are_asked_for_before_redis_is(run):
    for command in ("replay", "discard"):
        result = run(command, REDIS_URL="redis://127.0.0.1:1/0")
        assert result.exit_code == 2
        assert "Give ids or --state." in result.output
