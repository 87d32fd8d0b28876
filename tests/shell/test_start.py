"""The first prompt loads little, and output that is not for a terminal is complete and plain."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.shared_parser import CACHE_HOME
from tokensh.api.client import Client
from tokensh.shell.preload import Preload

LATE = (
    "requests",
    "urllib3",
    "rich",
    "lark",
    "yaml",
    "tokensh.complete.completer",
    "tokensh.engine.executor",
    "tokensh.engine.fetch",
    "tokensh.plan.resolve",
    "tokensh.api.client",
)


def run(*arguments: str, home: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(CACHE_HOME)}
    return subprocess.run(
        [sys.executable, *arguments],
        env=variables,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_first_prompt_is_drawn_before_what_a_statement_needs_is_loaded(tmp_path: Path) -> None:
    program = f"import sys, tokensh.shell.session; print([m for m in {LATE} if m in sys.modules])"
    assert run("-c", program, home=tmp_path).stdout == "[]\n"


def test_preloading_begins_after_the_first_drawing_and_only_once() -> None:
    class FakeClient:
        imports = 0

        def import_in_background(self) -> None:
            self.imports += 1

    client, warmed = FakeClient(), []
    preload = Preload(client.import_in_background, lambda: warmed.append(1), styled=False)
    assert (client.imports, warmed) == (0, [])
    for _ in range(2):
        preload(None)  # type: ignore[arg-type] # the application is not used
    for thread in threading.enumerate():
        if thread.name == "tokensh preload":
            thread.join()
    assert (client.imports, warmed) == (1, [1])
    assert callable(Client.import_in_background)


SCRIPT = "SELECT 1 AS one;\nSELECT nope;\nSELECT 2 AS two;\n"


@pytest.mark.parametrize("arguments", [(), ("-f", "-")], ids=str)
def test_a_script_from_standard_input_is_read_and_its_failure_is_in_the_exit_status(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    # StackQL's exec reads no standard input, and every error of its is status 0.
    done = run("-m", "tokensh", *arguments, home=tmp_path, stdin=SCRIPT)
    assert done.returncode == 1
    assert "| one |" in done.stdout
    assert "two" not in done.stdout
    assert "<stdin>:2:8: error: unknown column 'nope'" in done.stderr


def test_off_a_terminal_a_table_is_complete_and_plain(tmp_path: Path) -> None:
    # StackQL's box table wraps; scripts want no colours, pages or shortened ids.
    rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) select i, null as x from n"
    done = run("-m", "tokensh", "-c", rows, home=tmp_path)
    assert len(done.stdout.splitlines()) == 10_004
    assert done.stdout.splitlines()[3] == "|     1 | NULL |"
    assert done.stderr == ""
    done = run("-m", "tokensh", "--sandbox", "-c", "select token_id, expiry_time from user_tokens", home=tmp_path)
    assert all(len(line.split()[1]) == 64 for line in done.stdout.splitlines()[3:-1])
    assert "|          -1 |" in done.stdout or "|            -1 |" in done.stdout
    assert "\x1b" not in done.stdout
