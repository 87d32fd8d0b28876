"""A view keeps the columns that it was created with, and finds them by name in what it reads, whatever that has become."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.conftest import Connect
from tests.engine.sessions import A, run
from tokensh.dbapi.connection import Connection
from tokensh.errors import Error, ProgrammingError

TABLES = ["(team TEXT, name TEXT)", "(extra INT, name TEXT, more INT, team TEXT)", "(NAME TEXT, Team TEXT)"]
VIEWS = [
    ("v AS SELECT * FROM t", "name, team", ("n", "t")),
    ("v AS SELECT t.* FROM t", "name, team", ("n", "t")),
    ("v (p, q) AS SELECT * FROM t", "p, q", ("n", "t")),
    ("v AS SELECT *, upper( name ) FROM t", "name, team", ("n", "t")),
    ("v (p, q, r) AS SELECT *, 1 + 1 FROM t", "p, q, r", ("n", "t", 2)),
    ("v AS SELECT * FROM t UNION ALL SELECT * FROM t WHERE 0", "name, team", ("n", "t")),
    ("v AS SELECT * FROM (SELECT * FROM t)", "name, team", ("n", "t")),
    ("v (p, q, r, s) AS SELECT a.*, b.* FROM t AS a, t AS b", "p, q, r, s", ("n", "t", "n", "t")),
    ("v AS WITH w AS (SELECT * FROM t) SELECT team, w.* FROM w".replace("team, ", ""), "name, team", ("n", "t")),
]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
@pytest.mark.parametrize(("definition", "columns", "row"), VIEWS)
def test_a_view_maps_its_columns_by_name(
    definition: str, columns: str, row: tuple[object, ...], kind: str, table: str, session: Connection
) -> None:
    run(session, "CREATE TABLE t (name TEXT, team TEXT)", f"CREATE {kind} {definition}")
    before = run(session, "DESCRIBE v")
    run(session, f"CREATE OR REPLACE TABLE t {table}", "INSERT INTO t (name, team) VALUES ('n', 't')")
    if kind == "MATERIALIZED VIEW":
        run(session, "REFRESH MATERIALIZED VIEW v")
    assert run(session, f"SELECT {columns} FROM v") == [row]
    assert run(session, "SELECT * FROM v")[0][: len(row)] == row
    assert [name for name, _ in run(session, "DESCRIBE v")] == [name for name, _ in before]


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
@pytest.mark.parametrize("change", ["CREATE OR REPLACE TABLE t (name TEXT)", "DROP TABLE t"])
@pytest.mark.parametrize("definition", [definition for definition, _, _ in VIEWS])
def test_a_view_that_no_longer_fits_says_so(definition: str, change: str, kind: str, session: Connection) -> None:
    run(session, "CREATE TABLE t (name TEXT, team TEXT)", f"CREATE {kind} {definition}", change)
    uses = ["SELECT * FROM v", "DESCRIBE v"] if kind == "VIEW" else ["REFRESH MATERIALIZED VIEW v"]
    for sql in uses:
        with pytest.raises(Error, match=r"no longer fits|unknown|columns") as caught:
            run(session, sql)
        assert caught.value.span is not None
        assert sql[slice(*caught.value.span)] == "v"
    run(session, "SHOW VIEWS", f"DROP {kind} v")


def test_a_view_of_an_older_version_goes_on(connect: Connect, tmp_path: Path) -> None:
    """It noted no names of the query's own, and its computed columns have no aliases."""
    path = tmp_path / "old.db"
    with connect(store=path) as early:
        run(early, "CREATE TABLE t (name TEXT)", "INSERT INTO t VALUES ('n')", "CREATE VIEW v AS SELECT * FROM t")
    columns = '[["name", "string", null], ["upper( name )", "any", null]]'
    with sqlite3.connect(path) as file:
        file.execute(
            """UPDATE objects SET query = 'SELECT *, upper("name") FROM "t"', columns = ? WHERE name = 'v'""",
            (columns,),
        )
    file.close()
    session = connect(store=path)
    assert run(session, 'SELECT name, "upper( name )" FROM v') == [("n", "N")]


@dataclass(frozen=True)
class Table:
    """A table in two places: columns in an order, and one row by name."""

    columns: tuple[str, ...]

    def statements(self) -> list[str]:
        values = ", ".join(f"'{name}!'" for name in self.columns)
        return [f"CREATE TABLE t ({', '.join(self.columns)})", f"INSERT INTO t VALUES ({values})"]


@pytest.mark.parametrize("seed", range(25))
def test_a_view_over_a_random_table_finds_the_cells_of_its_names(seed: int, session: Connection) -> None:
    source = random.Random(seed)
    before = source.sample(["a", "b", "c", "d", "e"], source.randint(1, 5))
    after = source.sample(["a", "b", "c", "d", "e", "f", "g"], source.randint(1, 7))
    run(session, *Table(tuple(before)).statements(), "CREATE VIEW v AS SELECT * FROM t", "DROP TABLE t")
    run(session, *Table(tuple(after)).statements())
    if set(before) <= set(after):
        assert run(session, "SELECT * FROM v") == [tuple(f"{name}!" for name in before)]
    else:
        with pytest.raises(ProgrammingError, match="no longer fits"):
            run(session, "SELECT * FROM v")


# ---- types

COLUMNS = "i INTEGER, n NUMERIC, r REAL, d DOUBLE PRECISION, t TEXT, x, b BOOLEAN, c VARCHAR(9)"
ROW = "(5, '5', 5, 5.0, 5, 5, 1, '5')"
QUESTIONS = [f"{column} = {value}" for column in "inrdtxbc" for value in ("'5'", "5", "'5.0'")]


@pytest.mark.parametrize("copy", ["CREATE TABLE c AS SELECT * FROM t", "CREATE MATERIALIZED VIEW c AS SELECT * FROM t"])
def test_a_copy_has_the_affinities_of_its_columns(copy: str, session: Connection) -> None:
    run(session, f"CREATE TABLE t ({COLUMNS})", f"INSERT INTO t VALUES {ROW}", copy)
    types = ", ".join(f"typeof({name})" for name in "inrdtxbc")
    assert run(session, f"SELECT *, {types} FROM c") == run(session, f"SELECT *, {types} FROM t")
    for question in QUESTIONS:
        try:
            expected = run(session, f"SELECT count(*) FROM t WHERE {question}")
        except Error:
            continue  # types that cannot be compared are refused for both
        assert run(session, f"SELECT count(*) FROM c WHERE {question}") == expected, question


def test_a_copy_of_a_resource_converts_what_is_written_into_it(session: Connection) -> None:
    run(session, f"CREATE TABLE c AS SELECT * FROM user_tokens WHERE deployment_name = '{A}'", "DELETE FROM c")
    written = run(session, "INSERT INTO c (expiry_time) VALUES ('77') RETURNING expiry_time, typeof(expiry_time)")
    assert written == [(77, "integer")]
    assert run(session, "SELECT count(*) FROM c WHERE expiry_time = 77") == [(1,)]


@pytest.mark.parametrize("kind", ["REAL", "DOUBLE", "FLOAT", "DOUBLE PRECISION", "NUMERIC", "DECIMAL(5, 2)"])
@pytest.mark.parametrize("value", ["5", "5.0", "5.5", "-1", "NULL"])
def test_returning_has_the_numbers_that_a_query_has(kind: str, value: str, session: Connection) -> None:
    run(session, f"CREATE TABLE t (a {kind})")
    written = run(session, f"INSERT INTO t VALUES ({value}) RETURNING a, a / 2, typeof(a)")
    assert written == run(session, "SELECT a, a / 2, typeof(a) FROM t")
    assert run(session, f"UPDATE t SET a = {value} RETURNING a, a / 2, typeof(a)") == written


# ---- functions


@pytest.mark.parametrize("condition", ["1", "0", "NULL", "0.5", "-1", "2 > 1", "'a' = 'b'", "CAST('0' AS INTEGER)"])
def test_if_is_iif(condition: str, session: Connection) -> None:
    sql = f"SELECT if({condition}, 1, 2) = iif({condition}, 1, 2), if({condition}, 1) IS iif({condition}, 1, NULL)"
    assert run(session, sql) == [(1, 1)]
    assert run(session, "SELECT if(1, 2, error('not evaluated')), IF(0, error('not evaluated'))") == [(2, None)]


def test_letters_of_all_scripts_have_capitals(session: Connection) -> None:
    sql = "SELECT upper('zoë'), lower('ÉCOLE ΑΣ'), upper(NULL), lower(1), upper(1e20), upper(x'6162')"
    assert run(session, sql) == [("ZOË", "école ας", None, "1", "1.0E+20", "AB")]
