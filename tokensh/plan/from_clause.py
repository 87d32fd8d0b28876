"""Resolve FROM: tables by name, views, derived tables, table functions and joins -> relations.

Each reference to a resource is a scan of its own, with values of its own; the engine sends equal requests once. A view or a CTE
is resolved once, and each table that reads it is a reading of its own (`SharedQuery`), so that predicates around it reach the
scans inside. It is written, like a derived table, as a common table expression at the top of the statement: nested as deep as
views can be, it would exceed SQLite's limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import Error, NotSupportedError, ProgrammingError, Span, UnknownName, assert_never
from tokensh.functions.tables import TABLE_FUNCTIONS
from tokensh.plan.bound import (
    NO_KEYS,
    NO_TABLES,
    BoundColumn,
    BoundJoin,
    BoundQuery,
    BoundTable,
    From,
    HoistedQuery,
    Key,
    Origin,
    Relation,
    SharedQuery,
    TableCall,
    references,
    scans_below,
)
from tokensh.plan.joins import merged_column, restricted_relations
from tokensh.plan.method_resolution import find_method, methods_for_verb, scan_columns
from tokensh.plan.names import Names
from tokensh.plan.nodes import ScanColumn, Stored
from tokensh.plan.objects import StoredTable, View
from tokensh.plan.resolve import Numbering, rename_columns, resolve_expression, sql_of
from tokensh.plan.scope import Scope, name_suffixes
from tokensh.plan.type_checks import check_conditions, check_equal_columns
from tokensh.plan.value_queries import guard_condition
from tokensh.plan.views import match_columns
from tokensh.provider.model import Method, Resource
from tokensh.rows import Column
from tokensh.sql import nodes
from tokensh.sql.nodes import path_text
from tokensh.sql.quoting import quote_name
from tokensh.text import nearest, plural


@dataclass(frozen=True, slots=True)
class _Shared:
    """A query that has been resolved, with the columns that its readers see."""

    hoisted: HoistedQuery
    columns: tuple[BoundColumn, ...]


class CteDefinition:
    """A common table expression: it is resolved at its first reference, in what surrounds its definition."""

    # Not frozen: whether it is used is known only when the query around it has been resolved.
    def __init__(self, node: nodes.Cte, ctes: Ctes, outer: Scope | None) -> None:
        self.name = node.name
        self.query = node.query
        self.columns = node.columns
        self.visible_ctes = ctes
        self.outer = outer
        self.is_used = False
        self.shared: _Shared | None = None

    @property
    def local_definition(self) -> str | None:
        """Its text if it refers to the query around it: it is written before its own query, not at the top of the statement."""
        is_local = self.shared is not None and self.shared.hoisted.query.is_correlated
        return self.shared.hoisted.definition if self.shared is not None and is_local else None


@dataclass(frozen=True, slots=True)
class RecursiveCte:
    """A recursive common table expression: it is resolved once; `hoisted` is None inside of it."""

    table: str
    columns: tuple[BoundColumn, ...]
    hoisted: HoistedQuery | None = None


Ctes = Mapping[str, CteDefinition | RecursiveCte]
"""The common table expressions that a query can refer to, by name in lower case."""


class FromResolver:
    """Resolves the FROM clauses of one statement; `resolve_query` resolves a query in a scope."""

    def __init__(
        self,
        names: Names,
        numbering: Numbering,
        resolve_query: Callable[[nodes.Query, Scope | None, Ctes], BoundQuery],
        view_span: Span | None,
        *,
        shares: bool = True,
    ) -> None:
        self.names = names
        self.has_shared = False
        """Whether a query is read by more than one table."""
        self._shares = shares
        self._views: dict[str, _Shared] = {}
        self.view_span = view_span
        """Where the statement names the outermost view that is being resolved: errors inside are reported there."""
        self._numbering = numbering
        self._resolve_query = resolve_query
        self._open_views: list[str] = []

    def resolve(self, node: nodes.FromItem, scope: Scope, ctes: Ctes, left: From = NO_TABLES) -> From:
        """Return a FROM clause, or a part of one, of the query of `scope`.

        `left` is what is written before it, which a table function may refer to.
        """
        match node:
            case nodes.TableRef():
                relation = self._resolve_table(node, ctes)
            case nodes.Derived():
                relation = self._resolve_derived(node, scope, ctes)
            case nodes.TableFunction():
                relation = self._resolve_table_function(node, scope, ctes, left)
            case nodes.Join():
                return self._resolve_join(node, scope, ctes, left)
            case _:
                assert_never(node)
        return From.of_relation(_rename_visible(relation, node))

    # ---- tables by name

    def _resolve_table(self, node: nodes.TableRef, ctes: Ctes) -> Relation:
        alias = node.alias or node.path[-1]
        if len(node.path) == 1:
            cte = ctes.get(node.path[0].text.lower())
            if isinstance(cte, CteDefinition):
                return self._resolve_cte(cte, alias)
            if isinstance(cte, RecursiveCte):
                return self._new_relation(cte.table, cte.columns, alias, cte.hoisted)
        match self.names.find_object(node.path):
            case View() as view:
                return self._resolve_view(view, node, alias)
            case StoredTable() as table:
                return self._resolve_stored_table(table, node, alias)
            case _:
                return self._resolve_resource(node)

    def _resolve_cte(self, cte: CteDefinition, alias: nodes.Name) -> Relation:
        cte.is_used = True
        shared = cte.shared
        if shared is None or not self._shares:
            # In the scope of its definition: names of the query that refers to it mean nothing inside.
            query = self._resolve_query(cte.query, cte.outer, cte.visible_ctes)
            columns = rename_columns(query.columns, cte.columns, cte.name)
            if not self._shares:
                return self._relation_of_query(query, alias, columns)
            shared = cte.shared = _Shared(self.hoist(query, cte.name.text), columns)
        else:
            self.has_shared = True
        return self._read_shared(shared, alias)

    def _read_shared(self, shared: _Shared, alias: nodes.Name) -> Relation:
        """Return a table that reads a shared query; predicates on it are about this reading alone."""
        reading = SharedQuery(self._numbering.next_reading(), shared.hoisted, shared.columns)

        def own_keys(position: int, keys: frozenset[Key]) -> frozenset[Key]:
            return frozenset([reading.own_key(position)]) if keys else NO_KEYS

        columns = [
            replace(column, bases=own_keys(position, column.bases), touches=own_keys(position, column.touches))
            for position, column in enumerate(shared.columns)
        ]
        return self._new_relation(shared.hoisted.table, columns, alias, reading)

    def _resolve_view(self, view: View, node: nodes.TableRef, alias: nodes.Name) -> Relation:
        shared = self._views.get(view.name)
        if shared is None or not self._shares:
            query = self._resolve_view_query(view, node)
            columns = self._match_view_columns(view, query, node)
            shared = self._views[view.name] = _Shared(self.hoist(query, view.name.rpartition(".")[2]), columns)
        else:
            self.has_shared = True
        return replace(self._read_shared(shared, alias), qualifiers=_qualifiers(node, view.name))

    def _match_view_columns(self, view: View, query: BoundQuery, node: nodes.TableRef) -> tuple[BoundColumn, ...]:
        if not view.is_documents:
            positions = match_columns(view, [column.name for column in query.columns], self.view_span or node.span)
            return rename_columns([query.columns[i] for i in positions], view.columns, node.path[-1])
        return tuple(replace(column, visible=column.name.lower() not in view.hidden) for column in query.columns)

    def _resolve_view_query(self, view: View, node: nodes.TableRef) -> BoundQuery:
        if view.name in self._open_views:
            raise ProgrammingError(f"the view {view.name} reads itself", span=self.view_span or node.span)
        names, is_outermost = self.names, self.view_span is None
        self.view_span = self.view_span or node.span
        self._open_views.append(view.name)
        try:
            # A view sees nothing of the statement around it: no outer columns, no CTEs.
            self.names = names.inside_view()
            return self._resolve_query(view.query, None, {})
        except Error as error:
            if view.is_documents:
                from tokensh.plan.document_views import make_view_error  # noqa: PLC0415 (as in `_resolve_resource`)

                raise make_view_error(view.name, error.message, self.view_span) from error
            raise error.with_context(span=self.view_span) from error.__cause__
        finally:
            self.names = names
            self._open_views.pop()
            self.view_span = None if is_outermost else self.view_span

    def _resolve_stored_table(self, table: StoredTable, node: nodes.TableRef, alias: nodes.Name) -> Relation:
        name = self._numbering.unique_name(table.name)
        own = (*table.columns, *table.hidden)
        columns = [
            BoundColumn(column.name, quote_name(column.name), column, visible=column not in table.hidden)
            for column in own
        ]
        relation = self._new_relation(name, columns, alias, Stored(table.name, name, own))
        return replace(relation, qualifiers=_qualifiers(node, table.name))

    def _resolve_resource(self, node: nodes.TableRef) -> Relation:
        resource = self._find_resource(node)
        if resource.view:
            from tokensh.plan.document_views import read_view  # noqa: PLC0415 (few resources are views)

            view = read_view(resource, self.names.parse, self.view_span or node.span)
            return self._resolve_view(view, node, node.alias or node.path[-1])
        return self.scan_of(resource, methods_for_verb(resource, "SELECT", node.span), node)

    def _find_resource(self, node: nodes.TableRef) -> Resource:
        names = self.names
        try:
            found = names.find_resource(node.path)
            return found or names.catalog.find(tuple(part.text for part in node.path), names.namespace, node.span)
        except UnknownName as error:
            near = nearest(path_text(node.path), names.objects.names())
            if near is None:
                raise
            raise UnknownName("table", path_text(node.path), near=near, span=error.span) from None

    def scan_of(
        self,
        resource: Resource,
        candidates: tuple[Method, ...],
        node: nodes.TableRef,
        arguments: tuple[tuple[str, nodes.Expr], ...] = (),
    ) -> Relation:
        """Return a scan that some methods of a resource answer. Raises NotSupportedError at the limit of scans."""
        scan = self._numbering.next_scan(node.span)
        columns = scan_columns(resource, candidates)
        name = self._numbering.unique_name(resource.name)
        table = BoundTable(scan, name, resource, candidates, columns, self.view_span or node.span, arguments)
        alias = self._numbering.unique_name(node.alias.text) if node.alias else name
        relation = self._numbering.next_relation()
        own = tuple(_scan_column(column, scan, alias, relation) for column in columns)
        apart = frozenset(column.name.lower() for column in columns if column.name != column.column.name)
        if apart:  # the fields of these names have no values before they are fetched
            own = tuple(
                replace(column, bases=NO_KEYS, touches=NO_KEYS) if column.name.lower() in apart else column
                for column in own
            )
        source = f"{name} AS {alias}" if node.alias else name
        qualifiers = _qualifiers(node, resource.id)
        return Relation(relation, qualifiers, own, source, frozenset([scan]), origin=table, apart=apart)

    # ---- queries, EXEC and functions

    def _resolve_derived(self, node: nodes.Derived, scope: Scope, ctes: Ctes) -> Relation:
        if isinstance(node.query, nodes.Exec):
            return self._resolve_exec(node.query, node.alias)
        query = self._resolve_query(node.query, scope.outer, ctes)
        return self._relation_of_query(query, node.alias, query.columns)

    def _resolve_exec(self, node: nodes.Exec, alias: nodes.Name | None) -> Relation:
        """Return the rows that EXEC of a method that reads answers with."""
        table = nodes.TableRef(node.target[:-1], alias, span=node.span)
        resource = self._find_resource(table) if table.path else None
        method = find_method(resource, node.target[-1]) if resource else None
        if resource is None or method is None or method.http_method != "GET" or node.body is not None:
            raise NotSupportedError(
                "EXEC in FROM takes resource.method of a method that reads",
                span=node.span,
                hint="SHOW METHODS lists them",
            )
        known = {parameter.name.lower(): parameter.name for parameter in method.routing}
        arguments = []
        for argument in node.arguments:
            if argument.name.lower() not in known:
                near = nearest(argument.name, known.values())
                raise UnknownName("parameter", argument.name, near=near, span=argument.span)
            value = resolve_expression(
                argument.value, Scope(0), lambda query, scope: self._resolve_query(query, scope, {})
            )
            arguments.append((argument.name.lower(), value))
        # The chosen method alone, as if it were the resource's only one for SELECT.
        reading = replace(method, verb="SELECT")
        return self.scan_of(replace(resource, methods=(reading,)), (reading,), table, tuple(arguments))

    def _relation_of_query(
        self, query: BoundQuery, alias: nodes.Name | None, columns: Sequence[BoundColumn]
    ) -> Relation:
        if query.is_correlated:
            # At the top of the statement it could not see the rows around it.
            return self._new_relation(f"({query.sql})", columns, alias, query)
        hoisted = self.hoist(query, alias.text if alias else "q")
        return self._new_relation(hoisted.table, columns, alias, hoisted)

    def hoist(self, query: BoundQuery, name: str) -> HoistedQuery:
        """Return a query as a common table expression at the top of the statement."""
        self._numbering.count_hoisted()
        table = self._numbering.unique_name(name)
        # SQLite 3.40 merges a UNION ALL with the query around it even where there are outer joins, inside or around: it takes
        # a WHERE for an ON then, and finds too many rows, or tables that are not there yet.
        hint = "MATERIALIZED " if " UNION ALL " in query.sql else ""
        return HoistedQuery(table, f"{table} AS {hint}({query.sql})", query)

    def _resolve_table_function(self, node: nodes.TableFunction, scope: Scope, ctes: Ctes, left: From) -> Relation:
        name = node.name[-1].text.lower()
        if name not in TABLE_FUNCTIONS or len(node.name) > 1:
            raise UnknownName("table function", name, near=nearest(name, TABLE_FUNCTIONS), span=node.span)
        function = TABLE_FUNCTIONS[name]
        if not 1 <= len(node.arguments) <= 2:
            message = f"{name}() is given {plural(len(node.arguments), 'argument')}"
            raise ProgrammingError(message, span=node.span, hint=f"write {name}(json [, path])")
        arguments = self._resolve_expressions(node.arguments, replace(scope, source=left), ctes)
        text = f"{function.sqlite_name}({', '.join(map(sql_of, arguments))})"
        # As computed ones: SQLite declares no types, so that it converts nothing to compare them.
        columns = [
            BoundColumn(column, quote_name(column), Column(column, kind), computed_type=kind)
            for column, kind in function.columns
        ]
        return self._new_relation(text, columns, node.alias or nodes.Name(name), TableCall(arguments))

    def _new_relation(
        self, text: str, columns: Sequence[BoundColumn], alias: nodes.Name | None, origin: Origin | None
    ) -> Relation:
        """Return a relation; `sql` of the columns is their name in SQLite without the alias."""
        relation = self._numbering.next_relation()
        name = self._numbering.unique_name(alias.text if alias else "t")
        qualifiers = frozenset([(alias.text.lower(),)] if alias else [])
        own = tuple(replace(column, sql=f"{name}.{column.sql}", relations=frozenset([relation])) for column in columns)
        needs = frozenset[int]()
        standalone = True
        match origin:
            case HoistedQuery():
                needs = origin.query.needs
            case SharedQuery():
                needs, standalone = origin.hoisted.query.needs, not origin.hoisted.query.is_correlated
            case BoundQuery():
                needs, standalone = origin.needs, False
            case TableCall():
                needs = scans_below(NO_TABLES, origin.arguments)
                standalone = not any(references(origin.arguments))
            case _:
                pass
        return Relation(relation, qualifiers, own, f"{text} AS {name}", needs, standalone, origin)

    def _resolve_expressions(self, exprs: tuple[nodes.Expr, ...], scope: Scope, ctes: Ctes) -> tuple[nodes.Expr, ...]:
        return resolve_expression(
            exprs, scope, lambda query, inner: self._resolve_query(query, inner, ctes), self.view_span
        )

    # ---- joins

    def _resolve_join(self, node: nodes.Join, scope: Scope, ctes: Ctes, before: From) -> From:
        if node.natural and (node.on is not None or node.using):
            span = node.on.span if node.on is not None else node.using[0].span
            raise ProgrammingError("a NATURAL join takes no ON and no USING", span=span, hint="leave NATURAL out")
        left = self.resolve(node.left, scope, ctes, before)
        right = self.resolve(node.right, scope, ctes, before.beside(left))
        _refuse_equal_names(left, right, node.right.span)
        both = left.beside(right)
        pairs = _equal_columns(node, left, right)
        conditions = [_print_equality(a, b, check_equal_columns(a, b, node.span, self.view_span)) for a, b in pairs]
        on = None
        if node.on is not None:
            (on,) = self._resolve_expressions((node.on,), replace(scope, source=both), ctes)
            check_conditions((on,), self.view_span)
            on = guard_condition(on, self.view_span) or on
            conditions.append(sql_of(on))
        joins = (*both.joins, BoundJoin(on, pairs, restricted_relations(node.kind, left, right)))
        match node.kind:
            case "SEMI" | "ANTI":
                return _keep_matches(left, right, conditions, joins, negated=node.kind == "ANTI")
            case "RIGHT SEMI" | "RIGHT ANTI":
                return _keep_matches(right, left, conditions, joins, negated=node.kind == "RIGHT ANTI")
            case _:
                pass
        # A join on the right was in parentheses in the statement too.
        text = right.sql if len(right.relations) == 1 else f"({right.sql})"
        word = {"INNER": "JOIN", "CROSS": "JOIN", "COMMA": "JOIN"}.get(node.kind, f"{node.kind} JOIN")
        condition = f" ON {' AND '.join(conditions)}" if conditions else ""
        merged = tuple(merged_column(node.kind, a, b) for a, b in pairs)
        # Standard SQL: `*` shows what USING merges once, before the other columns.
        dropped = {column.sql for pair in pairs for column in pair}
        return From(
            f"{left.sql} {word} {text}{condition}",
            both.relations,
            (*merged, *(column for column in both.star if column.sql not in dropped)),
            (*both.merged, *merged),
            joins,
        )


def _keep_matches(
    kept: From, other: From, conditions: Sequence[str], joins: tuple[BoundJoin, ...], *, negated: bool
) -> From:
    """Return the rows of one side for which the other has a match, or none; the names of the other side end there."""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    exists = f"{'NOT ' if negated else ''}EXISTS (SELECT 1 FROM {other.sql}{where})"  # noqa: S608 (printed by us)
    hidden = (replace(relation, columns=(), qualifiers=frozenset()) for relation in other.relations)
    sql = kept.sql if len(kept.relations) == 1 else f"({kept.sql})"
    return From(f"{sql} JOIN (SELECT 1) ON {exists}", (*kept.relations, *hidden), kept.star, kept.merged, joins)


def _equal_columns(node: nodes.Join, left: From, right: From) -> tuple[tuple[BoundColumn, BoundColumn], ...]:
    """Return the pairs of columns that USING or NATURAL makes equal. Raises UnknownName, ProgrammingError."""
    names = node.using
    if node.natural:
        others = {column.name.lower() for column in right.star}
        names = tuple(nodes.Name(column.name) for column in left.star if column.name.lower() in others)

    def find(side: From, name: nodes.Name) -> BoundColumn:
        return Scope(0, None, side).resolve(nodes.ColumnRef((name,), name.span)).column

    return tuple((find(left, name), find(right, name)) for name in names)


def _rename_visible(relation: Relation, node: nodes.TableRef | nodes.Derived | nodes.TableFunction) -> Relation:
    """Return a relation with the column names behind its alias: of fewer names than columns, the rest keep theirs."""
    if not node.columns or node.alias is None:
        return relation
    visible = [column for column in relation.columns if column.visible and not column.newer]
    named = visible[: len(node.columns)]
    renamed = dict(zip((c.sql for c in named), rename_columns(named, node.columns, node.alias), strict=True))
    return replace(relation, columns=tuple(renamed.get(column.sql, column) for column in relation.columns))


def _refuse_equal_names(left: From, right: From, span: Span) -> None:
    """Raise ProgrammingError if nothing that can stand before a column tells two tables apart."""
    for table in right.relations:
        for other in left.relations:
            common = table.qualifiers & other.qualifiers
            if common and common in (table.qualifiers, other.qualifiers):
                name = min(map(".".join, common), key=len)
                hint = f"give one another alias: {name} AS {name}_2"
                raise ProgrammingError(f"two tables are called {name}", span=span, hint=hint)


def _qualifiers(node: nodes.TableRef, full_name: str) -> frozenset[tuple[str, ...]]:
    """Return the dotted names that may stand before the columns of a table: its alias, or its name with any part of its place."""
    if node.alias is not None:
        return frozenset([(node.alias.text.lower(),)])
    return name_suffixes(full_name) | {tuple(part.text.lower() for part in node.path)}


def _scan_column(column: ScanColumn, scan: int, alias: str, relation: int) -> BoundColumn:
    """Return a scan's column as it can be referred to."""
    name = column.column.name
    key = frozenset([(scan, column.name.lower())])
    sql = f"{alias}.{quote_name(name)}"
    relations = frozenset([relation])
    return BoundColumn(name, sql, column.column, key, key, relations, column.visible, column.newer)


def _print_equality(left: BoundColumn, right: BoundColumn, checked: tuple[nodes.Expr, nodes.Expr]) -> str:
    if left.names_workspace or right.names_workspace:
        return f"{left.canonical_sql()} = {right.canonical_sql()}"
    return " = ".join(map(sql_of, checked))
