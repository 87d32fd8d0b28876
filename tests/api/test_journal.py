"""Check that a create is on disk before it is sent, without secrets, and stays there until it is delivered."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments import make_environment
from tokensh.api.journal import Entry, Intent, Journal
from tokensh.errors import OperationalError
from tokensh.redact import Redactor


def begin(journal: Journal, comment: str | None = "ci", look: str = "") -> Entry:
    return journal.begin(Intent(1_700_000_000_000, "dbc-1", "a.b.user_tokens", comment, 60, look))


def open_files() -> int:
    """How many files this process has open, where that can be told."""
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0


def test_an_intent_is_on_the_disk_until_it_is_cleared(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    before = open_files()
    first, second = begin(journal), begin(journal, "é \x1b")
    assert sorted(journal.folder.iterdir()) == [first.path, second.path]
    first.remove()
    first.remove()
    assert list(journal.folder.iterdir()) == [second.path]
    second.remove()
    assert open_files() <= before  # fewer if other tests of this process have just ended


def test_an_intent_is_left_once_nobody_holds_it(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    first, second = begin(journal), begin(journal, "é \x1b")
    assert list(journal.leftover_intents()) == []
    second.keep_for_recovery()
    assert list(journal.leftover_intents()) == [second]
    first.keep_for_recovery()
    assert list(journal.leftover_intents()) == [first, second]
    assert (first.intent.comment, second.intent.comment, first.lock) != (None, None, None)


def test_an_intent_that_a_dead_process_held_is_left(tmp_path: Path) -> None:
    program = f"""
import os, pathlib
from tests.environments import make_environment
from tokensh.api.journal import Intent, Journal
Journal(make_environment(pathlib.Path({str(tmp_path)!r}))).begin(Intent(1, "dbc-1", "a.b.c", "ci", 60))
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False, timeout=30)
    assert done.returncode == -9
    assert [entry.intent for entry in Journal(make_environment(tmp_path)).leftover_intents()] == [
        Intent(1, "dbc-1", "a.b.c", "ci", 60)
    ]


def test_reading_leaves_no_file_open(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    running, settled = begin(journal), begin(journal)
    settled.keep_for_recovery()
    (journal.folder / "1.json").write_text("{")
    before = open_files()
    for _ in range(20):
        assert len(list(journal.leftovers())) == 2
    assert open_files() < before + 20  # other tests of this process may open some
    running.remove()


def test_what_an_intent_made_can_be_added(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    before = open_files()
    begin(journal).keep_for_recovery((("t1", "EXEC .. 't1'"), ("t2", "EXEC .. 't2'")))
    assert open_files() <= before  # fewer if other tests of this process have just ended
    (entry,) = journal.leftover_intents()
    assert entry.intent.orphans == (("t1", "EXEC .. 't1'"), ("t2", "EXEC .. 't2'"))
    entry.keep_for_recovery(entry.intent.orphans[1:])
    assert [entry.intent.orphans for entry in journal.leftover_intents()] == [(("t2", "EXEC .. 't2'"),)]
    assert [path.name for path in journal.folder.iterdir()] == [entry.path.name]
    assert stat.S_IMODE(entry.path.stat().st_mode) == 0o600


def test_what_a_crash_left_does_not_block_later_updates(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    entry = begin(journal)
    entry.path.with_suffix(".new").mkdir()
    entry.path.with_name(f"{entry.id}.new").with_suffix(".json.new").write_text("half")
    for orphans in ((("t1", "EXEC 1"), ("t2", "EXEC 2")), (("t2", "EXEC 2"),)):
        entry.keep_for_recovery(orphans)
        (entry,) = journal.leftover_intents()
        assert entry.intent.orphans == orphans


def test_what_cannot_be_added_leaves_the_intent_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(make_environment(tmp_path))
    entry = begin(journal)
    monkeypatch.setattr(Path, "replace", fail_to_write)
    entry.keep_for_recovery((("t1", "EXEC"),))
    assert list(journal.leftover_intents()) == [entry]
    assert list(journal.folder.iterdir()) == [entry.path]


def fail_to_write(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_entry_that_was_damaged_meanwhile_is_written_anew(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    entry = begin(journal)
    entry.path.write_text("{")
    entry.keep_for_recovery((("t1", "EXEC"),))
    (again,) = journal.leftover_intents()
    assert (again.intent.workspace, again.intent.orphans) == (entry.intent.workspace, (("t1", "EXEC"),))


def test_a_journal_that_is_not_required_lets_creates_go_on(tmp_path: Path) -> None:
    environment = make_environment(tmp_path)
    environment.state_folder.parent.mkdir(parents=True)
    environment.state_folder.write_text("in the way")
    with pytest.raises(OperationalError, match="cannot write the journal") as caught:
        begin(Journal(environment))
    assert "XDG_STATE_HOME" in str(caught.value.hint)
    entry = begin(Journal(environment, is_required=False))
    entry.keep_for_recovery((("t1", "EXEC"),))
    entry.remove()


def test_no_secret_is_written(tmp_path: Path) -> None:
    secret = "dapi" + "0123456789abcdef" * 2
    journal = Journal(make_environment(tmp_path), Redactor().clean)
    entry = begin(journal, f"for {secret}", f"SELECT '{secret}'")
    assert entry.intent.comment == f"for {secret}"  # what it is compared with stays as it is, in memory
    entry.keep_for_recovery()
    (entry,) = journal.leftover_intents()
    assert (entry.intent.comment, entry.intent.look) == ("for [hidden]", "SELECT '[hidden]'")
    assert secret not in entry.path.read_text()
    assert begin(journal, None).intent.comment is None


def test_it_is_on_the_disk_when_it_has_been_synced_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before begin() returns: after it the request leaves."""
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(stat.S_IFMT(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    begin(Journal(make_environment(tmp_path)))
    assert synced == [stat.S_IFREG, stat.S_IFDIR]


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_disk_that_fails_half_way_leaves_nothing(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, failing, fails)
    journal = Journal(make_environment(tmp_path))
    open_before = open_files()
    with pytest.raises(OperationalError, match="No space left on device") as caught:
        begin(journal)
    assert "nothing was sent" in str(caught.value.hint)
    assert list(journal.folder.iterdir()) == []
    assert open_files() == open_before


def test_a_disk_that_takes_a_few_bytes_at_a_time_gets_them_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:7]))
    journal = Journal(make_environment(tmp_path))
    entry = begin(journal)
    entry.keep_for_recovery()
    assert list(journal.leftover_intents()) == [entry]


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    first = begin(journal)
    first.remove()
    before, _, number = first.id.rpartition("-")
    links = [journal.folder / f"{before}-{int(number) + more}.json" for more in range(1, 6)]
    for link in links:
        link.symlink_to(elsewhere)
    begin(journal)
    assert elsewhere.read_text() == "theirs"
    assert [link.is_symlink() for link in links].count(False) == 1


def test_clearing_takes_what_no_session_holds_off_the_disk(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    begin(journal).keep_for_recovery()
    held = begin(journal)
    journal.clear()
    assert list(journal.folder.glob("*.json")) == [held.path]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_only_its_owner_may_read_it(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        entry = begin(Journal(make_environment(tmp_path)))
    finally:
        os.umask(before)
    assert stat.S_IMODE(entry.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(entry.path.parent.stat().st_mode) == 0o700


def test_where_it_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    environment = make_environment(tmp_path)
    environment.state_folder.parent.mkdir(parents=True)
    environment.state_folder.write_text("a file is in the way")
    with pytest.raises(OperationalError, match="cannot write the journal of creates"):
        begin(Journal(environment))


def test_a_file_that_is_no_intent_is_passed_over(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    entry = begin(journal)
    entry.keep_for_recovery()
    for name, text in (("1.json", "{"), ("2.json", "[]"), ("3.json", '{"time": 1}')):
        (journal.folder / name).write_text(text)
    assert list(journal.leftover_intents()) == [entry]
