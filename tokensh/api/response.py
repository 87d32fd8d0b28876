"""What came back -> JSON, rows, or an error that says what is wrong with it. Pure: it sees bytes, never a socket.

Nothing is guessed: a reply that is not what the document says is an error that names the place in it (a JSON path), a number
is exact to 64 bits, and what a server says is cleaned of secrets before it becomes a message.
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

_NONE = type(None)
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_DIGITS = re.compile(r"-?[0-9]+")
_STEP = re.compile(r"\.([^.\[\]]+)|\['([^']+)'\]|\[(?:\*|\d+)\]")


@dataclass(frozen=True, slots=True)
class Response:
    """A success: `body` is its JSON value (None also where it was empty, see `empty`), `elapsed` s, `date` the header's text."""

    request: Request
    status: int
    body: Json
    elapsed: float = 0.0
    date: str = ""
    empty: bool = False


def decode(  # noqa: PLR0913, PLR0917 (the parts of an answer)
    request: Request, status: int, headers: Mapping[str, str], content: bytes, elapsed: float, redactor: Redactor
) -> Response:
    """Read an answer.

    Raises:
        ApiError: the API said no (also with status 200 and an `error_code`).
        ReplyError: a success that is not JSON.
    """
    if status >= 400:
        raise parse_error(request, status, headers, content, redactor)
    date = headers.get("Date", "")
    if not content.strip():
        return Response(request, status, None, elapsed, date, empty=True)
    body = _decoded(request, headers, content)
    if isinstance(body, dict) and body.get("error_code") and not body.keys() & {"token_infos", "token_info"}:
        raise parse_error(request, status, headers, content, redactor)
    return Response(request, status, body, elapsed, date)


# ---- JSON


def _decoded(request: Request, headers: Mapping[str, str], content: bytes) -> Json:
    try:
        return _loads(content.decode("utf-8-sig"))
    except ReplyError:
        raise
    except UnicodeDecodeError:
        problem = "not UTF-8"
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        problem = "no JSON" if "limit" not in str(error) else "a number with too many digits"
    kind = escape_unsafe(headers.get("Content-Type", "no type").split(";")[0])[:60]
    raise ReplyError(
        f"the reply of {request.target.host} is {problem} ({kind}, {len(content):,} bytes)", hint=hint_for_page(content)
    )


def _loads(text: str) -> Json:
    value: Json = json.loads(text, parse_constant=_no_number, object_pairs_hook=_unique)
    return value


def _no_number(text: str) -> NoReturn:
    raise ReplyError(f"the reply holds {text}, which is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ReplyError("the reply names a key of an object twice; which value counts cannot be told")
    return made


# ---- rows


def find_rows(method: Method, reply: Response) -> Sequence[Mapping[str, Json]]:
    """The objects of a reply that are the method's rows. Raises ReplyError with the path of what is none."""
    if reply.empty:
        if method.fields:
            raise ReplyError(f"the reply to {method.name} is empty")
        return ()
    found, path = _at(method.object_key, reply.body)
    if found is None:
        return ()
    if isinstance(found, dict) and not method.lists:
        return (found,)
    if not isinstance(found, list) or (method.fields and not method.lists):
        raise ReplyError(f"unexpected {_kind(found)} at {path} of the reply to {method.name}", path=path)
    if set(map(type, found)) - {dict}:
        index, one = next((index, one) for index, one in enumerate(found) if not isinstance(one, dict))
        place = f"{path}[{index}]"
        raise ReplyError(f"unexpected {_kind(one)} at {place} of the reply to {method.name}", path=place)
    return found  # type: ignore[return-value] # each was looked at above


def has_next_page(reply: Response) -> bool:
    """Whether a reply says that there are more rows than it holds."""
    return isinstance(reply.body, dict) and bool(reply.body.get("next_page_token"))


def _at(object_key: str | None, body: Json) -> tuple[Json, str]:
    """The value where the document says the rows are; None where that is absent."""
    found, path = body, "$"
    for step in _STEP.finditer(object_key or ""):
        name = step[1] or step[2]
        if name is None or found is None:
            continue
        if not isinstance(found, dict):
            raise ReplyError(f"unexpected {_kind(found)} at {path} of the reply", path=path)
        found, path = found.get(name), f"{path}.{name}"
    return found, path


def _kind(value: Json) -> str:
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
    """A JSON value as the value of a column of a type. Raises ReplyError with its path where it does not fit."""
    if value is None:
        return None
    return _CELLS.get(kind, _structure)(value, path)


def need_no_conversion(kind: ColumnType, values: Sequence[object]) -> bool:
    """Whether `cell` would give every one of them back as it is, as is most often so: looked at all at once."""
    types = set(map(type, values)) - {_NONE}
    if not types:
        return True
    if kind == "string":
        return types == {str} and all(map(str.isascii, cast("Iterator[str]", filter(None, values))))
    if kind == "integer" and types == {int}:
        numbers = cast("list[int]", [one for one in values if one is not None])
        return min(numbers) >= _INT64_MIN and max(numbers) <= _INT64_MAX
    return False


def _string(value: Json, _: str) -> Value:
    if isinstance(value, str):
        return escape_surrogates(value)
    return _structure(value, "")


def _integer(value: Json, path: str) -> Value:
    # Protocol buffers' JSON writes 64-bit integers as text.
    if isinstance(value, str) and _DIGITS.fullmatch(value) and len(value) <= 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misfit("integer", value, path)
    if not _INT64_MIN <= value <= _INT64_MAX:
        raise ReplyError(f"{value} at {path} does not fit into 64 bits", path=path)
    return value


def _number(value: Json, path: str) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _misfit("number", value, path)
    if value in (float("inf"), float("-inf")):
        raise ReplyError(f"the number at {path} is too large", path=path)
    return value if _INT64_MIN <= value <= _INT64_MAX or isinstance(value, float) else float(value)


def _boolean(value: Json, path: str) -> Value:
    if not isinstance(value, bool):
        raise _misfit("boolean", value, path)
    return int(value)


def _structure(value: Json, _: str) -> Value:
    return escape_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


_CELLS: Mapping[ColumnType, Callable[[Json, str], Value]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}


def _misfit(kind: str, value: Json, path: str) -> ReplyError:
    shown = truncate(escape_unsafe(json.dumps(value)), 60)
    return ReplyError(f"{kind} expected at {path}, not {shown}", path=path)
