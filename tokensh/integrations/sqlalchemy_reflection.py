"""What the SQLAlchemy dialect tells of schemas, tables and columns: of resources from the catalog, of local tables from their file.

A local table is in the schema that its name has: `a.b` in `a`. One without is found without a schema, and in `tokensh.local`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine, exc, inspect, types
from sqlalchemy.dialects.sqlite import JSON
from sqlalchemy.dialects.sqlite.base import SQLiteIdentifierPreparer
from sqlalchemy.engine import URL, Engine, Inspector, reflection
from sqlalchemy.engine import Connection as SQLAlchemyConnection
from sqlalchemy.pool import NullPool

from tokensh.dbapi.connection import Connection
from tokensh.engine.store import INDEX_PREFIX
from tokensh.errors import UnknownName
from tokensh.plan.method_resolution import scan_columns
from tokensh.plan.objects import LOCAL_SCHEMA, Kind, View
from tokensh.provider.model import Resource
from tokensh.rows import Column, ColumnType

T = TypeVar("T")
_NOTHING: list[Any] = []

_TYPES: dict[ColumnType, type[types.TypeEngine[Any]]] = {
    "string": types.String,
    "integer": types.BigInteger,
    "number": types.Float,
    "boolean": types.Boolean,
    "object": JSON,
    "array": JSON,
    "json": JSON,
    "any": types.NullType,
}


class ReflectionMethods:
    """The methods of a dialect that `inspect()` and `Table(..., autoload_with=engine)` call.

    They raise NoSuchTableError for a name that nothing has.
    """

    @reflection.cache
    def get_schema_names(self, connection: SQLAlchemyConnection, **kw: Any) -> list[str]:
        """Return every `provider.service`, and the schemas of the session's own tables."""
        session = get_session(connection)
        services = [
            f"{provider.name}.{service.name}"
            for provider in session.catalog.providers()
            for service in session.catalog.services(provider.name)
        ]
        own = (name.rpartition(".")[0] for name in session.objects.names())
        return list(dict.fromkeys((*services, *filter(None, own))))

    @reflection.cache
    def get_table_names(self, connection: SQLAlchemyConnection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the resources, and without a schema those of the local tables too."""
        session = get_session(connection)
        return [*_resource_names(session, schema), *_object_names(session, schema, "TABLE", "SESSION TABLE")]

    @reflection.cache
    def get_view_names(self, connection: SQLAlchemyConnection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the store's views."""
        return list(_object_names(get_session(connection), schema, "VIEW"))

    @reflection.cache
    def get_materialized_view_names(
        self, connection: SQLAlchemyConnection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        """Return the names of the store's materialized views."""
        return list(_object_names(get_session(connection), schema, "MATERIALIZED VIEW"))

    def get_temp_table_names(self, connection: SQLAlchemyConnection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return an empty list: nothing here is temporary."""
        return []

    get_temp_view_names = get_temp_table_names

    @reflection.cache
    def has_table(
        self, connection: SQLAlchemyConnection, table_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        """Return True if a resource, a table or a view has the name."""
        return _find_table(get_session(connection), table_name, schema) is not None

    @reflection.cache
    def get_columns(
        self, connection: SQLAlchemyConnection, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Return the columns of `SELECT *`."""
        table = _get_table(get_session(connection), table_name, schema)
        if isinstance(table, Resource):
            methods = table.methods_for("SELECT")
            comments = {parameter.name: parameter.description for method in methods for parameter in method.routing}
            comments |= {field.name: field.full_description for field in table.fields}
            columns = [scanned.column for scanned in scan_columns(table, methods) if scanned.visible]
            return [_describe_column(column, comments.get(column.name)) for column in columns]
        stored = get_session(connection).objects.find_stored(_join_name(table_name, schema))
        if stored is None or stored.kind != "TABLE":
            return [_describe_column(column) for column in table]
        declared = _inspect_table(connection, table_name, schema, Inspector.get_columns, _NOTHING)
        pairs = zip(table, declared, strict=True)
        return [_complete_column(column, found, is_derived=not stored.sources) for column, found in pairs]

    @reflection.cache
    def get_table_comment(
        self, connection: SQLAlchemyConnection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        """Return a resource's description."""
        table = _get_table(get_session(connection), table_name, schema)
        return {"text": table.description or None if isinstance(table, Resource) else None}

    @reflection.cache
    def get_pk_constraint(
        self, connection: SQLAlchemyConnection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        """Return a local table's key; provider documents do not declare any."""
        nothing: Any = {"constrained_columns": [], "name": None}
        return _inspect_table(connection, table_name, schema, Inspector.get_pk_constraint, nothing)

    @reflection.cache
    def get_unique_constraints(
        self, connection: SQLAlchemyConnection, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Return what a local table declares UNIQUE."""
        return _inspect_table(connection, table_name, schema, Inspector.get_unique_constraints, _NOTHING)

    @reflection.cache
    def get_check_constraints(
        self, connection: SQLAlchemyConnection, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Return the conditions of a local table."""
        found = _inspect_table(connection, table_name, schema, Inspector.get_check_constraints, _NOTHING)
        return [{**check, "sqltext": _unquote_names(check["sqltext"])} for check in found]

    @reflection.cache
    def get_indexes(
        self, connection: SQLAlchemyConnection, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Return the indexes of a local table."""
        found = _inspect_table(connection, table_name, schema, Inspector.get_indexes, _NOTHING)
        prefix = f"{schema}." if schema else ""
        names = (index["name"].removeprefix(INDEX_PREFIX).removeprefix(prefix) for index in found)
        return sorted(({**index, "name": name} for index, name in zip(found, names, strict=True)), key=_by_name)

    @reflection.cache
    def get_foreign_keys(
        self, connection: SQLAlchemyConnection, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Return the tables that a local table refers to."""
        found = _inspect_table(connection, table_name, schema, Inspector.get_foreign_keys, _NOTHING)
        store = get_session(connection).objects.store
        names = {stored.table: stored.name for stored in map(store.find, store.names()) if stored} if found else {}
        keys = []
        for key in found:
            referred_schema, _, referred = names[key["referred_table"]].rpartition(".")
            unnamed = LOCAL_SCHEMA if schema == LOCAL_SCHEMA else None
            keys.append({**key, "referred_schema": referred_schema or unnamed, "referred_table": referred})
        return keys

    @reflection.cache
    def get_view_definition(
        self, connection: SQLAlchemyConnection, view_name: str, schema: str | None = None, **kw: Any
    ) -> str:
        """Return a view's query."""
        view = get_session(connection).objects.find_stored(_join_name(view_name, schema))
        if view is None or not view.query:
            raise exc.NoSuchTableError(_join_name(view_name, schema))
        return view.query


def get_session(connection: SQLAlchemyConnection) -> Connection:
    """Return the connection of tokensh below one of SQLAlchemy."""
    session: Connection = connection.connection.driver_connection
    return session


# ---- names


def _join_name(name: str, schema: str | None) -> str:
    return f"{schema}.{name}" if schema else name


def _by_name(index: dict[str, Any]) -> str:
    return str(index["name"])


def _resource_names(session: Connection, schema: str | None) -> list[str]:
    path = session.namespace if schema is None else tuple(schema.split("."))
    if len(path) != 2:
        return []
    try:
        return [resource.name for resource in session.catalog.resources(*path)]
    except UnknownName:
        return []


def _object_names(session: Connection, schema: str | None, *kinds: Kind) -> Iterator[str]:
    """Yield the names of the session's objects of some kinds, of a schema."""
    schemas = {"", LOCAL_SCHEMA} if schema == LOCAL_SCHEMA else {schema or ""}
    for full_name in session.objects.names():
        object_schema, _, name = full_name.rpartition(".")
        found = session.objects.find(full_name) if object_schema in schemas else None
        if found is not None and found.kind in kinds:
            yield name


def _find_table(session: Connection, name: str, schema: str | None) -> Resource | tuple[Column, ...] | None:
    """Return a resource, or the columns of the session's own object; None if neither has the name."""
    full_name = _join_name(name, schema)
    resource = session.catalog.find_or_none(tuple(full_name.split(".")), session.namespace)
    if resource is not None:
        return resource
    found = session.objects.find(full_name)
    if isinstance(found, View):
        view = session.objects.find_stored(full_name)
        return view.columns if view else ()
    return found.columns if found is not None else None


def _get_table(session: Connection, name: str, schema: str | None) -> Resource | tuple[Column, ...]:
    found = _find_table(session, name, schema)
    if found is None:
        raise exc.NoSuchTableError(_join_name(name, schema))
    return found


# ---- local tables


def _inspect_table(
    connection: SQLAlchemyConnection,
    name: str,
    schema: str | None,
    look: Callable[[Inspector, str], T],
    otherwise: T,
) -> T:
    """Return what SQLAlchemy's SQLite dialect sees in the file of a local table; `otherwise` of a resource or a view."""
    session = get_session(connection)
    table = _get_table(session, name, schema)
    stored = None if isinstance(table, Resource) else session.objects.find_stored(_join_name(name, schema))
    if stored is None or stored.kind == "VIEW":
        return otherwise
    return look(inspect(_open_file(session.objects.store.path.absolute())), stored.table)


@lru_cache(maxsize=8)
def _open_file(path: Path) -> Engine:
    # It only reads; SQLite leaves the write-ahead log behind a connection that may not write.
    url = URL.create("sqlite", database=path.as_uri(), query={"mode": "rw", "uri": "true"})
    return create_engine(url, poolclass=NullPool)


_QUOTED = re.compile(r"""('(?:[^']|'')*')|"([a-z_][a-z0-9_]*)\"""")


def _unquote_names(sql: str) -> str:
    """Return a condition without quotes around names that need none; the store has all names in quotes."""

    def unquote(match: re.Match[str]) -> str:
        name = match[2]
        return match[0] if name is None or name in SQLiteIdentifierPreparer.reserved_words else name

    return _QUOTED.sub(unquote, sql)


# ---- columns


def _describe_column(column: Column, comment: str | None = None) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": _TYPES[column.type](),
        "nullable": True,
        "default": None,
        "comment": comment or None,
    }


def _complete_column(column: Column, declared: Any, *, is_derived: bool) -> dict[str, Any]:
    """Return a declared column, with the type of its values where the file has only an affinity, as for `CREATE TABLE ... AS`."""
    kind = _TYPES[column.type]() if is_derived or column.type == "json" else declared["type"]
    return {**declared, "type": kind}
