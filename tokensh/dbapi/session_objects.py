"""The tables of a session besides resources, wired to what makes their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh.api.workspaces import ACCOUNT_COLUMNS, ACCOUNT_TABLE_NAME
from tokensh.api.workspaces import COLUMNS as WORKSPACE_COLUMNS
from tokensh.api.workspaces import TABLE_NAME as WORKSPACES
from tokensh.engine.objects import SessionObjects, SessionTable
from tokensh.engine.session_tables import PENDING, PENDING_COLUMNS, STATEMENT_COLUMNS, STATEMENTS
from tokensh.rows import Row
from tokensh.sql import nodes

if TYPE_CHECKING:
    from tokensh.engine.history import History
    from tokensh.engine.store import Store
    from tokensh.engine.unknown_creates import UnknownCreates


def make_session_objects(  # noqa: PLR0913 (one for each table)
    path: Path,
    redact: Callable[[str], str],
    now: Callable[[], float],
    parse: Callable[[str], nodes.Statement],
    *,
    history: Callable[[], History],
    pending: Callable[[], UnknownCreates],
    workspaces: Callable[[], Iterable[Row]],
    account_workspaces: Callable[[], Iterable[Row]],
) -> SessionObjects:
    """Return the tables of a session; what makes the rows of one is asked for when a statement reads it.

    `path` is the file of the store, `redact` and `now` are those of `Store`.
    """

    def open_store() -> Store:
        from tokensh.engine.store import Store  # noqa: PLC0415 (SHOW and DESCRIBE do without SQLite)

        return Store(path, redact, now)

    def list_statements() -> Iterator[Row]:
        from tokensh.engine.history import to_row  # noqa: PLC0415 (few statements need it)

        return map(to_row, history().latest())

    return SessionObjects(
        path,
        open_store,
        parse,
        {
            STATEMENTS: SessionTable(STATEMENT_COLUMNS, list_statements, lambda numbers: history().delete(numbers)),
            WORKSPACES: SessionTable(WORKSPACE_COLUMNS, workspaces),
            ACCOUNT_TABLE_NAME: SessionTable(ACCOUNT_COLUMNS, account_workspaces, is_remote=True),
            PENDING: SessionTable(PENDING_COLUMNS, lambda: pending().rows(), lambda ids: pending().forget(ids)),
        },
    )
