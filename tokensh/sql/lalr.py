"""The parser's loop: shifts and reductions over the compiled table, without recursion, calling one action per rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.grammar import ParseTable, Rule
from tokensh.sql.lexer import TRIVIA, Token, find_hyphenated_end, lexical_error, tokenize

Action = Callable[[Sequence[Any], Span], Any]
"""Makes a node of a rule's children: tokens, nodes, and None for an optional part that is not there."""

MAX_DEPTH = 300
"""Nodes may be nested so deep: what walks the tree may recurse. Parentheses alone make no node and nest without limit."""

END = "$END"
_new: Any = tuple.__new__
"""Makes a named tuple of a tuple, in a third of the time that its class takes."""


class ParserState:
    """A parse under way: the stacks, and the tokens that may come next."""

    __slots__ = ("actions", "depths", "end", "last", "starts", "states", "table", "values")

    def __init__(self, table: ParseTable, actions: Mapping[str, Action]) -> None:
        self.table = table
        self.actions = actions
        self.states = [table.start_state]
        self.values: list[Any] = []
        self.starts: list[int] = []
        self.depths: list[int] = []
        self.end = 0
        self.last = ""

    def feed(self, text: str, start: int = 0) -> None:
        """Take all tokens of a text. Raises SqlSyntaxError."""
        take, states, rows, operators = self.consume, self.states, self.table.states, self.table.operators
        done = start
        for found in self.table.pattern.finditer(text, start):
            kind = found.lastgroup or "OTHER"
            begin, end = found.span()
            if begin < done or kind in TRIVIA:
                continue
            word = found.group()
            terminal = kind
            if kind == "NAME":
                terminal, end = self._classify_word(text, word, end, rows[states[-1]])
            elif kind == "OPERATOR":
                if word == "/" and text.startswith("/*", begin):
                    raise lexical_error(text, Token(kind, word, begin, end))
                terminal = operators[word]
            elif kind == "OTHER":
                terminal, end = _read_json_object(text, Token(kind, word, begin, end), rows[states[-1]])
            if end - begin != len(word):
                word = text[begin:end]
            take(terminal, _new(Token, (kind, word, begin, end)))
            self.last = word
            done = end

    def _classify_word(self, text: str, word: str, end: int, allowed: Mapping[str, int]) -> tuple[str, int]:
        """The terminal that a word is in this state, and where it ends."""
        table = self.table
        keyword = table.keywords.get(word.upper())
        if keyword and (keyword in table.reserved or self._is_keyword(text, end, keyword, allowed)):
            return keyword, end
        # A list of names (columns of INSERT, left of = in SET) takes names with hyphens; an expression takes a minus.
        if text.startswith("-", end) and "NUMBER" not in allowed and self.last.upper() in ("(", ",", "SET"):
            return "NAME", find_hyphenated_end(text, end - len(word)) or end
        return "NAME", end

    def _is_keyword(self, text: str, end: int, keyword: str, allowed: Mapping[str, int]) -> bool:
        """Whether a word that is both is the keyword: where a value or a list may begin, what follows it decides."""
        action = allowed.get(keyword)
        if action is None:
            return False
        begins = "NUMBER" in allowed or self.last == "("
        if action < 0 or not begins or "NAME" not in allowed:
            return True
        table = self.table
        following = next((t for t in tokenize(table, text, end) if t.kind not in TRIVIA), None)
        row = table.states[action]
        match following:
            case None | Token(kind="OTHER"):
                return True
            case Token(kind="NAME"):
                word = table.keywords.get(following.text.upper())
                return word in row or ("NAME" in row and word not in table.reserved)
            case Token(kind="OPERATOR"):
                return table.operators[following.text] in row
            case _:
                return following.kind in row

    def consume(self, terminal: str, token: Token) -> None:
        """Reduce as far as the token asks, then shift it. Raises SqlSyntaxError."""
        table, states = self.table, self.states
        rows, passing, passed = table.states, table.unit_reductions, table.unit_chains
        top = states[-1]
        action = rows[top].get(terminal)
        while action is None or action < 0:
            if action is None:
                if terminal == END and top == table.end_state:
                    return
                raise self.unexpected_token_error(terminal, token)
            if action in passing:
                # Twelve rules of an expression, one after the other, do nothing with a literal but hand it on.
                key = (states[-2], top, terminal)
                top, action = passed.get(key) or self._follow_unit_chain(key)
                states[-1] = top
            else:
                top = self._reduce(action)
                action = rows[top].get(terminal)
        states.append(action)
        self.values.append(token)
        self.starts.append(token[2])
        self.depths.append(0)
        self.end = token[3]

    def _follow_unit_chain(self, key: tuple[int, int, str]) -> tuple[int, int | None]:
        """Where a chain of passing reductions leads."""
        table = self.table
        below, top, terminal = key
        action = table.states[top].get(terminal)
        while action in table.unit_reductions:
            top = table.gotos[below][table.rules[-1 - action].origin]
            action = table.states[top].get(terminal)
        table.unit_chains[key] = top, action
        return top, action

    def _reduce(self, action: int) -> int:
        """Put a rule's value in the place of its symbols; the state that comes above."""
        origin, size, name, _, _, single, inline, plain = rule = self.table.rules[-1 - action]
        values, starts, depths, states = self.values, self.starts, self.depths, self.states
        cut = len(values) - size
        symbols = values[cut:]
        start, depth = (starts[cut], max(depths[cut:])) if size else (self.end, 0)
        children = symbols if plain else _collect_children(rule, symbols)
        if inline:
            value: Any = children
        elif single and len(children) == 1:
            value = children[0]
        else:
            span = _new(Span, (start, self.end))
            depth += not single
            if depth > MAX_DEPTH:
                raise _depth_error(span)
            value = self.actions[name](children, span)
        below = states[-1 - size]
        top = self.table.gotos[below][origin]
        if size == 1:
            states[-1], values[-1], depths[-1] = top, value, depth
            return top
        del values[cut:], starts[cut:], depths[cut:], states[cut + 1 :]
        states.append(top)
        values.append(value)
        starts.append(start)
        depths.append(depth)
        return top

    def finish(self, length: int) -> Any:
        """The tree, at the end of a text of that many characters. Raises SqlSyntaxError."""
        self.consume(END, Token(END, "", length, length))
        return self.values[0]

    def expected_terminals(self) -> tuple[str, ...]:
        """The terminals that may come next, in the order of their names."""
        return tuple(t for t in sorted(self.table.states[self.states[-1]]) if self.can_shift(t))

    def can_shift(self, terminal: str) -> bool:
        """Whether a terminal leads on, tried on a copy of the state stack alone."""
        stack = list(self.states)
        table = self.table
        while True:
            action = table.states[stack[-1]].get(terminal)
            if action is None or action >= 0:
                return action is not None or (terminal == END and stack[-1] == table.end_state)
            rule = table.rules[-1 - action]
            del stack[len(stack) - rule.size :]
            stack.append(table.gotos[stack[-1]][rule.origin])

    def unexpected_token_error(self, terminal: str, token: Token) -> SqlSyntaxError:
        """The error for a token that cannot stand here."""
        words = self.table.labels
        expected = tuple(dict.fromkeys(words.get(t, t) for t in self.expected_terminals()))
        message = "the statement ends too early" if terminal == END else f"unexpected {token.text!r}"
        return SqlSyntaxError(message, span=token.span, expected=expected)


def _collect_children(rule: Rule, symbols: Sequence[Any]) -> Sequence[Any]:
    """What a rule's node gets of its symbols."""
    children: list[Any] = []
    for index, splice, empty in rule.children:
        if empty:
            children.extend([None] * empty)
        if splice and not children:
            children = symbols[index]  # a list that no other node holds: long lists grow in place
        elif splice:
            children.extend(symbols[index])
        else:
            children.append(symbols[index])
    if rule.absent_after:
        children.extend([None] * rule.absent_after)
    return children


def _read_json_object(text: str, token: Token, allowed: Mapping[str, int]) -> tuple[str, int]:
    """What begins with a character that is no token: a JSON object, where one may stand, and where it ends."""
    if token.text != "{" or "JSON_OBJECT" not in allowed:
        raise lexical_error(text, token)
    try:
        _, end = json.JSONDecoder().raw_decode(text, token.start)
    except json.JSONDecodeError as error:
        raise SqlSyntaxError(f"this is no JSON object: {error.msg}", span=Span(error.pos, error.pos + 1)) from None
    except (ValueError, RecursionError):
        raise SqlSyntaxError(
            "this JSON object is nested too deeply, or has a number too long", span=token.span
        ) from None
    return "JSON_OBJECT", end


def _depth_error(span: Span) -> SqlSyntaxError:
    return SqlSyntaxError(f"nested more than {MAX_DEPTH} levels deep", span=span, hint="name the inner parts with WITH")
