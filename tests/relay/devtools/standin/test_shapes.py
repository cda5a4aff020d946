import json

import pytest

from .client import ACCEPTED, ANA

FIELD_ROWS = [
    # name, what is taken, what is refused
    *[
        (name, ["", "Ana", "+593999000001"], [1, True, None, ["Ana"]])
        for name in ("first_name", "last_name", "email", "phone", "id_number", "notes")
    ],
    ("id_type", ["cedula", "pasaporte", "ruc", "rut", "otro"], ["Cedula", "dni", 1, None, []]),
    *[(name, [0, -1, 12], ["12", 1.0, True, None]) for name in ("agent_id", "campaign_id")],
    ("outbound_status", ["error", "delivered", "anything"], [1, None]),
    *[(name, ["text"], [1, None]) for name in ("campaign_url", "error_message")],
    *[
        (
            name,
            ["2019-08-24", "2024-02-29"],
            ["2019-08-24T10:00:00Z", "20190824", "2019-W34-6", "2019-8-4", "2023-02-29", "", 1566],
        )
        for name in ("creation_date", "sent_at", "delivered_at", "read_at", "last_chat_interaction")
    ],
    ("tags", [[], [{"name": "vip", "value": False}]], [
        {"name": "vip", "value": True}, ["vip"], [{"name": "vip", "value": "true"}],
        [{"name": 1, "value": True}], [{"name": "vip"}], [{"value": True}],
        [{"tag": "vip", "name": "vip", "value": True}],
    ]),
    ("custom_fields", [[], [{"field_name": "pais", "field_content": "EC"}]], [
        {"pais": "EC"}, [{"field_name": "total", "field_content": 10}],
        [{"field_name": None, "field_content": "10"}], [{"field_name": "total"}],
        [{"field_name": "total", "field_content:": "10"}],
    ]),
    ("customer_addresses_attributes", [[], [{}], [{"main": True, "country_id": 1}]], [{}, ["a"], None]),
]  # fmt: skip
ADDRESS_ROWS = [
    *[
        (name, ["", "-0.18"], [-0.18, 1, None])
        for name in (
            "address", "city", "state", "zip_code", "description", "latitude", "longitude",
        )
    ],
    ("country_id", [0, 7], ["EC", "7", True, 7.0, None]),
    ("main", [True, False], ["true", 1, None]),
]  # fmt: skip
CASES = [
    (json.dumps(body), right)
    for rows, wrap in (
        (FIELD_ROWS, lambda field: field),
        (ADDRESS_ROWS, lambda field: {"customer_addresses_attributes": [field]}),
    )
    for name, good, bad in rows
    for values, right in ((good, True), (bad, False))
    for value in values
    for body in [wrap({name: value})]
]


@pytest.mark.parametrize("body", [body for body, right in CASES if right])
def test_documented_type_is_taken(api, standin, body):
    reply = api.send_event(json.loads(body))

    assert (reply.status_code, reply.json()) == (200, ACCEPTED)
    assert standin.events[0].body == json.loads(body)


@pytest.mark.parametrize("body", [body for body, right in CASES if not right])
def test_wrong_type_is_a_failed_validation(api, standin, body):
    reply = api.send_event(json.loads(body))

    assert reply.status_code == 302
    assert "Location" not in reply.headers
    (name,) = json.loads(body)
    assert all(error.startswith(f"body.{name}") for error in reply.json()["errors"])
    assert reply.json()["errors"]
    assert standin.events == []


@pytest.mark.parametrize("body", [{"event": "x"}, {"customer": {}}, {"id": ANA}, {"metadata": {}}])
def test_unknown_field_is_a_failed_validation(api, body):
    (name,) = body

    reply = api.send_event(body)

    assert (302, {"errors": [f"body.{name} is unknown"]}) == (reply.status_code, reply.json())


def test_errors_name_every_wrong_field_and_no_content(api):
    reply = api.send_event({"email": 5550001, "tags": [{}], "sent_at": "ayer"})

    assert reply.json()["errors"] == [
        "body.email must be a string",
        "body.tags[0].name is missing",
        "body.tags[0].value is missing",
        "body.sent_at must be a date, YYYY-MM-DD",
    ]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff{}", b"[" * 100_000],
    ids=lambda raw: raw[:9],
)
def test_anything_but_a_json_object_is_a_failed_validation(api, standin, raw):
    reply = api.send_event(data=raw, headers={"Content-Type": "application/json"})

    assert (reply.status_code, reply.json()) == (302, {"errors": ["body must be a JSON object"]})
    assert standin.events == []


def test_object_of_another_content_type_is_a_failed_validation(api):
    assert api.send_event(data=b"{}", headers={"Content-Type": "text/plain"}).status_code == 302
