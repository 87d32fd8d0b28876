"""What a session offers as tables besides resources: the store's objects, its own tables, and earlier results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from tokensh._dataclasses import dataclass
from tokensh.engine.sqlite import Database
from tokensh.engine.store import Store
from tokensh.errors import Error, OperationalError
from tokensh.plan.ddl import ROW_NUMBER
from tokensh.plan.nodes import Stored
from tokensh.plan.objects import Table, View
from tokensh.rows import Column, Row, Value, make_names_unique
from tokensh.sql import nodes as n

_RESULTS = 20
"""Earlier results that are kept."""


@dataclass(frozen=True, slots=True)
class SessionTable:
    """A table of the session's own: its rows are asked for when a statement reads it.

    `forget`: rows may be deleted; it is given what stands in the first column of each. `asks`: its rows are asked of the
    network.
    """

    columns: tuple[Column, ...]
    rows: Callable[[], Iterable[Row]]
    delete_rows: Callable[[Sequence[Value]], None] | None = None
    is_remote: bool = False


class SessionObjects:
    """Finds names for binding, and brings what they mean into a statement's database.

    Args:
        store: the file of views and tables.
        parse: the text of a query to its tree.
        sources: tables by their whole names, in lower case, such as `tokensh.local.statements`.
    """

    def __init__(self, store: Store, parse: Callable[[str], n.Statement], sources: dict[str, SessionTable]) -> None:
        self.store = store
        self._parse = parse
        self._sources = sources
        self._results: dict[int, SessionTable] = {}
        self._count = 0

    # ---- earlier results

    def keep_result(self, columns: Sequence[Column], rows: list[Row]) -> int:
        """Keep a result as `_` and as `_N`; secrets as NULL. The number N."""
        hidden = [at for at, column in enumerate(columns) if column.secret]
        kept = (
            [tuple(None if at in hidden else value for at, value in enumerate(row)) for row in rows] if hidden else rows
        )
        self._count += 1
        self._results[self._count] = SessionTable(_distinct(columns), lambda: kept)
        self._results.pop(self._count - _RESULTS, None)
        return self._count

    def _result(self, name: str) -> SessionTable | None:
        if name == "_":
            return self._results.get(self._count)
        return self._results.get(int(name[1:])) if name[:1] == "_" and name[1:].isdecimal() else None

    # ---- names

    def find(self, name: str) -> View | Table | None:
        """The object of a name. Raises OperationalError where the store cannot be read."""
        source = self._source(name)
        if source is not None:
            return Table(
                name, source.columns, "SESSION TABLE", key=source.columns[0].name if source.delete_rows else None
            )
        kept = self.store.find(name)
        if kept is None:
            return None
        query = self._query(kept.query, kept.name) if kept.query else None
        if kept.kind == "VIEW" and query is not None:
            return View(kept.name, query, tuple(n.Name(one.name) for one in kept.columns))
        return Table(kept.name, kept.columns, kept.kind, query)

    def names(self) -> Iterator[str]:
        """All names."""
        yield from self._sources
        yield from self.store.names()
        if self._results:
            yield "_"
            yield from (f"_{number}" for number in self._results)

    def columns_by_name(self) -> dict[str, tuple[str, ...]]:
        """The column names of all objects, for completion."""
        found = {name: self._source(name) or self.store.find(name) for name in self.names()}
        return {name: tuple(c.name for c in one.columns) for name, one in found.items() if one is not None}

    def _source(self, name: str) -> SessionTable | None:
        return self._sources.get(name.lower()) or self._result(name)

    def _query(self, text: str, name: str) -> n.Query:
        try:
            parsed = self._parse(text)
        except Error:
            parsed = None
        if isinstance(parsed, n.Query):
            return parsed
        raise OperationalError(
            f"the query of {name} in {self.store.path} cannot be read", hint=f"DROP {name}, and CREATE it again"
        )

    # ---- rows

    def delete_rows(self, name: str, keys: Sequence[Value]) -> list[Row]:
        """Delete rows of a table of the session's own; the rows as they were."""
        source = self._source(name)
        if source is None or source.delete_rows is None:
            raise OperationalError(f"{name} is gone")
        gone = [row for row in source.rows() if row[0] in keys]
        source.delete_rows(keys)
        return gone

    def is_remote(self, name: str) -> bool:
        """Whether a table's rows are asked of the network."""
        source = self._source(name)
        return source is not None and source.is_remote

    def create_tables(self, stored: Sequence[Stored], local: Database, *, offline: bool = False) -> None:
        """Make the tables that a plan reads; `offline` those empty that would be asked of the network."""
        attached = False
        for one in stored:
            source = self._source(one.name)
            if source is not None:
                local.create_table(one.table, one.columns)
                if not (offline and source.is_remote):
                    local.load(one.table, len(one.columns), source.rows())
                continue
            kept = self.store.find(one.name)
            if kept is None:
                raise OperationalError(f"{one.name} is gone from the store")
            if not attached:
                local.attach_store(self.store.path)
                attached = True
            local.create_view(one.table, self.store.select_statement(kept, ROW_NUMBER))


def _distinct(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns under names no two of which are alike: `name`, `name:2`."""
    names = make_names_unique(one.name for one in columns)
    return tuple(Column(name, one.type, one.origin, one.secret) for one, name in zip(columns, names, strict=True))
