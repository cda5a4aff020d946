"""PrestaShop: notices of orders and customers, JSON, unsigned; they are looked up in the shop.

PrestaShop itself has no webhooks: a module sends them, to an address, whose last segment is the
secret. Two bodies are read: that of the module PrestaShop Webhooks, with `entity`, `action` and the
object under `data`, and `{"event": "order.updated", "id": 5}` for a module of one's own. Either
only names the thing: order, customer, addresses and currency are read from the shop's webservice,
whose key is the user of a Basic proof without password. Dates are the shop's own time.

An order is sent before its state is set: while it has none, it is read again. The shop says of each
state whether it is one of paid or sent orders; 5 to 8 are those that every shop begins with.

https://devdocs.prestashop-project.org/9/webservice/ (read 2026-11; prestaalba/ps_webhooks)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.lookups import Api, Lookup, Read
from relay.inbound.payload import json_body, text_of
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import PathToken
from relay.inbound.topics import Shape, Topic, Values
from relay.model import Step, WebhookRequest

_ACTIONS: Final = {"add": "created", "update": "updated", "delete": "deleted"}
_REFUNDED: Final = "7"
_JSON: Final = {"output_format": "JSON"}


class _NoticeSchema(PayloadSchema):
    id = Id("id", "data.id", required=True)
    at = Time("date", "data.date_upd")


class _OrderSchema(PayloadSchema):
    id = Id("order.id", required=True)
    created_at = Time("order.date_add")
    updated_at = Time("order.date_upd")
    order_id = Id("order.id")
    order_number = Text("order.reference")
    amount = Amount("order.total_paid", "currency.iso_code")
    items = Items("order.associations.order_rows", name="product_name", quantity="product_quantity")
    status = Text("state.name", "state.name.0.value")
    payment_method = Text("order.payment")
    note = Text("order.note")
    _state = Id("order.current_state")
    _paid = Id("state.paid")
    _shipped = Id("state.shipped")
    tracking_number = Text("order.shipping_number")
    buyer = Person(
        "",
        email="customer.email",
        first_name="customer.firstname",
        last_name="customer.lastname",
    )
    billing = Person(
        "",
        first_name="billing.firstname",
        last_name="billing.lastname",
        phones=("billing.phone_mobile", "billing.phone"),
        id_number="billing.dni",
        country="country.iso_code",
    )
    recipient = Person(
        "delivery",
        first_name="firstname",
        last_name="lastname",
        lines=("address1", "address2"),
        city="city",
        zip_code="postcode",
    )


class _CustomerSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("date_add")
    updated_at = Time("date_upd")
    buyer = Person("", email="email", first_name="firstname", last_name="lastname")


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with the name of its event, also where entity and action stand for it."""
    value = json_body(request.body)
    if not isinstance(value, dict) or "event" in value:
        return value
    entity, action = text_of(value.get("entity")), text_of(value.get("action"))
    return {**value, "event": f"{entity.lower()}.{_ACTIONS.get(action, action)}"}


def _order(_topic: str, values: Values) -> Values:
    return {"refunded": values.get("amount")} if values.get("_state") == _REFUNDED else {}


_NOTICE: Final = Shape(schema=_NoticeSchema())
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=("status", "amount", "items", "recipient", "buyer", "tracking_number"),
    states={
        "_paid": {"1": Step("paid", "order.paid")},
        "_shipped": {"1": Step("shipped", "order.shipped")},
        "_state": {
            "5": Step("delivered", "shipment.delivered"),
            "6": Step("cancelled", "order.cancelled"),
            "8": Step("failed", "order.failed"),
        },
    },
    refine=_order,
)
_CUSTOMER: Final = Shape(schema=_CustomerSchema(), kind="customer", shown=("buyer",))
_OTHERS: Final = (
    "order.paid", "order.shipped", "shipment.delivered", "order.cancelled", "order.failed",
    "order.refunded",
)  # fmt: skip


def _created(kind: str) -> Topic:
    others = _OTHERS if kind == "order" else ()
    return Topic(
        type=f"{kind}.created", shape=_NOTICE, step="created", once=True, lookup=kind,
        other_types=others,
    )  # fmt: skip


def _updated(kind: str) -> Topic:
    others = _OTHERS if kind == "order" else ()
    return Topic(
        type=f"{kind}.updated", shape=_NOTICE, updates=True, repeats=True, lookup=kind,
        other_types=others,
    )  # fmt: skip


def _read(path: str, name: str, part: str, *, optional: bool = False) -> Read:
    return Read(path, name, query=_JSON, part=part, optional=optional)


platform = Platform(
    name="prestashop",
    title="PrestaShop",
    docs="https://devdocs.prestashop-project.org/9/webservice/",
    group="shops",
    scheme=PathToken(),
    topic=Field("event"),
    body=_body,
    topics={
        "order.created": _created("order"),
        "order.updated": _updated("order"),
        "customer.created": _created("customer"),
        "customer.updated": _updated("customer"),
    },
    ignored={"order.deleted": "names_nobody", "customer.deleted": "names_nobody"},
    api=Api(
        url="{shop_url}/api",
        credentials=("shop_url", "key"),
        basic=("{key}", ""),
        rate_per_s=5,
    ),
    lookups={
        "order": Lookup(
            _read("/orders/{id}", "order", "order"),
            Read(
                "/order_states/{order.current_state}",
                "state",
                query={**_JSON, "language": "{order.id_lang}"},
                part="order_state",
            ),
            _read("/customers/{order.id_customer}", "customer", "customer"),
            _read("/addresses/{order.id_address_invoice}", "billing", "address", optional=True),
            _read("/countries/{billing.id_country}", "country", "country", optional=True),
            _read("/addresses/{order.id_address_delivery}", "delivery", "address", optional=True),
            _read("/currencies/{order.id_currency}", "currency", "currency", optional=True),
            shape=_ORDER,
        ),
        "customer": Lookup(_read("/customers/{id}", "", "customer"), shape=_CUSTOMER),
    },
    deadline_s=3,
    retries="none",
    setup={
        "es": (
            (
                "Instale un módulo que envíe webhooks, por ejemplo PrestaShop Webhooks, gratuito: "
                "github.com/prestaalba/ps_webhooks."
            ),
            "Invente un secreto de al menos 16 letras y guárdelo en PRESTASHOP_SECRET.",
            (
                "En Parámetros avanzados > Webhooks agregue `Order` y `Customer`, con `add` y "
                "`update`, y como URL la dirección de esta fuente, con el secreto al final."
            ),
            (
                "Un módulo propio puede enviar a esa dirección "
                '`{"event": "order.updated", "id": 5}`, con el id del pedido.'
            ),
            (
                "En Parámetros avanzados > Webservice agregue una clave que pueda leer (GET) "
                "`orders`, `order_states`, `customers`, `addresses`, `countries` y `currencies`."
            ),
            (
                "Ponga la dirección de la tienda (https://…) y la clave en `credentials` de la "
                "fuente: `shop_url`, `key`."
            ),
        ),
        "en": (
            (
                "Install a module that sends webhooks, such as PrestaShop Webhooks, which is free: "
                "github.com/prestaalba/ps_webhooks."
            ),
            "Make up a secret of at least 16 letters and put it into PRESTASHOP_SECRET.",
            (
                "In Advanced Parameters > Webhooks add `Order` and `Customer`, with `add` and "
                "`update`, and as URL the address of this source, with the secret at its end."
            ),
            (
                "A module of your own may send "
                '`{"event": "order.updated", "id": 5}` to that address, with the order\'s id.'
            ),
            (
                "In Advanced Parameters > Webservice add a key that may read (GET) `orders`, "
                "`order_states`, `customers`, `addresses`, `countries` and `currencies`."
            ),
            (
                "Put the shop's address (https://…) and the key into the source's `credentials`: "
                "`shop_url`, `key`."
            ),
        ),
    },
)
