"""The process survives closed pipes, full disks and Ctrl-C without losing a token, and loads only what a run needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import seed_statements
from tests.shared_parser import CACHE_HOME, shared_parser
from tests.support import counts_modules
from tokensh import sandbox
from tokensh.sandbox import Sandbox

WORKSPACE, OTHER_WORKSPACE = "dbc-abcd0123-a1bc", "dbc-bcde1234-b2cd"
SELECT = "SELECT token_id FROM user_tokens"
INSERT = "INSERT INTO user_tokens(comment) SELECT 'made' RETURNING token_value"


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running


@pytest.fixture(scope="session")
def cache() -> Path:
    shared_parser()
    return CACHE_HOME


class Tokensh:
    """Starts tokensh against a sandbox, at home in a folder of the test."""

    def __init__(self, home: Path, cache: Path, site: Sandbox) -> None:
        self.site = site
        self.variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CACHE_HOME": str(cache),
            "DATABRICKS_TOKEN": site.token,
            "PYTHONWARNINGS": "error",
        }

    def start(self, *arguments: str, **streams: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tokensh", "--endpoint", self.site.endpoint, "-w", WORKSPACE, *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        return subprocess.Popen(command, env=self.variables, **pipes)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def tokensh(tmp_path: Path, cache: Path, site: Sandbox) -> Tokensh:
    return Tokensh(tmp_path, cache, site)


def posts(site: Sandbox) -> int:
    return sum(entry.path.endswith("/create") for entry in site.log)


def finished(process: subprocess.Popen[bytes], stdin: bytes | None = None) -> tuple[int, str, str]:
    out, err = process.communicate(stdin, timeout=30)
    return process.returncode, (out or b"").decode(), (err or b"").decode()


# ---- output that fails


def test_a_reader_that_goes_away_is_no_error_to_talk_about(tokensh: Tokensh) -> None:
    reading, writing = os.pipe()
    process = tokensh.start("-c", SELECT, stdout=writing)
    os.close(reading)
    os.close(writing)
    status, _, err = finished(process)
    assert (status, err) == (1, "")


def test_nothing_is_created_for_a_reader_that_has_gone(tokensh: Tokensh, site: Sandbox) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = tokensh.start("-c", INSERT, stdout=writing)
    os.close(writing)
    status, _, _ = finished(process)
    assert (status, posts(site)) == (1, 0)


def test_nothing_is_created_when_standard_output_is_closed(tokensh: Tokensh, site: Sandbox) -> None:
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "tokensh"]
    more = ["--endpoint", site.endpoint, "-w", WORKSPACE, "-c", INSERT]
    done = subprocess.run([*shell, *more], env=tokensh.variables, capture_output=True, check=False, timeout=30)
    assert (done.returncode, posts(site)) == (1, 0)
    assert b"standard output is closed" in done.stderr


def test_results_do_not_overwrite_standard_input(tokensh: Tokensh, tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_text("SELECT 1;")
    with path.open() as stdin:
        status, _, err = finished(tokensh.start("-O", str(path), stdin=stdin))
    assert (status, path.read_text(), "which this run reads" in err) == (2, "SELECT 1;", True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_value_that_a_full_disk_swallows_is_reported_as_an_orphan(tokensh: Tokensh, site: Sandbox) -> None:
    with Path("/dev/full").open("wb") as full:
        status, _, err = finished(tokensh.start("-c", INSERT, stdout=full))
    assert (status, posts(site)) == (4, 1)
    assert "No space left on device" in err
    assert "EXEC databricks_workspace.workspace.user_tokens.revoketoken" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_listing_that_a_full_disk_swallows_fails(tokensh: Tokensh) -> None:
    with Path("/dev/full").open("wb") as full:
        status, _, err = finished(tokensh.start("-c", SELECT, stdout=full))
    assert status == 1
    assert err == "-c:1:1: error: the output could not be written: No space left on device\n"


# ---- statements as they come


def test_a_piped_statement_runs_before_the_next_one_is_written(tokensh: Tokensh) -> None:
    process = tokensh.start("-o", "csv", "-H", stdin=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"SELECT 'first';\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"first\n"
    status, out, _ = finished(process, b"SELECT 'second' -- done;\n")
    assert (status, out) == (0, "second\n")


def test_the_pages_comment_ends_a_statement_at_the_end_of_a_pipe(tokensh: Tokensh) -> None:
    process = tokensh.start("-v", f"deployment_name={WORKSPACE}", "-o", "csv", stdin=subprocess.PIPE)
    status, out, _ = finished(process, seed_statements.SELECT.encode())
    assert status == 0
    assert out.startswith("token_id,comment,creation_time,expiry_time\n")


# ---- Ctrl-C


def interrupted(process: subprocess.Popen[bytes], site: Sandbox, requests: int = 1) -> tuple[int, str, str]:
    wait_until(lambda: len(site.log) >= requests)
    process.send_signal(signal.SIGINT)
    return finished(process)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what a request leaves in the sandbox's log, at most 20 s, and a moment longer until the client reads."""
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.1)


def test_ctrl_c_ends_a_read_at_once(tokensh: Tokensh, site: Sandbox) -> None:
    site.fault("GET *", delay=20)
    begun = time.monotonic()
    status, out, err = interrupted(tokensh.start("-c", SELECT, "-c", "SELECT 'never'"), site)
    assert (status, out) == (130, "")
    assert "Traceback" not in err
    assert time.monotonic() - begun < 10


def test_ctrl_c_during_a_create_waits_for_its_reply(tokensh: Tokensh, site: Sandbox) -> None:
    site.fault("POST */create", delay=1, after_handler=True)
    status, out, err = interrupted(tokensh.start("-o", "csv", "-H", "-c", INSERT, "-c", "SELECT 'never'"), site)
    assert out.startswith("dapi")
    assert "never" not in out
    assert status == 130, err


def test_a_write_of_unknown_outcome_outweighs_a_later_interruption(tokensh: Tokensh, site: Sandbox) -> None:
    """4 is the status that names tokens to revoke: 130 would hide them."""
    site.fault("POST */create", after_handler=True, drop=True)
    site.fault(f"GET /w/{OTHER_WORKSPACE}/*", delay=20)
    slow = f"SELECT token_id FROM user_tokens WHERE deployment_name = '{OTHER_WORKSPACE}'"
    process = tokensh.start("--on-error", "continue", "-c", INSERT, "-c", slow)
    wait_until(lambda: any(OTHER_WORKSPACE in entry.path for entry in site.log))
    process.send_signal(signal.SIGINT)
    status, _, err = finished(process)
    assert "interrupted" in err
    assert status == 4, err


def test_ctrl_c_while_a_pipe_is_silent_ends_with_130(tokensh: Tokensh) -> None:
    process = tokensh.start("-o", "csv", "-H", stdin=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"SELECT 'ready';\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    status = process.wait(20)
    finished(process)
    assert status == 130


# ---- what is loaded

LIBRARIES = ["prompt_toolkit", "pygments", "rich", "lark", "requests", "yaml", "sqlite3"]
OTHERS = [
    f"tokensh.{name}"
    for name in (
        "cli.stackql",
        "dbapi.arrow",
        "engine.destinations",
        "engine.store",
        "functions.standard",
        "integrations.ipython",
        "integrations.sqlalchemy",
        "plan.catalog_statements",
        "plan.checks",
        "plan.ddl",
        "plan.dml",
        "plan.query",
        "provider.openapi",
        "sandbox",
        "shell",
        "spark",
    )
]
HEAVY = [*LIBRARIES, *OTHERS, "http.server", "dataclasses", "inspect", "typing", "argparse"]
# urllib3 imports importlib.metadata, which imports inspect from Python 3.12 on.
OF_QUERIES = "sqlite3 tokensh.plan.checks tokensh.plan.query"
OF_URLLIB3 = "inspect" if sys.version_info >= (3, 12) else ""
LOADS = [
    (["--version"], ""),
    (["--help"], ""),
    (["--check", "-c", "SELECT 1"], "argparse typing"),
    (["-c", "SELEC 1"], "argparse typing"),
    (["-c", "SELECT 1"], f"argparse typing {OF_QUERIES}"),
    (["-c", "SHOW METHODS IN user_tokens"], "argparse typing tokensh.plan.catalog_statements tokensh.provider.openapi"),
    (["-c", "DESCRIBE user_tokens"], "argparse typing tokensh.plan.catalog_statements tokensh.provider.openapi"),
    (
        ["-c", r"\dt"],
        "argparse typing sqlite3 tokensh.shell tokensh.plan.catalog_statements tokensh.engine.destinations",
    ),
    (["exec", "SELECT 1"], f"argparse typing tokensh.cli.stackql {OF_QUERIES}"),
    (["-o", "json", "-c", SELECT], f"argparse typing requests tokensh.provider.openapi {OF_QUERIES} {OF_URLLIB3}"),
]


@counts_modules
@pytest.mark.parametrize(("arguments", "loaded"), LOADS, ids=[" ".join(arguments) for arguments, _ in LOADS])
def test_a_run_loads_only_what_it_needs(arguments: list[str], loaded: str, tokensh: Tokensh, site: Sandbox) -> None:
    program = f"""
import sys
from tokensh.cli.main import main
status = main({[*(["--endpoint", site.endpoint, "-w", WORKSPACE] if "-c" in arguments else []), *arguments]!r})
sys.stderr.write("\\n" + " ".join(name for name in {HEAVY!r} if name in sys.modules))
sys.exit(status)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=tokensh.variables, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == ("SELEC 1" in arguments)
    allowed = set(loaded.split())
    assert set(done.stderr.decode().splitlines()[-1].split()) <= allowed


def test_importing_the_package_loads_none_of_its_parts() -> None:
    program = "import sys, tokensh; print([name for name in sys.modules if name.startswith('tokensh.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=30)
    assert done.stdout == b"[]\n"
