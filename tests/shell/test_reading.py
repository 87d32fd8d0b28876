"""When Enter runs a text, and what it consists of."""

from __future__ import annotations

import pytest

from tests import page
from tokensh.shell.reading import Command, bare_command, is_ready, parts, state
from tokensh.sql.parse import Parser


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser(None)


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
    (page.SELECT, True),
    (page.INSERT, True),
    (page.EXEC, True),
    (page.EXEC.rpartition(";")[0], False),
    (r"\x", True),
    (r"\no such command", True),
    ("exit", True),
    ("exit;", True),
    ("HELP", True),
    ("SELECT exit", False),
]


@pytest.mark.parametrize(("text", "ready"), READY, ids=[repr(text[:30]) for text, _ in READY])
def test_enter_runs_what_is_ended(text: str, ready: bool, parser: Parser) -> None:
    assert is_ready(text, parser) is ready


PARTS = [
    ("SELECT 1;", ["SELECT 1"]),
    ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
    ("\\x\nSELECT 1;\n\\o file name\n", [r"\x", "SELECT 1", r"\o file name"]),
    ("SELECT 1 -- required;\n\\x\n", ["SELECT 1", r"\x"]),
    ("SELECT '\n\\x\n';", ["SELECT '\n\\x\n'"]),
    (f"{page.SELECT}\n{page.INSERT}\n{page.EXEC}", ["SELECT", "INSERT", "EXEC"]),
]


@pytest.mark.parametrize(("text", "found"), PARTS, ids=[repr(text[:30]) for text, _ in PARTS])
def test_commands_and_statements_in_their_order(text: str, found: list[str], parser: Parser) -> None:
    shown = [
        f"{one.name} {one.argument}".strip() if isinstance(one, Command) else one.text for one in parts(text, parser)
    ]
    assert len(shown) == len(found)
    assert all(a.startswith(b) for a, b in zip(shown, found, strict=True))


@pytest.mark.parametrize(
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
    assert state(text, parser) == mark


@pytest.mark.parametrize(("word", "command"), [("exit", r"\q"), (" Quit ;", r"\q"), ("?", r"\?"), ("selected", None)])
def test_bare_words_are_commands(word: str, command: str | None) -> None:
    assert bare_command(word) == command
