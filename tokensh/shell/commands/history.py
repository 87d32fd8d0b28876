"""Commands about what was run before."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from tokensh.errors import InterfaceError
from tokensh.rows import Column, RowSet
from tokensh.shell.commands.model import MetaCommand

if TYPE_CHECKING:
    from tokensh.shell.session import Session

_LISTED = 50
"""Statements that a plain `\\history` shows."""


def _history(session: Session, pattern: str) -> None:
    if session.history is None:
        raise InterfaceError("there is no history in this session")
    found = list(islice(session.history.latest(pattern), _LISTED))
    columns = (
        Column("n", "integer"),
        Column("when", "string"),
        Column("took", "string"),
        Column("rows", "integer"),
        Column("workspace", "string"),
        Column("outcome", "string"),
        Column("statement", "string"),
    )
    rows = (
        (
            one.id,
            datetime.fromtimestamp(one.started).strftime("%Y-%m-%d %H:%M:%S"),
            None if one.duration is None else f"{one.duration:.2f} s",
            one.rows,
            one.workspace,
            one.outcome,
            " ".join(one.statement.split()),
        )
        for one in reversed(found)
    )
    session.show(RowSet(columns, iter(list(rows))))


def _again(session: Session, argument: str) -> None:
    one = session.history.get(int(argument)) if session.history and argument.isdecimal() else None
    if one is None:
        raise InterfaceError(f"there is no statement {argument or 'without a number'}", hint=r"\history lists them")
    session.prompt.next_text = one.statement + ";"


def _print(session: Session, _: str) -> None:
    session.say(session.runner.last or "(no statement yet)")


COMMANDS = {
    r"\history": MetaCommand("[TEXT]", "the latest statements, or those that hold a text", _history),
    r"\rerun": MetaCommand("N", "bring statement N of the history back to the prompt", _again),
    r"\p": MetaCommand("", "the statement that ran last", _print),
}
