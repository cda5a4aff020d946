"""A run's outcome in words; the last line is the one that is read by machines."""

from collections.abc import Iterator, Sequence

from tests.chaos.run import Outcome

_SHOWN = 20


def lines(outcome: Outcome) -> Iterator[str]:
    """Fault by fault, then what is not as it should be, then the numbers."""
    verdict = outcome.verdict
    yield "   at s  fault                    held s  in flight (at most)  recovery s"
    rows = zip(outcome.struck, verdict.in_flight, verdict.ceilings, verdict.recoveries, strict=True)
    for struck, in_flight, ceiling, recovery_s in rows:
        name = f"{struck.fault.action} {struck.fault.process}"
        recovered = "with the next" if recovery_s is None else f"{recovery_s:.1f}"
        yield (
            f"{struck.at - outcome.began_at:7.1f}  {name:<24} {struck.ended_at - struck.at:6.1f}"
            f"  {f'{in_flight} ({ceiling})':>19}  {recovered:>10}"
        )
    yield (
        f"in flight at worker and Redis faults: {sum(verdict.in_flight)}, "
        f"at most {sum(verdict.ceilings)}"
    )
    yield f"recorded again after the sink had reset a recording: {verdict.explained}"
    answers = ", ".join(f"{name} {count}" for name, count in sorted(outcome.answers.items()))
    yield f"senders were answered: {answers}"
    yield outcome.beside or "no slow senders beside"
    for skipped in outcome.skipped:
        yield f"SKIPPED {skipped}"
    yield from _listed("lost", verdict.lost)
    yield from _listed("duplicated", verdict.duplicated)
    yield from _listed("duplicated, not seen in flight", verdict.unaccounted)
    yield from _listed("reordered", verdict.reordered)
    if not outcome.silent:
        yield "flushed at the end: web and both workers have said so"
    for failure in outcome.failures:
        yield f"FAILED: {failure}"
    yield verdict.line()


def _listed(name: str, numbers: Sequence[int]) -> Iterator[str]:
    if numbers:
        more = ", …" if len(numbers) > _SHOWN else ""
        yield f"{name}: {', '.join(map(str, numbers[:_SHOWN]))}{more}"
