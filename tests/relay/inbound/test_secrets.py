"""Secrets as vendors show them and people paste them: which key they are, and what is said of it."""

import base64
from dataclasses import replace

import pytest
import senders
from cases import all_of
from hypothesis import given, strategies as st
from key_pairs import SHORT_RSA_PUBLIC_KEY
from vectors import (
    ASYMMETRIC_PRIVATE,
    ASYMMETRIC_PUBLIC,
    HEX,
    SENDGRID,
    SENDGRID_SINGLE_KEY,
    SHOPIFY,
    STANDARD_SECRET,
    VECTORS,
)

from config.secret_texts import PART_MIN, split_secrets
from relay.inbound.signature import (
    AmazonSns,
    Basic,
    Bearer,
    FieldDigest,
    Hmac,
    JwtBody,
    PathToken,
    StandardWebhooks,
    first_fault,
)
from relay.inbound.signature.keys import decode_key

P384 = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEOUPK73is1X59ynGyEJJ/4BbfVTqneIUZMq5oPqqcM5BFnR1gckMzGfqDYbHc4qriQzrCVszNzFyJ1p+IEIoU7PRUrxmUIrJf8Yf0NBpEEnMmZggk4Aco0fPgSRXN200D"
ED25519 = "MCowBQYDK2VwAyEAl97ijTyHz0uLTDsxmJ8qLamHtdloghhRVWhxD2Ce1WI="
PEM = f"-----BEGIN PUBLIC KEY-----\n{SENDGRID_SINGLE_KEY[:64]}\n{SENDGRID_SINGLE_KEY[64:]}\n-----END PUBLIC KEY-----\n"
# RFC 7748, section 6.1: it agrees on keys and signs nothing.
X25519 = "MCowBQYDK2VuAyEAhSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
NOT_ED25519 = "expected an Ed25519 public key, whpk_, base64 or PEM"
# SubjectPublicKeyInfo of a curve that the library does not know (secp112r1).
UNKNOWN_CURVE = "MDIwEAYHKoZIzj0CAQYFK4EEAAYDHgAECUhyOfdTJFtSz1U+AAAAAAAAAAAAAAAAAAAAAA=="
FAULTS = [
    (SHOPIFY, "anything at all", ""),
    (SHOPIFY, "", "expected a secret that is not empty"),
    (replace(HEX, key="hex"), "0b0b", ""),
    (replace(HEX, key="hex"), "0b0", "expected a secret in hex"),
    (replace(HEX, key="hex"), '"', "expected a secret in hex"),
    (replace(HEX, key="hex"), '""', "expected a secret that is not empty"),
    (replace(HEX, key="base64"), "Cws=", ""),
    (replace(HEX, key="base64"), "not base64!", "expected a secret in base64"),
    (StandardWebhooks(), STANDARD_SECRET, ""),
    (StandardWebhooks(), STANDARD_SECRET.removeprefix("whsec_"), ""),
    (StandardWebhooks(), "whsec_", "expected a secret that is not empty"),
    (StandardWebhooks(), "whsec_ñ", "expected a secret in base64"),
    (StandardWebhooks(key="utf8"), "any text", ""),
    (SENDGRID, SENDGRID_SINGLE_KEY, ""),
    (SENDGRID, PEM, ""),
    (SENDGRID, f"{SENDGRID_SINGLE_KEY[:60]}\n{SENDGRID_SINGLE_KEY[60:]}", ""),
    (SENDGRID, "", "expected a public key of curve P-256, base64 or PEM"),
    (SENDGRID, "SG.an-api-key", "expected a public key of curve P-256, base64 or PEM"),
    (SENDGRID, P384, "expected a public key of curve P-256, base64 or PEM"),
    (SENDGRID, ED25519, "expected a public key of curve P-256, base64 or PEM"),
    (Basic(), "user:password", ""),
    (Basic(), "user:", ""),
    (Basic(), ":password", ""),
    (Basic(), "password", "expected user:password"),
    (Basic(), ":", "expected user:password"),
    (StandardWebhooks(), ASYMMETRIC_PUBLIC, ""),
    (StandardWebhooks(), "v1a," + ASYMMETRIC_PUBLIC, ""),
    (StandardWebhooks(), "v1," + STANDARD_SECRET, ""),
    (StandardWebhooks(key="utf8"), ASYMMETRIC_PUBLIC, ""),
    (StandardWebhooks(), ED25519, ""),
    (StandardWebhooks(), ASYMMETRIC_PRIVATE, NOT_ED25519),
    (StandardWebhooks(), "v1a," + ASYMMETRIC_PRIVATE, NOT_ED25519),
    (StandardWebhooks(), "whpk_AAAA", NOT_ED25519),
    (StandardWebhooks(), "whpk_%%%%", NOT_ED25519),
    (StandardWebhooks(), PEM, NOT_ED25519),
    (
        SENDGRID,
        PEM.replace("PUBLIC", "PRIVATE"),
        "expected a public key of curve P-256, base64 or PEM",
    ),
    (SENDGRID, X25519, "expected a public key of curve P-256, base64 or PEM"),
    (SENDGRID, UNKNOWN_CURVE, "expected a public key of curve P-256, base64 or PEM"),
    (Bearer(), "0123456789abcdef", ""),
    (Bearer(), "0123456789abcdeñ", "expected a token of at least 16 ASCII characters"),
    (Bearer(), "0123456789abcde", "expected a token of at least 16 ASCII characters"),
    (PathToken(), "0123456789abcdef", ""),
    (PathToken(), "short", "expected a token of at least 16 ASCII characters"),
    (JwtBody(), "a-secret", "expected an RSA public key, base64 or PEM"),
    (AmazonSns(), "a-secret", "expected the ARN of an SNS topic: arn:aws:sns:region:account:name"),
]


@all_of(("scheme", "secret", "fault"), FAULTS)
def test_unusable_secret_is_a_fault(scheme, secret, fault):
    assert scheme.examine(secret).fault == fault
    assert first_fault(scheme, (secret, secret)) == fault
    is_text = isinstance(scheme, Basic | Bearer | PathToken)  # it has a kind whatever is in it
    assert bool(scheme.examine(secret).kind) is (is_text or not fault)


def pem(der: str, line_break: str = "\n") -> str:
    lines = [der[at : at + 64] for at in range(0, len(der), 64)]
    marked = ["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----"]
    return line_break.join(marked)


NOTATIONS = {
    "base64": lambda der: der,
    "base64 without padding": lambda der: der.rstrip("="),
    "base64url": lambda der: der.translate(str.maketrans("+/", "-_")),
    "base64 in two lines": lambda der: f"{der[:60]}\n{der[60:]}",
    "quoted base64": lambda der: f'"{der}"',
    "pem": lambda der: pem(der) + "\n",
    "pem with crlf": lambda der: pem(der, "\r\n"),
    "pem with written breaks": lambda der: pem(der, "\\n"),
    "pem with written crlf": lambda der: pem(der, "\\r\\n") + "\\r\\n",
    "pem with breaks escaped twice": lambda der: pem(der, "\\\\n"),
    "quoted pem with written breaks": lambda der: f'"{pem(der, chr(92) + "n")}"',
    "pem in single quotes": lambda der: f"'{pem(der)}'",
    "pem in one line": lambda der: pem(der, " "),
    "pem with dashes lost": lambda der: pem(der).replace("-----", "----"),
    "pem without breaks": lambda der: pem(der, ""),
    "indented pem": lambda der: "  " + pem(der, "\n    "),
}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_public_key_is_understood_in_every_notation(notation):
    write = NOTATIONS[notation]
    scheme, der, delivery = VECTORS["sendgrid"]
    assert scheme.examine(write(der)).kind == "P-256 public key"
    assert scheme.verify(delivery, (write(der),), delivery.received_at)
    assert scheme.examine(write(ED25519)).fault

    raw = base64.b64decode(ASYMMETRIC_PUBLIC.removeprefix("whpk_"))
    der = base64.b64encode(bytes.fromhex("302a300506032b6570032100") + raw).decode()
    scheme, _, delivery = VECTORS["asymmetric"]
    assert scheme.examine(write(der)).kind == "Ed25519 public key"
    assert scheme.verify(delivery, (write(der),), delivery.received_at)


def test_public_key_is_understood_as_a_pem_in_base64():
    """As people bring a PEM into one line for their host."""
    scheme, der, delivery = VECTORS["sendgrid"]
    in_base64 = base64.b64encode(pem(der).encode()).decode()
    assert scheme.examine(in_base64).kind == "P-256 public key"
    assert scheme.verify(delivery, (in_base64,), delivery.received_at)

    private = base64.b64encode(pem(der).replace("PUBLIC", "PRIVATE").encode()).decode()
    assert scheme.examine(private).fault
    twice = base64.b64encode(in_base64.encode()).decode()
    assert scheme.examine(twice).fault


@pytest.mark.parametrize(
    "written",
    [
        STANDARD_SECRET,
        f"v1,{STANDARD_SECRET}",
        f" {STANDARD_SECRET}\n",
        f'"{STANDARD_SECRET}"',
        f"'v1,{STANDARD_SECRET}'",
        f"v1, {STANDARD_SECRET}",
        STANDARD_SECRET.removeprefix("whsec_"),
    ],
)
def test_secret_of_standard_webhooks_is_understood_as_vendors_show_it(written):
    scheme, _, delivery = VECTORS["standard"]
    (secret,) = split_secrets(written).texts
    assert scheme.examine(secret).kind == "HMAC key, 24 bytes"
    assert scheme.verify(delivery, (secret,), delivery.received_at)


@pytest.mark.parametrize(
    "written",
    [
        f"\u201c{STANDARD_SECRET}\u201d", f"`{STANDARD_SECRET}`", f"\ufeff{STANDARD_SECRET}",
        f"{STANDARD_SECRET}\u200b", f"{STANDARD_SECRET}\\n", f"\u00a0{STANDARD_SECRET} ",
    ],
)  # fmt: skip
def test_what_pasting_leaves_around_a_secret_is_no_part_of_it(written):
    scheme, _, delivery = VECTORS["standard"]
    (secret,) = split_secrets(written).texts
    assert scheme.verify(delivery, (secret,), delivery.received_at)
    plain = split_secrets(written.replace(STANDARD_SECRET, "f3a9c1d27b604e58")).texts[0]
    assert ("\ufeff" in plain, "\u200b" in plain) == (False, False)


@pytest.mark.parametrize("between", ["\n", "", "\\n", ","])
def test_two_public_keys_in_one_text_are_two(between):
    scheme, der, delivery = VECTORS["sendgrid"]
    other = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEl42gWW+GH9nZK0E9i5otzfw5bqhG6WEWtEUYTeFrjniyx9L2HgV8hdz9DtRGYzHKReACGJVua9xWjK3KTlu8w=="
    texts = split_secrets(pem(other) + between + pem(der)).texts
    assert [scheme.examine(text).kind for text in texts[:2]] == ["P-256 public key"] * 2
    assert scheme.verify(delivery, tuple(texts[:2]), delivery.received_at)


@pytest.mark.parametrize("written", ["0x0B0b", "0b:0b", "0b 0b", "0X0b0b\\n"])
def test_key_in_hex_may_be_written_as_bytes_are(written):
    assert decode_key(written, "hex") == b"\x0b\x0b"


def test_hmac_and_public_keys_of_one_source_each_verify_their_own():
    both = (STANDARD_SECRET, ASYMMETRIC_PUBLIC)
    for name in ("standard", "asymmetric"):
        scheme, _, delivery = VECTORS[name]
        assert scheme.verify(delivery, both, delivery.received_at)


@pytest.mark.parametrize("line_break", ["\n", "\\n", "\\r\\n"])
def test_private_key_signs_in_the_same_notations(line_break):
    key = senders.SENDGRID_PRIVATE_KEY.strip().replace("\n", line_break)
    signed = SENDGRID.sign(senders.delivery({}, b"[]"), key, senders.NOW)
    assert SENDGRID.verify(signed, (senders.SECRETS["sendgrid"],), senders.NOW)


def test_public_key_does_not_sign():
    with pytest.raises(ValueError, match="whsk_"):
        StandardWebhooks().sign(senders.delivery({}, b""), ASYMMETRIC_PUBLIC, senders.NOW)


GUESSED = "can be guessed, expected 16 or more"
PLACEHOLDER = "looks like a placeholder, expected a random secret"
QUOTED = "begins and ends with a quotation mark, which is taken for a part of it"
HMAC = Hmac(headers=("x-signature",))
REPORTS = [
    (FieldDigest(lambda _fields, secret: secret), "f3a9c1d27b604e58", "secret, 16 characters", ""),
    (
        FieldDigest(lambda _fields, secret: secret),
        "f3a9c1d2,7b604e5",
        "secret, 16 characters, with a comma",
        "",
    ),
    (
        JwtBody(),
        SHORT_RSA_PUBLIC_KEY,
        "RSA public key, 1024 bits",
        "1024 bits can be broken, expected 2048 or more",
    ),
    (
        AmazonSns(),
        "arn:aws:sns:us-east-1:123456789012:x",
        "Amazon SNS topic; messages of others are refused",
        "",
    ),
    (HMAC, "kJ8!x(7dQ,zL0#pW2vRt", "HMAC key, 20 characters, with a comma", ""),
    (HMAC, "f3a9c1d27b604e58", "HMAC key, 16 characters", ""),
    (HMAC, "f3a9c1d27b604e5", "HMAC key, 15 characters", f"15 characters {GUESSED}"),
    (HMAC, "changeme", "HMAC key, 8 characters", f"8 characters {GUESSED}"),
    (HMAC, '"f3a9"', "HMAC key, 6 characters", f"6 characters {GUESSED}"),
    (HMAC, ",", "HMAC key, 1 characters, with a comma", f"1 characters {GUESSED}"),
    (HMAC, "change-me-before-production", "HMAC key, 27 characters", PLACEHOLDER),
    (HMAC, "your-webhook-secret-here", "HMAC key, 24 characters", PLACEHOLDER),
    (HMAC, "abcd" * 10, "HMAC key, 40 characters", PLACEHOLDER),
    (HMAC, "abcde" * 8, "HMAC key, 40 characters", ""),
    (HMAC, '"f3a9c1d27b604e58"', "HMAC key, 18 characters", QUOTED),
    (HMAC, '"f3a9c1d27b604e58', "HMAC key, 17 characters", ""),
    (SENDGRID, SENDGRID_SINGLE_KEY, "P-256 public key", ""),
    (StandardWebhooks(), ASYMMETRIC_PUBLIC, "Ed25519 public key", ""),
    (replace(HMAC, key="hex"), "0123456789abcdef" * 2, "HMAC key, 16 bytes", ""),
    (replace(HMAC, key="hex"), "0b0b", "HMAC key, 2 bytes", f"2 bytes {GUESSED}"),
    (StandardWebhooks(), "whsec_QQ==", "HMAC key, 1 bytes", f"1 bytes {GUESSED}"),
    (StandardWebhooks(), "whsec_" + "A" * 32, "HMAC key, 24 bytes", PLACEHOLDER),
    (StandardWebhooks(key="utf8"), "whsec_as-it-is-written", "HMAC key, 22 characters", ""),
    (Bearer(), "f3a9c1d27b604e58", "token, 16 characters", ""),
    (Bearer(), "changemechangeme", "token, 16 characters", PLACEHOLDER),
    (PathToken(), "f3a9c1d27b604e58,x", "token, 18 characters, with a comma", ""),
    (Basic(), "ana:x", "user and password, 5 characters", f"5 characters {GUESSED}"),
    (Basic(), "agenda:c1d27b604e58", "user and password, 19 characters", ""),
]


@all_of(("scheme", "secret", "kind", "weakness"), REPORTS)
def test_secret_is_described_and_weak_ones_are_named(scheme, secret, kind, weakness):
    report = scheme.examine(secret)
    assert (report.kind, report.fault, report.weakness) == (kind, "", weakness)


@pytest.mark.parametrize(
    ("secret", "weakness"),
    [
        ("cambiame-antes-de-usar", PLACEHOLDER),
        ("cámbieme-antes-de-usar", PLACEHOLDER),
        ("cambia_me-antes-de-usar", PLACEHOLDER),
        ("yourtoken-of-some-length", PLACEHOLDER),
        ("your-api-key-of-some-length", PLACEHOLDER),
        ("a-placeholder-of-some-length", PLACEHOLDER),
        ("replaceme-before-you-start", PLACEHOLDER),
        ("replace-this-before-you-start", PLACEHOLDER),
        ("change-of-some-length", ""),
        ("cambio-de-16-letras", ""),
        ("secret-key-token-of-some-length", ""),
        ("replace-of-some-length", ""),
        ("this-me-of-some-length", ""),
        ("your-own-of-some-length", ""),
    ],
)
def test_placeholder_is_known_by_its_words(secret, weakness):
    assert HMAC.examine(secret).weakness == weakness


@given(st.text(min_size=5, max_size=60))
def test_no_part_of_a_secret_is_in_what_is_said_of_it(secret):
    schemes = (HMAC, replace(HMAC, key="hex"), SENDGRID, StandardWebhooks(), Bearer(), Basic())
    for scheme in schemes:
        report = scheme.examine(f"\u2603{secret}\u2603")
        assert "\u2603" not in f"{report.kind}{report.fault}{report.weakness}"


PART = st.text(st.characters(exclude_characters=","), min_size=PART_MIN).filter(
    lambda text: len(text.strip()) >= PART_MIN
)


@given(st.lists(PART, min_size=1, max_size=4), st.lists(st.integers(0, 4), max_size=3))
def test_every_part_of_a_list_is_a_secret_and_empty_ones_are_none(parts, gaps):
    listed = [*parts]
    for gap in gaps:
        listed.insert(min(gap, len(listed)), " ")
    split = split_secrets(",".join(listed))
    stripped = [part.strip() for part in parts]
    assert list(split.texts[: len(parts)]) == stripped
    assert list(split.texts[len(parts) :]) == ([split.whole] if len(listed) > 1 else [])
    assert split.short_parts == ()


@given(st.text(min_size=1, max_size=50).filter(lambda text: text.replace(",", "").strip()))
def test_text_with_commas_is_always_one_of_the_secrets_and_never_silently_the_only_one(text):
    split = split_secrets(text)
    assert text.strip() in split.texts
    filled = [part for part in text.split(",") if part.strip()]
    if len(filled) > 1:
        assert len(split.texts) - 1 + len(split.short_parts) == len(filled)


@pytest.mark.parametrize(
    ("text", "secrets", "short_parts"),
    [
        ("new-secret-of-20-char,", ["new-secret-of-20-char", "new-secret-of-20-char,"], ()),
        ("v1,whsec_AAAAAAAA,", ["v1,whsec_AAAAAAAA", "v1,whsec_AAAAAAAA,"], ()),
        ("v1,whsec_AAAAAAAA|v1,whsec_BBBBBBBB", ["v1,whsec_AAAAAAAA", "v1,whsec_BBBBBBBB", ...], ()),
        ("whsec_AAAAAAAA\nwhsec_BBBBBBBB", ["whsec_AAAAAAAA", "whsec_BBBBBBBB", ...], ()),
        ("whsec_AAAAAAAA whpk_BBBBBBBB", ["whsec_AAAAAAAA", "whpk_BBBBBBBB", ...], ()),
        ("v1,whsec_AAAAAAAA, v1,whsec_BBBBBBBB", ["v1,whsec_AAAAAAAA", "v1,whsec_BBBBBBBB", ...], ()),
        ("v1a,whpk_AAAAAAAA,whsec_BBBBBBBB", ["v1a,whpk_AAAAAAAA", "whsec_BBBBBBBB", ...], ()),
        ("a-new-secret-of-some-length,old", ["a-new-secret-of-some-length", ...], (3,)),
        ("a-new-secret-of-some-length,old-9-ch", ["a-new-secret-of-some-length", "old-9-ch", ...], ()),
        ('"a-new-secret,an-old-secret"', ["a-new-secret", "an-old-secret", ...], ()),
        ("'whsec_AAAAAAAA,whsec_BBBBBBBB'", ["whsec_AAAAAAAA", "whsec_BBBBBBBB", ...], ()),
        ('"a-new-secret","an-old-secret"', ['"a-new-secret"', '"an-old-secret"', ...], ()),
        ('"a-new-secret"', ['"a-new-secret"'], ()),
        ("whsec_AAAAAAAA;whsec_BBBBBBBB", ["whsec_AAAAAAAA", "whsec_BBBBBBBB", ...], ()),
        ("new,old", [...], (3, 3)),
        (" , ,", [""], ()),
    ],
)  # fmt: skip
def test_text_is_split_by_one_rule(text, secrets, short_parts):
    split = split_secrets(text)
    assert list(split.texts) == [text.strip() if part is ... else part for part in secrets]
    assert split.short_parts == short_parts
