"""`[events]` of relay.toml: what is a fault, what is a warning, and what templates may do."""

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import senders
from cases import all_of
from jinja2 import Environment
from jinja2.meta import find_undeclared_variables

from relay import sources
from relay.calls import translate_item
from relay.mapping.event_types import EVENT_TYPES, Language
from relay.mapping.rules import DATES, OUTBOUND_STATUSES, Rule, compile_rules, iso_date
from relay.mapping.templates import brief, brief_url, render
from relay.model import Call, Contact, Event, Held

EVENT = Event(
    type="order.created",
    topic="orders/create",
    key="k",
    occurred_at=datetime(2026, 11, 2, 15, 4, tzinfo=UTC),
    contact=Contact(email="ana@example.com"),
    extra={"order_number": "1001", "total": "10.50", "currency": "USD", "lines": ["a", "b"]},
)


def compiled(
    rule: str, event_type: str = "order.created", language: Language = "es"
) -> tuple[Rule | None, list[str], list[str]]:
    """A rule as TOML has it, with faults and warnings."""
    table = {event_type: tomllib.loads(f"rule = {rule}")["rule"]}
    rules, faults, warnings = compile_rules([("events", table)], language)
    return rules.get(event_type), faults, warnings


def translated(template: str, *, field: str = "notes", event: Event = EVENT) -> Call | Held:
    """What an event comes to under a rule with this template in one place."""
    source = senders.source_of("shopify")
    values: dict[str, Any] = {
        "custom_fields": {"x": template}, "address": {"city": template},
    }  # fmt: skip
    rules, faults, _ = compile_rules(
        [("events", {event.type: {field: values.get(field, template)}})], "es"
    )
    assert faults == []
    bound = sources.Source(
        name="s", platform=source.platform, scheme=source.scheme, secrets=(), rules=rules,
        destination=source.destination, timezone=source.timezone,
    )  # fmt: skip
    item = translate_item(event, senders.delivery({}, b"{}"), bound)
    assert isinstance(item, Call | Held)
    return item


EXPECTED_TAG = 'expected "name", "-name" or {name = "…", value = true}'
EXPECTED_DATE = 'expected "occurred_at", the name of a field, or a date'
FAULTS = [
    ("{ tag = 1 }", "tag: Unknown field."),
    ("{ customer_addresses_attributes = [] }", "customer_addresses_attributes: Unknown field."),
    ("{ notes = 1 }", "notes: expected a text or template"),
    ('{ notes = "" }', "notes: expected a text or template"),
    ("{ notes = [] }", "notes: expected a text or template"),
    ("{ notes = {} }", "notes: expected texts under es and en"),
    ('{ notes = { fr = "x" } }', "notes: expected texts under es and en"),
    ("{ notes = { es = 1 } }", "notes: expected a text or template"),
    ('{ notes = "{{ a" }', "notes: template, line 1: unexpected end of template"),
    ('{ notes = "{{ a | nope }}" }', "notes: template, line 1: No filter named 'nope'."),
    ('{ notes = "a\\n{% if %}" }', "notes: template, line 2: Expected an expression, got 'end of statement block'"),
    ('{ tags = "vip" }', "tags: Not a valid list."),
    ("{ tags = [1] }", f"tags.0: {EXPECTED_TAG}"),
    ('{ tags = ["ok", "-"] }', f"tags.1: {EXPECTED_TAG}"),
    ('{ tags = [""] }', f"tags.0: {EXPECTED_TAG}"),
    ('{ tags = [{ name = "a" }] }', f"tags.0: {EXPECTED_TAG}"),
    ('{ tags = [{ name = "a", value = 1 }] }', f"tags.0: {EXPECTED_TAG}"),
    ('{ tags = [{ name = "", value = true }] }', f"tags.0: {EXPECTED_TAG}"),
    ('{ custom_fields = ["a"] }', "custom_fields: Not a valid mapping type."),
    ("{ custom_fields = { a = 1 } }", "custom_fields.a.value: expected a text or template"),
    ('{ custom_fields = { "" = "x" } }', "custom_fields..key: Shorter than minimum length 1."),
    ("{ outbound_status = 1 }", "outbound_status: expected a text or template"),
    ("{ campaign_url = true }", "campaign_url: expected a text or template"),
    ('{ error_message = "{% x %}" }', "error_message: template, line 1: Encountered unknown tag 'x'."),
    ('{ campaign_id = "12" }', "campaign_id: Not a valid integer."),
    ("{ campaign_id = 1.0 }", "campaign_id: Not a valid integer."),
    ("{ campaign_id = true }", "campaign_id: Not a valid integer."),
    ('{ agent_id = "34" }', "agent_id: Not a valid integer."),
    *((f"{{ {name} = 1 }}", f"{name}: {EXPECTED_DATE}") for name in DATES),
    ('{ sent_at = "occurred at" }', f"sent_at: {EXPECTED_DATE}"),
    ('{ sent_at = "{{ paid_at }}" }', f"sent_at: {EXPECTED_DATE}"),
    ('{ sent_at = "2026-13-45" }', f"sent_at: {EXPECTED_DATE}"),
    ("{ sent_at = 10:00:00 }", f"sent_at: {EXPECTED_DATE}"),
    ('{ profile = "email" }', "profile: expected true, false or a list of"),
    ('{ profile = ["email", "notes"] }', "profile: expected true, false or a list of"),
    ('{ profile = [["email"]] }', "profile: expected true, false or a list of"),
    ('{ addresses = "yes" }', "addresses: Not a valid boolean."),
    ('{ address = "x" }', "address: Invalid input type."),
    ('{ address = { street = "x" } }', "address.street: Unknown field."),
    ('{ address = { country = "EC" } }', "address.country: Unknown field."),
    ("{ address = { city = 1 } }", "address.city: expected a text or template"),
    ("{ address = { latitude = -0.18 } }", "address.latitude: expected a text or template"),
    ("{ address = { longitude = 1 } }", "address.longitude: expected a text or template"),
    ('{ address = { country_id = "1" } }', "address.country_id: Not a valid integer."),
    ('{ address = { main = "true" } }', "address.main: Not a valid boolean."),
]  # fmt: skip


@all_of(("rule", "fault"), FAULTS)
def test_wrong_key_or_type_is_a_fault_that_names_the_whole_key(rule, fault):
    compiled_rule, faults, _ = compiled(rule)
    assert compiled_rule is None
    (line,) = faults
    assert line.startswith(f'events."order.created".{fault}')


def test_all_faults_are_reported_together():
    tables = {
        "order.created": {"notes": 1, "tags": 1},
        "order.mislaid": {},
        "order.paid": "yes",
        "email.sent": {"address": {"main": "yes", "city": 1}},
    }
    rules, faults, _ = compile_rules([("events", tables)], "es")
    assert rules == {}
    assert sorted(fault.partition(":")[0] for fault in faults) == [
        'events."email.sent".address.city',
        'events."email.sent".address.main',
        'events."order.created".notes',
        'events."order.created".tags',
        'events."order.mislaid"',
        'events."order.paid"',
    ]


def test_later_table_replaces_keys_of_an_earlier_one_and_keeps_the_others():
    general = {"order.created": {"notes": "a", "agent_id": 1}, "order.paid": {"agent_id": 2}}
    own_table = {"order.created": {"notes": "b"}}
    rules, faults, _ = compile_rules([("events", general), ("sources.s.events", own_table)], "es")
    assert faults == []
    compiled_rule = rules["order.created"]
    assert compiled_rule.notes is not None
    assert (render(compiled_rule.notes, {}), compiled_rule.numbers) == ("b", {"agent_id": 1})
    assert rules["order.paid"].numbers == {"agent_id": 2}


def test_fault_names_the_table_it_is_in():
    general, own_table = {"order.created": {"tags": 1}}, {"order.created": {"notes": True}}
    _, faults, _ = compile_rules([("events", general), ("sources.s.events", own_table)], "es")
    assert faults == ['events."order.created".tags: Not a valid list.']


@pytest.mark.parametrize(
    ("status", "warned"),
    [
        *((status, False) for status in OUTBOUND_STATUSES),
        ("failed", True), ("Error", True), ("{{ status }}", False),
    ],
)  # fmt: skip
def test_unknown_outbound_status_is_a_warning_and_no_fault(status, warned):
    compiled_rule, faults, warnings = compiled(f'{{ outbound_status = "{status}" }}')
    assert compiled_rule is not None
    assert faults == []
    expected = f"{status!r} is not one of {list(OUTBOUND_STATUSES)}"
    found = [f'events."order.created".outbound_status: {expected}'] if warned else []
    assert warnings == found


@pytest.mark.parametrize(
    ("rule", "language", "expected"),
    [
        ("{ notes = true }", "es", "Pedido 1001 creado por $10,50"),
        ("{ notes = true }", "en", "Order 1001 placed for $10,50"),
        ('{ notes = { es = "hola", en = "hello" } }', "es", "hola"),
        ('{ notes = { es = "hola", en = "hello" } }', "en", "hello"),
        ('{ notes = { en = "hello" } }', "es", "hello"),
        ('{ notes = { es = "hola" } }', "en", "hola"),
        ('{ notes = " {{ order_number }} " }', "es", "1001"),
        ("{ notes = false }", "es", None),
        ("{}", "es", None),
    ],
)
def test_notes_are_a_template_a_pair_the_default_or_none(rule, language, expected):
    fields = {**EVENT.extra, "amount": "$10,50"}
    compiled_rule, faults, _ = compiled(rule, language=language)
    assert compiled_rule is not None
    assert faults == []
    assert (render(compiled_rule.notes, fields) if compiled_rule.notes else None) == expected


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_default_note_of_every_type_can_be_said_of_any_event(event_type, language):
    compiled_rule, faults, _ = compiled("{ notes = true }", event_type, language)
    assert compiled_rule is not None
    assert compiled_rule.notes is not None
    assert faults == []
    full = dict.fromkeys(
        ("order_number", "total", "currency", "checkout_url", "subject", "campaign", "reason",
         "tracking_number", "tracking_url"), "«x»",
    )  # fmt: skip
    for fields in ({}, full, dict.fromkeys(full, 1.5), dict.fromkeys(full)):
        text = render(compiled_rule.notes, {**fields, "source_title": "Shopify"})
        assert text[0].isupper()
        assert "  " not in text
        assert text.endswith("(Shopify)")
        assert "None" not in text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a{{ missing }}b{{ missing.deep }}{{ missing[0].x }}c", "abc"),
        ("a{{ none }}{{ lines[9] }}b", "ab"),
        ("{% for line in lines %}{{ line }};{% endfor %}", "a;b;"),
        ("{% for line in missing %}x{% endfor %}y", "y"),
        ("{{ missing or order_number }} {{ missing | default('d') }}", "1001 d"),
        ("{{ total | float * 2 }}", "21.0"),
        ("a & <b> \"c\" 'd' {{ '<x>' }}", "a & <b> \"c\" 'd' <x>"),
        ("x{{ order_number.__class__ }}", "x"),
        ("x{{ order_number.__class__.__mro__[1] }}", "x"),
        ("x{{ order_number | attr('__class__') }}", "x"),
        ("x{{ order_number['__class__'] }}", "x"),
        ("x{{ '{0.__class__}'.format(order_number) }}", "x"),
        ("x{{ cycler.__init__.__globals__ }}", "x"),
        ("x{{ self.__init__.__globals__ }}{{ lipsum.__globals__ }}", "x"),
    ],
)
def test_what_is_missing_or_forbidden_renders_as_nothing(template, text):
    item = translated(template)
    assert isinstance(item, Call)
    assert item.body == {"notes": text}


@all_of("field", ["notes", "custom_fields", "campaign_url", "address"])
@all_of(
    "template",
    [
        "{{ order_number.__class__.__mro__[1].__subclasses__() }}",
        "{{ lipsum.__globals__.os.popen('id').read() }}",
        "{{ lines.append('c') }}{{ lines.__setitem__(0, 'x') }}",
        "{{ range(10000000) | list }}",
        "{{ 1 / 0 }}",
        "{{ total + 1 }}",
        "{{ missing + 1 }}",
        "{{ missing() }}",
        "{{ '%d' | format(total) }}",
        "{% include 'x' %}",
        "{{ occurred_at.strftime(missing) }}",
    ],
)
def test_template_that_fails_on_an_event_holds_it_for_a_person(template, field):
    item = translated(template, field=field)
    assert isinstance(item, Held)
    assert (item.topic, item.key, item.event_type) == ("orders/create", "k", "order.created")
    assert item.reason
    assert item.raw == b"{}"
    assert EVENT.extra["lines"] == ["a", "b"]


def test_reason_of_a_failing_template_names_the_key_and_no_value():
    item = translated("{{ total + 1 }}", field="custom_fields")
    assert isinstance(item, Held)
    (key,) = item.reasons
    assert key.startswith("custom_fields")
    assert "10.50" not in str(item.reasons)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("late", "2026-11-02"),
        ("early", "2026-11-03"),
        ("zulu", "2026-11-02"),
        ("local", "2026-11-03"),
        ("day", "2026-11-03"),
        ("2026-12-31", "2026-12-31"),
        ("absent", ""),
        ("none", ""),
        ("number", ""),
        ("text", ""),
        ("list", ""),
    ],
)
def test_day_of_a_time_in_a_zone(name, expected):
    context = {
        "late": datetime(2026, 11, 3, 4, 59, tzinfo=UTC), "early": datetime(2026, 11, 3, 5, tzinfo=UTC),
        "zulu": "2026-11-03T04:59:59.999Z", "local": "2026-11-03 00:30:00", "day": "2026-11-03",
        "none": None, "number": 1793631845, "text": "mañana", "list": [date(2026, 1, 1)],
    }  # fmt: skip
    assert iso_date(name, context, ZoneInfo("America/Guayaquil")) == expected


def test_rules_of_a_file_are_compiled_once_for_all_sources(tmp_path: Path):
    file = tmp_path / "relay.toml"
    file.write_text("""
        [destinations.crm]
        api_key = "k"
        [sources.a]
        platform = "shopify"
        secrets = "s"
        [sources.b]
        platform = "woocommerce"
        secrets = "s"
        [events]
        "order.created" = { notes = true }
    """)
    found = sources.load(file, {}).sources
    assert found["a"].rules is found["b"].rules


WITH_WORDS = """
notes = "{{1if total else 2}}{%-if items-%}{{\\nstatus_text|default(changed, true)}}{%endif%}"
when = "5 and method_text or body['vip'] is sameas(reason_line)"
custom_fields = { n = "{{ [tracking_text,tracking_url]|join('\\n') }}{% set a=carrier %}{{a}}" }
address = { city = "{{ url~'x' }}" }
campaign_url = "{{- body.a[cancel_text]-}}"
sent_at = "paid_at"
"""


def variables_in(text: str) -> set[str]:
    environment = Environment()
    environment.filters |= {"brief": brief, "brief_url": brief_url}
    return find_undeclared_variables(environment.parse(text))


def test_words_of_a_rule_are_all_that_it_may_read():
    raw = tomllib.loads(WITH_WORDS)
    (rule,) = compile_rules([("events", {"order.paid": raw})], "es")[0].values()
    templates = [raw["notes"], raw["campaign_url"], "{{ " + raw["when"] + " }}"]
    templates += [*raw["custom_fields"].values(), raw["address"]["city"]]
    read = {name for text in templates for name in variables_in(text)}
    assert {"total", "reason_line", "status_text", "carrier", "url"} < read
    assert read | {"paid_at"} <= rule.words


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_words_of_a_default_note_too(event_type, language):
    (rule,) = compile_rules([("events", {event_type: {"notes": True}})], language)[0].values()
    note = EVENT_TYPES[event_type].note(language)
    assert variables_in(note) <= rule.words
