"""Names of the keys in Redis that more than one module or script uses."""

import base64
import hashlib
from typing import Final

from relay.model import Customer
from relay.store.pseudonyms import Pseudonyms

# The number of the format that everything here is in (relay/store/schema.py).
SCHEMA_KEY: Final = "relay:schema"
# Sorted set of open records, scored by when to check that their job still exists (unix s).
OPEN: Final = "relay:open"
# Hash `<source>:<status>` -> number of items that got this answer.
COUNTS: Final = "relay:counts"
# Stream of the latest ignored items.
IGNORED: Final = "relay:ignored"
# Sorted set of `<state>:<source>:<reason>`, each with a list of records that wait for that cause.
CAUSES: Final = "relay:causes"
# Sorted set of the keys of waiting entries, scored by when they are due (unix s).
WAITING: Final = "relay:waiting"
# Sorted set of records that await a look-up for which there are credentials, scored by when it is
# due (unix s).
LOOKUPS: Final = "relay:lookups"
# Sorted set of the privacy requests that a worker has to work off, scored by when they came.
PRIVACY: Final = "relay:privacy"
# List that an idle worker blocks on; pushed to when an empty queue gets a job.
WAKEUP: Final = "relay:wakeup"
# Nobody writes it: what asks whether Redis would let us write names it.
NEVER_SET: Final = "relay:never_set"
# Written over and over, to know when what was written before is on disk.
FSYNC_MARKER: Final = "relay:fsync"
_LANE_DIGEST: Final = 11


def record_key(record_id: str) -> str:
    return f"relay:record:{record_id}"


def state_key(state: str) -> str:
    """Sorted set of the records in a state that is not open, scored by since when (unix s)."""
    return f"relay:state:{state}"


def seen_key(source: str, event_key: str) -> str:
    """De-dup mark: holds the id of the record of this event of this source."""
    return f"relay:seen:{short_digest(source, event_key)}"


def other_seen_key(source: str, key: str) -> str:
    """The same for one of an event's other keys, `delivery:...` or `body:...`."""
    kind, _, text = key.partition(":")
    return f"relay:seen:{short_digest(source, kind, text)}"


def is_body(key: str) -> bool:
    """Whether one of an event's other keys is a digest of its body."""
    return key.startswith("body:")


def lane_key(digest: str) -> str:
    """Holds the last record of a customer's lane."""
    return f"relay:lane:{digest}"


def lane_digests(pseudonyms: Pseudonyms, destination: str, customer: Customer) -> tuple[str, ...]:
    """Digests of a customer's id, phone, e-mail or document, the one to write first.

    66 bits: two customers in one lane would only wait for one another.
    """
    contact = customer.phone or customer.email.lower() or customer.id_number
    digests = pseudonyms.digests(destination, "lane", customer.customer_id or contact)
    return tuple([digest[:_LANE_DIGEST] for digest in digests])


def customer_key(destination: str, digest: str) -> str:
    """Holds a customer's id at a destination."""
    return f"relay:customer:{destination}:{digest}"


def customer_parts(reference: str) -> tuple[str, ...]:
    """What the digest of a cached customer is of: a phone, an e-mail or a document."""
    return ("customer", reference.lower())


def waiting_key(digest: str) -> str:
    """Holds what waits under a token of a source, or that it is ended."""
    return f"relay:waiting:{digest}"


def find_key(digest: str) -> str:
    """Sorted set of `<digest><record id>` by member; one of 54,872."""
    return f"relay:find:{digest[:3].lower()}"


def list_key(state: str, source: str, reason: str | None = None) -> str:
    """Sorted set of record ids by id; with `reason` those that wait for that cause."""
    return f"relay:list:{state}:{source}" + ("" if reason is None else f":{reason}")


def short_digest(*parts: str) -> str:
    """96 bits of SHA-256, base64: collisions are negligible, and short keys save memory.

    It is for keys of events, which outlive a change of API keys. Digests that stand for people are
    keyed (relay/store/pseudonyms.py): who can read Redis could find a phone by trying all.
    """
    text = "\0".join(parts).encode(errors="replace")
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()[:12]).decode()
