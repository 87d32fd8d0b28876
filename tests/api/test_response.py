"""Check that a response becomes exact rows, or one error that names the place in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.test_request import method
from tests.cases import each_case
from tokensh.api.hosts import Hosts
from tokensh.api.request import Request, build_request
from tokensh.api.response import Response, decode, find_rows, need_no_conversion, to_cell
from tokensh.errors import ApiError, ReplyError
from tokensh.redact import Redactor
from tokensh.rows import Value

LIST = method("user_tokens", "listtokens")
GET = method("tokens", "get")
CREATE = method("user_tokens", "create")
REVOKE = method("user_tokens", "revoketoken")
REQUEST = build_request(LIST, Hosts(), {"deployment_name": "dbc-1"})
TOKEN = "dapi" + "0123456789abcdef" * 2


def answer(content: bytes | str, status: int = 200, **headers: str) -> Response:
    redactor = Redactor()
    redactor.learn("strange-token")
    encoded = content.encode() if isinstance(content, str) else content
    return decode(
        REQUEST, status, {name.replace("_", "-"): text for name, text in headers.items()}, encoded, 0.1, redactor
    )


def refusal(content: bytes | str, status: int = 403, **headers: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        answer(content, status, **headers)
    return caught.value


class TestRows:
    @each_case("body", ["{}", '{"token_infos": null}', '{"token_infos": []}', "\ufeff{}"])
    def test_there_may_be_none(self, body: str) -> None:
        assert list(find_rows(LIST, answer(body))) == []

    def test_they_are_the_items_of_the_array(self) -> None:
        assert list(find_rows(LIST, answer('{"token_infos": [{"token_id": "a"}, {}]}'))) == [{"token_id": "a"}, {}]

    def test_one_object_is_one_row(self) -> None:
        assert list(find_rows(GET, answer('{"token_info": {"token_id": "a"}}'))) == [{"token_id": "a"}]

    def test_without_a_key_the_reply_is_the_row(self) -> None:
        assert list(find_rows(CREATE, answer('{"token_value": "v"}'))) == [{"token_value": "v"}]

    @each_case(
        ("body", "path"),
        [
            ('{"token_infos": {}}', "$.token_infos"),
            ('{"token_infos": "a"}', "$.token_infos"),
            ('{"token_infos": [{}, 1]}', "$.token_infos[1]"),
            ('{"token_infos": [null]}', "$.token_infos[0]"),
            ("[]", "$"),
            ('"a"', "$"),
        ],
    )
    def test_another_shape_is_an_error_with_its_place(self, body: str, path: str) -> None:
        with pytest.raises(ReplyError) as caught:
            find_rows(LIST, answer(body))
        assert caught.value.path == path

    def test_an_empty_reply_is_an_error_where_rows_are_announced(self) -> None:
        assert list(find_rows(REVOKE, answer("", 204))) == []
        with pytest.raises(ReplyError, match="is empty"):
            find_rows(REVOKE, answer(""))
        with pytest.raises(ReplyError, match="is empty"):
            find_rows(LIST, answer(b" \r\n"))


@each_case(
    ("kind", "value", "expected"),
    [
        ("string", "a", "a"),
        ("string", "", ""),
        ("string", True, "true"),
        ("string", 7, "7"),
        ("string", {"a": [1, "é"]}, '{"a":[1,"é"]}'),
        ("string", "\ud800x", "\\ud800x"),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", "1700000000000", 1700000000000),
        ("integer", 3.0, 3),
        ("number", 1.5, 1.5),
        ("boolean", True, 1),
        ("array", [1, {"b": "x"}], '[1,{"b":"x"}]'),
        ("object", {}, "{}"),
        ("integer", None, None),
    ],
)
def test_a_value_becomes_a_cell_of_its_column_s_type(kind: Any, value: Any, expected: Value) -> None:
    assert to_cell(kind, value, "$.x") == expected


@each_case(
    ("kind", "value"),
    [
        ("integer", "never"),
        ("integer", 1.5),
        ("integer", True),
        ("integer", [1]),
        ("integer", 2**63),
        ("integer", "9" * 20),
        ("number", "1"),
        ("number", float("inf")),
        ("boolean", 1),
        ("boolean", "true"),
    ],
)
def test_a_value_of_another_type_is_an_error_with_its_place(kind: Any, value: Any) -> None:
    with pytest.raises(ReplyError) as caught:
        to_cell(kind, value, "$.token_infos[3].expiry_time")
    assert caught.value.path == "$.token_infos[3].expiry_time"
    assert "$.token_infos[3].expiry_time" in str(caught.value)


UNCHANGED: list[tuple[Any, list[Any]]] = [
    ("string", ["a", "", None]),
    ("string", [None]),
    ("string", []),
    ("integer", [-(2**63), 2**63 - 1, None]),
    ("boolean", [None, None]),
]
CHANGED: list[tuple[Any, list[Any]]] = [
    ("string", ["a", "é"]),
    ("string", ["a", 1]),
    ("string", [{}]),
    ("integer", [1, 2**63]),
    ("integer", [1, -(2**63) - 1]),
    ("integer", [1, True]),
    ("integer", [1, 1.0]),
    ("integer", ["1"]),
    ("number", [1]),
    ("boolean", [True]),
    ("any", [1]),
    ("array", [[]]),
]


def test_only_columns_that_every_converter_would_leave_as_they_are_need_none() -> None:
    assert [case for case in UNCHANGED if not need_no_conversion(*case)] == []
    assert [case for case in CHANGED if need_no_conversion(*case)] == []


class TestNoJson:
    @each_case(
        ("content", "message"),
        [
            (b"{", "is not valid JSON"),
            (b"[1 2]", "is not valid JSON"),
            (b"{} {}", "is not valid JSON"),
            (b"<html>log in</html>", "is not valid JSON (text/html, 19 bytes)"),
            (b'{"a": "\xff"}', "is not valid UTF-8"),
            ("{}".encode("utf-16"), "is not valid UTF-8"),
            (b"[" * 100_000, "is nested too deeply"),
            (b"[" + b"9" * 5000 + b"]", "is a number with too many digits"),
            (b"[NaN]", "NaN is not JSON"),
            (b"[-Infinity]", "-Infinity is not JSON"),
            (b'{"a": 1, "a": 2}', "duplicate key in an object"),
        ],
    )
    def test_it_is_one_clear_error(self, content: bytes, message: str) -> None:
        with pytest.raises(ReplyError) as caught:
            answer(content, Content_Type="text/html; charset=utf-8")
        assert message in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None

    def test_a_login_page_asks_whether_the_name_is_right(self) -> None:
        with pytest.raises(ReplyError) as caught:
            answer("<html>", Content_Type="text/html")
        assert caught.value.hint == "is the workspace name right?"


class TestRefusal:
    @each_case(
        ("content", "code", "message"),
        [
            ('{"error_code":"QUOTA_EXCEEDED","message":"too many"}', "QUOTA_EXCEEDED", "dbc-1: too many"),
            ('{"error_code":403,"message":"Invalid access token."}', "403", "dbc-1: Invalid access token."),
            ('{"error":"invalid_client","error_description":"who?"}', "invalid_client", "dbc-1: who?"),
            ('{"detail":"no such user","scimType":"invalidValue"}', "invalidValue", "dbc-1: no such user"),
            ("<html><title>Error 403</title><pre>go <b>away</b></pre>", "", "dbc-1: Error 403"),
            ("NOT_FOUND: no such thing", "NOT_FOUND", "dbc-1: no such thing"),
            ("plain", "", "dbc-1: plain"),
            ("", "", "dbc-1: Forbidden"),
            ("[1]", "", "dbc-1: [1]"),
            ("{}", "", "dbc-1: Forbidden"),
            ('{"message":{"a":1}}', "", 'dbc-1: {"a": 1}'),
            (b"\xff\xfe", "", "dbc-1: \ufffd\ufffd"),
        ],
    )
    def test_every_shape_of_it_is_read(self, content: bytes | str, code: str, message: str) -> None:
        error = refusal(content)
        assert (error.status, error.code, str(error)) == (403, code, message)

    @pytest.mark.parametrize(
        ("content", "headers"),
        [
            ('{"message":"no [ReqId: abc-1]"}', {}),
            ('{"message":"no","details":["x",{"request_id":"abc-1"}]}', {}),
            ('{"message":"no [ReqId: other]"}', {"X_Request_Id": "abc-1"}),
        ],
    )
    def test_the_request_s_id_is_kept(self, content: str, headers: dict[str, str]) -> None:
        error = refusal(content, 403, **headers)
        assert (error.request_id, str(error)) == ("abc-1", "dbc-1: no")

    def test_nothing_in_it_is_secret_or_acts_on_a_terminal(self) -> None:
        message = {"error_code": f"\x1b[31m{TOKEN}", "message": f"Bearer strange-token \x1b]0;x\x07 {TOKEN} \u202e"}
        error = refusal(json.dumps(message), X_Request_Id=TOKEN)
        shown = f"{error} {error.code} {error.request_id} {error.hint}"
        assert TOKEN not in shown
        assert "strange-token" not in shown
        assert not any(ord(character) < 32 or character == "\u202e" for character in shown)

    def test_a_long_one_is_cut(self) -> None:
        assert len(str(refusal("x" * 10_000_000))) < 1000

    def test_a_success_with_an_error_code_is_one(self) -> None:
        with pytest.raises(ApiError, match="no") as caught:
            find_rows(LIST, answer('{"error_code":"X","message":"no"}'))
        assert (caught.value.status, caught.value.code) == (200, "X")


def test_a_reply_knows_its_request() -> None:
    reply = answer("{}", Date="Tue, 24 Nov 2026 00:00:00 GMT")
    assert isinstance(reply.request, Request)
    assert reply.date == "Tue, 24 Nov 2026 00:00:00 GMT"
