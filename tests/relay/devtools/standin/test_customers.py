import pytest

from relay.devtools.standin import API, Invalid, demo_customers

from .client import ANA, REFS


@pytest.mark.parametrize("ref", REFS)
def test_customer_is_found_by_id_phone_and_email(api, ref):
    reply = api.get(f"{API}/customers/{ref}")

    assert reply.status_code == 200
    assert reply.json()["message"] == "Customer found successfully"
    assert reply.json()["customer"]["id"] == ANA


@pytest.mark.parametrize(
    "ref", ["525599000003", "%2B525599000003", "0999000001", "ana", "%2B", "%40"]
)
def test_customer_is_not_found_by_anything_alike(api, ref):
    assert api.get(f"{API}/customers/{ref}").status_code == 404


def test_customer_comes_back_in_the_shape_it_is_read_in(api, standin):
    standin.add_customer(
        id="1713qwert2001",
        phone="+593999000099",
        tags=[{"name": "vip", "value": True}, {"name": "old", "value": False}],
        custom_fields=[{"field_name": "ciudad", "field_content": "Quito"}],
        customer_addresses_attributes=[{"city": "Quito", "main": True}],
        outbound_status="sent",
    )

    customer = api.get(f"{API}/customers/1713qwert2001").json()["customer"]

    assert customer.pop("tags") == [{"tag": "vip", "web_id": "1713vip"}]
    assert customer.pop("custom_fields") == [{"field_name": "ciudad", "field_content:": "Quito"}]
    assert customer.pop("customer_addresses") == [{"city": "Quito", "main": True}]
    assert customer.pop("outbound_status") == "sent"
    assert customer.pop("whatsapp_opt_in") is False
    assert {name for name, value in customer.items() if value} == {"id", "phone"}
    assert customer.keys() == {
        "id", "first_name", "last_name", "email", "phone", "meli_customer_id", "meli_nickname",
        "id_type", "id_number", "address", "city", "state", "zip_code", "country_id", "notes",
        "whatsapp_name",
    }  # fmt: skip


def test_integer_ids_come_back_as_numbers_and_are_taken_as_ids(api, standin):
    assert api.get(f"{API}/customers/1001").status_code == 404
    standin.behaviour.integer_ids = True

    assert api.get(f"{API}/customers/ana@example.com").json()["customer"]["id"] == 1001
    assert api.get(f"{API}/customers").json()["customers"][1]["id"] == 1002
    assert api.get(f"{API}/customers/1001").json()["customer"]["email"] == "ana@example.com"
    assert api.send_event(ref="1001").status_code == 200
    assert standin.events[0].customer_id == ANA


def test_listing_has_pages_of_a_hundred_and_announces_one_too_many(api, standin):
    for number in range(196):
        standin.add_customer(phone=f"+5939990{number:05}9")

    pages = [api.get(f"{API}/customers", params={"page": page}).json() for page in (0, 1, 2, 3)]

    assert [len(page["customers"]) for page in pages] == [100, 100, 100, 0]
    assert pages[0] == pages[1] == api.get(f"{API}/customers").json()
    assert {(200, 3)} == {(page["results"], page["total_pages"]) for page in pages}
    assert len({one["id"] for page in pages for one in page["customers"]}) == 200


@pytest.mark.parametrize(
    "wrap", [lambda body: body, lambda body: {"customer": body}], ids=["flat", "wrapped"]
)
def test_customer_is_created_and_can_receive_events(api, standin, wrap):
    body = {"first_name": "Eva", "phone": "+593999000055", "id": "ignored"}

    reply = api.post(f"{API}/customers", json=wrap(body))

    assert (reply.status_code, reply.json()["message"]) == (200, "Customer created successfully")
    new = reply.json()["customer"]
    assert (new["first_name"], new["phone"]) == ("Eva", "+593999000055")
    assert new["id"].startswith("1713")
    assert new["id"].endswith("1005")
    assert len(new["id"]) == len("1713huaxq1352")
    assert new["id"] in standin.customers
    assert api.send_event(ref=new["id"]).status_code == 200


REFUSED_CUSTOMERS = [
    ({"phone": "+593999000001"}, "Phone has already been taken"),
    ({"phone": "593999000001"}, "Phone has already been taken"),
    ({"phone": "+1", "email": "Ana@Example.com"}, "Email has already been taken"),
    ({"first_name": "Nadie"}, "Phone or email can't be blank"),
    ({"phone": "", "email": ""}, "Phone or email can't be blank"),
    ({}, "Phone or email can't be blank"),
    ({"phone": 593999000077}, "body.phone must be a string"),
    ({"phone": "+1", "country_id": 1}, "body.country_id must be a string"),
    ({"phone": "+1", "self": "x"}, "body.self is unknown"),
    ({"customer": []}, "customer must be an object"),
    ([], "body must be a JSON object"),
]


@pytest.mark.parametrize("body, error", REFUSED_CUSTOMERS)
@pytest.mark.parametrize("status", [302, 422])
def test_customer_that_fails_validation_is_not_created(api, standin, body, error, status):
    standin.behaviour.validation = status

    reply = api.post(f"{API}/customers", json=body)

    assert (status, {"errors": [error]}) == (reply.status_code, reply.json())
    assert "Location" not in reply.headers
    assert len(standin.customers) == 4


@pytest.mark.parametrize("ref", REFS)
def test_update_writes_only_what_it_is_given(api, standin, ref):
    path = f"{API}/customers/{ref}"
    rows = [{"field_name": "a", "field_content": "1"}, {"field_name": "b", "field_content": "2"}]
    first = {"tags": [{"name": "vip", "value": True}], "custom_fields": rows, "id": "ignored"}
    address = {"customer_addresses_attributes": [{"city": "Quito"}]}
    second = {
        "tags": [{"name": "vip", "value": False}, {"name": "new", "value": True}],
        "custom_fields": [{"field_name": "a", "field_content": "3"}],
    }

    replies = [api.put(path, json=body) for body in (first, address, {"customer": address}, second)]

    assert {(200, "Customer updated successfully")} == {
        (reply.status_code, reply.json()["message"]) for reply in replies
    }
    assert "customer" not in replies[0].json()
    ana = standin.customers[ANA]
    assert (ana["id"], ana["first_name"], ana["phone"]) == (ANA, "Ana", "+593999000001")
    assert [tag["tag"] for tag in ana["tags"]] == ["new"]
    assert [row["field_content:"] for row in ana["custom_fields"]] == ["3", "2"]
    assert ana["customer_addresses"] == [{"city": "Quito"}] * 2


def test_update_keeps_phone_and_email_unique(api):
    def update(**fields):
        return api.put(f"{API}/customers/{ANA}", json=fields).status_code

    assert update(phone="+593999000001", email="ana@example.com") == 200
    assert update(phone="+573009000002") == 302
    assert update(email="beto@example.com") == 302
    assert api.put(f"{API}/customers/nobody", json={}).status_code == 404


def test_seeded_customer_needs_no_contact_but_may_not_clash(standin):
    first, second = standin.add_customer(), standin.add_customer(first_name="Solo")

    assert first != second
    with pytest.raises(Invalid, match="Phone has already been taken"):
        standin.add_customer(phone="593999000001")


def test_demo_people_are_invented_and_can_be_looked_up(api):
    people = demo_customers()

    assert [person["country_id"] for person in people] == ["EC", "CO", "MX", "PE"]
    for person in people:
        assert person["email"].endswith("@example.com")
        for ref in (person["id"], person["phone"], person["phone"][1:], person["email"]):
            assert api.get(f"{API}/customers/{ref}").json()["customer"]["id"] == person["id"]


def test_listing_can_be_filtered_by_document(api, standin):
    ana = standin.add_customer(phone="+1", id_type="cedula", id_number="1710034065")
    standin.add_customer(phone="+2", id_type="ruc", id_number="1710034065")

    def ids(**params: str) -> list[str]:
        reply = api.get(f"{API}/customers", params=params).json()
        assert reply["results"] == len(reply["customers"])
        return [customer["id"] for customer in reply["customers"]]

    assert ids(id_type="cedula", id_number="1710034065") == [ana]
    assert len(ids(id_number="1710034065")) == 2
    assert ids(id_number="1") == []
