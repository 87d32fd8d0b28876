"""Where a run writes: its results to a sink, everything else to a reporter, which also keeps the exit status."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from tokensh._dataclasses import dataclass
from tokensh.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNKNOWN_OUTCOME,
    Error,
    OutputClosed,
)
from tokensh.render.errors import Source, format_error
from tokensh.render.options import Options
from tokensh.text import make_inert

_PROGRESS_DELAY = 0.3
"""Seconds before the progress line appears; faster statements need none."""


class Reporter:
    """Writes errors, warnings and notes to a stream, and keeps the exit status.

    Args:
        stream: standard error.
        redact: removes secrets from a text.
        monotonic: the clock of the progress line, in seconds; None: no progress line.
    """

    def __init__(
        self, stream: TextIO, redact: Callable[[str], str], monotonic: Callable[[], float] | None = None
    ) -> None:
        self.status = EXIT_OK
        # Whether results are not all there. A failure that the run tolerates, or rows that a check finds, set the status alone.
        self.has_errors = False
        self._stream = stream
        self._redact = redact
        self._monotonic = monotonic
        self._started = 0.0
        self._progress_is_drawn = False

    def progress(self, done: int, total: int, what: str = "workspaces") -> None:
        """Draw how many workspaces have answered, or rows are done, on a line of the terminal that disappears with the last."""
        if self._monotonic is None:
            return
        if done == 0:
            self._started = self._monotonic()
        elif done == total:
            self._erase_progress()
        elif self._monotonic() - self._started >= _PROGRESS_DELAY:
            self._write_raw(f"\r{done} of {total} {what}\x1b[K")
            self._progress_is_drawn = True

    def _erase_progress(self) -> None:
        if self._progress_is_drawn:
            self._write_raw("\r\x1b[K")
            self._progress_is_drawn = False

    def error(self, error: Error, source: Source | None = None) -> None:
        """Report an error; a closed output pipe changes the exit status only, as with other commands before `| head`."""
        self._raise_status(error.exit_status)
        self.has_errors = True
        if not isinstance(error, OutputClosed):
            self.write("\n".join(format_error(error, source, redact=self._redact)))

    def warning(self, error: Error) -> None:
        """Report a failure that --partial tolerates; it still sets the exit status."""
        self._raise_status(EXIT_FAILED)
        first, *more = format_error(error, redact=self._redact)
        self.write("\n".join((first.replace("error:", "warning:", 1), *more)))

    def fail(self) -> None:
        """Set the exit status of a failure that was reported as a result."""
        self._raise_status(EXIT_FAILED)

    def note(self, text: str) -> None:
        """Write a line that is not an error; a text that begins with `warning: ` keeps that word."""
        self.write(text if text.startswith("warning: ") else f"note: {text}")

    def note_warning(self, text: str) -> None:
        """Write a line as `note` does, but only if it is a warning."""
        if text.startswith("warning: "):
            self.note(text)

    def write(self, text: str) -> None:
        """Write lines, ignoring a closed stream."""
        self._erase_progress()
        self._write_raw(make_inert(self._redact(text)) + "\n")

    def _write_raw(self, text: str) -> None:
        # With standard error closed nothing can be reported, this failure included; the exit status remains.
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError, AttributeError):
            pass

    def _raise_status(self, status: int) -> None:
        """Keep the most severe exit status: unknown outcome > interrupted > first failure."""
        # A token may be left behind: a program that reads only the status must learn that before anything else. Of the other failures
        # the first is the cause, later ones often follow from it.
        ranks = (EXIT_UNKNOWN_OUTCOME, EXIT_INTERRUPTED)
        if self.status == EXIT_OK or (
            status in ranks and (self.status not in ranks or ranks.index(status) < ranks.index(self.status))
        ):
            self.status = status


@dataclass(frozen=True, slots=True)
class Sink:
    """A stream for results, and the format they are written in."""

    stream: TextIO | None
    format: str
    options: Options
