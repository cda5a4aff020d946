"""Times in all the notations of senders, as aware UTC.

A time with an offset, or counted from 1970, is a moment by itself. One without is local time of
the zone that the caller names: the source's, or UTC where the platform documents UTC.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.mapping.plain_text import without_hidden

# Of webhooks, neither is older nor comes true later: 0, 1970-01-01, 0001-01-01 (.NET's "no date")
# and 9999-12-31 ("never") are no times.
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2100, 1, 1, tzinfo=UTC)
# What has happened cannot be later than it was received; a year is more than any wrong clock.
_AHEAD_MAX: Final = timedelta(days=366)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Units of a second in which the years 2000 to 2100 are counted; their ranges do not overlap.
_UNITS_PER_S: Final = (1, 1_000, 1_000_000, 1_000_000_000)
# The day of the month stands first where the year stands last: so does the whole of Latin America.
_DATE: Final = (
    r"(?:(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})"
    r"|(?P<day_>\d{1,2})(?P<sep_>[-/.])(?P<month_>\d{1,2})(?P=sep_)(?P<year_>\d{4}))"
)
_CLOCK: Final = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,12}))?)?"
    r"\s*(?P<half>[ap]\.?\s?m\.?)?\s*(?:hs?\.?|hrs?\.?)?\s*"
    r"(?P<offset>Z|(?:UTC|GMT)?\s?[+-]\d{1,2}:?(?:\d{2})?|UTC|GMT)?"
)
_WRITTEN: Final = re.compile(
    rf"{_DATE}(?:(?:[Tt]|,?\s+(?:a las? |at |- )?){_CLOCK})?", re.IGNORECASE
)
_MONTHS: Final = (
    "ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic",
)  # fmt: skip
_OTHER_MONTHS: Final = {"set": "sep", "jan": "ene", "apr": "abr", "aug": "ago", "dec": "dic"}
_IN_WORDS: Final = re.compile(
    r"(?:[^\W\d]+\.?,? )?(?:(?P<day>\d{1,2})(?:º|°|er|ro|st|nd|rd|th)?[ /-](?:de )?)?"
    rf"(?P<month>{'|'.join((*_MONTHS, *_OTHER_MONTHS))})[a-z]*\.?"
    r"(?: (?P<day_>\d{1,2})(?:st|nd|rd|th)?,?)?(?:[ /-](?:del? )?|, )(?P<year>\d{4})(?!\d)",
    re.IGNORECASE,
)
# RFC 2822, and `ctime` of C and Java. The library's parser drops what it does not know (`9:15 pm`).
_RFC_2822: Final = re.compile(
    r"(?:\w{3}, ?)?\d{1,2}[ -]\w{3}[ -]\d{2,4} \d\d?:\d\d(?::\d\d)?(?: [+-]\d{4}| [A-Z]{1,5})?"
    r"|(?:\w{3} )?\w{3} +\d{1,2} \d\d?:\d\d:\d\d(?: [A-Z]{1,5})? \d{4}"
)
# .NET's date in JSON: milliseconds. An offset behind them says only where they were written.
_DOTNET: Final = re.compile(r"/?Date\((\d{1,15})(?:[+-]\d{4})?\)/?")
# Java's name of the zone, behind its offset.
_ZONE_NAME: Final = re.compile(r"\[[\w/+-]+\]$")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?")
_NUMBER: Final = re.compile(r"\d{1,20}(?:\.\d{1,20})?(?:[eE]\+?\d{1,2})?")
_TEXT_MAX: Final = 80
_NUMBERS: Final = (int, float, Decimal)
# Names of the time in the date objects of PHP, MongoDB, Microsoft Graph, Parse and Firestore.
_IN_OBJECTS: Final = ("date", "$date", "dateTime", "iso", "_seconds", "seconds", "$numberLong")
# `[2026, 11, 2, 15, 4, 5, 0]`, as Java writes a local time: to the day at least, nanoseconds last.
_PARTS_MIN, _PARTS_MAX = 3, 7
# A day without a time of day. At noon it is the same day in the zones around.
_NOON: Final = 12


def parse_timestamp(value: Any, zone: tzinfo = UTC) -> datetime | None:
    """The moment that a value says, as aware UTC; None when it is no time. It never raises.

    Takes seconds, milliseconds, microseconds and nanoseconds since 1970 as number or text; ISO
    8601; `yyyy-mm-dd hh:mm`; `dd/mm/yyyy`, with or without `hh:mm[:ss]`; `yyyymmddhhmmss`; RFC
    2822; `3 de noviembre de 2025`, `November 3, 2025`; and the dates of PHP and MongoDB (objects),
    .NET and Java (a text, or a list of its parts).
    `zone` is that of a time without an offset. A date alone is noon of that day. Before 2000 and
    from 2100 on is no time.
    """
    try:
        moment = _moment(value, zone)
        if moment is not None and _FIRST <= (at := moment.astimezone(UTC)) < _LAST:
            return at
    except (ArithmeticError, OSError, ValueError):  # no such day; a year that no zone converts
        return None
    return None


def unix_time(value: Any) -> float | None:
    """Seconds since 1970 of a time; one without an offset is UTC. None when it is no time."""
    at = parse_timestamp(value, UTC)
    return at.timestamp() if at else None


def occurred_at(
    values: Iterable[Any], zone: tzinfo, received_at: datetime
) -> tuple[datetime, Mapping[str, str]]:
    """The first of the values that is a time, else `received_at` with the reason why.

    The reason is an entry for `omitted_fields`: `occurred_at` is `absent` when there is no value
    at all, `not_a_time` when there is one that cannot be read or is over a year ahead.
    """
    reason = "absent"
    for value in values:
        at = parse_timestamp(value, zone)
        if at is not None and at < received_at + _AHEAD_MAX:
            return at, {}
        if value not in (None, ""):
            reason = "not_a_time"
    return received_at, {"occurred_at": reason}


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    if isinstance(value, str):
        return _from_text(without_hidden(value).strip(), zone)
    if isinstance(value, _NUMBERS) and not isinstance(value, bool):
        return _from_text(f"{Decimal(str(value)):f}", zone) if 0 < value < 1e21 else None
    if isinstance(value, Mapping):
        inner = _in_object(value)
        zone = _named_zone(value.get("timezone") or value.get("timeZone"), zone)
        return None if isinstance(inner, Mapping) else _moment(inner, zone)
    if _are_parts(value):
        year, month, day, *clock = value
        hour, minute, second = (*clock, 0, 0, 0)[:3] if clock else (_NOON, 0, 0)
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    return None


def is_time_object(value: Any) -> bool:
    """Whether a value is the date object of a language or database."""
    return _are_parts(value) or (isinstance(value, dict) and _in_object(value) is not None)


def _are_parts(value: Any) -> bool:
    return (
        isinstance(value, list)
        and _PARTS_MIN <= len(value) <= _PARTS_MAX
        and all(type(part) is int for part in value)
    )


def _in_object(value: Mapping[str, Any]) -> Any:
    """The text or number in a date object, None when it is none."""
    inner = next((value[name] for name in _IN_OBJECTS if value.get(name)), None)
    if isinstance(inner, Mapping):  # {"$date": {"$numberLong": "…"}}
        inner = inner.get("$numberLong")
    return inner if isinstance(inner, (str, *_NUMBERS)) else None


def _from_text(text: str, zone: tzinfo) -> datetime | None:
    if not 8 <= len(text) <= _TEXT_MAX:
        return None
    if (at := _iso_8601(text, zone)) is not None:  # the usual notation
        return at
    if dotnet := _DOTNET.fullmatch(text):
        return _since_1970(Decimal(dotnet[1]))
    without_name = _ZONE_NAME.sub("", text)
    if without_name != text:
        return _from_text(without_name, zone)
    if _NUMBER.fullmatch(text):
        return _since_1970(Decimal(text)) or _compact(text, zone)
    match = _WRITTEN.fullmatch(_in_digits(text))
    return _written(match.groupdict(), zone) if match else _rfc_2822(text, zone)


def _iso_8601(text: str, zone: tzinfo) -> datetime | None:
    """In a twentieth of the time that the other notations take."""
    if len(text) > 10 and (text[4] == "-" or text[8] in "Tt"):
        with suppress(ValueError):
            return _aware(datetime.fromisoformat(text), zone)
    return None


def _since_1970(number: Decimal) -> datetime | None:
    for units in _UNITS_PER_S:
        seconds = number / units
        if _FIRST.timestamp() <= seconds < _LAST.timestamp():
            return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    return None


def _compact(text: str, zone: tzinfo) -> datetime | None:
    match = _COMPACT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    if match[4] is None:
        hour = _NOON
    return datetime(year, month, day, hour, minute, second, tzinfo=zone)


def _written(parts: Mapping[str, str | None], zone: tzinfo) -> datetime:
    year, month, day = (int(parts[n] or parts[f"{n}_"] or 0) for n in ("year", "month", "day"))
    if parts["hour"] is None:
        return datetime(year, month, day, _NOON, tzinfo=zone)
    hour = int(parts["hour"])
    if half := parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    fraction = (parts["fraction"] or "").ljust(6, "0")[:6]
    return datetime(
        year,
        month,
        day,
        hour,
        int(parts["minute"] or 0),
        int(parts["second"] or 0),
        int(fraction),
        _offset(parts["offset"]) or zone,
    )


def _in_digits(text: str) -> str:
    """A date in words as `dd/mm/yyyy`: `lunes, 3 de noviembre de 2025`, `November 3, 2025`."""
    match = _IN_WORDS.match(text)
    day = match and (match["day"] or match["day_"])
    if match is None or not day:
        return text
    name = match["month"].lower()
    month = _MONTHS.index(_OTHER_MONTHS.get(name, name)) + 1
    return f"{day}/{month}/{match['year']}{text[match.end() :]}"


def _rfc_2822(text: str, zone: tzinfo) -> datetime:
    """`Mon, 02 Nov 2026 15:04:05 -0500`, also as browsers write it, with the zone's name behind."""
    text = re.sub(r"\s*\([^()]*\)$", "", text)
    text = re.sub(
        r"^(\w{3}) (\w{3}) (\d\d) (\d{4}) ([\d:]+) GMT([+-]\d{4})$", r"\1, \3 \2 \4 \5 \6", text
    )
    if not _RFC_2822.fullmatch(text):
        raise ValueError
    moment = parsedate_to_datetime(text)
    # RFC 2822 writes UTC of an unknown local zone as -0000.
    return _aware(moment, UTC if text.endswith("-0000") else zone)


def _aware(moment: datetime, zone: tzinfo) -> datetime:
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


def _offset(text: str | None) -> tzinfo | None:
    if not text:
        return None
    text = re.sub(r"^(?:UTC|GMT)\s?(?=[+-])", "", text, flags=re.IGNORECASE)
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-delta if text[0] == "-" else delta)


def _named_zone(name: Any, zone: tzinfo) -> tzinfo:
    """The zone of a date object: a name, an offset or an abbreviation; `zone` if neither."""
    if not isinstance(name, str):
        return zone
    if re.fullmatch(r"Z|UTC|GMT|[+-]\d{2}:?(?:\d{2})?", name):
        return _offset(name) or zone
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # no such zone, or the name of a folder of zones
        return zone
