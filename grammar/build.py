"""Write the compiled table into the wheel, so that the first start need not compile it (0.5 s).

A hook of the build (`[tool.hatch.build.targets.wheel.hooks.custom]`). An editable install gets no table: its grammar
may change, and tokensh caches the table of each version.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TARGET = "tokensh/grammar/table.json"


def compile_table(root: Path) -> str:
    """Return the compiled table of the checkout at `root` as JSON; the same grammar gives the same bytes."""
    sys.path.insert(0, str(root))
    try:
        from tokensh.sql import grammar  # noqa: PLC0415 (found only beside this file)
    finally:
        sys.path.remove(str(root))
    return json.dumps(grammar.compile_grammar(grammar.read_grammar()), separators=(",", ":"))


class TableHook(BuildHookInterface[Any]):
    """Adds the table to a wheel, and removes its file when the wheel is written."""

    @property
    def _path(self) -> Path:
        return Path(self.directory) / "table.json"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the table, unless the install is editable."""
        if version == "editable":
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(compile_table(Path(self.root)), encoding="utf-8")
        build_data["force_include"][str(self._path)] = TARGET

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 (the hook interface)
        """Remove the file of the table."""
        self._path.unlink(missing_ok=True)
