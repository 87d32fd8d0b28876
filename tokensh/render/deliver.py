"""Write a result; if that fails, notify the producer of its rows, so that a new token is not lost.

A token's value exists once: in the reply to its create. If the row that holds it cannot be written, the error is thrown into
the generator that yielded the row, which then names the token and the statement that revokes it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from typing import NoReturn, TextIO, cast

from tokensh.errors import Error, InternalError, Interrupted, OutputClosed, OutputError
from tokensh.render.formats import render
from tokensh.render.options import Options
from tokensh.rows import RowSet

__all__ = ["deliver"]

_CLOSED_BY_READER = "the reader of the output has closed it"

_READER_GRACE = 50
"""The time in ms in which a reader may close the pipe after the first line."""


def deliver(name: str, result: RowSet, stream: TextIO | None, options: Options) -> int:
    """Write a result in the named format and return the number of rows.

    The rows of a write are requested only if the stream can take them. If a row cannot be written, the error is thrown into
    the generator of the rows, which then reports the lost token.

    Raises:
        OutputError: The stream could not be written to (OutputClosed: its reader has closed it).
        Error: Reading the rows failed.
    """
    if stream is None or stream.closed:
        raise _stream_closed_error()
    output = stream
    if result.incremental:
        _check_reader(stream)
        if any(column.secret for column in result.columns):
            output = _guard_secrets(stream)
    try:
        # A read is sent before anything is written, and never from inside a renderer.
        return render(name, result.start(), output, options)
    except OSError as failure:
        _report_undelivered(result, _output_error(failure))
    except KeyboardInterrupt:
        _report_undelivered(result, Interrupted("interrupted while the result was written", reason="unwritten"))
    except Error:
        raise
    except Exception as failure:
        # A closed stream raises ValueError, as many mistakes do: only the stream itself can tell.
        if stream.closed:
            _report_undelivered(result, _stream_closed_error())
        if not result.incremental:
            raise
        _report_undelivered(result, InternalError(f"tokensh made a mistake: {type(failure).__name__} in {name}"))


def _check_reader(stream: TextIO) -> None:
    """Raise OutputClosed before a write is sent if its rows could not be written."""
    if _is_reader_gone(stream, 0):
        raise OutputClosed(_CLOSED_BY_READER, hint="nothing was sent")


def _is_reader_gone(stream: TextIO, milliseconds: int) -> bool:
    """Return True if the stream's reader has closed it, or closes it within the time."""
    import select  # noqa: PLC0415 (only changes ask)

    # A pipe without a reader reports POLLERR at once; writing to it to find out would lose what is written.
    descriptor = _file_descriptor(stream)
    if descriptor is None or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & (select.POLLERR | select.POLLNVAL) for _, events in poll.poll(milliseconds))


def _file_descriptor(stream: TextIO) -> int | None:
    """Return the stream's descriptor, or None for a buffer in memory."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _guard_secrets(stream: TextIO) -> TextIO:
    """Return the stream to write secrets to: a pipe may lose its reader, a file its blocks."""
    descriptor = _file_descriptor(stream)
    if descriptor is None:
        return stream
    mode = os.fstat(descriptor).st_mode
    # A terminal takes the whole block, and the secret stays readable there.
    if stat.S_ISFIFO(mode):
        return cast("TextIO", _PipeGuard(stream))
    return cast("TextIO", _SyncedFile(stream, descriptor)) if stat.S_ISREG(mode) else stream


class _SyncedFile:
    """A file for secrets: what is flushed is on the disk, before the journal forgets the token."""

    def __init__(self, stream: TextIO, descriptor: int) -> None:
        self._stream = stream
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        """Write the text. Raises OSError."""
        return self._stream.write(text)

    def flush(self) -> None:
        """Flush the file and wait until it is on the disk. Raises OSError."""
        self._stream.flush()
        os.fsync(self._descriptor)


class _PipeGuard:
    """A pipe for secrets: writes the header alone and waits briefly, because a reader may close the pipe after it.

    `| head -1` would otherwise read the secret along with the names of the columns, and show only the names.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = False

    def write(self, text: str) -> int:
        """Write the text; raises BrokenPipeError if the reader closes the pipe after the first text."""
        count = self._stream.write(text)
        if text and not self._started:
            self._started = True
            self._stream.flush()
            if _is_reader_gone(self._stream, _READER_GRACE):
                raise BrokenPipeError
        return count

    def flush(self) -> None:
        """Flush the pipe."""
        self._stream.flush()


def _output_error(failure: OSError) -> OutputError:
    if isinstance(failure, BrokenPipeError):
        return OutputClosed(_CLOSED_BY_READER)
    return OutputError(f"the output could not be written: {failure.strerror or failure}")


def _stream_closed_error() -> OutputError:
    return OutputError("standard output is closed", hint="redirect it to /dev/null if no output is wanted")


def _report_undelivered(result: RowSet, error: Error) -> NoReturn:
    # The producer may answer with an error of its own that names the token; that one is then raised instead.
    if result.incremental and isinstance(result.rows, Generator):
        result.rows.throw(error)
    raise error
