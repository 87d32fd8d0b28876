"""The SQLAlchemy dialect (`pip install 'tokensh[sqlalchemy]'`): `create_engine("tokensh://dbc-abcd0123-a1bc")`.

A URL is `tokensh://[PROFILE@][WORKSPACE][/?NAME=VALUE&...]` with the options of `tokensh.connect` as names; a schema is
`provider.service`. Every write takes effect when it is executed: the API has no transactions. Queries run in SQLite, so
statements are compiled by SQLAlchemy's own SQLite compiler. Local tables have keys, UNIQUE, NOT NULL and defaults; indexes,
foreign keys, checks and the names of constraints are left out of what `create_all` and pandas' `to_sql` send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

try:
    from sqlalchemy import event, exc, null, types
    from sqlalchemy.dialects.sqlite import base as sqlite
    from sqlalchemy.engine import URL, Engine, default, reflection
    from sqlalchemy.engine import Connection as SQLAlchemyConnection
    from sqlalchemy.sql.compiler import IdentifierPreparer, InsertmanyvaluesSentinelOpts
except ModuleNotFoundError as missing:
    raise ImportError(
        "tokensh.integrations.sqlalchemy needs SQLAlchemy: pip install 'tokensh[sqlalchemy]'"
    ) from missing

from tokensh import __version__, sandbox
from tokensh.dbapi import pep249
from tokensh.dbapi.connection import Connection
from tokensh.dbapi.options import OPTIONS
from tokensh.engine.store import DeclaredColumn, StoredObject
from tokensh.errors import ConnectionClosed, UnknownName
from tokensh.plan.method_resolution import scan_columns
from tokensh.plan.objects import Kind, StoredTable, View
from tokensh.provider.model import Resource
from tokensh.rows import Column, ColumnType
from tokensh.sql.parameters import TimeText
from tokensh.text import did_you_mean

# SQLAlchemy's SQLite parts are taken one by one, not by inheritance from SQLiteDialect: that reflects
# with PRAGMA; reflection here reads the catalog and the store instead.
_TYPES: dict[ColumnType, type[types.TypeEngine[Any]]] = {
    "string": types.String,
    "integer": types.BigInteger,
    "number": types.Float,
    "boolean": types.Boolean,
    "object": sqlite.JSON,
    "array": sqlite.JSON,
    "json": sqlite.JSON,
    "any": types.NullType,
}


_SQLITE = sqlite.SQLiteDialect()
"""Knows which of SQLAlchemy's types a declared type is."""


class _Preparer(IdentifierPreparer):
    """Quotes names of three parts: a schema is a provider and a service, each quoted by itself."""

    reserved_words = sqlite.SQLiteIdentifierPreparer.reserved_words

    def format_constraint(self, constraint: Any, _alembic_quote: bool = True) -> Any:
        """Return None: the store does not keep names of constraints."""

    def quote_schema(self, schema: str, force: Any = None) -> str:
        """Quote the parts of a schema, with dots between them."""
        return ".".join(map(self.quote, schema.split(".")))


class _Compiler(sqlite.SQLiteCompiler):
    """SQLAlchemy's compiler for SQLite, which writes an IN of no values as a query for numbers: text is not compared with those."""

    def visit_empty_set_expr(self, element_types: Any, **kw: Any) -> str:
        """Return a query without rows."""
        return f"SELECT {', '.join(['NULL'] * max(len(element_types), 1))} WHERE 1 != 1"

    def visit_insert(self, insert_stmt: Any, *arguments: Any, **kw: Any) -> str:
        """Return an INSERT; one without any value gives NULL for the first column, for which a key takes the next number."""
        has_values = insert_stmt._values or insert_stmt._multi_values or self.column_keys
        if not has_values and insert_stmt.select is None and insert_stmt.table.c:
            insert_stmt = insert_stmt.values({next(iter(insert_stmt.table.c)): null()})
        return str(super().visit_insert(insert_stmt, *arguments, **kw))


class _DDLCompiler(sqlite.SQLiteDDLCompiler):
    """Leaves out what the store does not have; an empty statement is not executed."""

    def _leave_out(self, *_: Any, **kw: Any) -> None:
        """Return nothing."""

    visit_foreign_key_constraint = visit_check_constraint = _leave_out

    def _write_nothing(self, *_: Any, **kw: Any) -> str:
        """Return an empty text."""
        return ""

    visit_column_check_constraint = visit_create_index = visit_drop_index = _write_nothing


class _TimeBinding:
    """Binds dates and times as SQLAlchemy does for SQLite, as text, and marks it as a time: columns of milliseconds take it."""

    def bind_processor(self, dialect: Any) -> Any:
        """Return a function that makes the text of a value."""
        make_text = super().bind_processor(dialect)  # type: ignore[misc] # the types that this class is mixed into have it
        return lambda value: None if value is None else TimeText(make_text(value))


class _DateTime(_TimeBinding, sqlite.DATETIME):
    pass


class _Date(_TimeBinding, sqlite.DATE):
    pass


class TokenshDialect(default.DefaultDialect):
    """The SQLAlchemy dialect of tokensh; its methods are those that SQLAlchemy calls."""

    name = "tokensh"
    driver = "tokensh"
    default_paramstyle = "qmark"
    statement_compiler = _Compiler
    ddl_compiler = _DDLCompiler
    type_compiler_cls = sqlite.SQLiteTypeCompiler
    preparer = _Preparer
    colspecs = {**sqlite.SQLiteDialect.colspecs, types.DateTime: _DateTime, types.Date: _Date}  # noqa: RUF012 (SQLAlchemy's way)
    # What SQLAlchemy may generate. SQLite's booleans are integers, and PEP 249's lastrowid has no meaning here: ids come from
    # RETURNING, which all three kinds of change have.
    supports_statement_cache = True
    supports_cast = True
    supports_multivalues_insert = True
    supports_native_boolean = False
    supports_default_values = False
    supports_sane_rowcount_returning = False
    insert_returning = update_returning = delete_returning = True
    postfetch_lastrowid = False
    # Rows come back in the order in which they were given, and the keys that the store numbers rise with it.
    use_insertmanyvalues = True
    insertmanyvalues_implicit_sentinel = InsertmanyvaluesSentinelOpts.ANY_AUTOINCREMENT

    _sandbox: sandbox.Sandbox | None = None

    def __init__(self, json_serializer: Any = None, json_deserializer: Any = None, **settings: Any) -> None:
        super().__init__(**settings)
        # Where SQLAlchemy's JSON type looks for them.
        self._json_serializer, self._json_deserializer = json_serializer, json_deserializer

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return the DB-API module."""
        return pep249

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """End the engine's sandbox when the engine is disposed of."""
        dialect = engine.dialect
        if isinstance(dialect, TokenshDialect):
            event.listen(engine, "engine_disposed", lambda _: dialect.end_sandbox())

    # ---- connections

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """Return the options in a URL as arguments of `connect`. Raises ArgumentError."""
        if url.password is not None or url.port is not None or url.database:
            raise exc.ArgumentError("a tokensh URL is tokensh://[PROFILE@][WORKSPACE][/?NAME=VALUE&...]")
        texts = {"profile": url.username, "workspace": url.host, **url.query}
        return [], {name: _parse_option(name, text) for name, text in texts.items() if text is not None}

    def connect(self, *arguments: Any, **settings: Any) -> Any:
        """Open a connection; the connections of an engine share its sandbox."""
        # A pool opens several connections; each with a sandbox of its own would see other tokens than the one before.
        if settings.get("sandbox") is True:
            if self._sandbox is None:
                self._sandbox = sandbox.start(list_credentials=True)
            settings["sandbox"] = self._sandbox
        return super().connect(*arguments, **settings)

    def end_sandbox(self) -> None:
        """End the engine's sandbox, if it has one."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def get_isolation_level_values(self, dbapi_connection: Any) -> tuple[str]:
        """Return `AUTOCOMMIT`, the only isolation level."""
        return ("AUTOCOMMIT",)

    def get_isolation_level(self, dbapi_connection: Any) -> str:
        """Return `AUTOCOMMIT`, the only isolation level."""
        return "AUTOCOMMIT"

    def get_default_isolation_level(self, dbapi_connection: Any) -> str:
        """Return `AUTOCOMMIT`, the only isolation level."""
        return "AUTOCOMMIT"

    # SQLAlchemy calls this when an engine is created with isolation_level="AUTOCOMMIT", so it must exist.
    def set_isolation_level(self, dbapi_connection: Any, level: str) -> None:
        """Do nothing: the level is always AUTOCOMMIT."""

    def _get_server_version_info(self, connection: SQLAlchemyConnection) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", __version__))

    def _get_default_schema_name(self, connection: SQLAlchemyConnection) -> str:
        return ".".join(_session(connection).namespace)

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Return True if a connection was closed behind the pool's back, which then drops its connections."""
        return isinstance(e, ConnectionClosed)

    # ---- statements

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Run a statement; an empty one, which stands for what the store does not have, is not run."""
        if statement:
            cursor.execute(statement, parameters)

    def do_savepoint(self, connection: SQLAlchemyConnection, name: str) -> None:
        """Raise InvalidRequestError."""
        raise exc.InvalidRequestError("tokensh has no savepoints: every write takes effect when it is executed")

    # ---- reflection

    def get_schema_names(self, connection: SQLAlchemyConnection, **kw: Any) -> list[str]:
        """Return every `provider.service`, and the schemas of the session's own tables."""
        session = _session(connection)
        services = [
            f"{provider.name}.{service.name}"
            for provider in session.catalog.providers()
            for service in session.catalog.services(provider.name)
        ]
        own = (name.rpartition(".")[0] for name in session.objects.names())
        return list(dict.fromkeys((*services, *filter(None, own))))

    def get_table_names(self, connection: SQLAlchemyConnection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the resources, and without a schema those of the local tables too."""
        session = _session(connection)
        return [*_resource_names(session, schema), *_object_names(session, schema, "TABLE", "SESSION TABLE")]

    def get_view_names(self, connection: SQLAlchemyConnection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the store's views."""
        return list(_object_names(_session(connection), schema, "VIEW"))

    def get_materialized_view_names(
        self,
        connection: SQLAlchemyConnection,
        schema: str | None = None,
        **kw: Any,
    ) -> list[str]:
        """Return the names of the store's materialized views."""
        return list(_object_names(_session(connection), schema, "MATERIALIZED VIEW"))

    def get_temp_table_names(self, connection: SQLAlchemyConnection, **kw: Any) -> list[str]:
        """Return an empty list: nothing here is temporary."""
        return []

    get_temp_view_names = get_temp_table_names

    @reflection.cache
    def has_table(
        self,
        connection: SQLAlchemyConnection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> bool:
        """Return True if a resource, a table or a view has the name."""
        return _find_table(_session(connection), table_name, schema) is not None

    def get_columns(
        self,
        connection: SQLAlchemyConnection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> list[Any]:
        """Return the columns of `SELECT *`. Raises NoSuchTableError."""
        session = _session(connection)
        table = _get_table(session, table_name, schema)
        if not isinstance(table, Resource):
            declared = {column.name: column for column in _list_declarations(session, table_name, schema)}
            return [_reflect_column(column, None, declared.get(column.name)) for column in table]
        methods = table.methods_for("SELECT")
        comments = {parameter.name: parameter.description for method in methods for parameter in method.routing}
        comments |= {field.name: field.full_description for field in table.fields}
        columns = [scanned.column for scanned in scan_columns(table, methods) if scanned.visible]
        return [_reflect_column(column, comments.get(column.name)) for column in columns]

    def get_table_comment(
        self,
        connection: SQLAlchemyConnection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> Any:
        """Return a resource's description. Raises NoSuchTableError."""
        table = _get_table(_session(connection), table_name, schema)
        return {"text": table.description or None if isinstance(table, Resource) else None}

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Return a local table's key; provider documents do not declare any. Raises NoSuchTableError, as the methods below."""
        session = _session(connection)
        _get_table(session, table_name, schema)
        keys = sorted((c.key, c.name) for c in _list_declarations(session, table_name, schema) if c.key)
        return {"constrained_columns": [name for _, name in keys], "name": None}

    def get_unique_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Return what a local table declares UNIQUE."""
        session = _session(connection)
        _get_table(session, table_name, schema)
        stored = _find_stored_table(session, table_name, schema)
        found = session.objects.store.unique_columns(stored) if stored else []
        return [{"name": None, "column_names": names} for names in found]

    def _get_none(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> list[Any]:
        """Return an empty list."""
        _get_table(_session(connection), table_name, schema)
        return []

    get_foreign_keys = get_indexes = get_check_constraints = _get_none

    def get_view_definition(
        self,
        connection: SQLAlchemyConnection,
        view_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> str:
        """Return a view's query. Raises NoSuchTableError."""
        view = None if schema else _session(connection).objects.store.find(view_name)
        if view is None or not view.query:
            raise exc.NoSuchTableError(view_name)
        return view.query


def _parse_option(name: str, text: Any) -> Any:
    """Return the value of an option in a URL. Raises ArgumentError; a repeated option is a tuple of texts, and one too."""
    if name in ("token", "auth"):
        # URLs end up in logs and in shell histories.
        raise exc.ArgumentError(f"a URL must not hold a credential: give connect_args={{{name!r}: ...}}")
    if name not in OPTIONS:
        hint = did_you_mean(name, OPTIONS)
        raise exc.ArgumentError(f"unknown option {name!r} in a tokensh URL" + (f"; {hint}" if hint else ""))
    if not isinstance(text, str):
        raise exc.ArgumentError(f"the option {name!r} is given more than once in a tokensh URL")
    try:
        return OPTIONS[name].read(text)
    except ValueError as error:
        raise exc.ArgumentError(f"{error}, in a tokensh URL") from None


def _session(connection: SQLAlchemyConnection) -> Connection:
    session: Connection = connection.connection.driver_connection
    return session


def _resource_names(session: Connection, schema: str | None) -> list[str]:
    path = session.namespace if schema is None else tuple(schema.split("."))
    if len(path) != 2:
        return []
    try:
        return [resource.name for resource in session.catalog.resources(*path)]
    except UnknownName:
        return []


def _object_names(session: Connection, schema: str | None, *kinds: Kind) -> Iterator[str]:
    """Yield the names of the session's objects of some kinds; without a schema those of one part."""
    for full_name in session.objects.names():
        object_schema, _, name = full_name.rpartition(".")
        found = session.objects.find(full_name) if object_schema == (schema or "") else None
        if found is not None and found.kind in kinds:
            yield name


def _find_table(session: Connection, name: str, schema: str | None) -> Resource | tuple[Column, ...] | None:
    """Return a resource, or the columns of the session's own object; None if neither has the name."""
    full_name = f"{schema}.{name}" if schema else name
    resource = session.catalog.find_or_none(tuple(full_name.split(".")), session.namespace)
    if resource is not None:
        return resource
    found = session.objects.find(full_name)
    if isinstance(found, View):
        view = session.objects.store.find(full_name)
        return view.columns if view else ()
    return found.columns if found is not None else None


def _get_table(session: Connection, name: str, schema: str | None) -> Resource | tuple[Column, ...]:
    found = _find_table(session, name, schema)
    if found is None:
        raise exc.NoSuchTableError(f"{schema}.{name}" if schema else name)
    return found


def _find_stored_table(session: Connection, name: str, schema: str | None) -> StoredObject | None:
    """Return a table of the store; None for anything else, also for a resource of that name."""
    full_name = f"{schema}.{name}" if schema else name
    found = session.objects.find(full_name)
    is_table = isinstance(found, StoredTable) and found.kind == "TABLE"
    if not is_table or isinstance(_find_table(session, name, schema), Resource):
        return None
    return session.objects.store.find(full_name)


def _list_declarations(session: Connection, name: str, schema: str | None) -> list[DeclaredColumn]:
    stored = _find_stored_table(session, name, schema)
    return session.objects.store.declared_columns(stored) if stored else []


def _reflect_column(column: Column, comment: str | None, declared: DeclaredColumn | None = None) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": _reflect_type(column, declared.type if declared else ""),
        "nullable": not (declared and declared.required),
        "default": declared.default if declared else None,
        "comment": comment or None,
    }


_AFFINITIES = {"TEXT": "string", "REAL": "number"}
"""Types that CREATE TABLE ... AS declares, and those of our columns that they stand for; others stand for several."""


def _reflect_type(column: Column, declared: str) -> types.TypeEngine[Any]:
    """Return the type that a column was declared with; where it has only an affinity, the one that its values have."""
    if declared in ("", "NUM", "INT") or _AFFINITIES.get(declared, column.type) != column.type:
        return _TYPES[column.type]()
    found: types.TypeEngine[Any] = _SQLITE._resolve_type_affinity(declared)
    return found
