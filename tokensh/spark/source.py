"""The data source that Spark loads, and `tables`, which splits a read that keeps failures as rows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from pyspark.sql.datasource import DataSource, DataSourceReader
from pyspark.sql.types import StructType

from tokensh.errors import NotSupportedError
from tokensh.spark.errors import convert_errors
from tokensh.spark.options import ReadOptions
from tokensh.spark.partitions import TokenReader, schema_of
from tokensh.spark.planning import ELSEWHERE, READ_ONLY, ReadPlan, plan_read

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class TokenDataSource(DataSource):
    """The data source `tokensh`; see `ReadOptions` for its options."""

    @classmethod
    def name(cls) -> str:
        """Return the name for `format` and `USING`."""
        return "tokensh"

    @cached_property
    def _options(self) -> ReadOptions:
        with convert_errors():
            return ReadOptions.parse(self.options)

    # Spark asks for the schema first and for the reader later: the query is planned once for both.
    @cached_property
    def _plan(self) -> ReadPlan:
        return plan_read(self._options)

    def schema(self) -> StructType:
        """Return the columns; nothing is sent."""
        plan = self._plan
        with convert_errors():
            return schema_of(plan, self._options.errors)

    def reader(self, schema: StructType) -> DataSourceReader:
        """Return the reader; with option `pushdown` one that takes filters."""
        if not self._options.pushdown:
            return TokenReader(self._plan, self._options, schema)
        try:
            from tokensh.spark.filters import PushdownReader  # noqa: PLC0415 (new in PySpark 4.1)
        except ImportError:
            raise NotSupportedError("option pushdown needs PySpark 4.1 or newer") from None
        return PushdownReader(self._plan, self._options, schema)

    def writer(self, schema: StructType, overwrite: bool) -> NoReturn:  # noqa: ARG002
        """Raise NotSupportedError: the data source only reads."""
        _refuse_write()

    def streamWriter(self, schema: StructType, overwrite: bool) -> NoReturn:  # noqa: N802, ARG002 (PySpark's)
        """Raise NotSupportedError: the data source only reads."""
        _refuse_write()


def _refuse_write() -> NoReturn:
    with convert_errors():
        raise NotSupportedError(READ_ONLY, hint=ELSEWHERE)


class Tables(NamedTuple):
    """The two parts of a read with `errors` = `rows`: the query's rows, and a row for each workspace that failed."""

    rows: DataFrame
    errors: DataFrame


def tables(frame: DataFrame) -> Tables:
    """Split a read with `errors` = `rows`. Cache or save the DataFrame first: each use of it reads the workspaces again."""
    return Tables(frame.where("error IS NULL").drop("error"), frame.where("error IS NOT NULL").select("error.*"))
