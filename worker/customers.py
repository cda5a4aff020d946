"""The Mercately id of a call's customer: named by the event, cached, looked up, or created.

Ids are cached for 30 days under a keyed digest of the phone, e-mail or number of a document.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, cast

from redis import Redis, RedisError

from config.relay_toml import Destination
from relay.mapping.identity import spellings
from relay.mapping.phone import variants
from relay.model import Customer
from relay.store.keys import customer_key, customer_parts
from relay.store.pseudonyms import Pseudonyms
from worker.client import Client
from worker.reply import NoResponse, Reply

_T = TypeVar("_T")
_DIGITS_COMPARED: Final = 9
# Fewer are no phone.
_DIGITS_MIN: Final = 6
_CACHED_S: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Found:
    """A customer id, and where it comes from."""

    id: str
    by: Literal["event", "cache", "lookup", "created"]


@dataclass(frozen=True, slots=True)
class CustomerNotFound:
    """Mercately does not know the customer; `reply` is its answer to an attempt to create them."""

    reply: Reply | None = None


class Unresolved(Exception):
    """A look-up or creation failed. An answer other than 2xx is treated like one to the event."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"status {reply.status}")
        self.reply = reply


class OtherCustomer(Exception):
    """Mercately answered a look-up with a customer who has another phone or e-mail."""


class Customers:
    """Finds customers of one destination."""

    def __init__(
        self, redis: Redis, client: Client, destination: Destination, pseudonyms: Pseudonyms
    ) -> None:
        self._redis = redis
        self._pseudonyms = pseudonyms
        self._client = client
        self._destination = destination

    def direct_reference(self, customer: Customer) -> str:
        """What the call can be addressed to without a look-up, empty if there is nothing."""
        if customer.customer_id:
            return customer.customer_id
        return {"phone": customer.phone, "email": customer.email}.get(
            self._destination.identifier, ""
        )

    def cached_ids(self, customers: Sequence[Customer]) -> list[str]:
        """The cached ids, empty where there is none; one MGET for all customers."""
        keys = [self._keys(customer) for customer in customers]
        flat = [key for group in keys for key in group]
        values = iter(cast("list[bytes | None]", self._redis.mget(flat)) if flat else [])
        ids = [[next(values) for _ in group] for group in keys]
        return [next((value.decode() for value in group if value), "") for group in ids]

    def find(self, customer: Customer, cached_id: str = "") -> Found | CustomerNotFound:
        """The id to use for a call; `cached_id` is what was cached for the customer.

        May make up to eleven requests: five spellings of a phone or an e-mail (or three of the
        number of a document), a creation, and the look-ups again if that was refused.

        Raises:
            Unresolved: Mercately answered a look-up with neither a customer nor "not found".
            OtherCustomer: the one it answered with is not the one that was asked for.
            NoResponse: Mercately did not answer.
        """
        if reference := self.direct_reference(customer):
            return Found(reference, "event")
        if cached_id:
            return Found(cached_id, "cache")
        if match := self._look_up(customer):
            return match
        return (
            self._create(customer)
            if self._destination.on_absent == "create"
            else CustomerNotFound()
        )

    def _look_up(self, customer: Customer) -> Found | CustomerNotFound | None:
        """The customer; None if there is none, CustomerNotFound if one must not be created."""
        if _has_document_only(customer):
            return self._look_up_document(customer)
        for reference in _references(customer):
            reply = _ask(self._client.find_customer, reference)
            if customer_id := _id_in(reply):
                _require_same(reply, customer, reference)
                self._remember(
                    customer_id, customer.email if reference == customer.email else customer.phone
                )
                return Found(customer_id, "lookup")
            if not _says_not_found(reply):
                raise Unresolved(reply)
        return None

    def _look_up_document(self, customer: Customer) -> Found | CustomerNotFound | None:
        """As `_look_up`, by a filter: exactly one match counts."""
        for id_number in spellings(customer.id_type, customer.id_number):
            reply = _ask(self._client.find_by_document, (customer.id_type, id_number))
            matches = _matches(reply, id_number)
            if matches is None:
                raise Unresolved(reply)
            if len(matches) > 1:
                return CustomerNotFound()
            if matches:
                self._remember(matches[0], _document_reference(customer))
                return Found(matches[0], "lookup")
        return None

    def forget(self, customer: Customer) -> None:
        if keys := self._keys(customer):
            with suppress(RedisError):  # the next 404 deletes it
                self._redis.delete(*keys)

    def _create(self, customer: Customer) -> Found | CustomerNotFound:
        body = {
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "email": customer.email,
            "phone": customer.phone,
            "id_type": customer.id_type,
            "id_number": customer.id_number,
        }
        reply = _ask(self._client.create_customer, {k: v for k, v in body.items() if v})
        if customer_id := _id_in(reply):
            self._remember(
                customer_id, customer.phone, customer.email, _document_reference(customer)
            )
            return Found(customer_id, "created")
        if reply.is_html or reply.is_redirect or reply.status not in (302, 422):
            raise Unresolved(reply)
        # A duplicate is refused: another worker may have created the customer just now.
        return self._look_up(customer) or CustomerNotFound(reply)

    def _remember(self, customer_id: str, *references: str) -> None:
        """Cache the id under the references that Mercately matched, and under no other.

        A household shares a phone: the e-mail beside it in an order may be another person's.
        """
        for reference in filter(None, references):
            with suppress(RedisError):  # the next event looks the customer up again
                self._redis.set(self._keys_of(reference)[0], customer_id, ex=_CACHED_S)

    def _keys(self, customer: Customer) -> list[str]:
        references = (customer.phone, customer.email, _document_reference(customer))
        return [key for value in references if value for key in self._keys_of(value)]

    def _keys_of(self, reference: str) -> list[str]:
        """Where an id is cached under a phone or e-mail, the key to write first."""
        name = self._destination.name
        return [
            customer_key(name, digest)
            for digest in self._pseudonyms.digests(name, *customer_parts(reference))
        ]


def _has_document_only(customer: Customer) -> bool:
    return bool(customer.id_number and not (customer.phone or customer.email))


def _document_reference(customer: Customer) -> str:
    """What a customer with nothing but a document is cached under, empty for others."""
    only = _has_document_only(customer)
    return f"{customer.id_type}:{customer.id_number}" if only else ""


def _references(customer: Customer) -> Iterator[str]:
    """Phone spellings first: an e-mail in a path is the least reliable reference."""
    if customer.phone:
        yield from variants(customer.phone)
    if customer.email:
        yield customer.email


def _ask(request: Callable[[_T], Reply], argument: _T) -> Reply:
    """Make a request before the event's own: that it got no answer is never ambiguous."""
    try:
        return request(argument)
    except NoResponse as error:
        raise NoResponse(error.reason, ambiguous=False) from error


def _says_not_found(reply: Reply) -> bool:
    """Whether the answer means "no such customer". A refused spelling is an unknown one.

    Of a 200 only an explicit nobody does; another shape may be a fault or a change of theirs.
    """
    if reply.is_html or reply.is_redirect:
        return False
    data = reply.json() if reply.ok else None
    says_nobody = isinstance(data, dict) and data.get("customer", ...) in (None, [], {})
    return reply.status in (302, 404, 422) or says_nobody


def _require_same(reply: Reply, customer: Customer, reference: str) -> None:
    """Compare who was found with whom we asked for; a field that is absent is no difference.

    Of phones the last nine digits, which are the same with and without the extra digit of Mexican
    and Argentine mobiles, and however Mercately writes the country.

    Raises:
        OtherCustomer: it is somebody else.
    """
    found = reply.json()["customer"]
    if reference == customer.email:
        theirs = found.get("email")
        is_other = isinstance(theirs, str) and theirs and theirs.lower() != reference.lower()
    else:
        theirs = re.sub(r"\D", "", str(found.get("phone") or ""))
        ours = re.sub(r"\D", "", reference)
        compared = min(_DIGITS_COMPARED, len(theirs), len(ours))
        is_other = bool(theirs) and (
            compared < _DIGITS_MIN or theirs[-compared:] != ours[-compared:]
        )
    if is_other:
        raise OtherCustomer


def _id_in(reply: Reply) -> str:
    """The customer's id as text, empty when the answer holds none."""
    data: Any = reply.json() if reply.ok else None
    return _customer_id(data.get("customer") if isinstance(data, dict) else None)


def _matches(reply: Reply, id_number: str) -> list[str] | None:
    """The ids of the listed customers with this number, None for an answer that is no list. A
    server without the filter lists everybody.
    """
    data: Any = reply.json() if reply.ok else None
    rows = data.get("customers") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        return None
    same = [row for row in rows if isinstance(row, dict) and row.get("id_number") == id_number]
    return [customer_id for row in same if (customer_id := _customer_id(row))]


def _customer_id(customer: Any) -> str:
    value = customer.get("id") if isinstance(customer, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
