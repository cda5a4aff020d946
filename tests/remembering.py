"""A source that remembers, as the store does, what was reported of each thing."""

from collections.abc import Sequence

from senders import without_ends

from relay.inbound.contract import Source
from relay.inbound.recall import NOTHING_RECALLED, Recollection
from relay.model import Call, Memory, Parts, Resource, WebhookRequest
from relay.pipeline import flattened, translate


class Remembering:
    """A source with its memory of things and of keys."""

    dedup_s = NOTHING_RECALLED.dedup_s

    def __init__(self, source: Source) -> None:
        self.source = source
        self.memories: dict[Resource, Memory] = {}
        self.keys: set[str] = set()
        self.calls: list[Call] = []

    def recall(
        self, resources: Sequence[Resource], *, are_new: bool = False
    ) -> Sequence[Recollection]:
        return [
            Recollection(memory, self.digest, memory.version)
            for memory in (self.memories.get(each, Memory()) for each in resources)
        ]

    def digest(self, text: str) -> str:
        return text

    def outcome(self, request: WebhookRequest) -> list[str]:
        """The event type of each call, else why there is none."""
        item, *_ = translate(request, self.source, self)
        if isinstance(item, Parts):
            if self.keys.intersection((item.key, *item.other_keys)):
                return ["duplicate"]
            self.keys |= {item.key, *item.other_keys}
            if item.memory:
                self.memories[item.resource] = item.memory
        self.calls = [part for part in flattened([item]) if isinstance(part, Call)]
        return [
            part.event_type if isinstance(part, Call) else part.reason
            for part in without_ends(flattened([item]))
        ]

    @property
    def notes(self) -> list[str]:
        return [call.body["notes"] for call in self.calls]
