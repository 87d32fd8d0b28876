"""A test over a table runs every case, and its failure names each case that failed."""

from __future__ import annotations

import pytest

from tests.cases import each_case

ran: list[object] = []


@each_case("number, text", [(1, "a"), (2, "b"), (3, "c")])
def fail_for_odd_numbers(ran: list[object], number: int, text: str) -> None:
    ran.append((number, text))
    assert not number % 2, f"{text} is odd"


def test_every_case_is_run_and_each_failure_is_named() -> None:
    ran: list[object] = []
    with pytest.raises(pytest.fail.Exception) as failure:
        fail_for_odd_numbers(ran)
    assert ran == [(1, "a"), (2, "b"), (3, "c")]
    said = str(failure.value)
    assert said.startswith("2 of 3 cases fail\n\n---- case 0: 1, 'a'\n")
    assert "---- case 2: 3, 'c'\n" in said
    assert "case 1: " not in said
    assert "AssertionError: a is odd" in said
    assert "test_cases.py" in said


@pytest.mark.parametrize("end", [pytest.skip, pytest.fail, lambda why: 1 / len(why.strip("x"))])
def test_a_case_that_is_skipped_or_gives_an_error_fails(end: object) -> None:
    @each_case("end", [end])
    def end_early(end: object) -> None:
        end("x")  # type: ignore[operator]

    with pytest.raises(pytest.fail.Exception, match="1 of 1 cases fail"):
        end_early()


@each_case("first", ["a", "b"])
@each_case("second", [1, pytest.param(2, id="two")], ids=["one", "two"])
def test_two_tables_are_run_crosswise(request: pytest.FixtureRequest, first: str, second: int) -> None:
    assert request.node.name == "test_two_tables_are_run_crosswise"
    ran.append((first, second))
    if (first, second) == ("b", 2):
        assert ran == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_a_table_without_cases_or_for_another_test_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="without cases"):
        each_case("number", [])
    with pytest.raises(AssertionError, match="takes no other"):
        each_case("other", [1])(lambda number: None)
    with pytest.raises(AssertionError, match="case 0 has marks"):
        each_case("number", [pytest.param(1, marks=pytest.mark.skip)])
    with pytest.raises(AssertionError, match="case 0 has 1 values"):
        each_case("number, text", [(1,)])
