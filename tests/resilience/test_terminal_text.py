"""Check that the API's text is shown whole and on one line, and does not act on a terminal, hide, or break a table."""

from __future__ import annotations

import json

import pytest

from tests.render.results import read_csv
from tests.resilience.faulty_server import Behaviour, Exchange, FaultyServer, answers
from tests.resilience.harness import SELECT, WORKSPACE, Harness
from tests.shell.terminal import LOOK, Terminal
from tokensh.text import width

BORDERS = "|│╭╮├┤╰╯┬┼┴"
SHOWN: dict[str, tuple[str, str]] = {
    "CSI": ("\x1b[31mred", r"\x1b[31mred"),
    "clear": ("\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
    "OSC 52": ("\x1b]52;c;ZXZpbA==\x07", r"\x1b]52;c;ZXZpbA==\x07"),
    "OSC 8": ("\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\", "\\x1b]8;;https://evil.example\\x1b\\here"),
    "DCS": ("\x1bP+q544e\x1b\\", "\\x1bP+q544e\\x1b\\"),
    "C1 CSI": ("\x9b31mred", r"\x9b31mred"),
    "C1 OSC": ("\x9d0;title\x9c", r"\x9d0;title\x9c"),
    "BEL": ("a\x07b", r"a\x07b"),
    "BS": ("real\x08\x08\x08\x08fake", r"real\x08\x08\x08\x08fake"),
    "CR": ("real\rfake", r"real\rfake"),
    "LF": ("one\ntwo", r"one\ntwo"),
    "CRLF": ("one\r\ntwo", r"one\r\ntwo"),
    "TAB": ("a\tb", r"a\tb"),
    "NUL": ("a\x00b", r"a\x00b"),
    "DEL": ("a\x7fb", r"a\x7fb"),
    "RLO": ("a\u202eb", r"a\u202eb"),
    "RLI": ("a\u2067b\u2069", r"a\u2067b\u2069"),
    "ZWSP": ("ad\u200bmin", r"ad\u200bmin"),
    "ZWJ emoji": ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
    "flag": ("\U0001f1e9\U0001f1ea", "\U0001f1e9\U0001f1ea"),
    "CJK": ("漢字", "漢字"),
    "combining": ("e\u0301e\u0323", "e\u0301e\u0323"),
    "line separator": ("a\u2028b", r"a\u2028b"),
    "next line": ("a\x85b", r"a\x85b"),
    "lone surrogate": ("a\ud800b", r"a\ud800b"),
    "markup": ("[/x] [bold]", "[/x] [bold]"),
    "link markup": ("[link=https://evil.example]x[/link]", "[link=https://evil.example]x[/link]"),
    "format strings": ("{} {0.__class__} %s %n", "{} {0.__class__} %s %n"),
}
LARGE = {"a megabyte": "\x1b" + "x" * 1_000_000, "300,000 wide characters": "漢" * 300_000}
ERRORS = ("CSI", "OSC 52", "C1 CSI", "CR", "RLO", "lone surrogate")


def listing(*comments: str) -> Behaviour:
    infos = [
        {"token_id": f"t{at}", "comment": comment, "creation_time": 1, "expiry_time": -1}
        for at, comment in enumerate(comments)
    ]
    return answers(200, json.dumps({"token_infos": infos}).encode())


def is_a_box(lines: list[str]) -> bool:
    """Return True if all lines are as wide as the first and have their borders in the same columns."""
    sizes = {width(line) for line in lines}
    return len(sizes) == 1 and all(line[0] in BORDERS and line[-1] in BORDERS for line in lines)


@pytest.mark.parametrize("name", SHOWN)
def test_a_table_shows_it_on_one_line_and_data_formats_exactly(
    name: str, harness: Harness, workspace: FaultyServer
) -> None:
    text, shown = SHOWN[name]
    workspace.on("list", listing(text, "plain"))
    lines = harness.run("-c", SELECT).out.splitlines()
    assert len(lines) == 6
    assert shown in lines[3]
    assert is_a_box(lines)
    (record,) = [row for row in json.loads(harness.run("-o", "json", "-c", SELECT).out) if row["token_id"] == "t0"]
    exact = text if name != "lone surrogate" else shown
    assert record["comment"] == exact
    written = harness.run("-o", "csv", "-c", SELECT).out
    rows = read_csv(written)
    assert rows[1][1] == exact
    assert len(harness.run("-o", "line", "-c", SELECT).out.splitlines()) == 5


@pytest.mark.parametrize("name", LARGE)
def test_a_huge_text_is_whole_off_a_terminal(name: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", listing(LARGE[name], "plain"))
    assert is_a_box(harness.run("-c", SELECT).out.splitlines())
    assert json.loads(harness.run("-o", "json", "-c", SELECT).out)[0]["comment"] == LARGE[name]


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_message_shows_it(name: str, harness: Harness, workspace: FaultyServer) -> None:
    text, shown = SHOWN[name]
    body = json.dumps({"error_code": f"CODE{text}", "message": f"no: {text}"}).encode()
    workspace.on("list", answers(400, body))
    result = harness.run("-c", SELECT)
    assert result.status == 1
    assert f"no: {shown}" in result.err.replace("real fake", shown)  # a message is one line of words
    assert f"CODE{shown}" in result.err.replace("real fake", shown)


def test_an_html_page_as_an_error_acts_on_nothing(harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", answers(400, "<html>\x1b[2J\u202e\x9b31m</html>".encode(), Content_Type="text/html"))
    assert harness.run("-c", SELECT).status == 1


def test_a_reason_phrase_acts_on_nothing(harness: Harness, workspace: FaultyServer) -> None:
    def phrases(exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 400 \x1b[2J\x9b31m\xe2\x80\xae\r\nContent-Length: 0\r\n\r\n")

    workspace.on("list", phrases)
    assert harness.run("-c", SELECT).status == 1


@pytest.mark.terminal
@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("colour", ["always", "never"])
def test_on_a_terminal_every_row_is_one_line_and_nothing_acts(
    columns: int, colour: str, harness: Harness, workspace: FaultyServer
) -> None:
    comments = {name: text for name, (text, _) in SHOWN.items() if text.isascii() or name.startswith("C1")}
    workspace.on("list", listing(*comments.values()))
    terminal = shown_on(
        harness, (columns, 60), "--color", colour, "-c", "SELECT token_id AS id, comment AS c FROM user_tokens"
    )
    lines = terminal.everything.splitlines()
    box = [line for line in lines if line[:1] in tuple(BORDERS)]
    assert len(box) == len(comments) + 4
    assert is_a_box(box)
    assert not terminal.screen.title
    assert terminal.screen.mode == type(terminal.screen)(1, 1).mode


@pytest.mark.terminal
@pytest.mark.parametrize(
    "name", ["ZWSP", "RLO", "line separator", "next line", "combining", "CJK", "flag", "ZWJ emoji"]
)
def test_on_a_terminal_the_borders_stand_below_each_other(name: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", listing(SHOWN[name][0], "plain"))
    terminal = shown_on(harness, (80, 24), "-c", "SELECT comment AS c FROM user_tokens")
    ends = [columns_of_border(terminal, y) for y in range(24) if str(terminal.screen.display[y])[0] in BORDERS]
    assert len(ends) == 6
    # The emulator has no cell that holds several wide characters; a terminal that joins them shows what `width` counts.
    joined = name in ("flag", "ZWJ emoji")
    assert len({max(columns) for columns in ends}) == (2 if joined else 1)


def columns_of_border(terminal: Terminal, y: int) -> list[int]:
    line = terminal.screen.buffer[y]
    return [x for x in range(terminal.screen.columns) if line[x].data in BORDERS]


def shown_on(harness: Harness, size: tuple[int, int], *arguments: str) -> Terminal:
    """Return what a terminal shows of a run."""
    terminal = Terminal(
        *harness.base(None, WORKSPACE),
        *arguments,
        home=harness.home,
        cache=harness.home / ".cache",
        size=size,
        DATABRICKS_TOKEN=harness.token,
        TOKENSH_CONFIG=str(LOOK),
    )
    try:
        while terminal.child.isalive():
            terminal.read()
        terminal.read(0.2)
        assert terminal.end() == 0, terminal.display
    finally:
        terminal.close()
    return terminal
