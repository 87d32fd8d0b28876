"""The line on the terminal while a statement runs: the activity, how many workspaces have answered, the time."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from tokensh._dataclasses import dataclass
from tokensh.environment import DEFAULT_WIDTH, Cancellation, Environment, import_or_none, is_terminal
from tokensh.text import truncate

# s until the line appears: a faster statement would only make it flicker.
_DELAY = 0.3
_FRAME_SECONDS = 0.1
_termios = import_or_none("termios")
_LOCAL_MODES = 3
"""The index of the local modes in what `termios.tcgetattr` returns."""
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(slots=True)
class _State:
    """What the line shows."""

    activity: str = ""
    answered: tuple[int, int] | None = None


class _Echo:
    """Whether the terminal shows the keys that are typed: while the line is drawn, they would be painted into it.

    What is typed waits in the terminal for the next prompt; Ctrl-C and Ctrl-Z act as always.
    """

    def __init__(self, environment: Environment) -> None:
        self._descriptor: int | None = None
        with suppress(AttributeError, OSError, ValueError):  # closed, or no file
            self._descriptor = environment.stdin.fileno()
        self._before: list[int | list[bytes | int]] | None = None

    def turn_off(self) -> None:
        """Show no keys until `restore`; does nothing off a terminal, and in the background, where it would stop us."""
        if self._before is not None or self._descriptor is None or _termios is None:
            return
        with suppress(OSError, _termios.error):
            if os.tcgetpgrp(self._descriptor) != os.getpgrp():
                return
            before = _termios.tcgetattr(self._descriptor)
            silent = [*before]
            silent[_LOCAL_MODES] = before[_LOCAL_MODES] & ~_termios.ECHO
            _termios.tcsetattr(self._descriptor, _termios.TCSANOW, silent)
            self._before = before

    def restore(self) -> None:
        """Show keys again, if they were shown before."""
        before, self._before = self._before, None
        if before is not None and self._descriptor is not None:
            with suppress(OSError, _termios.error):  # the terminal is gone
                _termios.tcsetattr(self._descriptor, _termios.TCSANOW, before)


# The statement runs in the main thread, since Python handles Ctrl-C there, so another thread draws. It writes to stderr: a
# result that is redirected stays clean. `stop` joins the thread before a row is written, so that the two never mix.


class Spinner:
    """A line that a thread draws between `start` and `stop`; both may be called repeatedly.

    Args:
        environment: its stderr gets the line, if that is a terminal.
        cancellation: tells whether Ctrl-C was pressed.
        width: the terminal's columns; None: unknown.
        plain: write one line that stays, without animation.
    """

    def __init__(
        self, environment: Environment, cancellation: Cancellation, width: int | None = None, *, plain: bool = False
    ) -> None:
        self._stream = environment.stderr
        self._monotonic = environment.monotonic
        self._cancellation = cancellation
        self._echo = _Echo(environment)
        # Room for a `^C` of a terminal that goes on showing keys: at the last column that would wrap.
        self._most_cells = (width or DEFAULT_WIDTH) - 3
        self._plain = plain
        self._enabled = is_terminal(environment.stderr)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = _State()
        self._rows_done = ""
        self._begun = 0.0

    def start(self) -> None:
        """Start the clock and show the line after a short delay."""
        self._state = _State()
        self._rows_done = ""
        self._begun = self._monotonic()
        self.resume()

    def resume(self) -> None:
        """Show the line again after `stop` made room for a row or a question; the clock goes on."""
        if self._enabled and self._thread is None:
            self._echo.turn_off()
            self._stopped = threading.Event()
            self._thread = threading.Thread(target=self._draw, args=(self._stopped,), name="spinner", daemon=True)
            self._thread.start()

    def set_activity(self, activity: str) -> None:
        """Show a new activity; the count of answers starts again with it."""
        # A new object, for the drawing thread must not see the new activity with the old count.
        self._state = _State(activity)

    def set_progress(self, done: int, total: int) -> None:
        """Show how many of the requests have been answered."""
        self._state.answered = done, total

    def set_rows_done(self, done: int, total: int, word: str) -> None:
        """Show how many rows of a change are done; the requests that follow keep that count."""
        self._rows_done = f"{done} of {total} {word}"

    def stop(self) -> None:
        """Remove the line."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopped.set()
            thread.join()
            self._echo.restore()

    def _draw(self, stopped: threading.Event) -> None:
        wait = _DELAY
        drawn = 0
        while not stopped.wait(wait):
            wait = _FRAME_SECONDS
            if self._plain:
                self._write(f"{truncate(self._format_line(), self._most_cells)}\n")
                return
            frame = _FRAMES[drawn % len(_FRAMES)]
            self._write(f"\r{truncate(f'{frame} {self._format_line()}', self._most_cells)}\x1b[K")
            drawn += 1
        if drawn:
            self._write("\r\x1b[K")

    def _format_line(self) -> str:
        """Return the line with the most important part first, since a narrow terminal cuts its end."""
        state = self._state
        parts = list(filter(None, (self._rows_done, state.activity)))
        if state.answered:
            parts.append(f"{state.answered[0]} of {state.answered[1]} answered")
        if not self._plain:
            parts.append(f"{self._monotonic() - self._begun:.1f}s")
        if self._cancellation.presses:
            # After Ctrl-C only a create is waited for: its answer holds the only copy of the new token.
            return " · ".join(("waiting at most 10 s for the answer", "Ctrl-C again gives up", *parts))
        return " · ".join((*parts, "Ctrl-C cancels"))

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone; the statement must not fail because of that
            self._stopped.set()
