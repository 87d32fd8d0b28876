"""What the grammar allows at the cursor: keywords, and the name_role that a name would have there.

The name_role comes from the parser's own tables: a name is shifted, and the first rule that would reduce it, whatever follows,
says what it would be (`column`, `table`, `alias`, ...). So completion needs no grammar of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokensh.errors import SqlSyntaxError
from tokensh.sql.actions import NEVER_BARE_ALIASES
from tokensh.sql.grammar import ParseTable
from tokensh.sql.lalr import END, NoActions, ParserState
from tokensh.sql.lexer import Token, significant_tokens

# Rules of an alias; with one symbol, it is an alias without AS.
_BARE_ALIASES = ("alias", "table_alias")
# Rules that pass a name on without deciding what it is.
_NEUTRAL_RULES = frozenset(("name", "path", "longer_path"))

# Offered together, where only the second can follow the first, or where users mean both.
_PHRASES = {
    "CREATE": ("CREATE VIEW", "CREATE TABLE", "CREATE MATERIALIZED VIEW", "CREATE OR REPLACE VIEW", "CREATE INDEX"),
    "CROSS": ("CROSS JOIN",),
    "DELETE": ("DELETE FROM",),
    "DROP": ("DROP VIEW", "DROP TABLE", "DROP MATERIALIZED VIEW", "DROP INDEX"),
    "FOREIGN": ("FOREIGN KEY",),
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
# The order in which keywords are offered, by how often users need them, not by the alphabet.
_FREQUENT = """
SELECT INSERT EXEC SHOW DESCRIBE DELETE UPDATE REPLACE WITH EXPLAIN USE CREATE DROP REFRESH
WHEN THEN ELSE END ASC DESC SET INTO VALUES FROM WHERE AND OR RETURNING JOIN ON LEFT INNER USING GROUP ORDER
HAVING LIMIT OFFSET AS IN LIKE IS NOT BETWEEN BY DISTINCT CASE CAST EXISTS NULL TRUE FALSE UNION EXTENDED METHOD
"""
_FREQUENCY_RANKS = {word: rank for rank, word in enumerate(_FREQUENT.split())}
_NOT_OFFERED = frozenset(("AUTH", "PURGE", "NATIVEQUERY", "SLEEP", "SET", "DESC"))
"""Words that open a statement and are not offered: parsed only to say what to do instead, or short for another word."""


_SPELLINGS = frozenset(("DATE", "EXTRACT", "ILIKE", "OVERLAY", "POSITION", "TIME", "TIMESTAMP", "TRIM"))
"""Words that are not offered because they are other spellings of a function or of a string, which are."""

_ACTIONS = NoActions()


# All questions are answered on copies of the stack of states. Parsing the text again for each candidate
# would cost a parse per keyword and keystroke; a trial costs a few reductions.
class ExpectedTokens:
    """The parser's states where a word begins, and what they allow."""

    def __init__(self, table: ParseTable, stack: list[int]) -> None:
        self._table = table
        self._stack = stack
        self.at_start = stack == [table.start_state]

    def allows(self, *terminals: str) -> bool:
        """Return True if these terminals can follow, one after the other."""
        stack: list[int] | None = self._stack
        for terminal in terminals:
            stack = _shift(self._table, stack, terminal)
            if stack is None:
                return False
        return True

    def keywords(self, typed: str, likely: str = "") -> Iterator[str]:
        """Yield the keywords, some with what always follows, that begin with what is typed; `likely` and frequent ones first."""
        upper = typed.upper()
        names = self._table.keywords
        allowed = self._table.states[self._stack[-1]]
        # `x NOT NULL` is another spelling of IS NOT NULL; of a column of CREATE TABLE, NOT NULL is the only one.
        hidden = {*_SPELLINGS, "NULL"} if "BETWEEN" in allowed and "IN" in allowed else _SPELLINGS
        words = [w for w in allowed if w in names and w.startswith(upper) and w not in hidden]
        for word in sorted(words, key=lambda w: (w != likely, _FREQUENCY_RANKS.get(w, len(_FREQUENCY_RANKS)), w)):
            if (self.at_start and word in _NOT_OFFERED) or not self.allows(word):
                continue
            phrases = [p for p in _PHRASES.get(word, (word,)) if self.allows(*p.split())]
            yield from phrases or (word,)

    def name_role(self) -> str | None:
        """Return what a name would be: a rule; empty where that depends on what follows, None where names are not allowed."""
        stack = _shift(self._table, self._stack, "NAME")
        if stack is None:
            return None
        for following in self._table.states[stack[-1]]:
            rule = self._find_rule(stack, following)
            if rule:
                return rule
        return ""

    def _find_rule(self, stack: list[int], following: str) -> str | None:
        table = self._table
        trial = list(stack)
        while True:
            action = table.states[trial[-1]].get(following)
            if action is None or action >= 0:
                return None
            rule = table.rules[-1 - action]
            if rule.action not in _NEUTRAL_RULES:
                return str(rule.action)
            _apply_reduction(table, trial, action)


def _apply_reduction(table: ParseTable, stack: list[int], action: int) -> None:
    rule = table.rules[-1 - action]
    del stack[len(stack) - rule.size :]
    stack.append(table.gotos[stack[-1]][rule.origin])


def _shift(table: ParseTable, stack: list[int] | None, terminal: str) -> list[int] | None:
    """Return the states after a terminal, None if it cannot follow."""
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
        _apply_reduction(table, trial, action)


def compute_expected_tokens(table: ParseTable, text: str, start: int, end: int) -> ExpectedTokens:
    """Return the states after `text[start:end]`; where that is wrong, as if a name were missing or a word too many."""
    text = text[:end]
    state = ParserState(table, _ACTIONS)
    try:
        state.feed(text, significant_tokens(table, text, start))
    except (SqlSyntaxError, ValueError):
        return ExpectedTokens(table, _recover_states(table, text, start))
    return ExpectedTokens(table, [table.end_state] if _lacks_semicolon(state) else state.states)


def _lacks_semicolon(state: ParserState) -> bool:
    """Return True after `SELECT a UPDATE`, whose alias without AS the parser rejects, but not before the next token.

    Nothing can follow: a keyword that is offered here would only lead to that error.
    """
    last = state.values[-1] if state.values else None
    if not isinstance(last, Token) or last.kind != "NAME" or last.text.upper() not in NEVER_BARE_ALIASES:
        return False
    table = state.table
    reductions = (table.rules[-1 - action] for action in table.states[state.states[-1]].values() if action < 0)
    return any(rule.action in _BARE_ALIASES and rule.size == 1 for rule in reductions)


# Two repairs are enough for what users leave unfinished: `SELECT , b` lacks a name, and a stray word can
# be skipped.
def _recover_states(table: ParseTable, text: str, start: int) -> list[int]:
    """Return the states after a wrong text: a name is inserted where that helps, else the token is skipped."""
    stack = [table.start_state]
    for token in significant_tokens(table, text, start):
        terminal = _classify(table, token, stack)
        stack = _shift(table, stack, terminal) or _shift(table, _shift(table, stack, "NAME"), terminal) or stack
    return stack


def _classify(table: ParseTable, token: Token, stack: list[int]) -> str:
    """Return which terminal a token is."""
    allowed = table.states[stack[-1]]
    if token.kind == "NAME":
        word = table.keywords.get(token.text.upper())
        return word if word and (word in allowed or word in table.reserved) else "NAME"
    return table.operators[token.text] if token.kind == "OPERATOR" else token.kind
