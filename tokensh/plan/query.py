"""Queries: every name found, every table given its parameters' value-sets, and the text that SQLite runs over what is fetched.

Each reference to a resource is a scan of its own, with values of its own; equal requests are told apart later. A view, a CTE
or a derived table is bound afresh for each reference, so that predicates around it reach the scans inside, and stands at the
statement's top as a common table expression, so that no nesting is too deep for SQLite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from tokensh._dataclasses import dataclass, field, replace
from tokensh.errors import (
    Error,
    MissingParameter,
    NotSupportedError,
    ProgrammingError,
    Span,
    UnknownName,
    assert_never,
)
from tokensh.functions.tables import TABLE_FUNCTIONS
from tokensh.plan.method_resolution import always_required, choose, methods, named, scan_columns
from tokensh.plan.nodes import Constants, Keys, Scan, ScanColumn, SelectPlan, Stored, ValueSet
from tokensh.plan.objects import NoObjects, Objects, Table, View, written
from tokensh.plan.pushdown import Order, Predicates, Sets, Subquery, all_of, literal_value, walk, whole
from tokensh.plan.scope import EMPTY, NOTHING, BoundColumn, From, Key, Relation, Scope, renamed
from tokensh.plan.select_list import (
    agreed,
    both_of,
    called,
    first_arm,
    is_aggregate,
    merged_column,
    ordered,
    refers_to,
    restricted,
    scanned,
    unique_names,
    whole_from,
    whole_number,
)
from tokensh.provider.catalog import DEFAULT, Catalog
from tokensh.provider.model import Method, Resource
from tokensh.rows import Column, ColumnType
from tokensh.sql import nodes as n
from tokensh.sql import unparse
from tokensh.sql.unparse import Dialect, quoted
from tokensh.text import nearest

T = TypeVar("T")

_PLAIN_JSON = frozenset({"json_valid", "json_type", "json_array_length", "json_equal", "json_error_position"})
_MOST_TABLES = 2000


@dataclass(frozen=True, slots=True)
class Names:
    """What a statement's names are looked up in.

    `namespace` is the provider and service that USE has set, `workspace` the one that the person chose for the session (None:
    none, and then no default is made up).
    """

    catalog: Catalog
    namespace: tuple[str, ...] = DEFAULT
    workspace: str | None = None
    functions: frozenset[str] = frozenset()
    """The functions that there are, in lower case; empty: not looked at."""
    objects: Objects = field(default_factory=NoObjects)
    """Views, local tables, and what the session offers as tables."""


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query's SQLite text and its result; `sql` of a column is its name there."""

    sql: str
    columns: tuple[BoundColumn, ...]
    needs: frozenset[int] = frozenset()
    correlated: bool = False


@dataclass(frozen=True, slots=True)
class _Cte:
    """A CTE that is bound where it is referred to, in what surrounds its definition."""

    query: n.Query
    columns: tuple[n.Name, ...]
    ctes: Ctes
    outer: Scope | None


@dataclass(frozen=True, slots=True)
class _Bound:
    """A recursive CTE: it is bound once."""

    table: str
    columns: tuple[BoundColumn, ...]
    needs: frozenset[int]


Ctes = Mapping[str, "_Cte | _Bound"]


@dataclass(frozen=True, slots=True)
class _Table:
    """A scan that is being worked out."""

    table: str
    resource: Resource
    methods: tuple[Method, ...]
    columns: tuple[ScanColumn, ...]
    span: Span


class QueryBinder:
    """Binds the queries of one statement."""

    def __init__(self, names: Names, place: Span | None = None) -> None:
        """`place` is what to point at where what is bound does not stand in the statement."""
        self._names = names
        self._tables: dict[int, _Table] = {}
        self._hoisted: list[str] = []
        self._stored: list[Stored] = []
        self._views: list[str] = []
        """The views that are being bound, the outermost first."""
        self._place = place
        """Where the outermost of them is named: what is wrong inside is wrong there."""
        self._sets: dict[Key, list[ValueSet]] = {}
        self._mentioned: set[Key] = set()
        self._linked: set[Key] = set()
        """Parameters of which the statement says that they are equal to another table's."""
        self._filters: dict[int, list[str]] = {}
        """What WHERE and ON say of one relation alone."""
        self._asked_for: set[Key] = set()
        """Columns that only a statement that names them reads."""
        self._subqueries: dict[int, BoundQuery] = {}
        self._aliases: Counter[str] = Counter()
        self._relations = 0
        self._used: set[int] = set()

    # ---- what others call

    def plan(self, query: n.Query) -> SelectPlan:
        """The plan of a whole query. Raises ProgrammingError and its leaves."""
        return self.finish(self.query(query, None, {}))

    def finish(self, bound: BoundQuery) -> SelectPlan:
        """The plan of a bound query. Raises MissingParameter."""
        prefix = self._prefix()
        scans = self._scans(prefix)
        return SelectPlan(scans, prefix + bound.sql, tuple(one.column for one in bound.columns), tuple(self._stored))

    # ---- queries

    def query(self, node: n.Query, outer: Scope | None, ctes: Ctes) -> BoundQuery:
        """Bind a query inside of `outer`."""
        inner = self._with(node, outer, ctes)
        bound = self._body_with_tail(node, outer, inner)
        for cte in node.ctes:
            found = inner[cte.name.text.lower()]
            if isinstance(found, _Cte) and id(found.query) not in self._used:
                self._scratch(lambda found=found: self._cte_query(found))  # type: ignore[misc] # checked, then dropped
        if node.limit is not None or node.offset is not None:
            return replace(bound, columns=tuple(replace(one, bases=NOTHING) for one in bound.columns))
        return bound

    def _body_with_tail(self, node: n.Query, outer: Scope | None, ctes: Ctes) -> BoundQuery:
        match node.body:
            case n.Select():
                return self._select(node.body, node, outer, ctes)
            case n.Query() if not (node.order or node.limit or node.offset):
                return self.query(node.body, outer, ctes)
            case n.Values() | n.Compound() | n.Query():
                bound = self._arm(node.body, outer, ctes)
                order = [self._order_of_result(item, bound.columns) for item in node.order]
                return replace(bound, sql=bound.sql + self._tail(order, node))
            case _:
                assert_never(node.body)

    def _with(self, node: n.Query, outer: Scope | None, ctes: Ctes) -> Ctes:
        inner = dict(ctes)
        seen: set[str] = set()
        for cte in node.ctes:
            name = cte.name.text.lower()
            if name in seen:
                raise ProgrammingError(f"the name {cte.name.text!r} is given to two WITH queries", span=cte.name.span)
            seen.add(name)
            if node.recursive and refers_to(cte.query, name):
                inner[name] = self._recursive(cte, outer, dict(inner))
            else:
                inner[name] = _Cte(cte.query, cte.columns, dict(inner), outer)
        return inner

    def _recursive(self, cte: n.Cte, outer: Scope | None, ctes: dict[str, _Cte | _Bound]) -> _Bound:
        table = self._unique(cte.name.text)
        first = first_arm(cte.query)
        columns = self._named(self._scratch(lambda: self._arm(first, outer, ctes)).columns, cte.columns, cte.name)
        plain = tuple(
            replace(one, sql=quoted(one.name), bases=NOTHING, column=replace(one.column, type="any")) for one in columns
        )
        ctes[cte.name.text.lower()] = _Bound(table, plain, frozenset())
        bound = self.query(cte.query, outer, ctes)
        if bound.correlated:
            raise NotSupportedError("a recursive query cannot refer to the query around it", span=cte.name.span)
        names = ", ".join(one.sql for one in plain)
        self._hoisted.append(f"{table} ({names}) AS ({bound.sql})")
        return _Bound(table, plain, bound.needs)

    def _cte_query(self, cte: _Cte) -> BoundQuery:
        self._used.add(id(cte.query))
        return self.query(cte.query, cte.outer, cte.ctes)

    def _arm(self, node: n.Body, outer: Scope | None, ctes: Ctes) -> BoundQuery:
        """A body without ORDER BY and LIMIT of its own."""
        match node:
            case n.Select():
                return self._select(node, n.Query(node), outer, ctes)
            case n.Values():
                return self._values(node, outer, ctes)
            case n.Compound():
                return self._compound(node, outer, ctes)
            case n.Query():
                # SQLite takes no parentheses around an arm.
                bound = self.query(node, outer, ctes)
                if bound.correlated:
                    return replace(bound, sql=f"SELECT * FROM ({bound.sql})")  # noqa: S608 (bound names only)
                return replace(bound, sql=f"SELECT * FROM {self._hoist(bound, 'q')}")  # noqa: S608
            case _:
                assert_never(node)

    def _values(self, node: n.Values, outer: Scope | None, ctes: Ctes) -> BoundQuery:
        scope = Scope(outer)
        dialect = self.dialect(scope, ctes)
        wide = len(node.rows[0])
        for row in node.rows:
            if len(row) != wide:
                raise ProgrammingError(f"VALUES has rows of {wide} and of {len(row)} values", span=node.span)
        rows = [f"({', '.join(unparse.expression(one, dialect) for one in row)})" for row in node.rows]
        columns = tuple(
            BoundColumn(f"column{i + 1}", f'"column{i + 1}"', Column(f"column{i + 1}")) for i in range(wide)
        )
        return BoundQuery(f"VALUES {', '.join(rows)}", columns, self._needs(scope, node), scope.correlated)

    def _compound(self, node: n.Compound, outer: Scope | None, ctes: Ctes) -> BoundQuery:
        arms: list[n.Body] = []
        operators: list[n.Compound] = []
        left: n.Body = node
        while isinstance(left, n.Compound):
            if left.operator in ("INTERSECT ALL", "EXCEPT ALL"):
                raise NotSupportedError(
                    f"{left.operator} is not offered", span=left.span, hint=f"use {left.operator.split()[0]}"
                )
            arms.append(left.right)
            operators.append(left)
            left = left.left
        bound = self._arm(left, outer, ctes)
        for one, arm in zip(reversed(operators), reversed(arms), strict=True):
            other = self._arm(arm, outer, ctes)
            if len(other.columns) != len(bound.columns):
                raise ProgrammingError(
                    f"the sides of {one.operator} have {len(bound.columns)} and {len(other.columns)} columns",
                    span=one.span,
                )
            columns = tuple(agreed(a, b) for a, b in zip(bound.columns, other.columns, strict=True))
            sql = f"{bound.sql} {one.operator} {other.sql}"
            bound = BoundQuery(sql, columns, bound.needs | other.needs, bound.correlated or other.correlated)
        return bound

    def _order_of_result(self, item: n.OrderItem, columns: Sequence[BoundColumn]) -> str:
        """An item of ORDER BY behind a set operation: a column of the result, by name or number."""
        expr = item.expr
        if isinstance(expr, n.ColumnRef) and len(expr.path) == 1:
            name = expr.name.text.lower()
            places = [i for i, one in enumerate(columns, 1) if one.name.lower() == name]
            if not places:
                known = [one.name for one in columns]
                raise UnknownName("column", expr.name.text, near=nearest(name, known), span=expr.span)
            return ordered(str(places[0]), item)
        return ordered(self._ordinal(expr, len(columns)), item)

    @staticmethod
    def _ordinal(expr: n.Expr, most: int) -> str:
        value = literal_value(expr)
        if not isinstance(value, int):
            raise ProgrammingError(
                "behind a set operation ORDER BY takes a column of the result",
                span=expr.span,
                hint="put the query into FROM (..), or order by a column's name or number",
            )
        if not 1 <= value <= most:
            raise ProgrammingError(f"there is no column {value}: the result has {most}", span=expr.span)
        return str(value)

    def _tail(self, order: Sequence[str], node: n.Query) -> str:
        text = f" ORDER BY {', '.join(order)}" if order else ""
        dialect = self.dialect(Scope(), {})
        if node.limit is not None:
            text += f" LIMIT {unparse.expression(whole_number(node.limit, 'LIMIT'), dialect)}"
        if node.offset is not None:
            text += f" OFFSET {unparse.expression(whole_number(node.offset, 'OFFSET'), dialect)}"
        return text

    # ---- SELECT

    def _select(self, node: n.Select, query: n.Query, outer: Scope | None, ctes: Ctes) -> BoundQuery:
        scope = Scope(outer)
        if node.source is not None:
            scope.source = self._from(node.source, scope, ctes, EMPTY)
        dialect = self.dialect(scope, ctes)
        columns = self._items(node.items, scope, dialect)
        result = unique_names(columns)
        for one in columns:
            key = one.name.lower()
            scope.aliases[key] = (*scope.aliases.get(key, ()), one)
        parts = [f"SELECT {'DISTINCT ' if node.distinct else ''}"]
        parts.append(", ".join(f"{c.sql} AS {r.sql}" for c, r in zip(columns, result, strict=True)))
        if node.source is not None:
            parts.append(f" FROM {scope.source.sql}")
        if node.where is not None:
            parts.append(f" WHERE {self.condition(node.where, scope, dialect, scope.source.ids)}")
        group = [self._group(one, scope, dialect, columns) for one in node.group]
        if group:
            parts.append(f" GROUP BY {', '.join(group)}")
        if node.having is not None:
            parts.append(f" HAVING {self.condition(node.having, scope, dialect, frozenset())}")
        if node.windows:
            named = (f"{quoted(name.text)} AS ({unparse.window(w, dialect)})" for name, w in node.windows)
            parts.append(f" WINDOW {', '.join(named)}")
        order = [self._order(item, scope, dialect, columns) for item in query.order]
        parts.append(self._tail(order, query))
        grouped = (c.sql in group or str(at) in group for at, c in enumerate(columns, 1))
        bound = tuple(self._pushable(node, *one) for one in zip(columns, result, grouped, strict=True))
        return BoundQuery("".join(parts), bound, self._needs(scope, node, *query.order), scope.correlated)

    def _items(self, items: Sequence[n.Item | n.Star], scope: Scope, dialect: Dialect) -> list[BoundColumn]:
        columns: list[BoundColumn] = []
        for item in items:
            if isinstance(item, n.Item):
                columns.append(self.item(item, scope, dialect))
                continue
            found = scope.star(item.path, item.span)
            if not found:
                raise ProgrammingError("there is no table whose columns * could mean", span=item.span)
            columns += found
        return columns

    def item(self, item: n.Item, scope: Scope, dialect: Dialect) -> BoundColumn:
        """One item of a select list; `sql` of the result is its text."""
        start = len(scope.refers)
        sql = unparse.expression(item.expr, dialect)
        if isinstance(item.expr, n.ColumnRef):
            found = scope.column(item.expr)
            return found if item.alias is None else called(found, item.alias.text)
        name = item.alias.text if item.alias else item.text or sql
        secret = any(one.column.secret for one in scope.refers[start:])
        kind = self._type(item.expr)
        return BoundColumn(name, sql, Column(name, kind, None, secret), NOTHING)

    def _type(self, expr: n.Expr) -> ColumnType:
        match expr:
            case n.Call():
                name = expr.name[-1].text.lower()
                return "json" if name.startswith("json") and name not in _PLAIN_JSON else "any"
            case n.Binary(operator="->"):
                return "json"
            case n.Subquery():
                columns = self._subqueries[id(expr.query)].columns
                return columns[0].column.type if len(columns) == 1 else "any"
            case _:
                return "any"

    def _group(self, expr: n.Expr, scope: Scope, dialect: Dialect, columns: Sequence[BoundColumn]) -> str:
        value = literal_value(expr)
        if isinstance(value, int):
            return self._ordinal(expr, len(columns))
        if isinstance(expr, n.ColumnRef):
            found = scope.column(expr)
            # An item of the list by its number: its text may be a number itself.
            if not found.relations and found in columns:
                return str(columns.index(found) + 1)
        return unparse.expression(expr, dialect)

    def _order(self, item: n.OrderItem, scope: Scope, dialect: Dialect, columns: Sequence[BoundColumn]) -> str:
        expr = item.expr
        if isinstance(expr, n.ColumnRef) and (found := scope.alias(expr)) is not None:
            return ordered(str(columns.index(found) + 1), item)
        if isinstance(literal_value(expr), int):
            return ordered(self._ordinal(expr, len(columns)), item)
        return ordered(unparse.expression(expr, dialect), item)

    @staticmethod
    def _pushable(node: n.Select, column: BoundColumn, result: BoundColumn, grouped: bool) -> BoundColumn:
        """The result's column, with bases where a predicate on it may be asked before the rest is worked out."""
        calls = [one for one in walk((node.items, node.having)) if isinstance(one, n.Call)]
        windowed = any(one.over is not None for one in calls)
        aggregated = node.group or any(is_aggregate(one) for one in calls)
        keeps = not windowed and (not aggregated or grouped)
        return replace(result, bases=column.bases if keeps else NOTHING)

    def condition(self, expr: n.Expr, scope: Scope, dialect: Dialect, allowed: frozenset[int]) -> str:
        """A predicate's text; what it says of parameters is noted."""
        start, first = len(scope.refers), len(scope.linked)
        text = unparse.expression(expr, dialect)
        predicates = self._predicates(scope, dialect)
        for ref in predicates.links(expr):
            scope.link(ref)
        self._heed(Counter(scope.refers[start:]) - Counter(scope.linked[first:]), scope.linked[first:])
        if allowed:
            self._note(predicates.sets(expr, allowed))
            for relation, said in predicates.filters(expr, allowed):
                self._filters.setdefault(relation, []).append(said)
        return text

    def _predicates(self, scope: Scope, dialect: Dialect) -> Predicates:
        def subquery(query: n.Query) -> Subquery:
            bound = self._subqueries[id(query)]
            return Subquery(None if bound.correlated or len(bound.columns) != 1 else bound.sql, bound.needs)

        return Predicates(
            scope, lambda expr: unparse.expression(expr, dialect), subquery, self._is_parameter, self._place
        )

    def _is_parameter(self, key: Key) -> bool:
        return key[1] in always_required(self._tables[key[0]].methods)

    def _heed(self, mentioned: Iterable[BoundColumn], linked: Iterable[BoundColumn]) -> None:
        self._mentioned = self._mentioned.union(*(one.touches for one in mentioned))
        self._linked = self._linked.union(*(one.touches for one in linked))

    def _note(self, sets: Sets) -> None:
        for key, values in sets.items():
            self._sets.setdefault(key, []).append(values)

    def dialect(self, scope: Scope, ctes: Ctes) -> Dialect:
        """How expressions of a scope are printed for SQLite; their subqueries are bound on the way."""

        def subquery(query: n.Query) -> str:
            bound = self._subqueries[id(query)] = self.query(query, scope, ctes)
            scope.refers.extend(replace(one, touches=NOTHING) for one in bound.columns if one.column.secret)
            return bound.sql

        return Dialect(sqlite=True, column=lambda ref: self._reference(ref, scope), subquery=subquery)

    def _reference(self, ref: n.ColumnRef, scope: Scope) -> str:
        found = scope.column(ref)
        if found.newer:
            self._asked_for |= found.bases
        # What belongs to no relation is an expression of the select list that is named by its alias.
        return found.sql if found.relations else f"({found.sql})"

    def _needs(self, scope: Scope, *nodes: object) -> frozenset[int]:
        """The scans below a query: those of its FROM and of its subqueries."""
        below = [one.needs for one in scope.source.relations]
        queries = [one for one in walk(nodes) if isinstance(one, n.Query) and id(one) in self._subqueries]
        return frozenset().union(*below, *(self._subqueries[id(one)].needs for one in queries))

    # ---- FROM

    def _from(self, node: n.FromItem, scope: Scope, ctes: Ctes, left: From) -> From:
        """A FROM clause, or a part of it; `left` is what stands before it, which a table function may refer to."""
        match node:
            case n.TableRef():
                return whole_from(self._table(node, scope, ctes))
            case n.Derived():
                return whole_from(self._derived(node, scope, ctes))
            case n.TableFunction():
                return whole_from(self._table_function(node, scope, ctes, left))
            case n.Join():
                return self._join(node, scope, ctes, left)
            case _:
                assert_never(node)

    def _table(self, node: n.TableRef, scope: Scope, ctes: Ctes) -> Relation:
        if len(node.path) == 1:
            cte = ctes.get(node.path[0].text.lower())
            if isinstance(cte, _Cte):
                bound = self._cte_query(cte)
                bound = replace(bound, columns=self._named(bound.columns, cte.columns, node.path[0]))
                return self._of_query(bound, node.alias or node.path[0], scope)
            if isinstance(cte, _Bound):
                return self._relation(cte.table, cte.columns, node.alias or node.path[0], cte.needs)
        match self._names.objects.find(written(node.path)):
            case View() as view:
                return self._view(view, node, scope)
            case Table() as table:
                return self.stored(table, node)
            case _:
                return self.scan(node)

    def _view(self, view: View, node: n.TableRef, scope: Scope) -> Relation:
        if view.name in self._views:
            raise ProgrammingError(f"the view {view.name} reads itself", span=self._place or node.span)
        outermost = self._place is None
        self._place = self._place or node.span
        self._views.append(view.name)
        try:
            bound = self.query(view.query, None, {})
        except Error as error:
            raise error.with_context(span=self._place) from error.__cause__
        finally:
            self._views.pop()
            self._place = None if outermost else self._place
        bound = replace(bound, columns=self._named(bound.columns, view.columns, node.path[-1]))
        return self._of_query(bound, node.alias or node.path[-1], scope)

    def stored(self, table: Table, node: n.TableRef) -> Relation:
        """A table that is not fetched."""
        name = self._unique(table.name)
        own = (*table.columns, *table.hidden)
        self._stored.append(Stored(table.name, name, own))
        columns = [BoundColumn(one.name, quoted(one.name), one, visible=one not in table.hidden) for one in own]
        return self._relation(name, columns, node.alias or node.path[-1], frozenset())

    def _derived(self, node: n.Derived, scope: Scope, ctes: Ctes) -> Relation:
        if isinstance(node.query, n.Exec):
            return self._executed(node.query, node.alias)
        return self._of_query(self.query(node.query, scope.outer, ctes), node.alias, scope)

    def _executed(self, node: n.Exec, alias: n.Name | None) -> Relation:
        """EXEC in FROM: the rows that a method which reads answers with."""
        table = n.TableRef(node.target[:-1], alias, node.span)
        whole = self._resource(table) if table.path else None
        method = named(whole, node.target[-1]) if whole else None
        if whole is None or method is None or method.http_method != "GET" or node.body is not None:
            raise NotSupportedError(
                "EXEC in FROM takes resource.method of a method that reads",
                span=node.span,
                hint="SHOW METHODS lists them",
            )
        reading = replace(method, verb="SELECT")
        resource = replace(whole, methods=(reading,))
        relation = self.scan_of(resource, (reading,), table)
        (scan,) = relation.needs
        known = {p.name.lower(): p.name for p in method.routing}
        dialect = self.dialect(Scope(), {})
        for one in node.arguments:
            if one.name.lower() not in known:
                raise UnknownName("parameter", one.name, near=nearest(one.name, known.values()), span=one.span)
            value = unparse.expression(one.value, dialect)
            self._note({(scan, one.name.lower()): Constants(expressions=(value,))})
        return relation

    def _of_query(self, bound: BoundQuery, alias: n.Name | None, scope: Scope) -> Relation:
        if bound.correlated:
            scope.correlated = True
            return self._relation(f"({bound.sql})", bound.columns, alias, bound.needs, standalone=False)
        table = self._hoist(bound, alias.text if alias else "q")
        return self._relation(table, bound.columns, alias, bound.needs)

    def _relation(
        self,
        table: str,
        columns: Sequence[BoundColumn],
        alias: n.Name | None,
        needs: frozenset[int],
        *,
        standalone: bool = True,
    ) -> Relation:
        self._relations += 1
        name = self._unique(alias.text if alias else "t")
        qualifiers = frozenset([(alias.text.lower(),)] if alias else [])
        own = renamed(columns, name, self._relations)
        return Relation(self._relations, qualifiers, own, f"{table} AS {name}", needs, standalone)

    def scan(self, node: n.TableRef) -> Relation:
        """A resource as a table. Raises UnknownName, NotSupportedError."""
        resource = self._resource(node)
        candidates = methods(resource, "SELECT", node.span)
        return self.scan_of(resource, candidates, node)

    def _resource(self, node: n.TableRef) -> Resource:
        try:
            return self._names.catalog.find(tuple(part.text for part in node.path), self._names.namespace, node.span)
        except UnknownName as error:
            near = nearest(written(node.path), self._names.objects.names())
            if near is None:
                raise
            raise UnknownName("table", written(node.path), near=near, span=error.span) from None

    def scan_of(self, resource: Resource, candidates: tuple[Method, ...], node: n.TableRef) -> Relation:
        """A scan that some methods of a resource answer."""
        scan = len(self._tables) + 1
        if scan > _MOST_TABLES:
            raise NotSupportedError(f"the statement reads more than {_MOST_TABLES} tables", span=node.span)
        columns = scan_columns(resource, candidates)
        table = self._unique(resource.name)
        self._tables[scan] = _Table(table, resource, candidates, columns, self._place or node.span)
        alias = self._unique(node.alias.text) if node.alias else table
        self._relations += 1
        own = tuple(scanned(one, scan, alias, self._relations) for one in columns)
        parts = tuple(part.lower() for part in (resource.provider, resource.service, resource.name))
        plain = {parts[i:] for i in range(3)} | {tuple(part.text.lower() for part in node.path)}
        qualifiers = frozenset([(node.alias.text.lower(),)] if node.alias else plain)
        source = f"{table} AS {alias}" if node.alias else table
        return Relation(self._relations, qualifiers, own, source, frozenset([scan]))

    def _table_function(self, node: n.TableFunction, scope: Scope, ctes: Ctes, left: From) -> Relation:
        name = node.name[-1].text.lower()
        if name not in TABLE_FUNCTIONS or len(node.name) > 1:
            raise UnknownName("table function", name, near=nearest(name, TABLE_FUNCTIONS), span=node.span)
        function = TABLE_FUNCTIONS[name]
        inner = Scope(scope.outer, left)
        dialect = self.dialect(inner, ctes)
        arguments = ", ".join(unparse.expression(one, dialect) for one in node.arguments)
        scope.correlated = scope.correlated or inner.correlated
        columns = [BoundColumn(c, quoted(c), Column(c, kind)) for c, kind in function.columns]
        alias = node.alias or n.Name(name)
        needs = self._needs(Scope(), node.arguments)
        return self._relation(
            f"{function.sqlite_name}({arguments})", columns, alias, needs, standalone=not inner.refers
        )

    def _join(self, node: n.Join, scope: Scope, ctes: Ctes, before: From) -> From:
        left = self._from(node.left, scope, ctes, before)
        right = self._from(node.right, scope, ctes, both_of(before, left))
        inner = Scope(scope.outer, both_of(left, right))
        dialect = self.dialect(inner, ctes)
        allowed = restricted(node.kind, left, right)
        merged, star, on = self._merge(node, left, right, allowed, inner, dialect)
        if node.on is not None:
            on.append(self.condition(node.on, inner, dialect, allowed))
        scope.correlated = scope.correlated or inner.correlated
        text = right.sql if len(right.relations) == 1 else f"({right.sql})"
        word = {"INNER": "JOIN", "CROSS": "JOIN", "COMMA": "JOIN"}.get(node.kind, f"{node.kind} JOIN")
        condition = f" ON {' AND '.join(on)}" if on else ""
        return From(f"{left.sql} {word} {text}{condition}", (*left.relations, *right.relations), star, merged)

    def _merge(  # noqa: PLR0913, PLR0917 (the parts of a join)
        self, node: n.Join, left: From, right: From, allowed: frozenset[int], inner: Scope, dialect: Dialect
    ) -> tuple[tuple[BoundColumn, ...], tuple[BoundColumn, ...], list[str]]:
        """The columns that USING or NATURAL makes one, what `*` means then, and the conditions."""
        names = node.using
        if node.natural:
            others = {one.name.lower() for one in right.star}
            names = tuple(n.Name(one.name) for one in left.star if one.name.lower() in others)
        if not names:
            return (*left.merged, *right.merged), (*left.star, *right.star), []
        merged: list[BoundColumn] = []
        on: list[str] = []
        dropped: set[str] = set()
        for name in names:
            a, b = (Scope(None, side).column(n.ColumnRef((name,), name.span)) for side in (left, right))
            merged.append(merged_column(node.kind, a, b))
            on.append(f"{a.sql} = {b.sql}")
            dropped |= {a.sql, b.sql}
            predicates = self._predicates(inner, dialect)
            pair = (a, b)
            self._heed(*((), pair) if predicates.are_linked(a, b) else (pair, ()))
            self._asked_for |= a.bases | b.bases
            self._note(predicates.equated(a, b, allowed))
        rest = tuple(one for one in (*left.star, *right.star) if one.sql not in dropped)
        return (*left.merged, *right.merged, *merged), (*merged, *rest), on

    # ---- names and shared parts

    @staticmethod
    def _named(columns: Sequence[BoundColumn], names: Sequence[n.Name], at: n.Name) -> tuple[BoundColumn, ...]:
        if not names:
            return tuple(columns)
        if len(names) != len(columns):
            raise ProgrammingError(
                f"{at.text} is given {len(names)} column names for {len(columns)} columns", span=at.span
            )
        return tuple(called(one, name.text) for one, name in zip(columns, names, strict=True))

    def _unique(self, name: str) -> str:
        """A name that nothing else of the statement has, in quotes."""
        # SQLite keeps names that begin so for itself.
        name = f"t_{name}" if name.lower().startswith("sqlite_") else name
        key = name.lower()
        while True:
            self._aliases[key] += 1
            count = self._aliases[key]
            made = name if count == 1 else f"{name}_{count}"
            if count == 1 or made.lower() not in self._aliases:
                self._aliases[made.lower()] += made.lower() != key
                return quoted(made)

    def _hoist(self, bound: BoundQuery, name: str) -> str:
        if len(self._hoisted) >= _MOST_TABLES:
            raise NotSupportedError(f"the statement has more than {_MOST_TABLES} queries in FROM")
        table = self._unique(name)
        # SQLite 3.40 merges a UNION ALL with the query around it even where there are outer joins, inside or around: it takes
        # a WHERE for an ON then, and finds too many rows, or tables that are not there yet.
        apart = "MATERIALIZED " if " UNION ALL " in bound.sql else ""
        self._hoisted.append(f"{table} AS {apart}({bound.sql})")
        return table

    def _prefix(self) -> str:
        return f"WITH RECURSIVE {', '.join(self._hoisted)} " if self._hoisted else ""

    def _scratch(self, work: Callable[[], T]) -> T:
        """Do something without leaving a trace: for what must be looked at before it is used, or is never used."""
        kept = (
            dict(self._tables),
            list(self._hoisted),
            list(self._stored),
            dict(self._sets),
            set(self._mentioned),
            set(self._linked),
            Counter(self._aliases),
        )
        try:
            return work()
        finally:
            self._tables, self._hoisted, self._stored, self._sets, *marked, self._aliases = kept
            self._mentioned, self._linked = marked

    # ---- values

    def sets_of(self, expr: n.Expr, scope: Scope) -> Sets:
        """The sets of one predicate that is bound already."""
        return self._predicates(scope, self.dialect(scope, {})).sets(expr, scope.source.ids)

    def resolves(self, scan: int) -> bool:
        """Whether a scan's required parameters can be worked out."""
        return scan in self._resolution().scans

    def keys(self, scan: int, assigned: SelectPlan | None) -> Keys:
        """What a write's parameters take; `scan` itself is not fetched."""
        prefix = self._prefix()
        scans = self._scans(prefix)
        own = next(one for one in scans if one.id == scan)
        others = tuple(one for one in scans if one.id != scan)
        return Keys(own.values, others, assigned, tuple(self._stored))

    def check(self, query: n.Query) -> tuple[Column, ...]:
        """The columns of a query whose parameters may still be missing. Raises ProgrammingError and its leaves."""
        return tuple(one.column for one in self.query(query, None, {}).columns)

    def _scans(self, prefix: str) -> tuple[Scan, ...]:
        """The scans, each after those that its values depend on. Raises MissingParameter."""
        order = self._resolution()
        missing = next((scan for scan in self._tables if scan not in order.scans), None)
        if missing is not None:
            names = always_required(self._tables[missing].methods)
            raise self._missing(missing, {name for name in names if (missing, name) not in order.values})
        return tuple(self._scan(scan, order, prefix) for scan in order.scans)

    def _resolution(self) -> Order:
        needed = {scan: always_required(one.methods) for scan, one in self._tables.items()}
        sets = {key: all_of(values) for key, values in self._sets.items()}
        order = Order(needed, sets)
        defaults = self._defaults(order, needed, sets)
        return Order(needed, sets | defaults) if defaults else order

    def _defaults(
        self, order: Order, needed: Mapping[int, frozenset[str]], sets: Mapping[Key, ValueSet]
    ) -> dict[Key, ValueSet]:
        """The session's workspace, for tables that the statement says nothing about, or only that they share it."""
        if self._names.workspace is None:
            return {}
        given = {name for _, name in (*order.values, *(sets.keys() - (self._linked - self._mentioned)))}
        mentioned = {name for _, name in self._mentioned}
        found: dict[Key, ValueSet] = {}
        for scan, names in needed.items():
            servers = {p.name.lower() for m in self._tables[scan].methods for p in m.routing if p.location == "server"}
            for name in (names & servers) - given:
                doubted = name in mentioned if (scan, name) in self._linked else (scan, name) in self._mentioned
                if not doubted:
                    found[scan, name] = Constants((self._names.workspace,))
        return found

    def _scan(self, scan: int, order: Order, prefix: str) -> Scan:
        table = self._tables[scan]
        required = always_required(table.methods)
        optional = {p.name.lower() for m in table.methods for p in m.routing} - required
        values = {name: whole(order.values[scan, name], prefix, self._filters) for name in sorted(required)}
        for name in sorted(optional):
            given = self._sets.get((scan, name), [])
            constants = [one for one in given if isinstance(one, Constants)]
            if constants:
                values[name] = all_of(constants)
        known = dict.fromkeys(values, ())
        if choose(table.methods, known) is None:
            least = min(table.methods, key=lambda m: sum(p.name.lower() not in values for p in m.required))
            raise self._missing(scan, {p.name for p in least.required if p.name.lower() not in values})
        columns = tuple(one for one in table.columns if not one.newer or (scan, one.name.lower()) in self._asked_for)
        return Scan(scan, table.table, table.resource, columns, values, table.span)

    def _missing(self, scan: int, names: set[str]) -> MissingParameter:
        table = self._tables[scan]
        proper = {p.name.lower(): p for m in table.methods for p in m.routing}
        written = tuple(sorted(proper[name.lower()].name for name in names))
        used = any((scan, name.lower()) in self._mentioned for name in names)
        what = "cannot be worked out from the statement" if used else "is not given"
        examples = " AND ".join(f"{name} = '..'" for name in written)
        return MissingParameter(
            f"{' and '.join(written)} of {table.resource.id} {what}",
            names=written,
            hint=f"{'write' if used else 'add'} WHERE {examples}, or IN (..)"
            + ("" if used else ", or set --workspace"),
            span=table.span,
        )
