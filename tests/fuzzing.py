"""Bodies that no platform sends, made of those that they do, and what may never become of them.

`python -m tests.fuzzing PLATFORM` fuzzes one platform for as long as one likes, with atheris, which
looks at the code that a body reaches (`pip install atheris`; it is no dependency of the tests).
"""

import copy
import json
import random
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, reduce
from typing import Any, Final

from platform_samples import request_of, source_of

from relay.inbound import samples
from relay.inbound.contract import Source
from relay.inbound.lookups import LOOKED_UP, SHOP, TOPIC
from relay.inbound.results import Handshake
from relay.model import Held, Parts, WebhookRequest
from relay.pipeline import flattened, translate
from relay.platforms import discovered

# What stands where something else is expected.
_ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", " ", "\x00", "\ud800", "🦊",
    "x" * 10_000, "0", "-", "null", "2026-13-45", "9999-12-31T23:59:59-23:59", "1e999", "$ 1.299", "%00",
    "{{ 7 * 7 }}", [], {}, [[]], [None], [1, "x", {}], {"0": "x"}, {"a": {"a": {"a": None}}},
)  # fmt: skip


@cache
def requests_of(platform: str) -> Mapping[str, WebhookRequest]:
    """The samples of a platform, and the bodies that its look-ups make, each by a name."""
    found = {name: request_of(platform, name) for name in samples.names(platform)}
    declared = discovered()[platform]
    for topic, meaning in declared.topics.items():
        if (lookup := declared.lookups.get(meaning.lookup)) is None:
            continue
        body: dict[str, Any] = {}
        whole: Any = body
        for read in lookup.reads:
            answer = _answer(platform, read.path, read.part)
            if read.name:
                _put(body, read.name, answer)
            else:
                whole = answer
        headers = {LOOKED_UP: meaning.lookup, TOPIC: topic, SHOP: "1"}
        some = next(iter(found.values()))
        found[f"{topic}, looked up"] = replace(
            some, headers=headers, body=json.dumps(whole).encode()
        )
    return found


def _answer(platform: str, path: str, part: str) -> Any:
    """What the stand-in answers to a request, or nothing."""
    pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path))
    answers = json.loads((samples.FOLDER / platform / "api.json").read_bytes())
    for name, answer in answers.items():
        if re.fullmatch(rf"(GET|POST) {pattern}", name):
            keys = filter(None, part.split("."))
            return reduce(_step, keys, answer)
    return None


def _step(node: Any, key: str) -> Any:
    return node[int(key)] if isinstance(node, list) else node.get(key)


def _put(found: dict[str, Any], path: str, value: Any) -> None:
    *outer, name = path.split(".")
    for part in outer:
        found = found.setdefault(part, {})
    found[name] = value


def mutated(body: bytes, chance: random.Random) -> bytes:
    """The body with something odd in it: a value of its JSON, or its bytes."""
    try:
        value = json.loads(body)
    except ValueError:
        return _with_odd_bytes(body, chance)
    if chance.random() < 0.15:
        return _with_odd_bytes(body, chance)
    for _ in range(chance.randint(1, 4)):
        value = _with_odd_value(value, chance)
    return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _with_odd_bytes(body: bytes, chance: random.Random) -> bytes:
    at, length = chance.randint(0, len(body)), chance.randint(0, 30)
    change: Callable[[], bytes] = chance.choice(
        [
            lambda: body[:at],
            lambda: body[:at] + body[at + length :],
            lambda: body[:at] + chance.randbytes(length) + body[at:],
            lambda: body[:at] + body[at : at + length] * 3 + body[at:],
            lambda: chance.randbytes(length),
            lambda: body.replace(b"=", b"[]=", 1),
            lambda: body.replace(b"&", b"&&=&", 1),
        ]
    )
    return change()


def _with_odd_value(value: Any, chance: random.Random) -> Any:
    """The value with one node of it changed."""
    places = list(_places(value))
    if not places or chance.random() < 0.03:
        return copy.deepcopy(chance.choice(_ODD))
    holder, key = chance.choice(places)
    match chance.randrange(6):
        case 0:
            del holder[key]
        case 1:  # what stands elsewhere
            other, name = chance.choice(places)
            holder[key] = copy.deepcopy(other[name])
        case 2:
            holder[key] = [copy.deepcopy(holder[key])] * chance.choice([1, 2, 60])
        case 3:
            holder[key] = json.dumps(holder[key])
        case _:
            holder[key] = copy.deepcopy(chance.choice(_ODD))
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (list or object, index or name) in a value."""
    found: list[tuple[Any, Any]] = []
    left = [value]
    while left:
        holder = left.pop()
        if isinstance(holder, dict | list):
            names: Any = holder if isinstance(holder, dict) else range(len(holder))
            for key in list(names):
                found.append((holder, key))
                left.append(holder[key])
    return found


def check(request: WebhookRequest, source: Source) -> None:
    """Nobody's code raises for a request: it is told, ignored or held, with a reason.

    Raises:
        AssertionError: it was held for an exception.
    """
    items = translate(request, source)
    if isinstance(items, Handshake):
        return
    assert items
    for item in flattened(items):
        assert not (isinstance(item, Held) and "relay" in item.reasons), item.reasons
    keys = [
        key for item in items if isinstance(item, Parts) for key in (item.key, *item.other_keys)
    ]
    assert all(isinstance(key, str) for key in keys)


def main(platform: str) -> None:
    """Fuzz a platform until it is stopped, or something raises."""
    import atheris

    source = source_of(platform)
    requests = list(requests_of(platform).values())

    def one(data: bytes) -> None:
        """The first byte chooses the request, the second whether the rest is body or chance."""
        if len(data) > 2:
            request = requests[data[0] % len(requests)]
            rest = data[2:]
            body = rest if data[1] % 2 else mutated(request.body, random.Random(rest))
            check(replace(request, body=body), source)

    atheris.instrument_all()
    atheris.Setup(sys.argv[:1] + sys.argv[2:], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1])
