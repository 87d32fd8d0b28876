"""executemany changes a local table as one transaction, and as execute() does with one set of values after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.engine.sessions import A, connect, run
from tokensh import errors
from tokensh.dbapi.connection import Connection
from tokensh.sandbox import Sandbox

TABLE = "CREATE TABLE {} (k INTEGER PRIMARY KEY, v TEXT, n DOUBLE, x)"
ROWS = "INSERT INTO {} VALUES (1, 'a', 1.5, 'p'), (2, 'B', NULL, 7), (3, 'é', -2.0, NULL)"


@pytest.fixture
def session(site: Sandbox, tmp_path: Path) -> Iterator[Connection]:
    with connect(site, tmp_path) as connection:
        for name in ("t", "twin"):
            run(connection, TABLE.format(name))
            run(connection, ROWS.format(name))
        yield connection


def read(session: Connection, name: str = "t") -> list[Any]:
    return [tuple((type(cell), cell) for cell in row) for row in run(session, f"SELECT * FROM {name} ORDER BY k")]


STATEMENTS: list[tuple[str, list[Any]]] = [
    ("INSERT INTO {} VALUES (?, ?, ?, ?)", [(4, "d", 4.5, b"\0"), (5, None, 2, True), (6, "12", "3.5", None)]),
    ("INSERT INTO {} (k, v) VALUES (:k, :v)", [{"k": 8, "v": "h"}, {"v": "i", "k": 9}]),
    ("INSERT INTO {} (v, n) VALUES (?, 1), (upper(?), ?)", [("q", "é", 1), ("r", "ß", "2")]),
    ("INSERT INTO {} (v, x) VALUES (?, ?)", [(date(2026, 1, 2), Decimal("1.5")), (datetime(2026, 1, 2), UUID(int=1))]),
    ("INSERT INTO {} (x) VALUES (?)", [(float("nan"),), ([1, 2],), (1,)]),
    ("INSERT INTO {0} (k, v) SELECT max(k) + ?, v || ? FROM {0}", [(1, "x"), (2, "y"), (3, "z")]),
    ("REPLACE INTO {} (k, v) VALUES (?, ?)", [(1, "new"), (7, "other")]),
    ("INSERT IGNORE INTO {} (k, v) VALUES (?, ?)", [(1, "new"), (7, "other"), (7, "again")]),
    ("UPDATE {} SET v = ? WHERE k = ?", [("x", 1), (None, 2), ("y", "3"), (5, 3)]),
    ("UPDATE {} SET n = ifnull(n, 0) + ? WHERE k >= ?", [(1, 1), (0.5, 2), ("3", 3)]),
    ("UPDATE {} SET v = lower(v) || ?, n = k * ? WHERE upper(v) IN (?, 'B')", [("!", 2, "É"), ("?", 3, "A")]),
    ("UPDATE {} AS u SET v = u.v || ? WHERE u.k BETWEEN ? AND ?", [("1", 1, 2), ("2", 2, 3)]),
    ("UPDATE {0} SET n = (SELECT max(k) FROM {0}) + ? WHERE v = ?", [(1, "a"), (2, "B")]),
    ("UPDATE {} SET v = 'x' WHERE v = ? ORDER BY k LIMIT 1", [("a",), ("B",), ("zz",)]),
    ("UPDATE {} SET n = ? WHERE n IS ?", [(1, None), (None, 1.5)]),
    ("UPDATE {} SET v = 'seen' WHERE v REGEXP ?", [("^a",), ("[A-Z]",)]),
    ("DELETE FROM {} WHERE k = ?", [(1,), (1,), (3,)]),
    ("DELETE FROM {} WHERE v REGEXP ?", [("^a",), ("[A-Z]",)]),
    ("DELETE FROM {} WHERE v LIKE ? OR n < ?", [("b%", 0), ("nothing", 1)]),
    ("DELETE FROM {0} WHERE k IN (SELECT k + ? FROM {0})", [(1,), (1,)]),
    ("WITH m AS (SELECT max(k) AS k FROM {0}) DELETE FROM {0} WHERE k IN (SELECT k - ? FROM m)", [(0,), (1,)]),
]


@pytest.mark.parametrize("returning", ["", " RETURNING k, v, n / 2, typeof(x) AS kind"])
@pytest.mark.parametrize(("sql", "sets"), STATEMENTS, ids=[sql for sql, _ in STATEMENTS])
def test_it_does_what_execute_does_with_each_set(
    sql: str, sets: list[Any], returning: str, session: Connection
) -> None:
    rows: list[Any] = []
    for values in sets:
        cursor = session.cursor().execute(sql.format("twin") + returning, values)
        rows += cursor.fetchall() if returning else [()] * cursor.rowcount
    cursor = session.cursor()
    cursor.executemany(sql.format("t") + returning, sets)
    assert cursor.rowcount == len(rows)
    assert not returning or cursor.fetchall() == rows
    assert read(session) == read(session, "twin")


MISTAKES: list[tuple[str, list[Any], str]] = [
    ("INSERT INTO t VALUES (?, ?, 1, 1)", [(7, "g"), (8, "h"), (7, "i")], "refuses the row: "),
    ("INSERT INTO t (k, n) VALUES (?, ?)", [(7, 1.5), (8, "many")], "n is of type number and is given a text"),
    ("INSERT INTO t (k, n) VALUES (?, lower(?))", [(7, "1"), (8, "many")], "n is of type number and is given a text"),
    ("INSERT INTO t (k) VALUES (?)", [(7,), (2**63,)], "more than 64 bits"),
    ("INSERT INTO t (n) VALUES (?)", [(7.0,), (float("inf"),)], "is not finite: inf"),
    ("INSERT INTO t (v) VALUES (?)", [("a",), ("b\0",)], "NUL character"),
    ("INSERT INTO t (k, v) VALUES (?, ?)", [(7, "a"), (8,)], "no value for ?"),
    ("INSERT INTO t (k, v) VALUES (?, ?)", [(7, "a"), (8, "b", "c")], "more values than"),
    ("INSERT INTO t (k, v) VALUES (:k, :v)", [{"k": 7, "v": "a"}, {"k": 8}], "no value for :v"),
    ("UPDATE t SET v = 'x' WHERE k = ?", [(1,), ("one",)], "compare"),
    ("UPDATE t SET v = 'x' WHERE k > ?", [(1,), (date(2026, 1, 1),)], "compare"),
    ("UPDATE t SET n = k + ?", [(1,), ("one",)], "is text: \\+ takes numbers"),
    ("UPDATE t SET v = error(?) WHERE k = ?", [("stop", 9), ("stop", 1)], "stop"),
    ("DELETE FROM t WHERE x > ?", [(1,), (2,)], "a row has text where a number is needed"),
]


@pytest.mark.parametrize(("sql", "sets", "message"), MISTAKES, ids=[f"{sql} {sets}" for sql, sets, _ in MISTAKES])
def test_a_set_that_fails_leaves_the_table_as_it_was(
    sql: str, sets: list[Any], message: str, session: Connection
) -> None:
    before = read(session)
    with pytest.raises(errors.DatabaseError, match=message):
        session.cursor().executemany(sql, sets)
    assert read(session) == before
    run(session, "DELETE FROM t")


SECRET = "dapi" + "0123456789abcdef" * 2
WRITES: list[tuple[str, Callable[[str], tuple[Any, ...]]]] = [
    ("INSERT INTO t (v) VALUES (?)", lambda text: (text,)),
    ("INSERT INTO t (v) VALUES ('dapi' || ?)", lambda text: (text[4:],)),
    ("UPDATE t SET v = ? WHERE k = 1", lambda text: (text,)),
    ("UPDATE t SET v = 'dapi' || ? WHERE k IN (SELECT 1)", lambda text: (text[4:],)),
]


@pytest.mark.parametrize(("sql", "values"), WRITES, ids=[sql for sql, _ in WRITES])
def test_the_store_keeps_no_secret(sql: str, values: Callable[[str], tuple[Any, ...]], session: Connection) -> None:
    session.cursor().executemany(sql, [values(SECRET), values("dapiplain")])
    assert SECRET not in str(read(session))
    assert "plain" in str(read(session))


def test_sets_wait_for_commit_in_a_transaction(session: Connection) -> None:
    run(session, "BEGIN")
    session.cursor().executemany("INSERT INTO t (k) VALUES (?)", [(7,), (8,)])
    assert len(read(session)) == 3
    session.commit()
    assert len(read(session)) == 5


def test_a_table_of_the_session_and_reads_of_resources_take_one_set_after_the_other(session: Connection) -> None:
    session.cursor().executemany("DELETE FROM tokensh.local.pending WHERE id = ?", [("a",), ("b",)])
    sql = "INSERT INTO t (v) SELECT comment FROM user_tokens WHERE deployment_name = ? LIMIT 1 RETURNING v"
    cursor = session.cursor().executemany(sql, [(A,), (A,)])
    assert len(cursor.fetchall()) == 2
