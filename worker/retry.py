"""The outcome of an attempt and the delay before the next one. Pure functions.

What is known of Mercately: 302 without a `Location` is a validation failure, with one the server
has moved; a page, with 200 too, is that of a proxy or of another site, and nothing was delivered;
a 500 may be permanent for a body, so attempts are bounded; 400, 401 and 403 may all mean a rejected
API key; 403 may come from a proxy in front of it. The wording of answers is never looked at.
"""

import random
from typing import Final

from config.relay_toml import Destination
from relay.model import Outcome, Verdict
from worker.reply import NoResponse, Reply

_TRANSIENT: Final = frozenset({407, 408, 425, 429})  # 407 is the outbound proxy's
_RETRY_AFTER_MAX_S: Final = 24 * 3600.0
_ANSWER_KEPT: Final = 2000
_JITTER: Final = 0.2
# Mercately answered that it does not know the customer, or refuses to create them.
CUSTOMER_REASONS: Final = ("customer_absent", "customer_refused")
CUSTOMER_MISMATCH: Final = "customer_mismatch"
# Why a destination is paused: its key is refused, or its server has moved.
CREDENTIALS: Final = "credentials"
REDIRECTED: Final = "redirected"
# A page in the place of an answer, by a proxy or another site.
BLOCKED: Final = "blocked"
# 2xx, and neither a customer nor nobody.
UNEXPECTED: Final = "unexpected_answer"
VALIDATION: Final = "validation"
# Delay before a record of a paused destination is due again.
PAUSED_S: Final = 60.0


def after_reply(
    reply: Reply, attempt: int, destination: Destination, *, key_works: bool | None = None
) -> Outcome:
    """The outcome of an answer to the events endpoint.

    `key_works` is the result of probing server and key, None before a probe. Without a probe a 400,
    401 or 403 gives `paused` with the reason `credentials`, and 3xx with a `Location` with
    `redirected`, which asks the caller for one.
    """
    answer = reply.text[:_ANSWER_KEPT]
    if reply.ok:
        return Outcome(Verdict.DELIVERED, "delivered", status=reply.status)
    if reply.is_redirect and not key_works:
        return _paused(REDIRECTED, reply)
    if reply.is_redirect or (reply.is_html and reply.status < 500):
        reason = REDIRECTED if reply.is_redirect else BLOCKED
        return _retry_or_dead(reason, attempt, destination, reply)
    if reply.status in (400, 401, 403) and not key_works:
        return _paused(CREDENTIALS, reply)
    if reply.status in (401, 403):
        return _retry_or_dead("refused", attempt, destination, reply)
    if reply.status in _TRANSIENT or reply.status >= 500:
        reason = "too_many_requests" if reply.status == 429 else "server_error"
        return _retry_or_dead(reason, attempt, destination, reply)
    is_invalid = 300 <= reply.status < 400 or reply.status in (400, 422)
    reason = VALIDATION if is_invalid else "refused"
    return Outcome(Verdict.DEAD, reason, status=reply.status, answer=answer)


def _paused(reason: str, reply: Reply) -> Outcome:
    answer = reply.text[:_ANSWER_KEPT]
    return Outcome(
        Verdict.PAUSED, reason, delay_s=jittered(PAUSED_S), status=reply.status, answer=answer
    )


def on_lookup_failure(reply: Reply, attempt: int, destination: Destination) -> Outcome:
    """A look-up or creation answered 2xx without a customer: nothing was delivered."""
    return _retry_or_dead(UNEXPECTED, attempt, destination, reply)


def on_customer_not_found(refusal: Reply | None, destination: Destination) -> Outcome:
    """Mercately has no such customer; `refusal` is its answer to the event or to a creation."""
    absent, refused = CUSTOMER_REASONS
    if destination.on_absent == "drop":
        return Outcome(Verdict.DISCARDED, absent)
    if refusal is None or refusal.status == 404:
        return Outcome(Verdict.HELD, absent, status=refusal.status if refusal else 0)
    answer = refusal.text[:_ANSWER_KEPT]
    return Outcome(Verdict.HELD, refused, status=refusal.status, answer=answer)


def on_customer_mismatch() -> Outcome:
    """Mercately answered a look-up with somebody else: a person has to see to it."""
    return Outcome(Verdict.HELD, CUSTOMER_MISMATCH)


def shows_that_key_works(outcome: Outcome) -> bool:
    """Whether Mercately took an event, or refused it for what it says; 400 may be for the key."""
    reasons = (VALIDATION, CUSTOMER_MISMATCH, *CUSTOMER_REASONS)
    return outcome.verdict is Verdict.DELIVERED or (
        outcome.reason in reasons and outcome.status != 400
    )


def on_no_response(error: NoResponse, attempt: int, destination: Destination) -> Outcome:
    """No answer came. An ambiguous request is repeated or held, as `on_ambiguous` says."""
    if error.ambiguous and destination.on_ambiguous == "hold":
        return Outcome(Verdict.HELD, error.reason, ambiguous=True)
    return _retry_or_dead(error.reason, attempt, destination, None, ambiguous=error.ambiguous)


def on_worker_lost(destination: Destination, *, ends_workers: bool = False) -> Outcome | None:
    """An earlier worker lost the job and may have sent the event: None if it may be sent again.

    Not one that `ends_workers`: it would go on for ever, and cost its neighbours theirs.
    """
    if ends_workers or destination.on_ambiguous == "hold":
        return Outcome(Verdict.HELD, "worker_died", ambiguous=True)
    return None


def after_crash(attempt: int, destination: Destination, *, request_sent: bool = False) -> Outcome:
    """An internal error, or a stopped job: retried on the same schedule, then `dead`. With
    `request_sent` Mercately may have the event, and its answer was not received.
    """
    return on_no_response(
        NoResponse("internal_error", ambiguous=request_sent), attempt, destination
    )


def _retry_or_dead(
    reason: str,
    attempt: int,
    destination: Destination,
    reply: Reply | None,
    *,
    ambiguous: bool = False,
) -> Outcome:
    status = reply.status if reply else 0
    answer = reply.text[:_ANSWER_KEPT] if reply else ""
    delays_s = destination.retry_delays_s
    if attempt > len(delays_s):
        return Outcome(Verdict.DEAD, reason, status=status, answer=answer, ambiguous=ambiguous)
    delay_s = jittered(delays_s[attempt - 1])
    if reply is not None and reply.retry_after_s is not None:
        delay_s = max(delay_s, min(reply.retry_after_s, _RETRY_AFTER_MAX_S))
    return Outcome(
        Verdict.RETRY,
        reason,
        delay_s=delay_s,
        status=status,
        answer=answer,
        ambiguous=ambiguous,
        retry_after_s=reply.retry_after_s or 0.0 if reply else 0.0,
    )


def jittered(delay_s: float) -> float:
    """The delay ±20 %, so that records that failed together are not due together."""
    return delay_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  not for secrets
