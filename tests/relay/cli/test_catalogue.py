"""`platforms`: what a merchant, and a machine, can read of each, and what cannot be had."""

import json

import pytest

from relay.cli.output import at_terminal
from relay.devtools import platform_pages
from relay.inbound import samples
from relay.mapping.event_types import EVENT_TYPES
from relay.operations.impossible import IMPOSSIBLE
from relay.platforms import discovered

KEYS = {
    "name", "title", "group", "topics", "verification", "vouches_for", "needs_api", "certainty",
    "docs", "deadline_s", "disable_after", "setup",
}  # fmt: skip


@pytest.fixture
def listed(run):
    result = run("platforms", "--json")
    assert result.exit_code == 0
    return json.loads(result.output)


def test_a_machine_gets_all_platforms_with_their_steps_and_samples(listed):
    possible = [each for each in listed if "impossible" not in each]

    assert [each["name"] for each in possible] == list(discovered())
    assert len(possible) >= 50
    assert sum(each["certainty"] == "verified" for each in possible) >= 45
    for each in possible:
        assert each.keys() == KEYS
        assert samples.names(each["name"])
        assert set(each["topics"].values()) <= EVENT_TYPES.keys()
        assert each["vouches_for"] in ("body", "identity", "nothing", "depends")
        if each["group"] != "formats":
            assert each["setup"]["es"]
            assert len(each["setup"]["es"]) == len(each["setup"]["en"])


def test_what_cannot_be_had_is_named_with_the_reason_in_both_languages(listed):
    impossible = {each["name"]: each for each in listed if "impossible" in each}

    assert impossible.keys() == {
        "constant_contact", "contifico", "datafast", "doppler", "niubiz", "siigo", "tiktok_leads",
        "transbank",
    }  # fmt: skip
    assert not impossible.keys() & set(discovered())
    for each in impossible.values():
        assert each.keys() == {"name", "title", "impossible"}
        assert len(each["impossible"]["es"]) > 60
        assert len(each["impossible"]["en"]) > 60


@pytest.mark.parametrize("name", discovered())
def test_each_has_a_page_in_both_languages(name, run):
    spanish, english = (run("platforms", name, RELAY_LANGUAGE=one) for one in ("es", "en"))

    assert (spanish.exit_code, english.exit_code) == (0, 0)
    for page in (spanish.output, english.output):
        assert page.startswith(f"# {discovered()[name].title}\n")
        assert f"https://relay.example/webhooks/{name}" in page
    assert "## Cómo conectarla" in spanish.output
    assert "## How to connect it" in english.output
    assert english.output.count("## ") == spanish.output.count("## ")


def test_page_has_address_steps_topics_notes_and_limits(run):
    page = run("platforms", "payphone", RELAY_LANGUAGE="es").output
    assert "webhooks/payphone/PAYPHONE_SECRET/NotificacionPago`" in page
    assert "\n1. " in page
    assert "como una contraseña" in page
    assert "- Pago aprobado: " in page

    page = run("platforms", "mercadolibre", RELAY_LANGUAGE="en").output
    assert "`[sources.mercadolibre.credentials]`" in page
    assert "switches the topic off" in page


def test_a_name_may_be_written_with_hyphens(run):
    assert run("platforms", "amazon-ses").output.startswith("# Amazon SES\n")


def test_of_an_impossible_one_the_way_round_is_shown(run):
    result = run("platforms", "webpay")
    assert result.exit_code == 2

    result = run("platforms", "transbank", RELAY_LANGUAGE="es")
    assert result.exit_code == 1
    assert "Use los webhooks de su tienda." in result.output


def test_at_a_terminal_it_is_a_list_by_kind(run, monkeypatch):
    monkeypatch.setattr("relay.cli.catalogue.at_terminal", lambda: True)
    lines = run("platforms", RELAY_LANGUAGE="es").output.splitlines()

    headings = [line for line in lines if line and not line.startswith(" ")]
    assert headings[0] == "Tiendas"
    assert "No se puede" in headings
    shown = {line.split()[0] for line in lines if line.startswith("  ")}
    assert shown == {*discovered(), *(each.name for each in IMPOSSIBLE)}


@pytest.mark.slow
def test_pages_in_the_repository_are_true():
    """`make docs` writes them."""
    written = {file.name: file.read_text("utf-8") for file in platform_pages.FOLDER.glob("*.md")}
    assert written == dict(platform_pages.pages())


def test_without_any_output_nothing_is_at_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    assert not at_terminal()
