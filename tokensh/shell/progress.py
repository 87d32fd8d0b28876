"""A line on the terminal while a statement runs: what is being done, how many workspaces have answered, how long it takes."""

from __future__ import annotations

import threading

from tokensh._dataclasses import dataclass
from tokensh.environment import DEFAULT_WIDTH, Cancellation, Environment, is_terminal
from tokensh.text import truncate

_FIRST = 0.3
"""s: what is faster than this is not worth a line."""
_NEXT = 0.1
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(slots=True)
class _State:
    """What a line tells."""

    doing: str = ""
    answered: tuple[int, int] | None = None


class Spinner:
    """Drawn by a thread of its own between `start` and `stop`; both may be called again.

    Args:
        environment: its stderr, if that is a terminal, gets the line.
        cancellation: whether Ctrl-C was pressed.
        width: the terminal's columns; None: not known.
        plain: write one line that stays, and no animation.
    """

    def __init__(
        self, environment: Environment, cancellation: Cancellation, width: int | None = None, *, plain: bool = False
    ) -> None:
        self._stream = environment.stderr
        self._monotonic = environment.monotonic
        self._cancellation = cancellation
        # Where the line ends at the last column, the terminal's own `^C` would begin another.
        self._most = (width or DEFAULT_WIDTH) - 3
        self._plain = plain
        self._wanted = is_terminal(environment.stderr)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = _State()
        self._begun = 0.0

    def start(self) -> None:
        """Begin to count."""
        self._state = _State()
        self._begun = self._monotonic()
        self.go_on()

    def go_on(self) -> None:
        """Show the line again, which something else had to be shown instead of."""
        if self._wanted and self._thread is None:
            self._stopped = threading.Event()
            self._thread = threading.Thread(target=self._draw, args=(self._stopped,), name="spinner", daemon=True)
            self._thread.start()

    def doing(self, what: str) -> None:
        """Say what is being done from now on."""
        self._state = _State(what)

    def progress(self, done: int, total: int) -> None:
        """So many of so many requests have been answered."""
        self._state.answered = done, total

    def stop(self) -> None:
        """Take the line away."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopped.set()
            thread.join()

    def _draw(self, stopped: threading.Event) -> None:
        wait = _FIRST
        drawn = 0
        while not stopped.wait(wait):
            wait = _NEXT
            if self._plain:
                self._write(f"{truncate(self._text(), self._most)}\n")
                return
            frame = _FRAMES[drawn % len(_FRAMES)]
            self._write(f"\r{truncate(f'{frame} {self._text()}', self._most)}\x1b[K")
            drawn += 1
        if drawn:
            self._write("\r\x1b[K")

    def _text(self) -> str:
        """The line, what matters most at its start: a narrow terminal cuts its end."""
        state = self._state
        parts = [state.doing] if state.doing else []
        if state.answered:
            parts.append(f"{state.answered[0]} of {state.answered[1]} answered")
        if not self._plain:
            parts.append(f"{self._monotonic() - self._begun:.1f}s")
        if self._cancellation.presses:
            # Only what would be lost with its answer is waited for after Ctrl-C.
            return " · ".join(("waiting at most 10 s for the answer", "Ctrl-C again gives up", *parts))
        return " · ".join((*parts, "Ctrl-C cancels"))

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stopped.set()
