"""A line on the terminal while a statement runs: how long, and how many workspaces have answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TextIO

_FIRST = 0.3
"""s: what is faster than this is not worth a line."""
_NEXT = 0.1
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Spinner:
    """Drawn by a thread of its own between `start` and `stop`; both may be called again."""

    def __init__(self, stream: TextIO, monotonic: Callable[[], float]) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._answered: tuple[int, int] | None = None

    def start(self) -> None:
        """Begin to count."""
        self._answered = None
        self._stopped.clear()
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._thread.start()

    def progress(self, done: int, total: int) -> None:
        """So many of so many workspaces have answered."""
        self._answered = done, total

    def stop(self) -> None:
        """Take the line away."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopped.set()
            thread.join()

    def _draw(self) -> None:
        begun = self._monotonic()
        wait = _FIRST
        drawn = 0
        while not self._stopped.wait(wait):
            wait = _NEXT
            seconds = self._monotonic() - begun
            many = f" · {self._answered[0]} of {self._answered[1]} workspaces" if self._answered else ""
            self._write(f"\r{_FRAMES[drawn % len(_FRAMES)]} {seconds:.1f}s{many} · Ctrl-C cancels\x1b[K")
            drawn += 1
        if drawn:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stopped.set()
