"""Commands about destinations."""

import pytest

from relay.store.connection import connect


def test_they_are_listed_paused_and_resumed(run):
    assert "delivers" in run("destinations").output
    assert run("pause", "principal").exit_code == 0
    assert "paused by a person" in run("destinations").output
    assert '"state": "paused"' in run("destinations", "--json").output
    assert run("resume", "principal").exit_code == 0
    assert "delivers  " in run("destinations").output


def test_a_probe_says_whether_the_key_works(run, standin):
    result = run("probe", "principal")
    assert (result.exit_code, "the key works" in result.output) == (0, True)
    standin.fail("unauthorized_401", on="all")
    result = run("probe", "principal")
    assert (result.exit_code, "the key is refused" in result.output) == (1, True)


@pytest.mark.parametrize("command", ["pause", "resume", "probe"])
def test_an_unknown_name_is_answered_with_those_there_are(run, command):
    result = run(command, "nowhere")
    assert result.exit_code == 2
    assert "principal" in result.output


def test_pausing_is_by_the_clock_of_redis(run, settings):
    run("pause", "principal")
    with connect(settings) as redis:
        seconds, _ = redis.time()
        assert float(redis.hget("relay:throttle:principal", "open_until")) > seconds + 86400
