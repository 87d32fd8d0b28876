"""The queries of a statement that become tables: created empty, and filled once what they read is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from tokensh.engine.sqlite import Database
from tokensh.plan.nodes import DerivedTable


class DerivedTables:
    """The derived tables of one statement, each after those that it reads."""

    def __init__(self, tables: Sequence[DerivedTable], database: Database) -> None:
        self._waiting = list(tables)
        self._database = database

    def create(self) -> None:
        """Create the tables without rows. Raises ProgrammingError, NotSupportedError for what SQLite refuses."""
        for table in self._waiting:
            self._database.create_derived(table.table, table.sql)

    def fill(self, loaded: frozenset[int] | None = None) -> None:
        """Fill the tables that need no other scans than the `loaded` ones; all, by default. Raises DataError, Interrupted."""
        ready = [table for table in self._waiting if loaded is None or table.needs <= loaded]
        self._waiting = [table for table in self._waiting if table not in ready]
        for table in ready:
            self._database.fill_derived(table.table, table.sql)
