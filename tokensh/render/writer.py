"""Write blocks of text to a stream, each flushed before the next is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TextIO, TypeVar

from tokensh.errors import Error
from tokensh.rows import RowSet

T = TypeVar("T")

BLOCK_ROWS = 1000
"""The number of rows that are written at once: the first bytes come early and memory stays flat."""

# Rows are counted beside the text, because a row may take several lines (a record, a wrapped cell).
Block = tuple[str, int]
"""Text and the number of rows in it."""

Piece = tuple[str, str]
"""Text and its style (a name in `themes.NAMES`, such as `header` or `null`); the style of ordinary text is empty."""


def block_rows(result: RowSet) -> int:
    """Return the number of rows that may be written at once: 1 for the rows of a write."""
    return 1 if result.incremental else BLOCK_ROWS


def gather_blocks(result: RowSet, lines: Iterable[str]) -> Iterator[Block]:
    """Return blocks of lines, of which there is one per row."""
    return format_blocks(result, lines, "".join)


def format_blocks(result: RowSet, rows: Iterable[T], format_rows: Callable[[Sequence[T]], str]) -> Iterator[Block]:
    """Yield blocks of a result's rows, which `format_rows` turns into text."""
    rows = iter(rows)
    size = block_rows(result)
    while block := list(islice(rows, size)):
        yield format_rows(block), len(block)


def write_blocks(
    stream: TextIO, blocks: Iterable[Block], *, head: str = "", tail: str = "", empty: str | None = None
) -> int:
    """Write `head`, the blocks and `tail`, or `empty` if there is not a single block, and flush.

    `head` goes out with the first block: a statement that fails before its first row prints nothing. One that fails later
    still gets its `tail`, so that what was printed stays well-formed.

    Returns:
        The number of rows written.

    Raises:
        OSError: The stream could not be written to.
        Error: Reading the rows failed.
    """
    # Nothing is written before the first block arrives, so that a failing first request leaves the output empty. Each block
    # is flushed: the next one may be a minute away, and a reader in a pipe must see what is there.
    count = 0
    try:
        for text, rows in blocks:
            if not count:
                stream.write(head)
            stream.write(text)
            stream.flush()
            count += rows
    except Error:
        if count:
            with suppress(OSError, ValueError):  # the first error is more important: it may name a new token
                stream.write(tail)
                stream.flush()
        raise
    stream.write(tail if count else head + tail if empty is None else empty)
    stream.flush()
    return count
