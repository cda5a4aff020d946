"""Who filled a form in, among questions that its owner has named."""

import json
from dataclasses import replace

import pytest
from cases import all_of
from platform_samples import request_of, source_of

from relay.inbound.form_answers import Answer, Answers, answer_text, objects, of_form
from relay.inbound.payload_schema import PayloadSchema, validate
from relay.model import Event
from relay.pipeline import parse

# What an answer to a question looks like.
LOOKS = {"email": "ana@example.com", "phone": "099 900 0001", "id_number": "1710034065"}


@all_of(
    ("label", "part"),
    [
        ("Correo electrónico", "email"),
        ("Tu e-mail", "email"),
        ("Email address", "email"),
        ("WhatsApp", "phone"),
        ("Teléfono celular", "phone"),
        ("Número de móvil", "phone"),
        ("Cel.", "phone"),
        ("Celu", "phone"),
        ("Telf. convencional", "phone"),
        ("Tlf", "phone"),
        ("Fono", "phone"),
        ("Telefone", "phone"),
        ("Telephone", "phone"),
        ("Cell phone", "phone"),
        ("Mobile", "phone"),
        ("Número de contacto", "phone"),
        ("Nombre", "first_name"),
        ("Nombre de contacto", "first_name"),
        ("Nombre o empresa", "first_name"),
        ("Nombre (empresa o persona)", "first_name"),
        ("Nombre/Empresa", "first_name"),
        ("Nombre del representante legal", "first_name"),
        ("Nombres y apellidos", "name"),
        ("Apellidos y nombres", "name"),
        ("Nombre completo", "name"),
        ("Full name", "name"),
        ("¿Cómo te llamas?", "name"),
        ("Apellido", "last_name"),
        ("Cédula o RUC", "id_number"),
        ("Comentarios", "message"),
    ],
)
def test_a_label_says_what_an_answer_is(label, part):
    said = LOOKS.get(part, "x")
    assert of_form([Answer(label, said)]) == {part: said}


PERSON = [("Correo", "ana@example.com"), ("Celular", "0999000001"), ("Nombre", "Ana"),
          ("Cédula", "1710034065")]  # fmt: skip
ANA = {"email": "ana@example.com", "phone": "0999000001", "first_name": "Ana",
       "id_number": "1710034065"}  # fmt: skip


@all_of(
    ("label", "said"),
    [
        # The label names a way to write to people, the answer is no address.
        ("¿Cómo prefiere que le contactemos? (correo o WhatsApp)", "WhatsApp"),
        ("¿Prefieres WhatsApp o llamada?", "Llamada"),
        ("¿Tienes WhatsApp?", "Sí"),
        ("¿Acepta recibir ofertas por correo?", "Sí"),
        ("May we contact you by phone?", "Yes"),
        ("¿Qué modelo de celular buscas?", "Samsung A54"),
        ("¿Cuántos años tiene tu teléfono?", 2),
        ("Tipo de documento", "Cédula"),
        ("Ano do celular", "2025"),
        # Something else has a name.
        ("Nombre de la empresa", "Café Norte S.A."),
        ("Nombre de tu negocio", "Café Norte"),
        ("Nombre comercial", "Café Norte"),
        ("Company name", "Café Norte"),
        ("Nome da loja", "Café Norte"),
        ("Nombre de tu mascota", "Firulais"),
        ("Nombre del producto", "Café tostado"),
        ("Nombre del evento", "Feria"),
        ("Nombre del colegio", "Colegio Ficticio"),
        ("Nombre de usuario de Instagram", "@anacafe"),
        ("Nombre de tu hija", "Sol"),
        # Somebody else is meant.
        ("Nombre de quien recibe", "Rosa"),
        ("Teléfono de quien recibe", "0987654321"),
        ("Celular de la persona que recibirá el regalo", "0987654321"),
        ("Teléfono de quien retira", "0987654321"),
        ("Correo del destinatario", "rosa@example.com"),
        ("Nombre de la agasajada", "Rosa"),
        ("Correo de un amigo", "rosa@example.com"),
        ("Contacto de emergencia: teléfono", "0987654321"),
        ("Cédula del garante", "0912345675"),
        ("Recipient's phone", "0987654321"),
        ("Friend's email", "rosa@example.com"),
        ("Nombre del referido", "Rosa"),
    ],
)
def test_what_is_not_of_the_person_is_an_answer_like_others(label, said):
    for answers in ([(label, said), *PERSON], [*PERSON, (label, said)]):
        found = of_form([Answer(*answer) for answer in answers])
        assert found == {**ANA, "answers": {label: str(said)}}


@pytest.mark.parametrize("kind", ["phone", ""])
def test_somebody_else_is_written_to_where_nobody_else_can_be(kind):
    answers = [Answer("Nombre de quien recibe", "Rosa"),
               Answer("Teléfono de quien recibe", "0987654321", kind)]  # fmt: skip
    found = of_form([*answers, Answer("Tu nombre", "Ana")])
    assert (found["first_name"], found["phone"]) == ("Rosa", "0987654321")
    assert "phone" not in of_form([*answers, Answer("Correo", "ana@example.com", "email")])


@pytest.mark.parametrize(
    ("said", "part"), [("0999000001", "phone"), ("ana@example.com", "email"), ("Sí", None)]
)
def test_question_for_either_is_answered_with_one(said, part):
    expected = {part: said} if part else {"answers": {"WhatsApp o correo": said}}
    assert of_form([Answer("WhatsApp o correo", said)]) == expected


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
