"""Long sessions and large results: memory stays flat, and no thread, socket or file is left behind.

A part of each by default; all of it (1,000 statements, 8 hours of \\watch, 100,000 rows) with TOKENSH_LOAD=full.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.sessions import A, connect, run
from tests.resilience.faulty_server import FaultyServer, answers
from tests.shared_parser import CACHE_HOME
from tokensh import sandbox
from tokensh.dbapi.connection import Connection
from tokensh.render.options import Options
from tokensh.sandbox import Sandbox
from tokensh.shell.progress import Spinner
from tokensh.shell.watch import Watch

FULL = os.environ.get("TOKENSH_LOAD") == "full"
STATEMENTS = 1000 if FULL else 56
LOOKS = 8 * 3600 // 2 if FULL else 60
ROWS = 100_000 if FULL else 20_000
WORKSPACES = 500
_SLACK = 300_000
"""Bytes by which a flat memory may breathe."""


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0


def soon(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within a generous time."""
    until = time.monotonic() + 20
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)
    return holds()


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Threads and files inside the `with` block are gone at its end."""
    threads, files = threading.active_count(), open_files()
    yield
    gc.collect()
    assert soon(lambda: threading.active_count() <= threads), threading.enumerate()
    assert soon(lambda: open_files() <= files), "files or sockets are left open"


@contextmanager
def flat_memory(warm: Callable[[], object]) -> Iterator[None]:
    """What is allocated inside the `with` block is given back, once everything that is kept on purpose is warm."""
    tracemalloc.start()
    try:
        warm()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        yield
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < _SLACK, f"{after - before:,} bytes more"


KINDS = [
    "SELECT token_id, comment FROM user_tokens ORDER BY creation_time",
    "SELECT count(*) FROM user_tokens WHERE expiry_time > 0",
    "SHOW METHODS IN user_tokens",
    "SELECT statement FROM tokensh.local.statements LIMIT 5",
    "EXPLAIN SELECT * FROM user_tokens",
    "SELECT toke_id FROM user_tokens",
    "INSERT INTO user_tokens (comment, lifetime_seconds) SELECT 'load', 60 RETURNING token_value",
]


def some(session: Connection, count: int, site: Sandbox) -> None:
    for number in range(count):
        statement = KINDS[number % len(KINDS)]
        if statement.startswith("INSERT"):
            session.yes = True
            run(session, statement, "DELETE FROM user_tokens WHERE comment = 'load'")
        elif "toke_id" in statement:
            with pytest.raises(Exception, match="toke_id"):
                run(session, statement)
        else:
            run(session, statement)
        site.clear_log()


def test_a_thousand_statements_leave_nothing_behind(tmp_path: Path) -> None:
    with sandbox.start() as site:
        session = connect(site, tmp_path, workspace=A)
        some(session, 2 * len(KINDS), site)
        with flat_memory(lambda: some(session, 4 * len(KINDS), site)), nothing_left_behind():
            some(session, STATEMENTS, site)
        session.close()


def test_sessions_that_are_closed_leave_nothing_behind(tmp_path: Path) -> None:
    with sandbox.start() as site:
        connect(site, tmp_path, workspace=A).close()
        with nothing_left_behind():
            for _ in range(20):
                session = connect(site, tmp_path, workspace=A)
                run(session, KINDS[0], KINDS[3])
                session.close()


def test_five_hundred_workspaces_at_once_leave_nothing_behind(tmp_path: Path) -> None:
    with sandbox.start(any_workspace=True, tokens=2) as site:
        session = connect(site, tmp_path)
        names = ", ".join(f"'dbc-load{number}'" for number in range(WORKSPACES))
        with nothing_left_behind():
            rows = run(session, f"SELECT deployment_name, token_id FROM user_tokens WHERE deployment_name IN ({names})")
            assert len({row[0] for row in rows}) == WORKSPACES
            assert threading.active_count() < 150  # of which the sandbox has one for each open connection
            session.close()


def test_eight_hours_of_watch_leave_nothing_behind(tmp_path: Path) -> None:
    with sandbox.start() as site:
        looks = 0

        def sleep(seconds: float) -> None:
            nonlocal looks
            looks += 1
            site.clear_log()
            session.environment.stdout.truncate(0)
            session.environment.stdout.seek(0)
            if looks % 50 == 0:
                site.advance(50 * seconds)
            if looks >= limit:
                raise KeyboardInterrupt

        session = connect(site, tmp_path, workspace=A, sleep=sleep)
        watch = Watch(
            session,
            lambda: Options(terminal=True, width=80),
            lambda: (80, 24),
            Spinner(session.environment, session.cancellation),
        )
        limit = 30
        watch.run(KINDS[0])
        with flat_memory(lambda: None), nothing_left_behind():
            limit = looks + 20
            watch.run(KINDS[0])
            limit = looks + LOOKS
            assert watch.run(KINDS[0]) == LOOKS
        session.close()


_PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
)
"""A small program that runs another and tells its peak: a child's begins with that of whoever starts it."""


@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_a_large_listing_takes_less_than_200_megabytes(form: str, tmp_path: Path) -> None:
    infos = [
        {"token_id": f"{n:064x}", "comment": f"token {n}", "creation_time": n, "expiry_time": -1} for n in range(ROWS)
    ]
    with FaultyServer(answers(200, json.dumps({"token_infos": infos}).encode())) as server:
        command = [
            sys.executable,
            "-m",
            "tokensh",
            "--endpoint",
            f"{server.origin}/w/{{deployment_name}}",
            "-w",
            "dbc-1",
        ]
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(CACHE_HOME),
            "DATABRICKS_TOKEN": "a-credential",
        }
        with (tmp_path / "out").open("wb") as out:
            done = subprocess.run(
                [sys.executable, "-c", _PEAK, *command, "-o", form, "-c", "SELECT * FROM user_tokens"],
                env=variables,
                stdout=out,
                stderr=subprocess.PIPE,
                check=True,
            )
    assert (tmp_path / "out").read_text().count(f"{ROWS - 1:064x}") == 1
    kilobytes = int(done.stderr) // (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 200_000
