"""What the journal says of values that were handed over, but that the user may not have yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments import make_environment
from tokensh.api.journal import Intent, Journal
from tokensh.engine.held_values import HeldValues

INTENT = Intent(1_700_000_000_000, "dbc-1", "a.b.user_tokens", "ci", 60)


def hold(journal: Journal, count: int) -> HeldValues:
    held = HeldValues()
    for number in range(count):
        held.add(journal.begin(INTENT), ((str(number), "EXEC"),))
    return held


def list_pending(journal: Journal) -> list[str]:
    return sorted((token_id for entry in journal.leftover_intents() for token_id, _ in entry.intent.orphans), key=int)


def test_values_are_pending_once_nobody_is_going_to_show_them(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    held = hold(journal, 2)
    assert list_pending(journal) == []
    held.list_as_pending()
    assert list_pending(journal) == ["0", "1"]


@pytest.mark.parametrize("is_pending", [False, True])
def test_values_that_somebody_has_are_cleared(is_pending: bool, tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    held = hold(journal, 2)
    if is_pending:
        held.list_as_pending()
    held.settle()
    assert list(journal.folder.iterdir()) == []


def test_a_token_that_was_revoked_is_not_listed_again(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    held = hold(journal, 1)
    held.list_as_pending()
    journal.clear()
    held.list_as_pending()
    assert list(journal.folder.iterdir()) == []


def test_many_values_do_not_take_as_many_open_files(tmp_path: Path) -> None:
    journal = Journal(make_environment(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    held = hold(journal, 250)
    after = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    assert after - before <= 101
    held.list_as_pending()
    assert list_pending(journal) == [str(number) for number in range(250)]
    held.settle()
    assert list(journal.folder.iterdir()) == []
