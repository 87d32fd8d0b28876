"""The vendor's own client, databricks-sdk, takes the sandbox for a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.client import WORKSPACE
from tokensh.sandbox import Sandbox

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

pytest.importorskip("databricks.sdk", reason="databricks-sdk is not installed")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The SDK reads variables and a file of the home folder; neither may decide here."""
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)


def connect(sandbox: Sandbox, **credential: Any) -> WorkspaceClient:
    from databricks.sdk import WorkspaceClient  # noqa: PLC0415 (takes seconds)
    from databricks.sdk.config import Config  # noqa: PLC0415 (the same)

    host = sandbox.endpoint.replace("{deployment_name}", WORKSPACE)
    config = Config(host=host, http_timeout_seconds=10, retry_timeout_seconds=10, **credential)
    return WorkspaceClient(config=config)


def test_tokens(sandbox: Sandbox) -> None:
    from databricks.sdk.errors import InvalidParameterValue, PermissionDenied, ResourceDoesNotExist  # noqa: PLC0415 (slow)

    client = connect(sandbox, token=sandbox.token)
    before = list(client.tokens.list())
    made = client.tokens.create(comment="from the SDK", lifetime_seconds=3600)
    assert made.token_info is not None
    assert made.token_info.token_id is not None
    assert list(client.tokens.list()) == [*before, made.token_info]
    client.tokens.delete(made.token_info.token_id)
    assert list(client.tokens.list()) == before
    with pytest.raises(ResourceDoesNotExist):
        client.tokens.delete(made.token_info.token_id)
    with pytest.raises(InvalidParameterValue):
        client.tokens.create(comment="x" * 256)
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        list(connect(sandbox, token=made.token_value).tokens.list())


def test_token_management(sandbox: Sandbox) -> None:
    client = connect(sandbox, token=sandbox.token)
    rows = list(client.token_management.list(created_by_username="ed@example.com"))
    assert [row.comment for row in rows] == ["ed's scratch pad"]
    [row] = rows
    assert row.token_id is not None
    assert client.token_management.get(row.token_id).token_info == row
    client.token_management.delete(row.token_id)
    assert row not in list(client.token_management.list())
    made = client.token_management.create_obo_token(sandbox.client_id, comment="obo", lifetime_seconds=60)
    assert made.token_value is not None
    assert made.token_value.startswith("dapi")


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
