"""Check that a credential goes to its own host only, and that an error lists the sources that were tried."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

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
        (WORKSPACE, MINE, FILE, None, "default%token"),
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
        ("hostless", "is for no host"),
        ("odd", "is for no host"),
        ("__settings__", "has no profile"),
    ],
)
def test_a_profile_that_was_named_is_the_only_one(tmp_path: Path, profile: str, message: str) -> None:
    with pytest.raises(CredentialError, match=message):
        choose(tmp_path, WORKSPACE, MINE, file=FILE, profile=profile)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match="cannot be read"):
        choose(tmp_path, WORKSPACE, MINE, file="host = x\n")


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


@pytest.mark.parametrize(
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
