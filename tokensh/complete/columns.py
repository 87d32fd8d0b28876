"""The columns that a query's tables have: of resources, session tables, queries of WITH and of FROM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tokensh._dataclasses import dataclass, field
from tokensh.complete.model import Facts, note
from tokensh.complete.names import CatalogIndex, callable_by
from tokensh.complete.outline import Cte, Group, Item, Outline, Relation, alias_of, build_outline, items_of, mentions
from tokensh.functions.tables import TABLE_FUNCTIONS
from tokensh.provider.model import VERBS, Method, Parameter, Resource, Verb
from tokensh.sql.lexer import Token

_DEEPEST = 6
"""Queries within queries whose columns are looked for."""


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """A column: `required` if no method of the verb can be called without it, `is_parameter` if it is nothing else."""

    name: str
    note: str = ""
    required: bool = False
    is_parameter: bool = False


@dataclass(frozen=True, slots=True)
class ColumnLookup:
    """Knows the columns of a statement's tables."""

    names: CatalogIndex
    facts: Facts
    ctes: dict[str, Cte]
    known: dict[tuple[Relation, Verb], tuple[KnownColumn, ...]] = field(default_factory=dict)

    def columns(self, relation: Relation, verb: Verb = "SELECT", depth: int = 0) -> tuple[KnownColumn, ...]:
        """A relation's columns; none if it is not known."""
        key = (relation, verb)
        if key not in self.known:
            self.known[key] = ()  # a query of WITH may name itself
            self.known[key] = self._columns(relation, verb, depth)
        return self.known[key]

    def _columns(self, relation: Relation, verb: Verb, depth: int) -> tuple[KnownColumn, ...]:
        if relation.is_function:
            function = TABLE_FUNCTIONS.get(relation.path[-1].lower())
            return tuple(KnownColumn(name, relation.path[-1]) for name, _ in function.columns) if function else ()
        if relation.query is not None:
            return tuple(self._selected(relation.query, depth))
        if len(relation.path) == 1:
            name = relation.path[0].lower()
            cte = self.ctes.get(name)
            if cte is not None:
                return self._of_cte(cte, depth)
            local = next((columns for table, columns in self.facts.tables.items() if table.lower() == name), None)
            if local is not None:
                return tuple(KnownColumn(column) for column in local)
        resource = self.resource(relation)
        return columns_of(resource, verb) if resource else ()

    def resource(self, relation: Relation) -> Resource | None:
        """The resource that a relation is, if it is one."""
        return self.names.find(relation.path, self.facts.namespace) if relation.path else None

    def _of_cte(self, cte: Cte, depth: int) -> tuple[KnownColumn, ...]:
        if cte.columns:
            return tuple(KnownColumn(name) for name in cte.columns)
        return tuple(self._selected(cte.query, depth))

    def _selected(self, query: Group, depth: int) -> Iterator[KnownColumn]:
        if depth >= _DEEPEST:
            return
        seen: set[str] = set()
        for item in items_of(query):
            for one in self._of_item(query, item, depth):
                if one.name.lower() not in seen:
                    seen.add(one.name.lower())
                    yield one

    def _of_item(self, query: Group, item: Sequence[Item], depth: int) -> Iterator[KnownColumn]:
        last = item[-1] if item else None
        if not isinstance(last, Token) or last.text != "*":
            name = alias_of(item)
            if name:
                yield KnownColumn(name)
            return
        tokens = [t for t in item if isinstance(t, Token)]
        qualifier = tuple(t.text.lower() for t in tokens[:-1] if t.text != ".")
        inner = _inside(query)
        for relation in inner.relations:
            if not qualifier or relation.is_called(qualifier):
                for one in self.columns(relation, depth=depth + 1):
                    yield KnownColumn(one.name, one.note)

    # ---- required parameters

    def unset(self, found: Outline, verb: Verb) -> list[tuple[Relation, KnownColumn]]:
        """The required parameters of the query's tables that nothing in it sets."""
        required = [(i, one) for i, r in enumerate(found.relations) for one in self.columns(r, verb) if one.required]
        if not required:
            return []
        open_ = {(i, one.name.lower()) for i, one in required}
        said = mentions(found.here)
        for mention in said:
            if mention.other is None:
                open_ -= set(self._meant(found, mention.qualifier, mention.name))
        for _ in said:
            settled = set(open_)
            for mention in said:
                if mention.other is None:
                    continue
                others = set(self._meant(found, *mention.other))
                if others and not others & open_:
                    open_ -= set(self._meant(found, mention.qualifier, mention.name))
            if open_ == settled:
                break
        return [(found.relations[i], one) for i, one in required if (i, one.name.lower()) in open_]

    def _meant(self, found: Outline, qualifier: tuple[str, ...], name: str) -> Iterator[tuple[int, str]]:
        for i, relation in enumerate(found.relations):
            if qualifier and not relation.is_called(qualifier):
                continue
            if any(one.name.lower() == name for one in self.columns(relation)):
                yield i, name


def _inside(query: Group) -> Outline:
    """The outline of a query by itself."""
    return build_outline((), tuple(_tokens(query)))


def _tokens(group: Group) -> Iterator[Token]:
    waiting: list[Item] = list(reversed(group.items))
    while waiting:
        item = waiting.pop()
        if isinstance(item, Token):
            yield item
            continue
        if item.closing:
            waiting.append(item.closing)
        waiting.extend(reversed(item.items))
        if item.opening:
            yield item.opening


def columns_of(resource: Resource, verb: Verb) -> tuple[KnownColumn, ...]:
    """A resource's columns in document order, then the parameters that are none of its fields."""
    methods = callable_by(resource, verb) or resource.methods_for("SELECT")
    required = always_required(methods)
    found: dict[str, KnownColumn] = {}
    for one in resource.fields:
        key = one.name.lower()
        found[key] = KnownColumn(one.name, note(one.type, one.description), key in required)
    for parameter in routing(methods):
        key = parameter.name.lower()
        if key not in found:
            found[key] = KnownColumn(parameter.name, parameter_note(parameter), key in required, is_parameter=True)
    return tuple(found.values())


def routing(methods: Iterable[Method]) -> Iterator[Parameter]:
    """The parameters of several methods that are no body attributes."""
    for method in methods:
        yield from method.routing


def always_required(methods: Sequence[Method]) -> frozenset[str]:
    """The names, in lower case, of the parameters without which none of the methods can be called."""
    sets = [frozenset(p.name.lower() for p in m.required if p.location != "body") for m in methods]
    return frozenset.intersection(*sets) if sets else frozenset()


def parameter_note(parameter: Parameter) -> str:
    """What stands beside a parameter's name."""
    example = f"e.g. {parameter.example}" if parameter.example else None
    return note(parameter.type, example, parameter.description)


def verb_of(found: Outline) -> Verb:
    """The verb whose methods answer the query at the cursor."""
    if found.verb in ("UPDATE", "REPLACE", "DELETE"):
        return next(verb for verb in VERBS if verb == found.verb)
    return "SELECT"
