"""Read some workspaces on an executor, with the shell's own fetcher, and return their rows as Arrow batches."""

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
"""Rows of one Arrow batch, as in Spark's own spark.sql.execution.arrow.maxRecordsPerBatch."""
_TYPES: Mapping[ColumnType, type[DataType]] = {"integer": LongType, "number": DoubleType, "boolean": BooleanType}
"""The Spark types of columns; all others are text."""
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
"""The type of the column `error` of a read with `errors` = `rows`; it is NULL in the rows of a resource."""


def schema_of(plan: ReadPlan, errors: OnError) -> StructType:
    """Return a read's columns as Spark has them. Raises ProgrammingError if two have the same name."""
    fields = [StructField(column.name, _TYPES.get(column.type, StringType)()) for column in plan.query.columns]
    fields += [StructField("error", ERROR)] if errors == "rows" else []
    names: set[str] = set()
    for field in fields:
        if field.name.lower() in names:
            raise ProgrammingError(f"two columns are named {field.name!r}", hint="rename one of them: AS ...")
        names.add(field.name.lower())
    return StructType(fields)


# Spark pickles this object and sends it to the executors. It therefore holds the plan and the options,
# and neither a connection nor a credential.
class TokenReader(DataSourceReader):
    """Reads a query's rows, some workspaces per partition.

    Args:
        plan: what to read.
        options: how to read it.
        schema: the columns that the user asked for, of those that `schema_of` returns.
    """

    def __init__(self, plan: ReadPlan, options: ReadOptions, schema: StructType) -> None:
        self.plan = plan
        self.workspaces = plan.workspaces
        self._options = options
        self._schema = schema
        with convert_errors():
            _check_schema(schema_of(plan, options.errors), schema)

    def partitions(self) -> list[InputPartition]:
        """Return the workspaces of each task."""
        parameter, workspaces = self.plan.parameter, self.workspaces
        if parameter is None:
            return [InputPartition(())]
        if workspaces is None:
            with convert_errors():
                raise ProgrammingError(
                    f"no value for {parameter}", hint=f"add WHERE {parameter} = '...', or option {parameter}"
                )
        # Some workspaces per task, not one: a task has a fixed cost, and its requests run in parallel on
        # one connection pool.
        size = self._options.workspaces_per_partition
        return [InputPartition(workspaces[start : start + size]) for start in range(0, len(workspaces), size)]

    def read(self, partition: InputPartition | None) -> Iterator[pyarrow.RecordBatch]:
        """Yield the rows of a partition's workspaces as Arrow batches.

        Raises OperationalError if a workspace fails; with `errors` = `rows` yields a row for it instead.
        """
        # Spark calls this once for a read of no partitions: with None until 4.1, with a partition of None since 4.3.
        if partition is None or partition.value is None:
            return
        # The credential is looked up here, on the executor: in the plan, which the driver sends, it would be readable by
        # everyone who may see the cluster's logs.
        failures: dict[str, Error] = {}
        with convert_errors():
            connection = self._connect(failures.update if self._options.errors == "rows" else None)
        clean = connection.redactor.clean
        with connection, convert_errors(clean=clean):
            rows = connection.select(self.plan.narrow(partition.value)).rows
            columns = [column.name for column in self.plan.query.columns]
            while chunk := list(islice(rows, _BATCH)):
                yield self._to_batch(dict(zip(columns, zip(*chunk, strict=True), strict=True)), len(chunk))
            if failures:
                error_rows = [_error_row(workspace, error, clean) for workspace, error in failures.items()]
                yield self._to_batch({"error": error_rows}, len(error_rows))

    def _connect(self, on_tolerated: Callable[[Mapping[str, Error]], None] | None) -> Connection:
        options = self._options
        return connect(
            profile=options.profile,
            token=_find_token(options, Environment.from_process()),
            timeout=options.timeout,
            max_connections=options.max_connections,
            max_pages=options.max_pages,
            callbacks=Callbacks(on_tolerated=on_tolerated, on_failure=_fail),
            hosts=self.plan.hosts,  # the driver decides once where names lead
        )

    def _to_batch(self, columns: Mapping[str, Sequence[Any]], count: int) -> pyarrow.RecordBatch:
        """Return rows, by column, as a batch of the schema; missing columns are NULL."""
        import pyarrow as pa  # noqa: PLC0415 (only executors need it)

        by_name = {name.lower(): values for name, values in columns.items()}
        schema = to_arrow_schema(self._schema)
        arrays = []
        for field, arrow in zip(self._schema, schema, strict=True):
            values = by_name.get(field.name.lower(), [None] * count)
            try:
                arrays.append(pa.array(map(_find_converter(field), values), arrow.type))
            except (ValueError, OverflowError):  # the bases of pyarrow's own errors
                raise DataError(f"a value of column {field.name} is not a {field.dataType.simpleString()}") from None
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _fail(error: Error) -> None:
    """Raise an error that elsewhere is a warning: on an executor it would not be seen, and frames are kept."""
    raise error


def _check_schema(full: StructType, requested: StructType) -> None:
    """Raise ProgrammingError if the user's schema has columns that the full one lacks, or types they cannot have."""
    columns = {column.name.lower(): column for column in full}
    for field in requested:
        column = columns.get(field.name.lower())
        if column is None:
            raise UnknownName("column", field.name, near=nearest(field.name, full.names))
        if field.dataType != column.dataType and (column.dataType == ERROR or type(field.dataType) not in _CONVERTERS):
            raise ProgrammingError(
                f"column {field.name} is {column.dataType.simpleString()}, not {field.dataType.simpleString()}",
                hint="leave the schema out, and convert in Spark SQL: timestamp_millis(expiry_time) for example",
            )
    if full.fields[-1].dataType == ERROR and "error" not in {field.name.lower() for field in requested}:
        raise ProgrammingError(f"errors = 'rows' needs the column error {ERROR.simpleString()}")


def _find_converter(field: StructField) -> Callable[[Any], Any]:
    """Return a function that converts a column's values to its Spark type, and raises ValueError for one that it cannot."""
    convert = _CONVERTERS.get(type(field.dataType))
    return lambda value: value if value is None or convert is None else convert(value)


def _to_text(value: Value) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _to_integer(value: Any) -> int:
    if value != (integer := int(value)) and not isinstance(value, str):
        raise ValueError("not a whole number")
    return integer


def _to_boolean(value: Value) -> bool:
    if value not in (0, 1):
        raise ValueError("not a truth value")
    return bool(value)


_CONVERTERS: Mapping[type[DataType], Callable[[Any], Any]] = {
    StringType: _to_text,
    LongType: _to_integer,
    DoubleType: float,
    BooleanType: _to_boolean,
}


def _error_row(workspace: str, error: Error, clean: Callable[[str], str]) -> dict[str, Value]:
    """Return a workspace's failure as a value of the column `error`, without secrets."""
    status, code, request = None, None, None
    if isinstance(error, ApiError):
        status, code, request = error.status, error.code or None, error.request_id or None
    texts = {"type": type(error).__name__, "code": code, "message": error.message, "request_id": request}
    cleaned = {name: None if text is None else escape_unsafe(clean(text)) for name, text in texts.items()}
    return {"deployment_name": workspace, "status": status, **cleaned}


def _find_token(options: ReadOptions, environment: Environment) -> str | None:
    """Return the token that an option names; None: look for a credential as the shell does. Raises CredentialError."""
    if options.token_env is not None:
        value = environment.get(options.token_env).strip()
        if not value:
            # Its name is not quoted: users have put the secret itself into the option.
            raise CredentialError(
                "the environment variable that option token_env names is not set where workspaces are read",
                hint="executors need it: as an environment variable of the cluster, or spark.executorEnv.NAME",
            )
        return value
    if options.secret_scope is not None and options.secret_key is not None:
        return _read_databricks_secret(options.secret_scope, options.secret_key)
    return None


def _read_databricks_secret(scope: str, key: str) -> str:
    """Return a Databricks secret, read through the runtime or its SDK. Raises CredentialError."""
    try:
        from databricks.sdk.runtime import dbutils  # noqa: PLC0415 (exists on Databricks only)

        return str(dbutils.secrets.get(scope, key)).strip()
    except Exception as failure:  # noqa: BLE001 (dbutils raises errors of any kind)
        raise CredentialError(
            "the secret that options secret_scope and secret_key name cannot be read where workspaces are read: "
            + type(failure).__name__,
            hint="set an environment variable of the cluster to {{secrets/SCOPE/KEY}}, and name it in token_env",
        ) from None
