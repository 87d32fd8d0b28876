"""The declaration of a meta command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from tokensh._dataclasses import dataclass
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext

Family = Literal["Help and leaving", "Resources", "The statement", "What was run", "Results", "The session"]


class ExitShell(Exception):
    """Raised by a command to end the shell."""


@dataclass(frozen=True, slots=True)
class MetaCommand:
    r"""A command that begins with a backslash: `\?`, completion and the reader of typed text take all they need from here.

    Attributes:
        name: with its backslash.
        argument: as help writes it; empty if the command takes none.
        help: one line.
        family: the heading in `\?`.
        run: carries the command out with what follows its name. Raises Error, ExitShell, KeyboardInterrupt.
        takes_statement: whether an open statement before the command belongs to it and needs no `;`. Before other commands
            the statement stays open and continues behind them.
        needs_prompt: whether the command makes sense only where a user types; scripts run the others.
        words: what the user may type instead of the name, on a line of its own.
        arguments: returns what may follow, with a note on each, for completion; None: completion knows by itself, or nothing.
    """

    name: str
    argument: str
    help: str
    family: Family
    run: Callable[[ShellContext, Arguments], None]
    takes_statement: bool = False
    needs_prompt: bool = False
    words: tuple[str, ...] = ()
    arguments: Callable[[ShellContext], Mapping[str, str]] | None = None
