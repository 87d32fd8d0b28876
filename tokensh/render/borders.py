"""The lines of tables: which characters they are drawn with, and how much of the frame is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tokensh._dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineStyle:
    """The characters of a table's lines.

    Attributes:
        top: the line above the header: left end, filling, crossing, right end; empty: no line.
        middle: the line below the header.
        bottom: the line below the rows.
        vertical: between the cells; a blank: no line.
        wrapped: in its place in the further lines of a row, so that no value can imitate a row.
        dash: of the lines between records.
    """

    top: str
    middle: str
    bottom: str
    vertical: str
    wrapped: str
    dash: str


LINE_STYLES = {
    "ascii": LineStyle("|-||", "|-||", "|-||", "|", ":", "-"),
    "rounded": LineStyle("╭─┬╮", "├─┼┤", "╰─┴╯", "│", "┊", "─"),
    "square": LineStyle("┌─┬┐", "├─┼┤", "└─┴┘", "│", "┊", "─"),
    "markdown": LineStyle("", "|-||", "", "|", ":", "-"),
    "none": LineStyle("", "─", "", " ", "┊", "─"),
}
FULL = 2
"""psql's number for a whole frame; 1 are lines inside only, 0 none."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around and between the cells of a table, as text that may be styled already.

    Attributes:
        lines: left end, between two cells, and right end of a row.
        wrapped: the same for its further lines.
        top, middle, bottom: the horizontal lines; empty: none.
    """

    lines: tuple[str, str, str]
    wrapped: tuple[str, str, str]
    top: str
    middle: str
    bottom: str


def make_frame(style: LineStyle, widths: Sequence[int], border: int, paint: Callable[[str], str]) -> Frame:
    """Return the frame of a table.

    Args:
        style: the characters.
        widths: of the columns, in terminal cells.
        border: psql's number, 0 to 2.
        paint: styles a text of the frame.
    """
    vertical, wrapped = style.vertical, style.wrapped
    if border == 0:
        vertical = " "
    has_edges = border == FULL and vertical != " "
    return Frame(
        _row_lines(vertical, has_edges, paint),
        _row_lines(wrapped if vertical != " " else " ", has_edges, paint),
        _rule(style.top, widths, has_edges, paint) if has_edges else "",
        _rule(style.middle if vertical != " " else style.middle and f" {style.dash}  ", widths, has_edges, paint),
        _rule(style.bottom, widths, has_edges, paint) if has_edges else "",
    )


def _row_lines(vertical: str, has_edges: bool, paint: Callable[[str], str]) -> tuple[str, str, str]:
    if vertical == " ":
        return "", "  ", ""
    line = paint(vertical)
    return (f"{line} ", f" {line} ", f" {line}") if has_edges else (" ", f" {line} ", "")


def _rule(pieces: str, widths: Sequence[int], has_edges: bool, paint: Callable[[str], str]) -> str:
    if not pieces:
        return ""
    left, fill, crossing, right = tuple(pieces)
    if crossing == " ":
        return paint("  ".join(fill * width for width in widths)) + "\n"
    inside = crossing.join(fill * (width + 2) for width in widths)
    return paint(f"{left}{inside}{right}" if has_edges else inside) + "\n"
