"""RQ's own tests with our worker in place of its: `python -m tests.rq_suite FOLDER [PYTEST ARGS]`.

FOLDER is an unpacked source distribution of the RQ that is locked (`pip download rq==… --no-binary
rq --no-deps`). For a person, not for CI: what fails is to be found on the page of features in
`worker/concurrent/__init__.py`. They want a Redis on port 6379, which is started here, on loopback;
`--stock` leaves RQ's own workers in place, to see what fails without ours.
"""

import sys

if "--stock" not in sys.argv:
    import relay.patched  # isort: skip  # noqa: F401  before anything else

import os
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NoReturn

import pytest
import rq
import rq.worker
from redis import Redis, RedisError

from relay.children import die_with_parent
from relay.devtools.embedded_redis import server_binary
from worker.concurrent import ConcurrentWorker, JobExecution

_PORT: Final = 6379
_READY_WITHIN_S: Final = 10.0
_ROOT: Final = Path(__file__).parents[1]


class OneByOne(ConcurrentWorker):
    """One job at a time, as RQ's tests expect it.

    `max_jobs` it has here, and nowhere else: a test of retries should not fail for the lack of it.
    """

    _left: int | None = None

    def __init__(self, queues: Any, name: str | None = None, **options: Any) -> None:
        queues = [queues] if isinstance(queues, str | rq.Queue) else list(queues)
        super().__init__(queues, name, concurrency=1, grace_s=2.0, **options)

    def work(self, *arguments: Any, max_jobs: int | None = None, **options: Any) -> bool:
        self._left, self._stop_requested = max_jobs, False
        return super().work(*arguments, **options)

    def _finish(self, execution: JobExecution, raised: Any) -> None:
        super()._finish(execution, raised)
        if self._left is not None:
            self._left -= 1
            self._stop_requested = self._stop_requested or self._left <= 0


def main() -> NoReturn:
    arguments = [argument for argument in sys.argv[1:] if argument != "--stock"]
    if not arguments or not Path(arguments[0], "tests").is_dir():
        sys.exit(__doc__)
    folder, *more = arguments
    if "--stock" not in sys.argv:
        for module in (rq, rq.worker):
            module.Worker = module.SimpleWorker = OneByOne  # type: ignore[attr-defined, misc, assignment]
    # Theirs is called `tests` too.
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    sys.path = [folder, *(path for path in sys.path if path not in ("", str(_ROOT)))]
    os.chdir(folder)
    with TemporaryDirectory() as data, _redis(data):
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", "/dev/null"]
        options += ["--rootdir", folder, "--timeout", "60", "-rfE", "--tb", "no", "-W", "ignore"]
        code = int(pytest.main([*options, *(more or ["tests"])]))
    sys.stdout.flush()
    os._exit(code)  # some of RQ's tests leave processes that would be waited for


def _redis(folder: str) -> "subprocess.Popen[bytes]":
    with Redis(port=_PORT) as redis:
        try:
            redis.ping()
        except RedisError:
            pass
        else:
            sys.exit(f"there is a Redis on port {_PORT} already: the tests would empty it")
        options = ["--port", str(_PORT), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        options += ["--databases", "20", "--loglevel", "warning"]
        server = _Ended(
            [server_binary(), *options],
            stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        give_up_at = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < give_up_at:
            try:
                redis.ping()
            except RedisError:
                time.sleep(0.05)
            else:
                return server
    raise TimeoutError("Redis did not start")


class _Ended(subprocess.Popen[bytes]):
    """Ends with the `with`."""

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()


if __name__ == "__main__":
    main()
