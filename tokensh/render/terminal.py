"""Style a table's pieces for a terminal with rich. No other module imports rich.

rich turns style names into escape sequences; tables are laid out by our own layout module (its comment says why).
"""

# Pieces are passed as segments, which rich prints as they are: their text is escaped already, and rich must not interpret any
# of it as markup, wrap or crop it. rich takes about 45 ms to import, so only a table on a colour terminal loads this module.

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import islice

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from tokensh.environment import DEFAULT_HEIGHT, DEFAULT_WIDTH
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
    """A rich renderable of records whose lines are laid out already."""

    def __init__(self, records: list[list[Piece]]) -> None:
        self._records = records

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for record in self._records:
            for text, kind in record:
                # The style ends before the line does: otherwise it would colour the prompt if the rest is not written.
                yield Segment(text.removesuffix("\n"), _STYLES[kind])
                if text.endswith("\n"):
                    yield Segment.line()


def paint(records: Iterable[list[Piece]], size: int) -> Iterator[Block]:
    """Yield the records as styled text, `size` of them at a time."""
    # The console only produces text: its own writing would end the program on a closed pipe.
    # Its size and environment are given, too: rich reads COLUMNS and LINES itself, and prints nothing if one of them is 0.
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="standard",
        no_color=False,
        legacy_windows=False,
        width=DEFAULT_WIDTH,
        height=DEFAULT_HEIGHT,
        _environ={},
    )
    records = iter(records)
    while block := list(islice(records, size)):
        with console.capture() as capture:
            console.print(_StyledLines(block), end="", crop=False, no_wrap=True, overflow="ignore", highlight=False)
        yield capture.get(), len(block)
