"""Describe tables that are not fetched: views, materialized views, local tables, and the session's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from tokensh._dataclasses import dataclass
from tokensh.rows import Column
from tokensh.sql import nodes

LOCAL_SCHEMA = "tokensh.local"
"""The provider and service of the session's own tables; the objects of the store can be named with it, too."""

Kind = Literal["VIEW", "MATERIALIZED VIEW", "TABLE", "SESSION TABLE"]


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns of a table whose values are in `columns` of the table `table`; an empty name is the table itself.

    Without `columns`, its primary key is meant; `actions` are the texts of ON DELETE and ON UPDATE, `name` is the constraint's.
    """

    own: tuple[str, ...]
    table: str
    columns: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A query by name; predicates around it reach what it reads.

    `sources` are the names that its columns had in the query when it was created; empty if that was not noted. A view of a
    provider document has the columns of its query; those in `hidden`, in lower case, can be named and `*` does not include them. `is_documents` marks such a view.
    """

    name: str
    query: nodes.Query
    columns: tuple[nodes.Name, ...] = ()
    kind: Kind = "VIEW"
    sources: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    is_documents: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(name.text for name in self.columns)


@dataclass(frozen=True, slots=True)
class StoredTable:
    """Rows by name.

    Attributes:
        query: what a materialized view is refreshed from.
        hidden: columns that can be named and that `*` does not include.
        key: for a table of the session's own whose rows may be deleted, the column that identifies a row.
        sources: the names that a materialized view's columns had in the query when it was created.
        rules: the constraints of each column of a local table, as they are shown; empty if they were not noted.
    """

    name: str
    columns: tuple[Column, ...]
    kind: Kind
    query: nodes.Query | None = None
    hidden: tuple[Column, ...] = ()
    key: str | None = None
    sources: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(column.name for column in self.columns)


def local_name(name: str) -> str:
    """Return the name under which the store has an object: without `tokensh.local.` in front."""
    prefix = f"{LOCAL_SCHEMA}."
    return name[len(prefix) :] if name.lower().startswith(prefix) else name


class Objects(Protocol):
    """What a statement can name besides resources; names are compared without regard to case, their parts joined by dots."""

    def find(self, name: str) -> View | StoredTable | None:
        """Return the object of a name."""

    def names(self) -> Iterable[str]:
        """Return all names, to suggest the nearest one."""


class NoObjects:
    """A session without views and tables."""

    def find(self, name: str) -> View | StoredTable | None:  # noqa: ARG002 (Objects has it)
        """Return None."""
        return None

    def names(self) -> Iterable[str]:
        """Return no names."""
        return ()
