"""Commands about the last result: copied elsewhere, asked for again and again."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tokensh.errors import InterfaceError
from tokensh.render.formats import render
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet
from tokensh.shell.clipboard import copy
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.runner import many
from tokensh.shell.watch import USUAL
from tokensh.text import escape_unsafe, nearest

if TYPE_CHECKING:
    from tokensh.shell.session import Session


def _watch(session: Session, argument: str) -> None:
    first, _, rest = argument.partition(" ")
    try:
        seconds = float(first) if first else USUAL
    except ValueError:
        seconds, rest = USUAL, argument
    text = session.connection.strip_terminator(rest.strip()) or session.pending or session.runner.last
    if not text:
        raise InterfaceError("there is no statement to watch", hint=r"SELECT .. \watch 5, or \watch after a statement")
    if not math.isfinite(seconds):
        raise InterfaceError(f"{first} is no number of seconds")
    session.watch(text, seconds)


def _copy(session: Session, argument: str) -> None:
    columns, rows = session.seen.columns, session.seen.rows
    if not columns:
        raise InterfaceError("there is no result to copy from")
    what, _, number = argument.partition(" ")
    if what in ("", "csv"):
        told, text = many(len(rows), "row"), _as_text("csv", columns, rows)
    elif what == "row":
        told, text = f"row {number or 1}", _as_text("tsv", columns, [_numbered(rows, number)], header=False)
    else:
        at = _place(columns, argument)
        told = f"{many(len(rows), 'value')} of {escape_unsafe(columns[at].name)}"
        text = "\n".join("" if row[at] is None else str(row[at]) for row in rows)
    if what not in ("", "csv", "row") and columns[at].secret and len(session.seen.hidden) <= 1:
        session.connection.mark_values_seen()
    hides = what in ("", "csv", "row") and any(column.secret for column in columns)
    ways = copy(text, session.environment)
    session.note(f"copied {told} to {ways}{', the secret left out' if hides else ''}")


def _as_text(name: str, columns: tuple[Column, ...], rows: Sequence[Row], *, header: bool = True) -> str:
    """A result without its secrets, as text."""
    hidden = [column.secret for column in columns]
    kept = (tuple(None if hide else value for hide, value in zip(hidden, row, strict=True)) for row in rows)
    made = io.StringIO()
    render(name, RowSet(columns, kept), made, Options(header=header))
    return made.getvalue()


def _numbered(rows: Sequence[Row], number: str) -> Row:
    """A row by its number from 1, by default the first. Raises InterfaceError."""
    if number and not number.isdecimal():
        raise InterfaceError(f"{number!r} is no number of a row")
    at = int(number or 1)
    if not 1 <= at <= len(rows):
        raise InterfaceError(f"there is no row {at}: the result has {many(len(rows), 'row')}")
    return rows[at - 1]


def _place(columns: tuple[Column, ...], name: str) -> int:
    """Where a column stands. Raises InterfaceError."""
    names = [column.name.lower() for column in columns]
    if name.lower() not in names:
        near = nearest(name, names)
        hint = f"did you mean {near}?" if near else f"a column, row or csv; the columns are {', '.join(names)}"
        raise InterfaceError(f"the last result has no column {name!r}", hint=hint)
    return names.index(name.lower())


COMMANDS = {
    r"\watch": MetaCommand("[SECONDS]", "ask the statement before it, or the last, again and again", _watch),
    r"\copy": MetaCommand("[COLUMN|row [N]|csv]", "the last result to the clipboard; a secret only by its name", _copy),
}
