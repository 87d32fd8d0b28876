"""Commands about the text that is typed: edit it, drop it, show it."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from tokensh.errors import InterfaceError
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.history import confirm_repeated_write
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.redirection import leave_ctrl_c_to_child


def _edit_statement(shell: ShellContext, argument: str) -> None:
    if argument:
        shell.run_if_ended(_edit_file(shell, shell.connection.environment.expand_path(argument)))
        return
    # The file must not hold a secret: one that was typed is edited as [hidden].
    text = shell.connection.redactor.clean(shell.current_statement)
    descriptor, name = tempfile.mkstemp(prefix="tokensh-", suffix=".sql")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{text}\n" if text else "")
        edited = _edit_file(shell, path)
        if not shell.open_statement and edited.rstrip("; \n") == text.rstrip("; \n"):
            confirm_repeated_write(shell, edited.rstrip("; \n"))
        shell.run_if_ended(edited)
    except InterfaceError:
        shell.prefill(text)
        raise
    finally:
        path.unlink(missing_ok=True)


def _edit_file(shell: ShellContext, path: Path) -> str:
    """Open a file in the user's editor and return its text afterwards. Raises InterfaceError if that fails."""
    environment = shell.connection.environment
    editor = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        with leave_ctrl_c_to_child():
            done = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603 (the user's own)
    except (OSError, ValueError) as failure:
        raise InterfaceError(f"the editor {editor} cannot be run: {failure}", hint="set VISUAL or EDITOR") from None
    if done.returncode:
        raise InterfaceError(f"the editor ended with status {done.returncode}", hint="nothing was run")
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as failure:
        raise InterfaceError(f"cannot read {path}: {failure}") from None


def _drop_statement(shell: ShellContext, _: str) -> None:
    # Taking the open statement and doing nothing with it is all that there is to do.
    shell.console.note("the text is dropped")


def _print_statement(shell: ShellContext, _: str) -> None:
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
    MetaCommand(r"\p", "", "print the statement before it, or the last that ran", "The statement", _print_statement),
)
