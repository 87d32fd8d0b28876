"""Requests are parsed, and refusals shaped, as the API documents."""

from __future__ import annotations

import json

import pytest

from tests.cases import each_case
from tokensh.sandbox.http import RefusedError, Reply, Request, get_integer, get_strings, get_text, json_reply


def request(target: str = "/", body: bytes = b"") -> Request:
    return Request.parse("GET", target, {}, body, "id-1")


@each_case(
    ("target", "workspace", "path"),
    [
        ("/w/dbc-1/api/2.0/token/list", "dbc-1", "/api/2.0/token/list"),
        ("/w/DBC-1/api?x=1", "dbc-1", "/api"),
        ("/w/dbc-1", "dbc-1", "/"),
        ("/api/2.0/x", "", "/api/2.0/x"),
        ("/wx/dbc-1", "", "/wx/dbc-1"),
    ],
)
def test_the_first_path_segments_name_the_workspace(target: str, workspace: str, path: str) -> None:
    taken = request(target)
    assert (taken.workspace, taken.path) == (workspace, path)


@each_case(
    ("target", "host", "root", "workspace", "base"),
    [
        ("/api", "dbc-1.localhost", "", "dbc-1", "http://dbc-1.localhost"),
        ("/api", "DBC-1.LocalHost:80", "dbc-2", "dbc-1", "http://dbc-1.localhost:80"),
        ("/api", "localhost:80", "dbc-2", "dbc-2", ""),
        ("/api", "127.0.0.1:80", "dbc-2", "dbc-2", ""),
        ("/api", "127.0.0.1:80", "", "", ""),
        ("/api", "a.b.localhost", "", "", ""),
        ("/w/DBC-3/api", "dbc-1.localhost", "dbc-2", "dbc-3", "/w/dbc-3"),
        ("/api/2.0/accounts/1/workspaces", "", "dbc-2", "", ""),
        ("/oidc/accounts/1/v1/token", "", "dbc-2", "", ""),
        ("/oidc/v1/token", "", "dbc-2", "dbc-2", ""),
    ],
)
def test_the_host_or_the_root_names_it_otherwise(target: str, host: str, root: str, workspace: str, base: str) -> None:
    taken = Request.parse("GET", target, {"host": host}, b"", "id-1").with_root(root)
    assert (taken.workspace, taken.base) == (workspace, base)


def test_the_query_is_decoded() -> None:
    assert request("/x?a=b%20c&d=").query == {"a": "b c", "d": ""}


def test_headers_and_body_stay_out_of_the_repr() -> None:
    shown = repr(Request.parse("GET", "/", {"authorization": "Bearer SECRET"}, b"SECRET", "id"))
    assert "SECRET" not in shown


@each_case("body", [b"{", b"[1]", b"null", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        request(body=body).parse_json()
    assert (caught.value.status, caught.value.code) == (400, "MALFORMED_REQUEST")


def test_an_empty_body_is_an_empty_object() -> None:
    assert request(body=b" \n").parse_json() == {}


@each_case(("value", "expected"), [(5, 5), ("5", 5), ("-5", -5), (None, None), (2**63 - 1, 2**63 - 1)])
def test_an_int64_may_come_in_quotes(value: object, expected: int | None) -> None:
    assert get_integer({"n": value}, "n") == expected


@each_case("value", [True, 1.5, "x", "", "--1", "1" * 30, 2**63, [], {}])
def test_what_is_no_int64_is_malformed(value: object) -> None:
    with pytest.raises(RefusedError):
        get_integer({"n": value}, "n")


@each_case("value", [1, True, [], {}])
def test_what_is_no_string_is_malformed(value: object) -> None:
    with pytest.raises(RefusedError):
        get_text({"s": value}, "s")


@pytest.mark.parametrize("value", ["x", [1], {"a": 1}])
def test_what_is_no_array_of_strings_is_malformed(value: object) -> None:
    with pytest.raises(RefusedError):
        get_strings({"s": value}, "s")


def body_of(answer: Reply) -> object:
    return json.loads(answer.body)


def test_an_authentication_refusal_carries_a_number_and_the_request_id() -> None:
    shown = body_of(RefusedError(403, 403, "Invalid access token.").to_reply("id-1"))
    assert shown == {"error_code": 403, "message": "Invalid access token. [ReqId: id-1]"}


def test_a_service_refusal_carries_a_code_and_details() -> None:
    shown = body_of(RefusedError(404, "NOT_FOUND", "gone").to_reply("id-1"))
    assert isinstance(shown, dict)
    assert (shown["error_code"], shown["message"]) == ("NOT_FOUND", "gone")
    assert shown["details"][0]["request_id"] == "id-1"


def test_a_reply_can_carry_what_utf_8_cannot() -> None:
    assert json_reply({"a": "\ud800é"}).body == '{"a": "?é"}'.encode()
