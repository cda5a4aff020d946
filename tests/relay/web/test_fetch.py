"""Fetching what a webhook names: only from allowed public hosts, and bounded in time and size."""

import ipaddress
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import senders
from key_pairs import RSA_CERTIFICATE

from relay.errors import NeedsCertificate, NotStored
from relay.inbound.signature import CERTIFICATES
from relay.web.fetch import AT_ONCE_MAX, BYTES_MAX, Fetcher, FetchFailed, is_public

LOOPBACK = r"127\.0\.0\.1:\d+"


@dataclass
class Stub:
    """A server on this machine; `paths` are those that were asked for."""

    url: str
    paths: list[str] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def stub() -> Iterator[Stub]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub.paths.append(self.path)
            stub.headers.append(self.headers)
            status, _, size = self.path.strip("/").partition("-")
            if status == "wait":
                stub.go_on.wait(10)
            self.send_response(int(status) if status.isdigit() else 200)
            self.send_header("Location", f"{stub.url}/200-1")
            self.end_headers()
            if status == "drip":
                while not stub.go_on.wait(0.05):
                    self.wfile.write(b"x")
            elif status == "cert":
                self.wfile.write(RSA_CERTIFICATE)
            else:
                self.wfile.write(b"x" * int(size or 0))

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub = Stub(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield stub
        stub.go_on.set()
        server.shutdown()
        thread.join()


def fetcher(**changes: Any) -> Fetcher:
    """One that may ask the stub."""
    return Fetcher(**{"protocol": "http", "is_allowed": lambda _address: True, **changes})


def test_body_is_fetched(stub):
    assert fetcher().get(f"{stub.url}/200-5", LOOPBACK) == b"xxxxx"
    assert len(fetcher().get(f"{stub.url}/200-{BYTES_MAX}", LOOPBACK)) == BYTES_MAX
    assert stub.paths == ["/200-5", f"/200-{BYTES_MAX}"]
    assert not {"Cookie", "Authorization"} & set(stub.headers[0])


def test_only_the_proxy_of_the_settings_is_asked(stub, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert fetcher().get(f"{stub.url}/200-1", LOOPBACK) == b"x"
    one = fetcher(proxy=stub.url)
    assert one.get("http://127.0.0.1:9/200-2", LOOPBACK) == b"xx"
    assert stub.paths == ["/200-1", "http://127.0.0.1:9/200-2"]


@pytest.mark.parametrize("path", ["301-1", "302-1", "404-1", "500-1", f"200-{BYTES_MAX + 1}"])
def test_redirects_errors_and_long_bodies_are_failures(path, stub):
    with pytest.raises(FetchFailed):
        fetcher().get(f"{stub.url}/{path}", LOOPBACK)

    assert stub.paths == [f"/{path}"]


@pytest.mark.slow
@pytest.mark.parametrize("path", ["drip", "wait"])
def test_time_is_bounded_whatever_the_server_does(path, stub):
    began_at = time.monotonic()
    with pytest.raises(FetchFailed):
        fetcher(within_s=0.3).get(f"{stub.url}/{path}", LOOPBACK)

    assert time.monotonic() - began_at < 3


def test_a_few_are_fetched_at_once(stub):
    one = fetcher(within_s=5)
    threads = [
        threading.Thread(target=one.get, args=(f"{stub.url}/wait", LOOPBACK))
        for _ in range(AT_ONCE_MAX)
    ]
    for thread in threads:
        thread.start()
    while len(stub.paths) < AT_ONCE_MAX:
        time.sleep(0.01)
    with pytest.raises(FetchFailed, match="busy"):
        one.get(f"{stub.url}/200-1", LOOPBACK)
    stub.go_on.set()
    for thread in threads:
        thread.join()

    assert one.get(f"{stub.url}/200-1", LOOPBACK) == b"x"
    assert len(stub.paths) == AT_ONCE_MAX + 1


@pytest.mark.parametrize(
    "url",
    [
        "https://{host}/200-1",
        "http://{host}.evil.example/200-1",
        "http://user@{host}/200-1",
        "http://{host}@evil.example/200-1",
        "http://{host}\\@evil.example/200-1",
        "http://{host}/200-1\n",
        "http://{host}/a b",
        "http://{host}/ñ",
        "http://localhost:1/200-1",
        "file:///etc/hosts",
        "",
    ],
)
def test_url_of_another_host_or_form_is_not_asked(url, stub):
    with pytest.raises(FetchFailed, match="host"):
        fetcher().get(url.format(host=stub.url.removeprefix("http://")), LOOPBACK)

    assert stub.paths == []


def test_only_https_and_public_addresses_unless_a_test_says_so(stub):
    for one, reason in ((Fetcher(), "host"), (Fetcher(protocol="http"), "address")):
        with pytest.raises(FetchFailed, match=reason):
            one.get(f"{stub.url}/200-1", LOOPBACK)
    with pytest.raises(FetchFailed, match="address"):
        Fetcher(protocol="http").get("http://localhost/", "localhost")

    assert stub.paths == []


def test_name_that_does_not_exist_and_server_that_does_not_answer_are_failures():
    with pytest.raises(FetchFailed, match="name"):
        fetcher().get("http://no-such-host.invalid/", r"no-such-host\.invalid")
    with pytest.raises(FetchFailed, match="name"):
        fetcher().get("http://" + "x" * 70 + ".invalid/", r"x+\.invalid")
    with pytest.raises(FetchFailed, match="connection"):
        fetcher().get("http://127.0.0.1:9/", LOOPBACK)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2a00:1450:4003:80f::200e", True),
        ("::ffff:8.8.8.8", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
    ],
)
def test_public_addresses(address, public):
    assert is_public(ipaddress.ip_address(address)) == public


@pytest.fixture
def needed(stub: Stub) -> Iterator[NeedsCertificate]:
    CERTIFICATES.clear()
    yield NeedsCertificate(f"{stub.url}/cert", LOOPBACK)
    CERTIFICATES.clear()


def test_certificate_is_put_into_the_cache(needed):
    fetcher().certificate(needed, senders.NOW)

    assert CERTIFICATES.get(needed.url, senders.NOW)


@pytest.mark.parametrize("path", ["200-9", "404-9"])
def test_certificate_that_is_none_is_asked_for_again(path, needed, stub):
    needed.url = f"{stub.url}/{path}"
    with pytest.raises(NotStored, match="certificate"):
        fetcher().certificate(needed, senders.NOW)

    assert CERTIFICATES.get(needed.url, senders.NOW) is None


def test_visit(stub):
    fetcher().visit(f"{stub.url}/200-1?Action=Confirm", LOOPBACK)
    with pytest.raises(NotStored, match="visit"):
        fetcher().visit(f"{stub.url}/403-1", LOOPBACK)
    with pytest.raises(NotStored, match="visit"):
        fetcher().visit(f"{stub.url}/200-1", "")  # a platform that has us visit nothing

    assert stub.paths == ["/200-1?Action=Confirm", "/403-1"]
