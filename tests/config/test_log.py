"""What is written: JSON lines, one per delivery, that name nobody and open no door."""

import json
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import senders
import structlog
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings as effort, strategies as st
from redis import Redis

from config import log
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.inbound import samples
from relay.inbound.contract import Source
from relay.sources import Relay
from relay.web.app import create_app
from tests.conftest import make_settings

MASKED = [
    "api_key", "authorization", "body", "email", "first_name", "last_name", "phone", "secret",
    "secrets", "token", "password", "customer", "notes", "headers", "url",
]  # fmt: skip
TOKEN = "throw-away-token-in-an-address"
ABSENT = "unix:///nonexistent/redis.sock?db=0"
TOLD = {"event", "level", "timestamp", "source", "bytes", "status", "ms", "reason", "answer", "items", "ids", "topics", "cause", "detail"}  # fmt: skip

Open = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def _quiet_afterwards() -> Iterator[None]:
    yield
    log.configure("CRITICAL")


@pytest.fixture
def opened(redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path) -> Open:
    """Makes a client of an app that logs; `lost` is without Redis."""

    def client(*sources: Source, lost: bool = False) -> FlaskClient:
        bound = {
            source.name: source for source in sources or map(senders.source_of, senders.SECRETS)
        }
        relay = Relay("es", {"crm": next(iter(bound.values())).destination}, bound, ())
        url = ABSENT if lost else redis_server.url
        settings = make_settings(url, tmp_path / "absent.toml", log_level="INFO")
        return create_app(settings, relay, None if lost else redis).test_client()

    return client


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was written, line by line; nothing may be on the error stream."""
    out, err = capsys.readouterr()
    assert err == ""
    assert not re.search(r"[^\n\x20-\x7e]", out)
    return [json.loads(line) for line in out.splitlines()]


def named_in(value: Any) -> set[str]:
    """Every value of a body that names a person."""
    if isinstance(value, dict):
        own = {
            part
            for key, part in value.items()
            if re.search(r"mail|phone|first_name|last_name|^address|^ip$", key)
            and isinstance(part, str)
        }
        return own.union(*map(named_in, value.values()))
    return set().union(*map(named_in, value)) if isinstance(value, list) else set()


def test_line_is_json_with_level_and_time(capsys):
    log.configure("INFO")
    structlog.get_logger().info("thing.done", count=3, ratio=0.5, names=["a"])
    (line,) = lines(capsys)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset().total_seconds() == 0
    assert line == {
        "event": "thing.done",
        "level": "info",
        "count": 3,
        "ratio": 0.5,
        "names": ["a"],
    }


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("WARNING", ["warning", "error"]),
        ("ERROR", ["error"]),
        ("CRITICAL", []),
        ("nonsense", ["info", "warning", "error"]),
        ("", ["info", "warning", "error"]),
    ],
)
def test_lines_below_the_level_are_not_written(level, written, capsys):
    log.configure(level)
    for name in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger(), name)("thing.done")
    assert [line["level"] for line in lines(capsys)] == written


@pytest.mark.parametrize("name", MASKED)
def test_value_under_a_name_that_tells_too_much_is_masked(name, capsys):
    log.configure("INFO")
    structlog.get_logger().info("thing.done", **{name: {"deep": ["hush"]}, "other": "kept"})
    (line,) = lines(capsys)
    assert (line[name], line["other"]) == ("***", "kept")


@effort(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_one_line(capsys, text):
    log.configure("INFO")
    capsys.readouterr()
    structlog.get_logger().info("thing.done", text=text)
    (line,) = lines(capsys)
    assert line["text"] == text


@pytest.mark.parametrize("platform", senders.SECRETS)
def test_one_line_per_delivery_names_nobody_and_has_no_proof(platform, opened, capsys):
    kept, lost = opened(), opened(lost=True)
    path = f"/webhooks/{platform}"
    for name in samples.names(platform):
        headers, body = senders.request_for(platform, name)
        signed = senders.signed(platform, headers, body, datetime.now(UTC))
        proofs = {value for header, value in signed.items() if re.search("signature|hmac", header)}
        hidden = named_in(json.loads(body)) | {senders.SECRETS[platform]} | proofs

        answers = [
            kept.post(path, headers=signed, data=body),
            kept.post(path, headers=signed, data=body + b" "),
            kept.post(path, headers={}, data=body),
            lost.post(path, headers=signed, data=body),
        ]

        written = lines(capsys)
        assert [line["status"] for line in written] == [answer.status_code for answer in answers]
        assert {line["event"] for line in written} == {"webhook.received"}
        assert all(line.keys() <= TOLD for line in written)
        shown = json.dumps(written, ensure_ascii=False)
        assert [text for text in hidden if text and text in shown] == []


def test_line_says_what_an_operator_asks_for(opened, capsys):
    headers, body = senders.request_for("shopify", "orders_create")
    signed = senders.signed("shopify", headers, body)
    client = opened()
    answer = client.post("/webhooks/shopify", headers=signed, data=body)
    client.post("/webhooks/shopify", data=b"{}")
    client.post("/webhooks/some-name-of-nobody", data=b"{}")

    accepted, refused, unknown = lines(capsys)
    for line in (accepted, refused, unknown):
        assert line.pop("ms") >= 0
        assert line.pop("timestamp")
        assert line.pop("level") == "info"
        assert line.pop("event") == "webhook.received"
    assert accepted == {
        "source": "shopify", "bytes": len(body), "answer": "accepted", "items": 1,
        "ids": answer.json["ids"], "topics": ["orders/create"], "status": 200,
    }  # fmt: skip
    assert refused == {
        "source": "shopify", "bytes": 2, "reason": "missing", "cause": "missing",
        "detail": "x-shopify-hmac-sha256", "status": 401,
    }  # fmt: skip
    assert unknown == {"source": "unknown", "reason": "unknown_source", "status": 404}


def test_line_of_a_batch_has_ten_ids_at_most(opened, capsys):
    events = [{"event": "bounce", "email": f"p{n}@example.com"} for n in range(30)]
    body = json.dumps(events).encode()
    signed = senders.signed("sendgrid", {}, body, datetime.now(UTC))
    assert len(opened().post("/webhooks/sendgrid", headers=signed, data=body).json["ids"]) == 30
    (line,) = lines(capsys)
    assert (line["items"], len(line["ids"]), line["topics"]) == (30, 10, ["bounce"])


HOSTILE = [
    "<script>alert(1)</script>",
    'x"}\\n{"event": "forged"}',
    "\x1b[2Jx",
    "línea\u2028separada ☠",
    "a" * 5000,
    "{{ 7 * 7 }} %s ${HOME}",
]


def in_ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


@pytest.mark.parametrize("topic", HOSTILE)
def test_hostile_topic_in_a_header_is_text_and_nothing_else(topic, opened, redis, capsys):
    headers, body = senders.request_for("shopify", "orders_create")
    signed = senders.signed("shopify", headers, body)
    wire = topic.encode().decode("latin-1").replace("\x1b", "\x9b")
    response = opened().post("/webhooks/shopify", headers={**signed, "x-shopify-topic": wire}, data=body)  # fmt: skip

    (line,) = lines(capsys)
    assert line["topics"] == [in_ascii(wire[:60])]
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert response.json["reasons"] == [{"topic": wire, "reason": "unknown_topic"}]
    ((_, entry),) = redis.xrange("relay:ignored")
    assert entry[b"topic"].decode() == wire[:100]


@pytest.mark.parametrize("topic", [*HOSTILE, "a\nb\r\0c"])
def test_hostile_type_in_a_body_is_text_and_nothing_else(topic, opened, redis, capsys):
    reads = 'type = "type"\ntypes = { "*" = "form.submitted" }\ncontact = { email = "email" }'
    options = f'auth = {{ kind = "bearer" }}\n{reads}'
    source = senders.source_of("generic", options=options, secrets=(TOKEN,))
    response = opened(source).post(
        "/webhooks/generic",
        headers={"authorization": f"Bearer {TOKEN}"},
        json={"type": topic, "email": "ana@example.com"},
    )

    (line,) = lines(capsys)
    assert (line["answer"], line["topics"]) == ("accepted", [in_ascii(topic[:60])])
    job = redis.hget(f"rq:job:{response.json['ids'][0]}", "description").decode()
    assert re.fullmatch(r"generic [\w ./:@-]{1,60}", job, re.ASCII)


@pytest.mark.parametrize("token", [TOKEN, "wrong-" + TOKEN, TOKEN + "/x"])
def test_secret_part_of_the_path_is_not_written(token, opened, capsys):
    options = 'auth = { kind = "path" }\ntype = "type"\ncontact = { email = "email" }'
    source = senders.source_of("generic", options=options, secrets=(TOKEN,))
    for client in (opened(source), opened(source, lost=True)):
        for body in (b'{"type": "form.submitted", "email": "ana@example.com"}', b"{"):
            client.post(f"/webhooks/generic/{token}", data=body)
            client.post(f"/webhooks/nobody/{token}", data=body)
            client.get(f"/webhooks/generic/{token}")
    written = lines(capsys)
    assert len(written) == 12
    assert TOKEN not in json.dumps(written)


def test_crash_of_ours_tells_neither_the_address_nor_the_body(opened, capsys, caplog):
    def crash(*_: Any) -> Any:
        raise RuntimeError("could not read ana@example.com")

    options = 'auth = { kind = "path" }\ntype = "type"'
    source = senders.source_of("generic", options=options, secrets=(TOKEN,))
    broken = replace(source, platform=replace(source.platform, handshake=crash))
    response = opened(broken).post(f"/webhooks/generic/{TOKEN}", data=b"{}")

    assert response.status_code >= 500
    assert response.content_type == "application/problem+json"
    written = "".join([*capsys.readouterr(), caplog.text])
    assert TOKEN not in written
    assert "ana@example.com" not in written
    assert "RuntimeError" in written


@pytest.mark.slow
def test_reader_that_reads_no_more_holds_nobody_up():
    """A pipe is full after 64 KiB; once it is read again, whole lines follow."""
    code = (
        "import sys, structlog; from config import log; log.configure('INFO');"
        "one = structlog.get_logger();"
        "[one.info('event', n=n) for n in range(5_000)];"
        "sys.stderr.write('done\\n'); sys.stderr.flush();"
        "sys.stdin.read();"
        "one.info('event', n=-1)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            assert select.select([process.stderr], [], [], 20)[0], "it waits for the reader"
            assert process.stderr.readline() == b"done\n"
            first = process.stdout.readline()
            drained = threading.Thread(target=(rest := []).extend, args=(process.stdout,))
            drained.start()
            time.sleep(0.2)
            process.stdin.close()
            drained.join(20)
        finally:
            process.kill()
    numbers = [json.loads(line)["n"] for line in (first, *rest)]
    assert numbers[0] == 0
    assert numbers[-1] == -1
    assert 100 < len(numbers) < 5_000
