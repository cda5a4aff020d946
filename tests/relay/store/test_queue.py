"""Queue names, and the job descriptions that rq-dashboard shows."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from config.settings import ATTEMPT_REQUESTS_MAX
from relay.store.queue import (
    JOB_TIMEOUT_S,
    TASK,
    description,
    job_data,
    open_queue,
    queue_name,
    rq_time,
)

SAFE = r"[A-Za-z0-9 ._/:@-]*"


def test_description_says_where_from_and_what():
    assert description("shopify", "orders/create") == "shopify orders/create"


@pytest.mark.parametrize(
    "topic, shown",
    [
        ("checkouts/create", "checkouts/create"),
        ("customer.updated:v2", "customer.updated:v2"),
        ("<script>alert('x')</script>", "_script_alert__x___/script_"),
        ('"><img src=x onerror=y>', "___img src_x onerror_y_"),
        ("&lt;b&gt;", "_lt_b_gt_"),
        ("{{ 7 * 7 }}${x}<%= y %>", "__ 7 _ 7 ____x____ y __"),
        ("a\r\nb\tc\x00d\x1b[31m", "a__b_c_d__31m"),
        ("pedido ñ № \u202e", "pedido _ _ _"),
        ("\ud83d", "_"),
        ("back\\slash`tick", "back_slash_tick"),
        ("", ""),
        ("x" * 61, "x" * 60),
    ],
)
def test_topic_is_shown_without_what_could_be_markup(topic, shown):
    assert description("s", topic) == f"s {shown}"


@given(st.text(max_size=300))
def test_no_topic_can_become_markup(topic):
    match = re.fullmatch(rf"shopify ({SAFE})", description("shopify", topic))
    assert match is not None
    assert len(match[1]) <= 60


@pytest.mark.parametrize("record_id", ["01JC0000000000000000000000", 'odd "one" ñ \\'])
def test_call_is_what_rq_itself_would_write(record_id):
    """Shorter, and read by its serializer as the same."""
    data = job_data(record_id)

    assert JSONSerializer.loads(data.encode()) == [TASK, None, [record_id], {}]
    assert len(data) <= len(JSONSerializer.dumps([TASK, None, [record_id], {}]))


def test_queue_speaks_json_and_outlasts_the_longest_attempt(redis, settings):
    """Its requests each as slow as they may be, and some seconds for Redis."""
    queue = open_queue(redis, "a-queue")

    assert queue.name == "a-queue"
    assert queue.serializer is JSONSerializer
    assert queue._default_timeout == JOB_TIMEOUT_S
    longest_s = ATTEMPT_REQUESTS_MAX * (settings.connect_timeout_s + settings.read_timeout_s)
    assert settings.job_timeout_s >= longest_s + 10
    assert open_queue(redis, "b", settings.job_timeout_s)._default_timeout == settings.job_timeout_s


def test_every_way_from_a_source_to_a_destination_has_its_queue():
    """A flood in one holds up no other."""
    ways = [("crm", "shopify"), ("crm", "sendgrid"), ("other", "shopify")]

    names = [queue_name("mercately", *way) for way in ways]

    assert names == ["mercately.crm.shopify", "mercately.crm.sendgrid", "mercately.other.shopify"]


@given(st.integers(0, 4_000_000_000_000_000))
def test_time_is_written_as_rq_writes_it(us):
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us)
    assert rq_time(at) == utcformat(at)
