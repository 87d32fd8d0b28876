"""Names mean a CTE, then a resource, then a view or table of the store, and every qualification works for each of them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.engine.conftest import Connect
from tests.engine.sessions import A, list_requests, run
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import Error, OperationalError, ProgrammingError, UnknownName
from tokensh.sandbox import Sandbox

FULL = "databricks_workspace.workspace.user_tokens"
SPELLINGS = ["user_tokens", "USER_TOKENS", '"User_Tokens"', "workspace.user_tokens", FULL, FULL.upper(), f'"{FULL}"']
CREATE = [
    "VIEW {} AS SELECT 1 AS x",
    "MATERIALIZED VIEW {} AS SELECT 1 AS x",
    "TABLE {} (a INT)",
    "TABLE {} AS SELECT 1 AS x",
]


@each_case("name", SPELLINGS)
@each_case("definition", CREATE)
@each_case("create", ["CREATE", "CREATE OR REPLACE"])
def test_nothing_can_be_created_under_the_name_of_a_resource(
    create: str, definition: str, name: str, session: Connection
) -> None:
    with pytest.raises(ProgrammingError, match="is the name of a resource"):
        run(session, f"{create} {definition.format(name)}")
    assert run(session, "SHOW VIEWS") == run(session, "SHOW TABLES LIKE 'user%'") == []


def test_a_name_of_the_first_place_stays_a_resource_after_use(session: Connection) -> None:
    """A view over it would mean another thing after the next USE."""
    session.namespace = ("databricks_workspace", "nowhere")
    with pytest.raises(ProgrammingError, match="is the name of a resource"):
        run(session, "CREATE TABLE user_tokens (a INT)")


@pytest.fixture
def shadowed(connect: Connect, tmp_path: Path) -> tuple[Connection, list[str]]:
    """Return a session whose store was written when resources could be shadowed, and the notes that it gets."""
    path = tmp_path / "old.db"
    with connect(store=path) as early:
        run(
            early,
            "CREATE TABLE old (comment TEXT)",
            "INSERT INTO old VALUES ('local')",
            "CREATE VIEW v AS SELECT * FROM old",
        )
    with sqlite3.connect(path) as file:
        file.execute("UPDATE objects SET name = 'user_tokens' WHERE name = 'old'")
        file.execute("UPDATE objects SET query = replace(query, '\"old\"', '\"user_tokens\"')")
    file.close()
    notes: list[str] = []
    return connect(store=path, yes=True, callbacks=Callbacks(note=notes.append)), notes


def test_a_store_that_shadows_a_resource_says_so_once_and_the_resource_is_read(
    shadowed: tuple[Connection, list[str]],
) -> None:
    session, notes = shadowed
    real = run(session, f"SELECT comment FROM {FULL} WHERE deployment_name = '{A}'")
    assert len(real) > 1
    assert notes == [
        f"the table user_tokens of the store is not read: its name means the resource {FULL}; DROP TABLE user_tokens removes it"
    ]
    session.workspace = A
    for sql in ("SELECT comment FROM user_tokens", "SELECT comment FROM v"):
        assert run(session, sql) == real
    assert ("token_id", "string") in [row[:2] for row in run(session, "DESCRIBE user_tokens")]
    assert len(notes) == 1


def test_a_write_to_a_shadowed_name_reaches_the_resource(shadowed: tuple[Connection, list[str]], site: Sandbox) -> None:
    session, _ = shadowed
    site.log.clear()
    run(session, f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment = 'nobody has this'")
    assert list_requests(site) == [f"GET {A} list"]


def test_a_shadowing_object_can_be_dropped(shadowed: tuple[Connection, list[str]]) -> None:
    session, notes = shadowed
    run(session, "DROP TABLE user_tokens", f"SELECT 1 FROM user_tokens WHERE deployment_name = '{A}'")
    assert notes == []
    with pytest.raises(ProgrammingError, match="is a resource: it cannot be dropped"):
        run(session, "DROP TABLE user_tokens")


NEEDS_NO_STORE = [
    f"SELECT comment FROM user_tokens WHERE deployment_name = '{A}'",
    f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment = 'nobody has this'",
    "DESCRIBE user_tokens",
    "WITH w AS (SELECT 1 AS x) SELECT * FROM w",
    "SELECT count(*) FROM tokensh.local.pending",
    "EXPLAIN SELECT 1",
]


@pytest.mark.parametrize("sql", NEEDS_NO_STORE)
@pytest.mark.parametrize("state", ["broken", "locked"])
def test_a_store_that_cannot_be_read_blocks_only_what_needs_it(
    state: str, sql: str, connect: Connect, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    with connect(store=path) as early:
        run(early, "CREATE TABLE t (a INT)")
    lock = sqlite3.connect(path)
    if state == "broken":
        path.write_bytes(b"junk" * 1000)
    else:
        lock.execute("PRAGMA locking_mode = EXCLUSIVE")
        lock.execute("BEGIN EXCLUSIVE")
    session = connect(store=path, yes=True)
    run(session, sql)
    if state == "broken":
        with pytest.raises(OperationalError, match="cannot be used"):
            run(session, "SELECT * FROM t")
    lock.close()


QUALIFIED = [
    "SELECT a.b.x, b.x, x FROM a.b",
    "SELECT a.b.*, b.x, b.x FROM a.b",
    'SELECT a.b.x, "a.b".x, b.x FROM "a.b"',
    "SELECT A.B.X, b.x, x FROM a.b",
    "SELECT t.x, t.x, t.x FROM a.b AS t",
    "SELECT a.v.x, v.x, x FROM a.v",
    "WITH w AS (SELECT * FROM a.b) SELECT w.x, x, w.x FROM w",
]


@pytest.mark.parametrize("sql", QUALIFIED)
def test_every_qualification_of_a_local_name_works(sql: str, session: Connection) -> None:
    run(session, "CREATE TABLE a.b (x INT)", "INSERT INTO a.b VALUES (3)", "CREATE VIEW a.v AS SELECT * FROM a.b")
    assert run(session, sql) == [(3, 3, 3)]


def test_a_table_of_the_sessions_own_can_be_named_in_full(session: Connection) -> None:
    columns = "tokensh.local.statements.id = local.statements.id, statements.id = id"
    run(
        session,
        f"SELECT {columns} FROM tokensh.local.statements",
        "SELECT tokensh.local.pending.* FROM tokensh.local.pending",
    )
    assert run(session, "CREATE TABLE a.b (x INT)", "INSERT INTO a.b VALUES (3) RETURNING a.b.x, b.x, a.b.*") == [
        (3, 3, 3)
    ]


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT 1 FROM t AS u, t AS u", "u"),
        ("SELECT 1 FROM t, t", "t"),
        ("SELECT 1 FROM t JOIN (SELECT 1) AS t ON 1", "t"),
        ("WITH w AS (SELECT 1) SELECT 1 FROM w JOIN t AS W ON 1", "w"),
    ],
)
def test_two_tables_of_one_name_are_refused(sql: str, name: str, session: Connection) -> None:
    run(session, "CREATE TABLE t (x INT)")
    with pytest.raises(ProgrammingError, match=f"two tables are called {name}"):
        run(session, sql)


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "tokensh:row" FROM t',
        'DELETE FROM t WHERE "tokensh:row" = 1',
        'UPDATE t SET x = 1 WHERE "tokensh:row" = 1',
        'UPDATE t SET x = 2 WHERE "tokensh:value 0" = 2',
        "DELETE FROM t WHERE y = 1",
    ],
)
def test_the_column_that_numbers_rows_is_neither_taken_nor_named(sql: str, session: Connection) -> None:
    run(session, "CREATE TABLE t (x INT)")
    with pytest.raises(UnknownName) as caught:
        run(session, sql)
    assert "tokensh:" not in (caught.value.hint or "").partition("single quotes")[0]
    for definition in ('("tokensh:row" INT)', 'AS SELECT 1 AS "tokensh:row"'):
        with pytest.raises(Error, match="tokensh's own"):
            run(session, f"CREATE TABLE hidden {definition}")


def test_order_by_a_truth_value_is_no_number_of_a_column(session: Connection) -> None:
    assert run(
        session, "SELECT x FROM (VALUES (2), (1)) AS t GROUP BY column1 ORDER BY false".replace("x", "column1")
    ) == [
        (1,),
        (2,),
    ]
