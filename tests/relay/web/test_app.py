"""The table of answers to a webhook request, and what is stored of it."""

import base64
import contextlib
import gzip
import json
import os
import re
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import senders
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.errors import MISMATCH, MISSING, TITLES
from relay.inbound import samples
from relay.inbound.results import PlatformResponse, Receipt
from relay.store.keys import IGNORED, OPEN
from relay.store.ledger import Ledger
from tests.conftest import relay_toml
from tests.ports import free_port
from tests.waiting import LONG_S, eventually

TOKEN = "throw-away-token-in-an-address"
PASSWORD = "agenda:throw-away-password"
READS = 'type = "type"\ncontact = { email = "email" }'
UNREADABLE = {"body": "expected JSON, unreadable at byte 0"}
NOBODY = {"contact": "expected a customer id, a phone, an e-mail or an id number"}
WRONG = base64.b64encode(bytes(32)).decode()


def post(
    client: FlaskClient, platform: str, headers: Mapping[str, str], body: bytes
) -> TestResponse:
    """A delivery signed now, as its platform does."""
    signed = senders.signed(platform, headers, body, datetime.now(UTC))
    return client.post(f"/webhooks/{platform}", headers=signed, data=body)


def post_sample(client: FlaskClient, platform: str, name: str, **headers: str) -> TestResponse:
    found, body = senders.request_for(platform, name)
    return post(client, platform, {**found, **headers}, body)


def assert_problem(response: TestResponse, status: int, reason: str, **more: Any) -> None:
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    title = TITLES[reason] if reason in TITLES and status != 405 else response.json["title"]
    told = {"type": "about:blank", "title": title, "status": status, "reason": reason}
    assert response.json == told | more
    assert title


class TestTaken:
    @pytest.mark.parametrize("platform", senders.SECRETS)
    def test_new_delivery_is_accepted_and_the_same_again_is_a_duplicate(self, platform, web, redis):
        client, name = web(), samples.names(platform)[0]

        first = post_sample(client, platform, name)
        again = post_sample(client, platform, name)

        assert (first.status_code, first.content_type) == (200, "application/json")
        ids = first.json["ids"]
        states = [Ledger(redis, keep_delivered_s=1).get(one).state for one in ids]
        assert states == ["accepted"] * len(states)
        assert (again.json["status"], again.json["ids"]) == ("duplicate", ids)
        assert (again.status_code, redis.zcard(OPEN)) == (200, len(ids))

    @pytest.mark.parametrize(
        ("platform", "name", "topic", "reason"),
        [
            ("shopify", "orders_create", "app/uninstalled", "unknown_topic"),
            ("shopify", "orders_create", "customers/delete", "names_nobody"),
            ("sendgrid", "open", "open", "topic_not_wanted"),
        ],
    )
    def test_unwanted_delivery_is_ignored(self, platform, name, topic, reason, web, redis):
        response = post_sample(web(), platform, name, **{"x-shopify-topic": topic})

        told = {"status": "ignored", "ids": [], "reasons": [{"topic": topic, "reason": reason}]}
        assert (response.status_code, response.json) == (200, told)
        assert redis.zcard(OPEN) == 0
        assert redis.xlen(IGNORED) == 1
        assert not redis.keys("relay:record:*")

    @pytest.mark.parametrize(
        ("body", "reason", "errors"),
        [
            (b"{", "unreadable", {"body": "expected JSON, unreadable at byte 1"}),
            (b"", "unreadable", UNREADABLE),
            (b"\xff{}", "unreadable", {"body": "expected UTF-8, byte 0 is not"}),
            (b"[]", "unreadable", {"body": "expected a JSON object"}),
            (b"{}", "unreadable", {"id": ["Missing data for required field."]}),
            (b'{"id": 1}', "no_customer", NOBODY),
            (b'{"id": 1, "phone": "123"}', "no_customer", NOBODY | {"phone": "not_valid_in_EC"}),
            (b'{"id": 1, "email": []}', "no_customer", NOBODY | {"email": "not_a_text"}),
        ],
    )
    def test_signed_but_unusable_delivery_is_held(self, body, reason, errors, web, redis):
        headers = {"content-type": "text/plain", "x-shopify-topic": "orders/create"}
        holding = replace(senders.source_of("shopify"), on_nobody="hold")
        response = post(web(holding), "shopify", headers, body)

        (record_id,) = response.json["ids"]
        why = {"topic": "orders/create", "reason": reason, "errors": errors}
        assert response.status_code == 200
        assert response.json == {"status": "held", "ids": [record_id], "reasons": [why]}
        record = Ledger(redis, keep_delivered_s=1).get(record_id)
        assert (record.state, record.raw, record.reasons) == ("held", body, errors)

    @pytest.mark.slow
    def test_thousand_events_are_accepted_once(self, web, redis):
        client = web()
        first = post(client, "sendgrid", {}, batch(range(1000)))
        again = post(client, "sendgrid", {}, batch(range(1000)))
        half_new = post(client, "sendgrid", {}, batch(range(500, 1500)))

        assert (first.json["status"], len(set(first.json["ids"]))) == ("accepted", 1000)
        assert again.json == first.json | {"status": "duplicate"}
        assert half_new.json["status"] == "accepted"
        assert half_new.json["ids"][:500] == first.json["ids"][500:]
        assert len({*first.json["ids"], *half_new.json["ids"]}) == redis.zcard(OPEN) == 1500
        assert redis.llen("rq:queue:mercately.crm.sendgrid") == 1500

    @pytest.mark.parametrize(
        "changed",
        [
            {"first_name": "Ana \ud83d"},
            {"name": "#10\ud83d"},
            {"created_at": "0001-01-01T00:00:00Z"},
            {"created_at": "9999-12-31T23:59:59-14:00"},
        ],
        ids=["half-a-character-in-a-name", "half-a-character-in-a-number", "year-1", "year-9999"],
    )
    def test_odd_value_in_a_signed_body_is_kept_all_the_same(self, changed, web):
        headers, body = senders.request_for("shopify", "orders_create")
        odd = json.dumps({**json.loads(body), "first_name": "x", "customer": None} | changed)
        response = post(web(), "shopify", headers, odd.encode())
        assert (response.status_code, len(response.json.get("ids", []))) == (200, 1)

    @pytest.mark.parametrize("part", ['"1"', '"bounce"', '"e1"'])
    def test_half_a_character_in_one_event_does_not_cost_the_batch(self, part, web, redis):
        odd = part[:-1] + '\\ud83d"'
        events = batch(range(3)).decode().partition("p1@example.com")
        body = "".join([*events[:2], events[2].replace(part, odd, 1)])
        response = post(web(), "sendgrid", {}, body.encode())
        assert response.status_code == 200
        assert redis.zcard(OPEN) >= 2


def batch(numbers: range) -> bytes:
    events = [
        {"email": f"p{n}@example.com", "event": "bounce", "sg_event_id": f"e{n}", "reason": str(n)}
        for n in numbers
    ]
    return json.dumps(events).encode()


class TestRefused:
    @pytest.mark.parametrize(
        ("platform", "headers", "late_s", "reason"),
        [
            ("shopify", {"x-shopify-hmac-sha256": None}, 0, "missing"),
            ("shopify", {"x-shopify-hmac-sha256": ""}, 0, "missing"),
            ("shopify", {"x-shopify-hmac-sha256": "!!"}, 0, "malformed"),
            ("shopify", {"x-shopify-hmac-sha256": WRONG}, 0, "mismatch"),
            ("woocommerce", {"x-wc-webhook-signature": WRONG}, 0, "mismatch"),
            ("generic", {"x-signature": "sha256=zz"}, 0, "malformed"),
            ("standard_webhooks", {"webhook-timestamp": "now"}, 0, "malformed"),
            ("standard_webhooks", {}, 301, "stale"),
            ("standard_webhooks", {}, -302, "stale"),
            ("sendgrid", {}, 25 * 3600 + 1, "stale"),
        ],
    )
    def test_unproven_delivery_is_told_why_and_not_kept(
        self, platform, headers, late_s, reason, web, redis
    ):
        name = samples.names(platform)[0]
        found, body = senders.request_for(platform, name)
        now = datetime.now(UTC) - timedelta(seconds=late_s)
        proven = {**senders.signed(platform, found, body, now), **headers}
        present = {header: value for header, value in proven.items() if value is not None}

        response = web().post(f"/webhooks/{platform}", headers=present, data=body)

        assert_problem(response, 401, reason)
        assert "WWW-Authenticate" not in response.headers
        assert redis.keys() == []

    @pytest.mark.parametrize(
        ("authorization", "status", "reason"),
        [
            ("", 401, "missing"),
            ("Basic !!", 401, "malformed"),
            ("Basic " + base64.b64encode(b"agenda:wrong").decode(), 401, "mismatch"),
            ("Basic " + base64.b64encode(PASSWORD.encode()).decode(), 200, ""),
        ],
    )
    def test_basic_source_says_how_to_sign_in(self, authorization, status, reason, web):
        headers = {"authorization": authorization} if authorization else {}
        options = f'auth = {{ kind = "basic" }}\n{READS}'
        source = senders.source_of("generic", options=options, secrets=(PASSWORD,))
        response = web(source).post("/webhooks/generic", headers=headers, data=b"{}")
        assert response.status_code == status
        if reason:
            assert_problem(response, status, reason)
            assert response.headers["WWW-Authenticate"] == 'Basic realm="webhooks"'

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("POST", "/webhooks/nobody", 404),
            ("GET", "/webhooks/nobody", 404),
            ("POST", "/webhooks/nobody/token", 404),
            ("POST", "/webhooks/%FF%00", 404),
            ("POST", "/webhooks", 404),
            ("POST", "/webhooks/", 404),
            ("GET", "/", 404),
            ("GET", "/favicon.ico", 404),
            ("GET", "/webhooks/shopify", 405),
            ("GET", "/webhooks/shopify/token", 405),
            ("PUT", "/webhooks/shopify", 405),
            ("DELETE", "/webhooks/generic", 405),
            ("OPTIONS", "/webhooks/shopify", 405),
            ("POST", "/healthz", 405),
        ],
    )
    def test_wrong_address_or_method_is_problem_json(self, method, path, status, web, redis):
        response = web().open(path, method=method)
        known = {404: "unknown_source" if "nobody" in path or "%" in path else "not_found"}
        assert_problem(response, status, known.get(status, "method_not_allowed"))
        if status == 405:
            assert ("POST" in response.headers["Allow"]) == ("webhooks" in path)
        assert redis.keys() == []

    def test_address_check_of_a_generic_source_is_answered(self, web, redis):
        client = web()
        for method in ("GET", "HEAD"):
            response = client.open("/webhooks/generic", method=method)
            assert (response.status_code, response.data) == (200, b"")
        assert client.head("/webhooks/shopify").status_code == 405
        assert redis.keys() == []

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"webhook_id=42", 200),
            (b"webhook_id=42&x=1", 401),
            (b"webhook_id=", 401),
            (b"webhook_id=" + b"9" * 21, 401),
        ],
    )
    def test_form_a_shop_posts_while_saving_gets_exactly_200(self, body, status, web, redis):
        headers = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
        response = web().post("/webhooks/woocommerce", headers=headers, data=body)
        assert response.status_code == status
        if status == 200:
            assert response.data == b""
        assert redis.keys() == []

    @pytest.mark.parametrize(
        ("platform", "media_type", "body", "answer"),
        [
            ("shopify", "text/xml", b"<a/>", (415, "media_type")),
            ("shopify", "application/x-www-form-urlencoded", b"a=1", (415, "media_type")),
            ("woocommerce", "application/x-www-form-urlencoded", b"a=1", (401, "missing")),
            ("shopify", "application/json", b"<a/>", (401, "missing")),
            ("shopify", "Application/JSON; charset=utf-8", b"", (401, "missing")),
            ("shopify", "application/json", b"{}", (401, "missing")),
            ("shopify", "", b"<a/>", (401, "missing")),
        ],
    )
    def test_unsigned_body_is_refused_by_its_headers_alone(
        self, platform, media_type, body, answer, web, redis
    ):
        """Nothing of it is parsed: who has no secret must not make the relay work."""
        headers = {"content-type": media_type} if media_type else {}
        source = senders.source_of(platform)
        unparsed = replace(source.platform, parse=lambda *_: pytest.fail("was parsed"))
        client = web(replace(source, platform=unparsed))
        response = client.post(f"/webhooks/{platform}", headers=headers, data=body)
        assert_problem(response, *answer)
        assert redis.keys() == []

    @pytest.mark.parametrize("encoding", ["br", " ZSTD", "gzip, br"])
    def test_encoding_that_is_not_understood_is_the_reason_where_no_proof_fits(
        self, encoding, web, redis
    ):
        headers, body = senders.request_for("shopify", "orders_create")
        wrong = {**headers, "content-encoding": encoding, "x-shopify-hmac-sha256": WRONG}
        response = web().post("/webhooks/shopify", headers=wrong, data=body)
        assert_problem(response, 415, "content_encoding")
        assert redis.keys() == []


@pytest.mark.parametrize(
    "encoding",
    # What is none, a mistake, and what a proxy left that has decoded it.
    ["identity", "", "utf-8", "UTF-8", "none", "identity, identity", "gzip", "br", "gzip, br"],
)
def test_encoding_in_which_the_body_is_not_changes_nothing(encoding, web):
    response = post_sample(web(), "shopify", "orders_create", **{"content-encoding": encoding})
    assert (response.status_code, response.json["status"]) == (200, "accepted")


def test_proved_body_in_an_encoding_that_is_not_understood_is_held(web):
    headers, _ = senders.request_for("shopify", "orders_create")
    response = post(web(), "shopify", {**headers, "content-encoding": "br"}, b"\x1b\x0f\x00\xf8")
    assert (response.status_code, response.json["status"]) == (200, "held")
    assert response.json["reasons"][0]["reason"] == "content_encoding"


def test_answer_to_a_privacy_request_does_not_repeat_whom_it_is_about(web):
    customer = {"id": 1, "email": "eva@example.com", "phone": None}
    body = json.dumps({"shop_id": 1, "customer": customer, "orders_to_redact": []}).encode()
    answer = post(web(), "shopify", {"x-shopify-topic": "customers/redact"}, body)
    why = {"topic": "customers/redact", "reason": "privacy_forgetting", "errors": {}}
    assert answer.json["reasons"] == [why]


def test_compressed_body_may_be_signed_as_what_is_in_it(web):
    headers, body = senders.request_for("shopify", "orders_create")
    sent = {**headers, "content-encoding": "gzip"}
    response = web().post("/webhooks/shopify", headers=sent, data=gzip.compress(body))
    assert (response.status_code, response.json["status"]) == (200, "accepted")


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), (" X-GZIP", gzip.compress), ("deflate", zlib.compress)],
)
def test_compressed_body_is_what_is_in_it(encoding, compress, web, redis):
    client = web()
    headers, body = senders.request_for("shopify", "orders_create")
    plain = post(client, "shopify", headers, body).json
    again = post(client, "shopify", {**headers, "content-encoding": encoding}, compress(body))
    assert (again.status_code, again.json["ids"]) == (200, plain["ids"])
    assert again.json["status"] == "duplicate"
    wrong = {**headers, "content-encoding": encoding, "x-shopify-hmac-sha256": WRONG}
    assert client.post("/webhooks/shopify", headers=wrong, data=compress(body)).status_code == 401


def test_compressed_body_that_is_too_large_inside_is_held_as_it_came(web, redis):
    headers, _ = senders.request_for("shopify", "orders_create")
    bomb = gzip.compress(b" " * 10_000_000)
    answer = post(web(), "shopify", {**headers, "content-encoding": "gzip"}, bomb)
    assert (answer.status_code, answer.json["status"]) == (200, "held")
    assert answer.json["reasons"][0]["reason"] == "content_encoding"


def test_platform_may_have_its_own_answer(web, redis):
    def answer(receipt: Receipt) -> PlatformResponse:
        return PlatformResponse(
            201, f"<ok>{receipt.status}</ok>".encode(), "text/xml", {"X-Own": "yes"}
        )

    source = senders.source_of("shopify")
    client = web(replace(source, platform=replace(source.platform, response=answer)))

    for status in ("accepted", "duplicate"):
        response = post_sample(client, "shopify", "orders_create")
        assert (response.status_code, response.text) == (201, f"<ok>{status}</ok>")
        assert (response.content_type, response.headers["X-Own"]) == ("text/xml", "yes")
    refused = client.post("/webhooks/shopify", data=b"{}")
    assert_problem(refused, 401, MISSING)


def test_platform_may_have_its_own_way_to_be_told_later(web):
    source = senders.source_of("shopify")
    later = PlatformResponse(status=429, headers={"Retry-After": "7"})
    client = web(
        replace(source, platform=replace(source.platform, retry_response=later)), backlog_max=0
    )
    response = post_sample(client, "shopify", "orders_create")
    assert_problem(response, 429, "backlog_full")
    assert response.headers["Retry-After"] == "7"


def test_platform_may_have_its_own_words_to_be_told_later(web):
    source = senders.source_of("shopify")
    later = PlatformResponse(503, b'{"ErrorCode": "222"}', "application/json", {"X-Own": "yes"})
    client = web(
        replace(source, platform=replace(source.platform, retry_response=later)), backlog_max=0
    )
    response = post_sample(client, "shopify", "orders_create")
    assert (response.status_code, response.json) == (503, {"ErrorCode": "222"})
    assert (response.content_type, response.headers["X-Own"]) == ("application/json", "yes")


@dataclass(frozen=True)
class Server:
    """The web process as it is started in production; `log` is all it writes."""

    port: int
    log: Path

    def exchange(self, *parts: bytes, end: bool = False) -> tuple[int, str]:
        """Status and reason or status word of what is answered to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=LONG_S) as connection:
            connection.sendall(b"".join(parts))
            if end:
                connection.shutdown(socket.SHUT_WR)
            response = HTTPResponse(connection)
            response.begin()
            said = json.loads(response.read())
        return response.status, said.get("reason") or said["status"]


@pytest.fixture(scope="module")
def server(redis_server: EmbeddedRedis, tmp_path_factory: Any) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("web")
    kinds = {"lead": "bearer", "form": "path"}
    sources = "\n".join(
        f'[sources.{name}]\nplatform = "generic"\nsecrets = "{TOKEN}"\n'
        f'[sources.{name}.options]\nauth = {{ kind = "{kind}" }}\n{READS}'
        for name, kind in kinds.items()
    )
    (folder / "relay.toml").write_text(relay_toml("http://127.0.0.1:1", sources=sources))
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": redis_server.url,
        "RELAY_CONFIG": str(folder / "relay.toml"),
        "RELAY_HOST": "127.0.0.1",
        "PORT": str(port),
        "RELAY_BODY_MAX_BYTES": "2000",
        "WEB_CONCURRENCY": "1",
    }
    command = ["-m", "relay", "web"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=environ, cwd=Path(__file__).parents[3], stdout=log, stderr=log,
        )  # fmt: skip
    started = Server(port, folder / "log")
    try:
        wait_for(port)
        yield started
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int) -> None:
    def listens() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=LONG_S).close()
            return True
        return False

    assert eventually(listens), "the web process does not listen"


def head(path: str, *lines: str) -> bytes:
    own = ["Host: x", f"Authorization: Bearer {TOKEN}", "Content-Type: application/json"]
    return "\r\n".join([f"POST {path} HTTP/1.1", *own, *lines, "", ""]).encode()


def chunks(body: bytes, size: int = 300) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


CHUNKED = head("/webhooks/lead", "Transfer-Encoding: chunked")
LEAD = b'{"type":"form.submitted","email":"ana@example.com"}'


@pytest.mark.slow
class TestOnTheWire:
    @pytest.mark.parametrize(("size", "answer"), [(2000, "accepted"), (2001, "held")])
    def test_cap_is_exact_whether_the_length_is_told_or_not(self, size, answer, server, redis):
        for filler in (b" ", b"\n"):
            body = LEAD + filler * (size - len(LEAD))
            told = head("/webhooks/lead", f"Content-Length: {size}")
            sent = [told + body] if filler == b" " else [CHUNKED + chunks(body) + b"0\r\n\r\n"]
            assert server.exchange(*sent) == (200, answer)
        assert redis.zcard(OPEN) == (2 if size == 2000 else 0)

    def test_body_without_end_is_refused_at_the_largest_that_is_held(self, server, redis):
        endless = [chunks(b"x" * 2**20, 2**20)] * 25
        assert server.exchange(CHUNKED, *endless, chunks(b"x")) == (413, "too_large")
        announced = head("/webhooks/lead", "Content-Length: 99999999999")
        assert server.exchange(announced) == (413, "too_large")
        assert redis.keys() == []

    def test_broken_chunk_is_the_senders_fault(self, server, redis):
        status, _ = server.exchange(CHUNKED, b"zz\r\nabc\r\n0\r\n\r\n")
        assert (status, redis.keys()) == (400, [])

    def test_body_cut_short_is_not_taken_for_a_whole_one(self, server, redis):
        announced = head("/webhooks/lead", f"Content-Length: {len(LEAD) + 10}")
        status, _ = server.exchange(announced, LEAD, end=True)
        assert (status, redis.keys()) == (400, [])

    def test_secret_part_of_the_path_is_never_written(self, server):
        path = f"/webhooks/form/{TOKEN}"
        length = f"Content-Length: {len(LEAD)}"
        broken = head(path, "Transfer-Encoding: chunked") + b"zz\r\n0\r\n\r\n"

        assert server.exchange(head(path, length), LEAD) == (200, "accepted")
        assert server.exchange(head(path + "x", length), LEAD) == (401, MISMATCH)
        assert server.exchange(head(path.replace("form", "lead"), length), LEAD)[0] == 200
        assert server.exchange(head(path.replace("form", "nobody"), length), LEAD)[0] == 404
        server.exchange(broken)

        assert TOKEN not in server.log.read_text()
        assert server.log.read_text().count("webhook.received") >= 4

    @pytest.mark.parametrize(
        "request_line",
        [
            "POST /webhooks/form/{} extra HTTP/1.1",
            "POST /webhooks/form/{}",
            "P(ST /webhooks/form/{} HTTP/1.1",
            "POST /webhooks/form/{} HTTP/9.9",
            "POST /webhooks/form/{}" + "x" * 9000 + " HTTP/1.1",
        ],
    )
    def test_request_that_is_no_http_leaves_one_line_without_its_text(self, request_line, server):
        lines_before = server.log.read_text().count("request.refused")
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(f"{request_line.format(TOKEN)}\r\nHost: x\r\n\r\n".encode())
            assert re.match(rb"HTTP/1.1 [45]\d\d ", connection.recv(4096))
        written = server.log.read_text()
        assert written.count("request.refused") == lines_before + 1
        assert TOKEN not in written
