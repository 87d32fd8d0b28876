"""Check every source of a credential against every kind of host: the header that reaches the server, or the refusal.

The hosts are real names. They are reached through a proxy that tunnels to one server, whatever host was asked for, and whose
certificate names them all: what is tested is all of the way from a variable to the wire.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.environments import make_environment
from tests.resilience.certificates import server_context, sign
from tests.resilience.faulty_server import FaultyServer, ReceivedRequest, tunnels
from tokensh.dbapi.connection import Connection, connect
from tokensh.errors import CredentialError

HOSTS = {
    # what a statement says -> the host that it means
    "dbc-1": "dbc-1.cloud.databricks.com",
    "DBC-2": "dbc-2.cloud.databricks.com",
    "adb-1.2.azuredatabricks.net": "adb-1.2.azuredatabricks.net",
    "3.4.gcp.databricks.com": "3.4.gcp.databricks.com",
    "dbc-5.cloud.databricks.us": "dbc-5.cloud.databricks.us",
    "adb-6.7.databricks.azure.cn": "adb-6.7.databricks.azure.cn",
    "prod": "databricks.example.com",
}
AWS, AWS2, AZURE, GCP, GOV, CHINA, MAPPED = HOSTS
DATABRICKS = (AWS, AWS2, AZURE, GCP, GOV, CHINA)
ZONES = (
    "cloud.databricks.com",
    "azuredatabricks.net",
    "gcp.databricks.com",
    "cloud.databricks.us",
    "databricks.azure.cn",
)
ACCOUNTS = {
    AWS: "accounts.cloud.databricks.com",
    AWS2: "accounts.cloud.databricks.com",
    AZURE: "accounts.azuredatabricks.net",
    GCP: "accounts.gcp.databricks.com",
    GOV: "accounts.cloud.databricks.us",
    CHINA: "accounts.databricks.azure.cn",
}
CONFIG = '[hosts]\nprod = "https://databricks.example.com"\n'
FILE = """
[aws]
host = https://dbc-1.cloud.databricks.com/?o=7
token = file%aws

[azure]
host = adb-1.2.azuredatabricks.net
client_id = robot
client_secret = s3cret-of-file

[mapped]
host = https://databricks.example.com
token = file-prod

[account]
host = https://accounts.cloud.databricks.com
account_id = acc-1
client_id = robot
client_secret = s3cret-of-file
"""
CLI = """#!/bin/sh
echo '{"access_token": "cli-of-'"${4#https://}"'", "expiry": "2099-01-01T00:00:00Z"}'
"""
NETRC = "".join(f"machine {host} login x password netrc-pass\n" for host in HOSTS.values())
TOKEN = {"DATABRICKS_TOKEN": "env-token"}
MACHINE = {"DATABRICKS_CLIENT_ID": "robot", "DATABRICKS_CLIENT_SECRET": "s3cret-of-env"}
TRIO = {**MACHINE, "DATABRICKS_ACCOUNT_ID": "acc-1"}
BEARER = json.dumps({"databricks_workspace": {"type": "bearer", "credentialsenvvar": "MINE"}})
ACCOUNT_URL = "https://accounts.cloud.databricks.com/oidc/accounts/{{ .__env__DATABRICKS_ACCOUNT_ID }}/v1/token"
OAUTH2 = json.dumps({"databricks_workspace": {"type": "oauth2", "token_url": ACCOUNT_URL}})


@dataclass(frozen=True)
class Source:
    """The settings, the bearer that reaches each host that gets one, and what the error says for the others."""

    reaches: dict[str, str]
    refusal: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def everywhere(token: str) -> dict[str, str]:
    return dict.fromkeys(DATABRICKS, token)


def bound_to(host: str) -> dict[str, str]:
    return {"DATABRICKS_HOST": host}


PROFILES = {".databrickscfg": FILE}
OF_WORKSPACES = {name: f"oauth-of-{HOSTS[name]}" for name in DATABRICKS}
OF_ACCOUNTS = {name: f"oauth-of-{host}" for name, host in ACCOUNTS.items()}
OF_AWS_ACCOUNT = {name: OF_ACCOUNTS[name] for name in (AWS, AWS2)}
OF_FILE = {AWS: "file%aws", AZURE: f"oauth-of-{AZURE}", MAPPED: "file-prod"}
NO_HOST, ELSEWHERE, NOT_SET = "is not a Databricks host", "which is another host", "not set"

SOURCES = {
    "nothing": Source({}, NOT_SET),
    "token": Source(everywhere("env-token"), NO_HOST, TOKEN),
    "token of dbc-1": Source({AWS: "env-token"}, ELSEWHERE, {**TOKEN, **bound_to("dbc-1.cloud.databricks.com/")}),
    "token of a custom host": Source(
        {MAPPED: "env-token"}, ELSEWHERE, {**TOKEN, **bound_to("https://databricks.example.com")}
    ),
    "token of no host": Source({}, "is not a plain https address", {**TOKEN, **bound_to("not a host")}),
    "token, and netrc": Source(everywhere("env-token"), NO_HOST, TOKEN, {".netrc": NETRC}),
    "machine": Source(OF_WORKSPACES, NO_HOST, MACHINE),
    "machine of dbc-2": Source(
        {AWS2: OF_WORKSPACES[AWS2]}, ELSEWHERE, {**MACHINE, **bound_to("dbc-2.cloud.databricks.com")}
    ),
    "half a machine": Source({}, NOT_SET, {"DATABRICKS_CLIENT_ID": "robot"}),
    "token before machine": Source(everywhere("env-token"), NO_HOST, {**TOKEN, **MACHINE}),
    "machine by DATABRICKS_AUTH_TYPE": Source(
        OF_WORKSPACES, NO_HOST, {**TOKEN, **MACHINE, "DATABRICKS_AUTH_TYPE": "oauth-m2m"}
    ),
    "account": Source(OF_ACCOUNTS, NO_HOST, TRIO),
    "account and its host": Source(
        OF_AWS_ACCOUNT, ELSEWHERE, {**TRIO, **bound_to("https://accounts.cloud.databricks.com")}
    ),
    "profiles": Source(OF_FILE, "no profile with host", {}, PROFILES),
    "token before profiles": Source({**everywhere("env-token"), MAPPED: "file-prod"}, "", TOKEN, PROFILES),
    "token of dbc-1 before profiles": Source(
        {**OF_FILE, AWS: "env-token"},
        ELSEWHERE,
        {**TOKEN, **bound_to("HTTPS://dbc-1.cloud.databricks.com:443/?o=1")},
        PROFILES,
    ),
    "two profiles of dbc-1": Source(
        {name: OF_FILE[name] for name in (AZURE, MAPPED)},
        "",
        {},
        {".databrickscfg": f"{FILE}\n[dbc]\nhost = dbc-1.cloud.databricks.com\ntoken = file-dbc\n"},
    ),
    "a profile with a bad line": Source(
        {name: OF_FILE[name] for name in (AZURE, MAPPED)},
        "",
        {},
        {".databrickscfg": FILE.replace("token = file%aws", "token = file%aws\nnonsense")},
    ),
    "-p aws": Source({AWS: "file%aws"}, "is for https://dbc-1", TOKEN, PROFILES, {"profile": "aws"}),
    "DATABRICKS_CONFIG_PROFILE": Source(
        {AZURE: OF_FILE[AZURE]}, "is for https://adb-1.2", {"DATABRICKS_CONFIG_PROFILE": "azure"}, PROFILES
    ),
    "-p account": Source(OF_AWS_ACCOUNT, "is for https://accounts", {}, PROFILES, {"profile": "account"}),
    "login of the Databricks CLI": Source(
        {name: f"cli-of-{HOSTS[name]}" for name in DATABRICKS}, NOT_SET, {}, {"databricks": CLI}
    ),
    "--auth bearer": Source(everywhere("my-token"), NO_HOST, {"MINE": "my-token", **TOKEN}, {}, {"auth": BEARER}),
    "--auth oauth2": Source(OF_AWS_ACCOUNT, ELSEWHERE, TRIO, {}, {"auth": OAUTH2}),
    "token given": Source(everywhere("given-token"), NO_HOST, TOKEN, PROFILES, {"token": "given-token"}),
}
CASES = [(source, host) for source in SOURCES for host in HOSTS]


def answer(seen: ReceivedRequest) -> bytes:
    """Every workspace and every account there is."""
    host = seen.headers["host"]
    if seen.path.endswith("/databricks-config"):
        return json.dumps({"oidc_endpoint": f"https://{host}/oidc"}).encode()
    if seen.path.endswith("/oauth-authorization-server"):
        return json.dumps({"token_endpoint": f"https://{host}/oidc/v1/token"}).encode()
    if seen.path.endswith("/v1/token"):
        return json.dumps({"access_token": f"oauth-of-{host}", "expires_in": 3600}).encode()
    return b"{}"


@dataclass(frozen=True)
class Network:
    server: FaultyServer
    proxy: FaultyServer
    certificate: Path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    folder = tmp_path_factory.mktemp("certificates")
    sign(folder, "all", ",".join(f"DNS:{host}" for host in {*HOSTS.values(), *ACCOUNTS.values()}))
    with (
        FaultyServer(tls=server_context(folder, "all"), app=answer) as server,
        FaultyServer(tunnels(server)) as proxy,
    ):
        yield Network(server, proxy, folder / "all.pem")


def connected(source: Source, network: Network, home: Path) -> Connection:
    for name, text in {"config.toml": CONFIG, **source.files}.items():
        (home / name).write_text(text)
        (home / name).chmod(stat.S_IRWXU)
    variables = {
        "TOKENSH_CONFIG": str(home / "config.toml"),
        "NETRC": str(home / ".netrc"),
        "PATH": f"{home}:/usr/bin:/bin",
        "HTTPS_PROXY": network.proxy.origin,
        "REQUESTS_CA_BUNDLE": str(network.certificate),
        **source.variables,
    }
    return connect(environment=make_environment(home, variables=variables), **source.options)


@pytest.mark.parametrize(("name", "host"), CASES, ids=[f"{source}-{host}" for source, host in CASES])
def test_a_credential_reaches_its_own_hosts_or_is_refused_with_the_reason(
    name: str, host: str, network: Network, tmp_path: Path
) -> None:
    source = SOURCES[name]
    before, tunnelled = len(network.server.log), len(network.proxy.log)
    with connected(source, network, tmp_path) as connection:
        sql = f"SELECT token_id FROM user_tokens WHERE deployment_name = '{host}'"
        if host not in source.reaches:
            with pytest.raises(CredentialError) as caught:
                list(connection.run(sql).rows)
            text = f"{caught.value} {' '.join(caught.value.looked_at)} {caught.value.hint}"
            assert source.refusal in text
            assert "env-token" not in text
            assert "s3cret" not in text
            assert len(network.proxy.log) == tunnelled
            return
        list(connection.run(sql).rows)
    seen = network.server.log[before:]
    assert (seen[-1].headers["host"], seen[-1].path) == (HOSTS[host], "/api/2.0/token/list")
    assert seen[-1].headers["authorization"] == f"Bearer {source.reaches[host]}"
    # Nothing else carries a credential but the request for a token, which goes to the host that grants it.
    others = [request for request in seen[:-1] if "authorization" in request.headers]
    assert all(
        request.path.endswith("/v1/token") and request.headers["authorization"].startswith("Basic ")
        for request in others
    )
    assert {request.headers["host"] for request in seen} <= {HOSTS[host], ACCOUNTS.get(host)}
    assert all("authorization" not in request.headers for request in network.proxy.log[tunnelled:])


def test_there_are_enough_combinations_of_both_outcomes() -> None:
    reached = sum(len(source.reaches) for source in SOURCES.values())
    assert len(CASES) == len(SOURCES) * len(HOSTS) >= 150
    assert 40 < reached < len(CASES) - 40
