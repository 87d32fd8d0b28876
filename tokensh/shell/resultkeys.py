"""Keys about the result that stands above the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

if TYPE_CHECKING:
    from tokensh.shell.session import Session


def result_keys(session: Session) -> KeyBindings:
    """F6: times as the API gives them, and back; the last result is shown again."""
    keys = KeyBindings()

    @keys.add("f6")
    def _times(_event: KeyPressEvent) -> None:
        session.settings.raw_times = not session.settings.raw_times
        run_in_terminal(session.show_again)

    return keys
