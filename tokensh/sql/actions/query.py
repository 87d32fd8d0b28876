"""Actions of queries: WITH, SELECT, FROM, windows, set operations, ORDER BY and LIMIT."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, cast

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql import nodes
from tokensh.sql.actions.registry import (
    Children,
    child_rules,
    join_keywords,
    keyword_rules,
    list_rules,
    make_name,
    rule,
    source_rule,
)

child_rules(2, "partition_by")
child_rules(1, "from", "where", "having", "qualify", "on", "using", "offset")


list_rules(0, "items", "value_row")
list_rules(1, "windows")
list_rules(2, "order_by", "group_by")
keyword_rules(
    "set_operator", "quantifier", "join_kind", "direction", "nulls", "frame_unit", "exclude", "locking", "materialized"
)


def as_query(body: nodes.Body) -> nodes.Query:
    """Return a query of any form as a Query; one that was in parentheses is a Query already."""
    return body if isinstance(body, nodes.Query) else nodes.Query(body, span=body.span)


@rule("query")
def _build_query(children: Children, span: Span) -> nodes.Query:
    body = children[0]
    if len(children) == 1:
        return nodes.Query(body, span=span)
    order, limit, offset = children[1]
    return nodes.Query(body, order=order, limit=limit, offset=offset, span=span)


@rule("with_query")
def _build_with_query(children: Children, span: Span) -> nodes.Query:
    (recursive, ctes), body, tail = children
    order, limit, offset = tail or ((), None, None)
    return nodes.Query(body, ctes=ctes, recursive=recursive, order=order, limit=limit, offset=offset, span=span)


@rule("with")
def _build_with(children: Children, _: Span) -> tuple[bool, tuple[nodes.Cte, ...]]:
    return children[1] is not None, tuple(children[2:])


@rule("cte")
def _build_cte(children: Children, _: Span) -> nodes.Cte:
    # A CTE is evaluated once in any case, so that the hint says nothing new.
    name, columns, _as, _materialized, query = children
    return nodes.Cte(make_name(name), columns or (), query)


class _Limit(NamedTuple):
    limit: nodes.Expr | None
    offset: nodes.Expr | None


@rule("limit")
def _build_limit(children: Children, _: Span) -> _Limit:
    return _Limit(children[1], None)


@rule("limit_offset")
def _build_limit_offset(children: Children, _: Span) -> _Limit:
    return _Limit(children[1], children[2])


@rule("limit_all", "offset_alone")
def _build_offset_alone(children: Children, _: Span) -> _Limit:
    return _Limit(None, children[-1])


@rule("offset_fetch")
def _build_offset_fetch(children: Children, _: Span) -> _Limit:
    return _Limit(children[1], children[0])


@rule("fetch")
def _build_fetch(children: Children, span: Span) -> nodes.Expr:
    _fetch, _first, count, _rows, *ending = children
    if len(ending) > 1:
        hint = "for the rows that tie, filter by rank() OVER (ORDER BY ...) in QUALIFY"
        raise SqlSyntaxError("WITH TIES is not offered", span=span, hint=hint)
    return nodes.Literal("number", "1", span) if count is None else count


@rule("offset_limit")
def _build_offset_limit(children: Children, _: Span) -> _Limit:
    return _Limit(children[2], children[1])


@rule("tail")
def _build_tail(
    children: Children, _: Span
) -> tuple[tuple[nodes.OrderItem, ...], nodes.Expr | None, nodes.Expr | None]:
    # ORDER BY is a tuple; a locking clause is text, which means nothing here.
    order = next((child for child in children if isinstance(child, tuple) and not isinstance(child, _Limit)), ())
    limits = next((child for child in children if isinstance(child, _Limit)), None)
    return (order, limits.limit, limits.offset) if limits else (order, None, None)


@rule("order_item")
def _build_order_item(children: Children, _: Span) -> nodes.OrderItem:
    expr, direction, nulls = children
    return nodes.OrderItem(expr, direction, cast("Any", nulls.split()[-1]) if nulls else None)


@rule("values")
def _build_values(children: Children, span: Span) -> nodes.Values:
    return nodes.Values(tuple(children[1:]), span)


@rule("default_value")
def _build_default_value(_children: Children, span: Span) -> nodes.Literal:
    return nodes.Literal("default", "", span)


@rule("compound")
def _build_compound(children: Children, span: Span) -> nodes.Compound:
    # DISTINCT is what a set operation does without ALL.
    first, *rest = children
    parts = zip(rest[::2], rest[1::2], strict=True)
    return nodes.Compound(first, tuple((operator.replace(" DISTINCT", ""), arm) for operator, arm in parts), span)


@rule("select")
def _build_select(children: Children, span: Span) -> nodes.Select:
    # The quantifiers SQL_CACHE and SQL_NO_CACHE are hints for MySQL's cache; ALL is the default.
    _select_word, quantifier, items, source, where, group, having, qualify, windows = children
    return nodes.Select(
        items=items,
        source=source,
        where=where,
        group=() if group is True else group or (),
        having=having,
        windows=windows or (),
        distinct=quantifier in ("DISTINCT", "DISTINCTROW"),
        qualify=qualify,
        group_all=group is True,
        span=span,
    )


@rule("group_item")
def _build_group_item(children: Children, span: Span) -> nodes.Expr:
    expr: nodes.Expr = children[0]
    match expr:
        case nodes.Call(name=(nodes.Name(quoted=False) as name,), over=None, filter=None) if (
            name.text.upper() == "ROLLUP"
        ):
            return nodes.GroupingSets("ROLLUP", expr.arguments, span)
        case nodes.Call(name=(nodes.Name(quoted=False) as name,), over=None, filter=None) if (
            name.text.upper() == "CUBE"
        ):
            return nodes.GroupingSets("CUBE", expr.arguments, span)
        case _:
            return expr


@rule("grouping_sets")
def _build_grouping_sets(children: Children, span: Span) -> nodes.GroupingSets:
    return nodes.GroupingSets("GROUPING SETS", tuple(children[2:]), span)


@rule("empty_set")
def _build_empty_set(_children: Children, span: Span) -> nodes.RowExpr:
    return nodes.RowExpr((), span)


@rule("group_by_all")
def _build_group_by_all(_children: Children, _: Span) -> bool:
    return True


@source_rule("item")
def _build_item(text: str, children: Children, span: Span) -> nodes.Item:
    # The text names the column, so it ends before the alias, which is part of the rule's span.
    expr, alias = children
    end = alias.span.start if alias else span.end
    written = text[span.start : end].strip()
    is_bare = alias is not None and not re.search(r"(?i)\bAS$", written)
    return nodes.Item(expr, alias, written, is_bare)


@rule("star")
def _build_star(_children: Children, span: Span) -> nodes.Star:
    return nodes.Star((), span)


@rule("qualified_star")
def _build_qualified_star(children: Children, span: Span) -> nodes.Star:
    return nodes.Star(children[0], span)


@rule("table")
def _build_table(children: Children, span: Span) -> nodes.TableRef:
    path, alias = children
    name, columns = alias or (None, ())
    return nodes.TableRef(path, name, columns, span)


@rule("table_function")
def _build_table_function(children: Children, span: Span) -> nodes.TableFunction:
    path, arguments, alias = children
    name, columns = alias or (None, ())
    return nodes.TableFunction(path, arguments or (), name, columns, span)


@rule("derived", "derived_exec")
def _build_derived(children: Children, span: Span) -> nodes.Derived:
    query, alias = children
    name, columns = alias or (None, ())
    return nodes.Derived(query, name, columns, span)


@rule("comma_join")
def _build_comma_join(children: Children, span: Span) -> nodes.Join:
    return nodes.Join(children[0], children[1], "COMMA", span=span)


@source_rule("join")
def _build_join(text: str, children: Children, span: Span) -> nodes.Join:
    # OUTER, INNER and STRAIGHT_JOIN change nothing: SQLite orders joins itself.
    left, words, right, on = children
    _refuse_join_word(text, left)
    kind = next((word for word in ("CROSS", "LEFT", "RIGHT", "FULL") if word in words), "INNER")
    for word in ("SEMI", "ANTI"):
        if word in words.split():
            kind = f"RIGHT {word}" if kind == "RIGHT" else word
    using = on if isinstance(on, tuple) else ()
    return nodes.Join(left, right, cast("nodes.JoinKind", kind), "NATURAL" in words, None if using else on, using, span)


# Words that open a join in other dialects, with what is written here. As aliases they would turn that join into another one.
JOIN_WORDS = {
    "ALL": "a plain JOIN gives all matches",
    "ANY": "write WHERE EXISTS (SELECT ...)",
    "ASOF": "join on a subquery with ORDER BY and LIMIT 1",
    "GLOBAL": "write JOIN",
    "LATERAL": "write a subquery in the select list, or JOIN json_each(...)",
    "OUTER": "write LEFT JOIN, RIGHT JOIN or FULL JOIN",
    "PASTE": "join two subqueries on row_number() OVER ()",
    "POSITIONAL": "join two subqueries on row_number() OVER ()",
}
_COMMENT = r"--[^\r\n]*|#[^\r\n]*|//[^\r\n]*|/\*[\s\S]*?(?:\*/|\Z)"


def _refuse_join_word(text: str, left: nodes.FromItem) -> None:
    """Raise SqlSyntaxError if the alias before a JOIN is a word that opens a join elsewhere, written without AS."""
    table = left.right if isinstance(left, nodes.Join) else left
    if isinstance(table, nodes.Join) or table.alias is None or table.alias.quoted:
        return
    word, span = table.alias.text, table.alias.span
    hint = JOIN_WORDS.get(word.upper())
    if hint and not re.sub(_COMMENT, " ", text[table.span.start : span.start]).rstrip().upper().endswith(
        (" AS", ")AS")
    ):
        raise SqlSyntaxError(
            f"there is no {word.upper()} JOIN here", span=span, hint=f"{hint}; if {word!r} is an alias, write AS {word}"
        )


@rule("named_window")
def _build_named_window(children: Children, _: Span) -> tuple[nodes.Name, nodes.Window]:
    return make_name(children[0]), children[2]


@rule("window")
def _build_window(children: Children, _: Span) -> nodes.Window:
    base, partition, order, frame = children
    return nodes.Window(make_name(base) if base else None, partition or (), order or (), frame)


@rule("frame")
def _build_frame(children: Children, _: Span) -> nodes.Frame:
    return nodes.Frame(children[0], children[1], None, children[2])


@rule("frame_between")
def _build_frame_between(children: Children, _: Span) -> nodes.Frame:
    unit, _between, start, _and, end, exclude = children
    return nodes.Frame(unit, start, end, exclude)


@rule("frame_bound")
def _build_frame_bound(children: Children, _: Span) -> nodes.FrameBound:
    return nodes.FrameBound(join_keywords(children))


@rule("frame_offset")
def _build_frame_offset(children: Children, _: Span) -> nodes.FrameBound:
    return nodes.FrameBound(children[1].text.upper(), children[0])
