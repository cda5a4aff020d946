"""The longest path of an attempt is the one that the job time-out is computed for."""

from config.settings import ATTEMPT_REQUESTS_MAX
from relay.model import Customer
from tests.worker.factories import call
from tests.worker.http_stub import HttpStub, answer

# A Brazilian mobile has as many spellings as any number has.
BRAZILIAN = Customer(phone="+5511987654321", email="ana@example.com", first_name="Ana")
NOBODY = answer(404, b'{"message": "Customer not found"}')


def test_it_has_as_many_requests_as_the_time_out_allows_for(open_harness):
    found = answer(200, b'{"customer": {"id": "c7"}}')
    with HttpStub(
        NOBODY,  # the event, for a cached id
        *[NOBODY] * 5,
        answer(422, b'{"errors": ["taken"]}'),  # the creation
        *[NOBODY] * 4,
        found,
        answer(401),  # the event
        answer(200, b'{"agents": []}'),  # the probe
    ) as stub:
        harness = open_harness(server=stub.url, on_absent="create")
        customers = harness.target.customers
        customers._remember("gone", BRAZILIAN.phone)
        (record_id,) = harness.accept(call(customer=BRAZILIAN)).ids
        harness.deliver(record_id)

        assert len(stub.requests) == ATTEMPT_REQUESTS_MAX
