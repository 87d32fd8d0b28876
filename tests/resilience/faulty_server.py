"""Serve HTTP on loopback with every fault of a server, a proxy or a network, and log the requests that arrive.

A behaviour is a function of one `Exchange`; the server plays those of its script in turn, the last one for ever. `on` gives
a route (`list`, `create`, `delete`: the last part of a path) a script of its own. What a request does is decided by the
server's `app`, by default nothing: a behaviour that takes effect calls it, whatever it then makes of the reply.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from tests import ledger

OK = {"token_infos": [{"token_id": "a1", "comment": "fine"}]}
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it arrived; `connection` counts the connections of the server."""

    connection: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def route(self) -> str:
        return self.path.partition("?")[0].rpartition("/")[2]


@dataclass
class Exchange:
    """A request and its connection, on which a behaviour acts."""

    request: ReceivedRequest
    connection: socket.socket
    server: FaultyServer
    over: bool = False

    def write(self, data: bytes) -> None:
        self.connection.sendall(data)

    def take_effect(self) -> bytes:
        """Do what the request asks for, and return the body of the proper reply."""
        return self.server.take_effect(self.request)

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Answer properly, and keep the connection."""
        self.server.answers[id(self.request)] = (status, body, headers)
        ledger.add_answer(
            self.request.headers, self.server, self.request.method, self.request.path, (status, body, headers)
        )
        self.write(format_head(status, {"Content-Length": str(len(body)), **headers}) + body)

    def hang_up(self) -> None:
        """Close the connection in an orderly way."""
        self.over = True

    def reset(self) -> None:
        """Close the connection with RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.over = True


Behaviour = Callable[[Exchange], None]
App = Callable[[ReceivedRequest], bytes]
"""A function that does what a request asks for and returns the body of the proper reply."""


def _answer_listing(_: ReceivedRequest) -> bytes:
    return json.dumps(OK).encode()


def format_head(status: int, headers: dict[str, str]) -> bytes:
    """Return the status line and the headers; `_` in a name means `-`."""
    lines = [f"HTTP/1.1 {status} Because", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class FaultyServer:
    """A server on 127.0.0.1 that runs until the `with` block ends."""

    def __init__(self, *script: Behaviour, tls: ssl.SSLContext | None = None, app: App = _answer_listing) -> None:
        self.script: tuple[Behaviour, ...] = script or (ok,)
        self._routes: dict[str, list[Behaviour]] = {}
        self._app = app
        self.log: list[ReceivedRequest] = []
        self.effects: list[ReceivedRequest] = []
        self.answers: dict[int, tuple[int, bytes, dict[str, str]]] = {}
        """Status, body and headers of proper answers, by the identity of their request in the log."""
        self.connections = 0
        self.stopping = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._served = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> FaultyServer:
        threading.Thread(target=self._accept_connections, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for connection in (self._listener, *self._open):
            shut_down(connection)
        self._listener.close()

    def on(self, route: str, *script: Behaviour) -> None:
        """Give a route its own script, whose last behaviour repeats; without a script, the route uses the server's again."""
        self._routes[route] = list(script)

    def wait_for_clients(self) -> None:
        """Wait until the requests of disconnected clients are handled, at most 2 s."""
        for _ in range(200):
            time.sleep(0.01)
            if self._served == len(self._open):
                return

    def take_effect(self, seen: ReceivedRequest) -> bytes:
        with self._lock:
            answer = self._app(seen)
            self.effects.append(seen)
        ledger.add_effect(seen.headers, seen.path, seen.body, answer)
        return answer

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def _accept_connections(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._count_connection, args=(connection,), daemon=True).start()

    def _count_connection(self, plain: socket.socket) -> None:
        try:
            self._serve_connection(plain)
        finally:
            with self._lock:
                self._served += 1

    def _serve_connection(self, plain: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            number = self.connections
        try:
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
        except OSError:
            plain.close()
            return
        with connection, connection.makefile("rb") as reader:
            try:
                self._answer_requests(connection, reader, number)
            except OSError:
                return  # the client went away

    def _answer_requests(self, connection: socket.socket, reader: BinaryIO, number: int) -> None:
        while (seen := _read_request(reader, number)) is not None:
            exchange = Exchange(seen, connection, self)
            ledger.add_answer(seen.headers, self, seen.method, seen.path, None)
            self._next_behaviour(seen)(exchange)
            if exchange.over:
                return

    def _next_behaviour(self, seen: ReceivedRequest) -> Behaviour:
        with self._lock:
            self.log.append(seen)
            if route := self._routes.get(seen.route):
                return route.pop(0) if len(route) > 1 else route[0]
            return self.script[min(len(self.log), len(self.script)) - 1]


def _read_request(reader: BinaryIO, number: int) -> ReceivedRequest | None:
    first = reader.readline().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers = {}
    while line := reader.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    body = reader.read(length)
    return ReceivedRequest(number, first[0], first[1], headers, body) if len(body) == length else None


def shut_down(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


def ok(exchange: Exchange) -> None:
    """Take effect, and answer properly."""
    exchange.reply(200, exchange.take_effect(), Content_Type="application/json")


def answers(status: int, body: bytes = b"{}", **headers: str) -> Behaviour:
    """Answer, without effect."""
    return lambda exchange: exchange.reply(status, body, **headers)


def answers_after_effect(status: int, body: bytes = b"{}") -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.take_effect()
        exchange.reply(status, body)

    return behave


def resets(exchange: Exchange) -> None:
    """Reset the connection without effect."""
    exchange.reset()


def resets_after_effect(exchange: Exchange) -> None:
    exchange.take_effect()
    exchange.reset()


def closes(exchange: Exchange) -> None:
    """Close without a reply."""
    exchange.hang_up()


def hangs(exchange: Exchange) -> None:
    """Never answer."""
    exchange.server.stopping.wait()
    exchange.hang_up()


def is_slow(seconds: float) -> Behaviour:
    """Answer well, but late."""

    def behave(exchange: Exchange) -> None:
        exchange.server.stopping.wait(seconds)
        ok(exchange)

    return behave


def drips(seconds: float) -> Behaviour:
    """Answer well, one byte at a time with a pause before each."""

    def behave(exchange: Exchange) -> None:
        body = exchange.take_effect()
        for byte in format_head(200, {"Content-Length": str(len(body))}) + body:
            exchange.server.stopping.wait(seconds)
            exchange.write(bytes([byte]))

    return behave


def is_cut_off(exchange: Exchange) -> None:
    """Promise more than is sent."""
    body = exchange.take_effect()
    exchange.write(format_head(200, {"Content-Length": str(len(body) + 10)}) + body)
    exchange.hang_up()


@lru_cache
def _compress_blanks(size: int) -> bytes:
    """Return gzip data of `size` blanks, about a thousandth of that size."""
    packer = zlib.compressobj(1, wbits=31)
    block = b" " * 2**20
    return b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()


def packs(layers: int, size: int = 0, encoding: str = "gzip") -> Behaviour:
    """Take effect, and answer with a body compressed `layers` times; `size` bytes of blanks before it make it a bomb."""

    def behave(exchange: Exchange) -> None:
        body = _compress_blanks(size) + gzip.compress(exchange.take_effect())
        for _ in range(layers - 1):
            body = gzip.compress(body)
        exchange.reply(200, body, Content_Encoding=", ".join([encoding] * layers))

    return behave


def packs_badly(exchange: Exchange) -> None:
    """Take effect, and answer with what is not compressed as it says."""
    exchange.reply(200, exchange.take_effect(), Content_Encoding="gzip")


def has_huge_header(exchange: Exchange) -> None:
    exchange.reply(200, exchange.take_effect(), X_Huge="x" * 200_000)


def hangs_after_effect(exchange: Exchange) -> None:
    exchange.take_effect()
    hangs(exchange)


def tunnels(server: FaultyServer) -> Behaviour:
    """Act as a proxy: answer CONNECT for any host, and copy bytes between the client and `server`."""

    def behave(exchange: Exchange) -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as upstream:
            exchange.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_pass_on, args=(upstream, exchange.connection), daemon=True).start()
            _pass_on(exchange.connection, upstream)
        exchange.hang_up()

    return behave


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    shut_down(sink)


def hints_first(*statuses: int) -> Behaviour:
    """Answer well, after interim responses."""

    def behave(exchange: Exchange) -> None:
        for status in statuses:
            exchange.write(format_head(status, {"Link": "</style.css>; rel=preload"}))
        ok(exchange)

    return behave
