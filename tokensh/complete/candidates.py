"""The candidates of each role that a name can have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tokensh._dataclasses import dataclass
from tokensh.complete import arguments, values
from tokensh.complete.columns import ColumnLookup, KnownColumn, verb_of
from tokensh.complete.cursor_context import CursorContext
from tokensh.complete.model import Candidate, Facts, note
from tokensh.complete.names import CatalogIndex, NameIndex, method_note, resource_note
from tokensh.complete.outline import Outline, Relation
from tokensh.functions.tables import TABLE_FUNCTIONS
from tokensh.provider.model import Resource, Verb
from tokensh.provider.show_kinds import SHOW_KINDS, ShowKind

_TYPES = ("TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB", "CHAR", "SIGNED", "UNSIGNED", "DECIMAL", "DATE", "JSON")
_COLLATIONS = ("NOCASE", "BINARY", "RTRIM")
_PREDICATES = ("WHERE", "ON")
_MOST_NAMES = 100
"""Names of one kind from the catalog: more are typed on, not read."""
_MOST_GUESSED = 20
"""Resources whose columns are shown while no table is named."""


@dataclass(frozen=True, slots=True)
class CandidateFinder:
    """Makes candidates for one place of one statement."""

    place: CursorContext
    found: Outline
    names: CatalogIndex
    facts: Facts
    tables: ColumnLookup

    @property
    def _namespace(self) -> str:
        return ".".join(self.facts.namespace)

    def of_role(self, role: str | None) -> Iterable[Candidate]:
        """The candidates for what a name would be; none where there can be no name."""
        if role is None:
            return ()
        previous = self.place.before[-1].text.upper() if self.place.before else ""
        match role:
            case "column" | "path_star":
                return self.columns(previous)
            case "table" | "table_function":
                return (*self.local(), *self.resources("SELECT"), *self._table_functions())
            case "column_name":
                return self._column_names()
            case "names" if self.found.clause == "USING":
                return self._common_columns()
            case "exec":
                return self.methods(executed=True)
            case "describe_method":
                return self.methods(executed=False)
            case "describe" | "explain_resource":
                return (*self.local(), *self.resources(None))
            case "show_in":
                return self._show_parents()
            case "show_insert":
                return self.resources("INSERT")
            case "use":
                return self.services()
            case "drop" | "drop_table" | "refresh":
                return self.local()
            case "delete":
                return (*self.local(), *self.resources("DELETE"))
            case "type_word":
                return [Candidate(one, "type", loose=0) for one in _TYPES]
            case "collate":
                return [Candidate(one, "keyword", loose=0) for one in _COLLATIONS]
            case _ if "names_in_a_row" in role:
                return self._show_kinds(previous)
            case _:
                return self._written(previous)

    # ---- tables

    def local(self) -> Iterator[Candidate]:
        """The names of WITH, and the session's tables and views."""
        if self.place.qualifier:
            return
        for name in self.found.ctes:
            yield Candidate(name, "table", "WITH")
        for name, columns in self.facts.tables.items():
            yield Candidate(name, "table", note("session", ", ".join(columns)))

    def _hits(self, index: NameIndex, within: str | None = None) -> dict[int, int]:
        typed = ".".join((*self.place.qualifier, self.place.typed))
        return index.find(typed, self._namespace if within is None else within, _MOST_NAMES)

    def resources(self, verb: Verb | None) -> Iterator[Candidate]:
        """The resources that a verb works on, by their full names, and the services on the way to them."""
        index, found = self.names.tables(verb)
        for number, quality in self._hits(index).items():
            yield Candidate(index.names[number], "resource", resource_note(found[number]), found=quality)
        yield from self.services(ending=".")

    def services(self, ending: str = "") -> Iterator[Candidate]:
        """The services, as `provider.service`, and their providers."""
        qualifier = self.place.qualifier
        if len(qualifier) > 1:
            return
        if not qualifier:
            for name in self.names.providers:
                yield Candidate(name + ending, "provider", "provider")
        index = self.names.services
        for number, quality in self._hits(index, self.facts.namespace[0] if self.facts.namespace else "").items():
            yield Candidate(index.names[number] + ending, "service", "service", found=quality)

    def methods(self, *, executed: bool) -> Iterator[Candidate]:
        """The methods of the resource that is typed, else all (those of EXEC alone, if `executed`)."""
        resource = self.names.find(self.place.qualifier, self.facts.namespace) if self.place.qualifier else None
        if resource:
            for one in sorted(resource.methods, key=lambda m: executed and m.verb != "EXEC"):
                yield Candidate(one.name, "method", method_note(one))
            return
        index, found = self.names.methods(executed=executed)
        for number, quality in self._hits(index).items():
            yield Candidate(index.names[number], "method", method_note(found[number]), found=quality)
        yield from self.services(ending=".")

    def _table_functions(self) -> Iterator[Candidate]:
        if not self.place.qualifier:
            for name, function in TABLE_FUNCTIONS.items():
                yield Candidate(name, "function", note(function.description), f"{name}(")

    def _written(self, previous: str) -> Iterable[Candidate]:
        """Where only the word before tells what a name is: the target of a write."""
        verb: Verb
        match self.found.verb, previous:
            case "INSERT", "INTO" | "INSERT" | "IGNORE":
                verb = "INSERT"
            case "REPLACE", "INTO" | "REPLACE":
                verb = "REPLACE"
            case "UPDATE", "UPDATE":
                verb = "UPDATE"
            case _:
                return ()
        return (*self.local(), *self.resources(verb))

    # ---- SHOW

    def _show_kinds(self, previous: str) -> Iterable[Candidate]:
        if previous not in ("SHOW", "EXTENDED", "FULL"):
            return ()
        kinds = (kind for kind in SHOW_KINDS.values() if previous != "EXTENDED" or kind.extended_columns)
        return [Candidate(kind.name, "keyword", note(kind.description), loose=0) for kind in kinds]

    def _show_parents(self) -> Iterable[Candidate]:
        """What IN or FROM of SHOW can name."""
        kind = self.show_kind
        match kind.parent if kind else None:
            case "provider":
                return [Candidate(name, "provider", "provider") for name in self.names.providers]
            case "service":
                return [service for service in self.services() if service.kind == "service"]
            case "resource":
                return self.resources(None)
            case None:
                return ()

    @property
    def show_kind(self) -> ShowKind | None:
        """What a SHOW lists; None of another statement, or while its kind is not typed."""
        if self.found.verb != "SHOW":
            return None
        words = (token.text.upper() for token in self.found.tokens[:4])
        return next((SHOW_KINDS[word] for word in words if word in SHOW_KINDS), None)

    def _show_columns(self) -> Iterator[Candidate]:
        kind = self.show_kind
        extended = any(token.text.upper() == "EXTENDED" for token in self.found.tokens[:2])
        for name in kind.result_columns(extended=extended) if kind else ():
            yield Candidate(name, "column")

    # ---- columns

    def columns(self, previous: str) -> Iterator[Candidate]:
        """What may stand in an expression: columns, and values of the column that it is compared with."""
        if previous in ("LIMIT", "OFFSET"):
            return
        if not self.place.qualifier:
            yield from self._values()
        match self.found:
            case Outline(verb="EXEC"):
                return
            case Outline(verb="SHOW"):
                yield from self._show_columns()
            case Outline(clause="RETURNING"):
                yield from self._returned()
            case Outline(relations=(), outer=()) if not self.place.qualifier:
                yield from self._guessed()
            case _:
                yield from self._of_relations(previous)

    def _values(self) -> Iterator[Candidate]:
        name = values.target(self.place.before, self.found)
        for one in self._known(name) if name else ():
            quoted = one.name.replace("'", "''")
            yield Candidate(one.name, one.kind, one.note, f"'{quoted}'", first=True, also=one.also)

    def _known(self, name: str) -> list[Candidate]:
        return values.candidates(name, self.facts, self.found.tokens, self.place.typed)

    def _returned(self) -> Iterator[Candidate]:
        written = arguments.written_to(self.found, self.names, self.facts)
        if written and not self.place.qualifier:
            for one in arguments.returned(self.found, *written):
                yield Candidate(one.name, "column", one.note)

    def _of_relations(self, previous: str) -> Iterator[Candidate]:
        verb = verb_of(self.found)
        relations = self.found.relations
        # Each branch of an OR needs its parameters again.
        unset = self.tables.unset(self._without_predicates() if previous == "OR" else self.found, verb)
        if self.place.qualifier:
            yield from self._qualified(verb, unset)
            return
        if self.found.clause in _PREDICATES:
            for relation, one in unset:
                text = arguments.required_note(one.name, one.note, self.facts)
                yield Candidate(self._name(one.name, relation), "parameter", text, first=True)
        bound = not self.found.clause or self.found.clause in _PREDICATES
        for relation in relations:
            for one in self.tables.columns(relation, verb):
                if bound and one.is_parameter:
                    continue
                yield self._column(one, relation)
        for relation in self.found.outer:
            for one in self.tables.columns(relation):
                yield self._column(one, relation)
        if self.found.clause in ("GROUP", "ORDER", "HAVING"):
            yield from (Candidate(name, "column", "alias") for name in values.selected_names(self.found))
        if len(relations) > 1 or self.found.outer:
            yield from self._aliases()

    def _without_predicates(self) -> Outline:
        found = self.found
        return Outline(
            found.verb, found.clause, (), found.relations, found.outer, found.ctes, found.target, found.tokens
        )

    def _qualified(self, verb: Verb, unset: Iterable[tuple[Relation, KnownColumn]]) -> Iterator[Candidate]:
        """The columns of the table whose name or alias is typed."""
        qualifier = tuple(part.lower() for part in self.place.qualifier)
        relations = [r for r in (*self.found.relations, *self.found.outer) if r.is_called(qualifier)]
        if not relations:
            relations = [Relation(self.place.qualifier)]
        open_ = {(id(relation), one.name) for relation, one in unset} if self.found.clause in _PREDICATES else set()
        for relation in relations:
            for one in self.tables.columns(relation, verb):
                first = (id(relation), one.name) in open_
                text = arguments.required_note(one.name, one.note, self.facts) if first else one.note
                yield Candidate(one.name, "parameter" if first else "column", text, first=first)

    def _column(self, one: KnownColumn, relation: Relation) -> Candidate:
        kind = "parameter" if one.is_parameter else "column"
        return Candidate(self._name(one.name, relation), kind, one.note)

    def _name(self, name: str, relation: Relation) -> str:
        """A column's name, qualified where several tables have it."""
        near = self.found.relations
        # A name means the nearest query's column: only what lies outside has to give way.
        others = (r for r in (near if relation in near else (*near, *self.found.outer)) if r is not relation)
        low = name.lower()
        if not any(one.name.lower() == low for r in others for one in self.tables.columns(r)):
            return name
        return f"{relation.alias or '.'.join(relation.path[-1:])}.{name}"

    def _aliases(self) -> Iterator[Candidate]:
        for relation in self.found.relations:
            name = relation.alias or ".".join(relation.path[-1:])
            if name:
                yield Candidate(name, "table", note(".".join(relation.path)), f"{name}.")

    def _guessed(self) -> Iterator[Candidate]:
        """The columns of the namespace's resources, while no table is named."""
        if self.found.verb not in ("SELECT", ""):
            return
        index, resources = self.names.tables("SELECT")
        seen: set[str] = set()
        for number in index.find("", self._namespace, _MOST_GUESSED):
            for one in self._fields(resources[number]):
                if one.name.lower() not in seen:
                    seen.add(one.name.lower())
                    yield one

    def _fields(self, resource: Resource) -> Iterator[Candidate]:
        if (resource.provider, resource.service) == self.facts.namespace[:2]:
            for one in resource.fields:
                yield Candidate(one.name, "column", note(one.type, resource.name))

    def _common_columns(self) -> Iterator[Candidate]:
        """The columns that the last two tables have in common."""
        if len(self.found.relations) < 2:
            return
        left, right = (self.tables.columns(r) for r in self.found.relations[-2:])
        shared = {one.name.lower() for one in right}
        for one in left:
            if one.name.lower() in shared:
                yield Candidate(one.name, "column", one.note)

    def _column_names(self) -> Iterator[Candidate]:
        written = arguments.written_to(self.found, self.names, self.facts)
        if not written or self.place.qualifier:
            return
        make = arguments.of_set if self.found.clause == "SET" else arguments.of_insert
        yield from make(written[1], self.found, self.facts)

    # ---- functions

    def functions(self) -> Iterator[Candidate]:
        """The functions, by name."""
        called = self.place.following.lstrip().startswith("(")
        upper = bool(self.place.typed) and self.place.typed.isupper()
        for name, signature in self.facts.functions.items():
            written = name.upper() if upper else name
            yield Candidate(name, "function", note(signature), written if called else f"{written}(", loose=1)
