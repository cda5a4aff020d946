"""Who booked at Calendly, where any question may ask for a phone and others for other numbers."""

import json
from typing import Any

import pytest
import senders
from cases import all_of
from platform_samples import source_of

from relay.model import Call
from relay.pipeline import flattened, translate


def call_of(body: Any) -> Call:
    request = senders.delivery({}, json.dumps(body).encode())
    (call,) = flattened(translate(request, source_of("calendly")))
    assert isinstance(call, Call)
    return call


def booked(*answers: tuple[Any, Any], **more: Any) -> Call:
    return call_of({
        "event": "invitee.created", "created_at": "2026-11-02T15:04:01.000000Z",
        "payload": {
            "uri": "https://api.calendly.com/scheduled_events/e/invitees/i",
            "email": "ana@example.com", "name": "Ana Inventada",
            "questions_and_answers": [
                {"question": question, "answer": answer, "position": 0}
                for question, answer in answers
            ],
            "scheduled_event": {"name": "Asesoría", "start_time": "2026-11-05T15:00:00Z"},
        } | more,
    })  # fmt: skip


@all_of(
    ("answers", "phone"),
    [
        ([("Cédula", "0912345675")], ""),  # as long as a mobile, and begins like one
        ([("RUC de la empresa", "0992345678001")], ""),
        ([("Número de pedido", "0999000001")], ""),
        ([("¿Cuántas cajas?", "2000000")], ""),
        ([("WhatsApp", "0999000001")], "+593999000001"),
        ([("Cédula", "0912345675"), ("Celular", "0999000001")], "+593999000001"),
        ([("¿De qué quieres hablar?", "Precios"), ("Telf.", "0999000001")], "+593999000001"),
        ([("¿Prefieres WhatsApp?", "Sí"), ("Teléfono", "0999000001")], "+593999000001"),
        ([("Teléfono de quien asistirá en emergencia", "0987654321")], ""),
        ([(None, None), ("", 5)], ""),
    ],
)
def test_calendly_asks_for_a_phone_in_any_question_and_for_other_numbers_too(answers, phone):
    assert booked(*answers).customer.phone == phone
    customer = booked(*answers, text_reminder_number="+573009000001").customer
    assert (customer.email, customer.phone) == ("ana@example.com", "+573009000001")


@pytest.mark.parametrize("odd", [None, "", [], {}, "x", [5], [None]])
def test_calendly_takes_odd_answers(odd):
    assert booked(questions_and_answers=odd).customer.email == "ana@example.com"
