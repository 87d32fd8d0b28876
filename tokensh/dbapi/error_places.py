"""Give errors that SQLite finds their place in the statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tokensh.errors import EvaluationError, IntegrityError, NotSupportedError, ProgrammingError, QueryRefused, Span
from tokensh.rows import Row
from tokensh.sql import nodes


@contextmanager
def locating_errors(statement: nodes.Statement) -> Iterator[None]:
    """Give an error of SQLite the span of what it is about."""
    try:
        yield
    except (QueryRefused, EvaluationError) as error:
        from tokensh.engine.sqlite_errors import find_culprit  # noqa: PLC0415 (needed only after a mistake)

        arguments = error.arguments if isinstance(error, EvaluationError) else ()
        raise error.with_context(span=find_culprit(statement, error.culprit, arguments)) from error.__cause__
    except (IntegrityError, ProgrammingError, NotSupportedError) as error:
        place = _find_target(statement)
        is_about_another = isinstance(error, NotSupportedError) and not isinstance(statement, nodes.Registry)
        if error.span is not None or place is None or is_about_another:
            raise
        raise error.with_context(span=place) from error.__cause__


def _find_target(statement: nodes.Statement) -> Span | None:
    """Return where a statement names what it changes; None if it only reads."""
    match statement:
        case nodes.Insert() | nodes.Update() | nodes.Delete():
            return nodes.path_span(statement.target)
        case nodes.CreateTable() | nodes.CreateIndex() | nodes.Drop():
            return nodes.path_span(statement.path)
        case nodes.Registry():
            return statement.span
        case _:
            return None


def locate_row_errors(rows: Iterator[Row], statement: nodes.Statement) -> Iterator[Row]:
    """Yield rows, and give an error of SQLite the span of what it is about."""
    with locating_errors(statement):
        yield from rows
