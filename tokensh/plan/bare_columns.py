"""Refuse columns that have several values for a row of a result: SQLite would answer with the value of any row.

They are those outside of the keys of GROUP BY and of aggregates, and in the ORDER BY of a SELECT DISTINCT those that it does not show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokensh._dataclasses import dataclass
from tokensh.errors import ProgrammingError, Span
from tokensh.plan.aggregate_checks import own_calls
from tokensh.plan.bound import BoundColumn, BoundQuery, BoundReference, BoundSelect
from tokensh.plan.resolve import sql_of
from tokensh.plan.select_list import is_ordinal
from tokensh.plan.values import literal_value
from tokensh.sql import nodes
from tokensh.sql.nodes import path_text
from tokensh.sql.visit import child_fields


def refuse_bare_columns(select: BoundSelect, node: nodes.Select, columns: Sequence[BoundColumn]) -> None:
    """Refuse columns that have several values for a row of the result. Raises ProgrammingError.

    `columns` are those of the select list before they are renamed.
    """
    parts = (select.items, select.having, select.windows, select.order, select.qualify)
    calls = {sql_of(call): call for call in own_calls(select.scope, parts) if call.over is None}
    if (select.group or calls) and not _chooses_row(tuple(calls.values())):
        values = _RowValues(select, _constants(select.where) | {_key_sql(key, columns) for key in select.group})
        place = values.find_in_star(node, columns) or next(values.find_bare(parts), None)
        if place is not None:
            raise _bare_column_error(place, None if select.group else next(iter(calls.values())))
    if node.distinct and select.order:
        values = _RowValues(select, _constants(select.where) | {column.sql for column in columns}, has_groups=False)
        place = next(values.find_bare(select.order), None)
        if place is not None:
            raise ProgrammingError(
                f"{place[0]} may have several values in a row of SELECT DISTINCT, which does not show it",
                span=place[1],
                hint="add it to the select list, or write GROUP BY and ORDER BY min(...)",
            )


def _chooses_row(calls: tuple[nodes.Call, ...]) -> bool:
    """Return whether the other columns are those of the row with a minimum or maximum.

    So SQLite defines it for a single min() or max() (https://sqlite.org/lang_select.html#bareagg).
    """
    return len(calls) == 1 and _function(calls[0]) in ("min", "max") and calls[0].filter is None


def _bare_column_error(place: tuple[str, Span], aggregate: nodes.Call | None) -> ProgrammingError:
    name, span = place
    if aggregate is None:
        message = f"{name} may have several values in a group, and GROUP BY does not name it"
        hint = "add it to GROUP BY, or choose a value: min(x), max(x) or any_value(x)"
        if name.endswith("*"):
            hint = "write what GROUP BY names, and min(x), max(x) or any_value(x) of the others"
    else:
        message = f"{name} has a value in each row, and {_function(aggregate)}() makes one row of all"
        hint = "GROUP BY makes a row for each value; min(x), max(x) or any_value(x) chooses one"
    return ProgrammingError(message, span=span, hint=hint)


@dataclass(frozen=True, slots=True)
class _RowValues:
    """What has one value for each row of a SELECT's result: the expressions with the texts of `single`, and aggregates."""

    select: BoundSelect
    single: frozenset[str] | set[str]
    has_groups: bool = True

    def find_in_star(self, node: nodes.Select, columns: Sequence[BoundColumn]) -> tuple[str, Span] | None:
        """Return the first `*` that brings other columns, and its place."""
        stars = [item for item in node.items if isinstance(item, nodes.Star)]
        others = (column for column in columns if self._is_own(column) and column.sql not in self.single)
        shown = next(others, None) if stars else None
        if shown is None:
            return None
        star = next((star for star in stars if not star.path), stars[0])
        return (f"{path_text(star.path)}.*" if star.path else "*"), star.span

    def find_bare(self, tree: object) -> Iterator[tuple[str, Span]]:
        """Yield the names and places of columns that have several values."""
        match tree:
            case tuple():
                for item in tree:
                    yield from self.find_bare(item)
            case BoundQuery():
                for reference in tree.outer_references:
                    yield from self.find_bare(reference)
            case BoundReference():
                is_own = tree.scope == self.select.scope and self._is_own(tree.column)
                if is_own and tree.column.sql not in self.single:
                    yield tree.column.name, tree.span
            case nodes.Call() if any(call is tree for call in own_calls(self.select.scope, tree)) and tree.over is None:
                if not self.has_groups and sql_of(tree) not in self.single:
                    yield f"{_function(tree)}()", tree.span
            case _:
                names = child_fields(type(tree))
                if names and not self._is_single(tree):
                    for name in names:
                        yield from self.find_bare(getattr(tree, name))

    def _is_own(self, column: BoundColumn) -> bool:
        """Return whether a column is one of the SELECT's tables: other names are checked where they are defined."""
        return not self.select.source.ids.isdisjoint(column.relations)

    def _is_single(self, node: object) -> bool:
        return isinstance(node, _EXPRESSIONS) and sql_of(node) in self.single


_EXPRESSIONS = (
    nodes.Unary,
    nodes.Binary,
    nodes.Chain,
    nodes.Logical,
    nodes.Between,
    nodes.InList,
    nodes.InQuery,
    nodes.Match,
    nodes.Is,
    nodes.Exists,
    nodes.Subquery,
    nodes.Case,
    nodes.Cast,
    nodes.Collate,
    nodes.Call,
)


def _key_sql(key: nodes.Expr, columns: Sequence[BoundColumn]) -> str:
    """Return the text of what GROUP BY groups by: of a number or name of the select list, its expression's."""
    number = literal_value(key)
    if is_ordinal(key) and isinstance(number, int):
        return columns[number - 1].sql if 0 < number <= len(columns) else ""
    return key.column.sql if isinstance(key, BoundReference) else sql_of(key)


def _constants(where: nodes.Expr | None) -> set[str]:
    """Return the texts of the columns for which WHERE gives the value."""
    match where:
        case nodes.Logical(operator="AND"):
            return set().union(*map(_constants, where.operands))
        case nodes.Binary("=", BoundReference() as reference, value) | nodes.Binary(
            "=", value, BoundReference() as reference
        ):
            pass
        case nodes.Is(BoundReference() as reference, value, negated=False, distinct=False):
            pass
        case nodes.InList(BoundReference() as reference, (value,), negated=False):
            pass
        case _:
            return set()
    return (
        {reference.column.sql}
        if isinstance(value, nodes.Literal | nodes.Unary) and literal_value(value) is not None
        else set()
    )


def _function(call: nodes.Call) -> str:
    return call.name[-1].text.lower()
