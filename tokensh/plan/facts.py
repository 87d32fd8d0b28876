"""Collect what a bound query reads and what its predicates say of parameters, in one walk over the tree.

Two things are kept apart for the session's workspace, which is the default of a table that the statement says nothing about:
parameters that the statement mentions, and those of which it says no more than that two tables share a value.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokensh._dataclasses import dataclass, field
from tokensh.errors import Span, assert_never
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
    TableCall,
)
from tokensh.plan.nodes import Constants, Stored, ValueSet
from tokensh.plan.pushdown import Predicates
from tokensh.plan.resolve import sql_of
from tokensh.plan.values import Sets
from tokensh.provider.model import always_required
from tokensh.sql import nodes
from tokensh.sql.visit import walk


@dataclass(slots=True)
class _Mentions:
    """References, by what a condition says of them; those to scopes further out are handed outwards."""

    mentioned: list[BoundReference] = field(default_factory=list)
    linked: list[BoundReference] = field(default_factory=list)

    def add(self, other: _Mentions) -> None:
        self.mentioned += other.mentioned
        self.linked += other.linked

    def outside(self, scope: int) -> _Mentions:
        return _Mentions(
            [reference for reference in self.mentioned if reference.scope != scope],
            [reference for reference in self.linked if reference.scope != scope],
        )


class StatementFacts:
    """What a bound query reads and says.

    Attributes:
        tables: the scans by id, the lowest first.
        hoisted: the common table expressions of the statement by name, each after those it refers to.
        stored: the tables that are not fetched.
        sets: the sets that predicates give each parameter.
        mentioned: the scans' columns that a condition refers to.
        linked: the parameters that a condition makes equal to another table's.
        filters: what conditions say of one relation alone, as text.
        named: the scans' columns that only a statement that names them reads.
        relations: the relations by id.
    """

    def __init__(self, query: BoundQuery) -> None:
        self.tables: dict[int, BoundTable] = {}
        self.hoisted: dict[str, str] = {}
        self.stored: list[Stored] = []
        self.sets: dict[Key, list[ValueSet]] = {}
        self.mentioned: set[Key] = set()
        self.linked: set[Key] = set()
        self.filters: dict[int, list[str]] = {}
        self.named: set[Key] = set()
        self.relations: dict[int, Relation] = {}
        self._required: dict[int, frozenset[str]] = {}
        self._visit_query(query)
        self.tables = dict(sorted(self.tables.items()))

    def required(self, scan: int) -> frozenset[str]:
        """Return the parameters, in lower case, without which no method of a scan can be called."""
        return self._required[scan]

    def predicates(self, view_span: Span | None = None) -> Predicates:
        """Return what works out the sets of the query's predicates."""
        return Predicates(self.relations, self._is_parameter, view_span)

    def _is_parameter(self, key: Key) -> bool:
        return key[1] in self._required[key[0]]

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
        # Once: all references to a recursive query share it. Inner ones are noted first, and so are written first.
        if hoisted.table not in self.hoisted:
            self._visit_query(hoisted.query)
            self.hoisted[hoisted.table] = hoisted.definition

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
        mentions.add(self._visit_expressions(select.windows, select.order))
        return mentions.outside(select.scope)

    def _visit_expressions(self, *parts: object) -> _Mentions:
        mentions = _Mentions()
        for node in walk(parts):
            if isinstance(node, BoundReference):
                if node.column.newer:
                    self.named |= node.column.bases
                mentions.mentioned.append(node)
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
                keys |= left.touches | right.touches
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
            case TableCall() as call:
                return self._visit_expressions(call.arguments)
            case BoundQuery() as query:
                return self._visit_query(query)
            case None:
                pass
            case _:
                assert_never(relation.origin)
        return _Mentions()

    # ---- conditions

    def _visit_condition(self, expr: nodes.Expr, allowed: frozenset[int], predicates: Predicates) -> _Mentions:
        """Note what a condition says; `allowed` are the relations whose rows it may leave out."""
        mentions = self._mentions_of(expr, predicates)
        self.mentioned |= _keys_of(mentions.mentioned)
        self.linked |= _keys_of(mentions.linked)
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
                return _Mentions(linked=[left, right])
            case _:
                return self._visit_expressions(expr)

    def _add_sets(self, sets: Sets) -> None:
        for key, values in sets.items():
            self.sets.setdefault(key, []).append(values)


def _keys_of(references: Iterable[BoundReference]) -> set[Key]:
    columns: list[BoundColumn] = [reference.column for reference in references]
    return set().union(*(column.touches for column in columns))
