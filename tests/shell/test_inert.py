"""Text from the server never acts on the terminal, wherever the shell shows it: rows, menu, questions, errors, \\watch."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

import pytest

from tests.render.results import HOSTILE
from tests.shell.terminal import CTRL_C, TAB, WORKSPACE, Start, Terminal, connect_to
from tokensh.render.formats import FORMATS
from tokensh.sandbox import Sandbox

pytestmark = pytest.mark.terminal

# Sequences that set the title or the clipboard, make links, ring, query or reset the terminal.
ACTIVE_SEQUENCES = [
    b"\x1b]",
    b"\x07",
    b"\x1bP",
    b"\x1bc",
    b"\x1b[6n",
    b"\x1b[c",
    b"\x1b[5i",
    "\u202e".encode(),
    b"\xc2\x9b",
    b"\xc2\x9d",
]
MARK = "END"
COMMENTS = [f"{text}{MARK}" for text in HOSTILE if text.isprintable() or len(text) < 40]


@pytest.fixture
def hostile(site: Sandbox) -> Sandbox:
    """Return a sandbox that holds tokens with hostile comments."""
    url = f"{site.endpoint.format(deployment_name=WORKSPACE)}/api/2.0/token/create"
    headers = {"Authorization": f"Bearer {site.token}", "Content-Type": "application/json"}
    for comment in COMMENTS:
        body = json.dumps({"comment": comment, "lifetime_seconds": 3600}).encode()
        with urlopen(Request(url, body, headers)):
            pass
    return site


def without_prompt_queries(raw: bytes) -> bytes:
    """Return what was written without prompt_toolkit's own query for the cursor."""
    return raw.replace(b"\x1b[6n", b"")


def assert_inert(terminal: Terminal) -> None:
    written = without_prompt_queries(terminal.raw)
    assert [sequence for sequence in ACTIVE_SEQUENCES if sequence in written] == []
    assert (terminal.screen.title, terminal.screen.icon_name) == ("", "")
    assert "Traceback" not in terminal.everything


def open_terminal(start: Start, site: Sandbox) -> Terminal:
    return start(*connect_to(site), size=(160, 60), DATABRICKS_TOKEN=site.token, TOKENSH_PAGER="cat")


def test_rows_in_every_format(start: Start, hostile: Sandbox) -> None:
    terminal = open_terminal(start, hostile)
    # A page for a browser has no use on a terminal (tests/render/test_page.py), a chart draws numbers.
    forms = [form for form in FORMATS if form not in ("html", "chart")]
    for form in forms:
        terminal.run(f"\\format {form}")
        terminal.run("SELECT comment FROM user_tokens WHERE comment LIKE '%END';")
        assert_inert(terminal)
    assert terminal.everything.count(MARK) >= len(forms) * (len(COMMENTS) - 1)


def test_the_menu_and_the_question_before_a_revoke(start: Start, hostile: Sandbox) -> None:
    terminal = open_terminal(start, hostile)
    terminal.run("SELECT token_id, comment FROM user_tokens WHERE comment LIKE '%END';")
    terminal.type("DELETE FROM user_tokens WHERE token_id = '")
    terminal.read(0.5)
    terminal.type(TAB)
    terminal.read(0.5)
    assert_inert(terminal)
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.type("DELETE FROM user_tokens WHERE comment LIKE '%END';\r")
    terminal.see("[y/N]")
    assert_inert(terminal)
    terminal.type("n\r")
    terminal.see("not confirmed")
    assert_inert(terminal)


def test_watch_and_errors(start: Start, hostile: Sandbox) -> None:
    terminal = open_terminal(start, hostile)
    terminal.type("SELECT comment FROM user_tokens WHERE comment LIKE '%END' \\watch 1\r")
    terminal.see("Ctrl-C stops")
    terminal.read(1.5)
    terminal.type(CTRL_C)
    terminal.prompt()
    assert_inert(terminal)
    hostile.fault(
        "GET *", status=400, body={"error_code": "\x1b]0;x\x07", "message": "".join(HOSTILE[:12])}, times=None
    )
    terminal.run("SELECT comment FROM user_tokens;")
    terminal.see("error:")
    assert_inert(terminal)


def test_statements_with_such_text_and_the_history_of_them(start: Start, hostile: Sandbox) -> None:
    terminal = open_terminal(start, hostile)
    terminal.paste("SELECT '\x1b]0;title\x07' || '\u202e';")
    terminal.see(r"\u202e")
    terminal.type("\r")
    terminal.see("(1 row")
    terminal.prompt()
    terminal.run("\\history 5")
    terminal.run("SELECT statement FROM tokensh.local.statements;")
    assert_inert(terminal)
