"""Write json (an array of objects, one per line) and jsonl (one object per line).

Characters that are unsafe on a terminal become JSON escapes: the output is safe to show and still means the same.
"""

# Cells are joined with the names of their members instead of going through json.dumps as dictionaries: three times as fast,
# and members keep the order of the columns.

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, repeat
from json.encoder import encode_basestring
from typing import Any, TextIO

from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.render.writer import Block, format_blocks, write_blocks
from tokensh.rows import Column, Row, RowSet
from tokensh.text import UNSAFE


def _escape_match(match: re.Match[str]) -> str:
    # json.dumps escapes everything but ASCII; DEL is ASCII, and unsafe.
    return json.dumps(match.group())[1:-1] if match.group() != "\x7f" else "\\u007f"


def _quote(text: str) -> str:
    quoted: str = encode_basestring(text)
    return quoted if quoted.isascii() and quoted.isprintable() else re.sub(UNSAFE, _escape_match, quoted)


def _quote_all(texts: Sequence[str]) -> Iterable[str]:
    return map(encode_basestring if cells.are_plain(texts) else _quote, texts)


_JSON_TEXT = cells.TextFormat(_quote, _quote_all)


def _format_number(value: float) -> str:
    # JSON has neither NaN nor infinities; null is what JavaScript's JSON.stringify writes for them.
    return repr(value) if math.isfinite(value) else "null"


def _format_bytes(value: bytes) -> str:
    return f'"{value.hex()}"'


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"invalid JSON constant: {constant}")


def _embed_if_json(text: str) -> str:
    """Return text that is JSON as it is, and any other text as a JSON string."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        if re.search(UNSAFE, text) is None:
            return text  # unchanged: going through Python would round numbers of many digits
        compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        return _quote(text)
    return re.sub(UNSAFE, _escape_match, compact)


def _embed_document(text: str) -> str:
    """Return a cell of an object or array column, which is JSON already."""
    # tokensh wrote it itself, so looking at its first character is enough; anything else (a user's own table) is checked.
    if text[:1] in ("{", "[") and text.isprintable():
        return text
    return _embed_if_json(text)


def _embed_or_quote(text: str) -> str:
    """Return the result of a json_* call: an object or array, else a plain string that the call extracted."""
    return _embed_if_json(text) if text[:1] in ("{", "[") else _quote(text)


def _text_format(column: Column) -> Callable[[str], str]:
    match column.type:
        case "object" | "array":
            return _embed_document
        case "json":
            return _embed_or_quote
        case _:
            return _JSON_TEXT


def _make_formats(column: Column) -> cells.Formats:
    return {**cells.make_formats(column, _text_format(column), "null"), float: _format_number, bytes: _format_bytes}


def _member_names(columns: tuple[Column, ...]) -> list[str]:
    """Return the members' names; a repeated name gets `_2`, `_3`, since JSON readers keep only the last member of a name."""
    taken: dict[str, None] = {}
    for column in columns:
        key, number = column.name, 1
        while key in taken:
            number += 1
            key = f"{column.name}_{number}"
        taken[key] = None
    return list(taken)


def _format_objects(result: RowSet, between: str) -> Callable[[Sequence[Row]], str]:
    """Return a function that formats a block of rows as objects with `between` between them."""
    names = [f"{_quote(key)}:" for key in _member_names(result.columns)]
    before = [f"{mark}{name}" for mark, name in zip(chain("{", repeat(",")), names, strict=False)]
    columns = [_make_formats(column) for column in result.columns]
    between = f"}}{between}"
    return lambda rows: f"{between.join(cells.join_members(cells.format_columns(rows, columns), before))}}}"


def _separate_blocks(blocks: Iterable[Block], between: str) -> Iterator[Block]:
    """Yield the blocks with `between` before all but the first."""
    before = ""
    for text, rows in blocks:
        yield before + text, rows
        before = between


def render_json(result: RowSet, stream: TextIO, options: Options) -> int:  # noqa: ARG001 (all renderers have one signature)
    """Write one array of objects and return the number of rows; raises OSError if the stream fails."""
    blocks = format_blocks(result, result.rows, _format_objects(result, ",\n"))
    return write_blocks(stream, _separate_blocks(blocks, ",\n"), head="[\n", tail="\n]\n", empty="[]\n")


def render_jsonl(result: RowSet, stream: TextIO, options: Options) -> int:  # noqa: ARG001 (all renderers have one signature)
    """Write one object per line and return the number of rows; raises OSError if the stream fails."""
    format_rows = _format_objects(result, "\n")
    return write_blocks(stream, format_blocks(result, result.rows, lambda rows: f"{format_rows(rows)}\n"))


def to_json_line(value: Any) -> str:
    """Return any JSON value on one line, safe on a terminal."""
    return re.sub(UNSAFE, _escape_match, json.dumps(value, ensure_ascii=False))
