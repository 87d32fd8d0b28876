"""Writes the compiled table into the wheel, so that no one's first start has to make it.

A hook of the build (`[tool.hatch.build.targets.wheel.hooks.custom]`). An editable install gets no table: there the grammar may
change, and tokensh keeps a table in its cache folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TARGET = "tokensh/grammar/table.json"


def table(root: Path) -> str:
    """The compiled table of the checkout at `root` as text: the same grammar gives the same text."""
    sys.path.insert(0, str(root))
    try:
        from tokensh.sql import grammar  # noqa: PLC0415 (found only beside this file)
    finally:
        sys.path.remove(str(root))
    return json.dumps(grammar.compile_grammar(grammar.read_grammar()), separators=(",", ":"))


class TableHook(BuildHookInterface[Any]):
    """Adds the table to a wheel and removes its file once the wheel is made."""

    @property
    def _path(self) -> Path:
        return Path(self.directory) / "table.json"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the table, for every wheel that is not an editable install."""
        if version == "editable":
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(table(Path(self.root)), encoding="utf-8")
        build_data["force_include"][str(self._path)] = TARGET

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 (the hook's face)
        """Leave nothing beside the wheel."""
        self._path.unlink(missing_ok=True)
