"""Serve a workspace API that lists tokens and does as if it revoked them, in a process of its own so that its work is in no figure.

`GET /DELAY/NAME/api/2.0/token/list` waits DELAY ms and returns as many tokens as NAME says: `r1000` or `r1000-17`.
A POST waits as long and returns an empty object.
With `--hosts N`, also at N more loopback addresses, 127.0.1.1 and so on, each of which counts as another workspace.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

COMMENTS = ("terraform ci", "nightly export", "laptop of o'hara", "dbt, production", "notebook", "", "ad hoc")
COUNTERS = "/counters"


@cache
def make_listing(count: int) -> bytes:
    """Return a list of `count` tokens, about 170 bytes each."""
    tokens = [
        {
            "token_id": sha256(b"%d" % number).hexdigest(),
            "creation_time": 1_700_000_000_000 + number * 61_000,
            "expiry_time": -1 if number % 5 == 0 else 1_800_000_000_000 + number * 7_919,
            "comment": f"{COMMENTS[number % 7]} {number}",
        }
        for number in range(count)
    ]
    return json.dumps({"token_infos": tokens}).encode()


@dataclass
class Counters:
    """Counts since the last `GET /counters`."""

    connections: int = 0
    requests: int = 0
    at_once: int = 0
    waiting: int = field(default=0, repr=False)

    def take_json(self) -> bytes:
        """Return the counters as JSON and reset them."""
        counts = {"connections": self.connections, "requests": self.requests, "at_once": self.at_once}
        self.connections = self.requests = self.at_once = 0
        return json.dumps(counts).encode()


class Connection(asyncio.Protocol):
    """A minimal HTTP/1.1 server connection: GET and POST with keep-alive."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._counters.connections += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return
            self._received = rest[size:]
            method, path, _ = head.decode().split(" ", 2)
            self._handle_request(method, path)

    def _handle_request(self, method: str, path: str) -> None:
        if path == COUNTERS:
            self._counters.connections -= 1
            self._write_reply(self._counters.take_json())
            return
        _, delay, name, *_ = path.split("/")
        self._counters.requests += 1
        self._counters.waiting += 1
        self._counters.at_once = max(self._counters.at_once, self._counters.waiting)
        body = b"{}" if method == "POST" else make_listing(int(name[1:].partition("-")[0]))
        if delay == "0":
            self._send_reply(body)
        else:
            asyncio.get_running_loop().call_later(int(delay) / 1000, self._send_reply, body)

    def _send_reply(self, body: bytes) -> None:
        self._counters.waiting -= 1
        self._write_reply(body)

    def _write_reply(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines((head.encode(), body))


async def _serve_forever(hosts: int) -> None:
    loop = asyncio.get_running_loop()
    counters = Counters()
    first = await loop.create_server(lambda: Connection(counters), "127.0.0.1", 0, backlog=1024)
    port = first.sockets[0].getsockname()[1]
    others = [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(hosts)]
    more = await loop.create_server(lambda: Connection(counters), others, port) if others else first
    print(port, flush=True)
    async with first, more:
        await asyncio.Event().wait()


def main() -> None:
    """Serve until killed; the port is on standard output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=0)
    asyncio.run(_serve_forever(parser.parse_args().hosts))


if __name__ == "__main__":
    main()
