r"""Meta commands: they begin with a backslash and are named as in psql and its relatives.

Each module declares one group of commands as a tuple of `MetaCommand`; `COMMANDS` is the one list of all of them, from which
`\?`, completion, the words without a backslash and the reader of typed text are made. A new command needs its function and
its entry in one of those tuples, nothing else.
"""

from __future__ import annotations

from typing import get_args

from tokensh.environment import DEFAULT_WIDTH
from tokensh.errors import InterfaceError
from tokensh.shell.commands import (
    describe,
    editing,
    general,
    history,
    last_result,
    named_queries,
    new_values,
    objects,
    output,
    results,
    scripting,
    syntax_help,
)
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.listing import format_entries, wrap_words
from tokensh.shell.commands.registry import ExitShell, Family, MetaCommand
from tokensh.shell.commands.scripting import CONDITIONAL
from tokensh.text import nearest

__all__ = ["COMMANDS", "CONDITIONAL", "ExitShell", "MetaCommand", "ShellContext", "find_command", "run_command"]


def run_command(shell: ShellContext, name: str, argument: str) -> None:
    """Run the command with this name. Raises InterfaceError for an unknown name, ExitShell, and what the command raises."""
    find_command(name).run(shell, Arguments(argument))


def find_command(name: str) -> MetaCommand:
    """Return the command with this name. Raises InterfaceError."""
    command = COMMANDS.get(name)
    if command is None:
        near = nearest(name, COMMANDS)
        raise InterfaceError(f"unknown command {name}", hint=f"did you mean {near}?" if near else r"\? lists them")
    return command


def _list_commands(shell: ShellContext, _: Arguments) -> None:
    width = shell.console.options().width or DEFAULT_WIDTH
    lines: list[str] = []
    for family in get_args(Family):
        entries = [(f"{each.name} {each.argument}", each.help) for each in COMMANDS.values() if each.family == family]
        lines += (family, *format_entries(entries, width - 1))
    shell.console.say_lines((*lines, *(f"  {line}" for line in wrap_words(_KEYS, width - 3))))


_KEYS = (
    "A statement ends with ;, a query also with an empty line. Tab completes; Up and Ctrl-R search the history, Ctrl-P and Ctrl-N step "
    "through it; Esc Enter begins a new line; F4 switches between vi and emacs keys; F6 switches times between readable and "
    "epoch milliseconds; Ctrl-X Ctrl-E opens the editor; Ctrl-C cancels; Ctrl-D leaves. The shell asks for the value of each "
    "{{ name }} in a statement."
)
_HELP = MetaCommand(r"\?", "", "list the commands", "Help and leaving", _list_commands, words=("help", "?"))

COMMANDS: dict[str, MetaCommand] = {
    command.name: command
    for command in (
        _HELP,
        *syntax_help.COMMANDS,
        *describe.COMMANDS,
        *objects.COMMANDS,
        *output.COMMANDS,
        *scripting.COMMANDS,
        *editing.COMMANDS,
        *history.COMMANDS,
        *named_queries.COMMANDS,
        *results.COMMANDS,
        *last_result.COMMANDS,
        *new_values.COMMANDS,
        *general.COMMANDS,
    )
}
