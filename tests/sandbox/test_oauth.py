"""OAuth discovery and client credentials work as at a workspace and at the account's host."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.cases import each_case
from tests.sandbox.api import ORIGIN, WORKSPACE, Api, new_state
from tokensh.sandbox.http import Reply
from tokensh.sandbox.seed import ACCOUNT_ID, CLIENT_SECRET, ROBOT

GOOD = b"grant_type=client_credentials&scope=all-apis"
ACCOUNT_PATH = f"/oidc/accounts/{ACCOUNT_ID}/v1/token"
WORKSPACES_PATH = f"/api/2.0/accounts/{ACCOUNT_ID}/workspaces"


def basic(name: str = ROBOT.name, secret: str = CLIENT_SECRET) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def ask(api: Api, path: str = "/oidc/v1/token", header: str | None = None, form: bytes = GOOD) -> Reply:
    return api.reply("POST", path, form, headers={"authorization": header or basic()})


def access(api: Api, path: str = "/oidc/v1/token") -> Any:
    reply = ask(api, path)
    assert reply.status == 200
    return json.loads(reply.body)


@pytest.mark.parametrize("workspace", [WORKSPACE, ""])
def test_discovery_leads_to_the_token_endpoint(workspace: str) -> None:
    """Without a credential, below a workspace and at the origin."""
    api = Api(token=None, workspace=workspace)
    base = ORIGIN + (f"/w/{workspace}" if workspace else "")
    config = api.call("GET", "/.well-known/databricks-config")
    assert config["oidc_endpoint"] == base + "/oidc"
    assert ("workspace_id" in config) == bool(workspace)
    metadata = api.call("GET", "/oidc/.well-known/oauth-authorization-server")
    assert metadata["token_endpoint"] == base + "/oidc/v1/token"


def test_a_workspace_token_is_good_in_its_workspace_only() -> None:
    api = Api()
    answer = access(api)
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 3600, "all-apis")
    robot = api.as_bearer(answer["access_token"])
    assert [row["comment"] for row in robot.own()] == ["deployer, on behalf"]
    assert robot.at("dbc-bcde1234-b2cd").refusal("GET", "/api/2.0/token/list")[0] == 403
    assert robot.at("").refusal("GET", WORKSPACES_PATH)[0] == 403


@pytest.mark.parametrize("path", ["/oidc/v1/token", ACCOUNT_PATH])
def test_an_account_token_is_good_everywhere(path: str) -> None:
    state = new_state()
    token = access(Api(state, workspace=""), path)["access_token"]
    robot = Api(state, token, "")
    names = [row["deployment_name"] for row in robot.call("GET", WORKSPACES_PATH)]
    assert names[0] == WORKSPACE
    assert all(len(robot.at(name).own()) == 1 for name in names)


def test_an_access_token_expires() -> None:
    api = Api(new_state(oauth_lifetime=10))
    robot = api.as_bearer(access(api)["access_token"])
    robot.own()
    api.state.clock.offset = 10
    assert robot.refusal("GET", "/api/2.0/token/list") == (401, 401, "Token is expired. [ReqId: request-1]")


@each_case(
    ("header", "form", "status", "error"),
    [
        (basic(secret="wrong"), GOOD, 401, "invalid_client"),
        (basic("someone"), GOOD, 401, "invalid_client"),
        ("Basic !!!", GOOD, 401, "invalid_client"),
        ("Basic /w==", GOOD, 401, "invalid_client"),
        (f"Bearer {CLIENT_SECRET}", GOOD, 401, "invalid_client"),
        (basic(), b"grant_type=password", 400, "unsupported_grant_type"),
        (basic(), b"", 400, "unsupported_grant_type"),
    ],
)
def test_refusals_have_the_shape_of_oauth(header: str, form: bytes, status: int, error: str) -> None:
    reply = ask(Api(), header=header, form=form)
    value = json.loads(reply.body)
    assert (reply.status, value["error"]) == (status, error)
    assert CLIENT_SECRET not in reply.body.decode()


def test_another_account_is_unknown() -> None:
    reply = ask(Api(token=None, workspace=""), "/oidc/accounts/other/v1/token")
    assert reply.status == 401
