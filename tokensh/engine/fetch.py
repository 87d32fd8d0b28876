"""Scans -> requests -> rows in SQLite: which values each parameter takes, one request for each, all at once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from itertools import count, product, repeat
from typing import cast

from tokensh._dataclasses import dataclass
from tokensh.api import request as requests_
from tokensh.api import response as replies
from tokensh.api.client import Client
from tokensh.api.hosts import Hosts
from tokensh.api.request import Json, Request
from tokensh.api.response import Reply
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.sqlite import Database, evaluate
from tokensh.errors import (
    ApiError,
    DataError,
    Error,
    HostError,
    Interrupted,
    MissingParameter,
    ReplyError,
    SeveralErrors,
    Span,
    assert_never,
)
from tokensh.plan.method_resolution import choose
from tokensh.plan.nodes import AllOf, AnyOf, Constants, FromQuery, SameAs, Scan, ScanColumn, ValueSet
from tokensh.provider.model import Method, Parameter
from tokensh.rows import Row, Value

_NAMED = 3
"""Workspaces that a message names."""
_BLOCK = 1000
"""Rows that are read at once, column by column."""
NOT_FOUND_CODES = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """One request of a scan, and the parameters' values it was made with (names in lower case)."""

    scan: Scan
    method: Method
    values: Mapping[str, Value]
    request: Request

    @property
    def workspace(self) -> str:
        """The workspace it asks."""
        return self.request.target.name


class ParameterValues:
    """What the parameters of a statement's scans take, worked out when first asked for."""

    def __init__(self, scans: Sequence[Scan], local: Database) -> None:
        self._scans = {one.id: one for one in scans}
        self._local = local
        self._known: dict[tuple[int, str], tuple[Value, ...]] = {}

    def get(self, scan: Scan, name: str) -> tuple[Value, ...]:
        """A parameter's values, each once, none of them NULL."""
        key = (scan.id, name)
        if key not in self._known:
            self._known[key] = self.evaluate(scan.values[name], _parameter(scan, name))
        return self._known[key]

    def evaluate(self, values: ValueSet, parameter: Parameter) -> tuple[Value, ...]:
        """The values of a set, as a parameter's type has them. Raises ProgrammingError, DataError."""
        found = dict.fromkeys(_normal(one, parameter) for one in self._all(values, parameter) if one is not None)
        return tuple(found)

    def _all(self, values: ValueSet, parameter: Parameter) -> Iterator[Value]:
        match values:
            case Constants():
                yield from values.values
                if values.expressions:
                    yield from evaluate(self._local, values.expressions)
            case SameAs():
                yield from self.get(self._scans[values.scan], values.parameter)
            case FromQuery():
                for row in self._local.query(values.sql):
                    yield row[0]
            case AnyOf():
                for one in values.sets:
                    yield from self._all(one, parameter)
            case AllOf():
                first, *others = (self.evaluate(one, parameter) for one in values.sets)
                yield from (one for one in first if all(one in other for other in others))
            case _:
                assert_never(values)


def _parameter(scan: Scan, name: str) -> Parameter:
    found = next((one.parameter for one in scan.columns if one.name.lower() == name), None)
    if found is None:
        raise MissingParameter(f"{name} is no parameter of {scan.resource.id}", names=(name,))
    return found


def _normal(value: Value, parameter: Parameter) -> Value:
    """A value in the type of its parameter, so that 1 and '1' are one request."""
    if parameter.type == "string" and isinstance(value, int | float):
        return requests_.parameter_text(parameter, value)
    return value


def required_scans(values: ValueSet, scans: Mapping[int, Scan]) -> frozenset[int]:
    """The scans that must be loaded before a set can be worked out."""
    match values:
        case Constants():
            return frozenset()
        case SameAs():
            scan = scans.get(values.scan)
            return required_scans(scan.values[values.parameter], scans) if scan else frozenset()
        case FromQuery():
            return values.needs
        case AnyOf() | AllOf():
            return frozenset().union(*(required_scans(one, scans) for one in values.sets))
        case _:
            assert_never(values)


def build_requests(scan: Scan, values: ParameterValues, hosts: Hosts) -> list[ScanRequest]:
    """The requests of a scan. Raises HostError, DataError before any is sent."""
    known = {name: values.get(scan, name) for name in scan.values}
    fields = {one.name.lower() for one in scan.columns if one.is_field}
    method = choose(_methods(scan), known)
    if method is None:
        raise MissingParameter(f"no method of {scan.resource.id} can be called with what is given", names=())
    taken = {p.name.lower(): p for p in method.routing}
    required = {p.name.lower() for p in method.required}
    sent = {
        name: found
        for name, found in known.items()
        if name in taken and (name in required or name not in fields or _may_narrow(taken[name], found))
    }
    made = []
    for combination in product(*sent.values()):
        chosen = dict(zip(sent, combination, strict=True))
        given = {taken[name].name: value for name, value in chosen.items()}
        with locate_errors(scan.span, scan.values, chosen, method):
            made.append(ScanRequest(scan, method, chosen, requests_.build(method, hosts, given)))
    return made


@contextmanager
def locate_errors(
    span: Span,
    sets: Mapping[str, ValueSet] | None = None,
    given: Mapping[str, Value] | None = None,
    method: Method | None = None,
) -> Iterator[None]:
    """Errors inside stand at a place of the statement: a host that is refused at its literal, if one of `sets` has it.

    `given` are the values that a request of `method` is made with; names are in lower case.
    """
    try:
        yield
    except HostError as error:
        servers = [p.name.lower() for p in method.routing if p.location == "server"] if method else []
        literals = (_place(sets[name], given.get(name)) for name in servers if sets and given and name in sets)
        error.span = next((one for one in literals if one is not None), span)
        raise
    except Error as error:
        error.span = error.span or span
        raise


def _place(values: ValueSet, value: Value) -> Span | None:
    """Where a literal that is a value of a set stands."""
    match values:
        case Constants():
            return next((span for one, span in values.places if one == value), None)
        case AnyOf() | AllOf():
            return next((found for one in values.sets if (found := _place(one, value)) is not None), None)
        case _:
            return None


def _methods(scan: Scan) -> tuple[Method, ...]:
    return scan.resource.of("SELECT")


def _may_narrow(parameter: Parameter, values: Sequence[Value]) -> bool:
    """Whether an optional parameter that is a field too may be sent: the rows are filtered again in any case."""
    if len(values) != 1:
        return False
    try:
        requests_.parameter_text(parameter, values[0])
    except DataError:
        return False
    return True


def table_rows(call: ScanRequest, reply: Reply) -> Iterator[Row]:
    """A reply's rows as those of the scan's table. Raises ReplyError."""
    found = replies.rows(call.method, reply)
    for first in range(0, len(found), _BLOCK):
        block = found[first : first + _BLOCK]
        yield from zip(*(_cells(call, one, block, first) for one in call.scan.columns), strict=True)


def _cells(call: ScanRequest, column: ScanColumn, block: Sequence[Mapping[str, Json]], first: int) -> Iterable[Value]:
    """A column's cells in some rows, the first of which is row number `first` of the reply."""
    name, kind = column.name, column.column.type
    given = call.values.get(name.lower())
    if not column.is_field:
        return repeat(given, len(block))
    values = [row.get(name, given) for row in block]
    if replies.are_cells(kind, values):
        return cast("list[Value]", values)
    path = call.method.object_key or "$"
    places = (f"{path}[{index}].{name}" if call.method.lists else f"{path}.{name}" for index in count(first))
    pairs = zip(block, places, strict=False)
    return [replies.cell(kind, row[name], place) if name in row else given for row, place in pairs]


class Fetcher:
    """Loads scans, as many at once as their values allow.

    `partial`: the workspaces that answered are enough; `on_failure` gets the failures of the others. With `on_tolerated`,
    no failure raises, even if all workspaces fail.
    """

    def __init__(self, client: Client, hosts: Hosts, callbacks: Callbacks, *, partial: bool = False) -> None:
        self._client = client
        self._hosts = hosts
        self._callbacks = callbacks
        self._partial = partial

    def load(self, scans: Sequence[Scan], local: Database, values: ParameterValues) -> None:
        """Fetch the scans into their tables, which exist. Raises Error of one workspace, SeveralErrors of several."""
        waiting = list(scans)
        by_id = {one.id: one for one in scans}
        loaded: set[int] = set()
        seen: dict[tuple[str, str], Reply | Error] = {}
        while waiting:
            ready = [one for one in waiting if all(required_scans(v, by_id) <= loaded for v in one.values.values())]
            made = [call for scan in ready for call in build_requests(scan, values, self._hosts)]
            waiting = [one for one in waiting if one.id not in {each.id for each in ready}]
            self._fetch(made, _Arrivals(made, seen, local, keep=bool(waiting)))
            loaded |= {one.id for one in ready}

    def _fetch(self, made: Sequence[ScanRequest], arrivals: _Arrivals) -> None:
        """Send each request once, however many scans ask for it, and load each reply while the next ones are on their way."""
        new = arrivals.awaited()
        total = len(new)
        if new:
            self._callbacks.on_activity(_told(made))

        def progress(done: int) -> None:
            if total > 1:
                self._callbacks.on_progress(done, total)

        progress(0)
        paged: dict[str, None] = {}
        with closing(self._client.fetch(new, progress)) as outcomes:
            arrivals.load()
            for request, outcome in zip(new, outcomes, strict=True):
                arrivals.take(request, outcome)
                if isinstance(outcome, Reply) and replies.names_next_page(outcome):
                    paged[request.target.name] = None
        self._tell_of_pages(tuple(paged))
        self._judge(arrivals.failures, len({one.workspace for one in made}))

    def _tell_of_pages(self, places: Sequence[str]) -> None:
        """The API is documented without pages: should it have them one day, nobody must take the first for all."""
        if places:
            self._callbacks.on_failure(
                ReplyError(
                    f"{', '.join(places[:_NAMED])}{' and others' if len(places) > _NAMED else ''}"
                    " answered with the first of several pages; the others are not fetched, rows are missing"
                )
            )

    def _judge(self, failures: Mapping[str, Error], asked: int) -> None:
        if not failures:
            return
        if self._callbacks.on_tolerated is not None:
            self._callbacks.on_tolerated(failures)
            return
        (first, *others) = failures.values()
        error = first if not others else _several(failures, asked)
        if not self._partial or len(failures) == asked:
            raise error
        self._callbacks.on_failure(error)


class _Arrivals:
    """Replies on their way into the tables of the calls that asked for them, in the order of the calls.

    A reply is forgotten once it is loaded, unless it is to be kept for scans that will ask for it again.
    """

    def __init__(
        self, made: Sequence[ScanRequest], seen: dict[tuple[str, str], Reply | Error], local: Database, *, keep: bool
    ) -> None:
        self.failures: dict[str, Error] = {}
        self._seen = seen
        self._local = local
        self._keep = keep
        self._uses = Counter(_key(one.request) for one in made)
        self._queues: dict[int, deque[ScanRequest]] = {}
        for one in made:
            self._queues.setdefault(one.scan.id, deque()).append(one)

    def awaited(self) -> list[Request]:
        """The requests that have not been sent, each once."""
        calls = (one for queue in self._queues.values() for one in queue)
        return list({_key(one.request): one.request for one in calls if _key(one.request) not in self._seen}.values())

    def take(self, request: Request, outcome: Reply | Error) -> None:
        """Take an answer, and load what now can be."""
        self._seen[_key(request)] = outcome
        self.load()

    def load(self) -> None:
        """Load the rows of each call whose answer is there, and those of all calls of its scan before it."""
        for queue in self._queues.values():
            while queue and _key(queue[0].request) in self._seen:
                self._store(queue.popleft())

    def _store(self, call: ScanRequest) -> None:
        key = _key(call.request)
        try:
            self._local.load(call.scan.table, len(call.scan.columns), _rows(call, self._seen[key]))
        except Interrupted:
            raise
        except Error as error:
            self.failures.setdefault(call.workspace, error)
        self._uses[key] -= 1
        if not self._uses[key] and not self._keep:
            del self._seen[key]


def _told(made: Sequence[ScanRequest]) -> str:
    """What the requests are for, in words."""
    names = ", ".join(dict.fromkeys(one.scan.resource.name for one in made))
    places = {one.workspace for one in made}
    return f"reading {names} of {places.pop()}" if len(places) == 1 else f"reading {len(places)} workspaces"


def _several(failures: Mapping[str, Error], asked: int) -> SeveralErrors:
    return SeveralErrors(
        f"{len(failures)} of {asked} workspaces failed",
        failures=tuple(failures.items()),
        hint="--partial gives the rows of the others" if len(failures) < asked else None,
    )


def _rows(call: ScanRequest, outcome: Reply | Error) -> Iterable[Row]:
    if isinstance(outcome, Error):
        if _is_absent(call, outcome):
            return ()
        raise outcome
    return table_rows(call, outcome)


def _is_absent(call: ScanRequest, error: Error) -> bool:
    """Whether a get by key found nothing: that is no row, not an error."""
    by_key = any(p.location == "path" for p in call.method.routing)
    return (
        by_key
        and isinstance(error, ApiError)
        and error.status == HTTPStatus.NOT_FOUND
        and error.code in NOT_FOUND_CODES
    )


def _key(request: Request) -> tuple[str, str]:
    return request.method, request.url
