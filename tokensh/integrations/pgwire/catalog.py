"""Queries of PostgreSQL's system catalog: translated by sqlglot, and run by SQLite over tables of what is here.

A table that has no rows here, such as pg_index, gets the columns that the query names. A function that describes what does not
exist here gives NULL. So most of what clients ask is answered as PostgreSQL would answer it about a database without keys and
indexes; what SQLite cannot run gives a result without rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tokensh._dataclasses import dataclass
from tokensh.engine.sqlite import Database
from tokensh.errors import Error, NotSupportedError
from tokensh.integrations.pgwire.relations import BOOLEANS, INTEGERS, list_columns, list_rows
from tokensh.integrations.pgwire.translation import INTEGER_CASTS, Node, name_cast, name_table, translate
from tokensh.integrations.pgwire.utilities import Settings
from tokensh.integrations.pgwire.values import BOOL, INT8, TEXT
from tokensh.rows import Column, ColumnType, Value
from tokensh.sql.quoting import quote_name

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_SYSTEM = re.compile(
    r"(?i)\b(?:pg_[a-z_]+|information_schema\s*\.|current_(?:schemas?|database|setting)\s*\(|(?:current|session)_user\b)"
)
_TABLES = re.compile(r"(?i)\b(?:FROM|JOIN)\s+(?:ONLY\s+)?(?:(pg_catalog|information_schema)\s*\.\s*)?\"?(\w+)\"?")


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a query of the catalog: names and types of its columns, and rows."""

    columns: tuple[tuple[str, int], ...]
    rows: Sequence[Sequence[Value]]


def asks_catalog(query: str) -> bool:
    """Return whether a query reads PostgreSQL's catalog, or calls its functions without reading anything."""
    bare = _QUOTED.sub("''", query)
    if not _SYSTEM.search(bare):
        return False
    tables = _TABLES.findall(bare)
    return not tables or any(schema or table.lower().startswith("pg_") for schema, table in tables)


def answer_catalog(query: str, values: Sequence[Value], connection: Connection, settings: Settings) -> Answer:
    """Answer a query of the catalog; `values` are those of `$1` and so on. Raises NotSupportedError."""
    try:
        tree = sqlglot.parse_one(query, read="postgres")
    except (SqlglotError, RecursionError):
        raise NotSupportedError("this query of the system catalog is not understood") from None
    if not isinstance(tree, exp.Query):
        raise NotSupportedError("the system catalog can only be read")
    outputs = list(_list_outputs(tree))
    # The types do not depend on the rows: a client may be told them before the query has its values.
    columns = tuple((name, _find_type(expression)) for name, expression in outputs)
    try:
        rows = _run(translate(tree, values, settings), connection, settings)
    except (Error, SqlglotError):
        rows = []
    return Answer(columns, rows if all(len(row) == len(columns) for row in rows) else [])


def _run(tree: Node, connection: Connection, settings: Settings) -> list[Sequence[Value]]:
    """Run a translated query over the tables that it reads. Raises Error."""
    with closing(Database(connection.cancellation)) as store:
        for name, columns in _find_tables(tree).items():
            store.create_table(quote_name(name), [Column(column, _find_affinity(column)) for column in columns])
            rows = [tuple(facts.get(column) for column in columns) for facts in list_rows(name, connection, settings)]
            store.load(quote_name(name), len(columns), rows)
        return list(store.query(tree.sql("sqlite")))


def _find_tables(tree: Node) -> dict[str, Sequence[str]]:
    """Return the tables of a translated query with their columns: those that they have, then others that it names."""
    aliases = {table.alias_or_name.lower(): table.name for table in tree.find_all(exp.Table)}
    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables = {name: dict.fromkeys(list_columns(name)) for name in aliases.values() if name.lower() not in defined}
    # Columns with their table's name first: others are added only where no table has them.
    columns = sorted(tree.find_all(exp.Column), key=lambda column: not column.table)
    known = {alias.alias.lower() for alias in tree.find_all(exp.Alias)}
    unlisted = next((name for name in tables if not list_columns(name)), None)
    for column in columns:
        name, table = column.name.lower(), aliases.get(column.table.lower()) if column.table else unlisted
        if table in tables and (column.table or not any(name in each for each in (known, *tables.values()))):
            tables[table].setdefault(name)
    return {name: list(columns) or ["nothing"] for name, columns in tables.items()}


# ---- the result's columns


def _list_outputs(tree: Node) -> Iterator[tuple[str, Node]]:
    """Yield the names and expressions of a query's columns; `*` is replaced by the columns it means, in the tree too."""
    select = tree.find(exp.Select)
    if select is None:
        return
    expanded = [piece for projection in select.expressions for piece in _expand(projection, select)]
    select.set("expressions", expanded)
    for expression in expanded:
        yield _name_output(expression), expression


def _expand(projection: Node, select: Node) -> list[Node]:
    is_star = isinstance(projection, exp.Star) or (
        isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star)
    )
    if not is_star:
        return [projection]
    wanted = projection.table.lower() if isinstance(projection, exp.Column) else ""
    joins = [join.this for join in select.args.get("joins") or ()]
    source = select.args.get("from_") or select.args.get("from")
    return [
        exp.column(name, table=table.alias_or_name)
        for table in ([source.this] if source else []) + joins
        if wanted in ("", table.alias_or_name.lower())
        for name in _list_source_columns(table)
    ]


def _list_source_columns(source: Node) -> list[str]:
    if isinstance(source, exp.Table):
        return list(list_columns(name_table(source)))
    return [name for name, _ in _list_outputs(source)]


def _name_output(expression: Node) -> str:
    """Return the name that PostgreSQL gives a column."""
    match expression:
        case exp.Alias():
            return _fold_name(expression.args["alias"])
        case exp.Column():
            return _fold_name(expression.this)
        case exp.Cast() | exp.Paren() | exp.Collate():
            return _name_output(expression.this)
        case exp.Dot():
            return _name_output(expression.expression)
        case exp.Case():
            return "case"
        case exp.Anonymous():
            return str(expression.name).lower()
        case exp.Func():
            name = str(expression.sql_name()).lower()
            return _NAMES.get(name, name)
        case exp.Identifier():
            return _fold_name(expression)
        case _:
            return "?column?"


_NAMES = {"group_concat": "string_agg", "array_size": "array_length", "current_version": "version"}
"""Functions that sqlglot calls by another name."""


def _fold_name(identifier: Node) -> str:
    return str(identifier.name) if identifier.args.get("quoted") else str(identifier.name).lower()


def _find_affinity(column: str) -> ColumnType:
    # With an affinity, `oid = '16384'` is true, as in PostgreSQL.
    return "integer" if column in INTEGERS or column in BOOLEANS else "string"


def _find_type(expression: Node) -> int:
    """Return the type of an output; TEXT where its expression does not tell it."""
    match expression:
        case exp.Column():
            return _find_column_type(expression)
        case exp.Cast():
            kind = name_cast(expression)
            return INT8 if kind in INTEGER_CASTS else BOOL if kind in ("boolean", "bool") else TEXT
        case (
            exp.Connector()
            | exp.Predicate()
            | exp.Boolean()
            | exp.Not()
            | exp.Exists()
            | exp.LogicalAnd()
            | exp.LogicalOr()
        ):
            return BOOL
        case exp.Literal():
            return TEXT if expression.is_string else INT8
        case exp.Count() | exp.RowNumber() | exp.Add() | exp.Sub() | exp.Mul() | exp.Div():
            return INT8
        case (
            exp.Alias()
            | exp.Paren()
            | exp.Nullif()
            | exp.Coalesce()
            | exp.Min()
            | exp.Max()
            | exp.Window()
            | exp.Collate()
        ):
            return _find_type(expression.this)
        case exp.Case():
            return _find_type(expression.args["ifs"][0].args["true"])
        case _:
            return TEXT


def _find_column_type(column: Node) -> int:
    name = column.name.lower()
    if name in BOOLEANS or name in INTEGERS:
        return BOOL if name in BOOLEANS else INT8
    # Perhaps the output of a subquery, or of one inside of it.
    select = column.find_ancestor(exp.Select)
    subqueries = select.find_all(exp.Subquery, exp.CTE) if select else ()
    outputs = (output for query in subqueries for output in query.this.selects)
    return next(
        (
            _find_type(output.this)
            for output in outputs
            if isinstance(output, exp.Alias) and output.alias.lower() == name
        ),
        TEXT,
    )
