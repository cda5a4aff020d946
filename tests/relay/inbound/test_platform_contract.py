"""The platform contract, with proofs of another hand than the schemes', for the five platforms
that `tests/senders.py` signs for; for all of them see `tests/relay/platforms/test_contract.py`.
"""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import contract_checks
import pytest
import senders
from contract_checks import flipped, lost_values, with_strange_values

from relay.devtools.standin import demo_customers
from relay.errors import MISMATCH, MISSING, Refused
from relay.inbound import samples
from relay.inbound.contract import stable_key
from relay.model import Call, Ended, Held, Step, Translated, WebhookRequest
from relay.pipeline import flattened, process

PAYLOADS = Path(__file__).parents[3].parent / "shared" / "payloads"
PLATFORMS = sorted(senders.SECRETS)
SAMPLES = [
    pytest.param(platform, name, id=f"{platform}/{name}")
    for platform in PLATFORMS
    for name in samples.names(platform)
]
each_sample = pytest.mark.parametrize(("platform", "name"), SAMPLES)
each_platform = pytest.mark.parametrize("platform", PLATFORMS)


def _sample(platform: str, name: str) -> WebhookRequest:
    return senders.delivery(*senders.request_for(platform, name))


def _translated(platform: str, delivery: WebhookRequest) -> list[Translated]:
    return contract_checks.translated(delivery, senders.source_of(platform))


def _keys(platform: str, delivery: WebhookRequest) -> list[str]:
    return contract_checks.keys(delivery, senders.source_of(platform))


@each_platform
def test_secrets_of_the_tests_are_usable(platform):
    source = senders.source_of(platform)
    for secret in (senders.SECRETS[platform], senders.SPARES[platform]):
        assert source.scheme.examine(secret).fault == ""


@each_sample
def test_sample_verifies(platform, name):
    assert process(_sample(platform, name), senders.source_of(platform), senders.NOW)


@each_platform
def test_old_secret_in_second_place_verifies(platform):
    name = samples.names(platform)[0]
    secrets = (senders.SPARES[platform], senders.SECRETS[platform])
    rotated = replace(senders.source_of(platform), secrets=secrets)
    assert process(_sample(platform, name), rotated, senders.NOW)


@each_platform
@pytest.mark.parametrize("position", [0, 0.5, -1], ids=["first", "middle", "last"])
def test_one_flipped_byte_is_refused(platform, position):
    delivery = flipped(_sample(platform, samples.names(platform)[0]), position)
    with pytest.raises(Refused, match=MISMATCH):
        process(delivery, senders.source_of(platform), senders.NOW)


@each_platform
def test_unsigned_sample_is_refused(platform):
    headers, body = senders.request_for(platform, samples.names(platform)[0])
    signature = senders.signed(platform, headers, body).keys() - {"webhook-id"}
    proof = {header for header in signature if "sign" in header or "hmac" in header}
    bare = {header: value for header, value in headers.items() if header not in proof}
    with pytest.raises(Refused, match=MISSING):
        process(senders.delivery(bare, body), senders.source_of(platform), senders.NOW)


@each_platform
def test_a_sample_is_about_a_customer_of_the_demo(platform):
    ana = demo_customers()[0]
    items = [
        item
        for name in samples.names(platform)
        for item in _translated(platform, _sample(platform, name))
    ]
    customers = [item.customer for item in items if isinstance(item, Call)]
    phones = {customer.phone for customer in customers if customer.email == ana["email"]}
    assert phones, f"expected a sample of {ana['email']}"
    assert phones <= {"", ana["phone"]}


@each_sample
@pytest.mark.parametrize("minutes", [0, -1], ids=["newest", "oldest"])
def test_sample_sent_by_hand_comes_to_the_same(platform, name, minutes):
    """With the unsigned headers the platform declares in place of the sample's own.

    Its dates are those of today from noon on, and of yesterday until then.
    """
    now = datetime(2026, 11, 27, 12, tzinfo=UTC) + timedelta(minutes=minutes)
    key = f'signing_key = """{senders.SENDGRID_PRIVATE_KEY}"""' if platform == "sendgrid" else ""
    source = senders.source_of(platform, key)
    delivery = samples.signed(source, name, "https://relay.example", now=now)
    parts = flattened(process(delivery, source, now))
    items = [item for item in parts if not isinstance(item, Ended)]
    expected = _translated(platform, _sample(platform, name))
    assert [(type(item), item.event_type) for item in items] == [
        (type(item), item.event_type) for item in expected
    ]


@each_sample
def test_redelivery_has_the_same_keys(platform, name):
    """Hours later, received and signed anew where a time is signed."""
    headers, body = senders.request_for(platform, name)
    later = senders.NOW + timedelta(hours=3)
    again = senders.signed(platform, headers, body, later)
    delivery = senders.delivery(again, body, received_at=later)
    assert process(delivery, senders.source_of(platform), later)
    assert _keys(platform, delivery) == _keys(platform, _sample(platform, name))


@pytest.mark.parametrize(
    ("refined", "lost"),
    [
        ({"order_number": "1", "_own": "x", "ends": "t"}, []),
        ({"order_numbr": "1"}, ["order_numbr"]),
        ({"carrier": "Acme"}, ["carrier"]),
        ({"type": "email.sent", "subject": "x", "carrier": "Acme"}, ["carrier"]),
        ({"type": "order.sold"}, ["type order.sold"]),
        ({"steps": [Step("sold", "order.sold"), Step("paid", "")]}, ["step order.sold"]),
    ],
)
def test_lost_value_of_refine_is_found(refined, lost):
    source = senders.source_of("shopify")
    topic = source.platform.topics["orders/create"]
    shape = replace(topic.shape, refine=lambda *_: refined)
    topics = {"orders/create": replace(topic, shape=shape)}
    changed = replace(source, platform=replace(source.platform, topics=topics))
    assert lost_values(_sample("shopify", "orders_create"), changed) == lost


@each_platform
def test_half_a_character_can_be_stored(platform):
    headers, body = senders.request_for(platform, samples.names(platform)[0])
    for changed in with_strange_values(json.loads(body), ["\ud800"], depth=3):
        delivery = senders.delivery(headers, json.dumps(changed).encode())
        for item in _translated(platform, delivery):
            json.dumps(asdict(item), default=str, ensure_ascii=False).encode()


@each_platform
def test_nesting_around_the_limit_is_no_crash(platform):
    """Where the parser or a later recursion gives up depends on the interpreter: it is searched."""
    headers, body = senders.request_for(platform, samples.names(platform)[0])

    def is_parsed(depth: int) -> bool:
        nested = b'{"deep":' + b"[" * depth + b"]" * depth + b","
        items = _translated(platform, senders.delivery(headers, body.replace(b"{", nested, 1)))
        return all("body" not in item.reasons for item in items if isinstance(item, Held))

    parsed, unparsed = 100, 100_000
    assert is_parsed(parsed)
    assert not is_parsed(unparsed)
    while unparsed - parsed > 1:
        depth = (parsed + unparsed) // 2
        parsed, unparsed = (depth, unparsed) if is_parsed(depth) else (parsed, depth)
    for depth in range(parsed - 2, parsed + 3):
        is_parsed(depth)


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the collection of vendors' bodies is not here")
@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "sendgrid"])
def test_vendors_own_bodies_are_translated(platform):
    for file in sorted((PAYLOADS / platform).iterdir()):
        for name in samples.names(platform):
            headers, _ = senders.request_for(platform, name)
            _translated(platform, senders.delivery(headers, file.read_bytes()))


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        # sha256sum of each part behind its length in eight bytes, the first 32 digits
        (("orders/create", b'{"id":1}'), "3c5dd5e4c9fbe949847acc8495c72f18"),
        (("ñ",), "957ccbb1a980e1aa3237eac37e4b96af"),
    ],
)
def test_key_of_an_event_without_an_id_is_the_same_in_every_version(parts, key):
    """A redelivery may be received by the next version, which has to know it."""
    assert stable_key(*parts) == key
    assert stable_key(*(p.encode() if isinstance(p, str) else p for p in parts)) == key


def test_parts_of_a_key_do_not_run_into_each_other():
    keys = {stable_key(*parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""))}
    assert len(keys) == 4
