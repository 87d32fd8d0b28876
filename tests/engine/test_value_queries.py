"""A query that is used as a value gives one row at most; of several, SQLite would take any."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cases import each_case
from tests.engine.sessions import A, connect, run
from tokensh.dbapi.connection import Connection
from tokensh.errors import DataError
from tokensh.sandbox import Sandbox

SEVERAL = "(SELECT comment FROM user_tokens WHERE expiry_time > 0)"
WRITES = [
    f"DELETE FROM user_tokens WHERE comment = {SEVERAL}",
    "DELETE FROM user_tokens WHERE (comment, expiry_time) = (SELECT comment, expiry_time FROM user_tokens)",
    "DELETE FROM user_tokens WHERE token_id = (SELECT token_id FROM user_tokens ORDER BY creation_time DESC LIMIT 2)",
    f"INSERT INTO user_tokens (comment) SELECT {SEVERAL} RETURNING token_value",
    f"INSERT INTO user_tokens (comment) VALUES ({SEVERAL}) RETURNING token_value",
    "DELETE FROM user_tokens WHERE deployment_name = (VALUES ('dbc-abcd0123-a1bc'), ('dbc-bcde1234-b2cd'))",
    "UPDATE local SET name = (SELECT name FROM local)",
    "UPDATE local SET (k, name) = (SELECT k, name FROM local)",
    "INSERT INTO local VALUES (3, (SELECT name FROM local))",
    "CREATE TABLE kept AS SELECT (SELECT name FROM local) AS name",
]
READS = [
    f"SELECT {SEVERAL}",
    f"SELECT 1 WHERE 'x' < {SEVERAL}",
    "SELECT k, (SELECT name FROM local AS i WHERE i.k <= o.k) FROM local AS o",
    "SELECT CASE WHEN (SELECT name FROM local) = 'a' THEN 1 END",
    "SELECT count(*) FROM local GROUP BY k HAVING count(*) = (SELECT k FROM local)",
    "SELECT k FROM local ORDER BY (SELECT name FROM local)",
    "SELECT k FROM local LIMIT (SELECT k FROM local)",
    "SELECT (SELECT name FROM (VALUES ('a'), ('b'), ('c')) AS v (name) OFFSET 1)",
    "SELECT (SELECT name FROM local UNION ALL SELECT 'c')",
    "SELECT (SELECT max(k) OVER () FROM local)",
    "SELECT (SELECT max(k) FROM local GROUP BY name)",
    "SELECT 2 IN ((SELECT k FROM local), 3)",
    "SELECT upper((WITH w AS (SELECT name FROM local) SELECT name FROM w))",
    "SELECT * FROM inner_view",
]
ONE_ROW = [
    ("SELECT (SELECT max(name) FROM local)", "b"),
    ("SELECT (SELECT name FROM local ORDER BY k LIMIT 1)", "a"),
    ("SELECT (SELECT name FROM local ORDER BY k LIMIT 1 OFFSET 1)", "b"),
    ("SELECT (SELECT name FROM local ORDER BY k LIMIT 1 OFFSET 0)", "a"),
    ("SELECT (SELECT name FROM local WHERE k = 2)", "b"),
    ("SELECT (SELECT name FROM local WHERE k = 3)", None),
    ("SELECT (SELECT name FROM local AS i WHERE i.k = o.k) FROM local AS o WHERE k = 2", "b"),
    ("SELECT (SELECT o.name) FROM local AS o WHERE k = 2", "b"),
    ("SELECT (VALUES ('x'))", "x"),
    ("SELECT json_array((SELECT json_object('n', name) FROM local WHERE k = 1), (SELECT k FROM local WHERE k = 1))", '[{"n":"a"},1]'),
    ("SELECT typeof((SELECT k FROM local WHERE k = 2))", "integer"),
    ("SELECT (SELECT (SELECT name FROM local AS i WHERE i.k = m.k) FROM local AS m WHERE m.k = o.k) FROM local AS o WHERE k = 1", "a"),
    ("SELECT name FROM local WHERE (k, name) = (SELECT k, name FROM local WHERE k = 2)", "b"),
    ("SELECT EXISTS (SELECT name FROM local)", 1),
    ("SELECT 'a' IN (SELECT name FROM local)", 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def connection(running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with connect(running, tmp_path_factory.mktemp("home"), workspace=A, yes=True) as opened:
        run(
            opened,
            "CREATE TABLE local (k INTEGER PRIMARY KEY, name TEXT)",
            "INSERT INTO local VALUES (1, 'a'), (2, 'b')",
            "CREATE VIEW inner_view AS SELECT (SELECT name FROM local) AS name",
        )
        yield opened


@pytest.mark.parametrize("sql", WRITES)
def test_a_change_that_several_rows_would_decide_does_nothing(sql: str, connection: Connection, site: Sandbox) -> None:
    site.clear_log()
    before = run(connection, "SELECT * FROM local")
    with pytest.raises(DataError, match="gives more than one row") as caught:
        run(connection, sql)
    assert caught.value.span is not None
    assert "SELECT" in sql[caught.value.span.start : caught.value.span.end] or "VALUES" in sql
    assert [entry.method for entry in site.log if entry.method != "GET"] == []
    assert run(connection, "SELECT * FROM local") == before


@each_case("sql", READS)
def test_a_value_of_several_rows_is_an_error_at_its_place(sql: str, connection: Connection) -> None:
    with pytest.raises(DataError, match="gives more than one row") as caught:
        run(connection, sql)
    assert caught.value.span is not None
    assert caught.value.hint is not None


@each_case(("sql", "value"), ONE_ROW)
def test_one_row_or_none_is_a_value(sql: str, value: object, connection: Connection) -> None:
    assert run(connection, sql) == [(value,)]
