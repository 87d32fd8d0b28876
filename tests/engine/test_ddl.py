"""Views, materialized views, local tables, earlier results and transactions work as statements of a session."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.engine.conftest import Connect
from tests.engine.sessions import A, B, C, first_column, list_calls, list_requests, run
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.diff import describe_refresh
from tokensh.errors import (
    ApiError,
    Error,
    IntegrityError,
    MissingParameter,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    UnknownName,
)
from tokensh.rows import RowSet
from tokensh.sandbox import Sandbox

VIEW = "CREATE VIEW v AS SELECT deployment_name, token_id, comment FROM user_tokens"


# ---- views


@pytest.mark.parametrize(
    ("sql", "places"),
    [
        (f"SELECT * FROM v WHERE deployment_name = '{A}'", [A]),
        (f"SELECT * FROM v WHERE deployment_name IN ('{B}', '{A}')", [B, A]),
        (f"SELECT * FROM v AS x JOIN v AS y USING (deployment_name) WHERE x.deployment_name = '{B}'", [B]),
        (f"SELECT count(*) FROM (SELECT * FROM v) AS d WHERE d.deployment_name = '{C}'", [C]),
        (f"WITH w AS (SELECT * FROM v) SELECT 1 FROM w WHERE deployment_name = lower('{A.upper()}')", [A]),
        (f"SELECT * FROM v WHERE deployment_name = '{A}' AND deployment_name = '{B}'", []),
    ],
)
def test_predicates_around_a_view_become_parameters_inside_of_it(
    sql: str, places: list[str], session: Connection, site: Sandbox
) -> None:
    run(session, VIEW, sql)
    assert sorted(list_requests(site)) == sorted(list_calls(*places))


def test_a_view_without_its_parameter_is_an_error_that_names_it(session: Connection, site: Sandbox) -> None:
    run(session, VIEW)
    with pytest.raises(MissingParameter) as caught:
        run(session, "SELECT * FROM v")
    assert caught.value.names == ("deployment_name",)
    assert site.log == []


def test_a_view_of_a_view_passes_predicates_through_both(session: Connection, site: Sandbox) -> None:
    run(session, VIEW, "CREATE VIEW w (place, id) AS SELECT deployment_name, token_id FROM v WHERE comment <> ''")
    assert len(run(session, f"SELECT id FROM w WHERE place = '{A}'")) == 6
    assert list_requests(site) == list_calls(A)


def test_a_view_has_the_columns_that_its_list_names(session: Connection) -> None:
    run(session, "CREATE VIEW v (one, two) AS SELECT 1, 2 AS b")
    assert [column.name for column in session.run("SELECT * FROM v").columns] == ["one", "two"]


def test_a_view_outlasts_the_session(connect: Connect) -> None:
    run(connect(), "CREATE VIEW v AS SELECT 7 AS x")
    assert run(connect(), "SELECT x FROM v") == [(7,)]


def test_a_view_means_the_same_after_use(session: Connection) -> None:
    run(session, VIEW, "USE databricks_workspace")
    assert len(run(session, f"SELECT * FROM v WHERE deployment_name = '{A}'")) == 7


WRONG_VIEWS: list[tuple[str, type[Error], str]] = [
    ("CREATE VIEW v AS SELECT 2", ProgrammingError, "VIEW v already exists"),
    ("CREATE VIEW u AS SELECT * FROM u", UnknownName, "'u'"),
    ("CREATE OR REPLACE VIEW v AS SELECT * FROM (SELECT * FROM V) AS d", ProgrammingError, "read itself"),
    ("CREATE VIEW u (a, b) AS SELECT 1", ProgrammingError, "2 column names for 1 column"),
    ("CREATE VIEW u AS SELECT 1 AS a, 2 AS A", ProgrammingError, "two columns are called 'A'"),
    ("CREATE VIEW u AS SELECT toke_id FROM user_tokens", UnknownName, "unknown column 'toke_id'"),
    ("CREATE TABLE v (a INT)", ProgrammingError, "v already is a VIEW"),
    ("CREATE VIEW tokensh.local.statements AS SELECT 1", ProgrammingError, "the session's own"),
    ("DROP VIEW w", UnknownName, "unknown view 'w'"),
    ("DROP TABLE v", ProgrammingError, "v is a VIEW"),
    ("INSERT INTO v (a) VALUES (1)", ProgrammingError, "its rows cannot be changed"),
    ("DELETE FROM v WHERE a = 1", ProgrammingError, "its rows cannot be changed"),
    ("REFRESH MATERIALIZED VIEW v", UnknownName, "unknown materialized view 'v'"),
]


@pytest.mark.parametrize(("sql", "kind", "words"), WRONG_VIEWS, ids=[sql for sql, _, _ in WRONG_VIEWS])
def test_a_wrong_definition_is_refused(sql: str, kind: type[Error], words: str, session: Connection) -> None:
    run(session, "CREATE VIEW v AS SELECT 1 AS a")
    with pytest.raises(kind, match=re.escape(words)):
        run(session, sql)
    assert run(session, "SELECT * FROM v") == [(1,)]


def test_views_that_have_come_to_read_each_other_are_an_error(session: Connection) -> None:
    run(session, "CREATE VIEW a AS SELECT 1 AS x", "CREATE VIEW b AS SELECT x FROM a")
    run(session, "DROP VIEW a", "CREATE VIEW a AS SELECT 2 AS x")
    with pytest.raises(ProgrammingError, match="reads itself"):
        run(session, "CREATE OR REPLACE VIEW a AS SELECT x FROM b", "SELECT * FROM b")


def test_or_replace_replaces_and_if_not_exists_keeps(session: Connection) -> None:
    run(session, "CREATE VIEW v AS SELECT 1 AS x", "CREATE VIEW IF NOT EXISTS v AS SELECT 2 AS x")
    assert run(session, "SELECT x FROM V") == [(1,)]
    assert run(session, "CREATE OR REPLACE VIEW v AS SELECT 3 AS y", "SELECT y FROM v") == [(3,)]


def test_a_dropped_view_is_gone_and_if_exists_makes_nothing_of_that(session: Connection) -> None:
    run(session, "CREATE VIEW v AS SELECT 1", "DROP VIEW v", "DROP VIEW IF EXISTS v")
    with pytest.raises(UnknownName, match="'v'"):
        run(session, "SELECT * FROM v")


# ---- materialized views

KEPT = f"CREATE MATERIALIZED VIEW m AS SELECT token_id, comment FROM user_tokens WHERE deployment_name = '{C}'"


def test_a_materialized_view_asks_once_and_again_when_it_is_refreshed(session: Connection, site: Sandbox) -> None:
    run(session, KEPT)
    assert len(run(session, "SELECT * FROM m", "SELECT token_id FROM m")) == 5
    assert list_requests(site) == list_calls(C)
    run(session, "REFRESH MATERIALIZED VIEW m")
    assert list_requests(site) == list_calls(C, C)


def test_a_refresh_tells_what_came_and_what_went(session: Connection) -> None:
    run(session, "CREATE TABLE t (x INT)", "INSERT INTO t VALUES (1), (1), (2), (NULL)")
    run(session, "CREATE MATERIALIZED VIEW m AS SELECT x FROM t")
    store = session.objects.store
    view = store.find("m")
    assert view is not None
    assert store.differences(view) == ([], [])
    run(session, "DELETE FROM t WHERE x = 2", "INSERT INTO t VALUES (1), (3)", "REFRESH MATERIALIZED VIEW m")
    assert store.differences(view) == ([(1,), (3,)], [(2,)])
    assert first_column(session, "SELECT x FROM m ORDER BY x") == [None, 1, 1, 1, 3]
    run(session, "REFRESH MATERIALIZED VIEW m")
    assert store.differences(view) == ([], [])


def test_a_changed_token_is_shown_as_it_was_and_as_it_is(session: Connection) -> None:
    table = "deployment_name TEXT, token_id TEXT, comment TEXT"
    run(session, f"CREATE TABLE t ({table})", "INSERT INTO t VALUES ('a', '1', 'x'), ('a', '2', 'y')")
    run(session, "CREATE MATERIALIZED VIEW m AS SELECT * FROM t", "UPDATE t SET comment = 'z' WHERE token_id = '1'")
    run(session, "REFRESH MATERIALIZED VIEW m")
    rows = {row[0] for row in describe_refresh(session.objects.store, "m").rows}
    assert rows <= {"was", "is", "new", "gone"}
    assert len(list(describe_refresh(session.objects.store, "m").rows)) == 2
    with pytest.raises(ProgrammingError, match="unknown materialized view"):
        describe_refresh(session.objects.store, "t")


def test_what_a_failed_refresh_leaves_is_what_was_there(session: Connection, site: Sandbox) -> None:
    run(session, KEPT)
    site.fault(f"GET /w/{C}/*", status=403, times=None)
    with pytest.raises(ApiError):
        run(session, "REFRESH MATERIALIZED VIEW m")
    assert run(session, "SELECT count(*) FROM m") == [(5,)]


def test_a_lasting_object_never_holds_a_token_value(session: Connection, tmp_path: Path) -> None:
    ((value,),) = run(session, insert("kept").replace("RETURNING 'kept',", "RETURNING"))
    assert isinstance(value, str)
    assert value.startswith("dapi")
    run(session, f"CREATE TABLE t AS SELECT '{value}' AS a, 'short' AS token_value", "INSERT INTO t SELECT a, a FROM t")
    run(session, f"UPDATE t SET a = 'x {value}'", "CREATE MATERIALIZED VIEW m AS SELECT a, token_value FROM t")
    assert first_column(session, "SELECT token_value FROM m") == [None, None]
    session.objects.store.close()
    (file,) = tmp_path.rglob("store.db")
    assert value.encode() not in file.read_bytes()


def test_a_view_whose_query_holds_a_token_value_is_refused(session: Connection) -> None:
    with pytest.raises(ProgrammingError, match="looks like a token"):
        run(session, f"CREATE VIEW v AS SELECT 'dapi{'0123456789abcdef' * 2}' AS x")


# ---- local tables

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER DEFAULT 5)"


def test_a_local_table_is_filled_changed_and_emptied(session: Connection) -> None:
    assert run(session, TABLE) == []
    assert run(session, "INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'b') RETURNING id, size") == [(1, 5), (2, 5)]
    assert run(session, "UPDATE t SET size = size + id, name = upper(name) WHERE id = 2 RETURNING *") == [(2, "B", 7)]
    assert run(session, "REPLACE INTO t (id, name) VALUES (1, 'z') RETURNING name") == [("z",)]
    assert run(session, "DELETE FROM t WHERE name = 'z' RETURNING id") == [(1,)]
    assert run(session, "SELECT * FROM t") == [(2, "B", 7)]
    run(session, "DROP TABLE t")
    with pytest.raises(UnknownName):
        run(session, "SELECT * FROM t")


def test_a_change_of_a_table_counts_its_rows(session: Connection) -> None:
    run(session, TABLE)
    cursor = session.cursor()
    assert cursor.execute("INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')").rowcount == 3
    assert cursor.execute("DELETE FROM t WHERE id > 1").rowcount == 2
    assert run(session, "SELECT id FROM t") == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t (id, name) VALUES (2, 'x'), (1, 'y')",
        "INSERT INTO t (id, name) VALUES (2, NULL)",
        "INSERT INTO t (id, name, size) VALUES (2, 'a', 6)",
        "UPDATE t SET name = NULL",
    ],
)
def test_what_a_constraint_refuses_changes_nothing(sql: str, session: Connection) -> None:
    run(session, TABLE, "INSERT INTO t (id, name) VALUES (1, 'a')")
    with pytest.raises(IntegrityError):
        run(session, sql)
    assert run(session, "SELECT * FROM t") == [(1, "a", 5)]


def test_a_refused_row_is_told_in_the_tables_own_words(session: Connection) -> None:
    run(session, "CREATE TABLE keyed (x PRIMARY KEY)", "INSERT INTO keyed VALUES (1)")
    with pytest.raises(IntegrityError, match=r"another row has the same x, which is UNIQUE$"):
        run(session, "INSERT INTO keyed VALUES (1)")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("INSERT INTO t (id, nam) VALUES (1, 'a')", "unknown column 'nam'"),
        ("INSERT INTO t (id, ID) VALUES (1, 2)", "named twice"),
        ("INSERT INTO t (id, name) VALUES (1)", "2 columns and is given 1"),
        ("INSERT INTO t VALUES (1, 2)", "3 columns and is given 2"),
        ("UPDATE t SET nam = 1", "unknown column 'nam'"),
        ("DELETE FROM t WHERE nam = 1", "unknown column 'nam'"),
        ("UPDATE t SET name = 'x' RETURNING nam", "unknown column 'nam'"),
        ("CREATE TABLE t2 (a INT, A INT)", "named twice"),
    ],
)
def test_a_wrong_change_of_a_table_is_an_error(sql: str, words: str, session: Connection) -> None:
    run(session, TABLE)
    with pytest.raises(ProgrammingError, match=words):
        run(session, sql)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TABLE made (x, X)", "the column 'X' is named twice"),
        ("CREATE TABLE made (x, PRIMARY KEY (y))", "unknown column 'y'"),
        ("CREATE TABLE made (rowid, oid, _rowid_)", "cannot have all of the columns"),
    ],
)
def test_a_table_that_cannot_be_made_is_one_clear_error(sql: str, words: str, session: Connection) -> None:
    with pytest.raises(ProgrammingError, match=words):
        run(session, sql)
    with pytest.raises(UnknownName):
        run(session, "SELECT * FROM made")


def test_what_is_wrong_in_a_kept_query_is_wrong_where_it_is_named(session: Connection) -> None:
    run(session, "CREATE TABLE below (x)", "CREATE MATERIALIZED VIEW above AS SELECT x FROM below", "DROP TABLE below")
    refresh = "REFRESH MATERIALIZED VIEW above"
    with pytest.raises(UnknownName) as caught:
        run(session, refresh)
    assert caught.value.span is not None
    assert refresh[slice(*caught.value.span)] == "above"


def test_an_error_of_a_change_that_waited_stands_nowhere_in_the_commit(session: Connection, site: Sandbox) -> None:
    run(session, "BEGIN", "INSERT INTO user_tokens (deployment_name) VALUES ('evil.com/#') RETURNING token_value")
    with pytest.raises(ProgrammingError, match="0 changes done, this one failed, 0 changes dropped") as caught:
        run(session, "COMMIT")
    assert caught.value.span is None


@pytest.mark.parametrize("columns", ["rowid, x", "rowid, oid, x", "_rowid_, x", "rowid, x PRIMARY KEY"])
def test_a_column_may_have_a_name_that_sqlite_gives_to_row_numbers(columns: str, session: Connection) -> None:
    run(session, f"CREATE TABLE numbered ({columns})")
    for x in (2, 3):
        run(session, f"INSERT INTO numbered SELECT {columns.count(',') * '1, '}{x}")
    run(session, "UPDATE numbered SET x = 9 WHERE x = 3")
    run(session, "DELETE FROM numbered WHERE x = 2")
    assert first_column(session, "SELECT x FROM numbered") == [9]


@pytest.mark.parametrize("name", ["sqlite_master", "sqlite_stat1", "SQLite_x"])
def test_a_table_may_have_a_name_that_sqlite_keeps_for_itself(name: str, session: Connection) -> None:
    run(session, f"CREATE TABLE {name} (x)", f"INSERT INTO {name} VALUES (1)")
    assert run(session, f"WITH sqlite_w AS (SELECT x FROM {name}) SELECT a.x FROM sqlite_w JOIN {name} AS a") == [(1,)]


def test_a_table_is_made_from_a_query(session: Connection) -> None:
    run(session, f"CREATE TABLE t AS SELECT token_id, creation_time FROM user_tokens WHERE deployment_name = '{B}'")
    result = session.run("SELECT * FROM t")
    assert [(column.name, column.type) for column in result.columns] == [
        ("token_id", "string"),
        ("creation_time", "integer"),
    ]
    assert len(list(result.rows)) == 6


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM user_tokens AS u JOIN places AS p ON u.deployment_name = p.name",
        "SELECT count(*) FROM places AS p LEFT JOIN user_tokens AS u ON p.name = u.deployment_name",
        "SELECT count(*) FROM user_tokens WHERE deployment_name IN (SELECT name FROM places)",
        "SELECT count(*) FROM user_tokens WHERE deployment_name IN (SELECT name FROM places WHERE name > '')",
        "SELECT (SELECT count(*) FROM user_tokens AS u WHERE u.deployment_name = p.name) FROM places AS p",
    ],
)
def test_a_tables_rows_are_the_workspaces_that_are_asked(sql: str, session: Connection, site: Sandbox) -> None:
    run(session, "CREATE TABLE places (name TEXT)", f"INSERT INTO places VALUES ('{B}'), ('{A}'), ('{B}'), (NULL)")
    run(session, sql)
    assert sorted(list_requests(site)) == sorted(list_calls(A, B))


def test_a_delete_takes_only_the_rows_that_order_and_limit_leave(session: Connection) -> None:
    run(session, "CREATE TABLE t (x INT)", "INSERT INTO t VALUES (1), (2), (3)")
    assert run(session, "DELETE FROM t ORDER BY x DESC LIMIT 1 RETURNING x") == [(3,)]


# ---- earlier results and the session's own tables


def test_a_result_that_is_remembered_can_be_read_by_number(session: Connection) -> None:
    first, second = (session.run(f"SELECT {n} AS x, {n} AS x") for n in (1, 2))
    assert session.objects.keep_result(first.columns, list(first.rows)) == 1
    assert session.objects.keep_result(second.columns, list(second.rows)) == 2
    assert run(session, 'SELECT x, "x:2" FROM _') == [(2, 2)]
    assert run(session, "SELECT x FROM _1 UNION ALL SELECT x FROM _2") == [(1,), (2,)]
    with pytest.raises(UnknownName):
        run(session, "SELECT * FROM _3")


def test_every_small_result_is_kept(session: Connection) -> None:
    for n in range(21):
        session.objects.keep_result(session.run(f"SELECT {n} AS x").columns, [(n,)])
    assert run(session, "SELECT a.x, b.x FROM _1 AS a, _21 AS b") == [(0, 20)]


def test_a_remembered_result_has_no_secrets(session: Connection) -> None:
    result = session.run(
        f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{A}', 'x') RETURNING token_value"
    )
    session.objects.keep_result(result.columns, [("dapi-secret",)])
    assert run(session, "SELECT token_value FROM _") == [(None,)]


def test_a_remembered_results_values_are_parameters(session: Connection, site: Sandbox) -> None:
    session.objects.keep_result(session.run("SELECT 'x' AS place").columns, [(A,)])
    run(session, "SELECT * FROM user_tokens WHERE deployment_name IN (SELECT place FROM _)")
    assert list_requests(site) == list_calls(A)


def test_the_sessions_own_tables_can_be_read(session: Connection) -> None:
    assert run(session, "SELECT count(*) FROM tokensh.local.statements") == [(0,)]
    names = [column.name for column in session.run("SELECT * FROM TOKENSH.LOCAL.statements").columns]
    assert "statement" in names
    with pytest.raises(UnknownName, match="statment"):
        run(session, "SELECT statment FROM tokensh.local.statements")


# ---- transactions


def results(session: Connection, sql: str) -> list[list[tuple[object, ...]]]:
    return [list(result.rows) for result in session.results(sql)]


def insert(comment: str, place: str = A) -> str:
    return f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{place}', '{comment}') RETURNING '{comment}', token_value"


def test_changes_wait_for_commit_which_gives_each_ones_rows(session: Connection, site: Sandbox) -> None:
    run(session, "CREATE TABLE t (x INT)", "BEGIN", insert("one"), "INSERT INTO t VALUES (1) RETURNING x")
    assert session.in_transaction
    assert site.log == []
    assert run(session, "SELECT count(*) FROM t") == [(0,)]
    begun, created, local = results(session, "COMMIT")
    assert (begun, [row[0] for row in created], local) == ([], ["one"], [(1,)])
    assert list_requests(site) == [f"POST {A} create"]
    assert not session.in_transaction


def test_a_rollback_sends_nothing(connect: Connect, site: Sandbox) -> None:
    notes: list[str] = []
    session = connect(callbacks=Callbacks(note=notes.append))
    run(session, "BEGIN", insert("one"), insert("two"), "ROLLBACK")
    assert site.log == []
    assert not session.in_transaction
    assert notes[-1] == "2 changes dropped, nothing was sent"


def test_a_failure_in_the_middle_of_a_commit_drops_what_is_left(session: Connection, site: Sandbox) -> None:
    run(session, "BEGIN", insert("one"), insert("two", B), insert("three", C))
    site.fault(f"POST /w/{B}/*", status=403)
    with pytest.raises(ApiError, match=re.escape("(COMMIT: 1 change done, this one failed, 1 change dropped)")):
        run(session, "COMMIT")
    assert list_requests(site) == [f"POST {A} create", f"POST {B} create"]
    assert not session.in_transaction


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("BEGIN", ProgrammingError),
        ("CREATE VIEW v AS SELECT 1", NotSupportedError),
        ("CREATE TABLE v (x INT)", NotSupportedError),
        ("DROP VIEW IF EXISTS v", NotSupportedError),
        ("INSERT INTO user_tokens (coment) VALUES ('x')", ProgrammingError),
    ],
)
def test_what_a_transaction_does_not_take_leaves_it_open(sql: str, kind: type[Error], session: Connection) -> None:
    run(session, "BEGIN", insert("kept"))
    with pytest.raises(kind):
        run(session, sql)
    assert session.in_transaction
    assert session.rollback() == 1


@pytest.mark.parametrize("sql", ["COMMIT", "ROLLBACK"])
def test_there_must_be_a_transaction_to_end(sql: str, session: Connection) -> None:
    with pytest.raises(ProgrammingError, match="no transaction is open"):
        run(session, sql)


# ---- two sessions at once


def plan_now(session: Connection, sql: str) -> RowSet:
    """Return the result of a statement that has been planned, and runs when its rows are read."""
    return session._run_plan(session.plan(sql))


def test_what_another_session_made_meanwhile_is_kept(connect: Connect) -> None:
    """Both looked before either made it: the check that counts is the one inside the transaction."""
    first, other = connect(), connect()
    slow, plain = plan_now(other, "CREATE TABLE IF NOT EXISTS both (x)"), plan_now(connect(), "CREATE TABLE both (x)")
    run(first, "CREATE TABLE IF NOT EXISTS both (x)", "INSERT INTO both VALUES (1)")
    assert list(slow.rows) == []
    with pytest.raises(ProgrammingError, match="another session created it"):
        list(plain.rows)
    assert run(other, "SELECT x FROM both") == [(1,)]


def test_a_table_that_another_session_dropped_meanwhile_is_one_clear_error(connect: Connect) -> None:
    first, other = connect(), connect()
    run(first, "CREATE TABLE brief (x)")
    late = [plan_now(other, sql) for sql in ("INSERT INTO brief VALUES (1)", "SELECT x FROM brief")]
    run(first, "DROP TABLE brief")
    for result in late:
        with pytest.raises(OperationalError, match=r"brief is gone|another session dropped"):
            list(result.rows)


def test_a_default_may_be_negative_or_in_parentheses(session: Connection) -> None:
    run(
        session,
        "CREATE TABLE d (a INT DEFAULT -1, b INT DEFAULT (5), c REAL DEFAULT (-2.5), e TEXT DEFAULT ('x'), f INT)",
    )
    run(session, "INSERT INTO d (f) VALUES (0)")
    assert run(session, "SELECT * FROM d") == [(-1, 5, -2.5, "x", 0)]
