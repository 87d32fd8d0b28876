"""pystackql, StackQL's Python package, works with the tokensh command in the place of its binary."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tokensh
from tests.engine.sessions import A, B, list_requests
from tokensh import __version__
from tokensh.sandbox import Sandbox

pystackql = pytest.importorskip("pystackql", reason="needs tokensh[interfaces]")
pytestmark = [
    pytest.mark.interfaces,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere pystackql looks for other files"),
    # What pandas and pystackql do among themselves is not ours.
    pytest.mark.filterwarnings("default"),
]

SELECT = f"SELECT comment, expiry_time FROM databricks_workspace.workspace.user_tokens WHERE deployment_name = '{A}' AND expiry_time = -1"
Client = Callable[..., Any]


@pytest.fixture
def client(site: Sandbox, tmp_path: Path) -> Client:
    command = tmp_path / "bin" / "stackql"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tokensh "$@"\n')
    command.chmod(0o700)
    return lambda **settings: pystackql.StackQL(download_dir=str(command.parent), **settings)


def test_it_reads_our_version(client: Client) -> None:
    made = client()
    assert (made.version, made.sha) == (__version__, ".".join(map(str, sys.version_info[:3])))


def test_it_reads_rows_as_dictionaries(client: Client) -> None:
    assert client().execute(SELECT) == [{"comment": "terraform ci", "expiry_time": -1}]


def test_no_rows_are_an_empty_list(client: Client) -> None:
    assert client().execute(f"{SELECT} AND comment = 'none'") == []


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "terraform ci,-1\n"),
        ({"header": True}, "comment,expiry_time\nterraform ci,-1\n"),
        ({"sep": ":", "header": True}, "comment:expiry_time\nterraform ci:-1\n"),
    ],
)
def test_it_reads_csv(settings: dict[str, Any], text: str, client: Client) -> None:
    assert client(output="csv", **settings).execute(SELECT) == text


def test_it_makes_a_data_frame(client: Client) -> None:
    assert client(output="pandas").execute(SELECT).to_dict("records") == [
        {"comment": "terraform ci", "expiry_time": -1}
    ]


def test_it_joins_workspaces_and_keeps_documents(client: Client) -> None:
    sql = f"SELECT deployment_name, json_object('n', count(*)) AS tokens FROM user_tokens WHERE deployment_name IN ('{A}', '{B}') GROUP BY 1"
    assert [(row["deployment_name"], type(row["tokens"])) for row in client().execute(sql)] == [(A, dict), (B, dict)]


def test_a_statement_without_rows_gives_stackqls_message(client: Client, site: Sandbox) -> None:
    with tokensh.connect(workspace=A) as connection:
        mint = "INSERT INTO user_tokens (comment) VALUES ('p') RETURNING token_value, json_extract(token_info, '$.token_id')"
        ((_, created),) = connection.cursor().execute(mint)
    site.clear_log()
    sql = f"EXEC user_tokens.revoketoken @deployment_name = '{A}', @token_id = '{created!s}'"
    assert client().executeStmt(sql)["message"].endswith("The operation was despatched successfully")
    assert list_requests(site) == [f"POST {A} delete"]


def test_an_error_is_an_error_to_it(client: Client) -> None:
    made = client()
    (found,) = made.execute("SELECT toke_id FROM user_tokens", suppress_errors=False)
    assert "unknown column 'toke_id'" in found["error"]
    (found,) = made.executeStmt("SELECT toke_id FROM user_tokens")
    assert "unknown column 'toke_id'" in found["error"]


def test_its_auth_and_variables_reach_us(client: Client, site: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_TOKEN")
    auth = {"databricks_workspace": {"type": "bearer", "credentialsenvvar": "ANOTHER"}}
    found = client().execute(SELECT, custom_auth=auth, env_vars={"ANOTHER": site.token})
    assert found == [{"comment": "terraform ci", "expiry_time": -1}]


def test_every_setting_it_has_a_flag_for_is_understood(client: Client) -> None:
    made = client(
        app_root="/nowhere", execution_concurrency_limit=4, max_results=10, page_limit=-1, max_depth=3, api_timeout=20
    )
    assert len(made.execute(SELECT)) == 1
