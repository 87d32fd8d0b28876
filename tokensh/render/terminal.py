"""Style a table's pieces for a terminal with rich. No other module imports rich.

rich turns style names into escape sequences; tables are laid out by our own layout module (its comment says why).
"""

# Pieces are passed as segments, which rich prints as they are: their text is escaped already, and rich must not interpret any
# of it as markup, wrap or crop it. rich takes about 45 ms to import, so only a table on a colour terminal loads this module.

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from rich.color import ColorSystem
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from tokensh.environment import DEFAULT_HEIGHT, DEFAULT_WIDTH
from tokensh.render.themes import Styles
from tokensh.render.writer import Block, Piece

_FIRST_ROWS = 100
"""Rows of the first block: a screen has no more, and they should be there at once."""
_SYSTEMS = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR}


def compile_styles(styles: Styles) -> dict[str, Style | None]:
    """Return the styles as rich's, by name; None for ordinary text, which has the empty name."""
    return {"": None, **{name: Style.parse(style) if style else None for name, style in styles.items()}}


def paint_text(text: str, style: str, depth: str) -> str:
    """Return a text with its style as escape sequences."""
    return Style.parse(style).render(text, color_system=_SYSTEMS[depth]) if style and text else text


def create_text_console(depth: str, width: int, height: int) -> Console:
    """Return a console of rich's that makes text and writes nothing: its own writing would end the program on a closed pipe.

    Its size and environment are given: rich reads COLUMNS and LINES itself, and prints nothing if one of them is 0.

    Args:
        depth: the colours of the terminal, as `themes.colour_depth` has them.
        width: columns.
        height: lines.
    """
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system=depth,  # type: ignore[arg-type]  # one of the names of _SYSTEMS
        no_color=False,
        legacy_windows=False,
        width=width,
        height=height,
        _environ={},
    )


class _StyledLines:
    """A rich renderable of records whose lines are laid out already."""

    def __init__(self, records: list[list[Piece]], styles: Mapping[str, Style | None]) -> None:
        self._records = records
        self._styles = styles

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        styles = self._styles
        for record in self._records:
            for text, kind in record:
                # The style ends before the line does: otherwise it would colour the prompt if the rest is not written.
                yield Segment(text.removesuffix("\n"), styles[kind])
                if text.endswith("\n"):
                    yield Segment.line()


def paint(records: Iterable[list[Piece]], size: int, styles: Styles, depth: str) -> Iterator[Block]:
    """Yield the records as styled text, `size` of them at a time.

    Args:
        records: each a list of pieces.
        size: the records of a block.
        styles: how each kind of piece looks.
        depth: the colours of the terminal, as `themes.colour_depth` has them.
    """
    console = create_text_console(depth, DEFAULT_WIDTH, DEFAULT_HEIGHT)
    compiled = compile_styles(styles)
    records = iter(records)
    count = min(size, _FIRST_ROWS)
    while block := list(islice(records, count)):
        count = size
        with console.capture() as capture:
            console.print(
                _StyledLines(block, compiled), end="", crop=False, no_wrap=True, overflow="ignore", highlight=False
            )
        yield capture.get(), len(block)
