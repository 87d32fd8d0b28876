r"""Commands that begin with a backslash, named as psql and its kin name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokensh.errors import InterfaceError
from tokensh.shell.commands import (
    describe,
    editing,
    general,
    history,
    last_result,
    named_queries,
    output,
    results,
    syntax_help,
)
from tokensh.shell.commands.registry import Leave, MetaCommand, listing, wrapped
from tokensh.text import nearest

if TYPE_CHECKING:
    from tokensh.shell.session import Session

__all__ = ["COMMANDS", "Leave", "MetaCommand", "run"]


def run(session: Session, name: str, argument: str) -> None:
    """Carry out a command. Raises InterfaceError for one there is none of; Leave."""
    command = COMMANDS.get(name)
    if command is None:
        near = nearest(name, COMMANDS)
        hint = f"did you mean {near}?" if near else r"\? lists them"
        raise InterfaceError(f"unknown command {name}", hint=hint)
    command.run(session, argument)


def _help(session: Session, _: str) -> None:
    width = session.options().width or 80
    for title, section in SECTIONS.items():
        session.say(title)
        for line in listing([(f"{name} {one.argument}", one.help) for name, one in section.items()], width - 1):
            session.say(line)
    for line in wrapped(_KEYS, width - 3):
        session.say(f"  {line}")


_KEYS = (
    "A statement ends with ; or with an empty line. Tab completes, Up and Ctrl-R search the history, Ctrl-P and Ctrl-N go "
    "through it, Esc Enter begins a line, F4 is vi or emacs, F6 shows times as epoch milliseconds and back, Ctrl-X Ctrl-E opens the editor, Ctrl-C cancels, Ctrl-D "
    "leaves. {{ name }} in a statement is asked for."
)

SECTIONS: dict[str, dict[str, MetaCommand]] = {
    "Help and leaving": {
        r"\?": MetaCommand("", "this list", _help),
        **syntax_help.COMMANDS,
        r"\q": general.COMMANDS[r"\q"],
    },
    "What there is": describe.COMMANDS,
    "The statement": {**output.COMMANDS, **editing.COMMANDS},
    "What was run": {**history.COMMANDS, **named_queries.COMMANDS},
    "Results": {**results.COMMANDS, **last_result.COMMANDS},
    "The session": {name: one for name, one in general.COMMANDS.items() if name != r"\q"},
}
COMMANDS: dict[str, MetaCommand] = {name: one for section in SECTIONS.values() for name, one in section.items()}
