"""The history keeps the statements of all sessions, without secrets, in a private file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.environments import make_environment
from tokensh.dbapi.connection import connect
from tokensh.engine.history import History, HistoryEntry
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
    assert history.last_used() == {}
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
        History(path, str)


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(OperationalError, match="cannot be used"):
        History(tmp_path / "h.db", str)


def test_it_can_be_asked_in_sql(tmp_path: Path) -> None:
    home = make_environment(tmp_path)
    write_history(home.state_folder / "history.db", "SELECT 1", "SELECT 2", "SHOW PROVIDERS").close()
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
