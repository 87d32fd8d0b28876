"""Turn an error response in any of the API's shapes into an ApiError whose hint says what to do.

The shapes, codes and texts are those of token-api.md sections 1.5 and 4. Databricks answers errors from at least four layers
(the gateway, API 1.2, the REST API, google.rpc), each with its own JSON or none; several codes are not confirmed by any live
workspace. So hints are chosen by codes and by words of the message alike, the most specific first: a hint that depends on the
path, then one on words, then on the code, then on the status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from tokensh.api.request import Request
from tokensh.errors import ApiError
from tokensh.redact import Redactor
from tokensh.text import escape_unsafe, truncate

_LONGEST_TEXT = 20_000
"""The characters of a reply's text that are looked at: a title is near the start, and a server may send megabytes."""
_REQUEST_ID = r"\[ReqId: ([\w-]+)\]"
_HEADINGS = ("title", "pre", "h1")
# Neither tag nor text of a tag holds "<": so each "<" ends the search that the one before it began.
_TAG = r"<[^<>]*>"
_CODE_AND_TEXT = r"(?s)([A-Z][A-Z_]{3,}): (.+)"
_EXPIRED = rb"(?i)JWT has expired|ExpiredJwt|token is expir(?:ed|ing)|token (?:has )?expired"
# The whole message, also with the request's id behind it: "Invalid token id" is said of something else.
_INVALID = rb"(?i)(?<![\w-])invalid (?:access )?token\.?(?: \[ReqId|[\"<]|\s?$)"
_LONGEST_MESSAGE = 600
_LONGEST_DETAIL = 200
_MAX_DETAILS = 8
_MOST_DETAILS_READ = 50

_PRIVATE_LINK_HINT = "this workspace can only be reached through its private link: from its network, or its VPN"
_LOGIN_HINT = "that is a login page: is the workspace name right, and may this network reach its API?"

_REVOKED_HINT = (
    "it is another workspace's, or was revoked, or has expired; a token that is not used for 90 days is revoked too"
)

# Pairs of words in the lower-case code and message, and the hint for them.
_WORD_HINTS = (
    ("tokens are disabled for user", "this user may not use tokens; an OAuth profile may work: databricks auth login"),
    (
        "tokens are disabled",
        "personal access tokens are turned off in this workspace (setting enableTokensConfig);"
        " an OAuth profile may work: databricks auth login",
    ),
    (
        "does not have permission to use tokens",
        "an administrator can grant CAN_USE: UPDATE token_permissions SET data__access_control_list = ...",
    ),
    ("tokens tokens does not exist", "token permissions exist only after the workspace's first token: mint one"),
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
    ("private-link", _PRIVATE_LINK_HINT),
    (
        "credential was not sent",
        "this API takes a personal access token or an OAuth token, and what was sent is neither",
    ),
    ("temporarily throttled", "it asks for fewer requests: try again later"),
)

# Triples: parts of the request's path, words of the code or message, and the hint if both match.
_PATH_HINTS = (
    (
        ("/on-behalf-of/",),
        ("not enabled", "feature_disabled", "endpoint_not_found"),
        "on-behalf-of tokens are not offered on Azure and can be turned off elsewhere;"
        " a service principal can mint its own with its OAuth credential: INSERT INTO user_tokens",
    ),
    (
        ("/on-behalf-of/",),
        ("application id",),
        "a service principal is named by its application id, not its display name",
    ),
    (
        ("/token-management/", "/permissions/"),
        ("permission_denied", "not an admin", "forbidden"),
        "that is for the workspace's admins; your own tokens are in user_tokens",
    ),
    (
        ("/token/delete", "/token-management/tokens/"),
        ("resource_does_not_exist", "not_found", "no valid token with id"),
        "user_tokens lists your own tokens, tokens everyone's; one that was revoked is in neither",
    ),
    (
        ("/token/create", "/on-behalf-of/"),
        ("invalid timeout",),
        "data__lifetime_seconds is the token's lifetime, at least 1 second; without it the token gets the workspace's default",
    ),
    (
        ("/token/create", "/on-behalf-of/"),
        ("lifetime",),
        "data__lifetime_seconds is in seconds, and at most the workspace's maxTokenLifetimeDays (730 days if not less)",
    ),
    (("/token/create", "/on-behalf-of/"), ("comment",), "a comment has at most 255 characters"),
)

_CODE_HINTS = {
    "ENDPOINT_NOT_FOUND": "is the workspace name right? nothing answers to this call there",
    "FEATURE_DISABLED": "this is not turned on in the workspace, or not offered on its cloud or plan",
    "MALFORMED_REQUEST": "does each value fit its attribute? DESCRIBE METHOD shows their types",
    "INVALID_PARAMETER_VALUE": "DESCRIBE METHOD shows what the attributes take",
}
_STATUS_HINTS = {
    401: "the credential was rejected: is it this workspace's, and neither revoked nor expired?",
    403: "the credential is known, but may not do this",
    429: "the workspace asks for fewer requests: try again later, or with a smaller --max-connections",
    500: "the workspace itself has a problem: try again later",
    502: "the workspace itself has a problem: try again later",
    503: "the workspace itself has a problem: try again later",
    504: "the workspace itself has a problem: try again later",
}


def parse_error(
    request: Request, status: int, headers: Mapping[str, str], content: bytes, redactor: Redactor
) -> ApiError:
    """Return the error that a response describes; its texts are redacted and safe to print."""

    def clean(text: str, longest: int) -> str:
        return truncate(escape_unsafe(redactor.clean(" ".join(text.split()))), longest)

    body = _parse_object(content)
    code, message = (text[:_LONGEST_TEXT] for text in _extract_code_and_message(status, body, content))
    quoted_id = re.search(_REQUEST_ID, message)
    details = body.get("details") if body else None
    request_id = headers.get("X-Request-Id", "") or _request_id_of(details) or (quoted_id[1] if quoted_id else "")
    message = clean(re.sub(_REQUEST_ID, "", message), _LONGEST_MESSAGE)
    lines = [
        clean(line[:_LONGEST_TEXT], _LONGEST_DETAIL) for line in islice(_format_details(details), _MOST_DETAILS_READ)
    ]
    return ApiError(
        f"{request.target.name}: {message}",
        status=status,
        code=clean(code, 80),
        request_id=clean(request_id[:_LONGEST_TEXT], 80),
        # Many details repeat the message or each other.
        details=tuple(dict.fromkeys(line for line in lines if line and line not in message))[:_MAX_DETAILS],
        retry_after=clean(headers.get("Retry-After", ""), 80),
        hint=_choose_hint(request, status, code, message, headers.get("Retry-After", "")),
    )


def is_expired_token(status: int, content: bytes) -> bool:
    """Return True if a response says that a token is not valid any more: by 401, or by the words that came with 400 and 403."""
    if status not in (400, 403):
        return status == HTTPStatus.UNAUTHORIZED
    text = content[:4096]
    return (re.search(_EXPIRED, text) or re.search(_INVALID, text)) is not None


def hint_for_page(content: bytes | str) -> str | None:
    """Return the hint for a web page, or for the address of one, that came instead of the API's answer."""
    text = content[:_LONGEST_TEXT]
    text = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text).lower()
    if "private-link" in text:
        return _PRIVATE_LINK_HINT
    if "login" in text or "sign in" in text:
        return _LOGIN_HINT
    return "is the workspace name right?" if text.lstrip()[:1] == "<" else None


# ---- the shapes


def _parse_object(content: bytes) -> dict[str, Any] | None:
    try:
        body: Any = json.loads(content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def read_error_code(content: bytes) -> str:
    """Return the code of an error response, empty if it has none."""
    body = _parse_object(content) if len(content) <= _LONGEST_TEXT else None
    return _extract_code_and_message(0, body, content)[0] if body is not None else ""


def _extract_code_and_message(status: int, body: dict[str, Any] | None, content: bytes) -> tuple[str, str]:
    """Return code and message of an error in any of the shapes that the API's layers use."""
    if body is not None:
        code = body.get("error_code") or body.get("errorCode") or body.get("error") or body.get("scimType") or ""
        keys = ("message", "error_description", "errorSummary", "detail", "error")
        text = next((body[key] for key in keys if body.get(key)), "")
        # API 1.2 has one text for both.
        return "" if code == text else _to_plain_text(code), _to_plain_text(text) or _describe_silent(status, body)
    text = content[:_LONGEST_TEXT].decode("utf-8-sig", "replace").strip()
    # Gateways answer in HTML, whose heading says what the page is about.
    if heading := _find_heading(text):
        return "", re.sub(_TAG, " ", heading)
    if parts := re.fullmatch(_CODE_AND_TEXT, text):
        return parts[1], parts[2]
    return "", re.sub(_TAG, " ", text).strip() or _status_phrase(status)


def _find_heading(text: str) -> str | None:
    """Return what the first title, preformatted text or heading of a web page holds."""
    # Not one expression: with a reference to the tag's name it would look for the end anew at every beginning.
    lower = text.lower()
    if len(lower) != len(text):  # a few letters have a longer small form
        text = lower
    found = []
    for name in _HEADINGS:
        start = lower.find(f"<{name}")
        inside = lower.find(">", start) + 1
        end = lower.find(f"</{name}>", inside)
        if start >= 0 and inside and end >= 0:
            found.append((start, text[inside:end]))
    return min(found)[1] if found else None


def _to_plain_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except RecursionError:  # it may stop at fewer levels than the reader did
        return "..."


def _describe_silent(status: int, body: Mapping[str, Any]) -> str:
    """Describe an error without a message: by its status, or, if that is one of success, by the keys of its object."""
    if status >= 400:
        return _status_phrase(status)
    facts = (
        name
        if isinstance(value, dict | list) or value is None
        else f"{name}: {_to_plain_text(value)[:_LONGEST_DETAIL]}"
        for name, value in islice(body.items(), _MAX_DETAILS)
    )
    return f"the reply says that there was an error: {', '.join(facts)}"


def _status_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"


# ---- details: the messages of google.rpc (error_details.proto) that the API adds to its own


def _request_id_of(details: Any) -> str:
    ids = (detail.get("request_id") for detail in _only_objects(details))
    return next((request_id for request_id in ids if isinstance(request_id, str)), "")


def _only_objects(value: Any) -> Iterator[dict[str, Any]]:
    yield from (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _format_details(details: Any) -> Iterator[str]:
    """Format the error details we recognise, one per line."""
    for detail in _only_objects(details):
        for violation in (*_only_objects(detail.get("field_violations")), *_only_objects(detail.get("violations"))):
            yield _join_parts(violation.get("field") or violation.get("subject"), violation.get("description"))
        for link in _only_objects(detail.get("links")):
            yield _join_parts(link.get("description") or "see", link.get("url"))
        if detail.get("reason"):
            yield _join_parts("reason", detail["reason"])
        if detail.get("retry_delay"):
            yield _join_parts("try again after", detail["retry_delay"])
        if detail.get("resource_name"):
            yield _join_parts(
                f"{_to_plain_text(detail.get('resource_type') or 'resource')} {_to_plain_text(detail['resource_name'])}",
                detail.get("description"),
            )


def _join_parts(*parts: Any) -> str:
    return ": ".join(_to_plain_text(part) for part in parts if part)


# ---- what to do


def _choose_hint(request: Request, status: int, code: str, message: str, retry_after: str) -> str | None:
    text = f"{code} {message}".lower()
    for paths, words, hint in _PATH_HINTS:
        if any(part in request.path for part in paths) and any(word in text for word in words):
            return hint
    by_words = next((hint for words, hint in _WORD_HINTS if words in text), None)
    if by_words is not None:
        return by_words
    if re.search(_INVALID, message.encode()):
        return _REVOKED_HINT
    if re.search(_EXPIRED, message.encode()):
        return "the credential has expired: databricks auth login renews an OAuth login; a token must be minted again"
    if status == HTTPStatus.TOO_MANY_REQUESTS and retry_after.isdecimal():
        return f"the workspace asks to wait {int(retry_after[:9])} s"
    return _CODE_HINTS.get(code) or _STATUS_HINTS.get(status)
