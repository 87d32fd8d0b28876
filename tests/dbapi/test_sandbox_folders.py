"""A sandbox has its own store, history, journal and named queries: no file of the user's changes, and none is read."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

import tokensh
from tests.engine.sessions import A, run
from tests.environments import make_environment
from tests.shell.in_process import open_shell
from tokensh.api.journal import Intent, Journal
from tokensh.cli.main import main
from tokensh.environment import Environment
from tokensh.sandbox import Sandbox

EVERY_KIND = [
    "CREATE OR REPLACE VIEW mine AS SELECT comment FROM user_tokens",
    "CREATE OR REPLACE TABLE team (name TEXT PRIMARY KEY)",
    "INSERT INTO team VALUES ('sandbox')",
    "UPDATE team SET name = 'other'",
    "REPLACE INTO team VALUES ('third')",
    "DELETE FROM team WHERE name = 'third'",
    "CREATE OR REPLACE MATERIALIZED VIEW kept AS SELECT token_id FROM user_tokens",
    "REFRESH MATERIALIZED VIEW kept",
    "CREATE TABLE copied AS SELECT comment FROM user_tokens",
    "SELECT * FROM mine, team, kept",
    "WITH w AS (SELECT 1 AS a) SELECT a FROM w",
    "INSERT INTO user_tokens (data__comment) SELECT 'x' RETURNING token_value",
    "BEGIN",
    "INSERT INTO user_tokens (data__comment) SELECT 'later' RETURNING token_value",
    "COMMIT",
    "DELETE FROM user_tokens WHERE comment = 'x'",
    """EXEC databricks_workspace.workspace.user_tokens.create @@json = '{"comment": "exec"}'""",
    "REPLACE databricks_workspace.workspace.token_permissions SET data__access_control_list = "
    """'[{"group_name": "users", "permission_level": "CAN_USE"}]'""",
    "SHOW SERVICES IN databricks_workspace",
    "DESCRIBE user_tokens",
    "EXPLAIN SELECT comment FROM user_tokens",
    "USE databricks_workspace.workspace",
    "DELETE FROM tokensh.local.statements WHERE true",
    "DELETE FROM tokensh.local.pending WHERE true",
    "DROP VIEW mine",
    "DROP TABLE team",
]
"""Statements of every kind that writes; some write to the store, the history, the journal or the workspace."""


@pytest.fixture(params=["home", "xdg"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """Return an environment in which somebody has worked on a real workspace, where files are in two places."""
    folders = {name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    # The cache holds nothing but the compiled grammar, which all sessions share.
    return make_environment(tmp_path / "home", variables=folders if request.param == "xdg" else {})


def work_for_real(environment: Environment, site: Sandbox) -> None:
    """Fill the real store, history, journal and named queries, and the files that sessions only read."""
    with tokensh.connect(environment=environment, endpoint=site.endpoint, token=site.token, workspace=A) as connection:
        for statement in EVERY_KIND[:3]:
            run(connection, statement.replace("sandbox", "real"))
        connection.history.add("SELECT 'real'", workspace=A, started=1.0)
    Journal(environment).begin(Intent(1, A, "a.b.c", "lost for real", 60))
    queries = environment.data_folder / "queries"
    queries.mkdir()
    (queries / "mine.sql").write_text("SELECT 'real'")
    environment.config_folder.mkdir(parents=True)
    (environment.config_folder / "config.toml").write_text('workspace = "dbc-abcd0123-a1bc"\n')
    (environment.config_folder / "rc.sql").write_text("SELECT 1;\n")
    (environment.home / ".databrickscfg").write_text("[DEFAULT]\nhost = https://dbc-1.cloud.databricks.com\n")


def read_files(*folders: Path) -> dict[Path, tuple[bytes, int]]:
    """Return content and time of change of every file, without those of sandboxes."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files if "sandbox" not in path.parts}


def use_library(environment: Environment, _: Sandbox) -> None:
    with tokensh.connect(environment=environment, sandbox=True, yes=True) as connection:
        for statement in EVERY_KIND:
            run(connection, statement)
        connection.history.add("SELECT 'rehearsed'", workspace=A, started=1.0)
        assert run(connection, "SELECT statement FROM tokensh.local.statements") == [("SELECT 'rehearsed'",)]


def use_running_sandbox(environment: Environment, site: Sandbox) -> None:
    with tokensh.connect(environment=environment, sandbox=site, yes=True) as connection:
        for statement in EVERY_KIND:
            run(connection, statement)


def use_command_line(environment: Environment, _: Sandbox) -> None:
    status = main(["--sandbox", "--yes", "-c", ";".join(EVERY_KIND)], environment)
    assert status == 0, cast("io.StringIO", environment.stderr).getvalue()


def use_shell(environment: Environment, site: Sandbox) -> None:
    variables = dict(environment.variables)
    with open_shell(site, environment.home, variables, in_sandbox=True) as shell:
        shell.session.connection.yes = True
        for statement in EVERY_KIND:
            assert "error" not in shell.run(f"{statement};"), statement
        shell.run(r"\ns rehearsed SELECT 'sandbox'")
        assert "rehearsed" in shell.run(r"\n")
        assert "'real'" not in shell.run(r"\history")
        assert "/sandbox/" in shell.run(r"\conninfo")


@pytest.mark.parametrize("use", [use_library, use_running_sandbox, use_command_line, use_shell])
def test_nothing_real_is_touched(
    environment: Environment, use: Callable[[Environment, Sandbox], None], site: Sandbox
) -> None:
    environment.home.mkdir()
    work_for_real(environment, site)
    folders = [environment.home, environment.state_folder, environment.data_folder, environment.config_folder]
    before = read_files(*folders)
    assert {path.name for path in before} >= {"store.db", "history.db", "mine.sql", "config.toml", ".databrickscfg"}
    use(environment, site)
    assert read_files(*folders) == before


def test_nothing_real_is_seen(environment: Environment, site: Sandbox) -> None:
    environment.home.mkdir()
    work_for_real(environment, site)
    with tokensh.connect(environment=environment, sandbox=True) as connection:
        assert connection.objects.store.names() == ()
        assert run(connection, "SELECT * FROM tokensh.local.pending") == []
        assert run(connection, "SELECT * FROM tokensh.local.statements") == []
    real = replace(environment, stdout=io.StringIO())
    assert main(["--endpoint", site.endpoint, "-c", "SELECT name FROM team", "-o", "csv", "-H"], real) == 0
    assert cast("io.StringIO", real.stdout).getvalue() == "real\n"


def test_what_was_rehearsed_is_there_in_the_next_sandbox_and_nowhere_else(tmp_path: Path, site: Sandbox) -> None:
    environment = make_environment(tmp_path)
    with tokensh.connect(environment=environment, sandbox=True) as connection:
        run(connection, "CREATE VIEW rehearsed AS SELECT 1 AS a")
    with tokensh.connect(environment=environment, sandbox=True) as connection:
        assert run(connection, "SELECT a FROM rehearsed") == [(1,)]
    with tokensh.connect(environment=environment, endpoint=site.endpoint) as connection:
        assert connection.objects.store.names() == ()


def test_a_store_that_is_named_is_used(tmp_path: Path) -> None:
    environment = make_environment(tmp_path)
    with tokensh.connect(environment=environment, sandbox=True, store=tmp_path / "named.db") as connection:
        run(connection, "CREATE VIEW rehearsed AS SELECT 1 AS a")
    assert (tmp_path / "named.db").exists()
    assert list(tmp_path.rglob("store.db")) == []
