"""`python -m worker`: what `mercately-relay worker` runs, without its options."""

import relay.patched  # isort: skip  # noqa: F401  before anything else

from worker.process import main

if __name__ == "__main__":
    main()
