r"""The kinds of object that SHOW lists, in one table.

The planner, completion and `\h SHOW` read it. It is here, below all of them, because completion does not load the planner.
PROVIDERS to METHODS have StackQL's columns; FUNCTIONS, VIEWS and TABLES are tokensh's own.
"""

from __future__ import annotations

from typing import Literal

from tokensh._dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShowKind:
    """One kind: `SHOW [EXTENDED] NAME [IN parent] [LIKE pattern | WHERE condition]`.

    `columns` are those of the result, `extended_columns` those that EXTENDED adds. LIKE compares `name_column`.
    `parent` is what IN or FROM names; None if the kind is not divided.
    """

    name: str
    description: str
    example: str
    columns: tuple[str, ...]
    extended_columns: tuple[str, ...] = ()
    parent: Literal["provider", "service", "resource"] | None = None
    name_column: str = "name"

    def result_columns(self, *, extended: bool) -> tuple[str, ...]:
        """Return the names of the result's columns."""
        return self.columns + self.extended_columns if extended else self.columns


SHOW_KINDS: dict[str, ShowKind] = {
    kind.name: kind
    for kind in (
        ShowKind("PROVIDERS", "the providers of the catalog", "SHOW PROVIDERS", ("name", "version")),
        ShowKind(
            "SERVICES",
            "the services of a provider",
            "SHOW SERVICES IN databricks_workspace",
            ("id", "name", "title"),
            ("description", "preferred", "version"),
            parent="provider",
        ),
        ShowKind(
            "RESOURCES",
            "the resources of a service",
            "SHOW RESOURCES IN databricks_workspace.workspace LIKE 'token%'",
            ("id", "name"),
            ("description",),
            parent="service",
        ),
        ShowKind(
            "METHODS",
            "the methods of a resource",
            "SHOW EXTENDED METHODS IN user_tokens",
            ("MethodName", "RequiredParams", "SQLVerb"),
            ("OptionalParams", "description"),
            parent="resource",
            name_column="MethodName",
        ),
        ShowKind(
            "FUNCTIONS",
            "the functions that expressions can call",
            "SHOW FUNCTIONS",
            ("name", "signature", "kind", "description"),
        ),
        ShowKind(
            "VIEWS",
            "your views and materialized views; IN a service those of its provider",
            "SHOW VIEWS",
            ("name", "kind", "query"),
            parent="service",
        ),
        ShowKind("TABLES", "your local tables", "SHOW TABLES", ("name", "kind", "query")),
    )
}
