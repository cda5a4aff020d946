"""`forget`: counted first, deleted with --yes, refused where it names nobody."""

import pytest

ANA = "ana@example.com"


@pytest.mark.parametrize("person", [ANA, "Ana@Example.com"])
def test_it_counts_and_deletes_only_with_yes(person, run, accept, redis):
    accept(1)
    counted = run("forget", person)
    assert counted.exit_code == 0
    assert "accepted: 1" in counted.output
    assert "--yes" in counted.output
    assert redis.keys("relay:record:*")

    assert run("forget", person, "--yes").exit_code == 0
    assert redis.keys("relay:record:*") == []
    again = run("forget", person, RELAY_LANGUAGE="es").output
    assert "aceptado" not in again
    assert ANA not in again


@pytest.mark.parametrize("person", ["ana", "0991234567", "#1042", "ana@"])
def test_what_names_nobody_is_refused(person, run):
    result = run("forget", person)
    assert result.exit_code == 2
    assert "expected an e-mail" in result.output
