"""What the stand-in knows, what it received, and how it is set to answer."""

import re
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from relay.devtools.standin.customers import BLANK, new_id, same_contact, written
from relay.devtools.standin.faults import FAULTS, GROUPS
from relay.devtools.standin.shapes import CUSTOMER, Invalid, problems

DEMO_KEY: Final = "0" * 32


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """One accepted event; `path` is as sent, `headers` has lower-case keys and no api-key."""

    customer_id: str
    body: dict[str, Any]
    raw: bytes
    path: str
    headers: Mapping[str, str]
    received_at: datetime


@dataclass
class Behaviour:
    """Which of the answers seen or documented the stand-in gives; may change at any time."""

    bad_key: Literal[401, 400] = 401  # seen with `info`, or the one the documentation prints
    validation: Literal[302, 422] = 302  # `errors` either way, and never a Location
    events_by_contact: bool = False  # /events takes a phone or an e-mail too
    history: Literal["message", "results"] = "message"  # the printed sample, or pages of bodies
    integer_ids: bool = False  # customers come back with a number, then taken for an id as well


@dataclass(slots=True, eq=False)
class _Fault:
    name: str
    times: int | None
    on: str


class Standin:
    """What the API knows and what it received, in memory; safe to read from any thread.

    `hang_s`, `slow_s` and `retry_after_s` belong to the faults of those names. `stopping` ends
    every wait early; the server sets it when it closes.
    """

    def __init__(
        self, api_key: str = DEMO_KEY, customers: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        self.api_key = api_key
        self.behaviour = Behaviour()
        self.hang_s = 60.0
        self.slow_s = 1.0
        self.retry_after_s = 2
        self.stopping = threading.Event()
        self._lock = threading.RLock()
        self._first_customers = [dict(fields) for fields in customers]
        self.reset()

    def reset(self) -> None:
        """Start over: the first customers, no events, no faults. Settings stay as they are."""
        with self._lock:
            self.customers: dict[str, dict[str, Any]] = {}
            self.events: list[ReceivedEvent] = []
            self._faults: list[_Fault] = []
            for fields in self._first_customers:
                self.add_customer(**fields)

    def fail(self, name: str, *, times: int | None = None, on: str = "events") -> None:
        """Switch a fault on for the next `times` requests of a group, or until `clear()`.

        Counted faults queue up, so a run of answers can be written down in advance; an endless
        one makes way for the next fault on the same group. The faults that act after recording
        neither act on nor count a request that is refused.
        """
        if name not in FAULTS:
            raise ValueError(f"unknown fault; expected one of {', '.join(FAULTS)}")
        if on not in (*GROUPS, "all"):
            raise ValueError(f"unknown group; expected one of {', '.join(GROUPS)}, all")
        if times is not None and (type(times) is not int or times < 1):
            raise ValueError("times must be a number from 1 up, or nothing")
        with self._lock:
            others = [fault for fault in self._faults if fault.times is not None or fault.on != on]
            self._faults = [*others, _Fault(name, times, on)]

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults = []

    def take_fault(self, group: str | None, names: Collection[str]) -> str:
        """The fault due for `group` if it is one of `names`, counting it; else an empty text."""
        with self._lock:
            due = next((fault for fault in self._faults if fault.on in (group, "all")), None)
            if group not in GROUPS or due is None or due.name not in names:
                return ""
            if due.times is not None:
                due.times -= 1
                if due.times == 0:
                    self._faults.remove(due)
            return due.name

    def add_customer(self, /, **fields: Any) -> str:
        """Add a customer from the fields of a create body, all optional; returns the id.

        Raises Invalid for a wrong type and for an id, phone or e-mail already taken.
        """
        with self._lock:
            self._check(fields)
            customer_id: str = fields.get("id") or new_id(1001 + len(self.customers))
            if customer_id in self.customers:
                raise Invalid(["Id has already been taken"])
            self.customers[customer_id] = written(BLANK, {**fields, "id": customer_id})
            return customer_id

    def change_customer(self, customer_id: str, fields: Mapping[str, Any]) -> None:
        """Write the fields given and leave the others; raises Invalid as `add_customer` does."""
        with self._lock:
            self._check(fields, but=customer_id)
            before = self.customers[customer_id]
            self.customers[customer_id] = written(before, {**fields, "id": customer_id})

    def find(self, ref: str, *, by_contact: bool = True) -> str:
        """The id of the customer with this id, phone or e-mail; an empty text when absent."""
        with self._lock:
            for customer_id, customer in self.customers.items():
                if ref in (customer_id, str(self.shown_id(customer_id))):
                    return customer_id
                if by_contact and same_contact(customer, {"phone": ref, "email": ref}):
                    return customer_id
        return ""

    def shown_id(self, customer_id: str) -> str | int:
        """The id as replies print it: with `integer_ids`, the row number it ends in."""
        row = re.search(r"\d+$", customer_id) if self.behaviour.integer_ids else None
        return int(row[0]) if row else customer_id

    def _check(self, fields: Mapping[str, Any], but: str = "") -> None:
        if errors := problems(fields, CUSTOMER):
            raise Invalid(errors)
        for customer_id, customer in self.customers.items():
            taken = same_contact(customer, fields)
            if taken and customer_id != but:
                raise Invalid([f"{taken.capitalize()} has already been taken"])
