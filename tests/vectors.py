"""What vendors and RFCs say a proof looks like, typed in, each with where it came from.

A case is the scheme, the secret, and a delivery received at its signed time. Nothing here is
computed by the code under test; the `openssl` lines that made the rest stand beside them.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import senders

from relay.inbound.signature import Basic, Bearer, Ecdsa, Hmac, PathToken, Scheme, StandardWebhooks
from relay.model import WebhookRequest

SHOPIFY = Hmac(headers=("x-shopify-hmac-sha256", "shopify-hmac-sha256"))
GITHUB = Hmac(headers=("x-hub-signature-256",), encoding="hex", prefix="sha256=")
WOOCOMMERCE = Hmac(headers=("x-wc-webhook-signature",))
HEX = Hmac(headers=("x-signature",), encoding="hex")
SENDGRID = Ecdsa(
    signature_header="x-twilio-email-event-webhook-signature",
    timestamp_header="x-twilio-email-event-webhook-timestamp",
    tolerance_s=25 * 3600,
)
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
ASYMMETRIC_PRIVATE = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
ASYMMETRIC_PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
ASYMMETRIC_SIGNATURE = (
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)
SENDGRID_SINGLE_KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
SENDGRID_BATCH_KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQ4LIFtWztlsF7skFqOncjD1lun4H5w8XOhyOArHW9RcIx/FfEzx6cikC/yPfUvwaX/JScE7Fc9CJD2afQ9Ok3Q=="
SENDGRID_SINGLE = b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
SENDGRID_BATCH = b'[{"email":"invalid@gmail.com","event":"processed","send_at":0,"sg_event_id":"cHJvY2Vzc2VkLTE5OTQyMTEyLXFOd0JMZ1BRUWpXNkRKdktRd1NBYnctMA","sg_message_id":"qNwBLgPQQjW6DJvKQwSAbw.filterdrecv-canary-547b64655b-cw6zx-1-6089EA4A-56.0","smtp-id":"<qNwBLgPQQjW6DJvKQwSAbw@ismtpd0178p1mdw1.sendgrid.net>","timestamp":1619651146},\r\n{"email":"invalid@gmail.com","event":"bounce","ip":"167.89.101.76","reason":"552 5.2.2 The email account that you tried to reach is over quota and inactive. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaPerm c17si1130468pgv.34 - gsmtp","sg_event_id":"Ym91bmNlLTAtMTk5NDIxMTItcU53QkxnUFFRalc2REp2S1F3U0Fidy0w","sg_message_id":"qNwBLgPQQjW6DJvKQwSAbw.filterdrecv-canary-547b64655b-cw6zx-1-6089EA4A-56.0","smtp-id":"<qNwBLgPQQjW6DJvKQwSAbw@ismtpd0178p1mdw1.sendgrid.net>","status":"5.2.2","timestamp":1619651147,"tls":1,"type":"blocked"}]\r\n'
WOOCOMMERCE_BODY = rb'{"id":727,"currency":"USD","billing":{"first_name":"Luc\u00eda","city":"Quito"},"payment_url":"https:\/\/tienda.example\/pagar\/727"}'


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _case(
    scheme: Scheme,
    secret: str,
    headers: dict[str, str],
    body: bytes = b"",
    at: int = 0,
    **more: Any,
) -> tuple[Scheme, str, WebhookRequest]:
    return scheme, secret, senders.delivery(headers, body, received_at=_at(at), **more)


def _standard(prefix: str = "webhook", signature: str = STANDARD_SIGNATURE) -> dict[str, str]:
    return {
        f"{prefix}-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        f"{prefix}-timestamp": "1614265330",
        f"{prefix}-signature": signature,
    }


def _standard_utf8(signature: str) -> dict[str, str]:
    values = {"id": "msg_2Yh8relay", "timestamp": "1793631845", "signature": signature}
    return {f"webhook-{name}": value for name, value in values.items()}


def _sendgrid(timestamp: str, signature: str) -> dict[str, str]:
    return {SENDGRID.signature_header: signature, SENDGRID.timestamp_header: timestamp}


VECTORS = {
    # Shopify/shopify-api-js, lib/webhooks/__tests__/validate.test.ts
    "shopify": _case(
        SHOPIFY,
        "test_secret_key",
        {"x-shopify-hmac-sha256": "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="},
        b'{"foo": "bar"}',
    ),
    # gidgethub/gidgethub, tests/test_sansio.py: two bodies, one key
    "github": _case(
        GITHUB,
        "123456",
        {
            "x-hub-signature-256": "sha256=091319196718d5bcb1c20ad25fc890597423ecdbad1f947f560afd643b5000de"
        },
        b"gidget",
    ),
    "github_json": _case(
        GITHUB,
        "123456",
        {
            "x-hub-signature-256": "sha256=0340d06469a1b35662ebd7a67ea2c0c328239f319f1cfafb221451de629e0430"
        },
        b'{"action": "opened"}',
    ),
    # openssl dgst -sha256 -hmac 'wc-throw-away-secret' -binary body | base64
    "woocommerce": _case(
        WOOCOMMERCE,
        "wc-throw-away-secret",
        {"x-wc-webhook-signature": "/Fw0YVt1BwFZ2aN3IWP4oWtsT45Woz8KZv/UcIO4CPY="},
        WOOCOMMERCE_BODY,
    ),
    # RFC 4231, case 1: the key is twenty times 0x0b
    "hex_key": _case(
        replace(HEX, key="hex"),
        "0b" * 20,
        {"x-signature": "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        b"Hi There",
    ),
    "base64_key": _case(
        replace(HEX, key="base64"),
        "CwsLCwsLCwsLCwsLCwsLCwsLCws=",
        {"x-signature": "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        b"Hi There",
    ),
    # RFC 4231, case 2, and RFC 2202, case 2
    "sha512": _case(
        replace(HEX, digest="sha512"),
        "Jefe",
        {
            "x-signature": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        },
        b"what do ya want for nothing?",
    ),
    "sha1": _case(
        replace(HEX, digest="sha1"),
        "Jefe",
        {"x-signature": "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        b"what do ya want for nothing?",
    ),
    # standard-webhooks/standard-webhooks, libraries/python/tests/test_webhooks.py; svix/svix-webhooks
    # has the same one under its own headers
    "standard": _case(
        StandardWebhooks(), STANDARD_SECRET, _standard(), b'{"test": 2432232314}', 1614265330
    ),
    "svix": _case(
        StandardWebhooks(prefix="svix"),
        STANDARD_SECRET,
        _standard("svix"),
        b'{"test": 2432232314}',
        1614265330,
    ),
    # The same key in hex.
    "standard_hex": _case(
        StandardWebhooks(key="hex"),
        "whsec_31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0",
        _standard(),
        b'{"test": 2432232314}',
        1614265330,
    ),
    # printf 'msg_2Yh8relay.1793631845.{"type":"contact.created"}' |
    #   openssl dgst -sha256 -hmac 'plain-text-throw-away' -binary | base64
    "standard_utf8": _case(
        StandardWebhooks(key="utf8"),
        "plain-text-throw-away",
        _standard_utf8("v1,3IJ0MmVFASQfpXPo+9KTrjpI9cro1VvPDlPdKmUVHag="),
        b'{"type":"contact.created"}',
        1793631845,
    ),
    # The same line with -hmac 'whsec_as-it-is-written': as plain text the prefix is part of the key.
    "standard_utf8_prefix": _case(
        StandardWebhooks(key="utf8"),
        "whsec_as-it-is-written",
        _standard_utf8("v1,epw6rqqW33vbre5YWTbMVvu5pd22AERPzb49kAGsZxI="),
        b'{"type":"contact.created"}',
        1793631845,
    ),
    # svix/svix-webhooks, server/svix-server/src/worker.rs, test_asymmetric_key_signing; the public
    # key to its private one stands in the README of the same server
    "asymmetric": _case(
        StandardWebhooks(),
        ASYMMETRIC_PUBLIC,
        _standard(signature=ASYMMETRIC_SIGNATURE),
        b'{"test": 2432232314}',
        1614265330,
    ),
    # sendgrid/sendgrid-python, test/unit/test_eventwebhook.py
    "sendgrid": _case(
        SENDGRID,
        SENDGRID_SINGLE_KEY,
        _sendgrid(
            "1600112502",
            "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
        ),
        SENDGRID_SINGLE,
        1600112502,
    ),
    # sendgrid/sendgrid-nodejs, packages/eventwebhook/src/eventwebhook.spec.js
    "sendgrid_batch": _case(
        SENDGRID,
        SENDGRID_BATCH_KEY,
        _sendgrid(
            "1619651159",
            "MEYCIQC/I4o6vCgqRYrTljjoVWB/GRWNtxeePlLMHr3x9ETeRQIhAIpV+03nREPTTHWSW0wIOA0EoMPdcNgXa70yCaqDJlu5",
        ),
        SENDGRID_BATCH,
        1619651159,
    ),
    # RFC 7617, sections 2 and 2.1
    "basic": _case(
        Basic(), "Aladdin:open sesame", {"authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}
    ),
    "basic_utf8": _case(Basic(), "test:123£", {"authorization": "basic dGVzdDoxMjPCow=="}),
    # RFC 6750, section 2.1
    "bearer": _case(Bearer(), "mF_9.B5f-4.1JqM", {"authorization": "Bearer mF_9.B5f-4.1JqM"}),
    "token_header": _case(
        Bearer(header="x-api-key", prefix=""),
        "a-token-of-some-length",
        {"x-api-key": "a-token-of-some-length"},
    ),
    "path": _case(PathToken(), "a-token-of-some-length", {}, token="a-token-of-some-length"),
}
# Another usable secret of the same kind; the one who signs for `sendgrid` is not at hand.
OTHERS = {
    **dict.fromkeys(VECTORS, "another-secret"),
    "hex_key": "0c" * 20,
    "base64_key": "DAwMDAwMDAwMDAwMDAwMDAwMDAw=",
    "standard": senders.SPARES["standard_webhooks"],
    "standard_hex": "0c" * 20,
    "svix": senders.SPARES["standard_webhooks"],
    "asymmetric": "whpk_l97ijTyHz0uLTDsxmJ8qLamHtdloghhRVWhxD2Ce1WI=",
    "sendgrid": SENDGRID_BATCH_KEY,
    "sendgrid_batch": SENDGRID_SINGLE_KEY,
}
