"""Creates whose outcome is unknown, of all sessions: the table tokensh.local.pending, and what settles its rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from tokensh.api.journal import Entry, Journal, UnreadableEntry
from tokensh.engine.session_tables import PENDING, PENDING_COLUMNS
from tokensh.errors import OperationalError
from tokensh.rows import Row, Value
from tokensh.text import escape_surrogates, escape_unsafe, plural, truncate

_LONGEST_COMMENT = 40


class UnknownCreates:
    """The journal's entries that no running session holds."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def rows(self) -> Iterator[Row]:
        """Yield the table's rows as the disk has them now: other sessions may have added some."""
        for entry in self._journal.leftovers():
            if isinstance(entry, UnreadableEntry):
                yield (
                    escape_surrogates(entry.id),
                    *[None] * (len(PENDING_COLUMNS) - 2),
                    escape_surrogates(f"cannot be read: {entry.path}"),
                )
                continue
            intent = entry.intent
            head = (
                entry.id,
                intent.time,
                intent.workspace,
                intent.host,
                intent.resource,
                intent.comment,
                intent.lifetime_seconds,
            )
            # One row per token that may be the one; without any, one row whose statement looks for it.
            for token_id, statement in intent.orphans or ((None, intent.look or None),):
                yield (*head, token_id, statement)

    def summary(self) -> str | None:
        """Return the line that a session begins with, or None if there is nothing to report."""
        # Entries of creates that run in other sessions are locked, and not among these.
        try:
            entries = list(self._journal.leftovers())
        except OperationalError as error:
            return error.message
        if not entries:
            return None
        first = next((entry.intent for entry in entries if isinstance(entry, Entry)), None)
        if first is None:
            example = f"cannot be read: {escape_unsafe(str(entries[0].path))}"
        else:
            comment = f' "{truncate(escape_unsafe(first.comment), _LONGEST_COMMENT)}"' if first.comment else ""
            example = f"{escape_unsafe(first.workspace)}{comment}"
        return f"unknown outcome of {plural(len(entries), 'create')} ({example}): SELECT * FROM {PENDING}"  # noqa: S608 (only shown)

    # ---- what settles an entry

    def forget_tokens(self, token_ids: Collection[str]) -> None:
        """Take tokens that were revoked off all entries, which are read once; clear those without another."""
        try:
            entries = list(self._journal.leftover_intents())
        except OperationalError:  # the revoke is done; that the journal cannot be used was said at the start
            return
        for entry in entries:
            remaining = tuple(orphan for orphan in entry.intent.orphans if orphan[0] not in token_ids)
            if remaining == entry.intent.orphans:
                continue
            if remaining:
                entry.keep_for_recovery(remaining)
            else:
                entry.remove()

    def forget_comments(self, is_settled: Callable[[str], bool]) -> None:
        """Clear the entries of creates whose comments say that they are settled: what they made was revoked."""
        for entry in self._journal.leftover_intents():
            if is_settled(entry.intent.comment or ""):
                entry.remove()

    def forget(self, ids: Collection[Value] | None = None) -> None:
        """Clear the entries of these ids, or all: the user has checked them."""
        for entry in self._journal.leftovers():
            if ids is None or escape_surrogates(entry.id) in ids:
                entry.remove()
