"""Resolve queries: parsed queries -> bound ones, with the text that SQLite runs over what is fetched."""

from __future__ import annotations

from collections.abc import Sequence

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import NotSupportedError, ProgrammingError, Span, UnknownName, assert_never
from tokensh.functions.declaration import common_type
from tokensh.plan.aggregate_checks import check_select
from tokensh.plan.bare_columns import refuse_bare_columns
from tokensh.plan.bound import (
    NO_KEYS,
    NO_TABLES,
    BoundColumn,
    BoundCompound,
    BoundQuery,
    BoundReference,
    BoundSelect,
    BoundValues,
    HoistedQuery,
    Key,
    references_outside,
    scans_below,
)
from tokensh.plan.expression_types import common_expression_type
from tokensh.plan.from_clause import CteDefinition, Ctes, FromResolver, RecursiveCte
from tokensh.plan.grouping import Grouping, has_sets, list_sets, regroup_column
from tokensh.plan.joins import common_column
from tokensh.plan.names import Names
from tokensh.plan.pushdown import is_random
from tokensh.plan.resolve import (
    MOST_UNSHARED_TABLES,
    Numbering,
    T,
    group_by_name,
    item_column,
    rename_columns,
    resolve_expression,
    sql_of,
)
from tokensh.plan.scope import Scope
from tokensh.plan.select_list import (
    check_row_lengths,
    is_aggregate,
    is_ordinal,
    order_item_sql,
    ordinal,
    refers_to_table,
    unique_names,
    whole_number,
)
from tokensh.plan.slip_checks import refuse_missing_comma
from tokensh.plan.type_checks import check_conditions, check_equal_columns
from tokensh.plan.value_queries import guard_condition
from tokensh.rows import Column, ColumnType
from tokensh.sql import nodes, unparse
from tokensh.sql.quoting import quote_name
from tokensh.sql.visit import walk
from tokensh.text import nearest


@dataclass(slots=True)
class _Recursion:
    """A recursive CTE that is being resolved: its columns are those of the first arm, and the other arms may refer to them.

    `types` are those of its columns, as far as they are known; without them, those of the first arm.
    """

    node: nodes.Cte
    table: str
    types: tuple[ColumnType, ...] = ()
    columns: tuple[BoundColumn, ...] = ()

    def start(self, first_arm: Sequence[BoundColumn], ctes: Ctes) -> Ctes:
        """Return the CTEs for the arms after the first."""
        named = rename_columns(first_arm, self.node.columns, self.node.name)
        self.types = self.types or tuple(column.type for column in named)
        # The arms that follow may give other types, and predicates on the result do not hold for each step of the recursion.
        self.columns = tuple(
            replace(
                column,
                sql=quote_name(column.name),
                bases=NO_KEYS,
                column=replace(column.column, type="any"),
                computed_type=kind,
            )
            for column, kind in zip(named, self.types, strict=True)
        )
        return {**ctes, self.node.name.text.lower(): RecursiveCte(self.table, self.columns)}

    def common_types(self, result: Sequence[BoundColumn]) -> tuple[ColumnType, ...]:
        """Return the types that the columns have after all arms."""
        return tuple(common_type((kind, column.type)) for kind, column in zip(self.types, result, strict=True))


_MOST_ARMS = 400


class QueryResolver:
    """Resolves the queries of one statement.

    `view_span` is what errors point at if the query is not in the statement's text but in a view. Without `shares` a CTE or a
    view is resolved anew for each reference, which statements of few tables can afford.
    """

    def __init__(self, names: Names, view_span: Span | None = None, *, shares: bool = True) -> None:
        self.names = names
        self.numbering = Numbering() if shares else Numbering(MOST_UNSHARED_TABLES)
        self.tables = FromResolver(names, self.numbering, self.resolve, view_span, shares=shares)

    # ---- queries

    def resolve(
        self, node: nodes.Query, outer: Scope | None, ctes: Ctes, recursion: _Recursion | None = None
    ) -> BoundQuery:
        """Return a query resolved inside of `outer`. Raises ProgrammingError and its leaves."""
        inner = self._resolve_with(node, outer, ctes)
        query = self._resolve_body(node, outer, inner, recursion)
        for name in (cte.name.text.lower() for cte in node.ctes):
            cte = inner[name]
            if isinstance(cte, CteDefinition) and not cte.is_used:
                # Its mistakes are reported although it is not part of the plan. A resolver of its own keeps its scans and names
                # out of this statement.
                unused = QueryResolver(self.names, self.tables.view_span)
                unused.resolve(cte.query, cte.outer, cte.visible_ctes)
        own = [inner[cte.name.text.lower()] for cte in node.ctes]
        local = [cte.local_definition for cte in own if isinstance(cte, CteDefinition) and cte.local_definition]
        if local:
            query = replace(query, sql=f"WITH {', '.join(local)} {query.sql}")
        if node.limit is None and node.offset is None:
            return query
        # A predicate asked below LIMIT would change which rows are the first ones.
        return replace(query, columns=tuple(replace(column, bases=NO_KEYS) for column in query.columns))

    def _resolve_body(
        self, node: nodes.Query, outer: Scope | None, ctes: Ctes, recursion: _Recursion | None
    ) -> BoundQuery:
        match node.body:
            case nodes.Select():
                return self._resolve_select(node.body, node, outer, ctes)
            # Parentheses around the whole query: nothing of their own to keep them for.
            case nodes.Query() if not (node.order or node.limit or node.offset):
                return self.resolve(node.body, outer, ctes)
            case nodes.Values() | nodes.Compound() | nodes.Query():
                query = self._resolve_arm(node.body, outer, ctes, recursion)
                if isinstance(node.body, nodes.Values) and (node.order or node.limit or node.offset):
                    # SQLite takes neither ORDER BY nor LIMIT behind VALUES.
                    query = replace(query, sql=f"SELECT * FROM ({query.sql})")  # noqa: S608 (bound names only)
                order = [_order_of_result(item, query.columns) for item in node.order]
                limits = self._resolve_limits(node)
                return replace(
                    query,
                    sql=query.sql + _tail_sql(order, limits),
                    needs=query.needs | scans_below(NO_TABLES, limits),
                    limits=limits,
                )
            case _:
                assert_never(node.body)

    def define_ctes(self, node: nodes.Query) -> Ctes:
        """Return the common table expressions of a statement that is not a query itself."""
        return self._resolve_with(node, None, {})

    def _resolve_with(self, node: nodes.Query, outer: Scope | None, ctes: Ctes) -> Ctes:
        inner = dict(ctes)
        defined: set[str] = set()
        for cte in node.ctes:
            name = cte.name.text.lower()
            if name in defined:
                raise ProgrammingError(f"the name {cte.name.text!r} is given to two WITH queries", span=cte.name.span)
            defined.add(name)
            # WITH RECURSIVE allows recursion and does not demand it: what does not refer to itself can be resolved per reference.
            if node.recursive and refers_to_table(cte.query, name):
                inner[name] = self._resolve_recursive(cte, outer, dict(inner))
            else:
                inner[name] = CteDefinition(cte, dict(inner), outer)
        return inner

    def _resolve_recursive(self, cte: nodes.Cte, outer: Scope | None, ctes: Ctes) -> RecursiveCte:
        recursion = _Recursion(cte, self.numbering.unique_name(cte.name.text))
        query = self.resolve(cte.query, outer, ctes, recursion)
        # Where a later arm gives other types than the first, it was resolved with the wrong ones. They only get wider, from
        # integer to number to any, so that this ends.
        while recursion.columns and (types := recursion.common_types(query.columns)) != recursion.types:
            recursion = _Recursion(cte, recursion.table, types)
            query = self.resolve(cte.query, outer, ctes, recursion)
        if query.is_correlated:
            raise NotSupportedError("a recursive query cannot refer to the query around it", span=cte.name.span)
        # Without a set operation nothing can recurse; the name inside meant another table.
        if not recursion.columns:
            recursion.start(query.columns, ctes)
        names = ", ".join(column.sql for column in recursion.columns)
        hoisted = HoistedQuery(recursion.table, f"{recursion.table} ({names}) AS ({query.sql})", query)
        return RecursiveCte(recursion.table, recursion.columns, hoisted)

    def _resolve_arm(
        self, node: nodes.Body, outer: Scope | None, ctes: Ctes, recursion: _Recursion | None = None
    ) -> BoundQuery:
        """Return a body without ORDER BY and LIMIT of its own."""
        match node:
            case nodes.Select():
                return self._resolve_select(node, nodes.Query(node), outer, ctes)
            case nodes.Values():
                return self._resolve_values(node, outer, ctes)
            case nodes.Compound():
                return self._resolve_compound(node, outer, ctes, recursion)
            case nodes.Query():
                return self._select_from_arm(self.resolve(node, outer, ctes))
            case _:
                assert_never(node)

    def _select_from_arm(self, query: BoundQuery) -> BoundQuery:
        """Return a query as SELECT * of it: SQLite takes no parentheses around an arm."""
        if query.is_correlated:
            sql = f"SELECT * FROM ({query.sql})"  # noqa: S608 (bound names only)
            return BoundQuery(sql, query.columns, query, query.needs, query.outer_references)
        hoisted = self.tables.hoist(query, "q")
        return BoundQuery(f"SELECT * FROM {hoisted.table}", query.columns, hoisted, query.needs)  # noqa: S608

    def _resolve_values(self, node: nodes.Values, outer: Scope | None, ctes: Ctes) -> BoundQuery:
        check_row_lengths(node)
        scope = Scope(self.numbering.next_scope(), outer)
        rows = self._resolve_expression(node.rows, scope, ctes)
        text = ", ".join(f"({', '.join(map(sql_of, row))})" for row in rows)
        names = [f"column{i}" for i in range(1, len(rows[0]) + 1)]
        types = map(common_expression_type, zip(*rows, strict=True))
        return BoundQuery(
            f"VALUES {text}",
            tuple(
                BoundColumn(name, quote_name(name), Column(name), computed_type=kind)
                for name, kind in zip(names, types, strict=True)
            ),
            BoundValues(rows),
            scans_below(scope.source, rows),
            references_outside(scope.id, scope.source, rows),
        )

    def _resolve_compound(
        self, node: nodes.Compound, outer: Scope | None, ctes: Ctes, recursion: _Recursion | None
    ) -> BoundQuery:
        for operator, _ in node.parts:
            if operator in ("INTERSECT ALL", "EXCEPT ALL"):
                hint = f"use {operator.split()[0]}"
                raise NotSupportedError(f"{operator} is not offered", span=node.span, hint=hint)
        arms = [self._resolve_arm(node.first, outer, ctes)]
        if recursion is not None:
            # Until here the name means what it means outside: the first arm cannot refer to itself.
            ctes = recursion.start(arms[0].columns, ctes)
        columns = arms[0].columns
        sql = [arms[0].sql]
        for operator, body in node.parts:
            arm = self._resolve_arm(body, outer, ctes)
            span = node.span if body is node.parts[-1][1] else Span(node.span.start, body.span.end)
            if len(arm.columns) != len(columns):
                raise ProgrammingError(
                    f"the sides of {operator} have {len(columns)} and {len(arm.columns)} columns",
                    span=span,
                )
            added = arm.sql
            if operator in ("INTERSECT", "EXCEPT"):
                view_span = self.tables.view_span
                checked = [
                    check_equal_columns(a, b, span, view_span) for a, b in zip(columns, arm.columns, strict=True)
                ]
                sql = [_guard_arm(" ".join(sql), columns, [left for left, _ in checked])]
                added = _guard_arm(arm.sql, arm.columns, [right for _, right in checked])
            columns = tuple(map(common_column, columns, arm.columns))
            # SQLite takes 500 arms at once. From the left, so that any operators may be mixed.
            if len(arms) % _MOST_ARMS == 0:
                sql = [f"SELECT * FROM ({' '.join(sql)})"]  # noqa: S608 (bound names only)
            sql += [operator, added]
            arms.append(arm)
        needs = frozenset[int]().union(*(arm.needs for arm in arms))
        outer_references = tuple(reference for arm in arms for reference in arm.outer_references)
        return BoundQuery(" ".join(sql), columns, BoundCompound(tuple(arms)), needs, outer_references)

    def _resolve_limits(self, node: nodes.Query) -> tuple[nodes.Expr, ...]:
        """Return LIMIT and OFFSET, as far as given; they may refer to nothing around them."""
        # SQLite takes OFFSET behind LIMIT alone; a negative limit limits nothing.
        limit = _NO_LIMIT if node.limit is None and node.offset is not None else node.limit
        given = [("LIMIT", limit), ("OFFSET", node.offset)]
        exprs = tuple(whole_number(expr, word) for word, expr in given if expr is not None)
        return self._resolve_expression(exprs, Scope(0), {})

    def _resolve_expression(self, tree: T, scope: Scope, ctes: Ctes) -> T:
        return resolve_expression(
            tree, scope, lambda query, inner: self._resolve_inside(query, inner, ctes), self.tables.view_span
        )

    def _resolve_inside(self, node: nodes.Query, scope: Scope, ctes: Ctes) -> BoundQuery:
        """Return a query inside an expression."""
        query = self.resolve(node, scope, ctes)
        if query.is_correlated or not is_random(query):
            return query
        # Its rows may be a parameter's values too: those and the ones of the statement must be the same.
        return self._select_from_arm(query)

    # ---- SELECT

    def _resolve_select(self, node: nodes.Select, query: nodes.Query, outer: Scope | None, ctes: Ctes) -> BoundQuery:
        scope = Scope(self.numbering.next_scope(), outer)
        if node.source is not None:
            scope = replace(scope, source=self.tables.resolve(node.source, scope, ctes))
        grouping = self._resolve_grouping(node, query.order, scope, ctes)
        exprs, columns = self._resolve_items(node.items, scope, ctes, grouping)
        # As in SQLite, every clause but the select list itself may use the names that the select list gives.
        scope = replace(scope, aliases=group_by_name(columns))
        clauses = (node.where, () if grouping else node.group, node.having, node.qualify)
        where, group, having, qualify = self._resolve_expression(clauses, scope, ctes)
        check_conditions((where, having, qualify), self.tables.view_span)
        where, having, qualify = (guard_condition(part, self.tables.view_span) for part in (where, having, qualify))
        if node.group_all:
            group = _find_plain_items(exprs, columns)
        windows = self._resolve_expression(tuple(window for _, window in node.windows), scope, ctes)
        if grouping is not None:
            group = grouping.group
            having, qualify, windows = grouping.apply((having, qualify, windows))
            having = grouping.keep_groups(having)
            scope = replace(scope, source=grouping.source(scope.source, where))
        order, order_texts = self._resolve_order(query.order, scope, ctes, columns, grouping)
        limits = self._resolve_limits(query)
        view_span = self.tables.view_span
        select = BoundSelect(scope.id, scope.source, exprs, where, group, having, windows, order, view_span, qualify)
        check_select(select, node, columns, query.order)
        refuse_bare_columns(select, node, columns)
        positions = _positions(columns)
        group_texts = [_group_sql(expr, positions, len(columns)) for expr in group]
        result = unique_names(columns)
        shown = ", ".join(f"{column.sql} AS {name.sql}" for column, name in zip(columns, result, strict=True))
        written = replace(select, where=None) if grouping is not None and grouping.has_total else select
        if qualify is None:
            text = _select_sql(node, written, shown, group_texts)
        else:
            text, order_texts = _filter_windows_sql(node, written, shown, group_texts, result, query.order, order_texts)
        return BoundQuery(
            text + _tail_sql(order_texts, limits),
            _pushable_columns(select, columns, result, group_texts),
            select,
            scans_below(scope.source, *select.parts, limits),
            references_outside(scope.id, scope.source, *select.parts),
            limits,
        )

    def _resolve_grouping(
        self, node: nodes.Select, order: Sequence[nodes.OrderItem], scope: Scope, ctes: Ctes
    ) -> Grouping | None:
        """Return the grouping sets of a SELECT; None if its GROUP BY has no more than one."""
        if not has_sets(node, order):
            return None
        named = {
            item.alias.text.lower(): item.expr for item in node.items if isinstance(item, nodes.Item) and item.alias
        }

        def resolve_key(key: nodes.Expr) -> nodes.Expr:
            if is_ordinal(key):
                item = node.items[int(ordinal(key, len(node.items))) - 1]
                key = item.expr if isinstance(item, nodes.Item) else key
            elif isinstance(key, nodes.ColumnRef) and len(key.path) == 1 and key.name.text.lower() in named:
                try:
                    return self._resolve_expression(key, scope, ctes)
                except UnknownName:
                    key = named[key.name.text.lower()]
            return self._resolve_expression(key, scope, ctes)

        sets = [tuple(map(resolve_key, keys)) for keys in list_sets(node.group, node.span)]
        keys = {sql_of(key): key for keys in sets for key in keys}
        texts = tuple(keys)
        present = [{sql_of(key) for key in keys} for keys in sets]
        masks = tuple(sum(1 << i for i, text in enumerate(texts) if text not in own) for own in present)
        table = self.numbering.unique_name("sets")
        return Grouping(tuple(keys.values()), texts, masks, table, scope.id, self.numbering.next_relation())

    def _resolve_items(
        self, items: Sequence[nodes.Item | nodes.Star], scope: Scope, ctes: Ctes, grouping: Grouping | None
    ) -> tuple[tuple[nodes.Expr, ...], list[BoundColumn]]:
        """Return the expressions of a select list, and its columns; `*` has columns alone."""
        exprs: list[nodes.Expr] = []
        columns: list[BoundColumn] = []
        for item in items:
            if isinstance(item, nodes.Item):
                expr = self._resolve_expression(item.expr, scope, ctes)
                refuse_missing_comma(item, scope.source)
                column = item_column(item, expr)
                if grouping is not None:
                    grouped = grouping.apply(expr)
                    column, expr = regroup_column(column, expr, grouped), grouped
                exprs.append(expr)
                columns.append(column)
                continue
            star = scope.star(item.path, item.span)
            if not star:
                raise ProgrammingError("* needs a table in FROM", span=item.span)
            if grouping is not None:
                references = [BoundReference(column, scope.id, item.span) for column in star]
                star = tuple(regroup_column(r.column, r, grouping.apply(r)) for r in references)
            columns += star
        return tuple(exprs), columns

    def _resolve_order(
        self,
        items: Sequence[nodes.OrderItem],
        scope: Scope,
        ctes: Ctes,
        columns: Sequence[BoundColumn],
        grouping: Grouping | None,
    ) -> tuple[tuple[nodes.Expr, ...], list[str]]:
        """Return the expressions of ORDER BY that are not names of the select list, and the texts of all."""
        exprs: list[nodes.Expr] = []
        texts: list[str] = []
        positions = _positions(columns)
        for item in items:
            alias = scope.alias(item.expr) if isinstance(item.expr, nodes.ColumnRef) else None
            if alias is not None:
                # By number: of two columns with one name, the second has another name in SQLite.
                text = str(positions[id(alias)])
            elif is_ordinal(item.expr):
                text = ordinal(item.expr, len(columns))
            else:
                expr = self._resolve_expression(item.expr, scope, ctes)
                if grouping is not None:
                    expr = grouping.apply(expr)
                exprs.append(expr)
                text = sql_of(expr)
            texts.append(order_item_sql(text, item))
        return tuple(exprs), texts


# ---- text for SQLite


def _guard_arm(sql: str, columns: Sequence[BoundColumn], exprs: Sequence[nodes.Expr]) -> str:
    """Return the text of a query whose columns are looked at as the query runs, if one of the expressions is a guard."""
    if all(isinstance(expr, BoundReference) for expr in exprs):
        return sql
    items = (f"{sql_of(expr)} AS {column.sql}" for column, expr in zip(columns, exprs, strict=True))
    return f"SELECT {', '.join(items)} FROM ({sql})"  # noqa: S608 (bound names only)


def _select_sql(node: nodes.Select, select: BoundSelect, shown: str, group: Sequence[str]) -> str:
    text = f"SELECT {'DISTINCT ' if node.distinct else ''}{shown}"
    if select.source.sql:
        text += f" FROM {select.source.sql}"
    if select.where is not None:
        text += f" WHERE {sql_of(select.where)}"
    if group:
        text += f" GROUP BY {', '.join(group)}"
    if select.having is not None:
        text += f" HAVING {sql_of(select.having)}"
    if select.windows:
        named = zip(node.windows, select.windows, strict=True)
        windows = (f"{quote_name(name.text)} AS ({unparse.window(window, sqlite=True)})" for (name, _), window in named)
        text += f" WINDOW {', '.join(windows)}"
    return text


_NO_LIMIT = nodes.Unary("-", nodes.Literal("number", "1"))
_QUALIFY = quote_name("tokensh:qualify")


def _filter_windows_sql(  # noqa: PLR0913, PLR0917 (what a SELECT consists of)
    node: nodes.Select,
    select: BoundSelect,
    shown: str,
    group: Sequence[str],
    result: Sequence[BoundColumn],
    items: Sequence[nodes.OrderItem],
    order: Sequence[str],
) -> tuple[str, list[str]]:
    """Return a SELECT with QUALIFY, which SQLite lacks, as a query in FROM, and its ORDER BY."""
    inside = [shown, f"{sql_of(select.qualify)} AS {_QUALIFY}" if select.qualify is not None else "1"]
    outside: list[str] = []
    for number, (item, text) in enumerate(zip(items, order, strict=True), 1):
        value = text.removesuffix(order_item_sql("", item))
        if value.isdecimal():
            outside.append(text)
            continue
        name = quote_name(f"tokensh:order {number}")
        inside.append(f"{value} AS {name}")
        outside.append(order_item_sql(name, item))
    rows = _select_sql(replace(node, distinct=False), select, ", ".join(inside), group)
    names = ", ".join(column.sql for column in result)
    distinct = "DISTINCT " if node.distinct else ""
    return f"SELECT {distinct}{names} FROM ({rows}) WHERE {_QUALIFY}", outside  # noqa: S608 (printed by us)


def _find_plain_items(exprs: Sequence[nodes.Expr], columns: Sequence[BoundColumn]) -> tuple[nodes.Expr, ...]:
    """Return the numbers of the columns that GROUP BY ALL groups by: those that no aggregate makes."""
    gathered = {
        sql_of(expr)
        for expr in exprs
        if any(isinstance(node, nodes.Call) and (node.over is not None or is_aggregate(node)) for node in walk(expr))
    }
    numbers = (number for number, column in enumerate(columns, 1) if column.sql not in gathered)
    return tuple(nodes.Literal("number", str(number)) for number in numbers)


def _positions(columns: Sequence[BoundColumn]) -> dict[int, int]:
    """Return the number of each column of a select list by its identity: comparing columns would make long lists quadratic."""
    return {id(column): position for position, column in reversed(list(enumerate(columns, 1)))}


def _group_sql(expr: nodes.Expr, positions: dict[int, int], width: int) -> str:
    if is_ordinal(expr):
        return ordinal(expr, width)
    # An item of the select list by its number: its text may be a number itself.
    if isinstance(expr, BoundReference) and not expr.column.relations and id(expr.column) in positions:
        return str(positions[id(expr.column)])
    return sql_of(expr)


def _order_of_result(item: nodes.OrderItem, columns: Sequence[BoundColumn]) -> str:
    """Return an item of ORDER BY behind a set operation: a column of the result, by name or number."""
    expr = item.expr
    if not isinstance(expr, nodes.ColumnRef) or len(expr.path) > 1:
        return order_item_sql(ordinal(expr, len(columns)), item)
    name = expr.name.text.lower()
    position = next((i for i, column in enumerate(columns, 1) if column.name.lower() == name), None)
    if position is None:
        near = nearest(name, [column.name for column in columns])
        raise UnknownName("column", expr.name.text, near=near, span=expr.span)
    return order_item_sql(str(position), item)


def _tail_sql(order: Sequence[str], limits: Sequence[nodes.Expr]) -> str:
    text = f" ORDER BY {', '.join(order)}" if order else ""
    # OFFSET may be missing.
    return text + "".join(f" {word} {sql_of(expr)}" for word, expr in zip(("LIMIT", "OFFSET"), limits, strict=False))


def _pushable_columns(
    select: BoundSelect, columns: Sequence[BoundColumn], result: Sequence[BoundColumn], group: Sequence[str]
) -> tuple[BoundColumn, ...]:
    """Return the result's columns, with bases where a predicate on one may be asked before the rest is worked out."""
    # A window function sees all rows of its partition and an aggregate all of its group: fewer rows would change their values.
    # Only what GROUP BY names is the same for every row of a group.
    calls = [node for node in walk((select.items, select.having, select.qualify)) if isinstance(node, nodes.Call)]
    is_windowed = any(call.over is not None for call in calls)
    is_grouped = bool(group) or any(map(is_aggregate, calls))
    grouped = frozenset(group)

    def bases(position: int, column: BoundColumn) -> frozenset[Key]:
        is_group = column.sql in grouped or str(position) in grouped
        return NO_KEYS if is_windowed or (is_grouped and not is_group) else column.bases

    return tuple(
        replace(named, bases=bases(position, column))
        for position, (column, named) in enumerate(zip(columns, result, strict=True), 1)
    )
