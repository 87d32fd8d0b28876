"""The library's face (PEP 249), which the command line and the shell use too.

`tokensh.connect(workspace=..).cursor().execute("SELECT token_id, comment FROM user_tokens")` iterates over rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tokensh import config, errors
from tokensh._dataclasses import replace
from tokensh.api import stackql_auth
from tokensh.api.auth import Credentials, Setting
from tokensh.api.client import CREATE_TIMEOUT, MAX_REPLY, TIMEOUT, Client
from tokensh.api.hosts import Hosts, name_of
from tokensh.api.journal import Journal
from tokensh.api.log import Log
from tokensh.api.workspaces import ACCOUNT_COLUMNS, SERVER, Workspaces
from tokensh.api.workspaces import ACCOUNT_NAME as ACCOUNT_WORKSPACES
from tokensh.api.workspaces import COLUMNS as WORKSPACE_COLUMNS
from tokensh.api.workspaces import NAME as WORKSPACES
from tokensh.dbapi.cursor import Cursor
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.execution import EngineServices
from tokensh.engine.executor import Engine
from tokensh.engine.functions import function_names
from tokensh.engine.history import COLUMNS as STATEMENT_COLUMNS
from tokensh.engine.history import History, to_row
from tokensh.engine.objects import SessionObjects, SessionTable
from tokensh.engine.store import Store
from tokensh.engine.unknown_creates import COLUMNS as PENDING_COLUMNS
from tokensh.engine.unknown_creates import NAME as PENDING
from tokensh.engine.unknown_creates import UnknownCreates
from tokensh.environment import Cancellation, Environment
from tokensh.errors import (
    ConnectionClosed,
    Error,
    FunctionMisuse,
    InterfaceError,
    MissingParameter,
    NotSupportedError,
    ProgrammingError,
    assert_never,
)
from tokensh.plan.binder import Names, bind
from tokensh.plan.nodes import (
    ChangePlan,
    DefinePlan,
    DropPlan,
    ExecPlan,
    ExplainPlan,
    InsertPlan,
    LocalChangePlan,
    LocalInsertPlan,
    Plan,
    RefreshPlan,
    RowsPlan,
    SelectPlan,
    TransactionPlan,
    UsePlan,
)
from tokensh.plan.sqlite_errors import find_misuse
from tokensh.provider.catalog import DEFAULT, Catalog
from tokensh.redact import Redactor
from tokensh.rows import Row, RowSet, Value
from tokensh.sql import nodes as n
from tokensh.sql import placeholders
from tokensh.sql.lexer import TRIVIA, tokenize
from tokensh.sql.parameters import Parameters, with_parameters
from tokensh.sql.parse import Parser
from tokensh.text import escape_unsafe, truncate

if TYPE_CHECKING:
    from tokensh.sandbox import Sandbox

SANDBOX_WORKSPACE = "dbc-abcd0123-a1bc"
_NAMED = 10
_KNOWN = 3
"""Workspaces that a hint names."""

CHANGES = (InsertPlan, ChangePlan, ExecPlan, LocalInsertPlan, LocalChangePlan)
"""What waits in a transaction."""
NO_ROWS = RowSet((), iter(()))


class Connection:
    """A session: what names mean, which credentials go where, and what has been set. One thread at a time."""

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

    def __init__(  # noqa: PLR0913 (settings, each with a default)
        self,
        *,
        environment: Environment | None = None,
        profile: str | None = None,
        token: str | None = None,
        auth: str | None = None,
        endpoint: str | None = None,
        workspace: str | None = None,
        registry: Path | str | None = None,
        sandbox: bool | Sandbox = False,
        timeout: float | None = None,
        max_connections: int = 16,
        max_reply: int | None = None,
        log: Path | str | None = None,
        partial: bool = False,
        yes: bool = False,
        store: Path | str | None = None,
        callbacks: Callbacks | None = None,
    ) -> None:
        self.environment = environment or Environment.real()
        self.config = config.read(self.environment)
        self.redactor = Redactor.knowing(self.environment.variables)
        self.cancellation = Cancellation()
        self.workspace = workspace or self.config.workspace
        self.namespace: tuple[str, ...] = DEFAULT
        """The provider and service that short names are looked up in."""
        self.variables: dict[str, placeholders.PlaceholderValue] = {}
        """Values for placeholders."""
        self.callbacks = callbacks or Callbacks()
        self.yes = yes
        self._store_path = Path(store) if store is not None else None
        self._queue: list[Plan] | None = None
        self._asides: list[str] = []
        self._registry = Path(registry) if registry is not None else None
        self._sandbox: Sandbox | None = None
        self._seeded: tuple[str, ...] = ()
        self._owns_sandbox = False
        given = self._given(token, auth, profile)
        if sandbox:
            if endpoint:
                raise InterfaceError("the sandbox has an endpoint of its own", hint="give either of the two")
            given, endpoint = self._enter_sandbox(None if sandbox is True else sandbox)
        endpoint = endpoint or self.environment.get("TOKENSH_ENDPOINT") or None
        self.hosts = Hosts(endpoint, self.config.hosts)
        self._log = Log(Path(log), self.redactor.clean, self.environment.now) if log is not None else None
        self._credentials = Credentials(self.environment, profile=profile, given=given)
        self.client = Client(
            self.environment,
            self._credentials,
            redactor=self.redactor,
            cancellation=self.cancellation,
            timeout=TIMEOUT if timeout is None else timeout,
            create_timeout=CREATE_TIMEOUT if timeout is None else timeout,
            max_connections=max_connections,
            max_reply=MAX_REPLY if max_reply is None else max_reply,
            log=self._log,
        )
        self._credentials.fetch = self.client.fetch_json
        self._known = Workspaces(
            self.environment,
            self.hosts,
            self._credentials,
            self.client,
            mapped=self.config.hosts,
            seeded=self._seeded,
        )
        if given is None and not workspace:
            self.workspace = self._workspace_of_profile(profile) or self.workspace
        self._partial = partial
        self._closed = False
        self._journal = Journal(self.environment, self.redactor.clean, "sandbox" if sandbox else "journal")
        self.pending = UnknownCreates(self._journal)
        """Creates whose outcome is not known."""
        self.holds_back_values = False
        """Whether new values are shown later: until `values_seen` is called, their tokens count as held by nobody."""
        if sandbox:
            self.pending.forget()  # an earlier sandbox's tokens are gone with it

    def _given(self, token: str | None, auth: str | None, profile: str | None) -> Setting | None:
        """The only credential that may be used, if one was given outright: a token, or `--auth` in StackQL's spelling."""
        if sum(one is not None for one in (token, auth, profile)) > 1:
            raise InterfaceError("a token, --auth and a profile exclude each other", hint="give one of the three")
        if token is not None:
            return Setting(token, "the token given")
        return None if auth is None else stackql_auth.read(auth, self.environment)

    def _workspace_of_profile(self, named: str | None) -> str | None:
        """Whoever names a profile means its workspace. Raises CredentialError where there is none of that name."""
        try:
            return self._known.of_profile()
        except InterfaceError:
            if named is not None:
                raise
            return None  # a variable that is out of date is told when a credential is needed

    def _enter_sandbox(self, running: Sandbox | None) -> tuple[Setting, str]:
        from tokensh.sandbox import start  # noqa: PLC0415 (only --sandbox needs an HTTP server)

        self._sandbox = sandbox = running or start()
        self._owns_sandbox = running is None
        self._seeded = tuple(sandbox.workspaces)
        self.workspace = self.workspace or SANDBOX_WORKSPACE
        self.redactor.learn(sandbox.token)
        return Setting(sandbox.token, "the sandbox", sandbox.origin, sandbox.account_id), sandbox.endpoint

    @property
    def destination(self) -> str:
        """Where requests go if not to Databricks' own hosts: `sandbox`, or the endpoint's host; else nothing."""
        if self._sandbox is not None:
            return "sandbox"
        return urlsplit(self.hosts.endpoint).netloc if self.hosts.endpoint else ""

    @property
    def workspace(self) -> str | None:
        """The session's default for deployment_name; None: there is none. A workspace's URL may be given for its name."""
        return self._workspace

    @workspace.setter
    def workspace(self, given: str | None) -> None:
        self._workspace = name_of(given) if given else None

    @cached_property
    def workspaces(self) -> tuple[str, ...]:
        """The workspaces that are known before anything is asked: the sandbox's, else those of the configuration."""
        return tuple(one.name for one in self._known.known())

    def describe(self) -> Iterator[tuple[str, str]]:
        r"""What `\conninfo` tells, as pairs of a word and what to say; no secret is among it."""
        yield "workspace", self.workspace or "(none: statements must name one)"
        yield "requests", self.hosts.endpoint or SERVER
        yield "names in", ".".join(self.namespace)
        if self.workspace:
            yield from self._known.facts(self.workspace)
        yield "user_tokens", "are the tokens of whom the credential stands for; tokens are everyone's, for admins"

    @cached_property
    def profiles(self) -> Mapping[str, str]:
        """The profiles of ~/.databrickscfg that lead to a workspace, and to which."""
        return {one.profile: one.name for one in self._known.known() if one.profile}

    def _workspace_rows(self) -> Iterator[Row]:
        try:
            used = self.history.last_used()
        except Error:
            used = {}  # a table that can do without the history does
        return self._known.rows(self.workspace, used)

    # ---- parts, made when first needed

    @cached_property
    def catalog(self) -> Catalog:
        """What statements may name. Raises InterfaceError, ProviderDocumentError."""
        return Catalog.load(self._registry)

    @cached_property
    def parser(self) -> Parser:
        """The parser; its compiled grammar is kept in the cache folder."""
        return Parser(self.environment.cache_folder)

    @cached_property
    def history(self) -> History:
        """The statements of all sessions. Raises OperationalError."""
        return History(self.environment.state_folder / "history.db", self.redactor.clean)

    @cached_property
    def objects(self) -> SessionObjects:
        """What can be read besides resources: the store's views and tables, and the session's own."""
        path = self._store_path or self.environment.data_folder / "store.db"
        store = Store(path, self.redactor.clean, self.environment.now)
        sources = {
            "tokensh.local.statements": SessionTable(STATEMENT_COLUMNS, lambda: map(to_row, self.history.latest())),
            WORKSPACES: SessionTable(WORKSPACE_COLUMNS, self._workspace_rows),
            ACCOUNT_WORKSPACES: SessionTable(ACCOUNT_COLUMNS, self._known.account_rows, is_remote=True),
            PENDING: SessionTable(PENDING_COLUMNS, self.pending.rows, self.pending.forget),
        }
        # Called late: a plan that is carried out here may have been made elsewhere, and then nothing is parsed.
        return SessionObjects(store, lambda text: self.parser.parse(text), sources)  # noqa: PLW0108

    @cached_property
    def _engine(self) -> Engine:
        return Engine(
            EngineServices(
                self.environment,
                self.client,
                self.hosts,
                self.redactor,
                self.cancellation,
                self.objects,
                self._journal,
                self.pending,
                hold_back=lambda: self.holds_back_values,
                note_later=self._asides.append,
                partial=self._partial,
            )
        )

    def _run_plan(self, plan: Plan) -> RowSet:
        return self._engine.run(plan, replace(self.callbacks, approve=self._approve))

    def _approve(self, plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]]) -> None:
        if self.yes or not rows:
            return
        if self.callbacks.approve is not None:
            self.callbacks.approve(plan, rows)
        elif isinstance(plan, ChangePlan) and (plan.filtered or plan.verb == "REPLACE"):
            raise _unapproved(plan, rows)

    # ---- statements

    def substitute_placeholders(self, text: str) -> str:
        """A statement with its placeholders filled. Raises PlaceholderError."""
        table = self.parser.table
        places = placeholders.find_placeholders(table, text)
        return placeholders.substitute(text, places, self.variables) if places else text

    def strip_terminator(self, text: str) -> str:
        """One statement without the `;` at its end, and the comments behind that."""
        last = None
        for token in tokenize(self.parser.table, text):
            if token.kind not in TRIVIA:
                last = token
        return text[: last.start] if last is not None and last.text == ";" else text

    def plan(self, text: str, parameters: Parameters = ()) -> Plan:
        """The plan of one statement, without `;`. Raises SqlSyntaxError, ProgrammingError and its leaves."""
        return self._bound(with_parameters(self.parser.parse(text), parameters))

    def _bound(self, statement: n.Statement) -> Plan:
        names = Names(self.catalog, self.namespace, self.workspace, function_names(), self.objects)
        try:
            return bind(statement, names)
        except MissingParameter as error:
            if "deployment_name" in error.names and self.workspaces:
                shown = ", ".join(self.workspaces[:_KNOWN]) + (" .." if len(self.workspaces) > _KNOWN else "")
                hint = "; ".join(filter(None, (error.hint, f"known are {shown}")))
                raise error.with_context(hint=hint) from error.__cause__
            raise

    def run(self, text: str, parameters: Parameters = (), *, dry: bool = False) -> RowSet:
        """Carry out one statement, without `;`, whose placeholders are filled; of a COMMIT, the last change's rows.

        A write is sent while its rows are read: read them all. Errors are raised here or then.

        Args:
            text: the statement.
            parameters: values for `?` or `:name`.
            dry: only explain it; nothing is sent.
        """
        last = NO_ROWS
        for result in self.results(text, parameters, dry=dry):
            list(last.rows)
            last = result
        return RowSet(last.columns, self._then_asides(last.rows), True) if last.incremental else last

    def _then_asides(self, rows: Iterator[Row]) -> Iterator[Row]:
        try:
            yield from rows
        finally:
            self._tell_asides()

    def results(self, text: str, parameters: Parameters = (), *, dry: bool = False) -> Iterator[RowSet]:
        """As `run`, but every result: a COMMIT has one for each change that waited. Read each before the next."""
        for result in self._results(text, parameters, dry=dry):
            try:
                yield result
            finally:
                self._tell_asides()

    def _tell_asides(self) -> None:
        """Tell what is to be read after a result."""
        while self._asides:
            self._tell(self._asides.pop(0))

    def _results(self, text: str, parameters: Parameters, *, dry: bool) -> Iterator[RowSet]:
        self.check_open()
        self.cancellation.reset()
        statement = with_parameters(self.parser.parse(text), parameters)
        plan = self._bound(statement)
        if dry and not isinstance(plan, ExplainPlan | RowsPlan | UsePlan):
            plan = ExplainPlan(plan)
        if isinstance(plan, TransactionPlan):
            yield from self._transaction(plan)
        elif self._queue is not None and isinstance(plan, CHANGES):
            self._queue.append(plan)
            self._tell(f"waits for COMMIT, as number {len(self._queue)}")
            yield NO_ROWS
        elif self._queue is not None and isinstance(plan, DefinePlan | DropPlan | RefreshPlan):
            raise NotSupportedError("a transaction takes queries and changes of rows", hint="COMMIT or ROLLBACK first")
        else:
            if isinstance(plan, UsePlan):
                self.namespace = plan.path
            with _placed(statement):
                result = self._run_plan(plan)
            yield RowSet(result.columns, _placed_rows(result.rows, statement), result.incremental)

    def select(self, plan: SelectPlan) -> RowSet:
        """Carry out a query that was planned before, here or in another process. Raises Error as `run` does."""
        self.check_open()
        self.cancellation.reset()
        return self._run_plan(plan)

    def mark_values_seen(self) -> None:
        """The new values that were held back have been shown."""
        if "_engine" in self.__dict__:
            self._engine.release_held(seen=True)

    # ---- transactions

    def _transaction(self, plan: TransactionPlan) -> Iterator[RowSet]:
        match plan.verb:
            case "BEGIN":
                self._begin()
                yield NO_ROWS
            case "ROLLBACK":
                if self._queue is None:
                    raise ProgrammingError("there is no transaction", hint="BEGIN opens one")
                count = self.rollback()
                self._tell(f"{_many(count)} dropped, nothing was sent")
                yield NO_ROWS
            case "COMMIT":
                yield from self._commit()
            case _:
                assert_never(plan.verb)

    def _begin(self) -> None:
        if self._queue is not None:
            raise ProgrammingError("a transaction is open already", hint="COMMIT or ROLLBACK ends it")
        self._queue = []
        self._tell(
            "changes wait for COMMIT, which sends them one by one; this is a queue and no transaction of the API"
        )

    @property
    def in_transaction(self) -> bool:
        """Whether changes wait for COMMIT."""
        return self._queue is not None

    def rollback(self) -> int:
        """Drop the changes that wait; how many there were."""
        self.check_open()
        waiting, self._queue = self._queue, None
        return len(waiting or ())

    def _commit(self) -> Iterator[RowSet]:
        if self._queue is None:
            raise ProgrammingError("there is no transaction to commit", hint="BEGIN opens one")
        waiting, self._queue = self._queue, None
        yield NO_ROWS
        for done, plan in enumerate(waiting):
            with _of_commit(done, len(waiting)):
                result = self._run_plan(plan)
            yield RowSet(result.columns, self._committed(result, done, len(waiting)), result.incremental)

    @staticmethod
    def _committed(result: RowSet, done: int, total: int) -> Iterator[Row]:
        with _of_commit(done, total):
            yield from result.rows

    def _tell(self, text: str) -> None:
        self.callbacks.note(text)

    # ---- PEP 249

    def cursor(self) -> Cursor:
        """A new cursor. Raises InterfaceError where the connection is closed, as the others do."""
        self.check_open()
        return Cursor(self)

    def commit(self) -> None:
        """Send what waits in a transaction; outside of one every write takes effect at once. Raises Error of a change."""
        self.check_open()
        if self._queue is not None:
            for result in self._commit():
                list(result.rows)

    def check_open(self) -> None:
        """Raise InterfaceError where it is closed."""
        if self._closed:
            raise ConnectionClosed("the connection is closed")

    def close(self) -> None:
        """End the session; a sandbox of its own ends with it."""
        self._closed = True
        if "_engine" in self.__dict__:
            self._engine.release_held(seen=False)
        self.client.close()
        if self._log is not None:
            self._log.close()
        if "objects" in self.__dict__:
            self.objects.store.close()
        if "history" in self.__dict__:
            self.history.close()
        if self._sandbox is not None and self._owns_sandbox:
            self._sandbox.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def _placed(statement: n.Statement) -> Iterator[None]:
    """An error inside that tells no place stands at the function that it names."""
    try:
        yield
    except FunctionMisuse as error:
        span = find_misuse(statement, error.function, aggregate=error.aggregate)
        raise error.with_context(span=span) from error.__cause__


def _placed_rows(rows: Iterator[Row], statement: n.Statement) -> Iterator[Row]:
    with _placed(statement):
        yield from rows


@contextmanager
def _of_commit(done: int, total: int) -> Iterator[None]:
    """An error inside is one of a change that waited: it stands nowhere in the COMMIT, and tells what became of the others."""
    try:
        yield
    except Error as error:
        left = total - done - 1
        message = f"{error.message} (COMMIT: {_many(done)} done, this one failed, {_many(left)} dropped)"
        raise error.with_context(message=message, span=None) from error.__cause__


def _many(count: int) -> str:
    return f"{count} change{'' if count == 1 else 's'}"


def _unapproved(plan: ChangePlan, rows: Sequence[Mapping[str, Value]]) -> ProgrammingError:
    """What a change would hit, for someone who has not said yes."""
    shown = "; ".join(_row_text(row) for row in rows[:_NAMED])
    more = f"; and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return ProgrammingError(
        f"this {plan.verb} would hit {len(rows)} row{'s' if len(rows) != 1 else ''}: {shown}{more}",
        hint="say --yes if that is right; nothing was changed",
        span=plan.span,
    )


def _row_text(row: Mapping[str, Value]) -> str:
    named = [name for name in ("deployment_name", "token_id", "comment") if name in row]
    names = named if "token_id" in row else list(row)[:3]
    return " ".join(f"{name}={truncate(escape_unsafe(str(row[name])), 70)}" for name in names)
