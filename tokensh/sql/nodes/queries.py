"""Nodes of names, expressions and queries: one module, because they contain each other."""

from __future__ import annotations

from typing import Literal as Choice

from tokensh._dataclasses import dataclass, field
from tokensh.errors import Span

# The span of a node that does not come from a text.
NO_SPAN = Span(0, 0)


def span_field() -> Span:
    """Return a field for a node's place in its text; places do not count when trees are compared."""
    return field(default=NO_SPAN, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier: its text without quotes; `quoted` is True if it had some."""

    text: str
    quoted: bool = field(default=False, compare=False)
    span: Span = span_field()


TIME_TYPES = frozenset(
    {
        "DATE",
        "DATETIME",
        "DATETIME2",
        "SMALLDATETIME",
        "TIME",
        "TIMETZ",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "TIMESTAMP_NTZ",
        "TIMESTAMP_LTZ",
        "TIMESTAMP_TZ",
    }
)
"""The types of dates and times in CAST, of which SQLite has none: their values are text."""

# A dotted name, for instance provider, service, resource.
Path = tuple[Name, ...]


def path_text(path: Path) -> str:
    """Return a dotted name as it is shown in messages and compared with other names."""
    return ".".join(part.text for part in path)


def path_span(path: Path) -> Span:
    """Return the span of a dotted name."""
    return Span(path[0].span.start, path[-1].span.end)


# ---- what resolution puts into a tree


class ResolvedColumn:
    """What takes the place of a column reference when the planner has resolved it (`tokensh.plan.bound`).

    The printer writes its `sql`. These two classes are all that this layer knows of a bound tree.
    """

    __slots__ = ()

    @property
    def sql(self) -> str:
        """The name that the column has in SQLite."""
        raise NotImplementedError

    @property
    def names_workspace(self) -> bool:
        """Whether its values are names of workspaces, of which several spellings mean one."""
        raise NotImplementedError

    @property
    def is_canonical(self) -> bool:
        """Whether its values are such names in the spelling that rows have."""
        raise NotImplementedError

    @property
    def span(self) -> Span:
        """Where the statement refers to it."""
        raise NotImplementedError


class ResolvedQuery:
    """What takes the place of a query in an expression when the planner has resolved it."""

    __slots__ = ()

    @property
    def sql(self) -> str:
        """The text of the query for SQLite."""
        raise NotImplementedError

    @property
    def workspace_columns(self) -> tuple[bool, ...]:
        """For each column of its result, whether its values are names of workspaces."""
        raise NotImplementedError


# ---- expressions


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant as it is written: `kind` says how to read `text` (the text of a string is without its quotes).

    A `time` is a date or time that was given as a parameter, in the form of ISO 8601: text, or the number of a time column.
    A `default` is DEFAULT, in the VALUES of an INSERT. With a `parameter`, from 1, it is an example of the values of many sets, and SQLite takes the value of that number.
    """

    kind: Choice["string", "number", "blob", "null", "true", "false", "current", "time", "default"]
    text: str = ""
    span: Span = span_field()
    parameter: int = 0


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column, with its qualifiers in front."""

    path: Path
    span: Span = span_field()

    @property
    def name(self) -> Name:
        """The last part of the path."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{{ name }}` outside quotes, not filled yet (only `--check` parses one)."""

    name: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Variable:
    """A parameter marker: `?`, `:name`."""

    text: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `+x`, `~x`, `NOT x`."""

    operator: str
    operand: Expr
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, concatenation, JSON and comparison operators."""

    operator: str
    left: Expr
    right: Expr
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class GroupingSets:
    """`ROLLUP (...)`, `CUBE (...)` or `GROUPING SETS (...)`, an item of GROUP BY; a RowExpr is a set of several expressions."""

    kind: Choice["ROLLUP", "CUBE", "GROUPING SETS"]
    items: tuple[Expr, ...]
    span: Span = span_field()


MOST_NESTED_OPERANDS = 16
"""A chain of more operands is a Chain: as binary operators it would nest too deep to be walked."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A long chain of arithmetic, bit or text operators of one precedence, applied from the left; `parts` are without `first`."""

    first: Expr
    parts: tuple[tuple[str, Expr], ...]
    span: Span = span_field()

    @property
    def operands(self) -> tuple[Expr, ...]:
        """What the operators stand between."""
        return (self.first, *(operand for _, operand in self.parts))


@dataclass(frozen=True, slots=True)
class Logical:
    """A chain of AND or of OR, flat however long it is: a long chain must not nest too deep to be walked."""

    operator: Choice["AND", "OR"]
    operands: tuple[Expr, ...]
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Between:
    """`operand [NOT] BETWEEN low AND high`."""

    operand: Expr
    low: Expr
    high: Expr
    negated: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class InList:
    """`operand [NOT] IN (a, b, ...)`."""

    operand: Expr
    items: tuple[Expr, ...]
    negated: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class InQuery:
    """`operand [NOT] IN (SELECT ...)`."""

    operand: Expr
    query: Query | ResolvedQuery
    negated: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Match:
    """`operand [NOT] LIKE|GLOB|REGEXP|MATCH pattern [ESCAPE c]`."""

    operator: str
    operand: Expr
    pattern: Expr
    escape: Expr | None = None
    negated: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Is:
    """`operand IS [NOT] [DISTINCT FROM] other`."""

    operand: Expr
    other: Expr
    negated: bool = False
    distinct: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Exists:
    """`EXISTS (SELECT ...)`."""

    query: Query | ResolvedQuery
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Subquery:
    """`(SELECT ...)` as a value."""

    query: Query | ResolvedQuery
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class RowExpr:
    """`(a, b, ...)`."""

    items: tuple[Expr, ...]
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class When:
    """One arm of a CASE."""

    condition: Expr
    result: Expr


@dataclass(frozen=True, slots=True)
class Case:
    """`CASE [operand] WHEN ... THEN ... [ELSE ...] END`."""

    operand: Expr | None
    arms: tuple[When, ...]
    otherwise: Expr | None = None
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Cast:
    """`CAST(operand AS type)`, `CONVERT(operand, type)`."""

    operand: Expr
    type: str
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Collate:
    """`operand COLLATE name`."""

    operand: Expr
    collation: Name
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Interval:
    """`INTERVAL n unit`, or `INTERVAL '1 day 2 hours'`, without a unit of its own; `negated` with a minus sign in front."""

    amount: Expr
    unit: str = ""
    span: Span = span_field()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class FrameBound:
    """`UNBOUNDED PRECEDING`, `CURRENT ROW`, `offset FOLLOWING`, ..."""

    kind: str
    offset: Expr | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A window's frame."""

    unit: str
    start: FrameBound
    end: FrameBound | None = None
    exclude: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The contents of the parentheses of OVER or of a named window."""

    base: Name | None = None
    partition: tuple[Expr, ...] = ()
    order: tuple[OrderItem, ...] = ()
    frame: Frame | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; `star` is True for `count(*)`, `separator` is that of `group_concat(x SEPARATOR ',')`."""

    name: Path
    arguments: tuple[Expr, ...] = ()
    distinct: bool = False
    star: bool = False
    order: tuple[OrderItem, ...] = ()
    separator: str | None = None
    filter: Expr | None = None
    over: Window | Name | None = None
    span: Span = span_field()


Expr = (
    Literal
    | ColumnRef
    | ResolvedColumn
    | Placeholder
    | Variable
    | Unary
    | Binary
    | Chain
    | Logical
    | Between
    | InList
    | InQuery
    | Match
    | Is
    | Exists
    | Subquery
    | RowExpr
    | Case
    | Cast
    | Collate
    | GroupingSets
    | Interval
    | Call
)


# ---- queries


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a select list; `text` is the expression as written, which names a column without an alias.

    `has_bare_alias` marks an alias without AS.
    """

    expr: Expr
    alias: Name | None = None
    text: str = field(default="", compare=False)
    has_bare_alias: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Star:
    """`*` or `t.*`."""

    path: Path = ()
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table by name: a CTE, a local table or view, a resource; `columns` are the names behind the alias."""

    path: Path
    alias: Name | None = None
    columns: tuple[Name, ...] = ()
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class TableFunction:
    """A table function, `json_each(...)` for instance."""

    name: Path
    arguments: tuple[Expr, ...]
    alias: Name | None = None
    columns: tuple[Name, ...] = ()
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Derived:
    """A query, or EXEC, in FROM."""

    query: Query | Exec
    alias: Name | None = None
    columns: tuple[Name, ...] = ()
    span: Span = span_field()


JoinKind = Choice["INNER", "CROSS", "LEFT", "RIGHT", "FULL", "COMMA", "SEMI", "ANTI", "RIGHT SEMI", "RIGHT ANTI"]


@dataclass(frozen=True, slots=True)
class Join:
    """Two tables joined."""

    left: FromItem
    right: FromItem
    kind: JoinKind
    natural: bool = False
    on: Expr | None = None
    using: tuple[Name, ...] = ()
    span: Span = span_field()


FromItem = TableRef | TableFunction | Derived | Join


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One item of ORDER BY."""

    expr: Expr
    direction: Choice["ASC", "DESC"] | None = None
    nulls: Choice["FIRST", "LAST"] | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT ... up to its WINDOW clause; `group_all` is GROUP BY ALL."""

    items: tuple[Item | Star, ...]
    source: FromItem | None = None
    where: Expr | None = None
    group: tuple[Expr, ...] = ()
    having: Expr | None = None
    windows: tuple[tuple[Name, Window], ...] = ()
    distinct: bool = False
    qualify: Expr | None = None
    group_all: bool = False
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Values:
    """`VALUES (...), (...)`."""

    rows: tuple[tuple[Expr, ...], ...]
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Compound:
    """A set operation: left-associative, all operators with the same precedence, as in SQLite.

    It is flat however many arms there are, so that it can be walked; `parts` are the operators, each with what is behind it.
    """

    first: Body
    parts: tuple[tuple[str, Body], ...]
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Cte:
    """One common table expression."""

    name: Name
    columns: tuple[Name, ...]
    query: Query


@dataclass(frozen=True, slots=True)
class Query:
    """A body with its WITH, ORDER BY and LIMIT clauses. A body that is a Query itself was in parentheses."""

    body: Body
    ctes: tuple[Cte, ...] = ()
    recursive: bool = False
    order: tuple[OrderItem, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None
    span: Span = span_field()


Body = Select | Values | Compound | Query


# ---- EXEC, which is a statement and may be read in FROM


@dataclass(frozen=True, slots=True)
class Argument:
    """`@name = value` of EXEC."""

    name: str
    value: Expr
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class JsonArgument:
    """`@@json = ...`: the text of the JSON object, without its quotes; `value` is its span as written."""

    text: str
    value: Span = field(default=NO_SPAN, compare=False)
    span: Span = span_field()


@dataclass(frozen=True, slots=True)
class Exec:
    """EXEC resource.method with its arguments."""

    target: Path
    arguments: tuple[Argument, ...] = ()
    body: JsonArgument | None = None
    span: Span = span_field()
