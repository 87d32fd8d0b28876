"""The library follows PEP 249 point by point, and opens sessions as its options say."""

from __future__ import annotations

import http
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tokensh
from tests.cases import each_case
from tests.engine.sessions import A, B, connect, list_calls, list_requests, run
from tests.environments import make_environment
from tokensh import errors
from tokensh.dbapi import pep249
from tokensh.dbapi.connection import Connection
from tokensh.dbapi.cursor import Cursor
from tokensh.dbapi.pep249 import Date, Time, Timestamp
from tokensh.sandbox import Sandbox
from tokensh.sql.script import StatementText


@pytest.fixture
def session(site: Sandbox, tmp_path: Path) -> Iterator[Connection]:
    with connect(site, tmp_path) as connection:
        yield connection


LIST = f"SELECT token_id, comment, creation_time FROM user_tokens WHERE deployment_name = '{A}'"


# ---- the module


def test_the_module_says_what_it_is() -> None:
    assert (pep249.apilevel, pep249.threadsafety, pep249.paramstyle) == ("2.0", 1, "qmark")


TREE = [
    ("Warning", Exception),
    ("Error", Exception),
    ("InterfaceError", errors.Error),
    ("DatabaseError", errors.Error),
    ("DataError", errors.DatabaseError),
    ("OperationalError", errors.DatabaseError),
    ("IntegrityError", errors.DatabaseError),
    ("InternalError", errors.DatabaseError),
    ("ProgrammingError", errors.DatabaseError),
    ("NotSupportedError", errors.DatabaseError),
]


@each_case(("name", "parent"), TREE, ids=[name for name, _ in TREE])
def test_the_exceptions_are_the_tree_that_pep_249_has(name: str, parent: type[Exception]) -> None:
    assert getattr(errors, name).__bases__ == (parent,)
    assert getattr(errors, name) is getattr(tokensh, name) is getattr(pep249, name) is getattr(Connection, name)


def test_the_package_is_a_dbapi_module_too() -> None:
    assert all(getattr(tokensh, name) is getattr(pep249, name) for name in pep249.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = tokensh.Nonsense  # type: ignore[attr-defined] # that is the point


def test_the_hint_of_an_error_is_a_note_of_its_traceback() -> None:
    assert errors.UnknownName("column", "toke_id", near="token_id").__notes__ == ["hint: did you mean 'token_id'?"]
    assert not hasattr(errors.ProgrammingError("x"), "__notes__")


TYPES = [("token_id", "string", "STRING"), ("creation_time", "integer", "NUMBER")]


@pytest.mark.parametrize(("expression", "code", "name"), TYPES, ids=[expression for expression, _, _ in TYPES])
def test_a_column_has_one_of_the_type_objects(expression: str, code: str, name: str, session: Connection) -> None:
    sql = f"SELECT {expression} FROM user_tokens WHERE deployment_name = '{A}'"
    ((_, found, *_),) = session.cursor().execute(sql).description or ()
    assert found == code
    objects = {group: getattr(pep249, group) for group in ("STRING", "NUMBER", "BINARY", "DATETIME", "ROWID")}
    assert [group for group, kind in objects.items() if found == kind] == [name]


def test_times_of_ticks_are_local_times() -> None:
    ticks = time.mktime((2026, 11, 14, 22, 13, 20, 0, 0, -1))
    assert pep249.DateFromTicks(ticks) == pep249.Date(2026, 11, 14)
    assert pep249.TimeFromTicks(ticks) == pep249.Time(22, 13, 20)
    assert pep249.TimestampFromTicks(ticks) == pep249.Timestamp(2026, 11, 14, 22, 13, 20)


# ---- values


@each_case(
    "value",
    [
        "x",
        "it's",
        "'; DROP TABLE t; --",
        "?",
        ":a",
        "{{ a }}",
        "",
        "東京\n",
        0,
        -1,
        2**63 - 1,
        -(2**63),
        1.5,
        -2.5,
        None,
        b"\x00a",
    ],
)
def test_a_value_comes_back_as_it_was_given(value: object, session: Connection) -> None:
    assert run(session, "SELECT ? AS a", values=[value]) == [(value,)]
    assert run(session, "SELECT :a AS a", values={"a": value}) == [(value,)]


@each_case(
    ("value", "bound"),
    [
        (Timestamp(2026, 11, 14, 22, 13, 20), "2026-11-14 22:13:20"),
        (Timestamp(2026, 11, 14, 22, 13, 20, tzinfo=timezone.utc), "2026-11-14 22:13:20+00:00"),
        (Date(2026, 11, 14), "2026-11-14"),
        (Time(22, 13), "22:13:00"),
        (Decimal("-1.50"), -1.5),
        (Decimal("1E+3"), 1000),
        (Decimal("1E+30"), 1e30),
        (Decimal("NaN"), None),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (bytearray(b"ab"), b"ab"),
        pytest.param(memoryview(b"ab"), b"ab", id="memoryview"),
        (http.HTTPStatus.OK, 200),
    ],
    ids=repr,
)
def test_values_of_pythons_other_types_are_bound_as_sql_has_them(
    value: object, bound: object, session: Connection
) -> None:
    assert session.cursor().execute("SELECT ?", (value,)).fetchone() == (bound,)


def test_a_moment_is_compared_with_what_the_api_gives(session: Connection) -> None:
    sql = "SELECT to_ms(?) = 1794694400000"
    moment = Timestamp(2026, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
    assert session.cursor().execute(sql, (moment,)).fetchone() == (1,)


@pytest.mark.parametrize(
    ("sql", "values", "row"),
    [
        ("SELECT ?, ?", (1, "b"), (1, "b")),
        ("SELECT :b, :a, :b", {"a": 1, "b": 2}, (2, 1, 2)),
        ("SELECT '?', ?", [1], ("?", 1)),
        ("SELECT ':a', :a", {"a": 1}, (":a", 1)),
        ("SELECT ? + 1", (True,), (2,)),
        ("SELECT json_extract(?, '$.a')", ({"a": 7},), (7,)),
        ("SELECT 1 -- ?", (), (1,)),
        ("SELECT 1", {"unused": 1}, (1,)),
    ],
)
def test_markers_take_their_values_in_order_or_by_name(
    sql: str, values: Any, row: tuple[object, ...], session: Connection
) -> None:
    assert session.cursor().execute(sql, values).fetchall() == [row]


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("SELECT ?", ()),
        ("SELECT ?, ?", (1,)),
        ("SELECT ?", (1, 2)),
        ("SELECT 1", (1,)),
        ("SELECT :a", {"b": 1}),
        ("SELECT ?", ({1},)),
        ("SELECT ?", (float("inf"),)),
        ("SELECT ?", (object(),)),
        ("SELECT ?", (Decimal("Infinity"),)),
    ],
)
def test_values_that_do_not_fit_are_an_error(sql: str, values: Any, session: Connection) -> None:
    with pytest.raises(errors.ProgrammingError):
        session.cursor().execute(sql, values)


def test_values_are_parameters_of_requests(session: Connection, site: Sandbox) -> None:
    sql = "SELECT DISTINCT deployment_name FROM user_tokens WHERE deployment_name IN (?, ?)"
    assert session.cursor().execute(sql, (A, B)).fetchall() == [(A,), (B,)]
    assert sorted(list_requests(site)) == list_calls(A, B)


# ---- cursors


WRONG_CALLS: list[tuple[str, Callable[[Cursor], object], str]] = [
    ("bytes", lambda cursor: cursor.execute(b"SELECT 1"), "a statement is a text"),  # type: ignore[arg-type]
    ("None", lambda cursor: cursor.execute(None), "a statement is a text"),  # type: ignore[arg-type]
    ("no values", lambda cursor: cursor.execute("SELECT 1", None), "a sequence or a mapping"),  # type: ignore[arg-type]
    ("an iterator", lambda cursor: cursor.execute("SELECT ?", iter([1])), "a sequence or a mapping"),  # type: ignore[arg-type]
    ("no sets", lambda cursor: cursor.executemany("SELECT ?", None), "iterable of values"),  # type: ignore[arg-type]
    ("a number of sets", lambda cursor: cursor.executemany("SELECT ?", 5), "iterable of values"),  # type: ignore[arg-type]
    ("minus one", lambda cursor: cursor.execute("SELECT 1").fetchmany(-1), "a number of rows, not -1"),
    ("a text", lambda cursor: cursor.execute("SELECT 1").fetchmany("x"), "a number of rows"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "message"), [case[1:] for case in WRONG_CALLS], ids=[case[0] for case in WRONG_CALLS])
def test_arguments_of_the_wrong_type_are_errors_of_ours(
    call: Callable[[Cursor], object], message: str, session: Connection
) -> None:
    with pytest.raises(errors.ProgrammingError, match=message):
        call(session.cursor())


def test_booleans_are_pythons_own(session: Connection) -> None:
    cursor = session.cursor()
    cursor.execute("CREATE TABLE flags (on_ BOOLEAN, n INTEGER)")
    (row,) = cursor.execute("INSERT INTO flags VALUES (TRUE, 1) RETURNING on_, n, n > 5")
    assert [repr(value) for value in row] == ["True", "1", "False"]
    assert cursor.rowcount == 1
    (row,) = cursor.execute("SELECT on_, n, n = 1 AND on_, EXISTS (SELECT 1), on_ + 1, NULL IN (1) FROM flags")
    assert [repr(value) for value in row] == ["True", "1", "True", "True", "2", "None"]


def test_cancel_reaches_a_statement_whose_text_is_still_being_read(
    session: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = session.cursor()
    read = session.read_statement

    def cancel_and_read(text: str) -> StatementText:
        cursor.cancel()
        return read(text)

    monkeypatch.setattr(session, "read_statement", cancel_and_read)
    with pytest.raises(errors.Interrupted):
        cursor.execute(LIST)


def test_description_has_seven_items_for_each_column(session: Connection) -> None:
    cursor = session.cursor()
    assert cursor.description is None
    cursor.execute(LIST)
    assert cursor.description is not None
    assert [column[:2] for column in cursor.description] == [
        ("token_id", "string"),
        ("comment", "string"),
        ("creation_time", "integer"),
    ]
    assert {len(column) for column in cursor.description} == {7}


def test_description_is_none_after_what_has_no_rows(session: Connection) -> None:
    cursor = session.cursor().execute("SELECT 1")
    cursor.execute(f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = 'none'")
    assert cursor.description is None


def test_rowcount_is_what_a_write_did_and_unknown_for_a_query(session: Connection) -> None:
    cursor = session.cursor()
    assert cursor.rowcount == -1
    assert cursor.execute(LIST).rowcount == -1
    made = "INSERT INTO user_tokens (deployment_name, comment) VALUES (?, 'a'), (?, 'b') RETURNING token_value"
    assert cursor.execute(made, (A, A)).rowcount == 2
    assert len(cursor.fetchall()) == 2
    run(session, "CREATE TABLE counted (n INTEGER)")
    assert cursor.execute("INSERT INTO counted VALUES (1), (2), (3)").rowcount == 3


def test_rows_come_one_by_one_some_or_all(session: Connection) -> None:
    cursor = session.cursor().execute("SELECT value FROM json_each('[1,2,3,4,5,6]')")
    assert cursor.arraysize == 1
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany() == [(2,)]
    assert cursor.fetchmany(2) == [(3,), (4,)]
    cursor.arraysize = 5
    assert cursor.fetchmany() == [(5,), (6,)]
    assert (cursor.fetchmany(), cursor.fetchall(), cursor.fetchone()) == ([], [], None)


def test_fetching_some_rows_takes_no_more_than_those(session: Connection) -> None:
    cursor = session.cursor().execute("SELECT value FROM json_each('[1,2,3]')")
    assert cursor.fetchmany(0) == []
    assert cursor.fetchmany(1) == [(1,)]
    assert list(cursor) == [(2,), (3,)]


def test_iteration_works_rows_out_as_they_are_asked_for(session: Connection) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    cursor = session.cursor().execute(endless)
    assert next(iter(cursor)) == (1,)
    assert cursor.fetchmany(3) == [(2,), (3,), (4,)]
    cursor.close()


def test_executemany_runs_once_for_each_set_of_values(session: Connection, site: Sandbox) -> None:
    cursor = session.cursor()
    cursor.executemany(
        "INSERT INTO user_tokens (deployment_name, comment) VALUES (?, ?) RETURNING token_value", [(A, "1"), (B, "2")]
    )
    assert cursor.rowcount == 2
    assert list_requests(site) == [f"POST {A} create", f"POST {B} create"]


def test_executemany_takes_any_iterable(session: Connection) -> None:
    run(session, "CREATE TABLE t (n INTEGER)")
    session.cursor().executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(3)))
    assert run(session, "SELECT n FROM t ORDER BY n") == [(0,), (1,), (2,)]


def test_a_cursor_is_an_iterator_that_knows_where_it_is(session: Connection) -> None:
    cursor = session.cursor()
    assert (cursor.rownumber, cursor.lastrowid) == (None, None)
    cursor.execute("SELECT value FROM json_each('[1,2,3,4]')")
    assert cursor.rownumber == 0
    assert next(cursor) == (1,)
    assert cursor.fetchmany(2) == [(2,), (3,)]
    assert cursor.rownumber == 3
    assert list(cursor) == [(4,)]
    assert cursor.rownumber == 4
    with pytest.raises(StopIteration):
        next(cursor)


def test_with_closes_a_cursor(session: Connection) -> None:
    with session.cursor() as cursor:
        cursor.execute("SELECT 1")
    with pytest.raises(errors.InterfaceError, match="the cursor is closed"):
        cursor.fetchone()
    cursor.close()


def test_two_cursors_do_not_disturb_each_other(session: Connection) -> None:
    first = session.cursor().execute("SELECT value FROM json_each('[1,2]')")
    second = session.cursor().execute("SELECT value FROM json_each('[3,4]')")
    assert [first.fetchone(), second.fetchone(), first.fetchone(), second.fetchone()] == [(1,), (3,), (2,), (4,)]


def test_sizes_can_be_set_and_mean_nothing(session: Connection) -> None:
    cursor = session.cursor()
    cursor.setinputsizes([1])
    cursor.setoutputsize(1, 2)
    assert cursor.execute("SELECT 'long enough'").fetchone() == ("long enough",)


@pytest.mark.parametrize("sql", ["SELECT 1;", "  SELECT 1 ;  ", "SELECT 1\n;\n"])
def test_a_semicolon_at_the_end_is_allowed(sql: str, session: Connection) -> None:
    assert session.cursor().execute(sql).fetchall() == [(1,)]


FETCHES = ["fetchone", "fetchmany", "fetchall"]


@pytest.mark.parametrize("name", FETCHES)
def test_there_is_nothing_to_fetch_before_a_query(name: str, session: Connection) -> None:
    cursor = session.cursor()
    with pytest.raises(errors.Error):
        getattr(cursor, name)()
    cursor.execute("USE databricks_workspace.workspace")
    with pytest.raises(errors.Error):
        getattr(cursor, name)()


@pytest.mark.parametrize("name", FETCHES)
def test_a_closed_cursor_gives_no_rows(name: str, session: Connection) -> None:
    cursor = session.cursor().execute("SELECT 1")
    cursor.close()
    with pytest.raises(errors.InterfaceError, match="closed"):
        getattr(cursor, name)()
    for run_it in (cursor.execute, partial(cursor.executemany, parameters=[])):
        with pytest.raises(errors.InterfaceError, match="closed"):
            run_it("SELECT 1")
    with pytest.raises(errors.InterfaceError, match="closed"):
        iter(cursor)


@pytest.mark.parametrize("name", FETCHES)
def test_the_cursors_of_a_closed_connection_are_closed(name: str, site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path) as session:
        cursor = session.cursor().execute("SELECT 1")
    with pytest.raises(errors.InterfaceError, match="the connection is closed"):
        getattr(cursor, name)()


def test_a_statement_that_fails_leaves_no_old_rows(session: Connection) -> None:
    cursor = session.cursor().execute("SELECT 1")
    with pytest.raises(errors.ProgrammingError):
        cursor.execute("SELECT nope")
    assert cursor.description is None
    with pytest.raises(errors.Error):
        cursor.fetchall()


def test_executemany_gathers_the_rows_of_writes(session: Connection) -> None:
    cursor = session.cursor()
    sql = "INSERT INTO user_tokens (deployment_name, comment) VALUES (?, ?) RETURNING token_value"
    cursor.executemany(sql, [(A, "1"), (A, "2")])
    assert cursor.rowcount == 2
    assert len({value for (value,) in cursor}) == 2


SEVERAL = [
    ("execute", "INSERT INTO user_tokens (deployment_name) VALUES (?), (?), (?) RETURNING token_value", (A, A, A)),
    ("executemany", "INSERT INTO user_tokens (deployment_name) VALUES (?) RETURNING token_value", [(A,), (A,), (A,)]),
]


@pytest.mark.parametrize(("name", "sql", "values"), SEVERAL, ids=[name for name, _, _ in SEVERAL])
def test_the_values_of_a_write_that_fails_on_its_way_are_not_lost(
    name: str, sql: str, values: Any, session: Connection, site: Sandbox
) -> None:
    site.fault("POST */create", status=403, skip=2)
    cursor = session.cursor()
    with pytest.raises(errors.ApiError):
        getattr(cursor, name)(sql, values)
    assert cursor.rowcount == 2
    assert [str(value)[:4] for (value,) in cursor] == ["dapi", "dapi"]


def test_executemany_of_nothing_runs_nothing(session: Connection, site: Sandbox) -> None:
    cursor = session.cursor().execute("SELECT 1")
    cursor.executemany("INSERT INTO user_tokens (deployment_name) VALUES (?) RETURNING token_value", [])
    assert (cursor.rowcount, cursor.description) == (0, None)
    assert site.log == []


def test_executemany_stops_at_the_first_set_that_fails(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", status=403, skip=1)
    with pytest.raises(errors.ApiError):
        session.cursor().executemany(
            "INSERT INTO user_tokens (deployment_name) VALUES (?) RETURNING token_value", [(A,), (A,), (A,)]
        )
    assert list_requests(site) == [f"POST {A} create"] * 2


@pytest.mark.parametrize(
    "sql", ["SELECT 1; -- done", "SELECT 1 -- done;", "SELECT 1; /* done */ ", "/* ; */ SELECT 1;"]
)
def test_comments_may_stand_around_the_semicolon(sql: str, session: Connection) -> None:
    assert session.cursor().execute(sql).fetchall() == [(1,)]


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SELECT 1;;", "", ";", "-- nothing"])
def test_a_cursor_takes_one_statement(sql: str, session: Connection) -> None:
    with pytest.raises(errors.SqlSyntaxError):
        session.cursor().execute(sql)


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb"])
def test_half_a_character_is_an_error_of_ours(value: str, session: Connection) -> None:
    with pytest.raises(errors.DataError, match="half a character"):
        session.cursor().execute("SELECT ?", (value,)).fetchall()


def test_an_error_among_the_first_rows_comes_when_the_statement_is_executed(session: Connection) -> None:
    with pytest.raises(errors.DataError, match="not valid JSON"):
        session.cursor().execute("""SELECT json_extract(value, '$') FROM json_each('["1", "{"]')""")


def test_a_check_that_fails_stops_a_program_that_reads_no_row(session: Connection, site: Sandbox) -> None:
    with pytest.raises(errors.Error, match="nothing is revoked"):
        session.cursor().execute(f"SELECT error('nothing is revoked') FROM user_tokens WHERE deployment_name = '{A}'")
    with pytest.raises(errors.Error, match="nope"):
        session.cursor().execute("SELECT * FROM user_tokens WHERE deployment_name = 'nope'")
    site.clear_log()
    session.run(LIST)
    assert list_requests(site) == list(list_calls(A))


def test_a_query_shows_the_rows_of_the_moment_in_which_it_was_executed(session: Connection) -> None:
    run(session, f"CREATE TABLE t AS SELECT value AS n FROM json_each('{list(range(1000))}')")
    run(session, f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{A}', 'short') RETURNING token_value")
    local = session.cursor().execute("SELECT n FROM t")
    tokens = session.cursor().execute(LIST)
    session.yes = True
    session.cursor().execute("DELETE FROM t")
    session.cursor().execute(f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment = 'short'")
    assert (len(local.fetchall()), run(session, "SELECT count(*) FROM t")) == (1000, [(0,)])
    assert len(tokens.fetchall()) == len(run(session, LIST)) + 1


# ---- connections


def test_a_closed_connection_takes_no_statement(site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path) as session:
        cursor = session.cursor()
    with pytest.raises(errors.InterfaceError, match="closed"):
        cursor.execute("SELECT 1")
    session.close()


def test_commit_without_a_transaction_has_nothing_to_do(session: Connection, site: Sandbox) -> None:
    session.commit()
    assert site.log == []


def test_commit_sends_what_waits_in_a_transaction(session: Connection, site: Sandbox) -> None:
    session.cursor().execute("BEGIN")
    session.cursor().execute(
        "INSERT INTO user_tokens (deployment_name, comment) VALUES (?, 'x') RETURNING token_value", (A,)
    )
    assert site.log == []
    session.commit()
    assert list_requests(site) == [f"POST {A} create"]
    assert not session.in_transaction


def test_rollback_drops_what_waits_and_outside_of_a_transaction_has_nothing_to_do(
    session: Connection, site: Sandbox
) -> None:
    assert session.rollback() == 0
    session.cursor().execute("BEGIN")
    session.cursor().execute("INSERT INTO user_tokens (deployment_name) VALUES (?) RETURNING token_value", (A,))
    assert session.rollback() == 1
    assert not session.in_transaction
    assert site.log == []
    with pytest.raises(errors.ProgrammingError, match="no transaction is open"):
        session.cursor().execute("ROLLBACK")


def test_closing_drops_what_waits(site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path) as session:
        session.cursor().execute("BEGIN")
        session.cursor().execute("INSERT INTO user_tokens (deployment_name) VALUES (?) RETURNING token_value", (A,))
    with pytest.raises(errors.InterfaceError, match="closed"):
        session.commit()
    assert site.log == []


@pytest.mark.parametrize("name", ["cursor", "commit", "rollback"])
def test_a_closed_connection_does_nothing_more(name: str, site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path) as session:
        pass
    with pytest.raises(errors.InterfaceError, match="closed"):
        getattr(session, name)()


def test_a_sandbox_of_its_own_begins_and_ends_with_the_session(tmp_path: Path) -> None:
    with tokensh.connect(sandbox=True, environment=make_environment(tmp_path)) as session:
        assert session.destination == "sandbox"
        comments = [row[0] for row in run(session, "SELECT comment FROM user_tokens")]
        assert (len(comments), comments[-1]) == (8, "the sandbox's own credential")
        (origin,) = {session.hosts.endpoint}
    assert origin is not None
    with (
        tokensh.connect(environment=make_environment(tmp_path), endpoint=origin, token="x", workspace=A) as late,
        pytest.raises(errors.NetworkError),
    ):
        run(late, "SELECT * FROM user_tokens")


def test_a_sandbox_and_an_endpoint_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(errors.InterfaceError, match="its own endpoint"):
        tokensh.connect(
            environment=make_environment(tmp_path), sandbox=True, endpoint="http://127.0.0.1:1/w/{deployment_name}"
        )


def test_the_endpoint_can_be_a_variable(site: Sandbox, tmp_path: Path) -> None:
    variables = {"TOKENSH_ENDPOINT": site.endpoint, "DATABRICKS_TOKEN": site.token}
    with connect(None, tmp_path, variables) as session:
        assert len(run(session, LIST)) >= 7
        assert session.destination == f"127.0.0.1:{site.port}"


def test_a_token_that_is_given_is_used(site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path, {"DATABRICKS_TOKEN": "wrong"}, token=site.user_token) as session:
        run(session, LIST)
    assert site.log[-1].authorization == f"Bearer {site.user_token}"


def test_without_a_credential_the_error_names_what_was_looked_at(site: Sandbox, tmp_path: Path) -> None:
    with (
        connect(None, tmp_path, endpoint=site.endpoint) as session,
        pytest.raises(errors.CredentialError) as caught,
    ):
        run(session, LIST)
    assert any("DATABRICKS_TOKEN" in place for place in caught.value.looked_at)
    assert site.log == []


def test_a_refused_token_is_an_api_error(site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path, token="dapi0") as session, pytest.raises(errors.ApiError) as caught:
        run(session, LIST)
    assert caught.value.status in {401, 403}


# ---- placeholders


def test_placeholders_are_filled_from_the_sessions_variables(session: Connection, site: Sandbox) -> None:
    session.variables |= {"place": B, "n": "2"}
    sql = "SELECT {{ n }} AS n, count(*) FROM user_tokens WHERE deployment_name = '{{ place }}'"
    assert session.cursor().execute(sql).fetchone()[:1] == (2,)  # type: ignore[index] # there is a row
    assert list_requests(site) == list_calls(B)


def test_placeholders_without_a_value_are_all_named(session: Connection, site: Sandbox) -> None:
    with pytest.raises(errors.PlaceholderError) as caught:
        session.cursor().execute("SELECT '{{ a }}', {{ b }}")
    assert [name for name, _ in caught.value.missing] == ["a", "b"]


def test_a_value_of_a_placeholder_stays_inside_its_quotes(session: Connection) -> None:
    session.variables["a"] = "x' OR '1' = '1"
    assert session.cursor().execute("SELECT '{{ a }}' AS a").fetchall() == [("x' OR '1' = '1",)]


# ---- what a session tells


def test_a_partial_result_tells_of_the_workspaces_that_failed(site: Sandbox, tmp_path: Path) -> None:
    failed: list[errors.Error] = []
    progress: list[tuple[int, int]] = []
    callbacks = tokensh.Callbacks(
        on_failure=failed.append, on_progress=lambda done, total: progress.append((done, total))
    )
    site.fault(f"GET /w/{B}/*", status=403, times=None)
    with connect(site, tmp_path, partial=True, callbacks=callbacks) as session:
        rows = run(session, f"SELECT DISTINCT deployment_name FROM user_tokens WHERE deployment_name IN ('{A}', '{B}')")
    assert rows == [(A,)]
    assert [type(error) for error in failed] == [errors.ApiError]
    assert progress[-1] == (2, 2)


def test_a_dry_run_explains_and_sends_nothing(session: Connection, site: Sandbox) -> None:
    result = session.run(f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = 'x'", dry=True)
    assert any("POST" in str(row) for row in result.rows)
    assert site.log == []


# ---- what COMMIT returns

MINT = f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{A}', 'c') RETURNING token_value"
PENDING = "SELECT token_id, statement FROM tokensh.local.pending"


def test_commit_as_a_statement_returns_the_rows_of_every_change(session: Connection, site: Sandbox) -> None:
    cursor = session.cursor()
    run(session, "CREATE TABLE committed (n INTEGER)")
    for sql in (
        "BEGIN",
        MINT,
        "INSERT INTO committed VALUES (1), (2)",
        MINT.replace("token_value", "'x' AS label, token_value AS Token_Value"),
    ):
        cursor.execute(sql)
    cursor.execute("COMMIT")
    assert cursor.description is not None
    assert [column[0] for column in cursor.description] == ["token_value", "label"]
    assert cursor.rowcount == 4
    (first, label), (second, other) = cursor.fetchall()
    assert {str(first)[:4], str(second)[:4]} == {"dapi"}
    assert (first != second, label, other) == (True, None, "x")
    assert run(session, PENDING) == []


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("CREATE TABLE rows_of (n INTEGER)", -1),
        ("CREATE OR REPLACE TABLE rows_of AS SELECT 1 AS n", -1),
        ("CREATE OR REPLACE VIEW rows_of_view AS SELECT 1 AS n", -1),
        ("DROP TABLE IF EXISTS rows_of_nothing", -1),
        ("USE databricks_workspace.workspace", -1),
        ("SELECT 1", -1),
        ("DELETE FROM rows_of WHERE n = 9", 0),
        ("UPDATE rows_of SET n = 2", 1),
        ("INSERT INTO rows_of VALUES (1), (2)", 2),
    ],
)
def test_rowcount_is_known_after_writes_alone(sql: str, count: int, session: Connection) -> None:
    run(session, "CREATE OR REPLACE TABLE rows_of AS SELECT 1 AS n")
    if sql.startswith("CREATE TABLE"):
        run(session, "DROP TABLE rows_of")
    assert session.cursor().execute(sql).rowcount == count


def test_a_commit_of_changes_without_rows_counts_them(session: Connection) -> None:
    cursor = session.cursor()
    run(session, "CREATE TABLE counted (n INTEGER)")
    for sql in ("BEGIN", "INSERT INTO counted VALUES (1), (2)", "INSERT INTO counted VALUES (3)", "COMMIT"):
        cursor.execute(sql)
    assert (cursor.rowcount, cursor.description) == (3, None)
    assert run(session, "SELECT count(*) FROM counted") == [(3,)]


def test_the_rows_before_a_change_that_fails_can_be_fetched(session: Connection, site: Sandbox) -> None:
    cursor = session.cursor()
    for sql in ("BEGIN", MINT, MINT, MINT):
        cursor.execute(sql)
    site.fault("POST */create", status=403, skip=2)
    with pytest.raises(errors.ApiError, match="2 changes done, this one failed"):
        cursor.execute("COMMIT")
    assert [str(value)[:4] for (value,) in cursor.fetchall()] == ["dapi", "dapi"]


@pytest.mark.parametrize("last", ["", "ROLLBACK", "BEGIN"])
def test_what_is_not_a_commit_has_no_rows(last: str, session: Connection) -> None:
    cursor = session.cursor()
    if last:
        for sql in ("BEGIN", MINT, "ROLLBACK") if last == "ROLLBACK" else ("BEGIN",):
            cursor.execute(sql)
    else:
        cursor.execute("USE databricks_workspace")
    assert cursor.description is None


def test_the_values_of_commit_are_pending_until_they_are_read(session: Connection, site: Sandbox) -> None:
    run(session, "BEGIN", MINT, f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = 'x'", MINT)
    session.commit()
    pending = run(session, PENDING)
    assert len(pending) == 2
    assert all(str(statement).startswith("EXEC ") for _, statement in pending)
    values = [row["token_value"] for row in session.returned]
    assert [str(value)[:4] for value in values] == ["dapi", "dapi"]
    assert run(session, PENDING) == []


def test_the_values_before_a_change_that_fails_are_pending_too(session: Connection, site: Sandbox) -> None:
    run(session, "BEGIN", MINT, MINT)
    site.fault("POST */create", status=403, skip=1)
    with pytest.raises(errors.ApiError):
        session.commit()
    assert len(run(session, PENDING)) == 1
    assert len(session.returned) == 1


def test_a_token_that_was_revoked_does_not_come_back_when_the_connection_is_closed(
    site: Sandbox, tmp_path: Path
) -> None:
    with connect(site, tmp_path) as session:
        run(session, "BEGIN", MINT)
        session.commit()
        ((_, statement),) = run(session, PENDING)
        run(session, str(statement).removesuffix(";"))
    with connect(site, tmp_path) as session:
        assert run(session, PENDING) == []


def test_what_was_read_of_a_commit_is_not_kept_after_the_next(session: Connection, site: Sandbox) -> None:
    run(session, "BEGIN", MINT)
    session.commit()
    (first,) = session.returned
    assert session.returned == [first]
    run(session, "BEGIN", MINT)
    session.commit()
    assert len(session.returned) == 1
    assert session.returned != [first]


def test_of_commits_that_nobody_reads_only_new_values_are_kept(session: Connection, site: Sandbox) -> None:
    renew = f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment = 'c' RETURNING comment"
    session.yes = True
    for sql in (MINT, renew, MINT):
        run(session, "BEGIN", sql)
        session.commit()
    assert [list(row) for row in session.returned] == [["token_value"], ["token_value"]]


@pytest.mark.parametrize(
    "execute",
    [
        lambda cursor: cursor.execute(MINT.replace("RETURNING", f", ('{A}', 'd') RETURNING")),
        lambda cursor: cursor.executemany(MINT.replace("'c'", "?"), [("a",), ("b",)]),
    ],
)
def test_the_values_of_a_statement_that_fails_are_pending_until_they_are_fetched(
    execute: Callable[[Cursor], object], session: Connection, site: Sandbox
) -> None:
    cursor = session.cursor()
    site.fault("POST */create", status=403, skip=1)
    with pytest.raises(errors.ApiError):
        execute(cursor)
    ((token_id, _),) = run(session, PENDING)
    assert token_id is not None
    assert len(cursor.fetchall()) == 1
    assert run(session, PENDING) == []


def test_a_commit_does_not_settle_what_an_earlier_one_left(session: Connection, site: Sandbox) -> None:
    run(session, "BEGIN", MINT)
    session.commit()
    assert len(session.cursor().execute(MINT).fetchall()) == 1
    assert len(run(session, PENDING)) == 1


def test_values_that_were_never_read_stay_pending_after_the_connection_is_closed(site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path) as session:
        run(session, "BEGIN", MINT)
        session.commit()
    with connect(site, tmp_path) as session:
        ((token_id, statement),) = run(session, PENDING)
        run(session, str(statement).removesuffix(";"))
        assert run(session, PENDING) == []
        assert token_id is not None


def test_connections_of_a_process_share_the_grammar_and_the_shipped_provider(site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path) as first, connect(site, tmp_path) as second:
        assert first.parser is second.parser
        assert first.catalog is second.catalog
