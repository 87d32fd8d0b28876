"""Check `--auth`: where StackQL's JSON says that a credential is, and which hosts it may go to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.environments import make_environment
from tokensh.api.auth import ConfiguredCredential
from tokensh.api.hosts import parse_origin
from tokensh.api.oauth import ServicePrincipal
from tokensh.api.stackql_auth import parse_auth
from tokensh.errors import InterfaceError

ACCOUNT_URL = "https://accounts.cloud.databricks.com/oidc/accounts/{}/v1/token"
TEMPLATE = ACCOUNT_URL.format("{{ .__env__DATABRICKS_ACCOUNT_ID }}")
VARIABLES = {
    "DATABRICKS_TOKEN": "my-token",
    "OTHER": "other-token",
    "DATABRICKS_CLIENT_ID": "robot",
    "DATABRICKS_CLIENT_SECRET": "my-secret",
    "DATABRICKS_ACCOUNT_ID": "acc-1",
}
BEARER = {"type": "bearer", "credentialsenvvar": "DATABRICKS_TOKEN"}
MACHINE = {
    "type": "oauth2",
    "grant_type": "client_credentials",
    "client_id_env_var": "DATABRICKS_CLIENT_ID",
    "client_secret_env_var": "DATABRICKS_CLIENT_SECRET",
    "token_url": TEMPLATE,
    "scopes": ["all-apis"],
}
WORKSPACE = "https://dbc-1.cloud.databricks.com"


def setting(home: Path, auth: dict[str, object], **variables: str) -> ConfiguredCredential:
    text = json.dumps({"databricks_workspace": auth, "github": {"type": "null_auth"}})
    credential = parse_auth(text, make_environment(home, variables=VARIABLES | variables))
    assert credential is not None
    return credential


@pytest.mark.parametrize(
    ("auth", "secret"),
    [
        (BEARER, "my-token"),
        ({"type": "bearer", "credentialsenvvar": "OTHER"}, "other-token"),
        ({"type": "api_key", "valuePrefix": "Bearer ", "credentialsenvvar": "OTHER"}, "other-token"),
        (MACHINE, ServicePrincipal("robot", "my-secret", "acc-1")),
        ({"type": "oauth2"}, ServicePrincipal("robot", "my-secret", "acc-1")),
        ({**MACHINE, "client_id": "me"}, ServicePrincipal("me", "my-secret", "acc-1")),
        ({**MACHINE, "token_url": f"{WORKSPACE}/oidc/v1/token"}, ServicePrincipal("robot", "my-secret", "")),
    ],
)
def test_the_credential_is_where_the_json_says(tmp_path: Path, auth: dict[str, object], secret: object) -> None:
    assert setting(tmp_path, auth).secret == secret


def test_a_file_can_hold_the_token(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("file-token\n")
    key.chmod(0o600)
    credential = setting(tmp_path, {"type": "bearer", "credentialsfilepath": str(key)})
    assert credential.secret == "file-token"
    key.chmod(0o644)
    with pytest.raises(InterfaceError, match="other users can read it"):
        setting(tmp_path, {"type": "bearer", "credentialsfilepath": str(key)})


@pytest.mark.parametrize(
    ("auth", "variables", "origin", "goes"),
    [
        (BEARER, {}, WORKSPACE, True),
        (BEARER, {}, "https://databricks.example.com", False),
        (BEARER, {"DATABRICKS_HOST": "dbc-2.cloud.databricks.com"}, WORKSPACE, False),
        (BEARER, {"DATABRICKS_HOST": "not a host"}, WORKSPACE, False),
        (MACHINE, {}, WORKSPACE, True),
        (MACHINE, {}, "https://adb-1.2.azuredatabricks.net", False),
        ({**MACHINE, "token_url": f"{WORKSPACE}/oidc/v1/token"}, {}, WORKSPACE, True),
        ({**MACHINE, "token_url": f"{WORKSPACE}/oidc/v1/token"}, {}, "https://dbc-2.cloud.databricks.com", False),
        ({"type": "bearer", "credentialsenvvar": "OTHER"}, {"DATABRICKS_HOST": "dbc-2.cloud.databricks.com"}, WORKSPACE, True),
    ],
)  # fmt: skip
def test_it_goes_to_its_own_host_alone(
    tmp_path: Path, auth: dict[str, object], variables: dict[str, str], origin: str, goes: bool
) -> None:
    target = parse_origin(origin)
    assert target is not None
    assert (setting(tmp_path, auth, **variables).reason_not_allowed(target) is None) == goes


def test_another_providers_setting_is_none_of_ours(tmp_path: Path) -> None:
    assert parse_auth('{"github": {"type": "basic"}}', make_environment(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "not an object of providers"),
        ('{"databricks_workspace": "dapi-secret"}', "not an object of providers"),
        ('{"databricks_workspace": {}}', "type null"),
        ('{"databricks_workspace": {"type": "azure_default"}}', 'type "azure_default"'),
        ('{"databricks_workspace": {"type": "api_key", "credentialsenvvar": "OTHER"}}', 'type "api_key"'),
        ('{"databricks_workspace": {"type": "bearer"}}', "needs credentialsenvvar"),
        ('{"databricks_workspace": {"type": "bearer", "credentialsenvvar": "NONE"}}', "NONE, which is not set"),
        ('{"databricks_workspace": {"type": "bearer", "credentialsfilepath": "/none/x"}}', "cannot read /none/x"),
        (
            '{"databricks_workspace": {"type": "bearer", "api_key": "dapi-secret"}}',
            "contains the secret api_key itself",
        ),
        ('{"databricks_workspace": {"type": "oauth2", "client_secret": "dapi-secret"}}', "contains the secret"),
        (
            '{"databricks_workspace": {"type": "oauth2", "token_url": "https://evil.example/dapi-secret"}}',
            "not a token end",
        ),
        ('{"databricks_workspace": {"type": "oauth2", "token_url": "{{ .__env__NONE }}"}}', "NONE, which is not set"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InterfaceError, match=message) as caught:
        parse_auth(text, make_environment(tmp_path, variables=VARIABLES))
    assert "dapi-secret" not in f"{caught.value!r} {caught.value.hint}"
