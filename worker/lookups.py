"""Look up at their platforms what notices only name: from a record that awaits it to a call.

    claimed id -> record -> requests to the API -> body -> event -> call -> record with a job

What was found is parsed, decided and mapped as if the platform had sent it, and stored in one step
with the end of the waiting: a worker that dies anywhere leaves the look-up to the next one, and
nothing is told twice. A failure is in the record's log; what only a person can mend (credentials,
rights, plan) waits as `awaiting_lookup` under that reason until it is replayed.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from redis import RedisError

from config import log
from relay.errors import NotStored
from relay.inbound.contract import Source
from relay.inbound.lookups import LOOKED_UP, SHOP, TOPIC, Api, Lookup, Read
from relay.inbound.payload import json_bytes
from relay.inbound.results import Handshake
from relay.model import Resource, State, WebhookRequest
from relay.pipeline import translate
from relay.store.job_store import JobStore, Replaced
from relay.store.ledger import Ledger
from relay.store.lookups import BUSY_S, LookupQueue
from relay.store.memory import Moved
from relay.store.record import Record
from worker.api_tokens import ApiTokens, NotRefreshed
from worker.platform_api import Busy, LookupFailed, PlatformApi

_LOG: Final = structlog.get_logger()
AT_ONCE: Final = 12
OF_ONE_SOURCE: Final = 4
_IDLE_S: Final = 0.5
_AGAIN_S: Final = 30.0
_DECISIONS_MAX: Final = 10
_SCHEDULE_S: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)
# A notice is often faster than what it tells of; later what is not there is not coming.
_ABSENT_SCHEDULE_S: Final = (5.0, 20.0, 60.0, 180.0, 420.0)


class Lookups:
    """Makes the look-ups of the sources that have credentials; one per process."""

    def __init__(
        self,
        ledger: Ledger,
        jobs: JobStore,
        sources: Mapping[str, Source],
        *,
        user_agent: str,
        proxy: str = "",
    ) -> None:
        self._ledger = ledger
        self._jobs = jobs
        self._sources = sources
        self._queue = LookupQueue(ledger.redis)
        self._api = PlatformApi(self._queue, user_agent=user_agent, proxy=proxy)
        self._tokens = ApiTokens(ledger.redis, self._api.token, jobs.require_on_disk)
        self._stopping = threading.Event()
        self._under_way: Counter[str] = Counter()

    def adopt(self) -> int:
        """Have looked up what waits since before its source had credentials; how many there are."""
        return sum(
            self._queue.make_waiting_due(source.name, f"needs_{kind}")
            for source in self._sources.values()
            for kind in source.platform.lookups
            if source.can_look_up(kind)
        )

    def run(self) -> None:
        """Make look-ups until `stop`, and end those under way; a Redis that is away is waited for.

        Whatever ends it before is said, and ends its worker (`RelayWorker.depend_on`).
        """
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001  its text may hold personal data
            _LOG.critical(
                "lookups.ended", place=log.error_location(error), error=type(error).__name__
            )

    def _run(self) -> None:
        has_adopted = False
        under_way: set[Future[None]] = set()
        with ThreadPoolExecutor(AT_ONCE, "lookup") as pool:
            while not self._stopping.is_set():
                try:
                    if not has_adopted:
                        self.adopt()
                        has_adopted = True
                    record_ids = self._claim(AT_ONCE - len(under_way))
                except RedisError:
                    record_ids = []
                except Exception as error:  # noqa: BLE001  a bug must not end all look-ups
                    _LOG.error("lookups.crashed", place=log.error_location(error))
                    record_ids = []
                under_way |= {pool.submit(self._look_up_safely, each) for each in record_ids}
                if len(under_way) == AT_ONCE:
                    _, under_way = wait(under_way, _IDLE_S, FIRST_COMPLETED)
                elif not record_ids:
                    self._stopping.wait(_IDLE_S)
                under_way = {future for future in under_way if not future.done()}

    def _claim(self, limit: int) -> list[str]:
        """Look-ups that are due, but for sources of which enough are under way.

        A platform that answers slowly, or never, must not hold up the look-ups of others.
        """
        busy = [name for name, count in self._under_way.items() if count >= OF_ONE_SOURCE]
        return self._queue.claim(limit, busy)

    def _look_up_safely(self, record_id: str) -> None:
        try:
            self.look_up(record_id)
        except RedisError:
            return  # it is due again when its time is over
        except Exception as error:  # noqa: BLE001  as there
            _LOG.error("lookups.crashed", place=log.error_location(error))

    def stop(self) -> None:
        """Begin no more look-ups; `run` ends after those under way."""
        self._stopping.set()

    def run_due(self) -> int:
        """Make those that are due now, one after the other; how many there were."""
        record_ids = self._queue.claim(AT_ONCE)
        for record_id in record_ids:
            self.look_up(record_id)
        return len(record_ids)

    def look_up(self, record_id: str) -> None:
        """Make one look-up, and write down what came of it."""
        record = self._ledger.get(record_id)
        if record is None or record.state is not State.AWAITING_LOOKUP:
            self._queue.drop(record_id)
            return
        if self._under_way[record.source] >= OF_ONE_SOURCE:
            self._queue.postpone(record_id, BUSY_S)
            return
        self._under_way[record.source] += 1
        try:
            self._make(record)
        finally:
            self._under_way[record.source] -= 1

    def _make(self, record: Record) -> None:
        started_at = time.perf_counter()
        try:
            outcome, status = self._looked_up(record), 200
        except Busy as busy:
            self._queue.postpone(record.id, busy.wait_s)
            return
        except LookupFailed as error:
            outcome, status = error.reason, error.status
            self._failed(record, error, time.perf_counter() - started_at)
        except (NotStored, NotRefreshed) as error:
            outcome, status = type(error).__name__, 0
            self._queue.postpone(record.id, _AGAIN_S)
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001  a bug; its text may hold personal data
            outcome, status = f"{type(error).__name__} at {log.error_location(error)}", 0
            self._failed(record, LookupFailed("internal_error"), time.perf_counter() - started_at)
        _LOG.info(
            "lookup.made",
            record_id=record.id,
            source=record.source,
            outcome=outcome,
            status=status,
            ms=round((time.perf_counter() - started_at) * 1000),
        )

    def _looked_up(self, record: Record) -> str:
        """Read the thing and store what it says; the status of that.

        Raises:
            LookupFailed: it could not be read.
            Busy: not yet.
            NotStored: Redis does not take it now.
        """
        source, resource = self._sources.get(record.source), _resource(record)
        if source is None or source.platform.api is None or not source.can_look_up(resource.kind):
            raise LookupFailed("lookup_not_configured")
        lookup = source.platform.lookups[resource.kind]
        if not re.fullmatch(lookup.id_pattern, resource.id):
            raise LookupFailed("lookup_id")
        body = self._read_all(source, source.platform.api, lookup, resource)
        request = WebhookRequest(
            "POST",
            "",
            {LOOKED_UP: resource.kind, TOPIC: record.topic, SHOP: resource.shop},
            json_bytes(body),
            datetime.fromtimestamp(record.accepted_at, UTC),
        )
        for _ in range(_DECISIONS_MAX):
            items = translate(request, source, self._jobs.memory(source))
            if isinstance(items, Handshake):
                raise LookupFailed("lookup_unexpected")
            try:
                return self._jobs.accept(
                    request, source, items, datetime.now(UTC), replaces=record.id
                ).status
            except Replaced:
                return "duplicate"
            except Moved:
                continue
        raise NotStored("moved")

    def _read_all(self, source: Source, api: Api, lookup: Lookup, resource: Resource) -> Any:
        """The body that the look-up's requests make."""
        values: dict[str, Any] = {
            **api.defaults, **source.credentials, "id": resource.id, "shop": resource.shop,
        }  # fmt: skip
        found: dict[str, Any] = {}
        for read in lookup.reads:
            try:
                value = self._read(source, api, read, {**values, **found})
            except LookupFailed as error:
                if not read.optional or error.retry:
                    raise
                continue
            if not read.name:
                return value
            _put(found, read.name, value)
        return found

    def _read(self, source: Source, api: Api, read: Read, values: Mapping[str, Any]) -> Any:
        tokens = api.tokens_for(source.credentials)
        if tokens is None:
            return self._api.read(source, api, read, values)
        token = self._tokens.access_token(source, api, tokens)
        try:
            return self._api.read(source, api, read, {**values, "access_token": token})
        except LookupFailed as error:
            if error.status != 401:
                raise
        token = self._tokens.access_token(source, api, tokens, refused=token)
        return self._api.read(source, api, read, {**values, "access_token": token})

    def _failed(self, record: Record, error: LookupFailed, took_s: float) -> None:
        schedule = _ABSENT_SCHEDULE_S if error.reason == "lookup_not_found" else _SCHEDULE_S
        tries = record.attempts
        retry_in_s = None
        if error.retry and tries < len(schedule):
            retry_in_s = max(schedule[tries], error.wait_s)
        self._queue.failed(
            record, error.reason, retry_in_s=retry_in_s, status=error.status, took_s=took_s
        )


def _put(found: dict[str, Any], path: str, value: Any) -> None:
    *outer, name = path.split(".")
    for part in outer:
        found = found.setdefault(part, {})
    found[name] = value


def _resource(record: Record) -> Resource:
    """The thing that a record awaits.

    Raises:
        LookupFailed: the record does not say.
    """
    said = record.reasons.get("lookup")
    parts = said if isinstance(said, Mapping) else {}
    texts = {name: parts.get(name, "") for name in ("kind", "id", "shop")}
    if not (texts["kind"] and texts["id"] and all(isinstance(t, str) for t in texts.values())):
        raise LookupFailed("lookup_id")
    return Resource(**texts)
