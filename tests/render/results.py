"""Results, hostile texts and streams for the tests of rendering."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from tokensh.errors import OperationalError
from tokensh.render.formats import render
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet

HOSTILE = [
    "\x1b[31mred",
    "\x1b[2J\x1b[H",
    "\x1b]52;c;aGVsbG8=\x07",
    "\x1b]8;;http://evil\x1b\\link",
    "\x90q\x9c",
    "\x9b31m",
    "\x9d0;title\x9c",
    "a\x07b",
    "ab\x08\x08",
    "real\rfake",
    "two\nlines",
    "two\r\nlines",
    "a\tb",
    "nul\x00",
    "del\x7f",
    "\u202egnp.exe",
    "\u2067x\u2069",
    "zero\u200bwidth",
    "日本語",
    "e\u0301",
    "sep\u2028x",
    "nel\x85x",
    "\ud800",
    "[/nope]",
    "[link=http://evil]x[/link]",
    "{} %s %(x)s {0}",
    '"quoted", and a comma',
    "pipe | pipe",
    "back\\slash \\n",
    "=cmd|' /C calc'!A0",
    "",
    "null",
    "NULL",
    "\U0001f468",
]


def result_of(columns: Iterable[Column | str], rows: Iterable[Row], *, incremental: bool = False) -> RowSet:
    """Return a result; a column that is only a name has type string."""
    typed = tuple(Column(column, "string") if isinstance(column, str) else column for column in columns)
    return RowSet(typed, iter(rows), incremental)


def render_text(name: str, result: RowSet, **options: Any) -> str:
    """Return the text of a result in a format."""
    stream = io.StringIO()
    render(name, result, stream, Options(**options))
    return stream.getvalue()


def fail_after(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows, then raise an error."""
    yield from rows
    raise OperationalError("the second request failed")


class FlushRecorder(io.StringIO):
    """A stream that records the text that was flushed."""

    flushed = ""

    def flush(self) -> None:
        self.flushed = self.getvalue()


class FullDisk(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def read_csv(text: str, *, delimiter: str = ",") -> list[list[str]]:
    """Return the records that the standard library reads; before Python 3.11 its reader refuses NUL."""
    stand_in = "\ue123"
    assert stand_in not in text
    rows = csv.reader(io.StringIO(text.replace("\0", stand_in), newline=""), delimiter=delimiter, strict=True)
    return [[cell.replace(stand_in, "\0") for cell in row] for row in rows]
