"""Many sets of values for the markers of one statement: what SQLite takes for them, and a statement that stands for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from operator import is_
from typing import Any, TypeVar, cast

from tokensh.rows import Row, Value
from tokensh.sql import nodes
from tokensh.sql.parameters import Parameters, TimeText, find_markers, to_literal, with_parameters
from tokensh.sql.visit import rewrite

T = TypeVar("T")
_PLAIN = frozenset((int, float, str, bytes, bool, type(None), TimeText))
"""The types of values that SQLite takes as they are."""
_INTEGERS = frozenset((int, bool))


def read_sets(statement: object, sets: Sequence[Parameters]) -> list[Row]:
    """Return each set's values in the order of the markers. Raises ProgrammingError as `with_parameters` does."""
    markers = find_markers(statement)
    is_ordered = set(map(type, sets)) == {tuple} and set(map(len, sets)) == {len(markers)}
    rows = cast("list[Row]", list(sets)) if is_ordered else [_order_values(statement, markers, v) for v in sets]
    # By columns: a check of a whole column costs a fraction of one for each value.
    columns = list(zip(*rows, strict=True))
    read = [_read_column(column, marker) for column, marker in zip(columns, markers, strict=True)]
    return rows if all(map(is_, read, columns)) else list(zip(*read, strict=True))


def _order_values(statement: object, markers: Sequence[nodes.Variable], values: Parameters) -> Row:
    # It says what is wrong with a set of another kind or size.
    with_parameters(statement, values)
    if isinstance(values, Mapping):
        return tuple(values[marker.text.lstrip(":")] for marker in markers)
    return tuple(values)


def _read_column(column: tuple[Any, ...], marker: nodes.Variable) -> tuple[Value, ...]:
    """Return the values of all sets for one marker."""
    kinds = set(map(type, column))
    if kinds <= _PLAIN and not _has_limits(column, kinds):
        return column
    return tuple(literal_value(to_literal(value, marker)) for value in column)


def _has_limits(column: tuple[Any, ...], kinds: set[type]) -> bool:
    """Return whether a value may be one that SQL has no literal for, or another one."""
    if float in kinds and (inf in column or -inf in column):
        return True
    if str in kinds and "\0" in "".join(value for value in column if isinstance(value, str)):
        return True
    if int not in kinds:
        return False
    numbers = column if kinds <= _INTEGERS else [value for value in column if isinstance(value, int)]
    return not -(2**63) <= min(numbers) <= max(numbers) < 2**63


def literal_value(expr: nodes.Expr) -> Value:
    """Return the value of a literal that `to_literal` made, as SQLite takes it."""
    match expr:
        case nodes.Unary():
            return -cast("int | float", literal_value(expr.operand))
        case nodes.Literal(kind="number"):
            return int(expr.text) if expr.text.isdecimal() else float(expr.text)
        case nodes.Literal(kind="true" | "false"):
            return int(expr.kind == "true")
        case nodes.Literal(kind="blob"):
            return bytes.fromhex(expr.text[2:-1])
        case nodes.Literal(kind="time"):
            return TimeText(expr.text)
        case nodes.Literal(kind="null"):
            return None
        case nodes.Literal():
            return expr.text
        case _:
            raise ValueError("not a literal of a parameter")


def with_examples(statement: T, values: Row) -> T:
    """Return a statement in which each marker is a literal of the type of a value, and stands for the values of all sets."""
    numbers = {marker.span: number for number, marker in enumerate(find_markers(statement))}

    def to_example(marker: nodes.Variable) -> nodes.Literal:
        number = numbers[marker.span]
        literal = _make_example(values[number])
        return nodes.Literal(literal.kind, literal.text, marker.span, number + 1)

    return rewrite(statement, {nodes.Variable: to_example})


def _make_example(value: Value) -> nodes.Literal:
    match value:
        case None:
            return nodes.Literal("null")
        case bool():
            return nodes.Literal("true")
        case int():
            return nodes.Literal("number", "2")
        case float():
            return nodes.Literal("number", "2.5")
        case bytes():
            return nodes.Literal("blob", "x''")
        case _:
            return nodes.Literal("string", value)
