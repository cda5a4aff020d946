"""Documents by the name of their field and by their check digit. Every number is invented, or is
the example of the authority that issues such numbers.
"""

import re
import time
from decimal import Decimal

import pytest
from cases import all_of
from hypothesis import example, given, strategies as st

from relay.mapping.identity import ID_TYPES, document_in, named_values, read_document, spellings

READ = [
    ("cedula", "171003406-5", "EC", "cedula", "1710034065"),
    ("C.I.", "1710034065", "EC", "cedula", "1710034065"),
    ("ruc", "1710034065001", "EC", "ruc", "1710034065001"),
    ("", "1710034065001", "EC", "ruc", "1710034065001"),
    ("ruc", "1710034065", "EC", "cedula", "1710034065"),  # a cédula in the field of the RUC
    ("rut", "12.531.909-2", "CL", "rut", "12531909-2"),
    ("RUT", "125319092", "CL", "rut", "12531909-2"),
    ("nit", "900.373.115-3", "CO", "otro", "9003731153"),
    ("cc", "1.020.304.050", "CO", "cedula", "1020304050"),
    # The NIT of a person is their cédula with a check digit, or by mistake without one.
    ("nit", "1.020.304.050-8", "CO", "otro", "10203040508"),
    ("NIT", "52.345.678-3", "CO", "otro", "523456783"),
    ("nit", "523456783", "CO", "otro", "523456783"),
    ("", "1.020.304.050-8", "CO", "otro", "10203040508"),
    ("nit", "1020304050", "CO", "cedula", "1020304050"),
    # Kept as a number, or with its name before it.
    ("cedula", "926687856", "EC", "cedula", "0926687856"),
    ("ruc", "926687856001", "EC", "ruc", "0926687856001"),
    ("dni", "4567891", "PE", "otro", "04567891"),
    ("cedula", "1710034065.0", "EC", "cedula", "1710034065"),
    ("cedula", "C.I. 171003406-5", "EC", "cedula", "1710034065"),
    ("rut", "RUT: 12.531.909-2", "CL", "rut", "12531909-2"),
    ("ci", "1.234.567-2", "UY", "cedula", "12345672"),
    ("ci", "4.567.891", "PY", "cedula", "4567891"),
    # Of another country, by a kind that only that one has.
    ("nit", "1.020.304.050-8", "EC", "otro", "10203040508"),
    ("rut", "12.531.909-2", "EC", "rut", "12531909-2"),
    ("ruc", "20512333797", "PE", "ruc", "20512333797"),
    ("DNI", "45678912", "PE", "otro", "45678912"),
    ("cuit", "20-26756539-3", "AR", "otro", "20267565393"),
    ("dni", "26.756.539", "AR", "otro", "26756539"),
    ("rfc", "gode561231gr8", "MX", "otro", "GODE561231GR8"),
    ("Pasaporte", "ab 123456", "EC", "pasaporte", "AB123456"),
    # Whatever stands between the digits, and what nobody sees.
    ("cedula", "1.710.034.065", "EC", "cedula", "1710034065"),
    ("cedula", "\u202a1710034065\u200b", "EC", "cedula", "1710034065"),
    ("ruc", "1710034065\u00a0001", "EC", "ruc", "1710034065001"),
    ("rut", "12,531,909-2", "CL", "rut", "12531909-2"),
    ("rut", "12.531.909 - 2", "CL", "rut", "12531909-2"),
    ("rut", "12531909\u20132", "CL", "rut", "12531909-2"),
    ("cuit", "20.26756539.3", "AR", "otro", "20267565393"),
    ("C.C.", "1\u00a0020\u00a0304\u00a0050", "CO", "cedula", "1020304050"),
    # The country's documents are not known: as written.
    ("ci", " 4567891 LP ", "BO", "cedula", "4567891 LP"),
    ("tarjeta", "7712", "BO", "otro", "7712"),
    ("", "7712", "BO", "", "7712"),
    ("", "", "EC", "", ""),
]
REFUSED = [
    ("cedula", "1710034064", "EC"),
    ("cedula", "9999999999", "EC"),  # "consumidor final"
    ("ruc", "9999999999999", "EC"),
    ("rut", "12.531.909-3", "CL"),
    ("rut", "66.666.666-6", "CL"),  # the receipt of nobody
    ("nit", "900.373.115-4", "CO"),
    ("nit", "222222222222", "CO"),
    ("nit", "1.020.304.050-9", "CO"),
    ("nit", "52.345.678-4", "CO"),
    ("nit", "12345672", "CO"),  # valid as a NIT, but without a hyphen it may be a cédula
    ("cedula", "0 1710034065", "EC"),
    ("cedula", "26687856", "EC"),
    ("ruc", "20512333798", "PE"),
    ("dni", "00000000", "PE"),
    ("cuit", "20-26756539-4", "AR"),
    ("rfc", "GODE561231GR9", "MX"),
    ("rfc", "XAXX010101000", "MX"),
    ("rfc", "XEXX010101000", "MX"),
]


@all_of(("kind", "number", "country", "id_type", "expected"), READ)
def test_document_is_read(kind, number, country, id_type, expected):
    assert read_document(kind, number, country) == (id_type, expected, "")


@all_of(("kind", "number", "country"), REFUSED)
def test_number_that_cannot_be_is_no_document(kind, number, country):
    assert read_document(kind, number, country) == ("", "", "check_digit")
    assert document_in([(kind, number)], country) == ("", "")


@pytest.mark.parametrize("text", ["." * 100_000, "A " * 50_000, "1." * 50_000, "\u0660" * 100_000])
def test_number_of_any_length_takes_no_time(text):
    """Whoever fills a form in writes what they like."""
    began_s = time.process_time()

    assert read_document("ruc", text, "EC") == ("", "", "too_long")
    assert document_in([("ruc", text)], "EC") == ("", "")
    assert time.process_time() - began_s < 5


CEDULA, RUC = "1710034065", "1710034065001"


@pytest.mark.parametrize(
    "name",
    ["billing_cedula", "_billing_cedula", "cedula", "Cédula", "Cédula / RUC", "C.I.", "billing_ruc",
     "_billing_identificacion", "billing_documento", "Número de documento", "_billing_dni",
     "invoice_identification", "identificacion_factura", "cc", "CC",
     "_wc_billing/mi-plugin/cedula", "nro_doc", "Documento de identidad", "billing_id_number", "billingCedula",
     "N° de identificación", "Nº de documento", "Identificación tributaria", "_billing_nif", "Ingrese su identificación",
     "Identificación para la factura", "Documento del comprador", "Número de identificación del titular",
     "additional_documento", "Cédula o pasaporte"],
)  # fmt: skip
def test_field_with_a_document_is_known_by_its_name(name):
    kind, number = document_in([("total", "10"), (name, CEDULA)], "EC")
    assert read_document(kind, number, "EC") == ("cedula", CEDULA, "")


@pytest.mark.parametrize(
    "name",
    ["_shipping_cedula", "_wc_shipping/x/cedula", "Cédula del destinatario", "ruc_name", "order_id",
     "_transaction_id", "cedula_url", "fecha_cedula", "document_id", "_billing_phone", "c", "", "cc_number", "cc_trans_id", "cc owner",
     "Cédula de quien recibe", "Cédula de quien retira", "cedula_recoge", "receptor_cedula", "CI del beneficiario",
     "Cédula para el regalo", "Documento de compra", "order_document"],
)  # fmt: skip
def test_other_field_holds_no_document_of_the_buyer(name):
    assert document_in([(name, CEDULA)], "EC") == ("", "")


@pytest.mark.parametrize(
    ("name", "value", "country", "kind"),
    [
        ("billing_cedula", "V-12345678", "VE", "cedula"),
        ("billing_ci", "4567891 LP", "BO", "cedula"),
        ("Cédula", "8-123-456", "PA", "cedula"),
        ("RIF", "J-30123456-7", "VE", "rif"),
        ("dui", "01234567-8", "SV", "dui"),
        ("num_doc", "4567891", "BO", ""),
        ("cedula", "no tengo", "PA", ""),
        ("cedula", "0000000", "PA", ""),
    ],
)
def test_document_of_a_country_without_a_check_is_found_by_its_name(name, value, country, kind):
    assert document_in([(name, value)], country) == (kind, value if kind else "")


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("Cédula o pasaporte", "AB123456", ("pasaporte", "AB123456", "")),
        ("RUC / Cédula / Pasaporte", "ab 123456", ("pasaporte", "AB123456", "")),
        ("Documento o passport", "AB123456", ("pasaporte", "AB123456", "")),
        ("Cédula o pasaporte", "1710034064", ("", "", "")),  # a cédula with a wrong digit
        ("Cédula o RUC", "AB123456", ("", "", "")),
    ],
)
def test_passport_in_a_field_for_several_kinds_has_a_letter(name, number, expected):
    kind, found = document_in([(name, number)], "EC")
    assert read_document(kind, found, "EC") == expected


@pytest.mark.parametrize("value", [None, True, 1.5, [], {}, "", " ", "no tengo", "123"])
def test_value_that_is_no_document(value):
    assert document_in([("cedula", value)], "EC") == ("", "")


@pytest.mark.parametrize(
    "value", [1710034065, 1710034065.0, Decimal("1710034065.0"), "1710034065.0"]
)
def test_document_that_came_as_a_number_is_one(value):
    assert document_in([("cedula", 1710034064.0), ("cédula", value)], "EC")[0] == "cedula"


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("CC", "52.999.111", ("cedula", "52999111", "")),
        ("C.C.", "52999111", ("cedula", "52999111", "")),
        ("billing_cc", "1020304050", ("cedula", "1020304050", "")),
        ("C.C. / NIT", "52999111", ("cedula", "52999111", "")),
        ("CC o NIT", "900.373.115-3", ("otro", "9003731153", "")),
    ],
)
def test_cc_is_a_cedula_where_nothing_else_is_said(name, number, expected):
    kind, found = document_in([(name, number)], "CO")
    assert read_document(kind, found, "CO") == expected


def test_first_valid_document_counts():
    fields = [("cedula", "1710034064"), ("billing_ruc", int(RUC)), ("dni", CEDULA)]
    assert document_in(fields, "EC") == ("ruc", RUC)


@pytest.mark.parametrize(
    ("kind", "number", "country", "expected"),
    [
        ("C", CEDULA, "EC", ("cedula", CEDULA, "")),
        ("R", RUC, "EC", ("ruc", RUC, "")),
        ("P", "AB123456", "EC", ("pasaporte", "AB123456", "")),
        ("Cédula", "1020304050", "CO", ("cedula", "1020304050", "")),
        ("NIT", "9003731153", "CO", ("otro", "9003731153", "")),
        ("", "1020304050", "CO", ("cedula", "1020304050", "")),
    ],
)
def test_kind_may_have_a_field_of_its_own(kind, number, country, expected):
    fields = [("_billing_type_id", kind), ("_billing_documento", number)]
    assert read_document(*document_in(fields, country), country) == expected


def test_country_that_is_not_known_yet_is_left_to_the_destination():
    kind, number = document_in([("cedula", CEDULA)], "")
    assert read_document(kind, number, "EC") == ("cedula", CEDULA, "")


def test_named_values_of_lists_and_objects():
    rows = [{"name": "a", "value": 1}, {"key": "b", "value": None}, {"label": "c"}, {"value": 4}, 5]
    assert list(named_values(rows)) == [("a", 1), ("b", None), ("c", None)]
    assert list(named_values({"dni": "1"})) == [("dni", "1")]
    assert [*named_values(None), *named_values("x")] == []


@pytest.mark.parametrize(
    ("id_type", "number", "expected"),
    [
        ("cedula", CEDULA, (CEDULA,)),
        ("rut", "12531909-2", ("12531909-2", "125319092", "12.531.909-2")),
        ("rut", "211003420017", ("211003420017",)),
        ("otro", "9003731153", ("9003731153", "900373115-3", "900.373.115-3")),
        ("otro", "45678912", ("45678912",)),
    ],
)
def test_spellings_of_a_number(id_type, number, expected):
    assert spellings(id_type, number) == expected


@example("", "0000000-0", "CL")
@example("rut", "0.0000-000", "CL")
@given(
    st.text(max_size=20),
    st.text(max_size=20) | st.from_regex(r"[\d.-]{5,14}", fullmatch=True),
    st.sampled_from(["EC", "CL", "CO", "PE", "AR", "MX", "UY", "PY", "BR", "DO", "GT", "BO", ""]),
)
def test_any_text_is_a_document_or_has_a_reason(kind, number, country):
    id_type, value, reason = read_document(kind, number, country)
    assert bool(value or reason) == bool(number.strip())
    assert not (value and reason)
    assert id_type in ("", *ID_TYPES)
    if value:
        again = read_document(id_type, value, country)[1]
        # A zero that was lost may come back.
        texts = [re.sub(r"\W", "", text).upper().lstrip("0") for text in (again, value)]
        assert texts[0] == texts[1]
