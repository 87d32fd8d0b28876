"""A batch reports progress, errors and notes on standard error, and keeps the most severe exit status."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pexpect
import pytest

from tests.cases import each_case
from tests.shared_parser import CACHE_HOME
from tokensh import sandbox
from tokensh.cli.reporter import Reporter
from tokensh.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_UNKNOWN_OUTCOME,
    EXIT_USAGE,
    Error,
    Interrupted,
    OperationalError,
    PlaceholderError,
    ProgrammingError,
    UnknownOutcome,
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestProgress:
    def reporter(self) -> tuple[Reporter, io.StringIO, Clock]:
        clock, stream = Clock(), io.StringIO()
        return Reporter(stream, str, clock), stream, clock

    def test_is_drawn_after_a_moment_and_gone_when_all_have_answered(self) -> None:
        reporter, stream, clock = self.reporter()
        for done, now in ((0, 5.0), (1, 5.1), (2, 5.4), (3, 5.5)):
            clock.now = now
            reporter.progress(done, 3)
        assert stream.getvalue() == "\r2 of 3 workspaces\x1b[K\r\x1b[K"

    def test_counts_the_rows_of_a_change(self) -> None:
        reporter, stream, clock = self.reporter()
        for done, now in ((0, 5.0), (37, 5.4), (200, 9.0)):
            clock.now = now
            reporter.progress(done, 200, "revoked")
        assert stream.getvalue() == "\r37 of 200 revoked\x1b[K\r\x1b[K"

    def test_is_not_drawn_for_what_is_fast(self) -> None:
        reporter, stream, _ = self.reporter()
        for done in range(4):
            reporter.progress(done, 3)
        assert stream.getvalue() == ""

    def test_an_error_stands_on_a_line_of_its_own(self) -> None:
        reporter, stream, clock = self.reporter()
        reporter.progress(0, 3)
        clock.now = 9.0
        reporter.progress(1, 3)
        reporter.error(ProgrammingError("no"))
        assert stream.getvalue() == "\r1 of 3 workspaces\x1b[K\r\x1b[Kerror: no\n"

    def test_there_is_none_off_a_terminal(self) -> None:
        stream = io.StringIO()
        reporter = Reporter(stream, str)
        for done in range(4):
            reporter.progress(done, 3)
        assert stream.getvalue() == ""


@pytest.mark.terminal
def test_a_batch_on_a_terminal_counts_workspaces(tmp_path: Path) -> None:
    names = ", ".join(f"'w{i}'" for i in range(6))
    sql = f"SELECT count(*) AS n FROM user_tokens WHERE deployment_name IN ({names})"
    with sandbox.start(any_workspace=True, tokens=1, latency=0.4) as site:
        environment = {
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
            "TERM": "xterm",
            "XDG_CACHE_HOME": str(CACHE_HOME),
            "DATABRICKS_TOKEN": site.token,
        }
        arguments = ["-m", "tokensh", "--endpoint", site.endpoint, "--max-connections", "1", "-c", sql]
        shown = pexpect.run(sys.executable + " " + " ".join(map(_shell_quote, arguments)), env=environment, timeout=60)
    assert isinstance(shown, bytes)
    text = shown.decode()
    assert re.search(r"\r3 of 6 workspaces\x1b\[K", text)
    assert text.rindex("workspaces") < text.index("│")


def _shell_quote(text: str) -> str:
    return f'"{text}"'


@pytest.mark.parametrize(("text", "line"), [("ends", "note: ends\n"), ("warning: ends", "warning: ends\n")])
def test_a_note_is_marked_as_what_it_is(text: str, line: str) -> None:
    stream = io.StringIO()
    Reporter(stream, str).note(text)
    assert stream.getvalue() == line


STATUSES = [
    ([OperationalError("a"), PlaceholderError("b")], EXIT_FAILED),
    ([PlaceholderError("a"), OperationalError("b")], EXIT_USAGE),
    ([OperationalError("a"), Interrupted("b")], EXIT_INTERRUPTED),
    ([UnknownOutcome("a"), Interrupted("b")], EXIT_UNKNOWN_OUTCOME),
    ([Interrupted("a"), UnknownOutcome("b")], EXIT_UNKNOWN_OUTCOME),
    ([UnknownOutcome("a"), OperationalError("b")], EXIT_UNKNOWN_OUTCOME),
]


@each_case(("errors", "status"), STATUSES)
def test_the_exit_status_is_the_most_severe_and_else_the_first(errors: list[Error], status: int) -> None:
    reporter = Reporter(io.StringIO(), str)
    for error in errors:
        reporter.error(error)
    assert reporter.status == status
