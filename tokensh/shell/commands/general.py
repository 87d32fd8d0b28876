"""Commands about the session: its workspace, settings and variables, what else to run, its end."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh.api.workspaces import SERVER
from tokensh.errors import Error, InterfaceError
from tokensh.shell.commands.output import without_ctrl_c
from tokensh.shell.commands.registry import Leave, MetaCommand, switch
from tokensh.shell.settings import OPTIONS

if TYPE_CHECKING:
    from tokensh.shell.session import Session


def _quit(session: Session, _: str) -> None:
    if session.seen.hidden and not session.warned_of_hidden:
        session.warned_of_hidden = True
        session.note(r"a token's value was never shown: \reveal shows it, \q again leaves")
        return
    raise Leave


def _workspace(session: Session, argument: str) -> None:
    connection = session.connection
    before = connection.workspace
    connection.workspace = connection.profiles.get(argument, argument) or None
    if connection.workspace is None:
        session.note("no workspace is set: statements must name one")
        return
    try:
        connection.hosts.resolve(SERVER, {"deployment_name": connection.workspace})
    except Error:
        connection.workspace = before
        raise
    session.seen.used(connection.workspace)
    session.note(f"workspace is {connection.workspace}")


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


def _setting(session: Session, argument: str) -> None:
    name, _, value = argument.partition(" ")
    settings = session.settings
    if name and value:
        settings.set(name, _unquoted(value.strip()))
        session.prompt.heed()
    for one in (name,) if name else OPTIONS:
        session.note(f"{one} is {settings.get(one) or '(as the format has it)'}")


def _format(session: Session, argument: str) -> None:
    _setting(session, f"format {argument}".strip())


def read(path: Path) -> str:
    """A file's text. Raises InterfaceError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as failure:
        raise InterfaceError(f"cannot read {path}: {failure.strerror}") from None
    except UnicodeDecodeError as failure:
        raise InterfaceError(f"{path}: byte {failure.start} is no UTF-8") from None


def _include(session: Session, argument: str) -> None:
    if not argument:
        raise InterfaceError(r"\i needs a file")
    if session.depth >= _DEEPEST:
        raise InterfaceError(f"{argument} is read by a file that is read by a file, {_DEEPEST} deep")
    text = read(Path(argument).expanduser())
    session.depth += 1
    try:
        session.run_text(text, argument)
    finally:
        session.depth -= 1


_DEEPEST = 10


def _echo(session: Session, argument: str) -> None:
    session.say(argument)


def _shell(session: Session, argument: str) -> None:
    shell = session.environment.get("SHELL", "/bin/sh")
    with without_ctrl_c():
        done = subprocess.run([shell, "-c", argument] if argument else [shell], check=False)  # noqa: S603 (what was typed)
    if done.returncode:
        session.note(f"status {done.returncode}")


COMMANDS = {
    r"\q": MetaCommand("", "leave; also Ctrl-D, exit, quit", _quit),
    r"\c": MetaCommand("[WORKSPACE | PROFILE]", "use a workspace where a statement names none", _workspace),
    r"\set": MetaCommand(
        "[NAME [VALUE]]", r"a placeholder's value; \set confirm off asks no more before a revoke", _set
    ),
    r"\unset": MetaCommand("NAME", "forget a placeholder's value", _unset),
    r"\pset": MetaCommand("[NAME [VALUE]]", f"settings: {', '.join(OPTIONS)}", _setting),
    r"\T": MetaCommand("FORMAT", r"how results look, as \pset format", _format),
    r"\i": MetaCommand("FILE", "run a file's statements and commands, up to the first error", _include),
    r"\echo": MetaCommand("TEXT", "write a text", _echo),
    r"\!": MetaCommand("[COMMAND]", "run a program, or the system's shell", _shell),
}
