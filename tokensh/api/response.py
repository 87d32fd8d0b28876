"""Decode response bytes into JSON and rows. Pure: no I/O.

Nothing is guessed. A response that is not what the provider document says is an error that names the place in it (a JSON
path), because an inventory that silently lacks rows is worse than none. Integers are exact to 64 bits, duplicate keys and
NaN are errors, and what a server says is cleaned of secrets before it becomes a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, cast

from tokensh._dataclasses import dataclass
from tokensh.api.api_errors import hint_for_page, parse_error
from tokensh.api.request import Json, Request
from tokensh.errors import ReplyError
from tokensh.provider.model import Method
from tokensh.redact import Redactor
from tokensh.rows import ColumnType, Value
from tokensh.text import escape_surrogates, escape_unsafe, truncate

_NONE_TYPE = type(None)
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DIGITS = re.compile(r"-?[0-9]+")
_PATH_STEP = re.compile(r"\.([^.\[\]]+)|\['([^']+)'\]|\[(?:\*|\d+)\]")


@dataclass(frozen=True, slots=True)
class Response:
    """A successful response.

    `body` is its JSON value, None also for an empty body (then `empty` is True); `elapsed` is in seconds; `date` is the
    text of the header.
    """

    request: Request
    status: int
    body: Json
    elapsed: float = 0.0
    date: str = ""
    empty: bool = False


def decode(  # noqa: PLR0913, PLR0917 (the parts of an answer)
    request: Request, status: int, headers: Mapping[str, str], content: bytes, elapsed: float, redactor: Redactor
) -> Response:
    """Decode the answer to a request.

    Raises:
        ApiError: the API answered with an error, also with status 200 and an `error_code`.
        ReplyError: a success that is not JSON.
    """
    if status >= 400:
        raise parse_error(request, status, headers, content, redactor)
    date = headers.get("Date", "")
    if not content.strip():
        return Response(request, status, None, elapsed, date, empty=True)
    body = _parse_body(request, headers, content)
    # API 1.2 and some gateways answer errors with status 200. A row may have a field of that name, a listing does not.
    if isinstance(body, dict) and body.get("error_code") and not body.keys() & {"token_infos", "token_info"}:
        raise parse_error(request, status, headers, content, redactor)
    return Response(request, status, body, elapsed, date)


# ---- JSON


def _parse_body(request: Request, headers: Mapping[str, str], content: bytes) -> Json:
    try:
        return _parse_json(content.decode("utf-8-sig"))
    except ReplyError:
        raise
    except UnicodeDecodeError:
        problem = "not valid UTF-8"
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        # json names no class for the limit of int(): 4,300 digits since Python 3.11.
        problem = "not valid JSON" if "limit" not in str(error) else "a number with too many digits"
    kind = escape_unsafe(headers.get("Content-Type", "no type").split(";")[0])[:60]
    raise ReplyError(
        f"the reply of {request.target.host} is {problem} ({kind}, {len(content):,} bytes)",
        hint=hint_for_page(content),
    )


def _parse_json(text: str) -> Json:
    value: Json = json.loads(text, parse_constant=_reject_constant, object_pairs_hook=_unique_keys)
    return value


def _reject_constant(text: str) -> NoReturn:
    raise ReplyError(f"invalid number in the reply: {text} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ReplyError("duplicate key in an object of the reply: it is not clear which value counts")
    return mapping


# ---- rows


def find_rows(method: Method, response: Response) -> Sequence[Mapping[str, Json]]:
    """Return the response's row objects. Raises ReplyError naming the path of a malformed row."""
    if response.empty:
        if method.fields:
            raise ReplyError(f"the reply to {method.name} is empty")
        return ()
    value, path = _find_value(method.object_key, response.body)
    if value is None:
        return ()
    if isinstance(value, dict) and not method.returns_list:
        return (value,)
    if not isinstance(value, list) or (method.fields and not method.returns_list):
        raise ReplyError(f"unexpected {_describe_type(value)} at {path} of the reply to {method.name}", path=path)
    # One pass over the types in C: a list may have 100,000 rows.
    if set(map(type, value)) - {dict}:
        index, item = next((index, item) for index, item in enumerate(value) if not isinstance(item, dict))
        path = f"{path}[{index}]"
        raise ReplyError(f"unexpected {_describe_type(item)} at {path} of the reply to {method.name}", path=path)
    return value  # type: ignore[return-value] # checked above


def has_next_page(response: Response) -> bool:
    """Return True if a response says that there are more rows than it holds."""
    return isinstance(response.body, dict) and bool(response.body.get("next_page_token"))


def _find_value(object_key: str | None, body: Json) -> tuple[Json, str]:
    """Return the value at the document's path and that path; None if a step of it is absent."""
    value, path = body, "$"
    for step in _PATH_STEP.finditer(object_key or ""):
        name = step[1] or step[2]
        if name is None or value is None:
            continue
        if not isinstance(value, dict):
            raise ReplyError(f"unexpected {_describe_type(value)} at {path} of the reply", path=path)
        value, path = value.get(name), f"{path}.{name}"
    return value, path


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
        numbers = cast("list[int]", [value for value in values if value is not None])
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
