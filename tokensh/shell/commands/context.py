"""What a meta command needs of the shell that runs it.

Commands depend on this protocol and not on the session, which implements it: so the commands package knows nothing of the
prompt or of the loop around it, and a test can give a command a context of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tokensh.dbapi.connection import Connection
from tokensh.engine.history import History
from tokensh.shell.conditions import Conditions
from tokensh.shell.console import Console
from tokensh.shell.query_store import QueryStore
from tokensh.shell.result_cache import Result, ResultCache
from tokensh.shell.settings import Settings


class ShellContext(Protocol):
    """The shell as a meta command sees it."""

    connection: Connection
    settings: Settings
    console: Console
    results: ResultCache
    queries: QueryStore
    conditions: Conditions

    @property
    def history(self) -> History | None:
        """The statements that ran; None if this session cannot keep them."""

    @property
    def open_statement(self) -> str:
        """The statement that was typed before the command and is not ended yet; may be empty."""

    @property
    def current_statement(self) -> str:
        """The open statement, else the last that ran; may be empty."""

    def run_text(self, text: str) -> None:
        """Run statements and commands as if they were typed. Raises ExitShell, KeyboardInterrupt."""

    def run_statement(self, text: str) -> str:
        """Run one statement without `;` and return its outcome. Raises PlaceholderError, KeyboardInterrupt."""

    def fetch_result(self, text: str) -> Result | None:
        """Run one statement without `;`, show nothing, and return its result; None after a failure, which was reported."""

    def run_file(self, path: Path, name: str) -> None:
        """Run a file up to its first error; errors name it `name`. Raises InterfaceError, ExitShell, KeyboardInterrupt."""

    def run_if_ended(self, text: str) -> None:
        """Run a text whose last statement is ended, else put it into the next prompt."""

    def watch(self, text: str, seconds: float) -> None:
        """Repeat a query until Ctrl-C. Raises Error."""

    def prefill(self, text: str) -> None:
        """Put a text into the next prompt, for the user to edit."""

    def apply_settings(self) -> None:
        """Make the prompt follow settings that have changed."""
