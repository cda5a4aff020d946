"""Pure: a table of (attempt, answer) to outcome, and a property over every status."""

import pytest
from cases import all_of
from hypothesis import given, strategies as st

from relay.model import Outcome, Verdict
from tests.worker.factories import destination
from worker import retry
from worker.reply import NoResponse, Reply

SCHEDULE_S = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)
LAST_ATTEMPT = len(SCHEDULE_S) + 1
JSON = '{"message": "No"}'
HTML = "<html><h1>Forbidden</h1></html>"
DAY_S = 24 * 3600.0


MERCATELY = destination()


def html(status: int) -> Reply:
    return Reply(status, HTML, is_html=True)


def test_schedule_of_the_table_is_the_configured_default(relay):
    assert relay.destinations["principal"].retry_delays_s == SCHEDULE_S


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, '{"messages": "Customer event created successfully"}'),
        Reply(200, ""),
        Reply(200, "OK"),
        Reply(201, "{}"),
        Reply(202),
        Reply(204),
        Reply(299),
        Reply(200, "OK", is_html=True),
    ],
    ids=lambda reply: f"{reply.status}-{reply.text[:12]}",
)
@pytest.mark.parametrize("attempt", [1, LAST_ATTEMPT])
def test_success_is_told_by_the_status_alone(reply, attempt):
    expected = Outcome(Verdict.DELIVERED, "delivered", status=reply.status)

    assert retry.after_reply(reply, attempt, MERCATELY) == expected


@pytest.mark.parametrize("status", [200, 201, 403, 404])
def test_a_page_is_no_answer_of_mercately_whatever_its_status(status):
    outcome = retry.after_reply(html(status), 1, MERCATELY)

    assert (outcome.verdict, outcome.reason) == (Verdict.RETRY, "blocked")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_server_that_has_moved_pauses_the_destination(status):
    outcome = retry.after_reply(Reply(status, is_redirect=True), LAST_ATTEMPT, MERCATELY)

    assert (outcome.verdict, outcome.reason) == (Verdict.PAUSED, "redirected")


def test_a_request_that_alone_is_sent_elsewhere_is_tried_again_and_ends():
    reply = Reply(301, is_redirect=True)
    outcome = retry.after_reply(reply, 1, MERCATELY, key_works=True)
    last = retry.after_reply(reply, LAST_ATTEMPT, MERCATELY, key_works=True)

    assert (outcome.verdict, outcome.reason) == (Verdict.RETRY, "redirected")
    assert last.verdict is Verdict.DEAD


# status, what a probe of the key said, verdict, reason
JUDGED_BY_STATUS = [
    # a failed validation comes as a redirect to nowhere
    (302, None, Verdict.DEAD, "validation"),
    *((status, None, Verdict.DEAD, "validation") for status in (300, 301, 303, 304, 307, 308)),
    # a bad key is told as 400 or 401, so a probe decides
    *((status, None, Verdict.PAUSED, "credentials") for status in (400, 401, 403)),
    *((status, False, Verdict.PAUSED, "credentials") for status in (400, 401, 403)),
    (400, True, Verdict.DEAD, "validation"),
    (401, True, Verdict.RETRY, "refused"),
    (403, True, Verdict.RETRY, "refused"),
    # it does not like this one
    (404, None, Verdict.DEAD, "refused"),
    (405, None, Verdict.DEAD, "refused"),
    (409, None, Verdict.DEAD, "refused"),
    (410, None, Verdict.DEAD, "refused"),
    (413, None, Verdict.DEAD, "refused"),
    (422, None, Verdict.DEAD, "validation"),
    # it may like it later
    (407, None, Verdict.RETRY, "server_error"),
    (408, None, Verdict.RETRY, "server_error"),
    (425, None, Verdict.RETRY, "server_error"),
    (429, None, Verdict.RETRY, "too_many_requests"),
    *(
        (status, None, Verdict.RETRY, "server_error")
        for status in (500, 501, 502, 503, 504, 505, 507, 511, 520, 522, 524, 530, 599)
    ),
]


@all_of(("status", "key_works", "verdict", "reason"), JUDGED_BY_STATUS)
def test_refusal_is_judged_by_its_status(status, key_works, verdict, reason):
    outcome = retry.after_reply(Reply(status, JSON), 1, MERCATELY, key_works=key_works)

    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert (outcome.status, outcome.answer, outcome.ambiguous) == (status, JSON, False)


@all_of("status", [302, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503])
@all_of("key_works", [None, True, False])
def test_page_from_a_proxy_is_never_final_and_says_nothing_of_the_key(status, key_works):
    outcome = retry.after_reply(html(status), 1, MERCATELY, key_works=key_works)

    assert outcome.verdict is Verdict.RETRY
    assert outcome.reason == ("blocked" if status < 500 else "server_error")


TRANSIENT = {
    "408": Reply(408),
    "425": Reply(425),
    "429": Reply(429),
    "500": Reply(500, JSON),
    "502": Reply(502),
    "503": html(503),
    "504": Reply(504),
    "blocked": html(403),
}


@pytest.mark.parametrize("reply", TRANSIENT.values(), ids=TRANSIENT)
def test_transient_answers_follow_the_schedule_and_end_as_dead(reply):
    for attempt, delay_s in enumerate(SCHEDULE_S, 1):
        outcome = retry.after_reply(reply, attempt, MERCATELY)

        assert outcome.verdict is Verdict.RETRY
        assert 0.8 * delay_s <= outcome.delay_s <= 1.2 * delay_s
    last = retry.after_reply(reply, LAST_ATTEMPT, MERCATELY)
    assert last.verdict is Verdict.DEAD
    assert last.delay_s == 0
    assert (last.status, last.answer) == (reply.status, reply.text)


def test_retries_of_what_failed_together_are_spread():
    delays_s = [retry.after_reply(Reply(503), 2, MERCATELY).delay_s for _ in range(300)]

    assert 240 <= min(delays_s) < 260
    assert 340 < max(delays_s) <= 360


@pytest.mark.parametrize(
    "asked_s, least_s, most_s",
    [
        (0.0, 240, 360),
        (17.0, 240, 360),
        (900.0, 900, 900),
        (DAY_S, DAY_S, DAY_S),
        (30 * DAY_S, DAY_S, DAY_S),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 403])
def test_retry_after_is_honoured_within_bounds(status, asked_s, least_s, most_s):
    """Never sooner than the schedule says, never later than a day."""
    reply = Reply(status, HTML, is_html=True, retry_after_s=asked_s)

    assert least_s <= retry.after_reply(reply, 2, MERCATELY).delay_s <= most_s


def test_retry_after_does_not_add_attempts():
    outcome = retry.after_reply(Reply(429, retry_after_s=10.0), LAST_ATTEMPT, MERCATELY)

    assert outcome.verdict is Verdict.DEAD


def test_pause_is_short_whatever_the_attempt():
    delays_s = {
        retry.after_reply(Reply(401), attempt, MERCATELY).delay_s for attempt in range(1, 20)
    }

    assert 48 <= min(delays_s) < max(delays_s) <= 72


# ambiguous, the destination's wish, attempt, verdict
SILENCES = [
    (False, "retry", 1, Verdict.RETRY),
    (False, "hold", 1, Verdict.RETRY),
    (True, "retry", 1, Verdict.RETRY),
    (True, "hold", 1, Verdict.HELD),
    (True, "hold", LAST_ATTEMPT, Verdict.HELD),
    (True, "retry", LAST_ATTEMPT, Verdict.DEAD),
    (False, "hold", LAST_ATTEMPT, Verdict.DEAD),
]


@pytest.mark.parametrize("ambiguous, wish, attempt, verdict", SILENCES)
def test_silence_follows_the_wish_only_if_the_request_may_have_arrived(
    ambiguous, wish, attempt, verdict
):
    silence = NoResponse("read_timeout", ambiguous=ambiguous)

    outcome = retry.on_no_response(silence, attempt, destination(on_ambiguous=wish))

    assert (outcome.verdict, outcome.reason) == (verdict, "read_timeout")
    assert outcome.ambiguous is ambiguous
    assert (outcome.delay_s > 0) is (verdict is Verdict.RETRY)


def test_fault_of_our_own_follows_the_schedule_too():
    outcomes = [retry.after_crash(attempt, MERCATELY) for attempt in range(1, LAST_ATTEMPT + 1)]

    assert [outcome.verdict for outcome in outcomes] == [Verdict.RETRY] * 7 + [Verdict.DEAD]
    assert {outcome.reason for outcome in outcomes} == {"internal_error"}


def test_only_the_start_of_an_answer_is_kept():
    outcome = retry.after_reply(Reply(422, "x" * 50_000), 1, MERCATELY)

    assert outcome.answer == "x" * 2000


@given(
    status=st.integers(100, 599),
    attempt=st.integers(1, 1000),
    text=st.text(max_size=20),
    is_html=st.booleans(),
    retry_after_s=st.none() | st.floats(0, 1e12),
    key_works=st.none() | st.booleans(),
)
def test_every_answer_has_an_outcome_and_only_success_is_delivered(
    status, attempt, text, is_html, retry_after_s, key_works
):
    reply = Reply(status, text, is_html=is_html, retry_after_s=retry_after_s)

    outcome = retry.after_reply(reply, attempt, MERCATELY, key_works=key_works)

    is_page = is_html and "<" in text
    assert (outcome.verdict is Verdict.DELIVERED) is (200 <= status < 300 and not is_page)
    assert outcome.status == status
    assert outcome.reason.isidentifier()
    waits = outcome.verdict in (Verdict.RETRY, Verdict.PAUSED)
    assert (0 < outcome.delay_s <= DAY_S) if waits else outcome.delay_s == 0
    if outcome.verdict is Verdict.RETRY:
        assert attempt < LAST_ATTEMPT
