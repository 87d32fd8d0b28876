"""Refuse what is wrong with a statement wherever it is in it: checks that need no names resolved, and those of a bound query.

SQLite would refuse most of it too, but with words of its own and without a position.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tokensh.errors import NotSupportedError, ProgrammingError, Span, UnknownName
from tokensh.functions import Function, find_function
from tokensh.plan.aggregate_checks import is_aggregate
from tokensh.plan.bound import BoundQuery
from tokensh.plan.expression_types import is_null
from tokensh.plan.slip_checks import (
    refuse_bare_date,
    refuse_conditions_of_every_row,
    refuse_counted_condition,
    refuse_text_as_key,
)
from tokensh.plan.values import unbound_error
from tokensh.sql import nodes
from tokensh.sql.nodes import path_text
from tokensh.sql.visit import walk
from tokensh.text import nearest_word, plural

_COLLATIONS = ("BINARY", "NOCASE", "RTRIM")
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
# Words that SQLite never takes for a part of a type's name (https://sqlite.org/lang_keywords.html).
_RESERVED = frozenset(
    [
        "ALL",
        "ALTER",
        "AND",
        "AS",
        "BETWEEN",
        "CASE",
        "CHECK",
        "COLLATE",
        "COMMIT",
        "CONSTRAINT",
        "CREATE",
        "DEFAULT",
        "DELETE",
        "DISTINCT",
        "DROP",
        "ELSE",
        "ESCAPE",
        "EXCEPT",
        "EXISTS",
        "FOREIGN",
        "FROM",
        "GROUP",
        "HAVING",
        "IN",
        "INDEX",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "ISNULL",
        "JOIN",
        "LIMIT",
        "NOT",
        "NOTNULL",
        "NULL",
        "ON",
        "OR",
        "ORDER",
        "PRIMARY",
        "REFERENCES",
        "SELECT",
        "SET",
        "TABLE",
        "THEN",
        "TO",
        "TRANSACTION",
        "UNION",
        "UNIQUE",
        "UPDATE",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
        "WITH",
    ]
)
_NEWER_SQLITE = {
    "timediff": "SQLite has it from 3.43 on: to_ms(a) - to_ms(b) is in milliseconds, datediff(a, b) in days",
    "octet_length": "SQLite has it from 3.43 on: length(CAST(x AS BLOB))",
    "unhex": "SQLite has it from 3.41 on: bytes are written x'00ff'",
}
"""What to write where SQLite is older than a function."""
_ELIDED = r"\s*[\w-]+(?:\u2026|\.\.\.)[\w-]*\s*"
"""An id as tables show it: without its middle, or without its end."""


def check_statement(statement: nodes.Statement, known_functions: Callable[[], frozenset[str]]) -> None:
    """Raise ProgrammingError for what is wrong wherever it is; if `known_functions` returns none, names of calls are not checked."""
    compared_rows: set[int] = set()
    for node in walk(statement, deep=True):
        match node:
            case nodes.Call():
                if known := known_functions():
                    _check_call(node, known)
            case nodes.Literal(kind="number"):
                if node.text[:2] in ("0x", "0X") and int(node.text, 16) >= 2**64:
                    raise ProgrammingError(f"{node.text} has more than 64 bits", span=node.span)
            case nodes.Literal(kind="default"):
                raise ProgrammingError("DEFAULT is a value of an INSERT's VALUES alone", span=node.span)
            case nodes.Variable():
                raise unbound_error(node)
            case nodes.Placeholder():
                message = f"no value for {{{{ {node.name} }}}}"
                raise ProgrammingError(message, span=node.span, hint="write the value, or ? and give it as a parameter")
            case nodes.Binary() if node.operator not in _COMPARISONS:
                refuse_bare_date(node)
            case nodes.Binary() | nodes.InList() | nodes.InQuery() | nodes.Is() | nodes.Between():
                _check_comparison(node, compared_rows)
            case nodes.OrderItem():
                refuse_text_as_key(node.expr, "ORDER BY")
            case nodes.Select():
                compared_rows.update(id(key) for key in node.group if key == nodes.RowExpr(()))
                for key in node.group:
                    refuse_text_as_key(key, "GROUP BY")
            case nodes.Match():
                _check_match(node)
            case nodes.Update():
                _check_assignments(node)
                _refuse_named_target(node)
                refuse_conditions_of_every_row(node)
            case nodes.Delete():
                _refuse_named_target(node)
                refuse_conditions_of_every_row(node)
            case nodes.Cast():
                _check_type(node)
            case nodes.GroupingSets():
                compared_rows.update(id(item) for item in node.items if isinstance(item, nodes.RowExpr))
            case nodes.RowExpr():
                if id(node) not in compared_rows:
                    _refuse_row(node)
            case nodes.Collate():
                if node.collation.text.upper() not in _COLLATIONS:
                    near = nearest_word(node.collation.text, _COLLATIONS)
                    hint = None if near else f"there are {', '.join(_COLLATIONS)}"
                    raise UnknownName("collation", node.collation.text, near=near, span=node.collation.span, hint=hint)
            case _:
                pass


def refuse_null_comparisons(statement: nodes.Statement) -> None:
    """Refuse `x = NULL` as a condition, as a user writes it: it is never true. Raises ProgrammingError.

    A bound parameter that is NULL is not a slip, so that this is asked before parameters are filled in.
    """
    for node in walk(statement, deep=True):
        match node:
            case nodes.Select():
                _refuse_null_comparison((node.where, node.having))
            case nodes.Update() | nodes.Delete():
                _refuse_null_comparison((node.where,))
            case nodes.Join():
                _refuse_null_comparison((node.on,))
            case _:
                pass


def _refuse_null_comparison(conditions: Sequence[nodes.Expr | None]) -> None:
    waiting = list(conditions)
    while waiting:
        expr = waiting.pop()
        match expr:
            case nodes.Logical():
                waiting.extend(expr.operands)
            case nodes.Unary(operator="NOT"):
                waiting.append(expr.operand)
            case nodes.Binary() if _compares_with_null(expr.left, expr.right, expr.operator):
                word = "IS NOT NULL" if expr.operator == "!=" else "IS NULL"
                raise ProgrammingError("a comparison with NULL is never true", span=expr.span, hint=f"write {word}")
            case nodes.InList(operand=nodes.ColumnRef(), negated=True) if any(map(is_null, expr.items)):
                hint = "leave NULL out, or write IS NOT NULL"
                raise ProgrammingError("NOT IN with NULL is never true", span=expr.span, hint=hint)
            case nodes.Match(operand=nodes.ColumnRef()) if is_null(expr.pattern):
                word = "IS NOT NULL" if expr.negated else "IS NULL"
                raise ProgrammingError("a comparison with NULL is never true", span=expr.span, hint=f"write {word}")
            case _:
                pass


def _compares_with_null(left: nodes.Expr, right: nodes.Expr, operator: str) -> bool:
    """Return whether a column or a call is compared with NULL; generated queries also compare constants with it."""
    pairs = ((left, right), (right, left))
    return operator in _COMPARISONS and any(
        isinstance(expr, nodes.ColumnRef | nodes.Call) and is_null(other) for expr, other in pairs
    )


# ---- calls


def _check_call(call: nodes.Call, known: frozenset[str]) -> None:
    name = call.name[-1].text
    if len(call.name) == 1 and name.lower() in ("grouping", "grouping_id"):
        return
    if len(call.name) > 1 or name.lower() not in known:
        from tokensh.sql.idioms import named_idiom  # noqa: PLC0415 (needed only after a mistake)

        idiom = named_idiom("function", name) or (_NEWER_SQLITE.get(name.lower()) if len(call.name) == 1 else None)
        near = None if idiom else nearest_word(name, known)
        hint = idiom or (None if near else "SHOW FUNCTIONS lists all functions")
        raise UnknownName("function", path_text(call.name), near=near, span=call.name[-1].span, hint=hint)
    function = find_function(name)
    if function is None:
        return
    _check_argument_count(call, function)
    _check_call_clauses(call, function)
    refuse_counted_condition(call)


def _check_argument_count(call: nodes.Call, function: Function) -> None:
    count = len(call.arguments)
    if call.star or function.name == "count":
        if call.star and function.name != "count":
            raise ProgrammingError(f"{function.name}(*) is not a call", span=call.span, hint=function.signature)
        is_wrong = count > 1
    else:
        counts = function.argument_counts
        fewest = function.fewest_arguments
        is_wrong = count < fewest if counts == (-1,) else count not in counts
    if is_wrong:
        signature = "count(*) or count(x)" if function.name == "count" else function.signature
        raise ProgrammingError(
            f"{function.name}() is given {plural(count, 'argument')}", span=call.span, hint=f"write {signature}"
        )


def _check_call_clauses(call: nodes.Call, function: Function) -> None:
    is_aggregate = function.is_aggregate(len(call.arguments) or 1)
    name = function.name
    if function.kind == "window" and call.over is None:
        raise ProgrammingError(
            f"{name}() is a window function: it needs OVER",
            span=call.span,
            hint=f"{function.signature} OVER (ORDER BY ...)",
        )
    if call.over is not None and function.kind != "window" and not is_aggregate:
        raise ProgrammingError(f"{name}() takes no OVER: it is not an aggregate", span=call.span)
    if is_aggregate and call.distinct and call.over is not None:
        raise NotSupportedError(f"{name}(DISTINCT ...) with OVER is not offered", span=call.span)
    gathers_texts = (function.sqlite_name or name) == "group_concat"
    if call.separator is not None and not gathers_texts:
        hint = "group_concat(x SEPARATOR ', ') joins texts"
        raise ProgrammingError(f"{name}() takes no SEPARATOR", span=call.span, hint=hint)
    if is_aggregate and call.distinct and len(call.arguments) != 1 and not gathers_texts:
        raise NotSupportedError(
            f"{name}(DISTINCT ...) takes one argument",
            span=call.span,
            hint="make the values distinct in a query in FROM",
        )
    if is_aggregate:
        return
    given = {
        "DISTINCT": call.distinct,
        "FILTER": call.filter is not None and function.kind != "window",
        "ORDER BY": bool(call.order),
    }
    for word, is_given in given.items():
        if is_given:
            raise ProgrammingError(f"{name}() takes no {word}: it is not an aggregate", span=call.span)


def _refuse_named_target(node: nodes.Update | nodes.Delete) -> None:
    """Refuse a WITH that gives a query the name of the table to change: its rows would choose what is changed."""
    name = node.target[-1].text
    for cte in node.ctes if len(node.target) == 1 else ():
        if cte.name.text.lower() == name.lower():
            raise ProgrammingError(
                f"{cte.name.text} is the table to change, and cannot be a name of WITH",
                span=cte.name.span,
                hint="give the query another name, and write WHERE ... IN (SELECT ... FROM that name)",
            )


def _check_assignments(node: nodes.Update) -> None:
    for _, value in node.assignments:
        for call in walk(value):
            if isinstance(call, nodes.Call) and (call.over is not None or is_aggregate(call)):
                raise ProgrammingError(
                    f"SET cannot use {call.name[-1].text.lower()}(): each row is changed by itself",
                    span=call.span,
                    hint="(SELECT max(x) FROM t) is the value of a query",
                )


# ---- comparisons


def _check_comparison(
    node: nodes.Binary | nodes.InList | nodes.InQuery | nodes.Is | nodes.Between, compared_rows: set[int]
) -> None:
    match node:
        case nodes.Binary():
            operands: tuple[nodes.Expr, ...] = (node.left, node.right)
        case nodes.InList():
            operands = (node.operand, *node.items)
        case nodes.InQuery():
            operands = (node.operand,)
        case nodes.Is():
            operands = (node.operand, node.other)
        case nodes.Between():
            operands = (node.operand, node.low, node.high)
    _check_row_lengths(operands, compared_rows)
    _refuse_elided_id(operands)


def _check_row_lengths(operands: Sequence[nodes.Expr], compared_rows: set[int]) -> None:
    rows = [operand for operand in operands if isinstance(operand, nodes.RowExpr)]
    if not rows:
        return
    length = len(rows[0].items)
    for operand in operands:
        if isinstance(operand, nodes.RowExpr) and len(operand.items) != length:
            raise ProgrammingError(
                f"a row of {length} is compared with a row of {len(operand.items)}", span=operand.span
            )
        # A query may have as many columns, which shows when its names are resolved.
        if not isinstance(operand, nodes.RowExpr | nodes.Subquery):
            raise ProgrammingError(
                f"a row of {plural(length, 'value')} is compared with a single value", span=operand.span
            )
    compared_rows.update(map(id, rows))


def _refuse_row(node: nodes.RowExpr) -> None:
    raise ProgrammingError(
        f"a row of {plural(len(node.items), 'value')} can only be compared with another row",
        span=node.span,
        hint="write one value, or several columns without parentheses around them",
    )


def _refuse_elided_id(operands: Sequence[nodes.Expr]) -> None:
    """Refuse an id that was copied from a table on a screen, where its middle is left out: it would be found nowhere."""
    if not any(
        isinstance(operand, nodes.ColumnRef) and operand.name.text.lower().endswith("id") for operand in operands
    ):
        return
    for operand in operands:
        if isinstance(operand, nodes.Literal) and operand.kind == "string" and re.fullmatch(_ELIDED, operand.text):
            pattern = operand.text.strip().replace("\u2026", "%").replace("...", "%")
            raise ProgrammingError(
                f"{operand.text!r} is an id without its middle, as a table shows it",
                span=operand.span,
                hint=f"write LIKE '{pattern}', or the whole id (\\x shows it, \\copy token_id copies it)",
            )


def _check_match(node: nodes.Match) -> None:
    if node.operator == "MATCH":
        raise NotSupportedError("MATCH is not offered", span=node.span, hint="LIKE and REGEXP compare texts")
    _refuse_elided_id((node.operand, node.pattern))
    escape = node.escape
    if isinstance(escape, nodes.Literal) and (escape.kind != "string" or len(escape.text) != 1):
        raise ProgrammingError("ESCAPE takes a single character", span=escape.span, hint="LIKE '10!%' ESCAPE '!'")


def _check_type(node: nodes.Cast) -> None:
    """Refuse a type that holds a reserved word, which SQLite would stumble over."""
    if not _RESERVED.isdisjoint(node.type.upper().replace("(", " ").split()):
        raise ProgrammingError(
            f"unknown type {node.type!r}", span=node.span, hint="types are integer, text, real, numeric, boolean, date"
        )


# ---- bound queries


def check_subqueries(tree: object) -> None:
    """Raise ProgrammingError if a query that is used as a value, or compared with a row, has another number of columns."""
    expected: dict[int, int] = {}
    for node in walk(tree):
        match node:
            case nodes.Binary() if node.operator in _COMPARISONS:
                _expect_equal_widths((node.left, node.right), expected)
            case nodes.Is():
                _expect_equal_widths((node.operand, node.other), expected)
            case nodes.InQuery(query=BoundQuery(columns=columns)):
                width = _width_of(node.operand)
                if len(columns) != width:
                    raise _width_error(len(columns), width, node.span)
            case nodes.Subquery(query=BoundQuery(columns=columns)):
                width = expected.get(id(node), 1)
                if len(columns) != width:
                    raise _width_error(len(columns), width, node.span)
            case _:
                pass


def _expect_equal_widths(operands: tuple[nodes.Expr, nodes.Expr], expected: dict[int, int]) -> None:
    left, right = operands
    for operand, other in ((left, right), (right, left)):
        if isinstance(operand, nodes.Subquery):
            # Two queries may have several columns each.
            expected[id(operand)] = _width_of(other)


def _width_of(expr: nodes.Expr) -> int:
    match expr:
        case nodes.RowExpr():
            return len(expr.items)
        case nodes.Subquery(query=BoundQuery(columns=columns)):
            return len(columns)
        case _:
            return 1


def _width_error(columns: int, width: int, span: Span) -> ProgrammingError:
    return ProgrammingError(
        f"this query has {plural(columns, 'column')}, and {plural(width, 'is', 'are')} expected",
        span=span,
        hint="name the columns in its SELECT",
    )
