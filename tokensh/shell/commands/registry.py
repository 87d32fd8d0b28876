"""What a command is, and what several of them need."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from tokensh._dataclasses import dataclass
from tokensh.errors import InterfaceError
from tokensh.text import escape_unsafe

if TYPE_CHECKING:
    from tokensh.shell.session import Session

WORDS: dict[object, str] = {True: "on", False: "off"}


class Leave(Exception):
    """The shell ends."""


@dataclass(frozen=True, slots=True)
class MetaCommand:
    """One command: its argument as help shows it, what it does, and the function that does it."""

    argument: str
    help: str
    run: Callable[[Session, str], None]


def switch(argument: str, *, now: bool) -> bool:
    """on, off, or the other way round. Raises InterfaceError."""
    if not argument:
        return not now
    if argument.lower() not in ("on", "off"):
        raise InterfaceError(f"{argument!r} is neither on nor off")
    return argument.lower() == "on"


Entry = tuple[str, ...]
"""Columns that keep their width, and last a text that is wrapped."""
_NARROWEST = 20


def listing(entries: Sequence[Entry], width: int) -> Iterator[str]:
    """Entries one below the other, in lines of at most `width` cells where words allow it."""
    sizes = [max(map(len, column)) for column in zip(*(entry[:-1] for entry in entries), strict=True)]
    indent = sum(sizes) + 2 * len(sizes) + 2
    for *names, text in entries:
        head = "".join(f"  {name:<{size}}" for name, size in zip(names, sizes, strict=True))
        beside = width - indent >= _NARROWEST
        first, *more = [*wrapped(text, width - indent if beside else width - 4)] or [""]
        yield (f"{head}  {first}" if beside else head).rstrip()
        yield from (" " * (indent if beside else 4) + line for line in (more if beside else (first, *more)) if line)


def wrapped(text: str, width: int) -> list[str]:
    """A text's lines."""
    return textwrap.wrap(escape_unsafe(" ".join(text.split())), max(width, _NARROWEST), break_on_hyphens=False)
