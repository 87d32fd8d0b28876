"""The parts that an engine works with."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Protocol

from tokensh._dataclasses import dataclass
from tokensh.api.hosts import Hosts
from tokensh.api.limits import PAGES, WRITE_CONNECTIONS
from tokensh.engine.held_values import HeldValues
from tokensh.engine.objects import SessionObjects
from tokensh.environment import Cancellation, Environment
from tokensh.redact import Redactor

if TYPE_CHECKING:
    from tokensh.api.client import Client
    from tokensh.api.journal import Journal

COMPLETE_READS = "nothing was changed: a change needs complete reads, also with --partial"
"""The hint where a statement that changes or keeps something lacks rows."""


class RequestParts(Protocol):
    """The parts that a request needs. Each is made when it is first used: most statements of a session send nothing."""

    @property
    def client(self) -> Client:
        """The HTTP client."""

    @property
    def journal(self) -> Journal:
        """The journal of creates."""


@dataclass(frozen=True, slots=True)
class EngineServices:
    """What an engine works with, for as long as the session lasts.

    Attributes:
        requests: sends requests and records creates.
        forget_pending: removes tokens that were revoked from the creates whose outcome is unknown.
        held_values: returns what holds the journal's entries of new secrets that are shown later; None to clear them now.
        note_later: called with a line that belongs below the result.
        partial: whether a read makes do with the workspaces that answer.
        max_pages: the most pages of one list that are read.
        write_connections: the most revokes of one statement that are sent to a workspace at the same time.
    """

    environment: Environment
    requests: RequestParts
    hosts: Hosts
    redactor: Redactor
    cancellation: Cancellation
    objects: SessionObjects
    forget_pending: Callable[[Collection[str]], None]
    # A function, because the shell decides after the engine was made whether it keeps results instead of writing them.
    held_values: Callable[[], HeldValues | None]
    note_later: Callable[[str], None]
    partial: bool = False
    max_pages: int = PAGES
    write_connections: int = WRITE_CONNECTIONS

    @property
    def client(self) -> Client:
        """The HTTP client."""
        return self.requests.client

    @property
    def journal(self) -> Journal:
        """The journal of creates."""
        return self.requests.journal

    def now_ms(self) -> int:
        """Return the time in ms since the epoch."""
        return int(self.environment.now() * 1000)
