"""How a result shall look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
    null: str | None = None
    """What stands for NULL; None: the format's own way."""
    times: Literal["readable", "raw"] = "readable"
    """On a terminal, in table and line: epoch milliseconds as a date, or as the API gives them."""
    now: float | None = None
    """Seconds since the epoch, for `in 3d` and `2d ago`; None: leave that out."""
    mask: bool = False
    """Hide the values of secret columns, in table and line."""
    expanded: bool | Literal["auto"] = "auto"
    """A table as one record below the other; "auto": where a terminal is too narrow."""
