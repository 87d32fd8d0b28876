from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.worlds import world
from tokensh.api.journal import Entry, Journal
from tokensh.errors import OperationalError


def begin(journal: Journal, comment: str = "ci") -> Entry:
    return journal.begin(workspace="dbc-1", resource="a.b.user_tokens", comment=comment, lifetime_seconds=60)


def test_an_intent_is_on_the_disk_until_it_is_cleared(tmp_path: Path) -> None:
    journal = Journal(world(tmp_path))
    first, second = begin(journal), begin(journal, "é \x1b")
    assert list(journal.left()) == [first, second]
    first.clear()
    first.clear()
    assert list(journal.left()) == [second]
    assert second.intent.comment == "é \x1b"


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_only_its_owner_may_read_it(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        entry = begin(Journal(world(tmp_path)))
    finally:
        os.umask(before)
    assert stat.S_IMODE(entry.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(entry.path.parent.stat().st_mode) == 0o700


def test_where_it_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    environment = world(tmp_path)
    environment.state_folder.parent.mkdir(parents=True)
    environment.state_folder.write_text("a file is in the way")
    with pytest.raises(OperationalError, match="the journal of creates cannot be written"):
        begin(Journal(environment))


def test_a_file_that_is_no_intent_is_passed_over(tmp_path: Path) -> None:
    journal = Journal(world(tmp_path))
    entry = begin(journal)
    for name, text in (("1.json", "{"), ("2.json", "[]"), ("3.json", '{"time": 1}')):
        (journal.folder / name).write_text(text)
    assert list(journal.left()) == [entry]
