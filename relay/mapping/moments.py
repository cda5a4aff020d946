"""Moments as people write them: `mar 3 dic, 10:00`."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from relay.mapping.amounts import locale_of
from relay.mapping.event_types import Language


def shown_moment(at: datetime, zone: ZoneInfo, language: Language, country: str) -> str:
    """Weekday, day, month and clock of `zone`, for a reader of `language` in `country`."""
    locale = locale_of(language, country)
    return format_datetime(at, "EEE d MMM, HH:mm", tzinfo=zone, locale=locale)
