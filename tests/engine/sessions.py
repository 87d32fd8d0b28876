"""Connections to a sandbox, each in a folder of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokensh
from tests.environments import make_environment
from tokensh.dbapi.connection import Connection
from tokensh.rows import Row, Value
from tokensh.sandbox import Sandbox

A, B, C = "dbc-abcd0123-a1bc", "dbc-bcde1234-b2cd", "dbc-cdef2345-c3de"
Rows = list[Row]


def connect(site: Sandbox | None, home: Path, variables: dict[str, str] | None = None, **more: Any) -> Connection:
    """A session whose world is `home`; the compiled grammar is shared by all tests of a run."""
    given = {"XDG_CACHE_HOME": str(home.parent / "cache"), **(variables or {})}
    if site is not None:
        given.setdefault("DATABRICKS_TOKEN", site.token)
        more.setdefault("endpoint", site.endpoint)
    clocks = {name: more.pop(name) for name in ("now", "sleep") if name in more}
    environment = make_environment(home, variables=given, **{"sleep": _sleep_briefly, **clocks})
    return tokensh.connect(environment=environment, **more)


def _sleep_briefly(seconds: float) -> None:
    """Waits between attempts are tested by their number."""
    time.sleep(min(seconds, 0.01))


def run(connection: Connection, *statements: str, values: Any = ()) -> Rows:
    """The rows of the last of some statements."""
    rows: Rows = []
    for one in statements:
        rows = list(connection.run(one, values).rows)
    return rows


def column(connection: Connection, sql: str) -> list[Value]:
    """The first column of a query."""
    return [row[0] for row in run(connection, sql)]


def asked(site: Sandbox) -> list[str]:
    """The requests so far, as `GET workspace last-part-of-the-path`."""
    return [f"{one.method} {one.workspace} {one.path.rpartition('/')[2]}" for one in site.log]


def lists(*workspaces: str) -> Sequence[str]:
    """What `asked` tells when user_tokens is listed in workspaces."""
    return [f"GET {one} list" for one in workspaces]
