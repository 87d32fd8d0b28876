"""How clients reach the server: standard input and output, or HTTP on loopback with a bearer of its own."""

from __future__ import annotations

import hmac
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from tokensh.engine.destinations import write_secret
from tokensh.environment import Environment, is_exposed, make_private_folder
from tokensh.errors import InterfaceError
from tokensh.redact import Redactor

LOOPBACK = "127.0.0.1"
_PATH = "/mcp"
_BEARER_FILE = "mcp.bearer"

Application = Callable[[Any, Any, Any], Awaitable[None]]


def silence_libraries() -> None:
    """Keep the libraries' own logs, which may quote messages, off the error stream."""
    for name in ("mcp", "uvicorn", "starlette", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False


def serve_stdio(server: Server[Any]) -> None:
    """Serve one client on standard input and output, until it closes them."""

    async def run() -> None:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    anyio.run(run)


def serve_http(server: Server[Any], port: int, environment: Environment, redactor: Redactor) -> None:
    """Serve on loopback until interrupted; `port` 0 takes a free one. Raises InterfaceError if the port cannot be had."""
    import uvicorn  # noqa: PLC0415 (stdio does without)

    bearer, file = read_bearer(environment)
    redactor.learn(bearer)
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except OSError as failure:
        listening.close()
        raise InterfaceError(f"cannot listen on {LOOPBACK}:{port}: {failure.strerror}") from None
    port = listening.getsockname()[1]
    application = require_bearer(build_application(server, port), bearer)
    environment.stderr.write(f"MCP at http://{LOOPBACK}:{port}{_PATH}; its bearer is in {file}\n")
    environment.stderr.flush()
    config = uvicorn.Config(application, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    try:
        anyio.run(lambda: uvicorn.Server(config).serve(sockets=[listening]))
    except KeyboardInterrupt:
        pass  # uvicorn raises it again once it has shut down
    finally:
        listening.close()


def build_application(server: Server[Any], port: int) -> Application:
    """Return the ASGI application: only requests to loopback names, and only from pages that they serve."""
    names = [f"{name}:{port}" for name in (LOOPBACK, "localhost")]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
    )
    application: Application = server.streamable_http_app(streamable_http_path=_PATH, transport_security=security)
    return application


def require_bearer(application: Application, bearer: str) -> Application:
    """Return an application that answers 401 to requests without the bearer."""
    expected = f"Bearer {bearer}".encode()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, expected):
                headers = [(b"www-authenticate", b'Bearer realm="tokensh"'), (b"content-length", b"0")]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
                return
        await application(scope, receive, send)

    return guarded


def read_bearer(environment: Environment) -> tuple[str, Path]:
    """Return the bearer and its file, which is made if it is missing. Raises InterfaceError."""
    file = environment.state_folder / _BEARER_FILE
    try:
        make_private_folder(file.parent)
        if not file.exists():
            write_secret(file, secrets.token_urlsafe(32))
        if is_exposed(file):
            raise InterfaceError(f"others can read {file}", hint="delete it: a new bearer is made then")
        bearer = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as failure:
        raise InterfaceError(f"cannot use {file}: {failure}") from None
    if len(bearer) < 16:
        raise InterfaceError(f"the bearer in {file} is too short", hint="delete it: a new one is made then")
    return bearer, file
