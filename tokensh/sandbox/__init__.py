"""A Databricks workspace's token API on the loopback interface, for trying things out and for tests.

Written from the API's documentation, with the standard library alone; any client of the API can talk to it.
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
        port: where to listen; 0 takes a free port.
        clock_offset: seconds the emulator's clock is ahead of this machine's.
        settings: the fields of `Settings`, such as `any_workspace=True, tokens=3`.

    Raises:
        InterfaceError: the port can't be had.
    """
    from tokensh.sandbox.server import serve  # noqa: PLC0415 (http.server is slow to import)

    return serve(port, Settings(**settings), Clock(clock_offset))
