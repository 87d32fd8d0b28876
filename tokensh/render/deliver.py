"""A result written out in full, or whoever makes its rows told that it was not: a secret must not vanish between the two."""

from __future__ import annotations

import select
from collections.abc import Generator
from typing import NoReturn, TextIO

from tokensh.errors import Error, InternalError, Interrupted, OutputError, ReaderGone
from tokensh.render import render
from tokensh.render.options import Options
from tokensh.rows import RowSet

__all__ = ["deliver"]


def deliver(name: str, result: RowSet, stream: TextIO | None, options: Options) -> int:
    """Write a result in the named format and return the number of rows.

    A write's rows are asked for only if the stream can take them, and a row that could not be written is thrown back at
    what made it, which then reports what nobody holds.

    Raises:
        OutputError: the stream could not be written to (ReaderGone: nobody reads it any more).
        Error: what reading the rows raised.
    """
    if stream is None or stream.closed:
        raise _closed()
    if result.incremental:
        _probe(stream)
    try:
        return render(name, result, stream, options)
    except OSError as failure:
        _undelivered(result, _failed(failure))
    except KeyboardInterrupt:
        _undelivered(result, Interrupted("interrupted while the result was written"))
    except Error:
        raise
    except Exception as failure:
        if stream.closed:
            _undelivered(result, _closed())
        if not result.incremental:
            raise
        _undelivered(result, InternalError(f"tokensh made a mistake: {type(failure).__name__} in {name}"))


def _probe(stream: TextIO) -> None:
    """Raises OutputError if it is known before a write is sent that its rows cannot be written."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return  # no file: a buffer of a program that uses the library
    poll = select.poll()
    poll.register(descriptor, 0)
    for _, events in poll.poll(0):
        if events & (select.POLLERR | select.POLLNVAL):
            raise ReaderGone("nobody reads the output any more", hint="nothing was sent")


def _failed(failure: OSError) -> OutputError:
    if isinstance(failure, BrokenPipeError):
        return ReaderGone("nobody reads the output any more")
    return OutputError(f"the output could not be written: {failure.strerror or failure}")


def _closed() -> OutputError:
    return OutputError("standard output is closed", hint="redirect it to /dev/null if no output is wanted")


def _undelivered(result: RowSet, error: Error) -> NoReturn:
    if result.incremental and isinstance(result.rows, Generator):
        result.rows.throw(error)
    raise error
