"""Helpers for all tests: the folder `shared` that may be beside the checkout, and signals of child processes."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def shared_path(name: str) -> Path:
    """Return a file or folder of `shared`; skip the test if it does not exist."""
    path = ROOT.parent / "shared" / name
    if not path.exists():
        pytest.skip(f"{name} not found in a folder 'shared' beside the checkout", allow_module_level=True)
    return path


def reset_signals() -> None:
    """Give SIGINT, SIGQUIT and SIGHUP their default handlers, in a child process before it runs its program.

    A shell's background job, nohup and setsid let programs inherit ignored signals, and a test could not stop its child then.
    """
    for name in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)
