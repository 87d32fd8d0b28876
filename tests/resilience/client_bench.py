"""Open a Client for tests, with a fake credential, fake clocks and a Ctrl-C that can be pressed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tokensh.api.client import Client
from tokensh.api.hosts import Target, parse_origin
from tokensh.api.request import Request
from tokensh.environment import Cancellation, Environment
from tokensh.redact import Redactor

TOKEN = "dapi" + "0123456789abcdef" * 2
LIST = "/api/2.0/token/list"
CREATE = "/api/2.0/token/create"
REVOKE = "/api/2.0/token/delete"


@dataclass
class FakeCredential:
    """A credential with a list of tokens: each refresh drops the first."""

    tokens: list[str] = field(default_factory=lambda: [TOKEN])
    source: str = "the test"
    kind: str = "pat"
    workspace_id: str = ""
    rejected: list[str] = field(default_factory=list)

    def get_token(self) -> str:
        return self.tokens[0]

    def refresh(self, rejected: str) -> bool:
        self.rejected.append(rejected)
        if len(self.tokens) == 1:
            return False
        self.tokens.pop(0)
        return True

    def for_target(self, target: Target) -> FakeCredential:
        return self


class FakeClocks:
    """Clocks for tests: sleeps take no time and are recorded, and the monotonic clock can be set ahead."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []
        self.ahead = 0.0

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class ClientBench:
    client: Client
    cancellation: Cancellation
    redactor: Redactor
    clocks: FakeClocks


@contextmanager
def open_client(
    *, credential: FakeCredential | None = None, variables: Mapping[str, str] | None = None, **settings: Any
) -> Iterator[ClientBench]:
    """Open a client, and yield it with its parts."""
    cancellation, redactor, clocks = Cancellation(), Redactor(), FakeClocks()
    environment = Environment(
        sys.stdin, sys.stdout, sys.stderr, variables or {}, monotonic=clocks.monotonic, sleep=clocks.sleep
    )
    client = Client(
        environment, credential or FakeCredential(), redactor=redactor, cancellation=cancellation, **settings
    )
    try:
        yield ClientBench(client, cancellation, redactor, clocks)
    finally:
        client.close()


def target_of(origin: str) -> Target:
    """Return the Target of a test's server."""
    target = parse_origin(origin)
    assert target is not None
    return target


def list_request(origin: str) -> Request:
    """Return a request that lists tokens."""
    return Request("GET", target_of(origin), LIST)


def create_request(origin: str) -> Request:
    """Return a request that creates a token."""
    return Request("POST", target_of(origin), CREATE, body={"comment": "ci"}, creates_secret=True)


def revoke_request(origin: str) -> Request:
    """Return a write that creates nothing."""
    return Request("POST", target_of(origin), REVOKE, body={"token_id": "a1"})
