"""Rules that types have by themselves or from their parents."""

from pathlib import Path

import pytest
from cases import all_of

from config import relay_toml
from relay.mapping.default_rules import compile_all, default_rule, inherited_types
from relay.mapping.event_types import EVENT_TYPES
from relay.mapping.rules import compile_rules

CHILDREN = {name: kind.parent for name, kind in EVENT_TYPES.items() if kind.parent}
SHIPPED = relay_toml.load(Path(relay_toml.__file__).with_name("relay.toml"), {}).events
RULE = {"notes": "x"}


def test_every_parent_is_a_type_and_no_type_is_its_own_ancestor():
    assert CHILDREN["email.blocked"] == "email.deferred"
    for name in CHILDREN:
        line = [name]
        while parent := EVENT_TYPES[line[-1]].parent:
            assert parent in EVENT_TYPES
            assert parent not in line
            line.append(parent)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_shipped_file_says_the_default_rules(name):
    assert SHIPPED.get(name, False) == default_rule(name)


def compiled(general, own=None):
    """The rules as they are written, by type; none is wrong."""
    rules, faults, warnings = compile_all(general, "es", own and ("sources.s.events", own))
    assert (faults, warnings) == ([], [])
    return {name: dict(rule.written) for name, rule in rules.items()}


def test_default_rules_are_those_where_nothing_is_written():
    defaults = {name: default_rule(name) for name in EVENT_TYPES if default_rule(name)}
    assert compiled({}) == defaults
    assert inherited_types({}) == dict.fromkeys(EVENT_TYPES, "")


@all_of(("child", "parent"), CHILDREN.items())
@all_of("rule", [RULE, {}, False])
def test_type_that_is_not_named_follows_its_parent(child, parent, rule):
    assert compiled({parent: rule}).get(child, False) == rule
    assert inherited_types({parent: rule})[child] == parent


@all_of("child", CHILDREN)
@all_of("rule", [RULE, {}, False])
def test_type_that_is_named_has_the_rule_that_is_written(child, rule):
    general = {CHILDREN[child]: {"notes": "y"}, child: rule}
    assert compiled(general).get(child, False) == rule
    assert child not in inherited_types(general)


def test_follower_of_a_follower_has_the_rule_of_the_nearest_that_is_named(monkeypatch):
    kinds = {**EVENT_TYPES, "x.y": EVENT_TYPES["email.blocked"]}
    kinds["x.z"] = type(kinds["x.y"])("t", "t", "n", "n", parent="x.y")
    monkeypatch.setattr("relay.mapping.default_rules.EVENT_TYPES", kinds)
    assert inherited_types({"email.deferred": RULE})["x.z"] == "email.deferred"
    assert inherited_types({"email.deferred": RULE, "x.y": False})["x.z"] == "x.y"


def test_follower_follows_within_a_source_too():
    general = {"email.deferred": {"notes": "general", "agent_id": 1}, "email.sent": False}
    rules = compiled(general, {"email.deferred": {"notes": "own"}})
    assert rules["email.blocked"] == {"notes": "own", "agent_id": 1}
    assert compiled(general, {"email.deferred": False}).get("email.blocked") is None
    own = {"email.deferred": {"notes": "own"}, "email.blocked": {"agent_id": 2}, "email.sent": RULE}
    rules = compiled(general, own)
    assert rules["email.blocked"] == {"notes": "general", "agent_id": 2}
    assert rules["email.sent"] == RULE


def test_false_switches_off_a_rule_of_an_earlier_table():
    tables = [("events", {"order.paid": RULE}), ("sources.s.events", {"order.paid": False})]
    assert compile_rules(tables, "es") == ({}, [], [])


@pytest.mark.parametrize("rule", [True, 1, "no", [], None])
def test_other_values_are_faults(rule):
    _, faults, _ = compile_rules([("events", {"order.paid": rule})], "es")
    assert faults == ['events."order.paid": expected a table or false']
