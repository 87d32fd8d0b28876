"""The shell works in tmux: real pastes, a pager, a window that changes its size."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import seed_statements
from tests.shared_parser import CACHE_HOME

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


class Tmux:
    """A tmux server for one test, with one window that runs tokensh on a sandbox."""

    def __init__(self, folder: Path, *, columns: int = 110, lines: int = 30, program: str = "") -> None:
        self._socket = folder / "tmux"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(CACHE_HOME),
            "LC_ALL": "C.UTF-8",
            "SHELL": "/bin/sh",
        }
        self.command = command = shlex.join([sys.executable, "-m", "tokensh", "--sandbox"])
        size = ("-x", str(columns), "-y", str(lines))
        self._call_tmux(
            "-f",
            os.devnull,
            "new-session",
            "-d",
            "-s",
            "test",
            *size,
            program or f"{command}; echo status=$?; exec cat",
        )

    def _call_tmux(self, *arguments: str, text: str | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments],
            env=self._environment,
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    @property
    def screen(self) -> str:
        return self._call_tmux("capture-pane", "-p", "-t", "test").rstrip("\n")

    def see(self, text: str, seconds: float = 20) -> str:
        """Wait until the screen shows a text."""
        until = time.monotonic() + seconds
        while text not in (screen := self.screen):
            if time.monotonic() > until:
                raise AssertionError(f"{text!r} does not appear:\n{screen}")
            time.sleep(0.1)
        return screen

    def keys(self, *names: str) -> None:
        self._call_tmux("send-keys", "-t", "test", *names)

    def type(self, text: str) -> None:
        self._call_tmux("send-keys", "-t", "test", "-l", text[:-1] + "\\;" if text.endswith(";") else text)

    def paste(self, text: str) -> None:
        self._call_tmux("load-buffer", "-", text=text)
        self._call_tmux("paste-buffer", "-p", "-t", "test")

    def resize(self, columns: int, lines: int) -> None:
        self._call_tmux("resize-window", "-t", "test", "-x", str(columns), "-y", str(lines))

    def close(self) -> None:
        self._call_tmux("kill-server")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    server = Tmux(tmp_path)
    try:
        server.see("sandbox>")
        yield server
    finally:
        server.close()


def test_the_page_is_pasted_run_and_the_prompt_stands_below_it(tmux: Tmux) -> None:
    tmux.paste(seed_statements.SELECT + "\n")
    tmux.see("-- required;")
    tmux.keys("Enter")
    tmux.see("deployment_name: dbc-abcd0123-a1bc")
    tmux.keys("Enter")
    screen = tmux.see("(8 rows")
    assert screen.count("-> comment,") == 1
    assert "terraform ci" in screen
    tmux.keys("C-d")
    tmux.see("status=0")


def test_a_window_that_grows_narrow_and_wide_again_keeps_text_and_menu(tmux: Tmux) -> None:
    tmux.type("select comment from user_tokens where ")
    tmux.see("required")
    tmux.resize(50, 12)
    tmux.see("ens where")
    tmux.resize(100, 30)
    tmux.type("comment = 'terraform ci';")
    tmux.see("'terraform ci';")
    tmux.keys("Enter")
    assert "│ terraform ci │" in tmux.see("(1 row")


def test_the_history_is_searched_and_what_is_found_runs(tmux: Tmux) -> None:
    for text in ("select 'first' as word;", "select 'second' as word;"):
        tmux.type(text)
        tmux.keys("Enter")
        tmux.see(f"│ {text.split(chr(39))[1]}")
    tmux.keys("C-l")
    tmux.keys("C-r")
    tmux.type("fir")
    tmux.see("select 'first' as word;")
    tmux.keys("Enter")
    tmux.keys("Enter")
    assert "│ first │" in tmux.see("(1 row")


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
def test_a_long_result_is_read_in_less_and_a_narrower_window_keeps_the_prompt_usable(tmux: Tmux) -> None:
    tmux.type("with recursive n(i) as (select 1 union all select i + 1 from n where i < 30000) select i from n;")
    tmux.keys("Enter")
    tmux.see("│   20 │")
    tmux.keys("G")
    tmux.see("│ 30000 │")
    tmux.keys("q")
    tmux.see("(30000 rows")
    tmux.resize(60, 20)
    tmux.type("select max(i) as last from _;")
    tmux.keys("Enter")
    tmux.see("│ 30000 │")
    tmux.see("(1 row")


def test_a_watch_stays_in_place_while_the_window_changes_its_size(tmux: Tmux) -> None:
    tmux.type("select token_id, comment from user_tokens \\watch 1")
    tmux.keys("Enter")
    tmux.see("every 1 s")
    tmux.resize(70, 20)
    tmux.see("…")
    time.sleep(2.5)
    screen = tmux.screen
    assert screen.count("every 1 s") == 1
    assert screen.count("terraform ci") == 1
    tmux.keys("C-c")
    tmux.see("stopped after")
    tmux.type("select 'still' || ' here' as it_is;")
    tmux.keys("Enter")
    tmux.see("still here")


def test_ctrl_z_suspends_a_transaction_is_marked_and_eight_rows_are_enough(tmp_path: Path) -> None:
    server = Tmux(tmp_path, columns=80, lines=24, program="/bin/sh -i")
    try:
        server.type(server.command)
        server.keys("Enter")
        server.see("sandbox>")
        server.type("select 'kept")
        server.keys("C-z")
        server.see("Stopped")
        server.type("fg")
        server.keys("Enter")
        server.see("sandbox> select 'kept")
        server.keys("C-c")
        server.type("begin;")
        server.keys("Enter")
        server.see("sandbox*>")
        server.resize(40, 8)
        server.type("select comm")
        screen = server.see("comment")
        assert "too small" not in screen
        server.type("ent from user_tokens limit 1;")
        server.keys("Enter")
        server.see("terraform ci")
        server.see("sandbox*>")
        server.type("rollback;")
        server.keys("Enter")
        server.see("\nsandbox>")
    finally:
        server.close()
