"""Raising in somebody's greenlet, where it waits, and never in the wrong one or half way."""

import random
import threading
import time
from collections import Counter

import gevent
import pytest
from redis import Redis

from tests.waiting import LONG_S, eventually
from worker.concurrent.execution import JobStopped
from worker.concurrent.greenlets import Inbox, Pool, ThreadEvent, Wakeup, start_thread


class Item:
    """Something to perform."""


@pytest.mark.slow
def test_an_interruption_hits_its_own_item_or_none():
    """However close it comes to the end of one or the beginning of the next."""
    asked, wrong, hit, ended = set(), [], set(), Counter()

    def perform(run):
        gevent.sleep(random.uniform(0, 0.0006))
        if random.random() < 0.3:
            raise ValueError

    def end(run, raised):
        gevent.sleep(0.0001)
        ended[run] += 1
        if raised and raised[0] is JobStopped:
            (hit.add if run in asked else wrong.append)(run)

    pool = Pool(4, perform, end)
    runs = [Item() for _ in range(1500)]
    for run in runs:
        pool.submit(run)
        if random.random() < 0.5:
            chosen = random.choice([run, *pool._performing])
            asked.add(chosen)
            pool.interrupt(chosen, JobStopped())
            gevent.sleep(random.uniform(0, 0.0004))
    assert eventually(lambda: len(ended) == len(runs))

    assert wrong == []
    assert hit
    assert set(ended.values()) == {1}
    assert [greenlet.dead for greenlet in pool._greenlets] == [False] * 4
    pool.close()


def test_items_that_have_not_begun_do_not_begin_after_close():
    begun, go = [], threading.Event()

    def perform(run):
        begun.append(run)
        go.wait(LONG_S)

    pool = Pool(1, perform, lambda _run, _raised: None)
    first, second = Item(), Item()
    pool.submit(first)
    assert eventually(lambda: begun)
    pool.submit(second)
    assert pool.close() == [second]
    go.set()
    gevent.joinall(pool._greenlets, timeout=LONG_S)
    assert all(greenlet.dead for greenlet in pool._greenlets)
    assert begun == [first]


@pytest.mark.slow
@pytest.mark.parametrize("connections", [1, 4])
def test_a_redis_command_is_never_interrupted_half_way(redis: Redis, redis_server, connections):
    """An answer that nobody read would be that of whoever sends the next command."""
    pool_of = Redis.from_url(redis_server.url).connection_pool.__class__
    client = Redis(connection_pool=pool_of.from_url(redis_server.url, max_connections=connections))
    answers, raised = [], []

    def perform(run):
        answers.append(client.blpop([f"never-{id(run)}"], timeout=0.2))
        gevent.sleep(LONG_S)

    run = Item()
    pool = Pool(1, perform, lambda _run, info: raised.append(info[0]))
    pool.submit(run)
    gevent.sleep(0.05)
    pool.interrupt(run, JobStopped())
    began_at = time.monotonic()

    assert eventually(lambda: raised)
    assert time.monotonic() - began_at < 2
    assert answers == [None]  # the whole answer was read first
    assert raised == [JobStopped]
    assert client.ping() is True
    pool.close()
    client.close()


def test_what_ends_while_its_interruption_waits_for_redis_is_left_alone(redis: Redis):
    ended = []
    pool = Pool(
        1,
        lambda run: redis.blpop(["never"], timeout=0.1),
        lambda _run, raised: ended.append(raised),
    )
    run, other = Item(), Item()
    pool.submit(run)
    pool.submit(other)
    gevent.sleep(0.02)
    pool.interrupt(run, JobStopped())
    assert eventually(lambda: len(ended) == 2)
    assert ended == [None, None]
    pool.close()


def test_a_wakeup_set_before_it_is_waited_for_is_not_lost():
    wakeup = Wakeup()
    wakeup.set()
    began_at = time.monotonic()
    wakeup.wait(LONG_S)
    assert time.monotonic() - began_at < 1


def test_an_inbox_gives_what_was_put_and_ends_when_closed():
    inbox = Inbox()
    taken = []

    def take():
        while inbox.wait():
            taken.extend(inbox.take(2))

    greenlet = gevent.spawn(take)
    for n in range(5):
        inbox.put(n)
    gevent.sleep(0)
    inbox.put(5)
    inbox.close()
    greenlet.join(LONG_S)
    assert taken == [0, 1, 2, 3, 4, 5]


def test_a_thread_goes_on_while_a_greenlet_computes():
    beats, over = [], ThreadEvent()

    def beat():
        while not over.is_set():
            beats.append(time.monotonic())
            over.wait(0.01)

    start_thread(beat)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass
    over.set()
    assert len(beats) > 10
