"""Tests over a table: one test runs every case and names those that fail.

`pytest.mark.parametrize` makes a test of each case, which pytest collects, prepares and reports by itself: some milliseconds
for what takes a tenth of one. It remains the choice where a case needs fixtures of its own.
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

Test = Callable[..., None]
Ids = Iterable[object] | Callable[[Any], object] | None
"""The names of the cases, or what gives the name of a value; None for its text."""
_Param = type(pytest.param())
_FAILURES = (Exception, pytest.fail.Exception, pytest.skip.Exception)
"""What a case may end with. A skipped one fails: it would be missing from a test that passes."""
_WIDTH = 80


def each_case(names: str | Sequence[str], cases: Iterable[Any], *, ids: Ids = None) -> Callable[[Test], Test]:
    """Run a test with each case, as `pytest.mark.parametrize` does with the same arguments, but as one test.

    Fixtures are made once for all cases. The message of the failure has the traceback of each case that failed.
    """
    wanted = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    table = list(cases)
    given_ids = ids if ids is None or callable(ids) else [*map(str, ids)]
    assert table, "a test without cases"
    for number, case in enumerate(table):
        _check_case(number, case, wanted)
    assert not isinstance(given_ids, list) or len(given_ids) == len(table), "there is not one name for each case"

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run_cases(*arguments: Any, **fixtures: Any) -> None:
            failures = []
            for number, case in enumerate(table):
                values = _values_of(case, wanted)
                try:
                    test(*arguments, **fixtures, **dict(zip(wanted, values, strict=True)))
                except _FAILURES as error:
                    failures.append(_describe_failure(_name_case(number, case, values, given_ids), error))
            if failures:
                pytest.fail(f"{len(failures)} of {len(table)} cases fail\n\n" + "\n\n".join(failures), pytrace=False)

        signature = inspect.signature(test)
        fixtures = [parameter for parameter in signature.parameters.values() if parameter.name not in wanted]
        assert len(fixtures) + len(wanted) == len(signature.parameters), f"{test.__name__} takes no {names}"
        run_cases.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined] # pytest reads it
        return run_cases

    return decorate


def _values_of(case: Any, wanted: Sequence[str]) -> tuple[Any, ...]:
    if isinstance(case, _Param):
        return tuple(case.values)
    return (case,) if len(wanted) == 1 else tuple(case)


def _check_case(number: int, case: Any, wanted: Sequence[str]) -> None:
    assert not isinstance(case, _Param) or not case.marks, f"case {number} has marks, which need a test of its own"
    count = len(_values_of(case, wanted))
    assert count == len(wanted), f"case {number} has {count} values for {wanted}"


def _name_case(number: int, case: Any, values: tuple[Any, ...], ids: list[str] | Callable[[Any], object] | None) -> str:
    """Return the number of a case and its name, cut to a part of a line."""
    if isinstance(case, _Param) and case.id is not None:
        name = str(case.id)
    elif callable(ids):
        name = "-".join(str(given) for value in values if (given := ids(value)) is not None)
    else:
        name = ids[number] if ids else ", ".join(map(repr, values))
    return f"{number}: {name if len(name) <= _WIDTH else name[:_WIDTH] + '…'}"


def _describe_failure(name: str, error: BaseException) -> str:
    """Return the name of a case with the traceback of its error, from the test's own frame on."""
    inner = error.__traceback__.tb_next if error.__traceback__ else None
    lines = traceback.format_exception(type(error), error, inner or error.__traceback__)
    return f"---- case {name}\n" + "".join(lines).rstrip()
