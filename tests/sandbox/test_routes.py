"""Each route returns the documented shapes and error codes."""

from __future__ import annotations

import re

from tests.cases import each_case
from tests.sandbox.api import DAY, NOW, WORKSPACE, Api, new_state
from tokensh.provider.catalog import Catalog
from tokensh.provider.model import Method
from tokensh.sandbox.seed import ADMIN, GUEST_TOKEN, ROBOT, USER, USER_TOKEN

LIST = "/api/2.0/token/list"
MANAGED = "/api/2.0/token-management/tokens"
OBO = "/api/2.0/token-management/on-behalf-of/tokens"
CONF = "/api/2.0/workspace-conf"


CATALOG = Catalog.load_shipped()
METHODS = [
    method
    for service in CATALOG.services("databricks_workspace")
    for resource in CATALOG.resources("databricks_workspace", service.name)
    for method in resource.methods
]


@each_case("method", METHODS, ids=lambda method: f"{method.http_method} {method.path}")
def test_every_method_of_the_shipped_provider_has_a_route(method: Method) -> None:
    path = re.sub(r"\{\w+\}", "x", method.path)
    reply = Api().reply(method.http_method, path, {} if method.has_body else None)
    assert b"ENDPOINT_NOT_FOUND" not in reply.body


def test_create_list_revoke() -> None:
    api = Api()
    made = api.create(comment="mine", lifetime_seconds=7_776_000)
    info = made["token_info"]
    assert made["token_value"].startswith("dapi")
    assert len(made["token_value"]) == 36
    assert info["expiry_time"] - info["creation_time"] == 7_776_000_000
    assert info["creation_time"] == NOW * 1000
    assert api.own()[-1] == info
    assert api.call("POST", "/api/2.0/token/delete", {"token_id": info["token_id"]}) == {}
    assert info not in api.own()


def test_a_created_token_authenticates_as_its_minter_until_it_is_revoked() -> None:
    api = Api(token=USER_TOKEN)
    made = api.create()
    minted = api.as_bearer(made["token_value"])
    assert minted.own() == api.own()
    minted.call("POST", "/api/2.0/token/delete", {"token_id": made["token_info"]["token_id"]})
    assert minted.refusal("GET", LIST) == (403, 403, "Invalid access token. [ReqId: request-1]")


def test_a_created_token_is_good_in_its_workspace_only() -> None:
    api = Api()
    minted = api.as_bearer(api.create()["token_value"])
    assert minted.at("dbc-bcde1234-b2cd").refusal("GET", LIST)[0] == 403


def test_an_expired_token_authenticates_nobody() -> None:
    api = Api()
    minted = api.as_bearer(api.create(lifetime_seconds="60")["token_value"])
    minted.own()
    api.state.clock.offset = 60
    assert minted.refusal("GET", LIST)[:2] == (403, 403)


@each_case("header", ["", "Basic eDp5", "Bearer", "Bearer ", "dapi123"])
def test_no_usable_credential_is_401_with_a_number(header: str) -> None:
    reply = Api(token=None).reply("GET", LIST, headers={"authorization": header})
    assert reply.status == 401
    assert b'"error_code": 401' in reply.body
    assert b"Credential was not sent" in reply.body


def test_each_sees_the_own_tokens_and_the_admin_everyones() -> None:
    admin, user = Api(), Api(token=USER_TOKEN)
    assert len(admin.own()) == 7
    assert [row["comment"] for row in user.own()] == ["ed's scratch pad"]
    assert len(admin.everyone()) == 9


def test_an_empty_list_is_an_empty_object() -> None:
    api = Api(new_state(any_workspace=True), workspace="dbc-new")
    assert api.call("GET", LIST) == {}
    assert api.call("GET", MANAGED) == {}


@each_case(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/api/2.0/token/delete", {"token_id": "nope"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("POST", "/api/2.0/token/delete", {}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/token/delete", {"token_id": 5}, 400, "MALFORMED_REQUEST"),
        ("POST", "/api/2.0/token/create", b"{", 400, "MALFORMED_REQUEST"),
        ("POST", "/api/2.0/token/create", {"lifetime_seconds": -1}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/token/create", {"lifetime_seconds": 0}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/token/create", {"lifetime_seconds": "0"}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", OBO, {"application_id": ROBOT.name, "lifetime_seconds": 0}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/token/create", {"comment": "x" * 256}, 400, "INVALID_PARAMETER_VALUE"),
        ("PATCH", "/api/2.0/token/nope", {"token": {}, "update_mask": "comment"}, 404, "NOT_FOUND"),
        ("PATCH", "/api/2.0/token/nope", {"token": 1}, 400, "MALFORMED_REQUEST"),
        ("GET", f"{MANAGED}/nope", None, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("GET", f"{MANAGED}?created_by_id=x", None, 400, "INVALID_PARAMETER_VALUE"),
        ("DELETE", f"{MANAGED}/nope", None, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("POST", OBO, {}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", OBO, {"application_id": "nope"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("GET", "/api/2.0/token/create", None, 404, "ENDPOINT_NOT_FOUND"),
        ("GET", f"{MANAGED}/", None, 404, "ENDPOINT_NOT_FOUND"),
        ("GET", "/nothing", None, 404, "ENDPOINT_NOT_FOUND"),
        ("GET", CONF, None, 400, "INVALID_PARAMETER_VALUE"),
        ("GET", f"{CONF}?keys=other", None, 400, "INVALID_PARAMETER_VALUE"),
        ("PATCH", CONF, {"enableTokensConfig": True}, 400, "INVALID_PARAMETER_VALUE"),
        ("PATCH", CONF, {"enableTokensConfig": "yes"}, 400, "INVALID_PARAMETER_VALUE"),
        ("PATCH", CONF, {"maxTokenLifetimeDays": "731"}, 400, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_refusals(method: str, path: str, body: object, status: int, code: str) -> None:
    assert Api().refusal(method, path, body)[:2] == (status, code)


@each_case(
    ("token", "method", "path"),
    [
        (GUEST_TOKEN, "GET", LIST),
        (GUEST_TOKEN, "POST", "/api/2.0/token/create"),
        (USER_TOKEN, "GET", MANAGED),
        (USER_TOKEN, "DELETE", f"{MANAGED}/x"),
        (USER_TOKEN, "POST", OBO),
        (USER_TOKEN, "GET", f"{CONF}?keys=enableTokensConfig"),
    ],
)
def test_what_one_may_not_do(token: str, method: str, path: str) -> None:
    assert Api(token=token).refusal(method, path)[:2] == (403, "PERMISSION_DENIED")


def test_update_of_ones_own_token() -> None:
    api = Api(token=USER_TOKEN)
    [row] = api.own()
    body = {"token": {"comment": "renamed", "scopes": ["sql"]}, "update_mask": "comment,scopes"}
    assert api.call("PATCH", f"/api/2.0/token/{row['token_id']}", body) == {}
    assert api.own() == [
        {**row, "comment": "renamed", "scopes": ["sql"], "autoscope_state": "AUTOSCOPE_STATE_USER_SELECTED"}
    ]


@each_case(
    ("query", "count"),
    [
        (f"?created_by_id={ADMIN.number}", 8),
        ("?created_by_username=ed%40example.com", 1),
        (f"?created_by_id={ADMIN.number}&created_by_username=ed@example.com", 0),
        ("?created_by_id=1", 0),
    ],
)
def test_filters_of_the_admins_list(query: str, count: int) -> None:
    assert len(Api().everyone(query)) == count


def test_the_admins_row_has_all_fields() -> None:
    row = next(row for row in Api().everyone() if row["comment"] == "deployer, on behalf")
    assert (row["created_by_id"], row["created_by_username"]) == (ADMIN.number, ADMIN.name)
    assert row["owner_id"] == ROBOT.number
    assert row["last_used_day"] == int(NOW) // DAY * DAY * 1000
    assert row["workspace_id"] > 0


def test_never_used_means_no_day() -> None:
    row = next(row for row in Api().everyone() if row["comment"] == "")
    assert "last_used_day" not in row


def test_the_admin_gets_updates_and_deletes_anyones() -> None:
    api = Api()
    row = api.everyone(f"?created_by_id={USER.number}")[0]
    path = f"{MANAGED}/{row['token_id']}"
    assert api.call("GET", path) == {"token_info": row}
    changed = api.call("PATCH", path, {"token": {"comment": "seen"}, "update_mask": "comment"})
    assert changed == {**row, "comment": "seen"}
    assert api.call("DELETE", path) == {}
    assert api.as_bearer(USER_TOKEN).own() == []


def test_an_on_behalf_token_belongs_to_the_service_principal() -> None:
    api = Api()
    made = api.call("POST", OBO, {"application_id": ROBOT.name, "comment": "obo", "lifetime_seconds": 60})
    assert (made["token_info"]["owner_id"], made["token_info"]["created_by_id"]) == (ROBOT.number, ADMIN.number)
    me = api.as_bearer(made["token_value"]).call("GET", "/api/2.0/preview/scim/v2/Me")
    assert me["userName"] == ROBOT.name


def test_on_behalf_can_be_off() -> None:
    got = Api(new_state(obo=False)).refusal("POST", OBO, {"application_id": ROBOT.name})
    assert got[:2] == (403, "FEATURE_DISABLED")


def test_me() -> None:
    me = Api(token=GUEST_TOKEN).call("GET", "/api/2.0/preview/scim/v2/Me")
    assert (me["userName"], me["active"]) == ("gus@example.com", True)
    assert [group["display"] for group in me["groups"]] == ["users"]


def test_tokens_can_be_disabled_and_me_still_answers() -> None:
    api = Api()
    assert api.reply("PATCH", CONF, {"enableTokensConfig": "false"}).status == 204
    assert api.refusal("GET", LIST) == (404, "FEATURE_DISABLED", "Tokens are disabled.")
    assert api.refusal("GET", MANAGED)[0] == 404
    assert api.call("GET", "/api/2.0/preview/scim/v2/Me")["userName"] == ADMIN.name


def test_the_maximum_lifetime_is_a_setting() -> None:
    api = Api()
    api.reply("PATCH", CONF, {"maxTokenLifetimeDays": "90"})
    assert api.call("GET", f"{CONF}?keys=enableTokensConfig,maxTokenLifetimeDays") == {
        "enableTokensConfig": "true",
        "maxTokenLifetimeDays": "90",
    }
    assert api.refusal("POST", "/api/2.0/token/create", {"lifetime_seconds": 90 * DAY + 1})[0] == 400


def test_a_maximum_lifetime_of_zero_is_no_limit() -> None:
    api = Api()
    assert api.reply("PATCH", CONF, {"maxTokenLifetimeDays": "0"}).status == 204
    made = api.create(lifetime_seconds=1000 * DAY)["token_info"]
    assert made["expiry_time"] - made["creation_time"] == 1000 * DAY * 1000


def test_a_lifetime_of_zero_is_refused_in_the_words_of_the_api() -> None:
    refusal = Api().refusal("POST", "/api/2.0/token/create", {"comment": "", "lifetime_seconds": 0})
    assert refusal[2] == "requirement failed: Invalid timeout: 0"


def test_replies_name_the_workspace_by_number() -> None:
    reply = Api().reply("GET", "/api/2.0/preview/scim/v2/Me")
    assert reply.headers["X-Databricks-Org-Id"] == str(Api().state.workspace(WORKSPACE).number)


def test_only_an_admin_lists_the_accounts_workspaces() -> None:
    path = "/api/2.0/accounts/7d0f4c52-31ab-4e7e-a2a5-5a1c9b0d6e83/workspaces"
    assert len(Api(workspace="").call("GET", path)) == 3
    assert Api(workspace="", token=USER_TOKEN).refusal("GET", path)[0] == 403
    assert Api(workspace="").refusal("GET", LIST)[1] == "ENDPOINT_NOT_FOUND"
