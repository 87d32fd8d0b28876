"""The bound tree: a query whose names have been resolved, and pure walks over it.

`plan.resolve` makes it from the parsed tree. Expressions keep the classes of `tokensh.sql.nodes`, but each column reference is a
`BoundReference`, which carries its column, and each query inside an expression is a `BoundQuery`. Everything that is asked of
a query after that (its parameters' values, the tables it reads, the type of an expression) is a function of this tree; no name
is looked up twice.

The text for SQLite is made together with each query, from the bottom up. It is kept because most of it is used several times: in
the statement, in the queries that parameters take their values from, and in the narrowing of those.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokensh._dataclasses import dataclass
from tokensh.errors import Span
from tokensh.plan.nodes import ScanColumn, Stored
from tokensh.provider.model import Method, Resource
from tokensh.rows import CANONICAL_NAME, WORKSPACE_COLUMN, Column, ColumnType
from tokensh.sql import nodes
from tokensh.sql.visit import walk

Key = tuple[int, str]
"""A scan's id and one of its columns, in lower case."""
NO_KEYS: frozenset[Key] = frozenset()


# ---- columns and references to them


# `bases` and `touches` are two sets on purpose. A predicate may be pushed only through `bases`; to know
# which columns a predicate speaks of, those that must not be pushed count too.
@dataclass(frozen=True, slots=True)
class BoundColumn:
    """A column that can be referred to.

    Attributes:
        sql: its text in SQLite; of a query's result column, its name there.
        column: what a result says of it.
        bases: the scans' columns that it shows unchanged and through which a predicate on it may be pushed.
        touches: all scans' columns that it shows unchanged, pushable or not.
        relations: the relations it belongs to; empty for an expression of the select list.
        visible: whether `*` includes it.
        newer: whether it is newer than the provider's documents: every other meaning of its name goes first.
        computed_type: the type of the expression that it is the value of; None for a column of a table.
        has_others: whether it also has values that are of no scan's column, as a set operation can give it.
    """

    name: str
    sql: str
    column: Column
    bases: frozenset[Key] = NO_KEYS
    touches: frozenset[Key] = NO_KEYS
    relations: frozenset[int] = frozenset()
    visible: bool = True
    newer: bool = False
    computed_type: ColumnType | None = None
    has_others: bool = False

    @property
    def names_workspace(self) -> bool:
        """Whether its values are names of workspaces, of which several spellings mean one."""
        return (self.column.origin or self.name).rpartition(".")[2].lower() == WORKSPACE_COLUMN

    def canonical_sql(self) -> str:
        """Return its text for a comparison with the names of workspaces that rows have."""
        return self.sql if self.touches else f"{CANONICAL_NAME}({self.sql})"

    @property
    def type(self) -> ColumnType:
        """The type of its values, as far as it is known."""
        return self.computed_type or self.column.type


@dataclass(frozen=True, slots=True)
class BoundReference(nodes.ResolvedColumn):
    """A column reference that has been resolved: `scope` is the id of the scope that the column was found in."""

    column: BoundColumn
    scope: int
    span: Span

    @property
    def sql(self) -> str:
        """The column's text; a name of the select list is an expression, which needs parentheses."""
        return self.column.sql if self.column.relations else f"({self.column.sql})"

    @property
    def names_workspace(self) -> bool:
        """Whether its values are names of workspaces."""
        return self.column.names_workspace

    @property
    def is_canonical(self) -> bool:
        """Whether it shows a column of a scan, whose rows have canonical names."""
        return bool(self.column.touches) and self.column.names_workspace


# ---- FROM


@dataclass(frozen=True, slots=True)
class BoundTable:
    """A resource that is read: one scan, which one of `methods` answers.

    `arguments` are the parameters, in lower case, that EXEC in FROM gives.
    """

    scan: int
    table: str
    resource: Resource
    methods: tuple[Method, ...]
    columns: tuple[ScanColumn, ...]
    span: Span
    arguments: tuple[tuple[str, nodes.Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class HoistedQuery:
    """A query that is written as a common table expression at the top of the statement, under the name `table`."""

    table: str
    definition: str
    query: BoundQuery


@dataclass(frozen=True, slots=True)
class SharedQuery:
    """One reading of a query that several tables of the statement read, and that is evaluated once.

    What predicates say of this reading is kept under keys of its own, `(reference, "0")` for the first of the query's `columns`:
    the scans inside have to fetch what any of the readings needs.
    """

    reference: int
    hoisted: HoistedQuery
    columns: tuple[BoundColumn, ...]

    def own_key(self, position: int) -> Key:
        """Return the key of a column of this reading."""
        return self.reference, str(position)


def is_own_key(key: Key) -> bool:
    """Return whether a key is of the reading of a shared query, and not of a scan."""
    return key[0] < 0


@dataclass(frozen=True, slots=True)
class TableCall:
    """A table function's call, by its arguments."""

    arguments: tuple[nodes.Expr, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """One table of a FROM clause.

    Attributes:
        qualifiers: the dotted names, in lower case, that may stand before its columns.
        source: its text in FROM; it can be used in any query of the statement if `standalone`.
        needs: the scans below it.
        origin: what its rows are; None for rows that the plan does not produce (RETURNING, SHOW, a recursive query's own).
        apart: the names, in lower case, of a parameter and a field that are two columns.
    """

    id: int
    qualifiers: frozenset[tuple[str, ...]]
    columns: tuple[BoundColumn, ...]
    source: str
    needs: frozenset[int]
    standalone: bool = True
    origin: Origin | None = None
    apart: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BoundJoin:
    """The conditions of a join: `on`, and the pairs of columns that USING or NATURAL makes equal.

    `restricted` are the relations whose rows the conditions may leave out.
    """

    on: nodes.Expr | None
    pairs: tuple[tuple[BoundColumn, BoundColumn], ...]
    restricted: frozenset[int]


@dataclass(frozen=True, slots=True)
class From:
    """A FROM clause: its text, its relations and joins, what `*` means, and the columns that USING or NATURAL merges."""

    sql: str
    relations: tuple[Relation, ...]
    star: tuple[BoundColumn, ...]
    merged: tuple[BoundColumn, ...] = ()
    joins: tuple[BoundJoin, ...] = ()

    @property
    def ids(self) -> frozenset[int]:
        """The relations' ids."""
        return frozenset(relation.id for relation in self.relations)

    @classmethod
    def of_relation(cls, relation: Relation) -> From:
        """Return a FROM clause of one relation."""
        return cls(relation.source, (relation,), tuple(column for column in relation.columns if column.visible))

    def beside(self, other: From) -> From:
        """Return two FROM clauses as one to look names up in; it has no text."""
        return From(
            "",
            (*self.relations, *other.relations),
            (*self.star, *other.star),
            (*self.merged, *other.merged),
            (*self.joins, *other.joins),
        )


NO_TABLES = From("", (), ())


# ---- queries


@dataclass(frozen=True, slots=True)
class BoundSelect:
    """A SELECT: its expressions by clause.

    `view_span` is where the statement names the view that the SELECT is in, if it is in one.
    """

    scope: int
    source: From
    items: tuple[nodes.Expr, ...] = ()
    where: nodes.Expr | None = None
    group: tuple[nodes.Expr, ...] = ()
    having: nodes.Expr | None = None
    windows: tuple[nodes.Window, ...] = ()
    order: tuple[nodes.Expr, ...] = ()
    view_span: Span | None = None
    qualify: nodes.Expr | None = None

    @property
    def parts(self) -> tuple[object, ...]:
        """Everything outside FROM that can hold references."""
        return (self.items, self.where, self.group, self.having, self.windows, self.order, self.qualify)


@dataclass(frozen=True, slots=True)
class BoundValues:
    """The rows of VALUES."""

    rows: tuple[tuple[nodes.Expr, ...], ...]


@dataclass(frozen=True, slots=True)
class BoundCompound:
    """The arms of set operations, from left to right."""

    arms: tuple[BoundQuery, ...]


@dataclass(frozen=True, slots=True)
class BoundQuery(nodes.ResolvedQuery):
    """A query whose names have been resolved.

    Attributes:
        sql: its text for SQLite.
        columns: its result; `sql` of a column is its name there.
        body: what it consists of.
        needs: the scans below it.
        outer_references: the references to scopes around it.
        limits: the expressions of LIMIT, -1 in front of an OFFSET that has none, and of OFFSET.
    """

    sql: str
    columns: tuple[BoundColumn, ...]
    body: BoundSelect | BoundValues | BoundCompound | HoistedQuery | BoundQuery
    needs: frozenset[int] = frozenset()
    outer_references: tuple[BoundReference, ...] = ()
    limits: tuple[nodes.Expr, ...] = ()

    @property
    def is_correlated(self) -> bool:
        """Whether it refers to a query around it."""
        return bool(self.outer_references)

    @property
    def workspace_columns(self) -> tuple[bool, ...]:
        """For each column of its result, whether its values are names of workspaces."""
        return tuple(column.names_workspace for column in self.columns)


Origin = BoundTable | Stored | HoistedQuery | SharedQuery | TableCall | BoundQuery
"""What the rows of a relation are; a query is written in FROM itself only if it is correlated."""


# ---- walks


# The walks stop at a BoundQuery, because its references to the outside were collected when it was bound.
# Each query is walked once, however deep it is nested.
def references(*parts: object) -> Iterator[BoundReference]:
    """Yield the references of expressions, and of their subqueries those to a scope around the subquery."""
    for node in walk(parts):
        if isinstance(node, BoundReference):
            yield node
        elif isinstance(node, BoundQuery):
            yield from node.outer_references


def subqueries(*parts: object) -> Iterator[BoundQuery]:
    """Yield the queries inside expressions."""
    return (node for node in walk(parts) if isinstance(node, BoundQuery))


def scans_below(source: From, *parts: object) -> frozenset[int]:
    """Return the ids of the scans that a FROM clause and expressions read."""
    below = [relation.needs for relation in source.relations]
    conditions = [join.on for join in source.joins]
    return frozenset().union(*below, *(query.needs for query in subqueries(*parts, tuple(conditions))))


def references_outside(scope: int, source: From, *parts: object) -> tuple[BoundReference, ...]:
    """Return the references to other scopes than `scope` in a FROM clause and in expressions."""
    # What is hoisted to the top of the statement cannot refer to anything, so only what is written in FROM itself counts.
    inside: list[object] = list(parts)
    for relation in source.relations:
        match relation.origin:
            case BoundQuery() as query:
                inside.append(query)
            case SharedQuery() as shared:
                inside.append(shared.hoisted.query)
            case TableCall() as call:
                inside.append(call.arguments)
            case _:
                pass
    inside += [join.on for join in source.joins]
    # Each once: a query that is read twice by one that is read twice would bring its references four times.
    outside = {id(reference): reference for reference in references(*inside) if reference.scope != scope}
    return tuple(outside.values())
