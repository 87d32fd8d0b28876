"""Plan the scans of a bound query: which values each parameter takes, in which order scans are fetched, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokensh.errors import MissingParameter
from tokensh.plan.bound import BoundQuery, HoistedQuery, Key, is_own_key
from tokensh.plan.facts import StatementFacts
from tokensh.plan.method_resolution import choose_method
from tokensh.plan.nodes import (
    AllOf,
    AnyOf,
    Constants,
    DerivedTable,
    FromQuery,
    Keys,
    Scan,
    SelectPlan,
    ValueSet,
    field_names,
)
from tokensh.plan.readings import ReadingSets, without_readings
from tokensh.plan.values import ScanScheduler, with_ctes
from tokensh.provider.model import Parameter, Resource


class ScanPlanner:
    """Plans the scans of one bound query; `workspace` is the session's, or None."""

    def __init__(self, query: BoundQuery, workspace: str | None) -> None:
        self.facts = StatementFacts(query)
        self._query = query
        self._workspace = workspace
        self._required = {scan: self.facts.required(scan) for scan in self.facts.tables}
        self._readings = ReadingSets.combine(self.facts.sets, self.facts.readings, self.facts.is_parameter)
        self._schedule = self._schedule_scans()
        self._replaced: dict[Key, ValueSet] = {}
        self._expressions, self._derived = self._split_hoisted()

    def select_plan(self) -> SelectPlan:
        """Return the plan of the query. Raises MissingParameter."""
        columns = tuple(column.column for column in self._query.columns)
        scans = self._plan_scans()
        sql = self._with_clause(self._expressions) + self._query.sql
        return SelectPlan(scans, sql, columns, tuple(self.facts.stored), self._derived)

    def is_resolved(self, scan: int) -> bool:
        """Return whether a scan's required parameters can be worked out."""
        return scan in self._schedule.scans

    def keys(self, scan: int, assigned: SelectPlan | None) -> Keys:
        """Return what a write's parameters take: those of `scan`, which itself is not fetched. Raises MissingParameter."""
        scans = self._plan_scans()
        # Planned like the others, so that what is missing is reported in the same words.
        own = next(candidate for candidate in scans if candidate.id == scan)
        others = tuple(candidate for candidate in scans if candidate.id != scan)
        return Keys(own.values, others, assigned, tuple(self.facts.stored), self._derived)

    def _split_hoisted(self) -> tuple[list[HoistedQuery], tuple[DerivedTable, ...]]:
        """Return the queries that stay common table expressions, and those that become tables."""
        facts = self.facts
        # Only where a parameter's values come from a query, the same rows are needed by more than one statement of SQLite.
        is_read_apart = any(map(_has_query, facts.all_sets()))
        names = facts.derived | facts.volatile if is_read_apart else facts.derived
        expressions: list[HoistedQuery] = []
        derived: list[DerivedTable] = []
        for table, hoisted in facts.hoisted.items():
            if table in names:
                sql = f"{self._with_clause([*expressions, hoisted])}SELECT * FROM {table}"  # noqa: S608 (our own name)
                derived.append(DerivedTable(table, sql, hoisted.query.needs))
            else:
                expressions.append(hoisted)
        return expressions, tuple(derived)

    @staticmethod
    def _with_clause(hoisted: Sequence[HoistedQuery]) -> str:
        return f"WITH RECURSIVE {', '.join(query.definition for query in hoisted)} " if hoisted else ""

    # ---- the schedule

    def _schedule_scans(self) -> ScanScheduler:
        # Twice: which tables have values from the statement is known only after the first pass, and a default may unlock others.
        sets, asked = self._readings.sets, self._readings.asked
        schedule = ScanScheduler(self._required, sets, asked)
        defaults = self._workspace_defaults(schedule, sets)
        return ScanScheduler(self._required, {**sets, **defaults}, asked) if defaults else schedule

    def _workspace_defaults(self, schedule: ScanScheduler, sets: Mapping[Key, ValueSet]) -> dict[Key, ValueSet]:
        """Return the session's workspace for tables that the statement says nothing about, or only that they share it."""
        if self._workspace is None:
            return {}
        facts = self.facts
        # A value for one table may be meant for all: then a default for another one would be a guess.
        said = [*schedule.values, *(sets.keys() - (facts.linked - facts.mentioned))]
        known = {key[1] for key in said if not is_own_key(key)}
        mentioned = {name for _, name in facts.mentioned}
        defaults: dict[Key, ValueSet] = {}
        for scan, names in self._required.items():
            servers = {p.name.lower() for p in self._routing_parameters(scan) if p.location == "server"}
            for name in (names & servers) - known:
                is_linked = (scan, name) in facts.linked
                is_doubtful = name in mentioned if is_linked else (scan, name) in facts.mentioned
                if not is_doubtful:
                    defaults[scan, name] = Constants((self._workspace,))
        return defaults

    def _routing_parameters(self, scan: int) -> list[Parameter]:
        return [parameter for method in self.facts.tables[scan].methods for parameter in method.routing]

    # ---- scans

    def _plan_scans(self) -> tuple[Scan, ...]:
        """Return the scans, each after those that its values depend on. Raises MissingParameter."""
        schedule = self._schedule
        missing = next((scan for scan in self.facts.tables if scan not in schedule.scans), None)
        if missing is not None:
            names = self._required[missing]
            raise self._missing_error(missing, {name for name in names if (missing, name) not in schedule.values})
        return tuple(map(self._plan_scan, schedule.scans))

    def _plan_scan(self, scan: int) -> Scan:
        table = self.facts.tables[scan]
        required = self._required[scan]
        optional = {parameter.name.lower() for parameter in self._routing_parameters(scan)} - required
        prefix = self._with_clause(self._expressions)
        values = {name: with_ctes(self._values((scan, name)), prefix, self.facts.filters) for name in sorted(required)}
        fields = field_names(table.columns)
        # An optional parameter only saves rows: constants can be sent, anything else would have to be waited for.
        for name in sorted(optional):
            if name not in fields:
                self._readings.check_agreement((scan, name))
            constants = self._readings.constants((scan, name))
            if constants is not None:
                values[name] = constants
        if choose_method(table.methods, dict.fromkeys(values, ())) is None:
            least = min(table.methods, key=lambda method: sum(p.name.lower() not in values for p in method.required))
            raise self._missing_error(scan, {p.name for p in least.required if p.name.lower() not in values})
        columns = tuple(
            column for column in table.columns if not column.newer or (scan, column.name.lower()) in self.facts.named
        )
        return Scan(scan, table.table, table.resource, columns, values, table.span)

    def _values(self, key: Key) -> ValueSet:
        known = self._schedule.values
        return without_readings(known[key], known, self._replaced)

    def _missing_error(self, scan: int, names: set[str]) -> MissingParameter:
        table = self.facts.tables[scan]
        # Parameters are compared in lower case; a message says what the document says.
        proper_names = {parameter.name.lower(): parameter.name for parameter in self._routing_parameters(scan)}
        missing = tuple(sorted(proper_names[name.lower()] for name in names))
        is_mentioned = any((scan, name.lower()) in self.facts.mentioned for name in names)
        examples = " AND ".join(f"{name} = '...'" for name in missing)
        subject = f"{' and '.join(missing)} of {table.resource.id}"
        if is_mentioned:
            message, hint = "cannot be worked out from the statement", f"write WHERE {examples}, or IN (...)"
        else:
            is_server = any(p.location == "server" for p in self._routing_parameters(scan) if p.name in missing)
            setting = ", or set --workspace" if is_server else ""
            message, hint = "is not given", f"add WHERE {examples}, or IN (...){setting}"
            hint += _describe_unoffered(table.resource, names)
        return MissingParameter(f"{subject} {message}", names=missing, hint=hint, span=table.span)


def _describe_unoffered(resource: Resource, missing: set[str]) -> str:
    """Return what to add to a hint about missing parameters: that a method without them is there, and not offered."""
    lower = {name.lower() for name in missing}
    for method in resource.methods_for("SELECT"):
        if method.problem and lower.isdisjoint(method.required_routing):
            return f"; {method.name}, which does without, is not offered: {method.problem}"
    return ""


def _has_query(values: ValueSet) -> bool:
    match values:
        case FromQuery():
            return True
        case AnyOf() | AllOf():
            return any(map(_has_query, values.sets))
        case _:
            return False
