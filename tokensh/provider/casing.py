"""Give the names of a method in SQL, in snake case, where its provider asks for that (`snake_case_aliases`).

The API keeps its own names: `VpcId` of a request or reply is `vpc_id` in SQL. Only the top level is named anew, as in StackQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tokensh._dataclasses import replace
from tokensh.provider.model import Field, Method, Parameter

N = TypeVar("N", Field, Parameter)
# The rules of botocore's `xform_name`, on which StackQL's names are built: where a word begins within a name.
# Only where the capitals begin: looked for at each of them, its cost would be their number squared.
_PLURAL_ACRONYM = r"(?<![A-Z])[A-Z]{2,}s\Z"
_WORD_STARTS = (r"(?<=[A-Za-z0-9])(?=[A-Z][a-z])", r"(?<=[a-z])(?=[0-9])", r"(?<=[a-z0-9])(?=[A-Z])")


def to_snake_case(name: str) -> str:
    """Return a name in snake case: `VPCEndpointARNs` becomes `vpc_endpoint_arns`; one with `_` is left as it is."""
    if "_" in name:
        return name
    name = re.sub(_PLURAL_ACRONYM, lambda match: f"_{match[0].lower()}", name)
    for start in _WORD_STARTS:
        name = re.sub(start, "_", name)
    return name.lower()


def name_in_snake_case(method: Method) -> Method:
    """Return a method whose parameters and fields have names in snake case; a server's variables keep theirs."""
    servers = [p for p in method.parameters if p.location == "server"]
    routing = [p for p in method.routing if p.location != "server"]
    # An attribute of the body may have a parameter's name: it is `data__x` then.
    parameters = (*servers, *_rename(routing), *_rename(method.body))
    paths = {p.wire_name: p.name for p in parameters if p.location == "path" and p.wire_name}
    return replace(
        method,
        path=_rename_variables(method.path, paths),
        fixed_query=tuple((name, _rename_variables(text, paths)) for name, text in method.fixed_query),
        parameters=parameters,
        fields=tuple(_rename(method.fields)),
    )


def _rename(items: Sequence[N]) -> Iterator[N]:
    """Yield parameters or fields with names in snake case; one whose name another has already keeps its own."""
    taken = {item.name.lower() for item in items}
    for item in items:
        name = to_snake_case(item.name)
        if name == item.name or (name in taken and name != item.name.lower()):
            yield item
            continue
        taken.add(name)
        yield replace(item, name=name, wire_name=item.name)


def _rename_variables(template: str, names: dict[str, str]) -> str:
    return re.sub(r"\{([^{}:]+)", lambda match: "{" + names.get(match[1], match[1]), template)
