"""Commands that begin with a backslash, named as psql and its kin name them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh.dbapi import SERVER
from tokensh.engine.diff import differences
from tokensh.errors import Error, InterfaceError
from tokensh.render import RENDERERS
from tokensh.rows import Column, RowSet
from tokensh.text import nearest

if TYPE_CHECKING:
    from tokensh.shell.session import Session

_LISTED = 50
"""Statements that a plain `\\history` shows."""


class Leave(Exception):
    """The shell ends."""


@dataclass(frozen=True, slots=True)
class MetaCommand:
    """One command: its argument as help shows it, what it does, and the function that does it."""

    argument: str
    help: str
    run: Callable[[Session, str], None]


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
    session.say("  Ctrl-C cancels, Ctrl-D leaves. {{ name }} in a statement is asked for.")


def _quit(session: Session, _: str) -> None:
    if session.seen.hidden and not session.warned_of_hidden:
        session.warned_of_hidden = True
        session.note(r"a token's value was never shown: \reveal shows it, \q again leaves")
        return
    raise Leave


def _expanded(session: Session, argument: str) -> None:
    settings = session.settings
    if argument == "auto":
        settings.expanded = "auto"
    else:
        settings.expanded = _switch(argument, settings.expanded is True)
    session.note(f"records are {_WORDS[settings.expanded]}")


_WORDS: dict[object, str] = {True: "on", False: "off", "auto": "shown where the terminal is too narrow"}


def _switch(argument: str, now: bool) -> bool:
    """on, off, or the other way round. Raises InterfaceError."""
    if not argument:
        return not now
    if argument.lower() not in ("on", "off"):
        raise InterfaceError(f"{argument!r} is neither on nor off")
    return argument.lower() == "on"


def _output(session: Session, argument: str) -> None:
    if session.outfile is not None:
        session.outfile.close()
        session.outfile = None
    if not argument:
        session.note("results go to the terminal")
        return
    path = os.path.expanduser(argument)  # noqa: PTH111 (~name too)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise InterfaceError(f"cannot write {argument}: {failure.strerror}") from None
    session.outfile = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n")
    session.note(f"results go to {argument}")


def _timing(session: Session, argument: str) -> None:
    session.settings.timing = _switch(argument, session.settings.timing)
    session.note(f"timing is {_WORDS[session.settings.timing]}")


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
    session.next_text = one.statement + ";"


def _reveal(session: Session, _: str) -> None:
    hidden, session.seen.hidden = session.seen.hidden, []
    if not hidden:
        raise InterfaceError("there is nothing hidden to show")
    session.warned_of_hidden = False
    for columns, rows in hidden:
        session.show(RowSet(columns, iter(rows)), reveal=True)


def _set(session: Session, argument: str) -> None:
    name, _, value = argument.partition(" ")
    if not name:
        for each, known in sorted(session.connection.variables.items()):
            session.say(f"{each} = {session.connection.redactor.clean(str(known))}")
        return
    if name == "confirm":
        session.settings.confirm = _switch(value.strip(), session.settings.confirm)
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


def _workspace(session: Session, argument: str) -> None:
    session.connection.workspace = argument or None
    if argument:
        session.seen.used(argument)
    session.note(f"workspace is {argument}" if argument else "no workspace is set: statements must name one")


def _format(session: Session, argument: str) -> None:
    if argument not in RENDERERS:
        raise InterfaceError(f"unknown output format {argument!r}", hint=f"the formats are {', '.join(RENDERERS)}")
    session.settings.format = argument
    session.note(f"results are shown as {argument}")


def _times(session: Session, argument: str) -> None:
    session.settings.raw_times = _switch(argument, session.settings.raw_times)
    session.note(f"times are {'epoch milliseconds' if session.settings.raw_times else 'readable'}")


def _include(session: Session, argument: str) -> None:
    try:
        text = Path(argument).expanduser().read_text(encoding="utf-8-sig")
    except OSError as failure:
        raise InterfaceError(f"cannot read {argument!r}: {failure.strerror}") from None
    except UnicodeDecodeError as failure:
        raise InterfaceError(f"{argument}: byte {failure.start} is no UTF-8") from None
    session.run_text(text)


def _print(session: Session, _: str) -> None:
    session.say(session.last or "(no statement yet)")


def _describe(session: Session, argument: str) -> None:
    if not argument:
        session.show(session.connection.run(f"SHOW RESOURCES IN {'.'.join(session.connection.namespace)}"))
        return
    for statement in (f"DESCRIBE EXTENDED {argument}", f"SHOW EXTENDED METHODS IN {argument}"):
        session.show(session.connection.run(statement))


def _diff(session: Session, argument: str) -> None:
    session.show(differences(session.connection.objects.store, argument))


def _connection(session: Session, _: str) -> None:
    connection = session.connection
    session.say(f"workspace  {connection.workspace or '(none: statements must name one)'}")
    session.say(f"requests   {connection.hosts.endpoint or SERVER}")
    session.say(f"names in   {'.'.join(connection.namespace)}")
    if connection.workspace:
        try:
            session.say(f"credential {connection.credential(connection.workspace)}")
        except Error as error:
            session.say(f"credential none: {error.message}")


COMMANDS = {
    r"\?": MetaCommand("", "this list", _help),
    r"\q": MetaCommand("", "leave", _quit),
    r"\c": MetaCommand("[WORKSPACE]", "use a workspace where a statement names none", _workspace),
    r"\conninfo": MetaCommand("", "which workspace, host and credential", _connection),
    r"\d": MetaCommand("[RESOURCE]", "resources, or a resource's fields and methods", _describe),
    r"\diff": MetaCommand("VIEW", "what the last REFRESH of a materialized view changed", _diff),
    r"\x": MetaCommand("[on|off|auto]", "one record below the other", _expanded),
    r"\format": MetaCommand("NAME", f"how results look: {', '.join(RENDERERS)}", _format),
    r"\rawtimes": MetaCommand("[on|off]", "times as epoch milliseconds", _times),
    r"\o": MetaCommand("[FILE]", "results into a file, or back to the terminal", _output),
    r"\i": MetaCommand("FILE", "run a file", _include),
    r"\reveal": MetaCommand("", "show the values that were hidden, once", _reveal),
    r"\history": MetaCommand("[TEXT]", "the latest statements, or those that hold a text", _history),
    r"\rerun": MetaCommand("N", "bring statement N of the history back to the prompt", _again),
    r"\p": MetaCommand("", "the statement that ran last", _print),
    r"\set": MetaCommand(
        "[NAME [VALUE]]", r"a placeholder's value; \set confirm off asks no more before a revoke", _set
    ),
    r"\unset": MetaCommand("NAME", "forget a placeholder's value", _unset),
    r"\timing": MetaCommand("[on|off]", "the time below each result", _timing),
}
