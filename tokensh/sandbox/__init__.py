"""Emulate a Databricks workspace's token API on the loopback interface, for rehearsals and for tests.

The emulator is written from the API's documentation with the standard library alone, and shares no code with tokensh's
client: a misreading of the API would otherwise be on both sides, and the tests would agree with it. Any client of the API can
talk to it.

`start` returns a `Sandbox` (service), which a `Server` (server) hands each request to. A `Fault` (faults) may spoil the
reply; otherwise `routes` finds the handler, which works on the `State` (state). `seed` holds the first principals and tokens.
"""

from __future__ import annotations

from typing import Any

from tokensh.sandbox.faults import Fault
from tokensh.sandbox.service import LogEntry, Sandbox
from tokensh.sandbox.state import Clock, Settings

__all__ = ["Fault", "LogEntry", "Sandbox", "Settings", "start"]


def start(port: int = 0, *, clock_offset: float = 0.0, **settings: Any) -> Sandbox:
    """Start the emulator on 127.0.0.1, in daemon threads of this process.

    Args:
        port: the TCP port; 0 takes a free one.
        clock_offset: seconds that the emulator's clock is ahead of this machine's.
        settings: the fields of `Settings`, such as `any_workspace=True, tokens=3`.

    Raises:
        InterfaceError: The port is not available, or `root` is not a workspace.
    """
    from tokensh.sandbox.server import serve  # noqa: PLC0415 (http.server is slow to import)

    return serve(port, Settings(**settings), Clock(clock_offset))
