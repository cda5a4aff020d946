"""Who a call is for: given, known, found, made, absent, or not to be told right now."""

import json

import pytest
from redis import Redis

from relay.devtools.standin import Standin, StandinServer
from relay.model import Customer
from relay.store.pseudonyms import Pseudonyms
from tests.worker.factories import ANA, ANA_ID, PERSONAL, destination
from tests.worker.http_stub import HttpStub, answer
from worker.customers import CustomerNotFound, Customers, Found, OtherCustomer, Unresolved

NOT_FOUND = answer(404, b'{"message": "Customer not found"}')
FOUND = answer(200, b'{"message": "Customer found successfully", "customer": {"id": "c7"}}')
CREATED = answer(200, b'{"message": "Customer created successfully", "customer": {"id": "c8"}}')
MONTH_S = 30 * 24 * 3600


@pytest.fixture
def book(redis: Redis, connect, standin_server: StandinServer):
    """Makes the customers of a destination, at the stand-in unless a server is named."""

    def customers(server: str = standin_server.url, **changes) -> Customers:
        changes = {"api_key": standin_server.standin.api_key, **changes}
        client = connect(server, read_timeout_s=2, **changes)
        return Customers(
            redis, client, destination(server=server, **changes), Pseudonyms(("k" * 32,))
        )

    return customers


def find(customers: Customers, customer: Customer) -> Found | CustomerNotFound:
    """As a worker does: what is cached is read for a whole batch beforehand."""
    (known,) = customers.cached_ids([customer])
    return customers.find(customer, known)


# Given.


def test_given_id_is_taken_without_a_question(book, redis):
    with HttpStub() as stub:
        found = book(stub.url).find(Customer(customer_id="c1", phone=ANA.phone, email=ANA.email))

    assert found == Found("c1", "event")
    assert stub.requests == []
    assert redis.keys() == []


@pytest.mark.parametrize("identifier, expected", [("phone", ANA.phone), ("email", ANA.email)])
def test_contact_itself_is_the_identifier_where_the_destination_says_so(book, identifier, expected):
    with HttpStub() as stub:
        found = book(stub.url, identifier=identifier).find(ANA)

    assert found == Found(expected, "event")
    assert stub.requests == []


@pytest.mark.parametrize(
    "identifier, customer, path",
    [
        ("phone", Customer(email="ana@example.com"), "/customers/ana%40example.com"),
        ("email", Customer(phone="+593999000001"), "/customers/%2B593999000001"),
    ],
)
def test_look_up_is_for_those_without_the_chosen_contact(book, identifier, customer, path):
    with HttpStub(FOUND) as stub:
        found = book(stub.url, identifier=identifier).find(customer)

    assert found == Found("c7", "lookup")
    assert stub.paths == [path]


# Looked up.

ORDERS = {
    "phone": (Customer(phone="+593999000001"), ["%2B593999000001", "593999000001"]),
    "email": (Customer(email="ana@example.com"), ["ana%40example.com"]),
    "phone_first": (ANA, ["%2B593999000001", "593999000001", "ana%40example.com"]),
    "mexican_without_the_1": (
        Customer(phone="+525599000003"),
        ["%2B525599000003", "525599000003", "%2B5215599000003", "5215599000003"],
    ),
    "mexican_with_the_1": (
        Customer(phone="+5215599000003"),
        ["%2B5215599000003", "5215599000003", "%2B525599000003", "525599000003"],
    ),
    "argentine_without_the_9": (
        Customer(phone="+541122334455"),
        ["%2B541122334455", "541122334455", "%2B5491122334455", "5491122334455"],
    ),
    "argentine_with_the_9": (
        Customer(phone="+5491122334455"),
        ["%2B5491122334455", "5491122334455", "%2B541122334455", "541122334455"],
    ),
    "nobody": (Customer(), []),
}


@pytest.mark.parametrize("customer, spellings", ORDERS.values(), ids=ORDERS)
def test_spellings_are_tried_likeliest_first(book, customer, spellings):
    with HttpStub(NOT_FOUND) as stub:
        assert book(stub.url).find(customer) == CustomerNotFound()

    assert stub.paths == [f"/customers/{spelling}" for spelling in spellings]


def test_first_match_ends_the_look_up(book):
    with HttpStub(NOT_FOUND, FOUND) as stub:
        assert book(stub.url).find(ANA) == Found("c7", "lookup")

    assert len(stub.requests) == 2


@pytest.mark.parametrize("phone", ["+525599000003", "+5215599000003"])
def test_mexican_twin_is_found_as_mercately_stores_it(book, phone):
    assert book().find(Customer(phone=phone)) == Found("1713carlm1003", "lookup")


@pytest.mark.parametrize("stored", ["+5491122334455", "+541122334455"])
@pytest.mark.parametrize("phone", ["+5491122334455", "+541122334455"])
def test_argentine_twin_is_found_either_way(book, standin, stored, phone):
    eva = standin.add_customer(first_name="Eva", phone=stored)

    assert book().find(Customer(phone=phone)) == Found(eva, "lookup")


def test_spelling_that_is_refused_is_one_that_is_not_known(book):
    refused = [answer(302, b'{"errors": []}'), answer(422, b'{"errors": []}')]
    with HttpStub(*refused, FOUND) as stub:
        assert book(stub.url).find(ANA) == Found("c7", "lookup")


def test_integer_ids_are_text(book, standin):
    standin.behaviour.integer_ids = True

    found = find(book(), ANA)

    assert found == Found("1001", "lookup")
    assert find(book(), ANA) == Found("1001", "cache")


@pytest.mark.parametrize("customer", [None, [], {}])
def test_nobody_is_no_customer(book, customer):
    body = json.dumps({"message": "Ok", "customer": customer}).encode()
    with HttpStub(answer(200, body)) as stub:
        assert book(stub.url).find(Customer(phone=ANA.phone)) == CustomerNotFound()


@pytest.mark.parametrize(
    "body",
    [
        {"customer": {"name": "x"}},
        {"customer": {"id": None}},
        {"customer": {"id": True}},
        {"status": "degraded"},
        {},
        [],
    ],
)
def test_answer_of_another_shape_denies_nobody(book, body):
    with HttpStub(answer(200, json.dumps(body).encode())) as stub, pytest.raises(Unresolved):
        book(stub.url).find(Customer(phone=ANA.phone))


@pytest.mark.parametrize(
    ("asked", "theirs"),
    [
        ("+593999000001", "+593999000001"),
        ("+593999000001", "593 99 900 0001"),
        ("+593999000001", "0999000001"),
        ("+5215512345678", "+525512345678"),
        ("+525512345678", "+5215512345678"),
        ("+5491123456789", "541123456789"),
        ("+541123456789", "+54 9 11 2345-6789"),
        ("+5511987654321", "551187654321"),
        ("+593999000001", ""),
        ("+593999000001", None),
    ],
)
def test_who_was_asked_for_is_who_was_found(book, asked, theirs):
    body = json.dumps({"customer": {"id": "c7", "phone": theirs}}).encode()
    with HttpStub(answer(200, body)) as stub:
        assert book(stub.url).find(Customer(phone=asked)) == Found("c7", "lookup")


@pytest.mark.parametrize(
    ("asked", "theirs"),
    [
        (Customer(phone="+593999000001"), {"phone": "+593999000002"}),
        (Customer(phone="+593999000001"), {"phone": "000001"[-3:]}),
        (Customer(email="ana@example.com"), {"email": "beto@example.com"}),
    ],
)
def test_somebody_else_is_not_written_to(book, asked, theirs):
    body = json.dumps({"customer": {"id": "c7", **theirs}}).encode()
    with HttpStub(answer(200, body)) as stub, pytest.raises(OtherCustomer):
        book(stub.url).find(asked)


def test_an_email_is_compared_without_its_case(book):
    body = json.dumps({"customer": {"id": "c7", "email": "Ana@Example.com"}}).encode()
    with HttpStub(answer(200, body)) as stub:
        assert book(stub.url).find(Customer(email="ana@example.com")) == Found("c7", "lookup")


@pytest.mark.slow
@pytest.mark.parametrize(
    "refusal",
    [
        answer(404, b"<html>", Content_Type="text/html"),
        answer(302, b"", Location="https://x.example/"),
        answer(200, b"<html>", Content_Type="text/html"),
        b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"customer": nu',
    ],
    ids=["page_404", "elsewhere", "page_200", "cut"],
)
def test_what_is_no_answer_of_mercately_denies_nobody(book, refusal):
    with HttpStub(refusal) as stub, pytest.raises(Unresolved):
        book(stub.url, on_absent="create").find(Customer(phone=ANA.phone))


# Nothing but the number of a document.

CEDULA = Customer(id_type="cedula", id_number="1710034065", first_name="Ana")


def listed(*customers: dict[str, str]) -> bytes:
    return answer(200, json.dumps({"results": len(customers), "customers": customers}).encode())


def test_document_is_looked_up_by_the_filter_and_remembered(book, standin, redis):
    ana = standin.add_customer(first_name="Ana", phone="+593999000021", id_number="1710034065",
                               id_type="cedula")  # fmt: skip
    standin.add_customer(first_name="Eva", phone="+593999000022", id_number="1710034073")

    assert find(book(), CEDULA) == Found(ana, "lookup")
    assert find(book(), CEDULA) == Found(ana, "cache")
    assert b"1710034065" not in b" ".join(redis.keys())


def test_document_in_a_query_is_escaped(book):
    with HttpStub(listed()) as stub:
        assert book(stub.url).find(Customer(id_number="A&B 1")) == CustomerNotFound()

    assert stub.paths == ["/customers?id_number=A%26B+1"]


def test_rut_is_looked_up_as_it_may_be_stored(book):
    row = {"id": "c7", "id_number": "12.531.909-2"}
    with HttpStub(listed(), listed(), listed(row)) as stub:
        found = book(stub.url).find(Customer(id_type="rut", id_number="12531909-2"))

    assert found == Found("c7", "lookup")
    assert [path.partition("id_number=")[2] for path in stub.paths] == [
        "12531909-2", "125319092", "12.531.909-2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"id": "c7", "id_number": "1710034065"}, {"id": "c8", "id_number": "1710034065"}],
    ],
)
def test_only_exactly_one_match_counts(book, rows):
    with HttpStub(listed(*rows)) as stub:
        assert book(stub.url).find(CEDULA) == CustomerNotFound()


@pytest.mark.parametrize("number", ["1710034065", "171003406-5", " 171.003.406-5 ", 1710034065])
def test_number_of_a_document_is_compared_without_its_punctuation(book, number):
    with HttpStub(listed({"id": "c7", "id_number": number})) as stub:
        assert book(stub.url).find(CEDULA) == Found("c7", "lookup")


@pytest.mark.parametrize("rows", [[{"id": "c7", "id_number": "1710034073"}], [{"id": "c7"}], ["x"]])
def test_a_list_of_others_is_of_a_server_without_the_filter(book, rows):
    with HttpStub(listed(*rows)) as stub, pytest.raises(OtherCustomer):
        book(stub.url, on_absent="create").find(CEDULA)


def test_somebody_without_an_id_is_no_answer(book):
    row = {"id": None, "id_number": "1710034065"}
    with HttpStub(listed(row)) as stub, pytest.raises(Unresolved):
        book(stub.url).find(CEDULA)


@pytest.mark.parametrize("status", [302, 404, 422])
def test_refused_number_of_a_document_is_one_that_is_not_known(book, status):
    with HttpStub(answer(status, b'{"errors": []}')) as stub:
        assert book(stub.url).find(CEDULA) == CustomerNotFound()


@pytest.mark.parametrize("refusal", [answer(500), answer(302, Location="https://x.example/")])
def test_look_up_of_a_document_that_fails_denies_nobody(book, refusal):
    with HttpStub(refusal) as stub, pytest.raises(Unresolved):
        book(stub.url).find(CEDULA)


def test_second_customer_of_a_shared_document_is_not_created(book):
    rows = [{"id": name, "id_number": "1710034065"} for name in ("c7", "c8")]
    with HttpStub(listed(*rows)) as stub:
        assert book(stub.url, on_absent="create").find(CEDULA) == CustomerNotFound()

    assert len(stub.requests) == 1


@pytest.mark.parametrize("body", [b"{}", b"[]", b"x", b'{"customers": {}}', b'{"customers": null}'])
def test_answer_without_a_list_is_no_answer(book, body):
    with HttpStub(answer(200, body)) as stub, pytest.raises(Unresolved):
        book(stub.url).find(CEDULA)


def test_customer_is_created_with_the_document_and_remembered(book):
    with HttpStub(listed(), CREATED) as stub:
        customers = book(stub.url, on_absent="create")
        assert find(customers, CEDULA) == Found("c8", "created")
        assert find(customers, CEDULA) == Found("c8", "cache")

    assert json.loads(stub.requests[-1].body) == {
        "first_name": "Ana", "id_type": "cedula", "id_number": "1710034065",
    }  # fmt: skip


# Remembered.


def test_found_customer_is_known_by_what_was_matched_only(book):
    """A household shares a phone: the e-mail that came with it may be another person's."""
    with HttpStub(FOUND, FOUND) as stub:
        customers = book(stub.url)
        find(customers, ANA)
        for known in (ANA, Customer(phone=ANA.phone)):
            assert find(customers, known) == Found("c7", "cache")
        assert len(stub.requests) == 1
        assert find(customers, Customer(email=ANA.email)) == Found("c7", "lookup")
        assert find(customers, Customer(email="Ana@Example.COM")) == Found("c7", "cache")

    assert len(stub.requests) == 2


def test_cache_is_read_for_a_whole_batch_at_once(book, redis):
    """Phone before e-mail, and nothing for those who have neither."""
    beto, eva = Customer(email="beto@example.com"), Customer(phone="+593999000009")
    with HttpStub(FOUND, answer(200, b'{"customer": {"id": "c9"}}')) as stub:
        customers = book(stub.url)
        for customer in (ANA, beto):
            customers.find(customer)
        redis.config_resetstat()

        found = customers.cached_ids([eva, beto, Customer(), ANA, ANA])

    assert found == ["", "c9", "", "c7", "c7"]
    told = redis.info("commandstats")
    assert told["cmdstat_mget"]["calls"] == 1
    assert len(stub.requests) == 2


@pytest.mark.parametrize("customers", [[], [Customer()], [Customer(customer_id="c1")]])
def test_nobody_to_look_for_costs_no_command(book, redis, customers):
    redis.config_resetstat()

    assert book().cached_ids(customers) == [""] * len(customers)

    assert "cmdstat_mget" not in redis.info("commandstats")


def test_customers_are_not_shared_between_destinations(book):
    with HttpStub(FOUND) as stub:
        find(book(stub.url), ANA)
        find(book(stub.url, name="other"), ANA)

    assert len(stub.requests) == 2


def test_cache_is_passed_over_on_request_and_corrected(book):
    with HttpStub(FOUND, answer(200, b'{"customer": {"id": "c9"}}')) as stub:
        customers = book(stub.url)
        customers.find(ANA)

        assert customers.find(ANA, cached_id="") == Found("c9", "lookup")
        assert find(customers, ANA) == Found("c9", "cache")


def test_forgotten_customer_is_looked_up_again(book):
    with HttpStub(FOUND) as stub:
        customers = book(stub.url)
        customers.find(ANA)
        customers.forget(ANA)

        assert find(customers, ANA) == Found("c7", "lookup")
        assert find(customers, Customer(email=ANA.email)) == Found("c7", "lookup")


def test_absent_customer_is_asked_for_every_time(book):
    with HttpStub(NOT_FOUND) as stub:
        customers = book(stub.url)
        find(customers, Customer(email=ANA.email))
        find(customers, Customer(email=ANA.email))

    assert len(stub.requests) == 2


def test_keys_name_nobody_and_expire(book, redis):
    book().find(ANA)

    keys = redis.keys()
    assert len(keys) == 1
    for key in keys:
        assert not any(word.encode().lower() in key.lower() for word in PERSONAL)
        assert redis.get(key) == ANA_ID.encode()
        assert MONTH_S - 60 < redis.ttl(key) <= MONTH_S


# CustomerNotFound.


@pytest.mark.parametrize("policy", ["hold", "drop"])
def test_absent_customer_is_not_created_unasked(book, policy):
    with HttpStub(NOT_FOUND) as stub:
        assert book(stub.url, on_absent=policy).find(ANA) == CustomerNotFound()

    assert {request.method for request in stub.requests} == {"GET"}


@pytest.mark.parametrize("wrapped", [False, True])
def test_absent_customer_is_created_where_asked(book, wrapped):
    with HttpStub(NOT_FOUND, NOT_FOUND, NOT_FOUND, CREATED) as stub:
        customers = book(stub.url, on_absent="create", customer_wrapper=wrapped)
        assert find(customers, ANA) == Found("c8", "created")
        assert find(customers, ANA) == Found("c8", "cache")

    assert (stub.requests[-1].method, stub.paths[-1]) == ("POST", "/customers")
    ana = {
        "first_name": "Ana",
        "last_name": "Inventada",
        "email": "ana@example.com",
        "phone": "+593999000001",
    }
    assert json.loads(stub.requests[-1].body) == ({"customer": ana} if wrapped else ana)


@pytest.mark.parametrize("wrapped", [False, True])
def test_stand_in_takes_either_form(book, standin, wrapped):
    eva = Customer(email="eva@example.com", first_name="Eva")
    customers = book(on_absent="create", customer_wrapper=wrapped)

    found = customers.find(eva)

    assert isinstance(found, Found)
    assert standin.customers[found.id]["first_name"] == "Eva"


def test_nothing_empty_is_written_into_a_new_customer(book):
    with HttpStub(NOT_FOUND, CREATED) as stub:
        book(stub.url, on_absent="create").find(Customer(email="eva@example.com"))

    assert json.loads(stub.requests[-1].body) == {"email": "eva@example.com"}


@pytest.mark.parametrize("status", [302, 422])
def test_refused_creation_is_told_with_its_answer(book, status):
    body = b'{"errors": ["Phone has already been taken"]}'
    with HttpStub(NOT_FOUND, answer(status, body)) as stub:
        found = book(stub.url, on_absent="create").find(Customer(email="eva@example.com"))

    assert isinstance(found, CustomerNotFound)
    assert found.reply is not None
    assert (found.reply.status, found.reply.text) == (status, body.decode())


# Not to be told right now.


@pytest.mark.parametrize(
    "fault, status",
    [
        ("poison_500", 500),
        ("unavailable_503", 503),
        ("too_many_429_retry_after", 429),
        ("blocked_403_html", 403),
        ("unauthorized_401", 401),
        ("unauthorized_400", 400),
    ],
)
@pytest.mark.parametrize("policy", ["hold", "drop", "create"])
def test_failed_question_says_nothing_of_the_customer(book, standin, redis, fault, status, policy):
    standin.fail(fault, on="customers")

    with pytest.raises(Unresolved) as on_claimed:
        book(on_absent=policy).find(ANA)

    assert on_claimed.value.reply.status == status
    assert not any(word in str(on_claimed.value) for word in PERSONAL)
    assert redis.keys() == []


@pytest.mark.parametrize("fault", ["poison_500", "blocked_403_html", "unauthorized_401"])
def test_failed_creation_is_no_refusal(book, standin: Standin, fault):
    standin.fail("not_found_404", times=1, on="customers")
    standin.fail(fault, on="customers")

    with pytest.raises(Unresolved):
        book(on_absent="create").find(Customer(email="eva@example.com"))


@pytest.mark.parametrize(
    "said",
    [
        answer(200, b""),
        answer(200, b"OK"),
        answer(200, b"<html>Maintenance", Content_Type="text/html"),
        answer(204, b""),
        answer(203, b"{}"),
    ],
    ids=["empty", "text", "page", "204", "203"],
)
def test_answer_that_is_neither_yes_nor_no_is_not_taken_for_absence(book, said):
    with HttpStub(said) as stub, pytest.raises(Unresolved):
        book(stub.url, on_absent="drop").find(ANA)
