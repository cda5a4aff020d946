"""Our event types (`noun.past_participle`), with their titles and default notes.

A note is for the agent who chats with the customer. It is a template; `relay/mapping/rules.py`
lists the variables, `relay/mapping/order_notes.py` has the notes about orders and payments.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from relay.mapping.order_notes import ORDER_NOTES

Language = Literal["es", "en"]


@dataclass(frozen=True, slots=True)
class EventType:
    """Titles and note templates; an `opt_in` type is off unless a source names it.

    `parent` is the type whose rule this one follows where relay.toml does not name it.
    """

    es: str
    en: str
    note_es: str
    note_en: str
    opt_in: bool = False
    parent: str = ""

    def title(self, language: Language) -> str:
        return self.es if language == "es" else self.en

    def note(self, language: Language) -> str:
        return self.note_es if language == "es" else self.note_en


_MAIL_ES = (
    "{% if subject %} «{{ subject }}»{% elif campaign %} de «{{ campaign }}»{% endif %}"
    "{% if reason %}: {{ reason }}{% endif %}"
)
_MAIL_EN = (
    '{% if subject %} "{{ subject }}"{% elif campaign %} of "{{ campaign }}"{% endif %}'
    "{% if reason %}: {{ reason }}{% endif %}"
)
_BY = " ({{ platform }})"


def _order(name: str, es: str, en: str, parent: str = "") -> EventType:
    note_es, note_en = ORDER_NOTES[name]
    return EventType(es, en, note_es + _BY, note_en + _BY, parent=parent)


def _mail(es: str, en: str, *, opt_in: bool = False) -> EventType:
    note_es, note_en = f"{es}{_MAIL_ES}", f"{en}{_MAIL_EN}"
    return EventType(es, en, note_es + _BY, note_en + _BY, opt_in)


def _person(es: str, en: str) -> EventType:
    return EventType(es, en, es + _BY, en + _BY)


_ORDERS: Final[Mapping[str, EventType]] = {
    name: _order(name, *texts)
    for name, texts in {
        "order.created": ("Pedido creado", "Order created"),
        "order.updated": ("Pedido actualizado", "Order updated"),
        "order.on_hold": ("Pedido en espera", "Order on hold", "order.updated"),
        "order.paid": ("Pedido pagado", "Order paid"),
        "order.fulfilled": ("Pedido completado", "Order fulfilled"),
        "order.shipped": ("Pedido enviado", "Order shipped"),
        "order.cancelled": ("Pedido cancelado", "Order cancelled"),
        "order.refunded": ("Pedido reembolsado", "Order refunded"),
        "order.partially_refunded": (
            "Pedido reembolsado en parte",
            "Order partly refunded",
            "order.refunded",
        ),
        "order.failed": ("Pago del pedido fallido", "Order payment failed"),
        "order.deleted": ("Pedido eliminado", "Order deleted"),
        "checkout.created": ("Compra iniciada", "Checkout started"),
        "checkout.updated": ("Compra actualizada", "Checkout updated"),
        "checkout.abandoned": ("Carrito abandonado", "Checkout abandoned"),
        "payment.approved": ("Pago aprobado", "Payment approved"),
        "payment.declined": ("Pago rechazado", "Payment declined"),
        "payment.refunded": ("Pago devuelto", "Payment refunded", "order.refunded"),
        "payment.charged_back": ("Contracargo", "Chargeback", "payment.declined"),
        "customer.created": ("Cliente registrado", "Customer created"),
        "customer.updated": ("Datos del cliente actualizados", "Customer updated"),
        "customer.deleted": ("Cliente eliminado", "Customer deleted"),
    }.items()
}

EVENT_TYPES: Final[Mapping[str, EventType]] = {
    **_ORDERS,
    "email.sent": _mail("Correo enviado", "E-mail sent"),
    "email.delivered": _mail("Correo entregado", "E-mail delivered"),
    "email.deferred": _mail("Correo retrasado", "E-mail deferred"),
    "email.opened": _mail("Correo abierto", "E-mail opened", opt_in=True),
    "email.clicked": _mail("Clic en un correo", "E-mail link clicked"),
    "email.bounced": _mail("Correo rebotado", "E-mail bounced"),
    "email.rejected": _mail("Correo descartado", "E-mail rejected"),
    "email.complained": _mail("Correo marcado como spam", "E-mail marked as spam"),
    "email.subscribed": _mail("Se suscribió a los correos", "Subscribed to e-mails"),
    "email.unsubscribed": _mail("Se dio de baja de los correos", "Unsubscribed from e-mails"),
    "sms.subscribed": _person("Se suscribió a los mensajes", "Subscribed to messages"),
    "sms.unsubscribed": _person("Se dio de baja de los mensajes", "Unsubscribed from messages"),
    "form.submitted": _person("Formulario enviado", "Form submitted"),
    "booking.created": _person("Cita reservada", "Booking made"),
    "booking.cancelled": _person("Cita cancelada", "Booking cancelled"),
    "contact.updated": _person("Contacto actualizado", "Contact updated"),
}
