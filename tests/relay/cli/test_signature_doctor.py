"""`doctor SOURCE FILE`: what would have to be otherwise for a proof to fit, and no secret."""

import base64
import hmac
import json
import time

import pytest
import senders

from relay.cli.diagnosis import _TEXTS
from tests.relay.cli.conftest import SECRETS

SECRET = SECRETS["SHOPIFY_SECRET"].split(",")[0]
BODY = json.dumps(
    {"id": 7, "name": "#7", "email": "ana@example.com", "note": "ñandú / x"}, ensure_ascii=False
).encode()


def proof(body: bytes, secret: str = SECRET) -> bytes:
    return hmac.digest(secret.encode(), body, "sha256")


def dump(
    body: bytes,
    signature: str,
    *,
    header: str = "X-Shopify-Hmac-Sha256",
    topic: str = "orders/create",
) -> bytes:
    head = f"POST /webhooks/shopify HTTP/1.1\r\nHost: relay.example\r\nContent-Type: application/json\r\nX-Shopify-Topic: {topic}\r\n{header}: {signature}\r\n\r\n"
    return head.encode() + body


@pytest.fixture
def diagnosed(run, tmp_path):
    def say(content: bytes, source: str = "shopify", **environ: str):
        file = tmp_path / "request.http"
        file.write_bytes(content)
        result = run("doctor", source, str(file), **environ)
        secrets = {*SECRETS.values(), *environ.values(), SECRET}
        for secret in secrets:
            assert secret not in result.output or len(secret) < 3
        return result

    return say


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_proof_that_fits(diagnosed):
    result = diagnosed(dump(BODY, b64(proof(BODY))))
    assert (result.exit_code, result.output) == (0, "The proof fits.\n")


def test_dump_of_curl_is_understood(diagnosed):
    head, _, body = dump(BODY, b64(proof(BODY))).partition(b"\r\n\r\n")
    lines = b"\n".join(b"> " + line for line in head.splitlines())
    assert diagnosed(lines + b"\n\n" + body).exit_code == 0


def test_old_secret_is_named_by_its_number(diagnosed):
    result = diagnosed(
        dump(BODY, b64(proof(BODY, "an-older-secret-of-a-test"))),
        SHOPIFY_SECRET="a-newer-secret-of-a-test,an-older-secret-of-a-test",
    )
    assert result.exit_code == 0
    assert "secret number 2" in result.output


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (BODY + b"\n", "a line end was added"),
        (
            json.dumps(json.loads(BODY), ensure_ascii=False, separators=(",", ":")).encode(),
            "the JSON was written anew",
        ),
        (json.dumps(json.loads(BODY)).encode(), "the JSON was written anew"),
        (BODY.decode().encode("latin-1"), "UTF-8"),
        (b"\xef\xbb\xbf" + BODY, "a byte order mark was added"),
    ],
)
def test_body_that_was_changed_on_the_way(changed, said, diagnosed):
    result = diagnosed(dump(changed, b64(proof(BODY))))
    assert result.exit_code == 1
    assert "The body was changed on the way" in result.output
    assert said in result.output or "Latin-1" in result.output


def test_hex_for_base64(diagnosed):
    result = diagnosed(dump(BODY, proof(BODY).hex()))
    assert "signature in hex, expected base64" in result.output


def test_missing_proof_and_that_of_another_platform(diagnosed):
    missing = diagnosed(dump(BODY, "x", header="X-Other"))
    assert (
        "The proof is missing: expected HMAC-SHA256, base64, x-shopify-hmac-sha256"
        in missing.output
    )
    other = diagnosed(dump(BODY, "x", header="X-WC-Webhook-Signature"))
    assert "WooCommerce" in other.output


def test_secret_with_blanks_is_written_otherwise(diagnosed):
    result = diagnosed(dump(BODY, b64(proof(BODY, SECRET.lower()))), SHOPIFY_SECRET=SECRET.upper())
    assert "the secret is written otherwise: in small letters" in result.output


def test_nothing_fits(diagnosed):
    signature = b64(proof(BODY, "somebody-else-s-secret"))
    result = diagnosed(dump(BODY, signature), RELAY_LANGUAGE="es")
    assert result.exit_code == 1
    assert "Nada de lo probado encaja" in result.output
    assert signature not in result.output


@pytest.mark.parametrize("seconds", [7_200, -7_200])
def test_clock_that_is_off(seconds, diagnosed):
    secret = senders.SECRETS["standard_webhooks"]
    at = str(int(time.time() - seconds))
    body = b'{"type":"email.sent","data":{}}'
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = b64(hmac.digest(key, f"msg_1.{at}.".encode() + body, "sha256"))
    head = f"POST /webhooks/standard_webhooks HTTP/1.1\nwebhook-id: msg_1\nwebhook-timestamp: {at}\nwebhook-signature: v1,{signature}\n\n"
    result = diagnosed(head.encode() + body, "standard_webhooks", STANDARD_WEBHOOKS_SECRET=secret)
    assert "its time is" in result.output


def test_unknown_source_and_missing_file(run, tmp_path):
    file = tmp_path / "x.http"
    file.write_bytes(b"x")
    assert run("doctor", "nowhere", str(file)).exit_code == 2
    assert run("doctor", "shopify").exit_code == 2


def test_every_finding_has_its_words():
    for spanish, english in _TEXTS.values():
        assert spanish.count("{}") == english.count("{}")
