"""A Shopify order of about 10 kB, with places for what differs from one to the next."""

import itertools
import json
from pathlib import Path
from typing import Final

from relay.inbound import samples

BYTES: Final = 10_000
# As load.py fills them in.
ORDER: Final = "@ORDER@"
PERSON: Final = "@PERSON@"


def write(file: Path) -> None:
    """The order as load.py wants it: its headers, and its body in the pieces between the places."""
    found = samples.load("shopify", "orders_create")
    if found is None:
        raise LookupError("there is no sample of a Shopify order")
    headers = {
        name: value
        for name, value in found.headers.items()
        if name not in ("x-shopify-hmac-sha256", "x-shopify-webhook-id")
    }
    file.write_text(json.dumps({"headers": headers, "body": padded(found.body)}), "utf-8")


def padded(body: bytes) -> str:
    """More of the same line items until it is large enough, and places for the ids in it."""
    order = json.loads(body)
    own_id, phone, email = str(order["id"]), order["customer"]["phone"], order["email"]
    for number, item in enumerate(itertools.cycle(list(order["line_items"]))):
        if len(text := json.dumps(order, ensure_ascii=False, separators=(",", ":"))) >= BYTES:
            break
        order["line_items"].append(item | {"id": item["id"] + 100 + number})
    text = text.replace(own_id, f"6120{ORDER}").replace(phone, f"+593990{PERSON}")
    return text.replace(email, f"ana{PERSON}@example.com")
