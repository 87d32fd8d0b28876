"""Plan the scans of a bound query: which values each parameter takes, in which order scans are fetched, what is missing."""

from __future__ import annotations

from collections.abc import Mapping

from tokensh.errors import MissingParameter
from tokensh.plan.bound import BoundQuery, Key
from tokensh.plan.facts import StatementFacts
from tokensh.plan.method_resolution import choose_method
from tokensh.plan.nodes import Constants, Keys, Scan, SelectPlan, ValueSet
from tokensh.plan.values import ScanScheduler, all_of, with_ctes
from tokensh.provider.model import Parameter


class ScanPlanner:
    """Plans the scans of one bound query; `workspace` is the session's, or None."""

    def __init__(self, query: BoundQuery, workspace: str | None) -> None:
        self.facts = StatementFacts(query)
        self._query = query
        self._workspace = workspace
        self._required = {scan: self.facts.required(scan) for scan in self.facts.tables}
        self._schedule = self._schedule_scans()

    def select_plan(self) -> SelectPlan:
        """Return the plan of the query. Raises MissingParameter."""
        columns = tuple(column.column for column in self._query.columns)
        scans = self._plan_scans()
        return SelectPlan(scans, self._with_clause() + self._query.sql, columns, tuple(self.facts.stored))

    def is_resolved(self, scan: int) -> bool:
        """Return whether a scan's required parameters can be worked out."""
        return scan in self._schedule.scans

    def keys(self, scan: int, assigned: SelectPlan | None) -> Keys:
        """Return what a write's parameters take: those of `scan`, which itself is not fetched. Raises MissingParameter."""
        scans = self._plan_scans()
        # Planned like the others, so that what is missing is reported in the same words.
        own = next(candidate for candidate in scans if candidate.id == scan)
        others = tuple(candidate for candidate in scans if candidate.id != scan)
        return Keys(own.values, others, assigned, tuple(self.facts.stored))

    def _with_clause(self) -> str:
        hoisted = self.facts.hoisted
        return f"WITH RECURSIVE {', '.join(hoisted.values())} " if hoisted else ""

    # ---- the schedule

    def _schedule_scans(self) -> ScanScheduler:
        # Twice: which tables have values from the statement is known only after the first pass, and a default may unlock others.
        sets = {key: all_of(values) for key, values in self.facts.sets.items()}
        schedule = ScanScheduler(self._required, sets)
        defaults = self._workspace_defaults(schedule, sets)
        return ScanScheduler(self._required, sets | defaults) if defaults else schedule

    def _workspace_defaults(self, schedule: ScanScheduler, sets: Mapping[Key, ValueSet]) -> dict[Key, ValueSet]:
        """Return the session's workspace for tables that the statement says nothing about, or only that they share it."""
        if self._workspace is None:
            return {}
        facts = self.facts
        # A value for one table may be meant for all: then a default for another one would be a guess.
        known = {name for _, name in (*schedule.values, *(sets.keys() - (facts.linked - facts.mentioned)))}
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
        prefix = self._with_clause()
        values = {
            name: with_ctes(self._schedule.values[scan, name], prefix, self.facts.filters) for name in sorted(required)
        }
        # An optional parameter only saves rows: constants can be sent, anything else would have to be waited for.
        for name in sorted(optional):
            constants = [values for values in self.facts.sets.get((scan, name), ()) if isinstance(values, Constants)]
            if constants:
                values[name] = all_of(constants)
        if choose_method(table.methods, dict.fromkeys(values, ())) is None:
            least = min(table.methods, key=lambda method: sum(p.name.lower() not in values for p in method.required))
            raise self._missing_error(scan, {p.name for p in least.required if p.name.lower() not in values})
        columns = tuple(
            column for column in table.columns if not column.newer or (scan, column.name.lower()) in self.facts.named
        )
        return Scan(scan, table.table, table.resource, columns, values, table.span)

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
            message, hint = "is not given", f"add WHERE {examples}, or IN (...), or set --workspace"
        return MissingParameter(f"{subject} {message}", names=missing, hint=hint, span=table.span)
