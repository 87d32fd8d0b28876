"""The columns of a stored query: which of those that it has now are the ones that it had when it was created.

What a query reads can change below it: a table is replaced, a provider's document gains a field, and `*` means more columns than
before. A view keeps the columns that it was created with, and finds them by their names.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokensh._dataclasses import replace
from tokensh.errors import ProgrammingError, Span
from tokensh.plan.objects import StoredTable, View
from tokensh.rows import make_names_unique
from tokensh.sql import nodes


def name_items(query: nodes.Query) -> nodes.Query:
    """Return a query whose computed columns have aliases: their names must not depend on how the text is printed."""
    return replace(query, body=_name_items(query.body))


def _name_items(body: nodes.Body) -> nodes.Body:
    match body:
        case nodes.Select():
            return replace(body, items=tuple(map(_name_item, body.items)))
        case nodes.Compound():
            return replace(body, first=_name_items(body.first))
        case nodes.Query():
            return name_items(body)
        case _:
            return body


def _name_item(item: nodes.Item | nodes.Star) -> nodes.Item | nodes.Star:
    if isinstance(item, nodes.Star) or item.alias is not None or isinstance(item.expr, nodes.ColumnRef):
        return item
    return replace(item, alias=nodes.Name(item.text)) if item.text else item


def match_columns(stored: View | StoredTable, names: Sequence[str], span: Span) -> list[int]:
    """Return the positions of an object's columns among those that its query has now.

    Raises ProgrammingError if a column is missing.
    """
    positions = {name.lower(): position for position, name in enumerate(make_names_unique(names))}
    # An older version noted no names of the query's own.
    wanted = stored.sources or stored.column_names
    missing = next((name for name in wanted if name.lower() not in positions), None)
    if missing is None:
        return [positions[name.lower()] for name in wanted]
    if not stored.sources and len(names) == len(wanted):
        return list(range(len(names)))
    raise ProgrammingError(
        f"{stored.name} no longer fits what it reads, which has no column {missing!r} any more",
        span=span,
        hint=f"CREATE OR REPLACE {stored.kind} {stored.name} AS ... takes the columns that are there now",
    )
