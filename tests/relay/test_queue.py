"""The queue, and what a job says of itself where anybody may read it."""

import re

import pytest
from hypothesis import given, strategies as st
from rq.serializers import JSONSerializer

from relay.queue import JOB_TIMEOUT_S, description, job_key, open_queue

RECORD = "01JC0000000000000000000000"
SAFE = r"[A-Za-z0-9 ._/:@-]*"


def test_description_says_where_from_where_to_and_which():
    text = description("shopify", "orders/create", "principal", RECORD)

    assert text == f"shopify orders/create -> principal ({RECORD})"


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
    assert description("s", topic, "d", RECORD) == f"s {shown} -> d ({RECORD})"


@given(st.text(max_size=300))
def test_no_topic_can_become_markup(topic):
    text = description("shopify", topic, "principal", RECORD)

    found = re.fullmatch(rf"shopify ({SAFE}) -> principal \({RECORD}\)", text)
    assert found is not None
    assert len(found[1]) <= 60


def test_queue_speaks_json_and_gives_up_before_the_lease_ends(redis, settings):
    queue = open_queue(redis, "a-queue")

    assert queue.name == "a-queue"
    assert queue.serializer is JSONSerializer
    assert settings.lease_s > JOB_TIMEOUT_S
    assert queue._default_timeout == JOB_TIMEOUT_S


def test_key_of_a_job_is_rq_s(redis):
    job = open_queue(redis, "q").create_job("worker.tasks.deliver", job_id="01JC-r2")

    assert job_key("01JC-r2") == job.key
