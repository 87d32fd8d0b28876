"""Commands about the session: its workspace, its variables, files to run, its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tokensh.errors import InterfaceError
from tokensh.shell.commands.model import Leave, MetaCommand, switch

if TYPE_CHECKING:
    from tokensh.shell.session import Session


def _quit(session: Session, _: str) -> None:
    if session.seen.hidden and not session.warned_of_hidden:
        session.warned_of_hidden = True
        session.note(r"a token's value was never shown: \reveal shows it, \q again leaves")
        return
    raise Leave


def _workspace(session: Session, argument: str) -> None:
    session.connection.workspace = argument or None
    if argument:
        session.seen.used(argument)
    session.note(f"workspace is {argument}" if argument else "no workspace is set: statements must name one")


def _set(session: Session, argument: str) -> None:
    name, _, value = argument.partition(" ")
    if not name:
        for each, known in sorted(session.connection.variables.items()):
            session.say(f"{each} = {session.connection.redactor.clean(str(known))}")
        return
    if name == "confirm":
        session.settings.confirm = switch(value.strip(), now=session.settings.confirm)
        return
    session.connection.variables[name] = _unquoted(value.strip())


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


def _unset(session: Session, argument: str) -> None:
    if session.connection.variables.pop(argument, _NOTHING) is _NOTHING:
        raise InterfaceError(f"there is no variable {argument!r}")


_NOTHING = object()


def _include(session: Session, argument: str) -> None:
    try:
        text = Path(argument).expanduser().read_text(encoding="utf-8-sig")
    except OSError as failure:
        raise InterfaceError(f"cannot read {argument!r}: {failure.strerror}") from None
    except UnicodeDecodeError as failure:
        raise InterfaceError(f"{argument}: byte {failure.start} is no UTF-8") from None
    session.run_text(text)


COMMANDS = {
    r"\q": MetaCommand("", "leave", _quit),
    r"\c": MetaCommand("[WORKSPACE]", "use a workspace where a statement names none", _workspace),
    r"\set": MetaCommand(
        "[NAME [VALUE]]", r"a placeholder's value; \set confirm off asks no more before a revoke", _set
    ),
    r"\unset": MetaCommand("NAME", "forget a placeholder's value", _unset),
    r"\i": MetaCommand("FILE", "run a file", _include),
}
