"""The parts of notes about orders, purchases, payments and accounts, in words of a language.

Known codes are translated; what is not known is the platform's or a person's own text and stays.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

from relay.mapping.plain_text import without_hidden, without_html

_ES, _EN = 0, 1
_ITEMS_MAX: Final = 3
_NUMBERS_MAX: Final = 5
_CHANGES_MAX: Final = 4
_TEXT_MAX: Final = 60
_ITEM_MAX: Final = 40
# Room for the items of a note that ends with a link, and of others.
_ITEMS_ROOM: Final = (50, 90)

_BETWEEN_WORDS: Final = re.compile(r"[\s-]+")
# A code such as `mercado_pago` and no more.
_CODE: Final = re.compile(r"^[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+$")
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
_STATUS: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("pendiente de pago", "awaiting payment"),
    "on_hold": ("en espera de pago", "on hold, awaiting payment"),
    "processing": ("en preparación", "being prepared"),
    "completed": ("completado", "completed"),
    "cancelled": ("cancelado", "cancelled"),
    "failed": ("pago fallido", "payment failed"),
    "authorized": ("pago autorizado", "payment authorized"),
    "partially_paid": ("pagado en parte", "partly paid"),
    "paid": ("pagado", "paid"),
    "partially_refunded": ("reembolsado en parte", "partly refunded"),
    "refunded": ("reembolsado", "refunded"),
    "voided": ("pago anulado", "payment voided"),
    "not_paid": ("pendiente de pago", "awaiting payment"),
    "fully_refunded": ("reembolsado", "refunded"),
    "expired": ("pago vencido", "payment expired"),
    "unpaid": ("pendiente de pago", "awaiting payment"),
    "open": ("abierto", "open"),
    "closed": ("cerrado", "closed"),
    # Of plugins.
    **dict.fromkeys(("preparing", "preparando"), ("en preparación", "being prepared")),
    **dict.fromkeys(("shipped", "enviado", "despachado"), ("enviado", "sent")),
    **dict.fromkeys(("delivered", "entregado"), ("entregado", "delivered")),
    "partial_shipped": ("enviado en parte", "partly sent"),
    "ready_pickup": ("listo para retirar", "ready for pickup"),
    "ready_for_pickup": ("listo para retirar", "ready for pickup"),
    "pending_payment": ("pendiente de pago", "awaiting payment"),
    "partial_payment": ("pagado en parte", "partly paid"),
    "trash": ("en la papelera", "in the trash"),
}
_FULFILMENT: Final[Mapping[str, tuple[str, str]]] = {
    "fulfilled": ("todo enviado", "all sent"),
    "partial": ("enviado en parte", "partly sent"),
    "partially_fulfilled": ("enviado en parte", "partly sent"),
    "unfulfilled": ("sin enviar", "not sent"),
    "restocked": ("devuelto al inventario", "restocked"),
    **dict.fromkeys(
        ("in_preparation", "preparing", "packed"), ("en preparación", "being prepared")
    ),
    **dict.fromkeys(("shipped", "in_transit"), ("enviado", "sent")),
    "delivered": ("entregado", "delivered"),
    **dict.fromkeys(
        ("pickup_available", "ready_for_pickup", "available_for_pickup"),
        ("listo para retirar", "ready for pickup"),
    ),
}
_CANCELLED: Final[Mapping[str, tuple[str, str]]] = {
    "customer": ("el cliente lo pidió", "requested by the customer"),
    "fraud": ("sospecha de fraude", "suspected fraud"),
    "inventory": ("no hay existencias", "out of stock"),
    "declined": ("el pago fue rechazado", "the payment was declined"),
    "staff": ("error de la tienda", "mistake of the shop"),
    "requested_by_customer": ("el cliente lo pidió", "requested by the customer"),
    "fraudulent": ("sospecha de fraude", "suspected fraud"),
    "out_of_stock": ("no hay existencias", "out of stock"),
    "duplicate": ("estaba repetido", "it was there twice"),
    "other": ("", ""),
}
_DECLINED: Final[Mapping[str, tuple[str, str]]] = {
    "insufficient_funds": ("fondos insuficientes", "insufficient funds"),
    "insufficient_amount": ("fondos insuficientes", "insufficient funds"),
    "expired_card": ("tarjeta vencida", "expired card"),
    "card_declined": ("el banco rechazó la tarjeta", "the bank declined the card"),
    "do_not_honor": ("el banco rechazó la tarjeta", "the bank declined the card"),
    "call_for_authorize": ("el banco pide autorización", "the bank asks for authorization"),
    "incorrect_cvc": ("código de seguridad incorrecto", "wrong security code"),
    "bad_filled_security_code": ("código de seguridad incorrecto", "wrong security code"),
    "bad_filled_date": ("fecha de vencimiento incorrecta", "wrong expiry date"),
    "bad_filled_card_number": ("número de tarjeta incorrecto", "wrong card number"),
    "incorrect_number": ("número de tarjeta incorrecto", "wrong card number"),
    "lost_card": ("tarjeta perdida", "lost card"),
    "stolen_card": ("tarjeta robada", "stolen card"),
    "high_risk": ("sospecha de fraude", "suspected fraud"),
    "fraudulent": ("sospecha de fraude", "suspected fraud"),
    "processing_error": ("error al procesarlo", "error while processing it"),
    "card_error": ("error al procesarlo", "error while processing it"),
    **dict.fromkeys(
        ("other_reason", "by_bank", "generic_decline", "declined", "pickup_card", "blacklist",
         "transaction_not_allowed"),
        ("el banco rechazó la tarjeta", "the bank declined the card"),
    ),
    **dict.fromkeys(
        ("insufficient_fund", "fondos_insuficientes", "saldo_insuficiente",
         "your_card_has_insufficient_funds"),
        ("fondos insuficientes", "insufficient funds"),
    ),
    **dict.fromkeys(
        ("your_card_was_declined", "tarjeta_declinada", "tarjeta_rechazada"),
        ("el banco rechazó la tarjeta", "the bank declined the card"),
    ),
    **dict.fromkeys(
        ("your_card_has_expired", "tarjeta_vencida", "tarjeta_expirada"),
        ("tarjeta vencida", "expired card"),
    ),
    "your_card_number_is_incorrect": ("número de tarjeta incorrecto", "wrong card number"),
    "your_card's_security_code_is_incorrect": (
        "código de seguridad incorrecto", "wrong security code",
    ),
    "your_card_does_not_support_this_type_of_purchase": (
        "el banco rechazó la tarjeta", "the bank declined the card",
    ),
    "bad_filled_other": ("datos de la tarjeta incorrectos", "wrong card details"),
    "insufficient_data": ("faltan datos", "details are missing"),
    "invalid_cvc": ("código de seguridad incorrecto", "wrong security code"),
    "invalid_number": ("número de tarjeta incorrecto", "wrong card number"),
    "invalid_expiry_month": ("fecha de vencimiento incorrecta", "wrong expiry date"),
    "invalid_expiry_year": ("fecha de vencimiento incorrecta", "wrong expiry date"),
    "authentication_required": ("el banco pide autorización", "the bank asks for authorization"),
    "card_disabled": ("tarjeta sin activar", "the card is not active"),
    "duplicated_payment": ("pago repetido", "repeated payment"),
    "duplicate_transaction": ("pago repetido", "repeated payment"),
    "max_attempts": ("demasiados intentos", "too many attempts"),
    "invalid_installments": ("cuotas no permitidas", "instalments not allowed"),
    "withdrawal_count_limit_exceeded": ("límite de la tarjeta superado", "over the card's limit"),
    "card_velocity_exceeded": ("límite de la tarjeta superado", "over the card's limit"),
}  # fmt: skip
_METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "shopify_payments": ("tarjeta", "card"),
    "card": ("tarjeta", "card"),
    "credit_card": ("tarjeta", "card"),
    "bank_transfer": ("transferencia", "bank transfer"),
    "bacs": ("transferencia", "bank transfer"),
    "cash_on_delivery": ("pago contra entrega", "cash on delivery"),
    "cod": ("pago contra entrega", "cash on delivery"),
    "cash_on_delivery_(cod)": ("pago contra entrega", "cash on delivery"),
    "direct_bank_transfer": ("transferencia", "bank transfer"),
    "bank_deposit": ("depósito", "bank deposit"),
    "check_payments": ("cheque", "cheque"),
    "cheque": ("cheque", "cheque"),
    "money_order": ("giro", "money order"),
    "debit_card": ("tarjeta de débito", "debit card"),
    "gift_card": ("tarjeta de regalo", "gift card"),
    "woocommerce_payments": ("tarjeta", "card"),
    "manual": ("", ""),
    **dict.fromkeys(("tarjeta", "tarjeta_de_crédito", "tarjeta_de_credito"), ("tarjeta", "card")),
    **dict.fromkeys(
        ("tarjeta_de_débito", "tarjeta_de_debito"), ("tarjeta de débito", "debit card")
    ),
    "prepaid_card": ("tarjeta prepago", "prepaid card"),
    **dict.fromkeys(
        ("transferencia", "transferencia_bancaria", "depósito_o_transferencia", "wire_transfer"),
        ("transferencia", "bank transfer"),
    ),
    **dict.fromkeys(("cash", "efectivo", "ticket", "cash_payment"), ("efectivo", "cash")),
    **dict.fromkeys(
        ("pago_contra_entrega", "contra_entrega", "contra_reembolso", "contrareembolso",
         "pago_contra_reembolso"),
        ("pago contra entrega", "cash on delivery"),
    ),
    "account_money": ("saldo de la cuenta", "account balance"),
}  # fmt: skip


# What platforms write for a carrier that they do not know.
_CARRIERS: Final[Mapping[str, tuple[str, str]]] = dict.fromkeys(
    ("other", "otro", "otra", "custom"), ("", "")
)


def order_words(fields: Mapping[str, Any], language: Literal["es", "en"]) -> dict[str, Any]:
    """Variables of notes, from an event's fields with their amounts as shown; "" when absent.

    `items`, `changed` and what is shown as it stands replace the fields of the same names.
    """
    at = _ES if language == "es" else _EN
    room = _ITEMS_ROOM[0 if _text(fields.get("checkout_url")) else 1]
    numbers = _texts(fields.get("tracking_numbers")) or _texts(fields.get("tracking_number"))
    names = [name for name in _texts(fields.get("changed")) if name in _CHANGED]
    return {
        **{name: _text(fields[name]) for name in _LINES if name in fields},
        "carrier": _known(fields.get("carrier"), _CARRIERS, at),
        "items": _items(_texts(fields.get("items")), at, room),
        "changed": ", ".join(dict.fromkeys(_bare(name, at) for name in names)),
        "changed_text": _changed_text(names, fields, at),
        "status_text": _status(fields.get("status"), _STATUS, at),
        "parcel_text": _parcel(fields, at),
        "cancel_text": _known(fields.get("cancel_reason"), _CANCELLED, at),
        "decline_text": _known(fields.get("reason"), _DECLINED, at),
        "method_text": _known(fields.get("payment_method"), _METHODS, at),
        "tracking_text": _tracking(numbers, at),
        "reason_line": _known(fields.get("reason"), _CANCELLED, at),
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return " ".join(without_hidden(without_html(value)).split())
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


def _known(value: Any, words: Mapping[str, tuple[str, str]], at: int) -> str:
    if not (text := _text(value)):
        return ""
    code = (
        _BETWEEN_WORDS.sub("_", text.lower().rstrip("."))
        .removeprefix("cc_")
        .removeprefix("rejected_")
    )
    return words[code][at] if code in words else _brief(_CODE.sub(_spaced, text))


def _spaced(match: re.Match[str]) -> str:
    return match[0].replace("_", " ")


def _status(value: Any, words: Mapping[str, tuple[str, str]], at: int) -> str:
    if not (text := _text(value).removeprefix("wc-")):
        return ""
    text = text.lower() if text.isupper() else text
    code = _BETWEEN_WORDS.sub("_", text.lower())
    if code in words:
        return words[code][at]
    return _brief(re.sub(r"[_-]+", " ", text))


def _parcel(fields: Mapping[str, Any], at: int) -> str:
    """How far the parcel is, where there are words for it that the order's state does not say."""
    text = _text(fields.get("fulfillment_status"))
    code = _BETWEEN_WORDS.sub("_", text.lower())
    if code not in _FULFILMENT or code == "unfulfilled":
        return ""
    words = _FULFILMENT[code][at]
    return "" if words == _status(fields.get("status"), _STATUS, at) else words


def _and_more(texts: Sequence[str], left: int, at: int) -> str:
    shown = ", ".join(texts)
    return f"{shown} {('y', 'and')[at]} {left} {('más', 'more')[at]}" if left else shown


def _items(items: Sequence[str], at: int, room: int) -> str:
    """At most three, fewer where they are long, and the number of those left out."""
    shown = [_brief(item, _ITEM_MAX) for item in items[:_ITEMS_MAX]]
    while len(shown) > 1 and len(", ".join(shown)) > room:
        shown.pop()
    return _and_more(shown, len(items) - len(shown), at)


def _tracking(numbers: Sequence[str], at: int) -> str:
    if not numbers:
        return ""
    word = (("guía", "guías"), ("tracking", "tracking"))[at][len(numbers) > 1]
    shown = [_brief(number, _ITEM_MAX) for number in numbers[:_NUMBERS_MAX]]
    return f"{word} {_and_more(shown, len(numbers) - len(shown), at)}"


def _bare(name: str, at: int) -> str:
    noun = _CHANGED[name][at]
    return noun.partition(" ")[2] if at == _ES else noun


def _changed_text(names: Sequence[str], fields: Mapping[str, Any], at: int) -> str:
    """`cambió el total (ahora $31,00)`, `shipping address and total changed`."""
    if not names:
        return ""
    now = {
        "total": _text(fields.get("amount")),
        "status": _status(fields.get("status"), _STATUS, at),
        "fulfillment_status": _status(fields.get("fulfillment_status"), _FULFILMENT, at),
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
