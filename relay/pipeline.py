"""The whole translation in one function: start reading here.

    bytes -> verified -> event -> call

`process` is pure: production, dry runs, tests and golden files all use it. What comes out is
stored by `relay/store/job_store.py`, answered by `relay/web/webhooks.py` and delivered by
`worker/tasks.py`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

from relay.errors import Refused
from relay.inbound.contract import Events, Handshake, Skipped, Source, Unparsable, stable_key
from relay.mapping.event_types import EVENT_TYPES
from relay.mapping.mercately import Unmappable, call_for
from relay.model import Event, Held, Ignored, Translated, WebhookRequest

# More than any platform sends at once; Redis takes them in one step, while everybody waits.
_ITEMS_MAX: Final = 5_000


def process(
    request: WebhookRequest, source: Source, now: datetime
) -> Handshake | Sequence[Translated]:
    """What a delivery comes to: an answer to an address check, or its events, translated.

    Raises:
        Refused: the delivery does not prove who sent it; nothing of it may be stored.
    """
    reply = source.platform.handshake(request)
    if reply is not None:
        return reply
    if request.method != "POST":
        raise Refused("method_not_allowed", 405)
    source.scheme.verify(request, source.secrets, now)
    return translate(request, source)


def translate(request: WebhookRequest, source: Source) -> Handshake | Sequence[Translated]:
    """What the events of a delivery come to that is known to be the platform's."""
    items = parse(request, source)
    if isinstance(items, Handshake):
        return items
    if len(items) > _ITEMS_MAX:
        reasons = {"body": f"expected at most {_ITEMS_MAX} events, found {len(items)}"}
        return [Held("", stable_key(request.body), "too_many_events", reasons, request.body)]
    return [translate_item(item, request, source) for item in items]


def parse(
    request: WebhookRequest, source: Source
) -> Handshake | Sequence[Event | Unparsable | Skipped]:
    """What the platform says is in a delivery."""
    try:
        reading = source.platform.parse(request, source.options)
    except RecursionError:
        reasons = {"body": "expected JSON, nested less deep"}
        return [Unparsable("", stable_key(request.body), reasons, request.body)]
    except Exception as error:  # noqa: BLE001  a fault of ours must not cost a merchant the hook
        reasons = {"relay": f"{type(error).__name__} while reading; please report it"}
        return [Unparsable("", stable_key(request.body), reasons, request.body)]
    if isinstance(reading, Handshake):
        return reading
    return reading.items if isinstance(reading, Events) else [reading]


def translate_item(
    item: Event | Unparsable | Skipped, request: WebhookRequest, source: Source
) -> Translated:
    """One event to a call, or why not."""
    if isinstance(item, Skipped):
        return Ignored(item.topic, item.reason)
    if isinstance(item, Unparsable):
        return Held(item.topic, item.key, "unreadable", item.reasons, item.raw)
    raw = item.raw or request.body
    unwanted = _unwanted(item, source)
    if unwanted:
        return Ignored(item.topic, unwanted, item.type)
    try:
        call = call_for(
            item,
            source.rules[item.type],
            source.destination,
            source=source.name,
            platform=source.platform.title,
            language=source.language,
            customer_id=source.customer_id,
        )
        return replace(call, raw=raw)
    except Unmappable as error:
        reason, reasons = error.reason, error.reasons
    except Exception as error:  # noqa: BLE001  as in `read`: its neighbours go on
        reason = "internal_error"
        reasons = {"relay": f"{type(error).__name__} while mapping; please report it"}
    return Held(item.topic, item.key, reason, reasons, raw, item.type)


def _unwanted(event: Event, source: Source) -> str:
    """Why nobody asked for this event, empty when somebody did."""
    if event.machine and not source.machine_events:
        return "made_by_a_machine"
    names = (event.type, event.topic)
    if source.topics:
        wanted = any(fnmatchcase(name, wish) for wish in source.topics for name in names)
    else:
        wanted = not EVENT_TYPES[event.type].opt_in
    if not wanted:
        return "topic_not_wanted"
    return "" if event.type in source.rules else "no_rule"
