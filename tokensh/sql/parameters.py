"""Parameter markers (`?`, `:name`) of a parsed statement replaced by values: as nodes, so that no value is read as SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from math import isfinite
from typing import Any, TypeVar

from tokensh.errors import ProgrammingError
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
        case int() if value < 0:
            return n.Unary("-", n.Literal("number", str(-value), node.span), node.span)
        case int():
            return n.Literal("number", str(value), node.span)
        case float() if isfinite(value):
            number = n.Literal("number", repr(abs(value)), node.span)
            return n.Unary("-", number, node.span) if value < 0 else number
        case str():
            return n.Literal("string", value, node.span)
        case bytes():
            return n.Literal("blob", f"x'{value.hex()}'", node.span)
        case dict() | list():
            return n.Literal("string", json.dumps(value), node.span)
        case _:
            raise ProgrammingError(f"a value of {type(value).__name__} cannot be given for {node.text}", span=node.span)
