"""Gravity Forms: entries whose fields have numbers for names."""

import json

import senders
from platform_samples import source_of

from relay.pipeline import parse


def entry(**fields: str):
    body = {"id": "12", "form_title": "Contacto", "2": "ana@example.com", **fields}
    (event,) = parse(senders.delivery({}, json.dumps(body).encode()), source_of("gravity_forms"))
    return event


def test_the_parts_of_a_name_are_found_by_number():
    event = entry(**{"1.3": "Ana", "1.6": "Inventada", "4": "Quiero información"})
    assert (event.contact.first_name, event.contact.last_name) == ("Ana", "Inventada")
    assert event.fields.answers == {"4": "Quiero información"}


def test_city_and_country_of_an_address_are_no_name():
    event = entry(**{"5.1": "Av. Imaginaria 123", "5.3": "Quito", "5.6": "Ecuador"})
    assert (event.contact.first_name, event.contact.last_name) == ("", "")
