"""json (an array of objects, one a line) and jsonl (an object a line).

What is not safe on a terminal stands as a JSON escape, so that the text is inert and still means the same.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring
from typing import Any, TextIO

from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.render.writer import gather_blocks, write_blocks
from tokensh.rows import Column, RowSet
from tokensh.text import UNSAFE


def _escape_match(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1] if found.group() != "\x7f" else "\\u007f"


def _quote(text: str) -> str:
    quoted: str = encode_basestring(text)
    return quoted if quoted.isprintable() else UNSAFE.sub(_escape_match, quoted)


def _format_number(value: float) -> str:
    return repr(value) if math.isfinite(value) else "null"


def _format_bytes(value: bytes) -> str:
    return f'"{value.hex()}"'


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _embed_if_json(text: str) -> str:
    """Text that may be JSON: embedded if it is, else quoted."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        if text.isprintable():
            return text  # as it is: numbers keep their digits
        compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        return _quote(text)
    return UNSAFE.sub(_escape_match, compact)


def _embed_document(text: str) -> str:
    """A cell of an object or array column: JSON that tokensh wrote itself, embedded as it is."""
    if text[:1] in ("{", "[") and text.isprintable():
        return text
    return _embed_if_json(text)


def _embed_or_quote(text: str) -> str:
    """The result of a json_* call: an object's or array's text, or a plain string that only such a call took out."""
    return _embed_if_json(text) if text[:1] in ("{", "[") else _quote(text)


def _text_format(column: Column) -> Callable[[str], str]:
    match column.type:
        case "object" | "array":
            return _embed_document
        case "json":
            return _embed_or_quote
        case _:
            return _quote


def _make_formats(column: Column) -> cells.Formats:
    return {**cells.make_formats(column, _text_format(column), "null"), float: _format_number, bytes: _format_bytes}


def _member_names(columns: tuple[Column, ...]) -> list[str]:
    """The members' names: a name that occurs again gets `_2`, `_3`, so that no value hides another."""
    taken: dict[str, None] = {}
    for column in columns:
        key, number = column.name, 1
        while key in taken:
            number += 1
            key = f"{column.name}_{number}"
        taken[key] = None
    return list(taken)


def _format_objects(result: RowSet, start: str, between: str, end: str) -> Iterator[str]:
    members = ",".join(f"{_quote(key)}:".replace("%", "%%") + "%s" for key in _member_names(result.columns))
    template = f"{{{members}}}{end}"
    columns = [_make_formats(column) for column in result.columns]
    before = start
    for row in result.rows:
        yield before + template % tuple([one[type(value)](value) for one, value in zip(columns, row, strict=True)])
        before = between


def render_json(result: RowSet, stream: TextIO, options: Options) -> int:  # noqa: ARG001 (all renderers are called alike)
    """One array of objects. Returns the number of rows; raises OSError if the stream fails."""
    return write_blocks(
        stream, gather_blocks(result, _format_objects(result, "[\n", ",\n", "")), tail="\n]\n", empty="[]\n"
    )


def render_jsonl(result: RowSet, stream: TextIO, options: Options) -> int:  # noqa: ARG001 (all renderers are called alike)
    """One object a line. Returns the number of rows; raises OSError if the stream fails."""
    return write_blocks(stream, gather_blocks(result, _format_objects(result, "", "", "\n")))


def to_json_line(value: Any) -> str:
    """Any JSON value on one line, safe on a terminal."""
    return UNSAFE.sub(_escape_match, json.dumps(value, ensure_ascii=False))
