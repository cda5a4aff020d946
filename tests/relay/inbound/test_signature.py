"""Every scheme: the vectors of tests/vectors.py verify, anything else is refused."""

import base64
import itertools
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import senders
from cases import all_of
from hypothesis import given, strategies as st
from vectors import (
    ASYMMETRIC_PRIVATE,
    ASYMMETRIC_PUBLIC,
    ASYMMETRIC_SIGNATURE,
    OTHERS,
    SENDGRID,
    STANDARD_SECRET,
    STANDARD_SIGNATURE,
    VECTORS,
)

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, Refused
from relay.inbound.signature import (
    Hmac,
    IncrementalScheme,
    PathToken,
    StandardWebhooks,
)

COVER_THE_BODY = [name for name, case in VECTORS.items() if case[2].body]


def _reason(name: str, secrets: tuple[str, ...] | None = None, **changes: Any) -> str:
    """Why a changed vector is refused, empty when it is not. `late_s` moves our clock."""
    scheme, secret, delivery = VECTORS[name]
    now = delivery.received_at + timedelta(seconds=changes.pop("late_s", 0))
    headers = {**delivery.headers, **changes.pop("headers", {})}
    present = {header: value for header, value in headers.items() if value is not None}
    try:
        scheme.verify(replace(delivery, headers=present, **changes), secrets or (secret,), now)
    except Refused as refused:
        return refused.reason if refused.status == 401 else f"{refused.reason} {refused.status}"
    return ""


@pytest.mark.parametrize("name", VECTORS)
def test_published_vector_verifies_and_is_handed_on_as_it_came(name):
    scheme, secret, delivery = VECTORS[name]
    assert scheme.verify(delivery, (secret,), delivery.received_at) == delivery


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("shopify", "HMAC-SHA256, base64, `x-shopify-hmac-sha256`"),
        ("sendgrid", "ECDSA P-256, `x-twilio-email-event-webhook-signature`"),
        ("svix", "Standard Webhooks, `svix-signature`"),
        ("basic", "Basic"),
        ("token_header", "token, `x-api-key`"),
        ("path", "secret in the path"),
    ],
)
def test_scheme_is_named_with_the_header_to_look_for(name, label):
    assert VECTORS[name][0].label == label


@pytest.mark.parametrize("name", VECTORS)
def test_old_secret_in_second_place_verifies(name):
    secret = VECTORS[name][1]
    assert _reason(name, secrets=(OTHERS[name], secret)) == ""
    assert _reason(name, secrets=(secret, OTHERS[name])) == ""
    assert _reason(name, secrets=(OTHERS[name],)) == MISMATCH


@pytest.mark.parametrize("name", COVER_THE_BODY)
def test_changed_body_does_not_match(name):
    body = VECTORS[name][2].body
    for changed in (body + b"\n", body[:-1], body.replace(b'"', b"'", 1) + b" "):
        assert _reason(name, body=changed) == MISMATCH


WRONG = base64.b64encode(bytes(32)).decode()
REFUSALS = [
    ("shopify", {"x-shopify-hmac-sha256": None}, MISSING),
    ("shopify", {"x-shopify-hmac-sha256": ""}, MISSING),
    ("shopify", {"x-shopify-hmac-sha256": "B23tXN681gZ0!!"}, MALFORMED),
    ("shopify", {"x-shopify-hmac-sha256": "firmá"}, MALFORMED),
    ("shopify", {"x-shopify-hmac-sha256": "B23t XN68"}, MALFORMED),
    ("shopify", {"x-shopify-hmac-sha256": "A"}, MALFORMED),
    ("shopify", {"x-shopify-hmac-sha256": WRONG}, MISMATCH),
    ("shopify", {"x-shopify-hmac-sha256": "AAAA"}, MISMATCH),
    ("github", {"x-hub-signature-256": None}, MISSING),
    ("github", {"x-hub-signature-256": "091319196718"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha1=091319196718"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha256=zz"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha256=091"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha256=ñ"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha256="}, MISMATCH),
    ("github", {"x-hub-signature-256": "sha256=" + "0" * 64}, MISMATCH),
    ("standard", {"webhook-id": None}, MISSING),
    ("standard", {"webhook-timestamp": None}, MISSING),
    ("standard", {"webhook-signature": None}, MISSING),
    ("standard", {"webhook-signature": ""}, MISSING),
    ("standard", {"webhook-timestamp": "soon"}, MALFORMED),
    ("standard", {"webhook-timestamp": "1614265330.5"}, MALFORMED),
    ("standard", {"webhook-timestamp": "-1614265330"}, MALFORMED),
    ("standard", {"webhook-timestamp": "٣٤٥"}, MALFORMED),
    ("standard", {"webhook-timestamp": "9" * 400}, MALFORMED),
    ("standard", {"webhook-timestamp": "9" * 13}, MALFORMED),
    ("standard", {"webhook-timestamp": "9" * 12}, MISMATCH),
    ("standard", {"webhook-signature": "nocomma"}, MALFORMED),
    ("standard", {"webhook-signature": "v1,"}, MALFORMED),
    ("standard", {"webhook-signature": "x" + STANDARD_SIGNATURE}, MALFORMED),
    ("standard", {"webhook-signature": "v1,a"}, MALFORMED),
    ("standard", {"webhook-signature": "v1,ñandú"}, MALFORMED),
    ("standard", {"webhook-signature": "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw1enGzPCXe5BdqzCInXqYXFy"}, MALFORMED),
    # From the same test file as the vector: one letter differs.
    ("standard", {"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="}, MISMATCH),
    ("standard", {"webhook-signature": ASYMMETRIC_SIGNATURE}, MALFORMED),
    ("asymmetric", {"webhook-signature": STANDARD_SIGNATURE}, MALFORMED),
    ("asymmetric", {"webhook-signature": "v1a,%%%"}, MALFORMED),
    ("asymmetric", {"webhook-signature": "v1a,AAAA"}, MISMATCH),
    ("asymmetric", {"webhook-signature": ASYMMETRIC_SIGNATURE.replace("hn", "hm")}, MISMATCH),
    ("asymmetric", {"webhook-id": "msg_another"}, MISMATCH),
    ("asymmetric", {"webhook-timestamp": "1614265331"}, MISMATCH),
    ("standard", {"webhook-id": "msg_another"}, MISMATCH),
    ("standard", {"webhook-timestamp": "1614265331"}, MISMATCH),
    ("sendgrid", {SENDGRID.signature_header: None}, MISSING),
    ("sendgrid", {SENDGRID.timestamp_header: None}, MISSING),
    ("sendgrid", {SENDGRID.timestamp_header: "16001l2502"}, MALFORMED),
    ("sendgrid", {SENDGRID.timestamp_header: "²"}, MALFORMED),
    ("sendgrid", {SENDGRID.signature_header: "%%%"}, MALFORMED),
    ("sendgrid", {SENDGRID.signature_header: "Ñ"}, MALFORMED),
    ("sendgrid", {SENDGRID.signature_header: WRONG}, MISMATCH),
    ("sendgrid", {SENDGRID.timestamp_header: "1600112503"}, MISMATCH),
    ("basic", {"authorization": None}, MISSING),
    ("basic", {"authorization": "Basic"}, MISSING),
    ("basic", {"authorization": "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, MISSING),
    ("basic", {"authorization": "Basic no:base64"}, MALFORMED),
    ("basic", {"authorization": "Basic ñ"}, MALFORMED),
    ("basic", {"authorization": "Basic QWxhZGRpbjo="}, MISMATCH),
    ("bearer", {"authorization": None}, MISSING),
    ("bearer", {"authorization": "Bearer "}, MISSING),
    ("bearer", {"authorization": "Basic mF_9.B5f-4.1JqM"}, MISSING),
    ("bearer", {"authorization": "Bearer mF_9.B5f-4.1JqN"}, MISMATCH),
    ("bearer", {"authorization": "Bearer ñandú"}, MISMATCH),
    ("bearer", {"authorization": "Bearer \ud800"}, MISMATCH),
    ("token_header", {"x-api-key": None}, MISSING),
    ("token_header", {"x-api-key": "a-token"}, MISMATCH),
]  # fmt: skip


@all_of(("name", "headers", "reason"), REFUSALS)
def test_bad_proof_is_refused_with_its_reason(name, headers, reason):
    assert _reason(name, headers=headers) == reason


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", MISSING),
        ("/", MISSING),
        ("no", MISMATCH),
        ("ñ", MISMATCH),
        ("\ud800", MISMATCH),
        ("A-Token-of-some-length", MISMATCH),
        ("a-token-of-some-length/x", MISMATCH),
        ("a-token-of-some-length/", ""),
    ],
)
def test_token_in_the_path_is_exact_but_for_slashes_around_it(token, reason):
    assert _reason("path", token=token) == reason
    assert _reason("path", token=token, secrets=("/a-token-of-some-length/",)) == reason


@pytest.mark.parametrize(
    ("name", "late_s", "reason"),
    [
        ("standard", 300, ""),
        ("standard", 301, STALE),
        ("standard", -300, ""),
        ("standard", -301, STALE),
        ("asymmetric", 300, ""),
        ("asymmetric", 301, STALE),
        ("sendgrid", 25 * 3600, ""),
        ("sendgrid", 25 * 3600 + 1, STALE),
        ("sendgrid", -300, ""),
        ("sendgrid", -301, STALE),
    ],
)
def test_stale_or_future_timestamp_is_refused(name, late_s, reason):
    assert _reason(name, late_s=late_s) == reason


def test_unproven_time_is_a_mismatch_not_stale():
    """An old time that was not signed says nothing about the sender's clock."""
    assert _reason("standard", headers={"webhook-timestamp": "1514265330"}) == MISMATCH


def test_future_is_no_wider_than_the_past():
    scheme, secret, delivery = VECTORS["sendgrid"]
    strict = replace(SENDGRID, tolerance_s=60)
    strict.verify(delivery, (secret,), delivery.received_at - timedelta(seconds=60))
    with pytest.raises(Refused, match=STALE):
        strict.verify(delivery, (secret,), delivery.received_at - timedelta(seconds=61))
    assert scheme is SENDGRID


def test_one_good_signature_in_a_list_is_enough():
    listed = f"v1a,AAAA v2,BBBB v1,{WRONG} {STANDARD_SIGNATURE}"
    assert _reason("standard", headers={"webhook-signature": listed}) == ""


SHOPIFY_SIGNATURE = VECTORS["shopify"][2].headers["x-shopify-hmac-sha256"]
SENDGRID_SIGNATURE = VECTORS["sendgrid"][2].headers[SENDGRID.signature_header]
GITHUB_SIGNATURE = VECTORS["github"][2].headers["x-hub-signature-256"]


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("standard", "webhook-signature", f"v1,not_base64_but_url-safe {STANDARD_SIGNATURE}"),
        ("standard", "webhook-signature", f"v1,==== {STANDARD_SIGNATURE}"),
        ("standard", "webhook-signature", f"v1, {STANDARD_SIGNATURE} v1,a"),
        ("standard", "webhook-signature", f"v1,{WRONG},{STANDARD_SIGNATURE}"),
        ("standard", "webhook-signature", f"{STANDARD_SIGNATURE}, v1,{WRONG}"),
        ("standard", "webhook-signature", f"{ASYMMETRIC_SIGNATURE},{STANDARD_SIGNATURE}"),
        ("asymmetric", "webhook-signature", f"{STANDARD_SIGNATURE} {ASYMMETRIC_SIGNATURE}"),
        ("asymmetric", "webhook-signature", f"v1a,!!,v1a,AAAA,{ASYMMETRIC_SIGNATURE}"),
        ("standard", "webhook-timestamp", "1614265330,1614265330"),
        ("standard", "webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek, msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("shopify", "x-shopify-hmac-sha256", f"{SHOPIFY_SIGNATURE},{SHOPIFY_SIGNATURE}"),
        ("shopify", "x-shopify-hmac-sha256", f"%%, {WRONG}, {SHOPIFY_SIGNATURE}"),
        ("shopify", "shopify-hmac-sha256", "not readable"),
        ("github", "x-hub-signature-256", f"sha1=00,{GITHUB_SIGNATURE},sha256=zz"),
        ("sendgrid", SENDGRID.signature_header, f"!!,AAAA,{SENDGRID_SIGNATURE}"),
        ("sendgrid", SENDGRID.timestamp_header, "1600112502, 1600112502"),
        ("bearer", "authorization", "Bearer mF_9.B5f-4.1JqM,Bearer mF_9.B5f-4.1JqM"),
    ],
)
def test_other_copies_and_unreadable_neighbours_do_not_spoil_a_good_proof(name, header, value):
    """WSGI joins the copies of a header with commas."""
    assert _reason(name, headers={header: value}) == ""


def test_copies_that_differ_are_no_time_and_no_token():
    headers = {"webhook-timestamp": "1614265330,1614265331"}
    assert _reason("standard", headers=headers) == MALFORMED
    headers = {"authorization": "Bearer mF_9.B5f-4.1JqM,Bearer other"}
    assert _reason("bearer", headers=headers) == MISMATCH


class TestHeaderSets:
    """`webhook-…` and `svix-…`: one complete set proves, whatever is there of the other."""

    SET = ("id", "timestamp", "signature")
    GOOD = VECTORS["standard"][2].headers

    def under(self, prefix: str, **changes: str) -> dict[str, str]:
        good = {part: self.GOOD[f"webhook-{part}"] for part in self.SET}
        return {f"{prefix}-{part}": value for part, value in {**good, **changes}.items() if value}

    def verified(self, headers: dict[str, str], prefix: str = "webhook") -> Any:
        _, secret, delivery = VECTORS["standard"]
        request = replace(delivery, headers={"content-type": "text/plain", **headers})
        scheme = StandardWebhooks(prefix=prefix)
        return scheme.verify(request, (secret,), delivery.received_at).headers

    @pytest.mark.parametrize("configured", ["webhook", "svix", "x-acme"])
    @pytest.mark.parametrize("used", ["webhook", "svix"])
    def test_either_set_verifies_at_any_source(self, configured, used):
        headers = self.verified(self.under(used), configured)
        assert headers == {"content-type": "text/plain", **self.under(configured)}

    @pytest.mark.parametrize("missing", SET)
    def test_half_of_one_and_half_of_the_other_is_no_set(self, missing):
        rest = dict.fromkeys(set(self.SET) - {missing}, "")
        halves = {**self.under("webhook", **{missing: ""}), **self.under("svix", **rest)}
        with pytest.raises(Refused, match=MISSING):
            self.verified(halves)

    @pytest.mark.parametrize("part", SET)
    def test_unsigned_header_beside_a_good_set_is_dropped(self, part):
        """It might be taken for the id of the delivery, which makes it another one each time."""
        headers = self.verified({**self.under("svix"), f"webhook-{part}": "forged"})
        assert headers == {"content-type": "text/plain", **self.under("webhook")}

    # Changes after which a set proves nothing.
    BAD = (
        {"id": "msg_other"}, {"timestamp": "1614265331"}, {"timestamp": "today"},
        {"signature": "v1,AAAA"}, {"signature": "v1a,AAAA"}, {"signature": "none"},
    )  # fmt: skip

    @pytest.mark.parametrize("configured", ["webhook", "svix", "x-acme"])
    @pytest.mark.parametrize("change", BAD)
    def test_good_set_proves_beside_a_bad_one(self, change, configured):
        for good, bad in (("webhook", "svix"), ("svix", "webhook")):
            both = {**self.under(good), **self.under(bad, **change)}
            headers = self.verified(both, configured)
            assert headers == {"content-type": "text/plain", **self.under(configured)}

    @pytest.mark.parametrize(("change", "other"), list(itertools.product(BAD, BAD)))
    def test_two_bad_sets_are_none_whatever_they_would_be_together(self, change, other):
        with pytest.raises(Refused, match=f"{MALFORMED}|{MISMATCH}"):
            self.verified({**self.under("webhook", **change), **self.under("svix", **other)})

    def test_old_set_is_stale_and_another_may_be_right(self):
        request = replace(VECTORS["standard"][2], headers={})
        secret, now = VECTORS["standard"][1], VECTORS["standard"][2].received_at
        scheme = StandardWebhooks()
        old = scheme.sign(request, secret, now - timedelta(hours=1)).headers
        svix = {name.replace("webhook", "svix"): value for name, value in old.items()}
        with pytest.raises(Refused, match=STALE):
            self.verified(svix)
        assert self.verified({**old, **self.under("svix")})["webhook-id"] == self.GOOD["webhook-id"]


INCREMENTAL = [name for name, case in VECTORS.items() if isinstance(case[0], IncrementalScheme)]


class TestInParts:
    """A body that is fed in parts is verified as it is at once."""

    def check(self, name: str, body: bytes, cuts: list[int]) -> str:
        scheme, secret, delivery = VECTORS[name]
        assert isinstance(scheme, IncrementalScheme)
        head = replace(delivery, body=b"never looked at")
        edges = [0, *sorted(cuts), len(body)]
        try:
            check = scheme.begin(head, (OTHERS[name], secret), delivery.received_at)
            for start, end in itertools.pairwise(edges):
                check.update(body[start:end])
            assert check.finish().headers == scheme.verify(delivery, (secret,), delivery.received_at).headers  # fmt: skip
        except Refused as refused:
            return refused.reason
        return ""

    @pytest.mark.parametrize("name", INCREMENTAL)
    @given(data=st.data())
    def test_parts_may_be_cut_anywhere(self, name, data):
        body = VECTORS[name][2].body
        cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
        assert self.check(name, body, cuts) == ""

    @pytest.mark.parametrize("name", COVER_THE_BODY)
    @given(data=st.data())
    def test_one_changed_byte_in_any_part_is_a_mismatch(self, name, data):
        body = bytearray(VECTORS[name][2].body)
        position = data.draw(st.integers(0, len(body) - 1))
        body[position] ^= data.draw(st.integers(1, 255))
        assert self.check(name, bytes(body), [position]) == MISMATCH

    def test_every_scheme_takes_parts_and_only_ed25519_keeps_them(self):
        assert set(INCREMENTAL) == set(VECTORS)
        buffers = {
            name
            for name, (scheme, secret, delivery) in VECTORS.items()
            if isinstance(scheme, IncrementalScheme)
            and scheme.begin(delivery, (secret,), delivery.received_at).buffers
        }
        assert buffers == {"asymmetric"}

    @pytest.mark.parametrize("name", ["basic", "bearer", "path"])
    def test_proof_that_is_not_about_the_body_is_refused_before_it_is_read(self, name):
        scheme, _, delivery = VECTORS[name]
        assert isinstance(scheme, IncrementalScheme)
        with pytest.raises(Refused, match=MISMATCH):
            scheme.begin(delivery, ("another-secret",), delivery.received_at)


def test_padding_may_be_missing_and_space_around():
    assert _reason("standard", headers={"webhook-signature": STANDARD_SIGNATURE.rstrip("=")}) == ""
    padded = " B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g "
    assert _reason("shopify", headers={"x-shopify-hmac-sha256": padded}) == ""
    padded = "Basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert _reason("basic", headers={"authorization": padded}) == ""


def test_either_header_form_carries_the_signature():
    good = VECTORS["shopify"][2].headers["x-shopify-hmac-sha256"]
    only_new = {"x-shopify-hmac-sha256": None, "shopify-hmac-sha256": good}
    assert _reason("shopify", headers=only_new) == ""
    assert _reason("shopify", headers={"shopify-hmac-sha256": good}) == ""


# What signs for a scheme, and the secret that verifies it.
PAIRS = {
    **{name: (scheme, secret, secret) for name, (scheme, secret, _) in VECTORS.items()},
    "sendgrid": (SENDGRID, senders.SENDGRID_PRIVATE_KEY, senders.SECRETS["sendgrid"]),
}
del PAIRS["sendgrid_batch"]
PAIRS["asymmetric"] = (StandardWebhooks(), ASYMMETRIC_PRIVATE, ASYMMETRIC_PUBLIC)
# A comma of its own, which does not part two copies.
PAIRS["comma"] = (Hmac(headers=("x-signature",), prefix="v1,"), "a-secret", "a-secret")


@pytest.mark.parametrize("name", PAIRS)
@given(body=st.binary(max_size=200))
def test_what_is_signed_verifies(name, body):
    scheme, signing_secret, secret = PAIRS[name]
    plain = senders.delivery({"content-type": "application/json"}, body)
    signed = scheme.sign(plain, signing_secret, senders.NOW)
    scheme.verify(signed, (secret,), senders.NOW)
    assert signed.body == body
    assert signed.headers["content-type"] == "application/json"
    with pytest.raises(Refused, match=MISSING):
        scheme.verify(plain, (secret,), senders.NOW)


def test_prefix_may_be_in_capitals():
    scheme, signing_secret, secret = PAIRS["github"]
    signed = scheme.sign(senders.delivery({}, b"{}"), signing_secret, senders.NOW)
    (header,) = scheme.headers
    for text in (signed.headers[header].upper(), signed.headers[header].replace("sha", "Sha")):
        scheme.verify(replace(signed, headers={header: text}), (secret,), senders.NOW)
    wrong = {header: signed.headers[header].replace("sha256", "sha1")}
    with pytest.raises(Refused, match=MALFORMED):
        scheme.verify(replace(signed, headers=wrong), (secret,), senders.NOW)


def test_signing_keeps_a_message_id():
    signed = StandardWebhooks().sign(
        senders.delivery({"webhook-id": "msg_kept"}, b"{}"), STANDARD_SECRET, senders.NOW
    )
    assert signed.headers["webhook-id"] == "msg_kept"


def test_signing_makes_a_message_id_of_the_body_and_the_time():
    plain, later = senders.delivery({}, b"{}"), senders.NOW + timedelta(seconds=1)
    signed = [
        StandardWebhooks().sign(request, STANDARD_SECRET, now).headers
        for request, now in ((plain, senders.NOW), (plain, senders.NOW), (plain, later))
    ]
    assert signed[0] == signed[1]
    assert signed[0]["webhook-id"] != signed[2]["webhook-id"]
    assert re.fullmatch(r"msg_[0-9a-f]{24}", signed[0]["webhook-id"])


def test_path_token_ends_the_address():
    signed = PathToken().sign(senders.delivery({}, b""), "a-token", senders.NOW)
    assert (signed.token, signed.url) == ("a-token", "https://relay.example/webhooks/x/a-token")


def test_another_kind_of_key_does_not_sign():
    ed25519 = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"
    with pytest.raises(TypeError):
        SENDGRID.sign(senders.delivery({}, b""), ed25519, senders.NOW)


@pytest.mark.parametrize("name", ["standard", "svix"])
def test_half_a_character_in_an_id_is_one_more_id_that_was_not_signed(name):
    headers = VECTORS[name][2].headers
    (id_header,) = (header for header in headers if header.endswith("-id"))
    assert _reason(name, headers={**headers, id_header: "\ud800"}) == MISMATCH


# As wide as a header may be by the time it is text, with pieces that look right mixed in.
HEADER = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(max_codepoint=255), max_size=40),
    st.from_regex(r"(v1,|sha256=|Basic |Bearer )?[A-Za-z0-9+/=]{0,40}", fullmatch=True),
    st.integers().map(str),
    st.sampled_from([STANDARD_SIGNATURE, "v1,", "sha256=", "Basic ", "Bearer ", " ", "\ud800"]),
)


@pytest.mark.parametrize("name", VECTORS)
@given(data=st.data())
def test_arbitrary_headers_are_refused_and_nothing_else(name, data):
    headers = {header: data.draw(HEADER, header) for header in VECTORS[name][2].headers}
    reason = _reason(name, headers=headers, token=data.draw(HEADER, "token"))
    assert reason in ("", MISSING, MALFORMED, MISMATCH)
