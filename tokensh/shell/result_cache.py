"""What results have shown: tokens and workspaces, for completion and for questions; and the secrets that were masked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from tokensh._dataclasses import dataclass, field
from tokensh.rows import Column, Row, RowSet, Value


@dataclass(frozen=True, slots=True)
class Token:
    """A token as a listing showed it; `expiry` in epoch ms, -1 for never."""

    token_id: str
    comment: str
    expiry: int | None
    workspace: str | None


@dataclass(slots=True)
class Seen:
    """What is remembered of results while the shell runs."""

    tokens: dict[str, Token] = field(default_factory=dict)
    workspaces: dict[str, None] = field(default_factory=dict)
    hidden: list[tuple[tuple[Column, ...], list[Row]]] = field(default_factory=list)
    """Results whose secrets nobody has seen yet."""
    columns: tuple[Column, ...] = ()
    """The columns of the last result."""
    rows: list[Row] = field(default_factory=list)
    """The rows of the last result."""

    def watch(
        self,
        result: RowSet,
        workspace: str | None,
        *,
        arrived: Callable[[], None],
        awaited: Callable[[], None] = lambda: None,
    ) -> RowSet:
        """The same result, looked at while its rows pass.

        `arrived` is called before each row and at the end, `awaited` when a write goes on to its next row.
        """
        if not result.incremental:
            awaited = _nothing
        return RowSet(result.columns, self._passing(result, workspace, arrived, awaited), result.incremental)

    def _passing(
        self, result: RowSet, workspace: str | None, arrived: Callable[[], None], awaited: Callable[[], None]
    ) -> Generator[Row, None, None]:
        kept: list[Row] = []
        if result.columns:
            self.columns, self.rows = result.columns, kept
        try:
            yield from _with_copy(result.rows, kept, arrived, awaited)
        finally:
            arrived()
            self._learn(result.columns, kept, workspace)

    def _learn(self, columns: tuple[Column, ...], rows: list[Row], workspace: str | None) -> None:
        if any(column.secret for column in columns) and rows:
            self.hidden.append((columns, rows))
        place = {_field(column): at for at, column in reversed(list(enumerate(columns)))}
        if "deployment_name" in place:
            names = (row[place["deployment_name"]] for row in rows)
            self.used(*(name for name in names if isinstance(name, str)))
        if "token_id" not in place:
            return
        found = [token for row in rows if (token := _token(row, place, workspace))]
        if found:
            self.tokens = {token.token_id: token for token in found}

    def used(self, *workspaces: str) -> None:
        """Remember workspaces, the latest first."""
        self.workspaces = dict.fromkeys((*workspaces, *self.workspaces))


def _nothing() -> None:
    """Rows that are there already are not waited for."""


def _with_copy(
    rows: Iterator[Row], kept: list[Row], arrived: Callable[[], None], awaited: Callable[[], None]
) -> Generator[Row, None, None]:
    """The rows as they pass; an error thrown in goes on to what makes them."""
    for row in rows:
        arrived()
        kept.append(row)
        try:
            yield row
        except BaseException as error:
            if isinstance(rows, Generator):
                rows.throw(error)
            raise
        awaited()


def _field(column: Column) -> str:
    return (column.origin or "").rpartition(".")[2]


def _token(row: Row, place: dict[str, int], workspace: str | None) -> Token | None:
    def cell(name: str) -> Value:
        return row[place[name]] if name in place else None

    token_id, expiry, where = cell("token_id"), cell("expiry_time"), cell("deployment_name")
    if not isinstance(token_id, str):
        return None
    return Token(
        token_id,
        str(cell("comment") or ""),
        expiry if isinstance(expiry, int) else None,
        where if isinstance(where, str) else workspace,
    )


class Counted:
    """Rows, counted as they are read."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = next(self._rows)
        self.count += 1
        return row

    def finish(self) -> None:
        """Read what is left."""
        for _ in self:
            pass
