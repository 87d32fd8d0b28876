"""Read how a document says that further pages are asked for: a `pagination`, or a parameter and a field that can only mean one.

The format: https://github.com/stackql/any-sdk/blob/main/docs/provider_spec.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tokensh.provider.model import PageLocation, Paging, Parameter
from tokensh.provider.values import Node, as_mapping, as_text

PAGE_LOCATIONS: dict[str, PageLocation] = {"query": "query", "header": "header", "body": "body"}
# What APIs by Google's guidelines call them, Databricks' among them: https://google.aip.dev/158.
_USUAL_KEYS = (("pageToken", "nextPageToken"), ("page_token", "next_page_token"))


def read_paging(node: Node) -> Paging | None:
    """Return what a `pagination` declares; None if nothing can be done with it."""
    request, response = as_mapping(node.get("requestToken")), as_mapping(node.get("responseToken"))
    last = as_mapping(node.get("responseTerminator"))
    key, location = as_text(request.get("key")), as_text(request.get("location"))
    response_key = as_text(response.get("key"))
    if not response_key:
        return None
    # Without a key of its own, the next page's address is the whole request.
    by_url = not key or location not in PAGE_LOCATIONS
    return Paging(
        key,
        "url" if by_url else PAGE_LOCATIONS[location],
        response_key,
        "header" if as_text(response.get("location")) == "header" else "body",
        counts_pages=not by_url and as_text(node.get("algorithm")) == "page_number",
        last_key=as_text(last.get("key")),
    )


def infer_paging(parameters: Sequence[Parameter], reply_keys: Collection[str] | None) -> Paging | None:
    """Return the paging that a parameter of the query and a key of the reply are for; None without such a pair."""
    queries = {parameter.name for parameter in parameters if parameter.location == "query"}
    for request_key, response_key in _USUAL_KEYS:
        if request_key in queries and response_key in (reply_keys or ()):
            return Paging(request_key, "query", response_key, "body")
    return None
