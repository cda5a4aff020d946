"""What is printed of times, widths and the texts of senders."""

import json

import pytest

from relay.cli.output import Column, age, json_text, print_table
from relay.cli.terminal import escaped, plain
from relay.inbound.expression import Expression, FirstUsable


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (7200, "2 h"),
        (86_399, "23 h"),
        (86_400, "1 d"),
        (604_800, "7 d"),
    ],
)
def test_age_is_in_its_largest_unit(seconds, text):
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("character", "text"),
    [
        ("\u009b", "\\u009b"),
        ("\u202e", "\\u202e"),
        ("\u200b", "\\u200b"),
        ("\x1b", "\\u001b"),
        ("\r", "\\u000d"),
        ("\U000e0001", "\\udb40\\udc01"),
        ("\ud800", "\\ud800"),
        ("ñ", "ñ"),
        ("😀", "😀"),
        ("\n", "\n"),
    ],
)
def test_what_a_terminal_would_act_on_is_escaped(character, text):
    assert escaped(f"a{character}b") == f"a{text}b"


@pytest.mark.parametrize("character", ["\u009b", "\u202e", "\x1b", "\t", "\U000e0001", "ñ"])
def test_escaped_json_is_the_same_value(character):
    assert json.loads(json_text({"a": character})) == {"a": character}
    assert json_text({"a": character}).isprintable()


def test_json_has_bytes_and_expressions_as_text():
    paths = FirstUsable((Expression("a.b"), Expression("c")))
    value = {"raw": b"\xff{}", "path": Expression("a.b"), "paths": paths}

    assert json.loads(json_text(value)) == {
        "raw": "\N{REPLACEMENT CHARACTER}{}",
        "path": "a.b",
        "paths": ["a.b", "c"],
    }


def test_plain_text_has_one_sign_for_each_character_it_hides():
    assert plain("a\tb\u202ec") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


def test_long_cell_is_cut_but_not_in_a_column_of_rank_0(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    print_table([Column("id", 0), Column("text", 1)], [["i" * 60, "t" * 60]])
    shown = capsys.readouterr().out

    assert "i" * 60 in shown
    assert "t" * 39 + "…" in shown
    assert "t" * 40 not in shown


def test_column_of_the_highest_rank_is_left_out_first(capsys, monkeypatch):
    columns = [Column("id", 0), Column("first", 2), Column("second", 1)]
    for width, headings in [(30, {"id", "first", "second"}), (22, {"id", "second"}), (5, {"id"})]:
        monkeypatch.setenv("COLUMNS", str(width))
        print_table(columns, [["1", "2", "3"]])
        heading_line = capsys.readouterr().out.splitlines()[1]
        assert {name.strip() for name in heading_line.split("┃")} - {""} == headings


def test_wide_characters_count_as_two_columns(capsys, monkeypatch):
    columns = [Column("id", 0), Column("text", 1)]
    monkeypatch.setenv("COLUMNS", "13")
    print_table(columns, [["1", "日本"]])
    assert "日本" in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "13")
    print_table(columns, [["1", "日本語"]])
    assert "日本語" not in capsys.readouterr().out
