"""Small provider documents of our own, written as tables: a method per line, and a registry's tree on disk."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Node = dict[str, Any]
SERVER = "https://{deployment_name}.cloud.databricks.com"


@dataclass(frozen=True)
class MethodLine:
    """One method: `call` is `DELETE /path/{x}`; types follow a colon (`size:integer`), `*` says that it is required."""

    resource: str
    verb: str
    name: str
    call: str
    query: str = ""
    body: str | None = None
    fields: str = ""
    object_key: str = ""
    config: Node = field(default_factory=dict)
    response: Node = field(default_factory=dict)
    naive: bool = True


def _property(word: str) -> tuple[str, Node, bool]:
    name, _, kind = word.removesuffix("*").partition(":")
    schema: Node = {"type": kind or "string"}
    if kind == "array":
        schema["items"] = {"type": "string"}
    return name, schema, word.endswith("*")


def _object_schema(words: str) -> Node:
    entries = [_property(word) for word in words.split()]
    required = [name for name, _, is_required in entries if is_required]
    return {
        "type": "object",
        "properties": {n: s for n, s, _ in entries},
        **({"required": required} if required else {}),
    }


def _reply_schema(line: MethodLine) -> Node:
    row = _object_schema(line.fields)
    if not line.object_key:
        return row
    schema: Node = row
    for step in reversed(line.object_key.removeprefix("$").split(".")):
        name = step.removesuffix("[*]")
        if step.endswith("[*]"):
            schema = {"type": "array", "items": schema}
        if name:
            schema = {"type": "object", "properties": {name: schema}}
    return schema


def _operation(line: MethodLine) -> Node:
    path = line.call.split()[1]
    parameters: list[Node] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path.partition("?")[0])
    ]
    for word in line.query.split():
        name, schema, required = _property(word)
        parameters.append({"name": name, "in": "query", "required": required, "schema": schema})
    operation: Node = {"parameters": parameters, "responses": {"200": {"description": "ok"}}}
    if line.fields:
        operation["responses"]["200"]["content"] = {"application/json": {"schema": _reply_schema(line)}}
    if line.body is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": _object_schema(line.body)}}}
    return operation


def service_document(lines: Sequence[MethodLine], config: Node | None = None, server: str = SERVER) -> Node:
    """Return a service's document with these methods; `config` is its `x-stackQL-config`."""
    paths: Node = {}
    resources: Node = {}
    for line in lines:
        http, path = line.call.split()
        paths.setdefault(path, {})[http.lower()] = _operation(line)
        resource = resources.setdefault(
            line.resource, {"id": f"acme.s.{line.resource}", "name": line.resource, "methods": {}, "sqlVerbs": {}}
        )
        escaped = path.replace("~", "~0").replace("/", "~1")
        method: Node = {
            "operation": {"$ref": f"#/paths/{escaped}/{http.lower()}"},
            "response": {"mediaType": "application/json", "openAPIDocKey": "200", **line.response},
        }
        if line.object_key:
            method["response"]["objectKey"] = line.object_key
        settings = {**({"requestBodyTranslate": {"algorithm": "naive"}} if line.naive else {}), **line.config}
        if settings:
            method["config"] = settings
        resource["methods"][line.name] = method
        if line.verb != "EXEC":
            reference = {"$ref": f"#/components/x-stackQL-resources/{line.resource}/methods/{line.name}"}
            resource["sqlVerbs"].setdefault(line.verb.lower(), []).append(reference)
    document: Node = {
        "openapi": "3.0.3",
        "info": {"title": "s", "version": "v1"},
        "servers": [{"url": server, "variables": {n: {"default": "x"} for n in re.findall(r"\{(\w+)\}", server)}}],
        "paths": paths,
        "components": {"x-stackQL-resources": resources},
    }
    return {**document, **({"x-stackQL-config": config} if config else {})}


def write_registry(folder: Path, services: Mapping[str, Node], provider: str = "acme", **more: Any) -> Path:
    """Write a provider with these services into a registry's tree, and return its root."""
    place = folder / "src" / provider / "v1"
    (place / "services").mkdir(parents=True, exist_ok=True)
    entries = {
        name: {
            "id": f"{name}:v1",
            "name": name,
            "title": name,
            "version": "v1",
            "service": {"$ref": f"{provider}/v1/services/{name}.json"},
        }
        for name in services
    }
    description = {"id": provider, "name": provider, "version": "v1", "providerServices": entries, **more}
    (place / "provider.json").write_text(json.dumps(description))
    for name, document in services.items():
        (place / "services" / f"{name}.json").write_text(json.dumps(document))
    return folder
