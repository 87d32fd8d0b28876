"""The parser's loop: shifts and reductions over the compiled table, without recursion, calling one action per rule.

This replaces lark at run time. Loading the table takes 5 ms (lark: 30 ms to import and 41 to 56 ms to load its cached
parser), a statement 0.15 ms (lark: 0.28 to 0.31 ms). And the dialect needs what lark's contextual lexer cannot do: a word is a
keyword only where the state accepts it *and* what follows it can follow the keyword (`_is_keyword`), so that a column may be
called `end` or `limit`. Three things make the loop fast; keep them when you change it:

- Expressions have a dozen precedence levels, each a rule that passes a single child on. Where such a chain of unit reductions
  leads depends only on three values, so it is computed once and then looked up (`ParseTable.unit_chains`).
- Lists are left-recursive rules that extend one Python list in place, so a list of n items takes O(n).
- Named tuples are made by `tuple.__new__` (see `lexer.new_token`).

The stacks are parallel lists: states, values (tokens and nodes), where each value starts, and how deep its tree is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.grammar import ParseTable, Rule
from tokensh.sql.lexer import Token, find_hyphenated_end, lexical_error, new_token
from tokensh.sql.nodes import MOST_NESTED_OPERANDS
from tokensh.units import INTERVAL_UNITS

# Makes a node from the children of a rule: tokens, nodes, and None for an optional part that is absent.
Action = Callable[[Sequence[Any], Span], Any]

# Levels of nodes, so that code that walks a tree may recurse. Parentheses alone make no node, so they nest without limit.
MAX_DEPTH = 300

END = "$END"
_REFUSED = ("MALFORMED_NUMBER", "UNCLOSED")
_PLACEHOLDER = r"\{\{[^{}]*\}\}"


class NoActions(dict[str, Action]):
    """Actions that build nothing, for those who only ask for the states."""

    def __missing__(self, rule: str) -> Action:
        return _build_nothing


def _begins_conflict(tokens: Sequence[Token], index: int) -> bool:
    """Return whether CONFLICT of ON CONFLICT follows, and not a column of that name."""
    words = [token.text.upper() for token in tokens[index + 1 : index + 3]]
    return words[:1] == ["CONFLICT"] and (len(words) == 1 or words[1] in ("(", "DO"))


def _build_nothing(_children: Sequence[Any], _span: Span) -> None:
    return None


class ParserState:
    """A parse in progress. `last_text` is the text of the token that was consumed last."""

    __slots__ = ("actions", "depths", "end", "last_text", "starts", "states", "table", "values")

    def __init__(self, table: ParseTable, actions: Mapping[str, Action]) -> None:
        self.table = table
        self.actions = actions
        self.states = [table.start_state]
        self.values: list[Any] = []
        self.starts: list[int] = []
        self.depths: list[int] = []
        self.end = 0
        self.last_text = ""

    # The loop binds methods and tables to locals because it runs once per token; the parser's speed is
    # decided here and in `consume`.
    def feed(self, text: str, tokens: Sequence[Token], count: int | None = None) -> None:
        """Consume tokens of `text`, without blanks and comments: all, or the first `count`. Raises SqlSyntaxError."""
        consume, states, rows, operators = self.consume, self.states, self.table.states, self.table.operators
        consumed = 0
        for index, token in enumerate(tokens if count is None else tokens[:count]):
            kind, word, start, end = token
            if start < consumed:  # part of a JSON object or of a name with hyphens
                continue
            terminal = kind
            if kind == "NAME":
                terminal, end = self._classify_word(text, tokens, index, rows[states[-1]])
            elif kind == "OPERATOR":
                terminal = operators[word]
            elif kind == "OTHER":
                raise self.refused_character_error(text, token)
            elif kind == "JSON_OBJECT":
                _check_json_object(token)
            if end == token[3]:
                consume(terminal, token)
            else:
                word = text[start:end]
                consume(terminal, new_token(Token, (kind, word, start, end)))
            self.last_text = word
            consumed = end

    def _classify_word(
        self, text: str, tokens: Sequence[Token], index: int, allowed: Mapping[str, int]
    ) -> tuple[str, int]:
        """Return the terminal that a word is in this state, and where it ends."""
        _, word, start, end = tokens[index]
        table = self.table
        keyword = table.keywords.get(word.upper())
        if keyword == "ON" and "ON_CONFLICT" in allowed and _begins_conflict(tokens, index):
            return "ON_CONFLICT", end
        if keyword and (keyword in table.reserved or self._is_keyword(tokens, index, keyword, allowed)):
            return keyword, end
        if "UNIT" in allowed and word.lower() in INTERVAL_UNITS:
            return "UNIT", end
        # A list of names (columns of INSERT, left of = in SET) takes names with hyphens; an expression takes a minus.
        if text.startswith("-", end) and "NUMBER" not in allowed and self.last_text.upper() in ("(", ",", "SET"):
            return "NAME", find_hyphenated_end(text, start) or end
        return "NAME", end

    def _is_keyword(self, tokens: Sequence[Token], index: int, keyword: str, allowed: Mapping[str, int]) -> bool:
        """Return True if a word that could be a name is the keyword; where a value may begin, the next token decides."""
        action = allowed.get(keyword)
        if action is None:
            return False
        table = self.table
        begins_value = "NUMBER" in allowed or self.last_text == "("
        # What is behind an operator is reduced before a value can begin; any other reduction ends something.
        if action < 0 and (self.last_text not in table.operators or self.last_text == ")"):
            begins_value = False
        if "NAME" not in allowed or index + 1 == len(tokens) or not (begins_value or keyword in table.soft):
            return True
        state = action if action >= 0 else self._find_state_after(keyword)
        if state is None:
            return True
        row = table.states[state]
        match tokens[index + 1]:
            case Token(kind="OTHER"):
                return True
            case Token(kind="NAME") as following:
                following_keyword = table.keywords.get(following.text.upper())
                if following_keyword == "ON" and _begins_conflict(tokens, index + 1):
                    following_keyword = "ON_CONFLICT"
                return following_keyword in row or ("NAME" in row and following_keyword not in table.reserved)
            case Token(kind="OPERATOR") as following:
                return table.operators[following.text] in row
            case following:
                return following.kind in row

    def consume(self, terminal: str, token: Token) -> None:
        """Reduce as far as the token demands, then shift it. Raises SqlSyntaxError."""
        table, states = self.table, self.states
        rows, unit_reductions, unit_chains = table.states, table.unit_reductions, table.unit_chains
        top = states[-1]
        action = rows[top].get(terminal)
        while action is None or action < 0:
            if action is None:
                if terminal == END and top == table.end_state:
                    return
                raise self.unexpected_token_error(terminal, token)
            if action in unit_reductions:
                # For a literal, the twelve rules of an expression only pass it on, one after the other.
                key = (states[-2], top, terminal)
                top, action = unit_chains.get(key) or self._follow_unit_chain(key)
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
        table = self.table
        below, top, terminal = key
        action = table.states[top].get(terminal)
        while action in table.unit_reductions:
            top = table.gotos[below][table.rules[-1 - action].origin]
            action = table.states[top].get(terminal)
        table.unit_chains[key] = top, action
        return top, action

    def _reduce(self, action: int) -> int:
        """Apply a reduction and return the goto state."""
        origin, size, name, _, _, collapses, is_inline, is_plain = rule = self.table.rules[-1 - action]
        values, starts, depths, states = self.values, self.starts, self.depths, self.states
        cut = len(values) - size
        symbols = values[cut:]
        start, depth = (starts[cut], max(depths[cut:])) if size else (self.end, 0)
        children = symbols if is_plain else _collect_children(rule, symbols)
        if is_inline:
            value: Any = children
        elif collapses and len(children) == 1:
            value = children[0]
        else:
            span = new_token(Span, (start, self.end))
            depth += not collapses
            if name == "chain":
                # It nests as deep as it has operators, until it is flat.
                depth += min(len(children) // 2, MOST_NESTED_OPERANDS) - 1
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

    def reduce_what_is_certain(self) -> None:
        """Apply the reductions that any next token would bring, for the mistakes they find. Raises SqlSyntaxError."""
        rows = self.table.states
        actions = set(rows[self.states[-1]].values())
        while len(actions) == 1 and (action := actions.pop()) < 0:
            actions = set(rows[self._reduce(action)].values())

    def copy(self) -> ParserState:
        """Return a state that can be tried on without changing this one."""
        twin = ParserState(self.table, self.actions)
        twin.states, twin.values, twin.starts, twin.depths = map(
            list, (self.states, self.values, self.starts, self.depths)
        )
        twin.end, twin.last_text = self.end, self.last_text
        return twin

    def finish(self, length: int) -> Any:
        """Return the tree, at the end of a text of `length` characters. Raises SqlSyntaxError."""
        self.consume(END, Token(END, "", length, length))
        return self.values[0]

    def expected_terminals(self) -> tuple[str, ...]:
        """Return the terminals that may come next, sorted."""
        return tuple(terminal for terminal in sorted(self.table.states[self.states[-1]]) if self.can_shift(terminal))

    def can_shift(self, terminal: str) -> bool:
        """Return True if the terminal may come next."""
        return self._find_state_after(terminal) is not None

    def _find_state_after(self, terminal: str) -> int | None:
        """Return the state after a terminal, tried on a copy of the state stack alone; None if it cannot come next."""
        # A lookahead set of LALR merges contexts: that a state reduces on a terminal does not mean that it can be shifted.
        stack = list(self.states)
        table = self.table
        while True:
            action = table.states[stack[-1]].get(terminal)
            if action is None:
                return table.end_state if terminal == END and stack[-1] == table.end_state else None
            if action >= 0:
                return action
            rule = table.rules[-1 - action]
            del stack[len(stack) - rule.size :]
            stack.append(table.gotos[stack[-1]][rule.origin])

    def refused_character_error(self, text: str, token: Token) -> SqlSyntaxError:
        """Return the error for a character that begins no token."""
        if token.text == "{" and "JSON_OBJECT" in self.table.states[self.states[-1]]:
            try:
                json.JSONDecoder().raw_decode(text, token.start)
            except json.JSONDecodeError as error:
                return SqlSyntaxError(
                    f"invalid JSON object: {error.msg}", span=Span(error.pos, min(error.pos + 1, len(text)))
                )
            except (ValueError, RecursionError):
                return SqlSyntaxError(
                    "this JSON object is nested too deeply, or has a number too long", span=token.span
                )
        return lexical_error(token)

    def unexpected_token_error(self, terminal: str, token: Token) -> SqlSyntaxError:
        """Return the error for a token that this state cannot accept."""
        if terminal in _REFUSED:
            return lexical_error(token)
        labels = self.table.labels
        expected = tuple(dict.fromkeys(labels.get(name, name) for name in self.expected_terminals()))
        message = "the statement ends too early" if terminal == END else f"unexpected {token.text!r}"
        return SqlSyntaxError(message, span=token.span, expected=expected)


def _collect_children(rule: Rule, symbols: Sequence[Any]) -> Sequence[Any]:
    """Return what the node of a rule gets of its symbols."""
    children: list[Any] = []
    for index, splice, absent in rule.children:
        if absent:
            children.extend([None] * absent)
        if splice and not children:
            children = symbols[index]  # no node holds this list yet: long lists grow in place
        elif splice:
            children.extend(symbols[index])
        else:
            children.append(symbols[index])
    if rule.absent_after:
        children.extend([None] * rule.absent_after)
    return children


def _check_json_object(token: Token) -> None:
    """Raise SqlSyntaxError if a bare JSON object is not JSON; placeholders in it (`--check` has no values) stand for numbers."""
    try:
        json.loads(re.sub(_PLACEHOLDER, lambda match: "0".ljust(len(match.group())), token.text))
    except json.JSONDecodeError as error:
        at = token.start + error.pos
        raise SqlSyntaxError(f"invalid JSON object: {error.msg}", span=Span(at, at + 1)) from None
    except (ValueError, RecursionError):
        raise SqlSyntaxError(
            "this JSON object is nested too deeply, or has a number too long", span=token.span
        ) from None


def _depth_error(span: Span) -> SqlSyntaxError:
    return SqlSyntaxError(f"nested more than {MAX_DEPTH} levels deep", span=span, hint="name the inner parts with WITH")
