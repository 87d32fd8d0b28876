"""A plan carried out: the one place where plans become requests and rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import product

from tokensh._dataclasses import dataclass
from tokensh.api import request as requests_
from tokensh.api import response as replies
from tokensh.api.client import Client
from tokensh.api.hosts import Hosts
from tokensh.api.journal import Journal
from tokensh.api.request import Json, Request
from tokensh.engine.advice import count_unexpired, describe_new_token, find_lost_grants
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.create import Creation, Creator, had_no_effect
from tokensh.engine.ddl import Lasting
from tokensh.engine.explain import explain
from tokensh.engine.fetch import NOT_FOUND_CODES, Fetcher, ParameterValues, locate_errors
from tokensh.engine.objects import SessionObjects
from tokensh.engine.sqlite import Database, evaluate
from tokensh.engine.unknown_creates import UnknownCreates
from tokensh.environment import Cancellation, Environment
from tokensh.errors import (
    ApiError,
    Error,
    MissingParameter,
    UnknownOutcome,
    assert_never,
)
from tokensh.plan.nodes import (
    ChangePlan,
    DefinePlan,
    DropPlan,
    ExecPlan,
    ExplainPlan,
    InsertPlan,
    Keys,
    LocalChangePlan,
    LocalInsertPlan,
    Plan,
    Projection,
    RefreshPlan,
    RowsPlan,
    Scan,
    SelectPlan,
    Stored,
    StorePlan,
    TransactionPlan,
    UsePlan,
)
from tokensh.provider.model import Method, Parameter
from tokensh.redact import Redactor
from tokensh.rows import Column, Row, RowSet, Value
from tokensh.sql.unparse import literal
from tokensh.text import escape_unsafe

_OWN_TOKENS = "/api/2.0/token/list"
_GRANTS = "access_control_list"
_AGAIN = "for the rest: the same statement again"
_WRITTEN = 3
"""Rows that a message repeats."""


@dataclass(frozen=True, slots=True)
class EngineServices:
    """What an engine works with, for as long as the session lasts.

    Attributes:
        hold_back: tells whether new secrets are shown later, so that delivering them does not settle the journal's entries.
        note_later: called with a line that belongs below the result.
        partial: whether a read makes do with the workspaces that answer.
    """

    environment: Environment
    client: Client
    hosts: Hosts
    redactor: Redactor
    cancellation: Cancellation
    objects: SessionObjects
    journal: Journal
    pending: UnknownCreates
    hold_back: Callable[[], bool]
    note_later: Callable[[str], None]
    partial: bool = False


class Engine:
    """Carries out plans, one after the other."""

    def __init__(self, services: EngineServices) -> None:
        self._services = services
        self._callbacks = Callbacks()
        self._creator = Creator(
            services.environment,
            services.client,
            services.hosts,
            redactor=services.redactor,
            cancellation=services.cancellation,
            journal=services.journal,
            holds=services.hold_back,
            on_request=lambda what: self._callbacks.on_activity(what),  # noqa: PLW0108 (they change with each statement)
        )
        self._lasting = Lasting(services.objects, self._select, services.cancellation)

    def run(self, plan: Plan, callbacks: Callbacks) -> RowSet:
        """The result of a plan; a write happens as its rows are read.

        Raises Error and its leaves, here or while the rows are read.
        """
        self._callbacks = callbacks
        self._check_returning(plan.plan if isinstance(plan, ExplainPlan) else plan)
        match plan:
            case SelectPlan():
                return RowSet(plan.columns, self._select(plan))
            case InsertPlan():
                columns = plan.returning.columns if plan.returning else ()
                return RowSet(columns, self._insert(plan), incremental=True)
            case ChangePlan():
                columns = plan.returning.columns if plan.returning else ()
                return RowSet(columns, self._change(plan), incremental=True)
            case ExecPlan():
                return RowSet(plan.columns, self._execute(plan), incremental=plan.method.http_method != "GET")
            case RowsPlan():
                return RowSet(plan.rows.columns, self._shown(plan)) if plan.sql else plan.rows
            case ExplainPlan():
                return explain(
                    plan.plan, self._services.hosts, Database(self._services.cancellation), self._services.objects
                )
            case UsePlan() | TransactionPlan():
                return RowSet((), iter(()))
            case DefinePlan() | DropPlan() | RefreshPlan() | LocalInsertPlan() | LocalChangePlan():
                return RowSet(_returned_columns(plan), self._lasting.run(plan))
            case _:
                assert_never(plan)

    def _check_returning(self, plan: Plan) -> None:
        """Find what is wrong with RETURNING before anything is written."""
        if not isinstance(plan, InsertPlan | ChangePlan | LocalInsertPlan | LocalChangePlan) or plan.returning is None:
            return
        local = Database(self._services.cancellation)
        try:
            local.create_table(plan.returning.table, plan.returning.source)
            local.check(plan.returning.sql)
        finally:
            local.close()

    def release_held(self, *, seen: bool) -> None:
        """New values that were held back have been seen, or never will be."""
        self._creator.release_held(seen=seen)

    # ---- reads

    def _select(self, plan: SelectPlan) -> Iterator[Row]:
        local = Database(self._services.cancellation)
        try:
            self._load(plan, local)
            yield from local.query(plan.sql)
        finally:
            local.close()

    def _load(self, plan: SelectPlan, local: Database) -> None:
        """Fetch what a query reads; what is wrong with it is found before anything is sent."""
        self._prepare(plan.scans, plan.stored, local)
        local.check(plan.sql)
        self._fetcher().load(plan.scans, local, ParameterValues(plan.scans, local))

    def _prepare(self, scans: Sequence[Scan], stored: Sequence[Stored], local: Database) -> None:
        self._services.objects.create_tables(stored, local)
        for scan in scans:
            local.create_table(scan.table, (one.column for one in scan.columns))

    def _fetcher(self) -> Fetcher:
        services = self._services
        return Fetcher(
            services.client,
            services.hosts,
            self._callbacks,
            partial=services.partial,
        )

    def _shown(self, plan: RowsPlan) -> Iterator[Row]:
        local = Database(self._services.cancellation)
        try:
            local.create_table(plan.table, plan.rows.columns)
            local.load(plan.table, len(plan.rows.columns), plan.rows.rows)
            yield from local.query(plan.sql or "")
        finally:
            local.close()

    # ---- INSERT

    def _insert(self, plan: InsertPlan) -> Generator[Row, None, None]:
        rows = list(self._select(plan.source))
        with locate_errors(plan.span):
            made = [self._insertion(plan, row) for row in rows]
        for done, one in enumerate(made):
            try:
                yield from self._inserted(plan, one)
            except Error as error:
                # Of the row whose outcome is unknown the error tells more.
                left = rows[done + isinstance(error, UnknownOutcome) :]
                raise _counted(error, done, len(made), _remainder(plan, left, len(rows))) from None

    def _insertion(self, plan: InsertPlan, row: Row) -> Creation:
        given = dict(zip(plan.targets, row, strict=True))
        values = {**plan.defaults, **{p.name: v for p, v in given.items() if p.location != "body"}}
        body = {p.name: requests_.attribute(p, v) for p, v in given.items() if p.location == "body" and v is not None}
        _complete(plan, body)
        return Creation(plan.resource, plan.method, values, self._build(plan.method, values, body))

    def _build(self, method: Method, values: Mapping[str, Value], body: Mapping[str, Json] | None) -> Request:
        return requests_.build(method, self._services.hosts, values, body)

    def _inserted(self, plan: InsertPlan, one: Creation) -> Generator[Row, None, None]:
        given = {**one.values, **{f"data__{name}": _plain(value) for name, value in (one.request.body or {}).items()}}
        if not one.request.creates:
            row = _only(self._write(plan.method, one.request))
            yield self._returned(plan, row, given)
            return
        yield from self._created(one, lambda row: self._projected(plan.returning, plan.method, row, given))

    def _created(self, one: Creation, shown: Callable[[Mapping[str, Json]], Row]) -> Generator[Row, None, None]:
        """Create, deliver, and only then say when it ends."""
        try:
            with self._creator.create(one) as row:
                yield shown(row)
        except ApiError as error:
            if error.code == "QUOTA_EXCEEDED":
                error.message += self._counted_tokens(one)
            raise
        for note in describe_new_token(row, int(self._services.environment.now() * 1000)):
            self._services.note_later(note)

    def _counted_tokens(self, one: Creation) -> str:
        """How many tokens stand against the quota; nothing where the list is not to be had."""
        method = next((m for m in one.resource.of("SELECT") if m.lists), None)
        if method is None or method.path != _OWN_TOKENS:
            return ""
        try:
            reply = self._services.client.send(self._build(method, one.values, None))
            count = count_unexpired(replies.rows(method, reply), int(self._services.environment.now() * 1000))
        except Error:
            return ""
        return f" (you have {count:,} that are not expired)"

    # ---- UPDATE, REPLACE, DELETE

    def _change(self, plan: ChangePlan) -> Generator[Row, None, None]:
        rows = list(self._hit(plan))
        made = self._own_last(self._change_requests(plan, rows))
        if plan.verb == "REPLACE":
            self._warn_of_losses(plan, made)
        if plan.filtered or plan.verb == "DELETE":
            shown = {p.name for p in plan.assigned}
            self._approve(plan, [{k: v for k, v in row.items() if k not in shown} for row in rows])
        for done, (row, request) in enumerate(made):
            try:
                answered = _only(self._write(plan.method, request))
            except ApiError as error:
                if plan.verb == "DELETE" and error.status == HTTPStatus.NOT_FOUND and error.code in NOT_FOUND_CODES:
                    self._revoked(row)
                    continue  # what is not there is no row
                raise _counted(error, done, len(made), _AGAIN) from None
            except Error as error:
                raise _counted(error, done, len(made), _AGAIN) from None
            if plan.verb == "DELETE":
                self._revoked(row)
            try:
                returned = self._returned(plan, answered, row)
            except Error as error:
                raise _counted(error, done + 1, len(made), _AGAIN, tried=0) from None
            yield returned

    def _approve(self, plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]]) -> None:
        if self._callbacks.approve is not None:
            self._callbacks.approve(plan, rows)

    def _own_last(self, made: list[tuple[dict[str, Value], Request]]) -> list[tuple[dict[str, Value], Request]]:
        """Writes that revoke the token they are signed with come last, after a warning: what follows them is refused."""
        own = [one for one in made if self._is_own(one[0].get("token_id"), one[1])]
        return [one for one in made if one not in own] + own if own else made

    def _is_own(self, token_id: Value, request: Request) -> bool:
        """Whether a token is the one in use; if so, it is said."""
        if token_id is None or self._services.client.signs_with(request.target) != token_id:
            return False
        self._callbacks.note(
            f"warning: token {token_id} is the one that requests to {request.target.name} are signed with:"
            " once it is revoked, they are refused"
        )
        return True

    def _warn_of_losses(self, plan: ChangePlan, made: Sequence[tuple[dict[str, Value], Request]]) -> None:
        """Tell who loses the permission to use tokens by a new list of permissions: their tokens go with it."""
        reader = next((m for m in plan.resource.of("SELECT") if any(f.name == _GRANTS for f in m.fields)), None)
        if reader is None or all(p.name != _GRANTS for p in plan.method.body):
            return
        rows: list[Mapping[str, Value]] = []
        for row, request in made:
            keys = {p.name: row[p.name] for p in plan.parameters}
            for kind, name in find_lost_grants(self._granted(reader, keys), (request.body or {}).get(_GRANTS)):
                rows.append({**keys, kind: name})
                self._callbacks.note(
                    f"warning: {kind} {escape_unsafe(name)} is not in the new list for {request.target.name}: tokens of whoever has"
                    " CAN_USE by that alone are deleted at once, and cannot be brought back"
                )
        if rows:
            self._approve(plan, rows)

    def _granted(self, reader: Method, keys: Mapping[str, Value]) -> Mapping[str, Json]:
        try:
            return _only(replies.rows(reader, self._services.client.send(self._build(reader, keys, None))))
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND and error.code in NOT_FOUND_CODES:
                return {}  # there are no permissions before the first token
            raise

    def _hit(self, plan: ChangePlan) -> Iterator[dict[str, Value]]:
        """The rows that a change hits: parameters, assigned attributes (`data__x`), listed fields."""
        assigned = [f"data__{p.name}" for p in plan.assigned]
        keys = [p.name for p in plan.parameters]
        match plan.source:
            case Keys():
                yield from self._combinations(plan.source, plan.parameters, assigned)
            case SelectPlan():
                fields = [one.name for one in plan.source.columns[len(keys) + len(assigned) :]]
                for row in self._select(plan.source):
                    listed = dict(zip(fields, row[len(keys) + len(assigned) :], strict=True))
                    yield listed | dict(zip((*keys, *assigned), row, strict=False))
            case _:
                assert_never(plan.source)

    def _combinations(
        self, keys: Keys, parameters: Sequence[Parameter], assigned: Sequence[str]
    ) -> Iterator[dict[str, Value]]:
        local = Database(self._services.cancellation)
        try:
            self._prepare(keys.scans, keys.stored, local)
            values = ParameterValues(keys.scans, local)
            self._fetcher().load(keys.scans, local, values)
            given = dict(zip(assigned, next(local.query(keys.assigned.sql)), strict=True)) if keys.assigned else {}
            sets = [values.evaluate(keys.values[p.name.lower()], p) for p in parameters]
            for combination in product(*sets):
                yield dict(zip((p.name for p in parameters), combination, strict=True)) | given
        finally:
            local.close()

    def _change_requests(
        self, plan: ChangePlan, rows: Sequence[dict[str, Value]]
    ) -> list[tuple[dict[str, Value], Request]]:
        sets = plan.source.values if isinstance(plan.source, Keys) else None
        made = []
        for row in rows:
            given = {p.name.lower(): row[p.name] for p in plan.parameters}
            with locate_errors(plan.span, sets, given, plan.method):
                made.append((row, self._change_request(plan, row)))
        return made

    def _change_request(self, plan: ChangePlan, row: Mapping[str, Value]) -> Request:
        """The request for one row; keys that the method takes in its body go there."""
        in_body = {p.name: p for p in plan.method.body}
        values = {p.name: row[p.name] for p in plan.parameters if p.name not in in_body}
        body: dict[str, Json] = {
            p.name: requests_.attribute(in_body[p.name], row[p.name]) for p in plan.parameters if p.name in in_body
        }
        for one in plan.assigned:
            body[one.name] = requests_.attribute(one, row[f"data__{one.name}"])
        return self._build(plan.method, values, body if plan.method.has_body else None)

    # ---- EXEC

    def _execute(self, plan: ExecPlan) -> Generator[Row, None, None]:
        local = Database(self._services.cancellation)
        try:
            found = evaluate(local, [sql for _, sql in plan.values]) if plan.values else ()
        finally:
            local.close()
        request, values = self._execution(plan, found)
        if _deletes(plan):
            revoked = {**values, **{name: _plain(value) for name, value in (request.body or {}).items()}}
            self._own_last([(revoked, request)])
            self._approve(plan, [revoked])
        if request.creates:
            one = Creation(plan.resource, plan.method, values, request)
            yield from self._created(one, lambda row: _cells(plan.columns, row, "$"))
            return
        if request.method == "GET":
            self._callbacks.on_activity(f"{plan.method.name} on {request.target.name}")
            answered = replies.rows(plan.method, self._services.client.send(request))
        else:
            answered = self._write(plan.method, request)
        if _deletes(plan):
            self._revoked({**values, **(request.body or {})})
        path = plan.method.object_key or "$"
        for index, row in enumerate(answered):
            if plan.columns:
                yield _cells(plan.columns, row, f"{path}[{index}]" if plan.method.lists else path)

    def _execution(self, plan: ExecPlan, found: Row) -> tuple[Request, dict[str, Value]]:
        """The request of an EXEC whose arguments are worked out, and those of them that are not in its body."""
        given = dict(zip((p for p, _ in plan.values), found, strict=True))
        values = {**plan.defaults, **{p.name: v for p, v in given.items() if p.location != "body"}}
        body: dict[str, Json] = dict(plan.body or {})  # type: ignore[arg-type] # it was read as JSON
        for p, value in given.items():
            if p.location == "body" and value is not None:
                with locate_errors(plan.places[p.name]):
                    body[p.name] = requests_.attribute(p, value)
        _complete(plan, body)
        servers = (plan.places[p.name] for p in given if p.location == "server")
        with locate_errors(next(servers, plan.span)):
            return self._build(plan.method, values, body if plan.method.has_body else None), values

    def _revoked(self, row: Mapping[str, object]) -> None:
        """Nothing is pending any more of a token that is gone."""
        token_id = row.get("token_id")
        if isinstance(token_id, str):
            self._services.pending.forget_token(token_id)

    # ---- shared

    def _write(self, method: Method, request: Request) -> Sequence[Mapping[str, Json]]:
        """Send a write once; its reply's objects. Raises UnknownOutcome where nobody knows whether it took effect."""
        self._callbacks.on_activity(f"{method.name} on {request.target.name}")
        try:
            return replies.rows(method, self._services.client.send(request))
        except Error as error:
            if had_no_effect(error):
                raise
            place = request.target.name
            raise UnknownOutcome(
                f"whether it took effect in {place} is unknown: {error.message}",
                hint="look with a SELECT; to run it again does no harm if it is the same change",
            ) from None

    def _returned(self, plan: InsertPlan | ChangePlan, reply: Mapping[str, Json], given: Mapping[str, Value]) -> Row:
        """RETURNING of a write that can be repeated. Raises Error that says that it took effect."""
        try:
            return self._projected(plan.returning, plan.method, reply, given)
        except Error as error:
            error.message = f"{plan.method.name} took effect, but RETURNING failed: {error.message}"
            raise

    def _projected(
        self, returning: Projection | None, method: Method, reply: Mapping[str, Json], given: Mapping[str, Value]
    ) -> Row:
        """RETURNING of one reply; an empty row where there is none."""
        if returning is None:
            return ()
        by_name = {name.lower(): value for name, value in given.items()}
        answered = {field.name.lower() for field in method.fields if field.name in reply}
        cells = tuple(
            replies.cell(one.type, reply[one.name], f"$.{one.name}")
            if one.name.lower() in answered
            else by_name.get(one.name.lower())
            for one in returning.source
        )
        local = Database(Cancellation())  # what has been made is delivered, whatever was pressed
        try:
            local.create_table(returning.table, returning.source)
            local.load(returning.table, len(returning.source), [cells])
            return next(local.query(returning.sql))
        finally:
            local.close()


def _returned_columns(plan: StorePlan) -> tuple[Column, ...]:
    match plan:
        case LocalInsertPlan() | LocalChangePlan():
            return plan.returning.columns if plan.returning else ()
        case _:
            return ()


def _deletes(plan: ExecPlan) -> bool:
    return plan.method.http_method == "DELETE" or plan.method.name == plan.resource.delete_by


def _only(rows: Sequence[Mapping[str, Json]]) -> Mapping[str, Json]:
    return rows[0] if rows else {}


def _plain(value: Json) -> Value:
    """An attribute's value as a cell."""
    return replies.cell("any", value, "$") if isinstance(value, dict | list | bool) else value


def _cells(columns: Sequence[Column], row: Mapping[str, Json], path: str) -> Row:
    return tuple(replies.cell(one.type, row.get(one.name), f"{path}.{one.name}") for one in columns)


def _complete(plan: InsertPlan | ExecPlan, body: Mapping[str, Json]) -> None:
    """Look for attributes that a body must have. Raises MissingParameter."""
    lacking = tuple(p.sql_name for p in plan.method.body if p.required and body.get(p.name) is None)
    if lacking:
        raise MissingParameter(f"{' and '.join(lacking)} is NULL", names=lacking, span=plan.span)


def _counted(error: Error, done: int, total: int, rest: str, *, tried: int = 1) -> Error:
    """The error of one row among several: how many are done, how many were not tried, and what to run for the rest."""
    if total > 1:
        error.message += f" ({done} of {total} rows done, {total - done - tried} not tried)"
        error.hint = "; ".join(one for one in (error.hint, rest) if one)
    return error


def _remainder(plan: InsertPlan, left: Sequence[Row], total: int) -> str:
    """What to run for the rows of an INSERT that are not done."""
    if not left:
        return ""
    if len(left) > _WRITTEN:
        return (
            f"rows {total - len(left) + 1} to {total} of its query are left: give it these alone, the others are done"
        )
    names = ", ".join(p.sql_name for p in plan.targets)
    rows = ", ".join(f"({', '.join(map(literal, row))})" for row in left)
    return f"for the rest: INSERT INTO {plan.resource.id} ({names}) VALUES {rows};"  # noqa: S608 (to be read)
