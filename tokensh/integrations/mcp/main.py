"""`tokensh mcp`: open a session and serve it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh._dataclasses import dataclass
from tokensh.api.log import Log
from tokensh.engine.destinations import Destination
from tokensh.environment import Environment
from tokensh.integrations.mcp.server import build_server
from tokensh.integrations.mcp.session import Mode, Session
from tokensh.integrations.mcp.transports import serve_http, serve_stdio, silence_libraries

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve.

    Attributes:
        mode: what tools may change.
        destination: takes the values of new tokens; without it, they wait for `tokensh reveal`.
        verifies: whether a request is signed with each new token.
        http_port: the port on loopback; None means standard input and output.
        log: a file that gets a line for each call of a tool.
    """

    mode: Mode = "read_only"
    destination: Destination | None = None
    verifies: bool = False
    http_port: int | None = None
    log: str | None = None


def serve(connect: Callable[[], Connection], environment: Environment, settings: Settings) -> None:
    """Serve assistants until the client leaves (standard input and output) or Ctrl-C (HTTP). Raises Error.

    `connect` opens the connection; it is called on the session's thread.
    """
    silence_libraries()
    session = Session(connect, settings.mode, settings.destination, verifies=settings.verifies)
    try:
        redactor = session.connection.redactor
        audit = Log(Path(settings.log), redactor.clean, environment.now) if settings.log else None
        server = build_server(session, audit)
        if settings.http_port is None:
            serve_stdio(server)
        else:
            serve_http(server, settings.http_port, environment, redactor)
    finally:
        session.close()
