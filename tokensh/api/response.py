"""Decode response bytes into JSON and rows. Pure: no I/O.

Nothing is guessed. A response that is not what the provider document says is an error that names the place in it (a JSON
path), because an inventory that silently lacks rows is worse than none. Integers are exact to 64 bits, duplicate keys and
NaN are errors, and what a server says is cleaned of secrets before it becomes a message.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NoReturn, cast

from tokensh._dataclasses import dataclass, replace
from tokensh.api.api_errors import hint_for_page, parse_error
from tokensh.api.reply_shapes import find_error, find_next_page, has_error_key
from tokensh.api.request import Json, Request
from tokensh.errors import ApiError, ReplyError
from tokensh.provider.model import ANONYMOUS_COLUMN, Method
from tokensh.redact import Redactor
from tokensh.rows import ColumnType, Value
from tokensh.text import escape_surrogates, escape_unsafe, truncate

_NONE_TYPE = type(None)
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DIGITS = re.compile(r"-?[0-9]+")
_PATH_STEP = re.compile(r"\.([^.\[\]]+)|\['([^']+)'\]|\[\*\]")


# 206 is a part, 226 a difference, 207 and 208 have statuses inside: none of them is the whole answer. 202 says that a write
# is accepted; as the answer to a read it says that the answer is still to come.
_WHOLE = (HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION, HTTPStatus.NO_CONTENT)
_DONE = (*_WHOLE, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.RESET_CONTENT)
_WITHOUT_CONTENT = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT)
LARGE = 256 * 1024
"""Bytes from which on a list is decoded while its rows are read."""
_ROWS_PER_BLOCK = 1000
_MOST_KEYS = 5
"""Keys of an unknown object that a message quotes."""


@dataclass(frozen=True, slots=True)
class Undecoded:
    """The bytes of a large body in chunks, which `large_replies` decodes and frees, and what hides secrets in its errors."""

    chunks: deque[bytes]
    redactor: Redactor


@dataclass(frozen=True, slots=True)
class Response:
    """A response with a status of success; what it holds may still be an error, which `find_rows` raises.

    `body` is its JSON value, None also for an empty body (then `empty` is True); `elapsed` is in seconds. `error` is what
    the keys of its object say if they are those of an error.
    """

    request: Request
    status: int
    body: Json
    elapsed: float
    headers: Mapping[str, str]
    empty: bool = False
    error: ApiError | None = None
    undecoded: Undecoded | None = None
    """What the body is decoded from, part by part; then `body` is None until that is done."""

    @property
    def date(self) -> str:
        """The text of the header Date."""
        return self.headers.get("Date", "")


def decode(  # noqa: PLR0913, PLR0917 (the parts of an answer)
    request: Request, status: int, headers: Mapping[str, str], content: bytes, elapsed: float, redactor: Redactor
) -> Response:
    """Decode the answer to a request.

    Raises:
        ApiError: the API answered with an error.
        ReplyError: a success that is not JSON, or not the whole answer.
    """
    if status >= 400:
        raise parse_error(request, status, headers, content, redactor)
    if status not in (_WHOLE if request.method == "GET" else _DONE):
        raise ReplyError(f"{request.target.name} answered with HTTP {status}, which is not a whole answer")
    if request.text_field:
        text = _decode_text(request, headers, content)
        return Response(request, status, {request.text_field: text}, elapsed, headers)
    if not content.strip():
        return Response(request, status, None, elapsed, headers, empty=True)
    body = _parse_body(request, headers, content)
    # Whether such keys belong to the answer is known to `find_rows`, but what they say is cleaned here.
    is_error = isinstance(body, dict) and has_error_key(body)
    error = parse_error(request, status, headers, content, redactor) if is_error else None
    return Response(request, status, body, elapsed, headers, error=error)


def defer(  # noqa: PLR0913, PLR0917 (as decode)
    request: Request, status: int, headers: Mapping[str, str], chunks: deque[bytes], elapsed: float, redactor: Redactor
) -> Response | None:
    """Return the answer to a request, to be decoded later; None if it is not a large success, which can be decoded now."""
    if status != HTTPStatus.OK or request.text_field or sum(map(len, chunks)) < LARGE:
        return None
    return Response(request, status, None, elapsed, headers, undecoded=Undecoded(chunks, redactor))


def decode_whole(response: Response) -> Response:
    """Return a response with its body decoded. Raises what `decode` raises."""
    late = response.undecoded
    if late is None:
        return response
    content = b"".join(late.chunks)
    late.chunks.clear()
    return decode(response.request, response.status, response.headers, content, response.elapsed, late.redactor)


def finish_decoding(response: Response, body: Json) -> Response:
    """Return a response with the body that its parts have given."""
    late = response.undecoded
    error = None
    if late is not None and isinstance(body, dict) and has_error_key(body):
        content = json.dumps(body).encode()
        error = parse_error(response.request, response.status, response.headers, content, late.redactor)
    return replace(response, body=body, error=error, undecoded=None)


def _decode_text(request: Request, headers: Mapping[str, str], content: bytes) -> str:
    try:
        return content.decode(request.text_encoding)
    except UnicodeDecodeError:
        described = _describe_content(headers, len(content))
        raise ReplyError(f"the reply of {request.target.host} is not valid UTF-8 text ({described})") from None


def _describe_content(headers: Mapping[str, str], size: int) -> str:
    kind = escape_unsafe(headers.get("Content-Type", "no type").split(";")[0])[:60]
    return f"{kind}, {size:,} bytes"


# ---- JSON


def _parse_body(request: Request, headers: Mapping[str, str], content: bytes) -> Json:
    try:
        body: Json = make_json_decoder().decode(content.decode("utf-8-sig"))
    except (RecursionError, ValueError) as error:
        problem = describe_problem(error)
    else:
        return body
    raise json_error(request, headers, problem, len(content), content)


def describe_problem(error: RecursionError | ValueError) -> str:
    """Return what is wrong with JSON that could not be decoded."""
    match error:
        case UnicodeDecodeError():
            return "not valid UTF-8"
        case RecursionError():
            return "nested too deeply"
        case json.JSONDecodeError():
            return "not valid JSON"
        case _:
            # int() refuses more than 4,300 digits since Python 3.11.
            return "a number with too many digits"


def json_error(request: Request, headers: Mapping[str, str], problem: str, size: int, start: bytes) -> ReplyError:
    """Return the error for a reply of `size` bytes that is not JSON; `start` is how it begins."""
    return ReplyError(
        f"the reply of {request.target.host} is {problem} ({_describe_content(headers, size)})",
        hint=hint_for_page(start),
    )


def make_json_decoder() -> json.JSONDecoder:
    """Return a decoder that raises ReplyError for constants that are not JSON, and for duplicate keys."""
    return json.JSONDecoder(parse_constant=_reject_constant, object_pairs_hook=_unique_keys)


def _reject_constant(text: str) -> NoReturn:
    raise ReplyError(f"invalid number in the reply: {text} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ReplyError("duplicate key in an object of the reply: it is not clear which value counts")
    return mapping


# ---- rows


def find_rows(method: Method, response: Response) -> Sequence[Mapping[str, Json]]:
    """Return the row objects of a response, with the names that fields have in SQL. The only reader of replies: of queries, writes and searches for lost tokens.

    Raises:
        ApiError: the reply is an error with a status of success.
        ReplyError: the reply is not what the document describes; the error names the path.
    """
    return rename_fields(method, _find_objects(method, response))


def find_blocks(method: Method, response: Response) -> Iterator[Sequence[Mapping[str, Json]]]:
    """Yield the rows of a response in blocks. Raises what `find_rows` raises."""
    rows = find_rows(method, response)
    for first in range(0, len(rows), _ROWS_PER_BLOCK):
        yield rows[first : first + _ROWS_PER_BLOCK]


def rename_fields(method: Method, rows: Sequence[Mapping[str, Json]]) -> Sequence[Mapping[str, Json]]:
    """Return rows with the names that fields have in SQL."""
    names = {field.wire_name: field.name for field in method.fields if field.wire_name}
    return [{names.get(key, key): value for key, value in row.items()} for row in rows] if names else rows


def _find_objects(method: Method, response: Response) -> Sequence[Mapping[str, Json]]:
    if response.empty:
        # A status may say that there is nothing; otherwise an object that the document promises has to be there.
        if (method.fields and not method.is_anonymous) or (
            _is_reply_described(method) and response.status not in _WITHOUT_CONTENT
        ):
            raise ReplyError(f"the reply to {method.name} is empty")
        return ()
    value, path = _find_value(method.object_key, response.body)
    check_envelope(method, response, value)
    if value is None and (method.object_key is not None or not _is_reply_described(method)):
        return ()
    if method.is_anonymous and isinstance(value, list) == method.returns_list:
        return [{ANONYMOUS_COLUMN: item} for item in (value if isinstance(value, list) else [value])]
    if isinstance(value, dict) and not method.returns_list:
        return (value,)
    if not isinstance(value, list) or (_is_reply_described(method) and not method.returns_list):
        raise ReplyError(f"unexpected {_describe_type(value)} at {path} of the reply to {method.name}", path=path)
    return check_items(method, value, path)


def describe_next_page(method: Method, response: Response) -> str | None:
    """Return what says that a listing's response is one page of several, None if nothing does; `find_rows` accepts it."""
    if not method.returns_list or response.empty:
        return None
    rows, _ = _find_value(method.object_key, response.body)
    found = find_next_page(response.body, rows if isinstance(rows, list) else (), response.headers)
    return truncate(escape_unsafe(found), 60) if found else None


def _is_reply_described(method: Method) -> bool:
    return bool(method.fields) or method.reply_keys is not None


def check_envelope(method: Method, response: Response, rows: Json) -> None:
    """Raise ApiError or ReplyError if what is around the rows says that the reply is an error, or another object."""
    _refuse_error(method, response, rows)
    _refuse_unknown_keys(method, response.body)


def _refuse_error(method: Method, response: Response, rows: Json) -> None:
    """Raise what a reply with a status of success says if it is an error."""
    body = response.body
    if not isinstance(body, dict):
        return
    key = find_error(body, None if rows is body else rows, _keys_in_document(method))
    if key is None:
        return
    # What stands deeper in it is not in the error's text.
    if response.error is not None and key in body:
        raise response.error
    quoted = truncate(escape_unsafe(key), 60)
    raise ReplyError(f"the reply to {method.name} says that there was an error: it has {quoted!r}")


def _keys_in_document(method: Method) -> frozenset[str]:
    own = () if method.object_key else (field.key for field in (*method.fields, *method.undocumented_fields))
    return frozenset((*own, *(method.reply_keys or ())))


def _refuse_unknown_keys(method: Method, body: Json) -> None:
    """Raise ReplyError for an object that has keys, but not those that the document describes."""
    if not isinstance(body, dict):
        return
    # A listing's empty object is an empty list; read as the one row of a query, it would say nothing at all.
    if not body and method.http_method == "GET" and method.object_key is None and method.fields:
        raise ReplyError(f"the reply to {method.name} is an empty object")
    unknown = _unknown_keys(method, body)
    if not unknown:
        return
    names = find_keys(method.object_key or "")[-1:] or [field.key for field in method.fields][:_MOST_KEYS]
    lacking = f"not {' or '.join(map(repr, names))}" if names else "where it has none by its document"
    raise ReplyError(f"unknown reply to {method.name}: an object with {_quote_keys(unknown)}, {lacking}")


def _unknown_keys(method: Method, body: Mapping[str, Json]) -> list[str]:
    """Return the keys of an object in which the way to the rows ends; none if it goes on, or if the object is empty."""
    known = _keys_in_document(method)
    if method.object_key is None:
        return list(body) if method.reply_keys is not None and known.isdisjoint(body) else []
    node: object = body
    for name in find_keys(method.object_key):
        if not isinstance(node, dict):
            return []
        if name not in node:
            # A reply without rows may still have other keys of the document: the token of a page, for example. A document
            # that does not describe the rows' own key contradicts itself, and the rows may be under any of its keys.
            page = method.paging.response_key if method.paging else None
            return [key for key in node if key not in known or (name not in known and key != page)]
        node, known = node[name], frozenset()
    return []


def _quote_keys(keys: Collection[str]) -> str:
    quoted = ", ".join(repr(truncate(escape_unsafe(key), 40)) for key in list(keys)[:_MOST_KEYS])
    return f"{quoted} ..." if len(keys) > _MOST_KEYS else quoted


def check_items(method: Method, items: list[Json], path: str, first: int = 0) -> Sequence[Mapping[str, Json]]:
    """Return the items of a list, number `first` and those after it, which are rows.

    Raises ReplyError if one is not: another type, or an object without any of the row's fields.
    """
    names = frozenset(field.key for field in (*method.fields, *method.undocumented_fields))
    rows = cast("list[dict[str, Json]]", items)
    # Two passes in C: a list may have 100,000 rows.
    if set(map(type, items)) - {dict} or (names and any(map(names.isdisjoint, rows))):
        for index, item in enumerate(items, first):
            _check_item(method, item, names, f"{path}[{index}]")
    return rows


def _check_item(method: Method, item: Json, names: frozenset[str], path: str) -> None:
    if not isinstance(item, dict):
        raise ReplyError(f"unexpected {_describe_type(item)} at {path} of the reply to {method.name}", path=path)
    if names and item and names.isdisjoint(item):
        keys = _quote_keys(list(item))
        raise ReplyError(f"no row at {path} of the reply to {method.name}: an object with {keys}", path=path)


def _find_value(object_key: str | None, body: Json) -> tuple[Json, str]:
    """Return the value at the document's path and that path; None if a step of it is absent."""
    value, path = body, "$"
    for name in find_keys(object_key or ""):
        if value is None and path != "$":
            return None, path
        if not isinstance(value, dict):
            raise ReplyError(f"unexpected {_describe_type(value)} at {path} of the reply", path=path)
        value, path = value.get(name), f"{path}.{name}"
    return value, path


def find_keys(object_key: str) -> list[str]:
    """Return the keys on the way to the rows."""
    return [name for step in _PATH_STEP.finditer(object_key) if (name := step[1] or step[2]) is not None]


def _describe_type(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "array"
        case _:
            return "object"


def to_cell(kind: ColumnType, value: Json, path: str) -> Value:
    """Convert a JSON value to a cell of a column's type. Raises ReplyError with its path if it does not fit."""
    if value is None:
        return None
    return _CONVERTERS.get(kind, _to_json_text)(value, path)


def need_no_conversion(kind: ColumnType, values: Sequence[object]) -> bool:
    """Return True if no value in the column needs conversion by `to_cell` (fast path)."""
    types = set(map(type, values)) - {_NONE_TYPE}
    if not types:
        return True
    if kind == "string":
        return types == {str} and all(map(str.isascii, cast("Iterator[str]", filter(None, values))))
    if kind == "integer" and types == {int}:
        numbers = cast("list[int]", [value for value in values if value is not None] if None in values else values)
        return min(numbers) >= _INT64_MIN and max(numbers) <= _INT64_MAX
    return False


def _to_text(value: Json, _: str) -> Value:
    if isinstance(value, str):
        return escape_surrogates(value)
    return _to_json_text(value, "")


def _to_integer(value: Json, path: str) -> Value:
    # The JSON of protocol buffers writes 64-bit integers as text.
    if isinstance(value, str) and _DIGITS.fullmatch(value) and len(value) <= 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _type_error("integer", value, path)
    if not _INT64_MIN <= value <= _INT64_MAX:
        raise ReplyError(f"{truncate(str(value), 60)} at {path} does not fit into 64 bits", path=path)
    return value


def _to_number(value: Json, path: str) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _type_error("number", value, path)
    if value in (float("inf"), float("-inf")):
        raise ReplyError(f"the number at {path} is too large", path=path)
    # SQLite's integers have 64 bits; a larger number becomes a float there too.
    return value if _INT64_MIN <= value <= _INT64_MAX or isinstance(value, float) else float(value)


def _to_boolean(value: Json, path: str) -> Value:
    if not isinstance(value, bool):
        raise _type_error("boolean", value, path)
    return int(value)


def _to_json_text(value: Json, _: str) -> Value:
    return escape_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


_CONVERTERS: Mapping[ColumnType, Callable[[Json, str], Value]] = {
    "string": _to_text,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
}


def _type_error(kind: str, value: Json, path: str) -> ReplyError:
    quoted = truncate(escape_unsafe(json.dumps(value)), 60)
    return ReplyError(f"{kind} expected at {path}, not {quoted}", path=path)
