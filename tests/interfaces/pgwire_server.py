"""A server of PostgreSQL's protocol for tests, on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

import tokensh
from tokensh.integrations.pgwire.server import Policy, Server

A = "dbc-abcd0123-a1bc"
PASSWORD = "correct horse battery"
PENALTY = 0.2


class Running:
    """A server on a thread of its own."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.notes: list[str] = []

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.server.port,
            "user": "me",
            "password": PASSWORD,
        }

    def psycopg(self, **settings: Any) -> Any:
        return psycopg.connect(**self.settings | {"dbname": "tokens", "autocommit": True} | settings)


@contextmanager
def serve(**policy: Any) -> Iterator[Running]:
    notes: list[str] = []
    started: list[Running] = []
    ready = threading.Event()

    async def run() -> None:
        server = Server(
            lambda: tokensh.connect(workspace=A, yes=policy.get("writes", False)),
            Policy(password=PASSWORD, penalty=PENALTY, **policy),
            notes.append,
        )
        started.append(Running(server))
        started[0].notes = notes
        listening = await server.listen(0)
        ready.set()
        async with listening:
            await stopped.wait()

    stopped = asyncio.Event()
    mistakes: list[object] = []
    # Its end cancels what clients have left.
    with asyncio.Runner() as runner:  # type: ignore[attr-defined]  # of Python 3.11, which pygwire needs too
        loop = runner.get_loop()
        loop.set_exception_handler(lambda _loop, context: mistakes.append(context))
        thread = threading.Thread(target=lambda: runner.run(run()))
        thread.start()
        ready.wait(10)
        try:
            yield started[0]
        finally:
            loop.call_soon_threadsafe(stopped.set)
            thread.join(10)
    assert mistakes == []
