"""From a webhook request to the calls to make at Mercately: start reading here.

    request -> verify -> parse -> event -> call

Nothing here does I/O: production, dry runs, tests and golden files all use it. The web process
(`relay/web/webhooks.py`) takes the two steps of `process`, stores request and result through
`relay/store/job_store.py` and answers; the worker (`worker/tasks.py`) makes the calls.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from relay.calls import NOBODY_REASONS, hold_fault, translate_item
from relay.errors import TOO_LARGE, Refused, TooManyParts
from relay.inbound import declared
from relay.inbound.batch_order import in_order
from relay.inbound.batches import fault_reasons
from relay.inbound.contract import Source, stable_key
from relay.inbound.recall import NOTHING_RECALLED, Recall, Recollection
from relay.inbound.results import Events, Handshake, Part, Skipped, Unparsable
from relay.inbound.signature import BodyCheck, IncrementalScheme
from relay.inbound.steps import Decision, decide, expand, is_same, tells_creation
from relay.model import (
    Call,
    Ended,
    Event,
    Held,
    Ignored,
    Parts,
    Translated,
    Waiting,
    WebhookRequest,
)
from relay.turns import in_turns


def process(
    request: WebhookRequest, source: Source, now: datetime, recall: Recall = NOTHING_RECALLED
) -> Handshake | Sequence[Translated | Parts]:
    """Verify and translate a request: the answer to an address check, or one item per event.

    `recall` is asked once, and only when an event reports the state of a thing.

    Raises:
        Refused: the request does not prove who sent it; nothing of it may be stored.
    """
    verified = authenticate(request, source, now)
    return verified if isinstance(verified, Handshake) else translate(verified, source, recall)


def authenticate(
    request: WebhookRequest, source: Source, now: datetime
) -> Handshake | WebhookRequest:
    """The request as verified, of which nothing is parsed yet; or the answer to an address check.

    Raises:
        Refused: as `process`.
        NeedsCertificate: as the scheme's `verify`.
    """
    handshake = source.platform.handshake(request, source)
    if handshake is not None:
        return handshake
    _require_method(request, source)
    return source.scheme.verify(request, source.secrets, now)


def begin_large(head: WebhookRequest, source: Source, now: datetime) -> BodyCheck:
    """Begin the check of a request whose body is too large to translate; `head` has no body.

    Raises:
        Refused: 413 where the body cannot be verified while it is read, else as `process`.
    """
    _require_method(head, source)
    if not isinstance(source.scheme, IncrementalScheme):
        raise Refused(TOO_LARGE, 413)
    check = source.scheme.begin(head, source.secrets, now)
    if check.buffers:
        raise Refused(TOO_LARGE, 413)
    return check


def hold_large(request: WebhookRequest, source: Source, size: int, digest: str) -> Translated:
    """What becomes of a verified request of which only the beginning is here.

    It is held, except where the headers alone say that it is of no interest. `size` is that of the
    whole body in bytes, `digest` its SHA-256.
    """
    try:
        items = parse(request, source)
    except TooManyParts:
        items = []
    first = items[0] if items and not isinstance(items, Handshake) else Skipped(TOO_LARGE)
    if isinstance(first, Skipped) and first.reason != TOO_LARGE:
        return Ignored(first.topic, first.reason)
    stored = len(request.body)
    reasons = {"body": f"{size} bytes, of which the first {stored} are stored: too few to replay"}
    return Held(first.topic, stable_key(TOO_LARGE, digest), TOO_LARGE, reasons, request.body)


def _require_method(request: WebhookRequest, source: Source) -> None:
    if request.method not in source.platform.methods:
        raise Refused("method_not_allowed", 405)


def translate(
    request: WebhookRequest,
    source: Source,
    recall: Recall = NOTHING_RECALLED,
    decision: Decision | None = None,
) -> Handshake | Sequence[Translated | Parts]:
    """Parse and map a verified request; also used for a replay of what is stored.

    The events of a batch are in the order in which they happened, see `in_order`. `decision` is
    what was decided when the event was first mapped, None to decide now.
    """
    try:
        items = parse(request, source)
    except TooManyParts as error:
        return [hold_batch(request, error)]
    if isinstance(items, Handshake):
        return items
    if len(items) > 1:
        with suppress(Exception):  # a bug; they go out as they were sent
            items = in_order(items)
    reports = [item.report for item in items if isinstance(item, Event) and item.report]
    if not reports:
        return [part for item in in_turns(items) for part in translate_all(item, request, source)]
    resources = tuple(dict.fromkeys([report.resource for report in reports]))
    are_new = all(map(tells_creation, reports))
    recalled = dict(zip(resources, recall.recall(resources, are_new=are_new), strict=True))
    translated: list[Translated | Parts] = []
    for item in in_turns(items):
        if not isinstance(item, Event) or item.report is None:
            translated += translate_all(item, request, source)
            continue
        resource, report = item.report.resource, item.report
        before = recalled[resource]
        try:
            decided = decision or decide(
                report, before, request.received_at, recall.dedup_s, recall.digest
            )
            parts = translate_report(item, decided, request, source)
        except Exception as error:  # noqa: BLE001  a bug; the others of the batch go on
            translated.append(hold_fault(item, error, request))
            continue
        is_news = not _tells_nobody(parts) and not is_same(decided.memory, before.memory)
        if is_news:
            recalled[resource] = Recollection(decided.memory, recall.digest, before.version)
        translated.append(
            Parts(
                parts,
                resource,
                before.version,
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
    """Map each step that was decided of an event, or say why nothing is delivered."""
    if decision.reason:
        return (Ignored(event.topic, decision.reason, event.type), *_ended(event))
    parts: list[Translated] = []
    for step_event, step in expand(event, decision):
        parts.append(translate_item(step_event, request, source, step))
    return (*parts, *_ended(event))


def translate_all(item: Part, request: WebhookRequest, source: Source) -> list[Translated]:
    """Map one event, for now or for later, and name the waiting events that it ends."""
    try:
        translated = translate_item(item, request, source)
    except Exception as error:  # noqa: BLE001  a bug; the others of the batch go on
        return [hold_fault(item, error, request)]
    if not isinstance(item, Event):
        return [translated]
    if item.wait_s and isinstance(translated, Call):
        due_at = request.received_at + timedelta(seconds=item.wait_s)
        translated = Waiting(translated, item.token, due_at)
    elif item.wait_s and isinstance(translated, Held):  # it may never be due
        translated = Ignored(item.topic, translated.reason, item.type)
    return [translated, *_ended(item)]


def _tells_nobody(parts: Sequence[Translated]) -> bool:
    """Whether nothing is told because nobody is named: once somebody is, all of it is news."""
    others = [part for part in parts if not isinstance(part, Ended)]
    return bool(others) and all(
        isinstance(part, Ignored) and part.reason in NOBODY_REASONS for part in others
    )


def _ended(event: Event) -> list[Ended]:
    return [Ended(event.topic, token) for token in event.ends]


def flattened(items: Sequence[Translated | Parts]) -> list[Translated]:
    """The parts of all items, in order."""
    return [part for item in items for part in (item.items if isinstance(item, Parts) else (item,))]


def hold_batch(request: WebhookRequest, error: TooManyParts) -> Held:
    """The whole of a batch of which no part was parsed."""
    reasons = {"body": f"expected at most {error.limit} events, found {error.count}"}
    return Held("", stable_key(request.body), "too_many_events", reasons, request.body)


def parse(request: WebhookRequest, source: Source) -> Handshake | Sequence[Part]:
    """The events of a verified request. An exception of the platform's code holds the request.

    Raises:
        TooManyParts: the body is a batch of too many.
    """
    try:
        result = (source.platform.parse or declared.parse)(request, source)
    except TooManyParts:
        raise
    except Exception as error:  # noqa: BLE001  a bug must not make the platform drop the hook
        return [Unparsable("", stable_key(request.body), fault_reasons(error), request.body)]
    if isinstance(result, Handshake):
        return result
    return result.items if isinstance(result, Events) else [result]
