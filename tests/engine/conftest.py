from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import sessions
from tokensh import sandbox
from tokensh.dbapi.connection import Connection
from tokensh.sandbox import Sandbox

Connect = Callable[..., Connection]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with sandbox.start() as one:
        yield one


@pytest.fixture
def site(running: Sandbox) -> Iterator[Sandbox]:
    """A sandbox whose log begins empty; what it holds is shared by the tests of a file."""
    running.clear_log()
    yield running
    running.clear_faults()


@pytest.fixture
def connect(site: Sandbox, tmp_path: Path) -> Iterator[Connect]:
    """Opens sessions that share a home, and closes them at the end."""
    opened: list[Connection] = []

    def one(**more: Any) -> Connection:
        opened.append(sessions.connect(site, tmp_path, **more))
        return opened[-1]

    yield one
    for each in opened:
        each.close()


@pytest.fixture
def session(connect: Connect) -> Connection:
    return connect()
