"""Refuse values where a condition belongs, and comparisons that cannot mean what they say: SQLite would answer them all.

`comment = 'a' OR 'b'`, `0 < x < 30` and `WHERE token_id` are slips that SQLite computes with: a text is a number to it, and
"true or false" is 1 or 0. So are times of different clocks (milliseconds and seconds) and dates in another form than ISO 8601,
which compares as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tokensh.errors import Error, Span
from tokensh.plan.expression_types import cast_type, expression_type, expression_unit, is_epoch, is_null
from tokensh.plan.type_hints import describe
from tokensh.sql import nodes

Refuse = Callable[[str, str, Span], Error]
"""Makes the error of a message, a hint and a place."""

_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_CONDITIONS = (
    nodes.Logical,
    nodes.Between,
    nodes.InList,
    nodes.InQuery,
    nodes.Match,
    nodes.Is,
    nodes.Exists,
)
_CHOICES = frozenset({"iif", "if"})
# The seconds of an hour, and of 1, 7, 30, 90 and 365 days; with a factor of 1000 they are milliseconds.
_SECONDS_OF = frozenset({"3600", "86400", "604800", "2592000", "7776000", "31536000"})
_SECONDS_OF_TIME = (
    "a time in epoch milliseconds is moved by a number of seconds",
    "x + INTERVAL 30 DAY moves it by days; * 1000 makes milliseconds of seconds",
)
_SECONDS_OF_DISTANCE = (
    "the distance of two times is in milliseconds, and it is compared with a number of seconds",
    "(a - b) / 86400000 counts days, (a - b) / 1000 seconds",
)
_TIMESTAMPS = frozenset({"from_ms", "from_unixtime", "now", "to_timestamp"})
_DATES = frozenset({"current_date", "date", "date_trunc", "datetime", "last_day", "to_date"}) | _TIMESTAMPS
_ISO_TIME = r"(?a)(?:\d{4}(?:-(?:0\d|1[0-2])(?:-(?:[0-2]\d|3[01])(?: (?:[01]\d|2[0-4])(?::[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?)?)?)?)?-?"
_ISO_DATE = r"(?a)\d{4}-\d\d-\d\d"
# Seconds since 1970 of the years 1973 to 2603; as milliseconds they are in the first days of 1970.
_SECONDS_LIKE = range(10**8, 2 * 10**10)
_YEARS_LIKE = range(1970, 2200)
_DATES_LIKE = r"(?a)(?:19[7-9]|20\d|21\d)\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"


def check_condition(expr: nodes.Expr, refuse: Refuse) -> None:
    """Refuse an expression where a condition stands, if it is text or a time."""
    if is_null(expr):
        return
    if expression_type(expr) == "string":
        shown = describe(expr, "this")
        if isinstance(expr, nodes.Literal):
            hint = f"write it with the column again: x = 'a' OR x = {shown}, or x IN ('a', {shown})"
            raise refuse(f"{shown} is text, not a condition", hint, expr.span)
        raise refuse(f"{shown} is text, not a condition", "compare it with something, or write IS NOT NULL", expr.span)
    if is_epoch(expr):
        hint = "compare it with to_ms('2027-01-01'), or with -1, which means never"
        raise refuse(f"{describe(expr, 'this')} is in epoch milliseconds, not a condition", hint, expr.span)


def check_conditions_inside(node: object, refuse: Refuse) -> None:
    """Refuse parts of AND, OR, NOT, CASE, iif() and FILTER that are values, not conditions."""
    match node:
        case nodes.Logical():
            compares = any(is_condition(operand) for operand in node.operands)
            for operand in node.operands:
                check_condition(operand, refuse)
                if compares and _is_number(operand) and (node.operator == "OR" or not _is_boolean(operand)):
                    shown = describe(operand, "this")
                    hint = f"write it with the column again: x = 1 OR x = {shown}, or x IN (1, {shown}); TRUE and FALSE are conditions"
                    raise refuse(f"{shown} is a number, not a condition", hint, operand.span)
        case nodes.Unary(operator="NOT"):
            check_condition(node.operand, refuse)
        case nodes.Case(operand=None):
            for arm in node.arms:
                check_condition(arm.condition, refuse)
        case nodes.Call():
            if node.filter is not None:
                check_condition(node.filter, refuse)
            if node.name[-1].text.lower() in _CHOICES and node.arguments:
                check_condition(node.arguments[0], refuse)
        case _:
            pass


def check_chain(node: nodes.Binary, refuse: Refuse) -> None:
    """Refuse `a < b < c`: it compares true or false with c. In parentheses, `(a < b) = c`, it is meant so."""
    for inner, other, is_bare in (
        (node.left, node.right, node.left.span.start == node.span.start),
        (node.right, node.left, node.right.span.end == node.span.end),
    ):
        if not is_bare or not _is_binary_comparison(inner) or expression_type(other) == "boolean":
            continue
        if node.operator in ("=", "!=") and _is_boolean(other):
            continue
        shown = describe(other, "the other side")
        message = f"this compares true or false with {shown}"
        hint = "write a < b AND b < c; to compare the outcome, put it in parentheses"
        if isinstance(inner, nodes.Binary) and any(_joins_texts(side) for side in (inner.left, inner.right)):
            hint = "|| joins texts: write OR between conditions"
        raise refuse(message, hint, node.span)


def _joins_texts(expr: nodes.Expr) -> bool:
    return isinstance(expr, nodes.Binary) and expr.operator == "||"


def check_pattern(node: nodes.Match, refuse: Refuse) -> None:
    """Refuse a pattern for epoch milliseconds, whose digits mean nothing to a reader."""
    if is_epoch(node.operand):
        name = describe(node.operand, "x")
        message = f"{name} is in epoch milliseconds, which {node.operator} would see as digits"
        raise refuse(message, f"write from_ms({name}) {node.operator} '2026-12-%'", node.span)


def check_clocks(left: nodes.Expr, right: nodes.Expr, span: Span, refuse: Refuse) -> None:
    """Refuse a comparison of epoch milliseconds with seconds, days or years, and of two times' distance with less than a second."""
    if {expression_unit(left), expression_unit(right)} == {"seconds", "days"}:
        message = f"{describe(left, 'one side')} and {describe(right, 'the other')} count differently: seconds and days"
        raise refuse(message, "seconds / 86400 are days", span)
    for time, other in ((left, right), (right, left)):
        unit = _clock(other) if is_epoch(time) else None
        if unit is not None:
            raise refuse(*_explain_units(time, other, unit), span)
        if expression_unit(time) == "days" and _counts_seconds(other):
            message = f"{describe(time, 'one side')} counts days, and it is compared with a number of seconds"
            raise refuse(message, "a day is 1, an hour 1 / 24.0", span)
        if _is_distance(time) and _counts_seconds(other):
            raise refuse(*_SECONDS_OF_DISTANCE, span)
        if _is_distance(time) and _is_short(other):
            message = f"the distance of two times is in milliseconds, and {describe(other, 'the other')} is less than a second"
            raise refuse(message, "(a - b) / 86400000 counts days, (a - b) / 1000 seconds", span)


def check_moved_time(time: nodes.Expr, other: nodes.Expr, span: Span, refuse: Refuse) -> None:
    """Refuse epoch milliseconds plus or minus what is in seconds or days."""
    if not is_epoch(time):
        return
    unit = expression_unit(other)
    if unit in ("seconds", "days"):
        raise refuse(*_explain_units(time, other, unit), span)
    if _counts_seconds(other):
        raise refuse(*_SECONDS_OF_TIME, span)


def _counts_seconds(expr: nodes.Expr) -> bool:
    """Return whether a written number, or a product with one, is a number of seconds: `86400`, `30 * 86400`, `n * 3600`."""
    factors = list(_split_product(expr))
    return any(factor in _SECONDS_OF for factor in factors) and not any(
        factor.isdecimal() and factor not in _SECONDS_OF and int(factor) % 1000 == 0 for factor in factors
    )


def _split_product(expr: nodes.Expr) -> Iterator[str]:
    """Yield the factors of a product: the text of a written number, and an empty text for others."""
    match expr:
        case nodes.Binary(operator="*"):
            yield from _split_product(expr.left)
            yield from _split_product(expr.right)
        case nodes.Literal(kind="number"):
            yield expr.text
        case _:
            yield ""


def _explain_units(time: nodes.Expr, other: nodes.Expr, unit: str) -> tuple[str, str]:
    """Return the message and the hint for epoch milliseconds that meet another unit."""
    message = f"{describe(time, 'one side')} is in epoch milliseconds and {describe(other, 'the other')} in {unit}"
    return message, "to_ms(now()) and to_ms('2027-01-01') are in milliseconds; * 1000 makes them of seconds"


def check_written_time(time: nodes.Expr, literal: nodes.Expr, refuse: Refuse) -> nodes.Expr | None:
    """Refuse a date that is written in another form than the text that it is compared with.

    Returns what to write instead: a date alone is the beginning of its day where a time is given with hours.
    """
    if not isinstance(literal, nodes.Literal) or literal.kind != "string" or not _makes_date(time):
        return None
    if not re.fullmatch(_ISO_TIME, literal.text):
        message = f"{describe(literal, 'this')} is not written as {describe(time, 'the other side')} writes times"
        raise refuse(message, "write '2026-12-31' or '2026-12-31 23:59:59'", literal.span)
    if re.fullmatch(_ISO_DATE, literal.text) and _has_hours(time):
        return nodes.Literal("string", f"{literal.text} 00:00:00", literal.span)
    return None


def _is_binary_comparison(expr: nodes.Expr) -> bool:
    return isinstance(expr, nodes.Binary) and expr.operator in _COMPARISONS


def is_condition(expr: nodes.Expr) -> bool:
    """Return whether an expression is true or false by the way it is written."""
    if isinstance(expr, nodes.Unary) and expr.operator == "NOT":
        return is_condition(expr.operand)
    return isinstance(expr, _CONDITIONS) or _is_binary_comparison(expr)


def _is_number(expr: nodes.Expr) -> bool:
    """Return whether an expression is a number that is written out."""
    operand = expr.operand if isinstance(expr, nodes.Unary) and expr.operator in ("-", "+") else expr
    return isinstance(operand, nodes.Literal) and operand.kind == "number"


def _is_distance(expr: nodes.Expr) -> bool:
    """Return whether an expression is one time in epoch milliseconds minus another."""
    return isinstance(expr, nodes.Binary) and expr.operator == "-" and is_epoch(expr.left) and is_epoch(expr.right)


def _is_short(expr: nodes.Expr) -> bool:
    """Return whether an expression is a written number of milliseconds that is less than a second, and not 0."""
    return (
        isinstance(expr, nodes.Literal)
        and expr.kind == "number"
        and expr.text.isdecimal()
        and 0 < int(expr.text) < 1000
    )


def _is_boolean(expr: nodes.Expr) -> bool:
    """Return whether an expression is 0 or 1, which stand for FALSE and TRUE."""
    return isinstance(expr, nodes.Literal) and expr.text in ("0", "1")


def _clock(expr: nodes.Expr) -> str | None:
    """Return what an expression counts that is not in milliseconds, such as `seconds` or `days`."""
    unit = expression_unit(expr)
    if unit in ("seconds", "days"):
        return unit
    match expr:
        case nodes.Binary(operator="+" | "-"):
            return _clock(expr.left) or (_clock(expr.right) if expr.operator == "+" else None)
        case nodes.Literal(kind="number") if expr.text.isdecimal():
            if re.fullmatch(_DATES_LIKE, expr.text):
                return "digits of a date"
            number = int(expr.text)
            return "seconds" if number in _SECONDS_LIKE else "years" if number in _YEARS_LIKE else None
        case _:
            return None


def _makes_date(expr: nodes.Expr) -> bool:
    match expr:
        case nodes.Call():
            return expr.name[-1].text.lower() in _DATES
        case nodes.Literal():
            return expr.kind == "current" and expr.text.upper() != "CURRENT_TIME"
        case nodes.Cast():
            return cast_type(expr.type) == "string" and expr.type.upper().startswith(("DATE", "TIMESTAMP"))
        case nodes.Binary():
            return _is_moved(expr) and expression_type(expr) == "string"
        case _:
            return False


def _has_hours(expr: nodes.Expr) -> bool:
    """Return whether a text is a time with hours for certain, made by a function that SQLite does not have."""
    match expr:
        case nodes.Call():
            name = expr.name[-1].text.lower()
            if name == "date_trunc" and len(expr.arguments) > 1:
                return is_epoch(expr.arguments[1]) or _has_hours(expr.arguments[1])
            return name in _TIMESTAMPS
        case nodes.Cast():
            return expr.type.upper().startswith(("TIMESTAMP", "DATETIME"))
        case nodes.Binary():
            return _is_moved(expr) and any(map(_has_hours, (expr.left, expr.right)))
        case _:
            return False


def _is_moved(expr: nodes.Binary) -> bool:
    return any(isinstance(side, nodes.Interval) for side in (expr.left, expr.right))
