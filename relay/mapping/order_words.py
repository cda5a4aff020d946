"""The parts of notes about orders, purchases, payments and accounts, in words of a language.

Known codes are translated; what is not known is the platform's or a person's own text and stays.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal

from relay.mapping.order_codes import CANCELLED, CARRIERS, DECLINED, FULFILMENT, METHODS, STATUS
from relay.mapping.plain_text import one_line

_Words = Callable[[Mapping[str, Any], int], str]
_ES, _EN = 0, 1
_ITEMS_MAX: Final = 3
_NUMBERS_MAX: Final = 5
_CHANGES_MAX: Final = 4
_TEXT_MAX: Final = 60
_ITEM_MAX: Final = 40
# Longer than any number or reference that people know; there are merchants' own texts in its place.
_NUMBER_MAX: Final = 80
_URL_MAX: Final = 1000
# Room for the items of a note that ends with a link, and of others.
_ITEMS_ROOM: Final = (50, 90)

_BETWEEN_WORDS: Final = re.compile(r"[\s-]+")
# What stands behind a name, as in `Pago contra entrega (COD)`.
_IN_BRACKETS: Final = re.compile(r"_?\([^()]*\)$")
# A code such as `mercado_pago` and no more.
_CODE: Final = re.compile(r"^[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+$")
# What people and CRMs write before the number of an order, and a note has already.
_NOUN: Final = re.compile(
    r"^(?:pedido|orden|order|compra)\s+(?:de compra\s+)?"
    r"(?:(?:n[.º°o]*|nro\.?|num\.?|número)\s*)?(?=#?\S*\d)",
    re.IGNORECASE,
)
# Texts that stand in notes as they are, on one line.
_LINES: Final = (
    "order_number", "order_id", "reference", "payment_id", "tracking_url", "checkout_url",
)  # fmt: skip

# Shown field -> noun in Spanish (with its article) and English.
_CHANGED: Final[Mapping[str, tuple[str, str]]] = {
    "status": ("el estado", "status"),
    "fulfillment_status": ("el estado del envío", "shipping status"),
    "total": ("el total", "total"),
    "items": ("los productos", "items"),
    "shipping_address": ("la dirección de envío", "shipping address"),
    "billing_address": ("los datos de facturación", "billing details"),
    "shipping_method": ("el método de envío", "shipping method"),
    "payment_method": ("la forma de pago", "payment method"),
    "customer_note": ("la nota del pedido", "note on the order"),
    "first_name": ("el nombre", "name"),
    "last_name": ("el nombre", "name"),
    "email": ("el correo", "e-mail"),
    "phone": ("el teléfono", "phone"),
    "address": ("la dirección", "address"),
}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _texts(value: Any) -> list[str]:
    """Of a list the texts, of lines of an order their names; of a single text that one."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        value = [value]
    return [text for part in value if (text := _line(part))]


def _line(value: Any) -> str:
    if not isinstance(value, dict):
        return _text(value)
    name = _text(value.get("name")) or _text(value.get("title"))
    quantity = _text(value.get("quantity"))
    return f"{quantity} \N{MULTIPLICATION SIGN} {name}" if name and quantity else name


def _brief(text: str, length: int = _TEXT_MAX) -> str:
    """One line of at most `length` characters that may stand before `)` or a full stop."""
    text = text.rstrip(" .,;:")
    return text if len(text) <= length else text[: length - 1].rstrip(" .,;:") + "…"


def _short(name: str, text: str) -> str:
    """A number or reference that fits into a note; a link whole or not at all."""
    if name.endswith("_url"):
        return text if len(text) <= _URL_MAX else ""
    return _brief(text, _NUMBER_MAX)


def _code(text: str) -> str:
    return _BETWEEN_WORDS.sub("_", text.lower())


def _known(value: Any, words: Mapping[str, tuple[str, str]], at: int) -> str:
    if not (text := _text(value)):
        return ""
    code = _code(text.rstrip(".")).removeprefix("cc_").removeprefix("rejected_")
    code = code if code in words else _IN_BRACKETS.sub("", code)
    return words[code][at] if code in words else _brief(_CODE.sub(_spaced, text))


def _of(name: str, words: Mapping[str, tuple[str, str]]) -> _Words:
    """The words for the code in a field."""
    return lambda fields, at: _known(fields.get(name), words, at)


def _methods(fields: Mapping[str, Any], at: int) -> str:
    """The words for each method, where a gift card pays a part and another one the rest."""
    names = _text(fields.get("payment_method")).split(" + ")
    words = [word for name in names if (word := _known(name, METHODS, at))]
    return _brief(" + ".join(dict.fromkeys(words)))


def _spaced(match: re.Match[str]) -> str:
    return match[0].replace("_", " ")


def _status(value: Any, words: Mapping[str, tuple[str, str]], at: int) -> str:
    if not (text := _text(value).removeprefix("wc-")):
        return ""
    text = text.lower() if text.isupper() else text
    if (code := _code(text)) in words:
        return words[code][at]
    return _brief(re.sub(r"[_-]+", " ", text))


def _parcel(fields: Mapping[str, Any], at: int) -> str:
    """How far the parcel is, where there are words for it that the order's state does not say."""
    code = _code(_text(fields.get("fulfillment_status")))
    if code not in FULFILMENT or code == "unfulfilled":
        return ""
    words = FULFILMENT[code][at]
    return "" if words == _status(fields.get("status"), STATUS, at) else words


def _and_more(texts: Sequence[str], left: int, at: int) -> str:
    shown = ", ".join(texts)
    return f"{shown} {('y', 'and')[at]} {left} {('más', 'more')[at]}" if left else shown


def _items(fields: Mapping[str, Any], at: int) -> str:
    """At most three, fewer where they are long, and the number of those left out."""
    items = _texts(fields.get("items"))
    room = _ITEMS_ROOM[0 if _text(fields.get("checkout_url")) else 1]
    shown = [_brief(item, _ITEM_MAX) for item in items[:_ITEMS_MAX]]
    while len(shown) > 1 and len(", ".join(shown)) > room:
        shown.pop()
    return _and_more(shown, len(items) - len(shown), at)


def _tracking(fields: Mapping[str, Any], at: int) -> str:
    parcels = _texts(fields.get("tracking_numbers")) or _texts(fields.get("tracking_number"))
    numbers = list(dict.fromkeys(parcels))
    if not numbers:
        return ""
    word = (("guía", "guías"), ("tracking", "tracking"))[at][len(numbers) > 1]
    shown = [_brief(number, _ITEM_MAX) for number in numbers[:_NUMBERS_MAX]]
    return f"{word} {_and_more(shown, len(numbers) - len(shown), at)}"


def _changes(fields: Mapping[str, Any]) -> list[str]:
    return [name for name in _texts(fields.get("changed")) if name in _CHANGED]


def _changed(fields: Mapping[str, Any], at: int) -> str:
    return ", ".join(dict.fromkeys(_bare(name, at) for name in _changes(fields)))


def _bare(name: str, at: int) -> str:
    noun = _CHANGED[name][at]
    return noun.partition(" ")[2] if at == _ES else noun


def _changed_text(fields: Mapping[str, Any], at: int) -> str:
    """`cambió el total (ahora $31,00)`, `shipping address and total changed`."""
    names = _changes(fields)
    if not names:
        return ""
    now = {
        "total": _text(fields.get("amount")),
        "status": _status(fields.get("status"), STATUS, at),
        "fulfillment_status": _status(fields.get("fulfillment_status"), FULFILMENT, at),
    }
    nouns: dict[str, str] = {}
    for name in names:
        noun = _CHANGED[name][at]
        value = now.get(name)
        nouns.setdefault(noun, f"{noun} ({('ahora', 'now')[at]} {value})" if value else noun)
    shown, left = list(nouns.values())[:_CHANGES_MAX], len(nouns) - _CHANGES_MAX
    if left > 0:
        text = _and_more(shown, left, at)
    else:
        last = f" {('y', 'and')[at]} {shown[-1]}" if len(shown) > 1 else shown[0]
        text = ", ".join(shown[:-1]) + last
    if at == _EN:
        return f"{text} changed"
    singular = len(nouns) == 1 and not next(iter(nouns)).startswith("los ")
    return f"{'cambió' if singular else 'cambiaron'} {text}"


# The variables in words, each made of the fields and the place of a language.
_WORDS: Final[Mapping[str, _Words]] = {
    "carrier": _of("carrier", CARRIERS),
    "items": _items,
    "changed": _changed,
    "changed_text": _changed_text,
    "status_text": lambda fields, at: _status(fields.get("status"), STATUS, at),
    "parcel_text": _parcel,
    "cancel_text": _of("cancel_reason", CANCELLED),
    "decline_text": _of("reason", DECLINED),
    "method_text": _methods,
    "tracking_text": _tracking,
    "reason_line": _of("reason", CANCELLED),
}
_NAMES: Final = frozenset((*_LINES, *_WORDS))


def order_words(
    fields: Mapping[str, Any], language: Literal["es", "en"], names: frozenset[str] = _NAMES
) -> dict[str, str]:
    """Variables of notes, from an event's fields with their amounts as shown; "" when absent.

    Only those of `names` are made. `items`, `changed` and what is shown as it stands replace the
    fields of the same names.
    """
    at = _ES if language == "es" else _EN
    lines, words = _among(names)
    texts = {name: _short(name, _text(fields[name])) for name in lines if name in fields}
    if number := texts.get("order_number"):
        texts["order_number"] = _NOUN.sub("", number)
    for name, make in words:
        texts[name] = make(fields, at)
    return texts


@lru_cache(maxsize=1024)
def _among(names: frozenset[str]) -> tuple[list[str], list[tuple[str, _Words]]]:
    """Those that stand as they are and those in words among the names that a rule has."""
    lines: list[str] = [name for name in _LINES if name in names]
    return lines, [(name, make) for name, make in _WORDS.items() if name in names]
