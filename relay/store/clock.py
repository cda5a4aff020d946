"""Redis's clock, which says what is due: those of web and workers may be an hour apart."""

from redis import Redis


def redis_time(redis: Redis) -> float:
    """Its time of day (unix s); one round trip.

    Raises:
        RedisError
    """
    seconds, microseconds = redis.time()
    return seconds + microseconds / 1e6
