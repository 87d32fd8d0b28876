"""What a command is, and what several of them need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tokensh.errors import InterfaceError
from tokensh.records import dataclass

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
