"""What the bodies of events and customers must look like."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final, TypeAlias

# What a field must be, in the words of the error; then rows of fields.
_TEXT: Final = "a string"
_INTEGER: Final = "an integer"
_BOOLEAN: Final = "true or false"
_DATE: Final = "a date, YYYY-MM-DD"
_ID_TYPES: Final = ("cedula", "pasaporte", "ruc", "rut", "otro")
_ID_TYPE: Final = "one of " + ", ".join(_ID_TYPES)

Shape: TypeAlias = "str | list[Shape] | dict[str, Shape]"

_ADDRESS: Final[dict[str, Shape]] = {
    **dict.fromkeys(("address", "city", "state", "zip_code", "description"), _TEXT),
    **dict.fromkeys(("latitude", "longitude"), _TEXT),  # not numbers
    "country_id": _INTEGER,
    "main": _BOOLEAN,
}
_TAG: Final[dict[str, Shape]] = {"name": _TEXT, "value": _BOOLEAN}
_CUSTOM_FIELD: Final[dict[str, Shape]] = {"field_name": _TEXT, "field_content": _TEXT}
EVENT: Final[dict[str, Shape]] = {
    **dict.fromkeys(("first_name", "last_name", "email", "phone", "id_number", "notes"), _TEXT),
    "id_type": _ID_TYPE,
    "customer_addresses_attributes": [_ADDRESS],
    "tags": [_TAG],
    "custom_fields": [_CUSTOM_FIELD],
    **dict.fromkeys(("agent_id", "campaign_id"), _INTEGER),
    # Only the first value of outbound_status, `error`, is published: any text will do.
    **dict.fromkeys(("outbound_status", "campaign_url", "error_message"), _TEXT),
    **dict.fromkeys(("creation_date", "sent_at", "delivered_at", "read_at"), _DATE),
    "last_chat_interaction": _DATE,
}
CUSTOMER: Final[dict[str, Shape]] = {
    **EVENT,
    # Two letters here, unlike the number in an address.
    **dict.fromkeys(("id", "address", "city", "state", "zip_code", "country_id"), _TEXT),
    "whatsapp_opt_in": _BOOLEAN,
    "whatsapp_name": _TEXT,
}


def _is_date(value: Any) -> bool:
    try:
        # Written back, because fromisoformat also reads 20190824 and 2019-W34-6.
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    _TEXT: lambda value: isinstance(value, str),
    _INTEGER: lambda value: type(value) is int,  # isinstance would let true and false in
    _BOOLEAN: lambda value: isinstance(value, bool),
    _DATE: _is_date,
    _ID_TYPE: lambda value: value in _ID_TYPES,
}


class Invalid(ValueError):
    """The API would refuse this as a failed validation; `errors` name fields, not contents."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(self.errors))


def problems(value: Any, shape: Shape, where: str = "body") -> list[str]:
    """What keeps `value` from having `shape`, one line each, naming fields and not contents.

    No field is required, but a tag or custom field without both of its halves says nothing.
    """
    if isinstance(shape, str):
        return [] if _CHECKS[shape](value) else [f"{where} must be {shape}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where} must be an array"]
        rows = enumerate(value)
        return [line for n, row in rows for line in problems(row, shape[0], f"{where}[{n}]")]
    if not isinstance(value, Mapping):
        return [f"{where} must be an object"]
    needed = shape if shape in (_TAG, _CUSTOM_FIELD) else {}
    lines = [f"{where}.{name} is missing" for name in needed if name not in value]
    for name, item in value.items():
        inside = f"{where}.{name}"
        lines += problems(item, shape[name], inside) if name in shape else [f"{inside} is unknown"]
    return lines
