"""Lists of names and texts, laid out for the width of the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from tokensh.text import escape_unsafe

Entry = tuple[str, ...]
"""Columns that keep their width, and last a text that is wrapped."""
# Cells: a narrower column of text takes more lines than a text below its name.
_NARROWEST = 20


def format_entries(entries: Sequence[Entry], width: int) -> Iterator[str]:
    """Yield the lines of a list, each at most `width` cells wide where words allow it.

    A name that would leave the texts of all others little room has its own text below it.
    """
    columns = list(zip(*(entry[:-1] for entry in entries), strict=True))
    longest = max(width // 3, _NARROWEST) if len(columns) == 1 else width
    sizes = [max((len(name) for name in column if len(name) <= longest), default=0) for column in columns]
    indent = sum(sizes) + 2 * len(sizes) + 2
    beside = width - indent >= _NARROWEST
    for *names, text in entries:
        head = "".join(f"  {name:<{size}}" for name, size in zip(names, sizes, strict=True))
        first, *more = [*wrap_words(text, width - indent if beside else width - 4)] or [""]
        if beside and len(head) > indent - 2:
            yield head
            head = " " * (indent - 2)
        yield (f"{head}  {first}" if beside else head).rstrip()
        yield from (" " * (indent if beside else 4) + line for line in (more if beside else (first, *more)) if line)


def wrap_words(text: str, width: int) -> list[str]:
    """Return a text as lines of at most `width` cells where words allow it."""
    return textwrap.wrap(escape_unsafe(" ".join(text.split())), max(width, _NARROWEST), break_on_hyphens=False)
