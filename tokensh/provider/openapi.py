"""A service's document (OpenAPI 3 with `x-stackQL-resources`, as plain dicts) -> `Resource`. Pure; knows no files.

Real documents are full of defects: types that are no JSON types, properties that are no mappings, parameters without a
schema, replies under another status than announced. Those are read for what they mean. What cannot be read at all, a
reference that leads nowhere or a resource that is no mapping, is a `ProviderDocumentError` that names file and place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from tokensh._dataclasses import dataclass
from tokensh.errors import ProviderDocumentError
from tokensh.provider.model import VERBS, Field, Location, Method, Parameter, Resource, Verb
from tokensh.rows import ColumnType

RESOURCES = "#/components/x-stackQL-resources"
HTTP_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
TYPES: dict[str, ColumnType] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "object": "object",
    "array": "array",
    # Names that published documents use in place of JSON's.
    "int32": "integer",
    "int64": "integer",
    "double": "number",
    "float": "number",
    "json": "object",
}
# OpenAPI 3.0, "Parameter Object": header parameters of these names are ignored, the client sets them.
CLIENT_HEADERS = frozenset({"accept", "content-type", "authorization"})
SHAPE_KEYS = ("type", "format", "required", "enum", "default", "description", "readOnly", "writeOnly", "deprecated")
SHAPE_DEPTH = 5
TEMPLATE_VARIABLE = re.compile(r"\{([^{}:]+)(?::[^{}]*)?\}")
OBJECT_KEY_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\['(?P<quoted>[^']+)'\]|\[(?:\*|\d+)\]")

Node = dict[str, Any]


def _mapping(value: object) -> Node:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class ServiceDocument:
    """One service's document: `file` is its name in messages, `root` the parsed text."""

    provider: str
    service: str
    file: str
    root: Node

    def resource_names(self) -> tuple[str, ...]:
        """The names of its resources, sorted."""
        return tuple(sorted(self._resources()))

    def build_resource(self, name: str) -> Resource:
        """Build one resource. Raises ProviderDocumentError; KeyError if there is no such name."""
        node, where = self._resources()[name], f"{RESOURCES}/{name}"
        node = self._checked(node, where)
        return Resource(
            self.provider,
            self.service,
            name,
            tuple(self._methods(node, where)),
            _text(node.get("title")),
            _text(node.get("description")) or _text(node.get("title")),
            _text(node.get("x-tokensh-delete")) or None,
        )

    # ---- places and references

    def _fail(self, where: str, problem: str) -> ProviderDocumentError:
        """The one error for a document that cannot be read."""
        return ProviderDocumentError(f"{self.file}: {where}: {problem}")

    def _checked(self, node: object, where: str) -> Node:
        if not isinstance(node, dict):
            raise self._fail(where, "a mapping was expected")
        return node

    def _resources(self) -> Node:
        components = self._checked(self.root.get("components"), "#/components")
        found = self._checked(components.get("x-stackQL-resources", {}), RESOURCES)
        return {str(name): node for name, node in found.items()}

    def _target(self, reference: object, where: str) -> Any:
        """What a `#/a/b` reference points to."""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise self._fail(where, f"the reference {reference!r} is not one into this document")
        node: Any = self.root
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or key not in node:
                raise self._fail(where, f"the reference {reference!r} leads nowhere")
            node = node[key]
        return node

    def _resolved(self, node: object, where: str) -> Node:
        """Follow `$ref`s until there is none; a circle of nothing but references is an empty mapping."""
        seen = set()
        while isinstance(node, dict) and "$ref" in node:
            if id(node) in seen:
                return {}
            seen.add(id(node))
            node = self._target(node["$ref"], where)
        return _mapping(node)

    # ---- methods

    def _methods(self, resource: Node, where: str) -> Iterator[Method]:
        """In the order of SHOW METHODS; what no verb names can be reached by EXEC alone."""
        methods = self._checked(resource.get("methods") or {}, f"{where}/methods")
        verbs = _mapping(resource.get("sqlVerbs"))
        named = set()
        for verb in VERBS:
            for reference in _items(verbs.get(verb.lower())):
                name = self._method_name(reference, methods, f"{where}/sqlVerbs/{verb.lower()}")
                named.add(name)
                yield self._method(name, verb, methods[name], f"{where}/methods/{name}")
        for name, node in methods.items():
            if name not in named:
                yield self._method(str(name), "EXEC", node, f"{where}/methods/{name}")

    def _method_name(self, reference: object, methods: Node, where: str) -> str:
        text = _text(_mapping(reference).get("$ref"))
        name = text.rpartition("/")[2]
        if name not in methods:
            raise self._fail(where, f"the reference {text!r} leads nowhere")
        return name

    def _method(self, name: str, verb: Verb, node: object, where: str) -> Method:
        node = self._checked(node, where)
        reference = _mapping(node.get("operation")).get("$ref")
        operation = self._checked(self._target(reference, f"{where}/operation"), f"{where}/operation")
        path, http_method = self._route(str(reference), where)
        path_item = _mapping(_mapping(self.root.get("paths")).get(path))
        server = self._server(operation, path_item)
        url = TEMPLATE_VARIABLE.sub(r"{\1}", _text(server.get("url"))).rstrip("/")
        body = self._body(node, operation, where)
        response, reply = self._reply(node, operation, where)
        object_key = _text(_mapping(node.get("response")).get("objectKey"))
        return Method(
            name=name,
            verb=verb,
            http_method=http_method,
            server=url,
            path=path,
            parameters=(
                *self._server_parameters(url, server),
                *self._parameters(path, path_item, operation, where),
                *self._attributes(body, _is_naive(node), where),
            ),
            fields=tuple(self._fields(reply, object_key, where)),
            # Another language than JSONPath (XPath, for XML) says nothing about a JSON reply.
            object_key=object_key if object_key.startswith("$.") else None,
            returns_list=self._lists(reply, object_key, where),
            description=_text(operation.get("description")) or _text(operation.get("summary")),
            response_description=_text(response.get("description")),
            has_body=body is not None,
            undocumented_fields=self._newer(node, where),
        )

    def _route(self, reference: str, where: str) -> tuple[str, str]:
        """The URL path and HTTP method that a `#/paths/~1a~1b/get` reference names."""
        steps = reference.split("/")
        if len(steps) != 4 or steps[1] != "paths" or steps[3] not in HTTP_METHODS:
            raise self._fail(f"{where}/operation", f"the reference {reference!r} is not one to an operation")
        return steps[2].replace("~1", "/").replace("~0", "~"), steps[3].upper()

    def _server(self, operation: Node, path_item: Node) -> Node:
        """The first server of the innermost list."""
        for owner in (operation, path_item, self.root):
            if servers := _items(owner.get("servers")):
                return _mapping(servers[0])
        return {}

    # ---- what a method takes

    def _server_parameters(self, url: str, server: Node) -> Iterator[Parameter]:
        variables = _mapping(server.get("variables"))
        for name in dict.fromkeys(TEMPLATE_VARIABLE.findall(url)):
            variable = _mapping(variables.get(name))
            default = variable.get("default")
            yield Parameter(
                name,
                "server",
                "string",
                required=True,
                description=_text(variable.get("description")),
                example=None if default is None else str(default),
            )

    def _parameters(self, path: str, path_item: Node, operation: Node, where: str) -> Iterator[Parameter]:
        """Path, query, header; the operation's declaration of a name wins over the path's."""
        found: dict[tuple[str, str], Node] = {}
        for node in (*_items(path_item.get("parameters")), *_items(operation.get("parameters"))):
            one = self._resolved(node, f"{where}/operation/parameters")
            found[_text(one.get("in")), _text(one.get("name"))] = one
        for name in dict.fromkeys(TEMPLATE_VARIABLE.findall(path)):
            yield self._parameter("path", name, found.get(("path", name), {}), where)
        for location in ("query", "header"):
            for (place, name), one in found.items():
                if name and place == location and (place == "query" or name.lower() not in CLIENT_HEADERS):
                    yield self._parameter(location, name, one, where)

    def _parameter(self, location: str, name: str, node: Node, where: str) -> Parameter:
        # Swagger 2 put the type beside the name; documents that were converted by hand still do.
        schema = node.get("schema", node)
        kind = self._type(schema, where)
        return Parameter(
            name,
            cast(Location, location),
            kind,
            required=location == "path" or node.get("required") is True or node.get("x-alwaysRequired") is True,
            description=_text(node.get("description")),
            shape=self._shape(schema, kind, where),
        )

    def _body(self, method: Node, operation: Node, where: str) -> Node | None:
        """The schema of the request's body; None where it takes none."""
        request = self._resolved(operation.get("requestBody"), f"{where}/operation/requestBody")
        if not request:
            return None
        return self._schema(request, _text(_mapping(method.get("request")).get("mediaType")))

    def _attributes(self, body: Node | None, bare: bool, where: str) -> Iterator[Parameter]:
        where = f"{where}/operation/requestBody"
        required = self._required(body, where, set())
        for name, schema in self._properties(body, where).items():
            kind = self._type(schema, where)
            yield Parameter(
                name,
                "body",
                kind,
                required=name in required,
                description=_text(self._resolved(schema, where).get("description")),
                shape=self._shape(schema, kind, where),
                bare=bare,
            )

    # ---- what it answers with

    def _reply(self, method: Node, operation: Node, where: str) -> tuple[Node, Node]:
        """The announced response, or the first of a success; and its schema."""
        announced = _mapping(method.get("response"))
        # A status may be a number in YAML.
        responses = {str(key): one for key, one in _mapping(operation.get("responses")).items()}
        success = (key for key in responses if key.startswith("2"))
        key = str(announced.get("openAPIDocKey", ""))
        node = responses.get(key) or responses.get(next(success, "default"))
        response = self._resolved(node, f"{where}/operation/responses")
        return response, self._schema(response, _text(announced.get("mediaType")))

    def _schema(self, owner: Node, media_type: str) -> Node:
        """The schema of a request's or a response's content: of the named media type, else of JSON, else the first."""
        content = _mapping(owner.get("content"))
        found = content.get(media_type) or content.get("application/json") or next(iter(content.values()), None)
        return _mapping(_mapping(found).get("schema"))

    def _newer(self, method: Node, where: str) -> tuple[Field, ...]:
        schema = _mapping(_mapping(method.get("response")).get("x-tokensh-newer"))
        return tuple(self._fields(schema, "", where)) if schema else ()

    def _fields(self, schema: Node, object_key: str, where: str) -> Iterator[Field]:
        where = f"{where}/response"
        for name, one in self._properties(self._rows(schema, object_key, where), where).items():
            kind = self._type(one, where)
            description = _text(self._resolved(one, where).get("description"))
            yield Field(name, kind, description, self._shape(one, kind, where))

    def _rows(self, schema: Node, object_key: str, where: str) -> Node:
        """The schema of one row: where the object key leads, an array standing for its items."""
        node = self._item(schema, where)
        for step in OBJECT_KEY_STEP.finditer(object_key):
            if name := step["name"] or step["quoted"]:
                node = self._item(self._properties(node, where).get(name, {}), where)
        return node

    def _lists(self, schema: Node, object_key: str, where: str) -> bool:
        """Whether an array stands anywhere on the way to the rows."""
        node, arrays = self._resolved(schema, where), False
        for step in OBJECT_KEY_STEP.finditer(object_key):
            if name := step["name"] or step["quoted"]:
                arrays = arrays or "items" in node
                node = self._resolved(self._properties(self._item(node, where), where).get(name, {}), where)
        return arrays or "items" in node

    def _item(self, schema: Node, where: str) -> Node:
        node = self._resolved(schema, where)
        return self._resolved(node["items"], where) if "items" in node else node

    # ---- schemas

    def _parts(self, schema: Node | None, where: str, seen: set[int]) -> Iterator[Node]:
        """A schema and everything it is composed of, each once: compositions may go in circles."""
        node = self._resolved(schema, where)
        if id(node) in seen:
            return
        seen.add(id(node))
        yield node
        for key in ("allOf", "oneOf", "anyOf"):
            for one in _items(node.get(key)):
                yield from self._parts(one, where, seen)

    def _properties(self, schema: Node | None, where: str) -> dict[str, Node]:
        """The properties of a schema and its compositions, the first of a name winning."""
        found: dict[str, Node] = {}
        for part in self._parts(schema, where, set()):
            for name, one in _mapping(part.get("properties")).items():
                if isinstance(one, dict):
                    found.setdefault(str(name), one)
        return found

    def _required(self, schema: Node | None, where: str, seen: set[int]) -> set[str]:
        """What every reading of the schema requires: alternatives (oneOf, anyOf) require nothing for certain."""
        node = self._resolved(schema, where)
        if id(node) in seen:
            return set()
        seen.add(id(node))
        own = {str(name) for name in _items(node.get("required"))}
        return own.union(*(self._required(one, where, seen) for one in _items(node.get("allOf"))))

    def _type(self, schema: object, where: str) -> ColumnType:
        """A column's type; what is no JSON type is text."""
        implied: ColumnType = "string"
        for part in self._parts(_mapping(schema), where, set()):
            declared = part.get("type")
            # OpenAPI 3.1 takes a list, of which "null" says nothing about the column.
            names = [one for one in (declared if isinstance(declared, list) else [declared]) if one != "null"]
            if names and isinstance(names[0], str):
                return _column_type(names[0])
            if implied == "string" and ("properties" in part or "additionalProperties" in part):
                implied = "object"
            if implied == "string" and "items" in part:
                implied = "array"
        return implied

    def _shape(self, schema: object, kind: ColumnType, where: str) -> str:
        if kind not in {"object", "array"}:
            return ""
        return json.dumps(self._outline(schema, where, SHAPE_DEPTH), ensure_ascii=False, separators=(",", ":"))

    def _outline(self, schema: object, where: str, depth: int) -> Node:
        """A schema without references, cut at `depth` levels: schemas may contain themselves."""
        node = self._resolved(schema, where)
        outline: Node = {"type": self._type(node, where)}
        outline |= {key: node[key] for key in SHAPE_KEYS if key in node and key != "type" and _is_plain(node[key])}
        if depth == 0:
            return outline
        properties = self._properties(node, where)
        if properties:
            outline["properties"] = {name: self._outline(one, where, depth - 1) for name, one in properties.items()}
        if "items" in node:
            outline["items"] = self._outline(node["items"], where, depth - 1)
        return outline


def _is_naive(method: Node) -> bool:
    translate = _mapping(_mapping(method.get("config")).get("requestBodyTranslate"))
    return _text(translate.get("algorithm")).startswith("naive")


def _is_plain(value: object) -> bool:
    """Whether JSON can carry it as it is: a YAML document may hold anything, itself included."""
    scalar = (str, int, float, bool, type(None))
    return isinstance(value, scalar) or (isinstance(value, list) and all(isinstance(one, scalar) for one in value))


def _column_type(name: str) -> ColumnType:
    name = name.strip().lower()
    return "array" if name.startswith("array of") else TYPES.get(name, "string")
