"""The columns that a query's tables have: of resources, session tables, queries of WITH and of FROM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tokensh._dataclasses import dataclass, field
from tokensh.complete.model import Facts, format_note
from tokensh.complete.names import CatalogIndex, methods_of
from tokensh.complete.outline import (
    Cte,
    Group,
    Item,
    Outline,
    Relation,
    build_outline,
    find_comparisons,
    item_name,
    select_items,
    walk_tokens,
)
from tokensh.functions.tables import TABLE_FUNCTIONS
from tokensh.provider.model import VERBS, Method, Parameter, Resource, Verb, always_required
from tokensh.sql.lexer import Token

# Queries within queries whose columns are found: more are not written by hand, and each level costs an outline.
_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """A column: `required` if no method of the verb can be called without it, `is_parameter` if it is not a field."""

    name: str
    note: str = ""
    required: bool = False
    is_parameter: bool = False


@dataclass(frozen=True, slots=True)
class ColumnLookup:
    """Finds the columns of a statement's tables; `cache` keeps them while one key is handled."""

    index: CatalogIndex
    facts: Facts
    ctes: dict[str, Cte]
    cache: dict[tuple[Relation, Verb], tuple[KnownColumn, ...]] = field(default_factory=dict)

    def columns(self, relation: Relation, verb: Verb = "SELECT", depth: int = 0) -> tuple[KnownColumn, ...]:
        """Return a relation's columns, none if it is not known."""
        key = (relation, verb)
        if key not in self.cache:
            self.cache[key] = ()  # a query of WITH may name itself
            self.cache[key] = self._find_columns(relation, verb, depth)
        return self.cache[key]

    def _find_columns(self, relation: Relation, verb: Verb, depth: int) -> tuple[KnownColumn, ...]:
        if relation.is_function:
            function = TABLE_FUNCTIONS.get(relation.path[-1].lower())
            return tuple(KnownColumn(name, relation.path[-1]) for name, _ in function.columns) if function else ()
        if relation.query is not None:
            return tuple(self._read_select_list(relation.query, depth))
        if len(relation.path) == 1:
            name = relation.path[0].lower()
            cte = self.ctes.get(name)
            if cte is not None:
                return self._cte_columns(cte, depth)
        resource = self.index.find(relation.path, self.facts.namespace) if relation.path else None
        if resource is not None:
            return resource_columns(resource, verb)
        full_name = ".".join(relation.path).lower()
        table = next((columns for table, columns in self.facts.tables.items() if table.lower() == full_name), ())
        return tuple(KnownColumn(column) for column in table)

    def _cte_columns(self, cte: Cte, depth: int) -> tuple[KnownColumn, ...]:
        if cte.columns:
            return tuple(KnownColumn(name) for name in cte.columns)
        return tuple(self._read_select_list(cte.query, depth))

    def _read_select_list(self, query: Group, depth: int) -> Iterator[KnownColumn]:
        if depth >= _MAX_DEPTH:
            return
        names: set[str] = set()
        for item in select_items(query):
            for column in self._item_columns(query, item, depth):
                if column.name.lower() not in names:
                    names.add(column.name.lower())
                    yield column

    def _item_columns(self, query: Group, item: Sequence[Item], depth: int) -> Iterator[KnownColumn]:
        last = item[-1] if item else None
        if not isinstance(last, Token) or last.text != "*":
            name = item_name(item)
            if name:
                yield KnownColumn(name)
            return
        tokens = [token for token in item if isinstance(token, Token)]
        qualifier = tuple(token.text.lower() for token in tokens[:-1] if token.text != ".")
        for relation in build_outline((), tuple(walk_tokens(query))).relations:
            if not qualifier or relation.is_called(qualifier):
                for column in self.columns(relation, depth=depth + 1):
                    yield KnownColumn(column.name, column.note)

    # ---- required parameters

    def find_missing_parameters(self, outline: Outline, verb: Verb) -> list[tuple[Relation, KnownColumn]]:
        """Return the required parameters of the query's tables that nothing in it sets."""
        required = [
            (i, column)
            for i, relation in enumerate(outline.relations)
            for column in self.columns(relation, verb)
            if column.required
        ]
        if not required:
            return []
        missing = {(i, column.name.lower()) for i, column in required}
        comparisons = find_comparisons(outline.query_items)
        for comparison in comparisons:
            if comparison.other is None:
                missing -= set(self._matching_columns(outline, comparison.qualifier, comparison.name))
        # Joins hand values on: `a.x = b.x` sets the one once the other is set. Repeated until nothing changes, at most
        # once for each comparison.
        for _ in comparisons:
            before = set(missing)
            for comparison in comparisons:
                if comparison.other is None:
                    continue
                others = set(self._matching_columns(outline, *comparison.other))
                if others and not others & missing:
                    missing -= set(self._matching_columns(outline, comparison.qualifier, comparison.name))
            if missing == before:
                break
        return [(outline.relations[i], column) for i, column in required if (i, column.name.lower()) in missing]

    def _matching_columns(self, outline: Outline, qualifier: tuple[str, ...], name: str) -> Iterator[tuple[int, str]]:
        for i, relation in enumerate(outline.relations):
            if qualifier and not relation.is_called(qualifier):
                continue
            if any(column.name.lower() == name for column in self.columns(relation)):
                yield i, name


def resource_columns(resource: Resource, verb: Verb) -> tuple[KnownColumn, ...]:
    """Return a resource's fields in document order, the parameters that are not fields, then the fields of newer APIs."""
    methods = methods_of(resource, verb) or resource.methods_for("SELECT")
    required = always_required(methods)
    columns: dict[str, KnownColumn] = {}
    for item in resource.fields:
        key = item.name.lower()
        columns[key] = KnownColumn(item.name, format_note(item.type, item.description), key in required)
    for parameter in routing_parameters(methods):
        key = parameter.name.lower()
        if key not in columns:
            note = describe_parameter(parameter)
            columns[key] = KnownColumn(parameter.name, note, key in required, is_parameter=True)
    for item in resource.undocumented_fields:
        columns.setdefault(item.name.lower(), KnownColumn(item.name, format_note(item.type, item.description), False))
    return tuple(columns.values())


def routing_parameters(methods: Iterable[Method]) -> Iterator[Parameter]:
    """Yield the parameters of several methods without the attributes of their bodies."""
    for method in methods:
        yield from method.routing


def describe_parameter(parameter: Parameter) -> str:
    """Return the note beside a parameter's name: type, example, description."""
    example = f"e.g. {parameter.example}" if parameter.example else None
    return format_note(parameter.type, example, parameter.description)


def verb_of(outline: Outline) -> Verb:
    """Return the verb whose methods answer the query at the cursor."""
    if outline.verb in ("UPDATE", "REPLACE", "DELETE"):
        return next(verb for verb in VERBS if verb == outline.verb)
    return "SELECT"
