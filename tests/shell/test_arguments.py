"""All commands read what follows their name in the same way: quotes, the closing `;`, options in parentheses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.shell.in_process import InProcessShell, open_shell
from tokensh.errors import InterfaceError
from tokensh.sandbox import Sandbox
from tokensh.shell.commands.arguments import Arguments


@each_case(
    ("line", "words", "value"),
    [
        ("", (), ""),
        (";", (), ""),
        ("a;", ("a",), "a"),
        ("a ; ;", ("a",), "a"),
        ("'a;'", ("a;",), "a;"),
        ("''", ("",), ""),
        ("two words;", ("two", "words"), "two words"),
        ("'two words' x", ("two words", "x"), "'two words' x"),
        ('"two words";', ("two words",), "two words"),
        ("'it''s'", ("it's",), "it's"),
        ("it's", ("it's",), "it's"),
        ("comment='two words' n=3;", ("comment=two words", "n=3"), "comment='two words' n=3"),
        ('{"a": 1}', ('{"a":', "1}"), '{"a": 1}'),
        (r"C:\new", (r"C:\new",), r"C:\new"),
    ],
)
def test_quotes_and_the_closing_semicolon_are_not_part_of_a_word(line: str, words: tuple[str, ...], value: str) -> None:
    assert Arguments(line).words() == words
    assert Arguments(line).value() == value


def test_a_quote_that_is_not_closed_is_an_error_that_says_how_to_close_it() -> None:
    with pytest.raises(InterfaceError, match="a quote is not closed: 'a b") as caught:
        Arguments("x 'a b").words()
    assert caught.value.hint == "end it with '; a ' inside is written ''"


@each_case(
    ("line", "options", "rest"),
    [
        ("x.csv", {}, "x.csv"),
        ("(format=csv) x.csv;", {"format": "csv"}, "x.csv"),
        ("(format=csv null='(none) here' expanded )", {"format": "csv", "null": "(none) here", "expanded": "on"}, ""),
        ("() |cat;", {}, "|cat;"),
    ],
)
def test_options_in_parentheses_come_before_a_destination(line: str, options: dict[str, str], rest: str) -> None:
    given, following = Arguments(line).split_options()
    assert given == options
    assert following.destination() == rest


def test_an_open_parenthesis_is_an_error() -> None:
    with pytest.raises(InterfaceError, match=r"the \) is missing in \(format=csv x"):
        Arguments("(format=csv x").split_options()


@pytest.fixture
def shell(site: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessShell]:
    monkeypatch.chdir(tmp_path)
    with open_shell(site, tmp_path) as running:
        yield running


def test_each_kind_of_command_takes_quotes_and_a_closing_semicolon(shell: InProcessShell, tmp_path: Path) -> None:
    shell.write("my file.sql", "select 'it' || ' ran' as x;")
    answers = {
        r"select 1 as a \G;": "RECORD 1",
        r"\i 'my file.sql';": "it ran",
        r'\i "my file.sql"': "it ran",
        r"\i '~/my file.sql'": "it ran",
        r"\set n 1;": "",
        r"\echo {{ n }};": "{{ n }};",
        r"\x on;": "expanded is on",
        r"\x auto;": "expanded is auto",
        r"\timing off;": "timing is off",
        r"\T csv;": "format is csv",
        r"\T table": "format is table",
        r"\pset null '';": "null is ''",
        r"\c dbc-bcde1234-b2cd;": "workspace is dbc-bcde1234-b2cd",
        r"\ns mine select '$1' as x;": "saved",
        r"\n mine 'two words';": "two words",
        r"\nd mine;": "deleted mine",
        r"\history 'it';": "statement",
        r"\o 'all of it.csv';": "results go to all of it.csv",
        r"\o;": "results go to the terminal",
        r"select 3 as c \watch abc": "invalid number of seconds: 'abc'",
        r"select 'one' as c \g (format=csv header=off) 'x y.txt';": "(1 row",
        r"select 'two' as c \g (format=json);": '"c":"two"',
        r"select 'three' as c \g (format=xlsx) z": "invalid format: 'xlsx'",
        r"select 'four' as c;": "four",
        r"\i 'my file.sql": "a quote is not closed",
    }
    for text, expected in answers.items():
        assert expected in shell.run(text), text
    assert (tmp_path / "x y.txt").read_text() == "one\n"
    assert not {";", "z", "'x y.txt'"} & {path.name for path in tmp_path.iterdir()}


def test_bare_words_ask_for_help(shell: InProcessShell) -> None:
    for word in ("help", "?", "help;"):
        assert "Help and leaving" in shell.run(word)


def test_an_id_that_was_pasted_from_a_table_is_refused_with_the_whole_id(shell: InProcessShell) -> None:
    shell.run("select token_id from user_tokens")
    whole = next(iter(shell.session.results.tokens))
    cut = f"{whole[:4]}…{whole[-4:]}"
    assert f"hint: the whole id is '{whole}'" in shell.run(f"delete from user_tokens where token_id = '{cut}';")
    assert "hint: token_id LIKE '0…" not in (answer := shell.run("select 1 where '0000…ffff' = '';"))
    assert r"hint: LIKE '0000%ffff' finds it, and \copy token_id copies whole ids" in answer
    assert "(1 row" in shell.run("select 'so…' as x;")


def test_c_keeps_the_workspace_if_the_new_one_does_not_answer(shell: InProcessShell) -> None:
    before = shell.session.connection.workspace
    assert "no such workspace: 'dbc-0-0'" in shell.run(r"\c dbc-0-0")
    assert f"workspace is {before}" in shell.run(r"\c")
