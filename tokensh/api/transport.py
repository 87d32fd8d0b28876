"""Connections under requests that record when a request was sent, and a mapping of their failures to our errors.

`requests` cannot say whether a request left: a reset may come before the first byte or after the last, and both are one
ConnectionError. urllib3 lets a pool use connection classes of our own, so `send` records the fact where the bytes pass.
urllib3's retries, redirects and reuse of stale connections are not used: each could send a write twice.

Only `client` imports this module, and late: urllib3 comes with requests and is as slow to import (about 100 ms).
"""

from __future__ import annotations

import re
import socket
import ssl
from collections import deque
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import DecodeError, HTTPError, IncompleteRead, ProxyError

from tokensh.api.hosts import Target
from tokensh.api.pool import InFlightRequest, current_request
from tokensh.errors import HostError, NetworkError, ReplyError
from tokensh.text import escape_unsafe, truncate

if TYPE_CHECKING:
    import requests

__all__ = ["HTTPError", "read_body", "track_connections", "translate_error"]

# Bytes read at once: large enough that a reply of 32 MiB takes 500 reads, small enough to stop soon after the limit.
_CHUNK = 64 * 1024
# Bytes kept as one object: so many that an allocator gives them back to the system when they are freed.
_KEPT = 1024 * 1024

IDLE_LIMIT = 55.0
"""Seconds since its last request after which a connection is not used again. A load balancer may forget an idle connection
silently (AWS's after 60 s), and a create that is written into such a connection has an unknown outcome."""


class FinalResponse(HTTPResponse):
    """A response that reads past the interim ones (102, 103 Early Hints), which http.client takes for the answer."""

    def begin(self) -> None:
        super().begin()
        # 101 ends HTTP on this connection; 100 is skipped by http.client itself. The deadline bounds their number.
        while 100 <= self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment] # as before the first
            super().begin()


_TUNNEL_FAILED = r"(?s)Tunnel connection failed: (\d{3})\b(.*)"
_PROXY_HINTS = {
    407: "the proxy's user and password go into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT",
    403: "the proxy does not let this host through: its administrator may; hosts in NO_PROXY are reached without it",
}


class TrackedConnection(HTTPConnection):
    """A connection that records whether each request was sent."""

    response_class = FinalResponse
    _request: InFlightRequest[Any] | None = None
    _last_used = 0.0

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._request = current_request()
        self._last_used = self._request.started
        try:
            super().request(*args, **kwargs)
        finally:
            self._request = None

    def send(self, data: Any) -> None:
        # The CONNECT for a proxy is sent here too, outside of request(): it is not the request yet.
        if self._request is not None:
            if self.sock is None:
                self.connect()
            # With TLS inside a proxy's TLS the attribute `socket` is the real one.
            self._request.mark_sent(getattr(self.sock, "socket", self.sock))
        super().send(data)

    @property
    def is_connected(self) -> bool:
        return super().is_connected and current_request().started - self._last_used < IDLE_LIMIT


class TrackedTLSConnection(TrackedConnection, HTTPSConnection):
    """The same over TLS."""


# A Target's port None means these; urllib3 always knows a number.
_PORTS = {"https": 443, "http": 80}


def track_connections(pool: ConnectionPool, target: Target) -> None:
    """Make a connection pool use tracked connections. Raises HostError if the pool is another host's."""
    # urllib3 parses URLs by its own rules: what it found must be what the host rule allowed.
    allowed = (target.scheme, target.host, target.port or _PORTS[target.scheme])
    if not isinstance(pool, HTTPConnectionPool) or (pool.scheme, pool.host.strip("[]"), pool.port) != allowed:
        raise HostError(f"the request would not go to {target.origin}, but to another address")
    pool.ConnectionCls = TrackedTLSConnection if target.scheme == "https" else TrackedConnection


def read_body(received: requests.Response, limit: int) -> deque[bytes]:
    """Return a body in chunks. Raises ReplyError for one of more than `limit` bytes, and what reading raises."""
    # Neither Content-Length nor the size before decompression can be trusted.
    chunks: deque[bytes] = deque()
    parts: list[bytes] = []
    joined = size = 0
    for part in received.iter_content(_CHUNK):
        parts.append(part)
        size += len(part)
        if size - joined >= _KEPT:
            chunks.append(b"".join(parts))
            parts.clear()
            joined = size
        if size > limit:
            raise ReplyError(
                f"the reply is larger than {limit:,} bytes; it was not read to its end",
                hint="--max-reply allows for more",
            )
    chunks.append(b"".join(parts))
    return chunks


def translate_error(
    error: Exception, host: str, *, sent: bool, proxy: str = ""
) -> tuple[NetworkError | ReplyError, bool]:
    """Return our error for a failure under urllib3, and whether another attempt may cure it.

    It is returned and never raised here: an error that is raised while another is handled keeps that one as its context, and
    those of requests hold the request with its Authorization header, which crash reporters collect.

    Args:
        error: what was raised.
        host: the one that was asked.
        sent: whether the request was sent.
        proxy: the proxy's host and port, if there is one.
    """
    causes = tuple(_walk_causes(error))
    reason = _describe_reason(causes)
    through = f"through the proxy {proxy}".rstrip()
    for cause in causes:
        match cause:
            case DecodeError():
                return ReplyError(f"the reply of {host} cannot be decompressed"), False
            case ssl.SSLCertVerificationError():
                untrusted = NetworkError(
                    f"the certificate of {host} is not trusted: {cause.verify_message.rstrip('.')}",
                    sent=sent,
                    hint="REQUESTS_CA_BUNDLE may name a file of certificates to trust",
                )
                return untrusted, False
            case ssl.SSLError() if not sent:
                return NetworkError(f"no TLS connection to {host}: {reason}", sent=sent), False
            case ProxyError() if refusal := _find_proxy_refusal(causes):
                status, phrase = refusal
                message = f"no connection to {host} {through}: it answered {status} {phrase}".rstrip()
                hint = _PROXY_HINTS.get(status, "HTTPS_PROXY names the proxy; hosts in NO_PROXY are reached without it")
                return NetworkError(message, sent=sent, hint=hint), status >= 500
            case ProxyError():
                return NetworkError(f"no connection to {host} {through}: {reason}", sent=sent), True
            case socket.gaierror():
                message = f"host not found: {host}: {reason}"
                return NetworkError(message, sent=sent, hint="is the workspace name right?"), True
            case _:
                continue
    missing = "complete answer from" if sent else "connection to"
    return NetworkError(f"no {missing} {host}: {reason}", sent=sent), True


def _find_proxy_refusal(causes: tuple[BaseException, ...]) -> tuple[int, str] | None:
    """Return status and reason with which a proxy refused the tunnel; http.client has them in a text only."""
    for cause in causes:
        if refusal := re.match(_TUNNEL_FAILED, str(cause)):
            return int(refusal[1]), truncate(escape_unsafe(refusal[2].strip()), 80)
    return None


def _walk_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all errors it wraps, the outermost first.

    socket, http.client, urllib3 and requests wrap each other's errors in four ways: arguments, `reason`, cause, context.
    """
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        wrapped = waiting.pop(0)
        if isinstance(wrapped, BaseException) and id(wrapped) not in seen:
            seen.add(id(wrapped))
            yield wrapped
            waiting += (*wrapped.args, getattr(wrapped, "reason", None), wrapped.__cause__, wrapped.__context__)


def _describe_reason(causes: tuple[BaseException, ...]) -> str:
    """Return the innermost cause in words."""
    for cause in reversed(causes):
        match cause:
            case IncompleteRead():
                return "it ended too early"
            case RemoteDisconnected():
                return "the server closed the connection without an answer"
            case TimeoutError():
                return "it took too long"
            case HTTPException():
                return "the answer is not valid HTTP"
            case OSError(strerror=str(text)) if text:
                return text[0].lower() + text[1:]
            case _:
                continue
    return type(causes[-1]).__name__
