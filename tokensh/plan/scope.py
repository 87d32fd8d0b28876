"""Look column names up: in the relations of a query, in the names of its select list, then in the scopes around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tokensh._dataclasses import dataclass, field
from tokensh.errors import ProgrammingError, Span, UnknownName
from tokensh.plan.bound import NO_TABLES, BoundColumn, BoundReference, From, Relation
from tokensh.sql import nodes
from tokensh.sql.nodes import path_text
from tokensh.text import nearest

HIDDEN_PREFIX = "tokensh:"
"""How the names of tokensh's own columns begin."""
ROW_NUMBER = f"{HIDDEN_PREFIX}row"
"""The hidden column that tells the rows of a local table apart."""
PARAMETER_PREFIX = f"{HIDDEN_PREFIX}parameter:"
"""How the names of parameters begin whose own name is that of a field, which is something else."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the names of one query are looked up; `id` is unique in a statement.

    `aliases` are the columns that the select list names, by name in lower case: several where a name is given to several.
    """

    id: int
    outer: Scope | None = None
    source: From = NO_TABLES
    aliases: Mapping[str, tuple[BoundColumn, ...]] = field(default_factory=dict)

    def resolve(self, ref: nodes.ColumnRef) -> BoundReference:
        """Return what a reference means. Raises UnknownName; ProgrammingError if it can mean several columns."""
        scope: Scope | None = self
        while scope is not None:
            column = scope._own_column(ref)
            if column is not None:
                return BoundReference(column, scope.id, ref.span)
            scope = scope.outer
        raise self._unknown_name_error(ref)

    def _own_column(self, ref: nodes.ColumnRef) -> BoundColumn | None:
        """Return the column of this scope alone."""
        candidates = self._candidates(ref)
        # A field that a newer API returns must not make a statement ambiguous that was not so before.
        if any(column.newer for column in candidates):
            documented = [column for column in candidates if not column.newer]
            alias = self.alias(ref)
            candidates = documented or ([alias] if alias is not None else candidates)
        if len(candidates) > 1:
            hint = (
                f"write {self._example_with_table(ref)}" if len(ref.path) == 1 else "give the tables different aliases"
            )
            raise ProgrammingError(f"the column {path_text(ref.path)!r} is in several tables", span=ref.span, hint=hint)
        return candidates[0] if candidates else self.alias(ref)

    def alias(self, ref: nodes.ColumnRef) -> BoundColumn | None:
        """Return the item of the select list that a bare name names. Raises ProgrammingError if there are several."""
        is_written = len(ref.path) == 1 and not (ref.name.quoted and is_hidden(ref.name.text))
        named = self.aliases.get(ref.name.text.lower(), ()) if is_written else ()
        # Several items with one text are one value: SELECT a, a ... ORDER BY a is not ambiguous.
        if len({column.sql for column in named}) > 1:
            raise ProgrammingError(f"the name {ref.name.text!r} is given to several columns", span=ref.span)
        return named[0] if named else None

    def _candidates(self, ref: nodes.ColumnRef) -> list[BoundColumn]:
        name = ref.name.text.lower()
        if len(ref.path) == 1:
            # The last one: a chain of joins USING one name merges into it.
            merged = [column for column in self.source.merged if column.name.lower() == name]
            if merged:
                return merged[-1:]
        qualifier = _lower_path(ref.path[:-1])
        relations = (table for table in self.source.relations if not qualifier or qualifier in table.qualifiers)
        return [
            column
            for table in relations
            for column in table.columns
            if column.name.lower() == name and not (ref.name.quoted and is_hidden(column.name))
        ]

    def _example_with_table(self, ref: nodes.ColumnRef) -> str:
        """Return the reference with the first table that has the column in front."""
        name = ref.name.text
        owner = next(r for r in self.source.relations if any(c.name.lower() == name.lower() for c in r.columns))
        shortest = min(owner.qualifiers, key=len, default=("alias",))
        return f"{'.'.join(shortest)}.{name}"

    def star(self, path: nodes.Path, span: Span) -> tuple[BoundColumn, ...]:
        """Return the columns of `*` or `t.*`. Raises UnknownName."""
        if not path:
            return self.source.star
        qualifier = _lower_path(path)
        table = next((table for table in self.source.relations if qualifier in table.qualifiers), None)
        if table is None:
            known = [".".join(q) for relation in self.source.relations for q in relation.qualifiers]
            raise UnknownName("table", path_text(path), near=nearest(path_text(path), known), span=span)
        return tuple(column for column in table.columns if column.visible)

    def _unknown_name_error(self, ref: nodes.ColumnRef) -> UnknownName:
        name = ref.name.text
        qualifier = _lower_path(ref.path[:-1])
        if qualifier and not any(qualifier in table.qualifiers for table in self._visible_relations()):
            tables = [".".join(q) for table in self._visible_relations() for q in table.qualifiers]
            wanted = path_text(ref.path[:-1])
            near = nearest(wanted, tables)
            own = [".".join(min(table.qualifiers)) for table in self._visible_relations() if table.qualifiers]
            hint = f"the tables here are {', '.join(own[:6])}" if own and not near else None
            return UnknownName("table", wanted, near=near, span=ref.span, hint=hint)
        known = list(dict.fromkeys(self._visible_names(qualifier)))
        near = nearest(name, known)
        hint = None
        # In MySQL double quotes make a string: a user who means one learns what to write.
        if not near and ref.name.quoted:
            hint = f"double quotes are for names; a string is in single quotes: '{name}'"
        elif not near and known:
            hint = f"the columns are {', '.join(known[:12])}"
        return UnknownName("column", name, near=near, span=ref.span, hint=hint)

    def _visible_relations(self) -> Iterator[Relation]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.source.relations
            scope = scope.outer

    def _visible_names(self, qualifier: tuple[str, ...]) -> Iterable[str]:
        for table in self._visible_relations():
            if not qualifier or qualifier in table.qualifiers:
                yield from (column.name for column in table.columns if not is_hidden(column.name))
        if not qualifier:
            yield from (name for name in self.aliases if not is_hidden(name))


def name_suffixes(full_name: str) -> frozenset[tuple[str, ...]]:
    """Return what can be written for a dotted name, in lower case: `a.b.c`, `b.c` and `c`."""
    parts = tuple(full_name.lower().split("."))
    return frozenset(parts[start:] for start in range(len(parts)))


def is_hidden(name: str) -> bool:
    """Return whether a column is for tokensh alone: in a statement its name could only be written in quotes."""
    return name.lower().startswith(HIDDEN_PREFIX)


def _lower_path(path: nodes.Path) -> tuple[str, ...]:
    return tuple(part.text.lower() for part in path)
