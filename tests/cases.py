"""Many small cases in one test, where a test for each would take longer than the case itself.

What fails is told whole: each case that does, by name, with its own traceback.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

Test = Callable[..., None]


def check_each(cases: Iterable[Mapping[str, Any]], check: Test) -> None:
    """Call `check` with the keywords of each case.

    Raises:
        BaseExceptionGroup: of all errors, each with a note of its case.
        AssertionError: there is no case.
    """
    errors: list[BaseException] = []
    count = 0
    for case in cases:
        count += 1
        try:
            check(**case)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  raised below
            error.add_note(f"in the case {case}")
            errors.append(error)
    assert count, "no case"
    if errors:
        raise BaseExceptionGroup(f"{len(errors)} of {count} cases", errors)


def all_of(names: str | tuple[str, ...], rows: Iterable[Any]) -> Callable[[Test], Test]:
    """Makes one test of all rows, which are written as those of `pytest.mark.parametrize`.

    The test's other parameters are fixtures, which all rows share, or parametrized.
    """
    known = (names,) if isinstance(names, str) else names
    cases = [
        dict(zip(known, [row] if isinstance(names, str) else row, strict=True)) for row in rows
    ]

    def decorate(check: Test) -> Test:
        def test(**others: Any) -> None:
            check_each(cases, lambda **case: check(**others, **case))

        return stands_for(check, test, without=known)

    return decorate


def stands_for(check: Test, test: Test, without: Iterable[str]) -> Test:
    """The test, by the name of the check and with its parameters but those that are given."""
    given = set(without)
    signature = inspect.signature(check)
    kept = [one for name, one in signature.parameters.items() if name not in given]
    test.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    test.__name__, test.__qualname__ = check.__name__, check.__qualname__
    test.__doc__, test.__module__ = check.__doc__, check.__module__
    return test
