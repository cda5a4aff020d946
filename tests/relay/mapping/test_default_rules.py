"""Rules that types have by themselves or from their parents."""

from pathlib import Path

import pytest

from config import relay_toml
from relay.mapping.default_rules import default_rule, own_with_inherited, with_inherited
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


def test_default_rules_are_usable():
    complete, inherited = with_inherited({})
    rules, faults, warnings = compile_rules([("events", complete)], "es")
    assert (faults, warnings) == ([], [])
    assert complete.keys() == inherited.keys() == EVENT_TYPES.keys()
    assert rules.keys() == {name for name in EVENT_TYPES if default_rule(name)}
    assert set(inherited.values()) == {""}


@pytest.mark.parametrize(("child", "parent"), CHILDREN.items())
@pytest.mark.parametrize("rule", [RULE, {}, False])
def test_type_that_is_not_named_follows_its_parent(child, parent, rule):
    complete, inherited = with_inherited({parent: rule})
    assert complete[child] == rule
    assert inherited[child] == parent


@pytest.mark.parametrize("child", CHILDREN)
@pytest.mark.parametrize("rule", [RULE, {}, False])
def test_type_that_is_named_has_the_rule_that_is_written(child, rule):
    complete, inherited = with_inherited({CHILDREN[child]: {"notes": "y"}, child: rule})
    assert complete[child] == rule
    assert child not in inherited


def test_follower_of_a_follower_has_the_rule_of_the_nearest_that_is_named(monkeypatch):
    kinds = {**EVENT_TYPES, "x.y": EVENT_TYPES["email.blocked"]}
    kinds["x.z"] = type(kinds["x.y"])("t", "t", "n", "n", parent="x.y")
    monkeypatch.setattr("relay.mapping.default_rules.EVENT_TYPES", kinds)
    complete, inherited = with_inherited({"email.deferred": RULE})
    assert (complete["x.z"], inherited["x.z"]) == (RULE, "email.deferred")
    complete, inherited = with_inherited({"email.deferred": RULE, "x.y": False})
    assert (complete["x.z"], inherited["x.z"]) == (False, "x.y")


def test_follower_follows_within_a_source_too():
    general = {"email.deferred": {"notes": "general", "agent_id": 1}}
    complete, inherited = with_inherited(general)
    own = own_with_inherited({"email.deferred": {"notes": "own"}}, inherited)
    assert own["email.blocked"] == {"notes": "own"}
    assert "booking.rescheduled" not in own
    rules, _, _ = compile_rules([("events", complete), ("sources.s.events", own)], "es")
    assert rules["email.blocked"].written == {"notes": "own", "agent_id": 1}


def test_false_switches_off_a_rule_of_an_earlier_table():
    tables = [("events", {"order.paid": RULE}), ("sources.s.events", {"order.paid": False})]
    assert compile_rules(tables, "es") == ({}, [], [])


@pytest.mark.parametrize("rule", [True, 1, "no", [], None])
def test_other_values_are_faults(rule):
    _, faults, _ = compile_rules([("events", {"order.paid": rule})], "es")
    assert faults == ['events."order.paid": expected a table or false']
