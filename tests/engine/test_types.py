"""Numbers are not compared with text, nor is text calculated with: refused with a place and a hint, or answered rightly."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, time, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import each_case
from tests.engine.sessions import A, connect, run
from tokensh.dbapi.connection import Connection
from tokensh.errors import DataError, Error, ProgrammingError
from tokensh.sandbox import Sandbox

TABLES = (
    "CREATE TABLE t (n INTEGER, r REAL, s TEXT, u, b BOOLEAN)",
    "INSERT INTO t VALUES (1, 1.5, 'a', 1, 1), (2, 2.5, '2', 'x', 0), (NULL, NULL, NULL, NULL, NULL)",
    "CREATE TABLE texts (s TEXT)",
    "INSERT INTO texts VALUES ('1'), ('b')",
)


def read_cases() -> list[tuple[str, str]]:
    lines = Path(__file__).with_name("types.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    return list(zip(lines[::2], lines[1::2], strict=True))


CASES = read_cases()


@pytest.fixture(scope="module")
def tables(running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with connect(running, tmp_path_factory.mktemp("home"), workspace=A, yes=True) as connection:
        run(connection, *TABLES, "CREATE VIEW v AS SELECT n AS vn, s AS vs FROM t")
        yield connection


@each_case(("statement", "expected"), CASES, ids=[statement for statement, _ in CASES])
def test_a_slip_of_types_is_refused_at_its_place_or_answered_rightly(
    statement: str, expected: str, tables: Connection
) -> None:
    verb, _, rest = expected.partition(": ")
    if verb == "rows":
        assert [list(row) for row in run(tables, statement)] == json.loads(rest)
        return
    place, _, hint = rest.partition(" | ")
    with pytest.raises(Error) as caught:
        run(tables, statement)
    error = caught.value
    assert isinstance(error, ProgrammingError | DataError)
    assert error.span is not None
    assert statement[error.span.start : error.span.end] == place
    assert hint in (error.hint or "")


def test_the_hints_lead_to_statements_that_are_right(tables: Connection) -> None:
    answers = [
        "SELECT count(*) FROM user_tokens WHERE expiry_time < to_ms('2127-01-01')",
        "SELECT count(*) FROM user_tokens WHERE days_left(expiry_time) < 30000",
        "SELECT date(from_ms(expiry_time)), strftime('%Y', from_ms(creation_time)) FROM user_tokens",
        "SELECT days_left(to_ms('2027-01-01')), datetime('2027-01-01', '+1 day'), 'a' || 'b', group_concat(s) FROM t",
    ]
    assert [run(tables, statement) != [] for statement in answers] == [True] * 4


# ---- each pair of types in each place

NUMBERS = [
    "n",
    "r",
    "b",
    "n + 1",
    "-r",
    "length(s)",
    "count(*) OVER ()",
    "(n < 2)",
    "CAST(s AS INTEGER)",
    "sum(n) OVER ()",
]
NUMBERS += ["coalesce(n, 0)", "CASE WHEN b THEN n ELSE r END", "(SELECT max(n) FROM t)", "max(n, 1)", "iif(b, 1, 2)"]
TEXTS = [
    "lower(s)",
    "n || ''",
    "date('now')",
    "CURRENT_TIMESTAMP",
    "coalesce(s, 'x')",
    "typeof(n)",
    "'word'",
    "''",
    "'1x'",
]
TEXTS += ["(SELECT max(s) || '' FROM texts)", "CASE WHEN b THEN s ELSE 'x' END", "substr(s, 1)", "from_ms(n)", "+s"]
PLACES = ["{} = {}", "{} <> {}", "{} < {}", "{} >= {}", "{} IS {}", "{} IS NOT DISTINCT FROM {}", "{} IN ({})"]
PLACES += ["{} NOT IN (NULL, {})", "{} BETWEEN {} AND NULL", "{} NOT BETWEEN NULL AND {}", "CASE {} WHEN {} THEN 1 END"]
PLACES += [
    "(1, {}) = (1, {})",
    "nullif({}, {})",
    "min({}, {})",
    "max({}, NULL, {})",
    "{} = (SELECT {})",
    "{} IN (SELECT {})",
]


@pytest.mark.parametrize("place", PLACES)
@given(number=st.sampled_from(NUMBERS), text=st.sampled_from(TEXTS), swapped=st.booleans())
def test_a_number_and_a_text_are_refused_in_every_place(
    place: str, number: str, text: str, swapped: bool, tables: Connection
) -> None:
    left, right = (text, number) if swapped else (number, text)
    with pytest.raises(ProgrammingError, match="cannot be compared"):
        run(tables, f"SELECT {place.format(left, right)} FROM t")


OPERATIONS = ["{} + {}", "{} - {}", "{} * {}", "{} / {}", "{} % {}", "{} & {}", "{} << {}"]


@given(
    operation=st.sampled_from(OPERATIONS),
    number=st.sampled_from(NUMBERS),
    text=st.sampled_from(TEXTS),
    swapped=st.booleans(),
)
def test_text_is_refused_in_every_calculation(
    operation: str, number: str, text: str, swapped: bool, tables: Connection
) -> None:
    left, right = (text, number) if swapped else (number, text)
    with pytest.raises(ProgrammingError, match="takes numbers"):
        run(tables, f"SELECT {operation.format(left, right)} FROM t")


@pytest.fixture(scope="module")
def plain() -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(":memory:")
    for statement in TABLES:
        database.execute(statement)
    yield database
    database.close()


ALLOWED_NUMBERS = [text for text in NUMBERS if text != "b"]
ALLOWED_TEXTS = [
    "lower(s)",
    "n || ''",
    "coalesce(s, 'x')",
    "typeof(n)",
    "'word'",
    "''",
    "s",
    "substr(s, 1)",
    "CAST(n AS TEXT)",
]
NUMERALS = ["'1'", "' 2 '", "'-1'", "'1.5'", "'2e0'", "'.5'", "'+1'", "'007'"]


@pytest.mark.parametrize("place", PLACES)
@given(
    pair=st.one_of(
        st.tuples(st.sampled_from(ALLOWED_NUMBERS), st.sampled_from(ALLOWED_NUMBERS)),
        st.tuples(st.sampled_from(ALLOWED_TEXTS), st.sampled_from(ALLOWED_TEXTS)),
    )
)
def test_values_of_one_type_give_the_rows_of_sqlite(
    place: str, pair: tuple[str, str], tables: Connection, plain: sqlite3.Connection
) -> None:
    sql = f"SELECT {place.format(*pair)} FROM t"
    assert run(tables, sql) == plain.execute(sql).fetchall()


@pytest.mark.parametrize("place", [place for place in PLACES if "SELECT" not in place])
@given(number=st.sampled_from(ALLOWED_NUMBERS), numeral=st.sampled_from(NUMERALS), swapped=st.booleans())
def test_a_numeral_in_quotes_gives_the_rows_of_its_number(
    place: str, number: str, numeral: str, swapped: bool, tables: Connection, plain: sqlite3.Connection
) -> None:
    def form(value: str) -> str:
        return f"SELECT {place.format(*((value, number) if swapped else (number, value)))} FROM t"

    converted = numeral.strip("' ").lstrip("+")
    assert run(tables, form(numeral)) == plain.execute(form(converted)).fetchall()


# ---- parameters

MOMENT = datetime(2000, 1, 1, 12, tzinfo=timezone.utc)


@each_case(
    ("condition", "value", "count"),
    [
        ("expiry_time > ?", MOMENT, 6),
        ("expiry_time > ?", MOMENT.replace(tzinfo=None), 6),
        ("expiry_time > ?", date(2000, 1, 1), 6),
        ("? < expiry_time + 1000", MOMENT, 6),
        ("creation_time BETWEEN ? AND to_ms('2127-01-01')", date(2000, 1, 1), 7),
        ("creation_time NOT IN (?)", MOMENT, 7),
        ("max(creation_time, 0) > ?", date(1960, 1, 1), 7),
        ("creation_time - ? > 0", MOMENT, 7),
        ("days_left(?) < 0", MOMENT, 7),
        ("expiry_time > ?", 0, 6),
        ("expiry_time > ?", 0.5, 6),
        ("expiry_time > ?", Decimal(0), 6),
        ("expiry_time > ?", "0", 6),
        ("expiry_time > ?", True, 6),
        ("expiry_time > ?", None, 0),
        ("expiry_time > to_ms(?)", MOMENT, 6),
        ("from_ms(creation_time) > ?", MOMENT, 7),
    ],
)
def test_a_date_that_is_bound_to_a_time_in_milliseconds_is_converted(
    condition: str, value: Any, count: int, tables: Connection
) -> None:
    cursor = tables.cursor().execute(f"SELECT count(*) FROM user_tokens WHERE {condition}", (value,))
    assert cursor.fetchall() == [(count,)]


@each_case(
    ("statement", "value"),
    [
        ("SELECT 1 FROM user_tokens WHERE expiry_time > ?", "2027-01-01"),
        ("SELECT 1 FROM user_tokens WHERE expiry_time > ?", time(12)),
        ("SELECT 1 FROM user_tokens WHERE days_left(expiry_time) > ?", MOMENT),
        ("SELECT 1 FROM user_tokens WHERE length(comment) = ?", date(2000, 1, 1)),
        ("SELECT 1 FROM user_tokens WHERE expiry_time > ?", "x"),
        ("SELECT ? + 1", MOMENT),
        ("SELECT 1 FROM t WHERE n IN (?)", "a"),
        ("SELECT 1 FROM t WHERE n < ?", MOMENT),
        ("DELETE FROM user_tokens WHERE expiry_time < ?", "2027-01-01"),
    ],
)
def test_a_text_or_a_date_that_is_bound_to_another_number_is_refused(
    statement: str, value: Any, tables: Connection
) -> None:
    with pytest.raises(ProgrammingError) as caught:
        tables.cursor().execute(statement, (value,))
    assert caught.value.span is not None


def test_each_set_of_values_of_executemany_is_checked(tables: Connection) -> None:
    with pytest.raises(ProgrammingError, match="cannot be compared"):
        tables.cursor().executemany("UPDATE t SET s = s WHERE n > ?", [(100,), ("a",)])


# ---- columns of numbers hold numbers


@each_case(
    ("statement", "value"),
    [
        ("INSERT INTO t (n) VALUES (?)", "x"),
        ("INSERT INTO t (s, r) VALUES ('a', ?)", "2027-01-01"),
        ("INSERT INTO t (n) VALUES (?)", date(2027, 1, 1)),
        ("INSERT INTO t (b) SELECT ?", "true"),
        ("UPDATE t SET n = ?", ""),
        ("UPDATE t SET s = 'x', n = coalesce(nullif(n, 1), ?)", "x"),
    ],
)
def test_a_text_is_not_written_into_a_column_of_numbers(statement: str, value: Any, tables: Connection) -> None:
    before = run(tables, "SELECT * FROM t")
    with pytest.raises(DataError, match="is given a text"):
        tables.cursor().execute(statement, (value,))
    assert run(tables, "SELECT * FROM t") == before


def test_a_numeral_is_written_as_its_number(tables: Connection) -> None:
    run(tables, "CREATE OR REPLACE TABLE w (n INTEGER, d DATETIME)")
    written = tables.cursor().execute("INSERT INTO w VALUES (?, ?) RETURNING n + 1, d", ("7", MOMENT))
    assert written.fetchall() == [(8, "2000-01-01 12:00:00+00:00")]


# ---- other places


def test_a_mistake_in_a_view_is_reported_where_the_view_is_named(tables: Connection) -> None:
    run(tables, "CREATE OR REPLACE VIEW late AS SELECT u > 0 AS x FROM t")
    sql = "SELECT count(x) FROM late"
    with pytest.raises(DataError) as caught:
        run(tables, sql)
    assert caught.value.span is not None
    assert sql[caught.value.span.start : caught.value.span.end] == "late"


def test_a_view_with_a_mistake_is_not_created(tables: Connection) -> None:
    with pytest.raises(ProgrammingError, match="cannot be compared"):
        run(tables, "CREATE VIEW expired AS SELECT * FROM user_tokens WHERE expiry_time < date('now')")


def test_nothing_is_sent_for_a_delete_whose_condition_compares_a_time_with_a_date(
    tables: Connection, site: Sandbox
) -> None:
    before = len(site.log)
    with pytest.raises(ProgrammingError):
        run(tables, "DELETE FROM user_tokens WHERE expiry_time < date('now')")
    assert len(site.log) == before


def test_statements_cannot_call_the_guards(tables: Connection) -> None:
    with pytest.raises(ProgrammingError):
        run(tables, "SELECT \"tokensh:number\"('x', 0, 1)")


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW", "TABLE"])
def test_a_stored_time_keeps_its_unit_in_later_sessions(kind: str, running: Sandbox, tmp_path: Path) -> None:
    with connect(running, tmp_path, workspace=A) as first:
        run(first, f"CREATE {kind} kept AS SELECT expiry_time AS ms, unixepoch() AS s FROM user_tokens")
    with connect(running, tmp_path, workspace=A) as later:
        for condition in ("ms < unixepoch()", "ms < s", "ms < (SELECT max(s) FROM kept)"):
            with pytest.raises(ProgrammingError, match=r"is in epoch milliseconds and .* in seconds"):
                run(later, f"SELECT count(*) FROM kept WHERE {condition}")
