"""Check that a credential goes to its own host only, and that an error lists the sources that were tried."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from tests.cases import each_case
from tests.environments import make_environment, write_profiles
from tokensh.api.auth import AccessToken, ConfiguredCredential, Credentials
from tokensh.api.hosts import Target, parse_origin
from tokensh.api.oauth import RenewableToken
from tokensh.api.profiles import normalize_host
from tokensh.errors import CredentialError

WORKSPACE = "https://dbc-1.cloud.databricks.com"
OTHER = "https://dbc-2.cloud.databricks.com"
LOOPBACK = "http://127.0.0.1:18080"
MINE = {"DATABRICKS_TOKEN": "env-token"}
FILE = """
[DEFAULT]
host = https://dbc-1.cloud.databricks.com/?o=123
token = default%token

[two]
host = DBC-2.cloud.databricks.com/
token = two-token

[far]
host = https://databricks.example.com
token = far-token

[bare]
host = https://dbc-3.cloud.databricks.com

[hostless]
token = hostless-token

[odd]
host = http://dbc-1.cloud.databricks.com
token = odd-token

[__settings__]
auth_storage = plaintext
"""


def target(origin: str) -> Target:
    target = parse_origin(origin)
    assert target is not None
    return target


def send_nothing(*_: object, **__: object) -> NoReturn:
    raise AssertionError("choosing a credential sends nothing")


def choose(
    home: Path, origin: str, variables: dict[str, str], *, file: str = "", profile: str | None = None
) -> AccessToken | RenewableToken:
    if file:
        write_profiles(home, file)
    return Credentials(
        make_environment(home, variables=variables), fetch_json=send_nothing, profile=profile
    ).for_target(target(origin))


@pytest.mark.parametrize(
    ("origin", "variables", "file", "profile", "expected"),
    [
        (WORKSPACE, MINE, "", None, "env-token"),
        (LOOPBACK, MINE, "", None, "env-token"),
        (WORKSPACE, MINE | {"DATABRICKS_HOST": "dbc-1.cloud.databricks.com/"}, "", None, "env-token"),
        ("https://databricks.example.com", MINE | {"DATABRICKS_HOST": "databricks.example.com"}, "", None, "env-token"),
        (WORKSPACE, {}, FILE, None, "default%token"),
        (WORKSPACE, MINE, FILE, None, "env-token"),
        (WORKSPACE, MINE | {"DATABRICKS_HOST": OTHER}, FILE, None, "default%token"),
        (
            OTHER,
            {},
            FILE.replace("[bare]", "[again]\nhost = dbc-2.cloud.databricks.com\ntoken = two-token\n[bare]"),
            None,
            "two-token",
        ),
        (OTHER, {}, FILE, None, "two-token"),
        (OTHER, {}, FILE, "two", "two-token"),
        (OTHER, {"DATABRICKS_CONFIG_PROFILE": "two"}, FILE, None, "two-token"),
        ("https://databricks.example.com", {}, FILE, None, "far-token"),
        ("https://dbc-3.cloud.databricks.com", MINE, FILE, None, "env-token"),
    ],
)
def test_the_credential_of_the_target_is_chosen(
    tmp_path: Path, origin: str, variables: dict[str, str], file: str, profile: str | None, expected: str
) -> None:
    assert choose(tmp_path, origin, variables, file=file, profile=profile).get_token() == expected


@pytest.mark.parametrize(
    ("origin", "variables", "profile", "named"),
    [
        (WORKSPACE, {}, None, "DATABRICKS_TOKEN, and DATABRICKS_CLIENT_ID"),
        (WORKSPACE, {"DATABRICKS_TOKEN": ""}, None, "DATABRICKS_TOKEN, and DATABRICKS_CLIENT_ID"),
        (OTHER, MINE | {"DATABRICKS_HOST": WORKSPACE}, None, "belongs to https://dbc-1"),
        (LOOPBACK, MINE | {"DATABRICKS_HOST": WORKSPACE}, None, "belongs to https://dbc-1"),
        ("https://evil.example", MINE, None, "not a Databricks host"),
        ("https://cloud.databricks.com.evil.example", MINE, None, "not a Databricks host"),
    ],
)
def test_a_credential_of_another_host_is_not_sent_and_what_was_looked_at_is_named(
    tmp_path: Path, origin: str, variables: dict[str, str], profile: str | None, named: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        choose(tmp_path, origin, variables, profile=profile)
    assert any(named in place for place in caught.value.looked_at)
    assert "env-token" not in f"{caught.value!r} {caught.value.looked_at}"


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("two", "is for https://dbc-2"),
        ("none", "has no profile"),
        ("bare", "is for https://dbc-3"),
        ("hostless", r"cannot be used: .*databrickscfg, line 17: it has no host"),
        ("odd", r"line 20: its host http://dbc-1.cloud.databricks.com is not https"),
        ("__settings__", "has no profile"),
    ],
)
def test_a_profile_that_was_named_is_the_only_one(tmp_path: Path, profile: str, message: str) -> None:
    with pytest.raises(CredentialError, match=message):
        choose(tmp_path, WORKSPACE, MINE, file=FILE, profile=profile)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match="cannot be read"):
        choose(tmp_path, WORKSPACE, {}, file="\0")


def test_two_profiles_of_one_host_are_not_chosen_between(tmp_path: Path) -> None:
    file = FILE.replace("[bare]", "[again]\nhost = dbc-2.cloud.databricks.com\ntoken = other-token\n[bare]")
    with pytest.raises(CredentialError, match=f"profiles two and again are all for {OTHER}") as caught:
        choose(tmp_path, OTHER, {}, file=file)
    assert caught.value.hint == "choose one, for example with -p two"
    assert choose(tmp_path, OTHER, {}, file=file, profile="again").get_token() == "other-token"


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("azure-cli", "az account get-access-token"),
        ("oauth-u2m", "databricks auth login"),
        ("external-browser", "databricks auth login"),
        ("basic", "use a token"),
        ("github-oidc", "use a token, a client_id"),
        ("pat", "use a token, a client_id"),
    ],
)
def test_a_kind_that_is_not_offered_says_what_to_do(kind: str, hint: str, tmp_path: Path) -> None:
    file = f"[p]\nhost = {WORKSPACE}\nauth_type = {kind}\n"
    with pytest.raises(CredentialError) as caught:
        choose(tmp_path, WORKSPACE, {}, file=file, profile="p")
    assert hint in (caught.value.hint or "")
    with pytest.raises(CredentialError) as caught:
        choose(tmp_path, WORKSPACE, {}, file=file)
    assert any(hint in reason for reason in caught.value.looked_at)


@pytest.mark.parametrize(
    ("variables", "file", "expected"),
    [
        (MINE | {"DATABRICKS_HOST": f"{WORKSPACE}/?o=12#x"}, "", "12"),
        (MINE | {"DATABRICKS_WORKSPACE_ID": "34"}, "", "34"),
        ({}, f"[a]\nhost = {WORKSPACE}/?o=12\ntoken = t\n", "12"),
        ({}, f"[a]\nhost = {WORKSPACE}/?o=12\nworkspace_id = 56\ntoken = t\n", "56"),
        ({}, f"[a]\nhost = {WORKSPACE}\nworkspace_id = none\ntoken = t\n", ""),
        ({}, f"[a]\nhost = {WORKSPACE}\nworkspace_id = 12\\nX: 1\nclient_id = c\nclient_secret = s\n", ""),
        ({}, f"[a]\nhost = {WORKSPACE}\nworkspace_id = 78\nclient_id = c\nclient_secret = s\n", "78"),
    ],
)
def test_the_id_of_a_workspace_goes_with_its_credential(
    variables: dict[str, str], file: str, expected: str, tmp_path: Path
) -> None:
    assert choose(tmp_path, WORKSPACE, variables, file=file).workspace_id == expected


def test_a_bound_token_goes_to_its_origin_alone(tmp_path: Path) -> None:
    credentials = Credentials(
        make_environment(tmp_path, variables=MINE),
        fetch_json=send_nothing,
        explicit=ConfiguredCredential("own", "the sandbox", LOOPBACK),
    )
    assert credentials.for_target(target(LOOPBACK)).get_token() == "own"
    with pytest.raises(CredentialError):
        credentials.for_target(target("http://127.0.0.1:18081"))


def test_a_token_does_not_show_in_a_repr() -> None:
    assert "secret" not in repr(AccessToken("secret", "x"))


@each_case(
    ("written", "origin"),
    [
        ("dbc-1.cloud.databricks.com", WORKSPACE),
        ("https://DBC-1.cloud.databricks.com:443/?o=1#x", WORKSPACE),
        ("http://dbc-1.cloud.databricks.com", ""),
        ("u@dbc-1.cloud.databricks.com", ""),
        ("", ""),
    ],
)
def test_a_host_is_read_as_people_write_it(written: str, origin: str) -> None:
    assert normalize_host(written) == origin
