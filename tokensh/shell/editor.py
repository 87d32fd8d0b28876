r"""The user's editor: for `\e`, and for the keys that open it (Ctrl-X Ctrl-E, v in vi mode)."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from tokensh.dbapi.connection import Connection
from tokensh.environment import Environment
from tokensh.errors import InterfaceError
from tokensh.shell.redirection import describe_exit, leave_ctrl_c_to_child
from tokensh.text import make_inert


def edit_text(text: str, connection: Connection) -> str:
    """Open a text in the editor and return what it became. Raises InterfaceError if that fails.

    The file must not hold a secret: one that was typed is edited as [hidden].
    """
    text = make_inert(connection.redactor.clean(text))
    descriptor, name = tempfile.mkstemp(prefix="tokensh-", suffix=".sql")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{text}\n" if text else "")
        return edit_file(path, connection.environment)
    finally:
        path.unlink(missing_ok=True)


def edit_file(path: Path, environment: Environment) -> str:
    """Open a file in the editor and return its text afterwards. Raises InterfaceError if that fails."""
    editor = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        with leave_ctrl_c_to_child():
            done = subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603 (the user's own)
    except (OSError, ValueError) as failure:
        raise InterfaceError(f"the editor {editor} cannot be run: {failure}", hint="set VISUAL or EDITOR") from None
    if done.returncode:
        raise InterfaceError(f"the editor {describe_exit(done.returncode)}", hint="nothing was run")
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as failure:
        raise InterfaceError(f"cannot read {path}: {failure}") from None
