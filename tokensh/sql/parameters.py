"""Replace parameter markers (`?`, `:name`) of a parsed statement by values: as nodes, so that no value is read as SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from operator import index
from typing import Any, SupportsIndex, TypeVar

from tokensh.errors import ProgrammingError, Span
from tokensh.sql import nodes
from tokensh.sql.visit import rewrite, walk

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]


def with_parameters(statement: T, parameters: Parameters) -> T:
    """Return the statement with each marker replaced: `?` in the text's order from a sequence, `:name` from a mapping.

    Raises ProgrammingError if the numbers differ, a name has no value, or SQL has no literal for a value.
    """
    # Sorted by span: the tree has another order (WITH comes after the query), and a node may be in it twice.
    markers = {node.span: node for node in walk(statement, deep=True) if isinstance(node, nodes.Variable)}
    ordered = [markers[span] for span in sorted(markers)]
    values = (
        _values_by_name(ordered, parameters)
        if isinstance(parameters, Mapping)
        else _values_by_position(ordered, parameters)
    )
    if not values:
        return statement
    literals = {span: _literal_of(value, markers[span]) for span, value in values.items()}
    return rewrite(statement, {nodes.Variable: lambda node: literals[node.span]})


def _values_by_name(markers: Sequence[nodes.Variable], values: Mapping[str, Any]) -> dict[Span, Any]:
    for marker in markers:
        if marker.text.lstrip(":") not in values:
            raise ProgrammingError(f"no value for {marker.text}", span=marker.span)
    return {marker.span: values[marker.text.lstrip(":")] for marker in markers}


def _values_by_position(markers: Sequence[nodes.Variable], values: Sequence[Any]) -> dict[Span, Any]:
    if len(values) < len(markers):
        missing = markers[len(values)]
        raise ProgrammingError(f"no value for {missing.text}", span=missing.span)
    if len(values) > len(markers):
        raise ProgrammingError("there are more values than ? in the statement")
    return {marker.span: value for marker, value in zip(markers, values, strict=True)}


def _literal_of(value: Any, node: nodes.Variable) -> nodes.Expr:
    match value:
        case None:
            return nodes.Literal("null", "", node.span)
        # Before integers, which booleans are too.
        case bool():
            return nodes.Literal("true" if value else "false", "", node.span)
        # NumPy's integers, too. SQL has no negative literals: the sign is an operator.
        case SupportsIndex():
            number = index(value)
            return _number_literal(str(abs(number)), number < 0, node)
        case float() if isfinite(value):
            return _number_literal(str(abs(value)), value < 0, node)
        case str() if "\0" in value:
            raise ProgrammingError(f"the text for {node.text} holds a NUL character (U+0000)", span=node.span)
        case str():
            return nodes.Literal("string", value, node.span)
        case bytes() | bytearray() | memoryview():
            return nodes.Literal("blob", f"x'{value.hex()}'", node.span)
        case dict() | list():
            return nodes.Literal("string", json.dumps(value), node.span)
        case _:
            return _rare_literal(value, node)


def _rare_literal(value: Any, node: nodes.Variable) -> nodes.Expr:
    """Return a literal of a decimal, or of a date or time: text in the form that SQLite's date functions read."""
    from datetime import date, datetime, time  # noqa: PLC0415 (a value of such a type has loaded its module already)
    from decimal import Decimal  # noqa: PLC0415

    match value:
        case Decimal() if value.is_finite():
            return _number_literal(str(abs(value)), value < 0, node)
        case datetime():
            return nodes.Literal("time", value.isoformat(" "), node.span)
        case date() | time():
            return nodes.Literal("time", value.isoformat(), node.span)
        case _:
            raise ProgrammingError(f"a value of {type(value).__name__} cannot be given for {node.text}", span=node.span)


def _number_literal(digits: str, negative: bool, node: nodes.Variable) -> nodes.Expr:
    number = nodes.Literal("number", digits, node.span)
    return nodes.Unary("-", number, node.span) if negative else number
