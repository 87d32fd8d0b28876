"""A session with workspaces: what names mean, which credentials go where, and how one statement is run.

The road of a statement: `parser` turns text into a tree, `bind` turns the tree into a plan, and the engine turns the plan into
rows while they are read. The parts of a connection are made by the modules that own them: `access` reaches workspaces,
`transaction` holds the changes between BEGIN and COMMIT, `approval` asks before rows are changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from tokensh import errors
from tokensh._dataclasses import replace
from tokensh.api.hosts import SERVER_TEMPLATE, Target, name_from_url
from tokensh.api.workspaces import PROBE_COLUMNS as WORKSPACE_PROBE_COLUMNS
from tokensh.dbapi.access import Access
from tokensh.dbapi.cursor import Cursor
from tokensh.dbapi.error_places import locate_row_errors, locating_errors
from tokensh.dbapi.options import ConnectionOptions
from tokensh.dbapi.transaction import Transaction, merge_columns, merge_rows
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.held_values import HeldValues
from tokensh.environment import Cancellation, Environment
from tokensh.errors import (
    ConnectionClosed,
    Error,
    MissingParameter,
)
from tokensh.plan.nodes import (
    ChangePlan,
    DropPlan,
    ExecPlan,
    ExplainPlan,
    Plan,
    RegistryPlan,
    RowsPlan,
    SelectPlan,
    TransactionPlan,
    UsePlan,
)
from tokensh.provider.catalog import DEFAULT, Catalog
from tokensh.redact import Redactor
from tokensh.rows import NO_ROWS, Row, RowSet, Value
from tokensh.sql import nodes, placeholders
from tokensh.sql.parameters import Parameters, with_parameters
from tokensh.sql.parse import Parser, open_parser
from tokensh.sql.script import StatementText

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    from tokensh.api.client import Client
    from tokensh.engine.executor import Engine
    from tokensh.engine.history import History
    from tokensh.engine.objects import SessionObjects
    from tokensh.engine.unknown_creates import UnknownCreates

    P = ParamSpec("P")

_NAMED_WORKSPACES = 3
"""Workspaces that a hint names."""


# A connection is used by one thread at a time, but its requests are sent by a pool of threads; Ctrl-C reaches both through
# `cancellation`. What is slow to make and not always needed (catalog, parser, history) is a cached property. What has to be
# closed registers itself in `_on_close` when it is made; parts are closed in the reverse order, the sandbox last.


class Connection:
    """A session with workspaces; for one thread at a time. `tokensh.connect` makes one.

    Attributes:
        workspace: the deployment_name for statements that name none, or None; a URL that is assigned becomes its name.
        namespace: the provider and service that short names are looked up in; USE changes it.
        variables: values for placeholders, by name.
        callbacks: functions to call while statements run.
        yes: change rows that had to be listed first without asking.
        failures: the errors that rows of the last statement are missing for, by workspace; known once a row was asked for.
        holds_back_values: new secrets are shown later; until `mark_values_seen`, the journal keeps their tokens as orphans.
    """

    # PEP 249, "Optional DB API Extensions": the exceptions as attributes, for code that has only the connection.
    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def __init__(self, options: ConnectionOptions) -> None:
        self._options = options
        environment = options.environment or Environment.from_process()
        self.environment = environment.in_sandbox() if options.sandbox else environment
        self.redactor = Redactor.from_environment(self.environment.variables)
        self.cancellation = Cancellation()
        self.callbacks = options.callbacks or Callbacks()
        self.yes = options.yes
        self.variables: dict[str, placeholders.PlaceholderValue] = {}
        self.namespace: tuple[str, ...] = DEFAULT
        self.holds_back_values = False
        self._shown_later = HeldValues()
        self._committed = HeldValues()
        # Where the entries of the values go that the running call creates, if it returns them at its end.
        self._of_call: HeldValues | None = None
        # The rows of `returned`, each with whether it holds secrets.
        self._returned: list[tuple[dict[str, Value], bool]] = []
        self._has_read_returned = False
        self.failures: dict[str, Error] = {}
        self._access = access = Access(options, self.environment, self.redactor, self.cancellation)
        self.config, self.hosts = access.config, access.hosts
        self.workspace = self._default_workspace = access.default_workspace()
        self._later_notes: list[str] = []
        self._has_looked_for_shadows = False
        self._transaction = Transaction(
            self._run_plan,
            check=self._check_plan,
            check_reads=self._check_reads,
            find_savepoints=lambda: self.objects.store.savepoints,
            note=self._note,
        )
        self._closed = False
        self._on_close = ExitStack()
        # The engine goes first: values that were held back and never shown leave their tokens in the journal.
        for close in (access.close, self._close_store, self._shown_later.list_as_pending):
            self._on_close.callback(close)

    # ---- workspaces

    @property
    def workspace(self) -> str | None:
        """The deployment_name for statements that name none, or None."""
        return self._workspace

    @workspace.setter
    def workspace(self, name_or_url: str | None) -> None:
        self._workspace = self.hosts.canonical_name(name_from_url(name_or_url)) if name_or_url else None

    def use_workspace(self, name_or_url: str) -> None:
        """Make a workspace the one for statements that name none. Raises HostError, CredentialError, InterfaceError.

        Assigning `workspace` checks nothing; this refuses what no statement could reach.
        """
        name = self.hosts.canonical_name(name_from_url(name_or_url))
        self._access.workspaces.check(name)
        self._workspace = name

    def resolve_workspace(self, name: str) -> Target:
        """Return the address of a workspace. Raises HostError."""
        return self._access.workspaces.resolve(name)

    @property
    def destination(self) -> str:
        """Where requests go if not to Databricks' own hosts: `sandbox`, or the endpoint's host; else an empty text."""
        return self._access.destination

    @cached_property
    def workspaces(self) -> tuple[str, ...]:
        """The names of the sandbox's workspaces, else of those in the configuration; nothing is sent."""
        return tuple(workspace.name for workspace in self._access.workspaces.list_configured(self._default_workspace))

    @cached_property
    def profiles(self) -> Mapping[str, str]:
        """The profiles of ~/.databrickscfg that lead to a workspace, with its name."""
        known = self._access.workspaces.list_configured()
        return {workspace.profile: workspace.name for workspace in known if workspace.profile}

    def describe(self) -> Iterator[tuple[str, str]]:
        r"""Yield the lines of `\conninfo`, each a label and a text; no secret is among them."""
        yield "workspace", self.workspace or "(none: statements must name one)"
        yield "requests", self.hosts.endpoint or SERVER_TEMPLATE
        yield "names in", ".".join(self.namespace)
        if self.workspace:
            yield from self._access.workspaces.describe_connection(self.workspace)
        yield "user_tokens", "the tokens of the user the credential belongs to; tokens: everyone's, for admins"

    # ---- parts

    @cached_property
    def catalog(self) -> Catalog:
        """What statements may name. Raises InterfaceError, ProviderDocumentError."""
        return Catalog.load(self._access.registry.documents, self.environment.cache_folder)

    @cached_property
    def parser(self) -> Parser:
        """The parser; its compiled grammar is kept in the cache folder."""
        return open_parser(self.environment.cache_folder)

    @property
    def client(self) -> Client:
        """The HTTP client."""
        return self._access.client

    @cached_property
    def pending(self) -> UnknownCreates:
        """The creates whose outcome is unknown, of all sessions."""
        from tokensh.engine.unknown_creates import UnknownCreates  # noqa: PLC0415 (few statements need it)

        return UnknownCreates(self._access.journal)

    def summarize_pending(self) -> str | None:
        """Return a line about the creates whose outcome is unknown, if any."""
        try:
            if next(self.environment.journal_folder.iterdir(), None) is None:
                return None
        except FileNotFoundError:
            return None
        except OSError:
            pass  # the journal says what is wrong
        return self.pending.summary()

    @cached_property
    def history(self) -> History:
        """The statements of all sessions. Raises OperationalError."""
        from tokensh.engine.history import History  # noqa: PLC0415 (few statements need it)

        history = History(self.environment.state_folder / "history.db", self.redactor.clean)
        self._on_close.callback(history.close)
        return history

    @cached_property
    def objects(self) -> SessionObjects:
        """The tables of the session and of its store."""
        from tokensh.dbapi.session_objects import make_session_objects  # noqa: PLC0415 (as in `_bind`)

        path = self._options.store
        return make_session_objects(
            Path(path) if path is not None else self.environment.data_folder / "store.db",
            self.redactor.clean,
            self.environment.now,
            # The parser is made when a view is read: a plan that was made elsewhere (Spark) needs none.
            lambda text: self.parser.parse(text),  # noqa: PLW0108 (as said)
            history=lambda: self.history,
            pending=lambda: self.pending,
            workspaces=self._workspace_rows,
            account_workspaces=self._access.workspaces.list_account_rows,
        )

    def _close_store(self) -> None:
        if "objects" in vars(self):
            self.objects.close()

    def _workspace_rows(self) -> Iterator[Row]:
        return self._access.workspaces.list_rows(self._default_workspace, self._read_last_used())

    def _read_last_used(self) -> Mapping[str, float]:
        try:
            return self.history.last_used(self.destination)
        except Error:
            return {}  # the table is useful without the history

    def probe_workspaces(self) -> RowSet:
        """Return the rows of tokensh.local.workspaces with what each answers to a harmless request."""
        used = self._read_last_used()
        rows = self._access.workspaces.list_probed_rows(self._default_workspace, used)
        return RowSet(WORKSPACE_PROBE_COLUMNS, rows).start()

    def probe_workspace(self) -> None:
        """Send a harmless request to the session's workspace. Raises Error if it does not answer, or refuses the credential."""
        self._access.workspaces.probe(self.workspace or "")

    @cached_property
    def _engine(self) -> Engine:
        from tokensh.engine.executor import Engine  # noqa: PLC0415 (SHOW and DESCRIBE do without)
        from tokensh.engine.services import EngineServices  # noqa: PLC0415 (the same)

        return Engine(
            EngineServices(
                self.environment,
                self._access,
                self.hosts,
                self.redactor,
                self.cancellation,
                self.objects,
                forget_pending=lambda token_ids: self.pending.forget_tokens(token_ids),  # noqa: PLW0108 (made when needed)
                held_values=self._choose_holder,
                note_later=self._later_notes.append,
                partial=self._options.partial,
                max_pages=self._options.max_pages,
                write_connections=self._options.write_connections,
            )
        )

    # ---- statements

    def read_statement(self, text: str) -> StatementText:
        """Return one statement, ready to run: without the `;` at its end, placeholders filled. Raises PlaceholderError."""
        return self.substitute_placeholders(self.parser.tokenize(text).without_terminator())

    def substitute_placeholders(self, statement: StatementText) -> StatementText:
        """Return a statement with the values of `variables` in its placeholders. Raises PlaceholderError."""
        return placeholders.fill(self.parser.tokenize(statement), self.variables)

    def plan(self, statement: str | StatementText, parameters: Parameters = ()) -> Plan:
        """Return the plan of one statement, without `;`. Raises SqlSyntaxError, ProgrammingError and its leaves."""
        return self._bind(with_parameters(self._parse_statement(statement), parameters))

    def _bind(self, statement: nodes.Statement) -> Plan:
        from tokensh.plan.binder import Names, bind  # noqa: PLC0415 (a statement that is not SQL is not bound)

        # The parser is made when a statement is read; a plan without views of documents needs none.
        names = Names(
            self.catalog,
            self.namespace,
            self.workspace,
            _find_function_names,
            self.objects,
            lambda text: self.parser.parse(text),  # noqa: PLW0108 (as said)
        )
        try:
            return bind(statement, names)
        except MissingParameter as error:
            if "deployment_name" not in error.names:
                raise
            listed = ", ".join(self.workspaces[:_NAMED_WORKSPACES])
            more = " ..." if len(self.workspaces) > _NAMED_WORKSPACES else ""
            known = f"known are {listed}{more}" if listed else None
            reasons = () if self.workspace else self._access.workspaces.explain_no_default()
            hint = "; ".join(filter(None, (error.hint, known, *reasons)))
            raise error.with_context(hint=hint) from error.__cause__

    def _note_shadowed_objects(self) -> None:
        """Name, once, the objects of the store that cannot be read because their names mean resources."""
        if self._has_looked_for_shadows:
            return
        self._has_looked_for_shadows = True
        for kind, name in self.objects.peek_stored():
            try:
                resource = self.catalog.find_or_none(tuple(name.split(".")), self.namespace)
            except Error:
                continue  # a broken provider document is told where it is needed
            if resource is not None:
                self._note(
                    f"the {kind.lower()} {name} of the store is not read: its name means the resource {resource.id};"
                    f" DROP {kind} {name} removes it"
                )

    def run(
        self,
        statement: str | StatementText,
        parameters: Parameters = (),
        *,
        dry: bool = False,
        keeps_presses: bool = False,
    ) -> RowSet:
        """Run one statement and return its rows: for COMMIT those of all changes, under the columns of all of them.

        A query is sent now; a write is sent while its rows are read: read them all. Errors are raised here or then.

        Args:
            statement: without `;`, its placeholders substituted.
            parameters: values for `?` or `:name`.
            dry: only explain the statement; nothing is sent.
            keeps_presses: a Ctrl-C or `cancel` that came before stops the statement; else it is forgotten.
        """
        self._transaction.sending = ()
        results = self._flush_after(self._iter_results(statement, parameters, dry=dry, keeps_presses=keeps_presses))
        only = next(results)
        if columns := merge_columns(self._transaction.sending):
            return RowSet(columns, merge_rows(columns, results), incremental=True)
        for result in results:  # of a COMMIT without RETURNING: reading is what sends a write
            only = RowSet((), chain(only.rows, result.rows), incremental=True)
        return RowSet(only.columns, self._with_later_notes(only.rows), True) if only.incremental else only.start()

    def results(
        self, statement: str | StatementText, parameters: Parameters = (), *, dry: bool = False
    ) -> Iterator[RowSet]:
        """Run one statement as `run` does, and yield every result: one for each change of a COMMIT, else one.

        Read each result before the next.
        """
        yield from self._flush_after(self._iter_results(statement, parameters, dry=dry))

    def _flush_after(self, results: Iterator[RowSet]) -> Iterator[RowSet]:
        for result in results:
            # The caller writes the result while this generator waits at `yield`; notes come below it. `finally` also covers
            # a caller that stops early.
            try:
                yield result
            finally:
                self._flush_notes()

    def _parse_statement(self, statement: str | StatementText) -> nodes.Statement:
        tree = self.parser.parse(statement)
        if nodes.has_expressions(tree):
            from tokensh.plan.checks import refuse_null_comparisons  # noqa: PLC0415 (as said in `bind`)

            refuse_null_comparisons(tree)
        return tree

    def _iter_results(
        self, statement: str | StatementText, parameters: Parameters, *, dry: bool, keeps_presses: bool = False
    ) -> Iterator[RowSet]:
        self.check_open()
        if not keeps_presses:
            self.cancellation.reset()
        self.failures = {}
        tree = with_parameters(self._parse_statement(statement), parameters)
        plan = self._bind(tree)
        # SHOW, DESCRIBE and USE send nothing, and a dry run of a script needs what USE sets.
        if dry and not isinstance(plan, ExplainPlan | RowsPlan | UsePlan):
            self.objects.note_planned(plan)
            plan = ExplainPlan(plan)
        if not isinstance(plan, DropPlan):
            self._note_shadowed_objects()
        if isinstance(plan, TransactionPlan):
            yield from self._transaction.control(plan)
        elif self._transaction.enqueue(plan):
            yield NO_ROWS
        else:
            if isinstance(plan, UsePlan):
                self.namespace = plan.path
            with locating_errors(tree):
                result = self._run_plan(plan)
            yield RowSet(result.columns, locate_row_errors(result.rows, tree), result.incremental, result.command)

    def run_many(self, statement: StatementText, sets: Sequence[Parameters]) -> RowSet | None:
        """Run a change of a local table with all sets of values, or with none of them; None for every other statement.

        Raises Error as `run` does; then nothing has changed.
        """
        from tokensh.plan.batches import plan_batches  # noqa: PLC0415 (only `executemany` needs it)

        self.check_open()
        if self.in_transaction or not sets:
            return None
        self.cancellation.reset()
        self.failures = {}
        tree = self._parse_statement(statement)
        if not isinstance(tree, nodes.Insert | nodes.Update | nodes.Delete):
            return None
        with locating_errors(tree):
            batches = plan_batches(tree, sets, self._bind)
            return self._engine.run_batches(batches, self.callbacks) if batches else None

    def select(self, plan: SelectPlan) -> RowSet:
        """Run a query that was planned before, here or in another process. Raises Error as `run` does."""
        self.check_open()
        self.cancellation.reset()
        self.failures = {}
        return self._run_plan(plan)

    def _run_plan(self, plan: Plan) -> RowSet:
        # SHOW and DESCRIBE without LIKE need no database at all.
        if isinstance(plan, RowsPlan) and plan.sql is None:
            return plan.rows
        if isinstance(plan, RegistryPlan):
            vars(self).pop("catalog", None)  # it may have more providers afterwards
            return self._access.registry.run(plan, self._note)
        # Callbacks may be replaced between statements, so that the engine gets them with each.
        callbacks, failures = self.callbacks, self.failures

        def add_failures(more: Mapping[str, Error]) -> None:
            failures.update(more)
            callbacks.on_missing(more)

        return self._engine.run(plan, replace(callbacks, approve=self._approve, on_missing=add_failures))

    def _check_reads(self, plan: Plan) -> None:
        self._engine.check_reads(plan, self.callbacks)

    def _check_plan(self, plan: Plan) -> None:
        self._engine.check(plan, self.callbacks)

    def _approve(self, plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]]) -> None:
        from tokensh.dbapi.approval import approve_change  # noqa: PLC0415 (only changes need it)

        approve_change(plan, rows, yes=self.yes, ask=self.callbacks.approve)

    def mark_values_seen(self) -> None:
        """Settle the journal's entries of values that were held back: the user has seen them."""
        self._shown_later.settle()

    @contextmanager
    def hold_values(self, held: HeldValues) -> Iterator[None]:
        """Hold the journal's entries of values that the `with` block creates; if it fails, they are pending until settled."""
        before, self._of_call = self._of_call, held
        try:
            yield
        except BaseException:
            held.list_as_pending()
            raise
        finally:
            self._of_call = before

    def _choose_holder(self) -> HeldValues | None:
        return self._of_call or (self._shown_later if self.holds_back_values else None)

    def _note(self, text: str) -> None:
        self.callbacks.note(text)

    def _with_later_notes(self, rows: Iterator[Row]) -> Iterator[Row]:
        try:
            yield from rows
        finally:
            self._flush_notes()

    def _flush_notes(self) -> None:
        """Pass on the notes that belong below a result."""
        while self._later_notes:
            # What they are about has taken effect: a note that cannot be written must not look as if the change had failed.
            with suppress(Exception):
                self._note(self._later_notes.pop(0))

    # ---- PEP 249

    def cursor(self) -> Cursor:
        """Return a new cursor. Raises InterfaceError on a closed connection, as the other methods do."""
        self.check_open()
        return Cursor(self)

    @property
    def in_transaction(self) -> bool:
        """Whether changes wait for COMMIT, or for the release of a savepoint."""
        return self._transaction.is_open

    def commit(self) -> None:
        """Send the changes that wait; outside of a transaction every write takes effect at once. Raises Error of a change.

        What their RETURNING gives is in `returned`. New tokens are in `tokensh.local.pending` until that is read.
        """
        self.check_open()
        # Rows that were not read are only kept if they have secrets.
        self._returned = [] if self._has_read_returned else [(row, secret) for row, secret in self._returned if secret]
        self._has_read_returned = False
        try:
            with self.hold_values(self._committed):
                for result in self._transaction.commit():
                    names = [column.name for column in result.columns]
                    secret = any(column.secret for column in result.columns)
                    for row in result.rows:
                        if names:
                            self._returned.append((dict(zip(names, row, strict=True)), secret))
        finally:
            self._committed.list_as_pending()
            self._flush_notes()

    @property
    def returned(self) -> list[dict[str, Value]]:
        """The rows that RETURNING gave in the last `commit`, by column, after the values of earlier ones that were not read.

        Reading them counts as having the values.
        """
        self._committed.settle()
        self._has_read_returned = True
        return [row for row, _ in self._returned]

    def rollback(self) -> int:
        """Drop the changes that wait, and return their number."""
        self.check_open()
        return self._transaction.rollback()

    def check_open(self) -> None:
        """Raise ConnectionClosed, an InterfaceError, after `close`."""
        if self._closed:
            raise ConnectionClosed("the connection is closed")

    def close(self) -> None:
        """End the session; a sandbox of its own ends with it. Closing twice is harmless."""
        self._closed = True
        self._on_close.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _find_function_names() -> frozenset[str]:
    from tokensh.engine.functions import function_names  # noqa: PLC0415 (a statement that calls nothing does without)

    return function_names()


def _make_connect(options: Callable[P, ConnectionOptions]) -> Callable[P, Connection]:
    """Return `connect`, with the parameters of `ConnectionOptions`: type checkers and `help()` see them, stated once."""

    # ParamSpec carries the parameters of the dataclass over to type checkers, `__wrapped__` to `inspect` and `help()`. Written
    # out, 17 parameters with their types and defaults would be stated a second time.
    def connect(*args: P.args, **kwargs: P.kwargs) -> Connection:
        return Connection(options(*args, **kwargs))

    connect.__doc__ = "Open a connection.\n\n" + (options.__doc__ or "").partition("\n\n")[2]
    connect.__wrapped__ = options  # type: ignore[attr-defined] # where `inspect.signature` looks
    return connect


connect = _make_connect(ConnectionOptions)
