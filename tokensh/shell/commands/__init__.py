r"""Commands that begin with a backslash, named as psql and its kin name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokensh.errors import InterfaceError
from tokensh.shell.commands import general, history, last, look, results
from tokensh.shell.commands.model import Leave, MetaCommand
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
    width = max(len(f"{name} {one.argument}") for name, one in COMMANDS.items())
    for name, one in COMMANDS.items():
        session.say(f"  {f'{name} {one.argument}':<{width}}  {one.help}")
    session.say("")
    session.say("  A statement ends with ; or with an empty line. Tab completes, Ctrl-R searches the history,")
    session.say("  Esc Enter begins a line, F4 is vi or emacs, Ctrl-X Ctrl-E opens the editor,")
    session.say("  F6 shows times as epoch milliseconds and back,")
    session.say("  Ctrl-C cancels, Ctrl-D leaves. {{ name }} in a statement is asked for.")


COMMANDS: dict[str, MetaCommand] = {
    r"\?": MetaCommand("", "this list", _help),
    **general.COMMANDS,
    **look.COMMANDS,
    **history.COMMANDS,
    **results.COMMANDS,
    **last.COMMANDS,
}
