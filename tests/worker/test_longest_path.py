"""The longest path of an attempt is the one that the job time-out is computed for.

Every path is walked: whatever Mercately may answer to each request, in every situation that an
attempt begins in.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from redis import Redis

from config.settings import ATTEMPT_REQUESTS_MAX, CUSTOMER_REQUESTS_MAX
from relay.mapping.identity import spellings
from relay.mapping.phone import variants
from relay.model import Customer
from relay.store.pseudonyms import Pseudonyms
from relay.store.record import Record
from tests.worker.factories import Harness, call
from worker.attempt import DeliveryTask, DestinationContext, attempt_delivery
from worker.client import Client
from worker.customers import Customers
from worker.reply import NoResponse, Reply
from worker.throttle import PAUSED_BY_HAND, DestinationThrottle

# A Brazilian mobile has as many spellings as any number has.
BRAZILIAN = Customer(phone="+5511987654321", email="ana@example.com", first_name="Ana")
RUT = Customer(id_type="rut", id_number="12531909-2")
FOUND = Reply(
    200, '{"customer": {"id": "c7"}, "customers": [{"id": "c7", "id_number": "125319092"}]}'
)
NOBODY = Reply(404, '{"message": "Customer not found"}')
REFUSED = Reply(422, '{"errors": ["taken"]}')
ODD = Reply(200, '{"status": "degraded"}')
MOVED = Reply(301, is_redirect=True)
PAGE = Reply(200, "<html>", is_html=True)
NONE = NoResponse("read_timeout", ambiguous=True)
STATUSES = [Reply(status) for status in (400, 401, 403, 404, 500)]
LOOK_UP = [NOBODY, FOUND, ODD, MOVED, Reply(500), NONE]
CREATION = [REFUSED, FOUND, ODD, NONE]
EVENT = [*STATUSES, Reply(200), REFUSED, MOVED, PAGE, NONE]
PROBE = [*STATUSES, Reply(200), MOVED, PAGE, NONE]


@dataclass
class Walk:
    """Answers by a plan, and with the first of the possible answers where that ends."""

    plan: list[int]
    choices: list[int] = field(default_factory=list)

    def _answer(self, answers: list[Any]) -> Reply:
        number = len(self.choices)
        self.choices.append(len(answers))
        answer = answers[self.plan[number] if number < len(self.plan) else 0]
        if isinstance(answer, NoResponse):
            raise NoResponse(answer.reason, ambiguous=answer.ambiguous)
        return cast("Reply", answer)

    def find_customer(self, _reference: str) -> Reply:
        return self._answer(LOOK_UP)

    def find_by_document(self, _document: tuple[str, str]) -> Reply:
        return self._answer(LOOK_UP)

    def create_customer(self, _customer: Any) -> Reply:
        return self._answer(CREATION)

    def post_event(self, _customer_id: str, _body: Any) -> Reply:
        return self._answer(EVENT)

    def probe(self) -> Reply:
        return self._answer(PROBE)


class WritesAll:
    """A Redis in which every key is new and every script does what it is for; it keeps nothing.

    A path is chosen by Mercately's answers, and by what is known when the attempt begins.
    """

    def set(self, *_: Any, **__: Any) -> bool:
        return True

    def delete(self, *keys: str) -> int:
        return len(keys)

    def register_script(self, _text: str) -> Callable[..., int]:
        return lambda **_: 1


def plans_after(walk: Walk) -> Iterator[list[int]]:
    """The ways that part from this one after its plan."""
    taken = walk.plan + [0] * (len(walk.choices) - len(walk.plan))
    for number in range(len(walk.plan), len(walk.choices)):
        for other in range(1, walk.choices[number]):
            yield [*taken[:number], other]


def longest(harness: Harness, record: Record, cached_id: str, state: str) -> int:
    """The number of requests of the longest path, in one situation."""
    plans: list[list[int]] = [[]]
    most = 0
    redis = cast("Redis", WritesAll())
    destination, pseudonyms = harness.target.destination, Pseudonyms(("k" * 32,))
    throttle = DestinationThrottle(redis, destination)
    while plans:
        walk = Walk(plans.pop())
        client = cast("Client", walk)
        customers = Customers(redis, client, destination, pseudonyms)
        target = DestinationContext(destination, client, customers, throttle)
        throttle.state = state
        attempt_delivery(DeliveryTask(record, target, cached_customer_id=cached_id))
        most = max(most, len(walk.choices))
        plans += plans_after(walk)
    return most


@pytest.mark.slow
def test_the_job_time_out_allows_for_the_longest_of_all_paths(open_harness):
    harness = open_harness(on_absent="create")
    most = 0
    for customer in (BRAZILIAN, RUT):
        (record_id,) = harness.accept(call(customer.id_type, customer=customer)).ids
        record = harness.record(record_id)
        for cached_id in ("", "gone"):
            for state in ("", "outage", "credentials", "redirected", PAUSED_BY_HAND):
                most = max(most, longest(harness, record, cached_id, state))

    assert most == ATTEMPT_REQUESTS_MAX


@pytest.mark.parametrize(
    "phone",
    [
        "+593999000001", "+525512345678", "+5215512345678", "+541122334455", "+5491122334455",
        "+5511987654321", "+551187654321", "+573001234567", "+56912345678", "+51999000001",
        "+12025550123", "+34600000001",
    ],
)  # fmt: skip
def test_no_number_has_more_spellings_than_the_longest_path_tries(phone):
    tried = 2 * (len(variants(phone)) + 1) + 1

    assert tried <= CUSTOMER_REQUESTS_MAX
    assert len(spellings(RUT.id_type, RUT.id_number)) <= len(variants(BRAZILIAN.phone))
