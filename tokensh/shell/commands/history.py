"""Commands about what was run before."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING

from tokensh.engine.history import HistoryEntry
from tokensh.errors import InterfaceError, Interrupted
from tokensh.redact import MASK
from tokensh.rows import Column, Row, RowSet
from tokensh.shell import dialogs
from tokensh.shell.commands.registry import MetaCommand
from tokensh.text import escape_unsafe, truncate, width

if TYPE_CHECKING:
    from tokensh.shell.session import Session

_LISTED = 50
"""Statements that `\\history` shows."""
_WRITES = frozenset(("INSERT", "UPDATE", "REPLACE"))
"""What takes effect unasked; a revoke is asked about whenever it runs."""
_COLUMNS = (
    Column("n", "integer"),
    Column("when", "string"),
    Column("took", "string"),
    Column("rows", "integer"),
    Column("workspace", "string"),
    Column("outcome", "string"),
    Column("statement", "string"),
)
_WORKSPACE = 4
_LEAST = 20
"""Cells that a statement's beginning gets, at least."""


def _history(session: Session, pattern: str) -> None:
    if session.history is None:
        raise InterfaceError("there is no history in this session")
    today = datetime.fromtimestamp(session.environment.now()).date()
    found = [_row(one, today) for one in islice(session.history.latest(pattern), _LISTED)][::-1]
    columns: tuple[Column, ...] = _COLUMNS
    rows = found
    if all(row[_WORKSPACE] == session.connection.workspace for row in found):
        # The prompt says where they all ran.
        columns = columns[:_WORKSPACE] + columns[_WORKSPACE + 1 :]
        rows = [row[:_WORKSPACE] + row[_WORKSPACE + 1 :] for row in found]
    terminal = session.options().width if session.settings.format == "table" else None
    if terminal and rows:
        shown = [max(len(c.name), *(width(str(row[at])) for row in rows)) for at, c in enumerate(columns[:-1])]
        room = max(terminal - sum(shown) - 3 * len(columns) - 1, _LEAST)
        rows = [(*row[:-1], truncate(escape_unsafe(str(row[-1])), room)) for row in rows]
    session.show(RowSet(columns, iter(rows)))


def _row(one: HistoryEntry, today: date) -> Row:
    started = datetime.fromtimestamp(one.started)
    return (
        one.id,
        started.strftime("%H:%M:%S" if started.date() == today else "%Y-%m-%d %H:%M"),
        None if one.duration is None else f"{one.duration:.2f} s",
        one.rows,
        one.workspace,
        one.outcome.partition(":")[0],
        " ".join(one.statement.split()),
    )


def _remembered(session: Session, argument: str) -> str:
    """The text of a statement by its number, else the last. Raises InterfaceError."""
    if session.history is None:
        raise InterfaceError("there is no history in this session")
    if argument and not argument.isdecimal():
        raise InterfaceError(f"{argument!r} is no number", hint=r"\history lists the statements with theirs")
    one = session.history.get(int(argument)) if argument else next(session.history.latest(), None)
    if one is None:
        raise InterfaceError(f"there is no statement {argument}".rstrip(), hint=r"\history lists them")
    return one.statement


def _again(session: Session, argument: str) -> None:
    statement = _remembered(session, argument)
    if MASK in statement:
        raise InterfaceError(
            "that statement held a secret, which was not kept", hint=r"\recall brings it to the prompt"
        )
    session.note(f"> {' '.join(escape_unsafe(statement, keep_newlines=True).split())}")
    confirm_again(session, statement)
    session.run_statement(statement)


def confirm_again(session: Session, statement: str) -> None:
    """Ask before a write is sent once more that is not asked about by itself. Raises Interrupted."""
    verb = statement.split(maxsplit=1)[0].upper()
    if verb in _WRITES and session.settings.confirm and not dialogs.yes(f"run this {verb} again?"):
        raise Interrupted("not confirmed, nothing was sent")


def _recall(session: Session, argument: str) -> None:
    session.prompt.next_text = _remembered(session, argument) + ";"


COMMANDS = {
    r"\history": MetaCommand("[TEXT]", "the latest statements, or those that hold a text, and how they went", _history),
    r"\rerun": MetaCommand("[N]", "run statement N of the history again, or the last", _again),
    r"\recall": MetaCommand("[N]", "bring statement N back to the prompt", _recall),
}
