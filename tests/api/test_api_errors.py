"""Check the whole message and hint of every error of the Databricks API that is known.

The bodies are those of token-api.md sections 1.5 and 4, as live workspaces and the clients' issues have them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.test_request import method
from tests.cases import each_case
from tokensh.api.api_errors import hint_for_page, is_expired_token, parse_error
from tokensh.api.hosts import Hosts
from tokensh.api.request import Request, build_request
from tokensh.errors import ApiError
from tokensh.redact import Redactor
from tokensh.render.errors import format_error

ID = "7e5c0f0a-1f1e-4b5e-9f65-3d6f0c1b2a3d"
PLACE = {"deployment_name": "dbc-1"}
LIST = build_request(method("user_tokens", "listtokens"), Hosts(), PLACE)
CREATE = build_request(method("user_tokens", "create"), Hosts(), PLACE, {})
REVOKE = build_request(method("user_tokens", "revoketoken"), Hosts(), PLACE, {"token_id": "x"})
ALL = build_request(method("tokens", "list"), Hosts(), PLACE)
OBO = build_request(method("tokens", "createobotoken"), Hosts(), PLACE, {"application_id": "x"})
GRANTS = build_request(method("token_permissions", "getpermissions"), Hosts(), PLACE)

TROUBLE = "the workspace itself has a problem: try again later"
ENDED = "the credential has expired: databricks auth login renews an OAuth login; a token must be minted again"
LIFETIME = (
    "data__lifetime_seconds is in seconds, and at most the workspace's maxTokenLifetimeDays (730 days if not less)"
)
NO_LIFETIME = "data__lifetime_seconds is the token's lifetime, at least 1 second; without it the token gets the workspace's default"
NO_OBO = (
    "on-behalf-of tokens are not offered on Azure and can be turned off elsewhere;"
    " a service principal can mint its own with its OAuth credential: INSERT INTO user_tokens"
)
OTHERS = "user_tokens lists your own tokens, tokens everyone's; one that was revoked is in neither"
ADMINS = "that is for the workspace's admins; your own tokens are in user_tokens"
REVOKED = (
    "it is another workspace's, or was revoked, or has expired; a token that is not used for 90 days is revoked too"
)
DISABLED = (
    "personal access tokens are turned off in this workspace (setting enableTokensConfig);"
    " an OAuth profile may work: databricks auth login"
)


def error_body(code: object, message: str, **more: object) -> dict[str, object]:
    return {"error_code": code, "message": message, **more}


CASES: list[tuple[str, Request, int, dict[str, Any] | str, str, str]] = [
    # what it is, the request, status and body of the answer -> the message with its facts, the hint
    ("no credential", LIST, 401,
     error_body(401, f"Credential was not sent or was of an unsupported type for this API. [ReqId: {ID}]"),
     f"Credential was not sent or was of an unsupported type for this API. (401, request id {ID})",
     "this API takes a personal access token or an OAuth token, and what was sent is neither"),
    ("unknown token", LIST, 403, error_body(403, f"Invalid access token. [ReqId: {ID}]"),
     f"Invalid access token. (403, request id {ID})", REVOKED),
    ("unknown token, code as text", LIST, 403, error_body("403", "Invalid access token."), "Invalid access token. (403)", REVOKED),
    ("unknown token, as a page", LIST, 403, "<html><head><title>Error 403 Invalid access token.</title></head></html>",
     "Error 403 Invalid access token. (403)", REVOKED),
    ("expired JWT", LIST, 403, error_body(403, "JWT has expired"), "JWT has expired (403)", ENDED),
    ("expired JWT, another layer", LIST, 400, error_body("BAD", "ExpiredJwtException"), "ExpiredJwtException (400 BAD)", ENDED),
    ("expired token", LIST, 401, error_body(401, "Token is expired"), "Token is expired (401)", ENDED),
    ("nearly expired", LIST, 403, error_body(403, "Token is expiring within 30 seconds. (token expired)"),
     "Token is expiring within 30 seconds. (token expired) (403)", ENDED),
    ("401 in other words", LIST, 401, error_body("UNAUTHENTICATED", "who?"), "who? (401 UNAUTHENTICATED)",
     "the credential was rejected: is it this workspace's, and neither revoked nor expired?"),
    ("tokens off", LIST, 404, error_body("FEATURE_DISABLED", "Tokens are disabled."), "Tokens are disabled. (404 FEATURE_DISABLED)", DISABLED),
    ("tokens off, no code", LIST, 404, "Tokens are disabled.", "Tokens are disabled. (404)", DISABLED),
    ("tokens off for a user", LIST, 403, error_body("PERMISSION_DENIED", "API tokens are disabled for user 8432093917481966"),
     "API tokens are disabled for user 8432093917481966 (403 PERMISSION_DENIED)",
     "this user may not use tokens; an OAuth profile may work: databricks auth login"),
    ("no CAN_USE", CREATE, 403, error_body("PERMISSION_DENIED", "User does not have permission to use tokens."),
     "User does not have permission to use tokens. (403 PERMISSION_DENIED)",
     "an administrator can grant CAN_USE: UPDATE token_permissions SET data__access_control_list = ..."),
    ("no admin", ALL, 403, error_body("PERMISSION_DENIED", "User ed@example.com is not an admin."),
     "User ed@example.com is not an admin. (403 PERMISSION_DENIED)", ADMINS),
    ("no admin, permissions", GRANTS, 403, error_body("PERMISSION_DENIED", "no"), "no (403 PERMISSION_DENIED)", ADMINS),
    ("on-behalf-of off", OBO, 403,
     error_body("FEATURE_DISABLED", "On-behalf-of token creation for service principals is not enabled for this workspace"),
     "On-behalf-of token creation for service principals is not enabled for this workspace (403 FEATURE_DISABLED)", NO_OBO),
    ("on-behalf-of on Azure", OBO, 404, error_body("ENDPOINT_NOT_FOUND", "No API found for 'POST /..'"),
     "No API found for 'POST /..' (404 ENDPOINT_NOT_FOUND)", NO_OBO),
    ("unknown token id", REVOKE, 404, error_body("RESOURCE_DOES_NOT_EXIST", "Token with ID x does not exist"),
     "Token with ID x does not exist (404 RESOURCE_DOES_NOT_EXIST)", OTHERS),
    ("unknown token id, other code", REVOKE, 400, error_body("NOT_FOUND", "no such token"), "no such token (400 NOT_FOUND)", OTHERS),
    ("lifetime", CREATE, 400, error_body("INVALID_PARAMETER_VALUE", "lifetime_seconds is too long"),
     "lifetime_seconds is too long (400 INVALID_PARAMETER_VALUE)", LIFETIME),
    ("no lifetime", CREATE, 400, error_body("INVALID_PARAMETER_VALUE", "requirement failed: Invalid timeout: 0"),
     "requirement failed: Invalid timeout: 0 (400 INVALID_PARAMETER_VALUE)", NO_LIFETIME),
    ("no lifetime, on behalf", OBO, 400, error_body("INVALID_PARAMETER_VALUE", "requirement failed: Invalid timeout: 0"),
     "requirement failed: Invalid timeout: 0 (400 INVALID_PARAMETER_VALUE)", NO_LIFETIME),
    ("on behalf of a name", OBO, 404, error_body("RESOURCE_DOES_NOT_EXIST", "Service principal with application ID deployer does not exist"),
     "Service principal with application ID deployer does not exist (404 RESOURCE_DOES_NOT_EXIST)",
     "a service principal is named by its application id, not its display name"),
    ("expired token id", REVOKE, 400, error_body("INVALID_PARAMETER_VALUE", "No valid token with ID x found"),
     "No valid token with ID x found (400 INVALID_PARAMETER_VALUE)", OTHERS),
    ("invalid token as text", LIST, 400, "Invalid Token", "Invalid Token (400)", REVOKED),
    ("a gateway's timeout", CREATE, 504, "<html><title>504 Gateway Time-out: timeout</title></html>",
     "504 Gateway Time-out: timeout (504)", TROUBLE),
    ("comment", CREATE, 400, error_body("INVALID_PARAMETER_VALUE", "comment is too long"),
     "comment is too long (400 INVALID_PARAMETER_VALUE)", "a comment has at most 255 characters"),
    ("other parameter", ALL, 400, error_body("INVALID_PARAMETER_VALUE", "bad parameter"),
     "bad parameter (400 INVALID_PARAMETER_VALUE)", "DESCRIBE METHOD shows what the attributes take"),
    ("quota", CREATE, 400, error_body("QUOTA_EXCEEDED", "The token quota for a user is 600"),
     "The token quota for a user is 600 (400 QUOTA_EXCEEDED)",
     "a user can have 600 tokens that are not expired in a workspace: revoke some"
     " (SELECT token_id, comment, days_left(expiry_time) FROM user_tokens ORDER BY 3)"),
    ("unknown route", LIST, 404, error_body("ENDPOINT_NOT_FOUND", "No API found for 'GET /..'"),
     "No API found for 'GET /..' (404 ENDPOINT_NOT_FOUND)",
     "is the workspace name right? nothing answers to this call there"),
    ("malformed body", CREATE, 400, error_body("MALFORMED_REQUEST", "Could not parse request object"),
     "Could not parse request object (400 MALFORMED_REQUEST)", "does each value fit its attribute? DESCRIBE METHOD shows their types"),
    ("throttled", LIST, 429, error_body("REQUEST_LIMIT_EXCEEDED", "Too many requests"), "Too many requests (429 REQUEST_LIMIT_EXCEEDED)",
     "the workspace asks for fewer requests: try again later, or with a smaller --max-connections"),
    ("exhausted", LIST, 429, error_body("RESOURCE_EXHAUSTED", "RPC token bucket limit has been exceeded"),
     "RPC token bucket limit has been exceeded (429 RESOURCE_EXHAUSTED)",
     "the workspace asks for fewer requests: try again later, or with a smaller --max-connections"),
    ("throttled by the identity service", LIST, 400, {"error": "invalid_request", "error_description": "Temporarily throttled, too many requests"},
     "Temporarily throttled, too many requests (400 invalid_request)", "it asks for fewer requests: try again later"),
    ("500", LIST, 500, error_body("INTERNAL_ERROR", "boom"), "boom (500 INTERNAL_ERROR)", TROUBLE),
    ("503", LIST, 503, error_body("TEMPORARILY_UNAVAILABLE", "Authentication is temporarily unavailable. Please try again later."),
     "Authentication is temporarily unavailable. Please try again later. (503 TEMPORARILY_UNAVAILABLE)", TROUBLE),
    ("504", LIST, 504, error_body("DEADLINE_EXCEEDED", "late"), "late (504 DEADLINE_EXCEEDED)", TROUBLE),
    ("no token yet", GRANTS, 404, error_body("RESOURCE_DOES_NOT_EXIST", "tokens tokens does not exist"),
     "tokens tokens does not exist (404 RESOURCE_DOES_NOT_EXIST)",
     "token permissions exist only after the workspace's first token: mint one"),
    ("service principal by its name", GRANTS, 404, error_body("RESOURCE_DOES_NOT_EXIST", "Principal: ServicePrincipalName(bot) does not exist"),
     "Principal: ServicePrincipalName(bot) does not exist (404 RESOURCE_DOES_NOT_EXIST)",
     "a service principal is named by its application id, not its display name"),
    ("unknown group", GRANTS, 404, error_body("RESOURCE_DOES_NOT_EXIST", "Principal: GroupName(x) does not exist"),
     "Principal: GroupName(x) does not exist (404 RESOURCE_DOES_NOT_EXIST)",
     "is the name right? groups go into group_name, users into user_name"),
    ("not in the workspace", LIST, 403, error_body("PERMISSION_DENIED", "Unauthorized access to workspace: 12"),
     "Unauthorized access to workspace: 12 (403 PERMISSION_DENIED)", "the service principal does not belong to this workspace: add it there"),
    ("address not allowed", LIST, 403, error_body(403, "Source IP address: 10.0.0.1 is blocked by Databricks IP ACL for workspace: 1"),
     "Source IP address: 10.0.0.1 is blocked by Databricks IP ACL for workspace: 1 (403)",
     "this workspace lets only some addresses in (IP access list): use its network or its VPN"),
    ("narrow scopes", CREATE, 403, error_body("PERMISSION_DENIED", "Provided access token does not have required scopes: all-apis"),
     "Provided access token does not have required scopes: all-apis (403 PERMISSION_DENIED)",
     "the token was minted for other scopes; one for all-apis may do this"),
    ("a feature that is off", LIST, 400, error_body("FEATURE_DISABLED", "x"), "x (400 FEATURE_DISABLED)",
     "this is not turned on in the workspace, or not offered on its cloud or plan"),
    ("SCIM", LIST, 403, {"detail": "no", "scimType": "invalidValue", "status": "403"}, "no (403 invalidValue)",
     "the credential is known, but may not do this"),
    ("API 1.2", LIST, 400, {"error": "InvalidParameter: x"}, "InvalidParameter: x (400)", ""),
    ("empty", LIST, 403, "", "Forbidden (403)", "the credential is known, but may not do this"),
]  # fmt: skip


def parse(request: Request, status: int, body: dict[str, Any] | str, **headers: str) -> ApiError:
    content = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return parse_error(request, status, named, content.encode(), Redactor())


@each_case(("request_", "status", "body", "message", "hint"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])  # fmt: skip
def test_a_refusal_says_what_happened_and_what_to_do(
    request_: Request, status: int, body: dict[str, Any] | str, message: str, hint: str
) -> None:
    lines = format_error(parse(request_, status, body), redact=str)
    text, _, facts = message.rpartition(" (")
    expected = [f"error: dbc-1: {text}", f"({facts}", *([f"hint: {hint}"] if hint else [])]
    assert lines == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"status": "degraded"}, "status: degraded"),
        ({"ok": False, "errors": [{"code": 1}]}, "ok: false, errors"),
        ({"error_code": "PARTIAL", "token_infos": []}, "error_code: PARTIAL, token_infos"),
    ],
)
def test_an_error_without_words_and_with_a_status_of_success_is_told_by_its_keys(
    body: dict[str, Any], message: str
) -> None:
    request = build_request(method("user_tokens", "listtokens"), Hosts(), {"deployment_name": "dbc-1"})
    assert parse(request, 200, body).message == f"dbc-1: the reply says that there was an error: {message}"


def test_details_are_told_a_line_each_and_unknown_ones_left_out() -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "LIMIT", "domain": "databricks.com"},
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "request_id": ID, "serving_data": "x"},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "42.000000001s"},
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"subject": "ed", "description": "600"}]},
        {"@type": "x/google.rpc.BadRequest", "field_violations": [{"field": "comment", "description": "too long"}, 7]},
        {"@type": "x/google.rpc.ResourceInfo", "resource_type": "token", "resource_name": "t1", "description": "gone"},
        {"@type": "x/google.rpc.Help", "links": [{"description": "limits", "url": "https://docs.example.com"}]},
        {"@type": "x/google.rpc.DebugInfo", "stack_entries": ["secret place"]},
        "no object",
    ]  # fmt: skip
    error = parse(CREATE, 400, error_body("X", "no", details=details))
    assert format_error(error, redact=str) == [
        "error: dbc-1: no",
        f"(400 X, request id {ID})",
        "  reason: LIMIT",
        "  try again after: 42.000000001s",
        "  ed: 600",
        "  comment: too long",
        "  token t1: gone",
        "  limits: https://docs.example.com",
    ]


def test_a_refused_credential_is_named_by_its_source() -> None:
    error = parse(LIST, 403, error_body(403, "Invalid access token."))
    error = error.with_context(credential="profile prod")
    assert "  credential: profile prod" in format_error(error, redact=str)


def test_how_long_a_workspace_asks_to_wait_is_told() -> None:
    assert parse(LIST, 429, "", Retry_After="90").hint == "the workspace asks to wait 90 s"


@each_case(
    ("status", "content", "stale"),
    [
        (401, b"", True),
        (403, b'{"message":"JWT has expired"}', True),
        (400, b"io.jsonwebtoken.ExpiredJwtException", True),
        (403, b"Token is expiring within 30 seconds. (token expired)", True),
        (403, b"Invalid access token.", True),
        (403, b'{"error_code":403,"message":"Invalid access token. [ReqId: a-1]"}', True),
        (400, b"Invalid Token", True),
        (403, b'{"message": "Invalid Token"}', True),
        (400, b"Invalid token id: 5", False),
        (403, b"No permission to use tokens", False),
        (404, b"JWT has expired", False),
        (200, b"JWT has expired", False),
    ],
)
def test_a_token_that_has_ended_is_told_from_one_that_may_not(status: int, content: bytes, stale: bool) -> None:
    assert is_expired_token(status, content) == stale


@each_case(
    ("text", "expected"),
    [
        ("/login.html?error=private-link-validation-error:12", "private link"),
        ("https://dbc-1.cloud.databricks.com/login.html", "login page"),
        ("<html><body>Sign in to Databricks</body>", "login page"),
        ("<html>hello</html>", "workspace name"),
        ("https://elsewhere.example/", None),
    ],
)
def test_a_page_in_the_api_s_place_is_known_for_what_it_is(text: str, expected: str | None) -> None:
    hint = hint_for_page(text)
    assert hint is None if expected is None else expected in (hint or "")


# ---- hostile texts: what is looked at is bounded, and what is looked at takes linear time (tests/test_regular_expressions.py)

HOSTILE = {
    "opening brackets": b"<" * 300_000,
    "headings that do not end": b"<h1>" * 100_000,
    "headings that end far away": b"<h1>" * 5_000 + b"</h1>" * 5_000,
    "blanks in a message": json.dumps(error_body("X", "a" + " " * 200_000 + "b")).encode(),
    "a deep array": b"[" * 500_000,
    "a deep object": b'{"message":' * 100_000,
    "a deep message": b'{"message":' + b"[" * 900 + b"]" * 900 + b"}",
    "a number of many digits": b'{"message":' + b"9" * 400_000 + b"}",
    "many details": json.dumps({"message": "x", "details": [{"reason": "a" * 200}] * 20_000}).encode(),
    "a long detail": json.dumps({"message": "x", "details": [{"reason": " <" * 200_000}]}).encode(),
    "a long code": json.dumps(error_body("A" * 300_000, "x")).encode(),
    "an upper-case word without an end": b"A_" * 200_000,
    "bytes that are no text": b"\xff\xfe" * 200_000,
    "dotted words": b"eyJ." * 100_000,
}


@each_case("name", HOSTILE)
def test_a_hostile_error_text_becomes_a_short_message(name: str) -> None:
    error = parse_error(LIST, 500, {}, HOSTILE[name], Redactor())
    assert len(error.message) < 700
    assert len(error.code) <= 80
    assert all(len(line) <= 200 for line in error.details)
    assert hint_for_page(HOSTILE[name]) is None or "?" in str(hint_for_page(HOSTILE[name]))


@each_case(
    ("page", "heading"),
    [
        ("<html><TITLE lang='en'>Sign  in</TITLE><h1>Other</h1>", "Sign in"),
        ("<h1>First</h1><title>Second</title>", "First"),
        ("<pre>not closed <h1>But <b>this</b></h1>", "But this"),
        ("<h1>never closed", "never closed"),
        ("<title>\u0130stanbul</title>", "i\u0307stanbul"),
    ],
)  # fmt: skip
def test_the_heading_of_a_page_is_its_message(page: str, heading: str) -> None:
    assert parse_error(LIST, 500, {}, page.encode(), Redactor()).message == f"dbc-1: {heading}"
