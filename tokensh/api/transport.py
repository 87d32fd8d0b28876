"""What is under requests: connections that tell when a request leaves, by which socket; and what their failures mean.

Only `client` imports this, and late: urllib3 comes with requests and is as slow to import.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException, RemoteDisconnected
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import DecodeError, HTTPError, IncompleteRead, ProxyError

from tokensh.api.hosts import Target
from tokensh.api.pool import Flight, current_flight
from tokensh.errors import HostError, NetworkError, ReplyError

__all__ = ["HTTPError", "explain", "watch"]

IDLE_LIMIT = 55.0
"""Seconds since its last request after which a connection is not used again: a balancer on the way may have forgotten it
without a word, and a create that is written into it would have an unknown outcome."""


class _Watched(HTTPConnection):
    """A connection of which each request is known to have been sent, or not."""

    _flight: Flight | None = None
    _used = 0.0

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._flight = current_flight()
        self._used = self._flight.started
        try:
            super().request(*args, **kwargs)
        finally:
            self._flight = None

    def send(self, data: Any) -> None:
        # A proxy's CONNECT comes through here too, outside of request(): it is not yet the request.
        if self._flight is not None:
            if self.sock is None:
                self.connect()
            self._flight.depart(getattr(self.sock, "socket", self.sock))
        super().send(data)

    @property
    def is_connected(self) -> bool:
        return super().is_connected and current_flight().started - self._used < IDLE_LIMIT


class _WatchedSecure(_Watched, HTTPSConnection):
    """The same over TLS."""


_PORTS = {"https": 443, "http": 80}


def watch(pool: ConnectionPool, target: Target) -> None:
    """Have a pool make watched connections. Raises HostError if it is another host's."""
    # urllib3 reads an address by rules of its own: what it made of it must be what was worked out.
    computed = (target.scheme, target.host, target.port or _PORTS[target.scheme])
    if not isinstance(pool, HTTPConnectionPool) or (pool.scheme, pool.host.strip("[]"), pool.port) != computed:
        raise HostError(f"the request would not go where it should: {target.origin}")
    pool.ConnectionCls = _WatchedSecure if target.scheme == "https" else _Watched


def explain(error: Exception, place: str, *, sent: bool) -> NetworkError:
    """What a failure under urllib3 means, in words.

    Raises what another try cannot cure: a NetworkError for TLS, a ReplyError for a body that cannot be decompressed.
    """
    causes = tuple(_causes(error))
    reason = _reason(causes)
    for cause in causes:
        match cause:
            case DecodeError():
                raise ReplyError(f"the reply of {place} cannot be decompressed") from None
            case ssl.SSLCertVerificationError():
                raise NetworkError(
                    f"the certificate of {place} is not trusted: {cause.verify_message.rstrip('.')}",
                    sent=sent,
                    hint="REQUESTS_CA_BUNDLE may name a file of certificates to trust",
                ) from None
            case ssl.SSLError() if not sent:
                raise NetworkError(f"no TLS connection to {place}: {reason}", sent=sent) from None
            case ProxyError():
                return NetworkError(f"no connection to {place} through the proxy: {reason}", sent=sent)
            case socket.gaierror():
                return NetworkError(f"{place} is not found: {reason}", sent=sent, hint="is the workspace name right?")
            case _:
                continue
    what = "no complete answer from" if sent else "no connection to"
    return NetworkError(f"{what} {place}: {reason}", sent=sent)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those it was made of, the outermost first: each library of the stack wraps them anew."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += (*one.args, getattr(one, "reason", None), one.__cause__, one.__context__)


def _reason(causes: tuple[BaseException, ...]) -> str:
    for cause in reversed(causes):
        match cause:
            case IncompleteRead():
                return "it ended too early"
            case RemoteDisconnected():
                return "the connection was closed without one"
            case TimeoutError():
                return "it took too long"
            case HTTPException():
                return "what came is not HTTP as it should be"
            case OSError(strerror=str(text)) if text:
                return text[0].lower() + text[1:]
            case _:
                continue
    return type(causes[-1]).__name__
