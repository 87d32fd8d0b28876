"""Which values a parameter can take: worked out from the predicates of WHERE and ON, before anything is fetched.

A predicate gives a value-set for a column, or nothing. Sets that are joined by AND narrow each other, so that any of them may
be left out; a set joined by OR must be known in every branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tokensh.errors import ProgrammingError, assert_never
from tokensh.plan.nodes import AllOf, AnyOf, Constants, FromQuery, SameAs, ValueSet
from tokensh.plan.scope import BoundColumn, Key, Relation, Scope
from tokensh.records import dataclass, fields, is_dataclass, replace
from tokensh.rows import Value
from tokensh.sql import nodes as n

Sets = dict[Key, ValueSet]
_VOLATILE = frozenset({"random", "randomblob", "changes", "total_changes", "last_insert_rowid"})


@dataclass(frozen=True, slots=True)
class Subquery:
    """A bound subquery of an expression: what routing needs of it. `sql` None: it refers to the query around it."""

    sql: str | None
    needs: frozenset[int]


@dataclass(frozen=True, slots=True)
class Predicates:
    """Works out the sets of one scope's predicates.

    `text` prints an expression for SQLite, `subquery` gives a bound one, `is_parameter` tells the required parameters, whose
    values are known before their scan is fetched.
    """

    scope: Scope
    text: Callable[[n.Expr], str]
    subquery: Callable[[n.Query], Subquery]
    is_parameter: Callable[[Key], bool]

    def sets(self, expr: n.Expr, allowed: frozenset[int]) -> Sets:
        """The sets that a true `expr` leaves the columns of the `allowed` relations."""
        match expr:
            case n.Logical(operator="AND"):
                return intersection([self.sets(one, allowed) for one in expr.operands])
            case n.Logical():
                return _union([self.sets(one, allowed) for one in expr.operands])
            case n.Binary(operator="="):
                return self._equal(expr.left, expr.right, allowed)
            case n.Is(operand=operand, other=other) if expr.negated == expr.distinct and _is_given(other):
                return self._equal(operand, other, allowed)
            case n.InList(negated=False):
                members = [self._value(one) for one in expr.items]
                known = [one for one in members if one is not None]
                return self._of(expr.operand, allowed, any_of(known)) if len(known) == len(members) else {}
            case n.InQuery(negated=False):
                return self._of(expr.operand, allowed, self._result(expr.query))
            case _:
                return {}

    def _equal(self, left: n.Expr, right: n.Expr, allowed: frozenset[int]) -> Sets:
        if isinstance(left, n.Row) and isinstance(right, n.Row) and len(left.items) == len(right.items):
            pairs = zip(left.items, right.items, strict=True)
            return intersection([self._equal(a, b, allowed) for a, b in pairs])
        return intersection([self._of(left, allowed, self._value(right)), self._of(right, allowed, self._value(left))])

    def equated(self, left: BoundColumn, right: BoundColumn, allowed: frozenset[int]) -> Sets:
        """The sets of two columns that USING or NATURAL makes equal."""
        sets = []
        for one, other in ((left, right), (right, left)):
            values = self._column(other)
            if one.relations & allowed and values is not None:
                sets.append(dict.fromkeys(one.bases, values))
        return intersection(sets)

    def _of(self, operand: n.Expr, allowed: frozenset[int], values: ValueSet | None) -> Sets:
        if values is None or not isinstance(operand, n.ColumnRef):
            return {}
        column = self.scope.here(operand)
        return dict.fromkeys(column.bases, values) if column and column.relations & allowed else {}

    def _value(self, expr: n.Expr) -> ValueSet | None:
        """The values that an expression can have, over all rows."""
        literal = constant(expr)
        if literal is not None:
            return literal
        if isinstance(expr, n.Subquery):
            return self._result(expr.query)
        if isinstance(expr, n.ColumnRef):
            return self._column(self.scope.column(expr))
        inside = list(walk(expr))
        if any(isinstance(one, n.Subquery | n.Exists | n.InQuery | n.Collate | n.Row) for one in inside):
            return None
        if any(isinstance(one, n.Call) and _is_volatile(one) for one in inside):
            return None
        columns = [self.scope.column(one) for one in inside if isinstance(one, n.ColumnRef)]
        if not columns:
            return Constants(expressions=(self.text(expr),))
        return self._over(columns, self.text(expr))

    def _result(self, query: n.Query) -> ValueSet | None:
        found = self.subquery(query)
        return FromQuery(found.sql, found.needs) if found.sql is not None else None

    def _column(self, column: BoundColumn) -> ValueSet | None:
        if column.touches and all(map(self.is_parameter, column.touches)):
            return any_of([SameAs(scan, name) for scan, name in sorted(column.touches)])
        return self._over([column], column.sql)

    def _over(self, columns: Sequence[BoundColumn], text: str) -> ValueSet | None:
        """The values of an expression over one relation's rows."""
        owners = frozenset().union(*(one.relations for one in columns))
        if len(owners) != 1:
            return None
        (owner,) = owners
        relation = self._relation(owner)
        if relation is None or not relation.standalone:
            return None
        return FromQuery(f"SELECT DISTINCT {text} FROM {relation.source}", relation.needs)  # noqa: S608 (printed by us)

    def _relation(self, wanted: int) -> Relation | None:
        scope: Scope | None = self.scope
        while scope is not None:
            for one in scope.source.relations:
                if one.id == wanted:
                    return one
            scope = scope.outer
        return None


def walk(node: object, *, deep: bool = False) -> Iterator[object]:
    """A tree's nodes, each before its parts; a subquery is entered only if `deep`."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, tuple):
            waiting.extend(reversed(one))
            continue
        if not is_dataclass(one) or isinstance(one, n.Name):
            continue
        yield one
        if deep or not isinstance(one, n.Query):
            waiting.extend(getattr(one, each.name) for each in reversed(fields(one)))


def _is_given(expr: n.Expr) -> bool:
    """Whether IS compares with a value: with NULL it would also hold where an outer join found nothing."""
    literal = constant(expr)
    return literal is not None and literal.values != ()


def _is_volatile(call: n.Call) -> bool:
    return call.name[-1].text.lower() in _VOLATILE or call.star or call.over is not None or call.filter is not None


def constant(expr: n.Expr) -> Constants | None:
    """A literal as a set; NULL is equal to nothing."""
    value = literal_value(expr)
    if value is None:
        return Constants() if isinstance(expr, n.Literal) and expr.kind == "null" else None
    return Constants((value,))


def literal_value(expr: n.Expr) -> Value:
    """The value of a literal, signed numbers included; None where it is something else, or NULL."""
    match expr:
        case n.Literal(kind="string"):
            return expr.text
        case n.Literal(kind="number"):
            return number(expr.text)
        case n.Literal(kind="true"):
            return 1
        case n.Literal(kind="false"):
            return 0
        case n.Unary(operator="-", operand=n.Literal(kind="number") as operand):
            value = number(operand.text)
            return -value if isinstance(value, int | float) else None
        case _:
            return None


def number(text: str) -> int | float | None:
    """A number as it is written in SQL; None for one that is no 64-bit integer and would lose digits as a float."""
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    try:
        return int(text)
    except ValueError:
        return float(text)


def intersection(all_sets: Iterable[Sets]) -> Sets:
    """AND: every set that there is."""
    found: dict[Key, list[ValueSet]] = {}
    for sets in all_sets:
        for key, values in sets.items():
            found.setdefault(key, []).append(values)
    return {key: all_of(values) for key, values in found.items()}


def _union(all_sets: Sequence[Sets]) -> Sets:
    """OR: only what every branch has."""
    keys = set(all_sets[0]).intersection(*all_sets[1:])
    return {key: any_of([sets[key] for sets in all_sets]) for key in keys}


def all_of(sets: Sequence[ValueSet]) -> ValueSet:
    """The intersection, flat."""
    flat = [inner for one in sets for inner in (one.sets if isinstance(one, AllOf) else (one,))]
    unique = tuple(dict.fromkeys(flat))
    return unique[0] if len(unique) == 1 else AllOf(unique)


def any_of(sets: Sequence[ValueSet]) -> ValueSet:
    """The union, flat, constants in one."""
    flat = [inner for one in sets for inner in (one.sets if isinstance(one, AnyOf) else (one,))]
    values: list[Value] = []
    expressions: list[str] = []
    others: list[ValueSet] = []
    for one in flat:
        if isinstance(one, Constants):
            values += one.values
            expressions += one.expressions
        else:
            others.append(one)
    constants = Constants(tuple(dict.fromkeys(values)), tuple(dict.fromkeys(expressions)))
    if not others:
        return constants
    if len(others) == 1 and not values and not expressions:
        return others[0]
    return AnyOf((*([constants] if values or expressions else []), *others))


# ---- order


def depends(values: ValueSet) -> Iterator[SameAs | int]:
    """What must be known before a set is: parameters of other scans, and scans that must be loaded."""
    match values:
        case Constants():
            return
        case SameAs():
            yield values
        case FromQuery():
            yield from values.needs
        case AnyOf() | AllOf():
            for one in values.sets:
                yield from depends(one)
        case _:
            assert_never(values)


def usable(values: ValueSet, known: Callable[[SameAs | int], bool]) -> ValueSet | None:
    """A set reduced to what is known; None where nothing of it is."""
    match values:
        case AllOf():
            reduced = [one for one in (usable(each, known) for each in values.sets) if one is not None]
            return all_of(reduced) if reduced else None
        case AnyOf():
            branches = [usable(each, known) for each in values.sets]
            whole = [one for one in branches if one is not None]
            return any_of(whole) if len(whole) == len(branches) else None
        case _:
            return values if all(map(known, depends(values))) else None


class Order:
    """Finds an order in which every scan's parameters are known when its turn comes, using as many predicates as possible."""

    def __init__(self, needed: Mapping[int, frozenset[str]], sets: Mapping[Key, ValueSet]) -> None:
        self.values: dict[Key, ValueSet] = {}
        """The set of each parameter that could be worked out."""
        self.scans: list[int] = []
        """The scans whose parameters all are, in order."""
        self._needed = needed
        self._sets = sets
        while self._resolve(whole=True) or self._resolve(whole=False):
            pass

    def _known(self, one: SameAs | int) -> bool:
        return one in self.scans if isinstance(one, int) else (one.scan, one.parameter) in self.values

    def _resolve(self, *, whole: bool) -> bool:
        """Work out what can be now: first only parameters all of whose predicates are known."""
        found = False
        for scan, names in self._needed.items():
            for name in sorted(names):
                key = (scan, name)
                if key in self.values or key not in self._sets:
                    continue
                reduced = usable(self._sets[key], self._known)
                if reduced is not None and (not whole or all(map(self._known, depends(self._sets[key])))):
                    self.values[key] = reduced
                    found = True
                    if not whole:
                        return True
            if scan not in self.scans and all((scan, name) in self.values for name in names):
                self.scans.append(scan)
                found = True
        return found


def with_prefix(values: ValueSet, prefix: str) -> ValueSet:
    """A set whose queries stand alone, the statement's common table expressions in front of each."""
    match values:
        case FromQuery():
            return replace(values, sql=f"{prefix}{values.sql}")
        case AnyOf() | AllOf():
            return replace(values, sets=tuple(with_prefix(one, prefix) for one in values.sets))
        case _:
            return values


def unbound(variable: n.Variable) -> ProgrammingError:
    """A parameter marker without a value."""
    return ProgrammingError(f"{variable.text} has no value", span=variable.span, hint="write the value, or {{ name }}")
