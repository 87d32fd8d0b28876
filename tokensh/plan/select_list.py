"""Parts of a bound query that need no binder: columns renamed and joined, what a join restricts, ORDER BY and LIMIT as text."""

from __future__ import annotations

from collections.abc import Sequence

from tokensh._dataclasses import replace
from tokensh.errors import ProgrammingError, assert_never
from tokensh.functions import functions
from tokensh.plan.nodes import ScanColumn
from tokensh.plan.pushdown import literal_value, unbound, walk
from tokensh.plan.scope import NOTHING, BoundColumn, From, Relation
from tokensh.rows import Column, make_names_unique
from tokensh.sql import nodes as n
from tokensh.sql.unparse import quoted


def whole_from(relation: Relation) -> From:
    """A FROM clause of one relation."""
    return From(relation.source, (relation,), tuple(one for one in relation.columns if one.visible))


def called(column: BoundColumn, name: str) -> BoundColumn:
    """A column under another name."""
    return replace(column, name=name, column=replace(column.column, name=name))


def unique_names(columns: Sequence[BoundColumn]) -> list[BoundColumn]:
    """A result's columns under the names that SQLite shall give them, no two alike."""
    names = make_names_unique(one.name for one in columns)
    return [
        replace(one, sql=quoted(name), column=replace(one.column, name=one.name), visible=True)
        for one, name in zip(columns, names, strict=True)
    ]


def agreed(a: BoundColumn, b: BoundColumn) -> BoundColumn:
    """A column of a set operation: what both sides agree on."""
    column = Column(
        a.column.name,
        a.column.type if a.column.type == b.column.type else "any",
        a.column.origin if a.column.origin == b.column.origin else None,
        a.column.secret or b.column.secret,
    )
    return replace(a, column=column, bases=a.bases | b.bases, touches=a.touches | b.touches)


def scanned(one: ScanColumn, scan: int, alias: str, relation: int) -> BoundColumn:
    """A scan's column, as it can be referred to."""
    key = frozenset([(scan, one.name.lower())])
    return BoundColumn(
        one.name, f"{alias}.{quoted(one.name)}", one.column, key, key, frozenset([relation]), one.visible, one.newer
    )


def both_of(left: From, right: From) -> From:
    """Two FROM clauses as one, to look names up in."""
    return From(
        "",
        (*left.relations, *right.relations),
        (*left.star, *right.star),
        (*left.merged, *right.merged),
    )


def restricted(kind: n.JoinKind, left: From, right: From) -> frozenset[int]:
    """The relations whose rows a join condition may leave out."""
    match kind:
        case "INNER" | "CROSS" | "COMMA":
            return left.ids | right.ids
        case "LEFT":
            return right.ids
        case "RIGHT":
            return left.ids
        case "FULL":
            return frozenset()
        case _:
            assert_never(kind)


def merged_column(kind: n.JoinKind, left: BoundColumn, right: BoundColumn) -> BoundColumn:
    """The one column that two become: of the side that is never missing."""
    if kind == "RIGHT":
        return replace(right, touches=left.touches | right.touches)
    if kind == "FULL":
        return replace(
            left,
            sql=f"coalesce({left.sql}, {right.sql})",
            bases=NOTHING,
            touches=left.touches | right.touches,
            column=agreed(left, right).column,
        )
    if kind == "LEFT":
        return replace(left, touches=left.touches | right.touches)
    return replace(
        left,
        bases=left.bases | right.bases,
        touches=left.touches | right.touches,
        relations=left.relations | right.relations,
    )


def is_aggregate(call: n.Call) -> bool:
    """Whether a call makes one value of many rows."""
    function = functions().get(call.name[-1].text.lower())
    return call.over is None and function is not None and function.is_aggregate(len(call.arguments))


def ordered(text: str, item: n.OrderItem) -> str:
    """An item of ORDER BY, its expression printed already."""
    direction = f" {item.direction}" if item.direction else ""
    return f"{text}{direction}{f' NULLS {item.nulls}' if item.nulls else ''}"


def whole_number(expr: n.Expr, word: str) -> n.Expr:
    """A LIMIT or OFFSET. Raises ProgrammingError for a literal that is no whole number."""
    if isinstance(expr, n.Variable):
        raise unbound(expr)
    value = literal_value(expr)
    if isinstance(expr, n.Literal) and not isinstance(value, int):
        raise ProgrammingError(f"{word} takes a whole number", span=expr.span)
    return expr


def first_arm(query: n.Query) -> n.Body:
    """The first SELECT of a set operation."""
    body = query.body
    while isinstance(body, n.Compound):
        body = body.left
    return body


def refers_to(node: object, name: str) -> bool:
    """Whether a query names a table of that name anywhere inside."""
    for one in walk((node.ctes, node.body) if isinstance(node, n.Query) else node):
        if isinstance(one, n.TableRef) and len(one.path) == 1 and one.path[0].text.lower() == name:
            return True
        if isinstance(one, n.Query) and refers_to(one, name):
            return True
    return False
