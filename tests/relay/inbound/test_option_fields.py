"""Odd values in the fields that a source's options select: left out and named, never in a note."""

import json

import pytest
import senders

from relay.mapping.event_fields import family_of, names_of
from relay.mapping.event_types import EVENT_TYPES
from relay.model import Call
from relay.pipeline import flattened, translate

DATE = {"date": "2026-11-02 10:04:05.000000", "timezone_type": 3, "timezone": "America/Bogota"}
NOTHING = [[], {}, False, [{}], [[]], [None], {"0": []}]
OPTIONS = 'auth = {{ kind = "hmac" }}\ntype = "type"\ncontact.email = "email"\n{fields}'
# Of no type that a note is made of, or of any type.
UNREAD = {"changed", "all_emails"}


def call_with(event_type: str, language: str = "es", **values) -> Call:
    fields = "\n".join(f'fields.{name} = "v.{name}"' for name in values)
    source = senders.source_of(
        "generic", 'topics = ["*"]', OPTIONS.format(fields=fields), language=language
    )
    body = json.dumps({"type": event_type, "email": "ana@example.com", "v": values})
    (call,) = flattened(translate(senders.delivery({}, body.encode()), source))
    assert isinstance(call, Call), call
    return call


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_what_says_nothing_leaves_no_trace_in_the_note_and_is_named(event_type):
    plain = call_with(event_type).body["notes"]
    for name in names_of(family_of(event_type)):
        for value in NOTHING if name not in UNREAD else ():
            call = call_with(event_type, **{name: value})
            told = call.body["notes"] == plain or (name == "answers" and value)
            assert told, (name, value, call.body["notes"])
            omitted = f"fields.{name}" in call.omitted_fields or (name == "answers" and value)
            assert omitted, (name, value)


@pytest.mark.parametrize(
    ("event_type", "values", "note"),
    [
        ("order.created", {"order_number": True, "total": True}, "Pedido creado (Generic)"),
        ("order.created", {"order_number": DATE, "amount": {"x": 1}}, "Pedido creado (Generic)"),
        ("order.created", {"order_number": 1042, "amount": "gratis"}, "Pedido 1042 creado (Generic)"),
        ("order.created", {"order_number": " \n", "items": " "}, "Pedido creado (Generic)"),
        ("order.created", {"order_number": " #10\n42 "}, "Pedido #10 42 creado (Generic)"),
        ("order.created", {"items": [{"name": "Taza", "quantity": 2}, {}, None]}, "Pedido creado: 2 \N{MULTIPLICATION SIGN} Taza (Generic)"),
        ("order.shipped", {"carrier": False, "tracking_number": ["EC1", "EC2"]}, "Pedido enviado, guías EC1, EC2 (Generic)"),
        ("order.shipped", {"carrier": {"name": "Servientrega"}, "tracking_url": []}, "Pedido enviado con Servientrega (Generic)"),
        ("form.submitted", {"form": {"id": 7, "title": "Cotiza"}}, "Llenó el formulario «Cotiza» (Generic)"),
        ("form.submitted", {"form": DATE, "message": False}, "Llenó un formulario (Generic)"),
        ("booking.created", {"starts_at": DATE}, "Reservó una cita para el lun 2 nov, 10:04 (Generic)"),
        ("booking.created", {"starts_at": False}, "Reservó una cita (Generic)"),
        (
            "order.partially_refunded",
            {"total": 100, "currency": "usd", "refund_amount": 16.2, "refund_left": "83,80"},
            "Reembolso parcial: $16,20 de $100,00, quedan $83,80 (Generic)",
        ),
    ],
)  # fmt: skip
def test_note_is_told_without_what_makes_no_sense(event_type, values, note):
    assert call_with(event_type, **values).body["notes"] == note


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ({"total": "4990", "currency": "usd"}, "Pago aprobado: $49,90 (Generic)"),
        # In cents of nobody knows what: as it stands it would be a hundred times too much.
        ({"total": 4990, "currency": ""}, "Pago aprobado (Generic)"),
        ({"total": 4990, "currency": "puntos"}, "Pago aprobado (Generic)"),
        ({"total": "4,990", "currency": "USD"}, "Pago aprobado (Generic)"),
        ({"total": "49.90", "currency": "USD"}, "Pago aprobado (Generic)"),
    ],
)
def test_count_of_cents_that_cannot_be_read_is_not_told_as_it_stands(values, note):
    fields = "\n".join(f'fields.{name} = "v.{name}"' for name in values)
    options = OPTIONS.format(fields=f"minor_units = true\n{fields}")
    source = senders.source_of("generic", "", options)
    body = json.dumps({"type": "payment.approved", "email": "ana@example.com", "v": values})
    (call,) = flattened(translate(senders.delivery({}, body.encode()), source))
    assert call.body["notes"] == note
    assert ("fields.total" in call.omitted_fields) == ("$" not in note)


def test_field_of_the_source_itself_stays_as_it_came():
    fields = 'fields = { puntos = "puntos" }\nevents = "@"'
    source = senders.source_of("generic", "", OPTIONS.format(fields=fields))
    body = b'{"type": "form.submitted", "email": "ana@example.com", "puntos": [1, {}]}'
    (event,) = source.platform.parse(senders.delivery({}, body), source).items
    assert event.extra == {"puntos": [1, {}]}
    assert event.omitted_fields == {}
