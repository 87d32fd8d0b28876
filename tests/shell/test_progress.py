"""The spinner tells what happens, never wraps, and leaves nothing behind."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest

from tests.environments import make_environment
from tokensh._dataclasses import replace
from tokensh.environment import Cancellation, Environment
from tokensh.shell.progress import Spinner


class Screen(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def make_terminal(home: Path) -> tuple[Environment, Screen]:
    screen = Screen()
    return replace(make_environment(home), stderr=screen), screen


def wait_for(screen: Screen, text: str) -> str:
    """Wait until a text is written, and return everything that was written."""
    limit = time.monotonic() + 20
    while text not in screen.getvalue():
        assert time.monotonic() < limit, screen.getvalue()
        time.sleep(0.02)
    return screen.getvalue()


def test_it_counts_the_rows_of_a_change_whatever_is_sent_for_each(tmp_path: Path) -> None:
    environment, screen = make_terminal(tmp_path)
    spinner = Spinner(environment, Cancellation(), 80)
    spinner.start()
    spinner.set_rows_done(37, 200, "revoked")
    spinner.set_activity("revoketoken on dbc-1")
    written = wait_for(screen, "Ctrl-C cancels")
    spinner.stop()
    assert "37 of 200 revoked · revoketoken on dbc-1" in written


def test_it_says_what_is_done_and_how_many_have_answered_and_leaves_nothing(tmp_path: Path) -> None:
    environment, screen = make_terminal(tmp_path)
    spinner = Spinner(environment, Cancellation(), 80)
    spinner.start()
    spinner.set_activity("reading 3 workspaces")
    spinner.set_progress(2, 3)
    written = wait_for(screen, "Ctrl-C cancels")
    spinner.stop()
    assert re.search(r"reading 3 workspaces · 2 of 3 answered · \d+\.\ds · Ctrl-C cancels", written)
    assert screen.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_it_is_never_as_wide_as_the_terminal(columns: int, tmp_path: Path) -> None:
    environment, screen = make_terminal(tmp_path)
    spinner = Spinner(environment, Cancellation(), columns)
    spinner.start()
    spinner.set_activity("reading user_tokens of a-workspace-with-a-long-name-and-more")
    wait_for(screen, "reading")
    spinner.stop()
    frames = re.findall("\r([^\x1b]+)\x1b", screen.getvalue())
    assert frames
    assert max(map(len, frames)) <= columns - 3


def test_after_ctrl_c_it_says_that_a_create_is_waited_for(tmp_path: Path) -> None:
    environment, screen = make_terminal(tmp_path)
    cancellation = Cancellation()
    spinner = Spinner(environment, cancellation, 80)
    spinner.start()
    spinner.set_activity("create on dbc-1")
    cancellation.press()
    wait_for(screen, "waiting at most 10 s for the answer · Ctrl-C again gives up")
    spinner.stop()


def test_plain_writes_one_line_that_stays(tmp_path: Path) -> None:
    environment, screen = make_terminal(tmp_path)
    spinner = Spinner(environment, Cancellation(), 80, plain=True)
    spinner.start()
    spinner.set_activity("reading user_tokens of dbc-1")
    wait_for(screen, "\n")
    time.sleep(0.3)
    spinner.stop()
    assert screen.getvalue() == "reading user_tokens of dbc-1 · Ctrl-C cancels\n"


def test_off_a_terminal_there_is_none(tmp_path: Path) -> None:
    environment = make_environment(tmp_path)
    spinner = Spinner(environment, Cancellation())
    spinner.start()
    spinner.resume()
    time.sleep(0.5)
    spinner.stop()
    assert isinstance(environment.stderr, io.StringIO)
    assert environment.stderr.getvalue() == ""
