"""Bodies that have not been verified yet may fill so much of the memory and no more."""

import io
import threading
from typing import Any

import pytest
import senders

from relay.errors import NotStored
from relay.web import body_memory
from relay.web.body_memory import FREE_BYTES, BodyMemory

LIMIT = 3 * FREE_BYTES
BODY = b"x" * (4 * FREE_BYTES)
UNSIGNED = {"x-shopify-hmac-sha256": "AAAA"}


class Half:
    """A body that stops in its middle until `go_on`."""

    def __init__(self) -> None:
        self.content = io.BytesIO(BODY)
        self.is_there, self.go_on = threading.Event(), threading.Event()

    def read(self, size: int) -> bytes:
        if self.content.tell() >= LIMIT:
            self.is_there.set()
            assert self.go_on.wait(20)
        return self.content.read(size)

    def close(self) -> None:
        self.content.close()


def test_bytes_are_given_back_when_the_request_ends():
    memory = BodyMemory()
    with memory.share() as take:
        take(body_memory.BYTES_MAX)
        with memory.share() as other, pytest.raises(NotStored, match="large_bodies"):
            other(1)
    with memory.share() as take:
        take(body_memory.BYTES_MAX)


def test_crowd_of_large_bodies_is_told_to_come_again_and_small_ones_go_on(web, monkeypatch):
    monkeypatch.setattr(body_memory, "BYTES_MAX", LIMIT)
    app, half = web().application, Half()
    statuses: list[int] = []

    def send(**environ: Any) -> Any:
        return app.test_client().post(
            "/webhooks/shopify", headers=UNSIGNED, data=BODY, environ_overrides=environ
        )

    first = threading.Thread(
        target=lambda: statuses.append(send(**{"wsgi.input": half}).status_code)
    )
    first.start()
    assert half.is_there.wait(20)
    try:
        crowd = send()
        small = app.test_client().post("/webhooks/shopify", **order())
    finally:
        half.go_on.set()
        first.join(20)

    assert (crowd.status_code, crowd.json["reason"]) == (503, "large_bodies")
    assert crowd.headers["Retry-After"] == "30"
    assert (small.status_code, small.json["status"]) == (200, "accepted")
    assert statuses == [401]
    assert send().status_code == 401


def order() -> dict[str, Any]:
    headers, body = senders.request_for("shopify", "orders_create")
    return {"headers": senders.signed("shopify", headers, body), "data": body}
