"""Comments that would act on a terminal, wherever the shell shows them: rows, menu, questions, errors, \\watch, completion."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

import pytest

from tests.render.results import HOSTILE
from tests.shell.terminal import CTRL_C, TAB, WORKSPACE, Start, Terminal, on
from tokensh.sandbox import Sandbox

pytestmark = pytest.mark.terminal

# What a terminal would do of its own: set the title or the clipboard, link, ring, answer a question, reset itself.
ACTS = [
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
    """A sandbox in which somebody has made tokens with comments that would act."""
    url = f"{site.endpoint.format(deployment_name=WORKSPACE)}/api/2.0/token/create"
    headers = {"Authorization": f"Bearer {site.token}", "Content-Type": "application/json"}
    for comment in COMMENTS:
        body = json.dumps({"comment": comment, "lifetime_seconds": 3600}).encode()
        with urlopen(Request(url, body, headers)):
            pass
    return site


def asked_by_the_prompt(raw: bytes) -> bytes:
    """What is written without what prompt_toolkit asks a terminal of its own (where its cursor is)."""
    return raw.replace(b"\x1b[6n", b"")


def acts_on_nothing(terminal: Terminal) -> None:
    written = asked_by_the_prompt(terminal.raw)
    assert [one for one in ACTS if one in written] == []
    assert (terminal.screen.title, terminal.screen.icon_name) == ("", "")
    assert "Traceback" not in terminal.everything


def opened(start: Start, site: Sandbox) -> Terminal:
    return start(*on(site), size=(160, 60), DATABRICKS_TOKEN=site.token, TOKENSH_PAGER="cat")


def test_rows_in_every_format(start: Start, hostile: Sandbox) -> None:
    terminal = opened(start, hostile)
    for form in ("table", "line", "csv", "tsv", "text", "markdown", "json", "jsonl"):
        terminal.run(f"\\format {form}")
        terminal.run("SELECT comment FROM user_tokens WHERE comment LIKE '%END';")
        acts_on_nothing(terminal)
    assert terminal.everything.count(MARK) >= 8 * len(COMMENTS) - 8


def test_the_menu_and_the_question_before_a_revoke(start: Start, hostile: Sandbox) -> None:
    terminal = opened(start, hostile)
    terminal.run("SELECT token_id, comment FROM user_tokens WHERE comment LIKE '%END';")
    terminal.type("DELETE FROM user_tokens WHERE token_id = '")
    terminal.read(0.5)
    terminal.type(TAB)
    terminal.read(0.5)
    acts_on_nothing(terminal)
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.type("DELETE FROM user_tokens WHERE comment LIKE '%END';\r")
    terminal.see("[y/N]")
    acts_on_nothing(terminal)
    terminal.type("n\r")
    terminal.see("not confirmed")
    acts_on_nothing(terminal)


def test_watch_and_errors(start: Start, hostile: Sandbox) -> None:
    terminal = opened(start, hostile)
    terminal.type("SELECT comment FROM user_tokens WHERE comment LIKE '%END' \\watch 1\r")
    terminal.see("Ctrl-C stops")
    terminal.read(1.5)
    terminal.type(CTRL_C)
    terminal.prompt()
    acts_on_nothing(terminal)
    hostile.fault(
        "GET *", status=400, body={"error_code": "\x1b]0;x\x07", "message": "".join(HOSTILE[:12])}, times=None
    )
    terminal.run("SELECT comment FROM user_tokens;")
    terminal.see("error:")
    acts_on_nothing(terminal)


def test_statements_with_such_text_and_the_history_of_them(start: Start, hostile: Sandbox) -> None:
    terminal = opened(start, hostile)
    terminal.paste("SELECT '\x1b]0;title\x07' || '\u202e';")
    terminal.see(r"\u202e")
    terminal.type("\r")
    terminal.see("(1 row")
    terminal.prompt()
    terminal.run("\\history 5")
    terminal.run("SELECT statement FROM tokensh.local.statements;")
    acts_on_nothing(terminal)
