from datetime import UTC, timedelta

import pytest

from relay.devtools.standin import API, DEMO_KEY

from .client import ACCEPTED, ANA, REFS


def test_event_is_answered_as_documented_and_recorded_as_sent(api, standin):
    raw = b'{ "notes":"Pag\\u00f3 el pedido",\n "tags": [{"name":"vip","value":true}] }'
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Trace": "t-1"}

    reply = api.send_event(data=raw, headers=headers)

    assert (reply.status_code, reply.json()) == (200, ACCEPTED)
    (event,) = standin.events
    assert event.customer_id == ANA
    assert event.raw == raw
    assert event.body == {"notes": "Pagó el pedido", "tags": [{"name": "vip", "value": True}]}
    assert event.path == f"{API}/customers/{ANA}/events"
    assert event.headers["x-trace"] == "t-1"
    assert event.headers["content-type"] == headers["Content-Type"]
    assert "api-key" not in event.headers
    assert DEMO_KEY not in repr(event)
    assert event.received_at.utcoffset() == timedelta(0)
    assert event.received_at.tzinfo is UTC


def test_repeats_are_separate_events_in_order(api, standin):
    for note in ("one", "two", "one"):
        api.send_event({"notes": note})

    assert [event.body["notes"] for event in standin.events] == ["one", "two", "one"]


def test_chunked_body_is_recorded_whole(api, standin):
    headers = {"Content-Type": "application/json"}

    reply = api.send_event(data=iter([b'{"notes":', b'"in parts"}']), headers=headers)

    assert reply.status_code == 200
    assert standin.events[0].raw == b'{"notes":"in parts"}'


@pytest.mark.parametrize("host", ["app.mercately.com", "mercately.shop", "api.example.test:8443"])
def test_any_server_root_serves_both_documented_paths(api, host):
    sent = api.send_event(headers={"Host": host})
    history = api.get(f"{API}/customers/{ANA}/customer_events_history", headers={"Host": host})

    assert ACCEPTED == sent.json() == history.json()


@pytest.mark.parametrize("ref", REFS[1:])
def test_events_take_phone_and_email_only_when_told_to(api, standin, ref):
    refused = api.send_event(ref=ref)
    standin.behaviour.events_by_contact = True
    taken = api.send_event(ref=ref)

    assert (refused.status_code, taken.status_code) == (404, 200)
    assert [event.customer_id for event in standin.events] == [ANA]
    assert standin.events[0].path == f"{API}/customers/{ref}/events"


def test_event_does_not_change_the_customer(api):
    before = api.get(f"{API}/customers/{ANA}").json()
    api.send_event({"first_name": "Otra", "tags": [{"name": "vip", "value": True}]})

    assert before == api.get(f"{API}/customers/{ANA}").json()


def test_history_is_the_documented_message_or_pages_of_events(api, standin):
    path = f"{API}/customers/{ANA}/customer_events_history"
    for note in "abc":
        api.send_event({"notes": note})
    api.send_event({"notes": "other"}, ref="1713betoc1002")
    assert api.get(path).json() == ACCEPTED
    standin.behaviour.history = "results"

    whole = api.get(path).json()
    second = api.get(path, params={"page": 2, "results_per_page": 2}).json()

    notes = [{"notes": note} for note in "abc"]
    assert whole == {"results": 3, "total_pages": 1, "customer_events": notes}
    assert second == {"results": 3, "total_pages": 2, "customer_events": notes[2:]}
    assert api.get(path, params={"page": "x", "results_per_page": 0}).status_code == 200
