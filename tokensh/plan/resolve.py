"""Resolve the names of expressions: parsed expressions -> bound ones. Shared by queries, DML, RETURNING and SHOW."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from tokensh._dataclasses import replace
from tokensh.errors import NotSupportedError, ProgrammingError, Span
from tokensh.functions import find_function
from tokensh.plan.bound import BoundColumn, BoundQuery, BoundReference, references, subqueries
from tokensh.plan.checks import check_subqueries
from tokensh.plan.expression_types import expression_type, expression_unit
from tokensh.plan.scope import PARAMETER_PREFIX, Scope
from tokensh.plan.slip_checks import refuse_outer_item
from tokensh.plan.type_checks import check_types
from tokensh.plan.value_queries import guard_value_query
from tokensh.rows import Column, ColumnType
from tokensh.sql import nodes, unparse
from tokensh.sql.quoting import quote_name
from tokensh.sql.visit import rewrite, rewrite_nodes, walk
from tokensh.text import plural

T = TypeVar("T")
MOST_TABLES = 2000
"""The limit for tables and for queries in FROM: queries that double in each of their CTEs must not fill the memory."""

MOST_UNSHARED_TABLES = 100
"""The limit where each reference to a CTE or view is resolved by itself: references to references double."""


class Numbering:
    """The ids of one statement's scopes, relations and scans, and the names of its tables: no two are equal."""

    def __init__(self, most_tables: int = MOST_TABLES) -> None:
        self._most_tables = most_tables
        self._names: Counter[str] = Counter()
        self._last_scope = 0
        self._last_relation = 0
        self._last_scan = 0
        self._last_reading = 0
        self._hoisted = 0

    def next_scope(self) -> int:
        """Return the id of a new scope."""
        self._last_scope += 1
        return self._last_scope

    def next_relation(self) -> int:
        """Return the id of a new relation."""
        self._last_relation += 1
        return self._last_relation

    def next_scan(self, span: Span) -> int:
        """Return the id of a new scan, from 1. Raises NotSupportedError at the limit."""
        if self._last_scan >= self._most_tables:
            raise NotSupportedError(f"the statement reads more than {self._most_tables} tables", span=span)
        self._last_scan += 1
        return self._last_scan

    def next_reading(self) -> int:
        """Return the id of a new reading of a shared query: a negative number, to tell its keys from those of scans."""
        self._last_reading -= 1
        return self._last_reading

    def count_hoisted(self) -> None:
        """Count a query in FROM. Raises NotSupportedError at the limit."""
        if self._hoisted >= self._most_tables:
            raise NotSupportedError(f"the statement has more than {self._most_tables} queries in FROM")
        self._hoisted += 1

    def unique_name(self, name: str) -> str:
        """Return a name, in quotes, that nothing else of the statement has."""
        # SQLite reserves names with this prefix (https://sqlite.org/fileformat2.html#internal_schema_objects).
        name = f"t_{name}" if name.lower().startswith("sqlite_") else name
        key = name.lower()
        while True:
            self._names[key] += 1
            count = self._names[key]
            candidate = name if count == 1 else f"{name}_{count}"
            if count == 1 or candidate.lower() not in self._names:
                self._names[candidate.lower()] += candidate.lower() != key
                return quote_name(candidate)


# ---- expressions


def resolve_expression(
    tree: T,
    scope: Scope,
    resolve_query: Callable[[nodes.Query, Scope], BoundQuery] | None = None,
    view_span: Span | None = None,
) -> T:
    """Return an expression, or a tuple or window of some, whose references and queries are bound, and whose types agree.

    Args:
        tree: the expression as it was parsed.
        scope: where its names are looked up.
        resolve_query: binds a query inside of a scope; None: the caller has refused queries.
        view_span: where the statement names the view that the expression is in, if it is in one.

    Raises UnknownName, ProgrammingError.
    """
    # Names inside a query are its own business: `rewrite` does not go into what replaces a node.
    substitutes: dict[type, Callable[[nodes.ColumnRef], object] | Callable[[nodes.Query], object]]
    substitutes = {nodes.ColumnRef: scope.resolve}
    resolved: dict[int, tuple[nodes.Query, BoundQuery]] = {}
    if resolve_query is not None:

        def resolve_inside(query: nodes.Query) -> BoundQuery:
            bound_query = resolve_query(query, scope)
            resolved[id(bound_query)] = query, bound_query
            return bound_query

        substitutes[nodes.Query] = resolve_inside
    bound = rewrite(_name_parameters(tree, scope), substitutes)
    if resolved:
        check_subqueries(bound)
        values: dict[int, Callable[[nodes.Subquery], nodes.Subquery]] = {}
        for node in walk(bound):
            # What EXISTS selects does not matter.
            if isinstance(node, nodes.InQuery | nodes.Subquery) and id(node.query) in resolved:
                refuse_outer_item(*resolved[id(node.query)])
                if isinstance(node, nodes.Subquery):
                    values[id(node)] = partial(guard_value_query, view_span=view_span)
        bound = rewrite_nodes(bound, values) if values else bound
    return check_types(bound, view_span)


def _name_parameters(tree: T, scope: Scope) -> T:
    """Return a tree in which what is compared is a parameter, where a parameter and a field of one name are two columns."""
    apart = frozenset[str]().union(*(relation.apart for relation in scope.source.relations))
    if not apart:
        return tree
    operands: list[object] = []
    for node in walk(tree):
        match node:
            case nodes.Binary(operator="="):
                operands += (node.left, node.right)
            case nodes.InList() | nodes.InQuery() | nodes.Is():
                operands.append(node.operand)
            case _:
                pass
    operands += [item for row in operands if isinstance(row, nodes.RowExpr) for item in row.items]
    named = [ref for ref in operands if isinstance(ref, nodes.ColumnRef) and ref.name.text.lower() in apart]
    return rewrite_nodes(tree, {id(ref): name_parameter for ref in named}) if named else tree


def name_parameter(ref: nodes.ColumnRef) -> nodes.ColumnRef:
    """Return the reference to a parameter, given one to the field of its name."""
    return replace(ref, path=(*ref.path[:-1], nodes.Name(f"{PARAMETER_PREFIX}{ref.name.text}", span=ref.name.span)))


def sql_of(expr: nodes.Expr) -> str:
    """Return the text of a bound expression for SQLite."""
    return unparse.expression(expr, sqlite=True)


# ---- select lists


def item_column(item: nodes.Item, expr: nodes.Expr) -> BoundColumn:
    """Return the column of an item of a select list, whose expression bound is `expr`; `sql` is the expression's text."""
    if isinstance(expr, BoundReference):
        return expr.column if item.alias is None else rename_column(expr.column, item.alias.text)
    sql = sql_of(expr)
    name = item.alias.text if item.alias else item.text or sql
    # Whatever is made of a secret is treated as one: lower(token_value) still is the token.
    is_secret = any(reference.column.column.secret for reference in references(expr)) or any(
        column.column.secret for query in subqueries(expr) for column in query.columns
    )
    column = Column(name, _result_type(expr), None, is_secret, expression_unit(expr))
    return BoundColumn(name, sql, column, computed_type=expression_type(expr))


def _result_type(expr: nodes.Expr) -> ColumnType:
    """Return the type that a result says of an expression: JSON, which renderers print as such, else the values decide."""
    # Not `expression_type` whole: a result that says "integer" of sum(x) promises clients that no row has 1.5 or text in it.
    match expr:
        case nodes.Call():
            function = find_function(expr.name[-1].text)
            return "json" if function is not None and function.result == "json" else "any"
        case nodes.Binary(operator="->"):
            return "json"
        case nodes.Subquery(query=BoundQuery(columns=(only,))):
            return only.column.type
        # SQLite's conditions are 1, 0 or NULL; CAST(2 AS BOOLEAN) is 2.
        case nodes.Case() | nodes.Cast():
            return "any"
        case _:
            return "boolean" if expression_type(expr) == "boolean" else "any"


def rename_column(column: BoundColumn, name: str) -> BoundColumn:
    """Return a column under another name."""
    return replace(column, name=name, column=replace(column.column, name=name))


def rename_columns(
    columns: Sequence[BoundColumn], names: Sequence[nodes.Name], owner: nodes.Name
) -> tuple[BoundColumn, ...]:
    """Return a query's columns under the names in parentheses behind its own. Raises ProgrammingError."""
    if not names:
        return tuple(columns)
    if len(names) != len(columns):
        raise ProgrammingError(
            f"{owner.text} is given {plural(len(names), 'column name')} for {plural(len(columns), 'column')}",
            span=owner.span,
        )
    return tuple(rename_column(column, name.text) for column, name in zip(columns, names, strict=True))


def group_by_name(columns: Iterable[BoundColumn]) -> Mapping[str, tuple[BoundColumn, ...]]:
    """Return the columns of a select list by name, in lower case."""
    aliases: dict[str, tuple[BoundColumn, ...]] = {}
    for column in columns:
        key = column.name.lower()
        aliases[key] = (*aliases.get(key, ()), column)
    return aliases
