"""Our event types (`noun.past_participle`), with their titles and default notes.

A note is for the agent who chats with the customer. It is a template; `relay/mapping/rules.py`
lists the variables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["es", "en"]


@dataclass(frozen=True, slots=True)
class EventType:
    """Titles and note templates; an `opt_in` type is off unless a source names it."""

    es: str
    en: str
    note_es: str
    note_en: str
    opt_in: bool = False

    def title(self, language: Language) -> str:
        return self.es if language == "es" else self.en

    def note(self, language: Language) -> str:
        return self.note_es if language == "es" else self.note_en


_NUMBER = "{% set number = order_number or order_id %}{% if number %}: {{ number }}{% endif %}"
_ORDER_ES = _NUMBER + "{% if amount %} por {{ amount }}{% endif %}"
_ORDER_EN = _NUMBER + "{% if amount %}, {{ amount }}{% endif %}"
_MAIL_ES = (
    "{% if subject %} «{{ subject }}»{% elif campaign %} de «{{ campaign }}»{% endif %}"
    "{% if reason %}: {{ reason }}{% endif %}"
)
_MAIL_EN = (
    '{% if subject %} "{{ subject }}"{% elif campaign %} of "{{ campaign }}"{% endif %}'
    "{% if reason %}: {{ reason }}{% endif %}"
)
_SHIPPED = "{% if tracking_number %} ({{ tracking_number }}{% if tracking_url %}, {{ tracking_url }}{% endif %}){% endif %}"  # noqa: E501  one template
_BY = " ({{ platform }})"


def _order(es: str, en: str, suffix: str = "") -> EventType:
    note_es, note_en = f"{es}{_ORDER_ES}{suffix}", f"{en}{_ORDER_EN}{suffix}"
    return EventType(es, en, note_es + _BY, note_en + _BY)


def _mail(es: str, en: str, *, opt_in: bool = False) -> EventType:
    note_es, note_en = f"{es}{_MAIL_ES}", f"{en}{_MAIL_EN}"
    return EventType(es, en, note_es + _BY, note_en + _BY, opt_in)


def _person(es: str, en: str) -> EventType:
    return EventType(es, en, es + _BY, en + _BY)


_CART = "{% if checkout_url %}: {{ checkout_url }}{% endif %}"

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
