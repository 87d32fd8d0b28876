"""Each character of a statement is lexed once on its way from a script or a cursor to the engine."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cases import each_case
from tests.environments import make_environment
from tests.shared_parser import shared_parser
from tokensh._dataclasses import replace
from tokensh.cli.batch import ScriptRunner
from tokensh.cli.reporter import Reporter, Sink
from tokensh.cli.scripts import Script, from_text
from tokensh.dbapi.connection import Connection
from tokensh.dbapi.options import ConnectionOptions
from tokensh.render.options import Options
from tokensh.sql.parse import Parser
from tokensh.sql.script import split_script


class CountingPattern:
    """The lexer's pattern; counts the characters of the tokens it yields."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self.characters = 0

    def finditer(self, text: str, start: int = 0) -> Iterator[re.Match[str]]:
        for match in self._pattern.finditer(text, start):
            self.characters += len(match.group())
            yield match


def counting_parser() -> tuple[Parser, CountingPattern]:
    parser = Parser.__new__(Parser)
    table = shared_parser().table
    counter: Any = CountingPattern(table.pattern)
    parser.table = replace(table, pattern=counter)
    return parser, counter


def run_script(home: Path, script: Script, variables: dict[str, Any]) -> tuple[int, str]:
    """Run a script as the command line does; return how many characters were lexed, and the output."""
    environment = make_environment(home)
    output = io.StringIO()
    with Connection(ConnectionOptions(environment=environment)) as connection:
        connection.parser, counter = counting_parser()
        connection.variables.update(variables)
        reporter = Reporter(environment.stderr, str)
        ScriptRunner(connection, Sink(output, "csv", Options()), reporter).run([script])
        assert reporter.status == 0, environment.stderr
    return counter.characters, output.getvalue()


SCRIPTS = [
    "SELECT 1 AS a, 'two' AS b",
    "SELECT 1 AS a; SELECT 2 AS b;\n",
    "-- a note\nSELECT 1\n  AS a\n; /* another */ SELECT 2 AS b",
    "SELECT 1 AS a -- required;\n\nSELECT 2 AS b -- required;\n",
    "SELECT case, 1 FROM (SELECT 2 AS case) -- a keyword as a name;\n, (SELECT 3)",
]


@pytest.mark.parametrize("text", SCRIPTS)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_script_without_placeholders_is_lexed_once(text: str, streamed: bool, tmp_path: Path) -> None:
    script = replace(from_text(text), streamed=streamed)
    lexed, output = run_script(tmp_path, script, {})
    assert output
    # The last word is lexed again when it is known that no more text comes.
    assert len(text) <= lexed <= len(text) + len(text.rsplit(maxsplit=1)[-1])


def test_a_cursor_lexes_a_statement_once(tmp_path: Path) -> None:
    text = "SELECT 1 AS a, ? AS b; -- done"
    with Connection(ConnectionOptions(environment=make_environment(tmp_path))) as connection:
        connection.parser, counter = counting_parser()
        assert connection.cursor().execute(text, (2,)).fetchall() == [(1, 2)]
    assert counter.characters == len(text)


def test_a_statement_is_not_lexed_again_when_its_placeholders_are_filled(tmp_path: Path) -> None:
    text = "SELECT {{ value }} AS a\n"
    lexed, output = run_script(tmp_path, from_text(text), {"value": 12})
    assert output == "a\n12\n"
    assert lexed == len(text)


OPEN = ["'a\n  b\nc'", '"a\nb"', "/* a\n b */ 1", "{{ a\n }}", "'a\n''\n;\n'"]


@each_case("part", OPEN)
def test_only_an_open_token_is_lexed_again_when_more_text_comes(part: str) -> None:
    parser, counter = counting_parser()
    text = f"SELECT 1,\n 2,\n {part} AS x;\n"
    (statement,) = split_script(text.splitlines(keepends=True), parser.table)
    assert counter.characters <= len(text) + part.count("\n") * len(part)
    again = parser.tokenize(statement.text)
    assert statement.tokens == again.tokens
    assert parser.parse(statement) == parser.parse(statement.text)


def test_positions_are_those_of_the_statement() -> None:
    parser, _ = counting_parser()
    text = "-- first\nSELECT 1;\n  SELECT a,\n b -- both;\n\nSELECT 'x'"
    for statement in split_script([text], parser.table):
        assert [statement.text[token.start : token.end] for token in statement.tokens] == [
            token.text for token in statement.tokens
        ]
        assert statement.tokens == parser.tokenize(statement.text).tokens
