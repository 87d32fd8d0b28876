"""What the last refresh of a materialized view changed, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokensh.engine.store import Store
from tokensh.errors import ProgrammingError
from tokensh.rows import Column, Row, RowSet

_KEYS = ("deployment_name", "token_id")
"""Fields that tell one row from another, where the view shows them."""


def describe_refresh(store: Store, name: str) -> RowSet:
    """`change` (new, gone, was, is), then the view's columns; a changed row is two, as it was and as it is.

    Raises ProgrammingError where there is no such materialized view.
    """
    kept = store.find(name)
    if kept is None or kept.kind != "MATERIALIZED VIEW":
        raise ProgrammingError(f"{name} is no materialized view", hint="SHOW VIEWS lists them")
    come, gone = store.differences(kept)
    return RowSet((Column("change", "string"), *kept.columns), _changes(key_columns(kept.columns), come, gone))


def key_columns(columns: Sequence[Column]) -> tuple[int, ...]:
    """Return the indexes of the columns that tell one token from another; empty if no column shows the token's id."""
    fields = [(column.origin or "").rpartition(".")[2] for column in columns]
    return tuple(fields.index(name) for name in _KEYS if name in fields) if "token_id" in fields else ()


def _changes(key: tuple[int, ...], come: Sequence[Row], gone: Sequence[Row]) -> Iterator[Row]:
    def named(row: Row) -> Row:
        return tuple(row[at] for at in key)

    now = {named(row): row for row in come} if key else {}
    before = {named(row) for row in gone} if key else set()
    for row in gone:
        if key and named(row) in now:
            yield ("was", *row)
            yield ("is", *now[named(row)])
        else:
            yield ("gone", *row)
    yield from (("new", *row) for row in come if not key or named(row) not in before)
