"""Give errors that SQLite finds their place in the statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tokensh.errors import EvaluationError, IntegrityError, ProgrammingError, QueryRefused
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
    except (IntegrityError, ProgrammingError) as error:
        defining = nodes.CreateTable | nodes.CreateIndex | nodes.Drop
        if error.span is not None or not isinstance(statement, nodes.Insert | nodes.Update | nodes.Delete | defining):
            raise
        target = statement.path if isinstance(statement, defining) else statement.target
        raise error.with_context(span=nodes.path_span(target)) from error.__cause__


def locate_row_errors(rows: Iterator[Row], statement: nodes.Statement) -> Iterator[Row]:
    """Yield rows, and give an error of SQLite the span of what it is about."""
    with locating_errors(statement):
        yield from rows
