"""The parts that an engine works with."""

from __future__ import annotations

from collections.abc import Callable

from tokensh._dataclasses import dataclass
from tokensh.api.client import Client
from tokensh.api.hosts import Hosts
from tokensh.api.journal import Journal
from tokensh.api.limits import PAGES
from tokensh.engine.held_values import HeldValues
from tokensh.engine.objects import SessionObjects
from tokensh.engine.unknown_creates import UnknownCreates
from tokensh.environment import Cancellation, Environment
from tokensh.redact import Redactor


@dataclass(frozen=True, slots=True)
class EngineServices:
    """What an engine works with, for as long as the session lasts.

    Attributes:
        held_values: returns what holds the journal's entries of new secrets that are shown later; None to clear them now.
        note_later: called with a line that belongs below the result.
        partial: whether a read makes do with the workspaces that answer.
        max_pages: the most pages of one list that are read.
    """

    environment: Environment
    client: Client
    hosts: Hosts
    redactor: Redactor
    cancellation: Cancellation
    objects: SessionObjects
    journal: Journal
    unknown_creates: UnknownCreates
    # A function, because the shell decides after the engine was made whether it keeps results instead of writing them.
    held_values: Callable[[], HeldValues | None]
    note_later: Callable[[str], None]
    partial: bool = False
    max_pages: int = PAGES

    def now_ms(self) -> int:
        """Return the time in ms since the epoch."""
        return int(self.environment.now() * 1000)
