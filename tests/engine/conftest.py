"""Fixtures of the engine's tests: a sandbox for each file, and sessions on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import sessions
from tokensh.dbapi.connection import Connection
from tokensh.sandbox import Sandbox

Connect = Callable[..., Connection]


@pytest.fixture
def connect(site: Sandbox, tmp_path: Path) -> Iterator[Connect]:
    """Yield a function that opens sessions, which share a home and are closed at the end."""
    opened: list[Connection] = []

    def open_session(**more: Any) -> Connection:
        opened.append(sessions.connect(site, tmp_path, **more))
        return opened[-1]

    yield open_session
    for session in opened:
        session.close()


@pytest.fixture
def session(connect: Connect) -> Connection:
    return connect()
