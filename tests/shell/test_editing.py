"""Typing, pasting, completion and the history work as in other shells, in a real terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import seed_statements
from tests.shell.terminal import CTRL_C, CTRL_D, ENTER, ESCAPE, LOOK, TAB, UP, Start
from tokensh.engine.history import History

pytestmark = pytest.mark.terminal
CTRL_P, CTRL_N, CTRL_R, F4, RIGHT = "\x10", "\x0e", "\x12", "\x1bOS", "\x1b[C"
SHAPE = b" q"


def remember(home: Path, *statements: str) -> None:
    history = History(home / ".local/state/tokensh/sandbox/history.db", str)
    for number, statement in enumerate(statements):
        history.finish(history.add(statement, 1.7e9 + number, None), 0.1, 1, "ok")
    history.close()


def test_what_is_wrong_is_told_while_the_cursor_rests(start: Start) -> None:
    terminal = start()
    terminal.type("select comment form user_tokens where ")
    terminal.see("line 1 col 21: unexpected 'user_tokens', did you mean FROM")
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.type("select 1 ")
    terminal.see("· table ·")


@pytest.mark.parametrize("word", ["exit", "quit", r"help"])
def test_a_word_that_leaves_does_not_leave_an_open_statement(word: str, start: Start) -> None:
    terminal = start()
    terminal.type(f"select 1 as\r{word}")
    terminal.see(r"\q leaves, Ctrl-C drops the open statement")
    terminal.type(CTRL_C)
    terminal.prompt()
    assert terminal.child.isalive()


def test_up_finds_statements_that_begin_as_the_text_does(start: Start, tmp_path: Path) -> None:
    remember(tmp_path, "select 'one' as x", "show providers", "select 'two' as x", "describe user_tokens")
    terminal = start()
    terminal.type("select")
    terminal.read(0.3)
    terminal.type(UP)
    terminal.see("> select 'two' as x;")
    terminal.type(UP)
    terminal.see("> select 'one' as x;")
    terminal.type(ENTER)
    terminal.see("(1 row")


def test_control_p_goes_through_whole_statements(start: Start, tmp_path: Path) -> None:
    remember(tmp_path, "select 'old' as x", "select 1,\n2,\n3 as three")
    terminal = start()
    terminal.type(CTRL_P)
    terminal.see("3 as three;")
    terminal.type(CTRL_P)
    terminal.see("> select 'old' as x;")
    terminal.type(CTRL_N)
    terminal.see("3 as three;")
    terminal.type(ENTER)
    terminal.see("(1 row")


def test_reverse_search_finds_a_line_inside_a_statement(start: Start, tmp_path: Path) -> None:
    remember(tmp_path, "select 'a' as x\nwhere 'needle' <> ''", "select 'b' as x")
    terminal = start()
    terminal.type(CTRL_R + "NEEDLE")
    terminal.see("where 'needle' <> '';")
    terminal.type(ENTER + ENTER)
    terminal.see("(1 row")
    assert re.search(r"\| *a *\|", terminal.display)


def test_the_rest_of_an_earlier_statement_is_suggested(start: Start, tmp_path: Path) -> None:
    remember(tmp_path, "select 'earlier' as x")
    terminal = start()
    terminal.type("select 'ear")
    terminal.see("select 'earlier' as x;")
    terminal.type(RIGHT)
    terminal.read(0.2)
    terminal.type(ENTER)
    terminal.see("(1 row")


def test_a_statement_from_the_history_runs_at_enter(start: Start, tmp_path: Path) -> None:
    remember(tmp_path, seed_statements.SELECT.rpartition(" -- required;")[0] + " -- required")
    terminal = start("--sandbox", size=(110, 30))
    terminal.type(UP)
    terminal.see("-- required;")
    terminal.type(ENTER)
    terminal.see("deployment_name: ")


def test_escape_enter_begins_a_line_in_a_statement_that_is_ended(start: Start) -> None:
    terminal = start()
    terminal.type("select 1 as one;" + ESCAPE + ENTER + "select 2 as two;")
    terminal.see("-> select 2")
    terminal.type(ENTER)
    terminal.see("> select 2 as two")
    terminal.prompt()
    assert terminal.display.count("(1 row") == 2


def test_vi_and_emacs_are_one_key_apart_and_toolbar_and_cursor_show_the_mode(start: Start) -> None:
    terminal = start()
    assert SHAPE not in terminal.raw, "the terminal's own cursor stays in emacs mode"
    terminal.type(F4)
    terminal.see("· vi insert ·")
    terminal.type("select 2 as one;" + ESCAPE)
    terminal.see("· vi normal ·")
    terminal.type("0wR")
    terminal.see("· vi replace ·")
    terminal.type("1" + ESCAPE)
    terminal.see("· vi normal ·")
    terminal.type("A" + ENTER)
    terminal.see("(1 row")
    assert re.search(r"\| *1 *\|", terminal.display)
    bar, block, underline, own = (b"\x1b[%d q" % number for number in (6, 2, 4, 0))
    assert re.search(b".*".join(map(re.escape, (bar, block, underline, block, bar, own))), terminal.raw, re.DOTALL)
    terminal.run(r"\pset vi off")
    terminal.see("table · \\?")
    terminal.type(F4)
    terminal.see("· vi insert ·")
    terminal.type(F4)
    terminal.see("table · \\?")
    assert terminal.raw.rfind(own) > terminal.raw.rfind(bar)


def test_the_bracket_that_belongs_to_the_cursors_is_marked(start: Start) -> None:
    terminal = start()
    terminal.type("select (1 + (2))")
    terminal.read(0.3)
    terminal.type("\x1b[D")
    terminal.read(0.5)
    line = terminal.screen.buffer[terminal.screen.cursor.y]
    row = terminal.screen.display[terminal.screen.cursor.y]
    opening = row.index("(1")
    assert line[opening].fg == "cyan"
    assert line[row.index("(2")].fg != "cyan"


def test_keywords_take_the_case_of_what_is_typed(start: Start) -> None:
    for typed, completed in (("sel", "select"), ("SEL", "SELECT")):
        terminal = start()
        terminal.type(typed)
        terminal.see(f"{completed} ")
        terminal.type(TAB)
        terminal.see(f"> {completed}")


def test_the_page_pasted_in_full_runs_statement_by_statement(start: Start) -> None:
    terminal = start("--sandbox", size=(120, 60))
    terminal.paste(f"{seed_statements.SELECT}\n{seed_statements.INSERT}\n")
    terminal.see("token_value")
    terminal.type(ENTER)
    terminal.see("deployment_name: ")
    terminal.type(ENTER)
    terminal.see("(8 rows")
    for answer in ("3600", "pasted", ""):
        terminal.see(": ")
        terminal.read(0.3)
        terminal.type(answer + ENTER)
    terminal.see("(hidden)")


def test_a_terminal_without_bracketed_paste_runs_lines_as_they_come(start: Start) -> None:
    terminal = start()
    terminal.type("select\r1 as one\r;\rselect 2 as two;\r")
    terminal.see("two")
    terminal.prompt()
    assert terminal.display.count("(1 row") == 2


def test_dashes_inside_a_string_are_no_comment(start: Start) -> None:
    terminal = start()
    terminal.run("select '--x' as a, 'b' as b;")
    assert re.search(r"\| --x +\| b +\|", terminal.display)


def test_an_error_in_the_first_of_several_statements_does_not_hide_the_others(start: Start) -> None:
    terminal = start()
    terminal.paste("select nope;\nselect 'still' as here;\n")
    terminal.see("here;")
    terminal.type(ENTER)
    terminal.see("unknown column 'nope'")
    terminal.prompt()
    assert "still" in terminal.display.partition("unknown column")[2]


def test_control_c_drops_what_is_left_of_a_paste(start: Start) -> None:
    terminal = start()
    terminal.paste("select '{{ a }}' as a;\nselect 'left' as over;\n")
    terminal.see("over;")
    terminal.type(ENTER)
    terminal.see("a: ")
    terminal.type(CTRL_C)
    terminal.prompt()
    assert "left |" not in terminal.display


def test_control_d_in_a_text_deletes_and_leaves_nothing(start: Start) -> None:
    terminal = start()
    terminal.type("xselect 1 as one;\x01" + CTRL_D + ENTER)
    terminal.see("(1 row")


def test_control_c_on_an_empty_prompt_stays(start: Start) -> None:
    terminal = start()
    for _ in range(3):
        terminal.type(CTRL_C)
        terminal.read(0.1)
    terminal.prompt()
    terminal.run("select 'here' as still;")
    assert "still" in terminal.display


def test_small_terminals_keep_the_menu_and_the_prompt_usable(start: Start) -> None:
    terminal = start("--sandbox", size=(40, 12))
    terminal.type("select * from user_tokens where ")
    terminal.see("deployment_name")
    terminal.type("comment = 'terraform ci';" + ENTER)
    terminal.see("(1 row")
    terminal.prompt()


def test_a_window_that_changes_its_size_keeps_the_text(start: Start) -> None:
    terminal = start()
    terminal.type("select 'a text' as kept")
    terminal.read(0.3)
    terminal.screen.resize(12, 40)
    terminal.child.setwinsize(12, 40)
    terminal.read(0.5)
    terminal.type(";" + ENTER)
    terminal.see("(1 row")


def test_control_c_on_an_empty_line_of_a_statement_leaves_nothing_behind(start: Start) -> None:
    terminal = start()
    terminal.type("select bogus\r")
    terminal.see("->")
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.run("show providers;")
    assert "databricks_workspace" in terminal.display
    assert "error" not in terminal.display


def test_an_error_in_the_second_line_points_into_it(start: Start) -> None:
    terminal = start()
    terminal.type("select comment\r")
    terminal.see("->")
    terminal.type("from user_tokns;\r")
    terminal.see("unknown resource")
    terminal.see("\nfrom user_tokns\n     ^^^^^^^^^^\n")


def test_without_a_credential_words_still_leave(start: Start) -> None:
    terminal = start("-w", "dbc-1")
    terminal.type("exit\r")
    assert terminal.end() == 0


def test_a_session_in_which_nothing_ran_writes_nothing(start: Start, tmp_path: Path) -> None:
    terminal = start("--sandbox", TOKENSH_CONFIG=str(LOOK))
    terminal.type("select 1")
    terminal.read(0.5)
    terminal.type(CTRL_C + CTRL_D)
    assert terminal.end() == 0
    assert [path.name for path in tmp_path.iterdir()] == []


def test_the_history_can_be_asked_in_sql_at_the_prompt(start: Start) -> None:
    terminal = start("--sandbox", size=(110, 30))
    terminal.run("select 1 as one;")
    terminal.run("select nope;")
    terminal.run("select statement, outcome from tokensh.local.statements where outcome <> 'ok' and rows is null;")
    assert "UnknownName" in terminal.display


def test_the_menu_shows_kind_and_note_of_a_listed_token(start: Start) -> None:
    terminal = start("--sandbox", size=(120, 40))
    terminal.run("select * from user_tokens;")
    terminal.type('exec user_tokens.revoketoken @@json=\'{"token_id": "')
    terminal.see("terraform ci · never expires")
    terminal.type("terra")
    terminal.see("terraform ci · never expires\n\n")
    terminal.type(TAB)
    terminal.see("3bd6392f6d5fa37ecd1e6150acd6e1247722")


def test_files_are_completed_behind_a_command(start: Start, tmp_path: Path) -> None:
    (tmp_path / "wanted.sql").write_text("select 'from a file' as x;\n")
    terminal = start("--sandbox", size=(200, 40))
    terminal.type(f"\\i {tmp_path}/wan")
    # The menu cuts long paths at their end.
    terminal.see("/wante")
    terminal.type(TAB)
    terminal.see(f"{tmp_path}/wanted.sql"[-40:])
    terminal.type(ENTER + ENTER)
    terminal.see("from a file")
