"""Flow: a token alone, and a look-up whose query is signed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import senders
from platform_samples import request_of, source_of

from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, TOPIC, ApiRequest, api_request
from relay.inbound.samples import FOLDER
from relay.model import AwaitingLookup, Call, Held, Resource
from relay.pipeline import flattened, parse, process, translate
from relay.platforms.flow import platform, signed

SOURCE = source_of("flow")
ANSWER = json.loads((FOLDER / "flow" / "api.json").read_text("utf-8"))[
    "GET /payment/getStatusExtended"
]


def told(**change: Any) -> Any:
    """What is told of the payment of the samples, with a change."""
    body = json.dumps({**ANSWER, **change}).encode()
    request = stored_request({LOOKED_UP: "payment", TOPIC: "payment"}, body, senders.NOW)
    (item,) = flattened(translate(request, SOURCE))
    return item


def test_signature_of_the_vendors_parameters():
    """Key, token and secret of the vendor's page, signed with `openssl dgst -sha256 -hmac`."""
    query = {"token": "AJ089FF5467367", "apiKey": "1F90971E-8276-4715-97FF-2BLG5030EE3B"}
    request = signed(ApiRequest("GET", "/payment/getStatus", query), {"secret_key": "my secret"})
    assert request.query == {
        **query,
        "s": "191947b8253f1b615adeda260fab7d8c8cc0507b22e19d4742baa00b0e464d44",
    }


def test_look_up_sends_the_key_the_token_and_no_secret():
    values = {"api_key": "key", "secret_key": "my secret", "id": "AJ089FF5467367"}
    assert platform.api
    (read,) = platform.lookups["payment"].reads
    request = api_request(read, platform.api, values)
    assert (request.method, request.path) == ("GET", "/payment/getStatusExtended")
    assert request.query.keys() == {"apiKey", "token", "s"}
    assert "my secret" not in str(request)


def test_a_token_awaits_its_look_up_each_time_it_comes():
    request = request_of("flow", "payment")
    (item,) = process(request, SOURCE, senders.NOW)
    assert isinstance(item, AwaitingLookup)
    assert item.resource == Resource("payment", "AJ089FF5467367")
    later = request_of("flow", "payment", received_at=senders.NOW + timedelta(minutes=5))
    (first,), (second,) = parse(request, SOURCE), parse(later, SOURCE)
    assert first.key != second.key


def test_a_body_without_a_token_is_held():
    (item,) = process(replace(request_of("flow", "payment"), body=b"other=1"), SOURCE, senders.NOW)
    assert isinstance(item, Held)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(2, "payment.approved"), (3, "payment.declined"), (4, "payment.declined"), ("2", "payment.approved")],
)  # fmt: skip
def test_the_state_is_that_of_the_look_up(status, expected):
    item = told(status=status)
    assert isinstance(item, Call)
    assert item.event_type == expected
    assert item.customer.email == "ana@example.com"
    assert item.occurred_at == datetime(2026, 11, 2, 15, 4, 1, tzinfo=UTC)  # -03:00 in November


def test_what_is_pending_is_not_told():
    assert told(status=1).reason == "nothing_changed"


def test_pesos_are_whole():
    assert "12.990" in told().body["notes"]
