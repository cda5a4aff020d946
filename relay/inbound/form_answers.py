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
from relay.mapping.email import to_email
from relay.mapping.plain_text import without_accents

_ANSWERS_MAX: Final = 60
_PHONE: Final = re.compile(r"\+?(?:[\s().-]*\d){8,15}[\s().-]*")
# A part of a contact -> the labels that mean it, whole or as a word; the first that fits counts.
_LABELS: Final = (
    ("email", r"e-?mail|correo|mail"),
    (
        "phone",
        r"whats ?app|wsp|wpp|celular|celu|cell?|telefono|movil|numero de contacto|tel|telf|tlf",
    ),
    ("phone", r"(?:tele|cell ?)?phone|mobile|contact number|(?:tele)?fone|fono"),
    ("name", r"nombres? (y|e) apellidos?|apellidos? (y|e) nombres?|nombre completo|te llamas"),
    ("name", r"full ?name|nome completo"),
    ("last_name", r"apellidos?|last ?name|surname|sobrenome"),
    ("first_name", r"nombres?|first ?name|nome"),
    ("name", r"name"),
    ("id_number", r"cedula|ruc|rut|nit|dni|documento"),
    ("message", r"mensaje|message|comentarios?|comments?|consulta|mensagem"),
)
# What an answer has to look like to be that part: "WhatsApp" or "Sí" are neither.
_LOOKS: Final = {
    "email": re.compile(r"@|%40"),
    "phone": re.compile(r"(?:\d\D*){7}"),
    "id_number": re.compile(r"(?:\d\D*){4}"),
}
# What has a name without being the person who fills in: `Nombre de la empresa`, `Company name`;
# but not `Nombre o empresa`.
_THINGS: Final = re.compile(
    r"(?<!\b[oye] )(?<![/,(])(?<![/,(] )(?<![a-z])"
    r"(?:empresa|negocio|tienda|compania|company|business|organi[zs]a(?:cion|tion|cao)"
    r"|marca|brand|comercial|fantasia|local|restaurante|establecimiento|colegio|escuela|school"
    r"|institucion|universidad|proyecto|project|evento|event|producto|product|mascota|perr[oa]"
    r"|gat[oa]|pet|usuario|user|dominio|domain|loja|hij[oa]s?|nin[oa]s?|bebe)(?![a-z])"
)
# Somebody else than who fills in: of a gift, a recommendation, an emergency.
_OTHERS: Final = re.compile(
    r"(?<![a-z])(?:(?:quien|persona que)(?: l[oae]s?)? (?:recib|retir)[a-z]+|destinatari[oa]"
    r"|beneficiari[oa]|agasajad[oa]|homenajead[oa]|festejad[oa]|referid[oa]s?|recomendad[oa]"
    r"|amig[oa]s?|emergencias?|garante|codeudora?|fiadora?|recipient|receiver|friend|referral"
    r"|emergency)(?![a-z])"
)
_PARTS: Final = frozenset(part for part, _ in _LABELS)
_REACHED_BY: Final = ("email", "phone")
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
    """The parts of a contact, `message`, and the other `answers` by label; of a part the first.

    What is asked of somebody else, such as the recipient of a gift, is an answer like others,
    unless whoever fills in gives neither e-mail nor phone.
    """
    found: dict[str, Any] = {}
    of_others: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for answer in islice(answers, _ANSWERS_MAX):
        label = without_accents(answer.label.casefold(), "NFD")
        kind = answer.kind or _kind_of(answer, label)
        is_others = kind in _PARTS and kind != "message" and bool(_OTHERS.search(label))
        person = of_others if is_others else found
        if isinstance(answer.value, Mapping) and kind in _IN_PARTS:
            person.update(_parts(answer.value, kind) | person)
        elif text := answer_text(answer.value):
            if kind in _PARTS:
                person.setdefault(kind, text)
            if is_others or kind not in _PARTS:
                texts.setdefault(answer.label[:120], text)
    if found.keys().isdisjoint(_REACHED_BY):
        found |= of_others
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


def _kind_of(answer: Answer, label: str) -> str:
    """The part that an answer is by its label, in lower case and without accents, and its looks."""
    said = answer_text(answer.value)
    for kind, words in _LABELS:
        if not re.search(rf"(?<![a-z])({words})(?![a-z])", label):
            continue
        if kind.endswith("name") and _THINGS.search(label):
            continue
        if kind not in _LOOKS or _LOOKS[kind].search(said):
            return kind
    text = answer.value.strip() if isinstance(answer.value, str) else ""
    if "@" in text and to_email(text)[0]:
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
