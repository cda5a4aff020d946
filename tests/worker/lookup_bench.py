"""A source that can look things up, and what makes its look-ups."""

from dataclasses import replace

from relay.inbound.contract import Source
from relay.inbound.results import Handshake
from relay.model import WebhookRequest
from relay.pipeline import translate
from tests.platform_samples import request_of
from tests.worker.factories import Harness
from worker.lookups import Lookups


def credentials(source: Source, api_url: str) -> Source:
    """The source with throw-away credentials, and its API at a stand-in."""
    api = source.platform.api
    assert api
    values = {name: f"throw-away-{name.replace('_', '-')}" for name in api.credentials}
    platform = replace(source.platform, api=replace(api, rate_per_s=1000))
    return replace(source, platform=platform, credentials={**values, "api_url": api_url})


class Bench:
    """A harness with a source that can look things up, and what makes the look-ups."""

    def __init__(self, harness: Harness, source: Source) -> None:
        source = replace(source, destination=harness.source.destination)
        self.harness = harness
        self.source = source
        self.lookups = Lookups(
            harness.ledger, harness.intake, {source.name: source}, user_agent="test"
        )

    def accept(self, name: str, request: WebhookRequest | None = None) -> list[str]:
        """The ids of the records of a sample, or of another request."""
        request = request or request_of(self.source.platform.name, name)
        items = translate(request, self.source, self.harness.intake.memory(self.source))
        if isinstance(items, Handshake):
            return []
        receipt = self.harness.intake.accept(request, self.source, items, request.received_at)
        return [record_id for record_id in receipt.ids if record_id]

    def run(self) -> None:
        while self.lookups.run_due():
            pass
