"""What joins and set operations make of columns, and which rows a join's condition leaves out."""

from __future__ import annotations

from tokensh._dataclasses import replace
from tokensh.errors import assert_never
from tokensh.functions.declaration import common_type
from tokensh.plan.bound import NO_KEYS, BoundColumn, From
from tokensh.plan.expression_types import common_unit
from tokensh.rows import Column
from tokensh.sql.nodes import JoinKind


def common_column(a: BoundColumn, b: BoundColumn) -> BoundColumn:
    """Return a column of a set operation: what both sides agree on."""
    # A secret on one side is enough: the column has its values.
    column = Column(
        a.column.name,
        a.column.type if a.column.type == b.column.type else "any",
        a.column.origin if a.column.origin == b.column.origin else None,
        a.column.secret or b.column.secret,
        common_unit((a.column.unit, b.column.unit)),
    )
    computed_type = common_type((a.type, b.type))
    return replace(
        a,
        column=column,
        bases=a.bases | b.bases,
        touches=a.touches | b.touches,
        has_others=a.has_others or b.has_others or bool(a.touches) != bool(b.touches),
        computed_type=computed_type,
    )


def merged_column(kind: JoinKind, left: BoundColumn, right: BoundColumn) -> BoundColumn:
    """Return the one column that USING or NATURAL makes of two: that of the side that has a row in every result."""
    touches = left.touches | right.touches
    if kind in ("RIGHT", "RIGHT SEMI", "RIGHT ANTI"):
        return replace(right, touches=touches)
    if kind in ("LEFT", "SEMI", "ANTI"):
        return replace(left, touches=touches)
    # Of a FULL JOIN either side can be missing, so that a predicate on the merged column is about neither.
    if kind == "FULL":
        common = common_column(left, right)
        return replace(common, sql=f"coalesce({left.sql}, {right.sql})", bases=NO_KEYS)
    return replace(left, bases=left.bases | right.bases, touches=touches, relations=left.relations | right.relations)


def restricted_relations(kind: JoinKind, left: From, right: From) -> frozenset[int]:
    """Return the relations whose rows a join's condition may leave out."""
    match kind:
        case "INNER" | "CROSS" | "COMMA" | "SEMI" | "RIGHT SEMI":
            return left.ids | right.ids
        case "LEFT" | "ANTI":
            return right.ids
        case "RIGHT" | "RIGHT ANTI":
            return left.ids
        case "FULL":
            return frozenset()
        case _:
            assert_never(kind)
