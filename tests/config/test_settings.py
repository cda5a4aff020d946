"""The environment as settings, and what is said when it cannot be used."""

import os
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from unittest.mock import patch

import pytest

from config import settings as module
from config.settings import Settings, SettingsError, load
from relay.store.queue import JOB_TIMEOUT_S

EXAMPLE = Path(module.__file__).with_name("example.env")
DAY_S = 24 * 3600


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """An environment without our variables, put back afterwards whatever is written to it."""
    with patch.dict(os.environ, {"RELAY_LANGUAGE": "en"}, clear=True):
        yield


@pytest.fixture
def env_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / ".env"
        file.write_text(text, "utf-8")
        return file

    return write


def variables() -> dict[str, str]:
    """Every variable of the example, with its value."""
    return dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", EXAMPLE.read_text("utf-8")))


CHANGES = [
    ("REDIS_URL", "rediss://h:1/2", "redis_url", "rediss://h:1/2"),
    ("RELAY_REDIS_TLS_VERIFY", "false", "redis_tls_verify", False),
    ("RELAY_CONFIG", "/etc/relay.toml", "config_file", Path("/etc/relay.toml")),
    ("RELAY_QUEUE", "other", "queue", "other"),
    ("RELAY_HOST", "::1", "host", "::1"),
    ("PORT", "9001", "port", 9001),
    ("WEB_CONCURRENCY", "3", "web_processes", 3),
    ("RELAY_REDIS_CONNECTIONS", "6", "redis_connections", 6),
    ("RELAY_PUBLIC_URL", "https://h.example", "public_url", "https://h.example"),
    ("RELAY_BODY_MAX_BYTES", "10", "body_max_bytes", 10),
    ("RELAY_BACKLOG_MAX", "11", "backlog_max", 11),
    ("RELAY_MEMORY_WATERMARK", "0.5", "memory_watermark", 0.5),
    ("RELAY_DURABILITY", "relaxed", "durability", "relaxed"),
    ("RELAY_DEDUP_DAYS", "90", "dedup_s", 90 * DAY_S),
    ("RELAY_KEEP_DELIVERED_DAYS", "1", "keep_delivered_s", DAY_S),
    ("RELAY_HELD_MAX", "12", "held_max", 12),
    ("RELAY_HELD_KEEP_DAYS", "30", "held_keep_s", 30 * DAY_S),
    ("RELAY_PSEUDONYM_KEY", f"{'n' * 32}, {'o' * 32}", "pseudonym_keys", ("n" * 32, "o" * 32)),
    ("RELAY_CONCURRENCY", "64", "concurrency", 64),
    ("RELAY_SHUTDOWN_GRACE", "7.5", "shutdown_grace_s", 7.5),
    ("RELAY_SWEEP_S", "1", "sweep_s", 1.0),
    ("RELAY_CONNECT_TIMEOUT_S", "1.5", "connect_timeout_s", 1.5),
    ("RELAY_READ_TIMEOUT_S", "2", "read_timeout_s", 2.0),
    ("RELAY_USER_AGENT", "x/1", "user_agent", "x/1"),
    (
        "RELAY_OUTBOUND_PROXY",
        "http://u:p@proxy.example:3128",
        "outbound_proxy",
        "http://u:p@proxy.example:3128",
    ),
    ("RELAY_LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
    ("RELAY_DASHBOARD_USER", "ana", "dashboard_user", "ana"),
    ("RELAY_DASHBOARD_PASSWORD", "p", "dashboard_password", "p"),
]


@pytest.mark.parametrize(("variable", "value", "name", "expected"), CHANGES)
def test_variable_sets_one_setting(variable, value, name, expected):
    before = load()
    os.environ[variable] = value
    after = load()
    changed = {
        f.name for f in fields(Settings) if getattr(before, f.name) != getattr(after, f.name)
    }
    assert changed == {name, "environ"}
    assert getattr(after, name) == expected


def test_table_above_has_every_setting_and_the_example_every_variable():
    assert {name for _, _, name, _ in CHANGES} == (
        {f.name for f in fields(Settings)} - {"environ", "variables"}
    )
    assert {variable for variable, *_ in CHANGES} <= variables().keys()


def test_example_is_what_holds_without_any_variable():
    bare = load()
    given = variables()
    os.environ.update({variable: given[variable] for variable, *_ in CHANGES})
    shown = load()
    assert shown.config_file.resolve().name == bare.config_file.name
    for field in fields(Settings):
        if field.name not in ("environ", "config_file"):
            assert getattr(shown, field.name) == getattr(bare, field.name), field.name


def test_variable_that_does_nothing_any_more_is_accepted_and_named():
    assert load().warnings == ()
    os.environ["RELAY_WEB_THREADS"] = "16"
    (warning,) = load().warnings
    assert "RELAY_WEB_THREADS has no effect" in warning


def test_every_unusable_variable_is_named_at_once_and_no_value():
    wrong = {
        "PORT": "eighty-eight", "RELAY_BODY_MAX_BYTES": "1MB-secret", "RELAY_DEDUP_DAYS": "0",
        "RELAY_KEEP_DELIVERED_DAYS": "0", "RELAY_SHUTDOWN_GRACE": "long-secret",
        "RELAY_CONCURRENCY": "0", "RELAY_DURABILITY": "perhaps-secret",
        "RELAY_REDIS_TLS_VERIFY": "maybe", "RELAY_BACKLOG_MAX": "",
        "RELAY_PSEUDONYM_KEY": f"{'n' * 32},short-secret",
    }  # fmt: skip
    os.environ.update(wrong, REDIS_URL="redis://:hush@h:1/0")
    with pytest.raises(SettingsError) as caught:
        load()
    assert all(variable in str(caught.value) for variable in wrong)
    told = "".join(traceback.format_exception(caught.value))
    assert not any(value in told for value in ("hush", "eighty-eight", "-secret", "maybe"))


@pytest.mark.parametrize(("days", "fits"), [("0", False), ("1", True), ("90", True), ("91", False)])
def test_dedup_memory_has_bounds(days, fits):
    os.environ["RELAY_DEDUP_DAYS"] = days
    if fits:
        assert load().dedup_s == int(days) * DAY_S
    else:
        with pytest.raises(SettingsError, match="RELAY_DEDUP_DAYS"):
            load()


BOUNDS = [
    ("RELAY_CONCURRENCY", "0", False),
    ("RELAY_CONCURRENCY", "1", True),
    ("RELAY_CONCURRENCY", "1000", True),
    ("RELAY_CONCURRENCY", "1001", False),
    ("RELAY_CONCURRENCY", "2.5", False),
    ("RELAY_SHUTDOWN_GRACE", "-1", False),
    ("RELAY_SHUTDOWN_GRACE", "0", True),
    ("RELAY_MEMORY_WATERMARK", "0.05", False),
    ("RELAY_MEMORY_WATERMARK", "0.1", True),
    ("RELAY_MEMORY_WATERMARK", "1", True),
    ("RELAY_MEMORY_WATERMARK", "1.1", False),
    ("RELAY_DURABILITY", "relaxed", True),
    ("RELAY_DURABILITY", "Relaxed", False),
    ("PORT", "0", False),
    ("PORT", "1", True),
    ("PORT", "65535", True),
    ("PORT", "99999", False),
    ("RELAY_BODY_MAX_BYTES", "0", False),
    ("RELAY_BODY_MAX_BYTES", "-5", False),
    ("RELAY_BACKLOG_MAX", "0", False),
    ("RELAY_KEEP_DELIVERED_DAYS", "3651", False),
    ("RELAY_SHUTDOWN_GRACE", "3601", False),
    ("RELAY_SWEEP_S", "-1", False),
    ("RELAY_SWEEP_S", "0", True),
    ("RELAY_SWEEP_S", "nan", False),
    ("RELAY_CONNECT_TIMEOUT_S", "0", False),
    ("RELAY_CONNECT_TIMEOUT_S", "0.1", True),
    ("RELAY_READ_TIMEOUT_S", "0", False),
    ("RELAY_READ_TIMEOUT_S", "inf", False),
    ("RELAY_READ_TIMEOUT_S", "601", False),
    ("RELAY_OUTBOUND_PROXY", "", True),
    ("RELAY_OUTBOUND_PROXY", "proxy.example:3128", False),
    ("RELAY_OUTBOUND_PROXY", "http://proxy.example", False),
    ("RELAY_OUTBOUND_PROXY", "socks5://proxy.example:1080", False),
    ("RELAY_LOG_LEVEL", "foo", False),
    ("RELAY_LOG_LEVEL", "debug", True),
    ("RELAY_BODY_MAX_BYTES", "26214400", True),
    ("RELAY_BODY_MAX_BYTES", "26214401", False),
    ("RELAY_BACKLOG_MAX", "100000001", False),
    ("RELAY_HELD_MAX", "0", False),
    ("RELAY_HELD_MAX", "10000001", False),
    ("WEB_CONCURRENCY", "0", False),
    ("WEB_CONCURRENCY", "65", False),
    ("WEB_CONCURRENCY", "two", False),
    ("RELAY_QUEUE", "", False),
    ("RELAY_QUEUE", "my queue", False),
    ("RELAY_QUEUE", "shop.relay", True),
    ("RELAY_HOST", "", False),
    ("RELAY_HOST", "http://0.0.0.0", False),
    ("RELAY_HOST", "::", True),
    ("RELAY_HOST", "fe80::1%eth0", True),
    ("RELAY_HOST", "0.0.0.0:8000", False),
    ("RELAY_HOST", "relay.example:8000", False),
    ("RELAY_HOST", "[::1]", False),
    ("RELAY_PUBLIC_URL", "https://hooks.example.com:99999", False),
    ("RELAY_DASHBOARD_USER", "ana:b", False),
    ("RELAY_DASHBOARD_USER", " ", False),
    ("RELAY_OUTBOUND_PROXY", "http://proxy.example:0", False),
    ("RELAY_OUTBOUND_PROXY", "http://proxy.example:3128/path", False),
    ("RELAY_OUTBOUND_PROXY", "http://proxy.example:3128/", True),
    ("RELAY_PUBLIC_URL", "hooks.example.com", False),
    ("RELAY_PUBLIC_URL", "https://hooks.example.com:8443/a/", True),
    ("RELAY_USER_AGENT", "", False),
    ("RELAY_USER_AGENT", "relé/1", False),
    ("REDIS_URL", "", False),
    ("REDIS_URL", "redis://:p@h:6379/0\n", False),
    ("REDIS_URL", "redis://:contraseña@h:6379/0", False),
    ("REDIS_URL", "redis://:p@/0", False),
    ("REDIS_URL", "redis://h/0?decode_responses=true", False),
    ("REDIS_URL", "redis://h/0?ssl_cert_reqs=none", False),
    ("REDIS_URL", "rediss://h/0?ssl_cert_reqs=CERT_NONE", False),
    ("REDIS_URL", "rediss://h/0?ssl_cert_reqs=none", True),
    ("REDIS_URL", "rediss://h/0?ssl_check_hostname=maybe", False),
    ("REDIS_URL", "redis://h/0?socket_timeout=soon", False),
    ("REDIS_URL", "redis://h/0?db=one", False),
    ("REDIS_URL", "unix:///tmp/redis.sock?db=1&colour=red", False),
    ("REDIS_URL", "rediss://:p%2Fss@h.example:6380/1?ssl_ca_certs=/x", True),
    ("REDIS_URL", "redis://[::1]:6379", True),
    ("REDIS_URL", "unix:///tmp/redis.sock?db=1", True),
    ("REDIS_URL", "unix://", False),
]
# A sentence each, which names the variable and what was expected.
URL_FAULTS = [
    ("redis://:hush@h/0\n", "expected no space, line break or character beyond ASCII"),
    ("redis://:hush word@h/0", "expected no space, line break or character beyond ASCII"),
    ("redis://hush?x@h:1/0", "expected only these options after ?: client_name, db"),
    ("redis://:hush@h/0?ssl_cert_reqs=none", "ssl_cert_reqs needs rediss://"),
    ("rediss://h/0?ssl_cert_reqs=hush", "ssl_cert_reqs: expected none, optional or required"),
    ("redis://h/0?socket_timeout=hush", "socket_timeout: expected a number of seconds"),
]
UNUSABLE_URLS = [
    "hush", "hush://x", "127.0.0.1:6379", "redis://", "redis://h:0/0", "redis://h:99999/0",
    "redis://:hush#x@h:1/0", "redis://:hush/x@h:1/0", "redis://u:12/hush@h/0", "redis://:hush?x@h",
    "redis://u:1#hush@h:1/0", "redis://[hush/0",
]  # fmt: skip


@pytest.mark.parametrize(("variable", "value", "fits"), BOUNDS)
def test_setting_has_bounds(variable, value, fits):
    os.environ[variable] = value
    if fits:
        load()
    else:
        with pytest.raises(SettingsError, match=variable):
            load()


@pytest.mark.parametrize("url", UNUSABLE_URLS)
def test_redis_url_that_cannot_be_used_is_refused_without_any_part_of_it(url):
    os.environ["REDIS_URL"] = url
    with pytest.raises(SettingsError, match="REDIS_URL: expected redis://") as caught:
        load()
    assert "hush" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("url", "sentence"), URL_FAULTS)
def test_fault_of_redis_url_is_one_sentence_without_its_value(url, sentence):
    os.environ["REDIS_URL"] = url
    with pytest.raises(SettingsError) as caught:
        load()
    (fault,) = caught.value.faults
    assert fault.startswith(f"REDIS_URL: {sentence}")
    assert "hush" not in "".join(traceback.format_exception(caught.value))


# What cannot lose an event or deliver one again by itself is said, and nothing more.


def test_usual_settings_have_nothing_to_be_warned_of():
    # The last two are for relay.toml to use.
    own = {"RELAY_LANGUAGE": "español", "RELAY_SHOP_TOKEN": "1", "RELAY_API_KEY": "2"}
    os.environ.update(own, RELAY_ENV_FILE="relay.env", RELAY_CONFIG="")
    assert load().warnings == ()


@pytest.mark.parametrize(
    ("variables", "warning"),
    [
        (
            {"RELAY_SHUTDOWN_GRACE": "2"},
            "RELAY_SHUTDOWN_GRACE (2 s) is less than RELAY_READ_TIMEOUT_S (20 s)",
        ),
        (
            {"DYNO": "worker.1", "RELAY_SHUTDOWN_GRACE": "28"},
            "RELAY_SHUTDOWN_GRACE (28 s) does not fit into the 30 s",
        ),
        (
            {
                "RELAY_CONNECT_TIMEOUT_S": "600",
                "RELAY_READ_TIMEOUT_S": "600",
                "RELAY_SHUTDOWN_GRACE": "600",
            },
            "RELAY_CONNECT_TIMEOUT_S and RELAY_READ_TIMEOUT_S let one delivery last up to",
        ),
        (
            {"REDIS_URL": "rediss://h?ssl_cert_reqs=required", "RELAY_REDIS_TLS_VERIFY": "false"},
            "RELAY_REDIS_TLS_VERIFY has no effect",
        ),
        ({"RELAY_REDIS_CONECTIONS": "9"}, "RELAY_REDIS_CONECTIONS has no effect: was RELAY_REDIS_"),
        (
            {"RELAY_HELD_KEEP_DAY": "9"},
            "RELAY_HELD_KEEP_DAY has no effect: was RELAY_HELD_KEEP_DAYS",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_a_warning(variables, warning):
    os.environ.update(variables)
    (found,) = load().warnings
    assert found.startswith(warning)
    os.environ["RELAY_LANGUAGE"] = "es"
    assert load().warnings[0] != found


def test_a_language_that_the_console_does_not_speak_is_said():
    os.environ["RELAY_LANGUAGE"] = "fr"
    assert load().warnings == ("RELAY_LANGUAGE: expected es or en; the console speaks English",)


def test_empty_relay_config_is_the_file_that_comes_with_the_relay():
    os.environ["RELAY_CONFIG"] = ""
    assert load().config_file == module.DEFAULT_CONFIG_FILE
    assert module.DEFAULT_CONFIG_FILE.is_file()


@pytest.mark.parametrize(("host", "address"), [("0.0.0.0", "0.0.0.0:81"), ("::1", "[::1]:81")])
def test_address_has_the_host_in_brackets_where_it_has_colons(host, address):
    os.environ.update(RELAY_HOST=host, PORT="81")
    assert load().address == address


@pytest.mark.parametrize(("connect_s", "read_s"), [("5", "20"), ("0.5", "0.5"), ("60", "300")])
def test_job_may_take_longer_than_its_longest_attempt(connect_s, read_s):
    os.environ.update(RELAY_CONNECT_TIMEOUT_S=connect_s, RELAY_READ_TIMEOUT_S=read_s)

    longest_s = module.ATTEMPT_REQUESTS_MAX * (float(connect_s) + float(read_s))
    assert load().job_timeout_s >= longest_s + 10


def test_jobs_are_given_what_the_default_settings_say():
    assert load().job_timeout_s == JOB_TIMEOUT_S


def test_secrets_are_never_shown_and_settings_never_change():
    hushed = {"REDIS_URL": "redis://:hush@h:1/0", "RELAY_DASHBOARD_PASSWORD": "hush"}
    os.environ.update(hushed, SHOPIFY_SECRET="hush", MERCATELY_API_KEY="hush")
    found = load()
    assert "hush" not in f"{found!r} {found}"
    with pytest.raises(FrozenInstanceError):
        found.port = 1  # type: ignore[misc]


def test_env_file_fills_in_what_the_environment_does_not_say(env_file):
    os.environ["PORT"] = "9002"
    file = env_file("PORT=9001\nRELAY_QUEUE=from-file\n# a comment\n\nRELAY_HOST='::1'\n")
    found = load(file)
    assert (found.port, found.queue, found.host) == (9002, "from-file", "::1")


def test_secrets_of_the_env_file_reach_sources_and_started_processes(env_file):
    found = load(env_file("SHOPIFY_SECRET='a # b $c'\nMERCATELY_API_KEY=k\n"))
    assert found.environ["SHOPIFY_SECRET"] == "a # b $c"
    assert os.environ["SHOPIFY_SECRET"] == "a # b $c"
    assert (found.environ["MERCATELY_API_KEY"], os.environ["MERCATELY_API_KEY"]) == ("k", "k")


def test_example_can_be_used_as_an_env_file():
    found = load(EXAMPLE)
    assert (found.port, found.redis_url) == (8000, "redis://127.0.0.1:6379/0")


def test_unusable_value_in_the_env_file_is_named(env_file):
    with pytest.raises(SettingsError, match="RELAY_SHUTDOWN_GRACE"):
        load(env_file("RELAY_SHUTDOWN_GRACE=soon"))


def test_environment_is_carried_as_it_was_at_start():
    os.environ["SHOPIFY_SECRET"] = "s"
    found = load()
    os.environ["SHOPIFY_SECRET"] = "changed later"
    assert found.environ["SHOPIFY_SECRET"] == "s"


def test_env_file_that_is_not_utf_8_is_told_without_its_content(tmp_path):
    file = tmp_path / ".env"
    file.write_bytes(b"MERCATELY_API_KEY=hush\xf1\n")

    with pytest.raises(SettingsError) as caught:
        load(file)

    assert str(caught.value).startswith(f"{file}: ")
    assert "hush" not in str(caught.value)
