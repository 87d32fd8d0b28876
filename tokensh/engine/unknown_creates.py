"""Creates whose outcome is not known, of all sessions: the table tokensh.local.pending, and when a row of it is settled."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tokensh.api.journal import Journal
from tokensh.rows import Column, Row, Value
from tokensh.text import escape_unsafe, truncate

NAME = "tokensh.local.pending"
COLUMNS = (
    Column("id", "string"),
    Column("sent_time", "integer", f"{NAME}.sent_time"),
    Column("workspace", "string"),
    Column("host", "string"),
    Column("resource", "string"),
    Column("comment", "string"),
    Column("lifetime_seconds", "integer"),
    Column("token_id", "string"),
    Column("statement", "string"),
)
"""`sent_time` in epoch ms; `statement` revokes the token, or, where no `token_id` is known, looks for it."""


class UnknownCreates:
    """The journal's entries that nobody holds."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def rows(self) -> Iterator[Row]:
        """The table's rows as the disk has them now: other sessions may have left some."""
        for one in self._journal.left():
            made = one.intent
            head = (one.id, made.time, made.workspace, made.host, made.resource, made.comment, made.lifetime_seconds)
            for token_id, statement in made.orphans or ((None, made.look or None),):
                yield (*head, token_id, statement)

    def summary(self) -> str | None:
        """The line that a session begins with; None: there is nothing to say."""
        found = list(self._journal.left())
        if not found:
            return None
        what = "1 create is" if len(found) == 1 else f"{len(found)} creates are"
        first = found[0].intent
        comment = f' "{truncate(escape_unsafe(first.comment), 40)}"' if first.comment else ""
        return f"the outcome of {what} not known ({escape_unsafe(first.workspace)}{comment}): SELECT * FROM {NAME}"  # noqa: S608 (to be read)

    # ---- what settles an entry

    def forget_token(self, token_id: str) -> None:
        """A token is gone."""
        for one in self._journal.left():
            left = tuple(pair for pair in one.intent.orphans if pair[0] != token_id)
            if left == one.intent.orphans:
                continue
            if left:
                one.leave(left)
            else:
                one.clear()

    def forget(self, ids: Collection[Value] | None = None) -> None:
        """Somebody has looked, and says that these, or all, are settled."""
        for one in self._journal.left():
            if ids is None or one.id in ids:
                one.clear()
