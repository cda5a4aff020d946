"""A connection that is closed or has an answer left is noticed before the next command uses it."""

import pytest
from redis import Redis

from relay.store.connection import connect
from tests.conftest import make_settings
from tests.waiting import eventually


@pytest.fixture(params=[False, True], ids=["by_select", "by_kernel"])
def client(redis_server, tmp_path, request):
    settings = make_settings(redis_server.url, tmp_path / "absent.toml")
    with connect(settings, asks_kernel=request.param) as redis:
        yield redis


def test_a_quiet_connection_is_used_again(client):
    first = client.client_id()

    assert client.client_id() == first


def test_an_answer_that_nobody_read_is_not_taken_for_that_of_the_next_command(client):
    connection = client.connection_pool.get_connection()
    connection.send_command("ECHO", "left")
    assert eventually(connection.can_read)
    client.connection_pool.release(connection)

    assert client.echo("next") == b"next"


def test_an_answer_that_was_read_with_another_is_not_taken_either(client):
    connection = client.connection_pool.get_connection()
    packed = b"".join(connection.pack_commands([("ECHO", "first"), ("ECHO", "left")]))
    connection.send_packed_command([packed])
    assert connection.read_response() == b"first"
    assert eventually(connection.can_read)
    client.connection_pool.release(connection)

    assert client.echo("next") == b"next"


def test_a_connection_that_redis_has_closed_is_opened_anew(client, redis_server):
    first = client.client_id()
    with Redis.from_url(redis_server.url) as other:
        other.client_kill_filter(_id=first)

    assert client.client_id() != first
