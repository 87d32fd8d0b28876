"""A refusal by a workspace reaches the user with its code, its message and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.sessions import A, connect, run
from tokensh import sandbox
from tokensh.errors import ApiError, Error, ReplyError
from tokensh.render.errors import format_error
from tokensh.sandbox import Sandbox

LIST = f"SELECT token_id FROM user_tokens WHERE deployment_name = '{A}'"
ALL = f"SELECT token_id FROM tokens WHERE deployment_name = '{A}'"
MINT = f"INSERT INTO user_tokens (data__comment, data__lifetime_seconds, deployment_name) VALUES ({{}}, '{A}') RETURNING token_value"
OBO = f"INSERT INTO tokens (data__application_id, deployment_name) VALUES ('{{}}', '{A}') RETURNING token_value"
REVOKE = f"EXEC user_tokens.revoketoken @deployment_name = '{A}' @@json = '{{\"token_id\": \"none\"}}'"
GRANT = 'UPDATE token_permissions SET data__access_control_list = \'[{{"{}": "{}", "permission_level": "CAN_USE"}}]\''
GRANT_WHERE = f"{GRANT} WHERE deployment_name = '{A}'"


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    with sandbox.start(obo=False, quota=8) as running:
        yield running


def refused(site: Sandbox, home: Path, sql: str, token: str) -> Error:
    variables = {"DATABRICKS_TOKEN": token}
    with connect(site, home, variables) as session, pytest.raises(Error) as caught:
        run(session, sql)
    return caught.value


CASES = [
    # who asks, the statement, status and code, what is said, what to do
    ("outsider", LIST, "403", "Invalid access token", "was revoked, or has expired"),
    ("guest", LIST, "403 PERMISSION_DENIED", "does not have permission to use tokens", "can grant CAN_USE"),
    ("user", ALL, "403 PERMISSION_DENIED", "is not an admin", "your own tokens are in user_tokens"),
    ("user", f"SELECT * FROM token_permissions WHERE deployment_name = '{A}'", "403 PERMISSION_DENIED", "admin", "admins"),
    ("token", REVOKE, "404 RESOURCE_DOES_NOT_EXIST", "Token with ID none does not exist", "tokens everyone's"),
    ("token", MINT.format("'x', 99999999"), "400 INVALID_PARAMETER_VALUE", "lifetime_seconds", "maxTokenLifetimeDays"),
    ("token", MINT.format("'x', -5"), "400 INVALID_PARAMETER_VALUE", "Invalid timeout: -5", "at least 1 second"),
    ("token", MINT.format(f"'{'x' * 256}', 60"), "400 INVALID_PARAMETER_VALUE", "256 characters", "at most 255"),
    ("token", OBO.format("x"), "403 FEATURE_DISABLED", "not enabled", "a service principal can mint its own"),
    ("token", GRANT_WHERE.format("group_name", "outsider"), "404 RESOURCE_DOES_NOT_EXIST", "GroupName(outsider)", "is the name right?"),
    ("token", GRANT_WHERE.format("service_principal_name", "deployer"), "404 RESOURCE_DOES_NOT_EXIST", "deployer", "application id"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "sql", "facts", "said", "hint"), CASES, ids=[f"{who}: {sql[:60]}" for who, sql, *_ in CASES])  # fmt: skip
def test_a_refusal_of_the_api_is_told_with_its_facts_and_a_way_on(
    who: str, sql: str, facts: str, said: str, hint: str, site: Sandbox, tmp_path: Path
) -> None:
    tokens = {"token": site.token, "user": site.user_token, "guest": site.guest_token, "outsider": "dapi" + "0" * 32}
    error = refused(site, tmp_path, sql, tokens[who])
    first, second, *rest = format_error(error, redact=str)
    assert first.startswith(f"error: {A}: ")
    assert said in first
    assert second.startswith(f"({facts}, request id ")
    assert hint in rest[-1]
    assert ("  credential: DATABRICKS_TOKEN" in rest) == (facts[:3] in ("401", "403"))
    assert tokens[who] not in str((first, second, rest))


def test_tokens_that_are_switched_off_are_told_from_a_missing_workspace(site: Sandbox, tmp_path: Path) -> None:
    site.state.workspace(A).conf["enableTokensConfig"] = "false"
    try:
        error = refused(site, tmp_path, LIST, site.token)
    finally:
        site.state.workspace(A).conf["enableTokensConfig"] = "true"
    assert isinstance(error, ApiError)
    assert (error.status, "enableTokensConfig" in (error.hint or "")) == (404, True)
    missing = refused(site, tmp_path, LIST.replace(A, "dbc-nope"), site.token)
    assert "is the workspace name right?" in (missing.hint or "")


@pytest.mark.parametrize(
    ("location", "hint"),
    [
        ("/login.html?error=private-link-validation-error:12", "private link"),
        ("https://accounts.example/login?next=1", "login page"),
        ("https://elsewhere.example/", "is the workspace name right?"),
    ],
)
def test_a_redirect_is_told_for_what_it_is(location: str, hint: str, site: Sandbox, tmp_path: Path) -> None:
    site.fault("GET */token/list", status=302, body="", headers={"Location": location})
    error = refused(site, tmp_path, LIST, site.token)
    assert "redirects are not followed" in error.message
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("page", "hint"),
    [
        ("<html><title>Sign in to Databricks</title></html>", "login page"),
        ("<html>private-link-validation-error</html>", "private link"),
        ("<html>welcome</html>", "is the workspace name right?"),
    ],
)
def test_so_is_a_page_where_json_should_be(page: str, hint: str, site: Sandbox, tmp_path: Path) -> None:
    site.fault("GET */token/list", body=page, headers={"Content-Type": "text/html"})
    error = refused(site, tmp_path, LIST, site.token)
    assert isinstance(error, ReplyError)
    assert hint in (error.hint or "")
