"""Check credentials that expire: which one reaches the server from which source, and how often it is requested."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.environments import make_environment, write_profiles
from tokensh import sandbox
from tokensh.api.oauth import request_cli_token
from tokensh.dbapi.connection import Connection, connect
from tokensh.errors import ApiError, CredentialError, Error, SeveralErrors
from tokensh.sandbox import Sandbox

WORKSPACE, OTHER = "dbc-abcd0123-a1bc", "dbc-bcde1234-b2cd"
SELECT = "SELECT token_id FROM user_tokens WHERE deployment_name = '{}'"
TOKEN_PATH = "/oidc/v1/token"


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running


@dataclass
class Run:
    """One statement's connection; `bearer` is what the listing was signed with."""

    site: Sandbox
    connection: Connection

    def select(self, workspace: str = WORKSPACE) -> None:
        list(self.connection.run(SELECT.format(workspace)).rows)

    @property
    def bearers(self) -> list[str]:
        return [entry.authorization for entry in self.site.log if entry.path.endswith("/token/list")]

    def asked(self, path: str) -> int:
        return sum(entry.path == path for entry in self.site.log)


def connected(
    site: Sandbox,
    home: Path,
    variables: dict[str, str] | None = None,
    file: str = "",
    now: Callable[[], float] = time.time,
    **more: str,
) -> Run:
    if file:
        write_profiles(home, file.format(origin=site.origin, token=site.token, secret=site.client_secret))
    settings = {"PATH": str(home), **(variables or {})}
    environment = make_environment(home, variables=settings, now=now)
    return Run(site, connect(environment=environment, endpoint=site.endpoint, **more))  # type: ignore[arg-type]


def machine(site: Sandbox, **more: str) -> dict[str, str]:
    return {"DATABRICKS_CLIENT_ID": site.client_id, "DATABRICKS_CLIENT_SECRET": site.client_secret, **more}


# ---- what reaches the server: sources x hosts

PAT_FILE = "[DEFAULT]\nhost = {origin}\ntoken = {token}\n"
M2M_FILE = "[robot]\nhost = {origin}\nclient_id = robot\nclient_secret = {secret}\n"
FAR_FILE = "[far]\nhost = https://dbc-far.cloud.databricks.com\ntoken = far-token\n"
EMPTY_FILE = "[empty]\nhost = {origin}\n"
HERE = {"DATABRICKS_HOST": "{origin}"}
ELSEWHERE = {"DATABRICKS_HOST": "https://dbc-far.cloud.databricks.com"}
TOKEN = {"DATABRICKS_TOKEN": "{token}"}
MACHINE = {"DATABRICKS_CLIENT_ID": "{client}", "DATABRICKS_CLIENT_SECRET": "{secret}"}
ACCOUNT = {**MACHINE, "DATABRICKS_ACCOUNT_ID": "{account}"}
WRONG = {**MACHINE, "DATABRICKS_CLIENT_SECRET": "wrong-secret-of-eight"}

SOURCES: list[tuple[str, dict[str, str], str]] = [
    # what is configured: variables, file -> what signs the request
    ("nothing", {}, ""),
    ("token", TOKEN, ""),
    ("token and its host", {**TOKEN, **HERE}, ""),
    ("token of another host", {**TOKEN, **ELSEWHERE}, ""),
    ("machine", MACHINE, ""),
    ("machine and its host", {**MACHINE, **HERE}, ""),
    ("machine of another host", {**MACHINE, **ELSEWHERE}, ""),
    ("account", ACCOUNT, ""),
    ("account of another host", {**ACCOUNT, **ELSEWHERE}, ""),
    ("token before machine", {**TOKEN, **MACHINE}, ""),
    ("profile", {}, PAT_FILE),
    ("token before profile", {**TOKEN, **HERE}, M2M_FILE),
    ("machine profile", {}, M2M_FILE),
    ("profile of another host", {}, FAR_FILE),
    ("profile of another host, and token", TOKEN, FAR_FILE),
    ("profile without a credential, and token", TOKEN, EMPTY_FILE),
    ("profile without a credential", {}, EMPTY_FILE),
    ("half a machine", {"DATABRICKS_CLIENT_ID": "{client}"}, ""),
    ("wrong secret", WRONG, ""),
]
SIGNED = {
    "token": "pat",
    "token and its host": "pat",
    "machine": "oauth",
    "machine and its host": "oauth",
    "account": "oauth",
    "token before machine": "pat",
    "profile": "pat",
    "token before profile": "pat",
    "machine profile": "oauth",
    "profile of another host, and token": "pat",
    "profile without a credential, and token": "pat",
}


@pytest.mark.parametrize("workspace", [WORKSPACE, OTHER])
@pytest.mark.parametrize(("name", "variables", "file"), SOURCES, ids=[name for name, _, _ in SOURCES])
def test_a_source_signs_requests_to_its_own_host_or_nothing_is_sent(
    name: str, variables: dict[str, str], file: str, workspace: str, site: Sandbox, tmp_path: Path
) -> None:
    values = {
        "origin": site.origin,
        "token": site.token,
        "client": site.client_id,
        "secret": site.client_secret,
        "account": site.account_id,
    }
    settings = {key: value.format(**values) for key, value in variables.items()}
    run = connected(site, tmp_path, settings, file.replace("= robot", f"= {site.client_id}"))
    if name not in SIGNED:
        with pytest.raises(CredentialError) as caught:
            run.select(workspace)
        assert run.bearers == []
        for secret in (site.token, site.client_secret, "far-token", "wrong-secret-of-eight"):
            assert secret not in f"{caught.value!r} {caught.value.looked_at} {caught.value.hint}"
        return
    run.select(workspace)
    (bearer,) = run.bearers
    assert (bearer == f"Bearer {site.token}") == (SIGNED[name] == "pat")


@pytest.mark.parametrize(
    ("profile", "message"), [("far", "is for https://dbc-far"), ("missing", "has no profile"), ("DEFAULT", None)]
)
def test_a_profile_that_is_named_is_the_only_one(
    profile: str, message: str | None, site: Sandbox, tmp_path: Path
) -> None:
    if message is None:
        run = connected(site, tmp_path, {}, PAT_FILE + FAR_FILE, profile=profile)
        run.select()
        assert run.bearers == [f"Bearer {site.token}"]
        return
    with pytest.raises(CredentialError, match=message):
        connected(site, tmp_path, {}, PAT_FILE + FAR_FILE, profile=profile).select()


# ---- how often it is fetched


def test_one_token_serves_a_workspace_until_40_s_before_its_end(site: Sandbox, tmp_path: Path) -> None:
    clock = [1_800_000_000.0]
    run = connected(site, tmp_path, machine(site), now=lambda: clock[0])
    for seconds, fetched in ((0, 1), (3500, 1), (50, 1), (15, 2)):
        clock[0] += seconds
        run.select()
        assert run.asked(TOKEN_PATH) == fetched


def test_a_token_that_is_refused_is_fetched_again_once(site: Sandbox, tmp_path: Path) -> None:
    run = connected(site, tmp_path, machine(site))
    site.fault("GET */token/list", status=401)
    run.select()
    assert run.asked(TOKEN_PATH) == 2
    site.fault("GET */token/list", status=401, times=None)
    with pytest.raises(ApiError):
        run.select()
    assert run.asked(TOKEN_PATH) == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"message": "Invalid Token"}),
        (403, {"error_code": 403, "message": "Invalid access token."}),
        (400, "Invalid Token"),
    ],
    ids=str,
)
def test_a_token_that_is_called_invalid_is_fetched_again_once(
    status: int, body: object, site: Sandbox, tmp_path: Path
) -> None:
    run = connected(site, tmp_path, machine(site))
    site.fault("GET */token/list", status=status, body=body)
    run.select()
    assert run.asked(TOKEN_PATH) == 2
    site.fault("GET */token/list", status=status, body=body, times=None)
    with pytest.raises(ApiError) as caught:
        run.select()
    assert caught.value.credential == "DATABRICKS_CLIENT_ID"
    assert run.asked(TOKEN_PATH) == 3


def test_a_token_endpoint_that_is_busy_is_asked_again(site: Sandbox, tmp_path: Path) -> None:
    site.fault("POST */oidc/v1/token", status=429, headers={"Retry-After": "0"}, times=2)
    run = connected(site, tmp_path, machine(site))
    run.select()
    assert run.asked(TOKEN_PATH) == 3
    site.fault("POST */oidc/v1/token", status=429, headers={"Retry-After": "0"}, times=None)
    with pytest.raises(CredentialError) as caught:
        connected(site, tmp_path, machine(site)).select()
    assert "client id and secret right" not in str(caught.value.hint)


def test_a_token_with_other_keys_beside_it_is_one(site: Sandbox, tmp_path: Path) -> None:
    answer = {"access_token": site.token, "expires_in": 3600, "status": "approved", "message": "hello"}
    site.fault("POST */oidc/v1/token", body=answer)
    connected(site, tmp_path, machine(site)).select()


def test_many_workspaces_share_one_token_of_the_account(tmp_path: Path) -> None:
    with sandbox.start(any_workspace=True) as site:
        run = connected(site, tmp_path, machine(site, DATABRICKS_ACCOUNT_ID=site.account_id))
        names = ", ".join(f"'w{i}'" for i in range(60))
        list(run.connection.run(f"SELECT 1 FROM user_tokens WHERE deployment_name IN ({names})").rows)
        assert run.asked(f"/oidc/accounts/{site.account_id}/v1/token") == 1
        assert len(run.bearers) == 60


MANY = "SELECT 1 FROM user_tokens WHERE deployment_name IN ({})".format(", ".join(f"'w{i}'" for i in range(60)))


def test_a_secret_that_is_wrong_is_not_tried_by_all_who_wait_for_its_token(tmp_path: Path) -> None:
    with sandbox.start(any_workspace=True) as site:
        wrong = {"DATABRICKS_ACCOUNT_ID": site.account_id, "DATABRICKS_CLIENT_SECRET": "wrong-secret-of-eight"}
        clock = [1_800_000_000.0]
        run = connected(site, tmp_path, machine(site, **wrong), now=lambda: clock[0])
        for tries in (1, 2):
            with pytest.raises(SeveralErrors, match="60 of 60 workspaces failed"):
                list(run.connection.run(MANY).rows)
            assert len(site.log) == tries
            clock[0] += 1


def test_a_token_that_is_revoked_under_way_is_fetched_again_by_one_for_all(tmp_path: Path) -> None:
    with sandbox.start(any_workspace=True) as site:
        run = connected(site, tmp_path, machine(site, DATABRICKS_ACCOUNT_ID=site.account_id))
        list(run.connection.run(MANY).rows)
        site.state.clock.offset += 3700  # ours is behind: we take the token for a good one
        list(run.connection.run(MANY).rows)
        assert run.asked(f"/oidc/accounts/{site.account_id}/v1/token") == 2
        answers = [entry.status for entry in site.log if entry.path.endswith("/token/list")]
        assert answers.count(200) == 120
        assert answers.count(401) <= 16


@pytest.mark.parametrize(
    "missing", [["GET */.well-known/databricks-config"], ["GET */.well-known/*"]], ids=["no metadata", "no discovery"]
)
def test_a_workspace_without_discovery_documents_is_asked_where_tokens_usually_are(
    missing: list[str], site: Sandbox, tmp_path: Path
) -> None:
    for pattern in missing:
        site.fault(pattern, status=404, times=None)
    run = connected(site, tmp_path, machine(site))
    run.select()
    assert len(run.bearers) == 1


@pytest.mark.parametrize("endpoint", ["https://evil.example/oidc", "http://169.254.169.254/", "ftp://x", 7, None])
def test_a_discovery_document_cannot_send_the_secret_elsewhere(endpoint: object, site: Sandbox, tmp_path: Path) -> None:
    site.fault("GET */.well-known/databricks-config", body={"oidc_endpoint": endpoint}, times=None)
    site.fault("GET */.well-known/oauth-authorization-server", body={"token_endpoint": endpoint}, times=None)
    run = connected(site, tmp_path, machine(site))
    run.select()
    assert run.asked(TOKEN_PATH) == 1


@pytest.mark.parametrize(
    "answer", [{"access_token": 7}, {}, [], "text", {"access_token": ""}, {"access_token": "with blank"}], ids=repr
)
def test_an_answer_without_a_usable_token_is_an_error(answer: object, site: Sandbox, tmp_path: Path) -> None:
    site.fault("POST */oidc/v1/token", body=json.dumps(answer), times=None)
    run = connected(site, tmp_path, machine(site))
    with pytest.raises(Error):
        run.select()
    assert run.bearers == []


# ---- the Databricks CLI


def program(folder: Path, script: str) -> str:
    path = folder / "databricks"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_databricks_cli_gives_a_token_and_its_end(tmp_path: Path) -> None:
    path = program(
        tmp_path,
        """echo '{"access_token": "'"$4"'-token", "token_type": "Bearer", "expiry": "2026-11-24T16:00:00.123456789+02:00"}'""",
    )
    granted = request_cli_token(
        make_environment(tmp_path), path, ("--host", "https://dbc-1.cloud.databricks.com"), ("cli",)
    )
    assert (granted.value, granted.expires) == ("https://dbc-1.cloud.databricks.com-token", 1795528800.0)


@pytest.mark.parametrize("script", ["exit 1", "echo no JSON", "echo '{}'", 'echo \'{"access_token": "x"}\''])
def test_a_databricks_cli_that_gives_no_token_is_a_clear_error(script: str, tmp_path: Path) -> None:
    path = program(tmp_path, script)
    with pytest.raises(CredentialError, match="no token from") as caught:
        request_cli_token(make_environment(tmp_path), path, ("--profile", "p"), ("cli",))
    assert caught.value.hint == "databricks auth login --profile p"


def test_what_the_databricks_cli_says_is_told(tmp_path: Path) -> None:
    path = program(tmp_path, "echo 'Error: cache: not logged\x1b in' >&2; echo 'more' >&2; exit 1")
    with pytest.raises(CredentialError) as caught:
        request_cli_token(make_environment(tmp_path), path, ("--host", "https://x"), ("cli",))
    assert str(caught.value).endswith(r"`: cache: not logged\x1b in")


def test_a_profile_of_the_cli_is_asked_for_by_its_name(site: Sandbox, tmp_path: Path) -> None:
    expiry = "2099-01-01T00:00:00Z"
    program(tmp_path, f"""echo '{{"access_token": "{site.token}", "expiry": "{expiry}"}}'""")
    run = connected(site, tmp_path, {}, "[login]\nhost = {origin}\nauth_type = databricks-cli\n")
    run.select()
    assert run.bearers == [f"Bearer {site.token}"]
