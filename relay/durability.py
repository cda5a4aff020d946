"""What a 200 is worth with the Redis there is: read, not assumed."""

from dataclasses import dataclass
from typing import Final, cast

from redis import Redis, RedisError

from config.language import text

# Redis 6.2 has what RQ and our scripts need.
_VERSION_MIN: Final = (6, 2)


@dataclass(frozen=True, slots=True)
class Durability:
    """What Redis says of itself. `fsync` is empty where the host does not let us ask."""

    version: tuple[int, int]
    append_only: bool
    fsync: str
    eviction: str
    is_replica: bool

    @classmethod
    def of(cls, redis: Redis) -> "Durability":
        info = redis.info()
        major, minor = str(info["redis_version"]).split(".")[:2]
        return cls(
            version=(int(major), int(minor)),
            append_only=bool(info.get("aof_enabled")),
            fsync=_fsync(redis),
            eviction=str(info.get("maxmemory_policy", "")),
            is_replica=info.get("role") != "master",
        )

    def faults(self) -> list[str]:
        """Reason codes of what breaks the promise, empty when nothing does."""
        checks = {
            "redis_append_only": self.append_only,
            "redis_no_eviction": self.eviction in ("", "noeviction"),
            "redis_primary": not self.is_replica,
            "redis_version": self.version >= _VERSION_MIN,
        }
        return [name for name, holds in checks.items() if not holds]

    def statement(self) -> str:
        """What may be lost of what was answered 200, in a sentence a merchant can use."""
        if not self.append_only:
            return text(
                "Redis no guarda en disco: al reiniciarse se pierde todo lo aceptado sin entregar.",
                "Redis keeps nothing on disk: a restart loses all that is not delivered yet.",
            )
        return {
            "always": text(
                "Un 200 significa que el evento ya está en el disco de Redis.",
                "A 200 means the event is on Redis's disk already.",
            ),
            "everysec": text(
                "Si la máquina de Redis pierde la corriente, puede perderse el último segundo "
                "de lo aceptado. Un Redis que solo se cae no pierde nada.",
                "If the machine of Redis loses power, the last second of what was accepted may "
                "be lost. A Redis that merely crashes loses nothing.",
            ),
            "no": text(
                "El disco se escribe cuando el sistema quiere: un corte de corriente puede perder "
                "medio minuto de lo aceptado.",
                "The disk is written when the system likes: a power cut may lose half a minute "
                "of what was accepted.",
            ),
        }.get(
            self.fsync,
            text(
                "Redis guarda en disco, pero su proveedor no deja ver cada cuánto.",
                "Redis keeps a file on disk, but its host does not let us see how often.",
            ),
        )


def _fsync(redis: Redis) -> str:
    """Hosted Redis often refuses CONFIG."""
    try:
        return str(cast("dict[str, str]", redis.config_get("appendfsync")).get("appendfsync", ""))
    except RedisError:
        return ""
