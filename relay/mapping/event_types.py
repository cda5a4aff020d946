"""Our event types (`noun.past_participle`), with their titles and default notes.

A note is for the agent who chats with the customer. It is a template; `relay/mapping/rules.py`
lists the variables, `relay/mapping/message_notes.py` has the notes about messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from relay.mapping.message_notes import MESSAGE_NOTES

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


_NUMBER = "{% set number = order_number or order_id %}{% if number %}: {{ number }}{% endif %}"
_ORDER_ES = _NUMBER + "{% if amount %} por {{ amount }}{% endif %}"
_ORDER_EN = _NUMBER + "{% if amount %}, {{ amount }}{% endif %}"
_SHIPPED = "{% if tracking_number %} ({{ tracking_number }}{% if tracking_url %}, {{ tracking_url }}{% endif %}){% endif %}"  # noqa: E501  one template
_BY = "{% if source_title %} ({{ source_title | brief(30) }}){% endif %}"


def _order(es: str, en: str, suffix: str = "") -> EventType:
    note_es, note_en = f"{es}{_ORDER_ES}{suffix}", f"{en}{_ORDER_EN}{suffix}"
    return EventType(es, en, note_es + _BY, note_en + _BY)


def _message(name: str, es: str, en: str, *, opt_in: bool = False, parent: str = "") -> EventType:
    note_es, note_en = MESSAGE_NOTES[name]
    return EventType(es, en, note_es + _BY, note_en + _BY, opt_in, parent)


def _person(es: str, en: str) -> EventType:
    return EventType(es, en, es + _BY, en + _BY)


_CART = "{% if checkout_url %}: {{ checkout_url }}{% endif %}"

_MESSAGES: Final[Mapping[str, EventType]] = {
    name: _message(name, *texts)
    for name, texts in {
        "email.sent": ("Correo enviado", "E-mail sent"),
        "email.delivered": ("Correo entregado", "E-mail delivered"),
        "email.deferred": ("Correo en espera", "E-mail deferred"),
        "email.clicked": ("Clic en un correo", "E-mail link clicked"),
        "email.bounced": ("Correo que no llegó", "E-mail bounced"),
        "email.rejected": ("Correo no enviado", "E-mail rejected"),
        "email.complained": ("Correo marcado como spam", "E-mail marked as spam"),
        "email.subscribed": ("Se suscribió a los correos", "Subscribed to e-mails"),
        "email.unsubscribed": ("Se dio de baja de los correos", "Unsubscribed from e-mails"),
        "sms.subscribed": ("Aceptó recibir mensajes", "Subscribed to messages"),
        "sms.unsubscribed": ("Ya no quiere recibir mensajes", "Unsubscribed from messages"),
        "form.submitted": ("Formulario enviado", "Form submitted"),
        "booking.created": ("Cita reservada", "Booking made"),
        "booking.cancelled": ("Cita cancelada", "Booking cancelled"),
        "contact.updated": ("Contacto actualizado", "Contact updated"),
    }.items()
} | {
    "email.opened": _message("email.opened", "Correo abierto", "E-mail opened", opt_in=True),
    "email.blocked": _message(
        "email.blocked", "Correo bloqueado por ahora", "E-mail blocked", parent="email.deferred"
    ),
    "lead.created": _message("lead.created", "Nuevo contacto", "New lead", parent="form.submitted"),
    "booking.rescheduled": _message(
        "booking.rescheduled", "Cita cambiada", "Booking moved", parent="booking.created"
    ),
}

EVENT_TYPES: Final[Mapping[str, EventType]] = {
    "order.created": _order("Pedido creado", "Order created"),
    "order.updated": _order("Pedido actualizado", "Order updated"),
    "order.paid": _order("Pedido pagado", "Order paid"),
    "order.fulfilled": _order("Pedido completado", "Order fulfilled"),
    "order.shipped": _order("Pedido enviado", "Order shipped", _SHIPPED),
    "order.cancelled": _order("Pedido cancelado", "Order cancelled"),
    "order.refunded": _order("Pedido reembolsado", "Order refunded"),
    "order.failed": _order("Pago del pedido fallido", "Order payment failed"),
    "order.deleted": _order("Pedido eliminado", "Order deleted"),
    "checkout.created": _order("Compra iniciada", "Checkout started", _CART),
    "checkout.updated": _order("Compra actualizada", "Checkout updated", _CART),
    "checkout.abandoned": _order("Carrito abandonado", "Checkout abandoned", _CART),
    "payment.approved": _order("Pago aprobado", "Payment approved"),
    "payment.declined": _order("Pago rechazado", "Payment declined"),
    "customer.created": _person("Cliente registrado", "Customer created"),
    "customer.updated": _person("Datos del cliente actualizados", "Customer updated"),
    "customer.deleted": _person("Cliente eliminado", "Customer deleted"),
    **_MESSAGES,
}
