"""Parameter markers (`?`, `:name`) of a parsed statement replaced by values: as nodes, so that no value is read as SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from operator import index
from typing import Any, SupportsIndex, TypeVar

from tokensh.errors import ProgrammingError
from tokensh.records import fields, is_dataclass, replace
from tokensh.sql import nodes as n

T = TypeVar("T")
Given = Sequence[Any] | Mapping[str, Any]


def with_parameters(statement: T, given: Given) -> T:
    """The statement with each marker replaced: `?` in order from a sequence, `:name` by name from a mapping.

    Raises ProgrammingError where the numbers differ, a name has no value, or a value is none that SQL has.
    """
    positional = iter(()) if isinstance(given, Mapping) else iter(given)
    made: T = _replaced(statement, given, positional)
    if next(positional, _END) is not _END:
        raise ProgrammingError("there are more values than ? in the statement")
    return made


_END = object()


def _replaced(node: Any, given: Given, positional: Iterator[Any]) -> Any:
    if isinstance(node, n.Variable):
        return _literal(_value(node, given, positional), node)
    if type(node) is tuple:
        made = tuple(_replaced(one, given, positional) for one in node)
        return made if any(a is not b for a, b in zip(made, node, strict=True)) else node
    if not is_dataclass(node) or isinstance(node, type):
        return node
    before = {one.name: getattr(node, one.name) for one in fields(node)}
    after = {name: _replaced(one, given, positional) for name, one in before.items()}
    changed = {name: one for name, one in after.items() if one is not before[name]}
    return replace(node, **changed) if changed else node


def _value(node: n.Variable, given: Given, positional: Iterator[Any]) -> Any:
    if isinstance(given, Mapping):
        name = node.text.lstrip(":")
        if name not in given:
            raise ProgrammingError(f"no value for {node.text}", span=node.span)
        return given[name]
    value = next(positional, _END)
    if value is _END:
        raise ProgrammingError(f"no value for {node.text}", span=node.span)
    return value


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
