"""Many requests over few connections: each gets its own answer, whatever happens to the others."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import gevent
import pytest
from redis import (
    BlockingConnectionPool,
    ConnectionError as RedisConnectionError,
    Redis,
    ResponseError,
)

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.greenlets import require_patched
from relay.store.group_commit import Batches, GroupCommit
from tests.waiting import eventually


class Held:
    """Answers batches, the first of them only when it is told to go on."""

    def __init__(self, answer: Callable[[int], int]) -> None:
        self.batches: list[list[int]] = []
        self.is_running, self.go_on = threading.Event(), threading.Event()
        self._answer = answer

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        if len(self.batches) == 1:
            self.is_running.set()
            self.go_on.wait(10)
        return [self._answer(item) for item in items]


@pytest.mark.greenlets
def test_500_interleaved_requests_over_3_connections_get_their_own_answers(
    redis_server: EmbeddedRedis,
) -> None:
    require_patched()
    pool = BlockingConnectionPool.from_url(redis_server.url, max_connections=3)
    with Redis(connection_pool=pool) as redis:
        others = redis.info("clients")["connected_clients"] - 1
        commands = GroupCommit(redis, connections=3)
        script = redis.register_script("return ARGV[1]")

        def answer(number: int) -> object:
            gevent.sleep(number % 7 / 1000)
            return commands.run_script(script, [], [f"id-{number}"], is_large=number % 11 == 0)

        asked = [gevent.spawn(answer, number) for number in range(500)]
        gevent.joinall(asked, raise_error=True)
        clients = redis.info("clients")["connected_clients"]
    pool.disconnect()

    assert [each.value for each in asked] == [f"id-{n}".encode() for n in range(500)]
    assert clients - others <= 3


def test_an_error_reaches_only_who_caused_it(redis: Redis) -> None:
    redis.set("text", "x")
    commands = GroupCommit(redis, connections=3)

    def ask(number: int) -> object:
        if number % 5 == 0:
            with pytest.raises(ResponseError, match="WRONGTYPE"):
                commands.run([("LPUSH", "text", "y")])
            return number
        return commands.run([("ECHO", number), ("ECHO", number)])

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(ask, range(200)))

    expected = [n if n % 5 == 0 else [str(n).encode()] * 2 for n in range(200)]
    assert answers == expected


def test_a_connection_that_redis_closed_is_made_anew(redis: Redis) -> None:
    commands = GroupCommit(redis, connections=3)
    commands.run([("PING",)])
    with Redis.from_url(f"unix://{redis.connection_pool.connection_kwargs['path']}") as other:
        other.client_kill_filter(_type="normal", skipme=True)

    assert commands.run([("ECHO", "again")]) == [b"again"]


def test_who_comes_during_a_batch_shares_the_next_one() -> None:
    held = Held(lambda item: item * 2)
    shared = Batches(held, at_once=1)
    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(shared.answer, 0)
        assert held.is_running.wait(10)
        others = [threads.submit(shared.answer, item) for item in range(1, 6)]
        assert eventually(lambda: len(shared._waiting) == 5)
        held.go_on.set()
        assert [first.result(10), *(each.result(10) for each in others)] == [0, 2, 4, 6, 8, 10]

    assert [len(batch) for batch in held.batches] == [1, 5]


def test_a_large_call_is_alone_in_its_batch() -> None:
    held = Held(lambda item: item)
    shared = Batches(held, at_once=1, is_large=lambda item: item == 100)
    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(shared.answer, 0)]
        assert held.is_running.wait(10)
        for count, item in enumerate((1, 100, 2), start=1):
            asked.append(threads.submit(shared.answer, item))
            assert eventually(lambda waiting=count: len(shared._waiting) == waiting)
        held.go_on.set()
        assert [each.result(10) for each in asked] == [0, 1, 100, 2]

    assert held.batches == [[0], [1], [100], [2]]


def test_what_a_batch_raises_all_of_it_get_and_the_next_one_runs() -> None:
    def run(items: list[int]) -> list[int]:
        if 0 in items:
            raise RedisConnectionError
        return items

    shared = Batches(run, at_once=1)
    with pytest.raises(RedisConnectionError):
        shared.answer(0)

    assert shared.answer(1) == 1
