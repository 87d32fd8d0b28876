"""Clients of other languages read, describe and fail through `tokensh serve`, where the machine has them.

- pgjdbc: `java` is installed, and TOKENSH_PGJDBC is the path of its jar.
- node-postgres: `node` is installed, and NODE_PATH leads to the package `pg`.
- pgx: `go` is installed, and TOKENSH_PGX is a folder with a go.mod (and go.sum) that requires pgx/v5.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from tokensh.sandbox import Sandbox

pytest.importorskip("pygwire", reason="needs tokensh[interfaces] and Python 3.11")
import pandas
import sqlalchemy

from tests.interfaces.pgwire_server import PASSWORD, Running, serve

pytestmark = pytest.mark.interfaces

SOURCES = Path(__file__).parent / "clients"
ROW = "row terraform ci -1"


def run_client(command: list[str], folder: Path | None = None) -> list[str]:
    """Run a client's program in a folder, and return the lines that it prints."""
    # The user's own home: Go keeps there what it has compiled.
    environment = {**os.environ, "HOME": pwd.getpwuid(os.getuid()).pw_dir}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def url(server: Running, scheme: str = "postgres") -> str:
    return f"{scheme}://me:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{server.server.port}/tokens"


def test_pgjdbc_reads_in_steps_and_describes(site: Sandbox) -> None:
    jar = os.environ.get("TOKENSH_PGJDBC", "")
    if shutil.which("java") is None or not jar:
        pytest.skip("needs java, and pgjdbc's jar at TOKENSH_PGJDBC")
    with serve() as server:
        address = f"jdbc:postgresql://127.0.0.1:{server.server.port}/tokens"
        lines = run_client(["java", "-cp", jar, str(SOURCES / "Jdbc.java"), address, PASSWORD])
    assert lines == [
        *[ROW] * 2,
        "schemas true",
        "tables [user_tokens]",
        "columns [comment]",
        "types [int8]",
        "keys []",
        "indexes []",
        f"sum {1050 * 1051 // 2}",
        "state 42703",
    ]


def test_node_postgres_reads_with_named_statements(site: Sandbox) -> None:
    found = shutil.which("node") and subprocess.run(["node", "-e", "require('pg')"], capture_output=True, check=False)
    if not found or found.returncode:
        pytest.skip("needs node, and the package pg on its NODE_PATH")
    with serve() as server:
        lines = run_client(["node", str(SOURCES / "node.js"), url(server)])
    assert lines == [*[ROW] * 3, "several 1 2", "tables user_tokens", "state 42703 8 did you mean 'scopes'?"]


def test_pgx_reads_in_each_of_its_modes(site: Sandbox, tmp_path: Path) -> None:
    module = Path(os.environ.get("TOKENSH_PGX", "nowhere"))
    if shutil.which("go") is None or not (module / "go.mod").exists():
        pytest.skip("needs go, and a folder with a go.mod that requires pgx/v5 at TOKENSH_PGX")
    for source, name in ((module / "go.mod", "go.mod"), (module / "go.sum", "go.sum"), (SOURCES / "pgx.go", "main.go")):
        shutil.copy(source, tmp_path / name)
    with serve() as server:
        lines = run_client(["go", "run", "main.go", url(server)], tmp_path)
    assert lines == [*[ROW] * 4, "sum 9", "copied terraform ci", "state 42703"]


@pytest.mark.parametrize("driver", ["psycopg", "pg8000"])
def test_pandas_reads_frames_through_drivers_of_sqlalchemy(site: Sandbox, driver: str) -> None:
    query = sqlalchemy.text("SELECT comment, expiry_time FROM user_tokens WHERE expiry_time = :never")
    with serve() as server:
        engine = sqlalchemy.create_engine(url(server, f"postgresql+{driver}"), poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            frame = pandas.read_sql(query, connection, params={"never": -1})
    assert frame.to_dict("records") == [{"comment": "terraform ci", "expiry_time": -1}]
