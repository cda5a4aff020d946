"""The Lua scripts and what they must have in common with Python."""

import pytest

from relay.model import OPEN_STATES, State
from relay.store import lua


@pytest.mark.parametrize("state", [*State, "", "unheard-of"])
def test_open_states_are_the_same_in_lua(redis, state):
    script = lua.script("lanes") + "\nreturn opens(ARGV[1]) and 1 or 0"

    assert bool(redis.eval(script, 0, state)) is (state in OPEN_STATES)


def test_script_is_found_in_the_package_that_is_named(tmp_path, monkeypatch):
    package = tmp_path / "package_with_a_script"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "first.lua").write_text("local n = 1", "utf-8")
    (package / "second.lua").write_text("return n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    text = lua.script("first", "second", package="package_with_a_script")

    assert text == "local n = 1\nreturn n"


def test_counted_pairs_begin_with_how_many_values_follow():
    assert lua.counted_pairs({"a": 1, "b": "x"}) == [4, "a", 1, "b", "x"]
    assert lua.counted_pairs({}) == [0]
