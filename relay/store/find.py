"""Finding events by order number, phone or e-mail: keyed digests in many small sorted sets.

`relay:find:<bucket>` has a member `<digest><record id>` for each text of an event that a person
may have at hand; the bucket is the digest's beginning, so that the sets stay small, which Redis
keeps in a third of the memory. A record has its digests too (`digests`), to remove the members
with it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, cast

from redis import Redis

from relay.model import Customer
from relay.store.keys import find_key
from relay.store.pseudonyms import Pseudonyms

# 42 bits: a million events have another one of the same digest once in a million searches.
_DIGEST: Final = 7
_NO_DIGIT: Final = re.compile(r"\D")


def find_digests(
    pseudonyms: Pseudonyms, destination: str, customer: Customer, references: Sequence[str]
) -> list[str]:
    """The digests that an event is found by: of the first reference, the phone and the e-mail."""
    texts = (
        ("reference", _reference(references[0]) if references else ""),
        ("phone", _digits(customer.phone)),
        ("email", customer.email.lower()),
    )
    return [
        pseudonyms.digest(destination, "find", kind, text)[:_DIGEST] for kind, text in texts if text
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
            key, prefix = find_key(digest), f"[{digest}"
            pipeline.zrevrangebylex(key, f"{prefix}\xff", prefix, start=0, num=limit)
        rows = cast("list[list[bytes]]", pipeline.execute())
    ids = {member.decode()[_DIGEST:] for row in rows for member in row}
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
    return _NO_DIGIT.sub("", text).removeprefix("00")


def members(record_id: str, digests: str) -> list[tuple[str, str]]:
    """The sets that a record is a member of, and as what, by its field `digests`."""
    return [(find_key(digest), digest + record_id) for digest in digests.split()[1:]]
