"""How fast the relay is, beside what else one could have used: `python -m tests.benchmarks`."""
