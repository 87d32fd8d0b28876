"""Check with Python's audit hook, from the first import on, that sessions touch few files and one host."""

from __future__ import annotations

import os
import subprocess
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.resilience.harness import COMMAND, INSERT, SELECT, WORKSPACE, Harness
from tests.shell.terminal import CTRL_D, LOOK, Terminal

HOOK = """\
import os, sys
log = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
NAMES = {"socket.connect", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn",
         "os.rename", "os.remove", "os.mkdir", "os.symlink", "os.link", "os.truncate", "socket.bind"}
def hook(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or (isinstance(mode, str) and set(mode) & set("wax+"))
        if writes and not isinstance(path, int):
            os.write(log, f"open\\t{os.fsdecode(path)}\\n".encode())
    elif event in NAMES:
        what = arguments[1] if event in ("socket.connect", "socket.bind") else arguments[0]
        os.write(log, f"{event}\\t{os.fsdecode(what) if isinstance(what, (str, bytes, os.PathLike)) else what}\\n".encode())
sys.addaudithook(hook)
"""
ALLOWED = (
    "{home}/.cache/tokensh",
    "{home}/.cache/tokensh/*",
    "{home}/.local/state/tokensh/history.db",
    "{home}/.local/state/tokensh/journal",
    "{home}/.local/state/tokensh/journal/*.json",
    "{home}/.local/state/tokensh/journal/*.new",
    "{home}/.local/share/tokensh/store.db",
    "file://{home}/.local/share/tokensh/store.db*",
    "{home}/results.csv*",
    "{home}/tokensh.log",
    "file::memory:*",
    ":memory:",
    "{home}/.local",
    "{home}/.local/*e",
    "{home}/.local/*/tokensh",
    "/dev/null",
    "/dev/tty",
)


def events(harness: Harness, log: Path) -> list[tuple[str, str]]:
    """Return what a run touched; fail if the hook saw nothing."""
    found = [tuple(line.split("\t", 1)) for line in log.read_text().splitlines()]
    log.unlink()
    return [(event, what) for event, what in found]


def hooked(harness: Harness) -> tuple[dict[str, str], Path]:
    harness.write_file("hook/sitecustomize.py", HOOK)
    log = harness.temporary / "audit.log"
    return {
        **harness.variables(),
        "PYTHONPATH": str(harness.home / "hook"),
        "AUDIT_LOG": str(log),
        "PYTHONDONTWRITEBYTECODE": "1",
    }, log


def unexpected(harness: Harness, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    allowed = [pattern.format(home=harness.home) for pattern in ALLOWED]
    address = str(("127.0.0.1", harness.workspace.port))
    strange = []
    for event, what in found:
        if event == "socket.connect":
            fine = what == address
        elif event == "socket.bind":
            fine = what == "('::1', 0)"  # urllib3 looks whether there is IPv6
        elif event == "socket.getaddrinfo":
            fine = what == "127.0.0.1"
        else:
            fine = event in ("open", "os.mkdir", "os.remove", "os.rename", "sqlite3.connect")
            fine = fine and any(fnmatchcase(what, pattern) for pattern in allowed)
        if not fine:
            strange.append((event, what))
    return strange


RUNS = {
    "queries": ("-c", SELECT, "-c", "SELECT 1", "-c", "SHOW METHODS IN user_tokens"),
    "a create into a file": ("-O", "{home}/results.csv", "-o", "csv", "-c", INSERT),
    "a store": ("-c", "CREATE TABLE kept AS SELECT token_id FROM user_tokens", "-c", "SELECT * FROM kept"),
    "a log": ("--log", "{home}/tokensh.log", "-c", SELECT),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_writes_to_its_own_places_and_connects_to_its_workspace(name: str, harness: Harness) -> None:
    variables, log = hooked(harness)
    arguments = [argument.replace("{home}", str(harness.home)) for argument in RUNS[name]]
    harness.secret_files.add(harness.home / "results.csv")
    command = [str(COMMAND), *harness.base(None, WORKSPACE), *arguments]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60, umask=0)
    assert done.returncode == 0, done.stderr
    found = events(harness, log)
    assert any(event in ("socket.connect", "sqlite3.connect") for event, _ in found)
    assert unexpected(harness, found) == []


@pytest.mark.terminal
def test_a_shell_does_so_too(harness: Harness) -> None:
    variables, log = hooked(harness)
    names = ("PYTHONPATH", "AUDIT_LOG", "DATABRICKS_TOKEN", "PYTHONDONTWRITEBYTECODE", "TMPDIR")
    kept: dict[str, Any] = {name: variables[name] for name in names}
    terminal = Terminal(
        *harness.base(None, WORKSPACE),
        home=harness.home,
        cache=harness.home / ".cache",
        TOKENSH_CONFIG=str(LOOK),
        shell='umask 0; exec "$@"',
        **kept,
    )
    try:
        terminal.prompt()
        terminal.run(f"{SELECT};")
        terminal.run("INSERT INTO user_tokens (comment) SELECT 'x' RETURNING token_value;")
        terminal.run("SELECT count(*) FROM _;")
        terminal.type(CTRL_D)
        until = time.monotonic() + 30
        while terminal.child.isalive() and time.monotonic() < until:
            terminal.read()
    finally:
        terminal.close()
    found = events(harness, log)
    assert ("socket.connect", str(("127.0.0.1", harness.workspace.port))) in found
    assert os.fsdecode(harness.home / ".local/state/tokensh/history.db") in {what for _, what in found}
    assert unexpected(harness, found) == []


def test_what_is_not_allowed_would_be_seen(harness: Harness) -> None:
    for event, what in (
        ("open", "/etc/x"),
        ("socket.connect", "('10.0.0.1', 443)"),
        ("subprocess.Popen", "sh"),
        ("os.link", "x"),
    ):
        assert unexpected(harness, [(event, what)]) == [(event, what)]
