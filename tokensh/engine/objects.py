"""The tables of a session besides resources: the store's objects, the session's own tables, and earlier results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tokensh._dataclasses import dataclass, replace
from tokensh.environment import has_content
from tokensh.errors import Error, OperationalError
from tokensh.plan.nodes import DefinePlan, DropPlan, Plan, Stored
from tokensh.plan.objects import Kind, StoredTable, View, local_name
from tokensh.plan.scope import ROW_NUMBER
from tokensh.rows import Column, Row, Value, make_names_unique
from tokensh.sql import nodes
from tokensh.text import read_count

if TYPE_CHECKING:
    from tokensh.engine.sqlite import Database
    from tokensh.engine.store import Store, StoredObject

RESULT_BUDGET = 64 * 2**20
"""Bytes that earlier results, `_1`, `_2`, ..., may take; the oldest go first. The last one stays whatever its size."""
_SAMPLE = 200
"""Rows of a result that are measured."""
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class SessionTable:
    """A table of the session itself, whose rows are produced when a statement reads it.

    Attributes:
        delete_rows: deletes the rows with these values in the first column; None if rows cannot be deleted.
        is_remote: whether producing its rows sends requests.
        missing: what says that rows are missing.
    """

    columns: tuple[Column, ...]
    rows: Callable[[], Iterable[Row]]
    delete_rows: Callable[[Sequence[Value]], None] | None = None
    is_remote: bool = False
    missing: Error | None = None


class SessionObjects:
    """Finds names for the binder, and brings the rows behind them into a statement's database.

    Args:
        path: the file of views and tables.
        open_store: returns what reads and writes it.
        parse: parses the text of a query.
        tables: the session's tables by full name, in lower case, such as `tokensh.local.statements`.
    """

    def __init__(
        self,
        path: Path,
        open_store: Callable[[], Store],
        parse: Callable[[str], nodes.Statement],
        tables: dict[str, SessionTable],
    ) -> None:
        self._path = path
        self._open_store = open_store
        self._parse = parse
        self._tables = tables
        self._results: dict[int, SessionTable] = {}
        self._result_sizes: dict[int, int] = {}
        self._result_count = 0
        self._planned: dict[str, StoredObject] = {}

    @cached_property
    def store(self) -> Store:
        """The file of views and tables."""
        return self._open_store()

    def _has_store(self) -> bool:
        """Return whether there may be views and tables: without a file, statements do without loading SQLite for them."""
        return "store" in vars(self) or has_content(self._path)

    def peek_stored(self) -> tuple[tuple[str, str], ...]:
        """Return the kinds and names of the stored objects, as `Store.peek` does."""
        return self.store.peek() if self._has_store() else ()

    def _list_stored(self) -> tuple[str, ...]:
        return self.store.names() if self._has_store() else ()

    def close(self) -> None:
        """Close the file."""
        if "store" in vars(self):
            self.store.close()

    # ---- earlier results

    def keep_result(self, columns: Sequence[Column], rows: list[Row], missing: Error | None = None) -> int:
        """Keep a result as `_` and as `_N`, secrets as NULL, and return N; `missing` says that it is incomplete, and why."""
        # A secret was shown once; no later statement can read it from here.
        secrets = [index for index, column in enumerate(columns) if column.secret]
        if secrets:
            rows = [tuple(None if index in secrets else value for index, value in enumerate(row)) for row in rows]
        self._result_count += 1
        self._results[self._result_count] = SessionTable(_with_unique_names(columns), lambda: rows, missing=missing)
        self._result_sizes[self._result_count] = _estimate_bytes(rows)
        return self._result_count

    def drop_old_results(self) -> tuple[int, ...]:
        """Drop the oldest results that are over the budget for memory, and return their numbers."""
        dropped = []
        while len(self._results) > 1 and sum(self._result_sizes.values()) > RESULT_BUDGET:
            oldest = next(iter(self._results))
            del self._results[oldest], self._result_sizes[oldest]
            dropped.append(oldest)
        return tuple(dropped)

    def _find_result(self, name: str) -> SessionTable | None:
        if name == "_":
            return self._results.get(self._result_count)
        number = read_count(name[1:]) if name[:1] == "_" else None
        return None if number is None else self._results.get(number)

    # ---- names

    def find(self, name: str) -> View | StoredTable | None:
        """Return the object with a name. Raises OperationalError if the store cannot be read."""
        table = self._find_table(name)
        if table is not None:
            key = table.columns[0].name if table.delete_rows else None
            return StoredTable(name, table.columns, "SESSION TABLE", key=key)
        stored = self.find_stored(name)
        if stored is None:
            return None
        query = self._parse_query(stored.query, stored.name) if stored.query else None
        if stored.kind == "VIEW" and query is not None:
            names = tuple(nodes.Name(column.name) for column in stored.columns)
            return View(stored.name, query, names, sources=stored.sources)
        if stored.kind == "TABLE":
            return StoredTable(stored.name, stored.columns, stored.kind, query, rules=stored.sources)
        return StoredTable(stored.name, stored.columns, stored.kind, query, sources=stored.sources)

    def names(self) -> Iterator[str]:
        """Yield the names of all objects."""
        yield from self._tables
        yield from self._list_stored()
        if self._results:
            yield "_"
            yield from (f"_{number}" for number in self._results)

    def columns_by_name(self) -> dict[str, tuple[str, ...]]:
        """Return the column names of all objects, for completion."""
        objects = {name: self._find_table(name) or self.store.find(name) for name in self.names()}
        return {name: tuple(c.name for c in found.columns) for name, found in objects.items() if found is not None}

    def kinds_by_name(self) -> dict[str, Kind | Literal["RESULT", "LOG", "LIST"]]:
        """Return what each object is; of a log rows can be deleted."""
        results = ("_", *(f"_{number}" for number in self._results)) if self._results else ()
        return {
            **{name: "LOG" if table.delete_rows else "LIST" for name, table in self._tables.items()},
            **{name: stored.kind for name in self._list_stored() if (stored := self.store.find(name)) is not None},
            **dict.fromkeys(results, "RESULT"),
        }

    def _find_table(self, name: str) -> SessionTable | None:
        return self._tables.get(name.lower()) or self._find_result(name)

    def find_stored(self, name: str) -> StoredObject | None:
        """Return the object of the store with a name."""
        planned = self._planned.get(local_name(name).lower())
        if planned is not None or not self._has_store():
            return planned
        return self.store.find(name) or self.store.find(local_name(name))

    def note_planned(self, plan: Plan) -> None:
        """Let later statements of a dry run find what an earlier one would create, without rows."""
        if isinstance(plan, DropPlan):
            self._planned.pop(local_name(plan.name).lower(), None)
        elif isinstance(plan, DefinePlan) and not (plan.if_not_exists and self.find_stored(plan.name)):
            from tokensh.engine.store import StoredObject  # noqa: PLC0415 (loads SQLite)

            self._planned[local_name(plan.name).lower()] = StoredObject(
                0, plan.name, plan.kind, plan.text, plan.columns, plan.sources
            )

    def _parse_query(self, text: str, name: str) -> nodes.Query:
        try:
            statement = self._parse(text)
        except Error:
            statement = None
        if isinstance(statement, nodes.Query):
            return statement
        # The file was changed by something else, or written by a version with another dialect.
        raise OperationalError(
            f"the query of {name} in {self.store.path} cannot be read", hint=f"DROP {name}, and CREATE it again"
        )

    # ---- rows

    def delete_rows(self, name: str, keys: Sequence[Value]) -> list[Row]:
        """Delete rows of a session table, and return them as they were."""
        table = self._find_table(name)
        if table is None or table.delete_rows is None:
            raise OperationalError(f"{name} is gone")
        deleted = [row for row in table.rows() if row[0] in keys]
        table.delete_rows(keys)
        return deleted

    def is_remote(self, name: str) -> bool:
        """Return whether producing a table's rows sends requests."""
        table = self._find_table(name)
        return table is not None and table.is_remote

    def create_tables(
        self, stored: Sequence[Stored], database: Database, *, offline: bool = False
    ) -> list[tuple[str, Error]]:
        """Create the tables that a plan reads, with their rows; with `offline`, remote ones stay empty.

        Returns:
            The names of the tables that are incomplete, each with the reason.
        """
        incomplete = []
        attached: set[str] = set()
        for wanted in stored:
            table = self._find_table(wanted.name)
            if table is not None:
                database.create_table(wanted.table, wanted.columns)
                if not (offline and table.is_remote):
                    database.load(wanted.table, len(wanted.columns), table.rows())
                if table.missing is not None:
                    incomplete.append((wanted.name, table.missing))
                continue
            if local_name(wanted.name).lower() in self._planned:
                database.create_table(wanted.table, wanted.columns)
                continue
            found = self.store.find(wanted.name)
            if found is None:
                raise OperationalError(f"{wanted.name} is gone from the store")
            # One ATTACH for all: SQLite allows ten.
            uncommitted = self.store.savepoints.has_changes
            if not attached:
                database.attach_store(None if uncommitted else self.store.path)
            if uncommitted and found.table not in attached:
                database.load_stored(found.table, *self.store.dump(found))
            attached.add(found.table)
            database.create_view(wanted.table, self.store.select_statement(found, ROW_NUMBER))
        return incomplete


def _estimate_bytes(rows: Sequence[Row]) -> int:
    """Return about how many bytes rows take."""
    # Steps of the golden ratio: rows of two kinds in turn are both met, which every n-th row may not do.
    sample = [rows[int(number * _GOLDEN * len(rows)) % len(rows)] for number in range(min(_SAMPLE, len(rows)))]
    if not sample:
        return 0
    return sum(sys.getsizeof(row) + sum(map(sys.getsizeof, row)) for row in sample) * len(rows) // len(sample)


def _with_unique_names(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns under unique names: `name`, `name:2`."""
    names = make_names_unique(column.name for column in columns)
    return tuple(replace(column, name=name) for column, name in zip(columns, names, strict=True))
