"""An Environment of a test's own: a home in its folder, streams of its own, nothing of the person who runs the tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from tokensh.environment import Environment


def make_environment(
    home: Path, *, stdin: str = "", variables: dict[str, str] | None = None, **more: Any
) -> Environment:
    """What is written can be read back: `world.stdout.getvalue()`."""
    given = {"HOME": str(home), **(variables or {})}
    return Environment(io.StringIO(stdin), io.StringIO(), io.StringIO(), given, **more)


def write_profiles(home: Path, text: str, *, mode: int = 0o600) -> Path:
    """Write ~/.databrickscfg, as a file of its owner alone."""
    path = home / ".databrickscfg"
    path.write_text(text)
    path.chmod(mode)
    return path
