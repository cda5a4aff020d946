"""Numbers of identity and tax documents, found by the name of their field, checked by country.

A number with a check digit counts only if that fits. Numbers without one (cédula in Colombia, DNI
in Peru and Argentina, passports) count only in a field that is named after them.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from stdnum.ar import cuit
from stdnum.br import cnpj, cpf
from stdnum.cl import rut
from stdnum.co import nit
from stdnum.do import cedula as do_cedula, rnc
from stdnum.ec import ci, ruc
from stdnum.exceptions import ValidationError
from stdnum.gt import nit as gt_nit
from stdnum.mx import curp, rfc
from stdnum.pe import ruc as pe_ruc
from stdnum.py import ruc as py_ruc
from stdnum.uy import rut as uy_rut

# Mercately's enum.
ID_TYPES: Final = ("cedula", "pasaporte", "ruc", "rut", "otro")

_Check = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Document:
    """A kind of document in a country; `check` gives its number without separators, or raises."""

    kind: str
    id_type: str
    check: _Check
    has_check_digit: bool = True


def _pattern(pattern: str) -> _Check:
    """A check by form alone, for numbers without a check digit."""

    def check(number: str) -> str:
        compact = re.sub(r"[\s.,-]", "", number)
        if not re.fullmatch(pattern, compact):
            raise ValidationError
        return compact

    return check


def _mexican(number: str) -> str:
    return str(rfc.validate(number, validate_check_digits=True))


def _chilean(number: str) -> str:
    """With its hyphen, as it is written and stored everywhere."""
    compact = rut.validate(number)
    return f"{compact[:-1]}-{compact[-1]}"


def _nit(number: str) -> str:
    """A NIT of a company, or of a person: their cédula of 8 or 10 digits and a check digit.

    Of a shorter cédula the hyphen says that there is a check digit.
    """
    compact = str(nit.validate(number))
    if not (_NIT.fullmatch(compact) or _SHORT_NIT.fullmatch(re.sub(r"[\s.,]", "", number))):
        raise ValidationError
    return compact


def _ecuadorian(number: str) -> str:
    """A cédula; one that was kept as a number has lost the zero of its province."""
    return str(ci.validate(ci.compact(number).zfill(10)))


def _ecuadorian_ruc(number: str) -> str:
    return str(ruc.validate(ruc.compact(number).zfill(13)))


def _peruvian(number: str) -> str:
    """A DNI, which has no check digit; of one that was kept as a number the zero is lost."""
    return _pattern(r"\d{7,8}")(number).zfill(8)


_NIT: Final = re.compile(r"[89]\d{9}|1\d{10}|[1-9]\d{8}")
_SHORT_NIT: Final = re.compile(r"[1-9]\d{4,6}-\d")
# Per country the kinds in the order in which a number of unknown kind is tried.
_COUNTRIES: Final[Mapping[str, tuple[_Document, ...]]] = {
    "EC": (
        _Document("ruc", "ruc", _ecuadorian_ruc),
        _Document("cedula", "cedula", _ecuadorian),
    ),
    "CL": (_Document("rut", "rut", _chilean),),
    "CO": (
        _Document("nit", "otro", _nit),
        # People write their cédula there without the digit; no company's number begins so.
        _Document("nit", "cedula", _pattern(r"1\d{9}"), has_check_digit=False),
        _Document("cedula", "cedula", _pattern(r"[1-9]\d{5,9}"), has_check_digit=False),
    ),
    "PE": (
        _Document("ruc", "ruc", pe_ruc.validate),
        _Document("dni", "otro", _peruvian, has_check_digit=False),
    ),
    "AR": (
        _Document("cuit", "otro", cuit.validate),
        _Document("dni", "otro", _pattern(r"[1-9]\d{6,7}"), has_check_digit=False),
    ),
    "MX": (_Document("rfc", "otro", _mexican), _Document("curp", "otro", curp.validate)),
    "UY": (
        _Document("rut", "rut", uy_rut.validate),
        _Document("cedula", "cedula", _pattern(r"\d{7,8}"), has_check_digit=False),
    ),
    "PY": (
        _Document("ruc", "ruc", py_ruc.validate),
        _Document("cedula", "cedula", _pattern(r"\d{5,8}"), has_check_digit=False),
    ),
    "BR": (_Document("cpf", "otro", cpf.validate), _Document("cnpj", "otro", cnpj.validate)),
    "DO": (
        _Document("cedula", "cedula", do_cedula.validate),
        _Document("rnc", "otro", rnc.validate),
    ),
    "GT": (_Document("nit", "otro", gt_nit.validate),),
}
_PASSPORT: Final = _Document(
    "pasaporte", "pasaporte", _pattern(r"(?=.*\d)[A-Z0-9]{6,12}"), has_check_digit=False
)
# In a field for several kinds a passport is only what has a letter: digits may be a wrong cédula.
_PASSPORTS: Final = re.compile(r"\b(?:pasaporte|passport|passaporte)\b")
_LETTER: Final = re.compile(r"[A-Za-z]")
# Characters of a number, with all that people write around it; the patterns take the square of it.
_NUMBER_MAX: Final = 64
# Placeholders with a valid check digit: nobody's, or everybody's.
_NOBODY: Final = re.compile(
    r"(\d)\1+|(\d)\2{6,}-?[\dK]|X[AE]XX010101000|0*12345678(?:-?\d)?", re.ASCII
)
# Words in names of fields and in values of type fields -> kind.
_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("cedula", "ci", "cc", "c", "05"), "cedula"),
    **dict.fromkeys(("ruc", "r", "04"), "ruc"),
    **dict.fromkeys(("rut", "run"), "rut"),
    **dict.fromkeys(("cuit", "cuil"), "cuit"),
    **dict.fromkeys(("pasaporte", "passport", "passaporte", "p", "06"), "pasaporte"),
    **{
        kind: kind
        for kind in ("nit", "dni", "rfc", "curp", "cpf", "cnpj", "rnc", "rif", "dui", "dpi")
    },
}
# Words too short or too common to name a field.
_VALUES_ONLY: Final = frozenset(("c", "r", "p", "cc", "04", "05", "06"))
# `cc` is a cédula only where nothing else is said: most fields with it are of credit cards.
_CEDULA_ONLY: Final = re.compile(
    r"(?:(?:billing|customer|cliente|numero|nro|no|de|o|y|nit|ce|ti|documento|doc) )*cc"
    r"(?: (?:o|y|nit|ce|ti|rut|cedula|pasaporte|cliente|comprador))*"
)
# What else may stand in the name of a field that means "the number of any document".
_ANY_DOCUMENT: Final = re.compile(
    r"(?:(?:billing|customer|cliente|invoice|wc|other|numero|nro|num|no|n|number|de|of|id|your|su|tu"
    r"|el|la|ingres[ae]|escrib[ae]|digit[ae]|factura|facturacion|checkout|additional|adicional) )*"
    r"(?:documento?|document number|identificacion|identification|identidad|id number|tax id|vat"
    r"|doc|nif|tin)"
    r"(?: (?:de|of|no|n|numero|nro|number|identidad|identificacion|fiscal|tributari[oa]|factura"
    r"|facturacion|cliente|comprador|customer|titular|del|para|la|su|tu))*"
)
_TYPE_FIELD: Final = re.compile(r"\b(?:tipo|type|kind)\b")
# Before the number in its own field, `C.I. 171003406-5`, and what a spreadsheet leaves behind it.
_AROUND: Final = re.compile(r"^[A-ZÉ. ]+[\s.:#]+(?=\d)|(?<=\d)\.0+$")
# What people put between the digits of any number.
_BETWEEN: Final = re.compile(r"(?<=\d)[.,\s](?=\d)|\s*(?=-)|(?<=-)\s*")
# Of a country whose documents are not known; fewer digits are no number of anybody.
_UNCHECKED: Final = re.compile(r"(?:\D{0,3}\d){5,}.{0,4}")
# Fields about a document rather than its number, or about the recipient.
_OTHER_FIELD: Final = re.compile(
    r"\b(?:shipping|envio|destinatario|recipient|nombres?|name|razon|social|fecha|date|expira\w*|"
    r"url|link|file|archivo|adjunto|foto|photo|image|imagen|estado|status|hash|token|label|"
    r"direccion|address|email|correo|phone|telefono|last4|country|pais|recib\w*|retir\w*|"
    r"recog\w*|receptor\w*|beneficiari\w*|regalo|gift|obsequio|entrega|delivery|pickup)\b"
)


def named_values(items: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) of an object, or of the objects in a list such as `note_attributes`."""
    if isinstance(items, dict):
        yield from items.items()
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            name = item.get("name") or item.get("key") or item.get("label")
            if isinstance(name, str):
                yield name, item.get("value")


def document_in(fields: Iterable[tuple[str, Any]], country: str) -> tuple[str, str]:
    """(kind, number as written) of the first field that holds a document of the country (ISO 3166
    alpha-2), both empty when none does. Without a country the first field of that name.
    """
    kind_of_all = ""
    numbers = []
    for name, value in fields:
        kind = _field_kind(name)
        text = _as_written(value) if kind else ""
        if kind == "type":
            kind_of_all = _KINDS.get(_words(text), "")
        elif text and len(text) <= _NUMBER_MAX:
            numbers.append((kind, text))
            if kind == "any" and _LETTER.search(text) and _PASSPORTS.search(_words(name)):
                numbers.append((_PASSPORT.kind, text))
    for kind, text in numbers:
        wanted = kind_of_all if kind == "any" else kind
        if not country or _find(wanted, text, country) or _is_unchecked(wanted, text, country):
            return wanted, text
    return "", ""


def read_document(kind: str, number: str, country: str) -> tuple[str, str, str]:
    """(Mercately's id type, number, "") or ("", "", reason code) of a document.

    `kind` is a word for it, maybe empty. A kind that the country is not known to have is taken as
    it is written, as "otro" where Mercately has no type for it.
    """
    text = _as_written(number)
    if not text:
        return "", "", ""
    if len(text) > _NUMBER_MAX:
        return "", "", "too_long"
    word = _KINDS.get(_words(kind), _words(kind))
    if found := _find(word if word != "otro" else "", text, country):
        return found[0].id_type, found[1], ""
    documents = _COUNTRIES.get(country, ())
    if _NOBODY.fullmatch(text) or any(d.kind == word and d.has_check_digit for d in documents):
        return "", "", "check_digit"
    if not word:
        return "", text, ""
    if not any(d.kind == word for d in documents) and (found := _find_abroad(word, text)):
        return found[0].id_type, found[1], ""
    return word if word in ID_TYPES else "otro", text, ""


def spellings(id_type: str, number: str) -> tuple[str, ...]:
    """The ways in which Mercately may have stored a number, most likely first."""
    if id_type == "rut" and re.fullmatch(r"\d{6,8}-[\dK]", number):
        body, digit = number.split("-")
        return number, body + digit, f"{int(body):,}-{digit}".replace(",", ".")
    if id_type == "otro" and re.fullmatch(r"\d{9,11}", number):  # NIT, with a hyphen or dots
        body, digit = number[:-1], number[-1]
        return number, f"{body}-{digit}", f"{int(body):,}-{digit}".replace(",", ".")
    return (number,)


def _as_written(value: Any) -> str:
    """The number in a field as text, with plain hyphens and without invisible characters."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return ""
    text = str(value).strip()
    if not text.isascii():
        marks = {"Cf": "", "Pd": "-", "Zs": " "}
        text = "".join(marks.get(unicodedata.category(c), c) for c in text).strip()
    return text


def _find(kind: str, text: str, country: str) -> tuple[_Document, str] | None:
    """The document that a text is: of this kind, else of any other one with a check digit."""
    if _NOBODY.fullmatch(re.sub(r"[\s.]", "", text.upper())):
        return None
    documents = _COUNTRIES.get(country, ())
    ranked = [d for d in (*documents, _PASSPORT) if d.kind == kind]
    ranked += [d for d in documents if d.kind != kind and d.has_check_digit]
    if kind in ("", "any"):
        ranked += [d for d in documents if not d.has_check_digit]
    written = text.upper()
    bare = _AROUND.sub("", written)
    for number in dict.fromkeys((written, bare, _BETWEEN.sub("", bare))):
        for document in ranked:
            try:
                value = document.check(number)
            except ValidationError:
                continue
            if not _NOBODY.fullmatch(value.replace("-", "")):
                return document, value
    return None


def _find_abroad(kind: str, text: str) -> tuple[_Document, str] | None:
    """The document of this kind that a text is by its check digit, of whichever country."""
    countries = [
        country
        for country, documents in _COUNTRIES.items()
        if any(d.kind == kind and d.has_check_digit for d in documents)
    ]
    founds = (_find(kind, text, country) for country in countries)
    return next((found for found in founds if found and found[0].kind == kind), None)


def _is_unchecked(kind: str, text: str, country: str) -> bool:
    """Whether a field is named after a kind, in a country whose documents are not known."""
    is_named = kind not in ("", "any") and country not in _COUNTRIES
    return is_named and bool(_UNCHECKED.fullmatch(text)) and not _NOBODY.fullmatch(text)


@lru_cache(maxsize=4096)
def _field_kind(name: str) -> str:
    """The kind of document that a field is named after: `any` for an unnamed one, `type` for a
    field with the kind, empty for fields without a document.
    """
    words = _words(name)
    if _OTHER_FIELD.search(words):
        return ""
    kinds = {_KINDS[word] for word in words.split() if word in _KINDS.keys() - _VALUES_ONLY}
    is_any = bool(_ANY_DOCUMENT.fullmatch(_TYPE_FIELD.sub("", words).strip())) or bool(
        re.search(r"\bdocument|\bidentifica", words)
    )
    if _TYPE_FIELD.search(words):
        return "type" if is_any or kinds or words in ("billing type id", "tipo id") else ""
    if _CEDULA_ONLY.fullmatch(words):
        kinds.add("cedula")
    if len(kinds) == 1:
        return kinds.pop()
    return "any" if kinds or _ANY_DOCUMENT.fullmatch(words) else ""


def _words(text: str) -> str:
    """Lower-case words without accents: `_billing_tipoDocumento` is "billing tipo documento"."""
    split = re.sub(r"(?<=[a-záéíóúñ])(?=[A-Z])", " ", text[:80])
    plain = unicodedata.normalize("NFKD", split).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"\b([a-z])\.(?=[a-z]\b)", r"\1", plain)  # "C.I." is "ci"
    return " ".join(re.findall(r"[a-z0-9]+", plain))
