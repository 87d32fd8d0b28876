"""The shipped catalog has the documented resources and methods, and names of one to three parts find them."""

from __future__ import annotations

import pytest

from tests.cases import each_case
from tokensh.errors import UnknownName
from tokensh.provider.catalog import Catalog
from tokensh.provider.model import Resource

CATALOG = Catalog.load_shipped()


@pytest.mark.parametrize("service", ["settings", "workspace"])
def test_a_service_has_its_resources_sorted(service: str) -> None:
    names = [resource.name for resource in CATALOG.resources("databricks_workspace", service)]
    assert names == sorted(names)
    assert {"token_permission_levels", "token_permissions", "tokens"} <= set(names)


def test_user_tokens_is_a_resource_of_the_workspace_service() -> None:
    assert "user_tokens" in [resource.name for resource in CATALOG.resources("databricks_workspace", "workspace")]


def test_services_are_sorted() -> None:
    names = [service.name for service in CATALOG.services("databricks_workspace")]
    assert names == sorted(names)
    assert {"settings", "workspace"} <= set(names)


def summary(resource: Resource) -> list[tuple[str, str, str, str]]:
    return [(method.name, method.verb, method.http_method, method.path) for method in resource.methods]


@each_case(
    ("name", "methods"),
    [
        (
            "workspace.user_tokens",
            [
                ("listtokens", "SELECT", "GET", "/api/2.0/token/list"),
                ("create", "INSERT", "POST", "/api/2.0/token/create"),
                ("revoketoken", "EXEC", "POST", "/api/2.0/token/delete"),
            ],
        ),
        (
            "workspace.tokens",
            [
                ("get", "SELECT", "GET", "/api/2.0/token-management/tokens/{token_id}"),
                ("list", "SELECT", "GET", "/api/2.0/token-management/tokens"),
                ("createobotoken", "INSERT", "POST", "/api/2.0/token-management/on-behalf-of/tokens"),
                ("delete", "DELETE", "DELETE", "/api/2.0/token-management/tokens/{token_id}"),
            ],
        ),
        (
            "workspace.token_permissions",
            [
                ("getpermissions", "SELECT", "GET", "/api/2.0/permissions/authorization/tokens"),
                ("updatepermissions", "UPDATE", "PATCH", "/api/2.0/permissions/authorization/tokens"),
                ("setpermissions", "REPLACE", "PUT", "/api/2.0/permissions/authorization/tokens"),
            ],
        ),
        (
            "workspace.token_permission_levels",
            [("getpermissionlevels", "SELECT", "GET", "/api/2.0/permissions/authorization/tokens/permissionLevels")],
        ),
        (
            "settings.tokens",
            [
                ("list", "SELECT", "GET", "/api/2.0/token/list"),
                ("create", "INSERT", "POST", "/api/2.0/token/create"),
                ("tokens_update", "UPDATE", "PATCH", "/api/2.0/token/{token_id}"),
                ("delete", "EXEC", "POST", "/api/2.0/token/delete"),
            ],
        ),
    ],
)
def test_methods_of_the_shipped_resources(name: str, methods: list[tuple[str, str, str, str]]) -> None:
    resource = CATALOG.find(tuple(name.split(".")))
    assert summary(resource) == methods
    assert {method.server for method in resource.methods} == {"https://{deployment_name}.cloud.databricks.com"}
    assert {method.parameters[0].name for method in resource.methods} == {"deployment_name"}


@each_case(
    ("name", "fields"),
    [
        ("user_tokens", "token_id comment creation_time expiry_time"),
        (
            "tokens",
            "token_id comment creation_time expiry_time"
            " created_by_id created_by_username owner_id workspace_id last_used_day",
        ),
        ("token_permissions", "object_id object_type access_control_list"),
        ("token_permission_levels", "permission_level description"),
        ("settings.token_permissions", "object_id object_type access_control_list"),
    ],
)
def test_fields_of_the_shipped_resources(name: str, fields: str) -> None:
    assert [field.name for field in CATALOG.find(tuple(name.split("."))).fields] == fields.split()


@each_case(
    ("name", "method", "attributes"),
    [
        ("user_tokens", "create", [("data__lifetime_seconds", "integer", False), ("data__comment", "string", False)]),
        ("user_tokens", "revoketoken", [("data__token_id", "string", True)]),
        (
            "tokens",
            "createobotoken",
            [
                ("data__application_id", "string", True),
                ("data__lifetime_seconds", "integer", False),
                ("data__comment", "string", False),
            ],
        ),
        ("token_permissions", "setpermissions", [("data__access_control_list", "array", False)]),
        ("settings.tokens", "delete", [("token_id", "string", True)]),
        ("settings.tokens", "create", [("lifetime_seconds", "integer", False), ("comment", "string", False)]),
    ],
)
def test_body_attributes_of_the_shipped_methods(
    name: str, method: str, attributes: list[tuple[str, str, bool]]
) -> None:
    (found,) = (m for m in CATALOG.find(tuple(name.split("."))).methods if m.name == method)
    assert [
        (attribute.sql_name, attribute.type, attribute.required) for attribute in found.documented_body
    ] == attributes
    assert found.has_body


@pytest.mark.parametrize(("name", "prefix"), [("user_tokens", "data__"), ("tokens", "data__"), ("settings.tokens", "")])
def test_a_create_takes_the_attributes_of_newer_apis_too(name: str, prefix: str) -> None:
    (create,) = CATALOG.find(tuple(name.split("."))).methods_for("INSERT")
    newer = [attribute for attribute in create.body if attribute.newer]
    assert [(attribute.sql_name, attribute.type, attribute.required) for attribute in newer] == [
        (f"{prefix}scopes", "array", False),
        (f"{prefix}autoscope_enabled", "boolean", False),
    ]
    assert all(attribute.description for attribute in newer)


@pytest.mark.parametrize(("name", "method"), [("user_tokens", "revoketoken"), ("settings.tokens", "delete")])
def test_user_tokens_can_be_deleted_by_their_exec_method(name: str, method: str) -> None:
    assert CATALOG.find(tuple(name.split("."))).delete_method == method


def test_a_method_without_a_body_has_none() -> None:
    (delete,) = CATALOG.find(("tokens",)).methods_for("DELETE")
    assert not delete.has_body
    assert delete.fields == ()


def test_the_example_of_deployment_name_is_the_pages() -> None:
    server, *_ = CATALOG.find(("user_tokens",)).methods[0].parameters
    assert (server.location, server.required, server.example) == ("server", True, "dbc-abcd0123-a1bc")


@each_case(
    "parts",
    [
        ("user_tokens",),
        ("USER_TOKENS",),
        ("workspace", "user_tokens"),
        ("databricks_workspace", "workspace", "user_tokens"),
        ("Databricks_Workspace", "WorkSpace", "User_Tokens"),
    ],
)
def test_a_name_of_one_to_three_parts_is_found_in_any_case(parts: tuple[str, ...]) -> None:
    assert CATALOG.find(parts).id == "databricks_workspace.workspace.user_tokens"


def test_unqualified_names_resolve_in_the_given_service() -> None:
    found = CATALOG.find(("tokens",), ("databricks_workspace", "settings"))
    assert found.id == "databricks_workspace.settings.tokens"


@each_case(
    ("parts", "kind", "name", "near"),
    [
        (("user_token",), "resource", "user_token", "user_tokens"),
        (("workspce", "tokens"), "service", "workspce", "workspace"),
        (("databricks_workspaces", "workspace", "tokens"), "provider", "databricks_workspaces", "databricks_workspace"),
        (("zzz",), "resource", "zzz", None),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(
    parts: tuple[str, ...], kind: str, name: str, near: str | None
) -> None:
    with pytest.raises(UnknownName) as caught:
        CATALOG.find(parts)
    assert (caught.value.kind, caught.value.name, caught.value.near) == (kind, name, near)


@pytest.mark.parametrize(
    ("parts", "default"), [(("a", "b", "c", "d"), ("p", "s")), (("tokens",), ("databricks_workspace",))]
)
def test_a_name_with_too_many_or_too_few_parts_says_what_a_full_one_is(
    parts: tuple[str, ...], default: tuple[str, ...]
) -> None:
    with pytest.raises(UnknownName, match=r"unknown resource") as caught:
        CATALOG.find(parts, default)
    assert caught.value.hint == "a full name is provider.service.resource"


def test_a_resource_is_built_once() -> None:
    assert CATALOG.find(("tokens",)) is CATALOG.find(("TOKENS",))
