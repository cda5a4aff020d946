"""PedidosYa Courier (own shipping): states of a delivery, JSON, with a fixed key.

The key stands in `Authorization`, as it was given when the address was registered. A body has the
shop's own reference and a state, and nobody's name: it is told where the source has a
`customer_id`, else counted. Delivery and state are the key. Wants exactly 200.

https://developers.pedidosya.com/couriers-api (read 2026-11, a copy)
"""

from typing import Final

from relay.inbound.composite_fields import JoinedText
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Bearer
from relay.inbound.topics import Shape, Topic


class _ShippingSchema(PayloadSchema):
    id = Id("id", required=True)
    event_id = JoinedText("id + data.status")
    at = Time("generated")
    order_number = Id("referenceId")
    status = Text("data.status")
    reason = Text("data.cancelReason")
    tracking_url = Text("data.shareLocationUrl")


_SHIPPING: Final = Shape(schema=_ShippingSchema(), kind="shipment")


def _step(event_type: str, state: str) -> Topic:
    return Topic(type=event_type, shape=_SHIPPING, step=state)


platform = Platform(
    name="pedidosya_courier",
    title="PedidosYa Envíos",
    docs="https://developers.pedidosya.com/couriers-api",
    group="delivery",
    scheme=Bearer(prefix=""),
    topic=Field("data.status"),
    topics={
        "PICKED_UP": _step("order.shipped", "picked_up"),
        "COMPLETED": _step("shipment.delivered", "completed"),
        "CANCELLED": _step("order.cancelled", "cancelled"),
    },
    ignored=dict.fromkeys(("CONFIRMED", "IN_PROGRESS", "NEAR_PICKUP", "NEAR_DROPOFF"), "pending"),
    setup={
        "es": (
            "Pida a PedidosYa que registre la dirección de esta fuente para su cuenta de Envíos.",
            (
                "Invente una clave larga, indíquela para la cabecera Authorization y guárdela en "
                "PEDIDOSYA_COURIER_SECRET."
            ),
        ),
        "en": (
            "Ask PedidosYa to register the address of this source for your courier account.",
            (
                "Make up a long key, give it for the Authorization header and put it into "
                "PEDIDOSYA_COURIER_SECRET."
            ),
        ),
    },
)
