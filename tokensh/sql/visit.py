"""Walk and rewrite trees of nodes, for all who need more of a statement than one kind of node.

A tree is made of dataclasses, tuples and plain values. Which fields of a class can hold nodes is read from their annotations
once per class: most fields are names, flags and spans, and a walk is the first thing that every statement pays for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import is_not
from typing import Any, TypeVar

from tokensh._dataclasses import fields, is_dataclass, replace
from tokensh.sql import nodes

T = TypeVar("T")

_PLAIN_ANNOTATIONS = frozenset(
    {"str", "bool", "Span", "Name", "Path", "str | None", "Name | None", "tuple[str, ...]", "tuple[Name, ...]"}
)
_child_fields: dict[type, tuple[str, ...] | None] = {}


def walk(node: object, *, deep: bool = False) -> Iterator[object]:
    """Yield a tree's nodes, each before its parts; a query inside an expression or FROM is entered only if `deep`."""
    # A list of what is left instead of recursion: walks are everywhere, and generators inside generators are slow.
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if type(current) is tuple:
            waiting.extend(reversed(current))
            continue
        names = child_fields(type(current))
        if names is None:
            continue
        yield current
        if deep or not isinstance(current, nodes.Query):
            waiting.extend([getattr(current, name) for name in reversed(names)])


def rewrite(node: T, substitutes: Mapping[type, Callable[[Any], object]]) -> T:
    """Return a tree in which each node of a class in `substitutes` is replaced by what the class's function returns for it.

    What does not change is shared with the given tree; what a function returns is not rewritten again.
    """
    return _rewrite(node, substitutes)  # type: ignore[return-value] # a node is replaced by one that fits its place


def _rewrite(node: object, substitutes: Mapping[type, Callable[[Any], object]]) -> object:
    kind = type(node)
    if kind is tuple:
        items = tuple([_rewrite(item, substitutes) for item in node])  # type: ignore[attr-defined] # it is a tuple
        # The same object if nothing changed: callers compare by identity, and most of a tree stays as it is.
        return items if any(map(is_not, items, node)) else node  # type: ignore[call-overload]
    substitute = substitutes.get(kind)
    if substitute is not None:
        return substitute(node)
    changes: dict[str, Any] = {}
    for name in child_fields(kind) or ():
        old = getattr(node, name)
        new = _rewrite(old, substitutes)
        if new is not old:
            changes[name] = new
    return replace(node, **changes) if changes else node  # type: ignore[type-var] # it has child fields


def rewrite_nodes(node: T, changes: Mapping[int, Callable[[Any], object]]) -> T:
    """Return a tree in which the nodes whose `id` is in `changes` are replaced.

    Each function gets its node with the changes below it made already, and returns what replaces it.
    """
    return _rewrite_nodes(node, changes)  # type: ignore[return-value] # a node is replaced by one that fits its place


def _rewrite_nodes(node: object, changes: Mapping[int, Callable[[Any], object]]) -> object:
    kind = type(node)
    if kind is tuple:
        items = tuple([_rewrite_nodes(item, changes) for item in node])  # type: ignore[attr-defined] # it is a tuple
        return items if any(map(is_not, items, node)) else node  # type: ignore[call-overload]
    fields_changed: dict[str, Any] = {}
    for name in child_fields(kind) or ():
        old = getattr(node, name)
        new = _rewrite_nodes(old, changes)
        if new is not old:
            fields_changed[name] = new
    changed = replace(node, **fields_changed) if fields_changed else node  # type: ignore[type-var] # it has child fields
    change = changes.get(id(node))
    return changed if change is None else change(changed)


def child_fields(kind: type) -> tuple[str, ...] | None:
    """Return the fields of a class that can hold nodes; None if it is not a class of nodes."""
    try:
        return _child_fields[kind]
    except KeyError:
        names = _child_fields[kind] = _find_child_fields(kind)
        return names


def _find_child_fields(kind: type) -> tuple[str, ...] | None:
    if not is_dataclass(kind) or kind is nodes.Name:
        return None
    # What is resolved is a leaf here: its own fields are not part of the statement's text.
    if issubclass(kind, nodes.ResolvedColumn | nodes.ResolvedQuery):
        return ()
    return tuple(field.name for field in fields(kind) if not _is_plain(str(field.type)))


def _is_plain(annotation: str) -> bool:
    return annotation in _PLAIN_ANNOTATIONS or annotation.startswith("Choice[")
