"""How the stand-in can misbehave on purpose: the names, and what is answered under them."""

from collections.abc import Mapping
from typing import Any, Final

# The routes a fault can be switched on for.
GROUPS: Final = ("events", "customers", "agents")

_DETAIL: Final[Mapping[str, Any]] = {"info": {"data": {}}}
_OUTAGE: Final = "<html><h1>503 Service Unavailable</h1></html>\n"
# Answered instead of the API: a status, and JSON or HTML.
ANSWERS: Final[Mapping[str, tuple[int, dict[str, Any] | str]]] = {
    "unauthorized_401": (401, {"message": "Unauthorized", **_DETAIL}),
    "unauthorized_400": (400, {"message": "Unauthorized"}),
    "not_found_404": (404, {"message": "Customer not found"}),
    "validation_302": (302, {"errors": ["Phone has already been taken"]}),
    "validation_422": (422, {"errors": ["Phone has already been taken"]}),
    "poison_500": (500, {"message": "undefined method `each' for nil:NilClass", **_DETAIL}),
    "unavailable_503": (503, _OUTAGE),
    "unavailable_503_retry_after": (503, _OUTAGE),
    "too_many_429": (429, {"message": "Too many requests"}),
    "too_many_429_retry_after": (429, {"message": "Too many requests"}),
    "blocked_403_html": (403, "<html><h1>403 Forbidden</h1></html>\n"),
}
BEFORE: Final = (*ANSWERS, "reset_before_recording", "slow")
AFTER: Final = ("empty_200", "not_json_200", "hang_after_recording", "reset_after_recording")
FAULTS: Final = (*BEFORE, *AFTER)
