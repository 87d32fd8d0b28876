"""The folder `shared` that may stand beside the checkout: statements and references that are not the project's own."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def shared(name: str) -> Path:
    """A file or folder of it; without it the test that asks is skipped."""
    path = ROOT.parent / "shared" / name
    if not path.exists():
        pytest.skip(f"there is no {name} in a folder shared beside the checkout", allow_module_level=True)
    return path
