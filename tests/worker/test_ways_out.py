"""How requests get out: over TLS, and through the one proxy that the settings name."""

import base64
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from relay.inbound.lookups import ApiRequest
from relay.store.lookups import LookupQueue
from tests.worker.factories import KEY, destination
from tests.worker.http_stub import HttpStub, answer, break_tls, refusing_port
from tests.worker.tls import loopback_context
from worker.client import Client
from worker.platform_api import LookupFailed, PlatformApi
from worker.reply import NoResponse

EVENT = {"notes": "Pagó €20"}


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What a stub speaks TLS with, and clients trust."""
    context, file = loopback_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return context


@pytest.fixture
def through() -> Iterator:
    """Makes clients of a server whose requests go through a proxy."""
    opened: list[Client] = []

    def client(server: str, proxy: str) -> Client:
        made = Client(
            destination(server=server),
            user_agent="mercately-relay/test",
            connect_timeout_s=1,
            read_timeout_s=1,
            proxy=proxy,
        )
        opened.append(made)
        return made

    yield client
    for each in opened:
        each.close()


def tunnel(connection: socket.socket) -> bool:
    """Be the proxy of one CONNECT, whose target the stub has read as a path."""
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with socket.create_connection(("127.0.0.1", tunnel.port)) as server:  # type: ignore[attr-defined]
        ends = {connection: server, server: connection}
        with suppress(OSError):
            while True:
                for end in select.select(list(ends), [], [], 5)[0]:
                    if not (part := end.recv(65536)):
                        return False
                    ends[end].sendall(part)
    return False


def test_a_request_over_tls_is_answered(connect, tls):
    with HttpStub(tls=tls) as stub:
        assert connect(stub.url).post_event("c1", EVENT).ok

    assert stub.requests[0].headers["api-key"] == KEY


def test_tls_that_breaks_after_the_request_is_ambiguous(connect, tls):
    with HttpStub(break_tls, tls=tls) as stub, pytest.raises(NoResponse) as broken:
        connect(stub.url, read_timeout_s=2).post_event("c1", EVENT)

    assert len(stub.requests) == 1
    assert broken.value.ambiguous


def test_a_certificate_that_nobody_vouches_for_is_not_ambiguous(connect, tls, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with HttpStub(tls=tls) as stub, pytest.raises(NoResponse) as refused:
        connect(stub.url).post_event("c1", EVENT)

    assert (refused.value.reason, refused.value.ambiguous) == ("connection_refused", False)
    assert stub.requests == []


def test_a_proxy_lets_tls_through_and_does_not_see_the_key(through, tls, monkeypatch):
    with HttpStub(tls=tls) as mercately, HttpStub(tunnel) as proxy:
        monkeypatch.setattr(tunnel, "port", int(mercately.url.rpartition(":")[2]), raising=False)
        address = proxy.url.replace("://", "://u:p%40ss@")
        assert through("https://mercately.invalid", address).post_event("c1", EVENT).ok

    (seen,) = proxy.requests
    assert (seen.method, seen.path) == ("CONNECT", "mercately.invalid:443")
    assert "api-key" not in seen.headers
    proof = base64.b64encode(b"u:p@ss").decode()
    assert seen.headers["proxy-authorization"] == f"Basic {proof}"
    (arrived,) = mercately.requests
    assert arrived.path == "/retailers/api/v1/customers/c1/events"
    assert arrived.headers["api-key"] == KEY
    assert "proxy-authorization" not in arrived.headers


def test_a_proxy_is_told_the_whole_address_of_a_server_without_tls(through):
    with HttpStub() as proxy:
        address = proxy.url.replace("://", "://u:p@")
        assert through("http://mercately.invalid:81/x", address).post_event("c1", EVENT).ok

    (seen,) = proxy.requests
    assert seen.path == "http://mercately.invalid:81/x/retailers/api/v1/customers/c1/events"
    assert seen.headers["proxy-authorization"] == "Basic dTpw"
    assert seen.headers["host"] == "mercately.invalid:81"


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses_has_sent_nothing(through, status):
    with HttpStub(answer(status)) as proxy, pytest.raises(NoResponse) as refused:
        through("https://mercately.invalid", proxy.url).post_event("c1", EVENT)

    assert (refused.value.reason, refused.value.ambiguous) == ("proxy_failed", False)


def test_a_proxy_that_is_away_has_sent_nothing(through):
    with refusing_port() as url, pytest.raises(NoResponse) as refused:
        through("https://mercately.invalid", url).post_event("c1", EVENT)

    assert (refused.value.reason, refused.value.ambiguous) == ("proxy_failed", False)


def test_no_proxy_leads_to_this_machine(through):
    with HttpStub() as stub, refusing_port() as proxy:
        assert through(stub.url, proxy).post_event("c1", EVENT).ok


def test_apis_of_platforms_are_asked_through_it_too_and_through_no_other(redis, monkeypatch):
    monkeypatch.setattr("worker.platform_api.are_allowed", lambda _host: True)
    with HttpStub(answer(502)) as named, HttpStub(answer(502)) as other:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, other.url)
        for proxy in (named.url, ""):
            api = PlatformApi(LookupQueue(redis), user_agent="test", proxy=proxy)
            with pytest.raises(LookupFailed):
                api.send("https://api.invalid", ApiRequest("GET", "/orders/1"))

    assert [(seen.method, seen.path) for seen in named.requests] == [("CONNECT", "api.invalid:443")]
    assert other.requests == []


def test_password_of_a_proxy_is_in_no_text(through):
    with refusing_port() as url:
        client = through("https://mercately.invalid", url.replace("://", "://u:geheim@"))
        with pytest.raises(NoResponse) as refused:
            client.post_event("c1", EVENT)

    assert "geheim" not in f"{refused.value!r} {client!r}"
