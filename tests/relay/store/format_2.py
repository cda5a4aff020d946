"""What data of formats 0 and 1 are in format 2, written down without the migration."""

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import redis_dump

KEY = "k" * 32


def digest(destination: str, *parts: str) -> str:
    text, key = "\0".join((destination, *parts)), hashlib.sha512(KEY.encode()).digest()
    code = hashlib.blake2b(text.encode(), key=key, digest_size=12).digest()
    return base64.urlsafe_b64encode(code).decode()


FIELDS = {
    b"delivery": b"payload", b"request": b"payload", b"event": b"route",
    b"takeovers": b"redelivery_count", b"shut": b"open_until", b"trial": b"half_open",
    b"tripped": b"opened_until", b"trips": b"open_count", b"slowed": b"slowed_at",
}  # fmt: skip


def expected(before: redis_dump.Snapshot) -> redis_dump.Snapshot:
    """The same data in format 2, by the list of what was changed and nothing else."""
    after: dict[str, tuple[str, Any]] = {"relay:schema": ("string", b"2")}
    names, lists = new_names(before), defaultdict(set)
    for key, (kind, value) in before.items():
        if key == "relay:schema" or not names[key]:
            continue
        if kind != "hash":
            after[names[key]] = (kind, value)
            continue
        converted = {FIELDS.get(part, part): text for part, text in value.items()}
        if b"log" in converted:
            converted[b"log"] = converted[b"log"].replace(
                b',"takeovers":2', b',"redelivery_count":2'
            )
        if key.startswith("relay:record:"):
            converted |= record_fields(value)
            for name, member in listed(key.removeprefix("relay:record:"), converted):
                lists[name].add((member.encode(), 0.0))
        after[names[key]] = (kind, converted)
    for name, members in lists.items():
        after[name] = ("zset", sorted(members))
    return after


def new_names(before: redis_dump.Snapshot) -> dict[str, str]:
    """What each key is called in format 2; empty for what is forgotten."""
    names = {}
    lanes, cached = {}, {}
    for key, (_, value) in before.items():
        if not key.startswith("relay:record:"):
            continue
        row = json.loads(value[b"event"])
        where, customer = row[3], row[4] or {}
        lane = record_fields(value).get(b"digests", b"-").split()[0]
        if lane != b"-":
            lanes[key.removeprefix("relay:record:").encode()] = f"relay:lane:{lane.decode()}"
        for reference in (customer.get("phone"), customer.get("email")):
            if reference:
                old = hashlib.sha256(reference.lower().encode()).hexdigest()[:32]
                new = digest(where, "customer", reference.lower())
                cached[f"relay:customer:{where}:{old}"] = f"relay:customer:{where}:{new}"
    for key, (_, value) in before.items():
        names[key] = key.replace("relay:valve:", "relay:throttle:").replace(
            "relay:bell", "relay:wakeup"
        )
        if key.startswith("relay:lane:"):
            names[key] = lanes.get(value, "")
        if key.startswith("relay:customer:"):
            names[key] = cached.get(key, "")
    return names


def record_fields(value: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """What replaces the event of a record, and is new."""
    row = [*json.loads(value[b"event"]), *[""] * 2]
    customer = row[4] or {}
    route = [part or "" for part in (*row[:4], *row[5:9])]
    while route[-1] == "":
        route.pop()
    fields: dict[bytes, Any] = {b"route": route}
    if customer:
        by = customer.get("customer_id") or customer.get("phone") or customer["email"].lower()
        texts = (
            ("phone", customer.get("phone", "").removeprefix("+")),
            ("email", customer.get("email", "").lower()),
        )
        is_open = value[b"state"] in (b"accepted", b"retrying")
        lane = digest(row[3], "lane", by)[:11] if is_open else "-"
        find = [digest(row[3], "find", *pair)[:7] for pair in texts if pair[1]]
        fields |= {b"customer": customer, b"digests": " ".join([lane, *find])}
    compact = {"separators": (",", ":"), "ensure_ascii": False}
    return {
        name: (part if isinstance(part, str) else json.dumps(part, **compact)).encode()
        for name, part in fields.items()
    }


def listed(record_id: str, fields: Mapping[bytes, bytes]) -> Iterator[tuple[str, str]]:
    """The sorted sets that a record is a member of, and as what."""
    state, source = fields[b"state"].decode(), json.loads(fields[b"route"])[0]
    yield f"relay:list:{state}:{source}", record_id
    if state in ("held", "dead"):
        cause = f"{state}:{source}:{fields[b'reason'].decode()}"
        yield f"relay:list:{cause}", record_id
        yield "relay:causes", cause
    for each in fields.get(b"digests", b"").decode().split()[1:]:
        yield f"relay:find:{each[:3].lower()}", each + record_id
