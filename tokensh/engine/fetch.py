"""Scans become requests, and their responses rows in the statement's database.

The values of each parameter are worked out first, then one request is built for each combination of them, and all requests of
a round are sent at once. A scan whose values come from another scan (a join, a subquery) waits for the round after that one.
Responses are loaded as they arrive, in the order of the scan's requests, so that rows come in the same order every time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from http import HTTPStatus
from itertools import chain, product

from tokensh._dataclasses import dataclass, replace
from tokensh.api.client import Client
from tokensh.api.hosts import Hosts
from tokensh.api.limits import PAGES
from tokensh.api.paging import NextPage, find_next_page
from tokensh.api.request import Request, build_request, to_text
from tokensh.api.response import Response, decode_whole, describe_next_page, find_blocks
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.derived import DerivedTables
from tokensh.engine.services import COMPLETE_READS
from tokensh.engine.sqlite import Database
from tokensh.engine.table_rows import table_rows
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
from tokensh.plan.method_resolution import choose_method
from tokensh.plan.nodes import AllOf, AnyOf, Constants, FromQuery, SameAs, Scan, ValueSet
from tokensh.provider.model import Method, Parameter, Resource
from tokensh.rows import Row, Value
from tokensh.text import escape_unsafe, plural, truncate

_MOST_NAMED = 3
"""Workspaces that a message names."""
_NOT_FOUND_CODE = "RESOURCE_DOES_NOT_EXIST"
"""The error code with which the API answers 404 for an object; a proxy's or a wrong path's 404 has another, or none."""


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """One request of a scan, and the parameters' values it was built from (names in lower case)."""

    scan: Scan
    method: Method
    values: Mapping[str, Value]
    request: Request
    pages: frozenset[str] = frozenset()
    """What names this page and those before it; the first page has no name."""

    @property
    def workspace(self) -> str:
        """The workspace it asks."""
        return self.request.target.name


# ---- the values of parameters


class ParameterValues:
    """The values that the parameters of a statement's scans take, worked out when first asked for."""

    def __init__(self, scans: Sequence[Scan], database: Database, derived: DerivedTables, hosts: Hosts) -> None:
        self._scans = {scan.id: scan for scan in scans}
        self._database = database
        self._derived = derived
        self._hosts = hosts
        self._evaluated: dict[tuple[int, str], tuple[Value, ...]] = {}

    def get(self, scan: Scan, name: str) -> tuple[Value, ...]:
        """Return a parameter's values, each once, without NULL."""
        key = (scan.id, name)
        if key not in self._evaluated:
            self._evaluated[key] = self.evaluate(scan.values[name], _find_parameter(scan, name))
        return self._evaluated[key]

    def evaluate(self, values: ValueSet, parameter: Parameter) -> tuple[Value, ...]:
        """Return the values of a set in the parameter's type. Raises ProgrammingError, DataError."""
        members = (value for value in self._iterate_members(values, parameter) if value is not None)
        return tuple(dict.fromkeys(self._normalize_value(value, parameter) for value in members))

    def _normalize_value(self, value: Value, parameter: Parameter) -> Value:
        """Return a value in the type of its parameter, so that 1 and '1', and two spellings of a workspace, are one request."""
        if parameter.type == "string" and isinstance(value, int | float):
            value = to_text(parameter, value)
        if parameter.location == "server" and isinstance(value, str):
            return self._hosts.canonical_name(value)
        return value

    def _iterate_members(self, values: ValueSet, parameter: Parameter) -> Iterator[Value]:
        match values:
            case Constants():
                yield from values.values
                if values.expressions:
                    yield from self._database.evaluate(values.expressions)
            case SameAs():
                yield from self.get(self._scans[values.scan], values.parameter)
            case FromQuery():
                self._derived.fill(values.needs)
                for row in self._database.query(values.sql):
                    yield row[0]
            case AnyOf():
                for member in values.sets:
                    yield from self._iterate_members(member, parameter)
            case AllOf():
                first, *others = (self.evaluate(member, parameter) for member in values.sets)
                yield from (value for value in first if all(value in other for other in others))
            case _:
                assert_never(values)


def _find_parameter(scan: Scan, name: str) -> Parameter:
    """Return a parameter of a scan that has values for it."""
    return next(column.parameter for column in scan.columns if column.parameter and column.name.lower() == name)


def required_scans(values: ValueSet, scans: Mapping[int, Scan]) -> frozenset[int]:
    """Return the scans that must be loaded before a set can be worked out."""
    match values:
        case Constants():
            return frozenset()
        case SameAs():
            scan = scans.get(values.scan)
            return required_scans(scan.values[values.parameter], scans) if scan else frozenset()
        case FromQuery():
            return values.needs
        case AnyOf() | AllOf():
            return frozenset().union(*(required_scans(member, scans) for member in values.sets))
        case _:
            assert_never(values)


# ---- requests


def build_requests(scan: Scan, values: ParameterValues, hosts: Hosts) -> list[ScanRequest]:
    """Return the requests of a scan. Raises HostError, DataError before any is sent."""
    # The method depends on how many values a key has: one calls get, several call list and are filtered in SQLite.
    known = {name: values.get(scan, name) for name in scan.values}
    fields = scan.fields
    method = choose_method(scan.resource.methods_for("SELECT"), known)
    if method is None:
        raise MissingParameter(f"the parameters given fit no method of {scan.resource.id}", names=())
    routing = {p.name.lower(): p for p in method.routing}
    required = {p.name.lower() for p in method.required}
    # A parameter that is not a field must be sent, or its predicate would be lost; one that is a field only saves rows.
    sent = {
        name: members
        for name, members in known.items()
        if name in routing and (name in required or name not in fields or _may_narrow(routing[name], members))
    }
    requests = []
    for combination in product(*sent.values()):
        chosen = dict(zip(sent, combination, strict=True))
        arguments = {routing[name].name: value for name, value in chosen.items()}
        with locate_errors(scan.span, scan.values, chosen, method):
            requests.append(ScanRequest(scan, method, chosen, build_request(method, hosts, arguments)))
    return requests


def _may_narrow(parameter: Parameter, values: Sequence[Value]) -> bool:
    """Return whether an optional parameter that is a field too may be sent: the rows are filtered again in any case."""
    if len(values) != 1:
        return False
    try:
        to_text(parameter, values[0])
    except DataError:
        return False
    return True


@contextmanager
def locate_errors(
    span: Span,
    sets: Mapping[str, ValueSet] | None = None,
    values: Mapping[str, Value] | None = None,
    method: Method | None = None,
) -> Iterator[None]:
    """Give errors raised inside a place in the statement: a refused host its literal, if it is one, else `span`.

    Args:
        span: the place of what has none of its own.
        sets: the value sets of the parameters, names in lower case.
        values: the values that a request of `method` is built from, names in lower case.
        method: the method that is called.
    """
    try:
        yield
    except HostError as error:
        # A refused address comes from one value among several: its literal tells which one, the scan's span would not.
        literal_span = (
            _find_server_literal(method, sets, lambda name, literal: literal == values.get(name))
            if method and sets and values
            else None
        )
        raise error.with_context(span=literal_span or span) from error.__cause__
    except Error as error:
        if error.span is not None:
            raise
        raise error.with_context(span=span) from error.__cause__


def _find_server_literal(
    method: Method, sets: Mapping[str, ValueSet], is_meant: Callable[[str, Value], bool]
) -> Span | None:
    """Return the place of the literal that is meant among those of a method's server parameters, if one is."""
    servers = [p.name.lower() for p in method.routing if p.location == "server"]
    literals = (_find_literal(sets[name], partial(is_meant, name)) for name in servers if name in sets)
    return next((literal for literal in literals if literal is not None), None)


def _find_literal(values: ValueSet, is_meant: Callable[[Value], bool]) -> Span | None:
    """Return the place of the first literal of a set that is meant."""
    match values:
        case Constants():
            return next((span for literal, span in values.spans if is_meant(literal)), None)
        case AnyOf() | AllOf():
            spans = (_find_literal(member, is_meant) for member in values.sets)
            return next((span for span in spans if span is not None), None)
        case _:
            return None


# ---- responses


class Fetcher:
    """Loads scans, as many at once as their values allow.

    Args:
        client: sends the requests.
        hosts: resolve the workspaces' names.
        callbacks: `on_failure` is called with what a result does without. With `on_tolerated` no failure of a query
            raises, even if all workspaces fail.
        partial: the workspaces that answer are enough for a query.
        complete: the rows decide about a change, or are kept: where any is missing, an error is raised, whatever the
            other arguments say.
        keys: the columns, in lower case, by which rows are changed.
        max_pages: the most pages of one list.
    """

    def __init__(  # noqa: PLR0913 (see Args)
        self,
        client: Client,
        hosts: Hosts,
        callbacks: Callbacks,
        *,
        partial: bool = False,
        complete: bool = False,
        keys: Collection[str] = (),
        max_pages: int = PAGES,
    ) -> None:
        self._max_pages = max_pages
        self._client = client
        self._hosts = hosts
        self._callbacks = callbacks
        self._partial = partial
        self._complete = complete
        self._keys = keys

    def load(self, scans: Sequence[Scan], database: Database, values: ParameterValues) -> None:
        """Fetch the scans into their tables, which exist. Raises Error of one workspace, SeveralErrors of several."""
        waiting = list(scans)
        by_id = {scan.id: scan for scan in scans}
        loaded: set[int] = set()
        outcomes: dict[_Key, Response | Error] = {}
        while waiting:
            ready = [scan for scan in waiting if all(required_scans(v, by_id) <= loaded for v in scan.values.values())]
            requests = [request for scan in ready for request in build_requests(scan, values, self._hosts)]
            waiting = [scan for scan in waiting if scan not in ready]
            asked = len({request.workspace for request in requests})
            # The second pages of all lists at once, then the third ones.
            while requests:
                loader = _Loader(
                    requests,
                    outcomes,
                    database,
                    self._hosts,
                    keys=self._keys,
                    max_pages=self._max_pages,
                    keep=bool(waiting),
                )
                self._fetch_round(requests, loader, asked)
                requests = loader.next_pages
            loaded |= {scan.id for scan in ready}

    def _fetch_round(self, requests: Sequence[ScanRequest], loader: _Loader, asked: int) -> None:
        """Send each request once, however many scans ask for it, and load each response while the next are on their way.

        `asked` counts the workspaces of the whole list, of which this may be a later page.
        """
        unsent = loader.unsent()
        total = len(unsent)
        if unsent:
            self._callbacks.on_activity(_describe_requests(requests))

        def report_progress(done: int) -> None:
            if total > 1:
                self._callbacks.on_progress(done, total)

        # At once: the user sees how many responses there will be before the first has come.
        report_progress(0)
        with closing(self._client.fetch(unsent, report_progress, defers_decoding=True)) as outcomes:
            # What earlier rounds have fetched can be loaded before the first response of this one.
            loader.load()
            for request, outcome in zip(unsent, outcomes, strict=True):
                loader.add(request, outcome)
        self._handle_failures(loader.failures, asked)
        self._handle_pages(loader.pages)

    def _handle_pages(self, pages: Mapping[str, str]) -> None:
        """Raise or report that responses are first pages: the documented API returns all rows at once.

        Args:
            pages: what says so, by workspace.
        """
        if not pages:
            return
        error = describe_pages(pages)
        if self._complete:
            raise error.with_context(hint=COMPLETE_READS)
        failures = {workspace: describe_pages({workspace: sign}) for workspace, sign in pages.items()}
        if self._callbacks.on_tolerated is not None:
            self._callbacks.on_tolerated(failures)
            return
        self._callbacks.on_missing(failures)
        self._callbacks.on_failure(error)

    def _handle_failures(self, failures: Mapping[str, Error], asked: int) -> None:
        """Raise the errors of workspaces, or report them if the caller makes do without; `asked` counts all workspaces."""
        if not failures:
            return
        if self._complete:
            (first, *others) = failures.values()
            error = first if not others else _join_errors(failures, asked).with_context(hint=None)
            raise error.with_context(hint="; ".join(filter(None, (error.hint, COMPLETE_READS)))) from error.__cause__
        # Before `partial`: a caller that tolerates failures (Spark's readers) reports them in a column of its own.
        if self._callbacks.on_tolerated is not None:
            self._callbacks.on_tolerated(failures)
            return
        (first, *others) = failures.values()
        error = first if not others else _join_errors(failures, asked)
        if not self._partial or len(failures) == asked:
            raise error
        self._callbacks.on_missing(failures)
        self._callbacks.on_failure(error)


def describe_pages(pages: Mapping[str, str]) -> ReplyError:
    """Return the error that responses are first pages; `pages` holds what says so, by workspace."""
    names = list(pages)
    more = " and others" if len(names) > _MOST_NAMED else ""
    return ReplyError(
        f"{', '.join(names[:_MOST_NAMED])}{more} answered with the first of several pages ({pages[names[0]]});"
        " the others are not fetched, rows are missing"
    )


class _Loader:
    """Loads responses into the tables of the scans that asked for them, in the order of each scan's requests.

    Responses arrive in any order: one is kept until those before it are loaded, and, with `keep`, for scans of later rounds
    that may send the same request.
    """

    def __init__(  # noqa: PLR0913 (what all loaders of a statement share)
        self,
        requests: Sequence[ScanRequest],
        outcomes: dict[_Key, Response | Error],
        database: Database,
        hosts: Hosts,
        *,
        keys: Collection[str],
        max_pages: int,
        keep: bool,
    ) -> None:
        self.next_pages: list[ScanRequest] = []
        """The requests of the pages after those that are loaded."""
        self._max_pages = max_pages
        self.failures: dict[str, Error] = {}
        self.pages: dict[str, str] = {}
        """What says that a response is the first of several pages, by workspace."""
        self._keys = keys
        self._outcomes = outcomes
        self._database = database
        self._hosts = hosts
        self._keep = keep
        self._uses = Counter(_request_key(request.request) for request in requests)
        self._queues: dict[int, deque[ScanRequest]] = {}
        for request in requests:
            self._queues.setdefault(request.scan.id, deque()).append(request)

    def unsent(self) -> list[Request]:
        """Return the requests that have not been sent, each once."""
        requests = (request.request for queue in self._queues.values() for request in queue)
        return list(
            {
                _request_key(request): request for request in requests if _request_key(request) not in self._outcomes
            }.values()
        )

    def add(self, request: Request, outcome: Response | Error) -> None:
        """Add a response or an error, and load what can be loaded now."""
        self._outcomes[_request_key(request)] = outcome
        self.load()

    def load(self) -> None:
        """Load each request's rows, if its response and those of all requests of its scan before it are there."""
        for queue in self._queues.values():
            while queue and _request_key(queue[0].request) in self._outcomes:
                self._load_rows(queue.popleft())

    def _load_rows(self, request: ScanRequest) -> None:
        key = _request_key(request.request)
        try:
            outcome = self._load_outcome(request, key)
            page = find_page_after(request, outcome, self._max_pages) if isinstance(outcome, Response) else None
        except Interrupted:
            raise  # Ctrl-C is not a failure of this workspace
        except Error as error:
            # Several requests to one workspace fail for one reason most often; the first error is enough.
            self.failures.setdefault(request.workspace, self._locate_failure(request, error))
        else:
            if page is not None:
                self.next_pages.append(page)
            # After the first page, the document's way of paging has shown that it is the API's: its end is the end.
            elif isinstance(outcome, Response) and not request.pages:
                sign = describe_next_page(request.method, outcome)
                if sign is not None:
                    self.pages.setdefault(request.workspace, sign)
        self._uses[key] -= 1
        if not self._uses[key] and not self._keep:
            del self._outcomes[key]

    def _load_outcome(self, request: ScanRequest, key: _Key) -> Response | Error:
        """Load the rows of a response, or raise the error that came instead; return the outcome."""
        outcome = self._outcomes[key]
        table, width = request.scan.table, len(request.scan.columns)
        if isinstance(outcome, Response) and outcome.undecoded is not None:
            if self._uses[key] == 1 and not self._keep:
                return self._load_large(request, outcome)
            outcome = self._outcomes[key] = decode_whole(outcome)
        self._database.load(table, width, _rows_of(request, outcome, self._keys))
        return outcome

    def _load_large(self, request: ScanRequest, response: Response) -> Response:
        """Load the rows of a large response while it is decoded; return it without them."""
        from tokensh.api.large_replies import RowReader  # noqa: PLC0415 (most responses are small)

        reader = RowReader(request.method, response)

        def read_blocks() -> Iterator[Iterable[Row]]:
            try:
                yield from table_rows(request.scan, request.method, request.values, reader.blocks(), self._keys)
            except ReplyError:
                reader.finish()
                raise

        self._database.load(request.scan.table, len(request.scan.columns), chain.from_iterable(read_blocks()))
        return reader.response

    def _locate_failure(self, request: ScanRequest, error: Error) -> Error:
        """Return a workspace's error with the place of the literal that names it, in whatever spelling."""

        def is_meant(_: str, literal: Value) -> bool:
            return isinstance(literal, str) and self._hosts.canonical_name(literal) == request.workspace

        span = error.span or _find_server_literal(request.method, request.scan.values, is_meant)
        return error.with_context(span=span)


def find_page_after(request: ScanRequest, response: Response, max_pages: int) -> ScanRequest | None:
    """Return the request of the page after a response; None after the last. Raises ReplyError if it cannot be read."""
    page = find_further_page(request.scan.resource, request.method, response, request.pages, max_pages)
    if page is None:
        return None
    return replace(request, request=page.request, pages=request.pages | {page.token})


def find_further_page(
    resource: Resource, method: Method, response: Response, pages: Collection[str], max_pages: int
) -> NextPage | None:
    """Return the page after a response; `pages` names this one and those before it, without the first. Raises ReplyError."""
    # A page may be the whole reply, with its token as a column; a change is not sent again for one.
    has_pages = method.returns_list or method.http_method == "GET"
    page = find_next_page(method, response) if has_pages else None
    if page is None:
        return None
    place = response.request.target.name
    if page.token in pages:
        quoted = truncate(escape_unsafe(page.token), 60)
        raise ReplyError(
            f"{place} gives the same page of {resource.name} again ({quoted}): its rows cannot all be read"
        )
    if len(pages) + 1 >= max_pages:
        message = f"{place} has more than {plural(max_pages, 'page')} of {resource.name}; rows are missing"
        raise ReplyError(message, hint="--max-pages allows for more")
    return page


def _rows_of(request: ScanRequest, outcome: Response | Error, keys: Collection[str]) -> Iterator[Row]:
    """Return the rows of a response; raises the error that came instead of one."""
    if isinstance(outcome, Response):
        return chain.from_iterable(
            table_rows(request.scan, request.method, request.values, find_blocks(request.method, outcome), keys)
        )
    if not _is_absent(request, outcome):
        raise outcome
    return iter(())


def _is_absent(request: ScanRequest, error: Error) -> bool:
    """Return whether a get by key found nothing: that gives an empty result instead of an error."""
    # Only for a get. "Not found" for a listing says that the listing itself is missing, also if it has a parameter in its
    # path: an inventory of tokens that silently became empty would be the most dangerous wrong answer of all.
    by_key = not request.method.returns_list and any(p.location == "path" for p in request.method.routing)
    return by_key and is_not_found(error)


def is_not_found(error: Error) -> bool:
    """Return whether an error says that the object of a key does not exist."""
    return isinstance(error, ApiError) and error.status == HTTPStatus.NOT_FOUND and error.code == _NOT_FOUND_CODE


def _describe_requests(requests: Sequence[ScanRequest]) -> str:
    names = ", ".join(dict.fromkeys(request.scan.resource.name for request in requests))
    workspaces = {request.workspace for request in requests}
    if len(workspaces) == 1:
        return f"reading {names} of {workspaces.pop()}"
    return f"reading {len(workspaces)} workspaces"


def _join_errors(failures: Mapping[str, Error], asked: int) -> SeveralErrors:
    return SeveralErrors(
        f"{len(failures)} of {asked} workspaces failed",
        failures=tuple(failures.items()),
        hint="--partial gives the rows of the others" if len(failures) < asked else None,
    )


_Key = tuple[str, str, str]


def _request_key(request: Request) -> _Key:
    # A page's token may stand in the body or in a header.
    return request.method, request.url, repr((request.body, request.headers)) if request.body or request.headers else ""
