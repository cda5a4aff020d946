"""A platform takes one file and one sample, nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PLATFORM = '''"""Acme, made up."""

from relay.inbound.composite_fields import Amount, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Header
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, created


class _OrderSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time()
    amount = Amount("total", "currency")
    buyer = Person("customer", email="email", phones="phone")


_ORDER = Shape(schema=_OrderSchema(), kind="order", shown=("amount",))

platform = Platform(
    name="acme",
    title="Acme",
    docs="https://acme.example/webhooks",
    group="shops",
    scheme=Hmac(headers=("x-acme-signature",)),
    topic=Header("x-acme-topic"),
    setup={"es": ("Pegue la dirección.",), "en": ("Paste the address.",)},
    topics={"order/paid": created("order.created", _ORDER)},
)
'''
SAMPLE = """# Made up, the people too.
:secret: acme-throw-away-secret
X-Acme-Topic: order/paid

{"id": 7, "created_at": "2026-11-02T15:04:05Z", "total": "12.50", "currency": "USD", \
"customer": {"email": "ana@example.com"}}"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """The product with a platform more: its file and its sample."""
    folder = tmp_path_factory.mktemp("tree")
    for package in ("config", "relay", "worker"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    (folder / "relay" / "platforms" / "acme.py").write_text(PLATFORM, "utf-8")
    sample = folder / "relay" / "samples" / "acme" / "order_paid.http"
    sample.parent.mkdir()
    sample.write_text(SAMPLE, "utf-8")
    return folder


def run(tree: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "relay", *arguments],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tree), "RELAY_LANGUAGE": "en"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_listed(tree):
    (described,) = json.loads(run(tree, "platforms", "acme", "--json"))

    assert described["title"] == "Acme"
    assert described["topics"] == {"order/paid": "order.created"}
    assert "acme\t" in run(tree, "platforms")


def test_its_sample_is_translated(tree):
    (shown,) = json.loads(run(tree, "transform", "acme", "order/paid"))

    assert shown["outcome"] == "call"
    assert shown["event"]["contact"]["email"] == "ana@example.com"
    assert "12,50" in shown["call"]["body"]["notes"]
