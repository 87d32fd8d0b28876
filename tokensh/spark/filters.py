"""Predicate pushdown: filters of Spark that select the workspaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyspark.sql.datasource import EqualTo, Filter, In

from tokensh.spark.errors import convert_errors
from tokensh.spark.partitions import TokenReader


class PushdownReader(TokenReader):
    """Reads the workspaces that WHERE selects.

    A class of its own, because Spark refuses one that has `pushFilters` while spark.sql.python.filterPushdown.enabled is off.
    """

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:  # noqa: N802 (PySpark's name)
        """Apply the filters that select workspaces, and return the others to Spark."""
        for pushed in filters:
            if isinstance(pushed, EqualTo | In) and self.plan.selects_workspace_by(".".join(pushed.attribute)):
                self._keep_workspaces(pushed.value if isinstance(pushed, In) else (pushed.value,))
            else:
                yield pushed

    def _keep_workspaces(self, values: Iterable[Any]) -> None:
        wanted = dict.fromkeys(str(value) for value in values if value is not None)
        self.workspaces = tuple(
            wanted if self.workspaces is None else (name for name in self.workspaces if name in wanted)
        )
        with convert_errors():
            self.plan.check(self.workspaces)
