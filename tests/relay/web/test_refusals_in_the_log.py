"""The log says of a refused proof what the signature doctor would, as far as headers alone tell."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
import senders

from relay.cli.diagnosis import _TEXTS

BODY = b'{"type": "lead.created", "email": "ana@example.com"}'
SECRET = senders.SECRETS["shopify"]
DIGEST = hmac.digest(SECRET.encode(), BODY, "sha256")
B64, HEX = base64.b64encode(DIGEST).decode(), DIGEST.hex()
GENERIC = senders.SECRETS["generic"]
GENERIC_B64 = base64.b64encode(hmac.digest(GENERIC.encode(), BODY, "sha256")).decode()
WRONG = base64.b64encode(b"x" * 32).decode()


@pytest.fixture
def refused(web, capsys):
    """The line that a refused request leaves."""

    def send(platform: str, headers: dict[str, str]) -> dict[str, object]:
        response = web(log_level="INFO").post(f"/webhooks/{platform}", headers=headers, data=BODY)
        written = capsys.readouterr().out
        (line,) = [json.loads(text) for text in written.splitlines()]
        assert (response.status_code, line["status"]) == (401, 401)
        assert response.json["reason"] == line["reason"]
        assert "cause" not in response.json
        for secret in (SECRET, GENERIC, B64, HEX, GENERIC_B64, "ana@example.com"):
            assert secret not in written
        return line

    return send


@pytest.mark.parametrize(
    ("platform", "headers", "reason", "cause", "detail"),
    [
        ("shopify", {}, "missing", "missing", "x-shopify-hmac-sha256"),
        ("shopify", {"x-wc-webhook-signature": B64}, "missing", "other_scheme", "x-wc-webhook-signature"),
        ("shopify", {"authorization": "Bearer x", "x-request-id": "1"}, "missing", "other_scheme", "authorization"),
        ("standard_webhooks", {"webhook-signature": "v1,x"}, "missing", "missing", None),
        ("shopify", {"x-shopify-hmac-sha256": HEX}, "mismatch", "other_notation", "signature in hex, expected base64"),
        ("shopify", {"x-shopify-hmac-sha256": HEX.upper()}, "mismatch", "other_notation", "signature in hex, expected base64"),
        ("generic", {"x-signature": f"sha256={GENERIC_B64}"}, "malformed", "other_notation", "signature in base64, expected hex"),
        ("generic", {"x-signature": HEX}, "malformed", "other_notation", "expected sha256= before the signature"),
        ("generic", {"x-signature": "sha256=zz"}, "malformed", "unreadable_proof", None),
        ("shopify", {"x-shopify-hmac-sha256": WRONG}, "mismatch", "secret_or_body", None),
    ],
)  # fmt: skip
def test_line_says_what_the_headers_tell(platform, headers, reason, cause, detail, refused):
    line = refused(platform, headers)
    assert (line["reason"], line["cause"], line.get("detail")) == (reason, cause, detail)
    assert cause in _TEXTS or cause == "unreadable_proof"


@pytest.mark.parametrize("late_s", [400, -400])
def test_line_says_by_how_much_a_clock_is_off(late_s, refused):
    headers = {"webhook-id": "msg_1"}
    at = datetime.now(UTC) - timedelta(seconds=late_s)
    line = refused("standard_webhooks", senders.signed("standard_webhooks", headers, BODY, at))
    assert (line["reason"], line["cause"]) == ("stale", "stale_clock")
    assert abs(int(str(line["detail"]).removesuffix(" s")) - late_s) < 60


def test_names_of_headers_that_are_no_names_are_not_written(refused):
    line = refused("shopify", {f"x-{'a' * 70}-signature": "x"})
    assert line["cause"] == "missing"
    many = {f"x-{letter}-token": "x" for letter in "abcdef"}
    assert refused("shopify", many)["detail"] == "x-a-token, x-b-token, x-c-token"


def test_what_is_no_proof_has_no_cause(web, capsys):
    web(log_level="INFO").put("/webhooks/shopify", data=BODY)
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert "cause" not in line
