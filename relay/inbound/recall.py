"""What is remembered of the things that events are about, as the store recalls it."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from relay.model import Memory, Resource
from relay.value import value

# Short digest of a text, keyed where it is stored.
Digest = Callable[[str], str]


@value(frozen=True, slots=True)
class Recollection:
    """What is remembered of one thing, and the digest that it was written with.

    `version` is that of the hash to write: 0 where only one under an old key was found.
    """

    memory: Memory
    digest: Digest
    version: int = 0


class Recall(Protocol):
    """Reads what is remembered of things, and digests what is to be remembered."""

    dedup_s: int

    def recall(
        self, resources: Sequence[Resource], *, are_new: bool = False
    ) -> Sequence[Recollection]:
        """For each resource, in one round trip. `are_new`: all are told to be created just now."""

    def digest(self, text: str) -> str:
        """The digest for what is written from now on."""


class NothingRecalled:
    """For translations that store nothing: every thing is new."""

    dedup_s: int = 7 * 24 * 3600

    def recall(
        self,
        resources: Sequence[Resource],
        *,
        are_new: bool = False,  # noqa: ARG002  so are all
    ) -> Sequence[Recollection]:
        return [Recollection(Memory(), self.digest) for _ in resources]

    def digest(self, text: str) -> str:
        return text


NOTHING_RECALLED: Final = NothingRecalled()
