"""Replace parameter markers (`?`, `:name`) of a parsed statement by values: as nodes, so that no value is read as SQL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from operator import index
from typing import Any, Literal, SupportsIndex, TypeVar

from tokensh.errors import ProgrammingError, Span
from tokensh.sql import nodes
from tokensh.sql.visit import rewrite, walk

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]


class TimeText(str):
    """A date or time in the form of a client that stores it as text; it is converted where it meets a time in milliseconds."""

    __slots__ = ()


def with_parameters(statement: T, parameters: Parameters) -> T:
    """Return the statement with each marker replaced: `?` in the text's order from a sequence, `:name` from a mapping.

    Raises ProgrammingError if the numbers differ, a name has no value, or SQL has no literal for a value.
    """
    _check_container(parameters)
    inside = list(walk(statement, deep=True))
    ordered = _find_markers(inside)
    markers = {marker.span: marker for marker in ordered}
    values = (
        _values_by_name(ordered, parameters)
        if isinstance(parameters, Mapping)
        else _values_by_position(ordered, parameters)
    )
    if not values:
        return statement
    _check_places(inside, values)
    literals = {span: to_literal(value, markers[span]) for span, value in values.items()}
    return rewrite(statement, {nodes.Variable: lambda node: literals[node.span]})


def find_markers(statement: object) -> list[nodes.Variable]:
    """Return the markers of a statement in the order of its text."""
    return _find_markers(walk(statement, deep=True))


def _find_markers(inside: Iterable[object]) -> list[nodes.Variable]:
    # Sorted by span: the tree has another order (WITH comes after the query), and a node may be in it twice.
    markers = {node.span: node for node in inside if isinstance(node, nodes.Variable)}
    return [markers[span] for span in sorted(markers)]


def _check_container(parameters: Any) -> None:
    is_sequence = isinstance(parameters, Sequence) and not isinstance(parameters, str | bytes | bytearray)
    if not is_sequence and not isinstance(parameters, Mapping):
        kind = type(parameters).__name__
        hint = "for example (1, 'x') or {'name': 'x'}"
        raise ProgrammingError(f"the values for a statement are a sequence or a mapping, not {kind}", hint=hint)


def _check_places(inside: Iterable[object], values: Mapping[Span, Any]) -> None:
    """Refuse values that would be taken for something else: a column's number, or the JSON text of a list."""
    for node in inside:
        match node:
            case nodes.Query() | nodes.Update() | nodes.Delete():
                _refuse_constants("ORDER BY", [item.expr for item in node.order])
            case nodes.Select():
                _refuse_constants("GROUP BY", node.group)
            case nodes.InList():
                _refuse_lists((node.operand, *node.items), values)
            case nodes.Binary(operator="=" | "!="):
                _refuse_lists((node.left, node.right), values)
            case _:
                pass


def _refuse_constants(clause: str, exprs: Iterable[nodes.Expr]) -> None:
    for marker in exprs:
        if isinstance(marker, nodes.Variable):
            message = f"{clause} {marker.text} would be the same for every row"
            raise ProgrammingError(message, span=marker.span, hint="write the column's name or number")


def _refuse_lists(exprs: Iterable[nodes.Expr], values: Mapping[Span, Any]) -> None:
    for marker in exprs:
        if isinstance(marker, nodes.Variable) and isinstance(values.get(marker.span), list | tuple | set | frozenset):
            message = f"a list cannot be compared as the one value {marker.text}"
            raise ProgrammingError(message, span=marker.span, hint="give each of its values a marker: IN (?, ?)")


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


def to_literal(value: Any, node: nodes.Variable) -> nodes.Expr:
    """Return the literal of a value for a marker. Raises ProgrammingError if SQL has none."""
    match value:
        case None:
            return nodes.Literal("null", "", node.span)
        # Before integers, which booleans are too.
        case bool():
            return nodes.Literal("true" if value else "false", "", node.span)
        # NumPy's integers, too. SQL has no negative literals: the sign is an operator.
        case SupportsIndex():
            number = index(value)
            if not -(2**63) <= number < 2**63:
                raise ProgrammingError(f"the value for {node.text} has more than 64 bits", span=node.span)
            return _number_literal(str(abs(number)), number < 0, node)
        case float() if isfinite(value):
            return _number_literal(str(abs(value)), value < 0, node)
        case str() if "\0" in value:
            raise ProgrammingError(f"the text for {node.text} holds a NUL character (U+0000)", span=node.span)
        case str():
            kind: Literal["string", "time"] = "time" if isinstance(value, TimeText) else "string"
            return nodes.Literal(kind, str(value), node.span)
        case bytes() | bytearray() | memoryview():
            return nodes.Literal("blob", f"x'{value.hex()}'", node.span)
        case dict() | list():
            try:
                return nodes.Literal("string", write_json(value), node.span)
            except (TypeError, ValueError) as error:
                raise ProgrammingError(
                    f"the value for {node.text} cannot be written as JSON: {error}", span=node.span
                ) from None
        case _:
            return _rare_literal(value, node)


def _rare_literal(value: Any, node: nodes.Variable) -> nodes.Expr:
    """Return a literal of a decimal, of a UUID, or of a date or time in the form of ISO 8601; NULL for what pandas has for it."""
    from datetime import date, datetime, time  # noqa: PLC0415 (a value of such a type has loaded its module already)
    from decimal import Decimal  # noqa: PLC0415

    if _is_missing(value):
        return nodes.Literal("null", "", node.span)
    match value:
        case Decimal() if value.is_nan():
            return nodes.Literal("null", "", node.span)
        case Decimal() if value.is_finite():
            is_float = Decimal(repr(float(value))) == value
            if is_float and abs(value) >= 2**63:
                return _number_literal(repr(abs(float(value))), value < 0, node)
            if value.as_tuple().exponent != 0 and not is_float:
                hint = "give it as text, or round it"
                raise ProgrammingError(f"the value for {node.text} has too many digits", span=node.span, hint=hint)
            if value == value.to_integral_value():
                return to_literal(int(value), node)
            return _number_literal(str(abs(value)), value < 0, node)
        case datetime():
            return nodes.Literal("time", value.isoformat(" "), node.span)
        case date() | time():
            return nodes.Literal("time", value.isoformat(), node.span)
        case _ if (plain := to_plain(value)) is not value:
            return to_literal(plain, node)
        case float() | Decimal():
            raise ProgrammingError(f"the value for {node.text} is not finite: {value}", span=node.span)
        case tuple() | set() | frozenset():
            message = f"the value for {node.text} is a {type(value).__name__}, not one value"
            raise ProgrammingError(message, span=node.span, hint="give each of its values a marker: (?, ?)")
        case _:
            raise ProgrammingError(f"a value of {type(value).__name__} cannot be given for {node.text}", span=node.span)


_NUMPY_SCALARS = frozenset({"bool", "bool_", "float16", "float32", "str_", "bytes_"})
"""Those that are not instances of Python's own types."""


def to_plain(value: Any) -> Any:
    """Return Python's own value for one of NumPy or pandas, None for their NaT and NA, a UUID's text; others as they are."""
    kind = type(value)
    if kind.__name__ in _MISSING:
        return None
    if kind.__module__ == "uuid":
        return str(value)
    return value.item() if kind.__module__ == "numpy" and kind.__name__ in _NUMPY_SCALARS else value


def write_json(value: Any) -> str:
    """Return a value as JSON, NumPy's numbers, UUIDs and times in it too. Raises TypeError, ValueError."""
    return json.dumps(value, default=_to_json_value)


def _to_json_value(value: Any) -> Any:
    plain = to_plain(value)
    if plain is not value:
        return plain
    if isinstance(value, SupportsIndex):
        return index(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"it holds a value of {type(value).__name__}")


_MISSING = ("NAType", "NaTType")
"""The types of what stands for no value in pandas."""


def _is_missing(value: Any) -> bool:
    """Return whether a value stands for none in pandas: NaN, NaT, NA."""
    if type(value).__name__ in _MISSING:
        return True
    return type(value).__name__ in ("float", "float16", "float32", "float64") and bool(value != value)  # noqa: PLR0124 (NaN)


def _number_literal(digits: str, negative: bool, node: nodes.Variable) -> nodes.Expr:
    number = nodes.Literal("number", digits, node.span)
    return nodes.Unary("-", number, node.span) if negative else number
