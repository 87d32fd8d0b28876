"""Changes of local tables in standard SQL leave the rows that SQLite leaves, and are printed as themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.sessions import connect, run
from tests.shared_parser import shared_parser
from tokensh.dbapi.connection import Connection
from tokensh.sandbox import Sandbox
from tokensh.sql import unparse

TABLE = "CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT DEFAULT 'none', n INTEGER)"
ROWS = "INSERT INTO t VALUES (1, 'a', 10), (2, 'b', NULL), (3, NULL, 30)"

# A statement of ours and the one of SQLite; one text where they are the same.
CASES = [
    "INSERT INTO t VALUES (2, 'x', 5), (4, 'y', 6) ON CONFLICT DO NOTHING RETURNING *",
    "INSERT INTO t (k) VALUES (2), (4) ON CONFLICT (k) DO NOTHING RETURNING k, v",
    "INSERT INTO t (k, v) VALUES (2, 'x'), (4, 'y') ON CONFLICT (k) DO UPDATE SET v = excluded.v || t.v RETURNING *",
    "INSERT INTO t (k, n) VALUES (1, 5), (3, 50) ON CONFLICT (k) DO UPDATE SET n = excluded.n + n WHERE excluded.n > n",
    "INSERT INTO t (k, v) VALUES (1, 'x') ON CONFLICT (k) DO UPDATE SET v = upper(v || excluded.v), n = 7",
    "INSERT INTO t SELECT k + 1, v, n FROM t WHERE true ON CONFLICT (k) DO UPDATE SET n = excluded.n",
    (
        "INSERT INTO t SELECT a.k, b.v, 1 FROM t a JOIN t b ON a.k = b.k ON CONFLICT (k) DO NOTHING",
        "INSERT INTO t SELECT a.k, b.v, 1 FROM t a JOIN t b ON a.k = b.k WHERE true ON CONFLICT (k) DO NOTHING",
    ),
    "INSERT OR REPLACE INTO t (k, v) VALUES (1, 'x'), (5, 'y') RETURNING *",
    "INSERT OR IGNORE INTO t (k, v) VALUES (1, 'x'), (5, 'y') RETURNING *",
    "REPLACE INTO t (k, n) VALUES (1, 2)",
    "INSERT INTO t DEFAULT VALUES RETURNING *",
    ("INSERT INTO t VALUES (DEFAULT, 'x', 1), (DEFAULT, 'y', 2)", "INSERT INTO t (v, n) VALUES ('x', 1), ('y', 2)"),
    ("INSERT INTO t (n, v) VALUES (1, DEFAULT) RETURNING *", "INSERT INTO t (n) VALUES (1) RETURNING *"),
    ("INSERT INTO t VALUES (DEFAULT, DEFAULT, DEFAULT)", "INSERT INTO t DEFAULT VALUES"),
    "UPDATE t SET (v, n) = ('x', k + 1) WHERE k > 1 RETURNING *",
    "UPDATE t SET (v) = ('x'), n = n + 1, (k) = (k + 10)",
    "UPDATE t SET (v, n) = (SELECT o.v || 'w', o.k FROM t AS o WHERE o.k = t.k + 1) RETURNING *",
    "UPDATE t SET (v, n) = (SELECT 'one', 1 WHERE false)",
    "WITH w(k, v) AS (VALUES (7, 'w'), (8, 'x')) INSERT INTO t (k, v) SELECT k, v FROM w RETURNING *",
    "WITH w AS (SELECT max(k) AS k FROM t) UPDATE t SET v = 'last' WHERE k IN (SELECT k FROM w) RETURNING k",
    "WITH RECURSIVE w(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM w WHERE k < 2) DELETE FROM t WHERE k IN w RETURNING k",
    "WITH w AS (SELECT 3 AS k) REPLACE INTO t (k, v) SELECT k, 'w' FROM w",
    "WITH w AS (SELECT 3 AS k) INSERT INTO t (k) SELECT k FROM w WHERE true ON CONFLICT (k) DO UPDATE SET v = 'again'",
]
PAIRS = [case if isinstance(case, tuple) else (case, case) for case in CASES]


@pytest.fixture
def session(site: Sandbox, tmp_path: Path) -> Iterator[Connection]:
    with connect(site, tmp_path) as connection:
        run(connection, TABLE)
        run(connection, ROWS)
        yield connection


def read_rows(rows: Any) -> list[Any]:
    return [tuple((type(cell), cell) for cell in row) for row in rows if row]


@pytest.mark.parametrize(("sql", "plain_sql"), PAIRS, ids=[sql for sql, _ in PAIRS])
def test_a_change_leaves_the_rows_that_sqlite_leaves(sql: str, plain_sql: str, session: Connection) -> None:
    plain = sqlite3.connect(":memory:")
    plain.execute(TABLE)
    plain.execute(ROWS)
    assert read_rows(run(session, sql)) == read_rows(plain.execute(plain_sql).fetchall())
    rows = "SELECT * FROM t ORDER BY k"
    assert read_rows(run(session, rows)) == read_rows(plain.execute(rows))
    plain.close()
    tree = shared_parser().parse(sql)
    assert shared_parser().parse(unparse.statement(tree)) == tree


def test_what_a_conflict_writes_is_kept_without_secrets(session: Connection) -> None:
    secret = "dapi" + "0123456789abcdef" * 2
    sql = "INSERT INTO t (k, v) VALUES (1, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v || substr(?, 5)"
    session.cursor().execute(sql, ("dapi", secret))
    assert secret not in str(run(session, "SELECT v FROM t"))


def test_words_of_the_new_clauses_are_names_elsewhere(session: Connection) -> None:
    run(session, "CREATE TABLE conflict (do INT, nothing INT, default_ INT)")
    sql = "SELECT a.do, conflict.nothing FROM conflict AS a JOIN conflict ON conflict.do = a.nothing"
    assert run(session, sql) == []
    assert run(session, "SELECT default, do FROM (SELECT 1 AS default, 2 AS do)") == [(1, 2)]
