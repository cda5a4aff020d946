"""Which addresses reach a source, and what is logged of those that reach none."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import senders

TOKEN = "Throw-Away-Token-in-an-address"
LEAD = b'{"type":"form.submitted","email":"ana@example.com"}'
ADDRESSES = [
    "/webhooks/{}",
    "/webhooks/{}/",
    "/webhooks//{}",
    "/webhooks/{}//",
    "/Webhooks/{}",
    "/WEBHOOKS/{}/",
    "/webhooks/{}%20",
    "/webhooks/{}%0A",
    "/webhooks/%E2%80%8B{}%C2%A0",
    "/webhooks/{}.",
    "/webhooks/%22{}%22,",
]
SAMPLES = {"shopify": "orders_create", "woocommerce": "order_created", "sendgrid": "bounce"}


def spellings(name: str) -> list[str]:
    names = dict.fromkeys((name, name.upper(), name.title()))
    return [address.format(text) for address, text in itertools.product(ADDRESSES, names)]


@pytest.mark.parametrize("platform", SAMPLES)
def test_case_and_slashes_of_an_address_make_no_difference(platform, web):
    client = web()
    headers, body = senders.request_for(platform, SAMPLES[platform])
    signed = senders.signed(platform, headers, body, datetime.now(UTC))
    for path in spellings(platform):
        assert (client.post(path, headers=signed, data=body).status_code, path) == (200, path)
        assert (client.post(path, data=body).status_code, path) == (401, path)


@pytest.mark.parametrize("path", ["//webhooks/shopify", "///Webhooks//Shopify/"])
def test_slashes_before_the_path_make_no_difference(path, web):
    """The public URL was entered with a slash at its end, and the path behind it with one more."""
    headers, body = senders.request_for("shopify", "orders_create")
    signed = senders.signed("shopify", headers, body, datetime.now(UTC))
    client = web()
    # The client takes the first part of such a path for a host.
    answer = client.post("/", headers=signed, data=body, environ_overrides={"PATH_INFO": path})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", spellings("form"))
def test_token_in_the_path_stays_exact(path, web):
    options = 'auth = { kind = "path" }\ntype = "type"\ncontact = { email = "email" }'
    source = senders.source_of("generic", options=options, secrets=(TOKEN,))
    client = web(replace(source, name="form"))
    slash = "" if path.endswith("/") else "/"  # after a blank too
    for token, status in [
        (TOKEN, 200),
        (TOKEN + "/", 200),
        (TOKEN.lower(), 401),
        (TOKEN + "x", 401),
        (TOKEN + "/x", 401),
        ("", 401),
    ]:
        response = client.post(f"{path}{slash}{token}", data=LEAD)
        assert (response.status_code, token) == (status, token)


@pytest.mark.parametrize(
    "path",
    ["//webhook/shopify", "/webhooks", "/webhooks/", "/webhooks//", "/x//y/", "/healthz/", "/readyz//", "//"],
)  # fmt: skip
def test_no_answer_repeats_the_host_that_was_asked_for(path, web):
    """A redirect would, and platforms do not follow one."""
    response = web().post(path, headers={"host": "evil.example"}, data=b"{}")
    assert response.status_code in (404, 405)
    assert "Location" not in response.headers
    assert "evil.example" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "reason", "status"),
    [
        ("POST", "/webhooks/nobody/TOKEN", "unknown_source", 404),
        ("POST", "/webhook/shopify/TOKEN", "not_found", 404),
        ("POST", "/TOKEN", "not_found", 404),
        ("PUT", "/webhooks/shopify/TOKEN", "method_not_allowed", 405),
        ("GET", "/webhooks/shopify/TOKEN", "method_not_allowed", 405),
        ("POST", "/webhooks/shopify/TOKEN", "missing", 401),
        ("POST", "/healthz", "method_not_allowed", 405),
    ],
)
def test_every_refusal_leaves_one_line_without_its_path(method, path, reason, status, web, capsys):
    client = web(log_level="INFO")
    response = client.open(path.replace("TOKEN", TOKEN), method=method)
    written = capsys.readouterr().out
    (line,) = [json.loads(text) for text in written.splitlines()]
    assert (line["reason"], line["status"]) == (reason, status)
    assert (response.status_code, response.json["reason"]) == (status, reason)
    assert TOKEN not in written
