"""Commands about the text that is typed: the editor, starting afresh."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh.errors import InterfaceError
from tokensh.shell.commands.output import without_ctrl_c
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.input_buffer import parts
from tokensh.sql.script import StatementText

if TYPE_CHECKING:
    from tokensh.shell.session import Session


def _edit(session: Session, argument: str) -> None:
    if argument:
        path = Path(argument).expanduser()
        _run_editor(session, path)
        _take(session, path)
        return
    # No secret gets into a file: one that was typed is edited as [hidden].
    text = session.connection.redactor.clean(session.pending or session.runner.last)
    descriptor, name = tempfile.mkstemp(prefix="tokensh-", suffix=".sql")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{text}\n" if text else "")
        _run_editor(session, path)
        _take(session, path)
    except InterfaceError:
        session.prompt.next_text = text
        raise
    finally:
        path.unlink(missing_ok=True)


def _run_editor(session: Session, path: Path) -> None:
    """Raises InterfaceError where there is no editor, or it fails."""
    environment = session.environment
    editor = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        with without_ctrl_c():
            done = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603 (the person's own)
    except (OSError, ValueError) as failure:
        raise InterfaceError(f"the editor {editor} cannot be run: {failure}", hint="set VISUAL or EDITOR") from None
    if done.returncode:
        raise InterfaceError(f"the editor ended with status {done.returncode}", hint="nothing was run")


def _take(session: Session, path: Path) -> None:
    """Run what the editor left if its end is a statement's end, else bring it back to the prompt."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise InterfaceError(f"cannot read {path}: {failure}") from None
    match list(parts(text, session.connection.parser))[-1:]:
        case [StatementText(ended=True)]:
            session.note(session.connection.redactor.clean(text))
            session.run_text(text)
        case _:
            session.prompt.next_text = text


def _reset(session: Session, _: str) -> None:
    session.note("the text is dropped")


def _print(session: Session, _: str) -> None:
    session.say(session.connection.redactor.clean(session.pending or session.runner.last) or "(no statement yet)")


COMMANDS = {
    r"\e": MetaCommand("[FILE]", "edit the statement in VISUAL or EDITOR; it runs if it ends with ;", _edit),
    r"\r": MetaCommand("", "drop the statement before it", _reset),
    r"\p": MetaCommand("", "the statement before it, or the last that ran", _print),
}
