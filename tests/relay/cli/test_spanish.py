"""The whole console speaks Spanish when its language is Spanish, click's own words too."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click import Context

from config.language import spanish_texts
from relay.cli import click_texts, labels, main
from relay.model import State
from relay.store.durability import Durability

SPANISH = {"RELAY_LANGUAGE": "es", "PATH": "/usr/bin:/bin", "COLUMNS": "100"}


# Help texts are chosen when commands are declared: a process of its own runs them all.
RUN_ALL = """
import json, sys
from click.testing import CliRunner
from relay.cli import main
lines = [json.loads(line) for line in sys.stdin]
print(json.dumps([CliRunner().invoke(main, arguments).output for arguments in lines]))
"""
USAGE = [
    (["--help"], ["Uso: ", "[OPCIONES] COMANDO", "Opciones:", "Comandos:", "Muestra esta ayuda"]),
    (["show"], ["Falta el argumento 'ID'.", "para ver la ayuda."]),
    (["evets"], ["No existe el comando 'evets'."]),
    (["events", "--nada"], ["No existe la opción '--nada'"]),
    (["events", "--state", "x"], ["Valor no válido para '--state'", "no es uno de"]),
    (["events", "--limit", "x"], ["'x' no es un número válido"]),
    (["transform", "shopify", "x", "/no"], ["Archivo '/no' no existe."]),
    (["show", "a", "b"], ["Sobra un argumento (b)"]),
    (["replay"], ["Indique uno o más identificadores, o --state."]),
]


NAMES = main.list_commands(Context(main))


@pytest.fixture(scope="module")
def spanish() -> dict[str, str]:
    """What each command line prints, by its words."""
    lines = [arguments for arguments, _ in USAGE] + [[name, "--help"] for name in NAMES]
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUN_ALL],
        input="\n".join(map(json.dumps, lines)),
        env=SPANISH,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(zip(map(" ".join, lines), json.loads(done.stdout), strict=True))


def click_message_ids() -> set[str]:
    """The texts that click's modules pass through gettext."""
    texts = set()
    for file in Path(click.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "ngettext"):
                texts |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    return texts


def test_every_text_translated_is_one_of_this_click():
    """A click that words its texts in another way fails here, and not in a person's console."""
    assert spanish_texts("click").keys() - {"required"} <= click_message_ids()


def test_spanish_texts_have_the_placeholders_of_the_english_ones():
    for english, text in spanish_texts("click").items():
        assert sorted(part.split("}")[0] for part in english.split("{")[1:]) == sorted(
            part.split("}")[0] for part in text.split("{")[1:]
        ), english


def test_modules_patched_are_those_whose_texts_are_translated():
    english = click_texts.translate
    for name in click_texts.MODULES:
        module = sys.modules[f"click.{name}"]
        assert getattr(module, "_", english) is english, name


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "expected"), USAGE)
def test_words_of_click_are_spanish(spanish, arguments, expected):
    shown = spanish[" ".join(arguments)]

    for text in expected:
        assert text in shown
    for word in ("Usage", "Options", "Missing", "Invalid", "No such", "Try", "Show this"):
        assert word not in shown


@pytest.mark.slow
def test_every_help_text_has_a_spanish_one(spanish):
    for name in NAMES:
        shown = spanish[f"{name} --help"]
        assert "Muestra esta ayuda y termina." in shown
        for word in (" the ", " of ", " with "):
            assert word not in shown, (name, shown)


@pytest.mark.parametrize("state", [*State, "ignored", "requeued"])
def test_state_has_a_spanish_word(state, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "es")
    assert labels.label(str(state)) != str(state)
    monkeypatch.setenv("RELAY_LANGUAGE", "en")
    assert labels.label(str(state)) == str(state)


def test_every_check_has_words_in_both_languages(monkeypatch):
    worst = Durability(
        (5, 0), append_only=False, fsync="no", eviction="allkeys-lru", is_replica=True
    )
    no_sync = Durability((6, 2), append_only=True, fsync="no", eviction="", is_replica=False)
    codes = {"redis_reachable", "redis_writable", "worker_seen"}
    codes |= {*worst.faults("fsync"), *no_sync.faults("fsync")}
    assert len(codes) == 8
    for language in ("es", "en"):
        monkeypatch.setenv("RELAY_LANGUAGE", language)
        for code in codes:
            assert code in labels.missing_check(code)
            assert len(labels.missing_check(code)) > len(code) + 20


def test_missing_worker_is_told_in_words(monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "es")
    assert labels.missing_check("worker_seen") == (
        "falta: ningún worker en el último minuto (worker_seen)"
    )
