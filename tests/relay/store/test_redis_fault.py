"""Each way in which Redis cannot be used is said in words, and never with the password."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis import Redis, RedisError

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.store.connection import connect
from relay.store.redis_fault import redis_fault
from tests.conftest import make_settings

PASSWORD = "hush-hush"
OF_TLS = "If the port is a TLS one, use rediss://"
NOT_TRUSTED = "its TLS certificate is not trusted. If it is self-signed"


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "en")


def fault_of(url: str) -> str:
    """The sentence for a PING that fails."""
    with pytest.raises(RedisError) as caught:
        connect(make_settings(url, Path("absent.toml"))).ping()
    return redis_fault(caught.value, url)


@pytest.fixture
def listen() -> Iterator[Callable[..., int]]:
    """Serves each connection with a function; the port it listens on."""
    listeners = []

    def start(serve: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            f"redis://:{PASSWORD}@127.0.0.1:1/0",
            "at 127.0.0.1:1 (REDIS_URL), away: connection refused",
        ),
        (f"rediss://:{PASSWORD}@127.0.0.1:1/0", "connection refused"),
        (
            f"redis://ana:{PASSWORD}@host.invalid/0",
            "at host.invalid:6379 (REDIS_URL), away: the host name",
        ),
        (
            f"unix://:{PASSWORD}@/nowhere/redis.sock",
            "at /nowhere/redis.sock (REDIS_URL), away: there is no such",
        ),
    ],
)
def test_nothing_there_is_told_with_the_place(url, sentence):
    fault = fault_of(url)

    assert fault.startswith("Redis cannot be used at ")
    assert sentence in fault
    assert PASSWORD not in fault


def test_number_of_a_database_that_is_not_there(redis_server):
    fault = fault_of(redis_server.url.replace("db=0", "db=9999"))

    assert "no database of the number in REDIS_URL" in fault


@pytest.mark.parametrize(("scheme", "sentence"), [("rediss", NOT_TRUSTED), ("redis", OF_TLS)])
def test_port_of_tls(scheme, sentence, listen, self_signed):
    def serve(connection: socket.socket) -> None:
        with suppress(OSError):  # the client, which is being tested, breaks off
            self_signed.wrap_socket(connection, server_side=True).close()

    fault = fault_of(f"{scheme}://:{PASSWORD}@127.0.0.1:{listen(serve)}/0")

    assert sentence in fault
    assert ("RELAY_REDIS_TLS_VERIFY=false" in fault) is (scheme == "rediss")
    assert PASSWORD not in fault


def test_tls_to_a_port_without_it(listen):
    port = listen(lambda connection: connection.sendall(b"-ERR unknown command\r\n"))

    assert "use redis:// instead of rediss://" in fault_of(f"rediss://:{PASSWORD}@127.0.0.1:{port}")


@pytest.fixture
def user(redis_server: EmbeddedRedis) -> Iterator[Callable[..., str]]:
    """Makes a user of the test's own, for a URL."""
    with Redis.from_url(redis_server.url) as redis:

        def make(*rights: str) -> str:
            redis.execute_command("ACL", "SETUSER", "app", "on", f">{PASSWORD}", "~*", *rights)
            return redis_server.url.replace("unix://", f"unix://app:{PASSWORD}@")

        yield make
        redis.execute_command("ACL", "DELUSER", "app")


def test_wrong_password(user):
    assert "authentication: it refuses the user or the password" in fault_of(
        user("+@all").replace(PASSWORD, "other")
    )


def test_user_without_the_right(user):
    assert "not_allowed: the user may not run a command that the relay needs" in fault_of(
        user("+info")
    )


def test_silent_port_is_told_after_the_time_out(listen):
    stop = threading.Event()
    port = listen(lambda _: stop.wait(20))
    try:
        fault = fault_of(f"redis://:{PASSWORD}@127.0.0.1:{port}/0?socket_timeout=0.2")
    finally:
        stop.set()
    assert "it did not answer in time." in fault


def test_error_that_is_none_of_these_is_named_by_its_type():
    assert redis_fault(RedisError(PASSWORD), "redis://h/0").endswith(
        ", refused: it answers with an error; look at Redis's log. (RedisError)"
    )


def test_too_many_connections_and_loading_are_told():
    busy = redis_fault(RedisError("max number of clients reached"), "redis://h")
    assert "max_clients: it takes no more connections (maxclients)" in busy
