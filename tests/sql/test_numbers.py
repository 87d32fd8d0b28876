"""A number ends where it ends, and a slip is told what to write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import each_case
from tests.shared_parser import shared_parser
from tests.tries import tries
from tokensh.errors import SqlSyntaxError
from tokensh.sql import nodes
from tokensh.sql.visit import walk

PARSER = shared_parser()

MALFORMED = [
    ("7_776_000", "write 7776000"),
    ("7'776'000", "write 7776000"),
    ("1_000.5", "write 1000.5"),
    ("90days", "90 days are 7776000 seconds"),
    ("1d", "1 day is 86400 seconds"),
    ("1.5h", "1.5 hours are 5400 seconds"),
    ("10L", "write 10"),
    ("0b101", "write 5"),
    ("0o17", "write 15"),
    ("\u0663\u0664", "write 34"),
    ("1\u0663", "write 13"),
    ("0x1G", "after 0x come digits and the letters a to f"),
    ("0x", "after 0x come digits and the letters a to f"),
    ("1e", "digits are missing after the e, as in 1e3"),
    ("1.5.2", "text is written in single quotes: '1.5.2'; a name that begins with a digit in double quotes"),
    ("1.e5x", "text is written in single quotes: '1.e5x'; a name that begins with a digit in double quotes"),
    ("1..2", "text is written in single quotes: '1..2'; a name that begins with a digit in double quotes"),
    ("5$1", "text is written in single quotes: '5$1'; a name that begins with a digit in double quotes"),
    ("9f2ce1ab", "text is written in single quotes: '9f2ce1ab'; a name that begins with a digit in double quotes"),
    (".5x", "text is written in single quotes: '.5x'; a name that begins with a digit in double quotes"),
]
PLACES = [
    "SELECT {}",
    "SELECT a FROM t WHERE b = {} AND c = 1",
    "SELECT a FROM t LIMIT {}",
    "INSERT INTO t (a) VALUES ({})",
    "EXEC a.b @x = {}",
    "SELECT a, {} FROM t",
    "{}",
]


@each_case(("number", "hint"), MALFORMED)
@each_case("place", PLACES)
def test_a_malformed_number_is_an_error_with_what_to_write(number: str, hint: str, place: str) -> None:
    text = place.format(number)
    with pytest.raises(SqlSyntaxError) as raised:
        PARSER.parse(text)
    assert raised.value.message == f"invalid number: {number!r}"
    assert raised.value.hint == hint
    assert raised.value.span is not None
    assert text[raised.value.span.start : raised.value.span.end] == number


@each_case("number", ["1", "1.", ".5", "1.5", "1e3", "1.e-5", "0x1F", "00", "1E+10"])
def test_a_number_is_one_token(number: str) -> None:
    assert [token.kind for token in PARSER.tokenize(f"SELECT {number},-{number}").tokens].count("NUMBER") == 2


@tries(150)
@given(
    st.from_regex(r"\A(?:0[xX][0-9a-f]+|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\Z"),
    st.characters().filter(lambda character: character.isalnum() or character in "_$'"),
    st.text("0123456789abcdefxyz_.", max_size=4),
)
def test_what_follows_a_number_directly_never_becomes_an_alias(number: str, joined: str, rest: str) -> None:
    for text in (f"SELECT {number}{joined}{rest}", f"SELECT {number}{joined}{rest}'"):
        tokens = PARSER.tokenize(text).tokens
        if [token.kind for token in tokens] != ["NAME", "NUMBER"]:
            assert not PARSER.is_complete(text)


JOINS = ["ASOF", "LATERAL", "POSITIONAL", "OUTER", "any", "Global"]
TABLES = [
    "a {} {}JOIN b ON 1 = 1",
    "a AS t {} {}JOIN b",
    "a JOIN b ON 1 = 1 {} {}JOIN c",
    "x, (SELECT 1) {} {}JOIN b",
    "x JOIN json_each('[]') {} {}JOIN b",
]


@each_case("word", JOINS)
@each_case("table", TABLES)
@each_case("kind", ["", "LEFT ", "CROSS ", "NATURAL "])
def test_a_word_that_opens_a_join_elsewhere_is_no_alias_before_join(word: str, table: str, kind: str) -> None:
    text = f"SELECT 1 FROM {table.format(word, kind)}"
    try:
        tree = PARSER.parse(text)
    except SqlSyntaxError as error:
        assert error.hint is not None  # noqa: PT017 (a join that the language has is as good)
        return
    tables = (nodes.TableRef, nodes.TableFunction, nodes.Derived)
    aliases = [node.alias.text for node in walk(tree, deep=True) if isinstance(node, tables) and node.alias]
    assert word not in aliases


@each_case("word", JOINS)
def test_such_a_word_is_an_alias_elsewhere_and_after_as(word: str) -> None:
    for text in (
        f"SELECT {word}.x FROM a AS {word} JOIN b ON 1 = 1",
        f"SELECT 1 FROM a AS /* why */ {word} JOIN b",
        f'SELECT 1 FROM a "{word}" JOIN b',
        f"SELECT 1 FROM a {word} WHERE x = 1",
    ):
        PARSER.parse(text)
