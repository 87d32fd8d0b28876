"""What a name means: the relations of a FROM clause, their columns, and the scopes around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tokensh._dataclasses import dataclass, field, replace
from tokensh.errors import ProgrammingError, Span, UnknownName
from tokensh.rows import Column
from tokensh.sql import nodes as n
from tokensh.text import nearest

Key = tuple[int, str]
"""A scan's id and one of its columns, in lower case."""
NOTHING: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """A column that can be referred to: `sql` is how.

    `bases` are the scans' columns that it shows unchanged and through which a predicate on it may be pushed; `touches` are
    all those it shows, pushable or not. `relations` are the relations it belongs to.
    """

    name: str
    sql: str
    column: Column
    bases: frozenset[Key] = NOTHING
    touches: frozenset[Key] = NOTHING
    relations: frozenset[int] = frozenset()
    visible: bool = True
    newer: bool = False
    """Whether the pages do not know it: every other meaning of its name goes first."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One table of a FROM clause.

    `qualifiers` are the dotted names, in lower case, that may stand before its columns. `source` is what stands in FROM; it
    can stand there in any query of the statement if `standalone`. `needs` are the scans below it.
    """

    id: int
    qualifiers: frozenset[tuple[str, ...]]
    columns: tuple[BoundColumn, ...]
    source: str
    needs: frozenset[int]
    standalone: bool = True


@dataclass(frozen=True, slots=True)
class From:
    """A bound FROM clause: its text, its relations, what `*` means, and the columns that USING or NATURAL made one."""

    sql: str
    relations: tuple[Relation, ...]
    star: tuple[BoundColumn, ...]
    merged: tuple[BoundColumn, ...] = ()

    @property
    def ids(self) -> frozenset[int]:
        """The relations' ids."""
        return frozenset(one.id for one in self.relations)


EMPTY = From("", (), ())


@dataclass(slots=True)
class Scope:
    """Where names are looked up: the relations of one query, its result's names, then the scopes around it."""

    outer: Scope | None = None
    source: From = EMPTY
    aliases: dict[str, tuple[BoundColumn, ...]] = field(default_factory=dict)
    """The names of the select list, in lower case; several where a name is given to several items."""
    correlated: bool = False
    """Whether a name in it was found further out."""
    refers: list[BoundColumn] = field(default_factory=list)
    """The columns referred to so far, in order."""
    linked: list[BoundColumn] = field(default_factory=list)
    """Those of them that are made equal to another table's, and no more is said."""

    def column(self, ref: n.ColumnRef) -> BoundColumn:
        """What a reference means; it is noted. Raises UnknownName, ProgrammingError where it may mean several columns."""
        found, (*passed, owner) = self._found(ref)
        for one in passed:
            one.correlated = True
        for one in (*passed, owner):
            one.refers.append(found)
        return found

    def look_up(self, ref: n.ColumnRef) -> BoundColumn:
        """What a reference means that is noted already. Raises what `column` raises."""
        return self._found(ref)[0]

    def link(self, ref: n.ColumnRef) -> None:
        """Note that a reference, which is noted already, says no more than that two tables' columns are equal."""
        found, scopes = self._found(ref)
        for one in scopes:
            one.linked.append(found)

    def _found(self, ref: n.ColumnRef) -> tuple[BoundColumn, list[Scope]]:
        """A reference's column, and the scopes from this one to the column's."""
        scopes: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            scopes.append(scope)
            found = scope.here(ref)
            if found is not None:
                return found, scopes
            scope = scope.outer
        raise self._unknown(ref)

    def here(self, ref: n.ColumnRef) -> BoundColumn | None:
        """The column of this scope alone."""
        candidates = self._candidates(ref)
        if any(one.newer for one in candidates):
            known = [one for one in candidates if not one.newer]
            alias = self.alias(ref)
            candidates = known or ([alias] if alias is not None else candidates)
        if len(candidates) > 1:
            hint = f"write {self._example(ref)}" if len(ref.path) == 1 else "give the tables different aliases"
            raise ProgrammingError(f"the column {_written(ref)!r} is in several tables", span=ref.span, hint=hint)
        if candidates:
            return candidates[0]
        if len(ref.path) == 1:
            return self.alias(ref)
        return None

    def alias(self, ref: n.ColumnRef) -> BoundColumn | None:
        """The item of the select list that a bare name names."""
        named = self.aliases.get(ref.name.text.lower(), ()) if len(ref.path) == 1 else ()
        texts = {one.sql for one in named}
        if len(texts) > 1:
            raise ProgrammingError(f"the name {ref.name.text!r} is given to several columns", span=ref.span)
        return named[0] if named else None

    def _candidates(self, ref: n.ColumnRef) -> list[BoundColumn]:
        name = ref.name.text.lower()
        if len(ref.path) == 1:
            merged = [one for one in self.source.merged if one.name.lower() == name]
            if merged:
                return merged[-1:]
        qualifier = tuple(part.text.lower() for part in ref.path[:-1])
        relations = (one for one in self.source.relations if not qualifier or qualifier in one.qualifiers)
        return [column for one in relations for column in one.columns if column.name.lower() == name]

    def _example(self, ref: n.ColumnRef) -> str:
        """The reference with a table in front."""
        name = ref.name.text
        owner = next(r for r in self.source.relations if any(c.name.lower() == name.lower() for c in r.columns))
        shortest = sorted(owner.qualifiers, key=len)[:1]
        return f"{'.'.join(shortest[0])}.{name}" if shortest else f"alias.{name}"

    def star(self, path: n.Path, span: Span) -> tuple[BoundColumn, ...]:
        """The columns of `*` or `t.*`. Raises UnknownName."""
        if not path:
            return self.source.star
        qualifier = tuple(part.text.lower() for part in path)
        found = [one for one in self.source.relations if qualifier in one.qualifiers]
        if not found:
            known = [".".join(q) for one in self.source.relations for q in one.qualifiers]
            name = ".".join(part.text for part in path)
            raise UnknownName("table", name, near=nearest(name, known), span=span)
        return tuple(column for column in found[0].columns if column.visible)

    def _unknown(self, ref: n.ColumnRef) -> UnknownName:
        name = ref.name.text
        known = list(dict.fromkeys(self._names(ref.path[:-1])))
        near = nearest(name, known)
        qualifier = tuple(part.text.lower() for part in ref.path[:-1])
        if qualifier and not any(qualifier in one.qualifiers for one in self._relations()):
            tables = [".".join(q) for one in self._relations() for q in one.qualifiers]
            written = ".".join(part.text for part in ref.path[:-1])
            return UnknownName("table", written, near=nearest(written, tables), span=ref.span)
        hint = None
        if not near and ref.name.quoted:
            hint = f"double quotes make a name; text stands in single quotes: '{name}'"
        elif not near and known:
            hint = f"the columns are {', '.join(known[:12])}"
        return UnknownName("column", name, near=near, span=ref.span, hint=hint)

    def _relations(self) -> Iterator[Relation]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.source.relations
            scope = scope.outer

    def _names(self, path: n.Path) -> Iterable[str]:
        qualifier = tuple(part.text.lower() for part in path)
        for one in self._relations():
            if not qualifier or qualifier in one.qualifiers:
                yield from (column.name for column in one.columns)
        if not path:
            yield from self.aliases


def _written(ref: n.ColumnRef) -> str:
    return ".".join(part.text for part in ref.path)


def renamed(columns: Iterable[BoundColumn], alias: str, relation: int) -> tuple[BoundColumn, ...]:
    """A query's result columns as those of a relation that is called `alias` in SQLite.

    `sql` of a result column is the name it has there.
    """
    return tuple(replace(one, sql=f"{alias}.{one.sql}", relations=frozenset([relation])) for one in columns)
