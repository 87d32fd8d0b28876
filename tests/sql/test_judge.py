"""The parser's loop agrees with lark's own LALR parser on the same grammar and tokens, also where it rejects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lark import Lark, Transformer
from lark import Token as LarkToken
from lark.exceptions import UnexpectedToken

from tests.shared_parser import shared_parser
from tests.sql import corpus
from tests.sql.test_parse import EXPRESSIONS, ODD, STATEMENTS, WORDS
from tests.tries import tries
from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql import grammar
from tokensh.sql.lalr import Action, ParserState
from tokensh.sql.lexer import Token, significant_tokens

PARSER = shared_parser()

Shape = tuple[Any, ...] | str | None


class Recorder(ParserState):
    """Our loop; records the terminals it gets, and whether it rejected the last."""

    __slots__ = ("rejected", "terminals")

    def __init__(self) -> None:
        super().__init__(PARSER.table, _Shapes())
        self.terminals: list[tuple[str, str]] = []
        self.rejected = False

    def consume(self, terminal: str, token: Token) -> None:
        self.terminals.append((terminal, token.text))
        super().consume(terminal, token)

    def unexpected_token_error(self, terminal: str, token: Token) -> SqlSyntaxError:
        self.rejected = True
        return super().unexpected_token_error(terminal, token)


class _Shapes(defaultdict[str, Action]):
    """An action for every rule: the rule's name and its children."""

    def __missing__(self, rule: str) -> Action:
        def shape(children: Sequence[Any], _: Span) -> Shape:
            return (rule, *(child.text if isinstance(child, Token) else child for child in children))

        return shape


class Shapes(Transformer[Any, Any]):
    """The same for lark's tree."""

    def __default__(self, data: Any, children: list[Any], meta: Any) -> Shape:
        return (str(data), *(str(child) if isinstance(child, LarkToken) else child for child in children))


def parse_with_loop(text: str) -> tuple[Recorder, Shape]:
    """Return the loop after a text, and the shape of the text; None for a text that is rejected."""
    state = Recorder()
    try:
        state.feed(text, significant_tokens(PARSER.table, text))
        return state, state.finish(len(text))
    except SqlSyntaxError:
        return state, None


@cache
def lark_parser() -> Lark:
    """Return lark's parser, which takes 3 s of CPU to build: only the process that runs these tests does."""
    return Lark(grammar.read_grammar(), parser="lalr", lexer="basic", maybe_placeholders=True)


def parse_with_lark(terminals: Sequence[tuple[str, str]]) -> tuple[int, Shape]:
    """Count the terminals that lark accepts, and return the shape of its tree."""
    interactive = lark_parser().parse_interactive("")
    accepted = 0
    result = None
    try:
        for terminal, text in terminals:
            result = interactive.feed_token(LarkToken(terminal, text))
            accepted += 1
    except UnexpectedToken:
        return accepted, None
    return accepted, Shapes().transform(result) if result is not None else None


def assert_agreement(text: str) -> None:
    state, shape = parse_with_loop(text)
    accepted, other = parse_with_lark(state.terminals)
    assert accepted == len(state.terminals) - state.rejected, text
    assert other == shape, text


@cache
def texts() -> list[str]:
    return [s.sql.rstrip().rstrip(";") for s in corpus.samples()]


def test_both_read_the_corpus_alike() -> None:
    for text in texts():
        assert_agreement(text)


def test_both_read_every_kind_of_statement_alike() -> None:
    for text in (*(t for t, _ in STATEMENTS), *(f"SELECT {t}" for t, _ in EXPRESSIONS)):
        assert parse_with_loop(text)[1] is not None, text
        assert_agreement(text)


TRIES = tries(120)
BASES = st.sampled_from([t for t, _ in STATEMENTS] + [f"SELECT {t} FROM a" for t, _ in EXPRESSIONS])


@TRIES
@given(BASES, st.integers(0, 30), st.sampled_from(WORDS) | ODD, st.sampled_from(["insert", "replace", "drop", "swap"]))
def test_both_read_a_damaged_statement_alike(base: str, at: int, word: str, how: str) -> None:
    parts = base.split(" ")
    at %= len(parts)
    match how:
        case "insert":
            parts.insert(at, word)
        case "replace":
            parts[at] = word
        case "drop":
            del parts[at]
        case _:
            parts[at - 1], parts[at] = parts[at], parts[at - 1]
    assert_agreement(" ".join(parts))


@TRIES
@given(st.integers(0, 10_000), st.integers(0, 400), st.sampled_from(WORDS))
def test_both_read_a_damaged_statement_of_the_corpus_alike(which: int, at: int, word: str) -> None:
    parts = texts()[which % len(texts())].split(" ")
    parts[at % len(parts)] = word
    assert_agreement(" ".join(parts))


@TRIES
@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_both_read_any_words_alike(words: list[str]) -> None:
    assert_agreement(" ".join(words))
