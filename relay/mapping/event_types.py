"""Our event types (`noun.past_participle`), with their titles and default notes.

A note is for the agent who chats with the customer. It is a template; `relay/mapping/rules.py`
lists the variables; `message_notes.py` and `order_notes.py` beside it have the notes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from relay.mapping.message_notes import MESSAGE_NOTES
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


_BY = "{% if source_title %} ({{ source_title | brief(30) }}){% endif %}"


def _order(name: str, es: str, en: str, parent: str = "") -> EventType:
    note_es, note_en = ORDER_NOTES[name]
    return EventType(es, en, note_es + _BY, note_en + _BY, parent=parent)


def _message(name: str, es: str, en: str, *, opt_in: bool = False, parent: str = "") -> EventType:
    note_es, note_en = MESSAGE_NOTES[name]
    return EventType(es, en, note_es + _BY, note_en + _BY, opt_in, parent)


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
        "shipment.delivered": ("Pedido entregado", "Order delivered", "order.fulfilled"),
        "subscription.created": ("Suscripción creada", "Subscription created", "order.created"),
        "subscription.renewed": ("Suscripción renovada", "Subscription renewed", "order.paid"),
        "subscription.cancelled": (
            "Suscripción cancelada",
            "Subscription cancelled",
            "order.cancelled",
        ),
        "subscription.payment_failed": (
            "Cobro de la suscripción fallido",
            "Subscription charge failed",
            "order.failed",
        ),
        "customer.created": ("Cliente registrado", "Customer created"),
        "customer.updated": ("Datos del cliente actualizados", "Customer updated"),
        "customer.deleted": ("Cliente eliminado", "Customer deleted"),
    }.items()
}

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
    **_ORDERS,
    **_MESSAGES,
}
