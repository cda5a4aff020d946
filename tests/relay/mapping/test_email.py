"""One cleaner and one verdict for e-mail addresses as people and forms write them."""

import pytest
from cases import all_of
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, strategies as st

from relay.mapping.email import to_email

ANA = "ana@example.com"


@all_of(
    "text",
    [
        "ana@example.com",
        " ana@example.com ",
        "\u00a0ana@example.com\r\n",
        "\ufeffana@example.com\u200b",
        "ana\u200b@exam\u00adple.com",
        "\u202aana@example.com\u202c",
        "\tana@example.com\u2028",
        "ana@EXAMPLE.com",
        "ana @ example.com",
        "ana\N{FULLWIDTH COMMERCIAL AT}example.com",
        "\uff41\uff4e\uff41\uff20\uff45xample\uff0ecom",
        "\N{ENVELOPE} ana@example.com",
        "ana@example.com \N{CHECK MARK}",
        "ana@example.com/otra@example.com",
        "ana@example.com//otra@example.com",
        "ana@example.com y/o otra@example.com",
        "ana@example.com + otra@example.com",
        "mailto:ana@example.com",
        "https://ana@example.com/",
        "MAILTO: ana@example.com",
        "mailto:ana%40example.com",
        "mailto:ana@example.com?subject=Hola, Ana; otra@example.com",
        "<ana@example.com>",
        "<mailto:ana@example.com>",
        "Ana <ana@example.com>",
        "Ana Pérez\u00a0< ana@example.com >",
        '"Pérez, Ana" <ana@example.com>',
        '"otra@example.com" <ana@example.com>',
        "Ana (ana@example.com)",
        "ana@example.com (Ana Pérez)",
        "[ana@example.com](mailto:ana@example.com)",
        "'ana@example.com'",
        "«ana@example.com».",
        "ana@example.com,",
        "Correo: ana@example.com",
        "e-mail:ana@example.com",
        "Correo electrónico: ana@example.com",
        "ana@example.com - trabajo",
        "Trabajo - ana@example.com",
        "ana@example.com / 0991201222",
        "ana@example.com 0991201222",
        "ana@example.com +593991201222",
        "\u2022 ana@example.com",
        "*ana@example.com*",
        "=ana@example.com",
        "ana&#64;example.com",
        "ana&commat;example.com",
        "ana@example.com&nbsp;",
        "&lt;ana@example.com&gt;",
        "ana%40example.com",
        "ana@example. com",
        "ana@example .com",
        "Ana <ana@example. com>",
    ],
)
def test_address_is_found_in_what_stands_around_it(text):
    assert to_email(text) == (ANA, "")


BETWEEN = [";", ",", "; ", "\n", "\r\n", "|"]
PLAIN = [
    ("ana@example.com", "otra@example.com"),
    ("ana@@example", "ana@example.com"),
    ("invalid@invalid", "ana@example.com"),
    ("mailto:ana@example.com", "mailto:otra@example.com"),
]
# A name may have spaces, so a space alone does not end an address with a name.
NAMED = [("Ana <ana@example.com>", "Otra <otra@example.com>")]


@all_of(
    ("first", "separator", "second"),
    [(one, separator, two) for separator in BETWEEN for one, two in PLAIN + NAMED]
    + [(one, separator, two) for separator in (" ", " / ", " y ", " o ") for one, two in PLAIN],
)
def test_first_valid_address_of_several_is_taken(first, separator, second):
    assert to_email(f"{first}{separator}{second}") == (ANA, "")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ana@peña.example", "ana@peña.example"),
        ("ana@xn--pea-8ma.example", "ana@xn--pea-8ma.example"),
        ("ana@PEÑA.example", "ana@peña.example"),
        ("ñandú@example.com", "ñandú@example.com"),
        ("Ana.Perez+tienda@example.com", "Ana.Perez+tienda@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("ana/ventas@example.com", "ana/ventas@example.com"),
    ],
)
def test_domain_may_be_international_and_the_rest_stays_as_written(text, address):
    assert to_email(text) == (address, "")


@all_of(
    "text",
    [
        "ana",
        "ana at example.com",
        "ana@",
        "@example.com",
        "@ana",
        "ana@example",
        "invalid@invalid",
        "ana@localhost",
        "ana@tienda.local",
        "ana..perez@example.com",
        ".ana@example.com",
        "ana@exa_mple.com",
        "ana@-example.com",
        "ana@192.0.2.1",
        "7",
        "n/a",
        "-",
        "ana maria@example.com",  # would become maria's
        "ana,maria@example.com",
        "ana.rosa,maria@example.com; ",
        "ana maría perez@example.com; ",
        "ana@example.com.\u00a0ec",  # would become another company's
        "ana 0991201222 maria@example.com",
        f"{'a' * 250}@example.com",
        f"{'a' * 5000}@example.com",
        "ana@" + "a." * 200 + "com",
        "<>" * 400,
        "\ud83d@example.com",
    ],
)
def test_what_is_no_address_has_a_reason(text):
    assert to_email(text) == ("", "not_an_email")


@pytest.mark.parametrize(
    "text",
    ["sincorreo@gmail.com", "sin-correo@example.com", "Sin.Correo@example.com", "no_tiene@no.com",
     "noemail@noemail.com", "notiene1@example.com", "ConsumidorFinal@example.com"],
)  # fmt: skip
def test_address_that_says_that_there_is_none_is_nobodys(text):
    assert to_email(text) == ("", "not_an_email")
    assert to_email(f"{text}; {ANA}") == (ANA, "")


@pytest.mark.parametrize("text", ["", " ", "\r\n", "\u200b\u00a0"])
def test_nothing_at_all_has_no_reason(text):
    assert to_email(text) == ("", "")


@given(st.text(st.characters(exclude_categories=())) | st.emails())
def test_any_text_has_a_verdict(text):
    address, reason = to_email(text)

    assert reason in ("", "not_an_email")
    assert not (address and reason)
    if address:
        assert to_email(address) == (address, "")
        assert address.count("@") == 1
        assert not any(character.isspace() for character in address)


PLAIN = st.text("abz019_+-.", max_size=70)


@given(
    PLAIN, PLAIN | st.sampled_from(["example.com", "xn--bcher-kva.example", "local", "a.invalid"])
)
@example("a" * 64, "example.com")
@example("a" * 65, "example.com")
@example("a" * 64, f"{'b' * 60}.{'c' * 60}.{'d' * 60}.com")
@example("a" * 64, f"{'b' * 60}.{'c' * 60}.{'d' * 59}.example")
@example("a", f"{'b.' * 125}com")
@example("a", f"{'b.' * 126}com")
@example("a", f"{'b' * 64}.com")
@example("a", "xn--80ak6aa92e.com.")
@example("a", "b.xn--a.com")
def test_verdict_on_a_plain_address_is_that_of_the_library(local, domain):
    address = f"{local}@{domain}".strip(".")
    try:
        expected = validate_email(address, check_deliverability=False).ascii_email
    except EmailNotValidError:
        expected = ""

    assert to_email(address)[0] == expected


NOISE = st.text("\u00a0\u200b\ufeff \t\r\n\u2066\u2069", max_size=4)


@given(NOISE, st.sampled_from(["", "mailto:", "MailTo:"]), NOISE)
def test_noise_around_an_address_changes_nothing(before, link, after):
    assert to_email(f"{before}{link}{ANA}{after}") == (ANA, "")
