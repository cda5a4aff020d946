"""`RedisPressure` at start: all threads wait for the first answer of Redis, later nobody does."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import exceptions

from relay.errors import NotStored
from relay.store.backpressure import RedisPressure
from tests.waiting import LONG_S

SAYS = {
    "redis_version": "7.2.0",
    "aof_enabled": 1,
    "maxmemory_policy": "noeviction",
    "role": "master",
    "maxmemory": 1000,
    "used_memory": 1,
}


class Slow:
    """A Redis that has something to say, in its own time."""

    def __init__(self, **changes):
        self.says = SAYS | changes
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.times = 0
        self.away = False

    def info(self, *_):
        self.times += 1
        self.asked.set()
        assert self.may_answer.wait(LONG_S)
        if self.away:
            raise exceptions.ConnectionError
        return self.says

    def config_get(self, _):
        return {"appendfsync": "everysec"}


@pytest.fixture
def crowd():
    with ThreadPoolExecutor(8) as threads:
        yield threads


def pressure_of(redis, **intervals):
    return RedisPressure(redis, durability="fsync", watermark=0.9, **intervals)


def answer(pressure):
    """What a thread that accepts would do."""
    pressure.check()
    return pressure.needs_waitaof


def test_all_wait_for_the_first_answer_and_redis_is_asked_once(crowd):
    redis = Slow()
    pressure = pressure_of(redis)
    waiting = [crowd.submit(answer, pressure) for _ in range(8)]
    assert redis.asked.wait(LONG_S)

    assert not any(one.done() for one in waiting)  # else it would not have waited for the disk
    redis.may_answer.set()

    assert [one.result(LONG_S) for one in waiting] == [True] * 8
    assert redis.times == 1


def test_full_from_the_start_it_takes_nothing(crowd):
    redis = Slow(used_memory=950)
    pressure = pressure_of(redis)
    waiting = [crowd.submit(answer, pressure) for _ in range(4)]
    redis.may_answer.set()

    for one in waiting:
        with pytest.raises(NotStored, match="redis_full"):
            one.result(LONG_S)


def test_who_waited_for_nothing_asks_itself(crowd):
    """Redis away at the first question says nothing of the second."""
    redis = Slow()
    redis.away = True
    pressure = pressure_of(redis)
    redis.may_answer.set()
    with pytest.raises(exceptions.ConnectionError):
        answer(pressure)

    redis.away = False
    assert crowd.submit(answer, pressure).result(LONG_S)
    assert redis.times == 2


def test_later_nobody_waits_for_who_asks(crowd):
    redis = Slow()
    redis.may_answer.set()
    pressure = pressure_of(redis, refresh_every_s=0.0)
    assert answer(pressure)
    redis.may_answer.clear()
    redis.asked.clear()

    asking = crowd.submit(answer, pressure)
    assert redis.asked.wait(LONG_S)
    assert crowd.submit(answer, pressure).result(LONG_S)  # with what was known
    assert not asking.done()
    redis.may_answer.set()
    assert asking.result(LONG_S)
