"""The shell knows when a text is complete, which statements and commands it holds, and where its errors are."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import seed_statements
from tests.cases import each_case
from tests.environments import make_environment
from tests.tries import tries
from tokensh._dataclasses import replace
from tokensh.cli.scripts import from_file, from_stdin, from_text
from tokensh.shell.input_buffer import Command, Part, bare_command, find_error, is_ready, line_marks, split_input
from tokensh.sql.parse import Parser
from tokensh.sql.script import StatementText, split_script

READY = [
    ("", True),
    ("   ", True),
    ("SELECT 1;", True),
    ("SELECT 1", False),
    ("SELECT 1\n", True),
    ("SELECT 1 AS\n", False),
    ("SELECT ';", False),
    ("SELECT 1; SELECT 2", False),
    ("SELECT 1; SELECT 2;", True),
    ("SELECT 1 -- done;", True),
    ("SELECT 1 -- done", False),
    ("SELECT -- not yet;", False),
    (seed_statements.SELECT, True),
    (seed_statements.INSERT, True),
    (seed_statements.EXEC, True),
    (seed_statements.EXEC.rpartition(";")[0], False),
    (r"\x", True),
    (r"\no such command", True),
    ("SELECT 1 \\g", True),
    ("SELECT (\n\\r", True),
    ("SELECT '\n\\r", False),
    ("\\x\nSELECT", False),
    ("-- a comment", True),
    ("exit", True),
    ("exit;", True),
    ("HELP", True),
    ("SELECT exit", False),
    (".tables", True),
    ("clear", True),
    ("SELCT comment", True),
    ("(SELECT 1)", False),
    ("EXEC user_tokens.revoketoken", False),
    ("/* open", False),
]


@each_case(("text", "ready"), READY, ids=[repr(text[:30]) for text, _ in READY])
def test_enter_runs_what_is_ended(text: str, ready: bool, parser: Parser) -> None:
    assert is_ready(text, parser) is ready


PARTS = [
    ("SELECT 1;", ["SELECT 1"]),
    ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
    ("\\x\nSELECT 1;\n\\o file name\n", [r"\x", "SELECT 1", r"\o file name"]),
    ("SELECT 1 -- required;\n\\x\n", ["SELECT 1", r"\x"]),
    ("SELECT '\n\\x\n';", ["SELECT '\n\\x\n'"]),
    (f"{seed_statements.SELECT}\n{seed_statements.INSERT}\n{seed_statements.EXEC}", ["SELECT", "INSERT", "EXEC"]),
    ("SELECT 1 \\g", [r"\g of SELECT 1"]),
    ("SELECT 1\\G", [r"\G of SELECT 1"]),
    ("SELECT 1; SELECT 2 \\gx | less\nSELECT 3;", ["SELECT 1", r"\gx | less of SELECT 2", "SELECT 3"]),
    ("SELECT 1\n\\r\nSELECT 2;", [r"\r of SELECT 1", "SELECT 2"]),
    ("SELECT 1\n\\p\n+ 1;", [r"\p of SELECT 1", "SELECT 1\n  \n+ 1"]),
    ("SELECT 1\n\\p\n", [r"\p of SELECT 1", "SELECT 1"]),
    ("SELECT 1\n\\p\n\\timing on\n", [r"\p of SELECT 1", r"\timing on of SELECT 1", "SELECT 1"]),
    ("SELECT '\\g' \\g", [r"\g of SELECT '\g'"]),
    ("SELECT 1 -- \\g\n;", ["SELECT 1"]),
    ("SELECT /* \\g", ["SELECT /* \\g"]),
    ("\\! echo 'a;b'", [r"\! echo 'a;b'"]),
    ("-- only a comment\n", []),
    ("\\", ["\\"]),
]


def describe(part: Part) -> str:
    if not isinstance(part, Command):
        return part.text
    of = f" of {part.statement}" if part.statement else ""
    return f"{part.name} {part.argument}".strip() + of


@each_case(("text", "expected"), PARTS, ids=[repr(text[:30]) for text, _ in PARTS])
def test_commands_and_statements_in_their_order(text: str, expected: list[str], parser: Parser) -> None:
    texts = [describe(part) for part in split_input(text, parser)]
    assert len(texts) == len(expected)
    assert all(a.startswith(b) for a, b in zip(texts, expected, strict=True))


def test_statements_know_their_lines_and_columns_in_the_whole_text(parser: Parser) -> None:
    text = "\\x\n  SELECT 1; SELECT 2\n\\p\n, 3;\nSELECT 4;"
    pieces = [part for part in split_input(text, parser) if isinstance(part, StatementText)]
    places = [(piece.text[:8], piece.line, piece.column) for piece in pieces]
    assert places == [("SELECT 1", 2, 3), ("SELECT 2", 2, 13), ("SELECT 4", 5, 1)]


@each_case(
    ("text", "mark"),
    [
        ("SELECT 1\n", ""),
        ("SELECT (1\n", "("),
        ("SELECT (1)\n", ""),
        ("SELECT 'a\n", "'"),
        ('SELECT "a\n', '"'),
        ("SELECT `a\n", "`"),
        ("SELECT /* a\n", "*"),
        ("SELECT -- a;\n", "--"),
        ("SELECT ')' -- a\n", ""),
    ],
)
def test_the_continuation_tells_what_is_open(text: str, mark: str, parser: Parser) -> None:
    assert line_marks(text, parser)[-1] == mark


def test_each_line_has_a_mark_of_its_own(parser: Parser) -> None:
    text = "SELECT (1,\n'a\nb'\n) -- done;\n/* a\n*/ , \n'open\n"
    assert line_marks(text, parser) == ["", "(", "'", "(", "--", "*", "", "'"]


@each_case(
    ("text", "error"),
    [
        ("", ""),
        ("SELECT", ""),
        ("SELECT * FRO", ""),
        ("SELECT * FRO ", "line 1 col 10: unexpected 'FRO', did you mean FROM instead of 'FRO'?"),
        ("SELECT a\nFORM t ", "line 2 col 6: unexpected 't', did you mean FROM instead of 'FORM'?"),
        ("SELECT 1;\n SELECT WHERE x", "line 2 col 9: unexpected 'WHERE'"),
        ("SELECT 1 FROM ;", "line 1 col 14: the statement ends too early"),
        ("SELECT 1 FROM ", ""),
        ("SELECT 'a ", ""),
        ("SELECT /* a ", ""),
        ("SELECT WHERE 'a", "line 1 col 8: unexpected 'WHERE'"),
        ("\\x\nSELECT 1", ""),
        ("SELECT (a,\n", ""),
        ("SELECT " + "a, " * 10_000 + "FROM FROM ", ""),
    ],
)
def test_what_is_wrong_so_far_is_told_and_what_may_become_right_is_not(text: str, error: str, parser: Parser) -> None:
    found = find_error(text, parser)
    assert found.startswith(error)
    assert bool(found) == bool(error)


@each_case(("word", "command"), [("exit", r"\q"), (" Quit ;", r"\q"), ("?", r"\?"), ("selected", None)])
def test_bare_words_are_commands(word: str, command: str | None) -> None:
    assert bare_command(word) == command


SCRIPT_PARTS = st.sampled_from(
    [
        "SELECT 1",
        "SELECT x FROM a ORDER BY x -- soonest;\n",
        "DESC",
        "DELETE FROM a -- all;\n",
        "WHERE x = 'a;\r\nb'",
        'EXEC a.b @@json = {"c": 1}',
        "-- a note;\r",
        "# note\n",
        "/* a\n; */",
        '"a;b"',
        "{{ x }}",
        "7_000",
        "'",
        ";",
        "\ufeff",
        "\u2028",
        "\x85",
    ]
)
SCRIPTS = st.lists(st.tuples(SCRIPT_PARTS, st.sampled_from([" ", "\n", "\r\n", "\r", ""])), max_size=10).map(
    lambda parts: "".join(part + gap for part, gap in parts)
)


@tries(120)
@given(SCRIPTS)
def test_the_shell_splits_a_text_as_every_batch_does(
    parser: Parser, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "script.sql"
    path.write_bytes(text.encode())
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    environment = replace(make_environment(path.parent), stdin=stdin)
    ways = [
        [*split_script(script.lines(), parser.table)]
        for script in (from_file(str(path)), from_stdin(environment), from_text(text.replace("\r\n", "\n")))
    ]
    shell = [part for part in split_input(text.replace("\r\n", "\n"), parser) if isinstance(part, StatementText)]
    pasted = [*split_script([text.removeprefix("\ufeff").replace("\r\n", "\n")], parser.table)]
    assert [(piece.text, piece.line, piece.ended, str(piece.error)) for piece in ways[0]] == [
        (piece.text, piece.line, piece.ended, str(piece.error)) for piece in ways[1]
    ]
    for pieces in (ways[2], shell, pasted):
        assert [piece.text for piece in pieces] == [piece.text for piece in ways[0]]
