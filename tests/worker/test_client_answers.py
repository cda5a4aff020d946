"""What the client makes of every kind of answer, and of none."""

import gzip
import logging
import socket
import time
import traceback
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given, settings as limits, strategies as st
from urllib3.exceptions import SSLError

from relay.devtools.standin import AGENTS
from tests.waiting import eventually
from tests.worker.factories import KEY, destination
from tests.worker.http_stub import (
    HttpStub,
    answer,
    drip,
    hang_up,
    refusing_port,
    reset,
    say_nothing,
    unreachable_port,
)
from worker.client import retry_after_s
from worker.reply import NoResponse, Reply

EVENT = {"notes": "Pagó €20"}


def ask(connect, *answers) -> Reply:
    with HttpStub(*answers) as stub:
        return connect(stub.url).post_event("c1", EVENT)


def silence(connect, *answers) -> NoResponse:
    with HttpStub(*answers) as stub, pytest.raises(NoResponse) as on_claimed:
        connect(stub.url).post_event("c1", EVENT)
    return on_claimed.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(connect, status):
    with HttpStub() as elsewhere, HttpStub(answer(status, Location=elsewhere.url)) as stub:
        reply = connect(stub.url).post_event("c1", EVENT)

    assert (reply.status, reply.ok) == (status, False)
    assert len(stub.requests) == 1
    assert elsewhere.requests == []


def test_redirect_without_a_location_is_a_failure_like_any(connect):
    reply = ask(connect, answer(302, b'{"errors": ["Phone has already been taken"]}'))

    assert (reply.status, reply.ok) == (302, False)
    assert reply.json() == {"errors": ["Phone has already been taken"]}


@pytest.mark.parametrize(
    "body, value",
    [
        (b'{"id": 1}', {"id": 1}),
        (b"", None),
        (b"OK", None),
        (b'{"id": ', None),
        (b"\xff\xfe{}", None),
        (b"[" * 60_000, None),
    ],
    ids=["object", "empty", "text", "cut", "not_utf8", "deep"],
)
def test_body_that_is_not_json_is_no_value(connect, body, value):
    reply = ask(connect, answer(200, body))

    assert reply.ok
    assert reply.json() == value


@pytest.mark.parametrize(
    "body, kind, is_html",
    [
        (b"{}", "application/json", False),
        (b"OK", "text/plain", False),
        (b"<html>", "text/html; charset=utf-8", True),
        (b"", "TEXT/HTML", True),
        (b"  \n<!DOCTYPE html>", "application/json", True),
        (b"<HTML lang=es>", "", True),
        (b"\xef\xbb\xbf<!doctype html>", "", True),
        (b"<!-- maintenance -->\n<html>", "text/plain", True),
        (b'<?xml version="1.0"?><html xmlns="x">', "text/plain", True),
        (b"<body>", "", True),
        (b"<xml/>", "application/xml", False),
        (b"<htmlish/>", "", False),
        (b'{"message": "<html>"}', "application/json", False),
    ],
)
def test_pages_are_told_from_answers_of_the_api(connect, body, kind, is_html):
    assert ask(connect, answer(403, body, Content_Type=kind)).is_html is is_html


@pytest.mark.parametrize(
    "given_answer",
    [
        answer(200, b"x" * 5_000_000),
        # half a gigabyte, squeezed
        answer(200, gzip.compress(bytes(1000)) * 500_000, Content_Encoding="gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 5_000_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"400\r\n" + b"x" * 1024 + b"\r\n"
        b"FFFFFFF\r\n" + b"x" * 5_000_000,
    ],
    ids=["long", "gzip", "no_length", "chunked"],
)
def test_oversized_answer_is_cut(connect, given_answer):
    reply = ask(connect, given_answer)

    assert reply.status == 200
    assert 1000 <= len(reply.text) <= 64 * 1024


def test_answer_after_an_oversized_one_is_its_own(connect):
    with HttpStub(answer(500, b"x" * 200_000), answer(200, b'{"id": 1}')) as stub:
        client = connect(stub.url)
        client.probe()

        assert client.probe().json() == {"id": 1}


HOUR_S = 3600


@pytest.mark.parametrize(
    "header, least_s, most_s",
    [
        ("0", 0, 0),
        ("120", 120, 120),
        (" 7 ", 7, 7),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
    ],
)
def test_retry_after_is_read(connect, header, least_s, most_s):
    reply = ask(connect, answer(429, Retry_After=header))

    assert reply.retry_after_s is not None
    assert least_s <= reply.retry_after_s <= most_s


@pytest.mark.parametrize("usegmt", [True, False], ids=["GMT", "-0000"])
def test_retry_after_may_be_a_date(connect, usegmt):
    reply = ask(connect, answer(429, Retry_After=formatdate(time.time() + HOUR_S, usegmt=usegmt)))

    assert reply.retry_after_s is not None
    assert HOUR_S - 60 <= reply.retry_after_s <= HOUR_S


@pytest.mark.parametrize(
    "header",
    ["", "soon", "-5", "1.5", "1e3", "12345678901234567890", "Wed, 99 Oct 2015 07:28:00 GMT"],
)
def test_unreadable_retry_after_is_none(connect, header):
    assert ask(connect, answer(503, Retry_After=header)).retry_after_s is None


def test_absent_retry_after_is_none(connect):
    assert ask(connect, answer(503)).retry_after_s is None


@given(st.text() | st.builds("Wed, 21 Oct {} 07:28:00 {}".format, st.integers(), st.integers()))
@limits(max_examples=300)
def test_any_retry_after_is_seconds_or_none(header):
    seconds = retry_after_s(header)

    assert seconds is None or seconds >= 0


# No answer.


def test_refused_connection_is_not_ambiguous(connect):
    with refusing_port() as url, pytest.raises(NoResponse) as on_claimed:
        connect(url).post_event("c1", EVENT)

    assert (on_claimed.value.reason, on_claimed.value.ambiguous) == ("connection_refused", False)


def test_unreachable_server_is_not_ambiguous(connect):
    with unreachable_port() as url, pytest.raises(NoResponse) as on_claimed:
        connect(url).post_event("c1", EVENT)

    assert (on_claimed.value.reason, on_claimed.value.ambiguous) == ("connect_timeout", False)


def test_unknown_host_is_not_ambiguous(connect, monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NoResponse) as on_claimed:
        connect("http://mercately.invalid").post_event("c1", EVENT)

    assert on_claimed.value.ambiguous is False


def test_failed_handshake_is_not_ambiguous(connect):
    """A certificate that is not good, or no TLS at all: the request was never written."""
    with HttpStub(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as stub:
        secure = connect(stub.url.replace("http:", "https:"))
        with pytest.raises(NoResponse) as on_claimed:
            secure.post_event("c1", EVENT)

    assert on_claimed.value.ambiguous is False


@pytest.mark.parametrize(
    "given_answer, reason",
    [
        (say_nothing, "read_timeout"),
        (reset, "connection_lost"),
        (hang_up, "connection_lost"),
        (b"not HTTP at all\r\n\r\n", "connection_lost"),
    ],
    ids=["silence", "reset", "closed", "noise"],
)
def test_silence_after_the_request_is_ambiguous(connect, given_answer, reason):
    error = silence(connect, given_answer)

    assert (error.reason, error.ambiguous) == (reason, True)


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\noops",
    ],
    ids=["stalled", "bad_chunk", "bad_gzip"],
)
def test_once_the_status_is_known_it_decides(connect, cut):
    with HttpStub(cut) as stub:
        reply = connect(stub.url).post_event("c1", EVENT)

    assert (reply.status, reply.ok) == (200, True)


@pytest.mark.parametrize("text", ["<!doctype html>", "<html><h1>Mantenimiento</h1>"])
def test_a_page_with_200_is_no_success(connect, text):
    with HttpStub(answer(200, text.encode(), Content_Type="text/html")) as stub:
        assert not connect(stub.url).post_event("c1", EVENT).ok


def test_a_page_that_breaks_off_is_no_success_either(connect):
    cut = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: 9\r\n\r\nnot so zipped"
    )
    with HttpStub(cut) as stub:
        assert not connect(stub.url).post_event("c1", EVENT).ok


@pytest.mark.parametrize(("location", "is_redirect"), [("https://x.example/", True), ("", False)])
def test_only_with_a_location_is_it_a_redirect(connect, location, is_redirect):
    headers = {"Location": location} if location else {}
    with HttpStub(answer(302, **headers)) as stub:
        assert connect(stub.url).post_event("c1", EVENT).is_redirect is is_redirect


@pytest.mark.slow
def test_an_answer_that_drips_ends_in_time(connect):
    """Each byte comes within the read time-out, all of them would take minutes."""

    started_at = time.monotonic()
    error = silence(connect, drip)

    assert (error.reason, error.ambiguous) == ("read_timeout", True)
    assert time.monotonic() - started_at < 30


@pytest.mark.slow
@pytest.mark.parametrize("status", [200, 422])
def test_a_body_that_drips_ends_in_time_and_changes_no_status(connect, status):
    def drip(connection: socket.socket) -> bool:
        with suppress(OSError):
            connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: 10000\r\n\r\n".encode())
            for _ in range(10_000):
                connection.sendall(b"x")
                time.sleep(0.02)
        return False

    started_at = time.monotonic()

    assert ask(connect, drip).status == status
    assert time.monotonic() - started_at < 30


def test_what_was_written_makes_it_ambiguous_and_not_how_it_broke(connect, monkeypatch):
    """A TLS failure while the answer is read looks like one before the request was sent."""

    def break_tls(*_: Any, **__: Any) -> Any:
        raise SSLError("bad record mac")

    with HttpStub() as stub:
        client = connect(stub.url)
        monkeypatch.setattr("urllib3.connection.HTTPConnection.getresponse", break_tls)
        with pytest.raises(NoResponse) as broken:
            client.post_event("c1", EVENT)
        assert broken.value.ambiguous
        assert eventually(lambda: stub.requests)

    with refusing_port() as url, pytest.raises(NoResponse) as never:
        connect(url).post_event("c1", EVENT)
    assert not never.value.ambiguous


def test_slow_answer_within_the_timeout_is_an_answer(connect, standin_server):
    standin_server.standin.slow_s = 0.2
    standin_server.standin.fail("slow", on="agents")

    with_time = connect(
        standin_server.url, read_timeout_s=2, api_key=standin_server.standin.api_key
    )

    assert with_time.probe().json() == {"agents": AGENTS}


# What is told of it.


def test_key_is_in_no_exception_and_no_log_line(connect, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    errors = [silence(connect, one) for one in (say_nothing, reset, hang_up, b"noise\r\n\r\n")]
    with pytest.raises(NoResponse) as on_claimed:
        connect("http://127.0.0.1:1").probe()
    errors.append(on_claimed.value)
    with HttpStub() as stub:
        unusable = ("http://[", "ftp://127.0.0.1")
        for server, key in (
            *((one, KEY) for one in unusable),
            (stub.url, f"{KEY}\r\nX: y"),
            (stub.url, f" {KEY}"),
        ):
            with pytest.raises(ValueError, match="principal: unusable server or key") as on_claimed:
                connect(server, api_key=key)
            errors.append(on_claimed.value)
    client = connect("http://127.0.0.1:1")

    told = "".join(
        [repr(client), repr(destination()), caplog.text, *capfd.readouterr()]
        + [line for error in errors for line in traceback.format_exception(error)]
    )
    assert KEY not in told


def test_addresses_are_in_no_log_line_people_read(connect, caplog):
    """A path may hold a phone or an e-mail."""
    caplog.set_level(logging.WARNING)
    with HttpStub(answer(200, b"{}").replace(b"\r\n\r\n", b"\r\nno header\r\n\r\n")) as stub:
        connect(stub.url).find_customer("+593999000001")

    assert "999000001" not in caplog.text
