"""Where an API key is sent: what a person is warned of, and what is neither sent nor shown."""

import pytest

from config import relay_toml
from config.fault_texts import in_console_language
from config.server_address import doubts, without_extras
from relay import sources

CLEAR = "without https the API key goes in clear over the network"
USER = "a user or password in it is not used; the API key is the proof"
QUERY = "a query or fragment in it is not used"
HTTPS = "https://app.mercately.com"

ADDRESSES = [
    (HTTPS, [], HTTPS),
    ("https://mercately.example:8443/x/", [], "https://mercately.example:8443/x"),
    ("http://localhost:8001", [], "http://localhost:8001"),
    ("http://127.0.0.1:8001", [], "http://127.0.0.1:8001"),
    ("http://127.9.9.9", [], "http://127.9.9.9"),
    ("http://[::1]:8001", [], "http://[::1]:8001"),
    ("http://app.mercately.com", [CLEAR], "http://app.mercately.com"),
    ("http://169.254.169.254", [CLEAR], "http://169.254.169.254"),
    ("http://localhost.example", [CLEAR], "http://localhost.example"),
    ("https://u:p@app.mercately.com", [USER], HTTPS),
    ("https://u@app.mercately.com", [USER], HTTPS),
    ("https://app.mercately.com?key=1", [QUERY], HTTPS),
    ("https://app.mercately.com/#x", [QUERY], HTTPS),
    ("https://app.mercately.com/retailers/api/v1", [], HTTPS),
    ("https://app.mercately.com/retailers/api/v1/customers/", [], HTTPS),
    ("https://host.example/mercately/retailers/api/v1/", [], "https://host.example/mercately"),
    ("http://u:p@host.example/?a=1", [CLEAR, USER, QUERY], "http://host.example"),
]


@pytest.mark.parametrize(("server", "expected", "rest"), ADDRESSES)
def test_what_is_doubtful_is_said_and_what_is_extra_left_out(server, expected, rest):
    assert doubts("destinations.d.server", server) == [
        f"destinations.d.server: {text}" for text in expected
    ]
    assert without_extras(server) == rest


def test_it_is_a_warning_of_the_configuration_and_the_password_in_no_text(tmp_path, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "en")
    file = tmp_path / "relay.toml"
    file.write_text('[destinations.d]\nserver = "http://u:geheim@host.example?q=1"\napi_key = "k"')

    relay = sources.load(file, {})

    assert [text.partition(": ")[2] for text in relay.warnings] == [CLEAR, USER, QUERY]
    assert "geheim" not in repr(relay)
    assert relay_toml.load(file, {}).destinations["d"].server == "http://host.example"


@pytest.mark.parametrize("text", [CLEAR, USER, QUERY])
def test_it_is_said_in_spanish_too(text, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "es")

    assert in_console_language(f"destinations.d.server: {text}") != f"destinations.d.server: {text}"
