import pytest
from werkzeug.test import Client

from relay.devtools.standin import DEMO_KEY, create_app, demo_customers

from .client import ANA


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
    client = Client(create_app(standin))

    reply = client.get(
        "/_standin/events",
        headers={"api-key": key},
        environ_overrides={"REMOTE_ADDR": "172.18.0.1"},
    )

    assert reply.status_code == status


@pytest.mark.parametrize("key", ["", DEMO_KEY])
def test_control_routes_need_the_key_under_a_name_that_is_not_this_machine_s(key, standin):
    """A page of another site may have its own name lead here."""
    client = Client(create_app(standin))
    headers = {"Host": "evil.example:9000", "api-key": key}
    here = {"REMOTE_ADDR": "127.0.0.1"}
    reply = client.get("/_standin/events", headers=headers, environ_overrides=here)
    assert reply.status_code == (200 if key else 401)


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 200), ("http://localhost", 200), ("http://evil.example", 401), ("null", 401)],
)
def test_page_of_another_site_changes_nothing(origin, status, standin):
    """A browser on this machine sends such a request without asking first."""
    headers = {"Origin": origin} if origin else {}
    client = Client(create_app(standin))
    reply = client.post(
        "/_standin/reset",
        headers={"Content-Type": "text/plain", **headers},
        environ_overrides={"REMOTE_ADDR": "127.0.0.1"},
    )
    assert reply.status_code == status


@pytest.mark.parametrize("path", ["/_standin/events", "/healthz", "/nowhere"])
def test_no_browser_takes_an_answer_for_a_page_or_frames_it(path, standin):
    headers = Client(create_app(standin)).get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


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
