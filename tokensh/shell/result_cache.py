"""What the shell remembers of results: the last one, listed tokens and workspaces, and secrets that were masked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from tokensh._dataclasses import dataclass, field
from tokensh.rows import Column, Row, RowSet, Value


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token as a listing showed it; `expiry` in epoch ms, -1 for never."""

    token_id: str
    comment: str
    expiry: int | None
    workspace: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """A result that was read to its end."""

    columns: tuple[Column, ...] = ()
    rows: list[Row] = field(default_factory=list)


class ResultCache:
    """Facts from the results of one session, for completion, for questions before a revoke, and for commands."""

    def __init__(self) -> None:
        # The last result that had columns.
        self.last = Result()
        # The tokens of the last listing, by id. An earlier listing is forgotten: its comments may be out of date.
        self.tokens: dict[str, ListedToken] = {}
        # Workspaces that were used or listed, the latest first.
        self.workspaces: tuple[str, ...] = ()
        # Results with secrets that were masked, and how many of them the user was warned of.
        self._hidden: list[Result] = []
        self._warned_of = 0

    def record(
        self,
        result: RowSet,
        workspace: str | None,
        *,
        on_row: Callable[[], None],
        on_wait: Callable[[], None],
    ) -> RowSet:
        """Return the same result; its rows are remembered while they are read.

        Args:
            result: a statement's result.
            workspace: where its tokens live if no column says so.
            on_row: called before each row and at the end.
            on_wait: called when a write continues with its next row.
        """
        rows = self._record_rows(result, workspace, on_row, on_wait if result.incremental else _do_nothing)
        return RowSet(result.columns, rows, result.incremental)

    def _record_rows(
        self, result: RowSet, workspace: str | None, on_row: Callable[[], None], on_wait: Callable[[], None]
    ) -> Generator[Row, None, None]:
        # `last` is set before the first row: a result that fails or is interrupted midway still can be copied as far as it came.
        recorded = Result(result.columns)
        if result.columns:
            self.last = recorded
        try:
            yield from _copy_rows(result.rows, recorded.rows, on_row, on_wait)
        finally:
            on_row()
            self._learn_from(recorded, workspace)

    def _learn_from(self, result: Result, workspace: str | None) -> None:
        columns, rows = result.columns, result.rows
        if any(column.secret for column in columns) and rows:
            self._hidden.append(result)
        # Backwards, so that of two columns with the same field the first counts.
        positions = {_field_name(column): index for index, column in reversed(list(enumerate(columns)))}
        if "deployment_name" in positions:
            names = (row[positions["deployment_name"]] for row in rows)
            self.add_workspaces(*(name for name in names if isinstance(name, str)))
        if "token_id" not in positions:
            return
        listed = [token for row in rows if (token := _read_token(row, positions, workspace))]
        if listed:
            self.tokens = {token.token_id: token for token in listed}

    def add_workspaces(self, *workspaces: str) -> None:
        """Remember workspaces, the latest first."""
        self.workspaces = tuple(dict.fromkeys((*workspaces, *self.workspaces)))

    def replace_last(self, columns: tuple[Column, ...], rows: list[Row]) -> None:
        """Make a result that was not recorded row by row the last one."""
        self.last = Result(columns, rows)

    # ---- secrets

    @property
    def hidden_count(self) -> int:
        """The number of results whose secrets have not been shown yet."""
        return len(self._hidden)

    def take_hidden(self) -> list[Result]:
        """Return the results with hidden secrets and forget them: they are about to be shown."""
        hidden, self._hidden, self._warned_of = self._hidden, [], 0
        return hidden

    def drop_last_hidden(self) -> None:
        """Forget the secrets of the last result, which was written unmasked."""
        self._hidden.pop()

    def must_warn_of_hidden(self) -> bool:
        """Return True if secrets would be lost with the session; only once for the same secrets."""
        warns = len(self._hidden) > self._warned_of
        self._warned_of = len(self._hidden)
        return warns


def _do_nothing() -> None:
    """Stand in for `on_wait` where all rows are there already."""


def _copy_rows(
    rows: Iterator[Row], copies: list[Row], on_row: Callable[[], None], on_wait: Callable[[], None]
) -> Generator[Row, None, None]:
    """Yield the rows and keep each; throw an error of the reader back at the producer, which may hold a new token."""
    for row in rows:
        on_row()
        copies.append(row)
        try:
            yield row
        except BaseException as error:
            if isinstance(rows, Generator):
                rows.throw(error)
            raise
        on_wait()


def _field_name(column: Column) -> str:
    """Return the name of the resource's field that a column shows unchanged; empty if it shows none."""
    return (column.origin or "").rpartition(".")[2]


def _read_token(row: Row, positions: dict[str, int], workspace: str | None) -> ListedToken | None:
    def cell(name: str) -> Value:
        return row[positions[name]] if name in positions else None

    token_id, expiry, deployment = cell("token_id"), cell("expiry_time"), cell("deployment_name")
    if not isinstance(token_id, str):
        return None
    return ListedToken(
        token_id,
        str(cell("comment") or ""),
        expiry if isinstance(expiry, int) else None,
        deployment if isinstance(deployment, str) else workspace,
    )
