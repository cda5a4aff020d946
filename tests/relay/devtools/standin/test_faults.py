import time

import pytest
import requests

from relay.devtools.standin import API, FAULTS
from tests.waiting import eventually

from .client import ABSENT, ACCEPTED, ANA, UNAUTHORIZED

TAKEN = {"errors": ["Phone has already been taken"]}
ANSWERED = {
    "unauthorized_401": (401, UNAUTHORIZED),
    "unauthorized_400": (400, {"message": "Unauthorized"}),
    "not_found_404": (404, ABSENT),
    "validation_302": (302, TAKEN),
    "validation_422": (422, TAKEN),
    "poison_500": (
        500,
        {"message": "undefined method `each' for nil:NilClass", "info": {"data": {}}},
    ),
    "unavailable_503": (503, "<html>"),
    "unavailable_503_retry_after": (503, "<html>"),
    "too_many_429": (429, {"message": "Too many requests"}),
    "too_many_429_retry_after": (429, {"message": "Too many requests"}),
    "blocked_403_html": (403, "<html>"),
}
SPOILED = {"empty_200": b"", "not_json_200": b"OK"}
CUT = {"reset_before_recording": 0, "reset_after_recording": 1}


def test_every_fault_is_tried_here():
    assert {*ANSWERED, *SPOILED, *CUT, "hang_after_recording", "slow"} == set(FAULTS)


@pytest.mark.parametrize("name", ANSWERED)
def test_fault_answers_instead_of_the_api_until_cleared(api, standin, name):
    standin.fail(name)
    status, body = ANSWERED[name]

    replies = [api.send_event(), api.send_event()]

    for reply in replies:
        assert reply.status_code == status
        assert "Location" not in reply.headers
        if body == "<html>":
            assert reply.headers["Content-Type"].startswith("text/html")
            assert reply.text.startswith("<html>")
        else:
            assert reply.json() == body
        wanted = "2" if name.endswith("_retry_after") else None
        assert reply.headers.get("Retry-After") == wanted
    assert standin.events == []
    standin.clear()
    assert api.send_event().json() == ACCEPTED


def test_retry_after_seconds_can_be_set(api, standin):
    standin.retry_after_s = 37
    standin.fail("too_many_429_retry_after")

    assert api.send_event().headers["Retry-After"] == "37"


@pytest.mark.parametrize("name", SPOILED)
def test_event_is_recorded_behind_a_spoiled_answer(api, standin, name):
    standin.fail(name, times=1)

    reply = api.send_event({"notes": "x"})

    assert (200, SPOILED[name]) == (reply.status_code, reply.content)
    assert "json" not in reply.headers["Content-Type"]
    assert len(standin.events) == 1
    assert api.send_event().json() == ACCEPTED


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "reused connection"])
def test_reset_ends_the_connection_without_an_answer(api, standin, name, reused):
    if reused:
        api.get(f"{API}/ping")
    standin.fail(name, times=1)

    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        api.send_event({"notes": "x"})

    assert len(standin.events) == CUT[name]
    assert api.send_event().json() == ACCEPTED


def test_hang_records_and_gives_no_answer_in_time(api, standin):
    standin.fail("hang_after_recording", times=1)

    with pytest.raises(requests.ReadTimeout):
        api.send_event({"notes": "x"}, timeout=0.1)

    assert eventually(lambda: standin.events)
    assert [event.body for event in standin.events] == [{"notes": "x"}]
    assert api.send_event().json() == ACCEPTED


def test_hang_ends_without_an_answer(api, standin):
    standin.hang_s = 0.05
    standin.fail("hang_after_recording")

    with pytest.raises(requests.ConnectionError, match="without response"):
        api.send_event()

    assert len(standin.events) == 1


def test_slow_answers_late(api, standin):
    standin.slow_s = 0.15
    standin.fail("slow", times=1)

    started = time.monotonic()
    reply = api.send_event()

    assert time.monotonic() - started >= 0.15
    assert reply.json() == ACCEPTED
    assert len(standin.events) == 1


def test_counted_faults_follow_one_another(api, standin):
    standin.fail("unavailable_503", times=2)
    standin.fail("empty_200", times=1)
    standin.fail("too_many_429", times=1)

    assert [api.send_event().status_code for _ in range(5)] == [503, 503, 200, 429, 200]
    assert len(standin.events) == 2


def test_endless_fault_makes_way_for_the_next(api, standin):
    standin.fail("unavailable_503")
    standin.fail("poison_500", times=1)

    assert [api.send_event().status_code for _ in range(2)] == [500, 200]


def test_fault_after_recording_waits_for_a_request_that_is_not_refused(api, standin):
    standin.fail("reset_after_recording", times=1)

    assert api.send_event({"notes": 1}).status_code == 302
    assert api.send_event(ref="nobody").status_code == 404
    with pytest.raises(requests.ConnectionError):
        api.send_event()


@pytest.mark.parametrize("on", ["events", "customers", "agents", "all"])
def test_fault_touches_only_its_routes(api, standin, on):
    standin.fail("poison_500", on=on)
    paths = {
        "events": [f"/customers/{ANA}/customer_events_history"],
        "customers": [f"/customers/{ANA}", "/customers"],
        "agents": ["/agents", "/ping"],
    }

    failed = {
        group
        for group, group_paths in paths.items()
        if {500} == {api.get(API + path).status_code for path in group_paths}
    }

    assert failed == (set(paths) if on == "all" else {on})
    assert api.get("/healthz").status_code == 200
    assert api.get("/_standin/events").status_code == 200


def test_customer_created_behind_a_lost_answer_exists(api, standin):
    standin.fail("reset_after_recording", times=1, on="customers")

    with pytest.raises(requests.ConnectionError):
        api.post(f"{API}/customers", json={"phone": "+593999000088"})

    assert api.get(f"{API}/customers/593999000088").status_code == 200


@pytest.mark.parametrize(
    "call, known",
    [
        ({"name": "explode"}, FAULTS),
        ({"name": "slow", "on": "orders"}, ["events", "customers", "agents", "all"]),
        ({"name": "slow", "times": 0}, ["from 1 up"]),
        ({"name": "slow", "times": True}, ["from 1 up"]),
        ({"name": "slow", "times": "3"}, ["from 1 up"]),
    ],
)
def test_unknown_fault_is_refused_with_what_is_known(api, standin, call, known):
    with pytest.raises(ValueError, match=r"known|times") as refusal:
        standin.fail(**call)
    reply = api.post("/_standin/faults", json=call)

    assert all(name in str(refusal.value) for name in known)
    assert (422, {"errors": [str(refusal.value)]}) == (reply.status_code, reply.json())
    assert api.send_event().status_code == 200
