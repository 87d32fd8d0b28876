"""The names that PEP 249 wants of a module; `tokensh` offers them as its own.

`tokensh.connect(workspace="...").cursor().execute("SELECT token_id, comment FROM user_tokens")` iterates over rows.
"""

from __future__ import annotations

from tokensh.dbapi.connection import Connection, connect
from tokensh.dbapi.cursor import Cursor
from tokensh.dbapi.types import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import (
    DatabaseError,
    DataError,
    Error,
    IncompleteResultWarning,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004 (the name PEP 249 prescribes)
)

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Callbacks",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IncompleteResultWarning",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

apilevel = "2.0"
# Threads may share the module, but not a connection.
threadsafety = 1
# The main style: `:name` with a mapping works too.
paramstyle = "qmark"
