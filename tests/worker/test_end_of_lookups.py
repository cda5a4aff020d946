"""A worker whose look-ups have ended ends too: their notices would wait for ever, unseen."""

import json

import pytest

from tests.conftest import make_settings
from tests.worker.factories import signals_kept
from worker import process
from worker.lookups import Lookups

PERSONAL = "ana@example.com"
SHOP = """
[sources.shop]
platform = "tiendanube"
secrets = "a-secret-of-many-letters"
[sources.shop.credentials]
access_token = "throw-away-token"
app = "A shop (ana@example.com)"
"""


class Broken(BaseException):
    """What nothing is prepared for."""


def by_a_bug(*_args):
    raise Broken(PERSONAL)


@pytest.fixture
def settings(redis_server, config_file):
    config_file.write_text(config_file.read_text() + SHOP)
    return make_settings(redis_server.url, config_file)


@pytest.mark.usefixtures("environment", "redis")
@pytest.mark.parametrize(
    ("place", "ends"),
    [
        ((process.Lookups, "run"), lambda _self: None),
        ((Lookups, "adopt"), by_a_bug),
    ],
    ids=["returns", "breaks"],
)
def test_worker_ends_with_its_lookups(settings, monkeypatch, capsys, place, ends):
    monkeypatch.setattr(*place, ends)

    with signals_kept(), pytest.raises(RuntimeError, match="its lookups did") as raised:
        process.run(settings)

    logged = "".join(capsys.readouterr())
    assert PERSONAL not in f"{logged} {raised.value!r} {raised.value.__cause__!r}"
    ended = [line for line in logged.splitlines() if "lookups.ended" in line]
    assert [json.loads(line)["error"] for line in ended] == ["Broken"] * (ends is by_a_bug)
