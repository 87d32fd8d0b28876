"""SAVEPOINT: changes of local tables are rolled back to it; in the queue of BEGIN it is a place to cut the queue off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.sessions import A, connect, first_column, list_requests, run
from tokensh import errors
from tokensh.dbapi.connection import Connection
from tokensh.sandbox import Sandbox

NAMES = "SELECT name FROM team ORDER BY id"


@pytest.fixture
def session(site: Sandbox, tmp_path: Path) -> Iterator[Connection]:
    with connect(site, tmp_path, workspace=A) as connection:
        run(
            connection,
            "CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE)",
            "INSERT INTO team (name) VALUES ('a')",
        )
        yield connection


def test_changes_are_undone_to_the_savepoint_and_kept_before_it(session: Connection) -> None:
    run(session, "SAVEPOINT one", "INSERT INTO team (name) VALUES ('b')", "SAVEPOINT two", "UPDATE team SET name = 'z'")
    assert first_column(session, NAMES) == ["z", "z"]
    run(session, "ROLLBACK TO SAVEPOINT TWO")
    assert first_column(session, NAMES) == ["a", "b"]
    run(session, "DELETE FROM team", "ROLLBACK TO one")
    assert first_column(session, NAMES) == ["a"]
    assert session.in_transaction


@pytest.mark.parametrize("end", ["RELEASE one", "RELEASE SAVEPOINT ONE", "COMMIT"])
def test_other_sessions_see_the_changes_when_the_first_savepoint_is_released(
    end: str, session: Connection, site: Sandbox, tmp_path: Path
) -> None:
    with connect(site, tmp_path) as other:
        run(session, "SAVEPOINT one", "INSERT INTO team (name) VALUES ('b')", "SAVEPOINT two", "RELEASE two")
        assert first_column(other, NAMES) == ["a"]
        run(session, end)
        assert first_column(other, NAMES) == ["a", "b"]
    assert not session.in_transaction


def test_a_savepoint_without_changes_locks_no_other_session(session: Connection, site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path) as other:
        run(session, "SAVEPOINT one", NAMES)
        run(other, "INSERT INTO team (name) VALUES ('b')")
    assert first_column(session, NAMES) == ["a", "b"]


@pytest.mark.parametrize("undo", ["ROLLBACK", "method", "close"])
def test_everything_after_the_first_savepoint_is_undone_at_the_end(
    undo: str, session: Connection, site: Sandbox, tmp_path: Path
) -> None:
    run(session, "SAVEPOINT one", "DELETE FROM team", "SAVEPOINT two", "INSERT INTO team (name) VALUES ('b')")
    match undo:
        case "method":
            session.rollback()
        case "close":
            session.close()
        case _:
            run(session, undo)
    with connect(site, tmp_path) as other:
        assert first_column(other, NAMES) == ["a"]


def test_a_statement_that_fails_undoes_only_itself(session: Connection) -> None:
    run(session, "SAVEPOINT one", "INSERT INTO team VALUES (2, 'b')")
    with pytest.raises(errors.IntegrityError):
        run(session, "INSERT INTO team VALUES (3, 'c'), (2, 'again')")
    run(session, "RELEASE one")
    assert first_column(session, NAMES) == ["a", "b"]


def test_queries_after_a_savepoint_mean_what_they_mean_before(session: Connection) -> None:
    run(session, "SAVEPOINT one", "INSERT INTO team VALUES (7, 'B')")
    query = "SELECT l.id FROM team AS l JOIN team AS r USING (id) WHERE l.name = 'b' AND r.id > '6'"
    assert first_column(session, query) == [7]


REFUSED = [
    f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{A}', 'x') RETURNING token_value",
    f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = 'x'",
    'EXEC user_tokens.revoketoken @@json=\'{"token_id": "x"}\'',
    "DELETE FROM tokensh.local.statements WHERE id = 1",
    "CREATE TABLE other (n INTEGER)",
    "DROP TABLE team",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_what_cannot_be_rolled_back_is_refused(sql: str, session: Connection, site: Sandbox) -> None:
    run(session, "SAVEPOINT one")
    with pytest.raises(errors.NotSupportedError) as caught:
        run(session, sql)
    assert caught.value.hint == "RELEASE one first"
    assert list_requests(site) == []


@pytest.mark.parametrize("begin", [(), ("BEGIN",), ("SAVEPOINT two",)])
@pytest.mark.parametrize("verb", ["RELEASE", "ROLLBACK TO"])
def test_a_savepoint_that_does_not_exist_is_an_error(verb: str, begin: tuple[str, ...], session: Connection) -> None:
    run(session, *begin)
    with pytest.raises(errors.ProgrammingError, match="unknown savepoint 'one'") as caught:
        run(session, f"{verb} one")
    assert caught.value.span is not None


def test_a_savepoint_cuts_the_queue_of_a_transaction(session: Connection, site: Sandbox) -> None:
    mint = "INSERT INTO user_tokens (comment) VALUES ('{}') RETURNING token_value"
    run(
        session,
        "BEGIN",
        mint.format("kept"),
        "SAVEPOINT one",
        mint.format("dropped"),
        "SAVEPOINT two",
        "ROLLBACK TO one",
    )
    with pytest.raises(errors.ProgrammingError, match="unknown savepoint 'two'"):
        run(session, "RELEASE two")
    run(session, "RELEASE one", mint.format("second"))
    run(session, "COMMIT")
    assert [json.loads(entry.body)["comment"] for entry in site.log if entry.body] == ["kept", "second"]


def test_begin_after_a_savepoint_is_an_error(session: Connection) -> None:
    run(session, "SAVEPOINT one")
    with pytest.raises(errors.ProgrammingError, match="already open"):
        run(session, "BEGIN")
