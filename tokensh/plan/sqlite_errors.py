"""Where in a statement the function stands that SQLite complains of: it says its name, and no place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokensh.errors import Span
from tokensh.plan.pushdown import walk
from tokensh.sql import nodes as n

_NAMED = re.compile(r"\b(\w+)\(\)")


def place(statement: n.Statement, message: str) -> Span | None:
    """The span of the first call of the function that a message of SQLite names as `name()`; None where there is none.

    An aggregate that is misused stands where none may be: in WHERE, ON or GROUP BY, if one does.
    """
    found = _NAMED.search(message)
    if found is None:
        return None
    wrong = [*_without_aggregates(statement)] if "misuse" in message else []
    return next((span for span in (_call(one, found[1]) for one in (*wrong, statement)) if span is not None), None)


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
