"""The next page of a reply, where the provider document says how an API asks for it. Pure: nothing is sent.

A reply names its next page by a token, by a whole URL (in its body, or in the header Link) or by counting pages. A URL is the
server's own text, and the request gets a credential: it is followed on the host that was asked, and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from tokensh._dataclasses import dataclass, replace
from tokensh.api.hosts import Target
from tokensh.api.request import Json, Request
from tokensh.api.response import Response
from tokensh.errors import ReplyError
from tokensh.provider.model import Method, Paging
from tokensh.text import escape_unsafe, truncate

_STEP = r"(?:\$?\.|^)([^.\[\]$]+)|\['([^']+)'\]"
_LINK = r"<([^<>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)"
_RELATION = r"(?i);\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))"
_PATH = r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)+"
_LONGEST_LINK = 8192
_ENDS = (None, "", False, 0, -1, "-1")
"""Tokens of the last page."""


@dataclass(frozen=True, slots=True)
class NextPage:
    """The request of a page, and the text that names it: two pages with one name would follow each other for ever."""

    request: Request
    token: str


def find_next_page(method: Method, response: Response) -> NextPage | None:
    """Return what to ask for after a reply to `method`; None if it is the last page, or if the document declares no paging.

    Raises ReplyError for a page on another host.
    """
    paging = method.paging
    if paging is None or response.empty:
        return None
    if paging.counts_pages:
        return _find_next_number(paging, response)
    in_header = paging.response_location == "header"
    key = paging.response_key
    token = _find_in_header(key, response.headers) if in_header else _find_in_body(key, response.body)
    if token in _ENDS or isinstance(token, dict | list):
        return None
    text = token if isinstance(token, str) else json.dumps(token)
    if paging.request_location == "url":
        return NextPage(_follow_url(response.request, text), text)
    return NextPage(_with_token(response.request, paging, text), text)


def _find_next_number(paging: Paging, response: Response) -> NextPage | None:
    current, last = _find_in_body(paging.response_key, response.body), _find_in_body(paging.last_key, response.body)
    if not isinstance(current, int) or not isinstance(last, int) or current >= last:
        return None
    text = str(current + 1)
    return NextPage(_with_token(response.request, paging, text), text)


def _with_token(request: Request, paging: Paging, token: str) -> Request:
    key = paging.request_key
    match paging.request_location:
        case "header":
            headers = tuple((name, value) for name, value in request.headers if name.lower() != key.lower())
            return replace(request, headers=(*headers, (key, token)))
        case "body":
            return replace(request, body={**(request.body or {}), key: token})
        case _:
            query = tuple((name, value) for name, value in request.query if name != key)
            return replace(request, query=(*query, (key, token)))


# ---- where a reply names its next page


def _find_in_body(key: str, body: Json) -> Json:
    """Return the value at a key, which may be a plain name (also one with dots) or a JSONPath; None without one."""
    if isinstance(body, dict) and key in body:
        return body[key]
    value = body
    for step in re.finditer(_STEP, key):
        if not isinstance(value, dict):
            return None
        value = value.get(step[1] or step[2])
    return value


def _find_in_header(key: str, headers: Mapping[str, str]) -> str | None:
    text = next((value for name, value in headers.items() if name.lower() == key.lower()), None)
    return _find_next_link(text[:_LONGEST_LINK]) if text is not None and key.lower() == "link" else text


def _find_next_link(text: str) -> str | None:
    """Return the address of a Link header (RFC 8288) whose relation is `next`."""
    for link in re.finditer(_LINK, text):
        for relation in re.finditer(_RELATION, link[2]):
            if "next" in (relation[1] or relation[2] or "").lower().split():
                return link[1].strip()
    return None


# ---- URLs


def _follow_url(request: Request, url: str) -> Request:
    """Return the request of a URL on the host that was asked, absolute or relative. Raises ReplyError."""
    address, _, query = url.partition("#")[0].partition("?")
    if address.startswith("//") or "://" in address:
        address = _path_on(request.target, address, url)
    path = address or request.target.prefix + request.path
    prefix = request.target.prefix
    is_plain = re.fullmatch(_PATH, path) is not None and not {".", ".."} & set(unquote(path).split("/"))
    if not is_plain or not (path == prefix or path.startswith(f"{prefix}/")):
        raise _place_error(request.target, url)
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    return replace(request, path=path.removeprefix(prefix), query=pairs)


def _path_on(target: Target, address: str, url: str) -> str:
    """Return the path of an absolute URL."""
    scheme, _, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    default = {"https": "443", "http": "80"}[target.scheme]
    own = target.origin.partition("//")[2].removesuffix(f":{default}")
    if scheme.lower() not in ("", f"{target.scheme}:") or host.lower().removesuffix(f":{default}") != own:
        raise _place_error(target, url)
    return f"{slash}{path}"


def _place_error(target: Target, url: str) -> ReplyError:
    return ReplyError(
        f"{target.name} names a next page that is not under {target.origin}{target.prefix}: "
        f"{truncate(escape_unsafe(url.partition('?')[0]), 80)}",
        hint="it is not followed, because the request would have the credential of this host; rows are missing",
    )
