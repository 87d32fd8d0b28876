"""The only module that loads rich: styles a table's pieces for a terminal.

rich prints our own lines, segment by segment; its Table would lay every cell out anew, some three hundred times slower.
The text is inert already: rich escapes nothing in segments, and must not parse any of it as markup.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import islice

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from tokensh.render.writer import Block, Piece

_STYLES = {
    "": None,
    "header": Style(bold=True),
    "name": Style(bold=True),
    "null": Style(dim=True),
    "hidden": Style(dim=True),
    "past": Style(color="red"),
    "soon": Style(color="yellow"),
    "new": Style(color="green"),
    "gone": Style(color="red"),
    "changed": Style(color="yellow"),
}


class _StyledLines:
    """A renderable of pieces that are laid out already."""

    def __init__(self, records: list[list[Piece]]) -> None:
        self._records = records

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for record in self._records:
            for text, kind in record:
                # A style that is still on at the line's end would colour the next prompt if the rest got lost.
                yield Segment(text.removesuffix("\n"), _STYLES[kind])
                if text.endswith("\n"):
                    yield Segment.line()


def paint(records: Iterable[list[Piece]], size: int) -> Iterator[Block]:
    """The records as styled text, `size` of them at a time."""
    # The console's own writing would end the program on a closed pipe: it only makes the text.
    console = Console(
        file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False, legacy_windows=False
    )
    records = iter(records)
    while part := list(islice(records, size)):
        with console.capture() as capture:
            console.print(_StyledLines(part), end="", crop=False, no_wrap=True, overflow="ignore", highlight=False)
        yield capture.get(), len(part)
