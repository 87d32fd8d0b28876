"""New tokens whose values were handed over, but that the user may not have yet: what the journal says of them until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokensh.api.journal import Entry
    from tokensh.errors import OrphanedToken

_MOST_LOCKED = 100
"""Entries that keep their locks, each an open file; a process may have few of those."""


class HeldValues:
    """Entries of the journal: cleared when the user has the values, listed as pending when it is clear that this may not happen."""

    def __init__(self) -> None:
        self._locked: list[tuple[Entry, tuple[OrphanedToken, ...]]] = []
        self._pending: list[Entry] = []

    @property
    def count(self) -> int:
        """How many values the user may not have yet."""
        return len(self._locked) + len(self._pending)

    def add(self, entry: Entry, orphans: tuple[OrphanedToken, ...]) -> None:
        """Hold an entry; `orphans` is its token, with the statement that revokes it."""
        self._locked.append((entry, orphans))
        if len(self._locked) > _MOST_LOCKED:
            self.list_as_pending()

    def list_as_pending(self) -> None:
        """Let `tokensh.local.pending` list the tokens; once, for one that was revoked since must not come back."""
        for entry, orphans in self._locked:
            entry.keep_for_recovery(orphans)
            self._pending.append(entry)
        self._locked.clear()

    def settle(self, count: int | None = None) -> None:
        """Clear the entries, or the first `count` of them: the user has the values."""
        entries = [*self._pending, *(entry for entry, _ in self._locked)][:count]
        for entry in entries:
            entry.remove()
        self._locked = self._locked[max(0, len(entries) - len(self._pending)) :]
        self._pending = self._pending[len(entries) :]
