"""Read the views of provider documents: resources that SELECT answers with a query over other resources.

The format: `config.views.select` of a resource, with a `predicate` that says for which SQL dialect `ddl` is written, and further
ones as `fallback`; `config.docs` describes the columns and the parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokensh.provider.model import Field, Location, Method, Parameter
from tokensh.provider.values import Node, as_list, as_mapping, as_text, read_type

NAME = "view"
"""What SHOW METHODS lists a view as."""
_DIALECT = r"sqlDialect\s*==\s*[\"']?(\w+)"
_PLACEHOLDER = r"\{\{\s*([\w.-]+)\s*\}\}"
_MOST_FALLBACKS = 20


def build_view(resource: Node) -> Method | None:
    """Return the method that stands for a resource's view; None if it has none for SQLite."""
    config = as_mapping(resource.get("config"))
    views = list(_iterate_queries(as_mapping(as_mapping(config.get("views")).get("select"))))
    if not views:
        return None
    # A query that is meant for certain parameters only is the second choice.
    text = next((text for predicate, text in views if "requiredParams" not in predicate), views[0][1])
    docs = as_mapping(config.get("docs"))
    described = {as_text(node.get("name")): node for node in map(as_mapping, as_list(docs.get("requiredParams")))}
    names = dict.fromkeys((*re.findall(_PLACEHOLDER, text), *filter(None, described)))
    parameters = tuple(_build_parameter(name, described.get(name, {})) for name in names)
    fields = tuple(
        Field(name, read_type(as_text(node.get("type"))), as_text(node.get("description")))
        for node in map(as_mapping, as_list(docs.get("fields")))
        if (name := as_text(node.get("name")))
    )
    return Method(NAME, "SELECT", "", "", "", parameters, fields, returns_list=True, view=text)


def _build_parameter(name: str, node: Node) -> Parameter:
    location: Location = "server" if name == "deployment_name" else "query"
    return Parameter(name, location, "string", required=True, description=as_text(node.get("description")))


def _iterate_queries(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the predicates and texts of a view that are for SQLite, or for any dialect."""
    for _ in range(_MOST_FALLBACKS):
        predicate, text = as_text(node.get("predicate")), as_text(node.get("ddl"))
        dialect = re.search(_DIALECT, predicate)
        if text and (dialect is None or dialect[1].lower().startswith("sqlite")):
            yield predicate, text
        node = as_mapping(node.get("fallback"))
