"""Moments and durations as people write them: `mar 3 dic, 10:00`, `1 h 30 min`."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from relay.mapping.amounts import locale_of
from relay.mapping.event_types import Language


def shown_moment(at: datetime, zone: ZoneInfo, language: Language, country: str) -> str:
    """Weekday, day, month and clock of `zone`, for a reader of `language` in `country`."""
    locale = locale_of(language, country)
    return format_datetime(at, "EEE d MMM, HH:mm", tzinfo=zone, locale=locale)


def duration_text(seconds: float) -> str:
    """Hours and minutes, in either language; empty for less than a minute."""
    if not seconds:  # most events do not wait
        return ""
    hours, minutes = divmod(int(seconds // 60), 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(filter(None, parts))
