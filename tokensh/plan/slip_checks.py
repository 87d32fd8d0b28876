"""Refuse what parses by chance and means something else than its author wrote: dates without quotes, columns compared with themselves.

These checks see the statement as it was parsed; none of them needs the types of its columns.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise

from tokensh.errors import ProgrammingError, Span
from tokensh.plan.bound import BoundQuery, BoundReference, BoundSelect, From
from tokensh.plan.condition_checks import is_condition
from tokensh.plan.expression_types import is_null
from tokensh.plan.type_hints import describe
from tokensh.rows import ColumnType
from tokensh.sql import nodes
from tokensh.sql.nodes import path_text
from tokensh.sql.quoting import text_literal
from tokensh.sql.visit import walk

_CASES: dict[str, Callable[[str], str]] = {
    "lcase": str.lower,
    "lower": str.lower,
    "ucase": str.upper,
    "upper": str.upper,
}
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})


def refuse_bare_date(node: nodes.Binary) -> None:
    """Refuse `2026-01-31` and `1/31/2026` without quotes, which are calculations. Raises ProgrammingError."""
    inner = node.left
    if node.operator not in ("-", "/") or not isinstance(inner, nodes.Binary) or inner.operator != node.operator:
        return
    parts = (inner.left, inner.right, node.right)
    numbers = [part for part in parts if isinstance(part, nodes.Literal) and part.text.isdecimal()]
    # Blanks around an operator, or a day without its zero, are how calculations are written.
    is_tight = len(numbers) == 3 and all(left.span.end + 1 == right.span.start for left, right in pairwise(numbers))
    if not is_tight:
        return
    texts = [number.text for number in numbers]
    lengths = [len(text) for text in texts]
    if lengths == [4, 2, 2]:
        year, month, day = texts
    elif node.operator == "/" and lengths[2] == 4 and max(lengths[:2]) <= 2:
        month, day, year = texts if int(texts[0]) <= 12 else (texts[1], texts[0], texts[2])
    else:
        return
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return
    kind = "subtraction" if node.operator == "-" else "division"
    date = f"'{year}-{month:0>2}-{day:0>2}'"
    raise ProgrammingError(
        f"{node.operator.join(texts)} is a {kind} of numbers",
        span=node.span,
        hint=f"a date is written {date}, and to_ms({date}) in epoch milliseconds",
    )


def refuse_text_as_key(expr: nodes.Expr, clause: str) -> None:
    """Refuse a text in ORDER BY or GROUP BY, which is the same for every row. Raises ProgrammingError."""
    if isinstance(expr, nodes.Literal) and expr.kind == "string":
        hint = f"{clause} name, without quotes, names a column; a text is the same for every row"
        raise ProgrammingError(f"{describe(expr, 'this')} is text, not a column", span=expr.span, hint=hint)


def refuse_conditions_of_every_row(change: nodes.Update | nodes.Delete) -> None:
    """Refuse conditions that a change's author cannot have meant: they choose every row, or none. Raises ProgrammingError.

    Only changes are looked at, also the queries in them: `x <> 'a' OR x <> 'b'` is true of each row, and so is `x = x`.
    """
    for node in walk(change, deep=True):
        match node:
            case nodes.Binary(operator=operator) if operator in _COMPARISONS:
                name = _column_text(node.left)
                if name is not None and name == _column_text(node.right):
                    raise ProgrammingError(
                        f"{name} is compared with itself",
                        span=node.span,
                        hint="text is written in single quotes; WHERE TRUE chooses every row, t.x = u.x compares two tables",
                    )
                _refuse_letters(node.left, node.right, node.span)
                _refuse_letters(node.right, node.left, node.span)
            case nodes.InList():
                for item in node.items:
                    _refuse_letters(node.operand, item, node.span)
            case nodes.Logical(operator="OR"):
                _refuse_differences(node)
            case _:
                pass


def refuse_counted_condition(call: nodes.Call) -> None:
    """Refuse `count(x = 1)`, which counts the rows where it is false, too; `count(x = 1 OR NULL)` does not. Raises ProgrammingError."""
    if call.name[-1].text.lower() != "count" or call.distinct or len(call.arguments) != 1:
        return
    condition = call.arguments[0]
    if is_condition(condition) and not (isinstance(condition, nodes.Logical) and any(map(is_null, condition.operands))):
        raise ProgrammingError(
            "count() counts a condition where it is false, too",
            span=call.span,
            hint="write count(*) FILTER (WHERE ...), or count_if(...)",
        )


def refuse_missing_comma(item: nodes.Item, source: From) -> None:
    """Refuse `SELECT token_id comment`, which names one field of a resource like another. Raises ProgrammingError.

    Of local tables it stays: SQL that was written for other databases has such aliases.
    """
    if not item.has_bare_alias or not isinstance(item.expr, nodes.ColumnRef) or item.alias is None:
        return
    alias = item.alias.text.lower()
    if alias == item.expr.name.text.lower():
        return
    fields = (column for table in source.relations for column in table.columns if column.column.origin)
    if any(field.visible and field.name.lower() == alias for field in fields):
        raise ProgrammingError(
            f"{path_text(item.expr.path)} would be named {item.alias.text}, which is another column",
            span=item.alias.span,
            hint=f"write a comma between them, or AS {item.alias.text}",
        )


def refuse_assigned_condition(name: str, kind: ColumnType, expr: nodes.Expr) -> None:
    """Refuse `SET a = 1 AND b = 2` and `SET a = a = 1` for a column of numbers or texts. Raises ProgrammingError."""
    compares = isinstance(expr, nodes.Logical) or (isinstance(expr, nodes.Binary) and expr.operator in _COMPARISONS)
    if compares and kind in ("integer", "number", "string"):
        hint = "SET a = 1, b = 2 sets two columns; iif(a = 1, 1, 0) is a number"
        raise ProgrammingError(f"{name} would be set to true or false", span=expr.span, hint=hint)


def refuse_outer_item(query: nodes.Query, bound: BoundQuery) -> None:
    """Refuse `IN (SELECT token_id FROM kept)` if kept has no token_id, and a query around has. Raises ProgrammingError.

    It would be true of every row. With its table in front, `t.token_id`, a column of another query is meant.
    """
    if not isinstance(query.body, nodes.Select) or not isinstance(bound.body, BoundSelect) or query.body.source is None:
        return
    for item, expr in zip(query.body.items, bound.body.items, strict=False):
        is_plain = isinstance(item, nodes.Item) and isinstance(item.expr, nodes.ColumnRef) and len(item.expr.path) == 1
        if is_plain and isinstance(expr, BoundReference) and expr.scope != bound.body.scope:
            name = expr.column.name
            raise ProgrammingError(
                f"the tables of this query have no column {name}: it is one of the query around it",
                span=expr.span,
                hint=f"name a column of FROM, or write t.{name} if the other is meant",
            )


def _refuse_letters(call: nodes.Expr, value: nodes.Expr, span: Span) -> None:
    """Refuse `lower(x) <> 'Keep'`, which is true of every row."""
    if not isinstance(call, nodes.Call) or not isinstance(value, nodes.Literal) or value.kind != "string":
        return
    name = call.name[-1].text.lower()
    written = _CASES[name](value.text) if name in _CASES else value.text
    if written != value.text:
        message = f"{name}(...) never gives {describe(value, 'this')}, because of its letters' case"
        raise ProgrammingError(message, span=span, hint=f"write {text_literal(written)}")


def _refuse_differences(node: nodes.Logical) -> None:
    """Refuse `x <> 'a' OR x <> 'b'`."""
    unequal = [part for part in node.operands if isinstance(part, nodes.Binary) and part.operator == "!="]
    for first, other in combinations(unequal, 2):
        name = _column_text(first.left)
        if name is None or name != _column_text(other.left):
            continue
        values = (first.right, other.right)
        if all(isinstance(value, nodes.Literal) and value.kind in ("string", "number") for value in values):
            if values[0] == values[1]:
                continue
            raise ProgrammingError(
                f"every {name} differs from one of the two",
                span=node.span,
                hint=f"join them by AND, or write {name} NOT IN (...)",
            )


def _column_text(expr: nodes.Expr) -> str | None:
    """Return the name of a column as it is compared; None for every other expression."""
    return path_text(expr.path).lower() if isinstance(expr, nodes.ColumnRef) else None
