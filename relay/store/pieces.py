"""A long batch in pieces, each stored by one script: Redis does nothing else meanwhile."""

from collections.abc import Iterator, Sequence
from typing import Final

from relay.model import Parts, Resource, Translated

# A tenth of a second of a slow Redis.
PIECE: Final = 1_000


def in_pieces(items: Sequence[Translated | Parts]) -> Iterator[Sequence[Translated | Parts]]:
    """The items in their order, some `PIECE` at a time; those of one thing are in one piece.

    They were decided on together: once some of them are stored, what is remembered of the thing is
    not what the others were decided on.
    """
    if len(items) <= PIECE:
        yield items
        return
    last: dict[Resource, int] = {
        item.resource: index for index, item in enumerate(items) if isinstance(item, Parts)
    }
    start, closed_after = 0, 0
    for index, item in enumerate(items):
        if isinstance(item, Parts):
            closed_after = max(closed_after, last[item.resource])
        if index - start + 1 >= PIECE and index >= closed_after:
            yield items[start : index + 1]
            start = index + 1
    if start < len(items):
        yield items[start:]
