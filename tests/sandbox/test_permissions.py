"""The access control list follows the permissions API, with the loss of tokens that it implies."""

from __future__ import annotations

import pytest

from tests.cases import each_case
from tests.sandbox.api import Api, new_state
from tokensh.sandbox.permissions import PATH
from tokensh.sandbox.seed import GUEST, GUEST_TOKEN, ROBOT, USER, USER_TOKEN

ADMINS = {"group_name": "admins", "all_permissions": [{"permission_level": "CAN_MANAGE", "inherited": False}]}


def entry(level: str = "CAN_USE", **who: str) -> dict[str, object]:
    return {"access_control_list": [{**who, "permission_level": level}]}


def listed(value: dict[str, list[dict[str, str]]]) -> set[str]:
    names = ("group_name", "user_name", "service_principal_name")
    return {row[name] for row in value["access_control_list"] for name in names if name in row}


def test_the_shape_is_the_real_one() -> None:
    shown = Api().call("GET", PATH)
    assert (shown["object_id"], shown["object_type"]) == ("/authorization/tokens", "tokens")
    assert shown["access_control_list"][0] == ADMINS
    assert listed(shown) == {"admins", "token-users"}


def test_patch_adds() -> None:
    api = Api()
    assert listed(api.call("PATCH", PATH, entry(user_name=GUEST.name))) == {"admins", "token-users", GUEST.name}
    assert api.as_bearer(GUEST_TOKEN).own() == []


def test_put_replaces_and_takes_the_tokens_of_who_is_gone() -> None:
    api = Api()
    assert listed(api.call("PUT", PATH, entry(service_principal_name=ROBOT.name))) == {"admins", ROBOT.name}
    assert api.as_bearer(USER_TOKEN).refusal("GET", "/api/2.0/token/list")[0] == 403
    assert not any(row["owner_id"] == USER.number for row in api.everyone())
    assert len(api.own()) == 7


def test_admins_may_be_named_and_keep_what_they_have() -> None:
    assert listed(Api().call("PUT", PATH, entry("CAN_MANAGE", group_name="admins"))) == {"admins"}


@each_case(
    ("body", "status", "code", "part"),
    [
        (
            entry(user_name="no@example.com"),
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "Principal: UserName(no@example.com) does not",
        ),
        (entry(service_principal_name="deployer"), 404, "RESOURCE_DOES_NOT_EXIST", "ServicePrincipalName(deployer)"),
        (entry(), 400, "INVALID_PARAMETER_VALUE", "needs one of"),
        (entry(user_name=USER.name, group_name="users"), 400, "INVALID_PARAMETER_VALUE", "needs one of"),
        (entry("CAN_MANAGE", user_name=USER.name), 400, "INVALID_PARAMETER_VALUE", "only CAN_USE can"),
        ({"access_control_list": "x"}, 400, "INVALID_PARAMETER_VALUE", "array"),
        ({"access_control_list": [1]}, 400, "INVALID_PARAMETER_VALUE", "array"),
    ],
)
def test_a_bad_list_is_refused_and_changes_nothing(body: object, status: int, code: str, part: str) -> None:
    api = Api()
    got = api.refusal("PUT", PATH, body)
    assert got[:2] == (status, code)
    assert part in got[2]
    assert len(api.everyone()) == 9


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_a_workspace_without_tokens_has_no_such_object(method: str) -> None:
    api = Api(new_state(any_workspace=True), workspace="dbc-empty")
    assert api.refusal(method, PATH, {}) == (404, "RESOURCE_DOES_NOT_EXIST", "tokens tokens does not exist")


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("PUT", PATH), ("GET", PATH + "/permissionLevels")])
def test_only_admins_manage(method: str, path: str) -> None:
    assert Api(token=USER_TOKEN).refusal(method, path)[:2] == (403, "PERMISSION_DENIED")


def test_levels() -> None:
    levels = Api().call("GET", PATH + "/permissionLevels")["permission_levels"]
    assert [level["permission_level"] for level in levels] == ["CAN_USE", "CAN_MANAGE"]
