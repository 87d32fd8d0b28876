"""A script is split where its statements end, the same by lines and as one text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import seed_statements
from tests.cases import each_case
from tests.shared_parser import shared_parser
from tests.tries import tries
from tokensh.errors import SqlSyntaxError
from tokensh.sql.lexer import significant_tokens
from tokensh.sql.script import Splitter, StatementText, split_script

PARSER = shared_parser()


def split_by_lines(text: str) -> list[StatementText]:
    return list(split_script(text.splitlines(keepends=True), PARSER.table))


def split_in_pieces(text: str, cuts: Sequence[int]) -> list[StatementText]:
    """Split a text that comes in pieces, whose lengths are `cuts`, over and over."""
    pieces: list[str] = []
    lengths = cycle(cuts)
    while text:
        length = next(lengths)
        pieces.append(text[:length])
        text = text[length:]
    return list(split_script(pieces, PARSER.table))


def split_at_once(text: str) -> list[StatementText]:
    return list(split_script([text], PARSER.table))


SCRIPTS = [
    ("", []),
    (" \n\t", []),
    (";;;", []),
    ("-- nothing", []),
    ("-- nothing;", []),
    ("/* nothing; */ ;", []),
    ("SELECT 1", ["SELECT 1"]),
    ("SELECT 1;", ["SELECT 1"]),
    ("SELECT 1; ; SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1;SELECT 2;", ["SELECT 1", "SELECT 2"]),
    ("SELECT ';'; SELECT 2", ["SELECT ';'", "SELECT 2"]),
    ("SELECT 'it''s;'; SELECT 2", ["SELECT 'it''s;'", "SELECT 2"]),
    ("SELECT '\\'; SELECT 2", ["SELECT '\\'", "SELECT 2"]),
    ('SELECT ";"; SELECT 2', ['SELECT ";"', "SELECT 2"]),
    ("SELECT `;`; SELECT 2", ["SELECT `;`", "SELECT 2"]),
    ("SELECT 'a--b;' AS x; SELECT 2", ["SELECT 'a--b;' AS x", "SELECT 2"]),
    ("SELECT 'a\n;\nb'; SELECT 2", ["SELECT 'a\n;\nb'", "SELECT 2"]),
    ("SELECT /* ; */ 1; SELECT 2", ["SELECT /* ; */ 1", "SELECT 2"]),
    ("SELECT /*\n;\n*/ 1; SELECT 2", ["SELECT /*\n;\n*/ 1", "SELECT 2"]),
    ("SELECT 'open; SELECT 2;", ["SELECT 'open; SELECT 2;"]),
    ("SELECT 1 /* open; SELECT 2;", ["SELECT 1 /* open; SELECT 2;"]),
    ("SELECT 1; -- one\n", ["SELECT 1"]),
    ("SELECT 1 FRM; SELECT 2", ["SELECT 1 FRM", "SELECT 2"]),
    ('EXEC a.b.c @@json = \'{"x": "--;"}\';', ['EXEC a.b.c @@json = \'{"x": "--;"}\'']),
    # A ; that closes a line comment
    ("SELECT 1 -- done;", ["SELECT 1"]),
    ("SELECT 1 -- done;\n\n", ["SELECT 1"]),
    ("SELECT 1 -- done;  \r\nSELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1 # done;\nSELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1 // done;\nSELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1 --;\nSELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1 -- done;\n-- more\n/* and\nmore */\nSELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1 -- done;\n(SELECT 2)", ["SELECT 1", "(SELECT 2)"]),
    ("SELECT 1 -- done;\n;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1 -- done;\nselect 2 -- done;\n", ["SELECT 1", "select 2"]),
    ("DELETE FROM a WHERE x = 1 -- required;", ["DELETE FROM a WHERE x = 1"]),
    ("DELETE FROM a WHERE x = 1 -- required;\nSELECT 2", ["DELETE FROM a WHERE x = 1", "SELECT 2"]),
    ("SELECT x FROM a ORDER BY x -- done;\nDESCRIBE a", ["SELECT x FROM a ORDER BY x", "DESCRIBE a"]),
    ("SHOW SERVICES IN a -- done;\nSHOW PROVIDERS", ["SHOW SERVICES IN a", "SHOW PROVIDERS"]),
    ("SELECT 1 -- done;\rSELECT 2;", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1; -- a comment ends at CR\rSELECT 2;", ["SELECT 1", "SELECT 2"]),
    ('EXEC a.b @@json = {"x": "\\"; -- y;"}; SELECT 2', ['EXEC a.b @@json = {"x": "\\"; -- y;"}', "SELECT 2"]),
    ('EXEC a.b @@json = {"x": 1; SELECT 2', ['EXEC a.b @@json = {"x": 1', "SELECT 2"]),
    # .. and one that does not
    ("SELECT x FROM a ORDER BY x -- soonest;\nDESC LIMIT 1;", ["SELECT x FROM a ORDER BY x -- soonest;\nDESC LIMIT 1"]),
    ("SELECT a -- not yet;\n(SELECT 2)", ["SELECT a -- not yet;\n(SELECT 2)"]),
    ("SELECT 1 FOR -- not yet;\nUPDATE", ["SELECT 1 FOR -- not yet;\nUPDATE"]),
    ("SELECT -- not yet;\n1", ["SELECT -- not yet;\n1"]),
    ("SELECT 1 -- not; yet\n, 2", ["SELECT 1 -- not; yet\n, 2"]),
    ("SELECT 1 -- not yet;\n, 2", ["SELECT 1 -- not yet;\n, 2"]),
    ("SELECT 1 -- not yet;\nFROM a", ["SELECT 1 -- not yet;\nFROM a"]),
    ("SELECT 1 FROM a WHERE x = 1 -- a;\nAND y = 2", ["SELECT 1 FROM a WHERE x = 1 -- a;\nAND y = 2"]),
    ("SELECT 1 /* done; */\nSELECT 2", ["SELECT 1 /* done; */\nSELECT 2"]),
    ("SELECT '-- done;\n', 2", ["SELECT '-- done;\n', 2"]),
]


@each_case(("text", "found"), SCRIPTS, ids=[repr(text[:40]) for text, _ in SCRIPTS])
def test_a_script_is_its_statements(text: str, found: list[str]) -> None:
    for pieces in (split_by_lines(text), split_at_once(text), *(split_in_pieces(text, [n]) for n in (1, 2, 3))):
        assert [p.text for p in pieces] == found
        assert not any(p.error for p in pieces)


def test_the_page_is_its_three_statements() -> None:
    pieces = split_by_lines("\n\n".join((seed_statements.SELECT, seed_statements.INSERT, seed_statements.EXEC)))
    assert [p.text.split()[0] for p in pieces] == ["SELECT", "INSERT", "EXEC"]
    assert all(PARSER.is_complete(p.text) for p in pieces)


REFUSED = [
    "DELETE FROM a WHERE x = 1 -- required;\nAND y = 2;",
    "DELETE FROM a -- all of them;\nWHERE x = 1",
    "UPDATE a SET x = 1 -- required;\nWHERE y = 2;",
    "REPLACE a SET x = 1 // required;\n\n-- more\nWHERE y = 2;",
    "/*+ delete */ DELETE FROM a WHERE x = 1 # required;\nOR y = 2;",
    "DELETE FROM a ORDER BY x -- soonest;\nDESC LIMIT 1;",
    "DELETE FROM a WHERE x = b -- all;\n(SELECT 1);",
    "DELETE FROM a -- x;\n-- y;\n/* z */ 'text';",
]


@each_case("text", REFUSED)
def test_a_change_that_a_comment_seems_to_end_is_refused(text: str) -> None:
    piece, following = split_by_lines(f"SELECT 0;\n{text}\n;SELECT 1;")[1:]
    assert piece.error is not None
    assert "does this" in piece.error.message
    assert "nothing was sent" in (piece.error.hint or "")
    assert following.text == "SELECT 1"


def test_a_refusal_points_at_the_comment_and_what_follows() -> None:
    (piece,) = split_by_lines(f"\n  {REFUSED[0]}")
    assert piece.error is not None
    assert piece.error.span is not None
    assert (piece.line, piece.column) == (2, 3)
    assert piece.text[piece.error.span.start : piece.error.span.end] == "-- required;\nAND"


POSITIONS = [
    ("SELECT 1; SELECT 2", [(1, 1), (1, 11)]),
    ("\n\n  SELECT 1;\nSELECT 2", [(3, 3), (4, 1)]),
    ("-- a\nSELECT 1 -- b;\n-- c\n\tSELECT 2;", [(2, 1), (4, 2)]),
    ("SELECT '\n\n';SELECT 2", [(1, 1), (3, 3)]),
    (";\n ;SELECT 1", [(2, 3)]),
]


@each_case(("text", "places"), POSITIONS)
def test_a_statement_knows_its_line_and_column(text: str, places: list[tuple[int, int]]) -> None:
    assert [(p.line, p.column) for p in split_by_lines(text)] == places


def test_a_statement_comes_as_soon_as_its_end_is_read() -> None:
    splitter = Splitter(PARSER.table)
    assert [p.text for p in splitter.feed("SELECT 1;\n")] == ["SELECT 1"]
    assert not list(splitter.feed("SELECT 2\n"))
    assert splitter.statement_start == len("SELECT 1;")
    assert [(p.text, p.ended) for p in splitter.finish()] == [("SELECT 2", False)]


def test_every_word_that_opens_a_statement_is_known() -> None:
    assert {w for w in PARSER.expected_terminals("") if w in PARSER.table.keywords} == PARSER.table.openers


PARTS = st.sampled_from(
    [
        "ORDER BY x",
        "DESC",
        "DESC LIMIT 1",
        "a",
        "end",
        "7'000",
        "1e+5",
        "'' 'b'",
        "EXEC a.b @@json =",
        '{"a": "\\"; -- b;", "c": {}}',
        '{"a": {{ b }}, "c": "{{ d }}"}',
        "{{ a; }}",
        "@@json",
        "If-Match-2x",
        "\r",
        "\r\n",
        "SELECT 1",
        "SELECT 2 -- done;\n",
        "DELETE FROM b -- done;\n",
        "SELECT",
        "FROM a",
        "WHERE x = 'a;b'",
        "AND y = 1",
        "DELETE FROM a",
        "UPDATE a SET x = 1",
        ";",
        "-- note;",
        "-- note",
        "#;",
        "// x;",
        "/* a; */",
        "/*",
        "*/",
        "'",
        '"',
        "''",
        "`",
        "(",
        "\\",
        "--",
        "…",
    ]
)
GAPS = st.sampled_from([" ", "\n", "\n\n", ""])
TEXTS = st.lists(st.tuples(PARTS, GAPS), max_size=14).map(lambda parts: "".join(a + b for a, b in parts))
TEXTS_WITH_BRACES = st.lists(st.tuples(PARTS | st.sampled_from(["{", "}", "{{", "}}", "x'0"]), GAPS), max_size=14).map(
    lambda parts: "".join(a + b for a, b in parts)
)


def describe(pieces: list[StatementText]) -> list[tuple[str, int, int, bool, str]]:
    return [(p.text, p.line, p.column, p.ended, str(p.error or "")) for p in pieces]


@tries(300)
@given(TEXTS_WITH_BRACES, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_any_pieces_give_what_the_whole_text_gives(text: str, cuts: list[int]) -> None:
    whole = split_at_once(text)
    assert describe(split_in_pieces(text, cuts)) == describe(whole)
    assert [piece.tokens for piece in split_in_pieces(text, cuts)] == [piece.tokens for piece in whole]


@tries(180)
@given(TEXTS)
def test_lines_give_what_the_whole_text_gives(text: str) -> None:
    assert describe(split_by_lines(text)) == describe(split_at_once(text))


@tries(120)
@given(TEXTS)
def test_every_piece_stands_where_it_says(text: str) -> None:
    lines = text.split("\n")
    for piece in split_by_lines(text):
        start = sum(len(line) + 1 for line in lines[: piece.line - 1]) + piece.column - 1
        assert text.startswith(piece.text, start)


@tries(180)
@given(TEXTS_WITH_BRACES)
def test_every_piece_carries_the_tokens_of_its_text(text: str) -> None:
    for piece in (*split_by_lines(text), *split_at_once(text)):
        assert list(piece.tokens) == significant_tokens(PARSER.table, piece.text)


def first_error(text: str) -> SqlSyntaxError | None:
    return next((p.error for p in split_by_lines(text) if p.error), None)


@pytest.mark.parametrize("verb", ["SELECT 1 FROM a", "INSERT INTO a SELECT 1 FROM b", "EXEC a.b.c @x = 1"])
def test_what_changes_nothing_that_stands_goes_on(verb: str) -> None:
    assert first_error(f"{verb} -- note;\n, 2 WHERE") is None
