r"""Check the tables tokensh.local.workspaces and .account_workspaces, and what `\conninfo` shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses

from tests.environments import make_environment
from tokensh import sandbox
from tokensh.dbapi.connection import Connection, connect
from tokensh.errors import ApiError, CredentialError, Error, HostError, InterfaceError, MissingParameter, ReplyError
from tokensh.sandbox import Sandbox

FILE = """
[DEFAULT]
host = https://dbc-1.cloud.databricks.com/?o=1
token = dapi-secret-one

[azure]
host = adb-1.2.azuredatabricks.net
client_id = robot
client_secret = dose-secret-two

[mapped]
host = https://adb-3.4.azuredatabricks.net
token = dapi-secret-three

[account]
host = https://accounts.cloud.databricks.com
account_id = acc-1
client_id = robot
client_secret = dose-secret-four

[elsewhere]
host = https://databricks.example.com
token = dapi-secret-five
"""
CONFIG = """
workspace = "prod"

[hosts]
prod = "https://adb-3.4.azuredatabricks.net"
"""
ACCOUNT = {"DATABRICKS_ACCOUNT_ID": "acc-1", "DATABRICKS_CLIENT_ID": "robot", "DATABRICKS_CLIENT_SECRET": "dose-six"}
TABLE = "SELECT deployment_name, host, profile, auth_type, source FROM tokensh.local.workspaces"
LISTED = "SELECT deployment_name, workspace_id, workspace_status FROM tokensh.local.account_workspaces"


OPENED: list[Connection] = []
"""The connections of the running test; its history and store stay open until they are closed."""


@pytest.fixture(autouse=True)
def closed_connections() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def connected(home: Path, variables: dict[str, str] | None = None, file: str = FILE, **more: Any) -> Connection:
    (home / ".databrickscfg").write_text(file)
    (home / ".databrickscfg").chmod(0o600)
    settings = {"PATH": str(home), **(variables or {})}
    connection = connect(environment=make_environment(home, variables=settings), **more)
    OPENED.append(connection)
    return connection


def rows(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    return list(connection.run(sql).rows)


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running


class TestTheTable:
    def test_each_workspace_that_can_be_reached_is_there_once_by_its_shortest_name(self, tmp_path: Path) -> None:
        (tmp_path / "config.toml").write_text(CONFIG)
        connection = connected(tmp_path, {"TOKENSH_CONFIG": str(tmp_path / "config.toml")})
        assert rows(connection, TABLE) == [
            ("prod", "adb-3.4.azuredatabricks.net", "mapped", "pat", "profile mapped"),
            ("dbc-1", "dbc-1.cloud.databricks.com", "DEFAULT", "pat", "profile DEFAULT"),
            (
                "adb-1.2.azuredatabricks.net",
                "adb-1.2.azuredatabricks.net",
                "azure",
                "oauth-m2m",
                "profile azure",
            ),
            ("databricks.example.com", "databricks.example.com", "elsewhere", "pat", "profile elsewhere"),
        ]
        assert connection.client.requests_sent == 0

    def test_without_a_credential_its_kind_and_source_are_null(self, tmp_path: Path) -> None:
        connection = connected(tmp_path, file="[bare]\nhost = dbc-9.cloud.databricks.com\n", workspace="dbc-8")
        assert rows(connection, TABLE) == [
            ("dbc-9", "dbc-9.cloud.databricks.com", "bare", None, None),
            ("dbc-8", "dbc-8.cloud.databricks.com", None, None, None),
        ]

    def test_it_knows_when_a_workspace_was_asked(self, site: Sandbox, tmp_path: Path) -> None:
        name = site.workspaces[1]
        connection = connected(tmp_path, {"DATABRICKS_TOKEN": site.token}, "", endpoint=site.endpoint, workspace=name)
        rows(connection, f"SELECT 1 FROM user_tokens WHERE deployment_name = '{name.upper()}'")
        ((name, used),) = rows(connection, "SELECT deployment_name, last_used_time FROM tokensh.local.workspaces")
        assert name == site.workspaces[1]
        assert used > 1_600_000_000_000

    def test_it_knows_when_an_earlier_session_used_one(self, tmp_path: Path) -> None:
        connection = connected(tmp_path)
        connection.history.add("SELECT 1", 1_700_000_000.5, "dbc-1")
        connection.history.add("SELECT 1", 1_600_000_000.0, "dbc-1")
        last_used = rows(
            connection, "SELECT last_used_time FROM tokensh.local.workspaces WHERE deployment_name = 'dbc-1'"
        )
        assert last_used == [(1_700_000_000_500,)]

    def test_a_name_that_was_used_gets_no_row_and_so_no_credential(self, tmp_path: Path) -> None:
        connection = connected(tmp_path, {"DATABRICKS_TOKEN": "dapi-secret"})
        listed = rows(connection, TABLE)
        connection.history.add("SELECT 1", 1_700_000_000.0, "dbc-typo")
        connection.history.add("SELECT 1", 1_700_000_000.0, "dbc-abcd0123-a1bc", "sandbox")
        connection.workspace = "dbc-mien"
        assert rows(connection, TABLE) == listed
        assert list(connection.history.last_used("")) == ["dbc-typo"]
        assert list(connection.history.last_used("sandbox")) == ["dbc-abcd0123-a1bc"]

    def test_an_address_with_several_names_is_one_row(self, tmp_path: Path) -> None:
        (tmp_path / "config.toml").write_text(
            '[hosts]\nlong-name = "DBC-1.cloud.databricks.com/"\none = "dbc-1.cloud.databricks.com"\n'
        )
        variables = {
            "TOKENSH_CONFIG": str(tmp_path / "config.toml"),
            "DATABRICKS_HOST": "HTTPS://dbc-1.cloud.databricks.com:443/",
        }
        file = "[a]\nhost = https://dbc-1.cloud.databricks.com/?o=1\ntoken = dapi-secret\n"
        connection = connected(tmp_path, variables, file, workspace="DBC-1")
        assert [row[:2] for row in rows(connection, TABLE)] == [("one", "dbc-1.cloud.databricks.com")]
        assert connection.workspace == "one"

    def test_a_query_asks_all_of_them(self, site: Sandbox, tmp_path: Path) -> None:
        file = "\n".join(f"[p{i}]\nhost = {name}.cloud.databricks.com" for i, name in enumerate(site.workspaces))
        connection = connected(tmp_path, {"DATABRICKS_TOKEN": site.token}, file, endpoint=site.endpoint)
        sql = (
            "SELECT deployment_name, count(*) FROM user_tokens WHERE deployment_name IN"
            " (SELECT deployment_name FROM tokensh.local.workspaces) GROUP BY 1"
        )
        assert [name for name, _ in rows(connection, sql)] == list(site.workspaces)


class TestTheAccountsList:
    LIST = "https://accounts.cloud.databricks.com/api/2.0/accounts/acc-1/workspaces"
    TOKEN = "https://accounts.cloud.databricks.com/oidc/accounts/acc-1/v1/token"
    ANSWER = [  # noqa: RUF012 (read alone)
        {"deployment_name": "dbc-1", "workspace_id": 1, "workspace_status": "RUNNING", "workspace_name": "one"},
        {"workspace_id": "2", "workspace_status": 7},
    ]

    @pytest.mark.parametrize(
        ("variables", "file", "profile"),
        [
            (ACCOUNT, "", None),
            (ACCOUNT | {"DATABRICKS_HOST": "https://accounts.cloud.databricks.com"}, "", None),
            (ACCOUNT | {"DATABRICKS_TOKEN": "dapi-of-a-workspace"}, "", None),
            ({}, FILE, None),
            ({"DATABRICKS_TOKEN": "dapi-of-a-workspace"}, FILE, None),
            ({}, FILE, "account"),
        ],
        ids=["trio", "trio and its host", "trio beside a token", "profile", "profile beside a token", "named profile"],
    )
    def test_the_account_s_service_principal_lists_it(
        self, variables: dict[str, str], file: str, profile: str | None, tmp_path: Path
    ) -> None:
        connection = connected(tmp_path, variables, file, profile=profile)
        with responses.RequestsMock() as mocked:
            mocked.post(self.TOKEN, json={"access_token": "account-token", "expires_in": 3600})
            mocked.get(self.LIST, json=self.ANSWER)
            assert rows(connection, LISTED) == [("dbc-1", 1, "RUNNING"), (None, 2, "7")]
            assert mocked.calls[-1].request.headers["Authorization"] == "Bearer account-token"

    def test_beyond_aws_a_workspace_is_named_by_its_whole_host(self, tmp_path: Path) -> None:
        host = "https://accounts.azuredatabricks.net"
        connection = connected(tmp_path, ACCOUNT | {"DATABRICKS_HOST": host}, "")
        with responses.RequestsMock() as mocked:
            mocked.post(f"{host}/oidc/accounts/acc-1/v1/token", json={"access_token": "account-token"})
            mocked.get(f"{host}/api/2.0/accounts/acc-1/workspaces", json=[{"deployment_name": "adb-1.2"}])
            assert rows(connection, LISTED) == [("adb-1.2.azuredatabricks.net", None, None)]

    @pytest.mark.parametrize(
        ("variables", "file", "named"),
        [
            ({}, "", "not set"),
            ({"DATABRICKS_TOKEN": "dapi-x"}, "", "it has no account id"),
            (ACCOUNT | {"DATABRICKS_HOST": "dbc-1.cloud.databricks.com"}, "", "belongs to https://dbc-1"),
        ],
    )
    def test_another_credential_does_not_and_what_was_looked_at_is_named(
        self, variables: dict[str, str], file: str, named: str, tmp_path: Path
    ) -> None:
        connection = connected(tmp_path, variables, file)
        with pytest.raises(CredentialError, match="no credential for a Databricks account") as caught:
            rows(connection, LISTED)
        assert any(named in reason for reason in caught.value.looked_at)
        assert (caught.value.hint or "").startswith("unset" if "belongs" in named else "set DATABRICKS_ACCOUNT_ID")
        assert connection.client.requests_sent == 0

    def test_a_token_of_a_workspace_never_goes_to_the_account_s_host(self, tmp_path: Path) -> None:
        connection = connected(tmp_path, {"DATABRICKS_TOKEN": "dapi-x"}, "", workspace="accounts")
        with pytest.raises(CredentialError):
            rows(connection, "SELECT * FROM user_tokens")
        assert connection.client.requests_sent == 0

    @pytest.mark.parametrize("answer", [{}, "text", [1], {"error": "x"}, [{"error": "x"}]], ids=repr)
    def test_an_answer_that_is_no_list_is_an_error(self, answer: object, tmp_path: Path) -> None:
        connection = connected(tmp_path, ACCOUNT, "")
        with responses.RequestsMock() as mocked:
            mocked.post(self.TOKEN, json={"access_token": "account-token"})
            mocked.get(self.LIST, json=answer)
            with pytest.raises((ReplyError, ApiError)):
                rows(connection, LISTED)

    def test_a_page_of_them_is_not_taken_for_all(self, tmp_path: Path) -> None:
        connection = connected(tmp_path, ACCOUNT, "")
        with responses.RequestsMock() as mocked:
            mocked.post(self.TOKEN, json={"access_token": "account-token"})
            mocked.get(self.LIST, json=[], headers={"Link": '</next>; rel="next"'})
            with pytest.raises(ReplyError, match="the first of several pages of its workspaces"):
                rows(connection, LISTED)

    def test_the_account_s_token_asks_its_workspaces(self, site: Sandbox, tmp_path: Path) -> None:
        variables = {
            "DATABRICKS_ACCOUNT_ID": site.account_id,
            "DATABRICKS_CLIENT_ID": site.client_id,
            "DATABRICKS_CLIENT_SECRET": site.client_secret,
        }
        connection = connected(tmp_path, variables, "", endpoint=site.endpoint)
        sql = (
            "SELECT deployment_name, count(*) FROM tokens WHERE deployment_name IN"
            " (SELECT deployment_name FROM tokensh.local.account_workspaces) GROUP BY 1"
        )
        explained = rows(connection, f"EXPLAIN {sql}")
        assert ("request", "one per value, once those are fetched") in [row[1:] for row in explained]
        assert site.log == []
        assert [name for name, _ in rows(connection, sql)] == list(site.workspaces)
        assert sum(request.path.endswith("/v1/token") for request in site.log) == 1


class TestTheProfileThatIsNamed:
    def test_it_says_which_workspace_is_meant(self, tmp_path: Path) -> None:
        assert connected(tmp_path, profile="azure").workspace == "adb-1.2.azuredatabricks.net"
        assert connected(tmp_path, {"DATABRICKS_CONFIG_PROFILE": "DEFAULT"}).workspace == "dbc-1"

    def test_a_workspace_that_is_given_goes_first(self, tmp_path: Path) -> None:
        assert connected(tmp_path, profile="azure", workspace="dbc-2").workspace == "dbc-2"

    def test_without_one_there_is_no_default_and_what_is_known_is_named(self, tmp_path: Path) -> None:
        connection = connected(tmp_path, file=FILE.replace("[DEFAULT]", "[one]"))
        assert connection.workspace is None
        with pytest.raises(MissingParameter) as caught:
            connection.run("SELECT * FROM user_tokens")
        known = "dbc-1, adb-1.2.azuredatabricks.net, adb-3.4.azuredatabricks.net"
        found = f"{tmp_path / '.databrickscfg'} has one (dbc-1.cloud.databricks.com), azure"
        assert f"known are {known} ...; DATABRICKS_HOST is not set; {found}" in (caught.value.hint or "")

    def test_one_that_is_not_there_is_an_error_with_the_nearest_name(self, tmp_path: Path) -> None:
        with pytest.raises(CredentialError, match="no profile 'azur'") as caught:
            connected(tmp_path, profile="azur")
        assert caught.value.hint == "did you mean 'azure'?"


@pytest.mark.parametrize(
    ("workspace", "name"),
    [
        ("https://dbc-1.cloud.databricks.com/?o=12#settings", "dbc-1"),
        ("https://ADB-1.2.azuredatabricks.net/", "adb-1.2.azuredatabricks.net"),
        ("https://databricks.example.com", "databricks.example.com"),
        ("dbc-1", "dbc-1"),
        ("prod", "prod"),
    ],
)
def test_a_workspace_may_be_given_as_the_url_that_a_browser_shows(workspace: str, name: str, tmp_path: Path) -> None:
    assert connected(tmp_path, workspace=workspace).workspace == name


class TestFacts:
    def describe(self, connection: Connection) -> list[tuple[str, str]]:
        facts = list(connection.describe())
        assert "secret" not in json.dumps(facts)
        return facts[3:-1]

    def test_the_source_that_is_used_and_those_that_are_not(self, tmp_path: Path) -> None:
        connection = connected(tmp_path, {"DATABRICKS_TOKEN": "dapi-x"}, workspace="dbc-2")
        assert self.describe(connection) == [
            ("host", "https://dbc-2.cloud.databricks.com"),
            ("credential", "pat from DATABRICKS_TOKEN"),
        ]

    def test_no_credential(self, tmp_path: Path) -> None:
        connection = connected(tmp_path, {"HTTPS_PROXY": "http://me:secret@proxy.example:8080"}, "", workspace="dbc-2")
        assert self.describe(connection) == [
            ("host", "https://dbc-2.cloud.databricks.com"),
            ("proxy", "proxy.example:8080"),
            ("credential", "none: no credential for dbc-2.cloud.databricks.com"),
            ("looked at", "DATABRICKS_TOKEN, and DATABRICKS_CLIENT_ID with DATABRICKS_CLIENT_SECRET: not set"),
            (
                "looked at",
                "no profile with host = https://dbc-2.cloud.databricks.com:"
                f" {tmp_path / '.databrickscfg'} is empty or does not exist",
            ),
            ("looked at", "databricks auth token: the Databricks CLI is not on PATH"),
        ]

    def test_a_proxy_that_cannot_be_used(self, tmp_path: Path) -> None:
        connection = connected(tmp_path, {"HTTPS_PROXY": "socks5://me:secret@proxy.example:1080"}, workspace="dbc-1")
        assert self.describe(connection)[1:] == [
            ("proxy", "none: a SOCKS proxy cannot be used"),
            ("credential", "pat from profile DEFAULT"),
            ("looked at", "DATABRICKS_TOKEN, and DATABRICKS_CLIENT_ID with DATABRICKS_CLIENT_SECRET: not set"),
        ]

    def test_a_name_that_is_none(self, tmp_path: Path) -> None:
        connection = connected(tmp_path, workspace="evil.example/x")
        assert self.describe(connection)[0][1].startswith("none: invalid deployment_name: 'evil.example/x' is neither")


class TestUse:
    @pytest.mark.parametrize(
        ("name", "error"),
        [("dbc-typo", CredentialError), ("evil.example", HostError)],
    )
    def test_what_no_statement_could_reach_is_refused(self, name: str, error: type[Error], tmp_path: Path) -> None:
        connection = connected(tmp_path, workspace="dbc-1")
        with pytest.raises(error):
            connection.use_workspace(name)
        assert connection.workspace == "dbc-1"
        connection.use_workspace("https://ADB-1.2.azuredatabricks.net/?o=1")
        assert connection.workspace == "adb-1.2.azuredatabricks.net"

    def test_a_sandbox_has_its_own_workspaces_alone(self, site: Sandbox, tmp_path: Path) -> None:
        connection = connected(tmp_path, sandbox=site)
        with pytest.raises(InterfaceError, match="the sandbox has no workspace 'dbc-1'"):
            connection.use_workspace("dbc-1")
        connection.use_workspace(site.workspaces[1].upper())
        assert connection.workspace == site.workspaces[1]


class TestProbe:
    def test_each_workspace_says_whose_credential_it_is_or_why_it_does_not_answer(self, tmp_path: Path) -> None:
        with sandbox.start() as site, connect(environment=make_environment(tmp_path), sandbox=site) as connection:
            site.fault("GET /w/dbc-bcde1234-b2cd/*", status=403)
            result = connection.probe_workspaces()
            answers = {row[0]: row[-3:] for row in result.rows}
        assert [column.name for column in result.columns][-3:] == ["answer", "user_name", "elapsed_ms"]
        assert answers["dbc-abcd0123-a1bc"][:2] == ("ok", "ada@example.com")
        refused, user, elapsed = answers["dbc-bcde1234-b2cd"]
        assert "was told to answer 403" in str(refused)
        assert (user, elapsed) == (None, None)
        assert len(site.log) == 3
