"""Options -> one statement's worth of reading, on the driver. Nothing is sent, and whatever is wrong is found here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from tokensh._dataclasses import dataclass, replace
from tokensh.api.hosts import Hosts, name_from_url
from tokensh.dbapi.connection import Connection, connect
from tokensh.engine.fetch import ParameterValues, build_requests
from tokensh.engine.functions import function_names
from tokensh.engine.sqlite import Database
from tokensh.environment import Cancellation
from tokensh.errors import InterfaceError, MissingParameter, NotSupportedError, ProgrammingError, Span
from tokensh.plan.binder import Names, bind
from tokensh.plan.nodes import Constants, Plan, Scan, SelectPlan
from tokensh.plan.pushdown import walk
from tokensh.plan.select_list import is_aggregate
from tokensh.spark.errors import convert_errors
from tokensh.spark.options import ReadOptions
from tokensh.sql import nodes as n
from tokensh.sql.unparse import quoted

READ_ONLY = (
    "Spark only reads tokens: it runs a task that fails again, so a token would be minted or revoked more than once, and a "
    "new token's value has no safe place in a DataFrame"
)
ELSEWHERE = "run it with tokensh itself, or tokensh.connect()"
_SPARKS = "leave it to Spark SQL: read the plain rows, and ask the DataFrame or a view of it"
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """One statement's worth: a query of one scan, whose parameters' values are known.

    `key` is the parameter, in lower case, that says which workspace; None: the resource has none. `names` are its values; None:
    a filter is to say them.
    """

    plan: SelectPlan
    hosts: Hosts
    key: str | None
    names: tuple[str, ...] | None

    @property
    def scan(self) -> Scan:
        """What is fetched."""
        return self.plan.scans[0]

    def narrow(self, names: tuple[str, ...]) -> SelectPlan:
        """The plan for some of the workspaces."""
        values = {**self.scan.values, self.key: Constants(names)} if self.key is not None else self.scan.values
        return replace(self.plan, scans=(replace(self.scan, values=values),))

    def check(self, names: tuple[str, ...]) -> None:
        """Find what is wrong with an address before anything is sent. Raises HostError, DataError."""
        local = Database(Cancellation())
        try:
            scan = self.narrow(names).scans[0]
            build_requests(scan, ParameterValues([scan], local), self.hosts)
        finally:
            local.close()

    def selects_workspace_by(self, name: str) -> bool:
        """Whether a column of the result is the parameter that says which workspace."""
        column = next((one for one in self.plan.columns if one.name.lower() == name.lower()), None)
        key = next((one for one in self.scan.columns if one.name.lower() == self.key), None)
        # One that is a field too has whatever the reply says.
        return column is not None and key is not None and not key.is_field and column.origin == key.column.origin


def plan(settings: ReadOptions) -> ReadPlan:
    """Plan what the options ask for. Raises Error and its leaves; nothing is sent."""
    text = settings.query or f"SELECT * FROM {_path(settings.resource or 'user_tokens')}"  # noqa: S608 (a quoted name)
    with convert_errors(text), _connection(settings) as connection:
        statement = connection.parser.parse(connection.read_statement(text))
        _check_plain(statement)
        names = _workspaces(settings.deployment_name, connection.workspaces)
        bound, known = _bound(statement, connection, names, filtered=settings.pushdown)
        return _worked_out(bound, connection.hosts, known=known)


def _connection(settings: ReadOptions) -> Connection:
    return connect(
        profile=settings.profile,
        endpoint=settings.endpoint,
        registry=settings.registry,
        timeout=settings.timeout,
        max_connections=settings.max_connections,
    )


def _path(resource: str) -> str:
    return ".".join(map(quoted, resource.split(".")))


def _bound(
    statement: n.Statement, connection: Connection, names: tuple[str, ...] | None, *, filtered: bool
) -> tuple[SelectPlan, bool]:
    """The plan, and whether it says which workspaces: the option does, or a filter will, where the query does not."""
    # Views and local tables are the shell's own: the executors have none of them.
    known = Names(connection.catalog, workspace=None if names else connection.workspace, functions=function_names())
    try:
        made = _one_scan(bind(statement, known))
    except MissingParameter as error:
        if names is None and not filtered:
            hint = "give option deployment_name, or say it in the query: WHERE deployment_name IN (..)"
            raise error.with_context(hint=hint) from error.__cause__
        made = _one_scan(bind(statement, replace(known, workspace=names[0] if names else "any")))
        return _with(made, names or ()), names is not None
    if names is not None:
        raise ProgrammingError(
            "the query says which workspaces it asks, and so does option deployment_name"
            if _key(made.scans[0])
            else f"{made.scans[0].resource.id} is of no workspace: option deployment_name says nothing",
            hint="leave the option out",
        )
    return made, True


def _one_scan(made: Plan) -> SelectPlan:
    if not isinstance(made, SelectPlan) or len(made.scans) != 1:
        raise NotSupportedError("a query for Spark reads one resource", hint=_SPARKS)
    return made


def _with(made: SelectPlan, names: tuple[str, ...]) -> SelectPlan:
    (scan,) = made.scans
    return replace(made, scans=(replace(scan, values={**scan.values, str(_key(scan)): Constants(names)}),))


def _worked_out(bound: SelectPlan, hosts: Hosts, *, known: bool) -> ReadPlan:
    """Work the parameters' values out, and find what is wrong with an address or an expression before anything is sent."""
    (scan,) = bound.scans
    key = _key(scan)
    local = Database(Cancellation())
    try:
        local.create_table(scan.table, (one.column for one in scan.columns))
        local.check(bound.sql)
        values = ParameterValues(bound.scans, local)
        constants = {name: Constants(values.get(scan, name)) for name in scan.values}
    finally:
        local.close()
    names = tuple(map(str, constants[key].values)) if key and known else None
    made = ReadPlan(replace(bound, scans=(replace(scan, values=constants),)), hosts, key, names)
    made.check(names or ())
    return made


def _key(scan: Scan) -> str | None:
    """The parameter, in lower case, that is part of the host."""
    parameters = (p for method in scan.resource.of("SELECT") for p in method.routing)
    return next((p.name.lower() for p in parameters if p.location == "server" and p.name.lower() in scan.values), None)


def _workspaces(option: str | None, known: Sequence[str]) -> tuple[str, ...] | None:
    """The workspaces that the option names; None where it is not given. Raises InterfaceError for a pattern of none."""
    if option is None:
        return None
    found: dict[str, None] = {}
    for one in filter(None, map(str.strip, option.split(","))):
        pattern = "://" not in one and _GLOB.search(one)
        matching = [w for w in known if fnmatchcase(w.lower(), one.lower())] if pattern else [name_from_url(one)]
        if not matching:
            raise InterfaceError(
                f"no configured workspace is like {one!r}",
                hint="those of ~/.databrickscfg and config.toml on the driver are meant",
            )
        found |= dict.fromkeys(matching)
    if not found:
        raise InterfaceError("option deployment_name names no workspace")
    return tuple(found)


def _check_plain(statement: n.Statement) -> None:
    """Raise NotSupportedError for all but SELECT .. FROM resource WHERE .., whose rows do not depend on each other."""
    if isinstance(statement, n.Insert | n.Update | n.Delete | n.Exec):
        raise NotSupportedError(READ_ONLY, hint=ELSEWHERE)
    if not isinstance(statement, n.Query):
        raise NotSupportedError("option query takes a SELECT", hint=ELSEWHERE)
    select = statement.body
    if not isinstance(select, n.Select):
        raise _beyond("a set operation or VALUES", statement.span)
    if not isinstance(select.source, n.TableRef):
        raise _beyond("a FROM of anything but one resource", select.span)
    parts: tuple[tuple[str, object], ...] = (
        ("WITH", statement.ctes),
        ("ORDER BY", statement.order),
        ("LIMIT", statement.limit),
        ("OFFSET", statement.offset),
        ("DISTINCT", select.distinct),
        ("GROUP BY", select.group),
        ("HAVING", select.having),
        ("WINDOW", select.windows),
    )
    for word, part in parts:
        if part:
            raise _beyond(word, statement.span)
    for one in walk(statement, deep=True):
        if isinstance(one, n.Call) and (one.over is not None or is_aggregate(one)):
            raise _beyond("an aggregate or a window function", one.span)


def _beyond(what: str, span: Span) -> NotSupportedError:
    return NotSupportedError(f"{what} goes beyond a plain SELECT over one resource", span=span, hint=_SPARKS)
