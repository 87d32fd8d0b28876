"""Each meta command does what `\\?` says of it, in a real terminal."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.shell.terminal import CTRL_C, CTRL_D, ENTER, WORKSPACE, Start, Terminal, connect_to
from tokensh.engine.history import History
from tokensh.sandbox import Sandbox
from tokensh.shell.commands import COMMANDS

pytestmark = pytest.mark.terminal


def screen_after(terminal: Terminal, text: str) -> str:
    """Clear the screen, run a line of input, and return the screen."""
    terminal.type("\x0c")
    terminal.prompt()
    terminal.run(text)
    return terminal.display


def test_g_runs_the_statement_before_it(start: Start) -> None:
    assert re.search(r"\| *one *\|", screen_after(start(), r"select 1 as one \g"))


@pytest.mark.parametrize("command", [r"\gx", r"\G"])
def test_gx_shows_records_once(command: str, start: Start) -> None:
    terminal = start()
    assert "RECORD 1" in screen_after(terminal, f"select 1 as one {command}")
    assert "RECORD 1" not in screen_after(terminal, "select 1 as one;")


def test_g_alone_runs_the_last_statement_again(start: Start) -> None:
    terminal = start()
    terminal.run("select 'again' as word;")
    assert "again" in screen_after(terminal, r"\g").partition("sandbox>")[2].partition("\n")[2]


def test_g_sends_a_result_to_a_program_or_a_file(start: Start, tmp_path: Path) -> None:
    terminal = start()
    assert "ONE" in screen_after(terminal, r"select 'one' as x \g |tr a-z A-Z")
    terminal.run(f"select 'two' as x \\g {tmp_path}/two.txt")
    assert "two" in (tmp_path / "two.txt").read_text()
    assert "three" in screen_after(terminal, "select 'three' as x;")


def test_a_program_that_reads_only_the_beginning_is_no_error(start: Start) -> None:
    terminal = start()
    text = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select i from n"
    assert "error" not in screen_after(terminal, rf"{text} \g |head -1")
    assert "fine" in screen_after(terminal, "select 'fine' as x;")


def test_o_takes_a_program(start: Start, tmp_path: Path) -> None:
    terminal = start()
    terminal.run(f"\\o |cat > {tmp_path}/all.txt")
    terminal.run("select 1 as first;")
    terminal.run("select 2 as second;")
    terminal.run(r"\o")
    assert re.search("first.*second", (tmp_path / "all.txt").read_text(), re.DOTALL)


def test_r_drops_the_open_statement_and_p_shows_it(start: Start) -> None:
    terminal = start()
    terminal.type("select 1,\r")
    terminal.see("->")
    terminal.type("\\p\r")
    terminal.see("\nselect 1,\n")
    terminal.type("2 as two,\r\\r\r")
    terminal.see("the text is dropped")
    terminal.prompt()
    assert "three" in screen_after(terminal, "select 3 as three;")


def test_an_open_statement_outlives_a_command(start: Start) -> None:
    terminal = start()
    terminal.type("select 41\r")
    terminal.see("->")
    terminal.type("\\echo between\r")
    terminal.see("\nbetween\n")
    terminal.see("->")
    terminal.type("+ 1 as answer;\r")
    terminal.see(" 42 |")


def test_echo_and_the_systems_shell(start: Start) -> None:
    terminal = start()
    assert "\nhello there\n" in screen_after(terminal, r"\echo hello there")
    assert "\n6\n" in screen_after(terminal, r"\! expr 2 \* 3")
    assert "status 3" in screen_after(terminal, r"\! exit 3")


def test_ctrl_c_stops_a_program_and_not_the_shell(start: Start) -> None:
    terminal = start()
    terminal.type("\\! echo begun; sleep 60; echo over" + ENTER)
    terminal.see("\nbegun\n")
    terminal.type(CTRL_C)
    terminal.prompt()
    assert "sleep 60; echo over was interrupted" in terminal.display
    assert "usable" in screen_after(terminal, "select 'usable' as x;")


SETTINGS = [
    (r"\x", "expanded is on"),
    (r"\x auto", "expanded is auto"),
    (r"\timing", "timing is off"),
    (r"\timing on", "timing is on"),
    (r"\rawtimes", "times are raw"),
    (r"\rawtimes off", "times are readable"),
    (r"\format csv", "format is csv"),
    (r"\T json", "format is json"),
    (r"\T", "format is json"),
]


def test_a_short_name_changes_a_setting(start: Start) -> None:
    terminal = start()
    for command, setting in SETTINGS:
        assert f"\n{setting}\n" in screen_after(terminal, command)


def test_settings_are_shown_and_changed(start: Start) -> None:
    terminal = start()
    assert "times are readable" in screen_after(terminal, r"\pset")
    screen_after(terminal, r"\pset null (none)")
    assert "(none)" in screen_after(terminal, "select null as nothing;")
    assert "'fromat'" in screen_after(terminal, r"\pset fromat csv")
    assert "did you mean 'format'?" in terminal.display
    screen_after(terminal, r"\T csv")
    assert "\none\n1\n" in screen_after(terminal, "select 1 as one;")
    assert "invalid format: 'cvs'" in screen_after(terminal, r"\pset format cvs")
    assert "did you mean 'csv'?" in terminal.display
    assert "choose from on, off" in screen_after(terminal, r"\pset timing maybe")


def test_a_resources_page_shows_fields_methods_parameters_and_statements(start: Start) -> None:
    terminal = start("--sandbox", size=(100, 90))
    page = screen_after(terminal, r"\d user_tokens")
    for text in ("token_id            string", "revoketoken  EXEC", "deployment_name"):
        assert text in page
    assert re.search(r"e\.g\.\s+dbc-abcd0123-a1bc", page)
    assert "INSERT INTO databricks_workspace.workspace.user_tokens (" in page


def test_a_methods_statement_comes_to_the_prompt_ready_to_edit(start: Start) -> None:
    terminal = start("--sandbox", size=(100, 40))
    terminal.type("\\d user_tokens select\r")
    terminal.see("FROM databricks_workspace.workspace.user_tokens")
    terminal.type(ENTER)
    terminal.see("deployment_name: ")
    terminal.type(ENTER)
    terminal.see("(8 rows")


def test_a_page_fits_a_narrow_terminal(start: Start) -> None:
    terminal = start("--sandbox", size=(40, 12), PAGER="cat")
    terminal.run(r"\d user_tokens")
    lines = terminal.everything.splitlines()
    assert any("Lists all the valid tokens" in line for line in lines)


def test_views_and_tables_are_listed_and_described(start: Start) -> None:
    terminal = start("--sandbox", size=(100, 40))
    terminal.run("create view v as select comment from user_tokens;")
    terminal.run("select 1 as one;")
    page = screen_after(terminal, r"\dt")
    assert re.search(r"v +\| view +\| comment", page)
    assert re.search(r"_1 +\| session table +\| one", page)
    assert 'SELECT "comment"' in screen_after(terminal, r"\d v")


def test_conninfo_names_host_and_credential(start: Start, tmp_path: Path) -> None:
    profile = tmp_path / ".databrickscfg"
    profile.write_text("[prod]\nhost = https://dbc-a1.cloud.databricks.com\ntoken = dapi0123\n")
    profile.chmod(0o600)
    terminal = start("-q")
    assert "workspace is dbc-a1 (https://dbc-a1.cloud.databricks.com" in screen_after(terminal, r"\c prod")
    assert "no credential for dbc-typo" in screen_after(terminal, r"\c dbc-typo")
    assert "workspace is dbc-a1" in screen_after(terminal, r"\c")
    assert "dbc-a1.cloud.databricks.com" in screen_after(terminal, r"\l")
    page = screen_after(terminal, r"\conninfo")
    assert "dbc-a1.cloud.databricks.com" in page
    assert "profile prod" in page
    assert "dapi0123" not in terminal.everything


def test_a_workspace_that_can_be_none_is_refused(start: Start) -> None:
    terminal = start()
    assert "error" in screen_after(terminal, r"\c evil.example.com")
    assert f"{WORKSPACE} · table" in terminal.display


def test_the_workspaces_and_what_each_answers(start: Start) -> None:
    terminal = start("--sandbox", size=(160, 40))
    assert re.search(r"dbc-abcd0123-a1bc .*\bok\b", screen_after(terminal, r"\l+"))


def test_help_on_statements(start: Start) -> None:
    terminal = start("--sandbox", size=(100, 40))
    assert re.search("EXEC +call a method", screen_after(terminal, r"\h"))
    assert "EXEC user_tokens.revoketoken" in screen_after(terminal, r"\h exec")
    assert r"did you mean \h INSERT?" in screen_after(terminal, r"\h insret")


def test_named_queries_take_values_that_stay_values(start: Start, tmp_path: Path) -> None:
    terminal = start("--sandbox", size=(100, 40))
    terminal.run("\\ns like select comment from user_tokens where comment like '%$1%' and expiry_time > $2")
    assert stat.S_IMODE((tmp_path / ".local/share/tokensh/sandbox/queries/like.sql").stat().st_mode) == 0o600
    assert "laptop" in screen_after(terminal, r"\n like laptop 0")
    assert "(0 rows" in screen_after(terminal, r"""\n like "x' OR 1 = 1 --" 0""")
    assert "takes 2 values, not 1" in screen_after(terminal, r"\n like laptop")
    assert "like" in screen_after(terminal, r"\n")
    screen_after(terminal, r"\nd like")
    assert "unknown query 'like'" in screen_after(terminal, r"\n like")


def test_a_file_stops_at_its_first_error_and_names_the_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "work.sql").write_text("select 1 as one;\n\\echo half\n  select nope;\nselect 3 as three;\n")
    terminal = start("--sandbox", size=(100, 30))
    page = screen_after(terminal, f"\\i {tmp_path}/work.sql")
    assert "half" in page
    assert "work.sql:3:10: error" in page
    assert "1 more statement was not run" in page
    assert "three" not in page


def test_a_file_that_reads_itself_ends(start: Start, tmp_path: Path) -> None:
    (tmp_path / "loop.sql").write_text(f"\\i {tmp_path}/loop.sql\n")
    assert "10 deep" in screen_after(start(), f"\\i {tmp_path}/loop.sql")


def test_rc_sql_runs_at_start_and_leaves_the_history_alone(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / ".config/tokensh"
    folder.mkdir(parents=True)
    (folder / "rc.sql").write_text("\\set greeting hello\n\\pset null none\nselect 'from rc' as x;\nselect nope;\n")
    terminal = start("--sandbox", size=(200, 30))
    assert "from rc" in terminal.display
    assert "rc.sql:4:8: error: unknown column 'nope'" in terminal.display
    assert "hello" in screen_after(terminal, "select '{{ greeting }}' as x;")
    history = History(tmp_path / ".local/state/tokensh/sandbox/history.db", str)
    assert [entry.statement for entry in history.latest()] == ["select 'hello' as x"]
    history.close()


def test_no_rc_skips_it(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / ".config/tokensh"
    folder.mkdir(parents=True)
    (folder / "rc.sql").write_text("select 'from rc' as x;\n")
    assert "from rc" not in start("--sandbox", "-X").display


def test_config_toml_sets_the_shell_up(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / ".config/tokensh"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[shell]\nformat = "csv"\ntiming = false\nvi = true\n')
    terminal = start()
    assert "\none\n1\n(1 row) _1\n" in screen_after(terminal, "select 1 as one;")
    terminal.see("· vi insert ·")


def editor(tmp_path: Path, script: str) -> str:
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_e_runs_what_the_editor_ends(start: Start, tmp_path: Path) -> None:
    terminal = start(EDITOR="false", VISUAL=editor(tmp_path, """sed -i 's/$/ + 1 as three;/' "$1" """))
    terminal.run("select 2;")
    assert re.search(r"\| *three *\|", screen_after(terminal, r"\e"))


def test_e_brings_back_what_is_not_ended(start: Start, tmp_path: Path) -> None:
    terminal = start(EDITOR=editor(tmp_path, """echo 'select 5 as' > "$1" """))
    terminal.type("\\e\r")
    terminal.see("select 5 as")
    terminal.type(" five;\r")
    terminal.see("(1 row")
    assert "five" in terminal.display


def test_an_editor_that_fails_runs_nothing(start: Start, tmp_path: Path) -> None:
    terminal = start(EDITOR=editor(tmp_path, "exit 7"))
    terminal.run("select 2 as two;")
    terminal.type("\\e\r")
    terminal.see("status 7")
    terminal.see("> select 2 as two")
    terminal.type(CTRL_C)
    terminal.prompt()


def test_an_editor_gets_no_secret(start: Start, tmp_path: Path) -> None:
    terminal = start(EDITOR=editor(tmp_path, f'cp "$1" {tmp_path}/seen'))
    terminal.run(f"select '{'dapi' + '0123456789abcdef' * 2}' as x;")
    terminal.type("\\e\r")
    terminal.see("> select '[hidden]' as x")
    assert "[hidden]" in (tmp_path / "seen").read_text()


def test_rerun_runs_and_recall_brings_back(start: Start) -> None:
    terminal = start()
    terminal.run("select 'first' as word;")
    terminal.run("select 'second' as word;")
    assert "| first " in screen_after(terminal, r"\rerun 1")
    assert "| first " in screen_after(terminal, r"\rerun")
    terminal.type("\\recall 2\r")
    terminal.see("> select 'second' as word;")
    terminal.type(CTRL_C)
    terminal.prompt()
    assert r"\history lists" in screen_after(terminal, r"\rerun 99")


def test_a_create_is_asked_about_before_it_runs_again(start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), size=(100, 40), DATABRICKS_TOKEN=site.token)
    terminal.run("insert into user_tokens (comment) select 'twice' returning token_info;")
    for command in (r"\rerun", r"\g"):
        terminal.type(f"{command}\r")
        terminal.see("run this INSERT again? [y/N]")
        terminal.type("n\r")
        terminal.see("nothing was sent")
        terminal.type("\x0c")
        terminal.prompt()
    assert len([request for request in site.log if request.method == "POST"]) == 1


def test_a_revoke_that_is_run_again_asks_as_usual(start: Start) -> None:
    terminal = start("--sandbox", size=(100, 40))
    terminal.type("delete from user_tokens where token_id = 'abc';\r")
    terminal.see("[y/N]")
    terminal.type("n\r")
    terminal.see("nothing was sent")
    terminal.type("\x0c")
    terminal.prompt()
    terminal.type("\\rerun\r")
    terminal.see("[y/N]")
    terminal.type("n\r")
    terminal.see("nothing was sent")


def test_what_held_a_secret_is_not_run_again(start: Start) -> None:
    terminal = start("--sandbox", size=(100, 30))
    terminal.run(f"select '{'dapi' + '0123456789abcdef' * 2}' as x;")
    assert "held a secret" in screen_after(terminal, r"\rerun")


def test_leaving_a_session_restores_the_terminal(start: Start) -> None:
    terminal = start()
    terminal.run("select 1 as one;")
    terminal.type(CTRL_D)
    assert terminal.end() == 0
    # Bracketed paste, and whatever else was switched on, is off again.
    assert terminal.raw.rfind(b"\x1b[?2004l") > terminal.raw.rfind(b"\x1b[?2004h")


def test_the_history_fits_a_line_a_statement(start: Start) -> None:
    terminal = start()
    terminal.run(
        "select token_id, comment, creation_time, expiry_time from user_tokens where comment = 'terraform ci';"
    )
    terminal.run("select nope;")
    page = screen_after(terminal, r"\history")
    assert re.search(r"\| 1 \| \S+ +\| \S+ s \| +1 \| ok +\| select token_id, comment, .*… +\|", page)
    assert re.search(r"\| 2 \| .*\| UnknownName \| select nope +\|", page)
    assert "workspace" not in page
    terminal.run(r"\c dbc-bcde1234-b2cd")
    assert WORKSPACE in screen_after(terminal, r"\history nope")


def test_unset_forgets_a_variable(start: Start) -> None:
    terminal = start()
    terminal.run(r"\set ttl 5")
    assert "ttl = 5" in screen_after(terminal, r"\set")
    terminal.run(r"\unset ttl")
    assert "ttl = 5" not in screen_after(terminal, r"\set")


def test_diff_of_what_is_no_materialized_view_says_so(start: Start) -> None:
    assert "unknown materialized view" in screen_after(start(), r"\diff nothing")


@each_case("name", COMMANDS)
def test_every_command_has_a_test(name: str) -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert re.search(rf"{re.escape(name)}(?!\w)", tests)


# ---- where results go


@pytest.mark.parametrize(
    ("command", "rows"),
    # A pipe takes 64 KiB without a reader.
    [(r"\o |nosuchprogram 2>/dev/null", 30), (r"\o |exit 3", 30), (r"\o |head -c 1 >/dev/null; exit 2", 6000)],
)
def test_a_result_that_a_program_does_not_take_is_shown_and_told(command: str, rows: int, start: Start) -> None:
    terminal = start()
    terminal.run(command)
    text = (
        f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows}) select i, 'kept' as k from n"
    )
    terminal.type("\x0c")
    terminal.prompt()
    terminal.run(r"\pset pager off")
    terminal.run(f"{text};")
    terminal.run("select 'later' as word;")
    assert b"ended with status" in terminal.raw
    assert re.search(rb"\| *%d \| kept \|" % rows, terminal.raw)
    assert "later" in terminal.display


def test_a_file_of_o_keeps_its_content_until_a_statement_succeeds(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("earlier")
    path.chmod(0o644)
    terminal = start()
    terminal.run(r"\T csv")
    terminal.run(rf"\o {path}")
    terminal.run("select nosuch from user_tokens;")
    assert path.read_text() == "earlier"
    terminal.run("insert into user_tokens (comment) values ('x') returning token_value;")
    assert path.read_text().startswith("token_value\ndapi")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    terminal.run("select 'second' as word;")
    terminal.run(r"\o")
    assert path.read_text().endswith("word\nsecond\n")
    terminal.run(rf"select nosuch from user_tokens \g {path}")
    assert path.read_text().endswith("word\nsecond\n")
    assert not list(tmp_path.glob("*.part*"))
