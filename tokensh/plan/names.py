"""What the names of a statement are looked up in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tokensh._dataclasses import dataclass, field, replace
from tokensh.plan.objects import NoObjects, Objects, StoredTable, View
from tokensh.provider.catalog import DEFAULT, Catalog
from tokensh.provider.model import Resource
from tokensh.sql import nodes
from tokensh.sql.nodes import path_span, path_text

if TYPE_CHECKING:
    from tokensh.plan.document_views import Parse


@dataclass(frozen=True, slots=True)
class Names:
    """What a statement's names are looked up in.

    Attributes:
        namespace: the provider and service that USE has set.
        workspace: the workspace that the user chose for the session; None makes no workspace the default.
        functions: returns the names, in lower case, of the functions that exist; if none, calls are not checked. A statement
            without a call does not ask.
        objects: views, local tables, and what the session offers as tables.
        parse: reads the text of a view of a provider document; without it, such views are not offered.
    """

    catalog: Catalog
    namespace: tuple[str, ...] = DEFAULT
    workspace: str | None = None
    functions: Callable[[], frozenset[str]] = frozenset
    objects: Objects = field(default_factory=NoObjects)
    parse: Parse | None = None

    def find_resource(self, path: nodes.Path) -> Resource | None:
        """Return the resource that a name means, here or in a view; None if it means none. Raises ProviderDocumentError."""
        # By its text, as objects are found: "a.b" in quotes is a.b.
        return self.catalog.find_or_none(tuple(path_text(path).split(".")), self.namespace)

    def get_resource(self, path: nodes.Path) -> Resource:
        """Return the resource that a name means. Raises UnknownName, ProviderDocumentError."""
        found = self.find_resource(path)
        return found or self.catalog.find(tuple(part.text for part in path), self.namespace, path_span(path))

    def find_object(self, path: nodes.Path) -> View | StoredTable | None:
        """Return the view or table that a name means; None if it means none, or a resource, which always goes first."""
        # In this order: the store is not opened for the name of a resource, so that a broken store does not stop a revoke.
        return self.objects.find(path_text(path)) if self.find_resource(path) is None else None

    def inside_view(self) -> Names:
        """Return the names for the query of a view, which means the same whatever USE has set: its resources have full names."""
        return replace(self, namespace=DEFAULT)
