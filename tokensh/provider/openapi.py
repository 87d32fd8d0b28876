"""Build a `Resource` from a service's document (OpenAPI 3 with `x-stackQL-resources`, as plain dicts). Pure; reads no files.

The format: https://github.com/stackql/any-sdk/blob/main/docs/provider_spec.md. Published documents are full of defects. In
the 18 files of databricks_workspace v0.0.2-alpha01: 373 types that are not JSON types, 703 parameters without a schema, 44
properties that are not mappings, 11 responses under another status than announced. Those are read for what they mean. What
cannot be read at all, an unresolvable reference or a resource that is not a mapping, is a `ProviderDocumentError` that names
file and position. `where` is that position in every method here, as a JSON pointer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import parse_qsl

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import ProviderDocumentError
from tokensh.provider.model import (
    ANONYMOUS_COLUMN,
    VERBS,
    Field,
    Location,
    Method,
    Parameter,
    Resource,
    Verb,
)
from tokensh.provider.paging import infer_paging, read_paging
from tokensh.provider.values import Node, as_list, as_mapping, as_text, read_type
from tokensh.provider.views import build_view
from tokensh.rows import UNIT_DESCRIPTIONS, ColumnType, Unit

# StackQL's extension of OpenAPI: the tables, as references to operations.
RESOURCES = "#/components/x-stackQL-resources"
# OpenAPI 3.0, "Path Item Object".
HTTP_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
# Kinds of `auth` whose requests are signed, besides those that say so.
SIGNED_AUTH = frozenset(("aws_assume_role",))
UNITS: dict[str, Unit] = {unit: unit for unit in UNIT_DESCRIPTIONS}
# OpenAPI 3.0, "Parameter Object": header parameters of these names are ignored, the client sets them.
CLIENT_HEADERS = frozenset({"accept", "content-type", "authorization"})
# Keywords of JSON Schema that DESCRIBE METHOD shows; patterns, examples and extensions would hide the structure.
SHAPE_KEYS = ("type", "format", "required", "enum", "default", "description", "readOnly", "writeOnly", "deprecated")
# Levels of a nested schema in DESCRIBE METHOD. Schemas may contain themselves, so that some limit is needed.
SHAPE_DEPTH = 5
# A server's or path's variable, `{name}` or `{name:pattern}`: kubernetes and datadog have patterns.
TEMPLATE_VARIABLE = r"\{([^{}:]+)(?::[^{}]*)?\}"
# A transform that makes a row of the reply's text: `[{"contents": {{ toJson . }}}]`.
TEXT_TRANSFORM = r'\[?\s*\{\s*"(\w+)"\s*:\s*\{\{-?\s*toJson\s+\.\s*-?\}\}\s*\}\s*\]?'
# A step of JSONPath as the documents use it: `.name`, `['name']`, `[*]`.
OBJECT_KEY_STEP = r"\.(?P<name>[^.\[\]*?]+)|\['(?P<quoted>[^']+)'\]|\[\*\]"
OBJECT_KEY = r"\$(?:\.[^.\[\]*?]+|\['[^']+'\]|\[\*\])*"
# Algorithms that only say how SQL names the attributes of a body.
NAMING_ALGORITHMS = ("", "default", "naive")
DROPPING_ALGORITHM = "drop_double_underscore_params"
# Transforms that give the JSON of a reply as it is if they have no program.
JSON_TRANSFORM = "golang_template_json"


@dataclass(frozen=True, slots=True)
class ServiceDocument:
    """One service's document: `file` is its name in messages, `root` the parsed text."""

    provider: str
    service: str
    file: str
    root: Node
    configs: tuple[Node, ...] = ()
    """What the provider's document configures for the service: the service's entry, then the provider."""

    def resource_names(self) -> tuple[str, ...]:
        """Return the names of the service's resources, sorted."""
        return tuple(sorted(self._resource_nodes()))

    def build_resource(self, name: str) -> Resource:
        """Build one resource. Raises ProviderDocumentError; KeyError if the name is unknown."""
        node, where = self._find_resource(name)
        return replace(self.describe_resource(name), methods=tuple(self._build_methods(node, where)))

    def describe_resource(self, name: str) -> Resource:
        """Return one resource without its methods. Raises as `build_resource`."""
        node, _ = self._find_resource(name)
        return Resource(
            self.provider,
            self.service,
            name,
            (),
            as_text(node.get("title")),
            as_text(node.get("description")) or as_text(node.get("title")),
            as_text(node.get("x-tokensh-delete")) or None,
        )

    def _find_resource(self, name: str) -> tuple[Node, str]:
        where = f"{RESOURCES}/{name}"
        return self._check_mapping(self._resource_nodes()[name], where), where

    # ---- positions and references

    def _document_error(self, where: str, problem: str) -> ProviderDocumentError:
        return ProviderDocumentError(f"{self.file}: {where}: {problem}")

    def _check_mapping(self, node: object, where: str) -> Node:
        if not isinstance(node, dict):
            raise self._document_error(where, "expected a mapping")
        return node

    def _resource_nodes(self) -> Node:
        components = self._check_mapping(self.root.get("components"), "#/components")
        nodes = self._check_mapping(components.get("x-stackQL-resources", {}), RESOURCES)
        return {str(name): node for name, node in nodes.items()}

    def _find_target(self, reference: object, where: str) -> Any:
        """Return the node that a `#/a/b` reference points to."""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise self._document_error(where, f"not a reference into this document: {reference!r}")
        node: Any = self.root
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            found = _find_member(node, key)
            if found is None:
                raise self._document_error(where, f"unresolvable reference: {reference!r}")
            node = found
        return node

    def _resolve(self, node: object, where: str) -> Node:
        """Follow `$ref`s to their end; a circle that contains only references is an empty mapping."""
        visited = set()
        while isinstance(node, dict) and "$ref" in node:
            if id(node) in visited:
                return {}
            visited.add(id(node))
            node = self._find_target(node["$ref"], where)
        return as_mapping(node)

    # ---- methods

    def _build_methods(self, resource: Node, where: str) -> Iterator[Method]:
        """Yield the methods in the order of SHOW METHODS; those without a verb can only be called by EXEC."""
        methods = self._check_mapping(resource.get("methods") or {}, f"{where}/methods")
        verbs = as_mapping(resource.get("sqlVerbs"))
        view = build_view(resource)
        if view is not None:
            # SELECT reads the view then; what it would have called can be called by EXEC.
            verbs = {**verbs, "select": []}
            yield view
        with_verb = set()
        for verb in VERBS:
            for reference in as_list(verbs.get(verb.lower())):
                try:
                    name = self._find_method_name(reference, methods, f"{where}/sqlVerbs/{verb.lower()}")
                except ProviderDocumentError as error:
                    yield _make_broken_method(
                        as_text(as_mapping(reference).get("$ref")).rpartition("/")[2], verb, error
                    )
                    continue
                with_verb.add(name)
                yield self._build_or_disable(name, verb, methods[name], resource, f"{where}/methods/{name}")
        for name, node in methods.items():
            if name not in with_verb:
                yield self._build_or_disable(str(name), "EXEC", node, resource, f"{where}/methods/{name}")

    def _build_or_disable(self, name: str, verb: Verb, node: object, resource: Node, where: str) -> Method:
        """Return a method; one that the document describes wrongly has a `problem`, and the others work."""
        try:
            method = self._build_method(name, verb, node, resource, where)
            if not self._is_in_snake_case():
                return method
            from tokensh.provider.casing import name_in_snake_case  # noqa: PLC0415 (few documents ask for it)

            return name_in_snake_case(method)
        except ProviderDocumentError as error:
            return _make_broken_method(name, verb, error)

    def _find_method_name(self, reference: object, methods: Node, where: str) -> str:
        text = as_text(as_mapping(reference).get("$ref"))
        name = text.rpartition("/")[2]
        if name not in methods:
            raise self._document_error(where, f"unresolvable reference: {text!r}")
        return name

    def _build_method(self, name: str, verb: Verb, node: object, resource: Node, where: str) -> Method:
        node = self._check_mapping(node, where)
        reference = as_mapping(node.get("operation")).get("$ref")
        operation = self._check_mapping(self._find_target(reference, f"{where}/operation"), f"{where}/operation")
        path, http_method = self._read_route(str(reference), where)
        path_item = as_mapping(as_mapping(self.root.get("paths")).get(path))
        server = self._find_server(operation, path_item)
        url = re.sub(TEMPLATE_VARIABLE, r"{\1}", as_text(server.get("url"))).rstrip("/")
        body = self._find_body_schema(node, operation, where)
        response, reply = self._find_response(node, operation, where)
        object_key = as_text(as_mapping(node.get("response")).get("objectKey"))
        fields = tuple(self._row_fields(reply, object_key, where))
        text_field = self._find_text_field(node, operation, where)
        if text_field:
            fields, reply, object_key = (Field(text_field, "string"),), {}, ""
        parameters = (
            *self._server_parameters(url, server),
            *self._operation_parameters(path, path_item, operation, where),
            *self._body_attributes(node, body, self._is_naive(node, resource), where),
        )
        reply_keys = self._reply_keys(reply, where)
        declared = read_paging(self._find_setting("pagination", node, resource))
        return Method(
            name=name,
            verb=verb,
            http_method=http_method,
            server=url,
            path=path.partition("?")[0],
            parameters=parameters,
            fields=fields,
            # Another language than JSONPath (XPath, for XML) says nothing about a JSON reply.
            object_key=object_key if re.fullmatch(OBJECT_KEY, object_key) and re.search(r"[.']", object_key) else None,
            returns_list=self._returns_list(reply, object_key, where),
            description=as_text(operation.get("description")) or as_text(operation.get("summary")),
            response_description=as_text(response.get("description")),
            has_body=body is not None,
            undocumented_fields=self._read_undocumented_fields(node, where),
            reply_keys=reply_keys,
            fixed_query=self._read_fixed_query(path, node, resource),
            problem=self._find_problem(node, operation, resource),
            text_field=text_field,
            paging=declared or infer_paging(parameters, reply_keys),
        )

    def _find_problem(self, node: Node, operation: Node, resource: Node) -> str:
        """Return what a method needs and tokensh does not offer; empty if nothing."""
        response, request = as_mapping(node.get("response")), as_mapping(node.get("request"))
        auth = as_text(self._find_setting("auth", node, resource).get("type"))
        object_key = as_text(response.get("objectKey"))
        media = (response.get("overrideMediaType") or response.get("mediaType"), request.get("mediaType"))
        if "xml" in " ".join(map(as_text, media)):
            return "it speaks XML"
        if operation.get("x-stackQL-graphQL") or node.get("graphQL"):
            return "it speaks GraphQL"
        if "signing" in auth or auth in SIGNED_AUTH:
            return f"its requests are signed ({auth})"
        if not _find_transformed_field(node) and _needs_transform(response):
            return "its replies need a transform"
        if _needs_transform(request):
            return "its requests need a transform"
        for name, known in (
            ("requestTranslate", ("", DROPPING_ALGORITHM)),
            ("queryParamTranspose", ("",)),
            ("requestBodyTranslate", NAMING_ALGORITHMS),
        ):
            algorithm = as_text(self._find_setting(name, node, resource).get("algorithm"))
            if algorithm not in known:
                return f"its requests need the algorithm {algorithm}"
        if any(_says_something(request.get(key)) for key in ("base", "default")):
            return "its requests have a body that the document gives"
        if object_key and not re.fullmatch(OBJECT_KEY, object_key):
            return f"where its rows are is not said as a plain JSONPath ({object_key})"
        return ""

    def _is_in_snake_case(self) -> bool:
        return any(as_mapping(config).get("snake_case_aliases") is True for config in self.configs)

    def _read_fixed_query(self, path: str, method: Node, resource: Node) -> tuple[tuple[str, str], ...]:
        pairs = parse_qsl(path.partition("?")[2], keep_blank_values=True)
        # Names with `__` only tell paths of one operation from each other.
        drops = as_text(self._find_setting("requestTranslate", method, resource).get("algorithm")) == DROPPING_ALGORITHM
        return tuple(pair for pair in pairs if not (drops and pair[0].startswith("__")))

    def _find_setting(self, name: str, method: Node, resource: Node) -> Node:
        """Return the innermost setting of a name: the method's, the resource's, the service's, the provider's."""
        own = (method.get("config"), resource.get("config"), self.root.get("x-stackQL-config"), *self.configs)
        return next((found for node in own if (found := as_mapping(as_mapping(node).get(name)))), {})

    def _is_naive(self, method: Node, resource: Node) -> bool:
        """Return True if SQL names the body's attributes without the prefix `data__` (`naive`, `naive_DesiredState`)."""
        translate = self._find_setting("requestBodyTranslate", method, resource)
        return as_text(translate.get("algorithm")).startswith("naive")

    def _read_route(self, reference: str, where: str) -> tuple[str, str]:
        """Return the URL path and HTTP method that a `#/paths/~1a~1b/get` reference names."""
        steps = reference.split("/")
        if len(steps) != 4 or steps[1] != "paths" or steps[3].lower() not in HTTP_METHODS:
            raise self._document_error(f"{where}/operation", f"not a reference to an operation: {reference!r}")
        return steps[2].replace("~1", "/").replace("~0", "~"), steps[3].upper()

    def _find_server(self, operation: Node, path_item: Node) -> Node:
        """Return the first server of the innermost list: the operation's, the path's, the document's."""
        # Operations (datadog, digitalocean) and paths (clickhouse) may override the document's servers.
        for owner in (operation, path_item, self.root):
            if servers := as_list(owner.get("servers")):
                return as_mapping(servers[0])
        return {}

    # ---- parameters

    def _server_parameters(self, url: str, server: Node) -> Iterator[Parameter]:
        variables = as_mapping(server.get("variables"))
        for name in dict.fromkeys(re.findall(TEMPLATE_VARIABLE, url)):
            variable = as_mapping(variables.get(name))
            default = variable.get("default")
            yield Parameter(
                name,
                "server",
                "string",
                required=True,
                description=as_text(variable.get("description")),
                example=None if default is None else str(default),
            )

    def _operation_parameters(self, path: str, path_item: Node, operation: Node, where: str) -> Iterator[Parameter]:
        """Yield the path, query and header parameters; the operation's declaration of a name overrides the path's."""
        nodes: dict[tuple[str, str], Node] = {}
        for node in (*as_list(path_item.get("parameters")), *as_list(operation.get("parameters"))):
            resolved = self._resolve(node, f"{where}/operation/parameters")
            nodes[as_text(resolved.get("in")), as_text(resolved.get("name"))] = resolved
        # From the template, not the declarations: published documents lack some of those.
        for name in dict.fromkeys(re.findall(TEMPLATE_VARIABLE, path)):
            yield self._build_parameter("path", name, nodes.get(("path", name), {}), where)
        for location in ("query", "header"):
            for (declared, name), node in nodes.items():
                if name and declared == location and (location == "query" or name.lower() not in CLIENT_HEADERS):
                    yield self._build_parameter(location, name, node, where)

    def _build_parameter(self, location: str, name: str, node: Node, where: str) -> Parameter:
        # Swagger 2 put the type beside the name; documents that were converted by hand still do.
        schema = node.get("schema", node)
        kind = self._type_of(schema, where)
        return Parameter(
            name,
            cast(Location, location),
            kind,
            required=location == "path" or node.get("required") is True or node.get("x-alwaysRequired") is True,
            description=as_text(node.get("description")),
            shape=self._shape_of(schema, kind, where),
        )

    def _find_body_schema(self, method: Node, operation: Node, where: str) -> Node | None:
        """Return the schema of the request's body, None if the operation has no body."""
        request = self._resolve(operation.get("requestBody"), f"{where}/operation/requestBody")
        if not request:
            return None
        return self._content_schema(request, as_text(as_mapping(method.get("request")).get("mediaType")))

    def _body_attributes(self, method: Node, body: Node | None, bare: bool, where: str) -> Iterator[Parameter]:
        where = f"{where}/operation/requestBody"
        # What the method itself requires (`request.required`) comes on top of the schema.
        own = as_list(as_mapping(method.get("request")).get("required"))
        required = self._find_required_names(body, where, set()) | set(map(str, own))
        for name, schema in self._schema_properties(body, where).items():
            kinds = self._kinds_of(schema, where)
            # Of several types one has to be JSON: text that is not JSON is the other.
            kind = next((kind for kind in kinds if kind in {"object", "array"}), _widen(kinds))
            yield Parameter(
                name,
                "body",
                kind,
                required=name in required,
                description=as_text(self._resolve(schema, where).get("description")),
                shape=self._shape_of(schema, kind, where),
                bare=bare,
                unit=self._unit_of(schema, where),
                newer=self._resolve(schema, where).get("x-tokensh-newer") is True,
                free=len(kinds) > 1 or (kind == "object" and self._is_free(schema, where)),
            )

    def _is_free(self, schema: Node, where: str) -> bool:
        """Return whether a schema says nothing of what is in an object."""
        keys = ("properties", "additionalProperties", "items")
        return not any(part.get(key) for part in self._walk_compositions(schema, where, set()) for key in keys)

    # ---- responses

    def _find_response(self, method: Node, operation: Node, where: str) -> tuple[Node, Node]:
        """Return the announced response, else the first success, and its schema."""
        announced = as_mapping(method.get("response"))
        # A status may be a number in YAML.
        responses = {str(key): response for key, response in as_mapping(operation.get("responses")).items()}
        success = (key for key in responses if key.startswith("2"))
        key = str(announced.get("openAPIDocKey", ""))
        node = responses.get(key) or responses.get(next(success, "default"))
        response = self._resolve(node, f"{where}/operation/responses")
        return response, self._content_schema(response, as_text(announced.get("mediaType")))

    def _content_schema(self, owner: Node, media_type: str) -> Node:
        """Return the schema of a request's or response's content: the named media type's, else JSON's, else the first."""
        content = as_mapping(owner.get("content"))
        return as_mapping(as_mapping(content.get(_choose_media_type(content, media_type))).get("schema"))

    def _find_text_field(self, method: Node, operation: Node, where: str) -> str:
        """Return the field that takes the text of a reply that is not JSON; empty if it is JSON."""
        announced = as_mapping(method.get("response"))
        response, schema = self._find_response(method, operation, where)
        wanted = as_text(announced.get("mediaType"))
        media_type = as_text(announced.get("overrideMediaType")) or _choose_media_type(
            as_mapping(response.get("content")), wanted
        )
        is_text = bool(schema) and "json" not in media_type and self._kinds_of(schema, where) == ["string"]
        return _find_transformed_field(method) or (ANONYMOUS_COLUMN if is_text else "")

    def _read_undocumented_fields(self, method: Node, where: str) -> tuple[Field, ...]:
        schema = as_mapping(as_mapping(method.get("response")).get("x-tokensh-newer"))
        return tuple(self._row_fields(schema, "", where)) if schema else ()

    def _reply_keys(self, schema: Node, where: str) -> tuple[str, ...] | None:
        """Return the keys that the schema gives the response's object, None if it leaves them open or describes another type."""
        node = self._resolve(schema, where)
        if not node or node.get("additionalProperties"):
            return None
        properties = tuple(self._schema_properties(node, f"{where}/response"))
        return properties if properties or self._type_of(node, where) in {"object", "array"} else None

    def _row_fields(self, schema: Node, object_key: str, where: str) -> Iterator[Field]:
        where = f"{where}/response"
        row = self._row_schema(schema, object_key, where)
        properties = self._schema_properties(row, where)
        if not properties and (kinds := self._kinds_of(row, where)) and "object" not in kinds:
            yield Field(ANONYMOUS_COLUMN, _widen(kinds), as_text(row.get("description")))
        for name, node in properties.items():
            kind = self._type_of(node, where)
            description = as_text(self._resolve(node, where).get("description"))
            yield Field(name, kind, description, self._shape_of(node, kind, where), self._unit_of(node, where))

    def _unit_of(self, node: Node, where: str) -> Unit | None:
        return UNITS.get(as_text(self._resolve(node, where).get("x-tokensh-unit")))

    def _row_schema(self, schema: Node, object_key: str, where: str) -> Node:
        """Return the schema of one row: the one at the object key; of an array, that of its items."""
        node = self._item_schema(schema, where)
        for step in re.finditer(OBJECT_KEY_STEP, object_key):
            if name := step["name"] or step["quoted"]:
                node = self._item_schema(self._schema_properties(node, where).get(name, {}), where)
        return node

    def _returns_list(self, schema: Node, object_key: str, where: str) -> bool:
        """Return True if there is an array anywhere on the way to the rows."""
        node, arrays = self._resolve(schema, where), False
        for step in re.finditer(OBJECT_KEY_STEP, object_key):
            if name := step["name"] or step["quoted"]:
                arrays = arrays or "items" in node
                node = self._resolve(
                    self._schema_properties(self._item_schema(node, where), where).get(name, {}), where
                )
        return arrays or "items" in node

    def _item_schema(self, schema: Node, where: str) -> Node:
        node = self._resolve(schema, where)
        return self._resolve(node["items"], where) if "items" in node else node

    # ---- schemas

    def _walk_compositions(self, schema: Node | None, where: str, seen: set[int]) -> Iterator[Node]:
        """Yield a schema and everything that it is composed of, each once: compositions may be circular."""
        node = self._resolve(schema, where)
        if id(node) in seen:
            return
        seen.add(id(node))
        yield node
        for key in ("allOf", "oneOf", "anyOf"):
            for part in as_list(node.get(key)):
                yield from self._walk_compositions(part, where, seen)

    def _schema_properties(self, schema: Node | None, where: str) -> dict[str, Node]:
        """Return the properties of a schema and its compositions; the first of a name counts."""
        properties: dict[str, Node] = {}
        for part in self._walk_compositions(schema, where, set()):
            for name, node in as_mapping(part.get("properties")).items():
                if isinstance(node, dict):
                    properties.setdefault(str(name), node)
        return properties

    def _find_required_names(self, schema: Node | None, where: str, seen: set[int]) -> set[str]:
        """Return the names that the schema requires for certain: alternatives (oneOf, anyOf) do not count."""
        node = self._resolve(schema, where)
        if id(node) in seen:
            return set()
        seen.add(id(node))
        own = {str(name) for name in as_list(node.get("required"))}
        return own.union(*(self._find_required_names(part, where, seen) for part in as_list(node.get("allOf"))))

    def _type_of(self, schema: object, where: str) -> ColumnType:
        """Return a column's type; unknown types are text, and so are several."""
        return _widen(self._kinds_of(schema, where))

    def _kinds_of(self, schema: object, where: str) -> list[ColumnType]:
        """Return the types that values of a schema can have; none if it does not say."""
        kinds: dict[ColumnType, None] = {}
        implied: dict[ColumnType, None] = {}
        waiting, seen = [self._resolve(schema, where)], set[int]()
        while waiting:
            part = waiting.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            declared = part.get("type")
            # OpenAPI 3.1 allows a list, in which "null" says nothing about the column.
            names = [name for name in (declared if isinstance(declared, list) else [declared]) if name != "null"]
            own = [read_type(name) for name in names if isinstance(name, str)]
            kinds |= dict.fromkeys(own)
            if "properties" in part or "additionalProperties" in part:
                implied.setdefault("object")
            if "items" in part:
                implied.setdefault("array")
            if not own:
                parts = (inner for key in ("allOf", "oneOf", "anyOf") for inner in as_list(part.get(key)))
                waiting += reversed([self._resolve(inner, where) for inner in parts])
        return list(kinds or implied)

    def _shape_of(self, schema: object, kind: ColumnType, where: str) -> str:
        if kind not in {"object", "array"}:
            return ""
        return json.dumps(
            self._inline_references(schema, where, SHAPE_DEPTH), ensure_ascii=False, separators=(",", ":")
        )

    def _inline_references(self, schema: object, where: str, depth: int) -> Node:
        """Return a schema without references, cut at `depth` levels: schemas may contain themselves."""
        node = self._resolve(schema, where)
        outline: Node = {"type": self._type_of(node, where)}
        outline |= {key: node[key] for key in SHAPE_KEYS if key in node and key != "type" and _is_plain(node[key])}
        if depth == 0:
            return outline
        properties = self._schema_properties(node, where)
        if properties:
            outline["properties"] = {
                name: self._inline_references(inner, where, depth - 1) for name, inner in properties.items()
            }
        if "items" in node:
            outline["items"] = self._inline_references(node["items"], where, depth - 1)
        return outline


def _make_broken_method(name: str, verb: Verb, error: ProviderDocumentError) -> Method:
    return Method(name, verb, "", "", "", (), (), problem=f"its document is broken: {error.message}")


def _widen(kinds: list[ColumnType]) -> ColumnType:
    """Return the type of a column that takes values of these types."""
    match kinds:
        case []:
            return "string"
        case [kind]:
            return kind
        case _ if set(kinds) == {"integer", "number"}:
            return "number"
        case _ if set(kinds) <= {"object", "array"}:
            return kinds[0]
        case _:
            return "string"


def _choose_media_type(content: Node, wanted: str) -> str:
    known = [name for name in (wanted, "application/json") if name in content]
    return next(iter([*known, *content]), "")


def _find_member(node: Any, key: str) -> Any:
    """Return a member of a mapping, in any case of its name, or of a list; None without one."""
    if isinstance(node, list):
        return node[int(key)] if key.isdecimal() and int(key) < len(node) else None
    if not isinstance(node, dict):
        return None
    if key in node:
        return node[key]
    return next((value for name, value in node.items() if str(name).lower() == key.lower()), None)


def _find_transformed_field(method: Node) -> str:
    """Return the field that a method's transform puts the text of the reply into; empty without such a transform."""
    transform = as_mapping(as_mapping(method.get("response")).get("transform"))
    if not as_text(transform.get("type")).startswith("golang_template_text"):
        return ""
    found = re.fullmatch(TEXT_TRANSFORM, as_text(transform.get("body")))
    return found[1] if found else ""


def _needs_transform(part: Node) -> bool:
    """Return whether a request or reply has to go through a program of the document's."""
    transform = as_mapping(part.get("transform"))
    if part.get("xmlTransform"):
        return True
    return bool(part.get("transform")) and not (
        as_text(transform.get("type")).startswith(JSON_TRANSFORM) and not as_text(transform.get("body")).strip()
    )


def _says_something(body: object) -> bool:
    """Return whether a body that a document gives, a mapping or its text, has attributes."""
    return bool(body.strip().strip("{} \n") if isinstance(body, str) else body)


def _is_plain(value: object) -> bool:
    """Return True if a value is valid JSON as it is: a YAML document may contain anything, even itself."""
    scalar = (str, int, float, bool, type(None))
    return isinstance(value, scalar) or (isinstance(value, list) and all(isinstance(item, scalar) for item in value))
