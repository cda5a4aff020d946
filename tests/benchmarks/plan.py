"""How much is run: what fits into seven or eight minutes, or all of it."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Sizes of a run. `rounds` is how often each peer's turn comes; medians are of these."""

    rounds: int = 5
    accept_s: float = 1.2
    half_load_s: float = 3.0
    end_to_end_s: int = 30
    waiting: int = 500_000
    memory_warm: int = 3_000
    memory_events: int = 10_000

    @classmethod
    def full(cls, rounds: int) -> Self:
        """As many events through web and worker as the bar for their memory is about."""
        return cls(rounds=rounds, memory_warm=20_000, memory_events=200_000)
