"""Forms that documentation pages print parse, also those that StackQL's own parser or shell rejects."""

from __future__ import annotations

import pytest

from tests.cases import each_case
from tests.sql import corpus
from tokensh.sql import nodes
from tokensh.sql.parse import Parser
from tokensh.sql.placeholders import PlaceholderValue, fill

ENDED_IN_A_COMMENT = """\
SELECT id, label
FROM shop.stock.shelves
WHERE aisle = '{{ aisle }}' -- required
AND depot = '{{ depot }}' -- required;

SELECT 1;
"""

COMMENTS_ALONE = [
    "SELECT 1; -- and that is all",
    "SELECT 1; /* one */",
    "SELECT 1;\n-- only this\n",
    "-- before\nSELECT 1",
    "SELECT 1; # one\n// two\n",
]

EXEC = """\
EXEC shop.stock.shelves.move
@aisle='{{ aisle }}' --required,
@depot='{{ depot }}' --required,
@slow={{ slow }}
@@json=
'{
"label": "{{ label }}",
"weight": {{ weight }}
}';
"""

WORDS = [
    "limit",
    "format",
    "schema",
    "end",
    "like",
    "database",
    "databases",
    "group",
    "values",
    "update",
    "interval",
    "order",
    "column",
    "use",
    "next",
    "recursive",
    "release",
    "key",
    "table",
    "as",
    "index",
    "to",
    "case",
    "cast",
    "convert",
    "exists",
    "distinct",
    "all",
    "separator",
    "substring",
    "partition",
    "range",
    "row",
    "filter",
    "default",
    "current",
    "if",
    "match",
    "replace",
    "set",
    "show",
    "start",
    "view",
    "when",
    "then",
    "else",
    "using",
    "with",
    "by",
    "asc",
    "desc",
    "in",
    "is",
]

HYPHENATED = ["If-Match", "x-ms-client-id", "api-version"]


def columns(statement: nodes.Statement) -> list[str]:
    assert isinstance(statement, nodes.Query)
    assert isinstance(statement.body, nodes.Select)
    return [
        i.expr.name.text
        for i in statement.body.items
        if isinstance(i, nodes.Item) and isinstance(i.expr, nodes.ColumnRef)
    ]


def test_a_comment_that_ends_with_a_semicolon_ends_the_statement(parser: Parser) -> None:
    first, second = corpus.split_text(parser, ENDED_IN_A_COMMENT)
    assert parser.is_complete(first.text)
    assert second.text == "SELECT 1"


@each_case("text", COMMENTS_ALONE)
def test_a_piece_that_is_only_a_comment_is_no_statement(text: str, parser: Parser) -> None:
    assert [p.text for p in corpus.split_text(parser, text)] == ["SELECT 1"]


def test_commas_of_exec_may_hide_in_comments(parser: Parser) -> None:
    (piece,) = corpus.split_text(parser, EXEC)
    given: dict[str, PlaceholderValue] = {
        "aisle": "4",
        "depot": "east",
        "slow": True,
        "label": 'the "big" one',
        "weight": 12,
    }
    statement = parser.parse(fill(piece, given))
    assert isinstance(statement, nodes.Exec)
    assert [a.name for a in statement.arguments] == ["aisle", "depot", "slow"]
    assert statement.body is not None
    assert statement.body.text == '{\n"label": "the \\"big\\" one",\n"weight": 12\n}'


@each_case("word", WORDS)
def test_a_keyword_is_a_column_in_a_list(word: str, parser: Parser) -> None:
    assert columns(parser.parse(f"SELECT {word}, name, {word} FROM a.b.c")) == [word, "name", word]


@each_case("word", WORDS)
def test_a_keyword_is_a_column_left_of_an_equals_sign(word: str, parser: Parser) -> None:
    statement = parser.parse(f"SELECT 1 FROM a.b.c WHERE {word} = 'x' AND {word} = 'y'")
    assert isinstance(statement, nodes.Query)
    assert isinstance(statement.body, nodes.Select)
    column = nodes.ColumnRef((nodes.Name(word),))
    sides = [nodes.Binary("=", column, nodes.Literal("string", text)) for text in "xy"]
    assert statement.body.where == nodes.Logical("AND", tuple(sides))


@each_case("word", [*WORDS, *HYPHENATED, "data__connector.class"])
def test_a_word_of_any_kind_names_a_column_of_an_insert(word: str, parser: Parser) -> None:
    for names in (f"{word}, name", f"name, {word}"):
        statement = parser.parse(f"INSERT INTO a.b.c ({names}) SELECT 1, 2")
        assert isinstance(statement, nodes.Insert)
        assert {".".join(part.text for part in path) for path in statement.columns or ()} == {word, "name"}


@each_case("word", [*WORDS, *HYPHENATED])
def test_a_word_of_any_kind_is_assigned_to(word: str, parser: Parser) -> None:
    statement = parser.parse(f"UPDATE a.b.c SET {word} = 1, {word} = 2 WHERE id = 3")
    assert isinstance(statement, nodes.Update)
    assert [path[-1].text for path, _ in statement.assignments] == [word, word]


def test_a_plus_before_a_column_of_an_insert_says_nothing(parser: Parser) -> None:
    assert parser.parse("INSERT INTO a.b.c (+x, y) SELECT 1, 2") == parser.parse("INSERT INTO a.b.c (x, y) SELECT 1, 2")


@pytest.mark.parametrize("word", HYPHENATED)
def test_a_hyphenated_name_in_a_condition_parses(word: str, parser: Parser) -> None:
    assert parser.is_complete(f"DELETE FROM a.b.c WHERE {word} = 'x' AND id = 1")
