"""Where the credential comes from: what is not usable is said before anything is sent, and is never repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.resilience.running import BEARER, INSERT, SELECT, CommandRun, Harness
from tests.resilience.server import Exchange, FaultyServer, answers

STATEMENTS = pytest.mark.parametrize("statement", [SELECT, INSERT], ids=["GET", "POST"])
UNUSABLE = {
    "unset": (None, "no credential for 127.0.0.1"),
    "empty": ("", "no credential for 127.0.0.1"),
    "blank": ("   ", "the token from DATABRICKS_TOKEN is unusable: 3 characters, not all of them printable ASCII"),
    "newline": (f"{BEARER}\n", "unusable: 42 characters"),
    "CRLF": (f"{BEARER}\r\nX-Evil: 1", "unusable: 52 characters"),
    "NUL": (f"{BEARER}\x00", "unusable: 42 characters"),
    "accent": (f"{BEARER}é", "unusable: 42 characters"),
    "line separator": (f"{BEARER}\u2028", "unusable: 42 characters"),
}


def unsent(ran: CommandRun, status: int, message: str) -> None:
    assert (ran.status, ran.out, list(ran.requests)) == (status, "", [])
    assert message in ran.err, ran.err


@STATEMENTS
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_token_that_cannot_be_sent_is_said_and_not_repeated(name: str, statement: str, place: Harness) -> None:
    token, message = UNUSABLE[name]
    unsent(place.run("-c", statement, variables={"DATABRICKS_TOKEN": token}), 2, message)


@STATEMENTS
def test_a_token_may_be_long(statement: str, place: Harness, workspace: FaultyServer) -> None:
    place.token = "t0k3n/" + "0123456789" * 1024
    ran = place.run("-c", statement)
    assert ran.status == 0
    assert workspace.log[-1].headers["authorization"] == f"Bearer {place.token}"


# ---- ~/.databrickscfg


def profile(place: Harness, *, mode: int = 0o600, start: str = "", name: str = ".databrickscfg") -> Path:
    text = f"{start}[DEFAULT]\nhost = {place.workspace.origin}\ntoken = {place.token}\n"
    return place.write_file(name, text, mode=mode, secret=True)


@STATEMENTS
class TestProfile:
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o777])
    def test_a_file_that_others_may_read_is_refused(self, mode: int, statement: str, place: Harness) -> None:
        path = profile(place, mode=mode)
        ran = place.run("-c", statement, variables={"DATABRICKS_TOKEN": None})
        unsent(ran, 2, f"error: {path} holds a secret that other users can read; it is not used")
        assert ran.err.endswith(f"hint: chmod 600 {path}\n")

    def test_nor_does_another_credential_stand_in_for_it(self, statement: str, place: Harness) -> None:
        profile(place, mode=0o644)
        unsent(place.run("-c", statement), 2, "can be read by others")

    @pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "BOM"])
    @pytest.mark.parametrize("mode", [0o600, 0o400])
    def test_its_owners_file_is_used(self, mode: int, start: str, statement: str, place: Harness) -> None:
        profile(place, mode=mode, start=start)
        assert place.run("-c", statement, variables={"DATABRICKS_TOKEN": None}).status == 0

    def test_a_symbolic_link_is_followed_and_its_target_judged(self, statement: str, place: Harness) -> None:
        target = profile(place, name="dotfiles/databrickscfg")
        link = place.home / ".databrickscfg"
        link.symlink_to(target)
        place.secret_files.add(link)
        assert place.run("-c", statement, variables={"DATABRICKS_TOKEN": None}).status == 0
        target.chmod(0o644)
        unsent(place.run("-c", statement, variables={"DATABRICKS_TOKEN": None}), 2, "can be read by others")

    def test_a_file_that_is_missing_is_named(self, statement: str, place: Harness) -> None:
        missing = place.home / "nowhere.cfg"
        given = {"DATABRICKS_TOKEN": None, "DATABRICKS_CONFIG_FILE": str(missing)}
        unsent(place.run("-c", statement, variables=given), 2, str(missing))

    @pytest.mark.parametrize(
        "content", [b"\xff\xfe", b"token = x", b"[a]\n[a]\n"], ids=["binary", "no section", "twice"]
    )
    def test_a_file_that_is_none_is_one_error(self, content: bytes, statement: str, place: Harness) -> None:
        path = place.write_file(".databrickscfg", content)
        unsent(place.run("-c", statement, variables={"DATABRICKS_TOKEN": None}), 2, f"{path} cannot be read")

    def test_a_profile_for_another_host_is_not_used(self, statement: str, place: Harness, other: FaultyServer) -> None:
        place.write_file(".databrickscfg", f"[x]\nhost = {other.origin}\ntoken = {place.token}\n", secret=True)
        unsent(place.run("-c", statement, variables={"DATABRICKS_TOKEN": None}), 2, "no credential for 127.0.0.1")
        unsent(place.run("-p", "x", "-c", statement), 2, f"profile 'x' is for {other.origin}, not for")


# ---- bound to a host


@STATEMENTS
def test_a_token_that_belongs_to_another_host_stays_here(statement: str, place: Harness, other: FaultyServer) -> None:
    ran = place.run("-c", statement, variables={"DATABRICKS_HOST": other.origin})
    unsent(ran, 2, "DATABRICKS_TOKEN: it belongs to")


@STATEMENTS
def test_a_token_that_names_no_host_goes_to_databricks_alone(statement: str, place: Harness) -> None:
    ran = place.run("-c", statement, endpoint="https://evil.example/{deployment_name}")
    unsent(ran, 2, "evil.example is not a Databricks host")
    assert [event for event, _ in ran.events if event.startswith("socket.")] == []


# ---- no secret on the command line


@pytest.mark.parametrize("option", ["--token", "--password", "--secret", "--insecure", "--no-verify"])
def test_there_is_no_option_for_a_secret_or_for_trusting_anybody(option: str, place: Harness) -> None:
    ran = place.run(option, "x", "-c", SELECT)
    unsent(ran, 2, f"unrecognized arguments: {option}")


# ---- OAuth

MACHINE = {
    "DATABRICKS_TOKEN": None,
    "DATABRICKS_CLIENT_ID": "c11ent",
    "DATABRICKS_CLIENT_SECRET": "s3cr3t+of/a~machine==",
}
"""What is told to the token endpoint, and to nobody else."""


def echoes(exchange: Exchange) -> None:
    """Answer a request with all that it said."""
    seen = exchange.seen
    said = {"error": "invalid_client", "error_description": f"{dict(seen.headers)} {seen.body.decode()} {MACHINE}"}
    exchange.reply(401, json.dumps(said).encode())


@STATEMENTS
@pytest.mark.parametrize("account", [{}, {"DATABRICKS_ACCOUNT_ID": "acc-1"}], ids=["workspace", "account"])
def test_a_token_endpoint_that_repeats_the_secret_is_not_believed(
    account: Mapping[str, str], statement: str, place: Harness, workspace: FaultyServer
) -> None:
    place.secrets.append(str(MACHINE["DATABRICKS_CLIENT_SECRET"]))
    workspace.on("token", echoes)
    ran = place.run("-c", statement, variables={**MACHINE, **account})
    assert (ran.status, ran.out, ran.count_requests("POST", "create"), ran.count_requests("GET", "list")) == (
        2,
        "",
        0,
        0,
    )
    assert "no token from `databricks auth token" in ran.err
    assert "[hidden]" in ran.err


@STATEMENTS
def test_a_token_that_was_granted_is_as_secret_as_any(statement: str, place: Harness, workspace: FaultyServer) -> None:
    granted = "gr4nt3d~" + "ab/cd+" * 6
    place.secrets += [granted, str(MACHINE["DATABRICKS_CLIENT_SECRET"])]
    workspace.on("token", answers(200, json.dumps({"access_token": granted, "expires_in": 3600}).encode()))
    workspace.script = (echoes,)
    ran = place.run(
        "-c", statement, variables=MACHINE, writes=2
    )  # it is renewed once after a 401, which took no effect
    assert ran.status == 1
    assert {seen.headers.get("authorization") for seen in workspace.log if seen.route in ("list", "create")} == {
        f"Bearer {granted}"
    }
    assert place.tokens.minted == {}


@STATEMENTS
@pytest.mark.parametrize("place_", ["other", "http"])
def test_discovery_leads_a_secret_nowhere_else(
    place_: str, statement: str, place: Harness, workspace: FaultyServer, other: FaultyServer
) -> None:
    place.secrets.append(str(MACHINE["DATABRICKS_CLIENT_SECRET"]))
    url = other.origin if place_ == "other" else "http://evil.example"
    workspace.on("databricks-config", answers(200, json.dumps({"oidc_endpoint": f"{url}/oidc"}).encode()))
    workspace.on(
        "oauth-authorization-server", answers(200, json.dumps({"token_endpoint": f"{url}/oidc/v1/token"}).encode())
    )
    workspace.on("token", answers(200, b'{"access_token": "gr4nt3d~0123456789", "expires_in": "60"}'))
    assert place.run("-c", statement, variables=MACHINE).status == 0


@STATEMENTS
@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_of_the_token_endpoint_is_not_followed(
    status: int, statement: str, place: Harness, workspace: FaultyServer, other: FaultyServer
) -> None:
    place.secrets.append(str(MACHINE["DATABRICKS_CLIENT_SECRET"]))
    workspace.on("token", answers(status, Location=f"http://localhost:{other.port}/oidc/v1/token"))
    ran = place.run("-c", statement, variables=MACHINE)
    assert (ran.status, ran.count_requests("POST", "token"), ran.count_requests("POST", "create")) == (2, 1, 0)
    assert "redirects to localhost" in ran.err


# ---- the Databricks CLI

CLI = """#!/bin/sh
printf '%s\\n' "$0" "$@" > "$HOME/arguments"
echo '{"access_token": "fr0m-th3-cl1~0123456789", "expiry": "2099-01-01T00:00:00Z"}'
"""


@STATEMENTS
def test_the_databricks_cli_is_given_a_host_and_no_secret(statement: str, place: Harness) -> None:
    place.secrets.append("fr0m-th3-cl1~0123456789")
    program = place.write_file("bin/databricks", CLI, mode=0o700, secret=True)
    noted = place.home / "arguments"
    place.own_files.add(noted)
    given = {"DATABRICKS_TOKEN": None, "DATABRICKS_CLI_PATH": str(program)}
    with FaultyServer(answers(502)) as proxy:
        place.allowed_servers.append(proxy)
        ran = place.run("-c", statement, endpoint="", variables={**given, "HTTPS_PROXY": proxy.origin})
    assert ran.status == 1
    assert noted.read_text().splitlines()[1:] == ["auth", "token", "--host", "https://dbc-1.cloud.databricks.com"]
    assert {seen.path for _, seen in ran.requests} == {"dbc-1.cloud.databricks.com:443"}


# ---- known before it is used


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["run", "check"])
@pytest.mark.parametrize("text", ["{}", "x {}", "{}-1"])
def test_a_credential_in_a_statement_that_is_wrong_is_not_repeated(
    text: str, arguments: list[str], place: Harness
) -> None:
    ran = place.run(*arguments, stdin=f"SELECT FORM '{text.format(place.token)}' FROM;")
    unsent(ran, 1, "[hidden]")
