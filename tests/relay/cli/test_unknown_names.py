"""What is said of a destination or platform that is not there."""

import pytest
from click.testing import CliRunner

from relay.cli import main

ENVIRON = {"MERCATELY_API_KEY": "0" * 32, "RELAY_LANGUAGE": "en"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause", "nobody"),
        ("resume", "nobody"),
        ("probe", "nobody"),
        ("history", "1", "--destination", "nobody"),
        ("platforms", "nobody"),
        ("transform", "nobody", "order.paid"),
    ],
)
def test_unknown_name_is_told_with_what_was_expected(arguments):
    result = CliRunner().invoke(main, arguments, env=ENVIRON)

    assert result.exit_code == 2
    assert "expected one of: " in result.output
