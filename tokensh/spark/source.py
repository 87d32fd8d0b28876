"""What Spark is given: the data source, and the two tables of a read that keeps failures as rows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from pyspark.sql.datasource import DataSource, DataSourceReader
from pyspark.sql.types import StructType

from tokensh.errors import NotSupportedError
from tokensh.spark.errors import convert_errors
from tokensh.spark.options import ReadOptions
from tokensh.spark.partitions import TokenReader, schema_of
from tokensh.spark.planning import ELSEWHERE, READ_ONLY, ReadPlan, plan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class TokenDataSource(DataSource):
    """The data source `tokensh`; see `Settings` for its options. Register it: `spark.dataSource.register(TokenDataSource)`."""

    @classmethod
    def name(cls) -> str:
        """What `format` and `USING` call it."""
        return "tokensh"

    @cached_property
    def _settings(self) -> ReadOptions:
        with convert_errors():
            return ReadOptions.of(self.options)

    @cached_property
    def _reading(self) -> ReadPlan:
        return plan(self._settings)

    def schema(self) -> StructType:
        """The columns, worked out without asking anybody."""
        reading = self._reading
        with convert_errors():
            return schema_of(reading, self._settings.errors)

    def reader(self, schema: StructType) -> DataSourceReader:
        """What reads; one that takes filters if option `pushdown` says so."""
        if not self._settings.pushdown:
            return TokenReader(self._reading, self._settings, schema)
        try:
            from tokensh.spark.filters import PushingReader  # noqa: PLC0415 (PySpark has had filters since 4.1)
        except ImportError:
            raise NotSupportedError("option pushdown needs PySpark 4.1 or newer") from None
        return PushingReader(self._reading, self._settings, schema)

    def writer(self, schema: StructType, overwrite: bool) -> NoReturn:  # noqa: ARG002
        """Refused. Raises NotSupportedError."""
        _refuse_write()

    def streamWriter(self, schema: StructType, overwrite: bool) -> NoReturn:  # noqa: N802, ARG002 (PySpark's)
        """Refused. Raises NotSupportedError."""
        _refuse_write()


def _refuse_write() -> NoReturn:
    with convert_errors():
        raise NotSupportedError(READ_ONLY, hint=ELSEWHERE)


class Tables(NamedTuple):
    """What a read with `errors` = `rows` holds: the query's rows, and a row for each workspace that failed."""

    rows: DataFrame
    errors: DataFrame


def tables(frame: DataFrame) -> Tables:
    """Split a read with `errors` = `rows`. Each use of a DataFrame reads again: cache it, or land it in a table, before."""
    return Tables(frame.where("error IS NULL").drop("error"), frame.where("error IS NOT NULL").select("error.*"))
