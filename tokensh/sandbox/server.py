"""Serve the sandbox over HTTP: one thread per connection, one write per reply."""

# http.server and a thread per connection: no dependency, and blocking a thread is the simplest way to hold a reply back.
# `_send_reply` writes the bytes itself instead of calling http.server's send_response and send_header: faults need control
# over every header, over single bytes of the body, and over how the connection ends.

from __future__ import annotations

import socket
import struct
import sys
import threading
import uuid
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, cast

from tokensh.errors import InterfaceError
from tokensh.sandbox.faults import HangUp
from tokensh.sandbox.http import RefusedError, Reply, Request, malformed
from tokensh.sandbox.service import Sandbox
from tokensh.sandbox.state import Clock, Settings

BODY_LIMIT = 4 * 1024 * 1024
"""The longest request body, in bytes."""
READ_TIMEOUT = 75.0
"""Seconds that a connection may be silent, within a request or between two: longer than clients keep idle connections."""
_CHUNK_LINE = 1024
_TRAILERS = 100
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_RESET = struct.pack("ii", 1, 0)


def serve(port: int, settings: Settings, clock: Clock) -> Sandbox:
    """Listen on the loopback interface and serve in daemon threads.

    Raises:
        InterfaceError: The port is not available, or the workspace at `/` does not exist.
    """
    settings.root = settings.root.lower()
    try:
        server = Server(port)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InterfaceError(
            f"the sandbox cannot listen on 127.0.0.1:{port}: {reason}", hint="use port 0 for a free one"
        ) from None
    server.sandbox = sandbox = Sandbox(server.server_address[1], server.stop, settings, clock)
    if settings.root and not sandbox.state.has_workspace(settings.root):
        server.server_close()
        known = ", ".join(sandbox.workspaces)
        raise InterfaceError(
            f"no such workspace: {settings.root!r}", hint=f"the sandbox has {known}; --any-workspace takes every name"
        )
    threading.Thread(target=server.serve_forever, args=(0.05,), name="sandbox", daemon=True).start()
    return sandbox


class Server(ThreadingTCPServer):
    """Accept connections and serve each in a daemon thread."""

    # Daemon threads end with the process: a test that fails must not hang on a request that still waits.
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024  # clients connect to hundreds of workspaces at once
    sandbox: Sandbox

    def __init__(self, port: int) -> None:
        # `stop` cuts these: their threads sit in a read and would keep clients waiting until a timeout.
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), cast("type[BaseRequestHandler]", _Handler))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, which `stop` can cut."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that is done."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the traceback of our own mistakes, but nothing about clients that disconnect."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop accepting connections and cut the open ones."""
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            _disconnect(connection)


def _disconnect(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client has disconnected already


class _Handler(BaseHTTPRequestHandler):
    """Serve one connection, request after request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = READ_TIMEOUT
    server: Server

    def _serve_request(self) -> None:
        request_id = str(uuid.uuid4())
        try:
            self._refuse_web_pages()
            body = self._read_body()
        except RefusedError as refusal:
            # The body was not read, so the next request's beginning cannot be found on this connection.
            self.close_connection = True
            self._send_reply(refusal.to_reply(request_id), request_id)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        root = self.server.sandbox.state.settings.root
        request = Request.parse(self.command, self.path, headers, body, request_id).with_root(root)
        outcome = self.server.sandbox.handle(request, self.client_address[1])
        if isinstance(outcome, HangUp):
            self._hang_up(outcome.reset)
        else:
            self._send_reply(outcome, request_id)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve_request  # noqa: N815 (the names http.server looks for)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse what http.server cannot read, or a method that the API does not have, in the API's shape."""
        self.close_connection = True
        word = "ENDPOINT_NOT_FOUND" if code == HTTPStatus.NOT_IMPLEMENTED else "BAD_REQUEST"
        refusal = RefusedError(code, word, message or _reason_phrase(code))
        request_id = str(uuid.uuid4())
        self._send_reply(refusal.to_reply(request_id), request_id)

    def _refuse_web_pages(self) -> None:
        """Refuse what a browser sends for a web page: any page could otherwise mint tokens here and set faults.

        A page of another host names itself in Origin or Sec-Fetch-Site; after DNS rebinding, its own name is in Host.
        """
        hosts = self.headers.get_all("Host") or [self._own_names()[0]]
        origins = self.headers.get_all("Origin") or ()
        sites = self.headers.get_all("Sec-Fetch-Site") or ()
        if (
            any(
                _without_port(host) not in _LOOPBACK and not _without_port(host).endswith(".localhost")
                for host in hosts
            )
            or any(origin.removeprefix("http://") not in self._own_names() for origin in origins)
            or any(site not in ("same-origin", "none") for site in sites)
        ):
            raise RefusedError(403, "PERMISSION_DENIED", "The sandbox answers programs of this machine, not web pages.")

    def _own_names(self) -> list[str]:
        return [f"{name}:{self.server.server_address[1]}" for name in _LOOPBACK]

    def _read_body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length") or []
        codings = self.headers.get_all("Transfer-Encoding") or []
        if codings:
            # Both together are how one server is made to see another body than the next.
            if lengths or [coding.strip().lower() for coding in codings] != ["chunked"]:
                raise malformed("the body needs either a Content-Length or 'Transfer-Encoding: chunked'")
            return self._read_chunks()
        length = lengths[0] if lengths else "0"
        # Leading zeros aside, seven digits: a longer number is out of range, and int() of a very long one is slow.
        digits = length.lstrip("0") or "0"
        if len(set(lengths)) > 1 or not _is_number(length) or len(digits) > 7 or int(digits) > BODY_LIMIT:
            raise malformed("the body needs a Content-Length, of at most 4 MiB")
        return self._read_exactly(int(digits))

    def _read_exactly(self, length: int) -> bytes:
        body = self.rfile.read(length)
        if len(body) < length:
            raise malformed("the body ended too early")
        return body

    def _read_chunks(self) -> bytes:
        """Read a body in chunks (RFC 9112, 7.1), with their extensions and trailers ignored."""
        body = bytearray()
        while True:
            size = self.rfile.readline(_CHUNK_LINE).partition(b";")[0].strip()
            if not size or len(size) > 8 or not set(size) <= set(b"0123456789abcdefABCDEF"):
                raise malformed("a chunk of the body has no size")
            length = int(size, 16)
            if len(body) + length > BODY_LIMIT:
                raise malformed("the body may have at most 4 MiB")
            if not length:
                break
            body += self._read_exactly(length)
            if self.rfile.readline(3) not in (b"\r\n", b"\n"):
                raise malformed("a chunk of the body is longer than its size")
        for _ in range(_TRAILERS):
            if self.rfile.readline(_CHUNK_LINE) in (b"\r\n", b"\n", b""):
                return bytes(body)
        raise malformed("the body has too many trailers")

    def _send_reply(self, reply: Reply, request_id: str) -> None:
        names = {name.lower() for name in reply.headers}
        own = {
            "Server": "databricks",
            "Date": formatdate(self.server.sandbox.state.clock.now(), usegmt=True),
            "Vary": "Accept-Encoding",
            "Cache-Control": "no-store",
            "X-Request-Id": request_id,
        }
        if reply.status != HTTPStatus.NO_CONTENT:
            own["Content-Length"] = str(len(reply.body))
        headers = {name: value for name, value in own.items() if name.lower() not in names} | dict(reply.headers)
        if "content-length" in names or reply.cut is not None or self.close_connection:
            # If the length may be wrong, the client cannot tell where the next reply begins.
            self.close_connection = True
            headers["Connection"] = "close"
        # Answers before the answer, which every client has to skip.
        head = "".join(f"HTTP/1.1 {code} {_reason_phrase(code)}\r\nLink: </x>\r\n\r\n" for code in reply.interim)
        head += f"HTTP/1.1 {reply.status} {_reason_phrase(reply.status)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        self._write_reply(head.encode("latin-1", "replace"), reply)

    def _write_reply(self, head: bytes, reply: Reply) -> None:
        body = reply.body[: 0 if self.command == "HEAD" else reply.cut]
        if not reply.drip:
            # One write: a second would wait 40 ms (Nagle's algorithm against delayed acknowledgements).
            self.wfile.write(head + body)
            return
        self.wfile.write(head)
        for byte in body:
            self.server.sandbox.pause(reply.drip)
            self.wfile.write(bytes([byte]))

    def _hang_up(self, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # SO_LINGER with 0 s makes close() send RST instead of FIN; http.server's own shutdown would come first otherwise.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.rfile.close()
            self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Print nothing: the sandbox keeps its own log."""


def _without_port(host: str) -> str:
    name, _, port = host.lower().rpartition(":")
    return name if name and _is_number(port) else host.lower()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _reason_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
