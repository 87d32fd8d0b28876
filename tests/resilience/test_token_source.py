"""Check the sources of the credential: an unusable one is reported before anything is sent, and never quoted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.resilience.faulty_server import Exchange, FaultyServer, answers
from tests.resilience.harness import BEARER, INSERT, SELECT, CommandRun, Harness

STATEMENTS = pytest.mark.parametrize("statement", [SELECT, INSERT], ids=["GET", "POST"])
UNUSABLE = {
    "unset": (None, "no credential for 127.0.0.1"),
    "empty": ("", "no credential for 127.0.0.1"),
    "blank": ("   ", "the token from DATABRICKS_TOKEN is unusable: 3 characters, among them a blank or a line end"),
    "newline": (f"{BEARER}\n", "unusable: 42 characters"),
    "CRLF": (f"{BEARER}\r\nX-Evil: 1", "unusable: 52 characters"),
    "NUL": (f"{BEARER}\x00", "unusable: 42 characters"),
    "accent": (f"{BEARER}é", "unusable: 42 characters"),
    "line separator": (f"{BEARER}\u2028", "unusable: 42 characters"),
}


def unsent(result: CommandRun, status: int, message: str) -> None:
    assert (result.status, result.out, list(result.requests)) == (status, "", [])
    assert message in result.err, result.err


@STATEMENTS
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_token_that_cannot_be_sent_is_said_and_not_repeated(name: str, statement: str, harness: Harness) -> None:
    token, message = UNUSABLE[name]
    unsent(harness.run("-c", statement, variables={"DATABRICKS_TOKEN": token}), 2, message)


@STATEMENTS
def test_a_token_may_be_long(statement: str, harness: Harness, workspace: FaultyServer) -> None:
    harness.token = "t0k3n/" + "0123456789" * 1024
    result = harness.run("-c", statement)
    assert result.status == 0
    assert workspace.log[-1].headers["authorization"] == f"Bearer {harness.token}"


# ---- ~/.databrickscfg


def profile(harness: Harness, *, mode: int = 0o600, start: str = "", name: str = ".databrickscfg") -> Path:
    text = f"{start}[DEFAULT]\nhost = {harness.workspace.origin}\ntoken = {harness.token}\n"
    return harness.write_file(name, text, mode=mode, secret=True)


@STATEMENTS
class TestProfile:
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o777])
    def test_a_file_that_others_may_read_is_refused(self, mode: int, statement: str, harness: Harness) -> None:
        path = profile(harness, mode=mode)
        result = harness.run("-c", statement, variables={"DATABRICKS_TOKEN": None})
        unsent(result, 2, f"error: {path} holds a secret that other users can read; it is not used")
        assert result.err.endswith(f"hint: chmod 600 {path}\n")

    def test_nor_does_another_profile_stand_in_for_it(self, statement: str, harness: Harness) -> None:
        path = profile(harness, mode=0o644)
        path.write_text(
            f"{path.read_text()}[other]\nhost = https://dbc-2.cloud.databricks.com\ntoken = {harness.token}\n"
        )
        unsent(harness.run("-c", statement, variables={"DATABRICKS_TOKEN": None}), 2, "other users can read")

    def test_the_environments_token_does_not_need_it(self, statement: str, harness: Harness) -> None:
        profile(harness, mode=0o644)
        assert harness.run("-c", statement).status == 0

    @pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "BOM"])
    @pytest.mark.parametrize("mode", [0o600, 0o400])
    def test_its_owners_file_is_used(self, mode: int, start: str, statement: str, harness: Harness) -> None:
        profile(harness, mode=mode, start=start)
        assert harness.run("-c", statement, variables={"DATABRICKS_TOKEN": None}).status == 0

    def test_a_symbolic_link_is_followed_and_its_target_judged(self, statement: str, harness: Harness) -> None:
        target = profile(harness, name="dotfiles/databrickscfg")
        link = harness.home / ".databrickscfg"
        link.symlink_to(target)
        harness.secret_files.add(link)
        assert harness.run("-c", statement, variables={"DATABRICKS_TOKEN": None}).status == 0
        target.chmod(0o644)
        unsent(harness.run("-c", statement, variables={"DATABRICKS_TOKEN": None}), 2, "other users can read")

    def test_a_file_that_is_missing_is_named(self, statement: str, harness: Harness) -> None:
        missing = harness.home / "nowhere.cfg"
        given = {"DATABRICKS_TOKEN": None, "DATABRICKS_CONFIG_FILE": str(missing)}
        unsent(harness.run("-c", statement, variables=given), 2, str(missing))

    def test_a_file_that_cannot_be_read_is_one_error(self, statement: str, harness: Harness) -> None:
        path = harness.write_file(".databrickscfg", b"\xff\xfe")
        unsent(harness.run("-c", statement, variables={"DATABRICKS_TOKEN": None}), 2, f"{path} cannot be read")

    @pytest.mark.parametrize("content", [b"token = x", b"[a]\n[a]\n"], ids=["no section", "twice"])
    def test_a_profile_without_a_host_is_named(self, content: bytes, statement: str, harness: Harness) -> None:
        path = harness.write_file(".databrickscfg", content)
        result = harness.run("-c", statement, variables={"DATABRICKS_TOKEN": None})
        unsent(result, 2, "no credential for 127.0.0.1")
        assert f"{path} has " in result.err
        assert "(it has no host)" in result.err

    def test_a_profile_for_another_host_is_not_used(
        self, statement: str, harness: Harness, other: FaultyServer
    ) -> None:
        harness.write_file(".databrickscfg", f"[x]\nhost = {other.origin}\ntoken = {harness.token}\n", secret=True)
        unsent(harness.run("-c", statement, variables={"DATABRICKS_TOKEN": None}), 2, "no credential for 127.0.0.1")
        unsent(harness.run("-p", "x", "-c", statement), 2, f"profile 'x' is for {other.origin}, not for")


# ---- bound to a host


@STATEMENTS
def test_a_token_that_belongs_to_another_host_stays_here(statement: str, harness: Harness, other: FaultyServer) -> None:
    result = harness.run("-c", statement, variables={"DATABRICKS_HOST": other.origin})
    unsent(result, 2, "DATABRICKS_TOKEN: it belongs to")


@STATEMENTS
def test_a_token_that_names_no_host_goes_to_databricks_alone(statement: str, harness: Harness) -> None:
    result = harness.run("-c", statement, endpoint="https://evil.example/{deployment_name}")
    unsent(result, 2, "evil.example is not a Databricks host")
    assert [event for event, _ in result.events if event.startswith("socket.")] == []


# ---- no secret on the command line


@pytest.mark.parametrize("option", ["--token", "--password", "--secret", "--insecure", "--no-verify"])
def test_there_is_no_option_for_a_secret_or_for_trusting_anybody(option: str, harness: Harness) -> None:
    result = harness.run(option, "x", "-c", SELECT)
    unsent(result, 2, f"unknown option {option!r}")


# ---- OAuth

MACHINE = {
    "DATABRICKS_TOKEN": None,
    "DATABRICKS_CLIENT_ID": "c11ent",
    "DATABRICKS_CLIENT_SECRET": "s3cr3t+of/a~machine==",
}
"""The secret that is sent to the token endpoint only."""


def echoes(exchange: Exchange) -> None:
    """Answer a request by echoing all of it."""
    seen = exchange.request
    said = {"error": "invalid_client", "error_description": f"{dict(seen.headers)} {seen.body.decode()} {MACHINE}"}
    exchange.reply(401, json.dumps(said).encode())


@STATEMENTS
@pytest.mark.parametrize("account", [{}, {"DATABRICKS_ACCOUNT_ID": "acc-1"}], ids=["workspace", "account"])
def test_a_token_endpoint_that_repeats_the_secret_is_not_believed(
    account: Mapping[str, str], statement: str, harness: Harness, workspace: FaultyServer
) -> None:
    harness.secrets.append(str(MACHINE["DATABRICKS_CLIENT_SECRET"]))
    workspace.on("token", echoes)
    result = harness.run("-c", statement, variables={**MACHINE, **account})
    assert (
        result.status,
        result.out,
        result.count_requests("POST", "create"),
        result.count_requests("GET", "list"),
    ) == (
        2,
        "",
        0,
        0,
    )
    assert "no token from http" in result.err
    assert "[hidden]" in result.err


@STATEMENTS
def test_a_token_that_was_granted_is_as_secret_as_any(
    statement: str, harness: Harness, workspace: FaultyServer
) -> None:
    granted = "gr4nt3d~" + "ab/cd+" * 6
    harness.secrets += [granted, str(MACHINE["DATABRICKS_CLIENT_SECRET"])]
    workspace.on("token", answers(200, json.dumps({"access_token": granted, "expires_in": 3600}).encode()))
    workspace.script = (echoes,)
    result = harness.run(
        "-c", statement, variables=MACHINE, writes=2
    )  # it is renewed once after a 401, which took no effect
    assert result.status == 1
    assert {seen.headers.get("authorization") for seen in workspace.log if seen.route in ("list", "create")} == {
        f"Bearer {granted}"
    }
    assert harness.tokens.minted == {}


@STATEMENTS
@pytest.mark.parametrize("place_", ["other", "http"])
def test_discovery_leads_a_secret_nowhere_else(
    place_: str, statement: str, harness: Harness, workspace: FaultyServer, other: FaultyServer
) -> None:
    harness.secrets.append(str(MACHINE["DATABRICKS_CLIENT_SECRET"]))
    url = other.origin if place_ == "other" else "http://evil.example"
    workspace.on("databricks-config", answers(200, json.dumps({"oidc_endpoint": f"{url}/oidc"}).encode()))
    workspace.on(
        "oauth-authorization-server", answers(200, json.dumps({"token_endpoint": f"{url}/oidc/v1/token"}).encode())
    )
    workspace.on("token", answers(200, b'{"access_token": "gr4nt3d~0123456789", "expires_in": "60"}'))
    assert harness.run("-c", statement, variables=MACHINE).status == 0


@STATEMENTS
@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_of_the_token_endpoint_is_not_followed(
    status: int, statement: str, harness: Harness, workspace: FaultyServer, other: FaultyServer
) -> None:
    harness.secrets.append(str(MACHINE["DATABRICKS_CLIENT_SECRET"]))
    workspace.on("token", answers(status, Location=f"http://localhost:{other.port}/oidc/v1/token"))
    result = harness.run("-c", statement, variables=MACHINE)
    assert (result.status, result.count_requests("POST", "token"), result.count_requests("POST", "create")) == (2, 1, 0)
    assert "redirects to localhost" in result.err


# ---- the Databricks CLI

CLI = """#!/bin/sh
printf '%s\\n' "$0" "$@" > "$HOME/arguments"
echo '{"access_token": "fr0m-th3-cl1~0123456789", "expiry": "2099-01-01T00:00:00Z"}'
"""


@STATEMENTS
def test_the_databricks_cli_is_given_a_host_and_no_secret(statement: str, harness: Harness) -> None:
    harness.secrets.append("fr0m-th3-cl1~0123456789")
    program = harness.write_file("bin/databricks", CLI, mode=0o700, secret=True)
    noted = harness.home / "arguments"
    harness.own_files.add(noted)
    given = {"DATABRICKS_TOKEN": None, "DATABRICKS_CLI_PATH": str(program)}
    with FaultyServer(answers(502)) as proxy:
        harness.allowed_servers.append(proxy)
        result = harness.run("-c", statement, endpoint="", variables={**given, "HTTPS_PROXY": proxy.origin})
    assert result.status == 1
    assert noted.read_text().splitlines()[1:] == ["auth", "token", "--host", "https://dbc-1.cloud.databricks.com"]
    assert {seen.path for _, seen in result.requests} == {"dbc-1.cloud.databricks.com:443"}


# ---- known before it is used


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["run", "check"])
@pytest.mark.parametrize("text", ["{}", "x {}", "{}-1"])
def test_a_credential_in_a_statement_that_is_wrong_is_not_repeated(
    text: str, arguments: list[str], harness: Harness
) -> None:
    result = harness.run(*arguments, stdin=f"SELECT FORM '{text.format(harness.token)}' FROM;")
    unsent(result, 1, "[hidden]")
