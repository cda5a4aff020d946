"""Forms, character sets and JSON as one value, from the bytes that were signed."""

import json

import pytest
import senders
from cases import all_of
from hypothesis import given, settings, strategies as st

from relay.errors import Unreadable
from relay.inbound.bodies import Body, form_value, nested, parse_body
from relay.model import Call, WebhookRequest
from relay.pipeline import parse, translate

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x-Y-z"
LEAD = {"name": "Lucía Ñandú", "form": "Cotización"}


def request(body: bytes, content_type: str = "") -> WebhookRequest:
    return senders.delivery({"content-type": content_type} if content_type else {}, body)


def parts(*named: tuple[str, bytes], boundary: str = "x-Y-z") -> bytes:
    """A multipart body; a name may bring further parameters and headers with it."""
    lines = [
        b"--%b\r\nContent-Disposition: form-data; name=%b\r\n\r\n%b\r\n"
        % (boundary.encode(), name.encode(), content)
        for name, content in named
    ]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


@all_of(
    ("content_type", "body"),
    [
        ("", json.dumps(LEAD).encode()),
        ("application/json", json.dumps(LEAD, ensure_ascii=False).encode()),
        ("application/json", json.dumps(LEAD, ensure_ascii=False).encode("utf-8-sig")),
        ("application/json", json.dumps(LEAD, ensure_ascii=False).encode("utf-16")),
        ("text/plain; charset=utf-8", json.dumps(LEAD, ensure_ascii=False).encode()),
        ("application/json; charset=ISO-8859-1", json.dumps(LEAD, ensure_ascii=False).encode("latin-1")),
        ("application/json; charset=latin1", json.dumps(LEAD, ensure_ascii=False).encode("latin-1")),
        ('application/json; charset="windows-1252"', json.dumps(LEAD, ensure_ascii=False).encode("cp1252")),
        ("application/json;charset=UTF-16LE", json.dumps(LEAD, ensure_ascii=False).encode("utf-16-le")),
        # Declared by a server's default, and not so.
        ("application/json; charset=ISO-8859-1", json.dumps(LEAD, ensure_ascii=False).encode()),
        ("application/json; charset=nonsense", json.dumps(LEAD, ensure_ascii=False).encode()),
        # Encoded twice.
        ("application/json", json.dumps(json.dumps(LEAD)).encode()),
        # curl's default for any body.
        (FORM, json.dumps(LEAD).encode()),
        (FORM, b"name=Luc%C3%ADa+%C3%91and%C3%BA&form=Cotizaci%C3%B3n"),
        (FORM, b"name=Luc%EDa+%D1and%FA&form=Cotizaci%F3n"),
        (FORM, "name=Lucía+Ñandú&form=Cotización\r\n".encode()),
        (f"{FORM}; charset=ISO-8859-1", "name=Lucía+Ñandú&form=Cotización".encode("latin-1")),
        (MULTIPART, parts(('"name"', "Lucía Ñandú".encode()), ('"form"', "Cotización".encode()))),
        (MULTIPART, parts(('"name"', "Lucía Ñandú".encode("latin-1")), ("form", "Cotización".encode()))),
        (MULTIPART, parts(('"name"\r\nContent-Type: text/plain; charset=cp850', "Lucía Ñandú".encode("cp850")),
                          ("form", "Cotización".encode()))),
        (f"{MULTIPART}; charset=cp850", parts(("name", "Lucía Ñandú".encode("cp850")), ("form", "Cotización".encode("cp850")))),
        (f"{FORM}; charset=cp850", "name=Lucía+Ñandú&form=Cotización".encode("cp850")),
        (f"{FORM}; charset=cp850", b"name=Luc%A1a+%A5and%A3&form=Cotizaci%A2n"),
        ("application/json; charset=cp850", json.dumps(LEAD, ensure_ascii=False).encode("cp850")),
    ],
)  # fmt: skip
def test_one_lead_in_many_notations(content_type, body):
    assert parse_body(request(body, content_type)) == Body(LEAD)


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=nonsense", "; charset=idna"])
def test_json_that_does_not_say_so_is_in_the_character_set_of_the_west(charset):
    body = '{"name": "Lucía Núñez €"}'.encode("cp1252")
    assert parse_body(request(body, f"application/json{charset}")) == Body(
        {"name": "Lucía Núñez €"}
    )


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/plain;charset=UTF-8"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_form_without_a_content_type_is_one(start, content_type):
    """A script sends its form so where it was told nothing else."""
    body = b"lead%5Bname%5D=Luc%C3%ADa&age=7"
    if start:
        content_type = FORM
    assert parse_body(request(start + body, content_type)) == Body(
        {"lead": {"name": "Lucía"}, "age": "7"}
    )


@all_of(
    ("form", "value"),
    [
        ("a=1", {"a": "1"}),
        ("a=&b", {"a": "", "b": ""}),
        ("fields[email][value]=x", {"fields": {"email": {"value": "x"}}}),
        ("fields%5Bemail%5D%5Bvalue%5D=x", {"fields": {"email": {"value": "x"}}}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[0]=1&a[1]=2", {"a": ["1", "2"]}),
        ("a[1]=1&a[2]=2", {"a": {"1": "1", "2": "2"}}),
        ("a[0][b]=1&a[1][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        ("a=1&a=1", {"a": "1"}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[b]=1&a=2", {"a": "2"}),
        ("a.b=1", {"a.b": "1"}),
        ("a[b=1&[c]=2&d]=3", {"a[b": "1", "[c]": "2", "d]": "3"}),
        ("a" + "[b]" * 9 + "=1", {"a" + "[b]" * 9: "1"}),
        ('payload={"lead":{"email":"x"}}', {"payload": {"lead": {"email": "x"}}}),
        ('events=[{"event":"open"}]', {"events": [{"event": "open"}]}),
        ("note=[hola]", {"note": "[hola]"}),
        ("note={hola}", {"note": "{hola}"}),
        ("note=[1]", {"note": "[1]"}),
        ("", {}),
    ],
)
def test_brackets_of_a_form_are_objects_and_lists(form, value):
    assert form_value(form.encode()) == value


@pytest.mark.parametrize("form", [b"{a=1", b"[a=1"])
def test_form_that_begins_as_json_does_is_a_form(form):
    assert parse_body(request(form, FORM)) == Body({form[:2].decode(): "1"})


def test_part_without_a_name_is_no_crash():
    body = parts(('"name"', b"Ana")).replace(b"; name=", b"; other=")
    assert parse_body(request(body, MULTIPART)) == Body({"0": "Ana"})


def test_files_are_left_out_and_named():
    body = parts(
        ('"name"', b"Ana"),
        ('"photo"; filename="ana.png"\r\nContent-Type: image/png', b"\x89PNG\x00\xff"),
        ('"fields[cv]"; filename=""', b""),
        ('"form"', b"Empleo"),
    )
    assert parse_body(request(body, MULTIPART)) == Body(
        {"name": "Ana", "form": "Empleo"}, {"photo": "file", "fields[cv]": "file"}
    )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"name=Ana"),
        ("", b"name Ana"),
        ("application/json", b"{"),
        ("application/json", b'{"name": "\x81"}'),
        ("application/json; charset=iso-8859-1", '{"name": "Lucía"'.encode("latin-1")),
        (FORM, b"&".join(b"a%d=1" % i for i in range(2_001))),
        (MULTIPART, parts(*((f'"a{i}"', b"1") for i in range(2_001)))),
        (MULTIPART, b""),
        (MULTIPART, b"name=Ana"),
        (MULTIPART, parts(('"name"', b"Ana"))[:-9]),
        ("multipart/form-data", parts(('"name"', b"Ana"))),
        ("multipart/form-data; boundary=", parts(('"name"', b"Ana"))),
        ("multipart/form-data; boundary=other", parts(('"name"', b"Ana"))),
    ],
)
def test_body_that_is_nothing_of_the_kind_is_unreadable(content_type, body):
    with pytest.raises(Unreadable) as error_info:
        parse_body(request(body, content_type))
    assert set(error_info.value.reasons) == {"body"}


@given(
    st.binary(max_size=200), st.sampled_from([FORM, MULTIPART, "application/json; charset=utf-16"])
)
@settings(deadline=None)
def test_any_bytes_have_a_value_or_are_unreadable(body, content_type):
    try:
        value = parse_body(request(body, content_type)).value
    except Unreadable:
        return
    json.dumps(value).encode()


KEYS = st.text("ab01[]", min_size=1, max_size=8)


@given(st.lists(st.tuples(KEYS, st.text('xy{}[]"1:', max_size=6)), max_size=6))
def test_any_names_of_a_form_make_an_object(pairs):
    assert isinstance(nested(pairs), dict)
    json.dumps(nested(pairs))


OPTIONS = """
    auth = { kind = "hmac", encoding = "hex", prefix = "sha256=" }
    events = "leads"
    type = "event"
    id = "id"
    fields = { form = "form" }
    contact = { email = "lead.email", first_name = "lead.name" }
"""
SOURCE = senders.source_of("generic", options=OPTIONS)
FORM_LEAD = b"event=form.submitted&id=1&lead[name]=Luc%EDa&lead[email]=lucia%40example.com&form=A"
JSON_LEAD = (
    '{"event": "form.submitted", "id": 1, "lead": {"email": "lucia@example.com", "name": "Lucía"}}'
)


@pytest.mark.parametrize(
    ("content_type", "body", "count"),
    [
        (FORM, FORM_LEAD, 1),
        (FORM, b"leads=[" + JSON_LEAD.encode() + b"," + JSON_LEAD.encode() + b"]", 2),
        ("application/json; charset=iso-8859-1", JSON_LEAD.encode("latin-1"), 1),
        ("application/json; charset=latin1", f'{{"leads": [{JSON_LEAD}, {JSON_LEAD}]}}'.encode("latin-1"), 2),
        (MULTIPART, parts(('"event"', b"form.submitted"), ('"lead[email]"', b"lucia@example.com"),
                          ('"lead[name]"', "Lucía".encode()), ('"cv"; filename="a.pdf"', b"%PDF")), 1),
    ],
)  # fmt: skip
def test_event_of_any_notation_is_parsed_again_from_what_is_stored(content_type, body, count):
    received = request(body, content_type)
    calls = translate(received, SOURCE)
    assert [type(call) for call in calls] == [Call] * count
    headers = SOURCE.headers_to_store(received)
    assert headers == {"content-type": content_type}
    for call in calls:
        assert isinstance(call, Call)
        assert (call.customer.email, call.customer.first_name) == ("lucia@example.com", "Lucía")
        stored = WebhookRequest("POST", "", headers, call.raw, received.received_at)
        assert translate(stored, SOURCE) == [call]


def test_form_without_a_type_is_held_whole():
    body = parts(('"lead[email]"', b"ana@example.com"), ('"cv"; filename="a.pdf"', b"%PDF"))
    (held,) = translate(request(body, MULTIPART), SOURCE)
    assert (held.reason, held.raw) == ("unreadable", body)


def test_file_that_was_left_out_is_named_on_the_event():
    body = parts(('"event"', b"form.submitted"), ('"lead[email]"', b"ana@example.com"),
                 ('"lead[name]"', b"Ana"), ('"cv"; filename="a.pdf"', b"%PDF"))  # fmt: skip
    (event,) = parse(request(body, MULTIPART), SOURCE)
    assert event.omitted_fields == {"cv": "file"}
    (call,) = translate(request(body, MULTIPART), SOURCE)
    assert call.omitted_fields["cv"] == "file"
