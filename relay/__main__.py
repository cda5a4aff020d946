"""`python -m relay` is `mercately-relay`."""

from relay.cli import main

main(prog_name="mercately-relay")
