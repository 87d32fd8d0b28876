"""An error as Spark tells it: of an exception that leaves us, nothing but the text is ever seen."""

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
    """Raise an error again with all that is to be told in its text: that is all that Spark shows. `text`: the statement."""
    try:
        yield
    except Error as error:
        if isinstance(error, SeveralErrors):
            error = error.with_context(
                hint="option errors = 'rows' gives the rows of the others, and a row for each of these"
            )
        lines = format_error(error, Source("", text) if text else None, redact=clean or Redactor().clean)
        lines[0] = lines[0].removeprefix("error: ")
        raise _class(error)("\n".join(lines)) from None


def _class(error: Error) -> type[Error]:
    """The nearest class that takes a message alone."""
    plain = (NotSupportedError, ProgrammingError, DataError, InterfaceError)
    return next((kind for kind in plain if isinstance(error, kind)), OperationalError)
