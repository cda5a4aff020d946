"""Bodies that shops and payment platforms of Latin America really send, by what a merchant expects.

Gift orders name Ana, who buys, and Rosa, to whom the parcel goes. The destination is in Ecuador.
"""

import json
from typing import Any

import senders
from cases import all_of
from platform_samples import source_of

from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, SHOP, TOPIC
from relay.model import Call
from relay.pipeline import flattened, translate


def call_of(platform: str, kind: str, topic: str, body: Any) -> Call:
    """The first call of what was looked up, or of a body that came itself where `kind` is empty."""
    content = json.dumps(body).encode()
    if kind:
        headers = {LOOKED_UP: kind, TOPIC: topic, SHOP: "1"}
        request = stored_request(headers, content, senders.NOW)
    else:
        name, _, value = topic.partition(": ")
        request = senders.delivery({name: value} if value else {}, content)
    items = flattened(translate(request, source_of(platform)))
    return next(item for item in items if isinstance(item, Call))


ROSA = {"first_name": "Rosa", "last_name": "Regalada"}
ANA = {"first_name": "Ana", "last_name": "Inventada"}
TAZA = {"name": "Taza", "quantity": 2}
# Platform, kind, topic -> body without phone, country, amount and currency; where these stand.
GIFTS: dict[tuple[str, str, str], Any] = {
    ("bigcommerce", "order", "store/order/created"): lambda phone, country, amount, currency: {
        "order": {"id": 7, "total_inc_tax": f"{amount}.0000", "currency_code": currency,
                  "billing_address": {**ANA, "email": "ana@example.com", "phone": phone,
                                      "country_iso2": country}},
        "products": [TAZA],
    },
    ("squarespace", "order", "order.create"): lambda phone, country, amount, currency: {
        "id": "a1", "orderNumber": "7", "customerEmail": "ana@example.com",
        "billingAddress": {"firstName": "Ana", "lastName": "Inventada", "phone": phone,
                           "countryCode": country},
        "shippingAddress": {"firstName": "Rosa", "lastName": "Regalada", "phone": "3055550131",
                            "countryCode": "US"},
        "lineItems": [{"productName": "Taza", "quantity": "2.0"}],
        "grandTotal": {"value": amount, "currency": currency},
    },
    ("ecwid", "order", "order.created"): lambda phone, country, amount, currency: {
        "order": {"id": "7", "total": int(amount), "email": "ana@example.com",
                  "billingPerson": {"name": "Ana Inventada", "phone": phone,
                                    "countryCode": country},
                  "shippingPerson": {"name": "Rosa Regalada", "phone": "3055550131",
                                     "countryCode": "US"},
                  "items": [TAZA]},
        "profile": {"formatsAndUnits": {"currency": currency}},
    },
    ("prestashop", "order", "order.created"): lambda phone, country, amount, currency: {
        "order": {"id": "9", "reference": "7", "total_paid": f"{amount}.000000",
                  "associations": {"order_rows": [
                      {"product_name": "Taza", "product_quantity": "2"}]}},
        "customer": {"email": "ana@example.com", "firstname": "Ana", "lastname": "Inventada"},
        "billing": {"firstname": "Ana", "lastname": "Inventada", "phone_mobile": phone},
        "country": {"iso_code": country}, "currency": {"iso_code": currency},
        "delivery": {"firstname": "Rosa", "lastname": "Regalada", "phone": "3055550131"},
    },
    ("magento", "order", "order.created"): lambda phone, country, amount, currency: {
        "entity_id": 9, "increment_id": "7", "state": "new", "grand_total": f"{amount}.0000",
        "order_currency_code": currency, "customer_email": "ana@example.com",
        "customer_firstname": None,
        "billing_address": {"firstname": "Ana", "lastname": "Inventada", "telephone": phone,
                            "country_id": country},
        "extension_attributes": {"shipping_assignments": [{"shipping": {"address": {
            "firstname": "Rosa", "lastname": "Regalada", "telephone": "3055550131",
            "country_id": "US", "email": "ana@example.com"}}}]},
        "items": [{"name": "Taza", "qty_ordered": "2.0000"},
                  {"name": "Plato", "qty_ordered": "0.0000"}],
    },
    ("tiendanube", "order", "order/created"): lambda phone, country, amount, currency: {
        "id": 9, "number": 7, "total": f"{amount}.00", "currency": currency,
        "contact_email": "ana@example.com", "contact_name": "Ana Inventada",
        "contact_phone": phone, "billing_country": country,
        "shipping_address": {"name": "Rosa Regalada", "phone": "3055550131", "country": "US"},
        "products": [{"name": "Taza", "quantity": "2"}],
    },
    ("vtex", "order", "order-created"): lambda phone, country, amount, currency: {
        "orderId": "9-01", "sequence": "7", "value": int(amount) * 100,
        "clientProfileData": {"email": "ana@example.com-26112b.ct.vtex.com.br",
                              "firstName": "Ana", "lastName": "Inventada", "phone": phone},
        "shippingData": {"address": {"receiverName": "Rosa Regalada", "country": country}},
        "items": [TAZA], "storePreferencesData": {"currencyCode": currency},
    },
    ("jumpseller", "", "jumpseller-event: order_pending_payment"):
    lambda phone, country, amount, currency: {"order": {
        "id": 7, "total": float(amount), "currency": currency,
        "customer": {"email": "ana@example.com", "phone": phone, "fullname": "Ana Inventada"},
        "billing_address": {"name": "Ana", "surname": "Inventada", "country_code": country},
        "shipping_address": {"name": "Rosa", "surname": "Regalada", "country_code": "US"},
        "products": [{"name": "Taza", "qty": 2.0}]}},
    ("shopify", "", "x-shopify-topic: orders/create"): lambda phone, country, amount, currency: {
        "id": 9, "name": "7", "email": "ana@example.com", "currency": currency,
        "total_price": f"{amount}.00", "customer": {**ANA, "email": "ana@example.com"},
        "billing_address": {**ANA, "phone": phone, "country_code": country},
        "shipping_address": {**ROSA, "phone": "3055550131", "country_code": "US"},
        "line_items": [TAZA],
    },
    ("woocommerce", "", "x-wc-webhook-topic: order.created"):
    lambda phone, country, amount, currency: {
        "id": 7, "number": "7", "status": "pending", "currency": currency,
        "total": f"{amount}.00",
        "billing": {**ANA, "email": "ana@example.com", "phone": phone, "country": country},
        "shipping": {**ROSA, "phone": "3055550131", "country": "US"}, "line_items": [TAZA],
    },
}  # fmt: skip
# Country, currency, a phone as it is typed there, the number; an amount and what the note has.
COUNTRIES = [
    ("CO", "COP", "300 900 0001", "+573009000001", "129900", "COP 129.900"),
    ("CO", "COP", "(601) 234 5678", "+576012345678", "129900", "COP 129.900"),
    ("MX", "MXN", "044 55 9900 0121", "+525599000121", "1299", "MXN 1.299,00"),
    ("CL", "CLP", "8765 4321", "+56987654321", "12990", "CLP 12.990"),
    ("PE", "PEN", "999-000-004", "+51999000004", "89", "PEN 89,00"),
    ("AR", "ARS", "011 15-2345-6789", "+5491123456789", "45300", "ARS 45.300,00"),
    ("EC", "USD", "0999000001 (WhatsApp)", "+593999000001", "49", "$49,00"),
    ("EC", "USD", "+57 300 900 0001", "+573009000001", "49", "$49,00"),
    ("PY", "PYG", "0981 123 456", "+595981123456", "150000", "PYG 150.000"),
]


@all_of("gift", GIFTS)
def test_gift_is_told_to_who_buys_it_in_every_country(gift):
    for country, currency, phone, number, amount, shown in COUNTRIES:
        call = call_of(*gift, GIFTS[gift](phone, country, amount, currency))
        customer = call.customer
        name = f"{customer.first_name} {customer.last_name}".strip()
        found = (customer.email, customer.phone, name)
        assert found == ("ana@example.com", number, "Ana Inventada"), country
        assert f"7 creado por {shown}: 2 × Taza (" in call.body["notes"]  # noqa: RUF001  as notes show it


# Those whose buyer comes without an address of their own.
NO_COUNTRY = [gift for gift in GIFTS if gift[0] in ("tiendanube", "shopify", "jumpseller")]


@all_of("gift", NO_COUNTRY)
def test_phone_without_a_country_is_of_the_one_whose_currency_is_paid(gift):
    for country, currency, phone, number, amount, _ in COUNTRIES:
        body = json.dumps(GIFTS[gift](phone, country, amount, currency))
        for name in ("billing_country", "country_code"):
            body = body.replace(f'"{name}": "{country}"', f'"{name}": null')
        call = call_of(*gift, json.loads(body))
        assert call.customer.phone == number, (gift, country)


def paid(currency: str, area: Any, number: Any, **more: Any) -> Call:
    payer = {"email": "ana@example.com", "phone": {"area_code": area, "number": number}, **more}
    return call_of("mercadopago", "payment", "payment", {
        "id": 7, "status": "approved", "transaction_amount": 1299.5, "currency_id": currency,
        "payer": payer,
    })  # fmt: skip


@all_of(
    ("currency", "area", "number", "phone"),
    [
        ("CLP", "09", "87654321", "+56987654321"),  # in Ecuador a mobile of somebody else
        ("ARS", "11", "1523456789", "+5491123456789"),
        ("ARS", 11, 23456789, "+541123456789"),
        ("MXN", None, "5599000121", "+525599000121"),
        ("MXN", "", 5599000121, "+525599000121"),
        ("PEN", "", "999000004", "+51999000004"),
        ("BRL", "51", "999990121", "+5551999990121"),
        ("COP", "57", "3009000001", "+573009000001"),
        ("UYU", "", "094 231 234", "+59894231234"),
        ("COP", "+593", "999000001", "+593999000001"),
        ("COP", "", "0999000001", "+593999000001"),  # no number of Colombia
        ("USD", "", "0999000001", "+593999000001"),
        ("CLP", "XXXX", "XXXXXXX", ""),
    ],
)
def test_phone_of_a_payer_is_read_in_the_country_of_the_account(currency, area, number, phone):
    assert paid(currency, area, number).customer.phone == phone


def test_document_of_a_payer_is_written_as_in_the_country_of_the_account():
    call = paid("CLP", "", "", identification={"type": "RUT", "number": "125319092"})
    assert call.body["id_number"] == "12531909-2"


@all_of(
    ("email", "phone", "expected"),
    [
        ("ana@example.com-261121654842b.ct.vtex.com.br", "+573009000001", "ana@example.com"),
        ("ana-maria@example.com-11b.ct.vtex.com.br", "", "ana-maria@example.com"),
        ("Ana@Example.com-11B.CT.VTEX.COM.BR ", "", "Ana@example.com"),
        ("ana@example.com", "", "ana@example.com"),
        ("75c70c09dbb3498c9b3bbdee59bf0687@ct.vtex.com.br", "+573009000001", ""),
        # The only way to them.
        ("75c70c09@ct.vtex.com.br", "", "75c70c09@ct.vtex.com.br"),
    ],
)
def test_vtex_passes_mail_on_by_an_address_that_is_not_the_buyers(email, phone, expected):
    body = {"orderId": "9-01", "clientProfileData": {"email": email, "phone": phone}}
    assert call_of("vtex", "order", "order-created", body).customer.email == expected


@all_of(
    ("emails", "phones", "email", "phone"),
    [
        ([("otra@example.com", False), ("ana@example.com", True)],
         [("022345678", False), ("0999000001", True)], "ana@example.com", "+593999000001"),
        ([("", True), ("ana@example.com", False)], [("", True), ("0999000001", False)],
         "ana@example.com", "+593999000001"),
        ([("ana@example.com", None), ("otra@example.com", None)],
         [("no tiene", None), ("0999000001", None)], "ana@example.com", "+593999000001"),
        ([("ana@example.com", True)], [], "ana@example.com", ""),
        ([], [("0999000001", 1)], "", "+593999000001"),
    ],
)  # fmt: skip
def test_pipedrive_marks_the_main_one_of_a_list(emails, phones, email, phone):
    lists = {
        name: [{"label": "work", "value": value, "primary": primary} for value, primary in listed]
        for name, listed in (("emails", emails), ("phones", phones))
    }
    for names in (("emails", "phones"), ("email", "phone")):
        meta = {"action": "create", "entity": "person", "id": "1"}
        data = {"id": 1, "name": "Ana", **dict(zip(names, lists.values(), strict=True))}
        customer = call_of("pipedrive", "", "", {"meta": meta, "data": data}).customer
        assert (customer.email, customer.phone) == (email, phone)


ASKED = [
    ("¿Cómo prefiere que le contactemos? (correo o WhatsApp)", "WhatsApp"),
    ("Nombre de la empresa", "Café Norte"),
    ("Teléfono de quien recibe", "0987654321"),
    ("Apellidos y nombres", "Ana Inventada"),
    ("Telf.", "0999000001"),
    ("Correo electrónico", "Ana <ana@example.com>"),
]
# Each tool with a form of these questions, none of which has a type.
FORMS: dict[str, Any] = {
    "google_forms": {
        "form_title": "Cotiza",
        "answers": [{"title": title, "value": value} for title, value in ASKED],
    },
    "tally": {
        "eventType": "FORM_RESPONSE",
        "data": {"formName": "Cotiza", "fields": [
            {"label": title, "type": "INPUT_TEXT", "value": value} for title, value in ASKED]},
    },
    "typeform": {
        "event_type": "form_response",
        "form_response": {
            "definition": {"title": "Cotiza", "fields": [
                {"id": str(at), "title": title} for at, (title, _) in enumerate(ASKED)]},
            "answers": [
                {"type": "text", "text": value, "field": {"id": str(at)}}
                for at, (_, value) in enumerate(ASKED)]},
    },
    "elementor": {
        "form": {"name": "Cotiza"},
        "fields": {
            str(at): {"title": title, "type": "text", "value": value}
            for at, (title, value) in enumerate(ASKED)},
    },
}  # fmt: skip


@all_of("platform", FORMS)
def test_form_is_told_to_who_fills_it_in(platform):
    call = call_of(platform, "", "content-type: application/json", FORMS[platform])
    customer = call.customer
    found = (customer.email, customer.phone, customer.first_name)
    assert found == ("ana@example.com", "+593999000001", "Ana Inventada")
    assert "«Cotiza»: ¿Cómo prefiere" in call.body["notes"]
