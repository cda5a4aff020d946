"""No command prints anything from outside on which a terminal acts: of senders, Redis, Mercately."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from relay import cli
from relay.cli import listing
from relay.inbound import samples
from relay.model import Held
from relay.store.keys import CAUSES, COUNTS, IGNORED, record_key
from relay.web.app import create_app
from tests.worker.factories import Harness, call
from tests.worker.http_stub import HttpStub, answer

# Escape sequences, C1, bidirectional controls, a bell, a carriage return, tags that nobody sees.
HOSTILE = "\x1b[2J\x1b]0;x\x07\u009b31m\u202e\u2066\r\x00\U000e0041"


def acted_on(text: str) -> set[str]:
    return {c for c in text if not (c.isprintable() or c in "\n\t")}


@pytest.fixture
def hostile_id(settings, relay, redis):
    """The id of an event whose every text has all of that, and more in Redis."""
    source = replace(relay.sources["shopify"], on_nobody="hold")
    body = {
        "id": 5,
        "name": f"#5{HOSTILE}",
        "note": HOSTILE,
        "tags": HOSTILE,
        "currency": HOSTILE,
        HOSTILE: HOSTILE,
        "customer": {"first_name": f"Ana{HOSTILE}", "email": f"{HOSTILE}x", "phone": HOSTILE},
    }
    content = json.dumps(body).encode()
    signed = samples.signed(source, "orders/create", "http://localhost", content)
    app = create_app(settings, replace(relay, sources={"shopify": source}), redis)
    client = app.test_client()
    kept = client.post("/webhooks/shopify", data=content, headers=dict(signed.headers))
    (record_id,) = kept.json["ids"]
    with Harness(redis, settings, relay) as harness:
        reasons = {HOSTILE: [HOSTILE]}
        topic = f"orders/{HOSTILE}"
        harness.keep(Held(topic, HOSTILE, "unreadable", reasons, content, references=(HOSTILE,)))
        harness.keep(replace(call("k", body={"notes": HOSTILE}), topic=topic))
    redis.hincrby(COUNTS, f"shopify:{HOSTILE}", 1)
    redis.xadd(
        IGNORED,
        {
            "source": HOSTILE,
            "topic": HOSTILE,
            "reason": HOSTILE,
            "at": "2026-11-02T15:04:05+00:00",
            "type": HOSTILE,
        },
    )
    redis.zadd(CAUSES, {f"held:shopify:{HOSTILE}": 1})
    redis.zadd(f"relay:list:held:shopify:{HOSTILE}", {record_id: 0})
    redis.hset(record_key(record_id), "answer", HOSTILE)
    redis.hset("relay:throttle:principal", mapping={"half_open": HOSTILE, "open_until": 9e9})
    return record_id


COMMANDS = {
    "events": ["events"],
    "events json": ["events", "--json"],
    "events causes": ["events", "--causes"],
    "events causes json": ["events", "--causes", "--json"],
    "events ignored": ["events", "--state", "ignored"],
    "events ignored json": ["events", "--state", "ignored", "--json"],
    "events found": ["events", f"#5{HOSTILE}"],
    "show": ["show", "{id}"],
    "show unknown": ["show", f"5{HOSTILE}"],
    "replay": ["replay", "--state", "held"],
    "replay yes": ["replay", "--state", "held", "--yes"],
    "replay unknown": ["replay", f"5{HOSTILE}", "--yes"],
    "discard": ["discard", "--state", "held", "--yes"],
    "transform": ["transform", "shopify", "orders/create", "{file}"],
    "transform request": ["transform", "shopify", "orders/create", "{request}"],
    "transform unknown": ["transform", "shopify", HOSTILE.replace("\0", "")],
    "transform unknown platform": ["transform", HOSTILE, "x"],
    "doctor": ["doctor"],
    "doctor request": ["doctor", "shopify", "{request}"],
    "check": ["check"],
    "destinations": ["destinations"],
    "pause unknown": ["pause", HOSTILE],
    "pause": ["pause", "principal"],
    "resume": ["resume", "principal"],
    "migrate": ["migrate", "--dry-run"],
    "forget": ["forget", f"ana@example.com{HOSTILE}"],
    "platforms": ["platforms", HOSTILE],
    "no such command": [HOSTILE],
    "no such option": ["events", f"--{HOSTILE}"],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_command_prints_nothing_that_a_terminal_acts_on(
    run, hostile_id, tmp_path, monkeypatch, arguments, terminal
):
    monkeypatch.setattr(listing, "at_terminal", lambda: terminal)
    body = json.dumps({"id": 5, "note": HOSTILE, HOSTILE: HOSTILE}).encode()
    file, whole = tmp_path / "body.json", tmp_path / "captured.http"
    file.write_bytes(body)
    head = f"POST /webhooks/shopify{HOSTILE[:4]} HTTP/1.1\nX-Shopify-Topic: a\u009b\u202e\n\n"
    whole.write_bytes(head.encode() + body)
    values = {"id": hostile_id, "file": str(file), "request": str(whole)}

    result = run(*(argument.format(**values) for argument in arguments))

    assert result.output
    assert acted_on(result.output) == set()


@pytest.mark.parametrize("kind", ["application/json", "text/html", "text/plain"])
def test_answer_of_mercately_or_the_relay_controls_no_terminal(run, config_file, kind):
    content = json.dumps({"notes": HOSTILE}) if kind == "application/json" else f"<p>{HOSTILE}"
    with HttpStub(answer(200, content.encode(), Content_Type=kind)) as stub:
        text = config_file.read_text()
        server = next(line for line in text.splitlines() if line.startswith("server"))
        config_file.write_text(text.replace(server, f'server = "{stub.url}"'))

        told = run("history", "abc").output
        sent = run("send", "shopify", "orders/create", "--url", stub.url).output

    assert "u202e" in told + sent
    assert acted_on(told + sent) == set()


def test_commands_print_in_no_other_way():
    """What is new prints by `say`, JSON or a table too."""
    found = []
    for file in Path(cli.__file__).parent.glob("*.py"):
        if file.name in ("terminal.py", "output.py"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name in ("click.echo", "print", "sys.stdout.write"):
                found.append(f"{file.name}:{node.lineno}")
    assert found == []
