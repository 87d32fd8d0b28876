"""Predicate pushdown: which values a parameter can take, worked out from WHERE and ON before anything is fetched.

A predicate of the bound tree gives a set of values for a column, or nothing (`plan.values` has the sets).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import Span, assert_never
from tokensh.plan.bound import (
    BoundColumn,
    BoundCompound,
    BoundQuery,
    BoundReference,
    BoundSelect,
    BoundValues,
    HoistedQuery,
    Key,
    Relation,
    TableCall,
)
from tokensh.plan.nodes import Constants, FromQuery, SameAs, ValueSet
from tokensh.plan.resolve import sql_of
from tokensh.plan.type_checks import without_guard
from tokensh.plan.values import Sets, any_of, constant, intersect_sets, unite_sets
from tokensh.sql import nodes
from tokensh.sql.visit import walk

_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_VOLATILE = frozenset({"random", "randomblob", "changes", "total_changes", "last_insert_rowid"})


@dataclass(frozen=True, slots=True)
class Predicates:
    """Works out what predicates say of columns.

    Attributes:
        relations: the statement's relations by id.
        is_parameter: whether a scan's column is a required parameter, whose values are known before the scan is fetched.
        view_span: where the statement names the view that the predicates are in.
    """

    relations: Mapping[int, Relation]
    is_parameter: Callable[[Key], bool]
    view_span: Span | None = None

    # ---- sets

    def sets(self, expr: nodes.Expr, allowed: frozenset[int]) -> Sets:
        """Return the sets that a true `expr` leaves the columns of the `allowed` relations."""
        match expr:
            case nodes.Logical(operator="AND"):
                return intersect_sets([self.sets(operand, allowed) for operand in expr.operands])
            case nodes.Logical():
                return unite_sets([self.sets(operand, allowed) for operand in expr.operands])
            case nodes.Binary(operator="="):
                return self._sets_of_equality(expr.left, expr.right, allowed)
            case nodes.Is(operand=operand, other=other) if expr.negated == expr.distinct and _is_value(other):
                return self._sets_of_equality(operand, other, allowed)
            # One item whose value is not known before the scan makes the whole list unknown.
            case nodes.InList(negated=False, operand=nodes.RowExpr() as row):
                return self._sets_of_rows(row, expr.items, allowed)
            case nodes.InQuery(negated=False, operand=nodes.RowExpr() as row):
                return self._sets_of_row_in_query(row, expr.query, allowed)
            case nodes.InList(negated=False):
                members = [self._value_set(item) for item in expr.items]
                known = [member for member in members if member is not None]
                return _set_of(expr.operand, allowed, any_of(known)) if len(known) == len(members) else {}
            case nodes.InQuery(negated=False):
                return _set_of(expr.operand, allowed, _result_set(expr.query))
            case _:
                return {}

    def _sets_of_equality(self, left: nodes.Expr, right: nodes.Expr, allowed: frozenset[int]) -> Sets:
        if isinstance(left, nodes.RowExpr) and isinstance(right, nodes.RowExpr) and len(left.items) == len(right.items):
            pairs = zip(left.items, right.items, strict=True)
            return intersect_sets([self._sets_of_equality(a, b, allowed) for a, b in pairs])
        return intersect_sets(
            [_set_of(left, allowed, self._value_set(right)), _set_of(right, allowed, self._value_set(left))]
        )

    def _sets_of_rows(self, row: nodes.RowExpr, items: Sequence[nodes.Expr], allowed: frozenset[int]) -> Sets:
        """Return what a row that is in a list of rows says: each of its places is in the list of what is there."""
        equalities = [self._sets_of_equality(row, item, allowed) for item in items]
        return unite_sets(equalities) if equalities else {}

    def _sets_of_row_in_query(
        self, row: nodes.RowExpr, query: nodes.Query | nodes.ResolvedQuery, allowed: frozenset[int]
    ) -> Sets:
        if not isinstance(query, BoundQuery) or query.is_correlated or len(query.columns) != len(row.items):
            return {}
        sets = [
            _set_of(item, allowed, FromQuery(f"SELECT DISTINCT {column.sql} FROM ({query.sql})", query.needs))  # noqa: S608
            for item, column in zip(row.items, query.columns, strict=True)
        ]
        return intersect_sets(sets)

    def sets_of_equal_columns(self, left: BoundColumn, right: BoundColumn, allowed: frozenset[int]) -> Sets:
        """Return the sets of two columns that USING or NATURAL makes equal."""
        sets = []
        for column, other in ((left, right), (right, left)):
            values = self._column_values(other)
            if column.relations & allowed and values is not None:
                sets.append(dict.fromkeys(column.bases, values))
        return intersect_sets(sets)

    def _value_set(self, expr: nodes.Expr) -> ValueSet | None:
        """Return the values that an expression can have, over all rows."""
        literal = constant(expr)
        if literal is not None:
            span = self.view_span or expr.span
            return replace(literal, spans=tuple((value, span) for value in literal.values))
        if isinstance(expr, nodes.Subquery):
            return _result_set(expr.query)
        if isinstance(expr, BoundReference):
            return self._column_values(expr.column)
        inside = list(walk(expr))
        # A collation changes what is equal; a row is not one value, and a subquery or a volatile call not always the same one.
        if any(isinstance(node, BoundQuery | nodes.Collate | nodes.RowExpr) or _is_volatile(node) for node in inside):
            return None
        columns = [node.column for node in inside if isinstance(node, BoundReference)]
        if not columns:
            return Constants(expressions=(sql_of(expr),))
        return self._values_over(columns, sql_of(expr))

    def _column_values(self, column: BoundColumn) -> ValueSet | None:
        # Parameters of scans are known before these are fetched, so that both tables can be fetched at the same time.
        if column.touches and not column.has_others and all(map(self.is_parameter, column.touches)):
            return any_of([SameAs(scan, name) for scan, name in sorted(column.touches)])
        return self._values_over([column], column.sql)

    def _values_over(self, columns: Sequence[BoundColumn], text: str) -> ValueSet | None:
        """Return the values of an expression over the rows of one relation; None if it is of several."""
        owners = frozenset[int]().union(*(column.relations for column in columns))
        if len(owners) != 1:
            return None
        (owner,) = owners
        # All rows of the relation, more than the statement needs: `filters` narrow them where that is safe.
        relation = self.relations.get(owner)
        if relation is None or not relation.standalone:
            return None
        sql = f"SELECT DISTINCT {text} FROM {relation.source}"  # noqa: S608 (printed by us)
        return FromQuery(sql, relation.needs, owner)

    # ---- links and filters

    def are_linked(self, left: BoundColumn, right: BoundColumn) -> bool:
        """Return whether two columns are parameters of different tables.

        That they are equal says that the tables share a value, and not which one.
        """
        apart = left.touches and right.touches and not left.touches & right.touches
        return bool(apart) and all(map(self.is_parameter, left.touches | right.touches))

    def filters(self, expr: nodes.Expr, allowed: frozenset[int]) -> Iterator[tuple[int, str]]:
        """Yield the parts of a true `expr` that are about one of the `allowed` relations alone, with its id.

        Only rows for which they are true can be in the result, so that no other rows need to give values. None of them is
        true of a row of NULLs, as an outer join adds.
        """
        if isinstance(expr, nodes.Logical) and expr.operator == "AND":
            for operand in expr.operands:
                yield from self.filters(operand, allowed)
            return
        inside = list(walk(expr))
        if any(isinstance(node, BoundQuery) or _is_volatile(node) for node in inside):
            return
        owners = [node.column.relations for node in inside if isinstance(node, BoundReference)]
        if owners and len(owners[0] & allowed) == 1 == len(owners[0].union(*owners)) and _rejects_null(expr):
            yield next(iter(owners[0])), f"({sql_of(expr)})"


def _set_of(operand: nodes.Expr, allowed: frozenset[int], values: ValueSet | None) -> Sets:
    operand = without_guard(operand)
    if values is None or not isinstance(operand, BoundReference) or not operand.column.relations & allowed:
        return {}
    return dict.fromkeys(operand.column.bases, values)


def _result_set(query: nodes.Query | nodes.ResolvedQuery) -> ValueSet | None:
    # A correlated query has another result for each row of the query around it.
    if not isinstance(query, BoundQuery) or query.is_correlated or len(query.columns) != 1:
        return None
    return FromQuery(query.sql, query.needs)


def _rejects_null(expr: nodes.Expr) -> bool:
    """Return whether a predicate is simple, and never true where its columns are NULL."""
    match expr:
        case nodes.Logical():
            return all(map(_rejects_null, expr.operands))
        case nodes.Binary():
            sides = (expr.left, expr.right)
            return expr.operator in _COMPARISONS and any(map(_is_column, sides)) and _are_simple(sides)
        case nodes.InList():
            return bool(expr.items) and _is_column(expr.operand) and _are_simple(expr.items)
        case nodes.Match(operator="LIKE" | "GLOB"):
            return _is_column(expr.operand) and _are_simple((expr.pattern,))
        case nodes.Between():
            return _is_column(expr.operand) and _are_simple((expr.low, expr.high))
        case nodes.Is():
            is_not_null = expr.negated and not expr.distinct and constant(expr.other) == Constants()
            return is_not_null and _is_column(expr.operand)
        case _:
            return False


def _is_column(expr: nodes.Expr) -> bool:
    return isinstance(without_guard(expr), BoundReference)


def _are_simple(exprs: Iterable[nodes.Expr]) -> bool:
    """Return whether each is a column or has none: what is computed from a column can fail on a row that is never needed."""
    return all(_is_column(expr) or not any(isinstance(node, BoundReference) for node in walk(expr)) for expr in exprs)


def _is_value(expr: nodes.Expr) -> bool:
    """Return whether IS compares with a value: with NULL it is also true where an outer join found nothing."""
    literal = constant(expr)
    return literal is not None and literal.values != ()


def is_random(query: BoundQuery) -> bool:
    """Return whether a query, without those at the top of the statement, may have other rows each time it is evaluated."""
    match query.body:
        case BoundSelect() as select:
            origins = [relation.origin for relation in select.source.relations]
            arguments = [origin.arguments for origin in origins if isinstance(origin, TableCall)]
            inside = list(walk((*select.parts, *(join.on for join in select.source.joins), *arguments)))
            queries = [*(origin for origin in origins if isinstance(origin, BoundQuery))]
        case BoundValues() as values:
            inside, queries = list(walk(values.rows)), []
        case BoundCompound() as compound:
            inside, queries = [], list(compound.arms)
        case BoundQuery() as body:
            inside, queries = [], [body]
        case HoistedQuery():
            return False
        case _:
            assert_never(query.body)
    calls = (node for node in inside if isinstance(node, nodes.Call))
    return any(call.name[-1].text.lower() in _VOLATILE for call in calls) or any(
        map(is_random, [*queries, *(node for node in inside if isinstance(node, BoundQuery))])
    )


def _is_volatile(node: object) -> bool:
    """Return whether a node is a call that can give another result each time, or one of several rows."""
    return isinstance(node, nodes.Call) and (
        node.name[-1].text.lower() in _VOLATILE or node.star or node.over is not None or node.filter is not None
    )
