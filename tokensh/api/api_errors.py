"""What a refusal means: the API's error in any of its shapes -> an ApiError that says what to do.

The shapes, codes and texts are those of token-api.md sections 1.5 and 4. Several codes are not confirmed by any live
workspace, so that a text counts as much as a code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from tokensh.api.request import Request
from tokensh.errors import ApiError
from tokensh.redact import Redactor
from tokensh.text import escape_unsafe, truncate

_REQUEST_ID = re.compile(r"\s*\[ReqId: ([\w-]+)\]")
_MARKED = re.compile(r"<(title|pre|h1)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_CODED = re.compile(r"([A-Z][A-Z_]{3,}): (.+)", re.DOTALL)
_STALE = re.compile(rb"JWT has expired|ExpiredJwt|token is expir(?:ed|ing)|token (?:has )?expired", re.IGNORECASE)
_LONGEST_MESSAGE = 600
_LONGEST_DETAIL = 200
_DETAILS = 8

_PRIVATE = "this workspace can only be reached through its private link: from its network, or its VPN"
_LOGIN = "that is a login page: is the workspace name right, and may this network reach its API?"

_HINTS = (
    ("tokens are disabled for user", "this user may not use tokens; an OAuth profile may work: databricks auth login"),
    (
        "tokens are disabled",
        "personal access tokens are turned off in this workspace (setting enableTokensConfig);"
        " an OAuth profile may work: databricks auth login",
    ),
    (
        "does not have permission to use tokens",
        "an administrator can grant CAN_USE: UPDATE token_permissions SET data__access_control_list = ..",
    ),
    ("tokens tokens does not exist", "there are no token permissions before the workspace's first token: mint one"),
    ("principal: serviceprincipalname", "a service principal is named by its application id, not its display name"),
    ("principal: ", "is the name right? groups go into group_name, users into user_name"),
    ("unauthorized access to workspace", "the service principal does not belong to this workspace: add it there"),
    ("ip acl", "this workspace lets only some addresses in (IP access list): use its network or its VPN"),
    ("ip access list", "this workspace lets only some addresses in (IP access list): use its network or its VPN"),
    ("required scopes", "the token was minted for other scopes; one for all-apis may do this"),
    (
        "quota",
        "a user can have 600 tokens that are not expired in a workspace: revoke some"
        " (SELECT token_id, comment, days_left(expiry_time) FROM user_tokens ORDER BY 3)",
    ),
    ("private-link", _PRIVATE),
    (
        "credential was not sent",
        "this API takes a personal access token or an OAuth token, and what was sent is neither",
    ),
    (
        "invalid access token",
        "it is another workspace's, or was revoked, or has expired; a token that is not used for 90 days is revoked too",
    ),
    ("temporarily throttled", "it asks for fewer requests: try again later"),
)
"""What a code and message hold, in lower case -> what to do."""

_ON_PATHS = (
    (
        ("/on-behalf-of/",),
        ("not enabled", "feature_disabled", "endpoint_not_found"),
        "on-behalf-of tokens are not offered on Azure and can be turned off elsewhere;"
        " a service principal can mint its own with its OAuth credential: INSERT INTO user_tokens",
    ),
    (
        ("/token-management/", "/permissions/"),
        ("permission_denied", "not an admin", "forbidden"),
        "that is for the workspace's admins; your own tokens are in user_tokens",
    ),
    (
        ("/token/delete", "/token-management/tokens/"),
        ("resource_does_not_exist", "not_found"),
        "user_tokens lists your own tokens, tokens everyone's; one that was revoked is in neither",
    ),
    (
        ("/token/create", "/on-behalf-of/"),
        ("lifetime",),
        "data__lifetime_seconds is in seconds, and at most the workspace's maxTokenLifetimeDays (730 days if not less)",
    ),
    (("/token/create", "/on-behalf-of/"), ("comment",), "a comment has at most 255 characters"),
)
"""Of a path that holds one of the first, and a code or message that holds one of the second -> what to do."""

_CODES = {
    "ENDPOINT_NOT_FOUND": "is the workspace name right? nothing answers to this call there",
    "FEATURE_DISABLED": "this is not turned on in the workspace, or not offered on its cloud or plan",
    "MALFORMED_REQUEST": "does each value fit its attribute? DESCRIBE METHOD shows their types",
    "INVALID_PARAMETER_VALUE": "DESCRIBE METHOD shows what the attributes take",
}
_STATUSES = {
    401: "the credential was rejected: is it this workspace's, and neither revoked nor expired?",
    403: "the credential is known, but may not do this",
    429: "the workspace asks for fewer requests: try again later, or with a smaller --max-connections",
    500: "that is the workspace's own trouble: try again later",
    502: "that is the workspace's own trouble: try again later",
    503: "that is the workspace's own trouble: try again later",
    504: "that is the workspace's own trouble: try again later",
}


def parse_error(
    request: Request, status: int, headers: Mapping[str, str], content: bytes, redactor: Redactor
) -> ApiError:
    """The error that an answer is. Its texts are clean of secrets, and inert."""

    def clean(text: str, longest: int) -> str:
        return truncate(escape_unsafe(redactor.clean(" ".join(text.split()))), longest)

    body = _object(content)
    code, message = _said(status, body, content)
    found = _REQUEST_ID.search(message)
    told = body.get("details") if body else None
    request_id = headers.get("X-Request-Id", "") or _detail_id(told) or (found[1] if found else "")
    message = clean(_REQUEST_ID.sub("", message), _LONGEST_MESSAGE)
    details = [clean(one, _LONGEST_DETAIL) for one in _details(told)]
    return ApiError(
        f"{request.target.name}: {message}",
        status=status,
        code=clean(code, 80),
        request_id=clean(request_id, 80),
        details=tuple(dict.fromkeys(one for one in details if one and one not in message))[:_DETAILS],
        hint=_hint(request, status, code, message, headers.get("Retry-After", "")),
    )


def is_expired_token(status: int, content: bytes) -> bool:
    """Whether an answer says that a token has ended, by 401 or in the words that other statuses came with over the years."""
    return status == HTTPStatus.UNAUTHORIZED or (status in (400, 403) and _STALE.search(content[:4096]) is not None)


def hint_for_page(content: bytes | str) -> str | None:
    """What to do about a page, or an address that leads to one, where the API should have answered."""
    text = (content.decode("utf-8", "replace") if isinstance(content, bytes) else content)[:20_000].lower()
    if "private-link" in text:
        return _PRIVATE
    if "login" in text or "sign in" in text:
        return _LOGIN
    return "is the workspace name right?" if text.lstrip()[:1] == "<" else None


# ---- the shapes


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        body: Any = json.loads(content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _said(status: int, body: dict[str, Any] | None, content: bytes) -> tuple[str, str]:
    """Code and message of an error in any of the shapes that the API's layers answer with."""
    if body is not None:
        code = body.get("error_code") or body.get("errorCode") or body.get("error") or body.get("scimType") or ""
        keys = ("message", "error_description", "errorSummary", "detail", "error")
        said = next((body[key] for key in keys if body.get(key)), "")
        # API 1.2 has one text for both.
        return "" if code == said else _plain(code), _plain(said) or _reason(status)
    text = content.decode("utf-8-sig", "replace").strip()
    if marked := _MARKED.search(text):
        return "", _TAG.sub(" ", marked[2])
    if coded := _CODED.fullmatch(text):
        return coded[1], coded[2]
    return "", _TAG.sub(" ", text).strip() or _reason(status)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"


# ---- details: the messages of google.rpc that the API puts beside its own


def _detail_id(details: Any) -> str:
    found = (one.get("request_id") for one in _objects(details))
    return next((one for one in found if isinstance(one, str)), "")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _details(details: Any) -> Iterator[str]:
    """A line for each detail that a person can use; a kind that nobody knows is left out."""
    for one in _objects(details):
        for violation in (*_objects(one.get("field_violations")), *_objects(one.get("violations"))):
            yield _line(violation.get("field") or violation.get("subject"), violation.get("description"))
        for link in _objects(one.get("links")):
            yield _line(link.get("description") or "see", link.get("url"))
        if one.get("reason"):
            yield _line("reason", one["reason"])
        if one.get("retry_delay"):
            yield _line("try again after", one["retry_delay"])
        if one.get("resource_name"):
            yield _line(
                f"{_plain(one.get('resource_type') or 'resource')} {_plain(one['resource_name'])}",
                one.get("description"),
            )


def _line(subject: Any, said: Any) -> str:
    return ": ".join(_plain(one) for one in (subject, said) if one)


# ---- what to do


def _hint(request: Request, status: int, code: str, message: str, retry_after: str) -> str | None:
    said = f"{code} {message}".lower()
    for paths, words, hint in _ON_PATHS:
        if any(one in request.path for one in paths) and any(one in said for one in words):
            return hint
    known = next((hint for words, hint in _HINTS if words in said), None)
    if known is None and _STALE.search(message.encode()):
        known = "the credential has expired: databricks auth login renews an OAuth login; a token must be minted anew"
    if known is None and status == HTTPStatus.TOO_MANY_REQUESTS and retry_after.isdecimal():
        known = f"the workspace asks to wait {int(retry_after[:9])} s"
    return known or _CODES.get(code) or _STATUSES.get(status)
