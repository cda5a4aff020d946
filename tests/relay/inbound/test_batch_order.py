"""Events of one request go out in the order in which they happened."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

from cases import all_of
from hypothesis import given, strategies as st

from relay.inbound.batch_order import in_order
from relay.inbound.results import Skipped, Unparsable
from relay.mapping.event_fields import EmailFields
from relay.model import Contact, Event

START = datetime(2026, 11, 2, 15, tzinfo=UTC)
STAGES = ["email.sent", "email.deferred", "email.delivered", "email.opened", "email.clicked"]


def event(key: str, second: int | None, kind: str = "order.paid", message: str = "") -> Event:
    return Event(
        type=kind,
        topic="t",
        key=key,
        occurred_at=START + timedelta(seconds=99_999 if second is None else second),
        contact=Contact(email="Ana@example.com" if key.isupper() else "ana@example.com"),
        fields=EmailFields(message_id=message),
        omitted_fields={"occurred_at": "absent"} if second is None else {},
    )


def keys(items) -> list[str]:
    return [item.key for item in in_order(items)]


def test_by_time_and_stable():
    assert keys([event("c", 2), event("a", 1), event("d", 2), event("b", 1)]) == list("abcd")


def test_event_without_a_time_of_its_own_stays_behind_the_one_before_it():
    assert keys([event("a", None), event("d", 3), event("e", None), event("b", 1)]) == list("abde")


def test_what_is_no_event_stays_in_its_place():
    held, skipped = Unparsable("", "k", {}, b""), Skipped("unknown_topic")
    items = [event("b", 2), held, event("a", 1), skipped]
    assert in_order(items) == [items[2], held, items[0], skipped]


@all_of("order", list(permutations(STAGES[:4])))
@all_of("seconds", [(1, 1, 1, 1), (1, 2, 3, 4), (4, 3, 2, 1)])
def test_state_of_one_message_never_goes_back(order, seconds):
    items = [event(k, s, k, "m1") for k, s in zip(order, seconds, strict=True)]
    assert keys(items) == STAGES[:4]


def test_messages_and_people_have_stages_of_their_own():
    sent, delivered = event("sent", 2, "email.sent", "m2"), event("d", 1, "email.delivered", "m1")
    assert keys([sent, delivered]) == ["d", "sent"]
    other = event("x", 1, "email.delivered", "m2")
    elsewhere = Contact(email="luis@example.com")
    other = Event(other.type, "t", "x", other.occurred_at, elsewhere, other.fields)
    assert keys([sent, other]) == ["x", "sent"]


def test_person_is_the_same_in_capitals():
    items = [event("S", 2, "email.sent", "m1"), event("d", 1, "email.delivered", "m1")]
    assert keys(items) == ["S", "d"]


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(0, 5), st.sampled_from([*STAGES, "order.paid"]),
            st.sampled_from(["", "m1", "m2"]),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_none_is_lost_and_stages_ascend(parts):
    items = [event(f"k{i}", *part) for i, part in enumerate(parts)]
    ordered = in_order(items)
    assert sorted(item.key for item in ordered) == sorted(item.key for item in items)
    for message in ("m1", "m2"):
        own = [
            STAGES.index(item.type)
            for item in ordered
            if item.fields.message_id == message and item.type in STAGES
        ]
        assert own == sorted(own)
