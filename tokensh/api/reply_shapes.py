"""What an object of a reply says beside its rows: that it is an error, or that there are more rows than these. Pure.

APIs, their gateways and proxies answer errors with status 200, and pages of which each is a part, in more shapes than any
document names. They are told by their keys, compared without case and punctuation (`nextPageToken`, `next_page_token`,
`@odata.nextLink`), wherever they stand outside of the rows, and by the values that keys such as `status` have. Keys that the
provider document describes are never taken for an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

_ERRORS = frozenset((
    "error", "errors", "err", "errorcode", "errormessage", "errormsg", "errorsummary", "errordescription",
    "errordetail", "errordetails", "errorinfo", "errortype", "errorid", "exception", "exceptions",
    "exceptionmessage", "fault", "faults", "faultcode", "faultstring", "failure", "failures", "failed",
    "failedrequests", "partialfailure", "partialerrors", "message", "messages", "msg", "detail", "details",
    "reason", "scimtype", "stacktrace", "traceback", "warning", "warnings", "problem", "problems",
))  # fmt: skip
"""Keys whose value says that something went wrong, unless it is empty."""
_CERTAIN = ("err", "exception", "fault", "failure")
"""How keys begin that mean an error wherever they stand."""
_STATUS = frozenset((
    "status", "statuscode", "code", "httpstatus", "httpcode", "httpstatuscode", "returncode", "resultcode",
    "result",
))  # fmt: skip
"""Keys whose value says whether something went wrong."""
_SUCCESS = frozenset(["success", "ok", "succeeded", "issuccess", "successful"])
"""Keys that say so by being false."""
_WELL = frozenset(("", "ok", "success", "succeeded", "successful", "complete", "completed", "done", "none", "true"))
_NEXT = frozenset((
    "next", "nextpage", "nextpagetoken", "nexttoken", "nextcursor", "nextlink", "nextlinks", "nexturl", "nexturi",
    "nexthref", "nextmarker", "nextoffset", "nextstart", "nextstartindex", "nextindex", "nextkey", "nextposition",
    "nextpagelink", "nextpageurl", "nextpageuri", "odatanextlink", "continue", "continuation", "continuationtoken",
    "cursor", "endcursor", "marker", "scrollid", "lastevaluatedkey", "pagingtoken", "resumetoken", "moreuri",
    "moreurl", "morelink",
))  # fmt: skip
"""Keys that name the next page, unless their value is empty."""
_MORE = frozenset((
    "more", "hasmore", "hasnext", "hasnextpage", "hasmorepages", "hasmoreitems", "hasmoreresults", "hasmoredata",
    "moreavailable", "moreresults", "moredata", "istruncated", "truncated", "ispartial", "partial", "partialresult",
    "partialresults", "incomplete", "isincomplete", "incompleteresults", "limitreached",
))  # fmt: skip
"""Keys that say whether there is a next page."""
_LAST = frozenset(["last", "lastpage", "islast", "islastpage", "iscomplete", "complete", "final"])
"""Keys that say by being false that there is a next page."""
_TOTAL = frozenset((
    "total", "totalcount", "totalresults", "totalitems", "totalelements", "totalsize", "totalrows", "totalrecords",
    "totalhits", "resultcount", "itemcount", "rowcount", "recordcount", "estimatedtotal", "count",
))  # fmt: skip
"""Keys that count the rows of all pages."""
_PAGES = frozenset(["pages", "totalpages", "pagecount", "numpages", "numberofpages", "pagestotal"])
_NO = frozenset(("", "false", "no", "none", "null", "0", "-1"))
_LONGEST_HEADER = 8192


def has_error_key(body: Mapping[str, Any]) -> bool:
    """Return whether one of an object's own keys says that it is an error."""
    return any(_says_error(_plain(name), value) for name, value in body.items())


def find_error(body: Mapping[str, Any], rows: object, documented: Collection[str]) -> str | None:
    """Return the first key of an object, outside of its rows, that says that it is an error; None without one.

    Args:
        body: the object.
        rows: the part of it that holds the rows, by identity.
        documented: keys of the object itself that the provider document describes; what they hold is not looked at.
    """
    unknown = {name: value for name, value in body.items() if name not in documented and value is not rows}
    for depth, name, value in _walk_entries(unknown, rows):
        plain = _plain(name)
        # Deeper in an unknown part, `status` or `message` may be said of anything.
        if _says_error(plain, value) and (depth == 0 or plain.startswith(_CERTAIN)):
            return name
    return None


def _says_error(name: str, value: Any) -> bool:
    if name in _SUCCESS:
        return value is False or (isinstance(value, str) and value.strip().lower() in _NO)
    if name in _STATUS:
        return _is_bad_status(value)
    return name in _ERRORS and bool(value) and not (isinstance(value, str) and value.strip(" .!").lower() in _WELL)


def _is_bad_status(value: Any) -> bool:
    """Return whether the value of a key such as `status` is not that of a success."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value.strip()[:9])
    match value:
        case None | bool() | dict() | list():
            return value is False
        case int() | float():
            return value != 0 and not 100 <= value < 400
        case _:
            return str(value).strip(" .!").lower() not in _WELL


def find_next_page(body: object, rows: Collection[object], headers: Mapping[str, str]) -> str | None:
    """Return what says that a reply holds only some of the rows, a key or a header; None if nothing does.

    Args:
        body: the whole reply.
        rows: its rows; what is in them is not looked at.
        headers: those of the reply.
    """
    if isinstance(body, dict):
        for _, name, value in _walk_entries(body, rows):
            if _says_more(_plain(name), value, len(rows)):
                return name
    for name, text in headers.items():
        if _header_says_more(name.lower(), text[:_LONGEST_HEADER], len(rows)):
            return f"the header {name}"
    return None


def _says_more(name: str, value: Any, count: int) -> bool:
    if name in _TOTAL or name in _PAGES:
        number = _to_number(value)
        return number is not None and number > (1 if name in _PAGES else count)
    if name in _LAST:
        return value is False or (isinstance(value, str) and value.strip().lower() == "false")
    if name == "rel":  # of an object that is a link
        return isinstance(value, str) and "next" in value.lower().split()
    if name in _NEXT or name in _MORE:
        return bool(value) and not (isinstance(value, str) and value.strip().lower() in _NO) and value != -1
    return False


def _to_number(value: Any) -> float | None:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value.strip()[:18])
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _header_says_more(name: str, text: str, count: int) -> bool:
    if name == "link":
        return any(_is_next_link(parameter) for parameter in text.split(";")[1:])
    if name == "content-range":
        return not _covers_all(text)
    return name.startswith("x-") and _says_more(_plain(name[2:]), text, count)


def _is_next_link(parameter: str) -> bool:
    """Return whether a parameter of a Link header, up to the address after it, is `rel` with the word next."""
    key, _, value = parameter.partition("=")
    # Without quotes the value ends at the comma before the next link; in quotes it may be several words.
    value = value.strip()
    words = value[1:].partition('"')[0] if value.startswith('"') else value.partition(",")[0]
    return key.strip().lower() == "rel" and "next" in words.lower().split()


def _covers_all(text: str) -> bool:
    """Return whether a Content-Range (`items 0-24/25`) is the whole."""
    span, _, total = text.rpartition(" ")[2].partition("/")
    first, _, last = span.partition("-")
    return first == "0" and last.isdecimal() and total.isdecimal() and int(last[:18]) + 1 >= int(total[:18])


def _walk_entries(body: Mapping[str, Any], rows: object) -> Iterator[tuple[int, str, Any]]:
    """Yield each key of an object and of those in it, outside of the rows, with how deep it stands and its value."""
    waiting: list[tuple[int, Any]] = [(0, body)]
    while waiting:
        depth, node = waiting.pop()
        if node is rows:
            continue
        if isinstance(node, dict):
            for name, value in node.items():
                if value is not rows:
                    yield depth, name, value
            waiting += ((depth + 1, value) for value in node.values() if isinstance(value, dict | list))
        elif isinstance(node, list):
            waiting += ((depth, value) for value in node if isinstance(value, dict | list))


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name[:100])).lower()
