"""What the grammar takes at the cursor: keywords, and the role that a name would have there.

The role is read off the parser's own tables: a name is tried, and the first rule that would make something of it, whatever
followed, says what it would be (`column`, `table`, `alias`, ..).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.actions import NEVER_BARE_ALIASES
from tokensh.sql.grammar import ParseTable
from tokensh.sql.lalr import END, ParserState
from tokensh.sql.lexer import TRIVIA, Token, significant_tokens, tokenize

_BARE_ALIASES = ("alias", "table_alias")
_UNTOLD = frozenset(("name", "path", "longer_path"))

# Together, where one leads to nothing but the other, or where people mean the two.
_PHRASES = {
    "CREATE": ("CREATE VIEW", "CREATE TABLE", "CREATE MATERIALIZED VIEW", "CREATE OR REPLACE VIEW"),
    "CROSS": ("CROSS JOIN",),
    "DELETE": ("DELETE FROM",),
    "DROP": ("DROP VIEW", "DROP TABLE", "DROP MATERIALIZED VIEW"),
    "FULL": ("FULL JOIN",),
    "GROUP": ("GROUP BY",),
    "IF": ("IF NOT EXISTS", "IF EXISTS"),
    "INNER": ("INNER JOIN",),
    "INSERT": ("INSERT INTO",),
    "IS": ("IS NULL", "IS NOT NULL", "IS"),
    "LEFT": ("LEFT JOIN",),
    "MATERIALIZED": ("MATERIALIZED VIEW",),
    "NATURAL": ("NATURAL JOIN",),
    "NOT": ("NOT", "NOT IN", "NOT LIKE", "NOT BETWEEN"),
    "NULLS": ("NULLS FIRST", "NULLS LAST"),
    "ORDER": ("ORDER BY",),
    "PARTITION": ("PARTITION BY",),
    "PRIMARY": ("PRIMARY KEY",),
    "REFRESH": ("REFRESH MATERIALIZED VIEW",),
    "RIGHT": ("RIGHT JOIN",),
    "START": ("START TRANSACTION",),
    "UNION": ("UNION ALL", "UNION"),
}
_COMMON = """
SELECT INSERT EXEC SHOW DESCRIBE DELETE UPDATE REPLACE WITH EXPLAIN USE CREATE DROP REFRESH
WHEN THEN ELSE END ASC DESC OFFSET SET INTO VALUES FROM WHERE AND OR RETURNING JOIN ON LEFT INNER USING GROUP ORDER
HAVING LIMIT AS IN LIKE IS NOT BETWEEN BY DISTINCT CASE CAST EXISTS NULL TRUE FALSE UNION EXTENDED METHOD
"""
_PLACES = {word: place for place, word in enumerate(_COMMON.split())}
_UNOFFERED = frozenset(("AUTH", "REGISTRY", "PURGE", "NATIVEQUERY", "SLEEP", "SET", "DESC"))
"""What may open a statement and is not proposed: parsed only to say what to do instead, or the short form of another."""


class _Nothing(dict[str, Callable[[Sequence[Any], Span], Any]]):
    """Actions that make nothing: only the parser's states are of interest here."""

    def __missing__(self, rule: str) -> Callable[[Sequence[Any], Span], Any]:
        return _nothing


def _nothing(_children: Sequence[Any], _span: Span) -> None:
    return None


_ACTIONS = _Nothing()


class ExpectedTokens:
    """The parser's state where a word begins."""

    def __init__(self, table: ParseTable, stack: list[int]) -> None:
        self._table = table
        self._stack = stack
        self.at_start = stack == [table.start_state]

    def takes(self, *terminals: str) -> bool:
        """Whether these may follow, one after the other."""
        stack: list[int] | None = self._stack
        for terminal in terminals:
            stack = _shifted(self._table, stack, terminal)
            if stack is None:
                return False
        return True

    def keywords(self, typed: str, favoured: str = "") -> Iterator[str]:
        """The keywords, some with what always follows, that begin with what is typed; `favoured` and frequent ones first."""
        upper = typed.upper()
        names = self._table.keywords
        words = [w for w in self._table.states[self._stack[-1]] if w in names and w.startswith(upper)]
        for word in sorted(words, key=lambda w: (w != favoured, _PLACES.get(w, len(_PLACES)), w)):
            if (self.at_start and word in _UNOFFERED) or not self.takes(word):
                continue
            phrases = [p for p in _PHRASES.get(word, (word,)) if self.takes(*p.split())]
            yield from phrases or (word,)

    def role(self) -> str | None:
        """What a name would be; empty where only what follows tells, None where no name can stand."""
        stack = _shifted(self._table, self._stack, "NAME")
        if stack is None:
            return None
        for following in self._table.states[stack[-1]]:
            role = self._made(stack, following)
            if role:
                return role
        return ""

    def _made(self, stack: list[int], following: str) -> str | None:
        table = self._table
        trial = list(stack)
        while True:
            action = table.states[trial[-1]].get(following)
            if action is None or action >= 0:
                return None
            rule = table.rules[-1 - action]
            if rule.action not in _UNTOLD:
                return str(rule.action)
            _reduce(table, trial, action)


def _reduce(table: ParseTable, stack: list[int], action: int) -> None:
    rule = table.rules[-1 - action]
    del stack[len(stack) - rule.size :]
    stack.append(table.gotos[stack[-1]][rule.origin])


def _shifted(table: ParseTable, stack: list[int] | None, terminal: str) -> list[int] | None:
    """The states after a terminal, None if it cannot follow."""
    if stack is None or (terminal not in table.states[stack[-1]] and terminal != END):
        return None
    trial = list(stack)
    while True:
        action = table.states[trial[-1]].get(terminal)
        if action is None:
            return None
        if action >= 0:
            trial.append(action)
            return trial
        _reduce(table, trial, action)


def compute_expected_tokens(table: ParseTable, text: str, start: int, end: int) -> ExpectedTokens:
    """The state behind `text[start:end]`; where that is wrong, as if a name were missing or a word too many."""
    text = text[:end]
    state = ParserState(table, _ACTIONS)
    try:
        state.feed(text, significant_tokens(table, text, start))
    except (SqlSyntaxError, ValueError):
        return ExpectedTokens(table, _tolerated(table, text, start))
    return ExpectedTokens(table, [table.end_state] if _lacks_semicolon(state) else state.states)


def _lacks_semicolon(state: ParserState) -> bool:
    """Return True behind `SELECT a UPDATE`, which the parser refuses, with the next token, as an alias without AS.

    Nothing can follow: a keyword offered here would lead on into an error.
    """
    last = state.values[-1] if state.values else None
    if not isinstance(last, Token) or last.kind != "NAME" or last.text.upper() not in NEVER_BARE_ALIASES:
        return False
    table = state.table
    reductions = (table.rules[-1 - action] for action in table.states[state.states[-1]].values() if action < 0)
    return any(rule.action in _BARE_ALIASES and rule.size == 1 for rule in reductions)


def _tolerated(table: ParseTable, text: str, start: int) -> list[int]:
    stack = [table.start_state]
    skip_to = start
    for token in tokenize(table, text, start):
        if token.start < skip_to or token.kind in TRIVIA:
            continue
        terminal, skip_to = _terminal(table, text, token, stack)
        stack = _shifted(table, stack, terminal) or _shifted(table, _shifted(table, stack, "NAME"), terminal) or stack
    return stack


def _terminal(table: ParseTable, text: str, token: Token, stack: list[int]) -> tuple[str, int]:
    """Which terminal a token is, and where it ends."""
    allowed = table.states[stack[-1]]
    match token.kind:
        case "NAME":
            word = table.keywords.get(token.text.upper())
            return (word if word and (word in allowed or word in table.reserved) else "NAME"), token.end
        case "OPERATOR":
            return table.operators[token.text], token.end
        case "OTHER" if token.text == "{" and "JSON_OBJECT" in allowed:
            with contextlib.suppress(ValueError, RecursionError):
                return "JSON_OBJECT", json.JSONDecoder().raw_decode(text, token.start)[1]
    return token.kind, token.end
