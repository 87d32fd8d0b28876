"""The SQLAlchemy dialect (`pip install 'tokensh[sqlalchemy]'`): `create_engine("tokensh://dbc-abcd0123-a1bc")`.

A URL is `tokensh://[PROFILE@][WORKSPACE][/?NAME=VALUE&...]` with the options of `tokensh.connect` as names; a schema is
`provider.service`. Every write takes effect when it is executed: the API has no transactions. Queries run in SQLite, so
statements are compiled by SQLAlchemy's own SQLite compiler, and local tables, which are in a SQLite file, are reflected by its
SQLite dialect. They are in no schema, or in that of their names' first parts; all of them are in `tokensh.local` too.
"""

from __future__ import annotations

import re
from typing import Any

try:
    from sqlalchemy import event, exc, null, types
    from sqlalchemy.dialects.sqlite import base as sqlite
    from sqlalchemy.engine import URL, Engine, default
    from sqlalchemy.engine import Connection as SQLAlchemyConnection
    from sqlalchemy.sql.compiler import DDLCompiler, IdentifierPreparer, InsertmanyvaluesSentinelOpts
    from sqlalchemy.sql.sqltypes import STRINGTYPE
except ModuleNotFoundError as missing:
    raise ImportError(
        "tokensh.integrations.sqlalchemy needs SQLAlchemy: pip install 'tokensh[sqlalchemy]'"
    ) from missing

from tokensh import __version__, sandbox
from tokensh.dbapi import pep249
from tokensh.dbapi.options import OPTIONS
from tokensh.errors import ConnectionClosed
from tokensh.integrations.sqlalchemy_reflection import ReflectionMethods, get_session
from tokensh.sql.parameters import TimeText
from tokensh.text import did_you_mean

# SQLAlchemy's SQLite parts are taken one by one, not by inheritance from SQLiteDialect: that knows one file, and no schemas.


class _Preparer(IdentifierPreparer):
    """Quotes names of three parts: a schema is a provider and a service, each quoted by itself."""

    reserved_words = sqlite.SQLiteIdentifierPreparer.reserved_words

    def quote_schema(self, schema: str, force: Any = None) -> str:
        """Quote the parts of a schema, with dots between them."""
        return ".".join(map(self.quote, schema.split(".")))


class _Compiler(sqlite.SQLiteCompiler):
    """SQLAlchemy's compiler for SQLite, which writes an IN of no values as a query for numbers: text is not compared with those."""

    def fetch_clause(self, select: Any, **kw: Any) -> str:
        """Return OFFSET and FETCH FIRST, whose numbers are in parentheses: there, an expression needs them."""
        text = ""
        if select._offset_clause is not None:
            text += f"\n OFFSET ({self.process(select._offset_clause, **kw)}) ROWS"
        if select._fetch_clause is not None:
            ending = "WITH TIES" if select._fetch_clause_options["with_ties"] else "ONLY"
            text += f"\n FETCH FIRST ({self.process(select._fetch_clause, **kw)}) ROWS {ending}"
        return text

    def visit_regexp_replace_op_binary(self, binary: Any, operator: Any, **kw: Any) -> str:
        """Return a call of regexp_replace, with the flags if there are any."""
        parts = [self.process(part, **kw) for part in (binary.left, binary.right)]
        flags = binary.modifiers["flags"]
        return (
            f"regexp_replace({', '.join([*parts, *([self.render_literal_value(flags, STRINGTYPE)] if flags else [])])})"
        )

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
    """SQLAlchemy's compiler for SQLite, whose indexes and foreign keys stay in one schema: here they are of any."""

    def visit_foreign_key_constraint(self, constraint: Any, **kw: Any) -> str:
        """Return a foreign key."""
        return str(DDLCompiler.visit_foreign_key_constraint(self, constraint, **kw))

    def define_constraint_remote_table(self, constraint: Any, table: Any, preparer: Any) -> str:
        """Return the name of the table that a foreign key refers to."""
        return str(preparer.format_table(table))

    def visit_create_index(self, create: Any, include_schema: bool = True, **kw: Any) -> str:
        """Return a CREATE INDEX; an index is in the schema of its table."""
        return str(DDLCompiler.visit_create_index(self, create, include_schema, **kw))


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


class TokenshDialect(ReflectionMethods, default.DefaultDialect):
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
        return ".".join(get_session(connection).namespace)

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Return True if a connection was closed behind the pool's back, which then drops its connections."""
        return isinstance(e, ConnectionClosed)


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
