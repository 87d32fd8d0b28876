"""Services of a registry tree are read, joined and planned like the shipped one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.sessions import A, B, connect, run
from tests.resilience.client_bench import TOKEN
from tests.resilience.faulty_server import Exchange, FaultyServer
from tests.support import shared_path

USERS = "/api/2.0/preview/scim/v2/Users"
TOKENS = "/api/2.0/token-management/tokens"
PEOPLE = {
    A: [{"id": "1", "userName": "ada@example.com", "active": True}, {"id": "2", "userName": "bob@example.com"}],
    B: [{"id": "3", "userName": "cyd@example.com", "active": False}],
}
LISTED = {
    A: [{"token_id": "a1", "comment": "etl", "created_by_username": "ada@example.com"}],
    B: [{"token_id": "b1", "comment": "bi", "created_by_username": "cyd@example.com"}],
}


def workspaces(exchange: Exchange) -> None:
    """Answers for the users and the tokens of two workspaces."""
    _, _, name, path = exchange.request.path.split("/", 3)
    body = {USERS: {"Resources": PEOPLE[name]}, TOKENS: {"token_infos": LISTED[name]}}[f"/{path}"]
    exchange.reply(200, json.dumps(body).encode())


@pytest.mark.parametrize(
    "condition", ["t.deployment_name = u.deployment_name", "t.deployment_name = 'dbc-abcd0123-a1bc'"]
)
def test_users_of_a_registry_join_the_tokens_they_made(condition: str, tmp_path: Path) -> None:
    registry = shared_path("registry")
    sql = (
        "SELECT u.userName, t.comment, u.active FROM databricks_workspace.iam.users u"
        f" JOIN databricks_workspace.workspace.tokens t ON t.created_by_username = u.userName AND {condition}"
        f" WHERE u.deployment_name IN ('{A}', '{B}') ORDER BY 1"
    )
    with FaultyServer(workspaces) as server:
        endpoint = server.origin + "/w/{deployment_name}"
        with connect(None, tmp_path, {"DATABRICKS_TOKEN": TOKEN}, endpoint=endpoint, registry=registry) as connection:
            rows = run(connection, sql)
    everywhere = [("ada@example.com", "etl", True), ("cyd@example.com", "bi", False)]
    assert rows == (everywhere if "u.deployment_name" in condition else everywhere[:1])
    asked = [f"/w/{A}{USERS}", f"/w/{B}{USERS}", f"/w/{A}{TOKENS}", f"/w/{B}{TOKENS}"]
    assert sorted(exchange.path for exchange in server.log) == sorted(
        asked if "u.deployment_name" in condition else asked[:3]
    )
