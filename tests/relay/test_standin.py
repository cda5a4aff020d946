import json
import threading
import time
from datetime import UTC, timedelta

import pytest
import requests

from relay.standin import (
    AGENTS,
    API,
    DEMO_KEY,
    FAULTS,
    Behaviour,
    Invalid,
    Standin,
    StandinServer,
    create_app,
    demo_customers,
    serve,
)

ANA = "1713anaec1001"
ACCEPTED = {"messages": "Customer event created successfully"}
ABSENT = {"message": "Customer not found"}
UNAUTHORIZED = {"message": "Unauthorized", "info": {"data": {}}}
TAKEN = {"errors": ["Phone has already been taken"]}


class APIClient(requests.Session):
    """Speaks to one stand-in as the relay does: key header, redirects off, short timeout."""

    def __init__(self, root):
        super().__init__()
        self.root = root
        self.trust_env = False
        self.headers["api-key"] = DEMO_KEY

    def request(self, method, path, **options):
        options = {"timeout": 5, "allow_redirects": False, **options}
        return super().request(method, self.root + path, **options)

    def send_event(self, body=None, *, ref=ANA, **options):
        if "data" not in options:
            options["json"] = body or {}
        return self.post(f"{API}/customers/{ref}/events", **options)


@pytest.fixture(scope="module")
def server():
    with StandinServer(Standin(customers=demo_customers())) as running:
        yield running


@pytest.fixture
def standin(server):
    standin = server.standin
    standin.reset()
    standin.behaviour = Behaviour()
    standin.hang_s, standin.slow_s, standin.retry_after_s = 60, 1, 2
    return standin


@pytest.fixture
def api(server, standin):
    with APIClient(server.url) as client:
        yield client


def eventually(truth):
    until = time.monotonic() + 2
    while not truth() and time.monotonic() < until:
        time.sleep(0.01)
    return truth()


# The contract of the two documented endpoints.


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


def test_doubled_slash_is_an_unknown_path_and_no_redirect(api, standin):
    reply = api.post(f"{API}//customers/{ANA}/events", json={})

    assert (reply.status_code, reply.json()) == (404, {"message": "Not found"})
    assert standin.events == []


def test_unknown_path_and_method_answer_in_json(api):
    assert api.get(f"{API}/orders").json() == {"message": "Not found"}
    assert api.delete(f"{API}/customers/{ANA}").json() == {"message": "Method not allowed"}


FIELD_ROWS = [
    # name, what is taken, what is refused
    *[
        (name, ["", "Ana", "+593999000001"], [1, True, None, ["Ana"]])
        for name in ("first_name", "last_name", "email", "phone", "id_number", "notes")
    ],
    ("id_type", ["cedula", "pasaporte", "ruc", "rut", "otro"], ["Cedula", "dni", 1, None, []]),
    *[(name, [0, -1, 12], ["12", 1.0, True, None]) for name in ("agent_id", "campaign_id")],
    ("outbound_status", ["error", "delivered", "anything"], [1, None]),
    *[(name, ["text"], [1, None]) for name in ("campaign_url", "error_message")],
    *[
        (
            name,
            ["2019-08-24", "2024-02-29"],
            ["2019-08-24T10:00:00Z", "20190824", "2019-W34-6", "2019-8-4", "2023-02-29", "", 1566],
        )
        for name in ("creation_date", "sent_at", "delivered_at", "read_at", "last_chat_interaction")
    ],
    ("tags", [[], [{"name": "vip", "value": False}]], [
        {"name": "vip", "value": True}, ["vip"], [{"name": "vip", "value": "true"}],
        [{"name": 1, "value": True}], [{"name": "vip"}], [{"value": True}],
        [{"tag": "vip", "name": "vip", "value": True}],
    ]),
    ("custom_fields", [[], [{"field_name": "pais", "field_content": "EC"}]], [
        {"pais": "EC"}, [{"field_name": "total", "field_content": 10}],
        [{"field_name": None, "field_content": "10"}], [{"field_name": "total"}],
        [{"field_name": "total", "field_content:": "10"}],
    ]),
    ("customer_addresses_attributes", [[], [{}], [{"main": True, "country_id": 1}]], [{}, ["a"], None]),
]  # fmt: skip
ADDRESS_ROWS = [
    *[
        (name, ["", "-0.18"], [-0.18, 1, None])
        for name in (
            "address", "city", "state", "zip_code", "description", "latitude", "longitude",
        )
    ],
    ("country_id", [0, 7], ["EC", "7", True, 7.0, None]),
    ("main", [True, False], ["true", 1, None]),
]  # fmt: skip
CASES = [
    (json.dumps(body), right)
    for rows, wrap in (
        (FIELD_ROWS, lambda field: field),
        (ADDRESS_ROWS, lambda field: {"customer_addresses_attributes": [field]}),
    )
    for name, good, bad in rows
    for values, right in ((good, True), (bad, False))
    for value in values
    for body in [wrap({name: value})]
]


@pytest.mark.parametrize("body", [body for body, right in CASES if right])
def test_documented_type_is_taken(api, standin, body):
    reply = api.send_event(json.loads(body))

    assert (reply.status_code, reply.json()) == (200, ACCEPTED)
    assert standin.events[0].body == json.loads(body)


@pytest.mark.parametrize("body", [body for body, right in CASES if not right])
def test_wrong_type_is_a_failed_validation(api, standin, body):
    reply = api.send_event(json.loads(body))

    assert reply.status_code == 302
    assert "Location" not in reply.headers
    (name,) = json.loads(body)
    assert all(error.startswith(f"body.{name}") for error in reply.json()["errors"])
    assert reply.json()["errors"]
    assert standin.events == []


@pytest.mark.parametrize("body", [{"event": "x"}, {"customer": {}}, {"id": ANA}, {"metadata": {}}])
def test_unknown_field_is_a_failed_validation(api, body):
    (name,) = body

    reply = api.send_event(body)

    assert (302, {"errors": [f"body.{name} is unknown"]}) == (reply.status_code, reply.json())


def test_errors_name_every_wrong_field_and_no_content(api):
    reply = api.send_event({"email": 5550001, "tags": [{}], "sent_at": "ayer"})

    assert reply.json()["errors"] == [
        "body.email must be a string",
        "body.tags[0].name is missing",
        "body.tags[0].value is missing",
        "body.sent_at must be a date, YYYY-MM-DD",
    ]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff{}", b"[" * 100_000],
    ids=lambda raw: raw[:9],
)
def test_anything_but_a_json_object_is_a_failed_validation(api, standin, raw):
    reply = api.send_event(data=raw, headers={"Content-Type": "application/json"})

    assert (reply.status_code, reply.json()) == (302, {"errors": ["body must be a JSON object"]})
    assert standin.events == []


def test_object_of_another_content_type_is_a_failed_validation(api):
    assert api.send_event(data=b"{}", headers={"Content-Type": "text/plain"}).status_code == 302


# Who may ask, and about whom.


@pytest.mark.parametrize(
    "headers",
    [
        {"api-key": None},
        {"api-key": ""},
        {"api-key": "1" * 32},
        {"api-key": None, "api_key": DEMO_KEY},
        {"api-key": None, "Authorization": f"Bearer {DEMO_KEY}"},
    ],
    ids=["absent", "empty", "wrong", "underscore", "bearer"],
)
def test_wrong_key_is_401_with_info_everywhere(api, standin, headers):
    for method, path in (
        ("POST", f"/customers/{ANA}/events"),
        ("GET", f"/customers/{ANA}/customer_events_history"),
        ("GET", f"/customers/{ANA}"),
        ("PUT", f"/customers/{ANA}"),
        ("GET", "/customers"),
        ("POST", "/customers"),
        ("GET", "/agents"),
        ("GET", "/ping"),
    ):
        reply = api.request(method, API + path, headers=headers)
        assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED)
    assert standin.events == []


def test_key_header_may_be_written_in_any_case(api):
    assert api.get(f"{API}/agents", headers={"api-key": None, "API-KEY": DEMO_KEY}).ok


def test_wrong_key_can_be_the_documented_400(api, standin):
    standin.behaviour.bad_key = 400

    reply = api.send_event(headers={"api-key": "wrong"})

    assert (reply.status_code, reply.json()) == (400, {"message": "Unauthorized"})


@pytest.mark.parametrize("path", ["", "/customer_events_history", "/events"])
def test_unknown_customer_is_404(api, path):
    method = "POST" if path == "/events" else "GET"

    reply = api.request(method, f"{API}/customers/1713zzzzz9999{path}", json={})

    assert (reply.status_code, reply.json()) == (404, ABSENT)


REFS = [
    ANA,
    "%2B593999000001",
    "+593999000001",
    "593999000001",
    "ana%40example.com",
    "ANA@example.com",
]


@pytest.mark.parametrize("ref", REFS)
def test_customer_is_found_by_id_phone_and_email(api, ref):
    reply = api.get(f"{API}/customers/{ref}")

    assert reply.status_code == 200
    assert reply.json()["message"] == "Customer found successfully"
    assert reply.json()["customer"]["id"] == ANA


@pytest.mark.parametrize(
    "ref", ["525599000003", "%2B525599000003", "0999000001", "ana", "%2B", "%40"]
)
def test_customer_is_not_found_by_anything_alike(api, ref):
    assert api.get(f"{API}/customers/{ref}").status_code == 404


@pytest.mark.parametrize("ref", REFS[1:])
def test_events_take_phone_and_email_only_when_told_to(api, standin, ref):
    refused = api.send_event(ref=ref)
    standin.behaviour.events_by_contact = True
    taken = api.send_event(ref=ref)

    assert (refused.status_code, taken.status_code) == (404, 200)
    assert [event.customer_id for event in standin.events] == [ANA]
    assert standin.events[0].path == f"{API}/customers/{ref}/events"


def test_customer_comes_back_in_the_shape_it_is_read_in(api, standin):
    standin.add_customer(
        id="1713qwert2001",
        phone="+593999000099",
        tags=[{"name": "vip", "value": True}, {"name": "old", "value": False}],
        custom_fields=[{"field_name": "ciudad", "field_content": "Quito"}],
        customer_addresses_attributes=[{"city": "Quito", "main": True}],
        outbound_status="sent",
    )

    customer = api.get(f"{API}/customers/1713qwert2001").json()["customer"]

    assert customer.pop("tags") == [{"tag": "vip", "web_id": "1713vip"}]
    assert customer.pop("custom_fields") == [{"field_name": "ciudad", "field_content:": "Quito"}]
    assert customer.pop("customer_addresses") == [{"city": "Quito", "main": True}]
    assert customer.pop("outbound_status") == "sent"
    assert customer.pop("whatsapp_opt_in") is False
    assert {name for name, value in customer.items() if value} == {"id", "phone"}
    assert customer.keys() == {
        "id", "first_name", "last_name", "email", "phone", "meli_customer_id", "meli_nickname",
        "id_type", "id_number", "address", "city", "state", "zip_code", "country_id", "notes",
        "whatsapp_name",
    }  # fmt: skip


def test_event_does_not_change_the_customer(api):
    before = api.get(f"{API}/customers/{ANA}").json()
    api.send_event({"first_name": "Otra", "tags": [{"name": "vip", "value": True}]})

    assert before == api.get(f"{API}/customers/{ANA}").json()


def test_integer_ids_come_back_as_numbers_and_are_taken_as_ids(api, standin):
    assert api.get(f"{API}/customers/1001").status_code == 404
    standin.behaviour.integer_ids = True

    assert api.get(f"{API}/customers/ana@example.com").json()["customer"]["id"] == 1001
    assert api.get(f"{API}/customers").json()["customers"][1]["id"] == 1002
    assert api.get(f"{API}/customers/1001").json()["customer"]["email"] == "ana@example.com"
    assert api.send_event(ref="1001").status_code == 200
    assert standin.events[0].customer_id == ANA


def test_listing_has_pages_of_a_hundred_and_announces_one_too_many(api, standin):
    for number in range(196):
        standin.add_customer(phone=f"+5939990{number:05}9")

    pages = [api.get(f"{API}/customers", params={"page": page}).json() for page in (0, 1, 2, 3)]

    assert [len(page["customers"]) for page in pages] == [100, 100, 100, 0]
    assert pages[0] == pages[1] == api.get(f"{API}/customers").json()
    assert {(200, 3)} == {(page["results"], page["total_pages"]) for page in pages}
    assert len({one["id"] for page in pages for one in page["customers"]}) == 200


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


# Creating and changing customers.


@pytest.mark.parametrize(
    "wrap", [lambda body: body, lambda body: {"customer": body}], ids=["flat", "wrapped"]
)
def test_customer_is_created_and_can_receive_events(api, standin, wrap):
    body = {"first_name": "Eva", "phone": "+593999000055", "id": "ignored"}

    reply = api.post(f"{API}/customers", json=wrap(body))

    assert (reply.status_code, reply.json()["message"]) == (200, "Customer created successfully")
    new = reply.json()["customer"]
    assert (new["first_name"], new["phone"]) == ("Eva", "+593999000055")
    assert new["id"].startswith("1713")
    assert new["id"].endswith("1005")
    assert len(new["id"]) == len("1713huaxq1352")
    assert new["id"] in standin.customers
    assert api.send_event(ref=new["id"]).status_code == 200


REFUSED_CUSTOMERS = [
    ({"phone": "+593999000001"}, "Phone has already been taken"),
    ({"phone": "593999000001"}, "Phone has already been taken"),
    ({"phone": "+1", "email": "Ana@Example.com"}, "Email has already been taken"),
    ({"first_name": "Nadie"}, "Phone or email can't be blank"),
    ({"phone": "", "email": ""}, "Phone or email can't be blank"),
    ({}, "Phone or email can't be blank"),
    ({"phone": 593999000077}, "body.phone must be a string"),
    ({"phone": "+1", "country_id": 1}, "body.country_id must be a string"),
    ({"phone": "+1", "self": "x"}, "body.self is unknown"),
    ({"customer": []}, "customer must be an object"),
    ([], "body must be a JSON object"),
]


@pytest.mark.parametrize("body, error", REFUSED_CUSTOMERS)
@pytest.mark.parametrize("status", [302, 422])
def test_customer_that_fails_validation_is_not_created(api, standin, body, error, status):
    standin.behaviour.validation = status

    reply = api.post(f"{API}/customers", json=body)

    assert (status, {"errors": [error]}) == (reply.status_code, reply.json())
    assert "Location" not in reply.headers
    assert len(standin.customers) == 4


@pytest.mark.parametrize("ref", REFS)
def test_update_writes_only_what_it_is_given(api, standin, ref):
    path = f"{API}/customers/{ref}"
    rows = [{"field_name": "a", "field_content": "1"}, {"field_name": "b", "field_content": "2"}]
    first = {"tags": [{"name": "vip", "value": True}], "custom_fields": rows, "id": "ignored"}
    address = {"customer_addresses_attributes": [{"city": "Quito"}]}
    second = {
        "tags": [{"name": "vip", "value": False}, {"name": "new", "value": True}],
        "custom_fields": [{"field_name": "a", "field_content": "3"}],
    }

    replies = [api.put(path, json=body) for body in (first, address, {"customer": address}, second)]

    assert {(200, "Customer updated successfully")} == {
        (reply.status_code, reply.json()["message"]) for reply in replies
    }
    assert "customer" not in replies[0].json()
    ana = standin.customers[ANA]
    assert (ana["id"], ana["first_name"], ana["phone"]) == (ANA, "Ana", "+593999000001")
    assert [tag["tag"] for tag in ana["tags"]] == ["new"]
    assert [row["field_content:"] for row in ana["custom_fields"]] == ["3", "2"]
    assert ana["customer_addresses"] == [{"city": "Quito"}] * 2


def test_update_keeps_phone_and_email_unique(api):
    def update(**fields):
        return api.put(f"{API}/customers/{ANA}", json=fields).status_code

    assert update(phone="+593999000001", email="ana@example.com") == 200
    assert update(phone="+573009000002") == 302
    assert update(email="beto@example.com") == 302
    assert api.put(f"{API}/customers/nobody", json={}).status_code == 404


def test_agents_and_ping_prove_the_key(api):
    assert api.get(f"{API}/agents").json() == {"agents": AGENTS}
    assert all(type(agent["id"]) is int for agent in AGENTS)
    assert api.get(f"{API}/ping").json()["message"] == "Ok"


# Faults.

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


# State, and the routes that show and change it from outside.


def test_control_routes_need_no_key_on_the_same_machine(api, standin):
    del api.headers["api-key"]
    key = {"api-key": DEMO_KEY}

    new = api.post("/_standin/customers", json={"id": "c-1", "email": "eva@example.com"}).json()
    api.post("/_standin/faults", json={"name": "empty_200", "times": 1, "on": "all"})
    assert (
        api.send_event(
            ref="c-1",
            data=b'{"notes": "\xc3\xb1"}',
            headers={**key, "Content-Type": "application/json"},
        ).content
        == b""
    )
    api.post("/_standin/faults", json={"name": "unavailable_503"})
    api.delete("/_standin/faults")
    assert api.send_event(ref="c-1", headers=key).status_code == 200
    shown = api.get("/_standin/events").json()

    assert new == {"id": "c-1"}
    assert [(e["raw"], e["body"]) for e in shown] == [
        ('{"notes": "ñ"}', {"notes": "ñ"}),
        ("{}", {}),
    ]
    assert shown[0]["customer_id"] == "c-1"
    assert shown[0]["received_at"] == standin.events[0].received_at.isoformat()
    assert "api-key" not in shown[0]["headers"]

    assert api.post("/_standin/reset").status_code == 200
    assert api.get("/_standin/events").json() == []
    assert list(standin.customers) == [one["id"] for one in demo_customers()]


@pytest.mark.parametrize(
    "path, body",
    [
        ("faults", []),
        ("faults", {}),
        ("faults", {"name": "slow", "colour": "red"}),
        ("faults", {"name": ["slow"]}),
        ("customers", {"id": ANA}),
        ("customers", {"email": "ana@example.com"}),
        ("customers", {"shoe_size": "42"}),
    ],
)
def test_wrong_control_request_is_422(api, standin, path, body):
    reply = api.post(f"/_standin/{path}", json=body)

    assert reply.status_code == 422
    assert reply.json()["errors"]
    assert len(standin.customers) == 4


@pytest.mark.parametrize("key, status", [("", 401), (DEMO_KEY, 200)])
def test_control_routes_need_the_key_from_elsewhere(standin, key, status):
    client = create_app(standin).test_client()

    reply = client.get(
        "/_standin/events",
        headers={"api-key": key},
        environ_overrides={"REMOTE_ADDR": "172.18.0.1"},
    )

    assert reply.status_code == status


def test_healthz_needs_nothing(api, standin):
    standin.fail("unavailable_503", on="all")
    del api.headers["api-key"]

    assert api.get("/healthz").status_code == 200


def test_reset_keeps_settings(api, standin):
    standin.behaviour.bad_key = 400
    standin.add_customer(phone="+593999000066")
    standin.fail("unavailable_503")
    api.send_event()
    standin.reset()

    assert standin.events == []
    assert len(standin.customers) == 4
    assert standin.behaviour.bad_key == 400
    assert api.send_event().status_code == 200


def test_seeded_customer_needs_no_contact_but_may_not_clash(standin):
    first, second = standin.add_customer(), standin.add_customer(first_name="Solo")

    assert first != second
    with pytest.raises(Invalid, match="Phone has already been taken"):
        standin.add_customer(phone="593999000001")


def test_demo_people_are_invented_and_can_be_looked_up(api):
    people = demo_customers()

    assert [person["country_id"] for person in people] == ["EC", "CO", "MX", "PE"]
    for person in people:
        assert person["email"].endswith("@example.com")
        for ref in (person["id"], person["phone"], person["phone"][1:], person["email"]):
            assert api.get(f"{API}/customers/{ref}").json()["customer"]["id"] == person["id"]


# The server.


def test_connection_is_kept_open_between_requests(api, standin):
    def connection():
        with api.get(f"{API}/ping", stream=True) as reply:
            peer = reply.raw.connection.sock.getsockname()
            assert reply.content
        return peer

    first = connection()
    api.send_event({"notes": 1})
    api.get(f"{API}/nowhere", data=b"a body nobody reads")
    assert connection() == first


def test_open_and_hanging_connections_do_not_delay_closing():
    before = set(threading.enumerate())
    standin = Standin(customers=demo_customers())
    server = StandinServer(standin)
    outcome = []

    def send():
        with APIClient(server.url) as client, pytest.raises(requests.ConnectionError) as lost:
            client.send_event()
        outcome.append(lost.type)

    with APIClient(server.url) as idle:
        idle.get(f"{API}/ping")
        standin.fail("hang_after_recording")
        sender = threading.Thread(target=send)
        sender.start()
        assert eventually(lambda: standin.events)

        started = time.monotonic()
        server.close()
        server.close()

        assert time.monotonic() - started < 1
        sender.join(2)
        assert outcome == [requests.ConnectionError]
        with pytest.raises(requests.ConnectionError):
            idle.get(f"{API}/ping")
    assert eventually(lambda: set(threading.enumerate()) <= before)


def test_stand_in_outlives_its_server_and_can_be_served_again():
    standin = Standin(customers=demo_customers())
    for _ in range(2):
        with StandinServer(standin) as server, APIClient(server.url) as api:
            standin.slow_s = 0.05
            standin.fail("slow", times=1)
            started = time.monotonic()
            assert api.send_event().status_code == 200
            assert time.monotonic() - started >= 0.05

    assert len(standin.events) == 2


def test_server_makes_its_own_empty_stand_in_and_takes_a_given_port():
    with StandinServer() as first:
        assert first.standin.customers == {}
    port = int(first.url.rpartition(":")[2])

    with StandinServer(port=port) as second, APIClient(second.url) as api:
        assert first.url == second.url
        assert api.get(f"{API}/customers").json()["customers"] == []


def test_serve_answers_until_interrupted(monkeypatch):
    standin, ready, root, answers = Standin(), threading.Event(), [], []

    def call():
        ready.wait(2)
        with APIClient(root[0]) as api:
            answers.append(api.get("/healthz").status_code)

    def each_turn(server):
        if threading.current_thread() is not threading.main_thread():
            return  # the server of the other tests
        root.append(f"http://127.0.0.1:{server.server_address[1]}")
        ready.set()
        if answers:
            raise KeyboardInterrupt

    monkeypatch.setattr("socketserver.BaseServer.service_actions", each_turn)
    caller = threading.Thread(target=call)
    caller.start()
    serve("127.0.0.1", 0, standin)
    caller.join(2)

    assert answers == [200]
    assert standin.stopping.is_set()


def test_nothing_is_logged(api, capfd, caplog, standin):
    caplog.set_level(0)
    standin.fail("reset_after_recording", times=1)
    with pytest.raises(requests.ConnectionError):
        api.send_event({"email": "ana@example.com"})
    for ref in REFS:
        api.get(f"{API}/customers/{ref}")
        api.send_event({"email": 5}, ref=ref)
    standin.fail("hang_after_recording", times=1)
    with pytest.raises(requests.ReadTimeout):
        api.send_event(timeout=0.05)

    own = [record for record in caplog.records if not record.name.startswith("urllib3")]
    assert own == []
    assert capfd.readouterr() == ("", "")
