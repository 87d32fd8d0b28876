"""The history keeps the statements of all sessions, without secrets, in a private file."""

from __future__ import annotations

import sqlite3
import stat
from datetime import datetime
from pathlib import Path

import pytest

from tests.environments import make_environment
from tokensh.dbapi.connection import connect
from tokensh.engine.history import History, HistoryEntry, to_row
from tokensh.engine.session_tables import STATEMENT_COLUMNS
from tokensh.errors import OperationalError


def write_history(path: Path, *statements: str) -> History:
    history = History(path, lambda text: text.replace("secret", "[hidden]"))
    for number, statement in enumerate(statements):
        history.finish(history.add(statement, 100.0 + number, "dbc-1"), 0.5, number, "ok")
    return history


def test_nothing_is_written_before_the_first_statement(tmp_path: Path) -> None:
    path = tmp_path / "state" / "history.db"
    history = History(path, str)
    assert list(history.latest()) == []
    assert history.get(1) is None
    assert history.last_used("") == {}
    assert not path.parent.exists()
    history.add("SELECT 1", 1.0, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    history.close()


def test_a_statement_is_remembered_with_how_it_went(tmp_path: Path) -> None:
    history = write_history(tmp_path / "h.db", "SELECT 1")
    assert history.get(1) == HistoryEntry(1, "SELECT 1", 100.0, 0.5, 0, "dbc-1", "ok")
    history.close()


def test_what_never_ended_was_interrupted(tmp_path: Path) -> None:
    history = History(tmp_path / "h.db", str)
    history.add("SELECT 1", 1.0, None)
    history.close()
    again = History(tmp_path / "h.db", str)
    assert [entry.outcome for entry in again.latest()] == ["interrupted"]
    again.close()


def test_the_latest_come_first_and_a_text_is_looked_for_in_any_case(tmp_path: Path) -> None:
    history = write_history(tmp_path / "h.db", *(f"SELECT {'Needle' if n % 100 == 0 else 'x'} {n}" for n in range(450)))
    assert [entry.id for entry in history.latest()] == list(range(450, 0, -1))
    assert [entry.id for entry in history.latest("needle")] == [401, 301, 201, 101, 1]
    history.close()


def test_no_secret_is_written(tmp_path: Path) -> None:
    history = write_history(tmp_path / "h.db", "SELECT 'secret'")
    history.finish(1, 0.1, None, "Error: secret")
    history.close()
    assert b"secret" not in (tmp_path / "h.db").read_bytes()


def test_a_history_that_was_deleted_or_exchanged_meanwhile_goes_on_in_the_file_of_that_name(tmp_path: Path) -> None:
    history = write_history(tmp_path / "h.db", "SELECT 1")
    (tmp_path / "h.db").unlink()
    history.add("SELECT 2", 1.0, None)
    assert [entry.statement for entry in history.latest()] == ["SELECT 2"]
    write_history(tmp_path / "other.db", "SELECT 3").close()
    (tmp_path / "other.db").replace(tmp_path / "h.db")
    history.add("SELECT 4", 1.0, None)
    assert [entry.statement for entry in history.latest()] == ["SELECT 4", "SELECT 3"]
    history.close()


def test_two_sessions_write_to_one_file(tmp_path: Path) -> None:
    first, other = write_history(tmp_path / "h.db", "SELECT 1"), write_history(tmp_path / "h.db", "SELECT 2")
    first.add("SELECT 3", 1.0, None)
    assert [each.statement for each in other.latest()] == ["SELECT 3", "SELECT 2", "SELECT 1"]
    first.close()
    other.close()


def test_a_file_that_is_no_history_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(OperationalError, match=r"h\.db cannot be used"):
        History(path, str).get(1)


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(OperationalError, match="cannot be used"):
        History(tmp_path / "h.db", str).add("SELECT 1", 1.0, None)
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_locked_moment_costs_one_statement_and_not_the_history(tmp_path: Path) -> None:
    history = write_history(tmp_path / "h.db", "SELECT 1")
    other = sqlite3.connect(tmp_path / "h.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    history._patience = 0.01
    for _ in range(2):
        with pytest.raises(OperationalError, match="locked"):
            history.add("SELECT 2", 1.0, None)
    other.execute("ROLLBACK")
    history.add("SELECT 3", 1.0, None)
    assert [entry.statement for entry in history.latest()] == ["SELECT 3", "SELECT 1"]
    history.close()
    other.close()


FOREIGN: list[tuple[object, ...]] = [
    (b"SELECT \xff", 1.0, None, None, None, "ok"),
    ("SELECT 1", "yesterday", "long", "many", 5, 7),
    ("SELECT 1", 1e300, 1e300, 2**62, b"\xff", b"\xff"),
    ("SELECT 1", -1e300, -1.0, -1, "", ""),
    (5, 5, 5, 5, "w", 5),
    ("a\0b", 1.0, 0.0, 0, "w", "ok"),
]


@pytest.mark.parametrize("row", FOREIGN)
def test_rows_that_something_else_has_written_are_read_as_far_as_it_goes(
    row: tuple[object, ...], tmp_path: Path
) -> None:
    history = write_history(tmp_path / "h.db", "SELECT 'ours'")
    columns = "statement, started, duration, rows, workspace, outcome"
    history._use(lambda file: file.execute(f"INSERT INTO statements({columns}) VALUES (?, ?, ?, ?, ?, ?)", row))
    entries = list(history.latest())
    assert [entry.statement for entry in entries][1] == "SELECT 'ours'"
    for entry in entries:
        datetime.fromtimestamp(entry.started)
        assert len(to_row(entry)) == len(STATEMENT_COLUMNS)
    history.last_used("")
    history.close()


def test_text_that_is_not_utf8_is_read_and_half_characters_are_written_as_escapes(tmp_path: Path) -> None:
    history = write_history(tmp_path / "h.db", "SELECT 1")
    history._use(lambda file: file.execute("UPDATE statements SET statement = CAST(x'53ff' AS TEXT)"))
    history.add("SELECT '\ud800'", 1.0, None)
    assert [entry.statement for entry in history.latest()] == ["SELECT '\\ud800'", "S\ufffd"]
    assert list(history.latest("\udcff")) == []
    history.close()


@pytest.mark.parametrize("number", [2**63, 10**30, -(2**63) - 1])
def test_a_number_that_no_statement_can_have_is_one_error(number: int, tmp_path: Path) -> None:
    history = write_history(tmp_path / "h.db", "SELECT 1")
    with pytest.raises(OperationalError):
        history.get(number)
    assert history.get(1) is not None
    history.close()


def test_statements_can_be_deleted_and_leave_no_trace(tmp_path: Path) -> None:
    home = make_environment(tmp_path)
    path = home.in_sandbox().state_folder / "history.db"
    write_history(path, "SELECT 1", "SELECT 'pasted-by-mistake'", "SELECT 2").close()
    with connect(environment=home, sandbox=True) as connection:
        name = "tokensh.local.statements"
        deleted = connection.run(f"DELETE FROM {name} WHERE statement LIKE '%pasted%' RETURNING statement")
        assert list(deleted.rows) == [("SELECT 'pasted-by-mistake'",)]
        assert list(connection.run(f"SELECT statement FROM {name} ORDER BY id").rows) == [("SELECT 1",), ("SELECT 2",)]
        assert b"pasted-by-mistake" not in path.read_bytes()
        list(connection.run(f"DELETE FROM {name}").rows)
        assert list(connection.run(f"SELECT * FROM {name}").rows) == []


def test_it_can_be_asked_in_sql(tmp_path: Path) -> None:
    home = make_environment(tmp_path)
    write_history(home.in_sandbox().state_folder / "history.db", "SELECT 1", "SELECT 2", "SHOW PROVIDERS").close()
    with connect(environment=home, sandbox=True) as connection:
        cursor = connection.cursor().execute(
            "SELECT statement, rows, start_time, duration, outcome FROM tokensh.local.statements"
            " WHERE statement LIKE 'SELECT%' ORDER BY id"
        )
        assert cursor.fetchall() == [("SELECT 1", 0, 100_000, 0.5, "ok"), ("SELECT 2", 1, 101_000, 0.5, "ok")]
        longest = connection.cursor().execute(
            "SELECT workspace, count(*) AS runs, max(rows) AS most FROM tokensh.local.statements GROUP BY workspace"
        )
        assert longest.fetchall() == [("dbc-1", 3, 2)]
