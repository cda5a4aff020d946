"""The stub: what is sent to Mercately, and that nothing around the process changes it."""

import json

import pytest

from config import relay_toml
from relay.devtools.standin import ACCEPTED
from tests.worker.factories import ANA_ID, KEY
from tests.worker.http_stub import HttpStub

PHONE = "+593999000001"
EVENT = {"notes": "Pagó €20", "tags": [{"name": "vip", "value": True}]}


def test_event_is_sent_with_key_name_and_flat_json_body(connect):
    with HttpStub() as stub:
        connect(stub.url).post_event("1713anaec1001", EVENT)

    (request,) = stub.requests
    assert request.method == "POST"
    assert request.path == "/retailers/api/v1/customers/1713anaec1001/events"
    assert request.headers["api-key"] == KEY
    assert request.headers["user-agent"] == "mercately-relay/test"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == EVENT
    assert "€".encode() in request.body


def test_questions_carry_the_key_and_no_body(connect):
    with HttpStub() as stub:
        client = connect(stub.url)
        client.probe()
        client.find_customer("1713anaec1001")

    assert stub.paths == ["/agents", "/customers/1713anaec1001"]
    for request in stub.requests:
        assert request.headers["api-key"] == KEY
        assert "content-type" not in request.headers
        assert request.body == b""


@pytest.mark.parametrize(
    "reference, segment",
    [
        ("+593999000001", "%2B593999000001"),
        ("ana+vip@example.com", "ana%2Bvip%40example.com"),
        ("a/b", "a%2Fb"),
        ("../agents", "..%2Fagents"),
        ("a?page=2#top", "a%3Fpage%3D2%23top"),
        ("a b%41", "a%20b%2541"),
        ("inés@example.com", "in%C3%A9s%40example.com"),
    ],
)
def test_references_are_one_encoded_path_segment(connect, reference, segment):
    with HttpStub() as stub:
        client = connect(stub.url)
        client.find_customer(reference)
        client.post_event(reference, {})
        client.history(reference, 1, 5)

    assert stub.paths == [
        f"/customers/{segment}",
        f"/customers/{segment}/events",
        f"/customers/{segment}/customer_events_history?page=1&results_per_page=5",
    ]


@pytest.mark.parametrize("wrapped", [False, True])
def test_new_customer_is_wrapped_only_when_the_destination_says_so(connect, wrapped):
    ana = {"first_name": "Ana", "phone": PHONE}
    with HttpStub() as stub:
        connect(stub.url, customer_wrapper=wrapped).create_customer(ana)

    (request,) = stub.requests
    assert (request.method, stub.paths) == ("POST", ["/customers"])
    assert json.loads(request.body) == ({"customer": ana} if wrapped else ana)


@pytest.mark.parametrize("root", ["https://app.mercately.com", "https://mercately.shop"])
@pytest.mark.parametrize("slashes", ["", "/", "//"])
def test_server_roots_are_taken_with_and_without_a_slash(tmp_path, connect, root, slashes):
    file = tmp_path / "relay.toml"
    file.write_text(f'[destinations.d]\nserver = "{root}{slashes}"\napi_key = "k"')

    read = relay_toml.load(file, {})

    assert read.faults == ()
    assert read.destinations["d"].server == root


def test_default_server_is_the_documented_one(tmp_path):
    file = tmp_path / "relay.toml"
    file.write_text('[destinations.d]\napi_key = "k"')

    assert relay_toml.load(file, {}).destinations["d"].server == "https://app.mercately.com"


def test_connection_is_kept_for_the_next_call(connect):
    with HttpStub() as stub:
        client = connect(stub.url)
        for _ in range(5):
            client.post_event("c1", EVENT)

    assert len(stub.requests) == 5
    assert stub.connections == 1


def test_surroundings_change_neither_way_nor_key(connect, monkeypatch, tmp_path):
    """No proxy of the environment, no ~/.netrc, no certificate bundle."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with HttpStub() as stub:
        reply = connect(stub.url).post_event("c1", EVENT)

    assert reply.ok
    assert "authorization" not in stub.requests[0].headers
    assert stub.requests[0].headers["api-key"] == KEY


def test_history_is_read_in_either_shape(connect, standin_server):
    standin = standin_server.standin
    client = connect(standin_server.url, read_timeout_s=2, api_key=standin.api_key)
    for number in range(3):
        client.post_event(ANA_ID, {"notes": str(number)})

    assert client.history(ANA_ID, 1, 2).json() == ACCEPTED
    standin.behaviour.history = "results"
    page = client.history(ANA_ID, 2, 2).json()
    assert (page["results"], page["customer_events"]) == (3, [{"notes": "2"}])
    assert client.history("nobody", 1, 2).status == 404
