"""The server: it listens on loopback, counts clients, and slows down those that guess passwords."""

from __future__ import annotations

import asyncio
import itertools
import signal
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from tokensh._dataclasses import dataclass
from tokensh.errors import InterfaceError
from tokensh.integrations.pgwire import wire
from tokensh.integrations.pgwire.client import Client
from tokensh.integrations.pgwire.scram import Verifier
from tokensh.text import escape_unsafe

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection

LOOPBACK = "127.0.0.1"
MOST_CLIENTS = 250
LOGIN_TIMEOUT = 30.0
"""Seconds for a login, the wait after a wrong password included."""
PENALTY = 1.0
"""Seconds between two wrong passwords, of all clients together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What clients need, and what they may do.

    Attributes:
        password: what they log in with.
        writes: whether they may change anything.
        tls: encrypts the connections of those that ask for it.
        penalty: seconds that a wrong password takes.
    """

    password: str
    writes: bool = False
    tls: ssl.SSLContext | None = None
    penalty: float = PENALTY


class Server:
    """Serves clients, each with a session of its own.

    Args:
        connect: opens a session; called on the session's thread.
        policy: what clients need and may do.
        note: gets a line about a failed login.
        audit: gets facts about each statement.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        policy: Policy,
        note: Callable[[str], None],
        audit: Callable[..., None] | None = None,
    ) -> None:
        self._connect = connect
        self.verifier = Verifier(policy.password)
        self.writes = policy.writes
        self.tls = policy.tls
        self._note = note
        self._audit = audit
        self._clients: dict[int, Client] = {}
        self._numbers = itertools.count(1)
        self._penalty = policy.penalty
        self._failures = asyncio.Lock()
        self.port = 0

    def audit(self, **facts: object) -> None:
        """Note what a client does."""
        if self._audit is not None:
            self._audit(**facts)

    def connect(self) -> Connection:
        """Open a session of a client's own."""
        return self._connect()

    async def refuse_password(self, user: str) -> None:
        """Note a failed login; failures wait for each other, so that guessing is slow over many connections too."""
        self._note(f"a login as {escape_unsafe(user)!r} failed")
        async with self._failures:
            await asyncio.sleep(self._penalty)

    def cancel(self, process_id: int, key: bytes) -> None:
        """Cancel the statement of the client with a key."""
        client = self._clients.get(process_id)
        if client is not None:
            client.cancel(key)

    async def listen(self, port: int) -> asyncio.Server:
        """Begin to listen; `port` 0 takes a free one. Raises InterfaceError."""
        try:
            listening = await asyncio.start_server(self._serve_client, LOOPBACK, port, limit=wire.BUFFER)
        except OSError as failure:
            raise InterfaceError(f"cannot listen on {LOOPBACK}:{port}: {failure.strerror}") from None
        self.port = listening.sockets[0].getsockname()[1]
        return listening

    async def run(self, port: int, on_start: Callable[[int], None]) -> None:
        """Serve until the process is told to stop. Raises InterfaceError."""
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        listening = await self.listen(port)
        on_start(self.port)
        await stopped.wait()
        listening.close()

    async def _serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire.limit_buffer(writer)
        if len(self._clients) >= MOST_CLIENTS:
            with suppress(ConnectionError):
                await wire.send(writer, wire.make_error("53300", "too many clients already", fatal=True))
            writer.close()
            return
        number = next(self._numbers)
        client = self._clients[number] = Client(reader, writer, self, number)
        try:
            # A client may leave at any moment.
            with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                await client.serve(LOGIN_TIMEOUT)
        finally:
            del self._clients[number]
