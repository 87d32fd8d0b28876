"""Refuse aggregates and window functions where they have no meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tokensh.errors import ProgrammingError, Span, UnknownName
from tokensh.functions import find_function
from tokensh.plan.bound import BoundColumn, BoundReference, BoundSelect, references
from tokensh.plan.values import literal_value
from tokensh.sql import nodes
from tokensh.sql.visit import walk
from tokensh.text import nearest_word

_IN_A_QUERY = "SELECT ... FROM (SELECT ...) AS t makes a query of the result"


def check_select(
    select: BoundSelect, node: nodes.Select, columns: Sequence[BoundColumn], order: Iterable[nodes.OrderItem]
) -> None:
    """Raise ProgrammingError for aggregates and window functions where they have no meaning, and for HAVING without groups.

    `columns` are those of the select list before they are renamed.
    """
    uses = _AggregateUses(select, [item for item in node.items if isinstance(item, nodes.Item)])
    uses.refuse_in("WHERE", select.where)
    uses.refuse_in("ON", tuple(join.on for join in select.source.joins))
    uses.refuse_in("GROUP BY", select.group)
    uses.refuse_windows_in("HAVING", select.having)
    uses.refuse_nested((select.items, select.having, select.order))
    for expr in select.group:
        number = literal_value(expr)
        if isinstance(number, int) and 0 < number <= len(columns) and uses.is_made_by(columns[number - 1]):
            raise ProgrammingError(f"column {number} is an aggregate, which GROUP BY cannot use", span=expr.span)
    has_groups = bool(select.group) or uses.has_aggregates
    if node.having is not None and not has_groups:
        raise ProgrammingError(
            "HAVING needs GROUP BY or an aggregate", span=node.having.span, hint="WHERE chooses rows"
        )
    _check_windows(node, order)


class _AggregateUses:
    """The aggregates and window functions of one SELECT."""

    def __init__(self, select: BoundSelect, items: Sequence[nodes.Item]) -> None:
        self._scope = select.scope
        by_name = list(zip(items, select.items, strict=True))
        self._aliases = {
            (item.alias.text if item.alias else item.text).lower(): call
            for item, expr in by_name
            if (call := next(own_calls(self._scope, expr), None)) is not None
        }
        parts = (select.items, select.having, select.order)
        self.has_aggregates = any(call.over is None for call in own_calls(self._scope, parts))

    def is_made_by(self, column: BoundColumn) -> bool:
        """Return whether a column of the select list is one of the aggregates or window functions."""
        return not column.relations and column.name.lower() in self._aliases

    def refuse_in(self, clause: str, tree: object) -> None:
        """Raise ProgrammingError for an aggregate or window function, or the name of one, in a clause."""
        call = next(own_calls(self._scope, tree), None)
        if call is not None:
            raise self._error(call, clause, call.span)
        for node in walk(tree) if self._aliases else ():
            if isinstance(node, BoundReference) and not node.column.relations and node.scope == self._scope:
                named = self._aliases.get(node.column.name.lower())
                if named is not None:
                    raise self._error(named, clause, node.span)

    def refuse_windows_in(self, clause: str, tree: object) -> None:
        """Raise ProgrammingError for a window function in a clause."""
        for call in own_calls(self._scope, tree):
            if call.over is not None:
                raise self._error(call, clause, call.span)

    def refuse_nested(self, tree: object) -> None:
        """Raise ProgrammingError for an aggregate inside of an aggregate."""
        for call in own_calls(self._scope, tree):
            inner = next(own_calls(self._scope, (call.arguments, call.filter)), None)
            if inner is not None and (call.over is None or inner.over is not None):
                outer_name, name = call.name[-1].text.lower(), inner.name[-1].text.lower()
                raise ProgrammingError(f"{name}() inside of {outer_name}()", span=inner.span, hint=_IN_A_QUERY)

    @staticmethod
    def _error(call: nodes.Call, clause: str, span: Span) -> ProgrammingError:
        name = call.name[-1].text.lower()
        if call.over is not None:
            return ProgrammingError(f"{clause} cannot use the window function {name}()", span=span, hint=_IN_A_QUERY)
        hint = (
            "HAVING chooses groups; (SELECT max(x) FROM t) is the value of a query"
            if clause == "WHERE"
            else _IN_A_QUERY
        )
        return ProgrammingError(f"{clause} cannot use the aggregate {name}()", span=span, hint=hint)


def own_calls(scope: int, tree: object) -> Iterator[nodes.Call]:
    """Yield the calls that make one value of many rows of the SELECT with that scope, or have OVER."""
    for node in walk(tree):
        if isinstance(node, nodes.Call) and (node.over is not None or is_aggregate(node)):
            inside = list(references(node.arguments))
            # An aggregate of columns around a subquery belongs to the query around it.
            if not inside or any(reference.scope == scope for reference in inside):
                yield node


def is_aggregate(call: nodes.Call) -> bool:
    """Return whether a call aggregates rows."""
    function = find_function(call.name[-1].text)
    return function is not None and function.is_aggregate(len(call.arguments) or int(call.star))


def _check_windows(node: nodes.Select, order: Iterable[nodes.OrderItem]) -> None:
    names = {name.text.lower() for name, _ in node.windows}
    calls = [
        call for call in walk((node.items, tuple(order))) if isinstance(call, nodes.Call) and call.over is not None
    ]
    used = [
        (call.over if isinstance(call.over, nodes.Name) else call.over.base, call.span) for call in calls if call.over
    ]
    for name, span in used:
        if name is not None and name.text.lower() not in names:
            raise UnknownName(
                "window",
                name.text,
                near=nearest_word(name.text, names),
                span=span,
                hint=None if names else "WINDOW w AS (...) defines one",
            )
