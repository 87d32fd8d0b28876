"""What the errors about types say, and what to write instead."""

from __future__ import annotations

import re

from tokensh.functions.declaration import Function
from tokensh.plan.bound import BoundReference
from tokensh.plan.expression_types import expression_type, is_epoch
from tokensh.sql import nodes
from tokensh.text import escape_unsafe, truncate

_DATE = "2027-01-01"
_DATE_PATTERN = r"\d{4}-\d"
_LONGEST_TEXT = 40
_TIME_FUNCTIONS = frozenset(
    {
        "current_date",
        "current_timestamp",
        "date",
        "date_trunc",
        "datetime",
        "from_ms",
        "from_unixtime",
        "last_day",
        "now",
        "strftime",
        "time",
        "to_date",
        "to_timestamp",
    }
)


def comparison(number: nodes.Expr, text: nodes.Expr) -> tuple[str, str]:
    """Return the message and the hint for a number that is compared with text."""
    is_boolean = expression_type(number) == "boolean"
    kind = "in epoch milliseconds" if is_epoch(number) else "true or false" if is_boolean else "a number"
    text_kind = "a time" if _is_parameter(text) else "text"
    message = f"{describe(number, 'one side')} is {kind} and {describe(text, 'the other')} is {text_kind}"
    message += ": they cannot be compared"
    if _is_time(number):
        return message, _time_hint(number, text)
    if not _is_parameter(text) and _looks_like_time(text):
        return message, f"to_ms('{_DATE}') is a time in epoch milliseconds, unixepoch('{_DATE}') in seconds"
    if _is_parameter(text):
        return message, "give a number"
    if is_boolean:
        return message, "write TRUE or FALSE"
    if isinstance(number, nodes.Literal) and number.kind == "number":
        return message, f"write the text '{number.text}', or CAST the text AS INTEGER"
    return message, "CAST(... AS INTEGER) makes a number of the text, CAST(... AS TEXT) a text of the number"


def calculation(operand: nodes.Expr, operator: str) -> tuple[str, str]:
    """Return the message and the hint for an operand of a calculation that is text."""
    message = f"{describe(operand, 'an operand')} is {'a time' if _is_parameter(operand) else 'text'}"
    message += f": {operator} takes numbers"
    if operator in ("+", "-") and (_is_parameter(operand) or makes_time(operand)):
        return message, "x + INTERVAL '1 day' moves a time, to_ms(x) makes a number of milliseconds of it"
    if operator == "+":
        return message, "|| joins texts: a || b"
    return message, "CAST(... AS INTEGER) or CAST(... AS REAL) makes a number of it"


def argument(function: Function, value: nodes.Expr) -> tuple[str, str]:
    """Return the message and the hint for a function's argument that is text instead of a number."""
    message = f"{describe(value, 'the argument')} is {'a time' if _is_parameter(value) else 'text'}"
    message += f": {function.name}() takes a number"
    if function.parameters[0].name == "ms":
        return message, f"{function.name}(to_ms('{_DATE}')): to_ms makes epoch milliseconds of a time"
    if function.name == "sum":
        return message, "group_concat(x) joins texts, as || does; CAST(... AS INTEGER) makes a number of one"
    return message, "CAST(... AS INTEGER) or CAST(... AS REAL) makes a number of it"


def time_argument(function: Function, value: nodes.Expr) -> tuple[str, str]:
    """Return the message and the hint for epoch milliseconds that are given to a function of SQLite."""
    name = describe(value, "x")
    if function.name == "to_ms":
        return f"{name} is in epoch milliseconds, which to_ms() would make of a text", f"write {name}"
    shown = f"from_ms({name})"
    hint = shown if function.name == "datetime" else f"{function.name}({shown})"
    if function.name == "strftime":
        hint = f"strftime('...', {shown})"
    return f"{name} is in epoch milliseconds, which {function.name}() does not read", f"write {hint}"


def time_cast(node: nodes.Cast) -> tuple[str, str]:
    """Return the message and the hint for epoch milliseconds that are made a date."""
    name = describe(node.operand, "x")
    return f"{name} is in epoch milliseconds, not of type {node.type}", f"write CAST(from_ms({name}) AS {node.type})"


def bytes_comparison(other: nodes.Expr) -> tuple[str, str]:
    """Return the message and the hint for bytes that are compared with a number or with text."""
    kind = "text" if expression_type(other) == "string" else "a number"
    return (
        f"{describe(other, 'one side')} is {kind}: it cannot be compared with bytes",
        "text is written in single quotes: 'a'",
    )


def cast(node: nodes.Cast) -> tuple[str, str]:
    """Return the message and the hint for a CAST to a number of a text that has none."""
    message = f"{describe(node.operand, 'the text')} is not of type {node.type}"
    if (
        isinstance(node.operand, nodes.Literal)
        and node.operand.kind == "string"
        and not node.operand.text[:1].isdigit()
    ):
        return message, "only a numeral in quotes is converted"
    return message, f"a time in epoch milliseconds is to_ms('{_DATE}'), in seconds unixepoch('{_DATE}')"


def _time_hint(number: nodes.Expr, text: nodes.Expr) -> str:
    name = describe(number, "")
    if isinstance(text, nodes.Literal) and text.text.strip().lower() == "never":
        return "expiry_time = -1 means never"
    remaining = f", or days_left({name}) < 30" if name and "(" not in name else ", or use days_left(...)"
    return f"a time in epoch milliseconds is to_ms('{_DATE}'){remaining}"


def _is_time(expr: nodes.Expr) -> bool:
    """Return whether a number is a time: by its unit, or by the name of a column whose unit is not known."""
    if is_epoch(expr):
        return True
    return isinstance(expr, BoundReference) and expr.column.name.lower().endswith("_time")


def _is_parameter(expr: nodes.Expr) -> bool:
    return isinstance(expr, nodes.Literal) and expr.kind == "time"


def _looks_like_time(expr: nodes.Expr) -> bool:
    return makes_time(expr) or (isinstance(expr, nodes.Literal) and re.match(_DATE_PATTERN, expr.text) is not None)


def makes_time(expr: nodes.Expr) -> bool:
    """Return whether an expression is a date or time as text, by the function that makes it."""
    match expr:
        case nodes.Literal():
            return expr.kind == "current"
        case nodes.Call():
            return expr.name[-1].text.lower() in _TIME_FUNCTIONS
        case _:
            return False


def describe(expr: nodes.Expr, otherwise: str) -> str:
    """Return an expression in a few characters; `otherwise` for one that is not short."""
    match expr:
        case BoundReference():
            return escape_unsafe(truncate(expr.column.name, _LONGEST_TEXT))
        case nodes.Literal(kind="string"):
            return f"'{truncate(escape_unsafe(expr.text), _LONGEST_TEXT)}'"
        case nodes.Literal(kind="time"):
            return expr.text
        case nodes.Literal():
            return expr.text or expr.kind.upper()
        case nodes.Unary(operator="-", operand=nodes.Literal() as literal):
            return f"-{literal.text}"
        case nodes.Collate() | nodes.Unary(operator="+"):
            return describe(expr.operand, otherwise)
        case nodes.Call():
            return f"{expr.name[-1].text.lower()}(...)"
        case _:
            return otherwise
