"""Define plans: what a statement does, without doing it. EXPLAIN prints them and the engine carries them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from tokensh._dataclasses import dataclass, field
from tokensh.errors import Span, assert_never
from tokensh.plan.objects import ForeignKey, Kind
from tokensh.provider.model import Method, Parameter, Resource
from tokensh.rows import Column, RowSet, Value

# ---- where a parameter's values come from

# Sets are frozen and compare by value: equal ones are dropped when they are joined.


# A set says where values come from and holds no rows, so that a plan can be printed, compared and kept
# before anything is fetched. `engine.fetch` turns sets into values, scan by scan.
@dataclass(frozen=True, slots=True)
class Constants:
    """Values that are written in the statement: literals as `values`, constant expressions as SQLite text in `expressions`.

    `spans` pairs a literal's value with where it is written.
    """

    values: tuple[Value, ...] = ()
    expressions: tuple[str, ...] = ()
    spans: tuple[tuple[Value, Span], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class FromQuery:
    """The one column of a local query, which is run after the scans it `needs` are loaded.

    `relation` is the one table that it reads, if predicates of the statement may still narrow it.
    """

    sql: str
    needs: frozenset[int] = frozenset()
    relation: int | None = None


@dataclass(frozen=True, slots=True)
class SameAs:
    """The values of another scan's parameter (known before either scan is fetched)."""

    scan: int
    parameter: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The union of sets (OR)."""

    sets: tuple[ValueSet, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """The intersection of sets (AND)."""

    sets: tuple[ValueSet, ...]


ValueSet = Constants | FromQuery | SameAs | AnyOf | AllOf


# ---- queries


@dataclass(frozen=True, slots=True)
class ScanColumn:
    """A column of a fetched table.

    Attributes:
        visible: whether `*` includes it.
        parameter: the parameter that it is, too.
        is_field: whether it is a field of the reply.
        newer: whether the provider's documents do not name it; it is fetched only if the statement does.
    """

    name: str
    column: Column
    visible: bool
    parameter: Parameter | None = None
    is_field: bool = True
    newer: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """One resource of the statement, to be fetched into the SQLite table `table`.

    `values` holds the set of each required parameter and, for optional ones, only sets that may be sent without changing the
    answer. Scans come in an order in which every set needs only scans before it.
    """

    id: int
    table: str
    resource: Resource
    columns: tuple[ScanColumn, ...]
    values: Mapping[str, ValueSet]
    span: Span

    @property
    def fields(self) -> frozenset[str]:
        """The names, in lower case, of its fields, without those that a parameter of another type has too."""
        return field_names(self.columns)


def field_names(columns: tuple[ScanColumn, ...]) -> frozenset[str]:
    """Return the names, in lower case, of the fields among columns that no other column has."""
    others = {column.name.lower() for column in columns if not column.is_field}
    return frozenset(column.name.lower() for column in columns if column.is_field).difference(others)


@dataclass(frozen=True, slots=True)
class Stored:
    """A table that is not fetched: `name` is the session's name of it, `table` the one in the plan's SQL, in quotes."""

    name: str
    table: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class DerivedTable:
    """A query of the statement that becomes a table, in quotes, once the scans that it `needs` are loaded.

    Otherwise SQLite evaluates a query anew in each statement that reads it (the values of a parameter are a statement of their
    own), which shows where it is random, and copies it for each reference, which grows with a power of the references.
    """

    table: str
    sql: str
    needs: frozenset[int]


@dataclass(frozen=True, slots=True)
class SelectPlan:
    """Fetch the scans, then run `sql` over them and the `stored` and `derived` tables; its result has `columns`."""

    scans: tuple[Scan, ...]
    sql: str
    columns: tuple[Column, ...]
    stored: tuple[Stored, ...] = ()
    derived: tuple[DerivedTable, ...] = ()


@dataclass(frozen=True, slots=True)
class Projection:
    """RETURNING: `sql` over one table, named `table`, of `source` columns."""

    table: str
    source: tuple[Column, ...]
    sql: str
    columns: tuple[Column, ...]


# ---- writes


# A write carries a SelectPlan as its source instead of rows: VALUES and INSERT ... SELECT then take the
# same way, and what the source reads is fetched by the code that runs queries.
@dataclass(frozen=True, slots=True)
class InsertPlan:
    """One request per row of `source`, whose columns fill `targets`."""

    method: Method
    resource: Resource
    targets: tuple[Parameter, ...]
    source: SelectPlan
    returning: Projection | None
    defaults: Mapping[str, Value]
    span: Span


@dataclass(frozen=True, slots=True)
class Keys:
    """The requests of a change whose parameters follow from the statement: one per combination of `values`.

    `scans` are what the sets need. The result of `assigned` is one row: the values of the attributes.
    """

    values: Mapping[str, ValueSet]
    scans: tuple[Scan, ...]
    assigned: SelectPlan | None
    stored: tuple[Stored, ...] = ()
    derived: tuple[DerivedTable, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """UPDATE, REPLACE or DELETE: one request per combination of keys, or per row of a listing.

    A listing's columns are those of `parameters`, of `assigned`, then the resource's own. `filtered` says whether the rows
    have to be read to know which ones are hit.
    """

    verb: Literal["UPDATE", "REPLACE", "DELETE"]
    method: Method
    resource: Resource
    parameters: tuple[Parameter, ...]
    assigned: tuple[Parameter, ...]
    source: Keys | SelectPlan
    returning: Projection | None
    filtered: bool
    span: Span

    def count_never_expiring(self, rows: Iterable[Mapping[str, Value]]) -> int:
        """Return how many rows never expire: -1 is smaller than every time, so that `expiry_time < ...` finds them too."""
        from tokensh.units import NEVER  # noqa: PLC0415 (its imports are for those who need times)

        names = [field.name for field in self.resource.expiry_fields]
        return sum(any(row.get(name) == NEVER for name in names) for row in rows)


@dataclass(frozen=True, slots=True)
class ExecPlan:
    """One call of a method.

    `values` pairs parameters with SQLite expressions that refer to nothing; `body` is the JSON object, if one is given.
    `spans` says by the parameter's name where it is given.
    """

    method: Method
    resource: Resource
    values: tuple[tuple[Parameter, str], ...]
    body: Mapping[str, object] | None
    columns: tuple[Column, ...]
    defaults: Mapping[str, Value]
    span: Span
    spans: Mapping[str, Span]


# ---- the store


# These plans are apart from the writes above because the change itself sends no request: it is made in
# the local store or in a table of the session.
@dataclass(frozen=True, slots=True)
class DefinePlan:
    """CREATE VIEW, CREATE MATERIALIZED VIEW, CREATE TABLE.

    `text` is the query as canonical text (empty for a table of columns), `source` is what fills the object now (None for a view
    or an empty table), `definitions` are the columns of CREATE TABLE for SQLite, `sources` the names of the columns in the query, or the constraints of
    the columns as they are shown.
    """

    kind: Kind
    name: str
    text: str
    columns: tuple[Column, ...]
    source: SelectPlan | None
    definitions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    replace: bool = False
    if_not_exists: bool = False
    foreign_keys: tuple[ForeignKey, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """CREATE INDEX: `columns` are written for SQLite."""

    name: str
    table: str
    columns: tuple[str, ...]
    unique: bool
    if_not_exists: bool


@dataclass(frozen=True, slots=True)
class DropPlan:
    """DROP; `missing` if nothing has that name, which IF EXISTS allows (of an index, that is found out later)."""

    kind: Kind | Literal["INDEX"]
    name: str
    missing: bool = False
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """REFRESH MATERIALIZED VIEW: run its query again; the view's columns are those at `positions`."""

    name: str
    source: SelectPlan
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ConflictClause:
    """ON CONFLICT as SQLite has it; `columns` are those of a key, empty for every key."""

    sql: str
    columns: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class LocalInsertPlan:
    """INSERT and REPLACE INTO a local table: the rows of `source` fill `targets`; `ignore` leaves out what a constraint refuses.

    Without `targets`, each row has the defaults alone. `span` is where the statement names the table.
    """

    table: str
    columns: tuple[Column, ...]
    targets: tuple[str, ...]
    source: SelectPlan
    returning: Projection | None
    span: Span
    replace: bool = False
    ignore: bool = False
    conflict: ConflictClause | None = None


@dataclass(frozen=True, slots=True)
class LocalChangePlan:
    """UPDATE and DELETE of a local table: `source` selects the row's number and then the values of `assigned`.

    `of_session` marks a table of the session's own, whose rows have a key instead of a number. `span` is where the statement
    names the table.
    """

    verb: Literal["UPDATE", "DELETE"]
    table: str
    columns: tuple[Column, ...]
    assigned: tuple[str, ...]
    source: SelectPlan
    returning: Projection | None
    span: Span
    of_session: bool = False


@dataclass(frozen=True, slots=True)
class TransactionPlan:
    """BEGIN, COMMIT, ROLLBACK, and what is done to the savepoint `name`; `span` is where the statement names it."""

    verb: Literal["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "ROLLBACK TO"]
    name: str = ""
    span: Span | None = None


# ---- the rest


@dataclass(frozen=True, slots=True)
class RowsPlan:
    """Rows that the catalog already has; `sql`, if any, filters the table `table` that they are loaded into."""

    rows: RowSet
    table: str = ""
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class UsePlan:
    """The provider and service in which short names are looked up from now on."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegistryPlan:
    """List what the configured registry offers, or install a provider of it; without a version, its newest."""

    verb: Literal["LIST", "PULL"]
    provider: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class ExplainPlan:
    """Show a plan instead of carrying it out."""

    plan: Plan


StorePlan = DefinePlan | IndexPlan | DropPlan | RefreshPlan | LocalInsertPlan | LocalChangePlan
"""Plans that work on the store alone."""

# A union of classes without a common base: `match` over it ends with `assert_never`, so mypy names every
# place that a new plan has to be added to.
Plan = (
    SelectPlan
    | InsertPlan
    | ChangePlan
    | ExecPlan
    | RowsPlan
    | UsePlan
    | ExplainPlan
    | StorePlan
    | TransactionPlan
    | RegistryPlan
)


# ---- what running a plan does


# One list for all who ask before a write is repeated, or read its rows one by one. It goes by what the plan does, not by the
# statement's first word: an EXEC may create a token as an INSERT does.
def is_write(plan: Plan) -> bool:
    """Return whether running a plan changes anything, in a workspace or in the store."""
    match plan:
        case InsertPlan() | ChangePlan() | DefinePlan() | IndexPlan() | DropPlan() | RefreshPlan():
            return True
        case LocalInsertPlan() | LocalChangePlan():
            return True
        case ExecPlan():
            return plan.method.http_method != "GET"
        case TransactionPlan():
            return plan.verb == "COMMIT"
        case RegistryPlan():
            return plan.verb == "PULL"
        case SelectPlan() | RowsPlan() | UsePlan() | ExplainPlan():
            return False
        case _:
            assert_never(plan)


def asks_by_itself(plan: Plan) -> bool:
    """Return whether the user is asked for approval whenever a plan is run: it revokes, or changes rows that it lists."""
    match plan:
        case ChangePlan():
            return plan.filtered or plan.verb == "DELETE"
        case ExecPlan():
            return plan.method.http_method == "DELETE" or plan.method.name == plan.resource.delete_method
        case _:
            return False
