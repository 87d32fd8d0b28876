"""Commands that run the statement before them, and that send results to a file or a program."""

from __future__ import annotations

from tokensh.errors import InterfaceError
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.history import confirm_repeated_write
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.redirection import open_destination

_DESTINATION = "[FILE | |PROGRAM]"
_OPTIONS = f"[(NAME=VALUE ...)] {_DESTINATION}"


def _redirect_results(shell: ShellContext, arguments: Arguments) -> None:
    argument = arguments.destination()
    # The old destination is closed first: it may be the same file, or a program that must end before the next begins.
    try:
        shell.console.redirect(None)
    finally:
        if argument:
            shell.console.redirect(open_destination(argument))
        shell.console.note(f"results go to {argument or 'the terminal'}")


def _run_statement(shell: ShellContext, arguments: Arguments) -> None:
    options, rest = arguments.split_options()
    argument = rest.destination()
    with shell.settings.changed(options):
        _run_into(shell, argument)


def _run_into(shell: ShellContext, argument: str) -> None:
    """Run the current statement, its result to a file or a program; empty: to where results go. Raises Error."""
    statement = shell.current_statement
    if not statement:
        raise InterfaceError("no statement to run")
    if not shell.open_statement:
        confirm_repeated_write(shell, statement)
    if not argument:
        shell.run_statement(statement)
        return
    with shell.console.redirected(open_destination(argument)):
        shell.run_statement(statement)


def _run_statement_expanded(shell: ShellContext, arguments: Arguments) -> None:
    with shell.settings.changed({"expanded": "on"}):
        _run_statement(shell, arguments)


COMMANDS = (
    MetaCommand(
        r"\g",
        _OPTIONS,
        r"run the statement before it, its result to a file or a program, with settings of \pset for it alone",
        "The statement",
        _run_statement,
        takes_statement=True,
    ),
    MetaCommand(
        r"\gx",
        _OPTIONS,
        r"the same, with the result as records; also \G",
        "The statement",
        _run_statement_expanded,
        takes_statement=True,
    ),
    MetaCommand(
        r"\G",
        "",
        "run the statement before it, its result as records",
        "The statement",
        _run_statement_expanded,
        takes_statement=True,
    ),
    MetaCommand(
        r"\o",
        _DESTINATION,
        "send results to a file or a program, or back to the terminal",
        "The statement",
        _redirect_results,
    ),
)
