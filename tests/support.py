"""Helpers for all tests: the folder `shared` that may be beside the checkout, and what a measured run cannot show."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
counts_modules = pytest.mark.skipif(
    "coverage" in sys.modules, reason="what measures coverage is loaded in each process"
)
"""Marks a test of the modules that a process loads."""


def shared_path(name: str) -> Path:
    """Return a file or folder of `shared`; skip the test if it does not exist."""
    path = ROOT.parent / "shared" / name
    if not path.exists():
        pytest.skip(f"{name} not found in a folder 'shared' beside the checkout", allow_module_level=True)
    return path
