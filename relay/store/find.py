"""Finding events by order number, phone or e-mail: keyed digests in one sorted set.

`relay:find` has a member `<digest>:<record id>` for each text of an event that a person may have at
hand. Its record keeps the digests too (`find`), to remove the members with it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

from redis import Redis

from relay.model import Customer
from relay.store.keys import FIND
from relay.store.pseudonyms import Pseudonyms

# 48 bits: enough to find few among many; the record then says whether it is the one.
_DIGEST: Final = 8


def find_digests(
    pseudonyms: Pseudonyms, destination: str, customer: Customer, references: Iterable[str]
) -> list[str]:
    """The digests that an event is found by."""
    texts = [("reference", _reference(text)) for text in references]
    texts += [("phone", _digits(customer.phone)), ("email", customer.email.lower())]
    return [
        pseudonyms.digest(destination, "find", kind, text)[:_DIGEST]
        for kind, text in dict.fromkeys(texts)
        if text
    ]


def find_ids(
    redis: Redis, pseudonyms: Pseudonyms, destinations: Sequence[str], text: str, limit: int
) -> list[str]:
    """At most `limit` ids of events with this number, phone or e-mail, the newest first.

    A phone is written with its country code. One round trip.
    """
    digests = {
        digest[:_DIGEST]
        for name in destinations
        for kind, value in _kinds(text.strip())
        for digest in pseudonyms.digests(name, "find", kind, value)
    }
    with redis.pipeline(transaction=False) as pipeline:
        for digest in sorted(digests):
            pipeline.zrevrangebylex(FIND, f"[{digest}:\xff", f"[{digest}:", start=0, num=limit)
        rows = cast("list[list[bytes]]", pipeline.execute())
    ids = {member.decode().partition(":")[2] for row in rows for member in row}
    return sorted(ids, reverse=True)[:limit]


def _kinds(text: str) -> Iterator[tuple[str, str]]:
    if "@" in text:
        yield "email", text.lower()
    else:
        yield "reference", _reference(text)
        if len(_digits(text)) >= 6:
            yield "phone", _digits(text)


def _reference(text: str) -> str:
    """An order number as people write it: `#1042` and `1042` are one."""
    return text.strip().removeprefix("#").lower()[:100]


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text).removeprefix("00")


def members(record_id: str, digests: str) -> dict[str, Any]:
    """The members of `relay:find` of a record, by its field `find`."""
    return {f"{digest}:{record_id}": 0 for digest in digests.split()}
