"""What users of other shells do in their first hour, in a real terminal: menus, psql's commands, pictures, the manual, the history."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.shared_parser import CACHE_HOME
from tests.shell.terminal import CTRL_C, ENTER, TAB, WORKSPACE, Start, Terminal

pytestmark = pytest.mark.terminal


def screen_after(terminal: Terminal, text: str) -> str:
    """Return what the screen shows below a line that was run on an empty one."""
    terminal.type("\x0c")
    terminal.prompt()
    terminal.run(text)
    return terminal.display.partition("\n")[2]


def read_menu(terminal: Terminal, text: str, expected: str) -> list[str]:
    """Type a text on an empty screen, wait for a line of the menu, and return the first words of its lines; drop the text."""
    terminal.type("\x0c")
    terminal.prompt()
    terminal.type(text)
    terminal.see(expected)
    terminal.read(0.2)
    lines = terminal.display.splitlines()[1:-1]
    terminal.type(CTRL_C)
    terminal.read(0.1)
    return [line.split()[0] for line in lines if line.strip()]


def test_menus_know_what_is_meant(start: Start) -> None:
    terminal = start(size=(100, 30))
    for text in ("select comment from ", "insert into ", "delete from "):
        assert read_menu(terminal, text, " user_tokens ")[0] == "user_tokens", text
    assert read_menu(terminal, "select comm", "column")[0] == "comment"
    assert read_menu(terminal, "SELECT comment FROM user_tokens W", "keyword")[0] == "WHERE"
    assert read_menu(terminal, "select comment from user_tokens w", "keyword")[0] == "where"
    assert "METHODS" in read_menu(terminal, "SHOW ", "METHODS")
    terminal.run("select * from user_tokens;")
    terminal.type("\x0c")
    terminal.prompt()
    terminal.type("select comment from user_tokens where token_id = '")
    terminal.see("nightly export")
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.type("select 'found ' || comment as x from user_tokens where token_id = '{{ token_id }}';" + ENTER)
    terminal.see("token_id: ")
    terminal.type("nigh")
    terminal.see("d292")
    terminal.type(TAB)
    terminal.read(0.3)
    terminal.type(ENTER + ENTER)
    terminal.see("found nightly export")


def test_psqls_commands_the_manual_charts_and_the_history(start: Start, tmp_path: Path) -> None:
    terminal = start(size=(110, 40), PAGER="sed 's/^/paged: /'")
    assert WORKSPACE in screen_after(terminal, r"\l")
    assert WORKSPACE in screen_after(terminal, r"\c")
    assert "the sandbox has no workspace 'nosuch'" in screen_after(terminal, r"\c nosuch")
    assert "days_left(ms)" in screen_after(terminal, r"\df days*")
    terminal.run(r"select count(*) as tokens from user_tokens \gset")
    terminal.run(r"\if {{ tokens }} > 100")
    assert "not run" in screen_after(terminal, "select 'many';")
    terminal.run(r"\else")
    assert "| few  |" in screen_after(terminal, "select 'few' as what;")
    terminal.run(r"\endif")
    terminal.run(r"\pset border 1")
    assert "|-" not in screen_after(terminal, "select 1 as one;")
    terminal.run(r"\pset border 2")
    terminal.run("select nosuch from user_tokens;")
    assert "class: UnknownName" in screen_after(terminal, r"\errverbose")
    terminal.run(rf"\copy (select comment from user_tokens limit 1) to {tmp_path}/c.csv")
    assert (tmp_path / "c.csv").read_text() == "comment\nterraform ci\n"
    terminal.run(rf"\s {tmp_path}/all.sql")
    assert "select nosuch from user_tokens;\n" in (tmp_path / "all.sql").read_text()
    terminal.run("select creation_time from user_tokens;")
    assert re.search(r"rows by month of creation_time\n2025-02 \|#+ 1\n", screen_after(terminal, r"\chart"))
    assert "paged: " in screen_after(terminal, r"\h rotate")
    terminal.run(r"\?")
    assert "paged: Help and leaving" in terminal.everything
    # A result is kept and compared with a later one.
    terminal.run("select token_id, comment from user_tokens;")
    terminal.run(r"\keep monday")
    terminal.type("delete from user_tokens where comment = 'nightly export';" + ENTER)
    terminal.see("[y/N]")
    terminal.run("y")
    terminal.run("select token_id, comment from user_tokens;")
    changes = screen_after(terminal, r"\diff monday _")
    assert re.findall(r"\| (\w+) +\| \S+ +\| (.+?) +\|", changes)[1:] == [("gone", "nightly export")]
    failed = screen_after(terminal, r"\history outcome=error day=today")
    assert "select nosuch" in failed
    assert "monday" not in failed
    first, second = re.findall(
        r"^\| +(\d+) \|", screen_after(terminal, rf"\history workspace={WORKSPACE} user_tokens"), re.M
    )[:2]
    assert int(first) > int(second), "the latest comes first"
    terminal.run("delete from tokensh.local.statements where statement like '%nosuch%';")
    assert "nosuch" not in screen_after(terminal, r"\history outcome=error")


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "own.toml"
    path.write_text('[shell]\nlinestyle = "square"\ntheme = "dark"\nnull = "(none)"\n[colors]\npast = "bold #5f87af"\n')
    return str(path)


def colours(terminal: Terminal, pattern: str) -> set[str]:
    """Return the colours of the first text on the screen that matches."""
    row, found = next(
        (y, found) for y, line in enumerate(terminal.screen.display) if (found := re.search(pattern, line))
    )
    return {terminal.screen.buffer[row][x].fg for x in range(*found.span())}


def test_tables_have_lines_colours_and_air_as_the_settings_say(start: Start, config: str) -> None:
    terminal = start(TOKENSH_CONFIG=config)
    terminal.run("select comment, days_left(expiry_time) as days, expiry_time, null as n from user_tokens;")
    lines = terminal.display.splitlines()
    header = next(line for line in lines if " comment " in line and "│" in line)
    assert lines[lines.index(header) - 1].startswith("┌─")
    assert terminal.screen.buffer[lines.index(header)][header.index("comment")].bold
    assert re.search(r"│ +-1\d\d\.0 │ \S+ \d+d ago", terminal.display), "numbers are on the right"
    assert re.search(r"\(8 rows, .*\) _1\n\nsandbox>", terminal.display), "a blank line before the prompt"
    assert "(none)" in terminal.display
    assert colours(terminal, "d ago") == {"5f87af"}
    assert colours(terminal, r"in [23]d") == {"ffd75f"}
    assert colours(terminal, "┌─") == {"a8a8a8"}
    terminal.run(r"\pset theme light")
    terminal.run(r"\pset linestyle rounded")
    terminal.type("\x0c")
    terminal.prompt()
    terminal.run("select comment, expiry_time from user_tokens;")
    assert "╭─" in terminal.display
    assert colours(terminal, r"in [23]d") == {"875f00"}
    assert colours(terminal, "select") == {"005faf"}


def test_a_batch_on_a_terminal_has_the_look_of_the_configuration_and_a_pipe_has_none(
    tmp_path: Path, config: str
) -> None:
    query = "select comment, expiry_time, null as n from user_tokens where days_left(expiry_time) < 30"
    terminal = Terminal("--sandbox", "-c", query, home=tmp_path, cache=CACHE_HOME, TOKENSH_CONFIG=config)
    terminal.read(0.1)
    terminal.see("(none)")
    assert terminal.end() == 0
    assert "┌─" in terminal.display
    assert colours(terminal, "d ago") == {"5f87af"}
    assert colours(terminal, r"in [23]d") == {"ffd75f"}
    piped = Terminal(
        "--sandbox", "-c", query, home=tmp_path, cache=CACHE_HOME, shell='"$@" | cat', TOKENSH_CONFIG=config
    )
    piped.see("nightly export")
    assert piped.end() == 0
    assert b"\x1b" not in piped.raw
    assert "|---" in piped.display
