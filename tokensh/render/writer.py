"""Blocks of text onto a stream, each flushed before the next is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TextIO

from tokensh.errors import Error
from tokensh.rows import RowSet

BLOCK_ROWS = 1000
"""Rows that are written at once: the first bytes come early and memory stays flat."""

Block = tuple[str, int]
"""Text and the number of rows in it."""

Piece = tuple[str, str]
"""Text and what it is: `header`, `name`, `null`, `past`, `soon`, `hidden`, `new`, `gone`, `changed`, or nothing for ordinary text."""


def block_rows(result: RowSet) -> int:
    """How many rows may be written at once: a write's rows go out one by one."""
    return 1 if result.incremental else BLOCK_ROWS


def gather_blocks(result: RowSet, lines: Iterable[str]) -> Iterator[Block]:
    """One text per row, gathered into blocks."""
    lines = iter(lines)
    size = block_rows(result)
    while block := list(islice(lines, size)):
        yield "".join(block), len(block)


def write_blocks(
    stream: TextIO, parts: Iterable[Block], *, head: str = "", tail: str = "", empty: str | None = None
) -> int:
    """Write `head`, the blocks and `tail`, or `empty` if there are no blocks, and flush.

    `head` goes out with the first block: a statement that fails before its first row prints nothing. One that fails later
    still gets its `tail`, so that what was printed stays well-formed.

    Returns:
        The number of rows written.

    Raises:
        OSError: The stream could not be written to.
        Error: What reading the rows raised.
    """
    count = 0
    try:
        for text, rows in parts:
            if not count:
                stream.write(head)
            stream.write(text)
            stream.flush()
            count += rows
    except Error:
        if count:
            with suppress(OSError, ValueError):  # what reading raised weighs more: it may name a token nobody holds
                stream.write(tail)
                stream.flush()
        raise
    stream.write(tail if count else head + tail if empty is None else empty)
    stream.flush()
    return count
