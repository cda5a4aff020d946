import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
import requests

from relay.devtools.standin import API, Standin, StandinServer, demo_customers, serve
from tests.ports import free_port
from tests.waiting import LONG_S, eventually

from .client import REFS, APIClient


def test_connection_is_kept_open_between_requests(api, standin):
    def connection():
        with api.get(f"{API}/ping", stream=True) as reply:
            peer = reply.raw.connection.sock.getsockname()
            assert reply.content
        return peer

    first = connection()
    api.send_event({"notes": 1})
    api.get(f"{API}/nowhere", data=b"a body nobody reads")
    assert connection() == first


def test_open_and_hanging_connections_do_not_delay_closing():
    before = set(threading.enumerate())
    standin = Standin(customers=demo_customers())
    server = StandinServer(standin)
    outcome = []

    def send():
        with APIClient(server.url) as client, pytest.raises(requests.ConnectionError) as lost:
            client.send_event()
        outcome.append(lost.type)

    with APIClient(server.url) as idle:
        idle.get(f"{API}/ping")
        standin.hang_s = 2 * LONG_S
        standin.fail("hang_after_recording")
        sender = threading.Thread(target=send)
        sender.start()
        assert eventually(lambda: standin.events)

        server.close()
        server.close()

        sender.join(LONG_S)
        assert outcome == [requests.ConnectionError]  # and not that it waited in vain
        with pytest.raises(requests.ConnectionError):
            idle.get(f"{API}/ping")
    assert eventually(lambda: set(threading.enumerate()) <= before)


def test_stand_in_outlives_its_server_and_can_be_served_again():
    standin = Standin(customers=demo_customers())
    for _ in range(2):
        with StandinServer(standin) as server, APIClient(server.url) as api:
            standin.slow_s = 0.05
            standin.fail("slow", times=1)
            started = time.monotonic()
            assert api.send_event().status_code == 200
            assert time.monotonic() - started >= 0.05

    assert len(standin.events) == 2


def test_server_makes_its_own_empty_stand_in_and_takes_a_given_port():
    with StandinServer() as first:
        assert first.standin.customers == {}
    port = free_port()

    with StandinServer(port=port) as second, APIClient(second.url) as api:
        assert second.url.endswith(f":{port}")
        assert api.get(f"{API}/customers").json()["customers"] == []


@pytest.mark.slow
def test_serve_answers_until_interrupted(monkeypatch):
    standin, ready, root, answers = Standin(), threading.Event(), [], []

    def call():
        ready.wait(LONG_S)
        with APIClient(root[0]) as api:
            answers.append(api.get("/healthz").status_code)

    def each_turn(server):
        if threading.current_thread() is not threading.main_thread():
            return  # the server of the other tests
        root.append(f"http://127.0.0.1:{server.server_address[1]}")
        ready.set()
        if answers:
            raise KeyboardInterrupt

    monkeypatch.setattr("socketserver.BaseServer.service_actions", each_turn)
    caller = threading.Thread(target=call)
    caller.start()
    serve("127.0.0.1", 0, standin)
    caller.join(LONG_S)

    assert answers == [200]
    assert standin.stopping.is_set()


@pytest.fixture
def own_sigterm():
    """A handler of the test's own, so that a signal nobody took fails the test and no more."""

    def untaken(*_):
        raise AssertionError("SIGTERM was not taken")

    before = signal.signal(signal.SIGTERM, untaken)
    yield untaken
    signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_serve_ends_on_sigterm_and_puts_the_handler_back(monkeypatch, own_sigterm, times):
    standin = Standin()

    def each_turn(server):
        if threading.current_thread() is threading.main_thread():
            for _ in range(times):
                signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("socketserver.BaseServer.service_actions", each_turn)
    serve("127.0.0.1", 0, standin)

    assert standin.stopping.is_set()
    assert signal.getsignal(signal.SIGTERM) is own_sigterm


@pytest.mark.slow
def test_serve_in_another_thread_leaves_signals_alone(monkeypatch, own_sigterm):
    standin, seen = Standin(), []

    def each_turn(server):
        if threading.current_thread() is thread:
            seen.append(signal.getsignal(signal.SIGTERM))
            raise KeyboardInterrupt

    monkeypatch.setattr("socketserver.BaseServer.service_actions", each_turn)
    thread = threading.Thread(target=serve, args=("127.0.0.1", 0, standin))
    thread.start()
    thread.join(LONG_S)

    assert seen == [own_sigterm]
    assert standin.stopping.is_set()


@pytest.mark.slow
def test_process_ends_cleanly_on_sigterm_with_a_request_hanging():
    with StandinServer() as free:
        root = free.url
    code = f"""
from relay.devtools.standin import Standin, demo_customers, serve
standin = Standin(customers=demo_customers())
standin.fail("hang_after_recording")
serve("127.0.0.1", {root.rpartition(":")[2]}, standin)
print("ended")
"""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True)

    def answers():
        with suppress(requests.ConnectionError), APIClient(root) as api:
            return api.get("/healthz").ok

    try:
        assert eventually(answers)
        with APIClient(root) as api, pytest.raises(requests.ReadTimeout):
            api.send_event(timeout=0.1)
        process.terminate()
        assert process.communicate(timeout=LONG_S) == ("ended\n", "")
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def test_nothing_is_logged(api, capfd, caplog, standin):
    caplog.set_level(0)
    standin.fail("reset_after_recording", times=1)
    with pytest.raises(requests.ConnectionError):
        api.send_event({"email": "ana@example.com"})
    for ref in REFS:
        api.get(f"{API}/customers/{ref}")
        api.send_event({"email": 5}, ref=ref)
    standin.fail("hang_after_recording", times=1)
    with pytest.raises(requests.ReadTimeout):
        api.send_event(timeout=0.05)

    own = [record for record in caplog.records if not record.name.startswith("urllib3")]
    assert own == []
    assert capfd.readouterr() == ("", "")
