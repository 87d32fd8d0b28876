"""Find the call in a statement that SQLite refused: SQLite gives the name of the function and no position."""

from __future__ import annotations

from collections.abc import Iterator

from tokensh.errors import Span
from tokensh.sql import nodes
from tokensh.sql.visit import walk


def find_misuse(statement: nodes.Statement, function: str, *, aggregate: bool) -> Span | None:
    """Return the span of the first call of a function, or None if no call is found.

    With `aggregate`, a call in WHERE, ON or GROUP BY comes first: an aggregate is legal in the other places.
    """
    # The message "misuse of aggregate" names a function that other clauses of the same statement may use rightly.
    wrong = [*_clauses_without_aggregates(statement)] if aggregate else []
    spans = (_find_call(node, function) for node in (*wrong, statement))
    return next((span for span in spans if span is not None), None)


def _find_call(tree: object, function: str) -> Span | None:
    calls = (node for node in walk(tree, deep=True) if isinstance(node, nodes.Call))
    return next((call.span for call in calls if call.name[-1].text.lower() == function.lower()), None)


def _clauses_without_aggregates(statement: nodes.Statement) -> Iterator[object]:
    for node in walk(statement, deep=True):
        match node:
            case nodes.Select():
                yield from (node.where, node.group)
            case nodes.Join():
                yield node.on
            case nodes.Update() | nodes.Delete():
                yield node.where
            case _:
                pass
