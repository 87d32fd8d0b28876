"""Tables that are not fetched: views, materialized views and local tables of the store, and the session's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from tokensh._dataclasses import dataclass
from tokensh.rows import Column
from tokensh.sql import nodes

Kind = Literal["VIEW", "MATERIALIZED VIEW", "TABLE", "SESSION TABLE"]


@dataclass(frozen=True, slots=True)
class View:
    """A query by name; it is bound afresh wherever it is named, so that predicates reach what it reads."""

    name: str
    query: nodes.Query
    columns: tuple[nodes.Name, ...] = ()
    kind: Kind = "VIEW"


@dataclass(frozen=True, slots=True)
class StoredTable:
    """Rows by name. `query` is what a materialized view is refreshed from."""

    name: str
    columns: tuple[Column, ...]
    kind: Kind
    query: nodes.Query | None = None
    hidden: tuple[Column, ...] = ()
    """Columns that can be named and are not in `*`."""
    key: str | None = None
    """Of a session's own table whose rows may be deleted: the column that tells them apart."""


class Objects(Protocol):
    """What there is besides resources; names are compared without regard to case, their parts joined by dots."""

    def find(self, name: str) -> View | StoredTable | None:
        """The object of a name."""

    def names(self) -> Iterable[str]:
        """All names, for the nearest one."""


class NoObjects:
    """Nothing but resources."""

    def find(self, name: str) -> View | StoredTable | None:  # noqa: ARG002 (Objects has it)
        """There is none."""
        return None

    def names(self) -> Iterable[str]:
        """None."""
        return ()
