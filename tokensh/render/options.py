"""How a result shall look."""

from __future__ import annotations

import os
from typing import Any, Literal, TextIO

from tokensh._dataclasses import dataclass, replace
from tokensh.environment import DEFAULT_WIDTH, Environment, is_terminal


@dataclass(frozen=True, slots=True)
class Options:
    """What a person or a command line may choose; each format heeds what concerns it."""

    header: bool = True
    """Column names first (table, csv, tsv, text, markdown)."""
    terminal: bool = False
    """The stream is a terminal: fit the table to `width`, show readable times, let no control character through."""
    colour: bool = False
    """Style a table on a terminal."""
    width: int | None = None
    """The terminal's columns; None: do not fit."""
    delimiter: str | None = None
    """Between the cells of csv and text; None: a comma."""
    csv_safe: bool = False
    """In csv and tsv, an apostrophe before texts that a spreadsheet would take for a formula."""
    null: str | None = None
    """What stands for NULL; None: the format's own way."""
    times: Literal["readable", "raw"] = "readable"
    """On a terminal, in table and line: epoch milliseconds as a date, or as the API gives them."""
    now: float | None = None
    """Seconds since the epoch, for `in 3d` and `2d ago`; None: leave that out."""
    mask: bool = False
    """Hide the values of secret columns, in what people read: table, line, text and markdown."""
    shows_changes: bool = False
    """A table's first column tells what became of each row: + new, - gone, ~ changed; the row is styled so."""
    expanded: bool | Literal["auto"] = "auto"
    """A table as one record below the other; "auto": where a terminal is too narrow."""

    @classmethod
    def for_stream(cls, environment: Environment, stream: TextIO | None, colour: str = "auto") -> Options:
        """What suits a stream: a terminal gets its width, readable times and, if `colour` allows, styles.

        Args:
            environment: its NO_COLOR, FORCE_COLOR, TERM and COLUMNS count.
            stream: what will be written to.
            colour: "auto", "always" (also where the stream is no terminal) or "never".
        """
        if stream is None or not is_terminal(stream):
            if colour != "always":
                return cls()
            return cls(terminal=True, colour=True, times="raw", expanded=False)
        return cls(
            terminal=True,
            colour=colour == "always" or (colour == "auto" and _wants_colour(environment)),
            width=_terminal_width(environment, stream),
            now=environment.now(),
        )

    def replace(self, **changes: Any) -> Options:
        """The same with some choices changed."""
        return replace(self, **changes)


def _wants_colour(environment: Environment) -> bool:
    if environment.get("NO_COLOR"):
        return False
    return bool(environment.get("FORCE_COLOR")) or environment.get("TERM") != "dumb"


def _terminal_width(environment: Environment, stream: TextIO) -> int:
    columns = environment.get("COLUMNS")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH
