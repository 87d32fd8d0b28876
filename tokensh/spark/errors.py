"""Errors for Spark, which shows nothing but the text of an exception that leaves a data source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tokensh.errors import (
    DataError,
    Error,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    SeveralErrors,
)
from tokensh.redact import Redactor
from tokensh.render.errors import Source, format_error


@contextmanager
def convert_errors(text: str | None = None, clean: Callable[[str], str] | None = None) -> Iterator[None]:
    """Raise an error again with its hint and its place in its message.

    Args:
        text: the statement, if the error may be about a place in it.
        clean: removes secrets from a text; by default those that a fresh Redactor recognises by their shape.
    """
    try:
        yield
    except Error as error:
        if isinstance(error, SeveralErrors):
            error = error.with_context(
                hint="option errors = 'rows' gives the rows of the others, and a row for each of these"
            )
        lines = format_error(error, Source("", text) if text else None, redact=clean or Redactor().clean)
        # Spark puts the name of the class in front, so that `error: ` would be said twice.
        lines[0] = lines[0].removeprefix("error: ")
        raise _simple_class(error)("\n".join(lines)) from None


def _simple_class(error: Error) -> type[Error]:
    """Return the most specific class that takes a message alone."""
    simple = (NotSupportedError, ProgrammingError, DataError, InterfaceError)
    return next((kind for kind in simple if isinstance(error, kind)), OperationalError)
