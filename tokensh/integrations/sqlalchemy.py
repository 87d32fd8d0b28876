"""The SQLAlchemy dialect (`pip install 'tokensh[sqlalchemy]'`): `create_engine("tokensh://dbc-abcd0123-a1bc")`.

A URL is `tokensh://[PROFILE@][WORKSPACE][/?NAME=VALUE&..]` with the settings of `tokensh.connect` as names; a schema is
`provider.service`. Every write takes effect when it is executed: the API has no transactions. Queries run in SQLite, so that
what a statement compiles to is SQLite's SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

try:
    from sqlalchemy import event, exc, types
    from sqlalchemy.dialects.sqlite import base as sqlite
    from sqlalchemy.engine import URL, Engine, default
    from sqlalchemy.engine import Connection as SQLAlchemyConnection
    from sqlalchemy.sql.compiler import IdentifierPreparer
except ModuleNotFoundError as missing:
    raise ImportError(
        "tokensh.integrations.sqlalchemy needs SQLAlchemy: pip install 'tokensh[sqlalchemy]'"
    ) from missing

from tokensh import __version__, sandbox
from tokensh.dbapi import pep249
from tokensh.dbapi.connection import Connection
from tokensh.errors import ConnectionClosed, UnknownName
from tokensh.plan.method_resolution import scan_columns
from tokensh.plan.objects import Kind, View
from tokensh.provider.model import Resource
from tokensh.rows import Column, ColumnType
from tokensh.text import nearest

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
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _boolean(text: str) -> bool:
    return _BOOLEANS[text.lower()]


_SETTINGS: dict[str, Callable[[str], Any]] = {
    "profile": str,
    "endpoint": str,
    "workspace": str,
    "registry": str,
    "store": str,
    "sandbox": _boolean,
    "partial": _boolean,
    "yes": _boolean,
    "timeout": float,
    "max_connections": int,
}
"""What a URL may set. A token is not among them: URLs end up in logs; `connect_args={"token": ..}` takes one."""


class _Preparer(IdentifierPreparer):
    """Names of three parts: a schema is a provider and a service, each quoted by itself."""

    reserved_words = sqlite.SQLiteIdentifierPreparer.reserved_words

    def quote_schema(self, schema: str, force: Any = None) -> str:
        """The parts with dots between them."""
        return ".".join(map(self.quote, schema.split(".")))


class TokenshDialect(default.DefaultDialect):
    """What SQLAlchemy has to know of tokensh."""

    name = "tokensh"
    driver = "tokensh"
    default_paramstyle = "qmark"
    statement_compiler = sqlite.SQLiteCompiler
    ddl_compiler = sqlite.SQLiteDDLCompiler
    type_compiler_cls = sqlite.SQLiteTypeCompiler
    preparer = _Preparer
    colspecs = sqlite.SQLiteDialect.colspecs
    supports_statement_cache = True
    supports_cast = True
    supports_multivalues_insert = True
    supports_native_boolean = False
    supports_default_values = False
    supports_sane_rowcount_returning = False
    insert_returning = update_returning = delete_returning = True
    postfetch_lastrowid = False
    _json_serializer = _json_deserializer = None

    _sandbox: sandbox.Sandbox | None = None

    @classmethod
    def import_dbapi(cls) -> Any:
        """The driver."""
        return pep249

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """An engine's sandbox ends when the engine is disposed of."""
        dialect = engine.dialect
        if isinstance(dialect, TokenshDialect):
            event.listen(engine, "engine_disposed", lambda _: dialect.end_sandbox())

    # ---- connections

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """The settings in a URL. Raises ArgumentError."""
        if url.password is not None or url.port is not None or url.database:
            raise exc.ArgumentError("a tokensh URL is tokensh://[PROFILE@][WORKSPACE][/?NAME=VALUE&..]")
        given = {"profile": url.username, "workspace": url.host, **url.query}
        return [], {name: _setting(name, value) for name, value in given.items() if value is not None}

    def connect(self, *arguments: Any, **settings: Any) -> Any:
        """A connection; the connections of an engine share its sandbox."""
        if settings.get("sandbox") is True:
            if self._sandbox is None:
                self._sandbox = sandbox.start()
            settings["sandbox"] = self._sandbox
        return super().connect(*arguments, **settings)

    def end_sandbox(self) -> None:
        """End the engine's sandbox, if it has one."""
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def get_isolation_level_values(self, dbapi_connection: Any) -> tuple[str]:
        """The only one there is."""
        return ("AUTOCOMMIT",)

    def get_isolation_level(self, dbapi_connection: Any) -> str:
        """The only one there is."""
        return "AUTOCOMMIT"

    def get_default_isolation_level(self, dbapi_connection: Any) -> str:
        """The only one there is."""
        return "AUTOCOMMIT"

    def set_isolation_level(self, dbapi_connection: Any, level: str) -> None:
        """Nothing: it is AUTOCOMMIT already."""

    def _get_server_version_info(self, connection: SQLAlchemyConnection) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", __version__))

    def _get_default_schema_name(self, connection: SQLAlchemyConnection) -> str:
        return ".".join(_session(connection).namespace)

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Whether the pool should forget its connections: one of them was closed behind its back."""
        return isinstance(e, ConnectionClosed)

    # ---- what there is

    def get_schema_names(self, connection: SQLAlchemyConnection, **kw: Any) -> list[str]:
        """`provider.service`, for all of them, and the session's own."""
        session = _session(connection)
        places = [
            f"{provider.name}.{service.name}"
            for provider in session.catalog.providers()
            for service in session.catalog.services(provider.name)
        ]
        own = (name.rpartition(".")[0] for name in session.objects.names())
        return list(dict.fromkeys((*places, *filter(None, own))))

    def get_table_names(self, connection: SQLAlchemyConnection, schema: str | None = None, **kw: Any) -> list[str]:
        """The resources; without a schema the local tables too."""
        session = _session(connection)
        return [*_resources(session, schema), *_objects(session, schema, "TABLE", "SESSION TABLE")]

    def get_view_names(self, connection: SQLAlchemyConnection, schema: str | None = None, **kw: Any) -> list[str]:
        """The store's views."""
        return list(_objects(_session(connection), schema, "VIEW"))

    def get_materialized_view_names(
        self,
        connection: SQLAlchemyConnection,
        schema: str | None = None,
        **kw: Any,
    ) -> list[str]:
        """The store's materialized views."""
        return list(_objects(_session(connection), schema, "MATERIALIZED VIEW"))

    def has_table(
        self,
        connection: SQLAlchemyConnection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> bool:
        """Whether there is a resource, a table or a view of the name."""
        return _find(_session(connection), table_name, schema) is not None

    def get_columns(
        self,
        connection: SQLAlchemyConnection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> list[Any]:
        """The columns of `SELECT *`. Raises NoSuchTableError."""
        session = _session(connection)
        found = _known(session, table_name, schema)
        if isinstance(found, Resource):
            notes = {p.name: p.description for m in found.of("SELECT") for p in m.routing}
            notes |= {field.name: field.description for field in found.fields}
            shown = [one.column for one in scan_columns(found, found.of("SELECT")) if one.visible]
            return [_described(one, notes.get(one.name)) for one in shown]
        return [_described(one, None) for one in found]

    def get_table_comment(
        self,
        connection: SQLAlchemyConnection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> Any:
        """A resource's description. Raises NoSuchTableError."""
        found = _known(_session(connection), table_name, schema)
        return {"text": found.description or None if isinstance(found, Resource) else None}

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """None: provider documents name no keys. Raises NoSuchTableError, as those below."""
        _known(_session(connection), table_name, schema)
        return {"constrained_columns": [], "name": None}

    def _nothing(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> list[Any]:
        """There are none."""
        _known(_session(connection), table_name, schema)
        return []

    get_foreign_keys = get_indexes = get_unique_constraints = get_check_constraints = _nothing

    def get_view_definition(
        self,
        connection: SQLAlchemyConnection,
        view_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> str:
        """A view's query. Raises NoSuchTableError."""
        kept = None if schema else _session(connection).objects.store.find(view_name)
        if kept is None or not kept.query:
            raise exc.NoSuchTableError(view_name)
        return kept.query


def _setting(name: str, value: Any) -> Any:
    """A setting's value. Raises ArgumentError."""
    if name in ("token", "auth"):
        raise exc.ArgumentError(f"a URL is no place for a credential: give connect_args={{{name!r}: ..}}")
    if name not in _SETTINGS:
        near = nearest(name, _SETTINGS)
        raise exc.ArgumentError(
            f"unknown setting {name!r} in a tokensh URL" + (f"; did you mean {near!r}?" if near else "")
        )
    try:
        return _SETTINGS[name](value)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise exc.ArgumentError(f"the setting {name} of a tokensh URL cannot be {value!r}") from None


def _session(connection: SQLAlchemyConnection) -> Connection:
    session: Connection = connection.connection.driver_connection
    return session


def _resources(session: Connection, schema: str | None) -> list[str]:
    place = session.namespace if schema is None else tuple(schema.split("."))
    if len(place) != 2:
        return []
    try:
        return [one.name for one in session.catalog.resources(*place)]
    except UnknownName:
        return []


def _objects(session: Connection, schema: str | None, *kinds: Kind) -> Iterator[str]:
    """The names of local objects of these kinds: without a schema those of one part."""
    for whole in session.objects.names():
        place, _, name = whole.rpartition(".")
        found = session.objects.find(whole) if place == (schema or "") else None
        if found is not None and found.kind in kinds:
            yield name


def _find(session: Connection, name: str, schema: str | None) -> Resource | tuple[Column, ...] | None:
    """A resource, or the columns of a local object."""
    whole = f"{schema}.{name}" if schema else name
    found = session.objects.find(whole)
    if isinstance(found, View):
        kept = session.objects.store.find(whole)
        return kept.columns if kept else ()
    if found is not None:
        return found.columns
    try:
        return session.catalog.find(tuple(whole.split(".")), session.namespace)
    except UnknownName:
        return None


def _known(session: Connection, name: str, schema: str | None) -> Resource | tuple[Column, ...]:
    found = _find(session, name, schema)
    if found is None:
        raise exc.NoSuchTableError(f"{schema}.{name}" if schema else name)
    return found


def _described(column: Column, comment: str | None) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": _TYPES[column.type](),
        "nullable": True,
        "default": None,
        "autoincrement": False,
        "comment": comment or None,
    }
