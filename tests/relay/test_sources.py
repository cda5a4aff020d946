"""relay.toml bound to platforms: what a source must have, and what its own table changes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import senders
from flask.testing import FlaskClient
from platform_samples import sender_of
from redis import Redis
from werkzeug.test import TestResponse

from config import relay_toml
from config.relay_toml import ConfigError
from relay import pipeline
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.errors import MISMATCH, Refused
from relay.inbound import samples
from relay.inbound.contract import Source
from relay.inbound.results import Events
from relay.inbound.signature import Basic, Bearer, Ecdsa, Hmac, PathToken, StandardWebhooks
from relay.mapping.templates import render
from relay.model import Call, Ignored, WebhookRequest
from relay.pipeline import flattened, translate
from relay.platforms import discovered
from relay.sources import Relay, load, offline_source, signing_source
from relay.web.app import create_app
from tests.conftest import make_settings

CONFIG = Path(relay_toml.__file__).parent
CRM = '[destinations.crm]\napi_key = "k"\n'
EVENTS = (
    '[events]\n"order.created" = { notes = "a", agent_id = 1 }\n"order.paid" = { notes = "b" }\n'
)
TOKEN = "throw-away-token"
WHSEC = "whsec_c3RhbmRhcmQtd2ViaG9va3MtdGVzdA=="
P384 = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE"

Load = Callable[..., Relay]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_LANGUAGE", "en")


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    def read(
        text: str, environ: Mapping[str, str] | None = None, dedup_s: int | None = None
    ) -> Relay:
        file = tmp_path / "relay.toml"
        file.write_text(CRM + text, "utf-8")
        return load(file, environ or {}, dedup_s)

    return read


@pytest.fixture
def faults(loaded: Load) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loaded(text)
        return list(caught.value.faults)

    return read


def table(platform: str, *lines: str, secrets: str = "", name: str = "s") -> str:
    secrets = secrets or senders.SECRETS[platform]
    own = [f"[sources.{name}]", f'platform = "{platform}"', f"secrets = [{json.dumps(secrets)}]"]
    return "\n".join([*own, *lines, ""])


BEARER = 'options.auth = { kind = "bearer" }'
PLATFORMS = list(senders.SECRETS)
BAD_KEY = "sources.s.secrets: expected a public key of curve P-256, base64 or PEM"
SHORT = "sources.s.secrets: expected a token of at least 16 ASCII characters"
FAULTS = [
    ('[sources.s]\nplatform = "nowhere"\nsecrets = "x"', f"sources.s.platform: expected one of {list(discovered())}"),
    (table("shopify", "options = { a = 1, b = 2 }"), "sources.s.options: shopify takes none, found ['a', 'b']"),
    (table("generic"), "sources.s.options.auth: Missing data for required field."),
    (table("generic", "options = { auth = 1 }"), "sources.s.options.auth: Invalid input type."),
    (table("generic", 'options.auth = { kind = "x" }'), "sources.s.options.auth.kind: Must be one of: hmac, standard_webhooks, basic, bearer, path."),
    (table("generic", 'options.auth = { kind = "path", header = "x" }'), "sources.s.options.auth.header: path takes no header"),
    (table("generic", BEARER, "options.colour = 1"), "sources.s.options.colour: Unknown field."),
    (table("generic", BEARER, "options.type = 1"), "sources.s.options.type: expected a JMESPath expression"),
    (table("generic", BEARER, 'options.contact.mail = "x"'), "sources.s.options.contact.mail: Unknown field."),
    (table("generic", BEARER, 'options.types = { a = "lead.new" }'), "sources.s.options.types: unknown event types ['lead.new']"),
    (table("standard_webhooks", 'options.types = { a = "lead.new" }'), "sources.s.options.types: unknown event types ['lead.new']"),
    (table("standard_webhooks", 'options.key = "rot13"'), "sources.s.options.key: Must be one of: base64, utf8, hex."),
    (table("shopify", 'topics = ["order.*", "orders/made"]'), "sources.s.topics: 'orders/made' is neither an event type nor a topic of shopify"),
    (table("sendgrid", 'topics = ["bounced"]'), "sources.s.topics: 'bounced' is neither an event type nor a topic of sendgrid"),
    (table("shopify", 'tolerance = "5m"'), "sources.s.tolerance: shopify signs no time"),
    (table("generic", BEARER, 'tolerance = "5m"'), "sources.s.tolerance: generic signs no time"),
    *((table(name, 'on_invalid = "reject"'), "sources.s.on_invalid: only generic may reject; others drop a hook that refuses") for name in PLATFORMS if name != "generic"),
    (table("shopify", 'echo = "ignore"'), "sources.s.echo: shopify does not mark what its API wrote"),
    (table("shopify", 'echo = "drop"'), "sources.s.echo: Must be one of: ignore, deliver."),
    (table("sendgrid", secrets="not a key"), BAD_KEY),
    (table("sendgrid", secrets="AAAA"), BAD_KEY),
    (table("sendgrid", secrets=P384), BAD_KEY),
    (table("sendgrid", secrets="-----BEGIN PUBLIC KEY-----\nx"), BAD_KEY),
    (table("standard_webhooks", secrets="whsec_!"), "sources.s.secrets: expected a secret in base64"),
    (table("standard_webhooks", secrets="whsec_"), "sources.s.secrets: expected a secret that is not empty"),
    (table("generic", BEARER, secrets="x" * 15), SHORT),
    (table("generic", BEARER, secrets="ñ" * 16), SHORT),
    (table("generic", 'options.auth = { kind = "path" }', secrets="short"), SHORT),
    (table("generic", 'options.auth = { kind = "basic" }', secrets="x" * 30), "sources.s.secrets: expected user:password"),
    (table("generic", 'options.auth = { kind = "hmac", key = "hex" }', secrets="xyz"), "sources.s.secrets: expected a secret in hex"),
    (table("shopify", 'events."order.mislaid" = {}'), 'sources.s.events."order.mislaid": unknown event type'),
    (table("shopify", 'events."order.paid" = { notes = 1 }'), 'sources.s.events."order.paid".notes: expected a text or template'),
    (table("shopify", 'events."order.paid" = 1'), 'sources.s.events."order.paid": expected a table or false'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_source_that_cannot_be_is_a_fault_that_names_its_key(text, fault, faults):
    (found,) = faults(text)
    assert found == fault or found.startswith(f"{fault}: ")


def test_fault_of_any_one_secret_is_told(faults):
    second = f'secrets = ["{TOKEN}", "short"]'
    text = f'[sources.s]\nplatform = "generic"\n{second}\n{BEARER}'
    assert faults(text) == [SHORT]


def test_all_faults_of_all_sources_are_told_together(faults):
    found = faults(
        table("shopify", 'tolerance = "5m"', 'topics = ["x"]', 'on_invalid = "reject"', name="a")
        + table("sendgrid", secrets="x", name="b")
        + table("generic", name="c")
    )
    assert [fault.partition(":")[0] for fault in found] == [
        "sources.a.topics", "sources.a.tolerance", "sources.a.on_invalid",
        "sources.b.secrets", "sources.c.options.auth",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        (table("shopify"), Hmac),
        (table("sendgrid", 'tolerance = "1h"'), Ecdsa),
        (table("standard_webhooks", 'tolerance = "1h"'), StandardWebhooks),
        (table("generic", BEARER, secrets=TOKEN), Bearer),
        (table("generic", 'options.auth = { kind = "path" }', secrets=TOKEN), PathToken),
        (table("generic", 'options.auth = { kind = "basic" }', secrets="ana:x"), Basic),
        (table("generic", 'options.auth = { kind = "standard_webhooks" }', 'tolerance = "1h"', secrets=WHSEC), StandardWebhooks),
    ],
)  # fmt: skip
def test_usable_source_has_its_scheme_and_tolerance(text, scheme, loaded):
    bound = loaded(text).sources["s"].scheme
    assert isinstance(bound, scheme)
    assert getattr(bound, "tolerance_s", 3600) == 3600


@pytest.mark.parametrize(
    "text",
    [
        table("shopify", 'topics = ["order.created", "orders/paid", "customers/*", "*"]'),
        table("generic", BEARER, 'topics = ["anything"]'),
        table("standard_webhooks", 'topics = ["invoice.paid"]', 'options.types = { "invoice.paid" = "order.paid" }'),
    ],
)  # fmt: skip
def test_topic_that_can_come_is_no_typo(text, loaded):
    assert loaded(text).sources["s"].topics


@pytest.mark.parametrize(
    ("topics", "platform", "name", "taken"),
    [
        ("", "shopify", "orders_create", True),
        ('["order.*"]', "shopify", "orders_create", True),
        ('["orders/create"]', "shopify", "orders_create", True),
        ('["orders/*"]', "shopify", "customers_create", False),
        ('["customer.created"]', "shopify", "orders_create", False),
        ("", "sendgrid", "open", False),
        ('["*"]', "sendgrid", "open", True),
        ('["email.opened"]', "sendgrid", "open", True),
    ],
)
def test_topics_choose_and_floods_are_off_until_asked_for(topics, platform, name, taken, loaded):
    wish = f"topics = {topics}" if topics else ""
    rules = '[events]\n"order.created" = { notes = true }\n"email.opened" = { notes = true }\n"customer.created" = { notes = true }'  # fmt: skip
    bound = loaded(table(platform, wish) + rules).sources["s"]
    parts = flattened(translate(senders.delivery(*senders.request_for(platform, name)), bound))
    (item,) = senders.without_ends(parts)
    assert isinstance(item, Call if taken else Ignored)
    if not taken:
        assert item.reason == "topic_not_wanted"


def test_events_of_a_source_override_the_general_ones_key_by_key(loaded):
    own = 'events."order.created" = { notes = "own" }\nevents."order.failed" = { notes = "c" }'
    sources = loaded(table("shopify", own) + table("woocommerce", name="t") + EVENTS).sources
    own_notes, notes = (
        {name: render(sources[s].rules[name].notes, {}) for name in ("order.created", "order.paid")}
        for s in ("s", "t")
    )
    assert own_notes == {"order.created": "own", "order.paid": "b"}
    assert render(sources["s"].rules["order.failed"].notes, {}) == "c"
    assert sources["s"].rules["order.created"].numbers == {"agent_id": 1}
    assert notes == {"order.created": "a", "order.paid": "b"}
    assert render(sources["t"].rules["order.failed"].notes, {}) == "Falló el pago del pedido"


def test_rule_that_a_type_follows_is_told_wrong_once(faults):
    wrong = '[events]\n"email.deferred" = { notes = 1 }\n'
    own = 'events."booking.created" = { tags = 1 }'
    assert faults(table("sendgrid", own) + wrong) == [
        'events."email.deferred".notes: expected a text or template',
        'sources.s.events."booking.created".tags: Not a valid list.',
    ]


@pytest.mark.parametrize(
    ("platform", "name", "own", "title"),
    [
        ("shopify", "s", "", "Shopify"),
        ("shopify", "tienda-norte", "", "Shopify"),
        ("shopify", "s", 'title = "Tienda Norte"', "Tienda Norte"),
        ("generic", "tienda-norte", BEARER, "Tienda Norte"),
        ("generic", "crm_2", BEARER, "CRM 2"),
        ("generic", "web", BEARER, "Web"),
        ("generic", "s", f'title = "Ventas"\n{BEARER}', "Ventas"),
        ("standard_webhooks", "standard_webhooks", "", "Standard Webhooks"),
        ("standard_webhooks", "resend", "", "Resend"),
    ],
)
def test_notes_name_the_source_by_its_title(platform, name, own, title, loaded):
    assert loaded(table(platform, own, name=name)).sources[name].title == title


@pytest.mark.parametrize("title", [" x", "x ", "x\\ny", "x" * 61])
def test_title_is_one_short_line(title, faults):
    assert faults(table("shopify", f'title = "{title}"')) == [
        "sources.s.title: expected one line of up to 60 characters"
    ]


def test_warning_is_told_once_and_by_whose_key_it_is(loaded):
    status = 'events."order.paid" = { outbound_status = "odd" }'
    rules = '[events]\n"email.sent" = { outbound_status = "strange" }'
    warnings = loaded(table("woocommerce", status) + table("sendgrid", name="t") + rules).warnings
    assert [warning.partition(".outbound_status")[0] for warning in warnings] == [
        'events."email.sent"', 'sources.s.events."order.paid"',
    ]  # fmt: skip


GUESSED = "can be guessed, expected 16 or more"
PIECE = "characters between commas is no secret of its own; to say which secrets there are, write a list in relay.toml"
WHOLE = ...  # the text as it stands


@pytest.mark.parametrize(
    ("line", "text", "secrets", "warnings"),
    [
        ("", "kJ8!x(7dQ-zL0#pW2vRt", [WHOLE], []),
        ("", "a-new-secret-of-a-shop,an-old-secret-of-a-shop", ["a-new-secret-of-a-shop", "an-old-secret-of-a-shop", WHOLE], []),
        ("", "a-new-secret-of-a-shop,", ["a-new-secret-of-a-shop", WHOLE], []),
        ("", "a-new-secret-of-a-shop,oldsecret", ["a-new-secret-of-a-shop", "oldsecret", WHOLE], [f"[1]: 9 characters {GUESSED}"]),
        ("", "a-new-secret-of-a-shop,old", ["a-new-secret-of-a-shop", WHOLE], [f": a part of 3 {PIECE}"]),
        ("", "changeme", [WHOLE], [f": 8 characters {GUESSED}"]),
        ("bearer", "a-new-token-of-a-form,old-token", ["a-new-token-of-a-form", WHOLE], [f": a part of 9 {PIECE}"]),
        ("basic", "agenda:kJ8,x-7dQ-zL0-pW2", ["agenda:kJ8", WHOLE], [f"[0]: 10 characters {GUESSED}", f": a part of 13 {PIECE}"]),
    ],
)  # fmt: skip
def test_text_with_commas_is_never_silently_one_secret(line, text, secrets, warnings, loaded):
    if line:
        own = f'options.auth = {{ kind = "{line}" }}'
        toml = f"[sources.s]\nplatform = \"generic\"\nsecrets = '{text}'\n{own}"
    else:
        toml = f"[sources.s]\nplatform = \"shopify\"\nsecrets = '{text}'"
    found = loaded(toml)
    assert found.sources["s"].secrets == tuple(text if part is ... else part for part in secrets)
    own = [text for text in found.warnings if text.startswith("sources.s.secrets")]
    assert own == [f"sources.s.secrets{warning}" for warning in warnings]


@pytest.mark.parametrize("text", ["{0},{1}", "{0}, {1},", ",{0},,{1}"])
def test_public_keys_with_commas_are_all_keys_and_one_that_is_none_is_a_fault(text, loaded, faults):
    keys = (senders.SECRETS["sendgrid"], senders.SPARES["sendgrid"])
    toml = '[sources.s]\nplatform = "sendgrid"\nsecrets = "{}"'
    found = loaded(toml.format(text.format(*keys)))
    assert (found.sources["s"].secrets, found.warnings) == (keys, ())
    assert faults(toml.format(text.format(keys[0], "not a key"))) == [BAD_KEY]


@pytest.mark.parametrize("text", ["v1,{}", "{},", "v1,{},v1,{}", "v1a,{},{}"])
def test_secret_shown_with_its_version_is_no_list(text, loaded):
    toml = f"[sources.s]\nplatform = 'standard_webhooks'\nsecrets = '{text.format(WHSEC, WHSEC)}'"
    found = loaded(toml)
    assert {s.rpartition(",")[2] for s in found.sources["s"].secrets} == {WHSEC}
    assert found.warnings == ()


@pytest.mark.parametrize(("days", "warned"), [(1, True), (2, False)])
def test_schedule_that_outlasts_the_memory_of_deliveries_is_a_warning(days, warned, loaded):
    """The default one waits for almost 28 hours."""
    found = loaded(
        table("shopify", secrets='"a-secret-of-enough-length"'), {}, days * 86400
    ).warnings
    about = [warning for warning in found if "retry_schedule: 99305 s of waiting" in warning]

    assert bool(about) is warned


@pytest.mark.parametrize(
    ("text", "dedup_s", "fits"),
    [
        (table("sendgrid"), 86_400, False),
        (table("sendgrid"), 2 * 86_400, True),
        (table("sendgrid", 'tolerance = "23h"'), 86_400, True),
        (table("sendgrid", 'tolerance = "23.95h"'), 86_400, False),
        (table("standard_webhooks"), 86_400, True),
        (table("standard_webhooks", 'tolerance = "10d"'), 7 * 86_400, False),
        (table("shopify"), 86_400, True),
    ],
)
def test_signed_time_may_not_be_accepted_for_longer_than_is_remembered(text, dedup_s, fits, loaded):
    """A captured request could be sent again when it is forgotten and still in time."""
    if fits:
        assert "s" in loaded(text, {}, dedup_s).sources
        return
    with pytest.raises(ConfigError) as caught:
        loaded(text, {}, dedup_s)
    (fault,) = caught.value.faults
    assert fault.startswith("sources.s.tolerance: ")
    assert f"RELAY_DEDUP_DAYS, {dedup_s} s" in fault


def test_event_without_a_rule_is_ignored(loaded):
    bound = loaded(table("shopify") + EVENTS + '"customer.created" = false').sources["s"]
    request = senders.delivery(*senders.request_for("shopify", "customers_create"))
    (item,) = flattened(translate(request, bound))
    assert item == Ignored("customers/create", "no_rule", "customer.created")


def test_event_of_a_type_that_does_not_exist_is_held_by_itself(loaded):
    """A mistake in a platform's file must not make the platform send for ever."""

    def parse(_request, _source):
        return Events([replace(event, type="order.eaten", report=None), event])

    bound = loaded(table("shopify") + EVENTS).sources["s"]
    request = senders.delivery(*senders.request_for("shopify", "orders_create"))
    (event,) = pipeline.parse(request, bound)
    mistaken = replace(bound, platform=replace(bound.platform, parse=parse))
    held, call = senders.without_ends(flattened(translate(request, mistaken)))
    assert (held.reason, held.event_type) == ("internal_error", "order.eaten")
    assert held.reasons == {"relay": "KeyError while mapping; please report it"}
    assert isinstance(call, Call)


def test_secret_in_the_environment_makes_a_source_of_every_platform_but_generic(loaded):
    environ = {f"{name.upper()}_SECRET": secret for name, secret in senders.SECRETS.items()}
    assert set(loaded("", environ).sources) == set(PLATFORMS) - {"generic"}
    assert loaded("", {}).sources == {}


@dataclass(frozen=True)
class SignedUrl:
    """A scheme whose proof is the URL itself."""

    label: str = "URL"
    vouches_for: str = "body"

    def verify(
        self, delivery: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        if delivery.headers.get("x-url") != delivery.url:
            raise Refused(MISMATCH)
        return delivery


@pytest.fixture
def web(redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path) -> Callable[..., FlaskClient]:
    def client(source: Source, **changes: Any) -> FlaskClient:
        relay = Relay("es", {"crm": source.destination}, {"s": source}, ())
        settings = make_settings(redis_server.url, tmp_path / "absent.toml", **changes)
        return create_app(settings, relay, redis).test_client()

    return client


@pytest.mark.parametrize(
    ("own", "general", "url"),
    [
        ("", "https://hooks.example.com/", "https://hooks.example.com/webhooks/s/t"),
        ("", "https://example.com/relay", "https://example.com/relay/webhooks/s/t"),
        ("https://tienda.example/hook", "https://example.com", "https://tienda.example/hook"),
        ("", "", "http://localhost/webhooks/s/t"),
    ],
)
def test_url_that_a_scheme_sees_is_the_one_the_sender_was_given(own, general, url, web, loaded):
    line = f'public_url = "{own}"' if own else ""
    bound = replace(loaded(table("shopify", line) + EVENTS).sources["s"], scheme=SignedUrl())
    client, (headers, body) = web(bound, public_url=general), senders.request_for("shopify", "orders_create")  # fmt: skip
    for query in ("", "?a=1&b=%20x&a=2"):
        for shown, status in ((url + query, 200), (url + query + "&", 401)):
            signed = {**headers, "x-url": shown}
            sent = client.post(f"/webhooks/s/t{query}", headers=signed, data=body)
            assert sent.status_code == status


NOBODY = {"contact": "expected a customer id, a phone, an e-mail or an id number"}
LEADS = [
    (b"{", "unreadable", {"body": "expected JSON, unreadable at byte 1"}),
    (b'{"email": "x"}', "unreadable", {"type": ["Missing data for required field."]}),
    (b'{"type": "order.paid", "email": "x"}', "no_customer", NOBODY | {"email": "not_an_email"}),
    (b'{"type": "order.paid"}', "no_customer", NOBODY),
    (b'{"type": "order.paid", "email": "", "phone": "123"}', "no_customer", NOBODY | {"phone": "not_valid_in_EC"}),
]  # fmt: skip
READS = 'options.type = "type"\noptions.contact = { email = "email", phone = "phone" }'


def post_lead(client: FlaskClient, body: bytes) -> TestResponse:
    return client.post("/webhooks/s", headers={"authorization": f"Bearer {TOKEN}"}, data=body)


@pytest.mark.parametrize(("body", "reason", "errors"), LEADS)
def test_generic_source_may_refuse_what_it_would_else_hold(
    body, reason, errors, web, loaded, redis
):
    lines = [BEARER, READS]
    strict = loaded(table("generic", 'on_invalid = "reject"', *lines, secrets=TOKEN) + EVENTS)
    refused = post_lead(web(strict.sources["s"]), body)
    told = {"type": "about:blank", "title": "The body is not what this source takes"}
    assert refused.json == told | {"status": 422, "reason": "invalid", "errors": errors}
    assert (refused.status_code, refused.content_type) == (422, "application/problem+json")
    assert redis.keys() == []

    patient = loaded(table("generic", 'on_nobody = "hold"', *lines, secrets=TOKEN) + EVENTS)
    held = post_lead(web(patient.sources["s"]), body)
    topic = "order.paid" if b"type" in body else ""
    why = {"topic": topic, "reason": reason, "errors": errors}
    assert held.status_code == 200
    assert held.json == {"status": "held", "ids": held.json["ids"], "reasons": [why]}
    assert redis.exists(f"relay:record:{held.json['ids'][0]}")


def test_strict_source_does_not_refuse_what_its_own_condition_holds(web, loaded):
    lines = ['on_invalid = "reject"', 'when = { hold = "body.email" }', BEARER, READS]
    strict = loaded(table("generic", *lines, secrets=TOKEN) + EVENTS)
    held = post_lead(web(strict.sources["s"]), b'{"type": "order.paid", "email": "a@example.com"}')
    assert (held.status_code, held.json["status"]) == (200, "held")
    assert held.json["reasons"][0]["reason"] == "to_review"


def test_list_of_wanted_types_under_the_wrong_key_is_told_the_right_one(faults):
    (fault,) = faults(table("shopify", 'types = ["order.paid"]'))
    assert fault == (
        "sources.s.types: expected a table from topics to event types; "
        "`topics` lists what is delivered"
    )


def test_conditions_of_a_source_are_shown_and_kept_for_dry_runs(loaded, tmp_path):
    text = table("shopify", 'when = { hold = "event.total > `5`" }') + EVENTS
    assert loaded(text).sources["s"].when.written == {"hold": "event.total > `5`"}
    dry = offline_source(tmp_path / "relay.toml", {}, discovered()["shopify"], "s")
    assert dry.when.written == {"hold": "event.total > `5`"}


def test_strict_source_names_the_faulty_events_of_a_batch_and_takes_none(web, loaded, redis):
    strict = table("generic", 'on_invalid = "reject"', 'options.events = "@"', BEARER, READS, secrets=TOKEN)  # fmt: skip
    good = {"type": "order.paid", "email": "ana@example.com"}
    body = json.dumps([good, {"type": "order.paid"}, good, {"email": "x"}]).encode()
    refused = post_lead(web(loaded(strict + EVENTS).sources["s"]), body)
    assert (refused.status_code, set(refused.json["errors"])) == (422, {"1", "3"})
    assert redis.keys() == []


@pytest.mark.parametrize("file", ["relay.toml", "demo.toml"])
@pytest.mark.parametrize("platform", [name for name in PLATFORMS if name != "generic"])
def test_dry_source_needs_no_secrets(file, platform):
    found = discovered()[platform]
    bound = offline_source(CONFIG / file, {}, found)
    assert bound.platform is found
    assert bound.secrets == ()
    request = senders.delivery(*senders.request_for(platform, samples.names(platform)[0]))
    items = flattened(translate(request, bound))
    assert any(isinstance(item, Call) for item in items)


def test_dry_source_has_the_wishes_rules_and_options_of_the_one_named(tmp_path):
    file = tmp_path / "relay.toml"
    wish = 'topics = ["order.paid"]\ncustomer_id = "7"\nevents."order.paid" = { notes = "own" }'
    lines = [BEARER, 'options.type = "kind"']
    file.write_text(
        CRM
        + table("shopify", secrets="${NOT_SET}", name="first")
        + table("shopify", wish, secrets="${NOT_SET}", name="second")
        + table("generic", *lines, secrets="${NOT_SET}", name="crm")
        + EVENTS
    )
    shopify = discovered()["shopify"]
    assert offline_source(file, {}, shopify).name == "first"
    second = offline_source(file, {}, shopify, "second")
    assert (second.name, second.topics, second.customer_id) == ("second", ("order.paid",), "7")
    assert render(second.rules["order.paid"].notes, {}) == "own"
    assert (
        offline_source(file, {}, discovered()["generic"]).options["type"].search({"kind": "x"})
        == "x"
    )


@pytest.mark.parametrize(
    ("text", "platform", "name", "fault"),
    [
        (CRM, "shopify", "absent", "sources: expected one of platform shopify"),
        (CRM + table("sendgrid"), "shopify", "s", "sources: expected one of platform shopify"),
        (CRM, "generic", "", "sources: expected one of platform generic"),
        ("", "shopify", "", "sources: expected one of platform shopify"),
        (CRM + table("generic"), "generic", "", "sources.s.options.auth: Missing data"),
        (CRM + 'rate = "fast"\n' + table("shopify"), "shopify", "", "destinations.crm.rate: expected"),
        (CRM + table("generic", BEARER, 'options.types = { a = "x" }'), "generic", "", "sources.s.options.types: unknown"),
        (CRM + table("shopify", "options.a = 1"), "shopify", "", "sources.s.options: shopify takes none"),
        (CRM + table("shopify") + '[events]\n"order.paid" = { notes = 1 }', "shopify", "", 'events."order.paid".notes: expected'),
    ],
)  # fmt: skip
def test_dry_source_that_cannot_be_is_told_why(text, platform, name, fault, tmp_path):
    file = tmp_path / "relay.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        offline_source(file, {}, discovered()[platform], name)
    assert caught.value.faults[0].startswith(fault)


SENDER = 'api_key = "${NOT_SET}"\n'


@pytest.fixture
def keyless(tmp_path: Path) -> Callable[[str], Path]:
    """A file whose destination has no key in the environment, with more text."""

    def write(text: str) -> Path:
        file = tmp_path / "keyless.toml"
        file.write_text(f"[destinations.crm]\n{SENDER}{text}")
        return file

    return write


@pytest.mark.parametrize("platform", PLATFORMS)
def test_signing_needs_the_secret_and_no_key_of_the_destination(platform, keyless):
    options = [BEARER] if platform == "generic" else []
    secret = TOKEN if platform == "generic" else senders.SECRETS[platform]
    source = signing_source(keyless(table(platform, *options, secrets=secret)), {}, "s")

    assert source is not None
    assert source.platform.name == platform
    assert source.secrets[0] in (secret, *secret.split(","))


def test_signing_source_of_the_environment_is_found_too(keyless):
    source = signing_source(keyless(""), {"SHOPIFY_SECRET": "a-secret"}, "shopify")

    assert source is not None
    assert source.secrets == ("a-secret",)


def test_signing_source_that_does_not_exist_is_none_whatever_else_is_wrong(keyless):
    assert (
        signing_source(keyless('[sources.other]\nplatform = "nowhere"\nsecrets = "x"'), {}, "s")
        is None
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[sources.s]\nplatform = "nowhere"\nsecrets = "x"', "sources.s.platform: expected one of"),
        (
            '[sources.s]\nplatform = "shopify"\nsecrets = "${GONE}"',
            "sources.s.secrets: environment variable GONE",
        ),
        (table("sendgrid", secrets="AAAA"), BAD_KEY),
        (table("generic"), "sources.s.options.auth: Missing data"),
        ("[sources]\ns = 1", "sources.s: expected a table"),
    ],
)
def test_signing_source_that_cannot_be_used_has_its_own_faults_only(text, fault, keyless):
    others = (
        '[sources.other]\nplatform = "nowhere"\nsecrets = "x"\n' if "[sources]" not in text else ""
    )
    with pytest.raises(ConfigError) as caught:
        signing_source(keyless(text + "\n" + others), {}, "s")

    assert all(line.startswith("sources.s") for line in caught.value.faults)
    assert caught.value.faults[0].startswith(fault)


@pytest.mark.parametrize(
    ("platform", "warns"), [("tiendanube", True), ("shopify", False), ("wix", False)]
)
def test_only_who_tells_little_without_lookups_is_warned_of(loaded, platform, warns):
    """Shopify's refunds are told with their orders too."""
    secret = json.dumps(sender_of(platform).secret)
    relay = loaded(f'[sources.s]\nplatform = "{platform}"\nsecrets = {secret}\n')
    assert any("kept as awaiting_lookup" in text for text in relay.warnings) is warns
