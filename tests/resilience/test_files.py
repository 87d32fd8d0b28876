"""What is written to the disk: its owner's alone, without secrets, through no link, whole with two sessions at once.

The journal's own files, their sync and their locks are tested in tests/api/test_journal.py.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.resilience.processes import Started, late, pending
from tests.resilience.running import INSERT, SELECT, WORKSPACE, Harness
from tests.resilience.server import FaultyServer, resets_after_effect
from tests.shell.terminal import CTRL_D, Terminal

SECRET = "dapi" + "0123456789abcdef" * 2


def shell(place: Harness, before: str = "") -> Terminal:
    made = Terminal(
        *place.base(None, WORKSPACE),
        home=place.home,
        cache=place.home / ".cache",
        shell=f'{before}exec "$@"',
        DATABRICKS_TOKEN=place.token,
    )
    made.prompt()
    return made


def leave(*terminals: Terminal) -> None:
    for one in terminals:
        try:
            one.type(CTRL_D)
            assert one.end() == 0
        finally:
            one.close()


def state(place: Harness) -> Path:
    return place.home / ".local" / "state" / "tokensh"


def remembered(place: Harness) -> list[str]:
    with sqlite3.connect(state(place) / "history.db") as file:
        found = [text for (text,) in file.execute("SELECT statement FROM statements ORDER BY id")]
    file.close()
    return found


@pytest.mark.terminal
@pytest.mark.parametrize("umask", ["000", "077"])
def test_the_history_is_the_owners_alone_and_keeps_no_secret(umask: str, place: Harness) -> None:
    place.secrets.append(SECRET)
    terminal = shell(place, f"umask {umask}; ")
    terminal.run("SELECT length('one');")
    terminal.run(f"SELECT length('{SECRET}');")
    terminal.run(" SELECT length('not kept');")
    terminal.paste("SELECT\n  length('two lines');\n")
    terminal.see("two lines")
    terminal.type("\r")
    terminal.see("9")
    terminal.prompt()
    leave(terminal)
    assert remembered(place) == ["SELECT length('one')", "SELECT length('[hidden]')", "SELECT\n  length('two lines')"]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in state(place).rglob("*") if path.is_file()}
    assert modes == {0o600}


@pytest.mark.terminal
def test_a_history_with_broken_pages_stops_nothing(place: Harness) -> None:
    first = shell(place)
    for number in range(3):
        first.run(f"SELECT 'statement ' || {number};")
    leave(first)
    content = bytearray((state(place) / "history.db").read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (state(place) / "history.db").write_bytes(content)
    second = shell(place)
    second.run("SELECT 'still ' || 'there';")
    second.see("still there")
    leave(second)


LINKED: dict[str, Callable[[Harness], Path]] = {
    "the history": lambda place: state(place) / "history.db",
    "the store": lambda place: place.home / ".local" / "share" / "tokensh" / "store.db",
}


@pytest.mark.parametrize("name", LINKED)
def test_a_link_in_the_place_of_a_file_of_ours_is_not_followed(name: str, place: Harness) -> None:
    theirs = place.write_file("theirs", b"not ours")
    link = LINKED[name](place)
    link.parent.mkdir(parents=True, mode=0o700)
    link.symlink_to(theirs)
    statement = "SELECT * FROM tokensh.local.statements" if name == "the history" else "CREATE TABLE t (a TEXT)"
    ran = place.run("-c", statement)
    assert ran.status == 1
    assert str(link) in ran.err
    assert theirs.read_bytes() == b"not ours"
    place.own_files |= set(place.home.rglob("*"))


def test_a_linked_journal_folder_elsewhere_is_still_private(place: Harness) -> None:
    """The folder may be elsewhere if its owner says so; the files in it are made as everywhere."""
    ran = place.run("-o", "json", "-c", INSERT, variables={"XDG_STATE_HOME": str(place.home / "elsewhere")})
    assert ran.status == 0
    assert stat.S_IMODE((place.home / "elsewhere" / "tokensh" / "journal").stat().st_mode) == 0o700


@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_an_outfile_with_a_secret_is_the_owners_alone(form: str, place: Harness) -> None:
    path = place.home / "tokens.out"
    place.secret_files.add(path)
    ran = place.run("-O", str(path), "-o", form, "-c", INSERT)
    assert (ran.status, ran.out) == (0, "")
    assert place.tokens.minted[ran.minted[0]] in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_temporary_file_is_left(place: Harness, workspace: FaultyServer) -> None:
    workspace.on("create", resets_after_effect)
    place.run("-c", INSERT)
    place.run("-c", "CREATE TABLE kept AS SELECT token_id FROM user_tokens")
    place.run("-o", "json", "-c", SELECT)
    assert list(place.temporary.iterdir()) == []
    names = {path.name for path in place.home.rglob("*") if path.is_file()}
    assert not [name for name in names if name.endswith((".new", ".tmp", "-journal", "-wal"))]


def test_two_runs_create_at_once_and_neither_takes_the_other_for_lost(place: Harness, workspace: FaultyServer) -> None:
    answered: list[bool] = []
    workspace.on("create", late(lambda: bool(answered)))
    both = [Started(place, "-o", "json", "-c", INSERT) for _ in range(2)]
    both[0].when(lambda: len(workspace.effects) == 2)
    assert pending(place) == []
    assert place.run("-c", "SELECT 1").err == ""
    answered.append(True)
    done = [run.ended(checked=False) for run in both]
    assert [(run.status, "outcome" in run.err) for run in done] == [(0, False), (0, False)]
    for value in place.tokens.minted.values():
        assert sum(run.out.count(value) for run in done) == 1
    assert os.listdir(state(place) / "journal") == []  # noqa: PTH208 (what is asked is whether it is empty)


@pytest.mark.terminal
def test_two_shells_at_once_keep_one_history(place: Harness) -> None:
    one, two = shell(place), shell(place)
    for number in range(3):
        one.run(f"SELECT 'one ' || {number};")
        two.run(f"SELECT 'two ' || {number};")
    leave(one, two)
    assert sorted(remembered(place)) == sorted(f"SELECT '{who} ' || {n}" for who in ("one", "two") for n in range(3))
