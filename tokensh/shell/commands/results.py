"""Commands about results: how they look, where they go, what they hide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokensh.errors import InterfaceError
from tokensh.render.formats import FORMATS, find_format
from tokensh.rows import RowSet
from tokensh.shell.commands.registry import WORDS, MetaCommand, switch

if TYPE_CHECKING:
    from tokensh.shell.session import Session


def _expanded(session: Session, argument: str) -> None:
    settings = session.settings
    if argument == "auto":
        settings.expanded = "auto"
    else:
        settings.expanded = switch(argument, now=settings.expanded is True)
    session.note(
        f"records are {'shown where the terminal is too narrow' if settings.expanded == 'auto' else WORDS[settings.expanded]}"
    )


def _timing(session: Session, argument: str) -> None:
    session.settings.timing = switch(argument, now=session.settings.timing)
    session.note(f"timing is {WORDS[session.settings.timing]}")


def _format(session: Session, argument: str) -> None:
    find_format(argument)
    session.settings.format = argument
    session.note(f"results are shown as {argument}")


def _times(session: Session, argument: str) -> None:
    session.settings.raw_times = switch(argument, now=session.settings.raw_times)
    session.note(f"times are {'epoch milliseconds' if session.settings.raw_times else 'readable'}")


def _reveal(session: Session, _: str) -> None:
    hidden, session.seen.hidden = session.seen.hidden, []
    if not hidden:
        raise InterfaceError("there is nothing hidden to show")
    session.warned_of_hidden = False
    for columns, rows in hidden:
        session.show(RowSet(columns, iter(rows)), reveal=True)
    session.connection.mark_values_seen()


COMMANDS = {
    r"\x": MetaCommand("[on|off|auto]", "one record below the other", _expanded),
    r"\format": MetaCommand("NAME", f"how results look: {', '.join(FORMATS)}", _format),
    r"\rawtimes": MetaCommand("[on|off]", "times as epoch milliseconds", _times),
    r"\timing": MetaCommand("[on|off]", "the time below each result", _timing),
    r"\reveal": MetaCommand("", "show the values that were hidden, once", _reveal),
}
