"""The table of actions, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql import nodes
from tokensh.sql.lexer import Token
from tokensh.text import nearest_word

Children = Sequence[Any]
Action = Callable[[Children, Span], Any]
SourceAction = Callable[[str, Children, Span], Any]

_ACTIONS: dict[str, Action] = {}
_SOURCE_ACTIONS: dict[str, SourceAction] = {}


def actions_for(text: str) -> dict[str, Action]:
    """Return the actions by rule, for parsing `text`."""
    return _ACTIONS | {name: partial(action, text) for name, action in _SOURCE_ACTIONS.items()}


def rule(*names: str) -> Callable[[Action], Action]:
    """Register a function as the action of rules."""

    def register(action: Action) -> Action:
        _ACTIONS.update(dict.fromkeys(names, action))
        return action

    return register


def source_rule(name: str) -> Callable[[SourceAction], SourceAction]:
    """Register an action that also needs the text of the statement."""

    def register(action: SourceAction) -> SourceAction:
        _SOURCE_ACTIONS[name] = action
        return action

    return register


def child_rules(index: int, *names: str) -> None:
    """Register rules whose value is one of their children."""
    for name in names:
        _ACTIONS[name] = lambda children, _: children[index]


def list_rules(start: int, *names: str) -> None:
    """Register rules whose value is the tuple of their children from `start` on (keywords come first)."""
    for name in names:
        _ACTIONS[name] = lambda children, _: tuple(children[start:])


def keyword_rules(*names: str) -> None:
    """Register rules whose value is the text of their keywords: upper case, one blank between."""
    for name in names:
        _ACTIONS[name] = lambda children, _: join_keywords(children)


def join_keywords(tokens: Children) -> str:
    """Return the text of keywords, without those that are absent."""
    return " ".join(token.text.upper() for token in tokens if token is not None)


def unquote(token: Token) -> str:
    """Return the text of a string or a quoted name without its quotes."""
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)


def make_name(token: Token) -> nodes.Name:
    """Return the identifier of a NAME or QUOTED_NAME token, or of a string used as an alias."""
    if token.kind == "NAME":
        return nodes.Name(token.text, quoted=False, span=token.span)
    return nodes.Name(unquote(token), quoted=True, span=token.span)


# Words that are an alias only after AS: without it, a `;` is missing before a statement.
NEVER_BARE_ALIASES = frozenset(
    (
        "COMMIT",
        "CREATE",
        "DELETE",
        "DESCRIBE",
        "DROP",
        "EXEC",
        "EXPLAIN",
        "INSERT",
        "PURGE",
        "REFRESH",
        "REGISTRY",
        "REPLACE",
        "ROLLBACK",
        "SHOW",
        "UPDATE",
    )
)


_CLAUSES = ("WHERE", "RETURNING")
"""Clauses that can follow the name of a table, and say what a statement does: what looks like one of them is refused as a bare alias."""


# ---- names


child_rules(0, "start", "path_star")


@rule("path")
def _build_path(children: Children, _: Span) -> nodes.Path:
    return (make_name(children[0]),)


@rule("longer_path")
def _build_longer_path(children: Children, _: Span) -> nodes.Path:
    return (*children[0], make_name(children[1]))


@rule("names", "names_in_a_row")
def _build_names(children: Children, _: Span) -> tuple[nodes.Name, ...]:
    return tuple(map(make_name, children))


@rule("row_alias")
def _build_row_alias(children: Children, span: Span) -> nodes.Name:
    token: Token = children[-1]
    # A clause that is misspelled and cut short would leave the statement without its condition.
    meant = nearest_word(token.text, _CLAUSES) if len(children) == 1 and token.kind == "NAME" else None
    if meant is not None:
        hint = f"did you mean {meant}? AS {token.text} makes a name of it"
        raise SqlSyntaxError(f"unexpected {token.text!r}", span=token.span, hint=hint)
    return cast("nodes.Name", _build_alias(children, span))


@rule("alias")
def _build_alias(children: Children, _: Span) -> nodes.Name:
    token = children[-1]
    if len(children) == 1 and token.kind == "NAME" and token.text.upper() in NEVER_BARE_ALIASES:
        hint = f"end the statement before it with ';', or write AS {token.text} if it is a name"
        raise SqlSyntaxError(f"unexpected {token.text!r}", span=token.span, hint=hint)
    return make_name(token)


@rule("table_alias")
def _build_table_alias(children: Children, span: Span) -> tuple[nodes.Name, tuple[nodes.Name, ...]]:
    *alias, columns = children
    return _build_row_alias(alias, span), columns or ()
