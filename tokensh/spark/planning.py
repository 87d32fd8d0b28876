"""Plan a read on the driver: one query of one resource, whose workspaces are known. Nothing is sent.

Whatever is wrong with options, query or addresses is found here, before Spark starts a task.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from tokensh._dataclasses import dataclass, replace
from tokensh.api.hosts import Hosts, name_from_url
from tokensh.dbapi.connection import Connection, connect
from tokensh.dbapi.options import OPTIONS
from tokensh.engine.derived import DerivedTables
from tokensh.engine.fetch import ParameterValues, build_requests
from tokensh.engine.functions import function_names
from tokensh.engine.sqlite import Database
from tokensh.environment import Cancellation
from tokensh.errors import InterfaceError, MissingParameter, NotSupportedError, ProgrammingError, Span
from tokensh.plan.binder import Names, bind
from tokensh.plan.nodes import Constants, Plan, Scan, SelectPlan
from tokensh.plan.select_list import is_aggregate
from tokensh.spark.errors import convert_errors
from tokensh.spark.options import ReadOptions
from tokensh.sql import nodes
from tokensh.sql.quoting import quote_name
from tokensh.sql.visit import walk

READ_ONLY = (
    "Spark only reads tokens: it retries failed tasks, which would mint or revoke twice, and a new token's value has no safe "
    "place in a DataFrame"
)
ELSEWHERE = "run it with tokensh itself, or tokensh.connect()"
_SPARK_SQL_HINT = "leave it to Spark SQL: read the plain rows, and ask the DataFrame or a view of it"
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """A query with one scan, whose parameters have known values.

    Attributes:
        query: the plan of the query.
        hosts: where the names of workspaces lead.
        parameter: the parameter of the workspace, in lower case; None: the resource has none.
        workspaces: the parameter's values; None: a filter of Spark is to give them.
    """

    query: SelectPlan
    hosts: Hosts
    parameter: str | None
    workspaces: tuple[str, ...] | None

    @property
    def scan(self) -> Scan:
        """The only scan of the query."""
        return self.query.scans[0]

    def narrow(self, workspaces: tuple[str, ...]) -> SelectPlan:
        """Return the query for some of the workspaces."""
        if self.parameter is None:
            return self.query
        values = {**self.scan.values, self.parameter: Constants(workspaces)}
        return replace(self.query, scans=(replace(self.scan, values=values),))

    def check(self, workspaces: tuple[str, ...]) -> None:
        """Check the addresses of workspaces. Raises HostError, DataError."""
        local = Database(Cancellation())
        try:
            scan = self.narrow(workspaces).scans[0]
            build_requests(scan, ParameterValues([scan], local, DerivedTables((), local), self.hosts), self.hosts)
        finally:
            local.close()

    def selects_workspace_by(self, name: str) -> bool:
        """Return True if a column of the result is the parameter of the workspace."""
        column = next((column for column in self.query.columns if column.name.lower() == name.lower()), None)
        scanned = next((column for column in self.scan.columns if column.name.lower() == self.parameter), None)
        if column is None or scanned is None:
            return False
        # A parameter that is also a field has the value of the response, which may be another one.
        return not scanned.is_field and column.origin == scanned.column.origin


def plan_read(options: ReadOptions) -> ReadPlan:
    """Return the plan of what the options ask for. Raises Error and its leaves; nothing is sent."""
    text = options.query or f"SELECT * FROM {_quote_path(options.resource or 'user_tokens')}"  # noqa: S608 (a quoted name)
    settings = {name: getattr(options, name) for name, option in OPTIONS.items() if option.in_spark}
    with convert_errors(text), connect(**settings) as connection:
        statement = connection.parser.parse(connection.read_statement(text))
        _check_is_plain(statement)
        workspaces = _expand_workspaces(options.deployment_name, connection.workspaces)
        query, is_known = _bind(statement, connection, workspaces, pushdown=options.pushdown)
        return _evaluate_parameters(query, connection.hosts, is_known=is_known)


def _quote_path(resource: str) -> str:
    return ".".join(map(quote_name, resource.split(".")))


def _bind(
    statement: nodes.Statement, connection: Connection, workspaces: tuple[str, ...] | None, *, pushdown: bool
) -> tuple[SelectPlan, bool]:
    """Return the plan, and whether its workspaces are known: from the query or the option, else a filter gives them."""
    # Without the session's objects: executors do not have the user's views and local tables.
    names = Names(
        connection.catalog,
        workspace=None if workspaces else connection.workspace,
        functions=function_names,
        parse=connection.parser.parse,
    )
    try:
        query = _require_one_scan(bind(statement, names))
    except MissingParameter as error:
        if workspaces is None and not pushdown:
            hint = "give option deployment_name, or say it in the query: WHERE deployment_name IN (...)"
            raise error.with_context(hint=hint) from error.__cause__
        # Any name will do for binding: the values are replaced at once, here or by `ReadPlan.narrow`.
        query = _require_one_scan(bind(statement, replace(names, workspace=workspaces[0] if workspaces else "any")))
        return _with_workspaces(query, workspaces or ()), workspaces is not None
    if workspaces is not None:
        raise ProgrammingError(
            "the query and option deployment_name both name workspaces"
            if _workspace_parameter(query.scans[0])
            else f"{query.scans[0].resource.id} does not belong to a workspace, so option deployment_name has no meaning",
            hint="leave the option out",
        )
    return query, True


def _require_one_scan(plan: Plan) -> SelectPlan:
    if not isinstance(plan, SelectPlan) or len(plan.scans) != 1:
        raise NotSupportedError("a query for Spark reads one resource", hint=_SPARK_SQL_HINT)
    return plan


def _with_workspaces(query: SelectPlan, workspaces: tuple[str, ...]) -> SelectPlan:
    (scan,) = query.scans
    values = {**scan.values, str(_workspace_parameter(scan)): Constants(workspaces)}
    return replace(query, scans=(replace(scan, values=values),))


def _evaluate_parameters(query: SelectPlan, hosts: Hosts, *, is_known: bool) -> ReadPlan:
    """Evaluate the parameters, and check the addresses and the query's expressions before anything is sent."""
    # Constant expressions (lower('B'), a subquery over VALUES) are evaluated here by SQLite, as in the shell; executors get
    # plain texts, and no task depends on the database of another.
    (scan,) = query.scans
    parameter = _workspace_parameter(scan)
    local = Database(Cancellation())
    try:
        local.create_table(scan.table, (scanned.column for scanned in scan.columns))
        derived = DerivedTables(query.derived, local)
        derived.create()
        local.check(query.sql)
        values = ParameterValues(query.scans, local, derived, hosts)
        constants = {name: Constants(values.get(scan, name)) for name in scan.values}
    finally:
        local.close()
    workspaces = tuple(map(str, constants[parameter].values)) if parameter and is_known else None
    plan = ReadPlan(replace(query, scans=(replace(scan, values=constants),)), hosts, parameter, workspaces)
    plan.check(workspaces or ())
    return plan


def _workspace_parameter(scan: Scan) -> str | None:
    """Return the parameter, in lower case, that is part of the host."""
    parameters = (parameter for method in scan.resource.methods_for("SELECT") for parameter in method.routing)
    names = (parameter.name.lower() for parameter in parameters if parameter.location == "server")
    return next((name for name in names if name in scan.values), None)


def _expand_workspaces(option: str | None, configured: Sequence[str]) -> tuple[str, ...] | None:
    """Return the workspaces that the option names, None without it. Raises InterfaceError for a pattern without a match."""
    if option is None:
        return None
    workspaces: dict[str, None] = {}
    for text in filter(None, map(str.strip, option.split(","))):
        # A URL may hold a `?`, as in /?o=123, which is not a pattern.
        is_pattern = "://" not in text and _GLOB.search(text)
        names = [name for name in configured if fnmatchcase(name.lower(), text.lower())]
        if is_pattern and not names:
            raise InterfaceError(
                f"no configured workspace matches {text!r}",
                hint="patterns select from ~/.databrickscfg and config.toml on the driver",
            )
        workspaces |= dict.fromkeys(names if is_pattern else [name_from_url(text)])
    if not workspaces:
        raise InterfaceError("option deployment_name is empty")
    return tuple(workspaces)


def _check_is_plain(statement: nodes.Statement) -> None:
    """Raise NotSupportedError for all but SELECT ... FROM resource WHERE ..., whose rows do not depend on each other."""
    if isinstance(statement, nodes.Insert | nodes.Update | nodes.Delete | nodes.Exec):
        raise NotSupportedError(READ_ONLY, hint=ELSEWHERE)
    if not isinstance(statement, nodes.Query):
        raise NotSupportedError("option query takes a SELECT", hint=ELSEWHERE)
    # Every task runs the whole query over its own workspaces. What combines rows, such as GROUP BY or LIMIT, would be computed
    # once per task, and the result would depend on workspaces_per_partition.
    select = statement.body
    if not isinstance(select, nodes.Select):
        raise _not_plain("a set operation or VALUES", statement.span)
    if not isinstance(select.source, nodes.TableRef):
        raise _not_plain("FROM with anything but one resource", select.span)
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
    for clause, part in parts:
        if part:
            raise _not_plain(clause, statement.span)
    for node in walk(statement, deep=True):
        if isinstance(node, nodes.Call) and (node.over is not None or is_aggregate(node)):
            raise _not_plain("an aggregate or a window function", node.span)


def _not_plain(construct: str, span: Span) -> NotSupportedError:
    return NotSupportedError(
        f"{construct} is not part of a plain SELECT over one resource", span=span, hint=_SPARK_SQL_HINT
    )
