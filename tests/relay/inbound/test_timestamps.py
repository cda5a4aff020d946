"""Times in the notations of senders, in the zones of sources."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from cases import all_of
from hypothesis import given, strategies as st

from relay.inbound.timestamps import occurred_at, parse_timestamp

ZONES = [
    "America/Guayaquil", "America/Bogota", "America/Lima", "America/Mexico_City",
    "America/Santiago", "America/Argentina/Buenos_Aires", "America/Caracas", "America/Asuncion",
    "America/New_York", "Europe/Madrid", "Asia/Kolkata", "Pacific/Kiritimati", "UTC",
]  # fmt: skip
each_zone = pytest.mark.parametrize("zone", [pytest.param(ZoneInfo(name), id=name) for name in ZONES])  # fmt: skip

# 15:04:05 on the second of November 2026, local time of wherever.
LOCAL = [
    "2026-11-02T15:04:05", "2026-11-02 15:04:05", "2026-11-02 15:04:05.000000", "2026/11/02 15:04:05",
    "2026-11-02 3:04:05 PM", "2026-11-2, 15:04:05", "02/11/2026 15:04:05", "2/11/2026 15:04:05",
    "02-11-2026 15:04:05", "02.11.2026, 15:04:05", "02/11/2026 03:04:05 p. m.", "02/11/2026 3:04:05 p.m.",
    "20261102150405", 20261102150405, "20261102T150405", "  2026-11-02 15:04:05 ",
    [2026, 11, 2, 15, 4, 5], [2026, 11, 2, 15, 4, 5, 0],
    "Mon, 02 Nov 2026 15:04:05", {"date": "2026-11-02 15:04:05.000000"},
    {"date": "2026-11-02 15:04:05.000000", "timezone_type": 3, "timezone": ""},
    {"date": "2026-11-02 15:04:05.000000", "timezone_type": 3, "timezone": "Nowhere/At_All"},
    {"date": "2026-11-02 15:04:05.000000", "timezone_type": 3, "timezone": "America"},
    {"date": "2026-11-02 15:04:05.000000", "timezone_type": 3, "timezone": "../../etc/passwd"},
]  # fmt: skip
TO_THE_MINUTE = [
    [2026, 11, 2, 15, 4],
    "2026-11-02 15:04", "2026-11-02T15:04", "02/11/2026 15:04", "2/11/2026, 15:04", "202611021504",
    "02/11/2026 3:04 p. m.", "02-11-2026 03:04PM", "02/11/2026 15:04 hs", "2026-11-02 15:04 hrs.",
    "02/11/2026 a las 15:04", "02/11/2026 - 15:04", "2 de noviembre de 2026, 15:04",
    "lunes, 2 de noviembre de 2026 15:04", "2 nov 2026 3:04 p. m.", "noviembre 2, 2026 3:04 pm",
    "November 2, 2026 3:04 pm", "November 2, 2026 at 3:04 PM", "Nov 2 2026 3:04 PM", "2 November 2026 3:04 pm",
    "Monday, November 2nd, 2026 15:04", "lun. 2 de nov. de 2026, 15:04", "2/nov/2026 15:04", "2º de noviembre de 2026 15:04",
    "\u200e2/\u200e11/\u200e2026 15:04", "\ufeff2026-11-02 15:04", "2/11/2026, 3:04\u202fp.\u00a0m.",
]  # fmt: skip
DAYS = [
    [2026, 11, 2],
    "2026-11-02",
    "02/11/2026",
    "2/11/2026",
    "02-11-2026",
    "2026/11/02",
    "20261102",
    20261102,
    "2 de noviembre de 2026",
    "2 de Noviembre del 2026",
    "02-nov-2026",
    "noviembre 2, 2026",
    "lun, 2 nov 2026",
    "November 2, 2026",
    "2 November 2026",
    "02-Nov-2026",
]

MOMENT = datetime(2026, 11, 2, 15, 4, 5, tzinfo=UTC)
# The same moment, whatever the zone of the source.
EXACT = [
    "2026-11-02T15:04:05Z", "2026-11-02t15:04:05z", "2026-11-02T10:04:05-05:00", "2026-11-02T10:04:05-0500",
    "2026-11-02T10:04:05-05", "2026-11-02 10:04:05 -0500", "2026-11-02 10:04:05 -05:00",
    "2026-11-02 15:04:05 UTC", "2026-11-02 15:04:05 GMT", "2026-11-02 15:04:05+00", "02/11/2026 15:04:05 Z",
    "2026-11-02T20:34:05+05:30", "2026-11-02T15:04:05.000000000Z", "2026-11-02T15:04:05,000Z",
    "Mon, 02 Nov 2026 15:04:05 GMT", "Mon, 02 Nov 2026 10:04:05 -0500", "02 Nov 2026 15:04:05 +0000",
    "Mon, 02 Nov 2026 15:04:05 -0000", "Mon Nov 02 2026 10:04:05 GMT-0500 (hora de Ecuador)",
    {"date": "2026-11-02 15:04:05.000000", "timezone_type": 3, "timezone": "UTC"},
    {"date": "2026-11-02 10:04:05.000000", "timezone_type": 3, "timezone": "America/Guayaquil"},
    {"date": "2026-11-02 10:04:05.000000", "timezone_type": 1, "timezone": "-05:00"},
    {"$date": "2026-11-02T15:04:05Z"}, {"$date": 1793631845000}, {"$date": {"$numberLong": "1793631845000"}},
    {"_seconds": 1793631845, "_nanoseconds": 0}, {"seconds": 1793631845, "nanoseconds": 7},
    {"dateTime": "2026-11-02T10:04:05.0000000", "timeZone": "America/Guayaquil"},
    {"__type": "Date", "iso": "2026-11-02T15:04:05.000Z"},
    1793631845, 1793631845000, 1793631845000000, 1793631845000000000,
    "1793631845", "1793631845000", "1793631845000000", "1793631845000000000", "1793631845.0",
    Decimal("1793631845.000"), 1793631845.0, "1.793631845E9",
    "/Date(1793631845000)/", "/Date(1793631845000-0500)/", "2026-11-02T15:04:05Z[UTC]",
    "2026-11-02T10:04:05-05:00[America/Guayaquil]", "02/11/2026 10:04:05 GMT-5", "2026-11-02 10:04:05 UTC-05:00",
    "Mon Nov 02 15:04:05 UTC 2026", "Mon, 02 Nov 2026 10:04:05 EST",
]  # fmt: skip

NO_TIMES = [
    {"$date": {"$date": "2026-11-02T15:04:05Z"}}, {"$date": None}, {"seconds": True}, {"iso": []}, {"year": 2026}, [2026, 11], [2026, 13, 1], [2026, 11, 2, 15, 4, 5, 0, 0],
    [10**30, 1, 1], [True, 1, 1], [2026, 11, 2, 15, 4, 5.5],
    None, "", " ", 0, "0", 1, -1, "-1793631845", True, False, "true", [], {}, ["2026-11-02"], "ayer",
    "0000-00-00", "0000-00-00 00:00:00", "0001-01-01T00:00:00Z", "1969-12-31T19:00:00-05:00",
    "1970-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "9999-12-31 23:59:59",
    "31/02/2026", "31 de febrero de 2026", "/Date(0)/", "11/25/2026", "02/11/26", "2026-13-01", "2026-11-02 25:00:00", "2026-11-02 13:04 pm",
    "02/11-2026", "15:04", "P9D", "2026-W45", "20261399", 10**30, 946684799, 4102444800,
    float("nan"), float("inf"), Decimal("1e400"), "x" * 10_000, "9" * 10_000, "2026-11-02T15:04:05+99:99",
    "2 Nov 2026 15:04:05 o así", "Mon 02 Nov 15:04:05 pm 2026", "30 February 2026", "2 Nov 2026 3:04 pm o 4:04 pm",
    {"date": None}, {"date": 7}, {"date": "0000-00-00 00:00:00"}, "Mon, 45 Nov 2026 15:04:05 GMT",
]  # fmt: skip


@each_zone
@all_of("value", LOCAL)
def test_time_without_an_offset_is_local_time_of_the_zone(value, zone):
    assert parse_timestamp(value, zone) == datetime(2026, 11, 2, 15, 4, 5, tzinfo=zone)


@each_zone
@all_of("value", TO_THE_MINUTE)
def test_time_may_end_with_the_minute(value, zone):
    assert parse_timestamp(value, zone) == datetime(2026, 11, 2, 15, 4, tzinfo=zone)


@each_zone
@all_of("value", EXACT)
def test_time_with_an_offset_is_the_same_moment_in_every_zone(value, zone):
    at = parse_timestamp(value, zone)
    assert at == MOMENT
    assert at.tzinfo is UTC


@each_zone
@all_of("value", DAYS)
def test_date_alone_is_that_day_where_it_was_written(value, zone):
    at = parse_timestamp(value, zone)
    assert at.astimezone(zone).date() == date(2026, 11, 2)
    for hours in (-9, 9):
        neighbour = timezone(zone.utcoffset(datetime(2026, 11, 2, 12)) + timedelta(hours=hours))  # noqa: DTZ001  an offset
        assert at.astimezone(neighbour).date() == date(2026, 11, 2)


@all_of(
    ("name", "month"),
    [
        *((name, at) for at, names in enumerate([
            "enero ene. January jan", "febrero feb February Feb.", "marzo mar March", "abril abr April APR",
            "mayo may May", "junio jun June", "julio jul July", "agosto ago August Aug", "septiembre setiembre sept. set SEP September",
            "octubre oct October", "noviembre NOV November", "diciembre dic December Dec.",
        ], 1) for name in names.split()),
    ],
)  # fmt: skip
def test_month_has_its_names_in_spanish_and_english(name, month):
    expected = datetime(2026, month, 5, 21, 15, tzinfo=UTC)
    for text in (
        f"5 de {name} de 2026 9:15 p. m.",
        f"{name} 5, 2026 9:15 pm",
        f"5-{name}-2026 21:15",
    ):
        assert parse_timestamp(text) == expected


@pytest.mark.parametrize(
    ("zone", "local", "at"),
    [
        ("America/Santiago", "15/07/2026 12:00", "2026-07-15T16:00Z"),
        ("America/Santiago", "15/01/2026 12:00", "2026-01-15T15:00Z"),
        ("America/Santiago", "04/04/2026 23:30", "2026-04-05T02:30Z"),  # there are two of it
        ("America/Santiago", "06/09/2026 00:30", "2026-09-06T04:30Z"),  # and none of this
        ("America/Santiago", "06/09/2026", "2026-09-06T15:00Z"),
        ("America/Mexico_City", "15/07/2022 12:00", "2022-07-15T17:00Z"),
        ("America/Mexico_City", "15/07/2026 12:00", "2026-07-15T18:00Z"),
        ("America/Tijuana", "15/07/2026 12:00", "2026-07-15T19:00Z"),
        ("America/Asuncion", "15/07/2026 12:00", "2026-07-15T15:00Z"),
    ],
)
def test_local_time_follows_the_changes_of_clock(zone, local, at):
    assert parse_timestamp(local, ZoneInfo(zone)) == datetime.fromisoformat(at)


@all_of("value", NO_TIMES)
def test_what_is_no_time_is_none(value):
    assert parse_timestamp(value, ZoneInfo("America/Guayaquil")) is None


MOMENTS = st.datetimes(
    datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC)  # noqa: DTZ001  hypothesis wants them naive
).map(lambda moment: moment.replace(microsecond=0))  # fmt: skip
SPELLINGS = {
    "iso": lambda at, zone: at.astimezone(zone).isoformat(),
    "z": lambda at, zone: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "offset_without_colon": lambda at, zone: at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z"),
    "rfc_2822": lambda at, zone: format_datetime(at.astimezone(zone)),
    "seconds": lambda at, zone: int(at.timestamp()),
    "milliseconds": lambda at, zone: str(int(at.timestamp()) * 1000),
    "microseconds": lambda at, zone: int(at.timestamp()) * 10**6,
    "nanoseconds": lambda at, zone: str(int(at.timestamp()) * 10**9),
    "php": lambda at, zone: {"date": f"{at:%Y-%m-%d %H:%M:%S}.000000", "timezone": "UTC"},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(at=MOMENTS, written_in=st.sampled_from(ZONES), read_in=st.sampled_from(ZONES))
def test_moment_comes_back_from_every_spelling(spelling, at, written_in, read_in):
    value = SPELLINGS[spelling](at, ZoneInfo(written_in))
    assert parse_timestamp(value, ZoneInfo(read_in)) == at


@given(at=MOMENTS, zone=st.sampled_from(ZONES), style=st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%Y%m%d%H%M%S", "%d-%m-%Y %I:%M:%S %p"]))  # fmt: skip
def test_local_time_comes_back_in_its_zone(at, zone, style):
    local = at.astimezone(ZoneInfo(zone)).replace(fold=0)
    read = parse_timestamp(local.strftime(style), ZoneInfo(zone))
    assert read == local.astimezone(UTC)


@given(st.text() | st.text("0123456789-/:. TZ+") | st.floats() | st.integers() | st.decimals(allow_nan=True) | st.dictionaries(st.sampled_from(["date", "timezone"]), st.text()))  # fmt: skip
def test_nothing_makes_it_fail_and_no_result_is_out_of_bounds(value):
    at = parse_timestamp(value)
    assert at is None or 2000 <= at.year < 2100


RECEIVED = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "at", "reason"),
    [
        (["2026-11-02T15:04:05Z"], MOMENT, None),
        ([None, "", "2026-11-02T15:04:05Z"], MOMENT, None),
        ([0, "2026-11-02T15:04:05Z"], MOMENT, None),
        ([], RECEIVED, "absent"),
        ([None, ""], RECEIVED, "absent"),
        ([None, 0], RECEIVED, "not_a_time"),
        (["ayer"], RECEIVED, "not_a_time"),
        ([False], RECEIVED, "not_a_time"),
        (["2062-11-02T15:04:05Z"], RECEIVED, "not_a_time"),
        (["2027-01-02T00:00:00Z"], datetime(2027, 1, 2, tzinfo=UTC), None),
    ],
)
def test_fallback_to_the_time_of_receipt_is_named(values, at, reason):
    assert occurred_at(values, UTC, RECEIVED) == (at, {"occurred_at": reason} if reason else {})
