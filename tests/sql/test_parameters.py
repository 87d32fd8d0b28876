"""Values for `?` and `:name` become constants, whatever they contain, and what does not fit is an error."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import each_case
from tests.shared_parser import shared_parser
from tests.tries import tries
from tokensh.errors import ProgrammingError
from tokensh.sql import nodes as n
from tokensh.sql import unparse
from tokensh.sql.parameters import Parameters, with_parameters

PARSER = shared_parser()

VALUES: list[tuple[Any, str]] = [
    (None, "NULL"),
    (True, "TRUE"),
    (False, "FALSE"),
    (0, "0"),
    (-7, "-7"),
    (2**63 - 1, str(2**63 - 1)),
    (-(2**63), str(-(2**63))),
    (float("nan"), "NULL"),
    (Decimal("1.10"), "1.10"),
    (Decimal("1E+3"), "1000"),
    (UUID(int=1), "'00000000-0000-0000-0000-000000000001'"),
    (1.5, "1.5"),
    (-1e300, "-1e+300"),
    ("it's", "'it''s'"),
    ("", "''"),
    ("? :x {{ y }}", "'? :x {{ y }}'"),
    (b"\x00\xff", "x'00ff'"),
    ([1, "a"], "'[1, \"a\"]'"),
    ({"a": None}, "'{\"a\": null}'"),
]


@each_case(("value", "printed"), VALUES)
def test_a_value_becomes_the_constant_that_sql_has_for_it(value: Any, printed: str) -> None:
    filled = with_parameters(PARSER.parse("SELECT ?"), [value])
    assert unparse.statement(filled) == f"SELECT {printed}"
    assert PARSER.parse(unparse.statement(filled)) == filled


EVERYWHERE: list[tuple[str, Parameters, str]] = [
    ("SELECT ?, ?", (1, 2), "SELECT 1, 2"),
    ("SELECT :a, :b, :a", {"a": 1, "b": 2}, "SELECT 1, 2, 1"),
    ("SELECT :a", {"a": 1, "more": 2}, "SELECT 1"),
    ("SELECT '?', \"?\" -- ?", (), "SELECT '?', \"?\""),
    ("SELECT 1 FROM (SELECT ?) a JOIN b ON ? LIMIT ?", (1, 2, 3), "SELECT 1 FROM (SELECT 1) a JOIN b ON 2 LIMIT 3"),
    ("INSERT INTO a (x, y) VALUES (?, ?), (?, 4)", (1, 2, 3), "INSERT INTO a (x, y) VALUES (1, 2), (3, 4)"),
    ("UPDATE a SET x = ? WHERE y IN (?, ?)", (1, 2, 3), "UPDATE a SET x = 1 WHERE y IN (2, 3)"),
    ("DELETE FROM a WHERE x = :x", {"x": "y"}, "DELETE FROM a WHERE x = 'y'"),
    ("EXEC a.b.c @x = ?, @y = ?", (1, 2), "EXEC a.b.c @x = 1, @y = 2"),
    ("SELECT CASE WHEN ? THEN ? END, f(?)", (1, 2, 3), "SELECT CASE WHEN 1 THEN 2 END, f(3)"),
    ("WITH a AS (SELECT ?) SELECT ? FROM a", (1, 2), "WITH a AS (SELECT 1) SELECT 2 FROM a"),
    ("SELECT CASE ? WHEN ? THEN ? ELSE ? END", (1, 2, 3, 4), "SELECT CASE 1 WHEN 2 THEN 3 ELSE 4 END"),
    ("SELECT ? BETWEEN ? AND ?, ? NOT IN (?, ?)", (1, 2, 3, 4, 5, 6), "SELECT 1 BETWEEN 2 AND 3, 4 NOT IN (5, 6)"),
    ("SELECT 1 LIMIT ?, ?", (1, 2), "SELECT 1 LIMIT 1, 2"),
    ("SELECT 1 LIMIT ? OFFSET ?", (1, 2), "SELECT 1 LIMIT 1 OFFSET 2"),
    (
        "SELECT ? WHERE ? GROUP BY x + ? HAVING ? ORDER BY x + ?",
        (1, 2, 3, 4, 5),
        "SELECT 1 WHERE 2 GROUP BY x + 3 HAVING 4 ORDER BY x + 5",
    ),
    ("DELETE FROM a WHERE x = ? RETURNING ?", (1, 2), "DELETE FROM a WHERE x = 1 RETURNING 2"),
    (
        "INSERT INTO a (x) SELECT ? FROM b WHERE ? RETURNING ?",
        (1, 2, 3),
        "INSERT INTO a (x) SELECT 1 FROM b WHERE 2 RETURNING 3",
    ),
    ("SELECT sum(?) OVER (ORDER BY ?)", (1, 2), "SELECT sum(1) OVER (ORDER BY 2)"),
]


@each_case(("text", "values", "meant"), EVERYWHERE)
def test_markers_are_filled_in_the_order_of_the_text(text: str, values: Parameters, meant: str) -> None:
    assert with_parameters(PARSER.parse(text), values) == PARSER.parse(meant)


WRONG: list[tuple[str, Parameters, str]] = [
    ("SELECT ?", (), "no value for ?"),
    ("SELECT ?, ?", (1,), "no value for ?"),
    ("SELECT ?", (1, 2), "more values"),
    ("SELECT 1", (1,), "more values"),
    ("SELECT :x", {}, "no value for :x"),
    ("SELECT :x", {"X": 1}, "no value for :x"),
    ("SELECT ?", (object(),), "object cannot be given"),
    ("SELECT ?", (2**63,), "64 bits"),
    ("SELECT ?", (-(2**63) - 1,), "64 bits"),
    ("SELECT ?", (Decimal("9007199254740993.1"),), "too many digits"),
    ("SELECT ?", (Decimal(2**70),), "64 bits"),
    ("SELECT ?", ((1, 2),), "a tuple, not one value"),
    ("SELECT 1 WHERE x IN (?)", ([1, 2],), "a list cannot be compared"),
    ("SELECT 1 WHERE x = :x", {"x": (1, 2)}, "a list cannot be compared"),
    ("SELECT 1 ORDER BY ?", (1,), "the same for every row"),
    ("SELECT 1 GROUP BY ?", (1,), "the same for every row"),
    ("SELECT ?", "x", "a sequence or a mapping"),
    ("SELECT ?", (float("-inf"),), "not finite: -inf"),
]


@each_case(("text", "values", "message"), WRONG)
def test_what_does_not_match_is_an_error(text: str, values: Parameters, message: str) -> None:
    with pytest.raises(ProgrammingError) as raised:
        with_parameters(PARSER.parse(text), values)
    assert message in raised.value.message


def test_a_statement_without_markers_stays_the_one_it_is() -> None:
    statement = PARSER.parse("SELECT 1 FROM a WHERE x = 2")
    assert with_parameters(statement, ()) is statement


@tries(90)
@given(
    st.text(st.characters(exclude_characters="\0"))
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary()
    | st.none()
)
def test_no_value_is_read_as_sql(value: str | float | bytes | None) -> None:
    filled = with_parameters(PARSER.parse("SELECT 1 FROM a WHERE x = ? AND y"), [value])
    assert PARSER.parse(unparse.statement(filled)) == filled
    assert isinstance(filled, n.Query)
