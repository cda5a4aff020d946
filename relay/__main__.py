"""The launcher of `mercately-relay`, which `python -m relay` is too.

Web and worker wait as greenlets: nothing may be imported before the standard library is patched.
"""

import sys

if not {"web", "worker"}.isdisjoint(sys.argv[1:]):
    import relay.patched  # noqa: F401  for what it does


def main() -> None:
    from relay.cli import main as commands  # noqa: PLC0415  see above

    commands(prog_name="mercately-relay")


if __name__ == "__main__":
    main()
