"""Check that a method and its values become one exact HTTP request, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.cases import each_case
from tokensh.api.hosts import Hosts
from tokensh.api.request import build_request, creates_secret, to_json
from tokensh.errors import DataError, HostError, MissingParameter
from tokensh.provider.catalog import Catalog
from tokensh.provider.model import Method, Parameter
from tokensh.rows import Value

CATALOG = Catalog.load_shipped()
HOSTS = Hosts()


def method(resource: str, name: str) -> Method:
    return next(method for method in CATALOG.find((resource,)).methods if method.name == name)


@each_case(
    ("resource", "name", "values", "body", "expected"),
    [
        (
            "user_tokens",
            "listtokens",
            {},
            None,
            ("GET", "https://dbc-1.cloud.databricks.com/api/2.0/token/list", None),
        ),
        (
            "user_tokens",
            "create",
            {},
            {"comment": "ci"},
            ("POST", "https://dbc-1.cloud.databricks.com/api/2.0/token/create", {"comment": "ci"}),
        ),
        (
            "user_tokens",
            "create",
            {},
            None,
            ("POST", "https://dbc-1.cloud.databricks.com/api/2.0/token/create", {}),
        ),
        (
            "tokens",
            "delete",
            {"token_id": "a/b?c#d é"},
            None,
            (
                "DELETE",
                "https://dbc-1.cloud.databricks.com/api/2.0/token-management/tokens/a/b%3Fc%23d%20%C3%A9",
                None,
            ),
        ),
        (
            "tokens",
            "list",
            {"created_by_id": 7, "created_by_username": "a b&c@d.e"},
            None,
            (
                "GET",
                "https://dbc-1.cloud.databricks.com/api/2.0/token-management/tokens?created_by_id=7&created_by_username=a+b%26c%40d.e",
                None,
            ),
        ),
    ],
)
def test_a_call_becomes_a_request(
    resource: str, name: str, values: Mapping[str, Value], body: Mapping[str, Any] | None, expected: tuple[Any, ...]
) -> None:
    request = build_request(method(resource, name), HOSTS, {"deployment_name": "dbc-1", **values}, body)
    assert (request.method, request.url, request.body) == expected


def test_only_what_shows_a_secret_once_creates() -> None:
    creating = {
        (r.name, m.name)
        for r in CATALOG.resources("databricks_workspace", "workspace")
        for m in r.methods
        if creates_secret(m)
    }
    assert creating == {("user_tokens", "create"), ("tokens", "createobotoken")}


@pytest.mark.parametrize("token_id", ["", ".", ".."])
def test_a_path_value_that_would_be_a_step_is_refused(token_id: str) -> None:
    with pytest.raises(DataError, match="cannot be part of a path"):
        build_request(method("tokens", "get"), HOSTS, {"deployment_name": "dbc-1", "token_id": token_id})


def test_a_required_value_that_is_null_is_named() -> None:
    with pytest.raises(MissingParameter, match="token_id"):
        build_request(method("tokens", "get"), HOSTS, {"deployment_name": "dbc-1", "token_id": None})


@each_case("name", ["evil.com/#", "x@evil.com", "a b", "", "dbc-1\n", "1.5"])
def test_a_name_that_is_no_host_of_databricks_is_refused(name: str) -> None:
    with pytest.raises(HostError):
        build_request(method("user_tokens", "listtokens"), HOSTS, {"deployment_name": name})


ANY = Parameter("x", "body", "string", required=False)


@each_case(
    ("kind", "value", "expected"),
    [
        ("string", "123", "123"),
        ("string", "null", "null"),
        ("string", 123, "123"),
        ("string", 1.5, "1.5"),
        ("integer", 60, 60),
        ("integer", "60", 60),
        ("integer", 60.0, 60),
        ("integer", -(2**63), -(2**63)),
        ("number", "1.5", 1.5),
        ("number", 2, 2),
        ("boolean", 1, True),
        ("boolean", "FALSE", False),
        ("array", '["a", 1]', ["a", 1]),
        ("object", '{"a": {"b": null}}', {"a": {"b": None}}),
        ("string", None, None),
    ],
)
def test_a_value_takes_the_type_of_its_attribute(kind: Any, value: Value, expected: object) -> None:
    converted = to_json(replace(ANY, type=kind), value)
    assert converted == expected
    assert type(converted) is type(expected)


@each_case(
    ("kind", "value"),
    [
        ("integer", "soon"),
        ("integer", 1.5),
        ("integer", "9223372036854775808"),
        ("integer", 1e300),
        ("number", "x"),
        ("boolean", 2),
        ("boolean", "yes"),
        ("array", "a"),
        ("array", "{}"),
        ("object", "[1]"),
        ("object", "[" * 100_000),
        ("string", b"\x00"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_that_names_the_attribute(kind: Any, value: Value) -> None:
    with pytest.raises(DataError, match=f"data__x takes an? {kind}, not "):
        to_json(replace(ANY, type=kind), value)
