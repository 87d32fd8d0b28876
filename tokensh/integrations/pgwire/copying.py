r"""COPY (query) TO STDOUT, which psql's `\copy ... to` sends: the text format and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from tokensh._dataclasses import dataclass
from tokensh.errors import NotSupportedError
from tokensh.integrations.pgwire.values import encode
from tokensh.rows import Row

_COPY = re.compile(
    r"(?is)COPY\s+(?P<source>\(.*\)|[\w.\"]+(?:\s*\([^()]*\))?)\s+TO\s+STDOUT\s*(?:WITH\b)?\s*(?P<options>.*)"
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v"})


@dataclass(frozen=True, slots=True)
class Copy:
    """A COPY: the query that it copies, and how."""

    query: str
    is_csv: bool
    header: bool


def parse_copy(text: str) -> Copy | None:
    """Return what a COPY ... TO STDOUT asks for; None for another statement. Raises NotSupportedError."""
    match = _COPY.fullmatch(text)
    if match is None:
        if re.match(r"(?i)COPY\b", text):
            raise NotSupportedError("only COPY ... TO STDOUT is offered")
        return None
    options = match["options"].upper()
    if re.search(r"\b(?:BINARY|DELIMITER|NULL|QUOTE|ESCAPE|FORCE_\w+|ENCODING)\b", options):
        raise NotSupportedError("COPY takes the options FORMAT csv or text, and HEADER")
    source = match["source"]
    if source.startswith("("):
        query = source[1:-1]
    else:
        name, _, columns = source.partition("(")
        query = f"SELECT {columns.rstrip(')') or '*'} FROM {name}"  # noqa: S608 (the client's own statement)
    return Copy(query, "CSV" in options, bool(re.search(r"\bHEADER\b(?!\s+(?:FALSE|OFF|0))", options)))


def format_rows(copy: Copy, columns: Sequence[tuple[str, int]], rows: Sequence[Row]) -> list[bytes]:
    """Return a line for each row. Raises DataError."""
    cells = [
        [encode(cell, number, binary=False) for cell, (_, number) in zip(row, columns, strict=True)] for row in rows
    ]
    return [_format_line(copy, [None if cell is None else cell.decode() for cell in line]) for line in cells]


def format_header(copy: Copy, columns: Sequence[tuple[str, int]]) -> list[bytes]:
    """Return the line of the columns' names, if it is wanted."""
    return [_format_line(copy, [name for name, _ in columns])] if copy.header else []


def _format_line(copy: Copy, cells: Sequence[str | None]) -> bytes:
    if not copy.is_csv:
        return ("\t".join("\\N" if cell is None else cell.translate(_ESCAPES) for cell in cells) + "\n").encode()
    line = io.StringIO()
    # NULL is nothing and an empty text "", as in PostgreSQL.
    csv.writer(line, lineterminator="\n").writerow(["\0" if cell == "" else cell for cell in cells])
    return line.getvalue().replace("\0", '""').encode()
