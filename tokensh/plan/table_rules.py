"""Check the columns and constraints of CREATE TABLE, and write them as SQLite keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokensh._dataclasses import dataclass
from tokensh.errors import NotSupportedError, ProgrammingError, UnknownName
from tokensh.functions import find_function
from tokensh.plan.column_types import check_column_type
from tokensh.plan.names import Names
from tokensh.plan.objects import ForeignKey, StoredTable, local_name
from tokensh.plan.resolve import resolve_expression, sql_of
from tokensh.plan.returning import single_table, table_column
from tokensh.plan.scope import Scope, name_suffixes
from tokensh.plan.select_list import is_aggregate
from tokensh.plan.type_checks import is_numeral
from tokensh.rows import Column
from tokensh.sql import nodes, unparse
from tokensh.sql.nodes import path_span, path_text
from tokensh.sql.quoting import quote_constraint, quote_name
from tokensh.sql.visit import rewrite, walk
from tokensh.text import nearest

_RANDOM = ("random", "randomblob")
_COLLATIONS = ("BINARY", "NOCASE", "RTRIM")


@dataclass(frozen=True, slots=True)
class TableRules:
    """What a table consists of.

    Attributes:
        definitions: its columns and constraints for SQLite, without foreign keys, which name other tables.
        described: the constraints of each column, as DESCRIBE shows them.
    """

    columns: tuple[Column, ...]
    definitions: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]
    described: tuple[str, ...]


def plan_rules(node: nodes.CreateTable, name: str, names: Names) -> TableRules:
    """Return the columns and constraints of a table. Raises ProgrammingError and its leaves, each with a place."""
    types = [check_column_type(column) for column in node.columns]
    columns = tuple(Column(c.name.text, kind) for c, (_, kind) in zip(node.columns, types, strict=True))
    planner = _RulePlanner(node, name, columns, names)
    definitions = [
        " ".join(filter(None, (quote_name(column.name.text), sql, *planner.column_rules(column))))
        for column, (sql, _) in zip(node.columns, types, strict=True)
    ]
    definitions += [text for constraint in node.constraints if (text := planner.table_rule(constraint))]
    planner.check_keys()
    return TableRules(columns, tuple(definitions), tuple(planner.foreign_keys), planner.describe())


class _RulePlanner:
    """Checks the constraints of one table."""

    def __init__(self, node: nodes.CreateTable, name: str, columns: Sequence[Column], names: Names) -> None:
        self.foreign_keys: list[ForeignKey] = []
        self._node = node
        self._name = name
        self._names = names
        self._columns = {column.name.lower(): column for column in columns}
        self._scope = single_table(name, map(table_column, columns), name_suffixes(name))

    def column_rules(self, column: nodes.ColumnDefinition) -> list[str]:
        """Return the constraints of a column for SQLite, without its foreign keys."""
        earlier: set[str] = set()
        rules = []
        for constraint in column.constraints:
            kind = "NULL" if constraint.kind == "NOT NULL" else constraint.kind
            if kind in earlier and kind not in ("CHECK", "REFERENCES"):
                message = f"{column.name.text} has two constraints of the kind {constraint.kind}"
                raise ProgrammingError(message, span=constraint.span, hint="leave one out")
            earlier.add(kind)
            rules.append(self._rule(constraint, (column.name,)))
        return rules

    def table_rule(self, constraint: nodes.Constraint) -> str:
        """Return a constraint of the table for SQLite; empty for a foreign key."""
        for column in constraint.columns:
            self._check_column(column)
        text = self._rule(constraint, constraint.columns)
        return (
            f"{text} ({', '.join(quote_name(c.text) for c in constraint.columns)})"
            if text and constraint.columns
            else text
        )

    def _check_column(self, name: nodes.Name) -> None:
        if name.text.lower() not in self._columns:
            known = [column.name for column in self._columns.values()]
            raise UnknownName("column", name.text, near=nearest(name.text, known), span=name.span)

    def _rule(self, constraint: nodes.Constraint, columns: Sequence[nodes.Name]) -> str:
        prefix = f"CONSTRAINT {quote_constraint(constraint.name.text)} " if constraint.name else ""
        match constraint.kind:
            case "NULL":
                return ""
            case "CHECK" if constraint.expr is not None:
                return f"{prefix}CHECK ({self._check_condition(constraint.expr)})"
            case "DEFAULT" if constraint.expr is not None:
                return f"DEFAULT ({self._check_default(constraint.expr, columns[0])})"
            case "COLLATE" if constraint.collation is not None:
                return f"COLLATE {check_collation(constraint.collation)}"
            case "REFERENCES" if constraint.reference is not None:
                self.foreign_keys.append(self._foreign_key(constraint, constraint.reference, columns))
                return ""
            case kind:
                return f"{prefix}{kind}"

    def _check_condition(self, expr: nodes.Expr) -> str:
        _refuse_queries(expr, "CHECK")
        resolve_expression(expr, self._scope)
        _refuse_calls(expr, "CHECK", keeps_clock=False)
        # Without the guards of `resolve_expression`, which only a statement's database has.
        return sql_of(rewrite(expr, {nodes.ColumnRef: self._scope.resolve}))

    def _check_default(self, expr: nodes.Expr, name: nodes.Name) -> str:
        _refuse_queries(expr, "DEFAULT")
        column = next((part for part in walk(expr) if isinstance(part, nodes.ColumnRef)), None)
        if column is not None:
            message = f"DEFAULT cannot read the column {path_text(column.path)!r}"
            raise ProgrammingError(message, span=column.span, hint="text is written in single quotes")
        resolve_expression(expr, _empty_scope())
        _refuse_calls(expr, "DEFAULT", keeps_clock=True)
        target = self._columns[name.text.lower()]
        is_text = isinstance(expr, nodes.Literal) and expr.kind == "string" and not is_numeral(expr.text)
        if is_text and target.type in ("integer", "number", "boolean"):
            message = f"{name.text} is of type {target.type} and DEFAULT gives it a text"
            raise ProgrammingError(message, span=expr.span, hint="declare the column as TEXT")
        return sql_of(expr)

    # ---- keys

    def _foreign_key(
        self, constraint: nodes.Constraint, reference: nodes.Reference, columns: Sequence[nodes.Name]
    ) -> ForeignKey:
        target = local_name(path_text(reference.table))
        span = path_span(reference.table)
        is_own = target.lower() == self._name.lower()
        stored = None if is_own else self._names.find_object(reference.table)
        if self._names.find_resource(reference.table) is not None:
            raise ProgrammingError(f"{target} is a resource", span=span, hint="REFERENCES names a local table")
        if not is_own and not isinstance(stored, StoredTable):
            near = nearest(target, self._names.objects.names())
            raise UnknownName("table", target, near=near, span=span)
        if stored is not None and stored.kind != "TABLE":
            raise ProgrammingError(f"{target} is a {stored.kind}", span=span, hint="REFERENCES names a local table")
        known = self._columns if stored is None else {name.lower(): name for name in stored.column_names}
        for name in reference.columns:
            if name.text.lower() not in known:
                raise UnknownName("column", name.text, near=nearest(name.text, list(known)), span=name.span)
        if reference.columns and len(reference.columns) != len(columns):
            raise ProgrammingError("REFERENCES names another number of columns", span=constraint.span)
        return ForeignKey(
            tuple(name.text for name in columns),
            "" if is_own else target,
            tuple(name.text for name in reference.columns),
            reference.actions,
            constraint.name.text if constraint.name else "",
        )

    def check_keys(self) -> None:
        """Raise ProgrammingError for a second PRIMARY KEY."""
        keys = [c.span for column in self._node.columns for c in column.constraints if c.kind == "PRIMARY KEY"]
        keys += [constraint.span for constraint in self._node.constraints if constraint.kind == "PRIMARY KEY"]
        if len(keys) > 1:
            hint = "PRIMARY KEY (a, b) behind the columns makes one of several"
            raise ProgrammingError("there is more than one PRIMARY KEY", span=keys[1], hint=hint)

    def describe(self) -> tuple[str, ...]:
        """Return the constraints of each column; those of the table stand at the columns that they name."""
        printer = unparse.constraint
        texts: Mapping[str, list[str]] = {key: [] for key in self._columns}
        for column in self._node.columns:
            texts[column.name.text.lower()] += map(printer, column.constraints)
        for constraint in self._node.constraints:
            named = constraint.columns or [
                part.path[-1] for part in walk(constraint) if isinstance(part, nodes.ColumnRef)
            ]
            for key in dict.fromkeys(name.text.lower() for name in named):
                texts[key].append(printer(constraint))
        return tuple(" ".join(parts) for parts in texts.values())


def check_collation(name: nodes.Name) -> str:
    """Return the name of a collation. Raises UnknownName."""
    if name.text.upper() not in _COLLATIONS:
        near = nearest(name.text.upper(), _COLLATIONS)
        hint = None if near else f"there are {', '.join(_COLLATIONS)}"
        raise UnknownName("collation", name.text, near=near, span=name.span, hint=hint)
    return name.text.upper()


def _empty_scope() -> Scope:
    return single_table("tokensh:default", ())


def _refuse_queries(expr: nodes.Expr, clause: str) -> None:
    if any(isinstance(part, nodes.Query) for part in walk(expr)):
        raise NotSupportedError(f"{clause} takes no subquery", span=expr.span)


def _refuse_calls(expr: nodes.Expr, clause: str, *, keeps_clock: bool) -> None:
    """Refuse what SQLite cannot compute by itself, or what would give another answer tomorrow."""
    for part in walk(expr):
        if isinstance(part, nodes.Literal) and _asks_for_time(part) and not keeps_clock:
            hint = "a condition must always give the same answer for a row"
            raise ProgrammingError(f"{clause} cannot ask for the time", span=part.span, hint=hint)
        if not isinstance(part, nodes.Call):
            continue
        if part.over is not None or is_aggregate(part):
            raise ProgrammingError(f"{clause} takes no aggregate and no window function", span=part.span)
        name = part.name[-1].text
        function = find_function(name)
        is_own = function is not None and function.implementation is not None and not function.is_fallback
        if is_own or (
            not keeps_clock and function is not None and (not function.deterministic or function.name in _RANDOM)
        ):
            raise NotSupportedError(
                f"{clause} cannot call {name}()", span=part.span, hint="only SQLite's own functions work there"
            )


def _asks_for_time(literal: nodes.Literal) -> bool:
    return literal.kind == "current" or (literal.kind == "string" and literal.text.strip().lower() == "now")
