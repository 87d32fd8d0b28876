"""A result written out in full, or whoever makes its rows told that it was not: a secret must not vanish between the two."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Generator
from typing import NoReturn, TextIO, cast

from tokensh.errors import Error, InternalError, Interrupted, OutputClosed, OutputError
from tokensh.render.formats import render
from tokensh.render.options import Options
from tokensh.rows import RowSet

__all__ = ["deliver"]

_READER_GRACE = 50
"""ms that a reader is given to leave after the first line."""


def deliver(name: str, result: RowSet, stream: TextIO | None, options: Options) -> int:
    """Write a result in the named format and return the number of rows.

    A write's rows are asked for only if the stream can take them, and a row that could not be written is thrown back at
    what made it, which then reports what nobody holds.

    Raises:
        OutputError: the stream could not be written to (OutputClosed: nobody reads it any more).
        Error: what reading the rows raised.
    """
    if stream is None or stream.closed:
        raise _closed_error()
    careful = stream
    if result.incremental:
        _check_reader(stream)
        if _is_pipe(stream) and any(column.secret for column in result.columns):
            careful = cast("TextIO", _PipeGuard(stream))
    try:
        return render(name, result, careful, options)
    except OSError as failure:
        _report_undelivered(result, _output_error(failure))
    except KeyboardInterrupt:
        _report_undelivered(result, Interrupted("interrupted while the result was written", reason="unwritten"))
    except Error:
        raise
    except Exception as failure:
        if stream.closed:
            _report_undelivered(result, _closed_error())
        if not result.incremental:
            raise
        _report_undelivered(result, InternalError(f"tokensh made a mistake: {type(failure).__name__} in {name}"))


def _check_reader(stream: TextIO) -> None:
    """Raises OutputError if it is known before a write is sent that its rows cannot be written."""
    if _is_reader_gone(stream, 0):
        raise OutputClosed("nobody reads the output any more", hint="nothing was sent")


def _is_reader_gone(stream: TextIO, milliseconds: int) -> bool:
    """Whether nobody reads a stream any more, or stops to within a time."""
    descriptor = _file_descriptor(stream)
    if descriptor is None:
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & (select.POLLERR | select.POLLNVAL) for _, events in poll.poll(milliseconds))


def _file_descriptor(stream: TextIO) -> int | None:
    """None: no file but a buffer of a program that uses the library."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _is_pipe(stream: TextIO) -> bool:
    descriptor = _file_descriptor(stream)
    return descriptor is not None and stat.S_ISFIFO(os.fstat(descriptor).st_mode)


class _PipeGuard:
    """A pipe that a secret goes into: what stands before the first row is written alone, since a reader may leave with it.

    `| head -1` would else take the secret along with the names of the columns, and show only those.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = False

    def write(self, text: str) -> int:
        """Raises OSError."""
        written = self._stream.write(text)
        if text and not self._begun:
            self._begun = True
            self._stream.flush()
            if _is_reader_gone(self._stream, _READER_GRACE):
                raise BrokenPipeError
        return written

    def flush(self) -> None:
        """Raises OSError."""
        self._stream.flush()


def _output_error(failure: OSError) -> OutputError:
    if isinstance(failure, BrokenPipeError):
        return OutputClosed("nobody reads the output any more")
    return OutputError(f"the output could not be written: {failure.strerror or failure}")


def _closed_error() -> OutputError:
    return OutputError("standard output is closed", hint="redirect it to /dev/null if no output is wanted")


def _report_undelivered(result: RowSet, error: Error) -> NoReturn:
    if result.incremental and isinstance(result.rows, Generator):
        result.rows.throw(error)
    raise error
