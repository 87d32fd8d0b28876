"""A terminal output for prompt_toolkit that sends no queries.

prompt_toolkit asks the terminal at every prompt where the cursor is. What the terminal answers arrives on standard input, where
keys that were typed before the prompt mix with it, and a slow or scripted terminal that does not answer makes it wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prompt_toolkit.application import create_app_session
from prompt_toolkit.output.vt100 import Vt100_Output

from tokensh.environment import Environment, is_terminal


class _QuerylessOutput(Vt100_Output):
    """An output that answers the question for the cursor's line itself."""

    def get_rows_below_cursor_position(self) -> int:
        """Return 1, for the cursor's own line: a prompt that needs more lines scrolls the screen."""
        return 1


@contextmanager
def without_terminal_queries(environment: Environment) -> Iterator[None]:
    """Let the prompts inside the `with` block send no queries to the terminal."""
    if not is_terminal(environment.stdout):
        yield
        return
    with create_app_session(output=_QuerylessOutput.from_pty(environment.stdout, term=environment.get("TERM"))):
        yield
