"""The commands that users of psql expect: listings, variables from rows, conditions, files, the history and the last error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.shell.in_process import InProcessShell, open_shell
from tokensh.sandbox import Sandbox


@pytest.fixture
def shell(site: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessShell]:
    monkeypatch.chdir(tmp_path)
    with open_shell(site, tmp_path) as running:
        yield running


def test_functions_views_and_tables_are_listed(shell: InProcessShell) -> None:
    shell.run("create view short as select comment from user_tokens;")
    shell.run("create table teams (name text);")
    assert "days_left(ms)" in (found := shell.run(r"\df day"))
    assert "expires_in" not in found
    assert "epoch milliseconds in words" in shell.run(r"\df+ expires*")
    assert "short" in (views := shell.run(r"\dv"))
    assert "teams" not in views
    for listing in (r"\dv+", r"\dt+", r"\d+ short"):
        assert 'SELECT "comment"' in shell.run(listing), listing
    assert "name string" in shell.run(r"\dt+")
    assert "never expires" in shell.run(r"\d+ user_tokens")


def test_gset_makes_variables_of_one_row_but_never_of_a_secret(shell: InProcessShell) -> None:
    shell.run(r"select 3 as n, 'it''s' as word \gset my_")
    assert "my_n = 3\nmy_word = it's\n" in shell.run(r"\set")
    shell.run(r"select null as my_n \gset")
    assert "my_n" not in shell.run(r"\set")
    assert "needs one row, not 0" in shell.run(r"select 1 as x where false \gset")
    answer = shell.run(
        r"insert into user_tokens (comment, lifetime_seconds) values ('x', 60) returning token_value \gset"
    )
    assert "token_value is not set: a secret is kept in no variable" in answer
    assert "dapi" not in shell.run(r"\set")


# An expression, what the variable n is, and what is printed.
@pytest.mark.parametrize(
    ("condition", "printed"),
    [
        ("on", "a"),
        ("off", "c"),
        ("{{ n }} > 2", "a"),
        ("{{ n }} > 5", "c"),
        ("{{ n }} = 4", "c"),
        ("null", "c"),
        ("(select count(*) from user_tokens) > 1", "a"),
    ],
)
def test_one_branch_of_if_runs(condition: str, printed: str, shell: InProcessShell) -> None:
    shell.run(r"\set n 3")
    branches = ("\\if off", "\\echo x", "\\else", "\\echo y", "\\endif")
    shell.write("f.sql", f"\\if {condition}", "\\echo a", "\\elif false", *branches, "\\else", "\\echo c", "\\endif")
    assert shell.run(r"\i f.sql") == f"{printed}\n"


def test_the_second_branch_runs_alone_and_its_condition_is_computed_only_then(shell: InProcessShell) -> None:
    shell.write("f.sql", r"\if on", "select 1 as a;", r"\elif nosuch", "select 2 as b;", r"\endif", r"\echo end")
    assert "error" not in (answer := shell.run(r"\i f.sql"))
    assert "| 1 |" in answer
    assert "end\n" in answer
    shell.write("f.sql", r"\if off", "select 1 as a;", r"\elif true", r"\echo second", r"\else", r"\echo x", r"\endif")
    assert shell.run(r"\i f.sql") == "second\n"


def test_blocks_of_a_file_end_with_it_and_mistakes_are_errors(shell: InProcessShell) -> None:
    shell.write("f.sql", r"\if off", "select 1;")
    assert r"f.sql ends inside \if: \endif is missing" in shell.run(r"\i f.sql")
    assert "(1 row" in shell.run("select 1;")
    for command in (r"\else", r"\elif on", r"\endif"):
        assert rf"{command.split()[0]} without \if" in shell.run(command)
    assert "is neither true nor false" in shell.run(r"\if 'maybe'")
    shell.run(r"\if on")
    shell.run(r"\else")
    assert r"after \else only \endif can follow" in shell.run(r"\else")


def test_results_tables_and_queries_are_copied_to_files(shell: InProcessShell, tmp_path: Path) -> None:
    shell.run("create table teams (name text);")
    shell.run("insert into teams values ('a');")
    shell.run("select 'x' as last;")
    for text, name, content in (
        (r"\copy to last.csv", "last.csv", "last\nx\n"),
        (r"\copy (select 1 as one) TO 'one two.json';", "one two.json", '[\n{"one":1}\n]\n'),
        (r"\copy teams to t.md", "t.md", "| name |\n| --- |\n| a |\n"),
        (r"\copy teams to t.x with (format csv, header off)", "t.x", "a\n"),
        (r"\copy teams to |cat > piped.csv", "piped.csv", "name\na\n"),
    ):
        assert "error" not in shell.run(text), text
        assert (tmp_path / name).read_text() == content, text
    shell.run("insert into user_tokens (comment, lifetime_seconds) values ('x', 60) returning token_value;")
    shell.run(r"\copy to secret.csv")
    assert (tmp_path / "secret.csv").read_text() == "token_value\n\n"


def test_a_kept_result_is_compared_with_a_later_one(shell: InProcessShell) -> None:
    shell.run("select token_id, comment from user_tokens;")
    shell.run(r"\keep monday")
    shell.run(
        "select token_id, comment || case comment when 'terraform ci' then '!' else '' end as comment from monday;"
    )
    rows = [line.split("|")[1].strip() for line in shell.run(r"\diff monday _").splitlines() if "terraform" in line]
    assert rows == ["was", "is"]
    assert "the two have other columns" in shell.run(r"\diff monday tokensh.local.pending")
    assert "needs a view, or two tables" in shell.run(r"\diff")
    assert shell.run(r'\keep "of tuesday";') == 'kept 7 rows as "of tuesday"\n'
    assert " is " in shell.run(r'\diff monday "of tuesday"')
    assert shell.run(r"\keep monday") == "error: monday already exists\nhint: choose another name, or DROP it first\n"
    assert shell.run(r"\diff monday nosuch") == "error: unknown resource 'nosuch'\n"


def test_a_result_of_an_earlier_day_is_compared_in_a_later_session(
    shell: InProcessShell, site: Sandbox, tmp_path: Path
) -> None:
    shell.run("select token_id, comment from user_tokens;")
    shell.run(r"\keep monday")
    with open_shell(site, tmp_path) as tuesday:
        tuesday.run("select token_id, comment from user_tokens where comment <> 'terraform ci';")
        changes = tuesday.run(r"\diff monday _")
    assert re.findall(r"\| (gone|new|was|is) +\| \w+ \| (.*?) +\|", changes) == [("gone", "terraform ci")]


def test_commands_are_in_the_history_which_filters_and_can_be_written(shell: InProcessShell, tmp_path: Path) -> None:
    for text in ("select 1;", r"\echo hi", "select nosuch from user_tokens;", r"\set password x", r" \echo quiet"):
        shell.run(text)
    shell.run(r"\s all.sql")
    assert (tmp_path / "all.sql").read_text() == "select 1;\n\\echo hi\nselect nosuch from user_tokens;\n"
    assert "nosuch" in (found := shell.run(r"\history outcome=error"))
    assert "select 1" not in found
    today = datetime.fromtimestamp(shell.session.connection.environment.now()).date()
    for filters, listed in (
        ("day=today", 3),
        (f"day={today:%Y-%m}", 3),
        ("day=yesterday", 0),
        ("nosuch day=2001-01-01", 0),
        ("workspace=ABCD0123", 3),
        ("workspace=bcde", 0),
        ("outcome=unknownn workspace=dbc", 1),
        ("outcome=ok select", 1),
    ):
        page = shell.run(rf"\history {filters}")
        assert page.count("\n| ") - 1 == listed if listed else page == "no statement found\n", filters
    assert "invalid day: 'monday'" in shell.run(r"\history day=monday")
    assert "did you mean 'error'" in shell.run(r"\history outcome=eror")
    shell.run("\\keep\n\\diff _ nosuch")
    assert list(re.findall(r"\| (\w+) +\| (\\\S+)", shell.run(r"\history outcome=error"))) == [
        ("UnknownName", r"\diff"),
        ("InterfaceError", r"\keep"),
    ]
    assert shell.run(r"\rerun 2") == "hi\n> \\echo hi\n"


def test_errverbose_shows_the_class_and_the_fields_of_the_last_error(shell: InProcessShell) -> None:
    assert "no error yet" in shell.run(r"\errverbose")
    shell.run("select * from user_tokens where deployment_name = 'dbc-none';")
    answer = shell.run(r"\errverbose")
    assert "class: ApiError, exit status 1" in answer
    assert "statement:\nselect * from user_tokens" in answer


def test_the_last_result_is_drawn(shell: InProcessShell) -> None:
    assert "no result to draw" in shell.run(r"\chart")
    shell.run("select 'a' as team, 3 as n;")
    assert shell.run(r"\chart").startswith("n by team\na |##")
    shell.run("select 'a' as team;")
    assert "nothing to draw" in shell.run(r"\chart")
