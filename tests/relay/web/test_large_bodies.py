"""Bodies above the cap: verified while they are read, held in part, never parsed as a whole."""

import io
import json
import threading
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
import senders
from vectors import ASYMMETRIC_PRIVATE, ASYMMETRIC_PUBLIC

from relay.errors import TITLES
from relay.inbound.signature import StandardWebhooks
from relay.operations import replay
from relay.store.keys import OPEN
from relay.store.ledger import Ledger
from relay.web import large_bodies
from relay.web.large_bodies import AT_ONCE_MAX, STORED_BYTES
from relay.web.webhook_request import RequestBody

CAP = 100_000
TOKEN = "throw-away-token-of-a-sender"
BEARER = 'auth = { kind = "bearer" }\ntype = "type"\ncontact = { email = "email" }'


def body_of(size: int) -> bytes:
    start, end = b'{"id":1,"email":"ana@example.com","note":"', b'"}'
    return start + b"x" * (size - len(start) - len(end)) + end


def order(size: int, **headers: str) -> dict[str, Any]:
    """A Shopify order of this size, signed."""
    body = body_of(size)
    found = {"x-shopify-topic": "orders/create", "x-shopify-webhook-id": "1", **headers}
    return {"headers": senders.signed("shopify", found, body), "data": body}


def record_of(redis: Any, response: Any) -> Any:
    (record_id,) = response.json["ids"]
    return Ledger(redis, keep_delivered_s=1).get(record_id)


@pytest.mark.parametrize("size", [CAP - 1, CAP, CAP + 1, 5 * CAP])
def test_body_over_the_cap_is_held_and_one_up_to_it_accepted(size, web, redis):
    response = web(body_max_bytes=CAP).post("/webhooks/shopify", **order(size))
    assert response.status_code == 200
    record = record_of(redis, response)
    if size <= CAP:
        assert (record.state, record.raw) == ("accepted", body_of(size))
        return
    assert (record.state, record.reason, record.topic) == ("held", "too_large", "orders/create")
    assert record.raw == body_of(size)[:STORED_BYTES]
    assert str(size) in record.reasons["body"]
    assert record.headers["x-shopify-topic"] == "orders/create"
    assert redis.zcard(OPEN) == 0


def test_same_body_again_is_a_duplicate_and_another_is_not(web):
    client = web(body_max_bytes=CAP)
    answers = [
        client.post("/webhooks/shopify", **order(CAP + more, **{"x-shopify-webhook-id": number}))
        for more, number in ((1, "1"), (1, "2"), (2, "1"))
    ]
    assert [answer.json["status"] for answer in answers] == ["held", "duplicate", "held"]


def test_replay_says_why_it_cannot_be(web, redis, redis_server):
    source = senders.source_of("shopify")
    record = record_of(redis, web(body_max_bytes=CAP).post("/webhooks/shopify", **order(CAP + 1)))
    result = replay(record, jobs=None, sources={"shopify": source})
    assert (result.outcome, result.reasons) == ("too_large", record.reasons)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [("app/uninstalled", "unknown_topic"), ("customers/delete", "names_nobody")],
)
def test_what_the_headers_make_of_no_interest_is_not_held(topic, reason, web, redis):
    request = order(CAP + 1, **{"x-shopify-topic": topic})
    response = web(body_max_bytes=CAP).post("/webhooks/shopify", **request)
    assert (response.status_code, response.json["status"]) == (200, "ignored")
    assert response.json["reasons"] == [{"topic": topic, "reason": reason}]
    assert not redis.keys("relay:record:*")


@pytest.mark.parametrize("platform", sorted(senders.SECRETS))
def test_body_of_every_platform_is_verified_while_it_is_read(platform, web, redis):
    body = json.dumps([{"x": "y" * CAP}]).encode()
    now = datetime.now(UTC)
    signed = senders.signed(platform, {"webhook-id": "msg_1"}, body, now)
    client = web(body_max_bytes=CAP)
    for changed in (body[:-1] + b"}", body + b" ", b"[" + body):
        refused = client.post(f"/webhooks/{platform}", headers=signed, data=changed)
        assert (refused.status_code, refused.json["reason"]) == (401, "mismatch")
    assert redis.keys() == []
    response = client.post(f"/webhooks/{platform}", headers=signed, data=body)
    assert (response.status_code, response.json["status"] in ("held", "ignored")) == (200, True)


def test_unsigned_body_is_refused_before_it_is_read(web, monkeypatch):
    monkeypatch.setattr(RequestBody, "parts", lambda *_: pytest.fail("was read"))
    response = web(body_max_bytes=CAP).post("/webhooks/shopify", data=body_of(CAP + 1))
    assert (response.status_code, response.json["reason"]) == (401, "missing")


def refused(response: Any, status: int, reason: str) -> None:
    assert (response.status_code, response.json["reason"]) == (status, reason)
    assert response.json["title"] == TITLES[reason]


def test_body_over_the_largest_is_refused_with_and_without_a_length(web, redis, monkeypatch):
    monkeypatch.setattr(large_bodies, "BYTES_MAX", 3 * CAP)
    client = web(body_max_bytes=CAP)
    refused(client.post("/webhooks/shopify", **order(3 * CAP + 1)), 413, "too_large")
    request = order(3 * CAP + 1)
    environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    headers = {**request["headers"], "transfer-encoding": "chunked"}
    chunked = client.post("/webhooks/shopify", data=request["data"], headers=headers, environ_overrides=environ)  # fmt: skip
    refused(chunked, 413, "too_large")
    assert redis.keys() == []


def test_scheme_that_needs_the_whole_body_refuses(web, redis):
    source = senders.source_of("standard_webhooks", secrets=(ASYMMETRIC_PUBLIC,))
    body = body_of(CAP + 1)
    unsigned = senders.delivery({}, body)
    signed = StandardWebhooks().sign(unsigned, ASYMMETRIC_PRIVATE, datetime.now(UTC))
    client = web(source, body_max_bytes=CAP)
    response = client.post("/webhooks/standard_webhooks", headers=signed.headers, data=body)
    refused(response, 413, "too_large")
    assert redis.keys() == []


def test_source_that_rejects_what_it_cannot_take_refuses(web, redis):
    source = senders.source_of("generic", 'on_invalid = "reject"', BEARER, (TOKEN,))
    headers = {"authorization": f"Bearer {TOKEN}"}
    client = web(source, body_max_bytes=CAP)
    refused(client.post("/webhooks/generic", headers=headers, data=body_of(CAP + 1)), 413, "too_large")  # fmt: skip
    assert redis.keys() == []


def test_other_method_is_refused_before_the_body_is_read(web):
    response = web(body_max_bytes=CAP).get("/webhooks/shopify", **order(CAP + 1))
    assert (response.status_code, response.json["reason"]) == (405, "method_not_allowed")


def test_so_many_are_read_at_once_and_the_next_is_told_to_come_again(web, redis):
    """Each of the first stops in the middle of its body until the one too many was answered."""
    body = body_of(CAP + 1)
    waiting, answered = threading.Barrier(AT_ONCE_MAX + 1), threading.Event()

    class Slow:
        def __init__(self) -> None:
            self.content = io.BytesIO(body)

        def read(self, size: int) -> bytes:
            if self.content.tell() >= STORED_BYTES and not answered.is_set():
                waiting.wait(20)
                assert answered.wait(20)
            return self.content.read(size)

        def close(self) -> None:
            self.content.close()

    source = senders.source_of("generic", options=BEARER, secrets=(TOKEN,))
    app = web(source, body_max_bytes=CAP).application
    headers = {"authorization": f"Bearer {TOKEN}"}
    statuses: list[int] = []

    def send() -> None:
        client = app.test_client()
        slow = client.post("/webhooks/generic", headers=headers, data=body, environ_overrides={"wsgi.input": Slow()})  # fmt: skip
        statuses.append(slow.status_code)

    threads = [threading.Thread(target=send) for _ in range(AT_ONCE_MAX)]
    for thread in threads:
        thread.start()
    waiting.wait(20)
    try:
        client = app.test_client()
        response = client.post("/webhooks/generic", headers=headers, data=body)
    finally:
        answered.set()
        for thread in threads:
            thread.join(20)
    refused(response, 503, "large_bodies")
    assert response.headers["Retry-After"] == "30"
    assert statuses == [200] * AT_ONCE_MAX
    again = client.post("/webhooks/generic", headers=headers, data=body)
    assert again.status_code == 200


def test_memory_of_a_large_body_does_not_grow_with_it(web):
    """Half of the body is never in memory at once."""
    client = web(body_max_bytes=CAP)
    request = order(20_000_000)
    client.post("/webhooks/shopify", **order(CAP + 1))
    tracemalloc.start()
    try:
        assert client.post("/webhooks/shopify", **request).status_code == 200
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
