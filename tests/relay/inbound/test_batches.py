"""The parts of a batch: a bug in one costs none of the others."""

import pytest

from relay.inbound.batches import parse_batch
from relay.inbound.contract import stable_key
from relay.inbound.results import Events, Skipped, Unparsable

PERSON = "ana@example.com"


@pytest.mark.parametrize(
    ("error", "reasons"),
    [
        (KeyError(PERSON), {"relay": "KeyError while reading; please report it"}),
        (RecursionError(PERSON), {"body": "expected JSON, nested less deep"}),
    ],
)
def test_part_that_breaks_is_kept_without_its_words_and_the_others_go_on(error, reasons):
    def parse_part(part: dict[str, int]) -> list[Skipped]:
        if part["n"] == 2:
            raise error
        return [Skipped("draft", str(part["n"]))]

    result = parse_batch([{"n": 1}, {"n": 2}, {"n": 3}], parse_part)

    raw = b'{"n": 2}'
    broken = Unparsable("", stable_key(raw), reasons, raw)
    assert result == Events([Skipped("draft", "1"), broken, Skipped("draft", "3")])


def test_bug_in_the_only_part_is_one_of_the_request():
    with pytest.raises(KeyError):
        parse_batch([{}], lambda part: part["n"])
