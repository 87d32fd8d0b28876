"""Options of how a result looks."""

from __future__ import annotations

import os
from typing import Any, Literal, TextIO

from tokensh._dataclasses import dataclass, field, replace
from tokensh.environment import DEFAULT_WIDTH, Environment, is_terminal
from tokensh.render.borders import FULL
from tokensh.render.themes import THEMES, Styles, choose_theme, colour_depth
from tokensh.text import read_count

_WIDEST = 10_000
"""Columns of a terminal that a table is fitted to at most."""


@dataclass(frozen=True, slots=True)
class Options:
    """The choices of a user or of the command line; each format uses those that concern it."""

    header: bool = True
    """Column names first (table, csv, tsv, text, markdown)."""
    terminal: bool = False
    """The stream is a terminal: fit the table to `width`, show readable times, let no control character through."""
    colour: bool = False
    """Style a table on a terminal."""
    width: int | None = None
    """The terminal's columns; None: do not fit."""
    delimiter: str | None = None
    """The text between the cells of csv and text; None: a comma."""
    csv_safe: bool = False
    """In csv and tsv, put an apostrophe before texts that a spreadsheet would evaluate."""
    null: str | None = None
    """The text for NULL; None: the format's own."""
    times: Literal["readable", "raw"] = "readable"
    """On a terminal, in table and line: epoch milliseconds as a date, or as the API gives them."""
    now: float | None = None
    """Seconds since the epoch, for `in 3d` and `2d ago`; None: leave these out."""
    mask: bool = False
    """Mask the values of secret columns, in formats that mask secrets (`Format.masks_secrets`)."""
    shows_changes: bool = False
    """The first column of a table marks each row as new (+), gone (-) or changed (~), and rows are styled by it."""
    expanded: bool | Literal["auto"] = "auto"
    """Show rows as records; "auto": if a terminal is too narrow for the table."""

    linestyle: str = "ascii"
    """The characters of a table's lines, a name in `borders.LINE_STYLES`."""
    border: int = FULL
    """How much of a table's frame is there, as psql counts: 2 all of it, 1 only what is inside, 0 nothing."""
    theme: str = "terminal"
    """The styles of a coloured table, a name in `themes.THEMES`."""
    colours: Styles = field(default_factory=dict)
    """Styles of the user's own, which take precedence over the theme's."""
    title: str = ""
    """The heading of a web page, and a line below it."""
    depth: str = "standard"
    """How many colours the terminal has, as `themes.colour_depth` says."""

    @property
    def styles(self) -> Styles:
        """The styles of the theme with the user's own."""
        return {**THEMES[self.theme], **self.colours}

    @classmethod
    def for_stream(cls, environment: Environment, stream: TextIO | None, colour: str = "auto") -> Options:
        """Return options for a stream: for a terminal its width, readable times and, if `colour` allows, styles.

        Args:
            environment: the variables NO_COLOR, FORCE_COLOR, TERM and COLUMNS are honoured.
            stream: the stream that the result is written to.
            colour: "auto", "always" (even if the stream is not a terminal) or "never".
        """
        if stream is None or not is_terminal(stream):
            if colour != "always":
                return cls()
            # `--color always | less -R`: styled, but complete, since the width of what shows it is not known.
            return cls(terminal=True, colour=True, times="raw", expanded=False, depth=colour_depth(environment))
        return cls(
            terminal=True,
            colour=colour == "always" or (colour == "auto" and _wants_colour(environment)),
            width=_terminal_width(environment, stream),
            now=environment.now(),
            linestyle=choose_linestyle("auto", environment),
            theme=choose_theme("auto", environment),
            depth=colour_depth(environment),
        )

    def replace(self, **changes: Any) -> Options:
        """Return a copy with some options changed."""
        return replace(self, **changes)


def choose_linestyle(name: str, environment: Environment) -> str:
    """Return a line style's name; for `auto` the finest that the terminal can draw."""
    if name != "auto":
        return name
    # The text console of Linux has no round corners in its font; a terminal that calls itself dumb may have no lines at all.
    return {"dumb": "ascii", "": "ascii", "linux": "square"}.get(environment.get("TERM"), "rounded")


# As in most tools: NO_COLOR (no-color.org) wins over FORCE_COLOR, and that over TERM=dumb; an empty variable counts as unset.
def _wants_colour(environment: Environment) -> bool:
    if environment.get("NO_COLOR"):
        return False
    return bool(environment.get("FORCE_COLOR")) or environment.get("TERM") != "dumb"


def _terminal_width(environment: Environment, stream: TextIO) -> int:
    # COLUMNS first, as in ls and git: users and tests set it to override the terminal.
    columns = read_count(environment.get("COLUMNS"))
    if columns:
        return min(columns, _WIDEST)
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH
