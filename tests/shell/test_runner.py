"""The user sees what a running statement does, and Ctrl-C stops it safely: each defect of another shell is a scenario."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from tests.shell.terminal import CTRL_C, CTRL_D, ENTER, WORKSPACE, Start, Terminal, connect_to
from tokensh.sandbox import Sandbox

pytestmark = pytest.mark.terminal
SOON = 0.5
"""s within which the prompt must be back; a loaded machine gets four times as much."""
THREE = f"deployment_name in ('{WORKSPACE}', 'dbc-bcde1234-b2cd', 'dbc-cdef2345-c3de')"
COUNT = "with recursive n(i) as (select 1 union all select i + 1 from n where i < {}) select"
SECRET = re.compile("dapi[0-9a-f]{32}")


def press_ctrl_c(terminal: Terminal) -> float:
    """Press Ctrl-C and return the seconds until the prompt is back."""
    begun = time.monotonic()
    terminal.type(CTRL_C)
    terminal.prompt()
    return time.monotonic() - begun


def assert_usable(terminal: Terminal) -> None:
    """Check that the session runs the next statement."""
    terminal.run("select 'still' || ' here' as it_is;")
    assert "still here" in terminal.display
    assert terminal.child.isalive()


# ---- Ctrl-C while a request is on its way: StackQL's shell dies of it, pgcli and litecli are stale afterwards.


@pytest.mark.parametrize(
    "fault",
    [{"delay": 60}, {"drip": 5}, {"status": 503, "headers": {"Retry-After": "12"}, "times": None}],
    ids=["no answer", "an answer drop by drop", "a server that says later"],
)
def test_ctrl_c_gives_the_prompt_back_whatever_the_server_does(
    fault: dict[str, object], start: Start, site: Sandbox
) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    site.fault("GET *list", **fault)
    terminal.type("select * from user_tokens;\r")
    terminal.see(f"reading user_tokens of {WORKSPACE}")
    assert press_ctrl_c(terminal) < 4 * SOON
    assert "cancelled" in terminal.display
    assert "error" not in terminal.display
    assert_usable(terminal)


def test_ctrl_c_during_an_address_that_never_connects(start: Start) -> None:
    # An address reserved for documentation (RFC 5737): no host answers.
    terminal = start("-w", "dbc-1", DATABRICKS_TOKEN="dapi" + "0" * 32, HTTPS_PROXY="http://192.0.2.1:9")
    terminal.type("select * from user_tokens;\r")
    terminal.read(1)
    assert press_ctrl_c(terminal) < 4 * SOON
    assert_usable(terminal)


def test_ctrl_c_stops_a_query_that_only_computes(start: Start) -> None:
    # litecli hangs for good: the signal never reaches Python while SQLite works.
    terminal = start()
    terminal.type(COUNT.format(10**12) + " count(*) from n;\r")
    terminal.see("Ctrl-C cancels")
    assert press_ctrl_c(terminal) < 4 * SOON
    assert_usable(terminal)


def test_ctrl_c_stops_rows_that_fill_the_screen(start: Start) -> None:
    terminal = start()
    terminal.run(r"\pset pager off")
    terminal.type(COUNT.format(10**9) + " i from n;\r")
    terminal.see("| ", 30)
    terminal.read(0.5)
    terminal.type(CTRL_C)
    terminal.prompt()
    assert_usable(terminal)


def test_a_request_that_was_given_up_leaves_nothing_behind(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    site.fault("GET *list", delay=1.5)
    terminal.type("select comment from user_tokens;\r")
    terminal.see("Ctrl-C cancels")
    press_ctrl_c(terminal)
    terminal.run("select count(*) as how_many from user_tokens;")
    assert re.search(r"\| +7 \|", terminal.display)
    terminal.read(2)
    assert "terraform ci" not in terminal.everything, "the late answer is dropped"


def test_ctrl_c_is_in_the_history_as_an_interruption(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token, size=(120, 24))
    site.fault("GET *list", delay=60)
    terminal.type("select * from user_tokens;\r")
    terminal.see("Ctrl-C cancels")
    press_ctrl_c(terminal)
    terminal.run(r"\history user_tokens")
    assert "interrupted" in terminal.display


def test_what_follows_a_cancelled_statement_is_not_run(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    site.fault("GET *list", delay=60)
    terminal.paste("select * from user_tokens;\nselect 'never' || ' seen' as x;\n")
    terminal.type(ENTER)
    terminal.see("reading user_tokens")
    press_ctrl_c(terminal)
    assert "never seen" not in terminal.display
    assert "1 more statement was not run" in terminal.display


# ---- Ctrl-C during a write tells what may have happened.


def test_ctrl_c_during_a_create_waits_for_the_answer_and_delivers_it(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    site.fault("POST *create", delay=2.5, after_handler=True)
    terminal.type("insert into user_tokens (data__comment) values ('kept') returning token_value;\r")
    terminal.see(f"create on {WORKSPACE}")
    terminal.type(CTRL_C)
    terminal.see("waiting at most 10 s for the answer · Ctrl-C again gives up")
    terminal.see("(hidden)")
    terminal.prompt()
    assert "error" not in terminal.display
    terminal.run(r"\reveal")
    assert len(SECRET.findall(terminal.display)) == 1


def test_the_second_ctrl_c_gives_a_create_up_and_names_the_token_that_nobody_holds(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token, size=(100, 24))
    site.fault("POST *create", delay=60, after_handler=True)
    terminal.type("insert into user_tokens (data__comment) values ('lost') returning token_value;\r")
    terminal.see(f"create on {WORKSPACE}")
    terminal.type(CTRL_C)
    terminal.see("Ctrl-C again gives up")
    terminal.type(CTRL_C)
    terminal.see("is unknown: interrupted")
    terminal.prompt()
    assert "user_tokens.revoketoken" in terminal.display
    assert "its value is lost" in terminal.display.replace("\n", " ")
    assert_usable(terminal)


def test_ctrl_c_during_a_revoke_is_honest_and_quick(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    terminal.run("select token_id from user_tokens limit 1;")
    site.fault("POST *delete", delay=60)
    terminal.type("delete from user_tokens where token_id in (select token_id from _);\r")
    terminal.see("[y/N]")
    terminal.type("y\r")
    terminal.see("revoketoken on")
    assert press_ctrl_c(terminal) < 4 * SOON
    assert "is unknown: interrupted" in terminal.display.replace("\n", "")
    assert "check with a SELECT" in terminal.display
    assert_usable(terminal)


def test_ctrl_c_at_the_question_before_a_revoke_sends_nothing(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    terminal.type("delete from user_tokens where token_id = 'abc';\r")
    terminal.see("[y/N]")
    press_ctrl_c(terminal)
    assert "not confirmed, nothing was sent" in terminal.display
    assert "error" not in terminal.display
    assert all(entry.method == "GET" for entry in site.log)


# ---- The spinner


def test_the_spinner_says_what_is_done_and_how_many_have_answered(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    site.fault("GET */w/dbc-bcde1234-b2cd/*", delay=60)
    terminal.type(f"select comment from user_tokens where {THREE};\r")
    terminal.see("reading 3 workspaces · 2 of 3 answered · ")
    press_ctrl_c(terminal)
    assert "reading" not in terminal.display, "the line is gone"


def test_the_spinner_never_wraps_and_leaves_nothing_on_forty_columns(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token, size=(40, 12))
    site.fault("GET */w/dbc-bcde1234-b2cd/*", delay=60)
    terminal.type(f"select 1 from user_tokens where {THREE};\r")
    terminal.see("reading 3 workspaces")
    terminal.read(1)
    assert sum("reading" in line for line in terminal.display.splitlines()) == 1
    press_ctrl_c(terminal)
    assert "reading" not in terminal.display


def test_what_is_quick_shows_no_spinner(start: Start) -> None:
    terminal = start()
    terminal.raw = b""
    terminal.run("select 1 as one;")
    assert b"Ctrl-C cancels" not in terminal.raw or b"0.3s" in terminal.raw, "a loaded machine may take its time"


def test_plain_has_no_animation_and_paints_nothing_anew(start: Start, site: Sandbox) -> None:
    terminal = start("--plain", *connect_to(site), DATABRICKS_TOKEN=site.token)
    site.fault("GET *list", delay=1.5)
    terminal.type("select comment from user_tokens limit 1;")
    terminal.read(0.3)
    terminal.raw = b""
    terminal.type(ENTER)
    terminal.see("(1 row")
    terminal.prompt()
    assert terminal.raw.count(b"Ctrl-C cancels") == 1
    assert f"reading user_tokens of {WORKSPACE} · Ctrl-C cancels" in terminal.display
    terminal.raw = b""
    terminal.type("select comment from user_tokens limit 1 \\watch 1\r")
    terminal.see("every 1 s")
    terminal.read(2.5)
    shown = terminal.raw.count(b"every 1 s")
    terminal.type(CTRL_C)
    terminal.see("stopped after")
    assert shown >= 2
    assert terminal.everything.count("every 1 s") >= shown, "each look stays"


# ---- \watch: usql's ignored Ctrl-C, litecli's ended with a traceback.


def test_watch_paints_in_place_marks_what_changes_and_stops_on_ctrl_c(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    terminal.type("select token_id, comment from user_tokens \\watch 1\r")
    terminal.see("every 1 s: select token_id, comment from user_tokens")
    other = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    other.type("insert into user_tokens (data__comment) values ('while watched') returning token_info;\r")
    terminal.see("1 new")
    terminal.see("| + |")
    terminal.read(2.2)
    assert sum("every 1 s" in line for line in terminal.everything.splitlines()) == 1
    press_ctrl_c(terminal)
    assert "stopped after" in terminal.display
    assert "error" not in terminal.display
    assert "Traceback" not in terminal.everything
    assert_usable(terminal)


def test_ctrl_c_stops_a_watch_whose_answer_does_not_come(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    terminal.run("select comment from user_tokens;")
    site.fault("GET *list", delay=60, skip=1)
    terminal.type("\\watch 1\r")
    terminal.see("Ctrl-C cancels", 20)
    assert press_ctrl_c(terminal) < 4 * SOON
    assert "stopped after 1 run" in terminal.display
    assert_usable(terminal)


def test_a_write_cannot_be_watched(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token)
    terminal.run("insert into user_tokens (data__comment) values ('x') \\watch")
    assert r"\watch takes SELECT and SHOW" in terminal.display
    assert site.log == []


# ---- The end


def test_ctrl_c_never_ends_the_shell_however_often(start: Start) -> None:
    terminal = start()
    for _ in range(5):
        terminal.type(CTRL_C)
        terminal.read(0.1)
    assert_usable(terminal)
    terminal.type(CTRL_D)
    assert terminal.end() == 0


def test_the_terminals_modes_are_as_before_after_a_cancelled_request(
    start: Start, site: Sandbox, tmp_path: Path
) -> None:
    script = f'trap : INT; cd {tmp_path}; stty -a > before; "$@"; stty -a > after; cmp before after && echo the same'
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token, shell=script)
    site.fault("GET *list", delay=60)
    terminal.type("select * from user_tokens;\r")
    terminal.see("Ctrl-C cancels")
    press_ctrl_c(terminal)
    terminal.type(CTRL_D)
    terminal.see("the same")


def test_no_secret_is_in_any_file_after_a_session(start: Start, tmp_path: Path) -> None:
    terminal = start()
    terminal.run("insert into user_tokens (data__comment) values ('x') returning token_value;")
    terminal.run(r"\reveal")
    (secret,) = set(SECRET.findall(terminal.everything))
    terminal.run("create or replace table kept as select * from _;")
    terminal.run("select * from kept;")
    assert re.search(r"token_value.*\n.*\n\| +∅ +\|", terminal.display)
    terminal.run(f"select '{secret}' as typed;")
    terminal.type(CTRL_D)
    assert terminal.end() == 0
    for folder, _, names in os.walk(tmp_path):
        for name in names:
            assert secret.encode() not in (Path(folder) / name).read_bytes(), name
