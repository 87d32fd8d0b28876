"""Which values a parameter can take: worked out from the predicates of WHERE and ON, before anything is fetched.

A predicate gives a value-set for a column, or nothing. Sets that are joined by AND narrow each other, so that any of them may
be left out; a set joined by OR must be known in every branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tokensh._dataclasses import dataclass, fields, is_dataclass, replace
from tokensh.errors import ProgrammingError, Span, assert_never
from tokensh.plan.nodes import AllOf, AnyOf, Constants, FromQuery, SameAs, ValueSet
from tokensh.plan.scope import BoundColumn, Key, Relation, Scope
from tokensh.rows import Value
from tokensh.sql import nodes as n

Sets = dict[Key, ValueSet]
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
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
    values are known before their scan is fetched. `place` is where the view is named that the predicates stand in.
    """

    scope: Scope
    text: Callable[[n.Expr], str]
    subquery: Callable[[n.Query], Subquery]
    is_parameter: Callable[[Key], bool]
    place: Span | None = None

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
        if isinstance(left, n.RowExpr) and isinstance(right, n.RowExpr) and len(left.items) == len(right.items):
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

    def links(self, expr: n.Expr) -> Iterator[n.ColumnRef]:
        """The references of which a true `expr` says no more than that they are parameters of two tables with one value."""
        match expr:
            case n.Logical(operator="AND"):
                for one in expr.operands:
                    yield from self.links(one)
            case n.Binary(operator="=", left=n.ColumnRef() as left, right=n.ColumnRef() as right):
                if self.are_linked(self.scope.look_up(left), self.scope.look_up(right)):
                    yield from (left, right)
            case _:
                return

    def are_linked(self, left: BoundColumn, right: BoundColumn) -> bool:
        """Whether two columns are parameters of different tables."""
        apart = left.touches and right.touches and not left.touches & right.touches
        return bool(apart) and all(map(self.is_parameter, left.touches | right.touches))

    def filters(self, expr: n.Expr, allowed: frozenset[int]) -> Iterator[tuple[int, str]]:
        """The parts of a true `expr` that speak of one of the `allowed` relations alone, and hold of no row that is missing.

        Only rows of which they are true can be in the result, so that no others need to give values.
        """
        if isinstance(expr, n.Logical) and expr.operator == "AND":
            for one in expr.operands:
                yield from self.filters(one, allowed)
            return
        inside = list(walk(expr))
        if any(isinstance(one, n.Query) or (isinstance(one, n.Call) and _is_volatile(one)) for one in inside):
            return
        owners = [self.scope.look_up(one).relations for one in inside if isinstance(one, n.ColumnRef)]
        if owners and len(owners[0] & allowed) == 1 == len(owners[0].union(*owners)) and _rejects_null(expr):
            yield next(iter(owners[0])), f"({self.text(expr)})"

    def _of(self, operand: n.Expr, allowed: frozenset[int], values: ValueSet | None) -> Sets:
        if values is None or not isinstance(operand, n.ColumnRef):
            return {}
        column = self.scope.here(operand)
        return dict.fromkeys(column.bases, values) if column and column.relations & allowed else {}

    def _value(self, expr: n.Expr) -> ValueSet | None:
        """The values that an expression can have, over all rows."""
        literal = constant(expr)
        if literal is not None:
            return replace(literal, places=tuple((one, self.place or expr.span) for one in literal.values))
        if isinstance(expr, n.Subquery):
            return self._result(expr.query)
        if isinstance(expr, n.ColumnRef):
            return self._column(self.scope.look_up(expr))
        inside = list(walk(expr))
        if any(isinstance(one, n.Subquery | n.Exists | n.InQuery | n.Collate | n.RowExpr) for one in inside):
            return None
        if any(isinstance(one, n.Call) and _is_volatile(one) for one in inside):
            return None
        columns = [self.scope.look_up(one) for one in inside if isinstance(one, n.ColumnRef)]
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
        sql = f"SELECT DISTINCT {text} FROM {relation.source}"  # noqa: S608 (printed by us)
        return FromQuery(sql, relation.needs, owner)

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


def _rejects_null(expr: n.Expr) -> bool:
    """Whether a predicate is plain, and never true where its columns are NULL, as in a row that an outer join adds."""
    match expr:
        case n.Logical():
            return all(map(_rejects_null, expr.operands))
        case n.Binary():
            sides = (expr.left, expr.right)
            return expr.operator in _COMPARISONS and any(map(_is_column, sides)) and _are_plain(sides)
        case n.InList():
            return bool(expr.items) and _is_column(expr.operand) and _are_plain(expr.items)
        case n.Match(operator="LIKE" | "GLOB"):
            return _is_column(expr.operand) and _are_plain((expr.pattern,))
        case n.Between():
            return _is_column(expr.operand) and _are_plain((expr.low, expr.high))
        case n.Is():
            return (
                expr.negated and not expr.distinct and _is_column(expr.operand) and constant(expr.other) == Constants()
            )
        case _:
            return False


def _is_column(expr: n.Expr) -> bool:
    return isinstance(expr, n.ColumnRef)


def _are_plain(exprs: Iterable[n.Expr]) -> bool:
    """Whether each is a column, or a constant: what is worked out from a column can fail on a row that is never looked at."""
    return all(_is_column(one) or not any(isinstance(each, n.ColumnRef) for each in walk(one)) for one in exprs)


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
    places: list[tuple[Value, Span]] = []
    others: list[ValueSet] = []
    for one in flat:
        if isinstance(one, Constants):
            values += one.values
            expressions += one.expressions
            places += one.places
        else:
            others.append(one)
    constants = Constants(tuple(dict.fromkeys(values)), tuple(dict.fromkeys(expressions)), tuple(places))
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


def whole(values: ValueSet, prefix: str, filters: Mapping[int, Sequence[str]]) -> ValueSet:
    """A set whose queries stand alone: the statement's common table expressions in front, what narrows their table behind."""
    match values:
        case FromQuery():
            narrowed = filters.get(values.relation, ()) if values.relation is not None else ()
            where = f" WHERE {' AND '.join(dict.fromkeys(narrowed))}" if narrowed else ""
            return replace(values, sql=f"{prefix}{values.sql}{where}")
        case AnyOf() | AllOf():
            return replace(values, sets=tuple(whole(one, prefix, filters) for one in values.sets))
        case _:
            return values


def unbound(variable: n.Variable) -> ProgrammingError:
    """A parameter marker without a value."""
    return ProgrammingError(f"{variable.text} has no value", span=variable.span, hint="write the value, or {{ name }}")
