"""Nodes of statements: changes, the catalog, views, tables and transactions."""

from __future__ import annotations

from typing import Literal as Choice

from tokensh._dataclasses import dataclass
from tokensh.errors import Span
from tokensh.sql.nodes.queries import (
    Cte,
    Exec,
    Expr,
    FromItem,
    Item,
    Name,
    OrderItem,
    Path,
    Query,
    Star,
    span_field,
)

# ---- writes


@dataclass(frozen=True, slots=True)
class Conflict:
    """ON CONFLICT (columns) DO UPDATE SET assignments WHERE where; DO NOTHING without assignments."""

    columns: tuple[Name, ...]
    assignments: tuple[tuple[Path, Expr], ...] = ()
    where: Expr | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Insert:
    """INSERT, INSERT OR IGNORE, and REPLACE INTO; the last two are for local tables, as ON CONFLICT.

    The `columns` of DEFAULT VALUES are empty, and its query gives a row.
    """

    target: Path
    columns: tuple[Path, ...] | None
    query: Query
    returning: tuple[Item | Star, ...] = ()
    replace: bool = False
    ignore: bool = False
    conflict: Conflict | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Update:
    """UPDATE, and REPLACE ... SET (`verb`)."""

    verb: Choice["UPDATE", "REPLACE"]
    target: Path
    alias: Name | None
    assignments: tuple[tuple[Path, Expr], ...]
    source: FromItem | None = None
    where: Expr | None = None
    order: tuple[OrderItem, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None
    returning: tuple[Item | Star, ...] = ()
    ctes: tuple[Cte, ...] = ()
    recursive: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE FROM."""

    target: Path
    alias: Name | None
    where: Expr | None = None
    order: tuple[OrderItem, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None
    returning: tuple[Item | Star, ...] = ()
    ctes: tuple[Cte, ...] = ()
    recursive: bool = False
    span: Span = span_field()


# ---- the catalog, views, tables and transactions


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW what IN path LIKE ... | WHERE ..."""

    what: Name
    extended: bool = False
    path: Path = ()
    like: str | None = None
    where: Expr | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class ShowInsert:
    """SHOW INSERT INTO resource."""

    target: Path
    extended: bool = False
    columns: tuple[Path, ...] | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Describe:
    """DESCRIBE resource, or DESCRIBE METHOD resource.method (`method`)."""

    path: Path
    extended: bool = False
    method: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN statement."""

    statement: Statement
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Use:
    """USE provider[.service]."""

    path: Path
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class CreateView:
    """CREATE [MATERIALIZED] VIEW."""

    path: Path
    query: Query
    columns: tuple[Name, ...] = ()
    materialized: bool = False
    replace: bool = False
    if_not_exists: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Reference:
    """REFERENCES table (columns); each action is the text of its ON DELETE or ON UPDATE."""

    table: Path
    columns: tuple[Name, ...] = ()
    actions: tuple[str, ...] = ()
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint of a column, or of a table, which names its columns.

    Attributes:
        name: the name that CONSTRAINT gives it.
        columns: the columns of PRIMARY KEY, UNIQUE and FOREIGN KEY of a table.
        expr: the value of DEFAULT, the condition of CHECK.
        reference: of REFERENCES and FOREIGN KEY.
        collation: of COLLATE.
    """

    kind: Choice["PRIMARY KEY", "UNIQUE", "NOT NULL", "NULL", "DEFAULT", "CHECK", "COLLATE", "REFERENCES"]
    name: Name | None = None
    columns: tuple[Name, ...] = ()
    expr: Expr | None = None
    reference: Reference | None = None
    collation: Name | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """A column of CREATE TABLE."""

    name: Name
    type: str = ""
    constraints: tuple[Constraint, ...] = ()
    type_span: Span = span_field()


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE TABLE with columns, or AS a query."""

    path: Path
    columns: tuple[ColumnDefinition, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    query: Query | None = None
    replace: bool = False
    if_not_exists: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class IndexColumn:
    """A column of an index."""

    name: Name
    collation: Name | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """CREATE [UNIQUE] INDEX path ON table (columns)."""

    path: Path
    table: Path
    columns: tuple[IndexColumn, ...]
    unique: bool = False
    if_not_exists: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Drop:
    """DROP VIEW, DROP MATERIALIZED VIEW, DROP TABLE, DROP INDEX."""

    kind: Choice["VIEW", "MATERIALIZED VIEW", "TABLE", "INDEX"]
    path: Path
    if_exists: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Refresh:
    """REFRESH MATERIALIZED VIEW."""

    path: Path
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Transaction:
    """BEGIN, COMMIT, ROLLBACK, and what is done to a savepoint of a name."""

    verb: Choice["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "ROLLBACK TO"]
    name: Name | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Registry:
    """REGISTRY LIST and PULL, of the providers that a registry offers; `text` is the whole statement."""

    verb: Choice["LIST", "PULL"]
    provider: str | None = None
    version: str | None = None
    text: str = ""
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A statement of StackQL that tokensh does not run; `verb` is its first word, `text` the whole statement."""

    verb: str
    text: str = ""
    span: Span = span_field()


Statement = (
    Query
    | Insert
    | Update
    | Delete
    | Exec
    | Explain
    | Show
    | ShowInsert
    | Describe
    | Use
    | CreateView
    | CreateTable
    | CreateIndex
    | Drop
    | Refresh
    | Transaction
    | Registry
    | Unsupported
)


def has_expressions(statement: Statement) -> bool:
    """Return whether a statement may hold an expression or a query: what SHOW and DESCRIBE say are names alone, but for WHERE."""
    match statement:
        case Show():
            return statement.where is not None
        case ShowInsert() | Describe() | Use():
            return False
        case _:
            return True
