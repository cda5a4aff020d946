import pytest

from relay.devtools.standin import AGENTS, API, DEMO_KEY

from .client import ABSENT, ANA, UNAUTHORIZED


def test_doubled_slash_is_an_unknown_path_and_no_redirect(api, standin):
    reply = api.post(f"{API}//customers/{ANA}/events", json={})

    assert (reply.status_code, reply.json()) == (404, {"message": "Not found"})
    assert standin.events == []


def test_unknown_path_and_method_answer_in_json(api):
    assert api.get(f"{API}/orders").json() == {"message": "Not found"}
    assert api.delete(f"{API}/customers/{ANA}").json() == {"message": "Method not allowed"}


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


def test_agents_and_ping_prove_the_key(api):
    assert api.get(f"{API}/agents").json() == {"agents": AGENTS}
    assert all(type(agent["id"]) is int for agent in AGENTS)
    assert api.get(f"{API}/ping").json()["message"] == "Ok"


def test_healthz_needs_nothing(api, standin):
    standin.fail("unavailable_503", on="all")
    del api.headers["api-key"]

    assert api.get("/healthz").status_code == 200
