"""What a platform's API wrote comes back marked: a source ignores it, or has it delivered."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from relay.inbound.contract import Platform
from relay.inbound.declaration_check import check_declaration
from relay.inbound.places import Echo, FieldIs, Header
from relay.inbound.signature import Hmac
from relay.inbound.topics import Topic
from relay.model import AwaitingLookup, Call, Ignored
from relay.pipeline import flattened, translate
from relay.platforms import discovered
from tests.platform_samples import request_of, source_of


def translated(platform: str, sample: str, old: str, new: str, echo: str = ""):
    request = request_of(platform, sample)
    assert old.encode() in request.body
    request = replace(request, body=request.body.replace(old.encode(), new.encode()))
    source = replace(source_of(platform), echo=echo)
    (item, *_) = flattened(translate(request, source))
    return item


AC = ("initiated_by=admin", "initiated_by=api")
PIPEDRIVE = ('"change_source":"app"', '"change_source":"api"')
HUBSPOT = ('"changeSource":"CRM"', '"changeSource":"INTEGRATION"')
# platform, sample, what a person did and what the API did, what becomes of the latter by default
MARKS = [
    ("activecampaign", "update", *AC, Ignored),
    ("activecampaign", "contact_tag_added", *AC, Ignored),
    ("activecampaign", "subscribe", *AC, Call),
    ("pipedrive", "change_person", *PIPEDRIVE, Ignored),
    ("pipedrive", "create_person", *PIPEDRIVE, Call),
    ("hubspot", "contact_propertyChange", *HUBSPOT, AwaitingLookup),
    ("hubspot", "contact_creation", '"changeSource":"CRM"', '"changeSource":"API"', AwaitingLookup),
    ("brevo", "contact_updated", '"event":', '"api_key_name":"CRM","event":', Ignored),
]


@pytest.mark.parametrize(("platform", "sample", "person", "api", "default"), MARKS)
def test_source_decides_what_becomes_of_what_the_api_wrote(platform, sample, person, api, default):
    topic = translated(platform, sample, person, api, "ignore").topic
    ignored = Ignored(topic, "made_by_an_api")
    assert translated(platform, sample, person, api, "ignore") == ignored
    assert not isinstance(translated(platform, sample, person, api, "deliver"), Ignored)
    by_default = translated(platform, sample, person, api)
    assert isinstance(by_default, default)
    assert by_default == ignored or default is not Ignored


@pytest.mark.parametrize(("platform", "sample", "person", "_api", "_default"), MARKS)
def test_what_a_person_did_is_never_taken_for_it(platform, sample, person, _api, _default):
    assert not isinstance(translated(platform, sample, person, person, "ignore"), Ignored)


def test_empty_mark_is_none():
    empty = ('"event":', '"api_key_name":"","event":')
    assert isinstance(translated("brevo", "contact_updated", *empty, "ignore"), Call)


def test_mark_in_a_header_is_kept_for_parsing_again():
    platform = replace(discovered()["shopify"], echo=Echo(Header("x-made-by")))
    source = replace(source_of("shopify"), platform=platform, echo="ignore")
    request = request_of("shopify", "orders_create")
    marked = replace(request, headers={**request.headers, "x-made-by": "app"})
    assert source.headers_to_store(marked)["x-made-by"] == "app"
    assert flattened(translate(marked, source)) == [Ignored("orders/create", "made_by_an_api")]
    assert isinstance(flattened(translate(request, source))[0], Call)


def test_topic_that_an_echo_names_has_to_exist():
    acme = Platform(
        name="acme", title="Acme", docs="", scheme=Hmac(headers=("x-acme",)),
        topics={"made": Topic(type="order.created")}, echo=Echo(FieldIs("by", "api"), ("mad",)),
    )  # fmt: skip
    with pytest.raises(TypeError, match="acme: no topic 'mad', named by its echo"):
        check_declaration(acme)


def test_form_and_json_have_their_mark_read_alike():
    form = urlencode({"type": "update", "initiated_by": "API", "contact[email]": "ana@example.com"})
    request = replace(request_of("activecampaign", "update"), body=form.encode())
    assert flattened(translate(request, source_of("activecampaign"))) == [
        Ignored("update", "made_by_an_api")
    ]
