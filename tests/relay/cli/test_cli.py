"""The commands, each as a person would type it."""

import json
import re
from pathlib import Path

import pytest
import requests
import senders
from click import Context

from config.settings import DEFAULT_CONFIG_FILE
from relay.cli import main, serve
from relay.devtools.standin import DEMO_KEY, Standin, StandinServer, demo_standin
from relay.inbound import samples
from relay.model import State
from relay.platforms import discovered
from relay.store.ledger import Ledger
from relay.web.app import create_app
from tests.conftest import SECRETS

SHARED = Path(__file__).parents[3].parent / "shared" / "payloads"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "sentence"),
    [("es_EC.UTF-8", "Recibe webhooks firmados"), ("en_US.UTF-8", "Receives signed webhooks")],
)
def test_help_speaks_the_language_of_the_locale(language, sentence):
    """In a process of its own: texts are chosen when the commands are made."""
    import os
    import subprocess
    import sys

    environ = {k: v for k, v in os.environ.items() if k not in ("RELAY_LANGUAGE", "LC_ALL")}
    shown = subprocess.run(
        [sys.executable, "-P", "-m", "relay", "--help"],
        env={**environ, "LC_ALL": language},
        capture_output=True,
        text=True,
        check=True,
    )
    assert sentence in shown.stdout


def test_every_command_has_a_help_text():
    context = Context(main)
    for name in main.list_commands(context):
        assert main.get_command(context, name).help, name


def test_check_shows_everything_but_the_secrets(run):
    result = run("check")

    assert result.exit_code == 0
    assert "/webhooks/shopify" in result.output
    assert "principal" in result.output
    assert "••••" in result.output
    assert 'on_nobody = "ignore"' in result.output
    for secret in (DEMO_KEY, *(part for value in SECRETS.values() for part in value.split(","))):
        assert secret not in result.output


def test_check_lists_the_rules_that_are_not_written(run, tmp_path):
    file = tmp_path / "relay.toml"
    file.write_text("""
        [destinations.crm]
        api_key = "k"
        [events]
        "email.deferred" = { agent_id = 7 }
        "booking.rescheduled" = { agent_id = 8 }
        "order.paid" = false
    """)
    lines = run("check", RELAY_CONFIG=str(file)).output.splitlines()
    (followers,) = [line for line in lines if "siguen a" in line or "they follow" in line]
    assert "email.blocked (email.deferred)" in followers
    assert "booking.rescheduled" not in followers
    (by_default,) = [line for line in lines if "por omisión" in line or "default rule" in line]
    assert "order.created, " in by_default
    assert "order.paid" not in by_default
    assert "order.deleted" not in by_default


@pytest.mark.parametrize(
    ("language", "kinds", "warning"),
    [
        (
            "en",
            ["HMAC key, 19 characters", "HMAC key, 18 characters", "HMAC key, 38 characters, with a comma"],
            "warning: sources.woocommerce.secrets: 8 characters can be guessed, expected 16 or more",
        ),
        (
            "es",
            ["clave HMAC, 19 caracteres", "clave HMAC, 18 caracteres", "clave HMAC, 38 caracteres, con una coma"],
            "aviso: sources.woocommerce.secrets: 8 caracteres se pueden adivinar; se esperaban 16 o más",
        ),
    ],
)  # fmt: skip
def test_check_says_how_each_secret_is_understood(language, kinds, warning, run):
    environ = {
        "RELAY_LANGUAGE": language,
        "SHOPIFY_SECRET": SECRETS["SHOPIFY_SECRET"],
        "WOOCOMMERCE_SECRET": "changeme",
        "SENDGRID_SECRET": senders.SECRETS["sendgrid"],
        "STANDARD_WEBHOOKS_SECRET": f"v1,{senders.SECRETS['standard_webhooks']},whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
    }
    result = run("check", **environ)

    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if line.startswith("secrets = ")]
    sendgrid, shopify, standard, woocommerce = (json.loads(line[10:]) for line in lines)
    assert (len(sendgrid), shopify, len(standard), len(woocommerce)) == (1, kinds, 2, 1)
    assert warning in result.output
    for secret in environ.values():
        assert len(secret) == 2 or secret not in result.output


def test_check_tells_all_faults_at_once_with_key_and_file(run, tmp_path):
    file = tmp_path / "broken.toml"
    file.write_text(
        '[destinations.crm]\napi_key = "${NOBODY_SET_THIS}"\nrate = "fast"\n'
        '[sources.shop]\nplatform = "shopyfi"\nsecrets = "x"\n[events."order.eaten"]\nnotes = true\n'
    )
    result = run("check", RELAY_CONFIG=str(file))

    assert result.exit_code == 1
    lines = [line for line in result.output.splitlines() if str(file) in line]
    for key in ("destinations.crm.api_key", "destinations.crm.rate", "sources.shop.platform", "order.eaten"):  # fmt: skip
        assert any(key in line for line in lines), (key, result.output)


def test_unusable_settings_are_named(run):
    result = run("check", PORT="eight", RELAY_DEDUP_DAYS="0")

    assert result.exit_code == 1
    assert "PORT" in result.output
    assert "RELAY_DEDUP_DAYS" in result.output


def test_platforms_lists_what_there_is(run):
    result = run("platforms")

    for platform in discovered().values():
        assert platform.name in result.output
    assert "orders/create -> order.created" in result.output


def test_transform_shows_event_and_call_and_sends_nothing(run, standin: Standin, tmp_path):
    file = tmp_path / "body.json"
    file.write_bytes(senders.request_for("shopify", "orders_create")[1])
    result = run("transform", "shopify", "orders_create", str(file))
    (shown,) = json.loads(result.output)

    assert shown["outcome"] == "call"
    assert shown["event"]["type"] == "order.created"
    assert shown["event"]["topic"] == "orders/create"
    assert shown["call"]["body"]["notes"].startswith("Pedido #1042 creado")
    assert standin.events == []


def test_transform_shows_which_expression_gave_what(run, tmp_path):
    config = tmp_path / "relay.toml"
    config.write_text("""
        [destinations.crm]
        api_key = "k"
        [sources.leads]
        platform = "generic"
        secrets = "${NOWHERE}"
        [sources.leads.options]
        auth = { kind = "bearer" }
        events = "leads"
        type = "'form.submitted'"
        contact.email = ["mail", "correo", "length(age)"]
        fields = { form = "form" }
    """)
    file = tmp_path / "leads.json"
    leads = [{"mail": "n/a", "correo": "ana@example.com", "age": 3}, {"mail": "b@example.com"}]
    file.write_text(json.dumps({"leads": leads}))
    result = run("transform", "generic", "x", str(file), RELAY_CONFIG=str(config))
    first, second = json.loads(result.stdout)
    assert first["expressions"]["contact.email"] == [
        {"expression": "mail", "value": "n/a", "used": False},
        {"expression": "correo", "value": "ana@example.com", "used": True},
        {"expression": "length(age)", "error": "length() takes no number", "used": False},
    ]
    assert first["expressions"]["fields.form"] == [
        {"expression": "form", "value": None, "used": False}
    ]
    assert [each["used"] for each in second["expressions"]["contact.email"]] == [True, False, False]
    assert "expressions" not in json.loads(run("transform", "shopify", "orders_create").stdout)[0]


def test_check_shows_lists_of_expressions_and_conditions_as_they_are_written(run, tmp_path):
    config = tmp_path / "relay.toml"
    config.write_text("""
        [destinations.crm]
        api_key = "k"
        [sources.leads]
        platform = "generic"
        secrets = "a-token-that-is-long-enough"
        when = { hold = "event.total > `500`" }
        [sources.leads.options]
        auth = { kind = "bearer" }
        type = ["kind", "event"]
        [sources.ac]
        platform = "activecampaign"
        secrets = "a-token-that-is-long-enough"
    """)
    output = run("check", RELAY_CONFIG=str(config)).stdout
    assert '"type": ["kind", "event"]' in output
    assert 'when = {"hold": "event.total > `500`"}' in output
    assert 'echo = "deliver, but contact, update, contact_tag_added"' in output


def test_transform_needs_no_secret_and_no_key(run, tmp_path):
    file = tmp_path / "body.json"
    file.write_text('{"id": 1, "email": "ana@example.com"}')
    config = Path(__file__).parents[3] / "config" / "relay.toml"
    result = run(
        "transform", "woocommerce", "customer.created", str(file), RELAY_CONFIG=str(config)
    )

    assert result.exit_code == 0
    assert json.loads(result.output)[0]["outcome"] == "call"


@pytest.mark.parametrize("content", [b"", b"nonsense", b"1", b"null", b"[]", b"\xff\xfe", b"{}"])
@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "sendgrid", "standard_webhooks"])
def test_transform_of_anything_is_an_outcome(run, tmp_path, platform, content):
    file = tmp_path / "body.json"
    file.write_bytes(content)
    topic = next(iter(discovered()[platform].topics))
    result = run("transform", platform, topic, str(file))

    assert result.exit_code == 0
    assert {shown["outcome"] for shown in json.loads(result.output)} <= {"held", "ignored"}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collection of real bodies is not here")
@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "sendgrid"])
def test_transform_of_every_real_body_is_an_outcome(run, platform):
    for file in sorted((SHARED / platform).iterdir()):
        result = run("transform", platform, file.name.rpartition(".json")[0], str(file))
        outcomes = {shown["outcome"] for shown in json.loads(result.output)}
        assert outcomes, file
        assert outcomes <= {"call", "held", "ignored", "awaiting_lookup"}


def test_history_asks_mercately(run, standin_server: StandinServer):
    standin_server.standin.behaviour.history = "results"
    result = run("history", "1713anaec1001", "--page", "1", "--results-per-page", "5")

    assert result.exit_code == 0
    assert json.loads(result.output)["results"] == 0
    assert run("history", "nobody").exit_code == 1


@pytest.mark.slow
def test_send_signs_and_posts(run, settings, relay, redis):
    """To a real server, since the platform's signature covers what goes over the wire."""
    import threading

    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, create_app(settings, relay, redis), threaded=True)
    server.log = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        sent = run("send", "shopify", "orders/create", "--url", url)
        unknown = run("send", "shopify", "orders/eaten", "--url", url)
        nobody = run("send", "nobody", "orders/create", "--url", url)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

    assert sent.exit_code == 0
    assert re.match(r'200 \{"status": "accepted"', sent.output)
    assert unknown.exit_code == 1
    assert "orders_create" in unknown.output  # what there is
    assert nobody.exit_code == 2
    ledger = Ledger(redis, keep_delivered_s=1)
    assert [r.source for r in ledger.list([State.ACCEPTED]).records] == ["shopify"]


@pytest.mark.parametrize("command", [("events",), ("show", "x"), ("replay", "x")])
def test_redis_away_is_a_sentence_not_a_traceback(run, command):
    result = run(*command, REDIS_URL="redis://127.0.0.1:1/0")

    assert result.exit_code == 1
    assert "(REDIS_URL), away: connection refused" in result.output


def test_send_needs_no_key_of_mercately_and_says_when_no_relay_listens(run, config_file):
    config_file.write_text(config_file.read_text().replace(DEMO_KEY, "${MERCATELY_API_KEY}"))
    result = run("send", "shopify", "orders/create", "--url", "http://127.0.0.1:1")

    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: No relay answers at http://127.0.0.1:1. Start one with")
    assert run("check").exit_code == 1


def test_source_that_has_nothing_to_sign_with_is_a_sentence(run, config_file):
    text = f'[sources.mail]\nplatform = "sendgrid"\nsecrets = "{senders.SECRETS["sendgrid"]}"\n'
    config_file.write_text(config_file.read_text().replace("[events]", f"{text}[events]"))
    result = run("send", "mail", "bounce")

    assert result.exit_code == 1
    assert "mail cannot be signed" in result.output


@pytest.mark.parametrize("arguments", [(), ("FILE",)], ids=["topic_alone", "file"])
@pytest.mark.parametrize("name", samples.names("shopify"))
def test_transform_takes_a_shipped_sample(run, name, arguments):
    path = str(samples.FOLDER / "shopify" / f"{name}.http")
    result = run("transform", "shopify", name, *(path for _ in arguments))
    shown, *_ = json.loads(result.output)

    assert result.exit_code == 0
    assert (shown.get("event") or shown[shown["outcome"]])["topic"] == next(
        t for t in discovered()["shopify"].topics if samples.file_name(t) == name
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "platform",
    [name for name, one in discovered().items() if name == "generic" or not one.needs_options],
)
def test_transform_reads_every_shipped_sample(run, platform, config_file):
    lead = """
[sources.crm]
platform = "generic"
secrets = "throw-away-token"
[sources.crm.options]
auth = { kind = "bearer" }
events = "@"
type = "type"
types = { "lead.created" = "form.submitted" }
contact = { email = "contact.email", phone = "contact.phone" }
"""
    config_file.write_text(config_file.read_text().replace("[events]", f"{lead}[events]"))
    for name in samples.names(platform):
        result = run("transform", platform, name)
        assert result.exit_code == 0, result.output
        if "handshake" in json.loads(result.output):
            continue
        assert {shown["outcome"] for shown in json.loads(result.output)} <= {
            "call",
            "ignored",
            "held",
            "awaiting_lookup",
        }
        assert "unreadable" not in result.output


def test_transform_without_a_sample_lists_those_there_are(run):
    result = run("transform", "shopify", "orders/eaten")

    assert result.exit_code == 1
    assert "orders_create" in result.output


def test_history_of_the_demo_stand_in_is_what_it_received(run, config_file):
    with StandinServer(demo_standin()) as server:
        config_file.write_text(
            re.sub(r'server = ".*"', f'server = "{server.url}"', config_file.read_text())
        )
        address = f"{server.url}/retailers/api/v1/customers/1713anaec1001/events"
        requests.post(address, json={"notes": "a\u202eb"}, headers={"api-key": DEMO_KEY}, timeout=5)
        result = run("history", "1713anaec1001")

    assert json.loads(result.output)["customer_events"] == [{"notes": "a\u202eb"}]
    assert "\u202e" not in result.output


def test_history_of_a_mercately_that_does_not_answer_is_a_sentence(run, config_file):
    config_file.write_text(
        re.sub(r'server = ".*"', 'server = "http://127.0.0.1:1"', config_file.read_text())
    )
    result = run("history", "1713anaec1001")

    assert result.exit_code == 1
    assert "http://127.0.0.1:1 does not answer: connection_refused" in result.output


@pytest.mark.parametrize("command", ["web", "worker", "check"])
def test_config_file_that_is_absent_is_named_with_its_variable(run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(command, RELAY_CONFIG="config/relay.toml")

    assert result.exit_code == 1
    assert f"config/relay.toml: no such file in {tmp_path}/config; RELAY_CONFIG" in result.output


@pytest.mark.parametrize("command", ["check", "web", "worker"])
def test_faults_of_variables_and_of_relay_toml_are_told_together(run, config_file, command):
    config_file.write_text(config_file.read_text().replace('rate = "1000/s"', 'rate = "fast"'))

    result = run(command, PORT="99999", REDIS_URL="redis://:hush@h/0?ssl_cert_reqs=none")

    assert result.exit_code == 1
    assert "  PORT: " in result.output
    assert "  REDIS_URL: ssl_cert_reqs needs rediss://" in result.output
    assert "destinations.principal.rate: expected a rate" in result.output
    assert "hush" not in result.output


def test_environment_of_a_trial_is_warned_of_and_starts(run):
    result = run("check", RELAY_SHUTDOWN_GRACE="2", RELAY_WEB_THREADS="8", WEB_CONCURRENCY="2")

    assert result.exit_code == 0
    assert result.output.count("warning: RELAY_") >= 2


def test_empty_config_variable_is_the_shipped_file(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("check", RELAY_CONFIG="", MERCATELY_API_KEY="k")

    assert result.exit_code == 0
    assert result.output.startswith(f"# {DEFAULT_CONFIG_FILE}")


def test_redis_user_without_rights_is_a_sentence(run, redis, redis_server):
    redis.execute_command("ACL", "SETUSER", "app", "on", ">apppass", "~*", "&*", "+@all", "-set")
    try:
        result = run("doctor", REDIS_URL=redis_server.url.replace("unix://", "unix://app:apppass@"))
    finally:
        redis.execute_command("ACL", "DELUSER", "app")

    assert result.exit_code == 1
    assert "the user may not run a command that the relay needs" in result.output
    assert "apppass" not in result.output


@pytest.mark.parametrize(("command", "extra"), [("demo", "demo"), ("dashboard", "dashboard")])
def test_command_without_its_extra_says_what_to_install(run, command, extra, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda package: None)
    result = run(command)

    assert result.exit_code == 1
    assert f"pip install 'mercately-relay[{extra}]'" in result.output


def test_dashboard_is_one_process_which_counts_wrong_passwords(run, monkeypatch):
    started: list[str] = []
    monkeypatch.setattr(serve, "_become", lambda *arguments: started.extend(arguments))
    run("dashboard", WEB_CONCURRENCY="4")
    assert started[started.index("--workers") + 1] == "1"


@pytest.mark.parametrize("command", ["web", "worker"])
def test_redis_that_cannot_be_used_is_logged_in_words_before_it_is_waited_for(
    run, command, monkeypatch
):
    started = []
    monkeypatch.setattr("relay.web.server.serve", started.append)
    monkeypatch.setattr("worker.process.main", lambda: started.append("worker"))
    assert run(command).stdout == ""
    line = json.loads(run(command, REDIS_URL="redis://:hush@127.0.0.1:1/0").stdout)

    assert (line["event"], line["redis"]) == ("redis.unusable", "away")
    assert "at 127.0.0.1:1 (REDIS_URL), away: connection refused" in line["reason"]
    assert len(started) == 2
