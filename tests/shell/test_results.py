"""Results fit the screen, are paged, masked and copied, and the terminal is never sent a query."""

from __future__ import annotations

import base64
import re
import shutil
import stat
from pathlib import Path

import pytest

from tests.shell.terminal import CTRL_C, ENTER, WORKSPACE, Start, Terminal, connect_to
from tokensh.sandbox import Sandbox

pytestmark = pytest.mark.terminal
F6 = "\x1b[17~"
SECRET = re.compile("dapi[0-9a-f]{32}")
QUERIES = re.compile(rb"\x1b\[[0-9;?>=]*[nc]|\x1b\]|\x1bP|\x1b\[[0-9;]*t|\x1b\[>[0-9;]*q|\x05")
"""Queries to a terminal: DSR (where the cursor is), DA, OSC (colours), DCS, window reports, XTVERSION, ENQ."""
COUNT = "with recursive n(i) as (select 1 union all select i + 1 from n where i < {}) select i, i * 2 as twice from n;"
needs_less = pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")


def clipboard_texts(terminal: Terminal) -> list[str]:
    """Return the texts that were put into the terminal's clipboard."""
    return [base64.b64decode(encoded).decode() for encoded in re.findall(rb"\x1b\]52;c;([^\x07]*)\x07", terminal.raw)]


# ---- Start: duckdb asks the terminal and waits for up to 5 s.


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
def test_the_terminal_is_asked_nothing_at_the_start_nor_later(size: tuple[int, int], start: Start) -> None:
    terminal = start("--sandbox", size=size)
    assert not QUERIES.search(terminal.raw)
    terminal.run("select 1 as n;")
    assert not QUERIES.search(terminal.raw)
    assert terminal.display.rstrip().splitlines()[-1].startswith(WORKSPACE), "the toolbar is there all the same"


@pytest.mark.parametrize("size", [(40, 12), (30, 10)])
def test_a_long_place_leaves_room_to_type(size: tuple[int, int], start: Start, site: Sandbox) -> None:
    terminal = start(*connect_to(site), DATABRICKS_TOKEN=site.token, size=size)
    terminal.run("select 'abc' as x;")
    assert "| abc |" in terminal.everything


# ---- Fitting: StackQL's rows take two lines each and wrap, pgcli's are cut.


def test_select_star_is_a_table_in_eighty_columns(start: Start) -> None:
    terminal = start()
    terminal.run("select * from user_tokens where comment = 'terraform ci';")
    assert re.search(r"\| dbc-abcd0123-a1bc +\| 3bd6…918b \| terraform ci +\| \d+d ago +\| never +\|", terminal.display)
    assert max(map(len, terminal.display.splitlines())) <= 80


def test_times_are_raw_one_key_away_and_back(start: Start) -> None:
    terminal = start("--sandbox", size=(140, 24))
    terminal.run("select expiry_time from user_tokens where comment in ('terraform ci', 'dbt production');")
    assert re.search(r"\| never +\|", terminal.display)
    assert re.search(r"\| \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ in [23]d \|", terminal.display)
    terminal.type(F6)
    terminal.see("times are epoch milliseconds")
    terminal.see("|            -1 |")
    assert re.search(r"\| \d{13} \|", terminal.display)
    terminal.type(F6)
    terminal.see("times are readable")


def test_rawtimes_and_pset_set_the_same(start: Start) -> None:
    terminal = start()
    terminal.run(r"\rawtimes on")
    terminal.run("select expiry_time from user_tokens where comment = 'terraform ci';")
    assert re.search(r"\| +-1 \|", terminal.display)
    terminal.run(r"\pset times readable")
    terminal.run("select expiry_time from user_tokens where comment = 'terraform ci';")
    assert re.search(r"\| never +\|", terminal.display)


def test_what_has_expired_is_red_and_null_is_no_text(start: Start) -> None:
    terminal = start()
    terminal.run("select expiry_time as past from user_tokens where comment = 'nightly export';")
    (line,) = [n for n, text in enumerate(terminal.screen.display) if "ago" in text]
    assert terminal.screen.buffer[line][2].fg == "red"
    terminal.run("select null as a, 'null' as b, '' as c;")
    assert re.search(r"\| ∅ \| null \| +\|", terminal.display)


def test_the_footer_tells_rows_time_and_requests_and_timing_switches_them_off(start: Start) -> None:
    terminal = start("--sandbox", size=(80, 40))
    terminal.run("select comment from user_tokens where deployment_name in ('dbc-abcd0123-a1bc', 'dbc-bcde1234-b2cd');")
    assert re.search(r"\(15 rows, \d+\.\d\d s, 2 requests\) _1$", terminal.display, re.MULTILINE)
    terminal.run(r"\timing off")
    terminal.run("select 1 as one;")
    assert re.search(r"^\(1 row\) _2$", terminal.display, re.MULTILINE)


def test_a_wide_result_is_records_and_with_x_off_it_is_for_the_pager(start: Start, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    terminal = start(TOKENSH_PAGER=f"tee {seen}")
    wide = "select " + ", ".join(f"'{n}' as a_column_with_a_long_name_{n}" for n in range(6)) + ";"
    terminal.run(wide)
    assert "RECORD 1" in terminal.display
    assert not seen.exists()
    terminal.run(r"\x off")
    terminal.run(wide)
    assert seen.read_text().startswith("|----")


# ---- The pager


@needs_less
def test_a_hundred_thousand_rows_are_paged_at_once_and_leaving_early_is_no_error(start: Start) -> None:
    terminal = start()
    terminal.type(COUNT.format(100_000) + ENTER)
    terminal.see("|    5 |    10 |")
    terminal.type("q")
    terminal.see("(100000 rows")
    terminal.prompt()
    assert "error" not in terminal.display
    assert "Broken pipe" not in terminal.everything
    terminal.run("select count(*) as kept, max(i) as last from _;")
    assert re.search(r"\| 100000 \| 100000 \|", terminal.display)


@needs_less
def test_ctrl_c_in_the_pager_is_the_pagers(start: Start) -> None:
    # pgcli's whole program ends.
    terminal = start()
    terminal.type(COUNT.format(5_000) + ENTER)
    terminal.see("|    5 |    10 |")
    terminal.type(CTRL_C)
    terminal.read(0.5)
    terminal.type("q")
    terminal.prompt()
    terminal.run("select 'still' || ' here' as it_is;")
    assert "still here" in terminal.display


def test_the_pagers_variables_in_their_order(start: Start, tmp_path: Path) -> None:
    ours, others = tmp_path / "ours", tmp_path / "others"
    terminal = start(TOKENSH_PAGER=f"tee {ours}", PAGER=f"tee {others}")
    terminal.run(COUNT.format(50))
    assert "| 50 |   100 |" in ours.read_text()
    assert not others.exists()
    terminal.run(r"\pset pager off")
    ours.unlink()
    terminal.run(COUNT.format(50))
    assert not ours.exists()


def test_what_fits_is_not_paged_and_a_write_never_is(start: Start, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    terminal = start("--sandbox", size=(80, 12), TOKENSH_PAGER=f"tee {seen}")
    terminal.run("select 1 as one;")
    values = ", ".join(f"('t{n}')" for n in range(9))
    terminal.run(f"insert into user_tokens (data__comment) values {values} returning token_value;")
    assert not seen.exists()


# ---- Secrets: masked wherever they go, shown and copied when asked for by name.

CREATE = "insert into user_tokens (data__comment) values ('x') returning token_value, token_info;"


def test_a_secret_is_masked_in_the_table_the_file_the_pager_and_earlier_results(start: Start, tmp_path: Path) -> None:
    seen, file = tmp_path / "seen", tmp_path / "file"
    terminal = start("--sandbox", TOKENSH_PAGER=f"tee {seen}")
    terminal.run(CREATE)
    terminal.run(f"\\o {file}")
    terminal.run(CREATE)
    terminal.run(r"\o")
    terminal.run("select token_value from _1 union all select token_value from _2;")
    terminal.type(F6)
    terminal.see("times are epoch")
    assert not SECRET.search(terminal.everything)
    assert "(hidden)" in file.read_text()
    assert not SECRET.search(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_reveal_shows_once_and_on_the_terminal_alone(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "file"
    terminal = start("--sandbox", size=(120, 30))
    terminal.run(CREATE)
    terminal.run(f"\\o {file}")
    terminal.run(r"\reveal")
    assert len(set(SECRET.findall(terminal.display))) == 1
    assert not [path for path in tmp_path.glob("file*") if SECRET.search(path.read_text())]
    terminal.run(r"\reveal")
    assert "no hidden value to show" in terminal.display


def test_leaving_without_having_seen_a_value_is_asked_about_once(start: Start) -> None:
    terminal = start()
    terminal.run(CREATE)
    terminal.run(r"\q")
    assert "never shown" in terminal.display
    terminal.type("\\q" + ENTER)
    assert terminal.end() == 0


def test_copy_takes_a_column_a_row_or_all_of_the_last_result(start: Start) -> None:
    terminal = start()
    terminal.run("select comment, expiry_time from user_tokens where comment in ('terraform ci', 'ghost') or 1 = 0;")
    for command in (r"\copy comment", r"\copy row 1", r"\copy csv", r"\copy"):
        terminal.run(command)
    assert clipboard_texts(terminal) == [
        "terraform ci",
        "terraform ci\t-1\n",
        "comment,expiry_time\nterraform ci,-1\n",
        "comment,expiry_time\nterraform ci,-1\n",
    ]
    assert "copied 1 value of comment to the terminal's clipboard" in terminal.display
    terminal.run(r"\copy coment")
    assert "did you mean 'comment'?" in terminal.display
    terminal.run(r"\copy row 9")
    assert "no row 9" in terminal.display


def test_copy_gives_a_secret_only_by_its_name(start: Start) -> None:
    terminal = start()
    terminal.run(CREATE)
    terminal.run(r"\copy")
    terminal.run(r"\copy row")
    assert not any(SECRET.search(text) for text in clipboard_texts(terminal))
    assert "the secret left out" in terminal.display
    terminal.run(r"\copy token_value")
    assert SECRET.fullmatch(clipboard_texts(terminal)[-1])
    assert not SECRET.search(terminal.everything)


def test_copy_uses_the_desktops_program_and_no_argument_of_it(start: Start, tmp_path: Path) -> None:
    program = tmp_path / "wl-copy"
    program.write_text(f'#!/bin/sh\ncat > {tmp_path}/text\necho "$@" > {tmp_path}/arguments\n')
    program.chmod(0o700)
    terminal = start("--sandbox", WAYLAND_DISPLAY="wayland-0", PATH=f"{tmp_path}:/usr/bin:/bin")
    terminal.run(CREATE)
    terminal.run(r"\copy token_value")
    assert "and wl-copy" in terminal.display
    assert SECRET.fullmatch((tmp_path / "text").read_text())
    assert (tmp_path / "arguments").read_text() == "\n"


def test_a_machine_format_carries_the_secret(start: Start) -> None:
    terminal = start("--sandbox", "-o", "json")
    terminal.run(CREATE)
    assert SECRET.search(terminal.everything)
    terminal.run(r"\format markdown")
    terminal.run(CREATE)
    assert "(hidden)" in terminal.display


# ---- Accessibility


@pytest.mark.parametrize(
    ("arguments", "variables"), [((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), (("--plain",), {"NO_COLOR": "1"})]
)
def test_without_colour_nothing_is_told_by_colour_alone(
    arguments: tuple[str, ...], variables: dict[str, str], start: Start
) -> None:
    terminal = start("--sandbox", *arguments, **variables)
    terminal.type("select expiry_time from user_tokens where comment = 'nightly export';" + ENTER)
    terminal.see("d ago |")
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m|\x1b\[[0-9;]*38;", terminal.raw)


def test_plain_has_no_menu_and_no_toolbar(start: Start) -> None:
    terminal = start("--sandbox", "--plain")
    terminal.type("select * from user_tok")
    terminal.read(1)
    assert "keyword" not in terminal.display
    assert "resource" not in terminal.display
    assert r"\? help" not in terminal.display.splitlines()[-1]
    terminal.type("\t")
    terminal.see("user_tokens")
