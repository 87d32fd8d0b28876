"""Without what only Linux and macOS have, as on Windows, the command line, the library and the shell load and read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.shared_parser import CACHE_HOME

_BLOCK = """
import os, select, signal, sys
for name in ("resource", "fcntl", "termios", "tty", "pty", "pwd", "grp"):
    sys.modules[name] = None
for owner, names in (
    (os, "geteuid getuid fchmod killpg getpgrp tcgetpgrp O_CLOEXEC O_NONBLOCK O_NOFOLLOW setsid"),
    (select, "poll"),
    (signal, "SIGPIPE SIGHUP SIGQUIT SIGTSTP SIGCONT SIGWINCH"),
):
    for name in names.split():
        vars(owner).pop(name, None)
"""
_USE = """
import tokensh
import tokensh.shell.session
from tokensh.cli.main import main
assert main(["--version"]) == 0
assert main(["--sandbox", "-o", "csv", "-c", "SELECT comment FROM user_tokens WHERE comment = 'terraform ci'"]) == 0
assert main(["--sandbox", "-o", "csv", "-O", "out.csv", "-c", "SELECT 1 AS n"]) == 0
assert main(["run", "--sandbox", "never", "-o", "csv", "-H"]) == 0
with tokensh.connect(sandbox=True) as connection:
    cursor = connection.cursor()
    cursor.execute("INSERT INTO user_tokens (comment) VALUES ('x') RETURNING token_value")
    assert cursor.fetchone()[0].startswith("dapi")
sys.stdout.flush()
# A real workspace: nothing is sent, because the create could not be found again.
os.environ["DATABRICKS_TOKEN"] = "dapi" + "0" * 32
words = ["--endpoint", "http://127.0.0.1:9", "-w", "dbc-1", "-c", "INSERT INTO user_tokens (comment) VALUES ('x') RETURNING token_value"]
assert main(words) == 1
"""


def test_what_only_posix_has_is_not_needed_to_read(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BLOCK + _USE],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(CACHE_HOME)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tokensh ")
    assert "terraform ci" in done.stdout
    assert "this system has no file locks" in done.stderr
    assert "nothing was sent" in done.stderr
    assert (tmp_path / "out.csv").read_text() == "n\n1\n"
