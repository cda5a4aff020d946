"""Who filled a form in, among questions that its owner has named."""

import json
from dataclasses import replace

import pytest
from platform_samples import request_of, source_of

from relay.inbound.form_answers import Answer, Answers, answer_text, objects, of_form
from relay.inbound.payload_schema import PayloadSchema, validate
from relay.model import Event
from relay.pipeline import parse


@pytest.mark.parametrize(
    ("label", "part"),
    [
        ("Correo electrónico", "email"),
        ("Tu e-mail", "email"),
        ("Email address", "email"),
        ("WhatsApp", "phone"),
        ("Teléfono celular", "phone"),
        ("Número de móvil", "phone"),
        ("Nombre", "first_name"),
        ("Nombres y apellidos", "name"),
        ("Nombre completo", "name"),
        ("Full name", "name"),
        ("¿Cómo te llamas?", "name"),
        ("Apellido", "last_name"),
        ("Cédula o RUC", "id_number"),
        ("Comentarios", "message"),
    ],
)
def test_a_label_says_what_an_answer_is(label, part):
    assert of_form([Answer(label, "x")]) == {part: "x"}


@pytest.mark.parametrize("label", ["Producto", "Hotel", "Renombre", "¿Cuántas unidades?"])
def test_other_labels_say_nothing(label):
    assert of_form([Answer(label, "x")]) == {"answers": {label: "x"}}


def test_what_looks_like_an_email_is_one():
    assert of_form([Answer("¿Dónde te escribimos?", "ana@example.com")])["email"] == (
        "ana@example.com"
    )


def test_a_type_counts_more_than_a_label_and_the_first_answer_more_than_the_next():
    said = of_form(
        [
            Answer("Nombre de tu tienda", "Café Norte", "other"),
            Answer("Contacto", "ana@example.com", "email"),
            Answer("Correo", "otro@example.com"),
        ]
    )
    assert said["email"] == "ana@example.com"
    assert "first_name" not in said


def test_names_and_phones_come_in_parts():
    said = of_form(
        [
            Answer("Nombre", {"first": "Ana", "last": "Inventada"}, "name"),
            Answer("Celular", {"area": "099", "phone": "9000001"}, "phone"),
        ]
    )
    assert (said["first_name"], said["last_name"]) == ("Ana", "Inventada")
    assert said["phone"] == "099 9000001"


@pytest.mark.parametrize(
    ("value", "text"),
    [(["a", "b"], "a, b"), ({"x": ["a"]}, "a"), (True, ""), (None, ""), (5, "5"), ([], "")],
)
def test_answers_are_texts(value, text):
    assert answer_text(value) == text


def test_answers_that_are_none_are_left_out_and_named():
    payload = validate(PayloadSchema.of({"answers": Answers("said")}), {"said": ["Quito"]})
    assert (payload.data, payload.omitted_fields) == ({}, {"said": "not_an_object"})


def test_many_answers_do_not_fill_a_record():
    said = of_form(Answer(str(number), "x" * 10) for number in range(10_000))
    assert len(said["answers"]) == 60


@pytest.mark.parametrize(("value", "is_phone"), [("(099) 900-0001", True), ("1234", False)])
def test_of_a_question_without_words_a_phone_is_known_by_its_looks(value, is_phone):
    assert ("phone" in of_form([Answer("3", value)])) is is_phone
    assert "phone" not in of_form([Answer("Pedido", value)])


@pytest.mark.parametrize("value", [None, True, 1, "x", {}, {"label": "x"}, float("inf")])
def test_what_is_no_list_has_no_objects(value):
    assert objects(value) == []
    assert objects([value, {"label": "x"}, None])[-1:] == [{"label": "x"}]


@pytest.mark.parametrize("odd", [True, 7, "x", {"a": 1}])
def test_form_whose_answers_are_no_list_is_still_read(odd):
    for platform, (path, name) in {
        "tally": (("data", "fields"), "FORM_RESPONSE"),
        "typeform": (("form_response", "answers"), "form_response"),
        "google_forms": (("answers",), "form_submit"),
    }.items():
        request = request_of(platform, name)
        value = json.loads(request.body)
        node = value
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = odd
        (item,) = parse(replace(request, body=json.dumps(value).encode()), source_of(platform))
        assert isinstance(item, Event)
