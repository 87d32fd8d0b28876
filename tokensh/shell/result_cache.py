"""What the shell remembers of results: the last one, listed tokens and workspaces, and secrets that were masked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from tokensh._dataclasses import dataclass, field
from tokensh.engine.destinations import NewSecret
from tokensh.redact import SECRET_FIELDS
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
        # The values of all new tokens, for the commands that deliver and verify them.
        self.secrets: list[NewSecret] = []
        # Results with secrets that were masked, those of them that were copied, and how many the user was warned of.
        self._hidden: list[Result] = []
        self._copied: list[Result] = []
        self._warned_of = 0

    def record(
        self,
        result: RowSet,
        workspace: str | None,
        *,
        masks: bool,
        on_row: Callable[[], None],
        on_wait: Callable[[], None],
    ) -> RowSet:
        """Return the same result; its rows are remembered while they are read.

        Args:
            result: a statement's result.
            workspace: where its tokens live if no column says so.
            masks: whether its secrets are masked where it is shown, so that they are hidden until they are asked for.
            on_row: called before each row and at the end.
            on_wait: called when a write continues with its next row.
        """
        rows = self._record_rows(result, workspace, on_row, on_wait if result.incremental else _do_nothing, masks=masks)
        return RowSet(result.columns, rows, result.incremental)

    def _record_rows(
        self,
        result: RowSet,
        workspace: str | None,
        on_row: Callable[[], None],
        on_wait: Callable[[], None],
        *,
        masks: bool,
    ) -> Generator[Row, None, None]:
        # `last` is set before the first row: a result that fails or is interrupted midway still can be copied as far as it came.
        recorded = Result(result.columns)
        if result.columns:
            self.last = recorded
        try:
            yield from _copy_rows(result.rows, recorded.rows, on_row, on_wait)
        finally:
            # First of all: whatever else fails, the secrets are kept.
            if masks and _holds_secrets(recorded):
                self._hidden.append(recorded)
            on_row()
            self._learn_from(recorded, workspace)

    def _learn_from(self, result: Result, workspace: str | None) -> None:
        columns, rows = result.columns, result.rows
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

    def held_secrets(self) -> list[NewSecret]:
        """Return the values of new tokens that have not been shown yet."""
        rows = [row for result in self._hidden for row in result.rows]
        from tokensh.engine.delivery import shows_secret  # noqa: PLC0415 (the first prompt is drawn without it)

        return [secret for secret in self.secrets if shows_secret(rows, secret.value)]

    def keep_hidden(self, columns: tuple[Column, ...], row: Row) -> None:
        """Keep the reply of a write that did not return its secret, as if the user had asked for it."""
        self._hidden.append(Result(columns, [row]))

    def first_hidden(self) -> Result | None:
        """Return a result with secrets that have not been shown yet."""
        return self._hidden[0] if self._hidden else None

    def drop_hidden(self, result: Result) -> None:
        """Forget the secrets of a result: they were shown."""
        self._hidden = [hidden for hidden in self._hidden if hidden is not result]
        self._copied = [copied for copied in self._copied if copied is not result]
        self._warned_of = min(self._warned_of, len(self._hidden))

    def find_hidden(self, name: str) -> tuple[Result, int] | None:
        """Return the latest result that hides secrets in a column, and the column's index; None if none does.

        A column is found by its name in the result, or by the name of the field that its secrets are from.
        """
        for result in reversed(self._hidden):
            secret = [index for index, column in enumerate(result.columns) if column.secret]
            named = [index for index in secret if result.columns[index].name.lower() == name.lower()]
            fields = [index for index in secret if _field_name(result.columns[index]).lower() == name.lower() != ""]
            # Whatever was made of the secret is found by the field's name too, if nothing better is.
            computed = secret if name.lower() in SECRET_FIELDS else []
            for index in (*named, *fields, *computed):
                if any(row[index] is not None for row in result.rows):
                    return result, index
        return None

    def mark_copied(self, result: Result) -> bool:
        """Remember that the secrets of a result were copied; return True if none is left that was not."""
        self._copied.append(result)
        return all(any(hidden is copied for copied in self._copied) for hidden in self._hidden)

    def must_warn_of_hidden(self) -> bool:
        """Return True if secrets would be lost with the session; only once for the same secrets."""
        warns = len(self._hidden) > self._warned_of
        self._warned_of = len(self._hidden)
        return warns


def _holds_secrets(result: Result) -> bool:
    secret = [index for index, column in enumerate(result.columns) if column.secret]
    return any(row[index] is not None for row in result.rows for index in secret)


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
