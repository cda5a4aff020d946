"""How durable an accepted event is with this Redis, from what the server reports."""

from dataclasses import dataclass
from typing import Final, Literal, cast

import structlog
from redis import Redis, RedisError, ResponseError

from config.language import localized
from relay.store.redis_fault import error_name

_LOG: Final = structlog.get_logger()
# The first version with all that RQ and our scripts need.
_VERSION_MIN: Final = (6, 2)
# The first version with WAITAOF.
_VERSION_WAITAOF: Final = (7, 2)


@dataclass(frozen=True, slots=True)
class Durability:
    """The configuration that Redis reports.

    `fsync` is `appendfsync`, empty where the host refuses CONFIG. `memory_used` is the used share
    of `maxmemory`, 0 without a limit. `no_fsync_during_rewrite`: `no-appendfsync-on-rewrite yes`.
    Not `known` where the host refuses INFO.
    """

    version: tuple[int, int]
    append_only: bool
    fsync: str
    eviction: str
    is_replica: bool
    no_fsync_during_rewrite: bool = False
    memory_used: float = 0.0
    known: bool = True

    @classmethod
    def of(cls, redis: Redis) -> "Durability":
        """Ask Redis; two round trips.

        Raises:
            RedisError: Redis does not answer; a refused INFO or CONFIG is no error.
        """
        try:
            info = redis.info()
        except ResponseError:
            return UNKNOWN
        if "redis_version" not in info:
            return UNKNOWN
        major, minor = str(info["redis_version"]).split(".")[:2]
        config = _config(redis, "*appendfsync*")
        limit = int(info.get("maxmemory", 0))
        return cls(
            version=(int(major), int(minor)),
            append_only=bool(info.get("aof_enabled")),
            fsync=config.get("appendfsync", ""),
            eviction=str(info.get("maxmemory_policy", "")),
            is_replica=info.get("role") != "master",
            no_fsync_during_rewrite=config.get("no-appendfsync-on-rewrite") == "yes",
            memory_used=int(info.get("used_memory", 0)) / limit if limit else 0.0,
        )

    @property
    def can_wait(self) -> bool:
        """Whether WAITAOF is possible and needed; with `always` a write is on disk at once."""
        in_background = self.fsync in ("everysec", "")
        return self.append_only and in_background and self.version >= _VERSION_WAITAOF

    def satisfies(self, setting: Literal["fsync", "relaxed"]) -> bool:
        """Whether RELAY_DURABILITY can be met; assumed where the host refuses CONFIG."""
        if setting == "relaxed" or not self.append_only:  # a fault of its own: redis_append_only
            return True
        return not self.no_fsync_during_rewrite and (self.fsync in ("always", "") or self.can_wait)

    def faults(self, setting: Literal["fsync", "relaxed"]) -> list[str]:
        """Reason codes of unmet requirements, empty when accepted events are safe."""
        checks = {
            "redis_append_only": self.append_only,
            "redis_fsync": self.satisfies(setting),
            "redis_no_eviction": self.eviction in ("", "noeviction"),
            "redis_primary": not self.is_replica,
            "redis_version": self.version >= _VERSION_MIN,
        }
        return [name for name, is_met in checks.items() if not is_met]

    def statement(self, setting: Literal["fsync", "relaxed"]) -> str:
        """A sentence for a merchant: which accepted events a crash or power cut may lose."""
        if not self.known:
            return localized(
                "Durabilidad desconocida: este usuario de Redis no puede usar INFO, así que no se "
                "sabe si Redis guarda en disco lo aceptado. Pregunte a quien lo aloja.",
                "Durability unknown: this user of Redis may not run INFO, so nobody can tell "
                "whether Redis keeps what was accepted on disk. Ask its host.",
            )
        if not self.append_only:
            return localized(
                "Redis no guarda en disco: al reiniciarse se pierde todo lo aceptado sin entregar.",
                "Redis keeps nothing on disk: a restart loses all that is not delivered yet.",
            )
        if self.no_fsync_during_rewrite:
            return localized(
                "Mientras Redis reescribe su archivo no sincroniza el disco "
                "(no-appendfsync-on-rewrite): un corte de luz en ese momento puede perder "
                "lo aceptado.",
                "While Redis rewrites its file it does not sync the disk "
                "(no-appendfsync-on-rewrite): a power cut just then may lose what was accepted.",
            )
        if self.fsync == "always":
            return localized(
                "Un 200 significa que el evento ya está en el disco de Redis.",
                "A 200 means the event is on Redis's disk already.",
            )
        if self.can_wait and setting == "fsync":
            return localized(
                "Un 200 espera a que el evento esté en el disco de Redis, hasta un segundo. "
                "Con appendfsync always no hay que esperar.",
                "A 200 waits until the event is on Redis's disk, for up to a second. "
                "With appendfsync always there is no wait.",
            )
        return self._what_may_be_lost()

    def _what_may_be_lost(self) -> str:
        if self.fsync == "everysec":
            return localized(
                "Si la máquina de Redis se queda sin luz, puede perderse el último segundo "
                "de lo aceptado. Un Redis que solo se cae no pierde nada.",
                "If the machine of Redis loses power, the last second of what was accepted may "
                "be lost. A Redis that merely crashes loses nothing.",
            )
        if self.fsync == "no":
            return localized(
                "El sistema operativo decide cuándo escribe en el disco: con un corte de luz puede "
                "perderse medio minuto de lo aceptado.",
                "The disk is written when the system likes: a power cut may lose half a minute "
                "of what was accepted.",
            )
        return localized(
            "Redis guarda en disco, pero su proveedor no deja ver cada cuánto.",
            "Redis keeps a file on disk, but its host does not let us see how often.",
        )


# Of a Redis that does not tell: nothing is missing, and nothing is promised.
UNKNOWN: Final = Durability(
    _VERSION_MIN, append_only=True, fsync="", eviction="", is_replica=False, known=False
)


def announce(redis: Redis, setting: Literal["fsync", "relaxed"]) -> None:
    """Log the durability at start; an unreachable Redis is logged and raises nothing."""
    try:
        durability = Durability.of(redis)
    except RedisError as error:
        _LOG.warning("redis.not_asked", error=error_name(error))
        return
    if not durability.known:
        _LOG.warning("redis.durability", durability="unknown", faults=[])
        return
    faults = durability.faults(setting)
    log = _LOG.warning if faults else _LOG.info
    waits = setting == "fsync" and durability.can_wait
    log("redis.durability", faults=faults, fsync=durability.fsync, waits_for_disk=waits)


def _config(redis: Redis, pattern: str) -> dict[str, str]:
    """CONFIG GET, empty where the host refuses it, as many do."""
    try:
        return cast("dict[str, str]", redis.config_get(pattern))
    except ResponseError:
        return {}
