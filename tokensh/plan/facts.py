"""Collect what a bound query reads and what its predicates say of parameters, in one walk over the tree.

Two things are kept apart for the session's workspace, which is the default of a table that the statement says nothing about:
parameters that the statement mentions, and those of which it says no more than that two tables share a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tokensh._dataclasses import dataclass, field
from tokensh.errors import NotSupportedError, Span, assert_never
from tokensh.plan.bound import (
    BoundColumn,
    BoundCompound,
    BoundQuery,
    BoundReference,
    BoundSelect,
    BoundTable,
    BoundValues,
    From,
    HoistedQuery,
    Key,
    Relation,
    SharedQuery,
    TableCall,
    is_own_key,
)
from tokensh.plan.nodes import Constants, Stored, ValueSet
from tokensh.plan.pushdown import Predicates, is_random
from tokensh.plan.resolve import sql_of
from tokensh.plan.values import Sets
from tokensh.provider.model import always_required
from tokensh.sql import nodes
from tokensh.sql.visit import walk

MOST_COPIES = 64
"""How often SQLite may copy what a common table expression reads before it becomes a table."""
MOST_CORRELATED_COPIES = 20_000
_References = dict[int, BoundReference]
"""References by their identity: a query that is read several times brings each of its own once."""


@dataclass(slots=True)
class _Mentions:
    """References, by what a condition says of them; those to scopes further out are handed outwards."""

    mentioned: _References = field(default_factory=dict)
    linked: _References = field(default_factory=dict)

    def add(self, other: _Mentions) -> None:
        self.mentioned.update(other.mentioned)
        self.linked.update(other.linked)

    def outside(self, scope: int) -> _Mentions:
        return _Mentions(
            {key: reference for key, reference in self.mentioned.items() if reference.scope != scope},
            {key: reference for key, reference in self.linked.items() if reference.scope != scope},
        )


class StatementFacts:
    """What a bound query reads and says.

    Attributes:
        tables: the scans by id, the lowest first.
        hoisted: the common table expressions of the statement by name, each after those it refers to.
        derived: the names of those that have to become tables, or SQLite would copy them too often.
        volatile: the names of those that may have other rows each time they are evaluated.
        stored: the tables that are not fetched.
        sets: the sets that predicates give each parameter.
        mentioned: the scans' columns that a condition refers to.
        linked: the parameters that a condition makes equal to another table's.
        filters: what conditions say of one relation alone, as text.
        named: the scans' columns that only a statement that names them reads.
        relations: the relations by id.
        readings: the readings of shared queries, those inside of others first. Keys of `sets` may be theirs; those of
            `mentioned` and `linked` are of scans.
    """

    def __init__(self, query: BoundQuery) -> None:
        self.tables: dict[int, BoundTable] = {}
        self.hoisted: dict[str, HoistedQuery] = {}
        self.derived: set[str] = set()
        self.volatile: set[str] = set()
        self._copies: dict[str, int] = {}
        self._open_copies = [0]
        self.stored: list[Stored] = []
        self.sets: dict[Key, list[ValueSet]] = {}
        self.mentioned: set[Key] = set()
        self.linked: set[Key] = set()
        self.filters: dict[int, list[str]] = {}
        self.named: set[Key] = set()
        self.relations: dict[int, Relation] = {}
        self.readings: list[SharedQuery] = []
        self._shared_mentions: dict[str, _Mentions] = {}
        self._scan_keys: dict[Key, frozenset[Key]] = {}
        self._parameter_keys: set[Key] = set()
        self._required: dict[int, frozenset[str]] = {}
        self._visit_query(query)
        self.tables = dict(sorted(self.tables.items()))

    def required(self, scan: int) -> frozenset[str]:
        """Return the parameters, in lower case, without which no method of a scan can be called."""
        return self._required[scan]

    def all_sets(self) -> Iterator[ValueSet]:
        """Yield what predicates say of any key."""
        return (values for given in self.sets.values() for values in given)

    def predicates(self, view_span: Span | None = None) -> Predicates:
        """Return what works out the sets of the query's predicates."""
        return Predicates(self.relations, self.is_parameter, view_span)

    def is_parameter(self, key: Key) -> bool:
        """Return whether a column of a scan, or of a reading, shows required parameters alone: its values are known early."""
        return key in self._parameter_keys if is_own_key(key) else key[1] in self._required[key[0]]

    def _keys_of(self, columns: Iterable[BoundColumn]) -> set[Key]:
        """Return the scans' columns that columns show."""
        keys: set[Key] = set().union(*(column.touches for column in columns))
        return set().union(*(self._scan_keys.get(key, frozenset([key])) for key in keys))

    # ---- queries

    def _visit_query(self, query: BoundQuery) -> _Mentions:
        match query.body:
            case BoundSelect() as select:
                mentions = self._visit_select(select)
            case BoundValues() as values:
                mentions = self._visit_expressions(values.rows)
            case BoundCompound() as compound:
                mentions = _Mentions()
                for arm in compound.arms:
                    mentions.add(self._visit_query(arm))
            case HoistedQuery() as hoisted:
                self._visit_hoisted(hoisted)
                mentions = _Mentions()
            case BoundQuery() as inner:
                mentions = self._visit_query(inner)
            case _:
                assert_never(query.body)
        mentions.add(self._visit_expressions(query.limits))
        return mentions

    def _visit_hoisted(self, hoisted: HoistedQuery) -> None:
        # Once: all references share it. Inner ones are noted first, and so are written first.
        if hoisted.table not in self.hoisted:
            self._open_copies.append(1)
            self._visit_query(hoisted.query)
            self.hoisted[hoisted.table] = hoisted
            self._copies[hoisted.table] = self._open_copies.pop()
            if self._copies[hoisted.table] > MOST_COPIES:
                self.derived.add(hoisted.table)
                self._copies[hoisted.table] = 0
            # With LIMIT, which rows are the first depends on the way that SQLite takes.
            if hoisted.query.limits or is_random(hoisted.query):
                self.volatile.add(hoisted.table)
        self._open_copies[-1] += self._copies[hoisted.table]

    def _visit_select(self, select: BoundSelect) -> _Mentions:
        # FROM first: predicates are about tables, which must be known by then.
        predicates = self.predicates(select.view_span)
        mentions = self._visit_from(select.source, predicates)
        mentions.add(self._visit_expressions(select.items))
        if select.where is not None:
            mentions.add(self._visit_condition(select.where, select.source.ids, predicates))
        mentions.add(self._visit_expressions(select.group))
        # HAVING is about groups: the rows of a group that it rejects are needed to compute the group.
        if select.having is not None:
            mentions.add(self._visit_condition(select.having, frozenset(), predicates))
        mentions.add(self._visit_expressions(select.windows, select.order, select.qualify))
        return mentions.outside(select.scope)

    def _visit_expressions(self, *parts: object) -> _Mentions:
        mentions = _Mentions()
        for node in walk(parts):
            if isinstance(node, BoundReference):
                if node.column.newer:
                    self.named |= node.column.bases
                mentions.mentioned[id(node)] = node
            elif isinstance(node, BoundQuery):
                mentions.add(self._visit_query(node))
        return mentions

    # ---- FROM

    def _visit_from(self, source: From, predicates: Predicates) -> _Mentions:
        mentions = _Mentions()
        for relation in source.relations:
            self.relations[relation.id] = relation
            mentions.add(self._visit_origin(relation))
        for join in source.joins:
            for left, right in join.pairs:
                keys = self.linked if predicates.are_linked(left, right) else self.mentioned
                keys |= self._keys_of((left, right))
                self.named |= left.bases | right.bases
                self._add_sets(predicates.sets_of_equal_columns(left, right, join.restricted))
            if join.on is not None:
                mentions.add(self._visit_condition(join.on, join.restricted, predicates))
        return mentions

    def _visit_origin(self, relation: Relation) -> _Mentions:
        match relation.origin:
            case BoundTable() as table:
                self.tables[table.scan] = table
                self._required[table.scan] = always_required(table.methods)
                for name, expr in table.arguments:
                    self._add_sets({(table.scan, name): Constants(expressions=(sql_of(expr),))})
                self._visit_expressions(tuple(expr for _, expr in table.arguments))
            case Stored() as stored:
                self.stored.append(stored)
            case HoistedQuery() as hoisted:
                self._visit_hoisted(hoisted)
            case SharedQuery() as shared:
                return self._visit_reading(shared)
            case TableCall() as call:
                return self._visit_expressions(call.arguments)
            case BoundQuery() as query:
                return self._visit_query(query)
            case None:
                pass
            case _:
                assert_never(relation.origin)
        return _Mentions()

    def _visit_reading(self, shared: SharedQuery) -> _Mentions:
        hoisted = shared.hoisted
        if not hoisted.query.is_correlated:
            self._visit_hoisted(hoisted)
        else:
            self._visit_correlated(hoisted)
        self.readings.append(shared)
        for position, column in enumerate(shared.columns):
            key = shared.own_key(position)
            self._scan_keys[key] = frozenset(self._keys_of([column]))
            if column.touches and not column.has_others and all(map(self.is_parameter, column.touches)):
                self._parameter_keys.add(key)
        return self._shared_mentions.get(hoisted.table, _Mentions())

    def _visit_correlated(self, hoisted: HoistedQuery) -> None:
        if hoisted.table not in self._shared_mentions:
            self._open_copies.append(1)
            self._shared_mentions[hoisted.table] = self._visit_query(hoisted.query)
            self._copies[hoisted.table] = self._open_copies.pop()
        self._open_copies[-1] += self._copies[hoisted.table]
        if self._open_copies[-1] > MOST_CORRELATED_COPIES:
            # It has other rows for each row of the query around it, so that it cannot become a table.
            raise NotSupportedError(
                "the queries of a WITH that refers to the query around it read each other too often",
                hint="write the WITH at the beginning of the statement, without references to other queries",
            )

    # ---- conditions

    def _visit_condition(self, expr: nodes.Expr, allowed: frozenset[int], predicates: Predicates) -> _Mentions:
        """Note what a condition says; `allowed` are the relations whose rows it may leave out."""
        mentions = self._mentions_of(expr, predicates)
        self.mentioned |= self._keys_of(reference.column for reference in mentions.mentioned.values())
        self.linked |= self._keys_of(reference.column for reference in mentions.linked.values())
        if allowed:
            self._add_sets(predicates.sets(expr, allowed))
            for relation, text in predicates.filters(expr, allowed):
                self.filters.setdefault(relation, []).append(text)
        return mentions

    def _mentions_of(self, expr: nodes.Expr, predicates: Predicates) -> _Mentions:
        # Only what is true in every row links: below OR or NOT an equality is a mention like any other.
        match expr:
            case nodes.Logical(operator="AND"):
                mentions = _Mentions()
                for operand in expr.operands:
                    mentions.add(self._mentions_of(operand, predicates))
                return mentions
            case nodes.Binary(operator="=", left=BoundReference() as left, right=BoundReference() as right) if (
                predicates.are_linked(left.column, right.column)
            ):
                return _Mentions(linked={id(left): left, id(right): right})
            case _:
                return self._visit_expressions(expr)

    def _add_sets(self, sets: Sets) -> None:
        for key, values in sets.items():
            self.sets.setdefault(key, []).append(values)
