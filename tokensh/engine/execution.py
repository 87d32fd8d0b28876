"""The running of one statement: its database, its callbacks, and the steps that several kinds of statements share.

One SQLite database serves a statement from the check of its RETURNING to its last row: the fetched tables of its query, the
constant expressions of EXEC, and RETURNING of each response. Opening one registers two dozen functions, which is why it is
not done for each row. The database is opened when it is first needed and closed with the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tokensh.engine.callbacks import Callbacks
from tokensh.engine.derived import DerivedTables
from tokensh.engine.services import COMPLETE_READS, EngineServices
from tokensh.engine.sqlite import Database
from tokensh.errors import Error
from tokensh.plan.nodes import ChangePlan, DerivedTable, ExecPlan, Projection, Scan, SelectPlan, Stored
from tokensh.provider.model import Method
from tokensh.rows import Row, Value

if TYPE_CHECKING:
    from tokensh.api.request import Request
    from tokensh.engine.create import Creator
    from tokensh.engine.fetch import ParameterValues


class Execution:
    """One statement while it runs. `close` must be called when it ends.

    Args:
        services: the parts of the engine.
        find_creator: returns what sends creates.
        callbacks: what the statement reports to.
        complete: the statement changes or keeps something, so that what it reads must be complete.
        keys: the columns, in lower case, by which it changes rows.
    """

    def __init__(
        self,
        services: EngineServices,
        find_creator: Callable[[], Creator],
        callbacks: Callbacks,
        *,
        complete: bool = False,
        keys: Collection[str] = (),
    ) -> None:
        self.services = services
        self._find_creator = find_creator
        self.callbacks = callbacks
        self._complete = complete
        self._keys = keys
        self._database: Database | None = None

    @property
    def creator(self) -> Creator:
        """What sends creates."""
        return self._find_creator()

    @property
    def database(self) -> Database:
        """The statement's database, opened at first use."""
        if self._database is None:
            self._database = Database(self.services.cancellation, self.services.hosts.canonical_name)
        return self._database

    def close(self) -> None:
        """Close the statement's database, if it was opened."""
        if self._database is not None:
            self._database.close()

    # ---- reads

    def select(self, plan: SelectPlan) -> Iterator[Row]:
        """Fetch what a query reads and yield its rows; errors of the query are found before anything is sent."""
        self.create_tables(plan.scans, plan.stored)
        derived = self.create_derived(plan.derived)
        self.database.check(plan.sql)
        if plan.scans:
            self.fetch(plan.scans, self.parameter_values(plan.scans, derived))
        derived.fill()
        yield from self.database.query(plan.sql)

    def create_tables(self, scans: Sequence[Scan], stored: Sequence[Stored]) -> None:
        """Create the tables that a query reads: those of `scans` empty, those of `stored` with their rows."""
        for name, missing in self.services.objects.create_tables(stored, self.database):
            self._report_incomplete_table(name, missing)
        for scan in scans:
            self.database.create_table(scan.table, (column.column for column in scan.columns))

    def _report_incomplete_table(self, name: str, missing: Error) -> None:
        """Raise or report that a result that the query reads was incomplete when it was kept."""
        error = missing.with_context(message=f"{name} is incomplete: {missing.message}", hint=None, span=None)
        if self._complete:
            raise error.with_context(hint=COMPLETE_READS)
        self.callbacks.on_missing({name: error})
        self.callbacks.on_failure(error)

    def create_derived(self, tables: Sequence[DerivedTable]) -> DerivedTables:
        """Create the derived tables of a query, empty; the tables that they read exist. Raises what `Database.check` raises."""
        derived = DerivedTables(tables, self.database)
        derived.create()
        return derived

    def fetch(self, scans: Sequence[Scan], values: ParameterValues) -> None:
        """Send the requests of `scans` and load the responses into their tables, which exist."""
        from tokensh.engine.fetch import Fetcher  # noqa: PLC0415 (a query of local tables sends nothing)

        services = self.services
        fetcher = Fetcher(
            services.client,
            services.hosts,
            self.callbacks,
            partial=services.partial,
            complete=self._complete,
            keys=self._keys,
            max_pages=services.max_pages,
        )
        fetcher.load(scans, self.database, values)

    def parameter_values(self, scans: Sequence[Scan], derived: DerivedTables) -> ParameterValues:
        """Return the values that the parameters of `scans` take."""
        from tokensh.engine.fetch import ParameterValues  # noqa: PLC0415 (as in `fetch`)

        return ParameterValues(scans, self.database, derived, self.services.hosts)

    # ---- writes

    def announce(self, method: Method, request: Request) -> None:
        """Report the request that is about to be sent."""
        self.callbacks.on_activity(f"{method.name} on {request.target.name}")

    def approve(self, plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]]) -> None:
        """Ask whether these rows may be changed. Raises Error if not."""
        if self.callbacks.approve is not None:
            self.callbacks.approve(plan, rows)

    # ---- RETURNING, whose table is filled again for each row

    def check_returning(self, returning: Projection) -> None:
        """Create RETURNING's table and prepare its query. Raises ProgrammingError, before anything is written."""
        self.database.create_table(returning.table, returning.source)
        self.database.check(returning.sql)

    def project(self, returning: Projection, rows: Sequence[Row]) -> Iterator[Row]:
        """Yield RETURNING of rows that have its source columns; `check_returning` has created its table."""
        self.database.clear_table(returning.table)
        self.database.load(returning.table, len(returning.source), rows)
        yield from self.database.query(returning.sql)
