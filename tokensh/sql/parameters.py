"""Parameter markers (`?`, `:name`) of a parsed statement replaced by values: as nodes, so that no value is read as SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from operator import index
from typing import Any, SupportsIndex, TypeVar

from tokensh._dataclasses import fields, is_dataclass, replace
from tokensh.errors import ProgrammingError, Span
from tokensh.sql import nodes as n

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]


def with_parameters(statement: T, given: Parameters) -> T:
    """The statement with each marker replaced: `?` in the text's order from a sequence, `:name` by name from a mapping.

    Raises ProgrammingError where the numbers differ, a name has no value, or a value is none that SQL has.
    """
    # By place: the tree's order is another one (what WITH defines stands behind the query), and a node may stand there twice.
    markers = {one.span: one for one in _markers(statement)}
    ordered = [markers[span] for span in sorted(markers)]
    values = _named(ordered, given) if isinstance(given, Mapping) else _positional(ordered, given)
    if not values:
        return statement
    made: T = _replaced(statement, {span: _literal(value, markers[span]) for span, value in values.items()})
    return made


def _named(markers: Sequence[n.Variable], given: Mapping[str, Any]) -> dict[Span, Any]:
    for one in markers:
        if one.text.lstrip(":") not in given:
            raise ProgrammingError(f"no value for {one.text}", span=one.span)
    return {one.span: given[one.text.lstrip(":")] for one in markers}


def _positional(markers: Sequence[n.Variable], given: Sequence[Any]) -> dict[Span, Any]:
    if len(given) < len(markers):
        missing = markers[len(given)]
        raise ProgrammingError(f"no value for {missing.text}", span=missing.span)
    if len(given) > len(markers):
        raise ProgrammingError("there are more values than ? in the statement")
    return {one.span: value for one, value in zip(markers, given, strict=True)}


def _parts(node: Any) -> Iterator[tuple[str, Any]]:
    return ((one.name, getattr(node, one.name)) for one in fields(node))


def _markers(node: Any) -> Iterator[n.Variable]:
    if isinstance(node, n.Variable):
        yield node
    elif type(node) is tuple:
        for one in node:
            yield from _markers(one)
    elif is_dataclass(node):
        for _, one in _parts(node):
            yield from _markers(one)


def _replaced(node: Any, values: Mapping[Span, n.Expr]) -> Any:
    if isinstance(node, n.Variable):
        return values[node.span]
    if type(node) is tuple:
        made = tuple(_replaced(one, values) for one in node)
        return made if any(a is not b for a, b in zip(made, node, strict=True)) else node
    if not is_dataclass(node) or isinstance(node, type):
        return node
    after = {name: (one, _replaced(one, values)) for name, one in _parts(node)}
    changed = {name: new for name, (old, new) in after.items() if new is not old}
    return replace(node, **changed) if changed else node


def _literal(value: Any, node: n.Variable) -> n.Expr:
    match value:
        case None:
            return n.Literal("null", "", node.span)
        case bool():
            return n.Literal("true" if value else "false", "", node.span)
        case SupportsIndex():
            number = index(value)
            return _number(str(abs(number)), number < 0, node)
        case float() if isfinite(value):
            return _number(str(abs(value)), value < 0, node)
        case str():
            return n.Literal("string", value, node.span)
        case bytes() | bytearray() | memoryview():
            return n.Literal("blob", f"x'{value.hex()}'", node.span)
        case dict() | list():
            return n.Literal("string", json.dumps(value), node.span)
        case _:
            return _rare_literal(value, node)


def _rare_literal(value: Any, node: n.Variable) -> n.Expr:
    """Decimals are numbers; dates and times are texts as SQLite's functions of them read and write them."""
    from datetime import date, datetime, time  # noqa: PLC0415 (a value of such a type has loaded its module already)
    from decimal import Decimal  # noqa: PLC0415

    match value:
        case Decimal() if value.is_finite():
            return _number(str(abs(value)), value < 0, node)
        case datetime():
            return n.Literal("string", value.isoformat(" "), node.span)
        case date() | time():
            return n.Literal("string", value.isoformat(), node.span)
        case _:
            raise ProgrammingError(f"a value of {type(value).__name__} cannot be given for {node.text}", span=node.span)


def _number(digits: str, negative: bool, node: n.Variable) -> n.Expr:
    number = n.Literal("number", digits, node.span)
    return n.Unary("-", number, node.span) if negative else number
