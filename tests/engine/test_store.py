"""The store's file is private, holds no secrets, and gives clear errors when it cannot be used."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.conftest import Connect
from tests.engine.sessions import run
from tokensh.engine.store import Store
from tokensh.errors import IntegrityError, OperationalError, ProgrammingError
from tokensh.rows import Column

COLUMNS = (Column("a", "integer"), Column("b", "string", "user_tokens.comment"))
DEFINITIONS = ('"a" INTEGER UNIQUE', '"b" TEXT')


def open_store(folder: Path) -> Store:
    return Store(folder / "deep" / "store.db", lambda text: text.replace("secret", "***"), lambda: 1.5)


def test_no_file_is_made_before_something_is_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert store.find("t") is None
    assert store.names() == ()
    assert list(tmp_path.iterdir()) == []


def test_the_file_and_its_folder_are_the_owners_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.create("VIEW", "v", "SELECT 1", COLUMNS, ())
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    store.close()


def test_what_is_kept_is_found_by_another_store_whatever_the_case(tmp_path: Path) -> None:
    store, other = open_store(tmp_path), open_store(tmp_path)
    created = store.create("TABLE", "Words", "", COLUMNS, DEFINITIONS)
    assert other.find("wORDS") == created
    assert other.names() == ("Words",)
    store.drop("WORDS")
    assert other.find("words") is None
    store.close()
    other.close()


def test_an_object_takes_the_place_of_one_of_the_same_name_with_its_rows(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.insert(store.create("TABLE", "t", "", COLUMNS, DEFINITIONS), ["a"], [(1,)])
    again = store.create("TABLE", "T", "", COLUMNS, DEFINITIONS)
    assert store.insert(again, ["b"], [("x",)]) == [(None, "x")]
    assert store.names() == ("T",)
    store.close()


def test_a_change_that_fails_is_taken_back_whole(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    stored = store.create("TABLE", "t", "", COLUMNS, DEFINITIONS)
    store.insert(stored, ["a"], [(1,)])
    with pytest.raises(IntegrityError, match="another row has the same a"):
        store.insert(stored, ["a"], [(2,), (1,)])
    assert store.insert(stored, ["a"], [(2,)]) == [(2, None)]
    store.close()


def test_integers_of_64_bits_stay_exact(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    stored = store.create("TABLE", "t", "", COLUMNS, DEFINITIONS)
    values = [(2**63 - 1,), (-(2**63),), (2**53 + 1,)]
    assert [row[0] for row in store.insert(stored, ["a"], values)] == [value for (value,) in values]
    store.close()


def test_secrets_are_cleaned_from_what_is_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    stored = store.create("TABLE", "t", "", COLUMNS, DEFINITIONS)
    assert store.insert(stored, ["b"], [("my secret",)]) == [(None, "my ***")]
    with pytest.raises(ProgrammingError):
        store.create("VIEW", "v", "SELECT 'secret'", COLUMNS, ())
    store.close()


def test_each_refresh_is_a_version_and_a_row_counts_as_often_as_it_is_there(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    stored = store.create("MATERIALIZED VIEW", "m", "SELECT 1", COLUMNS, ('"a" INTEGER', '"b" TEXT'))
    assert store.refresh(stored, [(1, "x"), (1, "x"), (2, None)]) == 3
    assert store.refresh(stored, [(1, "x"), (2, None), (2, None)]) == 3
    assert store.differences(stored) == ([(2, None)], [(1, "x")])
    assert store.refresh(stored, []) == 0
    added, removed = store.differences(stored)
    assert (added, sorted(removed)) == ([], [(1, "x"), (2, None), (2, None)])
    store.close()


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir(mode=0o700)
    target = tmp_path / "elsewhere.db"
    (tmp_path / "deep" / "store.db").symlink_to(target)
    with pytest.raises(OperationalError, match=r"the store .* cannot be used"):
        open_store(tmp_path).create("VIEW", "v", "SELECT 1", COLUMNS, ())
    assert not target.exists()


@pytest.mark.parametrize("content", [b"no database at all, but long enough for one" * 50, b"x" * 600])
def test_a_file_that_is_no_database_is_one_clear_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir(mode=0o700)
    file = tmp_path / "deep" / "store.db"
    file.write_bytes(content)
    store = open_store(tmp_path)
    with pytest.raises(OperationalError, match=r"the store .* cannot be used: it is not a file of tokensh"):
        store.find("t")
    assert file.read_bytes() == content
    store.close()


def test_a_database_of_somebody_elses_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir(mode=0o700)
    other = sqlite3.connect(tmp_path / "deep" / "store.db")
    other.execute("CREATE TABLE objects (x)")
    other.close()
    store = open_store(tmp_path)
    with pytest.raises(OperationalError, match=r"the store .* cannot be used: it was written by another version"):
        store.find("t")
    store.close()


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("a file")
    with pytest.raises(OperationalError, match=r"the store .* cannot be used"):
        open_store(tmp_path).create("VIEW", "v", "SELECT 1", COLUMNS, ())


def test_a_reader_that_does_not_finish_locks_nobody_out(connect: Connect) -> None:
    reader, writer = connect(), connect()
    values = ", ".join(f"({number})" for number in range(2000))
    run(reader, "CREATE TABLE big (x INT)", "CREATE TABLE other (x INT)", f"INSERT INTO big VALUES {values}")
    with reader.cursor() as cursor:
        cursor.execute("SELECT x FROM big")
        first = cursor.fetchone()
        for session in (reader, writer):
            run(session, "INSERT INTO other VALUES (1)", "INSERT INTO big VALUES (-1)")
        run(writer, "DROP TABLE big")
        assert first == (0,)
        assert len(cursor.fetchall()) == 1999
    assert run(writer, "SELECT count(*) FROM other") == [(2,)]


def test_a_commit_that_fails_is_rolled_back(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    stored = store.create("TABLE", "t", "", COLUMNS, DEFINITIONS)
    with sqlite3.connect(store.path) as file:  # a constraint that is looked at when the transaction ends
        file.execute(f"CREATE TRIGGER no AFTER INSERT ON {stored.table} BEGIN INSERT INTO broken VALUES (9); END")
        file.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        file.execute("CREATE TABLE broken (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    file.close()
    for _ in range(2):
        with pytest.raises(IntegrityError, match=r"a row that REFERENCES names would be missing$"):
            store.insert(stored, ["a"], [(1,)])
    other = open_store(tmp_path)
    other.create("TABLE", "u", "", COLUMNS, DEFINITIONS)
    assert other.names() == ("t", "u")
    store.close()
    other.close()


def test_of_two_sessions_that_replace_a_table_one_wins_whole(connect: Connect) -> None:
    first, other = connect(), connect()
    sql = "CREATE OR REPLACE TABLE both AS SELECT 'first' AS who, column1 AS n FROM (VALUES (1), (2))"
    slow = first._run_plan(first.plan(sql))
    run(other, "CREATE OR REPLACE TABLE both AS SELECT 'other' AS who")
    assert list(slow.rows) == []
    assert run(other, "SELECT who, n FROM both") == [("first", 1), ("first", 2)]


def test_a_file_that_was_deleted_is_created_anew(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.create("TABLE", "old", "", COLUMNS, DEFINITIONS)
    for file in store.path.parent.iterdir():
        file.unlink()
    assert store.names() == ()
    store.create("TABLE", "new", "", COLUMNS, DEFINITIONS)
    assert store.names() == ("new",)
    store.close()


@pytest.mark.parametrize("put", [shutil.copyfile, os.replace], ids=["copied", "moved"])
@pytest.mark.parametrize("ends", [True, False], ids=["a session that was killed", "a session that goes on"])
def test_a_backup_that_is_put_back_has_its_own_rows_and_not_those_of_the_log(
    put: Callable[[Path, Path], object], ends: bool, tmp_path: Path
) -> None:
    backup, store = open_store(tmp_path / "backup"), open_store(tmp_path / "used")
    for kept, name in ((backup, "old"), (store, "new")):
        kept.create("TABLE", name, "", COLUMNS, DEFINITIONS, rows=[(n, name) for n in range(300)])
    backup.close()
    if ends:  # what kill -9 leaves behind: nothing is closed
        shutil.copytree(store.path.parent, tmp_path / "left")
        store.close()
        store = Store(tmp_path / "left" / store.path.name, str, lambda: 0.0)
    put(backup.path, store.path)
    assert store.names() == ("old",)
    store.close()
    store = Store(store.path, str, lambda: 0.0)
    assert store.names() == ("old",)
    old = store.find("old")
    assert old is not None
    assert store.delete(old, range(1, 1000)) == [(n, "old") for n in range(300)]
    store.close()


def test_a_savepoint_stays_open_while_another_session_changes_the_file(connect: Connect) -> None:
    session, other = connect(), connect()
    run(session, "CREATE TABLE t (n INTEGER)")
    run(session, "BEGIN")
    run(session, "SAVEPOINT s")
    run(other, "INSERT INTO t VALUES (1)")
    assert run(session, "SELECT n FROM t") == [(1,)]
    run(session, "INSERT INTO t VALUES (2)")
    run(session, "ROLLBACK TO s")
    run(session, "COMMIT")
    assert run(other, "SELECT n FROM t") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("INSERT IGNORE INTO t VALUES (1, 'again'), (2, 'new')", 1),
        ("INSERT IGNORE INTO t VALUES (3, NULL)", 0),
        ("INSERT IGNORE INTO t VALUES (1, 'again'), (4, 'new') RETURNING a", 1),
        ("INSERT IGNORE INTO t SELECT 1, 'again'", 0),
    ],
)
def test_insert_ignore_leaves_out_what_a_constraint_refuses(sql: str, rows: int, connect: Connect) -> None:
    session = connect()
    run(session, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL)", "INSERT INTO t VALUES (1, 'first')")
    assert len(run(session, sql)) == rows
    assert run(session, "SELECT b FROM t WHERE a = 1") == [("first",)]
