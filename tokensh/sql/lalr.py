"""The parser's loop: shifts and reductions over the compiled table, without recursion, calling one action per rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.grammar import Rule, Table
from tokensh.sql.lexer import SKIPPED, Token, hyphenated, tokens, unreadable

Action = Callable[[Sequence[Any], Span], Any]
"""Makes a node of a rule's children: tokens, nodes, and None for an optional part that is not there."""

MAX_DEPTH = 300
"""Nodes may be nested so deep: what walks the tree may recurse. Parentheses alone make no node and nest without limit."""

END = "$END"


class State:
    """A parse under way: the stacks, and the tokens that may come next."""

    __slots__ = ("actions", "depths", "ends", "last", "starts", "states", "table", "values")

    def __init__(self, table: Table, actions: Mapping[str, Action]) -> None:
        self.table = table
        self.actions = actions
        self.states = [table.start]
        self.values: list[Any] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.depths: list[int] = []
        self.last = ""

    def feed(self, text: str, start: int = 0) -> None:
        """Take all tokens of a text. Raises SqlSyntaxError."""
        skip_to = start
        for token in tokens(self.table, text, start):
            if token.start < skip_to or token.kind in SKIPPED:
                continue
            if token.text == "/" and text.startswith("/*", token.start):
                raise unreadable(text, token)
            terminal, end = self._terminal(text, token)
            skip_to = end
            if end != token.end:
                token = Token(token.kind, text[token.start : end], token.start, end)  # noqa: PLW2901 (the token that is meant)
            self.take(terminal, token)
            self.last = token.text

    def _terminal(self, text: str, token: Token) -> tuple[str, int]:
        """Which terminal of the grammar a token is in this state, and where it ends."""
        table = self.table
        allowed = table.states[self.states[-1]]
        match token.kind:
            case "NAME":
                keyword = table.keywords.get(token.text.upper())
                if keyword and (keyword in table.reserved or self._is_keyword(text, token, keyword, allowed)):
                    return keyword, token.end
                # A list of names (columns of INSERT, left of = in SET) takes names with hyphens; an expression takes a minus.
                if self.last.upper() in ("(", ",", "SET") and "NUMBER" not in allowed:
                    return "NAME", hyphenated(text, token.start) or token.end
                return "NAME", token.end
            case "OPERATOR":
                return table.operators[token.text], token.end
            case "OTHER":
                return self._other(text, token, allowed)
            case kind:
                return kind, token.end

    def _is_keyword(self, text: str, token: Token, keyword: str, allowed: Mapping[str, int]) -> bool:
        """Whether a word that is both is the keyword: where a value or a list may begin, what follows it decides."""
        action = allowed.get(keyword)
        if action is None:
            return False
        begins = "NUMBER" in allowed or self.last == "("
        if action < 0 or not begins or "NAME" not in allowed:
            return True
        table = self.table
        following = next((t for t in tokens(table, text, token.end) if t.kind not in SKIPPED), None)
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

    def _other(self, text: str, token: Token, allowed: Mapping[str, int]) -> tuple[str, int]:
        if token.text != "{" or "JSON_OBJECT" not in allowed:
            raise unreadable(text, token)
        try:
            _, end = json.JSONDecoder().raw_decode(text, token.start)
        except json.JSONDecodeError as error:
            raise SqlSyntaxError(f"this is no JSON object: {error.msg}", span=Span(error.pos, error.pos + 1)) from None
        except (ValueError, RecursionError):
            raise SqlSyntaxError(
                "this JSON object is nested too deeply, or has a number too long", span=token.span
            ) from None
        return "JSON_OBJECT", end

    def take(self, terminal: str, token: Token) -> None:
        """Reduce as far as the token asks, then shift it. Raises SqlSyntaxError."""
        states = self.table.states
        while True:
            action = states[self.states[-1]].get(terminal)
            if action is None:
                if terminal == END and self.states[-1] == self.table.end:
                    return
                raise self.unexpected(terminal, token)
            if action >= 0:
                break
            self._reduce(self.table.rules[-1 - action])
        self.states.append(action)
        self.values.append(token)
        self.starts.append(token.start)
        self.ends.append(token.end)
        self.depths.append(0)

    def _reduce(self, rule: Rule) -> None:
        size = rule.size
        cut = len(self.values) - size
        depth = 0
        if size:
            span = Span(self.starts[cut], self.ends[-1])
            depth = max(self.depths[cut:])
        else:
            end = self.ends[-1] if self.ends else 0
            span = Span(end, end)
        value = self._value(rule, self.values[cut:], span)
        if not (rule.single or rule.inline):
            depth += 1
            if depth > MAX_DEPTH:
                raise SqlSyntaxError(
                    f"nested more than {MAX_DEPTH} levels deep", span=span, hint="name the inner parts with WITH"
                )
        del (
            self.states[len(self.states) - size :],
            self.values[cut:],
            self.starts[cut:],
            self.ends[cut:],
            self.depths[cut:],
        )
        self.states.append(self.table.gotos[self.states[-1]][rule.origin])
        self.values.append(value)
        self.starts.append(span.start)
        self.ends.append(span.end)
        self.depths.append(depth)

    def _value(self, rule: Rule, symbols: Sequence[Any], span: Span) -> Any:
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
        if rule.after:
            children.extend([None] * rule.after)
        if rule.inline or (rule.single and len(children) == 1):
            return children if rule.inline else children[0]
        return self.actions[rule.action](children, span)

    def finish(self, length: int) -> Any:
        """The tree, at the end of a text of that many characters. Raises SqlSyntaxError."""
        self.take(END, Token(END, "", length, length))
        return self.values[0]

    def accepts(self) -> tuple[str, ...]:
        """The terminals that may come next, in the order of their names."""
        return tuple(t for t in self.table.states[self.states[-1]] if self.would_take(t))

    def would_take(self, terminal: str) -> bool:
        """Whether a terminal leads on, tried on a copy of the state stack alone."""
        stack = list(self.states)
        table = self.table
        while True:
            action = table.states[stack[-1]].get(terminal)
            if action is None or action >= 0:
                return action is not None or (terminal == END and stack[-1] == table.end)
            rule = table.rules[-1 - action]
            del stack[len(stack) - rule.size :]
            stack.append(table.gotos[stack[-1]][rule.origin])

    def unexpected(self, terminal: str, token: Token) -> SqlSyntaxError:
        """The error for a token that cannot stand here."""
        words = self.table.words
        expected = tuple(dict.fromkeys(words.get(t, t) for t in self.accepts()))
        message = "the statement ends too early" if terminal == END else f"unexpected {token.text!r}"
        return SqlSyntaxError(message, span=token.span, expected=expected)
