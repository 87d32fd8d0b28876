"""The sets of values that parameters take, and the order in which scans can be fetched once these are known.

A set is a tree of constants, local queries, and parameters of other scans, joined by AND and OR. Sets joined by AND narrow each
other, so that any of them may be left out; a set joined by OR must be known in every branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tokensh._dataclasses import replace
from tokensh.errors import ProgrammingError, assert_never
from tokensh.plan.bound import Key, is_own_key
from tokensh.plan.nodes import AllOf, AnyOf, Constants, FromQuery, SameAs, ValueSet
from tokensh.rows import Value
from tokensh.sql import nodes

Sets = dict[Key, ValueSet]


# ---- literals


def constant(expr: nodes.Expr) -> Constants | None:
    """Return a literal as a set, None for another expression. The set of NULL is empty: NULL is equal to nothing."""
    value = literal_value(expr)
    if value is None:
        return Constants() if isinstance(expr, nodes.Literal) and expr.kind == "null" else None
    return Constants((value,))


def literal_value(expr: nodes.Expr) -> Value:
    """Return the value of a literal, signed numbers included; None for another expression, and for NULL."""
    match expr:
        case nodes.Literal(kind="string" | "time"):
            return expr.text
        case nodes.Literal(kind="number"):
            return parse_number(expr.text)
        case nodes.Literal(kind="true"):
            return 1
        case nodes.Literal(kind="false"):
            return 0
        case nodes.Unary(operator="-", operand=nodes.Literal(kind="number") as operand):
            return -parse_number(operand.text)
        case _:
            return None


def parse_number(text: str) -> int | float:
    """Return the value of a number as it is written in SQL."""
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    # Not by the form: 1e3 and 1.0 are floating point numbers in SQLite as well.
    try:
        return int(text)
    except ValueError:
        return float(text)


def unbound_error(variable: nodes.Variable) -> ProgrammingError:
    """Return the error for a parameter marker without a value."""
    return ProgrammingError(f"{variable.text} has no value", span=variable.span, hint="write the value, or {{ name }}")


# ---- sets


def intersect_sets(all_sets: Iterable[Sets]) -> Sets:
    """Return what AND of predicates says: every set that one of them gives."""
    by_key: dict[Key, list[ValueSet]] = {}
    for sets in all_sets:
        for key, values in sets.items():
            by_key.setdefault(key, []).append(values)
    return {key: all_of(values) for key, values in by_key.items()}


def unite_sets(all_sets: Sequence[Sets]) -> Sets:
    """Return what OR of predicates says: only what every branch gives."""
    keys = set(all_sets[0]).intersection(*all_sets[1:])
    return {key: any_of([sets[key] for sets in all_sets]) for key in keys}


def all_of(sets: Sequence[ValueSet]) -> ValueSet:
    """Return the intersection of sets, flat."""
    flat = [inner for values in sets for inner in (values.sets if isinstance(values, AllOf) else (values,))]
    unique = tuple(dict.fromkeys(flat))
    return unique[0] if len(unique) == 1 else AllOf(unique)


def any_of(sets: Sequence[ValueSet]) -> ValueSet:
    """Return the union of sets, flat, its constants in one set."""
    flat = [inner for values in sets for inner in (values.sets if isinstance(values, AnyOf) else (values,))]
    constants = [values for values in flat if isinstance(values, Constants)]
    others = list(dict.fromkeys(values for values in flat if not isinstance(values, Constants)))
    united = Constants(
        tuple(dict.fromkeys(value for values in constants for value in values.values)),
        tuple(dict.fromkeys(expression for values in constants for expression in values.expressions)),
        # Once each: a query that is read twice by each of a chain would double them at each step.
        tuple(dict.fromkeys(place for values in constants for place in values.spans)),
    )
    is_empty = not united.values and not united.expressions
    if not others:
        return united
    if len(others) == 1 and is_empty:
        return others[0]
    return AnyOf((*([] if is_empty else [united]), *others))


def with_ctes(values: ValueSet, prefix: str, filters: Mapping[int, Sequence[str]]) -> ValueSet:
    """Return the set with each query made self-contained.

    `prefix` is the statement's WITH clause; `filters` are the conditions, by relation, that narrow the query's table.
    """
    match values:
        case FromQuery():
            conditions = filters.get(values.relation, ()) if values.relation is not None else ()
            where = f" WHERE {' AND '.join(dict.fromkeys(conditions))}" if conditions else ""
            return replace(values, sql=f"{prefix}{values.sql}{where}")
        case AnyOf() | AllOf():
            return replace(values, sets=tuple(with_ctes(inner, prefix, filters) for inner in values.sets))
        case _:
            return values


# ---- order

Dependency = SameAs | int
"""What must be known before a set is: a parameter of another scan, or the rows of a scan."""


def depends_on(values: ValueSet) -> Iterator[Dependency]:
    """Yield what must be known before a set is."""
    match values:
        case Constants():
            return
        case SameAs():
            yield values
        case FromQuery():
            yield from values.needs
        case AnyOf() | AllOf():
            for inner in values.sets:
                yield from depends_on(inner)
        case _:
            assert_never(values)


def resolved_subset(values: ValueSet, is_known: Callable[[Dependency], bool]) -> ValueSet | None:
    """Return a set reduced to the parts that are known; None if it tells nothing then."""
    match values:
        # A part left out of AND only gives more values than needed; one left out of OR would lose rows.
        case AllOf():
            known = [part for part in (resolved_subset(inner, is_known) for inner in values.sets) if part is not None]
            return all_of(known) if known else None
        case AnyOf():
            branches = [resolved_subset(inner, is_known) for inner in values.sets]
            known = [branch for branch in branches if branch is not None]
            return any_of(known) if len(known) == len(branches) else None
        case _:
            return values if all(map(is_known, depends_on(values))) else None


class ScanScheduler:
    """Finds an order in which every scan's parameters are known when its turn comes, by as many predicates as possible.

    Attributes:
        values: the set of each parameter that could be worked out.
        scans: the scans all of whose parameters could be worked out, in order.
    """

    def __init__(
        self,
        required: Mapping[int, frozenset[str]],
        sets: Mapping[Key, ValueSet],
        asked: Mapping[Key, ValueSet] | None = None,
    ) -> None:
        self.values: dict[Key, ValueSet] = {}
        self.scans: list[int] = []
        self._required = required
        self._sets = {**sets, **(asked or {})}
        # What a query is asked for, and what it gives, go first: the parameters inside follow from them.
        parameters = [(scan, name) for scan, names in required.items() for name in sorted(names)]
        self._keys = [*(asked or {}), *filter(is_own_key, sets), *parameters]
        # A set is reduced only if nothing is left that is known whole: what is known later may narrow it.
        while self._advance() or self._reduce_set():
            pass

    def _is_known(self, dependency: Dependency) -> bool:
        if isinstance(dependency, int):
            return dependency in self.scans
        return (dependency.scan, dependency.parameter) in self.values

    def _advance(self) -> bool:
        """Work out what is known whole now, and return whether anything was."""
        has_advanced = False
        for key in self._keys:
            values = self._sets.get(key)
            if key not in self.values and values is not None and all(map(self._is_known, depends_on(values))):
                self.values[key] = values
                has_advanced = True
        for scan, names in self._required.items():
            if scan not in self.scans and all((scan, name) in self.values for name in names):
                self.scans.append(scan)
                has_advanced = True
        return has_advanced

    def _reduce_set(self) -> bool:
        """Reduce one set to what is known of it, and return whether there was one."""
        known: dict[Key, ValueSet] = {}
        for key in self._keys:
            if key not in self.values and key in self._sets:
                part = resolved_subset(self._sets[key], self._is_known)
                if part is not None:
                    known[key] = part
        # What the statement itself says goes first: the rows of a scan may hold anything.
        chosen = next((key for key, part in known.items() if not _reads_scan(part)), next(iter(known), None))
        if chosen is not None:
            self.values[chosen] = known[chosen]
        return chosen is not None


def _reads_scan(values: ValueSet) -> bool:
    return any(isinstance(dependency, int) for dependency in depends_on(values))
