"""Databricks' own client, databricks-sdk, works with the sandbox as with a workspace."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.client import WORKSPACE
from tokensh.sandbox import Sandbox, start

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

# Importing it takes 2 s of CPU: each process that collects the tests would.
pytestmark = pytest.mark.skipif(find_spec("databricks") is None, reason="databricks-sdk is not installed")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the variables and the file in the home folder that the SDK would read."""
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)


def connect(sandbox: Sandbox, **credential: Any) -> WorkspaceClient:
    return client_of(sandbox.endpoint, **credential)


def client_of(endpoint: str, **credential: Any) -> WorkspaceClient:
    from databricks.sdk import WorkspaceClient  # noqa: PLC0415 (takes seconds)
    from databricks.sdk.config import Config  # noqa: PLC0415 (the same)

    host = endpoint.replace("{deployment_name}", WORKSPACE)
    config = Config(host=host, http_timeout_seconds=10, retry_timeout_seconds=10, **credential)
    return WorkspaceClient(config=config)


def test_tokens(sandbox: Sandbox) -> None:
    from databricks.sdk.errors import InvalidParameterValue, PermissionDenied, ResourceDoesNotExist  # noqa: PLC0415 (slow)

    client = connect(sandbox, token=sandbox.token)
    before = list(client.tokens.list())
    created = client.tokens.create(comment="from the SDK", lifetime_seconds=3600)
    assert created.token_info is not None
    assert created.token_info.token_id is not None
    assert list(client.tokens.list()) == [*before, created.token_info]
    client.tokens.delete(created.token_info.token_id)
    assert list(client.tokens.list()) == before
    with pytest.raises(ResourceDoesNotExist):
        client.tokens.delete(created.token_info.token_id)
    with pytest.raises(InvalidParameterValue):
        client.tokens.create(comment="x" * 256)
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        list(connect(sandbox, token=created.token_value).tokens.list())


def test_token_management(sandbox: Sandbox) -> None:
    client = connect(sandbox, token=sandbox.token)
    rows = list(client.token_management.list(created_by_username="ed@example.com"))
    assert [row.comment for row in rows] == ["ed's scratch pad"]
    [row] = rows
    assert row.token_id is not None
    assert client.token_management.get(row.token_id).token_info == row
    client.token_management.delete(row.token_id)
    assert row not in list(client.token_management.list())
    created = client.token_management.create_obo_token(sandbox.client_id, comment="obo", lifetime_seconds=60)
    assert created.token_value is not None
    assert created.token_value.startswith("dapi")


def test_a_lifetime_of_zero_is_the_error_that_the_sdk_knows(sandbox: Sandbox) -> None:
    from databricks.sdk.errors import InvalidParameterValue  # noqa: PLC0415 (slow)

    client = connect(sandbox, token=sandbox.token)
    with pytest.raises(InvalidParameterValue, match="Invalid timeout: 0"):
        client.tokens.create(comment="x", lifetime_seconds=0)
    with pytest.raises(InvalidParameterValue, match="Invalid timeout: 0"):
        client.token_management.create_obo_token(sandbox.client_id, lifetime_seconds=0)


@pytest.mark.parametrize("kind", ["token", "service principal"])
def test_a_profile_is_enough(kind: str, sandbox: Sandbox, tmp_path: Path) -> None:
    from databricks.sdk import WorkspaceClient  # noqa: PLC0415 (slow)

    credential = (
        f"token = {sandbox.token}"
        if kind == "token"
        else f"client_id = {sandbox.client_id}\nclient_secret = {sandbox.client_secret}"
    )
    host = sandbox.endpoint.replace("{deployment_name}", WORKSPACE)
    (tmp_path / "none").write_text(f"[rehearsal]\nhost = {host}\n{credential}\n")
    client = WorkspaceClient(profile="rehearsal")
    created = client.tokens.create(comment="by profile", lifetime_seconds=60).token_info
    assert created is not None
    assert created.token_id is not None
    assert created in list(client.tokens.list())
    assert created.token_id in [row.token_id for row in client.token_management.list()]
    client.tokens.delete(created.token_id)
    minted = client.token_management.create_obo_token(sandbox.client_id, comment="obo", lifetime_seconds=60)
    assert minted.token_info is not None
    assert minted.token_info.owner_id != minted.token_info.created_by_id or kind != "token"
    assert client.token_management.get_permissions().object_id == "/authorization/tokens"


def test_a_host_without_a_path_is_enough() -> None:
    with start(root=WORKSPACE) as sandbox:
        for credential in (
            {"token": sandbox.token},
            {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret},
        ):
            client = client_of(sandbox.origin, **credential)
            created = client.tokens.create(comment="at the root", lifetime_seconds=60).token_info
            assert created in list(client.tokens.list())


def test_permissions(sandbox: Sandbox) -> None:
    from databricks.sdk.service.settings import TokenAccessControlRequest, TokenPermissionLevel  # noqa: PLC0415 (slow)

    client = connect(sandbox, token=sandbox.token)
    entry = TokenAccessControlRequest(group_name="users", permission_level=TokenPermissionLevel.CAN_USE)
    client.token_management.set_permissions(access_control_list=[entry])
    listed = client.token_management.get_permissions().access_control_list or []
    assert [row.group_name for row in listed] == ["admins", "users"]
    levels = client.token_management.get_permission_levels().permission_levels
    assert levels is not None
    assert len(levels) == 2


def test_machine_to_machine(sandbox: Sandbox) -> None:
    client = connect(sandbox, client_id=sandbox.client_id, client_secret=sandbox.client_secret)
    assert client.current_user.me().user_name == sandbox.client_id
    assert [token.comment for token in client.tokens.list()] == ["deployer, on behalf"]


def test_whoami_and_settings(sandbox: Sandbox) -> None:
    client = connect(sandbox, token=sandbox.token)
    assert client.current_user.me().display_name == "Ada Admin"
    client.workspace_conf.set_status({"maxTokenLifetimeDays": "90"})
    assert client.workspace_conf.get_status("maxTokenLifetimeDays") == {"maxTokenLifetimeDays": "90"}


def test_permissions_are_added_to(sandbox: Sandbox) -> None:
    from databricks.sdk.service.settings import TokenAccessControlRequest, TokenPermissionLevel  # noqa: PLC0415 (slow)

    client = connect(sandbox, token=sandbox.token)
    entry = TokenAccessControlRequest(user_name="gus@example.com", permission_level=TokenPermissionLevel.CAN_USE)
    client.token_management.update_permissions(access_control_list=[entry])
    listed = client.token_management.get_permissions().access_control_list or []
    assert {row.user_name or row.group_name for row in listed} == {"admins", "token-users", "gus@example.com"}
    assert list(connect(sandbox, token=sandbox.guest_token).tokens.list()) == []


def test_refusals_are_the_errors_that_the_sdk_knows(sandbox: Sandbox) -> None:
    from databricks.sdk.errors import NotFound, PermissionDenied  # noqa: PLC0415 (slow)
    from databricks.sdk.errors.base import DatabricksError  # noqa: PLC0415 (slow)

    user, guest = (connect(sandbox, token=token) for token in (sandbox.user_token, sandbox.guest_token))
    with pytest.raises(PermissionDenied, match="does not have permission to use tokens"):
        guest.tokens.create(comment="no")
    with pytest.raises(PermissionDenied, match="not an admin"):
        list(user.token_management.list())
    admin = connect(sandbox, token=sandbox.token)
    admin.workspace_conf.set_status({"enableTokensConfig": "false"})
    with pytest.raises(NotFound, match="Tokens are disabled"):
        list(admin.tokens.list())
    admin.workspace_conf.set_status({"enableTokensConfig": "true"})
    sandbox.state.settings.quota = 0
    with pytest.raises(DatabricksError, match="quota"):
        admin.tokens.create(comment="one too many")


def test_the_account_lists_its_workspaces(sandbox: Sandbox) -> None:
    from databricks.sdk import AccountClient  # noqa: PLC0415 (slow)

    account = AccountClient(
        host=sandbox.origin,
        account_id=sandbox.account_id,
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
    )
    assert [workspace.deployment_name for workspace in account.workspaces.list()] == list(sandbox.workspaces)


def test_the_program_serves_it_with_either_credential() -> None:
    command = [sys.executable, "-m", "tokensh.sandbox", "--credentials"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        credentials = dict(process.stdout.readline().split() for _ in range(7))
        try:
            client = client_of(credentials["endpoint"], token=credentials["token"])
            created = client.tokens.create(comment="from the SDK", lifetime_seconds=3600)
            minted = client_of(credentials["endpoint"], token=created.token_value)
            assert "from the SDK" in [token.comment for token in minted.tokens.list()]
            assert created.token_info is not None
            assert created.token_info.token_id is not None
            client.tokens.delete(created.token_info.token_id)
            machine = client_of(
                credentials["endpoint"], client_id=credentials["client_id"], client_secret=credentials["client_secret"]
            )
            assert {token.comment for token in machine.token_management.list()} > {
                "deployer, on behalf",
                "dbt production",
            }
        finally:
            process.kill()
