"""Default notes, in Spanish and English, about orders, purchases, payments and accounts.

Jinja2 templates for the person who chats with the customer: one line of about 200 characters, the
important part first. What an event does not say leaves no trace: no double space, no lone colon.
`relay/mapping/order_words.py` has the variables in words.
"""

from collections.abc import Mapping
from typing import Final

_NUMBER: Final = "{% set number = order_number or order_id %}"
_N: Final = "{% if number %} {{ number }}{% endif %}"
_FOR_ES: Final = "{% if amount %} por {{ amount }}{% endif %}"
_FOR_EN: Final = "{% if amount %} for {{ amount }}{% endif %}"
_OF_ES: Final = "{% if amount %} de {{ amount }}{% endif %}"
_OF_EN: Final = "{% if amount %} of {{ amount }}{% endif %}"
_COMMA: Final = "{% if amount %}, {{ amount }}{% endif %}"
_COLON: Final = "{% if amount %}: {{ amount }}{% endif %}"
_ITEMS: Final = "{% if items %}: {{ items }}{% endif %}"
_RESUME_ES: Final = "{% if checkout_url %}. Para retomarla: {{ checkout_url }}{% endif %}"
_RESUME_EN: Final = "{% if checkout_url %}. To resume it: {{ checkout_url }}{% endif %}"
_NEWS: Final = (
    "{% set news = changed_text or [status_text, parcel_text, amount] | select | join(', ') %}"
    "{% if news %}: {{ news }}{% endif %}"
)
_TRACKING: Final = (
    "{% if tracking_text %}, {{ tracking_text }}{% endif %}"
    "{% if tracking_url %}: {{ tracking_url }}{% endif %}"
)
_REFUND: Final = "{% set given = refund_amount or amount %}{% if given %}: {{ given }}{% endif %}"
_OF_WHOLE_ES: Final = f"{{% if refund_amount != amount %}}{_OF_ES}{{% endif %}}"
_OF_WHOLE_EN: Final = f"{{% if refund_amount != amount %}}{_OF_EN}{{% endif %}}"
_PART: Final = "{% set part = refund_left and refund_amount != amount %}"
_PART_ES: Final = f"{_PART}{{% if part %}} en parte{{% endif %}}"
_PART_EN: Final = f"{_PART}{{% if part %}} in part{{% endif %}}"
_GIVEN_ES: Final = f"{_REFUND}{{% if part %}}{_OF_ES}{{% endif %}}"
_GIVEN_EN: Final = f"{_REFUND}{{% if part %}}{_OF_EN}{{% endif %}}"
_WHY_ES: Final = "{% if reason_line %}, motivo: {{ reason_line }}{% endif %}"
_WHY_EN: Final = "{% if reason_line %}, reason: {{ reason_line }}{% endif %}"
_PAYMENT: Final = "{% set number = reference or order_number or order_id or payment_id %}"
_REFERENCE_ES: Final = "{% if number %}, referencia {{ number }}{% endif %}"
_REFERENCE_EN: Final = "{% if number %}, reference {{ number }}{% endif %}"
_AGO_ES: Final = "{% if waited %} hace {{ waited }}{% endif %}"
_AGO_EN: Final = "{% if waited %} {{ waited }} ago{% endif %}"
_PLAN: Final = "{% set name = plan | brief(60) %}{% set number = order_number or order_id %}"
_PLAN_ES: Final = (
    "{% if name %}«{{ name }}»{% elif number %}la suscripción {{ number }}"
    "{% else %}una suscripción{% endif %}"
)
_PLAN_EN: Final = (
    '{% if name %}"{{ name }}"{% elif number %}subscription {{ number }}'
    "{% else %}a subscription{% endif %}"
)
_CHANGED: Final = "{% if changed %}: {{ changed }}{% endif %}"
_DECLINED: Final = "{% if decline_text %}, {{ decline_text }}{% endif %}"


def _order(es: str, en: str, end: str = "") -> tuple[str, str]:
    return f"{_NUMBER}{es}{end}", f"{_NUMBER}{en}{end}"


def _payment(es: str, en: str, why: str = "") -> tuple[str, str]:
    return (
        f"{_PAYMENT}{es}{_COLON}{why}{_REFERENCE_ES}",
        f"{_PAYMENT}{en}{_COLON}{why}{_REFERENCE_EN}",
    )


def _subscription(es: str, en: str, end_es: str, end_en: str) -> tuple[str, str]:
    return f"{_PLAN}{es} {_PLAN_ES}{end_es}", f"{_PLAN}{en} {_PLAN_EN}{end_en}"


# Event type -> the note in Spanish and in English.
ORDER_NOTES: Final[Mapping[str, tuple[str, str]]] = {
    "order.created": _order(
        f"Pedido{_N} creado{_FOR_ES}", f"Order{_N} placed{_FOR_EN}", _ITEMS,
    ),
    "order.updated": _order(f"Pedido{_N} actualizado", f"Order{_N} updated", _NEWS),
    "order.paid": _order(
        f"Pedido{_N} pagado{_COLON}{{% if method_text %}} con {{{{ method_text }}}}{{% endif %}}",
        f"Order{_N} paid{_COLON}{{% if method_text %}} by {{{{ method_text }}}}{{% endif %}}",
    ),
    "order.on_hold": _order(
        f"Pedido{_N} en espera de pago", f"Order{_N} on hold, awaiting payment", _COLON,
    ),
    "order.fulfilled": _order(f"Pedido{_N} completado", f"Order{_N} completed"),
    "order.shipped": _order(
        f"Pedido{_N} enviado{{% if carrier %}} con {{{{ carrier }}}}{{% endif %}}",
        f"Order{_N} shipped{{% if carrier %}} with {{{{ carrier }}}}{{% endif %}}",
        _TRACKING,
    ),
    "order.cancelled": _order(
        f"Pedido{_N} cancelado", f"Order{_N} cancelled",
        _COMMA + "{% if cancel_text %}: {{ cancel_text }}{% endif %}",
    ),
    "order.refunded": _order(
        f"Pedido{_N} reembolsado{_REFUND}{_WHY_ES}", f"Order{_N} refunded{_REFUND}{_WHY_EN}",
    ),
    "order.partially_refunded": _order(
        "Reembolso parcial{% if number %} del pedido {{ number }}{% endif %}"
        "{% if refund_amount %}: {{ refund_amount }}" + _OF_WHOLE_ES + "{% endif %}"
        "{% if refund_left %}, quedan {{ refund_left }}{% endif %}" + _WHY_ES,
        "Partial refund{% if number %} of order {{ number }}{% endif %}"
        "{% if refund_amount %}: {{ refund_amount }}" + _OF_WHOLE_EN + "{% endif %}"
        "{% if refund_left %}, {{ refund_left }} left{% endif %}" + _WHY_EN,
    ),
    "order.failed": _order(
        f"Falló el pago del pedido{_N}{_FOR_ES}", f"Payment of order{_N} failed{_COMMA}",
    ),
    "order.deleted": _order(f"Pedido{_N} eliminado", f"Order{_N} deleted"),
    "checkout.created": (
        f"Empezó una compra{_OF_ES}{_ITEMS}{_RESUME_ES}",
        f"Started a purchase{_OF_EN}{_ITEMS}{_RESUME_EN}",
    ),
    "checkout.updated": (
        f"Cambió su compra sin terminar{_COMMA}{_ITEMS}{_RESUME_ES}",
        f"Changed their unfinished purchase{_COMMA}{_ITEMS}{_RESUME_EN}",
    ),
    "checkout.abandoned": (
        f"Dejó una compra sin terminar{_AGO_ES}{_COMMA}{_ITEMS}{_RESUME_ES}",
        f"Left a purchase unfinished{_AGO_EN}{_COMMA}{_ITEMS}{_RESUME_EN}",
    ),
    "shipment.delivered": _order(
        "Le entregaron {% if number %}el pedido {{ number }}{% else %}su pedido{% endif %}",
        "{% if number %}Order {{ number }}{% else %}Their order{% endif %} was delivered",
    ),
    "subscription.created": (
        f"{_PLAN}Se suscribió{{% if name %}} a {_PLAN_ES}{{% endif %}}{_FOR_ES}",
        f"{_PLAN}Subscribed{{% if name %}} to {_PLAN_EN}{{% endif %}}{_FOR_EN}",
    ),
    "subscription.renewed": _subscription("Se renovó", "Renewed", _FOR_ES, _FOR_EN),
    "subscription.cancelled": _subscription("Canceló", "Cancelled", _WHY_ES, _WHY_EN),
    "subscription.payment_failed": _subscription(
        "Falló el cobro de", "Charge failed for", _FOR_ES + _DECLINED, _FOR_EN + _DECLINED
    ),
    "payment.approved": _payment("Pago aprobado", "Payment approved"),
    "payment.declined": _payment("Pago rechazado", "Payment declined", _DECLINED),
    "payment.refunded": (
        f"{_PAYMENT}Pago devuelto{_PART_ES}{_GIVEN_ES}{_REFERENCE_ES}",
        f"{_PAYMENT}Payment refunded{_PART_EN}{_GIVEN_EN}{_REFERENCE_EN}",
    ),
    "payment.charged_back": _payment("Contracargo", "Chargeback"),
    "customer.created": (
        "{% if in_shop %}Se registró en la tienda{% else %}Nueva ficha de cliente{% endif %}",
        "{% if in_shop %}Created an account in the shop{% else %}New customer record{% endif %}",
    ),
    "customer.updated": (
        f"{{% if in_shop %}}Cambió{{% else %}}Se actualizaron{{% endif %}} sus datos{_CHANGED}",
        "{% if in_shop %}Changed their details{% else %}Their details were updated{% endif %}"
        + _CHANGED,
    ),
    "customer.deleted": (
        "Se eliminó su {% if in_shop %}cuenta de la tienda{% else %}ficha de cliente{% endif %}",
        "Their {% if in_shop %}account in the shop{% else %}record{% endif %} was deleted",
    ),
}  # fmt: skip
