"""A statement has one database, which reads its own tables only, keeps integers exact, and can be interrupted."""

from __future__ import annotations

import gc
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from tests.cases import each_case
from tests.engine.sessions import A, connect, run
from tokensh.dbapi.connection import Connection
from tokensh.engine.functions import function_names
from tokensh.engine.sqlite import Database
from tokensh.environment import Cancellation
from tokensh.errors import DataError, Error, Interrupted, NotSupportedError, OperationalError, ProgrammingError
from tokensh.rows import Column, Row, Value
from tokensh.sandbox import Sandbox

COLUMNS = (Column("a", "integer"), Column("b", "string"), Column("c", "any"))


@pytest.fixture
def database() -> Iterator[Database]:
    with closing(Database(Cancellation())) as opened:
        opened.create_table('"t"', COLUMNS)
        opened.load('"t"', 3, [(1, "x", None), (2, "y", 2.5)])
        yield opened


DENIED = [
    "ATTACH DATABASE ':memory:' AS other",
    "DETACH DATABASE main",
    "PRAGMA table_info(t)",
    "PRAGMA writable_schema = 1",
    "SELECT load_extension('x')",
    "SELECT fts3_tokenizer('simple')",
    "INSERT INTO t VALUES (3, 'z', NULL)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "CREATE TABLE u (x)",
    "CREATE TEMP VIEW v AS SELECT 1",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN d",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "SAVEPOINT s",
    "CREATE VIRTUAL TABLE v USING fts5(x)",
]


@each_case("sql", DENIED)
def test_a_query_may_read_and_nothing_else(sql: str, database: Database) -> None:
    with pytest.raises((NotSupportedError, ProgrammingError)):
        list(database.query(sql))
    assert list(database.query("SELECT count(*) FROM t")) == [(2,)]
    assert list(database.query("SELECT count(*) FROM sqlite_master")) == [(1,)]


@pytest.mark.parametrize("sql", DENIED[:4])
def test_the_database_itself_is_what_denies(sql: str, database: Database) -> None:
    with pytest.raises(NotSupportedError, match="may read its tables and nothing else"):
        database.check(sql)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**53 + 1, 0, 1.5, "x", "", "1", None, b"\x00"], ids=repr)
def test_values_come_back_exactly(value: Value, database: Database) -> None:
    database.clear_table('"t"')
    database.load('"t"', 3, [(None, None, value)])
    ((found,),) = database.query("SELECT c FROM t")
    assert (type(found), found) == (type(value), value)


def test_half_a_character_is_an_error_of_ours(database: Database) -> None:
    with pytest.raises(DataError, match="half a character"):
        database.evaluate(["'\ud800'"])
    assert database.evaluate(["1"]) == (1,)


def test_sums_of_large_integers_are_exact_or_an_error(database: Database) -> None:
    assert database.evaluate(["9007199254740993 + 2"]) == (2**53 + 3,)
    with pytest.raises(Error, match="more than 64 bits"):
        list(database.query("SELECT sum(column1) FROM (VALUES (9223372036854775807), (1))"))


def test_checking_a_query_runs_nothing(database: Database) -> None:
    database.check("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT count(*) FROM n")


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT nope FROM t", ProgrammingError),
        ("SELECT json_extract('{', '$')", DataError),
        ("SELECT CAST(x'ff' AS TEXT)", DataError),
        ("SELECT abs(-9223372036854775807 - 1)", Error),
        (f"SELECT {'(' * 200}1{')' * 200}", NotSupportedError),
        (f"SELECT {'+'.join(['1'] * 2000)}", NotSupportedError),
        ("SELECT zeroblob(2000000000)", DataError),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_sqlite_says_becomes_an_error_of_its_kind(sql: str, kind: type[Error], database: Database) -> None:
    with pytest.raises(kind):
        list(database.query(sql))


def test_an_endless_query_can_be_interrupted() -> None:
    cancellation = Cancellation()
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    timer = threading.Timer(0.1, cancellation.press)
    with closing(Database(cancellation)) as database:
        timer.start()
        began = time.monotonic()
        with pytest.raises(Interrupted):
            list(database.query(endless))
        assert time.monotonic() - began < 5
        timer.join()
        cancellation.reset()
        assert database.evaluate(["1"]) == (1,)


def test_a_query_can_be_left_in_the_middle(database: Database) -> None:
    rows = cast("Generator[Row, None, None]", database.query("SELECT a FROM t ORDER BY a"))
    assert next(rows) == (1,)
    rows.close()
    assert database.evaluate(["1"]) == (1,)


@pytest.mark.parametrize("content", [None, b"no database" * 100])
def test_a_store_that_cannot_be_read_is_one_clear_error(
    content: bytes | None, tmp_path: Path, database: Database
) -> None:
    file = tmp_path / "store.db"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OperationalError, match=r"the store .* cannot be read"):
        database.attach_store(file)


def test_a_store_can_be_read_and_not_changed(tmp_path: Path, database: Database) -> None:
    file = tmp_path / "a b%20?.db"
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE data_1 (x)")
    other.execute("INSERT INTO data_1 VALUES (7)")
    other.commit()
    other.close()
    database.attach_store(file)
    database.create_view('"v"', "SELECT x FROM store.data_1")
    assert list(database.query("SELECT x FROM v")) == [(7,)]
    with pytest.raises(NotSupportedError):
        list(database.query("DELETE FROM store.data_1"))


def test_functions_that_reach_outside_are_not_among_those_that_are_known() -> None:
    assert not {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"} & function_names()


INSERT = "INSERT INTO user_tokens (deployment_name, data__comment, data__lifetime_seconds) VALUES "
FIFTY = ", ".join(f"('{A}', '{{}}', {60 + number})" for number in range(50))


@pytest.fixture(scope="module")
def session(running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Yield a session with fifty tokens to revoke and a local table of three rows."""
    with connect(running, tmp_path_factory.mktemp("home"), yes=True) as connection:
        run(connection, f"{INSERT} {FIFTY.format(*['revoked'] * 50)} RETURNING token_value")
        run(connection, "CREATE TABLE kept AS SELECT value AS a FROM json_each('[1, 2, 3]')")
        yield connection


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (f"SELECT comment FROM user_tokens WHERE deployment_name = '{A}' LIMIT 1", 1),
        ("SHOW SERVICES IN databricks_workspace LIKE 'w%'", 1),
        (f"EXPLAIN SELECT comment FROM user_tokens WHERE deployment_name = '{A}'", 5),
        (f"{INSERT} {FIFTY.format(*['made'] * 50)} RETURNING token_value", 50),
        (f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment = 'revoked' RETURNING token_id", 50),
        ("INSERT INTO kept VALUES (4), (5), (6) RETURNING a", 3),
        ("UPDATE kept SET a = 0 WHERE a IN (1, 2, 3) RETURNING a", 3),
    ],
    ids=["select", "show", "explain", "insert", "delete", "local insert", "local update"],
)
def test_a_statement_opens_one_database_however_many_rows_it_returns(
    sql: str, rows: int, session: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "opened", 0)
    assert len(run(session, sql)) == rows
    assert Database.opened == 1


def count_open_connections() -> int:
    connections = [found for found in gc.get_objects() if isinstance(found, sqlite3.Connection)]
    return sum(is_open(connection) for connection in connections)


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        connection.total_changes  # noqa: B018 (raises on a closed one)
    except sqlite3.ProgrammingError:
        return False
    return True


@pytest.mark.parametrize("sql", ["SELECT 1", "INSERT INTO kept VALUES (1) RETURNING a", "SELECT a FROM kept"])
def test_a_result_that_is_not_read_to_its_end_leaves_no_database_open(sql: str, session: Connection) -> None:
    before = count_open_connections()
    session.run(sql)
    session.cursor().execute(sql).fetchone()
    assert count_open_connections() == before
