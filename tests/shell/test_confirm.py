"""A question says what is about to be revoked; a comment cannot change what it says, and keys typed earlier do not answer it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import each_case
from tests.shell.terminal import ENTER, Start, connect_to
from tokensh.dbapi.approval import _format_row
from tokensh.sandbox import Sandbox
from tokensh.text import quote_text, width

FORGERIES = [
    "x; deployment_name=dbc-9 token_id=abc comment=ok; and 7 more",
    '" on sandbox? ["prod key',
    '\\" on dbc-9',
    "x\n  token 000 on other",
    "\x1b[2K\rrevoke nothing?",
    "\u202egnp.exe",
    "\\",
    "a" * 300 + '"',
]
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


@given(st.text(st.characters(exclude_categories=())), st.integers(10, 80))
def test_quoted_text_ends_where_its_quotes_end(text: str, cells: int) -> None:
    quoted = quote_text(text, cells)
    assert QUOTED.fullmatch(quoted), quoted
    assert width(quoted) <= cells


@each_case("comment", FORGERIES, ids=ascii)
@each_case("name", ["comment", "token_id", "deployment_name"])
def test_the_row_of_a_batch_cannot_be_forged(name: str, comment: str) -> None:
    row = {"deployment_name": "dbc-1", "token_id": "abc", "comment": "fine", name: comment}
    text = _format_row(row)
    bare = QUOTED.sub("Q", text)
    assert re.fullmatch(r"deployment_name=(dbc-1|Q) token_id=(abc|Q) comment=(fine|Q)", bare), text


@pytest.mark.terminal
@pytest.mark.parametrize("typed", ["y" + ENTER, "yes" + ENTER + "y" + ENTER])
def test_keys_typed_before_the_question_do_not_answer_it(typed: str, start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), size=(140, 24), DATABRICKS_TOKEN=site.token)
    site.fault("GET */token/list", delay=1.5)
    terminal.type("DELETE FROM user_tokens WHERE comment LIKE 'nightly%';" + ENTER)
    terminal.see("Ctrl-C cancels")
    terminal.type(typed)
    terminal.see("[y/N]")
    terminal.read(0.5)
    assert terminal.display.rstrip().endswith("[y/N]")
    assert not [entry for entry in site.log if entry.path.endswith("/delete")]
    terminal.type("y" + ENTER)
    terminal.see("(1 row")
    assert len([entry for entry in site.log if entry.path.endswith("/delete")]) == 1


@pytest.mark.terminal
def test_keys_typed_while_a_request_runs_are_not_drawn_and_wait_for_the_next_prompt(
    start: Start, site: Sandbox
) -> None:
    terminal = start(*connect_to(site), size=(140, 24), DATABRICKS_TOKEN=site.token)
    site.fault("GET */token/list", delay=1.5)
    terminal.type("SELECT count(*) AS tokens FROM user_tokens;" + ENTER)
    terminal.see("Ctrl-C cancels")
    terminal.type("SELECT 'ahead' || 'typed' AS word;" + ENTER)
    terminal.read(0.5)
    assert "ahead" not in terminal.everything
    terminal.see("aheadtyped")
    assert re.search(r"tokens\b.*\(1 row.*> SELECT 'ahead' .*aheadtyped", terminal.everything, re.DOTALL)
    # Where a program runs that reads the terminal itself, keys are shown again.
    terminal.type(r"\! stty -a | tr ' ' '\n' | grep -x -e echo -e -echo" + ENTER)
    terminal.see("\necho")


@pytest.mark.terminal
def test_the_time_of_a_question_is_not_the_statements(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), size=(140, 24), DATABRICKS_TOKEN=site.token)
    terminal.type("DELETE FROM user_tokens WHERE comment LIKE 'nightly%';" + ENTER)
    terminal.see("[y/N]")
    terminal.read(2.0)
    terminal.type("y" + ENTER)
    terminal.see("(1 row")
    assert re.search(r"\(1 row, [01]\.\d\d s", terminal.display)
