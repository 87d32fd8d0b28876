"""A helper for all tests: the folder `shared` that may be beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def shared_path(name: str) -> Path:
    """Return a file or folder of `shared`; skip the test if it does not exist."""
    path = ROOT.parent / "shared" / name
    if not path.exists():
        pytest.skip(f"{name} not found in a folder 'shared' beside the checkout", allow_module_level=True)
    return path
