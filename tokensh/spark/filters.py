"""Filters of Spark that choose the workspaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyspark.sql.datasource import EqualTo, Filter, In

from tokensh.spark.errors import convert_errors
from tokensh.spark.partitions import TokenReader


class PushingReader(TokenReader):
    """Reads the workspaces that WHERE chooses. Spark refuses a class that has `pushFilters` while its setting is off."""

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:  # noqa: N802 (PySpark's name)
        """Take what says which workspaces; the rest is given back to Spark."""
        for one in filters:
            if isinstance(one, EqualTo | In) and self.reading.selects_workspace_by(".".join(one.attribute)):
                self._narrow(one.value if isinstance(one, In) else (one.value,))
            else:
                yield one

    def _narrow(self, values: Iterable[Any]) -> None:
        wanted = dict.fromkeys(str(one) for one in values if one is not None)
        self.names = tuple(wanted if self.names is None else (one for one in self.names if one in wanted))
        with convert_errors():
            self.reading.check(self.names)
