"""Find the call in a statement that SQLite refused: SQLite gives the name of the function and no position."""

from __future__ import annotations

from collections.abc import Iterator

from tokensh.errors import Span
from tokensh.sql import nodes as n
from tokensh.sql.visit import walk


def find_misuse(statement: n.Statement, function: str, *, aggregate: bool) -> Span | None:
    """Return the span of the first call of a function, or None if no call is found.

    With `aggregate`, a call in WHERE, ON or GROUP BY comes first: an aggregate is legal in the other places.
    """
    wrong = [*_without_aggregates(statement)] if aggregate else []
    return next((span for span in (_call(node, function) for node in (*wrong, statement)) if span is not None), None)


def _call(node: object, name: str) -> Span | None:
    calls = (one for one in walk(node, deep=True) if isinstance(one, n.Call))
    return next((one.span for one in calls if one.name[-1].text.lower() == name.lower()), None)


def _without_aggregates(statement: n.Statement) -> Iterator[object]:
    for one in walk(statement, deep=True):
        match one:
            case n.Select():
                yield from (one.where, one.group)
            case n.Join():
                yield one.on
            case n.Update() | n.Delete():
                yield one.where
            case _:
                pass
