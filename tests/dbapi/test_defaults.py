"""Check which workspace and which credential a session takes from variables, profiles and options, in all combinations."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.environments import make_environment, write_profiles
from tokensh.dbapi.connection import Connection, connect
from tokensh.errors import MissingParameter

HOSTS = {
    # DATABRICKS_HOST -> the workspace that it names
    "": None,
    "https://dbc-1.cloud.databricks.com": "dbc-1",
    "HTTPS://DBC-1.cloud.databricks.com:443/": "dbc-1",
    "dbc-1.cloud.databricks.com/?o=7#x": "dbc-1",
    "https://databricks.corp.example/": "databricks.corp.example",
    "https://accounts.cloud.databricks.com": None,
    '"https://dbc-1.cloud.databricks.com"': None,
}
TWO = "host = https://dbc-2.cloud.databricks.com # comment\ntoken = file-token\n"
FILES = {
    # the file -> the workspace of its default profile
    "": None,
    f"[DEFAULT]\n{TWO}": "dbc-2",
    f"[p]\n{TWO}[__settings__]\ndefault_profile = p\n": "dbc-2",
    f"[p]\n{TWO}[bad]\nnonsense\n": None,
    TWO: "dbc-2",
}
TOKENS: tuple[dict[str, str], ...] = ({}, {"DATABRICKS_TOKEN": "env-token"})
CASES = list(product(HOSTS, FILES, TOKENS, (None, "DBC-2.cloud.databricks.com/", "dbc-3")))


def expected_workspace(host: str, file: str, workspace: str | None) -> str | None:
    if workspace is not None:
        return workspace.lower().partition(".")[0]
    return HOSTS[host] if host else FILES[file]


def expected_source(host: str, file: str, variables: dict[str, str], name: str) -> str | None:
    if variables and (not host or HOSTS[host] == name):
        return "DATABRICKS_TOKEN"
    if name == "dbc-2" and file:
        return "profile p" if "[p]" in file else "profile DEFAULT"
    return None


def open_session(home: Path, host: str, file: str, variables: dict[str, str], workspace: str | None) -> Connection:
    write_profiles(home, file)
    settings = {**variables, "PATH": str(home), **({"DATABRICKS_HOST": host} if host else {})}
    return connect(environment=make_environment(home, variables=settings), workspace=workspace)


@pytest.mark.parametrize(("host", "file", "variables", "workspace"), CASES)
def test_workspace_and_credential_are_those_of_databricks_own_tools(
    host: str, file: str, variables: dict[str, str], workspace: str | None, tmp_path: Path
) -> None:
    with open_session(tmp_path, host, file, variables, workspace) as connection:
        name = expected_workspace(host, file, workspace)
        assert connection.workspace == name
        facts = dict(connection.describe())
    if name is None:
        return
    source = expected_source(host, file, variables, name)
    credential = facts["credential"]
    assert credential == (f"pat from {source}" if source else f"none: no credential for {facts['host'][8:]}")


@pytest.mark.parametrize(
    ("host", "file", "reason"),
    [
        ("", "", "DATABRICKS_HOST is not set; "),
        ("", f"[p]\n{TWO}", "has p (dbc-2.cloud.databricks.com)"),
        ("", "[p]\nnonsense\n", "has p (line 2: it is neither a setting"),
        ("https://accounts.cloud.databricks.com", "", "is an account's, not a workspace's"),
        ('"https://dbc-1.cloud.databricks.com"', "", "leave them out"),
        ("http://dbc-1.cloud.databricks.com", "", "is not https"),
    ],
)
def test_without_a_workspace_the_error_says_why(host: str, file: str, reason: str, tmp_path: Path) -> None:
    with open_session(tmp_path, host, file, {}, None) as connection:
        with pytest.raises(MissingParameter) as caught:
            connection.run("SELECT * FROM user_tokens")
        assert reason in (caught.value.hint or "")
        assert "file-token" not in (caught.value.hint or "")


def test_there_are_enough_combinations() -> None:
    assert len(CASES) >= 120
