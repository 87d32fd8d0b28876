"""What the last refresh of a materialized view changed, as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tokensh.engine.store import Store
from tokensh.errors import ProgrammingError
from tokensh.rows import Column, Row, RowSet

_KEY_FIELDS = ("deployment_name", "token_id")
"""Fields that identify a row, if the view shows them."""


def describe_refresh(store: Store, name: str) -> RowSet:
    """Return `change` (new, gone, was, is) and the view's columns; a changed row is two, as it was and as it is.

    Raises ProgrammingError for an unknown materialized view.
    """
    view = store.find(name)
    if view is None or view.kind != "MATERIALIZED VIEW":
        raise ProgrammingError(f"unknown materialized view {name}", hint="SHOW VIEWS lists them")
    added, removed = store.differences(view)
    return RowSet((Column("change", "string"), *view.columns), _pair_changes(key_columns(view.columns), added, removed))


def describe_changes(before: RowSet, after: RowSet) -> RowSet:
    """Return `change` (new, gone, was, is) and the columns of two results that differ.

    Raises ProgrammingError if they have other columns, and what reading them raises.
    """
    names = [[column.name.lower() for column in result.columns] for result in (before, after)]
    if names[0] != names[1]:
        raise ProgrammingError(
            f"the two have other columns: {', '.join(names[0])}; {', '.join(names[1])}",
            hint="compare results of the same SELECT list",
        )
    earlier, later = list(before.rows), list(after.rows)
    added, removed = Counter(later), Counter(earlier)
    columns = (Column("change", "string"), *after.columns)
    rows = _pair_changes(
        key_columns(after.columns), list((added - removed).elements()), list((removed - added).elements())
    )
    return RowSet(columns, rows)


def key_columns(columns: Sequence[Column]) -> tuple[int, ...]:
    """Return the indexes of the columns that identify a row; empty if none of them shows a token's id."""
    fields = [(column.origin or "").rpartition(".")[2] for column in columns]
    return tuple(fields.index(name) for name in _KEY_FIELDS if name in fields) if "token_id" in fields else ()


def _pair_changes(key: tuple[int, ...], added: Sequence[Row], removed: Sequence[Row]) -> Iterator[Row]:
    def key_of(row: Row) -> Row:
        return tuple(row[index] for index in key)

    # A key that is on both sides is a changed row; without a key all rows are new or gone.
    added_by_key = {key_of(row): row for row in added} if key else {}
    removed_keys = {key_of(row) for row in removed} if key else set()
    for row in removed:
        if key and key_of(row) in added_by_key:
            yield ("was", *row)
            yield ("is", *added_by_key[key_of(row)])
        else:
            yield ("gone", *row)
    yield from (("new", *row) for row in added if not key or key_of(row) not in removed_keys)
