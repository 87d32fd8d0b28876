"""The running of one statement: its database, its callbacks, and the steps that several kinds of statements share.

One SQLite database serves a statement from the check of its RETURNING to its last row: the fetched tables of its query, the
constant expressions of EXEC, and RETURNING of each response. Opening one registers two dozen functions, which is why it is
not done for each row. The database is opened when it is first needed and closed with the statement.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress

from tokensh.api.request import Json, Request, build_request
from tokensh.api.response import find_rows, to_cell
from tokensh.api.retry import RETRY_DELAYS, is_put_off
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.create import Creator, had_no_effect
from tokensh.engine.derived import DerivedTables
from tokensh.engine.fetch import COMPLETE_READS, Fetcher, ParameterValues, is_not_found
from tokensh.engine.services import EngineServices
from tokensh.engine.sqlite import Database
from tokensh.errors import ApiError, DataError, Error, Interrupted, MissingParameter, ReplyError, UnknownOutcome
from tokensh.plan.nodes import ChangePlan, DerivedTable, ExecPlan, InsertPlan, Projection, Scan, SelectPlan, Stored
from tokensh.provider.model import Method
from tokensh.rows import Row, Value
from tokensh.text import escape_unsafe, truncate


class Execution:
    """One statement while it runs. `close` must be called when it ends.

    Args:
        services: the parts of the engine.
        creator: sends creates.
        callbacks: what the statement reports to.
        complete: the statement changes or keeps something, so that what it reads must be complete.
        keys: the columns, in lower case, by which it changes rows.
    """

    def __init__(
        self,
        services: EngineServices,
        creator: Creator,
        callbacks: Callbacks,
        *,
        complete: bool = False,
        keys: Collection[str] = (),
    ) -> None:
        self.services = services
        self.creator = creator
        self.callbacks = callbacks
        self._complete = complete
        self._keys = keys
        self._database: Database | None = None

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
        return ParameterValues(scans, self.database, derived, self.services.hosts)

    # ---- writes

    def name_workspace(self, method: Method, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return the values of a request with the workspace's name as results have it."""
        servers = {p.name for p in method.routing if p.location == "server"}
        return {
            name: self.services.hosts.canonical_name(value) if name in servers and isinstance(value, str) else value
            for name, value in values.items()
        }

    def build_request(
        self, method: Method, values: Mapping[str, Value], body: Mapping[str, Json] | None = None
    ) -> Request:
        """Return the request of a method. Raises HostError, DataError."""
        return build_request(method, self.services.hosts, values, body)

    def announce(self, method: Method, request: Request) -> None:
        """Report the request that is about to be sent."""
        self.callbacks.on_activity(f"{method.name} on {request.target.name}")

    def send_write(self, method: Method, request: Request, *, deletes: bool = False) -> Sequence[Mapping[str, Json]]:
        """Send a write and return the objects of its response.

        It is sent once. One that deletes is sent once more if its answer is lost: what is gone stays gone.

        Raises UnknownOutcome if it may have taken effect.
        """
        self.announce(method, request)
        try:
            return find_rows(method, self.services.client.send(request))
        except Error as error:
            if is_outcome_known(error):
                raise
            if not deletes or isinstance(error, Interrupted):
                raise _unknown_outcome(method, request, error, deletes=deletes) from None
            lost = error
        self.callbacks.note(
            f"the answer of {request.target.name} to {method.name} is lost ({lost.message}): sending it again does no harm"
        )
        self.services.environment.sleep(RETRY_DELAYS[0])
        try:
            return find_rows(method, self.services.client.send(request))
        except Error as error:
            if is_not_found(error):
                return ()  # the first request deleted it
            raise _unknown_outcome(method, request, error, deletes=True) from None

    def approve(self, plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]]) -> None:
        """Ask whether these rows may be changed. Raises Error if not."""
        if self.callbacks.approve is not None:
            self.callbacks.approve(plan, rows)

    def forget_revoked(self, row: Mapping[str, object]) -> None:
        """Settle what the journal holds about a token that no longer exists."""
        token_id = row.get("token_id")
        if isinstance(token_id, str):
            self.services.unknown_creates.forget_token(token_id)

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

    def project_response(
        self, returning: Projection | None, method: Method, response: Mapping[str, Json], sent: Mapping[str, Value]
    ) -> Row:
        """Return RETURNING of one response, or an empty row without RETURNING.

        Args:
            returning: the projection.
            method: the one that was called.
            response: the object it answered with; its fields come first.
            sent: what the request was made of, for columns that the response lacks; then the objects in it are looked at.
        """
        if returning is None:
            return ()
        # What was sent goes before what stands inside the reply's objects: they may be about something else.
        others = {**_list_inner_cells(returning, response), **{name.lower(): value for name, value in sent.items()}}
        # A field that the response lacks (the API leaves out empty ones) shows what was sent for it.
        answered = {field.name.lower() for field in method.fields if field.name in response}
        cells = tuple(
            to_cell(column.type, response[column.name], f"$.{column.name}")
            if column.name.lower() in answered
            else others.get(column.name.lower())
            for column in returning.source
        )
        # The write is done: its row, perhaps with a secret, is delivered even if Ctrl-C was pressed meanwhile.
        with self.database.uninterrupted():
            (row,) = self.project(returning, [cells])
        return row


def _list_inner_cells(returning: Projection, response: Mapping[str, Json]) -> dict[str, Value]:
    """Return the columns of RETURNING that stand inside the objects of a response, by name in lower case."""
    objects = [value for value in response.values() if isinstance(value, dict)]
    inside = {name.lower(): value for found in objects for name, value in found.items()}
    cells: dict[str, Value] = {}
    for column in returning.source:
        # A value that does not fit becomes NULL: it must not keep a new token's from being delivered.
        with suppress(ReplyError):
            cells[column.name.lower()] = to_cell(column.type, inside.get(column.name.lower()), "$")
    return cells


def is_outcome_known(error: Error) -> bool:
    """Return whether an error of a write that creates no secret says that the server did nothing."""
    return had_no_effect(error) or (
        isinstance(error, ApiError) and is_put_off(error.status, error.code, error.retry_after)
    )


def _unknown_outcome(method: Method, request: Request, error: Error, *, deletes: bool) -> UnknownOutcome:
    # Repeating what replaces or deletes gives the same state; what adds is added twice.
    is_harmless = deletes or request.method in ("PUT", "DELETE")
    again = "running it again does no harm" if is_harmless else f"look before you repeat it: {method.name} may be done"
    return UnknownOutcome(
        f"whether it took effect in {request.target.name} is unknown: {error.message}",
        hint=f"check with a SELECT; {again}",
    )


def first_object(objects: Sequence[Mapping[str, Json]]) -> Mapping[str, Json]:
    """Return the only object of a response, or an empty one."""
    return objects[0] if objects else {}


def attribute_to_cell(value: Json) -> Value:
    """Return a body attribute as a cell: objects, arrays and booleans as JSON text."""
    return to_cell("any", value, "$") if isinstance(value, dict | list | bool) else value


def check_body(plan: InsertPlan | ChangePlan | ExecPlan, body: Mapping[str, Json], *, by_id: bool = False) -> None:
    """Raise an Error if a required attribute of the body has no value, or one of another type than text.

    Args:
        plan: the statement.
        body: what it is about to send.
        by_id: the attributes say what is changed, so that an empty text is refused too.
    """
    required = [p for p in plan.method.body if p.required]
    missing = tuple(p.sql_name for p in required if body.get(p.name) is None)
    if missing:
        raise MissingParameter(f"{' and '.join(missing)} is NULL", names=missing, span=plan.span)
    for parameter in required:
        value = body[parameter.name]
        if parameter.type == "string" and not isinstance(value, str):
            raise DataError(
                f"{parameter.sql_name} takes a string, not {truncate(escape_unsafe(json.dumps(value)), 60)}",
                span=plan.span,
            )
        if by_id and isinstance(value, str) and not value.strip():
            raise MissingParameter(f"{parameter.sql_name} is empty", names=(parameter.sql_name,), span=plan.span)


def count_rows(error: Error, done: int, total: int, rest: str, *, tried: int = 1) -> Error:
    """Return the error of one row with the numbers of rows done, failed and not tried, and what to run for the rest."""
    if total == 1:
        return error
    failed = f"{tried} {'unknown' if isinstance(error, UnknownOutcome) else 'failed'}, " if tried else ""
    message = f"{error.message} ({done} of {total} rows done, {failed}{total - done - tried} not tried)"
    return error.with_context(message=message, hint="; ".join(filter(None, (error.hint, rest))) or None)
