"""Ids of records are ULIDs: unique, and in the order of their times and of their making."""

from datetime import UTC, datetime, timedelta

from ulid import ULID

from relay.store.ids import RecordIds

NOW = datetime(2026, 3, 14, 15, 9, 26, 535_897, UTC)


def test_an_id_is_the_ulid_of_its_time():
    record_id = RecordIds().new(NOW)

    ulid = ULID.from_str(record_id)
    assert str(ulid) == record_id
    assert ulid.milliseconds == int(NOW.timestamp() * 1000)


def test_every_digit_is_that_of_the_ulid_of_the_same_number():
    ids = RecordIds()
    for number in (0, 1, 31, 32, 2**79 + 12_345, 2**80 - 2):
        ids._last = (int(NOW.timestamp() * 1000) << 80) + number
        assert ids.new(NOW) == str(ULID(ids._last.to_bytes(16, "big")))


def test_ids_of_one_millisecond_are_in_the_order_of_their_making():
    ids = RecordIds()
    made = [ids.new(NOW) for _ in range(3000)]

    assert made == sorted(set(made))


def test_ids_of_two_times_have_nothing_in_common_but_are_in_their_order():
    ids = RecordIds()
    first, second = ids.new(NOW), ids.new(NOW + timedelta(milliseconds=1))

    assert first < second
    assert first[10:] != second[10:]
    assert RecordIds().new(NOW) != first
