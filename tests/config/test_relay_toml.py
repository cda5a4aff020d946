"""relay.toml: everything wrong with it is told at once, by key and file, and no secret with it."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config import relay_toml
from config.relay_toml import ConfigError, Destination, RelayFile, SourceEntry, messages
from relay import sources
from relay.mapping.event_types import EVENT_TYPES

CONFIG = Path(relay_toml.__file__).parent
CRM = '[destinations.crm]\napi_key = "k"\n'
SHOP = '[sources.shop]\nplatform = "shopify"\nsecrets = "s"\n'
ENVIRON = {"KEY": "key-from-the-environment", "EMPTY": "", "OLD": "older"}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """What is read from a text; keywords are the environment's variables."""

    def load(
        text: str, platforms: tuple[str, ...] = (), environ: Mapping[str, str] = ENVIRON
    ) -> RelayFile:
        file = tmp_path / "relay.toml"
        file.write_text(text, "utf-8")
        return relay_toml.load(file, environ, platforms)

    return load


def destination(read: Any, line: str) -> Destination:
    found = read(CRM + line)
    assert found.faults == ()
    return found.destinations["crm"]


def source(read: Any, line: str) -> SourceEntry:
    found = read(CRM + SHOP + line)
    assert found.faults == ()
    return found.sources["shop"]


DURATION = 'expected a duration such as "5s", "30m" or "2h"'
DURATIONS = 'expected durations such as "5s 5m 30m 2h"'
KEY = "expected visible ASCII characters"
IN_FLIGHT = "expected a whole number from 1 to 10000"
RATE = 'expected a rate such as "2/s" or "120/m"'
NAME = "expected lower-case letters, - and _"
PROBE = 'expected a path such as "/agents"'
UNSET = "environment variable NOT_SET is not set"
FAULTS = [
    ("", "destinations: expected at least one"),
    (f"sources = []\n{CRM}", "sources: expected a table"),
    (f'events = "x"\n{CRM}', "events: expected a table"),
    (f"colour = 1\n{CRM}", "colour: unknown key, expected ['destinations', 'events', 'language', 'sources']"),
    (f'language = "fr"\n{CRM}', 'language: expected "es" or "en"'),
    ("[destinations]\ncrm = 1", "destinations.crm: expected a table"),
    ('[destinations.Crm]\napi_key = "k"', f"destinations.Crm: {NAME}"),
    ("[destinations.crm]", "destinations.crm.api_key: Missing data for required field."),
    ('[destinations.crm]\napi_key = ""', "destinations.crm.api_key: Shorter than minimum length 1."),
    ('[destinations.crm]\napi_key = "${NOT_SET}"', f"destinations.crm.api_key: {UNSET}"),
    ('[destinations.crm]\napi_key = "${EMPTY}"', "destinations.crm.api_key: environment variable EMPTY is not set"),
    *((f"[destinations.crm]\napi_key = {key}", f"destinations.crm.api_key: {KEY}") for key in ('"k\\n"', '" k"', '"k "', '"clé"', '"k\\u0000"')),
    ("[destinations.crm]\napi_key = 1", "destinations.crm.api_key: Not a valid string."),
    (f"{CRM}colour = 1", "destinations.crm.colour: Unknown field."),
    (f'{CRM}server = "app.mercately.com"', "destinations.crm.server: Not a valid URL."),
    (f'{CRM}server = "ftp://x.example"', "destinations.crm.server: Not a valid URL."),
    *((f"{CRM}rate = {rate}", f"destinations.crm.rate: {RATE}") for rate in ("2", '"2"', '"0/s"', '"-1/s"', '"2/d"', '"two/s"', '"2 /s"')),
    *((f"{CRM}in_flight = {value}", f"destinations.crm.in_flight: {IN_FLIGHT}") for value in ("0", "-1", "10001")),
    *((f"{CRM}in_flight = {value}", "destinations.crm.in_flight: Not a valid integer.") for value in ('"32"', "1.5", "true")),
    (f'{CRM}ordering = "none"', "destinations.crm.ordering: Must be one of: strict, relaxed."),
    (f'{CRM}timezone = "Guayaquil"', 'destinations.crm.timezone: expected a time zone such as "America/Guayaquil"'),
    (f'{CRM}country = "Ecuador"', 'destinations.crm.country: expected two letters such as "EC"'),
    (f'{CRM}country = "ec"', 'destinations.crm.country: expected two letters such as "EC"'),
    (f'{CRM}on_absent = "x"', "destinations.crm.on_absent: Must be one of: create, hold, drop."),
    (f'{CRM}on_ambiguous = "x"', "destinations.crm.on_ambiguous: Must be one of: retry, hold."),
    (f'{CRM}identifier = "x"', "destinations.crm.identifier: Must be one of: lookup, phone, email."),
    (f'{CRM}customer_wrapper = "x"', "destinations.crm.customer_wrapper: Not a valid boolean."),
    *((f"{CRM}probe = {value}", f"destinations.crm.probe: {PROBE}") for value in ('""', '"agents"', '"/a b"', '"https://x.example/agents"')),
    *((f"{CRM}retry_schedule = {value}", f"destinations.crm.retry_schedule: {DURATIONS}") for value in ("5", '""', "[]")),
    *((f"{CRM}retry_schedule = {value}", f"destinations.crm.retry_schedule: {DURATION}") for value in ('"5"', '"5s 5x"', '["5s", 5]', '"-5s"')),
    *((f"{CRM}retry_schedule = {value}", "destinations.crm.retry_schedule: expected a duration from 1s to 7d") for value in ('"0s"', '"5s 0.5s"', '"8d"')),
    (f"{CRM}retry_schedule = {['1s'] * 101}", "destinations.crm.retry_schedule: expected up to 100 durations"),
    *((f'{CRM}{SHOP}tolerance = "{value}"', "sources.shop.tolerance: expected a duration from 1s to 90d") for value in ("0s", "91d")),
    (f'{CRM}{SHOP}abandoned_after = "31d"', "sources.shop.abandoned_after: expected a duration from 0s to 30d"),
    (f'{CRM}{SHOP}repeat_window = "91d"', "sources.shop.repeat_window: expected a duration from 0s to 90d"),
    (f"{CRM}[sources]\nshop = 1", "sources.shop: expected a table"),
    (f'{CRM}[sources."x/y"]\nplatform = "shopify"\nsecrets = "s"', f"sources.x/y: {NAME}"),
    (f'{CRM}[sources.{"x" * 64}]\nplatform = "shopify"\nsecrets = "s"', f"sources.{'x' * 64}: {NAME}"),
    (f'{CRM}[sources.shop]\nsecrets = "s"', "sources.shop.platform: Missing data for required field."),
    (f'{CRM}[sources.shop]\nplatform = "shopify"', "sources.shop.secrets: Missing data for required field."),
    (f'{CRM}[sources.shop]\nplatform = "shopify"\nsecrets = []', "sources.shop.secrets: Shorter than minimum length 1."),
    (f'{CRM}[sources.shop]\nplatform = "shopify"\nsecrets = ["a", ""]', "sources.shop.secrets.1: expected a secret that is not empty"),
    (f'{CRM}[sources.shop]\nplatform = "shopify"\nsecrets = ""', "sources.shop.secrets.0: expected a secret that is not empty"),
    (f'{CRM}[sources.shop]\nplatform = "shopify"\nsecrets = ", ,"', "sources.shop.secrets.0: expected a secret that is not empty"),
    (f'{CRM}[sources.shop]\nplatform = "shopify"\nsecrets = [1]', "sources.shop.secrets.0: Not a valid string."),
    (f'{CRM}[sources.shop]\nplatform = "shopify"\nsecrets = "${{NOT_SET}}"', f"sources.shop.secrets: {UNSET}"),
    (f'{CRM}[sources.shop]\nplatform = "shopify"\nsecrets = ["s", "${{NOT_SET}}"]', f"sources.shop.secrets[1]: {UNSET}"),
    (f'{CRM}{SHOP}timezone = "Quito"', 'sources.shop.timezone: expected a time zone such as "America/Guayaquil"'),
    (f"{CRM}{SHOP}colour = 1", "sources.shop.colour: Unknown field."),
    (f'{CRM}{SHOP}destination = "other"', "sources.shop.destination: expected one of ['crm']"),
    (f"{CRM}[destinations.two]\napi_key = 'k'\n{SHOP}", "sources.shop.destination: expected one of ['crm', 'two']"),
    (f'{CRM}{SHOP}topics = "order.*"', "sources.shop.topics: Not a valid list."),
    (f'{CRM}{SHOP}topics = [""]', "sources.shop.topics.0: Shorter than minimum length 1."),
    (f'{CRM}{SHOP}machine_events = "x"', "sources.shop.machine_events: Not a valid boolean."),
    (f'{CRM}{SHOP}tolerance = "soon"', f"sources.shop.tolerance: {DURATION}"),
    (f"{CRM}{SHOP}tolerance = 300", f"sources.shop.tolerance: {DURATION}"),
    (f'{CRM}{SHOP}public_url = "hooks.example.com"', "sources.shop.public_url: Not a valid URL."),
    (f'{CRM}{SHOP}on_invalid = "x"', "sources.shop.on_invalid: Must be one of: hold, reject."),
    (f'{CRM}{SHOP}on_nobody = "x"', "sources.shop.on_nobody: Must be one of: ignore, hold."),
    (f'{CRM}{SHOP}customer_id = "{"x" * 65}"', "sources.shop.customer_id: Longer than maximum length 64."),
    (f"{CRM}{SHOP}options = 1", "sources.shop.options: Not a valid mapping type."),
    (f'{CRM}{SHOP}options.deep.list = ["${{NOT_SET}}"]', f"sources.shop.options.deep.list[0]: {UNSET}"),
    (f"{CRM}{SHOP}events = 1", "sources.shop.events: Not a valid mapping type."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_fault_names_the_whole_key(text, fault, read):
    assert read(text).faults == (fault,)


def test_destinations_that_are_no_table_are_told_as_such(read):
    assert "destinations: expected a table" in read("destinations = 1").faults


@pytest.mark.parametrize("content", [b"a =", b"[a", b"\xff", b"a = 1\na = 2", None])
def test_file_that_cannot_be_read_is_the_only_fault(content, tmp_path):
    file = tmp_path / "relay.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        relay_toml.load(file, {})
    (fault,) = caught.value.faults
    assert fault
    assert str(caught.value).startswith(f"{file}: ")


def test_byte_order_mark_of_a_windows_editor_is_no_fault(tmp_path):
    file = tmp_path / "relay.toml"
    file.write_bytes(b"\xef\xbb\xbf" + CRM.encode())

    assert "crm" in relay_toml.load(file, {}).destinations


def test_all_faults_are_told_together_and_each_names_the_file(tmp_path):
    file = tmp_path / "relay.toml"
    file.write_text("""
        language = "fr"
        [destinations.crm]
        rate = "fast"
        [sources.a]
        platform = "shopify"
        secrets = "${NOT_SET}"
        [sources.b]
        platform = "nowhere"
        secrets = "s"
        [sources.c]
        platform = "sendgrid"
        secrets = "s"
        topics = ["bounced"]
        [events]
        "order.created" = { notes = 1 }
        "order.mislaid" = {}
    """)
    with pytest.raises(ConfigError) as caught:
        sources.load(file, {})
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines)
    assert sorted(line.removeprefix(f"{file}: ").partition(": ")[0] for line in lines) == [
        "destinations.crm.api_key",
        "destinations.crm.rate",
        'events."order.created".notes',
        'events."order.mislaid"',
        "language",
        "sources.a.secrets",
        "sources.b.platform",
        "sources.c.topics",
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("${KEY}", "key-from-the-environment"),
        ("a-${KEY}-${OLD}", "a-key-from-the-environment-older"),
        ("${NOT_SET:-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("${KEY:-default}", "key-from-the-environment"),
        ("${NOT_SET:-http://x:1/${}", "http://x:1/${"),
        ("$KEY", "$KEY"),
        ("$${KEY}", "$key-from-the-environment"),
        ("{KEY}%KEY%${1}", "{KEY}%KEY%${1}"),
    ],
)
def test_variables_are_filled_in(written, expected, read):
    found = read(f"[destinations.crm]\napi_key = '{written}'")
    assert found.faults == ()
    assert found.destinations["crm"].api_key == expected


def test_variables_in_events_are_left_to_templates(read):
    found = read(CRM + "[events]\n'order.created' = { notes = '${NOT_SET}' }")
    assert (found.faults, found.events) == ((), {"order.created": {"notes": "${NOT_SET}"}})


@pytest.mark.parametrize(
    ("written", "secrets"),
    [
        (
            '"a-secret-newly-made, a-secret-made-before"',
            (
                "a-secret-newly-made",
                "a-secret-made-before",
                "a-secret-newly-made, a-secret-made-before",
            ),
        ),
        # A shop's own secret may have a comma: what is too short is not taken for a secret.
        ('"kJ8!x(7dQ,z"', ("kJ8!x(7dQ", "kJ8!x(7dQ,z")),
        (
            '"${KEY},${OLD}"',
            ("key-from-the-environment", "key-from-the-environment,older"),
        ),
        ('"${KEY},"', ("key-from-the-environment", "key-from-the-environment,")),
        ('["kJ8!x(7dQ,zL0#pW2v"]', ("kJ8!x(7dQ,zL0#pW2v",)),
        ('["new", "old"]', ("new", "old")),
        ('["${KEY}", "${OLD}"]', ("key-from-the-environment", "older")),
    ],
)
def test_secrets_are_rotated_by_a_list_or_commas(written, secrets, read):
    text = f'{CRM}[sources.shop]\nplatform = "shopify"\nsecrets = {written}'
    assert read(text).sources["shop"].secrets == secrets


def test_platform_with_a_secret_in_the_environment_gets_a_source(read):
    environ = {
        "SHOPIFY_SECRET": "new-secret-of-an-app,old-secret-of-an-app",
        "SENDGRID_SECRET": "",
        "ACME_SECRET": "x",
    }
    found = read(CRM, ("shopify", "sendgrid"), environ)
    assert found.faults == ()
    (entry,) = found.sources.values()
    assert (entry.name, entry.platform, entry.destination) == ("shopify", "shopify", "crm")
    assert entry.secrets[:2] == ("new-secret-of-an-app", "old-secret-of-an-app")


def test_source_that_is_written_down_comes_before_that_of_the_environment(read):
    text = CRM + '[sources.shopify]\nplatform = "shopify"\nsecrets = "own"'
    found = read(text, ("shopify",), {"SHOPIFY_SECRET": "other"})
    assert found.sources["shopify"].secrets == ("own",)


@pytest.mark.parametrize("secret", ["a${b}c", "${b:-c}", "p$ss {word} ñ"])
def test_secret_of_the_environment_is_taken_as_it_stands(secret, read):
    found = read(CRM, ("shopify",), {"SHOPIFY_SECRET": secret})
    assert found.faults == ()
    assert found.sources["shopify"].secrets == (secret,)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("", "server", "https://app.mercately.com"),
        ('server = "https://mercately.shop/"', "server", "https://mercately.shop"),
        ('server = "http://mercately:9000"', "server", "http://mercately:9000"),
        ("", "rate_per_s", 2.0),
        ('rate = "10/s"', "rate_per_s", 10.0),
        ('rate = "120/m"', "rate_per_s", 2.0),
        ('rate = "0.5/s"', "rate_per_s", 0.5),
        ('rate = "1800/h"', "rate_per_s", 0.5),
        ("", "in_flight", 32),
        ("in_flight = 1", "in_flight", 1),
        ("in_flight = 10000", "in_flight", 10_000),
        ("", "ordering", "strict"),
        ('ordering = "relaxed"', "ordering", "relaxed"),
        ("", "retry_delays_s", (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)),
        ('retry_schedule = "5s  1.5m 2h 1d"', "retry_delays_s", (5.0, 90.0, 7200.0, 86400.0)),
        ('retry_schedule = ["1s", "2m"]', "retry_delays_s", (1.0, 120.0)),
        ("", "country", "EC"),
        ("", "on_absent", "hold"),
        ("", "on_ambiguous", "retry"),
        ("", "identifier", "lookup"),
        ("", "customer_wrapper", False),
        ("", "probe", "/agents"),
        ('probe = "/customers?page=1"', "probe", "/customers?page=1"),
    ],
)
def test_destination_is_read_with_its_defaults(line, name, value, read):
    assert getattr(destination(read, line), name) == value
    assert destination(read, line).timezone.key == "America/Guayaquil"


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("", "tolerance_s", None),
        ('tolerance = "10m"', "tolerance_s", 600),
        ('tolerance = "1d"', "tolerance_s", 86400),
        ("", "topics", ()),
        ('topics = ["order.*", "checkouts/create"]', "topics", ("order.*", "checkouts/create")),
        ("", "timezone", None),
        ('timezone = "Europe/Madrid"', "timezone", ZoneInfo("Europe/Madrid")),
        ("", "on_invalid", "hold"),
        ("", "on_nobody", None),
        ('on_nobody = "hold"', "on_nobody", "hold"),
        ("", "machine_events", False),
        ("", "destination", "crm"),
        ('public_url = "https://hooks.example.com/x"', "public_url", "https://hooks.example.com/x"),
        ('customer_id = "1713huaxq1352"', "customer_id", "1713huaxq1352"),
        ("options = { a = [1, { b = '${OLD}' }] }", "options", {"a": [1, {"b": "older"}]}),
    ],
)
def test_source_is_read_with_its_defaults(line, name, value, read):
    assert getattr(source(read, line), name) == value


def test_secrets_are_never_shown(tmp_path):
    file = tmp_path / "relay.toml"
    environ = dict.fromkeys(("KEY", "A", "B", "SIGNING", "WOOCOMMERCE_SECRET"), "hush-hush-hush")
    good = """
        [destinations.crm]
        api_key = "${KEY}"
        [sources.shop]
        platform = "shopify"
        secrets = ["${A}", "${B}"]
        signing_key = "${SIGNING}"
    """
    file.write_text(good)
    shown = [relay_toml.load(file, environ, ["woocommerce"]), sources.load(file, environ)]
    file.write_text(f"{good}\ntopics = 1\ncolour = '${{A}}'\n[destinations.two]\napi_key = 1")
    try:
        sources.load(file, environ)
    except ConfigError as error:
        shown += [error, "".join(traceback.format_exception(error))]
    assert len(shown) == 4
    for one in shown:
        assert "hush" not in f"{one!r} {one}"


def test_messages_name_nested_keys():
    errors = {"a": {"b": ["x", "y"], "_schema": ["z"]}, "c": "w"}
    assert messages("top", errors) == ["top.a.b: x", "top.a.b: y", "top.a: z", "top.c: w"]


LEFT_OUT = {"order.deleted", "customer.deleted", "checkout.updated"}
DEMO = {
    "MERCATELY_SERVER": "http://127.0.0.1:9000",
    "MERCATELY_API_KEY": "k",
    "SHOPIFY_SECRET": "throw-away-secret-of-an-app",
    "WOOCOMMERCE_SECRET": "throw-away-secret-of-a-shop",
    "SENDGRID_SECRET": "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3v3CEGBYjSlOujNXIBzSiiXNcY6S2qXF2MFmLi5UUaqEikyYN+s/n1a4VQAu26yJ89ZPt523T2NkPTxydYmOXA==",
    "SENDGRID_SIGNING_KEY": "k",
    "STANDARD_WEBHOOKS_SECRET": "whsec_c3RhbmRhcmQtd2ViaG9va3MtdGVzdA==",
    "TIENDANUBE_SECRET": "throw-away-secret-of-a-shop-app",
    "CRM_SECRET": "throw-away-token",
}


@pytest.mark.parametrize("text", ['"k"', "'k'", "\u201ck\u201d", "k"])
def test_quotation_marks_that_a_host_leaves_around_a_key_are_no_part_of_it(tmp_path, text):
    file = tmp_path / "relay.toml"
    file.write_text('[destinations.crm]\napi_key = "${KEY}"')
    assert sources.load(file, {"KEY": text}).destinations["crm"].api_key == "k"


def test_shipped_file_loads_and_has_a_rule_for_every_type_but_those_left_out():
    file = CONFIG / "relay.toml"
    alone = {
        name: value
        for name, value in DEMO.items()
        if name not in ("CRM_SECRET", "TIENDANUBE_SECRET")
    }
    found = sources.load(file, alone)
    assert found.warnings == ()
    assert set(found.sources) == {"shopify", "woocommerce", "sendgrid", "standard_webhooks"}
    for bound in found.sources.values():
        assert set(bound.rules) == set(EVENT_TYPES) - LEFT_OUT
    assert sources.load(file, {"MERCATELY_API_KEY": "k"}).sources == {}


def test_demo_file_loads_and_has_a_rule_for_every_type_its_samples_come_to():
    found = sources.load(CONFIG / "demo.toml", DEMO)
    assert found.warnings == ()
    assert {"shopify", "woocommerce", "sendgrid", "standard_webhooks", "tiendanube", "crm"} == set(
        found.sources
    )
    for bound in found.sources.values():
        assert set(bound.platform.event_types.values()) <= set(bound.rules)


def test_commented_examples_of_the_shipped_file_are_right_too(tmp_path):
    text = (CONFIG / "relay.toml").read_text("utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")]
    at = [lines.index(start) for start in ("[sources.tienda-norte]", '[events."order.created"]')]
    (last,) = (i for i, line in enumerate(lines) if line.startswith("echo = "))
    ends = [last, len(lines) - 1]
    examples = ["\n".join(lines[start : end + 1]) for start, end in zip(at, ends, strict=True)]
    file = tmp_path / "relay.toml"
    file.write_text(CRM.replace("crm", "principal") + "\n".join(examples), "utf-8")
    environ = dict.fromkeys(
        (
            "TIENDA_NORTE_SECRET",
            "TIENDA_NORTE_OLD_SECRET",
            "CRM_TOKEN",
            "ACTIVECAMPAIGN_SECRET",
        ),
        "throw-away-token",
    )
    found = sources.load(file, environ)
    assert set(found.sources) == {"tienda-norte", "crm", "activecampaign"}
    assert found.warnings == ()
