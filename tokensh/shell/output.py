"""The terminal as prompt_toolkit writes to it, asked nothing: what is not asked need not be answered before typing is safe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prompt_toolkit.application import create_app_session
from prompt_toolkit.output.vt100 import Vt100_Output

from tokensh.environment import Environment, is_terminal


class _Unasked(Vt100_Output):
    """An output that never asks where the cursor is, which prompt_toolkit wants to know at every prompt."""

    def get_rows_below_cursor_position(self) -> int:
        """At least the cursor's own line: what needs more scrolls."""
        return 1


@contextmanager
def unasked_terminal(environment: Environment) -> Iterator[None]:
    """Every prompt made inside the `with` block asks the terminal nothing."""
    if not is_terminal(environment.stdout):
        yield
        return
    with create_app_session(output=_Unasked.from_pty(environment.stdout, term=environment.get("TERM"))):
        yield
