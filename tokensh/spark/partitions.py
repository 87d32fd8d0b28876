"""Some workspaces -> Arrow batches, on an executor, by the shell's own fetcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSourceReader, InputPartition
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import BooleanType, DataType, DoubleType, LongType, StringType, StructField, StructType

from tokensh.dbapi.connection import Connection, connect
from tokensh.engine.callbacks import Callbacks
from tokensh.environment import Environment
from tokensh.errors import ApiError, CredentialError, DataError, Error, ProgrammingError, UnknownName
from tokensh.rows import ColumnType, Value
from tokensh.spark.errors import convert_errors
from tokensh.spark.options import OnError, ReadOptions
from tokensh.spark.planning import ReadPlan
from tokensh.text import escape_unsafe, nearest

if TYPE_CHECKING:
    import pyarrow

_BATCH = 10_000
"""Rows of one Arrow batch."""
_TYPES: Mapping[ColumnType, type[DataType]] = {"integer": LongType, "number": DoubleType, "boolean": BooleanType}
"""The Spark type of a column's type; every other one is text."""
ERROR = StructType(
    [
        StructField("deployment_name", StringType()),
        StructField("type", StringType()),
        StructField("status", LongType()),
        StructField("code", StringType()),
        StructField("message", StringType()),
        StructField("request_id", StringType()),
    ]
)
"""The type of the column `error` of a read with `errors` = `rows`, which is NULL in the rows of a resource."""


def schema_of(reading: ReadPlan, errors: OnError) -> StructType:
    """A read's columns as Spark has them. Raises ProgrammingError where two have one name."""
    made = [StructField(one.name, _TYPES.get(one.type, StringType)()) for one in reading.plan.columns]
    made += [StructField("error", ERROR)] if errors == "rows" else []
    seen: set[str] = set()
    for one in made:
        if one.name.lower() in seen:
            raise ProgrammingError(f"two columns are named {one.name!r}", hint="give one another name: AS ..")
        seen.add(one.name.lower())
    return StructType(made)


class TokenReader(DataSourceReader):
    """Reads a query's rows, some workspaces a partition. `schema` is the whole, or what a person asked for of it."""

    def __init__(self, reading: ReadPlan, settings: ReadOptions, schema: StructType) -> None:
        self.reading = reading
        self._settings = settings
        self._schema = schema
        self.names = reading.names
        with convert_errors():
            _check_schema(schema_of(reading, settings.errors), schema)

    def partitions(self) -> list[InputPartition]:
        """The workspaces of each task."""
        key, names = self.reading.key, self.names
        if key is None:
            return [InputPartition(())]
        if names is None:
            with convert_errors():
                raise ProgrammingError(f"{key} is not given", hint=f"add WHERE {key} = '..', or option {key}")
        size = self._settings.workspaces_per_partition
        return [InputPartition(names[at : at + size]) for at in range(0, len(names), size)]

    def read(self, partition: InputPartition | None) -> Iterator[pyarrow.RecordBatch]:
        """The rows of some workspaces, as Arrow batches. Raises OperationalError where one fails, or gives a row for it."""
        if partition is None or partition.value is None:
            return  # what Spark makes of no partitions: until 4.1 the one, since 4.3 the other
        failures: dict[str, Error] = {}
        with convert_errors():
            connection = self._connection(failures.update if self._settings.errors == "rows" else None)
        clean = connection.redactor.clean
        with connection, convert_errors(clean=clean):
            rows = connection.select(self.reading.narrow(partition.value)).rows
            columns = [one.name for one in self.reading.plan.columns]
            while chunk := list(islice(rows, _BATCH)):
                yield self._batch(dict(zip(columns, zip(*chunk, strict=True), strict=True)), len(chunk))
            if failures:
                rows_of_failures = [_failure(place, error, clean) for place, error in failures.items()]
                yield self._batch({"error": rows_of_failures}, len(rows_of_failures))

    def _connection(self, tolerate: Callable[[Mapping[str, Error]], None] | None) -> Connection:
        settings = self._settings
        return connect(
            profile=settings.profile,
            token=_token(settings, Environment.from_process()),
            timeout=settings.timeout,
            max_connections=settings.max_connections,
            callbacks=Callbacks(on_tolerated=tolerate),
            hosts=self.reading.hosts,  # the driver decides once where names lead
        )

    def _batch(self, columns: Mapping[str, Sequence[Any]], count: int) -> pyarrow.RecordBatch:
        """Rows as a batch of the schema; a column that is not given is NULL."""
        import pyarrow as pa  # noqa: PLC0415 (only executors need it)

        given = {name.lower(): values for name, values in columns.items()}
        schema = to_arrow_schema(self._schema)
        arrays = []
        for field, arrow in zip(self._schema, schema, strict=True):
            values = given.get(field.name.lower(), [None] * count)
            try:
                arrays.append(pa.array(map(_converter(field), values), arrow.type))
            except (ValueError, OverflowError):  # pyarrow's own errors are of these
                raise DataError(f"a value of column {field.name} is no {field.dataType.simpleString()}") from None
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _check_schema(whole: StructType, asked: StructType) -> None:
    """Raise ProgrammingError where a schema that a person wrote has other columns than there are, or types they cannot take."""
    known = {one.name.lower(): one for one in whole}
    for one in asked:
        found = known.get(one.name.lower())
        if found is None:
            raise UnknownName("column", one.name, near=nearest(one.name, [each.name for each in whole]))
        if one.dataType != found.dataType and (found.dataType == ERROR or type(one.dataType) not in _CONVERT):
            raise ProgrammingError(
                f"column {one.name} is {found.dataType.simpleString()}, not {one.dataType.simpleString()}",
                hint="leave the schema out, and convert in Spark SQL: timestamp_millis(expiry_time) for example",
            )
    if whole.fields[-1].dataType == ERROR and "error" not in {one.name.lower() for one in asked}:
        raise ProgrammingError(f"errors = 'rows' needs the column error {ERROR.simpleString()}")


def _converter(field: StructField) -> Callable[[Any], Any]:
    """Makes a column's values those of its Spark type. Raises ValueError where one cannot be."""
    convert = _CONVERT.get(type(field.dataType))
    return lambda value: value if value is None or convert is None else convert(value)


def _text(value: Value) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _whole(value: Any) -> int:
    if value != (whole := int(value)) and not isinstance(value, str):
        raise ValueError("not a whole number")
    return whole


def _truth(value: Value) -> bool:
    if value not in (0, 1):
        raise ValueError("no truth value")
    return bool(value)


_CONVERT: Mapping[type[DataType], Callable[[Any], Any]] = {
    StringType: _text,
    LongType: _whole,
    DoubleType: float,
    BooleanType: _truth,
}


def _failure(place: str, error: Error, clean: Callable[[str], str]) -> dict[str, Value]:
    """A workspace's failure as a value of the column `error`."""
    status, code, request = None, None, None
    if isinstance(error, ApiError):
        status, code, request = error.status, error.code or None, error.request_id or None
    texts = {"type": type(error).__name__, "code": code, "message": error.message, "request_id": request}
    cleaned = {name: None if text is None else escape_unsafe(clean(text)) for name, text in texts.items()}
    return {"deployment_name": place, "status": status, **cleaned}


def _token(settings: ReadOptions, environment: Environment) -> str | None:
    """The token that an option names; None: it is looked for as the shell does. Raises CredentialError."""
    if settings.token_env is not None:
        value = environment.get(settings.token_env).strip()
        if not value:
            # Not by its name: it may be a secret that somebody took for the option's value.
            raise CredentialError(
                "the environment variable that option token_env names is not set where workspaces are read",
                hint="executors need it: as an environment variable of the cluster, or spark.executorEnv.NAME",
            )
        return value
    if settings.secret_scope is not None and settings.secret_key is not None:
        return _of_databricks(settings.secret_scope, settings.secret_key)
    return None


def _of_databricks(scope: str, key: str) -> str:
    """A secret of Databricks, read through its runtime or its SDK. Raises CredentialError."""
    try:
        from databricks.sdk.runtime import dbutils  # noqa: PLC0415 (only there where it is used)

        return str(dbutils.secrets.get(scope, key)).strip()
    except Exception as failure:  # noqa: BLE001 (another program's, of any kind)
        raise CredentialError(
            "the secret that options secret_scope and secret_key name cannot be read where workspaces are read: "
            + type(failure).__name__,
            hint="set an environment variable of the cluster to {{secrets/SCOPE/KEY}}, and name it in token_env",
        ) from None
