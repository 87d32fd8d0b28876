"""ROLLUP, CUBE and GROUPING SETS: one SELECT over its rows once for each set of keys.

SQLite has none of them. The rows are joined with a list of the sets, each with a mask of the keys that it leaves out, and
grouped by the set too. So the source is read once, and HAVING, windows and ORDER BY see the groups as those of any SELECT.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TypeGuard, TypeVar

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import NotSupportedError, ProgrammingError, Span
from tokensh.functions import find_function
from tokensh.plan.bound import NO_KEYS, BoundColumn, BoundQuery, BoundReference, From
from tokensh.rows import Column
from tokensh.sql import nodes, unparse
from tokensh.sql.quoting import quote_name
from tokensh.sql.visit import child_fields, walk

T = TypeVar("T")
_MOST_SETS = 4096
GROUPING_FUNCTIONS = frozenset({"grouping", "grouping_id"})
_Set = tuple[nodes.Expr, ...]
# A colon, as in the names of guards: no name of a statement has one.
_MARKS, _MARK = quote_name("tokensh:source"), "is_row"
"""1 in each row of the source, NULL where a set has none."""


def has_sets(node: nodes.Select, order: Sequence[nodes.OrderItem]) -> bool:
    """Return whether GROUP BY has several sets of keys, or something asks for its set. Raises ProgrammingError."""
    for call in walk(node.where):
        if _asks_for_set(call):
            raise ProgrammingError("WHERE cannot use grouping()", span=call.span, hint="HAVING chooses groups")
    if any(isinstance(expr, nodes.GroupingSets) or expr == nodes.RowExpr(()) for expr in node.group):
        return True
    return any(map(_asks_for_set, walk((node.items, node.having, node.qualify, node.windows, tuple(order)))))


def _asks_for_set(node: object) -> TypeGuard[nodes.Call]:
    return isinstance(node, nodes.Call) and node.name[-1].text.lower() in GROUPING_FUNCTIONS


def list_sets(group: Sequence[nodes.Expr], span: Span) -> list[_Set]:
    """Return the sets of keys of a GROUP BY: of several items, each set of one with each of the others. Raises NotSupportedError."""
    lists = [_sets_of_item(expr) for expr in group]
    count = 1
    for sets in lists:
        count *= len(sets)
    if count > _MOST_SETS:
        raise NotSupportedError(f"GROUP BY has more than {_MOST_SETS} sets", span=span)
    return [tuple(key for part in parts for key in part) for parts in product(*lists)]


def _sets_of_item(expr: nodes.Expr) -> list[_Set]:
    if not isinstance(expr, nodes.GroupingSets):
        return [_keys(expr)]
    parts = [_keys(item) for item in expr.items if not isinstance(item, nodes.GroupingSets)]
    match expr.kind:
        case "ROLLUP":
            return [_join(parts[:size]) for size in range(len(parts), -1, -1)]
        case "CUBE":
            if len(parts) > _MOST_SETS.bit_length() - 1:
                raise NotSupportedError(f"GROUP BY has more than {_MOST_SETS} sets", span=expr.span)
            chosen = product((True, False), repeat=len(parts))
            return [_join([part for part, is_in in zip(parts, choice, strict=True) if is_in]) for choice in chosen]
        case _:
            return [keys for item in expr.items for keys in _sets_of_item(item)]


def _keys(expr: nodes.Expr) -> _Set:
    return expr.items if isinstance(expr, nodes.RowExpr) else (expr,)


def _join(parts: Sequence[_Set]) -> _Set:
    return tuple(key for part in parts for key in part)


@dataclass(frozen=True, slots=True)
class Grouping:
    """The keys of a SELECT by their text, and the name of its list of sets in SQLite; `scope` is that of the SELECT."""

    keys: tuple[nodes.Expr, ...]
    texts: tuple[str, ...]
    masks: tuple[int, ...]
    table: str
    scope: int
    relation: int

    @property
    def has_total(self) -> bool:
        """Whether one of the sets is empty: its row is there even where the source has none."""
        return any(mask == self._all for mask in self.masks)

    @property
    def _all(self) -> int:
        """The mask that leaves all keys out."""
        return (1 << len(self.keys)) - 1

    @property
    def group(self) -> tuple[nodes.Expr, ...]:
        """What SQLite groups by."""
        return (self._column(1), *map(self._key, range(len(self.keys))))

    def source(self, source: From, where: nodes.Expr | None) -> From:
        """Return a FROM clause whose rows are there once for each set; if `has_total`, `where` is a part of it.

        Then each set has a row without a source too, so that the row of an empty set is there; `keep_groups` drops the others.
        """
        rows = ", ".join(f"({number}, {mask})" for number, mask in enumerate(self.masks))
        sets = f"(VALUES {rows}) AS {self.table}"
        tables = source.sql if len(source.relations) < 2 else f"({source.sql})"
        if not self.has_total:
            return replace(source, sql=f"{tables} JOIN {sets}" if tables else sets)
        condition = "1" if where is None else unparse.expression(where, sqlite=True)
        marks = f"(SELECT 1 AS {_MARK}) AS {_MARKS}"
        marked = f"({marks} JOIN {tables})" if tables else marks
        return replace(source, sql=f"{sets} LEFT JOIN {marked} ON {condition}")

    def keep_groups(self, having: nodes.Expr | None) -> nodes.Expr | None:
        """Return HAVING so that groups without a row of the source are left out, but for those of empty sets."""
        if not self.has_total:
            return having
        count = nodes.Call((nodes.Name("count"),), (self._mark,))
        has_rows = nodes.Binary(">", count, nodes.Literal("number", "0"))
        is_total = nodes.Binary("=", self._column(2), nodes.Literal("number", str(self._all)))
        keeps = nodes.Logical("OR", (has_rows, is_total))
        return keeps if having is None else nodes.Logical("AND", (keeps, having))

    def _count_source(self, call: nodes.Call) -> nodes.Call:
        """Return an aggregate that sees the rows of the source only."""
        if call.star:
            call = replace(call, star=False, arguments=(self._mark,))
        filters = self._mark if call.filter is None else nodes.Logical("AND", (self._mark, call.filter))
        return replace(call, filter=filters)

    def _column(self, number: int) -> BoundReference:
        return self._reference(f"{self.table}.column{number}", f"column{number}")

    @property
    def _mark(self) -> BoundReference:
        """1 where there is a row of the source."""
        return self._reference(f"{_MARKS}.{_MARK}", _MARK)

    def _reference(self, sql: str, name: str) -> BoundReference:
        column = BoundColumn(name, sql, Column(name, "integer"), relations=frozenset([self.relation]))
        return BoundReference(column, self.scope, nodes.NO_SPAN)

    def _bit(self, index: int) -> nodes.Expr:
        shifted = nodes.Binary(">>", self._column(2), nodes.Literal("number", str(index)))
        return nodes.Binary("&", shifted, nodes.Literal("number", "1"))

    def _key(self, index: int) -> nodes.Expr:
        if not any(mask >> index & 1 for mask in self.masks):
            return self.keys[index]
        return nodes.Case(None, (nodes.When(self._bit(index), nodes.Literal("null")),), self.keys[index])

    def apply(self, tree: T) -> T:
        """Return a bound tree in which keys are NULL where a set leaves them out. Raises ProgrammingError, NotSupportedError."""
        return self._apply(tree)  # type: ignore[return-value] # a node is replaced by one that fits its place

    def _apply(self, node: object) -> object:
        if type(node) is tuple:
            return tuple(self._apply(item) for item in node)
        names = child_fields(type(node))
        if names is None:
            return node
        if _asks_for_set(node):
            return self._grouping(node)
        if isinstance(node, nodes.Call) and node.over is None and _is_aggregate(node):
            return self._count_source(node) if self.has_total else node
        if isinstance(node, BoundQuery):
            self._refuse_keys_inside(node)
            return node
        if isinstance(node, _EXPRESSIONS):
            index = self._find(node)
            if index is not None:
                return self._key(index)
        changes = {name: self._apply(getattr(node, name)) for name in names}
        return replace(node, **changes) if changes else node  # type: ignore[type-var] # it has child fields

    def _find(self, expr: nodes.Expr) -> int | None:
        text = unparse.expression(expr, sqlite=True)
        return self.texts.index(text) if text in self.texts else None

    def _find_alias(self, reference: BoundReference) -> int | None:
        """Return the key that a name of the select list stands for: it has the text with NULL in it."""
        text = reference.column.sql
        return next((i for i in range(len(self.keys)) if unparse.expression(self._key(i), sqlite=True) == text), None)

    def _grouping(self, call: nodes.Call) -> nodes.Expr:
        """Return the value of grouping(a, b): a bit for each argument, 1 where the set leaves it out."""
        arguments = call.arguments or self.keys
        result: nodes.Expr | None = None
        for argument in arguments:
            index = self._find(argument)
            if index is None and isinstance(argument, BoundReference):
                index = self._find_alias(argument)
            if index is None:
                name = call.name[-1].text.lower()
                raise ProgrammingError(f"{name}() takes what GROUP BY groups by", span=call.span)
            bit = self._bit(index)
            result = (
                bit
                if result is None
                else nodes.Binary("|", nodes.Binary("<<", result, nodes.Literal("number", "1")), bit)
            )
        return result or nodes.Literal("number", "0")

    def _refuse_keys_inside(self, query: BoundQuery) -> None:
        for reference in query.outer_references:
            if reference.scope == self.scope and self._find(reference) is not None:
                message = "a query inside of a SELECT with several grouping sets cannot use their keys"
                raise NotSupportedError(message, span=reference.span, hint="group in a query in FROM")


_EXPRESSIONS = (
    BoundReference,
    nodes.Unary,
    nodes.Binary,
    nodes.Call,
    nodes.Cast,
    nodes.Case,
    nodes.Collate,
    nodes.Is,
    nodes.Between,
    nodes.InList,
    nodes.Match,
    nodes.Logical,
)


def _is_aggregate(call: nodes.Call) -> bool:
    function = find_function(call.name[-1].text)
    return function is not None and function.is_aggregate(len(call.arguments) or int(call.star))


def regroup_column(column: BoundColumn, old: nodes.Expr, new: nodes.Expr) -> BoundColumn:
    """Return the column of an item of the select list whose keys may be NULL."""
    if new is old or unparse.expression(new, sqlite=True) == column.sql:
        return column
    sql = unparse.expression(new, sqlite=True)
    return replace(
        column,
        sql=sql,
        bases=NO_KEYS,
        touches=NO_KEYS,
        relations=frozenset(),
        computed_type=column.type,
        has_others=True,
    )
