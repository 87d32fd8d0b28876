"""Environments for tests: a home folder and streams of their own, nothing of the user who runs the tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from tests.shared_parser import CACHE_HOME
from tokensh.environment import Environment


def make_environment(
    home: Path, *, stdin: str = "", variables: dict[str, str] | None = None, **more: Any
) -> Environment:
    """Return an environment whose output can be read back with `environment.stdout.getvalue()`."""
    all_variables = {"HOME": str(home), "XDG_CACHE_HOME": str(CACHE_HOME), **(variables or {})}
    return Environment(io.StringIO(stdin), io.StringIO(), io.StringIO(), all_variables, **more)


def write_profiles(home: Path, text: str, *, mode: int = 0o600) -> Path:
    """Write ~/.databrickscfg, by default readable only by its owner."""
    path = home / ".databrickscfg"
    path.write_text(text)
    path.chmod(mode)
    return path
