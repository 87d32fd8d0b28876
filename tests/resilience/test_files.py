"""Check files: private to the owner, without secrets, never through a link, intact with two sessions at once.

The journal's own files, their sync and their locks are tested in tests/api/test_journal.py.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.resilience.background_run import BackgroundRun, answers_when, leftover_entries
from tests.resilience.faulty_server import FaultyServer, resets_after_effect
from tests.resilience.harness import INSERT, SELECT, WORKSPACE, Harness
from tests.shell.terminal import CTRL_D, LOOK, Terminal

SECRET = "dapi" + "0123456789abcdef" * 2


def shell(harness: Harness, umask: int | None = None) -> Terminal:
    made = Terminal(
        *harness.base(None, WORKSPACE),
        home=harness.home,
        cache=harness.home / ".cache",
        umask=umask,
        DATABRICKS_TOKEN=harness.token,
        TOKENSH_CONFIG=str(LOOK),
    )
    made.prompt()
    return made


def leave(*terminals: Terminal) -> None:
    for terminal in terminals:
        try:
            terminal.type(CTRL_D)
            assert terminal.end() == 0
        finally:
            terminal.close()


def state(harness: Harness) -> Path:
    return harness.home / ".local" / "state" / "tokensh"


def remembered(harness: Harness) -> list[str]:
    with sqlite3.connect(state(harness) / "history.db") as file:
        found = [text for (text,) in file.execute("SELECT statement FROM statements ORDER BY id")]
    file.close()
    return found


@pytest.mark.terminal
@pytest.mark.parametrize("umask", ["000", "077"])
def test_the_history_is_the_owners_alone_and_keeps_no_secret(umask: str, harness: Harness) -> None:
    harness.secrets.append(SECRET)
    terminal = shell(harness, int(umask, 8))
    terminal.run("SELECT length('one');")
    terminal.run(f"SELECT length('{SECRET}');")
    terminal.run(" SELECT length('not kept');")
    terminal.paste("SELECT\n  length('two lines');\n")
    terminal.see("two lines")
    terminal.type("\r")
    terminal.see("9")
    terminal.prompt()
    leave(terminal)
    assert remembered(harness) == ["SELECT length('one')", "SELECT length('[hidden]')", "SELECT\n  length('two lines')"]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in state(harness).rglob("*") if path.is_file()}
    assert modes == {0o600}


@pytest.mark.terminal
def test_a_history_with_broken_pages_stops_nothing(harness: Harness) -> None:
    first = shell(harness)
    for number in range(3):
        first.run(f"SELECT 'statement ' || {number};")
    leave(first)
    content = bytearray((state(harness) / "history.db").read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (state(harness) / "history.db").write_bytes(content)
    second = shell(harness)
    second.run("SELECT 'still ' || 'there';")
    second.see("still there")
    leave(second)


LINKED: dict[str, Callable[[Harness], Path]] = {
    "the history": lambda harness: state(harness) / "history.db",
    "the store": lambda harness: harness.home / ".local" / "share" / "tokensh" / "store.db",
}


@pytest.mark.parametrize("name", LINKED)
def test_a_link_in_the_place_of_a_file_of_ours_is_not_followed(name: str, harness: Harness) -> None:
    theirs = harness.write_file("theirs", b"not ours")
    link = LINKED[name](harness)
    link.parent.mkdir(parents=True, mode=0o700)
    link.symlink_to(theirs)
    statement = "SELECT * FROM tokensh.local.statements" if name == "the history" else "CREATE TABLE t (a TEXT)"
    result = harness.run("-c", statement)
    assert result.status == 1
    assert str(link) in result.err
    assert theirs.read_bytes() == b"not ours"
    harness.own_files |= set(harness.home.rglob("*"))


def test_a_linked_journal_folder_elsewhere_is_still_private(harness: Harness) -> None:
    """The folder may be elsewhere if its owner says so; the files in it are made as everywhere."""
    result = harness.run("-o", "json", "-c", INSERT, variables={"XDG_STATE_HOME": str(harness.home / "elsewhere")})
    assert result.status == 0
    assert stat.S_IMODE((harness.home / "elsewhere" / "tokensh" / "journal").stat().st_mode) == 0o700


@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_an_outfile_with_a_secret_is_the_owners_alone(form: str, harness: Harness) -> None:
    path = harness.home / "tokens.out"
    harness.secret_files.add(path)
    result = harness.run("-O", str(path), "-o", form, "-c", INSERT)
    assert (result.status, result.out) == (0, "")
    assert harness.tokens.minted[result.minted[0]] in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_temporary_file_is_left(harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("create", resets_after_effect)
    harness.run("-c", INSERT)
    harness.run("-c", "CREATE TABLE kept AS SELECT token_id FROM user_tokens")
    harness.run("-o", "json", "-c", SELECT)
    assert list(harness.temporary.iterdir()) == []
    names = {path.name for path in harness.home.rglob("*") if path.is_file()}
    assert not [name for name in names if name.endswith((".new", ".tmp", "-journal", "-wal"))]


def test_two_runs_create_at_once_and_neither_takes_the_other_for_lost(
    harness: Harness, workspace: FaultyServer
) -> None:
    answered: list[bool] = []
    workspace.on("create", answers_when(lambda: bool(answered)))
    both = [BackgroundRun(harness, "-o", "json", "-c", INSERT) for _ in range(2)]
    both[0].wait_until(lambda: len(workspace.effects) == 2)
    assert leftover_entries(harness) == []
    assert harness.run("-c", "SELECT 1").err == ""
    answered.append(True)
    done = [run.wait(checked=False) for run in both]
    assert [(run.status, "outcome" in run.err) for run in done] == [(0, False), (0, False)]
    for value in harness.tokens.minted.values():
        assert sum(run.out.count(value) for run in done) == 1
    assert os.listdir(state(harness) / "journal") == []  # noqa: PTH208 (what is asked is whether it is empty)


@pytest.mark.terminal
def test_two_shells_at_once_keep_one_history(harness: Harness) -> None:
    first, second = shell(harness), shell(harness)
    for number in range(3):
        first.run(f"SELECT 'one ' || {number};")
        second.run(f"SELECT 'two ' || {number};")
    leave(first, second)
    assert sorted(remembered(harness)) == sorted(f"SELECT '{who} ' || {n}" for who in ("one", "two") for n in range(3))
