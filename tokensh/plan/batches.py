"""Plan a change of a local table that is run with many sets of values: one plan serves all sets whose values have the same types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tokensh._dataclasses import dataclass, field, replace
from tokensh.plan.nodes import LocalChangePlan, LocalInsertPlan, Plan
from tokensh.plan.resolve import resolve_expression, sql_of
from tokensh.plan.returning import single_table, table_column
from tokensh.plan.scope import name_suffixes
from tokensh.plan.type_checks import kind_of
from tokensh.rows import Row, Value
from tokensh.sql import nodes
from tokensh.sql.parameter_sets import read_sets, with_examples
from tokensh.sql.parameters import Parameters, TimeText, find_markers, with_parameters
from tokensh.sql.visit import walk

LocalPlan = LocalInsertPlan | LocalChangePlan
_NUMBERS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\?(\d+)""")
"""The numbers of values in a text for SQLite; what is in quotes is matched first, because it has no numbers of values."""

# Numerals become numbers, and an id without its middle is refused.
_DECIDING = re.compile(r"(?m)^[ \t\v\f\r]*[+-]?(?:\d|\.\d)[\d.eE+-]*[ \t\v\f\r]*$|…|\.\.")


@dataclass(frozen=True, slots=True)
class DirectChange:
    """An UPDATE or DELETE that looks at nothing but the row: SQLite's expressions over the columns of the table.

    `numbers` are the indexes of the values that are known to be numbers or NULL.
    """

    values: tuple[str, ...]
    numbers: frozenset[int]
    where: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A change of a local table with the sets of values that it is run with, one after the other.

    Attributes:
        plan: the change; `?1` in its SQL is the first value of a set.
        given: the values that are assigned as they are, by the index of what they are assigned to.
        direct: another form of an UPDATE or DELETE; None if it needs the plan's query.
        sets: the sets of values.
    """

    plan: LocalPlan
    given: Mapping[int, int]
    direct: DirectChange | None
    sets: list[Row] = field(default_factory=list)


def plan_batches(
    tree: nodes.Statement, sets: Sequence[Parameters], bind: Callable[[nodes.Statement], Plan]
) -> list[Batch] | None:
    """Return the batches of a change of a local table; None for other statements, and where it reads something else.

    Raises ProgrammingError and its leaves for the first set that has a mistake.
    """
    first = bind(with_parameters(tree, sets[0]))
    if not isinstance(first, LocalPlan) or not _is_local(first):
        return None
    return _Batches(tree, bind).collect(sets, read_sets(tree, sets))


def _is_local(plan: LocalPlan) -> bool:
    """Return whether a change reads and writes tables of the store alone."""
    is_of_session = isinstance(plan, LocalChangePlan) and plan.of_session
    return not (is_of_session or plan.source.scans or plan.source.derived)


class _Batches:
    """Collects the batches of a statement."""

    def __init__(self, tree: nodes.Statement, bind: Callable[[nodes.Statement], Plan]) -> None:
        self._tree = tree
        self._bind = bind
        self._count = len(find_markers(tree))
        self._given = _find_given(tree)
        # By the types of the values; None if the plan depends on the values themselves.
        self._plans: dict[tuple[type, ...], Batch | None] = {}

    def collect(self, sets: Sequence[Parameters], rows: list[Row]) -> list[Batch]:
        """Return the batches, in the order of the sets; `rows` are their values in the order of the markers."""
        # Nothing in a plan depends on values that are assigned as they are.
        deciding = [number for number in range(self._count) if number not in self._given.values()]
        if not any(_differ([row[number] for row in rows]) for number in deciding):
            whole = self._plan_types(rows[0])
            if whole is not None:
                return [replace(whole, sets=rows)]
        batches: list[Batch] = []
        shared: Batch | None = None
        for given, row in zip(sets, rows, strict=True):
            before, shared = shared, self._find_plan(row, deciding)
            if shared is None:
                batches.append(self._plan_values(given))
                continue
            if before is not shared:
                batches.append(replace(shared, sets=[]))
            batches[-1].sets.append(row)
        return batches

    def _find_plan(self, row: Row, deciding: Sequence[int]) -> Batch | None:
        values = [row[number] for number in deciding]
        if _differ(values, alike=False):
            return None
        types = tuple(map(type, values))
        if types not in self._plans:
            self._plans[types] = self._plan_types(row)
        return self._plans[types]

    def _plan_types(self, row: Row) -> Batch | None:
        """Return the plan for all sets with values of these types; None if the plan has taken a value up."""
        tree = with_examples(self._tree, row)
        plan = self._bind(tree)
        assert isinstance(plan, LocalPlan)  # noqa: S101 (as that of the first set)
        direct = _plan_direct_change(tree, plan)
        conflict = plan.conflict.sql if isinstance(plan, LocalInsertPlan) and plan.conflict else ""
        texts = [f"{plan.source.sql} {conflict}", *([*direct.values, direct.where or ""] if direct else ())]
        returning = plan.returning.sql if plan.returning else ""
        if _find_numbers(returning) or not all(
            len(_find_numbers(text)) == self._count for text in (texts[:1], texts[1:]) if text
        ):
            return None
        return Batch(plan, self._given, direct)

    def _plan_values(self, given: Parameters) -> Batch:
        """Return the plan of one set."""
        tree = with_parameters(self._tree, given)
        plan = self._bind(tree)
        assert isinstance(plan, LocalPlan)  # noqa: S101 (as that of the first set)
        return Batch(plan, {}, _plan_direct_change(tree, plan), [()])


def _differ(values: Sequence[Value], *, alike: bool = True) -> bool:
    """Return whether a plan may depend on values: where they have different types (unless not `alike`), and on some texts."""
    types = set(map(type, values))
    if (alike and len(types) > 1) or TimeText in types:
        return True
    if str not in types:
        return False
    # All of them as one text; what looks like a numeral in a line of a longer text does no harm.
    return _DECIDING.search("\n".join(value for value in values if isinstance(value, str))) is not None


def _find_numbers(texts: str | Sequence[str]) -> set[str]:
    text = texts if isinstance(texts, str) else " ".join(texts)
    return {number for number in _NUMBERS.findall(text) if number}


def without_numbers(text: str) -> tuple[str, list[int]]:
    """Return a text for SQLite with `?` for each `?1`, `?2`, and the index of the value of each."""
    indexes: list[int] = []

    def replace_number(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        indexes.append(int(match[1]) - 1)
        return "?"

    return _NUMBERS.sub(replace_number, text), indexes


def _find_given(tree: nodes.Statement) -> dict[int, int]:
    """Return the markers that are assigned as they are, by the index of what they are assigned to."""
    numbers = {marker.span: number for number, marker in enumerate(find_markers(tree))}
    match tree:
        case nodes.Insert(query=nodes.Query(body=nodes.Values(rows=(row,)))):
            # A column whose value is DEFAULT is left out.
            has_default = any(isinstance(value, nodes.Literal) and value.kind == "default" for value in row)
            values: Sequence[nodes.Expr] = () if has_default else row
        case nodes.Update():
            values = [expr for _, expr in tree.assignments]
        case _:
            return {}
    return {index: numbers[value.span] for index, value in enumerate(values) if isinstance(value, nodes.Variable)}


def _plan_direct_change(tree: nodes.Statement, plan: LocalPlan) -> DirectChange | None:
    """Return an UPDATE or DELETE as SQLite has it; None for an INSERT, and for what needs more than the row."""
    if not isinstance(tree, nodes.Update | nodes.Delete) or tree.ctes or tree.order:
        return None
    if tree.limit is not None or tree.offset is not None:
        return None
    assigned = tree.assignments if isinstance(tree, nodes.Update) else ()
    values = tuple(expr for _, expr in assigned)
    if any(isinstance(part, nodes.Query) for part in walk((values, tree.where))):
        return None
    qualifiers = [(tree.alias.text.lower(),)] if tree.alias else name_suffixes(plan.table)
    scope = single_table(plan.table, map(table_column, plan.columns), qualifiers)
    where = None if tree.where is None else sql_of(resolve_expression(tree.where, scope))
    bound = resolve_expression(values, scope)
    numbers = frozenset(index for index, expr in enumerate(bound) if kind_of(expr) == "number")
    return DirectChange(tuple(map(sql_of, bound)), numbers, where)


def values_of(batch: Batch, index: int) -> list[Value] | None:
    """Return the values of all sets for what is assigned as it is; None if it is computed."""
    number = batch.given.get(index)
    return None if number is None or not batch.sets[0] else [row[number] for row in batch.sets]
