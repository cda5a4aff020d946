"""rq-dashboard behind a password: pages, refused requests, jobs that must not be unpickled."""

import base64
import json
import os
import pickle
import re
import ssl
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import senders
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from config.settings import Settings
from relay import sources
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.sources import Relay
from relay.store.queue import RelayJob, open_queue
from relay.web import dashboard
from relay.web.app import create_app
from tests.conftest import make_settings
from tests.waiting import eventually
from tests.worker.concurrent.workers import at_work
from tests.worker.factories import Harness, apart, deployed
from worker.process import make_worker

PASSWORD = "throw-away-password"
PAGES = ["/", "/0/view/jobs", "/0/view/workers", "/0/data/queues.json", "/0/data/workers.json"]
CHANGES = [
    "/requeue/mercately.crm.shopify", "/job/{id}/delete", "/job/{id}/requeue", "/queue/mercately.crm.shopify/queued/empty",
    "/queue/mercately.crm.shopify/compact",
]  # fmt: skip


@pytest.fixture
def settings(redis_server: EmbeddedRedis, tmp_path: Path) -> Settings:
    return make_settings(redis_server.url, tmp_path / "absent.toml")


@pytest.fixture
def open_board(settings: Settings) -> Callable[..., FlaskClient]:
    """Makes a client; keywords are settings."""

    def client(**changes: Any) -> FlaskClient:
        return dashboard.create_app(replace(settings, **changes)).test_client()

    return client


@pytest.fixture
def board(open_board: Callable[..., FlaskClient]) -> FlaskClient:
    return open_board()


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return open_queue(redis, "mercately.crm.shopify")


@pytest.fixture
def accepted(redis: Redis, settings: Settings) -> Callable[..., str]:
    """Sends a sample through the web process and returns the id it is kept under."""

    def send(platform: str = "shopify", name: str = "orders_create", **headers: str) -> str:
        source = senders.source_of(platform)
        relay = Relay("es", {"crm": source.destination}, {source.name: source}, ())
        found, body = senders.request_for(platform, name)
        signed = senders.signed(platform, {**found, **headers}, body, datetime.now(UTC))
        client = create_app(settings, relay, redis).test_client()
        response = client.post(f"/webhooks/{platform}", headers=signed, data=body)
        record_id: str = response.json["ids"][0]
        return record_id

    return send


def signed_in(user: str, password: str) -> dict[str, str]:
    value = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {value}"}


def failed_job(queue: Queue, record_id: str) -> Job:
    """The job of a record, as if a worker had crashed on it."""
    job = RelayJob.fetch(record_id, connection=queue.connection, serializer=JSONSerializer)
    queue.remove(job)
    job.set_status("failed")
    queue.failed_job_registry.add(job, ttl=3600)
    return job


def busy(queue: Queue, record_id: str) -> None:
    """A worker with the job of a record in its hands."""
    worker = SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer)
    worker.register_birth()
    job = RelayJob.fetch(record_id, connection=queue.connection, serializer=JSONSerializer)
    worker.prepare_execution(job)


@pytest.mark.parametrize(
    "path", [*PAGES, "/requeue/mercately.crm.shopify", "/static/x.js", "/nowhere"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed_in("relay", "wrong"),
        signed_in("other", PASSWORD),
        signed_in("relay", ""),
        signed_in("", ""),
        signed_in("relay", PASSWORD + "ñ"),
        {"Authorization": "Basic !!"},
        {"Authorization": f"Bearer {PASSWORD}"},
    ],
)
def test_nothing_is_shown_without_the_password(headers, path, open_board, redis):
    response = open_board(dashboard_password=PASSWORD).get(path, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert response.data == b""


def test_password_opens_every_page(open_board, accepted):
    record_id = accepted()
    board = open_board(dashboard_password=PASSWORD, dashboard_user="ana")
    for path in [*PAGES, f"/0/view/job/{record_id}", f"/0/data/job/{record_id}.json"]:
        assert board.get(path, headers=signed_in("ana", PASSWORD)).status_code == 200
        assert board.get(path, headers=signed_in("relay", PASSWORD)).status_code == 401


def test_changes_need_the_password_too(open_board, accepted, queue):
    record_id = accepted()
    board = open_board(dashboard_password=PASSWORD)
    for path in CHANGES:
        assert board.post(path.format(id=record_id)).status_code == 401
    assert queue.job_ids == [record_id]


def test_health_needs_no_password_and_asks_nobody(open_board):
    board = open_board(dashboard_password=PASSWORD, redis_url="unix:///nonexistent/redis.sock?db=0")
    response = board.get("/healthz")
    assert (response.status_code, response.text) == (200, "ok")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_requeue_is_refused_to_links_and_images(method, board, accepted, queue):
    job = failed_job(queue, accepted())
    assert board.open("/requeue/mercately.crm.shopify", method=method).status_code == 405
    assert queue.failed_job_registry.get_job_ids() == [job.id]
    assert queue.count == 0


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        # Browsers leave Sec-Fetch-Site out on plain HTTP.
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_page_of_another_site_changes_nothing(path, headers, board, accepted, queue):
    record_id = accepted()
    response = board.post(path.format(id=record_id), headers=headers)
    assert response.status_code == 403
    assert queue.job_ids == [record_id]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {},
    ],
)
def test_own_page_may_requeue_a_failed_job(headers, board, accepted, queue):
    job = failed_job(queue, accepted())
    assert board.post("/requeue/mercately.crm.shopify", headers=headers).json == {
        "status": "OK",
        "count": 1,
    }
    assert queue.job_ids == [job.id]
    found = RelayJob.fetch(job.id, connection=queue.connection, serializer=JSONSerializer)
    assert tuple(found.args) == (job.id,)


def test_pages_and_data_of_an_event_name_nobody(board, accepted, queue):
    shown = {"shopify": "orders_create", "sendgrid": "bounce", "generic": "lead_created"}
    ids = [accepted(platform, name) for platform, name in shown.items()]
    failed_job(queue, ids[0])
    pages = [*PAGES]
    for registry in ("queued", "failed"):
        pages.append(f"/0/data/jobs/mercately.crm.shopify/{registry}/8/asc/1.json")
        pages.append(f"/0/view/jobs/mercately.crm.shopify/{registry}/8/asc/1")
    for record_id in ids:
        pages += [f"/0/view/job/{record_id}", f"/0/data/job/{record_id}.json"]
    text = ""
    for page in pages:
        response = board.get(page)
        assert response.status_code == 200
        text += response.text

    assert all(record_id in text for record_id in ids)
    for platform, name in shown.items():
        _, body = senders.request_for(platform, name)
        named = re.findall(r'"(?:\w*email|phone|first_name|last_name|address1|reason)":"([^"]+)"', body.decode())  # fmt: skip
        assert named
        assert [value for value in {*named, senders.SECRETS[platform]} if value in text] == []
    assert "@example.com" not in text


def test_data_of_a_job_is_its_record_id_and_where_it_goes(board, accepted):
    record_id = accepted()
    data = board.get(f"/0/data/job/{record_id}.json").json
    assert data["description"] == "shopify orders/create"
    assert (data["id"], data["origin"], data["status"]) == (
        record_id,
        "mercately.crm.shopify",
        "queued",
    )
    assert (data["result"], data["metadata"], data["exc_info"]) == (None, "{}", None)
    (listed,) = board.get("/0/data/queues.json").json["queues"]
    assert (listed["name"], listed["count"]) == ("mercately.crm.shopify", 1)


def test_topic_of_a_sender_is_no_markup(board, redis, settings):
    options = 'auth = { kind = "bearer" }\ntype = "t"\ntypes = { "*" = "form.submitted" }\ncontact = { email = "e" }'  # fmt: skip
    source = senders.source_of("generic", options=options, secrets=("throw-away-token",))
    relay = Relay("es", {"crm": source.destination}, {"generic": source}, ())
    response = create_app(settings, relay, redis).test_client().post(
        "/webhooks/generic",
        headers={"authorization": "Bearer throw-away-token"},
        json={"t": "<img src=x onerror=alert(1)>&\"'<%= 1 %>", "e": "ana@example.com"},
    )  # fmt: skip
    (record_id,) = response.json["ids"]
    data = board.get(f"/0/data/job/{record_id}.json")
    assert data.content_type == "application/json"
    shown = data.json["description"]
    assert re.fullmatch(r"generic [\w ./:@-]{1,60}", shown, re.ASCII)


class Trap:
    """Unpickled, it leaves a file behind."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (Path.touch, (self.file,))


@pytest.mark.parametrize("field", ["meta", "data"])
@pytest.mark.parametrize(
    "route",
    [
        "GET /0/data/job/{id}.json",
        "GET /0/view/job/{id}",
        "GET /0/data/jobs/mercately.crm.shopify/queued/8/asc/1.json",
        "GET /0/data/workers.json",
        "POST /job/{id}/requeue",
        "POST /job/{id}/delete",
        "POST /queue/mercately.crm.shopify/queued/empty",
    ],
)
def test_what_is_in_redis_is_never_unpickled(route, field, board, accepted, queue, tmp_path):
    record_id, trap = accepted(), tmp_path / "sprung"
    busy(queue, record_id)
    value = pickle.dumps(Trap(trap))
    if field == "data":
        value = zlib.compress(value)
    queue.connection.hset(f"rq:job:{record_id}", field, value)
    method, path = route.format(id=record_id).split()
    board.open(path, method=method)
    assert not trap.exists()


def test_serializer_of_the_board_is_the_one_of_our_jobs(board, accepted, queue):
    assert queue.serializer is JSONSerializer
    assert json.loads(board.get(f"/0/data/job/{accepted()}.json").json["metadata"]) == {}


@pytest.mark.greenlets
@pytest.mark.slow
def test_worker_at_work_is_shown_with_its_job_and_its_counts(
    board, redis, redis_server, config_file, standin, monkeypatch
):
    """The worker that delivers, not RQ's: what it does not write itself the board cannot show."""
    settings = make_settings(redis_server.url, config_file, read_timeout_s=60.0)
    relay = sources.load(settings.config_file, settings.environ)

    def shown(state, **wanted):
        (found,) = board.get("/0/data/workers.json").json["workers"] or [{}]
        return found if {**found, "state": state, **wanted} == found else None

    with deployed(monkeypatch, settings), Harness(redis, settings, relay) as harness:
        worker = make_worker(settings)
        with at_work(worker):
            standin.fail("unavailable_503", times=1)
            calls = apart("fails", "arrives", "lasts", standin=standin)
            for one in calls[:2]:
                record_id = harness.keep_one(one)
                assert eventually(lambda id_=record_id: harness.record(id_).attempts == 1)
            assert eventually(lambda: shown("idle", successful_job_count=1, failed_job_count=1))

            standin.slow_s = 60.0
            standin.fail("slow", times=1)
            record_id = harness.keep_one(calls[2])
            found = eventually(
                lambda: (one := shown("busy")) and one["current_job"] != "idle" and one
            )
            assert (found["name"], found["pid"]) == (worker.name, os.getpid())
            assert found["queues"] == [settings.queue, harness.queue.name]
            assert found["current_job"]["job_id"] == record_id
            assert found["current_job"]["call_string"] == f"worker.tasks.deliver('{record_id}')"

            standin.stopping.set()  # let it go
            idle = eventually(lambda: shown("idle", successful_job_count=2, failed_job_count=1))
            assert idle["current_job"] == "idle"
    assert board.get("/0/data/workers.json").json == {"workers": []}


def test_two_boards_in_one_process_each_have_their_own_redis(board, settings, accepted, tmp_path):
    record_id = accepted()
    with EmbeddedRedis(tmp_path / "other") as other:
        empty = dashboard.create_app(replace(settings, redis_url=other.url)).test_client()
        assert empty.get("/0/data/queues.json").json == {"queues": []}
        assert board.get("/0/data/queues.json").json["queues"][0]["count"] == 1
        assert empty.get("/0/data/queues.json").json == {"queues": []}
        assert board.get(f"/0/data/job/{record_id}.json").status_code == 200


def test_certificate_is_not_checked_where_the_settings_say_so(settings):
    for checked in (True, False):
        url = "rediss://user:hush@127.0.0.1:1/0"
        app = dashboard.create_app(replace(settings, redis_url=url, redis_tls_verify=checked))
        options = app.redis_conn.connection_pool.connection_kwargs
        assert (options.get("ssl_cert_reqs") in ("none", ssl.CERT_NONE)) is not checked


@pytest.mark.parametrize("host", ["localhost", "localhost:9181", "127.0.0.1:9181", "[::1]:9181"])
def test_without_a_password_it_answers_to_names_of_this_machine(host, board):
    assert board.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:9181", "localhost.evil.example", "127.0.0.1.evil.example"],
)
@pytest.mark.parametrize("path", PAGES)
def test_without_a_password_no_other_name_leads_to_it(host, path, board):
    """A page of another site could have its name lead to this machine."""
    assert board.get(path, headers={"Host": host}).status_code == 403
    assert board.get("/healthz", headers={"Host": host}).status_code == 200


def test_pages_may_not_be_framed_or_kept(board):
    headers = board.get("/").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_guesses_are_limited_for_each_address(open_board):
    board = open_board(dashboard_password=PASSWORD)
    right, wrong = signed_in("relay", PASSWORD), signed_in("relay", "wrong")
    statuses = [board.get("/", headers=wrong).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    refused = board.get("/", headers=right)
    assert (refused.status_code, 0 < int(refused.headers["Retry-After"]) <= 61) == (429, True)
    elsewhere = board.get("/", headers=right, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert elsewhere.status_code == 200


def test_who_only_asks_for_the_password_is_not_counted(open_board):
    board = open_board(dashboard_password=PASSWORD)
    assert {board.get("/").status_code for _ in range(20)} == {401}


@pytest.mark.parametrize(
    "header", ["Basic \xff\xfe", "Basic !", "Basic", "", "Basic =", "Bearer x", "Digest \xff"]
)
def test_what_is_no_password_is_refused_and_counted(header, open_board):
    board = open_board(dashboard_password=PASSWORD)
    statuses = [board.get("/", headers={"Authorization": header}).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
