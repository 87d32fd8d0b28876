"""No regular expression of a user hangs the process: what may take long runs in another one, with a limit and Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import tokensh
from tests.cases import each_case
from tests.shared_parser import CACHE_HOME
from tests.support import ROOT
from tokensh.engine.sqlite import Database
from tokensh.environment import Cancellation
from tokensh.errors import DataError, Interrupted
from tokensh.functions import backtracking
from tokensh.functions.backtracking import Worker, find_match, replace_matches, using

LETTERS = "a" * 40 + "b"
CATASTROPHES = [
    r"(a+)+$",
    r"(a*)*c",
    r"(a|a)*$",
    r"(a|aa)+$",
    r"(?:a?){40}a{40}c",
    "a?" * 40 + "a" * 40 + "c",
    r"(?=(a+)+$)",
    r"(a+)\1+c(?#)",
    r"([ab]+[a]+)+c",
    r"(a{1,30}){1,30}$",
    r"((a{0,9}){0,9}){0,9}$",
    r"(.*)*x",
    r"(.*a){20}",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    ".*.*.*.*.*.*.*=.*",
]
HARMLESS = [
    "^ci-",
    "a",
    "[0-9]+",
    r"^\d{4}-\d{2}",
    "^(dev|prod)-.*",
    r"\bnightly\b",
    "ci.*prod",
    "(?i)x|y",
    "(?:,x)*",
    "(?!ci)d",
]


@each_case("pattern", CATASTROPHES)
def test_an_expression_that_may_take_for_ever_is_known(pattern: str) -> None:
    assert not backtracking._is_harmless(re.compile(pattern), len(LETTERS))


@each_case("pattern", HARMLESS)
def test_an_ordinary_expression_over_a_comment_starts_no_process(pattern: str) -> None:
    assert backtracking._is_harmless(re.compile(pattern), 255)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(lambda: False)
    with using(worker):
        yield worker
    worker.end()


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+", "xaay"),
        ("(a+)+", "x"),
        (r"(\w)\1", "東京京"),
        ("(a|b|)+", "\ud800ab"),
        ("(.+)+", "a\nb"),
        ("(a*)*", ""),
    ],
)
def test_the_other_process_finds_what_this_one_would_find(pattern: str, text: str, worker: Worker) -> None:
    for flags in (0, re.IGNORECASE | re.DOTALL, re.MULTILINE):
        compiled = re.compile(pattern, flags)
        match = compiled.search(text)
        assert find_match(compiled, text) == (match and (*match.span(), match[0]))
        assert replace_matches(compiled, r"<\g<0>>", text) == compiled.sub(r"<\g<0>>", text)


def test_a_mistake_in_a_replacement_is_the_same_error_there(worker: Worker) -> None:
    with pytest.raises(re.error, match="invalid group reference"):
        replace_matches(re.compile("(a+)+"), r"\7", "a")
    assert find_match(re.compile("(a+)+"), "a") == (0, 1, "a")


def test_an_expression_has_a_time_limit_and_the_next_one_runs(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtracking, "TIME_LIMIT", 0.1)
    with pytest.raises(DataError, match=r"took longer than 0.1 s") as caught:
        find_match(re.compile("(a+)+$"), LETTERS)
    assert caught.value.hint
    monkeypatch.undo()
    assert find_match(re.compile("(a+)+$"), "aa") == (0, 2, "aa")


def test_ctrl_c_ends_a_long_expression_in_a_query() -> None:
    cancellation = Cancellation()
    timer = threading.Timer(0.1, cancellation.press)
    with closing(Database(cancellation)) as database:
        timer.start()
        with pytest.raises(Interrupted):
            list(database.query(f"SELECT regexp_like('{LETTERS}', '(a+)+$')"))
        timer.join()
        cancellation.reset()
        assert database.evaluate([f"regexp_like('{LETTERS}', '(a+)+b$')"]) == (1,)


def test_a_process_ends_with_its_statement() -> None:
    with closing(Database(Cancellation())) as database:
        database.evaluate(["regexp_like('x', '(a+)+$')"])
        process = database._worker._process
        assert process is not None
    assert process.poll() is not None


QUERIES = {
    "a regular expression": f"SELECT regexp_like('{LETTERS}', '(a+)+$')",
    "a query without end": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    "a function in a query without end": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
    " SELECT count(regexp_like(x, '^9.*7')) FROM n",
}


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES)
def test_ctrl_c_ends_the_command_line_with_130(sql: str, tmp_path: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "tokensh", "--sandbox", "-c", f"SELECT 'begun'; {sql}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", cwd=ROOT,
        env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(CACHE_HOME)},
    )  # fmt: skip
    assert running.stdout is not None
    while "begun" not in (line := running.stdout.readline()):
        assert line
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert (running.returncode, "user-defined" in said) == (130, False), said


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES)
def test_ctrl_c_in_a_library_is_a_keyboard_interrupt(sql: str, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    try:
        with tokensh.connect(sandbox=True) as connection:
            connection.cursor().execute("SELECT 1").fetchall()
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                connection.cursor().execute(sql).fetchall()
            assert connection.cursor().execute("SELECT 1").fetchall() == [(1,)]
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def test_a_cursor_can_be_cancelled_from_another_thread() -> None:
    with tokensh.connect(sandbox=True) as connection:
        cursor = connection.cursor()
        timer = threading.Timer(0.2, cursor.cancel)
        timer.start()
        with pytest.raises(Interrupted):
            cursor.execute(QUERIES["a query without end"]).fetchall()
        timer.join()
        assert cursor.execute("SELECT 1").fetchall() == [(1,)]
