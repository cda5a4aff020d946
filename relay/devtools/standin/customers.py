"""Customers: how they are written, compared and shown; and four invented ones."""

import secrets
from collections.abc import Mapping
from string import ascii_lowercase
from typing import Any, Final

_SHOP: Final = 1713

# A customer nobody has written to yet, with every key a reply prints.
BLANK: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("id", "first_name", "last_name", "email", "phone")),
    **dict.fromkeys(("meli_customer_id", "meli_nickname", "id_type", "id_number")),
    **dict.fromkeys(("address", "city", "state", "zip_code", "country_id", "notes")),
    "whatsapp_opt_in": False,
    "whatsapp_name": None,
    "tags": [],
    "custom_fields": [],
    "customer_addresses": [],
}


def new_id(row: int) -> str:
    """As the real ones look: the shop, five letters, the row."""
    letters = "".join(secrets.choice(ascii_lowercase) for _ in range(5))
    return f"{_SHOP}{letters}{row}"


def same_contact(customer: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Whether it is the phone or the email that the two share; a plus makes no difference."""
    for name in ("phone", "email"):
        ours, theirs = customer.get(name) or "", fields.get(name, "")
        if theirs and ours.removeprefix("+").lower() == theirs.removeprefix("+").lower():
            return name
    return ""


def written(customer: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The customer after a write: what goes in as one shape is read back as another."""
    new = {**customer, **fields}
    tags = {tag["tag"]: tag for tag in customer["tags"]}
    for tag in fields.get("tags", ()):
        tags.pop(tag["name"], None)
        if tag["value"]:
            tags[tag["name"]] = {"tag": tag["name"], "web_id": f"{_SHOP}{tag['name']}"}
    contents = {row["field_name"]: row for row in customer["custom_fields"]}
    for row in fields.get("custom_fields", ()):
        name = row["field_name"]
        # The colon is no slip here: the real API prints the key so.
        contents[name] = {"field_name": name, "field_content:": row["field_content"]}
    # Rows without an id are added each time, as Rails does with nested attributes.
    addresses = [*customer["customer_addresses"], *new.pop("customer_addresses_attributes", ())]
    return {
        **new,
        "tags": [*tags.values()],
        "custom_fields": [*contents.values()],
        "customer_addresses": addresses,
    }


def demo_customers() -> list[dict[str, Any]]:
    """Four invented people, as `Standin(customers=...)` takes them."""
    keys = ("id", "first_name", "last_name", "email", "phone", "country_id")
    people = (
        ("1713anaec1001", "Ana", "Inventada", "ana@example.com", "+593999000001", "EC"),
        ("1713betoc1002", "Beto", "Ficticio", "beto@example.com", "+573009000002", "CO"),
        # With the mobile 1, as Mercately stores it; a shop is likely to send +52 and ten digits.
        ("1713carlm1003", "Carla", "Imaginaria", "carla@example.com", "+5215599000003", "MX"),
        ("1713diego1004", "Diego", "Supuesto", "diego@example.com", "+51999000004", "PE"),
    )
    return [dict(zip(keys, person, strict=True)) for person in people]
