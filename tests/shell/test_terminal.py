"""The main scenarios of the shell: prompt, completion, pasted pages, history, help, in a real terminal."""

from __future__ import annotations

import re
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from tests import seed_statements
from tests.shell.terminal import CTRL_C, CTRL_D, ENTER, TAB, UP, WORKSPACE, Start, connect_to
from tokensh.sandbox import Sandbox
from tokensh.shell.commands import COMMANDS

pytestmark = pytest.mark.terminal


def test_the_prompt_names_the_sandbox_and_the_line_below_it_the_workspace(start: Start) -> None:
    lines = start().display.splitlines()
    assert [line for line in lines if line.startswith("sandbox>")]
    assert [line for line in lines if line.startswith(f"{WORKSPACE} · table")]


def test_the_menu_offers_the_required_parameter_first(start: Start) -> None:
    terminal = start()
    terminal.type("select * from user_tokens where ")
    terminal.see("required")
    menu = [line for line in terminal.display.splitlines() if "deployment_name" in line]
    assert "required" in menu[0]


def test_tab_completes_a_resource_by_its_last_segment(start: Start) -> None:
    terminal = start("--sandbox", size=(120, 24))
    terminal.type("select token_id from user_tok")
    terminal.see("user_tokens")
    terminal.type(TAB)
    terminal.see("select token_id from user_tokens")


def test_enter_runs_what_is_ended_and_else_begins_a_line(start: Start) -> None:
    terminal = start()
    terminal.type("select 1 as\r")
    terminal.see("->")
    terminal.type("one;\r")
    terminal.see("(1 row")
    assert re.search(r"\| *one *\|", terminal.display)


def test_the_continuation_shows_an_open_bracket_and_an_open_string(start: Start) -> None:
    terminal = start()
    terminal.type("select (1,\r")
    terminal.see("(>")
    terminal.type("'a\r")
    terminal.see("'>")


def test_the_pages_select_runs_as_it_is_pasted(start: Start) -> None:
    terminal = start("--sandbox", size=(120, 40))
    terminal.paste(seed_statements.SELECT)
    terminal.see("-- required;")
    terminal.type(ENTER)
    terminal.see("deployment_name:")
    terminal.type(ENTER)
    terminal.see("(8 rows")
    assert "terraform ci" in terminal.display


def test_the_pages_insert_asks_for_its_values_and_masks_the_token(start: Start) -> None:
    terminal = start("--sandbox", size=(120, 40))
    terminal.paste(seed_statements.INSERT)
    terminal.see("token_value")
    terminal.type(ENTER)
    for name, answer in (("lifetime_seconds", "3600"), ("comment", "ci"), ("deployment_name", "")):
        terminal.see(f"{name}: ")
        terminal.type(answer + ENTER)
    terminal.see("(hidden)")
    assert not re.search("dapi[0-9a-f]{32}", terminal.everything)
    terminal.run(r"\reveal")
    assert len(re.findall("dapi[0-9a-f]{32}", terminal.everything)) == 1


def test_a_number_is_asked_again_if_it_is_none(start: Start) -> None:
    terminal = start()
    terminal.type("select {{ n }} as n;\r")
    terminal.see("n: ")
    terminal.type("ten\r")
    terminal.see("in quotes for text")
    terminal.type("\x7f\x7f\x7f10\r")
    terminal.see("(1 row")


def test_ctrl_c_at_a_question_drops_the_statement(start: Start) -> None:
    terminal = start()
    terminal.type("select {{ n }} as n;\r")
    terminal.see("n: ")
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.run("select 2 as two;")
    assert "two" in terminal.display


def test_the_pages_exec_asks_once_naming_the_token_and_its_comment(start: Start) -> None:
    terminal = start("--sandbox", size=(120, 50))
    terminal.run("select token_id, comment from user_tokens where comment = 'terraform ci';")
    terminal.paste(seed_statements.EXEC)
    terminal.see("}';")
    terminal.type(ENTER)
    terminal.see("deployment_name: ")
    terminal.type(ENTER)
    terminal.see("token_id: ")
    terminal.read(0.2)
    terminal.type("terraf")
    terminal.see("3bd6…918b  terraform ci")
    terminal.type(TAB)
    terminal.read(0.2)
    terminal.type(ENTER)
    terminal.see('on dbc-abcd0123-a1bc, comment "terraform ci"? [y/N]')
    terminal.type("y\r")
    terminal.prompt()
    terminal.run("select count(*) as left_over from user_tokens;")
    assert re.search(r"\| +7 \|", terminal.display)


def test_a_revoke_that_is_not_confirmed_is_not_sent(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    terminal.type("delete from user_tokens where token_id = 'abc';\r")
    terminal.see("[y/N]")
    terminal.type("\r")
    terminal.see("nothing was sent")
    assert [entry.method for entry in site.log if entry.method != "GET"] == []


def test_ctrl_c_during_a_slow_request_gives_the_prompt_back(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    site.fault("GET *", delay=30)
    terminal.type("select * from user_tokens;\r")
    terminal.see("Ctrl-C cancels")
    begun = time.monotonic()
    terminal.type(CTRL_C)
    terminal.read(0.1)
    terminal.prompt()
    assert time.monotonic() - begun < 3
    terminal.run("select 'alive' as it_is;")
    assert "alive" in terminal.display
    assert terminal.child.isalive()


def test_ctrl_c_while_editing_drops_the_whole_text(start: Start) -> None:
    terminal = start()
    terminal.type("select bogus\r")
    terminal.see("->")
    terminal.type("from x" + CTRL_C)
    terminal.prompt()
    terminal.run("select 'clean' as state;")
    assert "clean" in terminal.display
    assert "error" not in terminal.display


def test_ctrl_d_on_an_empty_line_leaves(start: Start) -> None:
    terminal = start()
    terminal.type(CTRL_D)
    assert terminal.end() == 0


@pytest.mark.parametrize("word", [r"\q", "exit", "quit", ":q"])
def test_words_that_leave(word: str, start: Start) -> None:
    terminal = start()
    terminal.type(word + ENTER)
    assert terminal.end() == 0


def test_an_error_shows_its_place_and_the_session_goes_on(start: Start) -> None:
    terminal = start()
    terminal.run("select tokn from user_tokens;")
    assert "error: unknown column 'tokn'" in terminal.display
    assert "^^^^" in terminal.display
    assert "hint: did you mean" in terminal.display
    terminal.run("select 1 as fine;")
    assert "fine" in terminal.display


def test_several_pasted_statements_are_each_shown_and_run(start: Start) -> None:
    terminal = start()
    terminal.paste("select 'a--b' as first;\nselect 2 as second;\n")
    terminal.see("second;")
    terminal.type(ENTER)
    terminal.see("\n> select 2 as second")
    terminal.prompt()
    assert terminal.display.count("(1 row") == 2


def test_records_timing_and_a_file_for_results(start: Start, tmp_path: Path) -> None:
    terminal = start()
    terminal.run(r"\x")
    terminal.run("select 1 as one;")
    assert "RECORD 1" in terminal.display
    terminal.run(r"\timing")
    terminal.run("select 2 as two;")
    assert "(1 row)" in terminal.display
    file = tmp_path / "out.txt"
    terminal.run(f"\\o {file}")
    terminal.run("select 3 as three;")
    terminal.run(r"\o")
    assert "three" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_help_lists_every_command(start: Start) -> None:
    terminal = start("--sandbox", size=(110, 40), PAGER="cat")
    terminal.run("help;")
    lines = [line.split() for line in terminal.everything.splitlines() if line.startswith("  \\")]
    assert {words[0] for words in lines} == COMMANDS.keys()


def test_an_unknown_command_names_the_nearest(start: Start) -> None:
    terminal = start()
    terminal.run(r"\histroy")
    assert r"did you mean \history?" in terminal.display


def test_the_history_outlives_the_session_without_secrets(start: Start, tmp_path: Path) -> None:
    terminal = start()
    secret = "dapi" + "0123456789abcdef" * 2
    terminal.run(f"select '{secret}' as x;")
    terminal.run(" select 'kept out' as x;")
    terminal.run("select 'last one' as x;")
    terminal.type(CTRL_D)
    assert terminal.end() == 0
    file = tmp_path / ".local" / "state" / "tokensh" / "sandbox" / "history.db"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as database:
        kept = [row[0] for row in database.execute("SELECT statement FROM statements ORDER BY id")]
    database.close()
    assert kept == ["select '[hidden]' as x", "select 'last one' as x"]
    again = start()
    again.type(UP)
    again.see("last one")


def test_history_shows_how_statements_went(start: Start) -> None:
    terminal = start("--sandbox", size=(140, 30))
    terminal.run("select 1 as one;")
    terminal.run("select nope;")
    terminal.run(r"\history nope")
    assert "UnknownName" in terminal.display
    terminal.run(r"\history")
    assert "select 1 as one" in terminal.display


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_there_is_no_colour_where_none_is_wanted(variables: dict[str, str], start: Start) -> None:
    terminal = start("--sandbox", **variables)
    terminal.type("select 1 as one;" + ENTER)
    terminal.see("(1 row")
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m|\x1b\[[0-9;]*38;", terminal.raw)


def test_a_narrow_terminal_shows_records(start: Start) -> None:
    terminal = start("--sandbox", size=(40, 12))
    terminal.run("select * from user_tokens limit 1;")
    assert "RECORD 1" in terminal.everything


def test_text_of_the_api_cannot_act_on_the_terminal(start: Start) -> None:
    terminal = start("--sandbox", size=(120, 30))
    terminal.run("select comment from user_tokens;")
    assert r"\x1b[31mred alert\x1b[0m" in terminal.display
    assert b"\x1b[31mred" not in terminal.raw


def test_without_a_credential_everything_but_requests_works(start: Start) -> None:
    terminal = start("-w", "dbc-1")
    terminal.run("describe user_tokens;")
    assert "expiry_time" in terminal.display
    terminal.run("select * from user_tokens;")
    assert "no credential" in terminal.display
