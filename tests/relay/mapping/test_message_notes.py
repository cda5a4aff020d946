"""Default notes about e-mails, messages, forms and bookings, read as text.

`tests/golden/message_notes.<language>.txt` has each with all of its fields, with each alone and
with none; `make golden` writes them, a person reads them.
"""

import re
from typing import Any

import pytest
from cases import all_of
from notes import LANGUAGES, SOURCES, check_golden, note_of, variants

from relay.mapping.event_types import EVENT_TYPES
from relay.mapping.message_notes import MESSAGE_NOTES
from relay.mapping.templates import brief, brief_url

_MAIL = {"subject": "Promo de noviembre", "campaign": "Otoño"}
_WHY = {"reason": "450 4.2.0 try again later", "status": "4.2.2", "classification": "Reputation"}
_BOOKING = {"service": "Asesoría", "starts_at": "2026-12-03T10:00:00-05:00"}
_LIST = {"list_name": "Ofertas", "list_id": "10", "all_emails": True}
# What each note may say; every one is also rendered without each of them.
FIELDS: dict[str, dict[str, Any]] = {
    "email.clicked": {**_MAIL, "link_text": "Ver oferta", "link": "https://tienda.example/oferta?u=1"},
    "email.subscribed": {"list_name": "Ofertas", "list_id": "10"},
    "email.unsubscribed": {**_LIST, "reason": "demasiados correos"},
    "form.submitted": {
        "form": "Cotiza al por mayor", "answers": {"ciudad": "Cuenca", "unidades": 50},
        "message": "Quisiera precios",
    },
    "lead.created": {"form": "Cotización", "ad": "Mayo", "network": "Facebook"},
    "booking.created": _BOOKING,
    "booking.rescheduled": _BOOKING,
    "booking.cancelled": {**_BOOKING, "reason": "viaje"},
    "contact.updated": {"new_email": "ana.nueva@example.com"},
    **{name: {} for name in ("sms.subscribed", "sms.unsubscribed")},
    **{f"email.{name}": _MAIL for name in ("sent", "delivered", "opened", "complained")},
    **{
        f"email.{name}": {**_MAIL, **_WHY} for name in ("deferred", "blocked", "bounced", "rejected")
    },
}  # fmt: skip
# Nothing, as senders write it.
EMPTY = [None, "", "  ", [], {}, False, "\u200b", "\n"]
LONG = "palabra larguísima " * 30


def assert_reads_well(note: str) -> None:
    assert note == note.strip()
    assert "  " not in note
    assert "\n" not in note
    assert not re.search(
        r"«\s*»|\"\s*\"|\(\s*\)|[:,;]\s*[:,;(]|[:,;]$|\s[,.;:!?)»]|None|undefined", note
    )
    assert note.endswith("(Tienda Norte)")
    assert len(note) <= 220


def test_every_note_of_the_module_is_one_of_a_type_and_is_read_here():
    assert MESSAGE_NOTES.keys() == FIELDS.keys() <= EVENT_TYPES.keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event_type", FIELDS)
def test_note_with_and_without_each_field_reads_well(event_type, language):
    source = SOURCES[language]
    notes = {
        name: note_of(event_type, f, source) for name, f in variants(FIELDS[event_type]).items()
    }
    for note in notes.values():
        assert_reads_well(note)
    empty = [
        note_of(event_type, dict.fromkeys(FIELDS[event_type], value), source) for value in EMPTY
    ]
    assert set(empty) == {notes["nothing"]}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event_type", FIELDS)
@all_of(
    "value",
    [
        LONG,
        LONG.replace(" ", ""),
        "dos\nlíneas\t y  más",
        ["a", None, "b"],
        {"name": "Uno"},
        7,
        1.5,
    ],
)
def test_note_of_odd_or_long_values_is_one_line_of_about_200_characters(
    value, event_type, language
):
    fields = dict.fromkeys(FIELDS[event_type], value)
    assert_reads_well(note_of(event_type, fields, SOURCES[language]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_notes_read_as_their_golden_file(language, request):
    update = request.config.getoption("--update-golden")
    check_golden("message_notes", FIELDS, language, update=update)


@pytest.mark.parametrize(
    ("starts_at", "shown"),
    [
        ("2026-12-03T10:00:00-05:00", "jue 3 dic, 10:00"),
        ("2026-12-03 10:00", "jue 3 dic, 10:00"),
        (1796310000, "jue 3 dic, 10:00"),
        ("el jueves a las diez", "el jueves a las diez"),
    ],
)
def test_start_of_a_booking_is_in_the_destinations_zone_and_language(starts_at, shown):
    note = note_of(
        "booking.created", {"service": "Asesoría", "starts_at": starts_at}, SOURCES["es"]
    )
    assert note == f"Reservó «Asesoría» para el {shown} (Tienda Norte)"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("Caf&eacute; &amp; t&#233;", "Café & té"), ("?a=1&copy=2", "?a=1&copy=2"), ("a&nbsp;b", "a b"),
        ("  a  b ", "a b"), ("a.", "a"), ("a\u202eb", "a b"), (None, ""), (True, ""), (0, "0"),
        ({"ciudad": "Cuenca", "nada": None}, "ciudad Cuenca"),
        ([{"label": "Ciudad", "value": "Cuenca"}, {"name": "x", "value": ""}], "Ciudad Cuenca"),
        ({"title": "Cotización"}, "Cotización"),
        ([1, 2, 3, 4, 5, 6], "1, 2, 3, 4, 5"),
        ("uno dos tres cuatro", "uno dos tres…"), ("x" * 20, "x" * 13 + "…"),
    ],
)  # fmt: skip
def test_brief_makes_one_short_line_of_any_value(value, line):
    assert brief(value, 14) == line


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://a.example/b?c=d", "https://a.example/b?c=d"),
        ("https://a.example/b?c=" + "d" * 30, "https://a.example/b"),
        ("https://a.example/" + "b" * 40, "https://a.example/bbbbbbbbbbb…"),
        (None, ""), (7, ""), ({}, ""),
    ],
)  # fmt: skip
def test_long_address_gives_up_its_query_first(value, url):
    assert brief_url(value, 30) == url


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("Ciudad", "Ciudad Cuenca"),
        ("4", "Cuenca"),
        ("1.3", "Cuenca"),
        ("field_1", "Cuenca"),
        ("No Label field_1", "Cuenca"),
        ("input_4", "Cuenca"),
        ("", "Cuenca"),
        ("Piso 3", "Piso 3 Cuenca"),
        ("question", "question Cuenca"),
    ],
)
def test_number_of_a_field_is_no_question(label, shown):
    assert brief({label: "Cuenca"}, 80) == shown


def test_number_of_a_campaign_is_no_name():
    source = SOURCES["es"]
    assert note_of("email.sent", {"campaign": 9}, source) == "Se envió un correo (Tienda Norte)"
    assert note_of("email.sent", {"campaign": "9 de octubre"}, source) == (
        "Se envió un correo de la campaña «9 de octubre» (Tienda Norte)"
    )


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("«Oferta»", "Oferta"),
        ('"Oferta"', "Oferta"),
        ("\u201cOferta\u201d", "Oferta"),
        ("«Oferta» y «más»", "«Oferta» y «más»"),
        ("Oferta d'oro", "Oferta d'oro"),
    ],
)
def test_text_in_quotation_marks_gets_no_second_ones(subject, shown):
    told = note_of("email.opened", {"subject": subject}, SOURCES["es"])
    assert told == f"Abrió el correo «{shown}» (Tienda Norte)"


def test_noun_of_a_form_is_told_once():
    told = note_of("form.submitted", {"form": "Formulario de contacto"}, SOURCES["es"])
    assert told == "Llenó «Formulario de contacto» (Tienda Norte)"


@pytest.mark.parametrize(
    ("network", "shown"),
    [("fb", "Facebook"), ("IG", "Instagram"), ("tiktok", "TikTok"), ("X", "X")],
)
def test_network_has_its_name(network, shown):
    told = note_of("lead.created", {"network": network}, SOURCES["es"])
    assert told == f"Nuevo contacto desde un anuncio de {shown} (Tienda Norte)"
