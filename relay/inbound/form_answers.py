"""The answers of a form, whose owner has named the questions: who filled it in, and what was said.

Form tools send questions with labels, and some with types. `of_form` finds the person among them,
by type where there is one, else by the words of the label in Spanish, English and Portuguese, else
by what an e-mail looks like. `FORM` is the shape of what it returns.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from marshmallow import ValidationError

from relay.inbound.composite_fields import Person
from relay.inbound.payload import text_of
from relay.inbound.payload_fields import Id, OmittedFields, PathField, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.topics import Shape
from relay.mapping.plain_text import without_accents

_ANSWERS_MAX: Final = 60
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PHONE: Final = re.compile(r"\+?(?:[\s().-]*\d){8,15}[\s().-]*")
# A part of a contact -> the labels that mean it, whole or as a word; the first that fits counts.
_LABELS: Final = (
    ("email", r"e-?mail|correo|mail"),
    ("phone", r"whats ?app|celular|telefono|movil|phone|tel|fone|wsp|cell"),
    ("name", r"nombres? (y|e) apellidos?|nombre completo|te llamas|full ?name|nome completo"),
    ("last_name", r"apellidos?|last ?name|surname|sobrenome"),
    ("first_name", r"nombres?|first ?name|nome"),
    ("name", r"name"),
    ("id_number", r"cedula|ruc|rut|nit|dni|documento"),
    ("message", r"mensaje|message|comentarios?|comments?|consulta|mensagem"),
)
_PARTS: Final = frozenset(part for part, _ in _LABELS)
# They may come in fields of their own.
_IN_PARTS: Final = ("name", "first_name", "phone")


class Answer(NamedTuple):
    """A question with what was answered; `kind` is a part of a contact where the tool says so."""

    label: str
    value: Any
    kind: str = ""


class Answers(PathField):
    """Questions -> answers, as texts."""

    reason = "not_an_object"

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> dict[str, str]:
        if not isinstance(value, dict):
            raise ValidationError("expected an object")
        return {label: text for label, part in value.items() if (text := answer_text(part))}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none where something else stands in its place."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def of_form(answers: Iterable[Answer]) -> dict[str, Any]:
    """The parts of a contact, `message`, and the other `answers` by label; of a part the first."""
    found: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for answer in islice(answers, _ANSWERS_MAX):
        kind = answer.kind or _kind_of(answer)
        if isinstance(answer.value, Mapping) and kind in _IN_PARTS:
            found = _parts(answer.value, kind) | found
        elif text := answer_text(answer.value):
            if kind in _PARTS:
                found.setdefault(kind, text)
            else:
                texts.setdefault(answer.label[:120], text)
    return {**found, "answers": texts} if texts else found


def answer_text(value: Any) -> str:
    """An answer as text; several choices with commas between them."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return ", ".join(text for part in value if (text := answer_text(part)))
    if isinstance(value, bool):
        return ""
    return text_of(value).strip()


def _kind_of(answer: Answer) -> str:
    label = without_accents(answer.label.casefold(), "NFD")
    for kind, words in _LABELS:
        if re.search(rf"(?<![a-z])({words})(?![a-z])", label):
            return kind
    text = answer.value.strip() if isinstance(answer.value, str) else ""
    if _EMAIL.fullmatch(text):
        return "email"
    # Of a question that has only a number nothing else is known.
    return "phone" if not re.search("[a-z]", label) and _PHONE.fullmatch(text) else ""


def _parts(value: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Parts of a name or phone that comes in fields: `{first, last}`, `{area, phone}`."""
    texts = {name: answer_text(part) for name, part in value.items()}
    if kind == "phone":
        joined = " ".join(filter(None, (texts.get("area"), texts.get("phone"))))
        parts = {"phone": texts.get("full") or joined}
    else:
        parts = {"first_name": texts.get("first", ""), "last_name": texts.get("last", "")}
    return {part: text for part, text in parts.items() if text}


class _FormSchema(PayloadSchema):
    event_id = Id()
    at = Time()
    form = Text()
    url = Text()
    message = Text("said.message")
    answers = Answers("said.answers")
    buyer = Person(
        "said",
        email="email",
        phones="phone",
        name="name",
        first_name="first_name",
        last_name="last_name",
        id_number="id_number",
    )


# Of a body with `event_id`, `at`, `form`, `url` and what `of_form` returns under `said`.
FORM: Final = Shape(schema=_FormSchema())
