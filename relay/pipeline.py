"""From a webhook request to the calls to make at Mercately: start reading here.

    request -> verify -> parse -> event -> call

`process` does no I/O: production, dry runs, tests and golden files all use it. The web process
(`relay/web/webhooks.py`) stores the result through `relay/store/job_store.py` and answers; the
worker (`worker/tasks.py`) makes the calls.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from relay.errors import Refused
from relay.inbound.contract import Events, Handshake, Skipped, Source, Unparsable, stable_key
from relay.inbound.steps import NOTHING_RECALLED, Decision, Recall, Recollection, decide, expand
from relay.mapping.event_types import EVENT_TYPES
from relay.mapping.mercately import Unmappable, call_for
from relay.model import (
    Call,
    Customer,
    Ended,
    Event,
    Held,
    Ignored,
    Parts,
    Translated,
    Waiting,
    WebhookRequest,
)

# More than any platform sends at once. One script stores them all, and blocks Redis meanwhile.
_ITEMS_MAX: Final = 5_000
# Fields of events that hold a number which a person may have at hand.
_REFERENCE_FIELDS: Final = ("order_number", "order_id")


def process(
    request: WebhookRequest, source: Source, now: datetime, recall: Recall = NOTHING_RECALLED
) -> Handshake | Sequence[Translated | Parts]:
    """Verify and translate a request: the answer to an address check, or one item per event.

    `recall` is asked, once, only when an event tells of a thing.

    Raises:
        Refused: the request does not prove who sent it; nothing of it may be stored.
    """
    handshake = source.platform.handshake(request)
    if handshake is not None:
        return handshake
    if request.method != "POST":
        raise Refused("method_not_allowed", 405)
    source.scheme.verify(request, source.secrets, now)
    return translate(request, source, recall)


def translate(
    request: WebhookRequest,
    source: Source,
    recall: Recall = NOTHING_RECALLED,
    decision: Decision | None = None,
) -> Handshake | Sequence[Translated | Parts]:
    """Parse and map a verified request; also used for a replay of what is stored.

    `decision` is what was decided when the event was first mapped, None to decide now.
    """
    items = parse(request, source)
    if isinstance(items, Handshake):
        return items
    if len(items) > _ITEMS_MAX:
        reasons = {"body": f"expected at most {_ITEMS_MAX} events, found {len(items)}"}
        return [Held("", stable_key(request.body), "too_many_events", reasons, request.body)]
    resources = {
        item.report.resource: None for item in items if isinstance(item, Event) and item.report
    }
    if not resources:
        return [part for item in items for part in translate_all(item, request, source)]
    recalled = dict(zip(resources, recall.recall(tuple(resources)), strict=True))
    versions = {resource: each.version for resource, each in recalled.items()}
    translated: list[Translated | Parts] = []
    for item in items:
        if not isinstance(item, Event) or item.report is None:
            translated += translate_all(item, request, source)
            continue
        resource, report = item.report.resource, item.report
        before = recalled[resource].memory
        decided = decision or decide(
            report, recalled[resource], request.received_at, recall.dedup_s, recall.digest
        )
        parts = translate_report(item, decided, request, source)
        is_news = replace(decided.memory, version=before.version) != before
        if is_news:
            recalled[resource] = Recollection(decided.memory, recall.digest)
        translated.append(
            Parts(
                parts,
                resource,
                versions[resource],
                item.key,
                item.other_keys,
                item.remember_s,
                decided.memory if is_news else None,
            )
        )
    return translated


def translate_report(
    event: Event, decision: Decision, request: WebhookRequest, source: Source
) -> tuple[Translated, ...]:
    """Map each step that was decided of an event, or say why nothing is told."""
    if decision.reason:
        return (Ignored(event.topic, decision.reason, event.type), *_ended(event))
    parts: list[Translated] = []
    for step_event, step in expand(event, decision):
        part = translate_item(step_event, request, source)
        parts.append(replace(part, step=step) if isinstance(part, Call | Held) else part)
    return (*parts, *_ended(event))


def translate_all(
    item: Event | Unparsable | Skipped, request: WebhookRequest, source: Source
) -> list[Translated]:
    """Map one event, to be told now or later, and say what waits for it no more."""
    translated = translate_item(item, request, source)
    if not isinstance(item, Event):
        return [translated]
    if item.wait_s and isinstance(translated, Call):
        due_at = request.received_at + timedelta(seconds=item.wait_s)
        translated = Waiting(translated, item.token, due_at)
    elif item.wait_s and isinstance(translated, Held):  # it may never have to be told
        translated = Ignored(item.topic, translated.reason, item.type)
    return [translated, *_ended(item)]


def _ended(event: Event) -> list[Ended]:
    return [Ended(event.topic, token) for token in event.ends]


def flattened(items: Sequence[Translated | Parts]) -> list[Translated]:
    """The parts of all items, in order."""
    return [part for item in items for part in (item.items if isinstance(item, Parts) else (item,))]


def parse(
    request: WebhookRequest, source: Source
) -> Handshake | Sequence[Event | Unparsable | Skipped]:
    """The events of a verified request. An exception of the platform's code holds the request."""
    try:
        result = source.platform.parse(request, source.options)
    except RecursionError:
        reasons = {"body": "expected JSON, nested less deep"}
        return [Unparsable("", stable_key(request.body), reasons, request.body)]
    except Exception as error:  # noqa: BLE001  a bug must not make the platform drop the hook
        reasons = {"relay": f"{type(error).__name__} while reading; please report it"}
        return [Unparsable("", stable_key(request.body), reasons, request.body)]
    if isinstance(result, Handshake):
        return result
    return result.items if isinstance(result, Events) else [result]


def translate_item(
    item: Event | Unparsable | Skipped, request: WebhookRequest, source: Source
) -> Translated:
    """Map one event to a call, or say why it is held or ignored."""
    if isinstance(item, Skipped):
        return Ignored(item.topic, item.reason)
    if isinstance(item, Unparsable):
        return Held(item.topic, item.key, "unreadable", item.reasons, item.raw)
    raw = item.raw or request.body
    ignore_reason = _ignore_reason(item, source)
    if ignore_reason:
        return Ignored(item.topic, ignore_reason, item.type)
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
        return replace(
            call,
            raw=raw,
            other_keys=item.other_keys,
            remember_s=item.remember_s,
            references=_references(item),
        )
    except Unmappable as error:
        reason, reasons = error.reason, error.reasons
    except Exception as error:  # noqa: BLE001  as in `parse`; the others of the batch go on
        reason = "internal_error"
        reasons = {"relay": f"{type(error).__name__} while mapping; please report it"}
    return Held(
        item.topic,
        item.key,
        reason,
        reasons,
        raw,
        item.type,
        item.other_keys,
        item.remember_s,
        references=_references(item),
        customer=Customer(email=item.contact.email),
    )


def _references(event: Event) -> tuple[str, ...]:
    """The numbers of an order: the one that the buyer sees, and the platform's id."""
    texts = [str(event.fields.get(name) or "") for name in _REFERENCE_FIELDS]
    return tuple(dict.fromkeys(filter(None, texts)))


def _ignore_reason(event: Event, source: Source) -> str:
    """The reason code for which the source ignores this event, empty when it wants it."""
    if event.machine and not source.machine_events:
        return "made_by_a_machine"
    names = (event.type, event.topic)
    if source.topics:
        selected = any(fnmatchcase(name, pattern) for pattern in source.topics for name in names)
    else:
        selected = not EVENT_TYPES[event.type].opt_in
    if not selected:
        return "topic_not_wanted"
    return "" if event.type in source.rules else "no_rule"
