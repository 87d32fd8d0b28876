"""The candidates for each role that a name can have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from tokensh._dataclasses import dataclass, replace
from tokensh.complete import arguments, values
from tokensh.complete.columns import ColumnLookup, KnownColumn, verb_of
from tokensh.complete.cursor_context import CursorContext
from tokensh.complete.model import Candidate, Facts, TableKind, format_note
from tokensh.complete.names import CatalogIndex, NameIndex, describe_method, shorten_name
from tokensh.complete.outline import Outline, Relation
from tokensh.complete.rank import PREFIX
from tokensh.functions.tables import TABLE_FUNCTIONS
from tokensh.provider.model import Resource, Verb
from tokensh.provider.show_kinds import SHOW_KINDS, ShowKind

# What CAST and CREATE TABLE take and users expect; SQLite accepts any word as a type.
_TYPES = ("TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB", "CHAR", "SIGNED", "UNSIGNED", "DECIMAL", "DATE", "JSON")
_COLLATIONS = ("NOCASE", "BINARY", "RTRIM")
_PREDICATES = ("WHERE", "ON")
# The session's tables that a change can be made to.
_TABLES: frozenset[TableKind] = frozenset(("table",))
_CHANGED: dict[str, frozenset[TableKind]] = {
    "INSERT": _TABLES,
    "UPDATE": _TABLES,
    "REPLACE": _TABLES,
    "DELETE": frozenset(("table", "log")),
}
_ALL_TABLES: frozenset[TableKind] = frozenset(get_args(TableKind))
_OF_STORE: frozenset[TableKind] = frozenset(("table", "view", "materialized view"))
# Names of one kind from the catalog: with more, users type on instead of reading.
_MAX_NAMES = 100
# Resources whose columns are offered while no table is named.
_MAX_GUESSED = 20


@dataclass(frozen=True, slots=True)
class CandidateFinder:
    """Finds the candidates for one cursor in one statement."""

    context: CursorContext
    outline: Outline
    index: CatalogIndex
    facts: Facts
    lookup: ColumnLookup

    @property
    def _namespace(self) -> str:
        return ".".join(self.facts.namespace)

    def for_role(self, role: str | None) -> Iterable[Candidate]:
        """Return the candidates for a name in a grammar rule; none where a name is not allowed (None)."""
        if role is None:
            return ()
        previous = self.context.before[-1].text.upper() if self.context.before else ""
        match role:
            case "column" | "path_star":
                return self.columns(previous)
            case "table" | "table_function":
                return (*self.tables("SELECT"), *self._table_functions())
            case "column_name":
                return self._write_columns()
            case "names" if self.outline.clause == "USING":
                return self._common_columns()
            case "exec":
                return self.methods(for_exec=True)
            case "describe_method":
                return self.methods(for_exec=False)
            case "describe" | "explain_resource":
                return self.tables(None)
            case "show_in":
                return self._show_parents()
            case "show_insert":
                return self.resources("INSERT")
            case "use":
                return self.services()
            case "drop" | "drop_table" | "refresh":
                return self._session_tables(self._find_dropped_kinds())
            case "delete":
                return self.tables("DELETE")
            case "type_word":
                return [Candidate(name, "type", looseness=0) for name in _TYPES]
            case "collate":
                return [Candidate(name, "keyword", looseness=0) for name in _COLLATIONS]
            # lark names the repetition in `names_in_a_row: name+` after the rule, with a number.
            case _ if "names_in_a_row" in role:
                return self._show_kinds(previous)
            case _:
                return self._write_targets(previous)

    # ---- tables

    def tables(self, verb: Verb | None) -> Iterator[Candidate]:
        """Yield what a verb works on: names of WITH, what is likeliest, the user's own tables, resources, the session's own."""
        kinds = _CHANGED.get(verb or "", _ALL_TABLES)
        own: list[Candidate] = []
        of_session: list[Candidate] = []
        for table in self._session_tables(kinds):
            (own if self.facts.kind_of(table.name) in _OF_STORE or table.name == "_" else of_session).append(table)
        likeliest: list[Candidate] = []
        others: list[Candidate] = []
        for resource in self.resources(verb):
            (likeliest if resource.first else others).append(resource)
        if not self.context.qualifier:
            yield from (Candidate(name, "table", "WITH", first=True) for name in self.outline.ctes)
        yield from (*likeliest, *own, *others, *of_session, *self.services(ending="."))

    def _session_tables(self, kinds: frozenset[TableKind]) -> Iterator[Candidate]:
        """Yield the session's tables and views of some kinds, those of `tokensh.local` if that is typed as well."""
        path = ".".join((*self.context.qualifier, "")).lower()
        for name, columns in self.facts.tables.items():
            kind = self.facts.kind_of(name)
            if kind in kinds and name.lower().startswith(path):
                yield Candidate(name, "table", format_note(kind if kind != "table" else None, ", ".join(columns)))

    def _find_names(self, names: NameIndex, within: str | None = None) -> dict[int, int]:
        typed = ".".join((*self.context.qualifier, self.context.typed))
        return names.find(typed, self._namespace if within is None else within, _MAX_NAMES)

    def resources(self, verb: Verb | None) -> Iterator[Candidate]:
        """Yield the resources that a verb works on, the likeliest with `first`."""
        names, resources = self.index.tables(verb)
        typed = self.context.typed.lower()
        for number, quality in self._find_names(names).items():
            resource = resources[number]
            name = self._shorten(resource)
            first = resource.id == self.facts.likeliest and self._is_in_namespace(resource)
            fit = PREFIX if name.lower().startswith(typed) and name != resource.id else quality
            yield Candidate(name, "resource", self.index.describe(resource), first=first, quality=fit)

    def _shorten(self, resource: Resource) -> str:
        typed = ".".join((*self.context.qualifier, self.context.typed))
        name = shorten_name(resource, self.facts.namespace, typed)
        return resource.id if name.lower() in self.outline.ctes else name

    def services(self, ending: str = "") -> Iterator[Candidate]:
        """Yield the services, as `provider.service`, and their providers."""
        qualifier = self.context.qualifier
        if len(qualifier) > 1:
            return
        if not qualifier:
            for name in self.index.providers:
                yield Candidate(name + ending, "provider", "provider")
        names = self.index.services
        provider = self.facts.namespace[0] if self.facts.namespace else ""
        for number, quality in self._find_names(names, provider).items():
            yield Candidate(names.names[number] + ending, "service", "service", quality=quality)

    def methods(self, *, for_exec: bool) -> Iterator[Candidate]:
        """Yield the methods of the resource that is typed, else all (`for_exec`: those of EXEC alone)."""
        resource = self.index.find(self.context.qualifier, self.facts.namespace) if self.context.qualifier else None
        if resource:
            for method in sorted(resource.methods, key=lambda m: for_exec and m.verb != "EXEC"):
                yield Candidate(method.name, "method", describe_method(method))
            return
        names, methods = self.index.methods(for_exec=for_exec)
        for number, quality in self._find_names(names).items():
            resource, method = methods[number]
            name = f"{self._shorten(resource)}.{method.name}"
            likeliest = resource.id == self.facts.likeliest and not self.context.typed
            yield Candidate(name, "method", describe_method(method), first=likeliest, quality=quality)
        yield from self.services(ending=".")

    def _table_functions(self) -> Iterator[Candidate]:
        if not self.context.qualifier:
            for name, function in TABLE_FUNCTIONS.items():
                yield Candidate(name, "function", format_note(function.description), f"{name}(")

    def _write_targets(self, previous: str) -> Iterable[Candidate]:
        """Return the targets of a write, where only the word before says what a name is."""
        verb: Verb
        match self.outline.verb, previous:
            case "INSERT", "INTO" | "INSERT" | "IGNORE":
                verb = "INSERT"
            case "REPLACE", "INTO" | "REPLACE":
                verb = "REPLACE"
            case "UPDATE", "UPDATE":
                verb = "UPDATE"
            case _:
                return ()
        return self.tables(verb)

    def _find_dropped_kinds(self) -> frozenset[TableKind]:
        """Return the kind of object that DROP or REFRESH names."""
        words = {token.text.upper() for token in self.context.before}
        return frozenset(("materialized view" if "MATERIALIZED" in words else "view" if "VIEW" in words else "table",))

    # ---- SHOW

    def _show_kinds(self, previous: str) -> Iterable[Candidate]:
        if previous not in ("SHOW", "EXTENDED", "FULL"):
            return ()
        kinds = (kind for kind in SHOW_KINDS.values() if previous != "EXTENDED" or kind.extended_columns)
        return [Candidate(kind.name, "keyword", format_note(kind.description), looseness=0) for kind in kinds]

    def _show_parents(self) -> Iterable[Candidate]:
        """Return what IN or FROM of SHOW can name."""
        kind = self.show_kind
        match kind.parent if kind else None:
            case "provider":
                return [Candidate(name, "provider", "provider") for name in self.index.providers]
            case "service":
                return [service for service in self.services() if service.kind == "service"]
            case "resource":
                return self.resources(None)
            case None:
                return ()

    @property
    def show_kind(self) -> ShowKind | None:
        """What a SHOW lists; None of another statement, or while its kind is not typed."""
        if self.outline.verb != "SHOW":
            return None
        words = (token.text.upper() for token in self.outline.tokens[:4])
        return next((SHOW_KINDS[word] for word in words if word in SHOW_KINDS), None)

    def _show_columns(self) -> Iterator[Candidate]:
        kind = self.show_kind
        extended = any(token.text.upper() == "EXTENDED" for token in self.outline.tokens[:2])
        for name in kind.result_columns(extended=extended) if kind else ():
            yield Candidate(name, "column")

    # ---- columns

    def columns(self, previous: str) -> Iterator[Candidate]:
        """Yield what can be in an expression: columns, and values of the column that it is compared with."""
        # The grammar takes an expression there, users write a number.
        if previous in ("LIMIT", "OFFSET"):
            return
        if not self.context.qualifier:
            yield from self._values_for_comparison()
        match self.outline:
            case Outline(verb="EXEC"):
                return
            case Outline(verb="SHOW"):
                yield from self._show_columns()
            case Outline(clause="RETURNING"):
                yield from self._returning_columns()
            case Outline(relations=(), outer=()) if not self.context.qualifier:
                yield from self._guess_columns()
            case _:
                yield from self._relation_columns(previous)

    def _values_for_comparison(self) -> Iterator[Candidate]:
        target = values.find_value_target(self.context.before, self.outline)
        if not target:
            return
        for value in values.known_values(target, self.facts, self.outline.tokens, self.context.typed):
            text = value.name.replace("'", "''")
            yield Candidate(value.name, value.kind, value.note, f"'{text}'", first=True, also=value.also)

    def _returning_columns(self) -> Iterator[Candidate]:
        target = arguments.find_write_target(self.outline, self.index, self.facts)
        if target and not self.context.qualifier:
            for column in arguments.returning_columns(self.outline, *target):
                yield Candidate(column.name, "column", column.note)

    def _relation_columns(self, previous: str) -> Iterator[Candidate]:
        verb = verb_of(self.outline)
        clause, relations, outer = self.outline.clause, self.outline.relations, self.outline.outer
        # Each branch of an OR needs its parameters again: what the other branches set does not count.
        outline = replace(self.outline, query_items=()) if previous == "OR" else self.outline
        missing = self.lookup.find_missing_parameters(outline, verb)
        if self.context.qualifier:
            yield from self._find_qualified_columns(verb, missing)
            return
        if clause in _PREDICATES:
            for relation, column in missing:
                note = arguments.describe_required(column.name, column.note, self.facts)
                yield Candidate(self._qualify(column.name, relation), "parameter", note, first=True)
        # In a predicate, parameters are offered above as long as they are missing; elsewhere they are ordinary columns.
        hide_parameters = not clause or clause in _PREDICATES
        for relation in relations:
            for column in self.lookup.columns(relation, verb):
                if not (hide_parameters and column.is_parameter):
                    yield self._to_candidate(column, relation)
        for relation in outer:
            for column in self.lookup.columns(relation):
                yield self._to_candidate(column, relation)
        if clause in ("GROUP", "ORDER", "HAVING"):
            yield from (Candidate(name, "column", "alias") for name in values.select_aliases(self.outline))
        if len(relations) > 1 or outer:
            yield from self._table_aliases()

    def _find_qualified_columns(
        self, verb: Verb, missing: Iterable[tuple[Relation, KnownColumn]]
    ) -> Iterator[Candidate]:
        """Yield the columns of the table whose name or alias is typed."""
        qualifier = tuple(part.lower() for part in self.context.qualifier)
        relations = [r for r in (*self.outline.relations, *self.outline.outer) if r.is_called(qualifier)]
        in_predicate = self.outline.clause in _PREDICATES
        # By identity: a table that is joined with itself is two equal relations.
        open_columns = {(id(relation), column.name) for relation, column in missing} if in_predicate else set()
        for relation in relations or [Relation(self.context.qualifier)]:
            for column in self.lookup.columns(relation, verb):
                first = (id(relation), column.name) in open_columns
                note = arguments.describe_required(column.name, column.note, self.facts) if first else column.note
                yield Candidate(column.name, "parameter" if first else "column", note, first=first)

    def _to_candidate(self, column: KnownColumn, relation: Relation) -> Candidate:
        kind = "parameter" if column.is_parameter else "column"
        return Candidate(self._qualify(column.name, relation), kind, column.note)

    def _qualify(self, name: str, relation: Relation) -> str:
        """Return a column's name, qualified where several tables have it."""
        near = self.outline.relations
        # A name means the nearest query's column: only the columns of outer queries need a qualifier then.
        others = (r for r in (near if relation in near else (*near, *self.outline.outer)) if r is not relation)
        lower = name.lower()
        if not any(column.name.lower() == lower for r in others for column in self.lookup.columns(r)):
            return name
        return f"{relation.alias or '.'.join(relation.path[-1:])}.{name}"

    def _table_aliases(self) -> Iterator[Candidate]:
        for relation in self.outline.relations:
            name = relation.alias or ".".join(relation.path[-1:])
            if name:
                yield Candidate(name, "table", format_note(".".join(relation.path)), f"{name}.")

    def _guess_columns(self) -> Iterator[Candidate]:
        """Yield the columns of the namespace's resources, while no table is named."""
        if self.outline.verb not in ("SELECT", ""):
            return
        names, resources = self.index.tables("SELECT")
        offered: set[str] = set()
        found = [resources[number] for number in names.find("", self._namespace, _MAX_GUESSED)]
        for resource in sorted(found, key=lambda each: each.id != self.facts.likeliest):
            for column in self._namespace_fields(resource):
                if column.name.lower() not in offered:
                    offered.add(column.name.lower())
                    yield column

    def _is_in_namespace(self, resource: Resource) -> bool:
        return (resource.provider, resource.service) == self.facts.namespace[:2]

    def _namespace_fields(self, resource: Resource) -> Iterator[Candidate]:
        if self._is_in_namespace(resource):
            for field in (*resource.fields, *resource.undocumented_fields):
                yield Candidate(field.name, "column", format_note(field.type, resource.name))

    def _common_columns(self) -> Iterator[Candidate]:
        """Yield the columns that the last two tables have in common."""
        if len(self.outline.relations) < 2:
            return
        left, right = (self.lookup.columns(relation) for relation in self.outline.relations[-2:])
        shared = {column.name.lower() for column in right}
        for column in left:
            if column.name.lower() in shared:
                yield Candidate(column.name, "column", column.note)

    def _write_columns(self) -> Iterator[Candidate]:
        """Yield what INSERT can list, or SET can assign."""
        target = arguments.find_write_target(self.outline, self.index, self.facts)
        if not target or self.context.qualifier:
            return
        find = arguments.set_candidates if self.outline.clause == "SET" else arguments.insert_candidates
        yield from find(target[1], self.outline, self.facts)

    # ---- functions

    def functions(self) -> Iterator[Candidate]:
        """Yield the functions in the case of what is typed, with `(` unless it is there already."""
        is_called = self.context.rest_of_line.lstrip().startswith("(")
        upper = bool(self.context.typed) and self.context.typed.isupper()
        for name, signature in self.facts.functions.items():
            text = name.upper() if upper else name
            yield Candidate(name, "function", format_note(signature), text if is_called else f"{text}(", looseness=1)
