"""Commands about the text that is typed: edit it, drop it, show it."""

from __future__ import annotations

from tokensh.errors import InterfaceError
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.history import confirm_repeated_write
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.editor import edit_file, edit_text
from tokensh.text import make_inert


def _edit_statement(shell: ShellContext, arguments: Arguments) -> None:
    if name := arguments.value():
        path = shell.connection.environment.expand_path(name)
        shell.run_if_ended(edit_file(path, shell.connection.environment))
        return
    try:
        text = shell.current_statement
        edited = edit_text(text, shell.connection)
        shown = make_inert(shell.connection.redactor.clean(text))
        if not shell.open_statement and edited.rstrip("; \n") == shown.rstrip("; \n"):
            confirm_repeated_write(shell, edited.rstrip("; \n"))
        shell.run_if_ended(edited)
    except InterfaceError:
        shell.prefill(shell.connection.redactor.clean(shell.current_statement))
        raise


def _drop_statement(shell: ShellContext, _: Arguments) -> None:
    # Taking the open statement and doing nothing with it is all that there is to do.
    shell.console.note("the text is dropped")


def _print_statement(shell: ShellContext, _: Arguments) -> None:
    shell.console.say(shell.connection.redactor.clean(shell.current_statement) or "(no statement yet)")


COMMANDS = (
    MetaCommand(
        r"\e",
        "[FILE]",
        "edit the statement in VISUAL or EDITOR; it runs if it ends with ;",
        "The statement",
        _edit_statement,
        takes_statement=True,
        needs_prompt=True,
    ),
    MetaCommand(
        r"\r",
        "",
        "drop the statement before it",
        "The statement",
        _drop_statement,
        takes_statement=True,
        needs_prompt=True,
    ),
    MetaCommand(
        r"\p",
        "",
        "print the statement before it, or the last that ran",
        "The statement",
        _print_statement,
        needs_prompt=True,
    ),
)
