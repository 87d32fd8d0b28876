"""OpenAPI documents become the model by the format's rules, with the defects that published documents have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import each_case
from tests.tries import tries
from tokensh.errors import ProviderDocumentError
from tokensh.provider.model import Method, Resource
from tokensh.provider.openapi import ServiceDocument

Node = dict[str, Any]


def document(operation: Node, *, path: str = "/x", method: Node | None = None, **root: Any) -> ServiceDocument:
    """Return a document with a resource `r` that has a method `m` for SELECT."""
    where = path.replace("~", "~0").replace("/", "~1")
    resource = {
        "methods": {"m": {"operation": {"$ref": f"#/paths/{where}/post"}, **(method or {})}},
        "sqlVerbs": {"select": [{"$ref": "#/components/x-stackQL-resources/r/methods/m"}]},
    }
    components = {**root.pop("components", {}), "x-stackQL-resources": {"r": resource}}
    paths = {path: {"post": operation, **root.pop("path_item", {})}}
    return ServiceDocument("p", "s", "s.yaml", {"paths": paths, "components": components, **root})


def built(operation: Node, **more: Any) -> Method:
    (method,) = document(operation, **more).build_resource("r").methods
    return method


def replying(schema: object, **more: Any) -> Node:
    return {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}, **more}


def taking(schema: object) -> Node:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


@each_case(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": "int32"}, "integer"),
        ({"type": "int64"}, "integer"),
        ({"type": "double"}, "number"),
        ({"type": "Array of object"}, "array"),
        ({"type": "Array of string"}, "array"),
        ({"type": "JSON"}, "object"),
        ({"type": "required"}, "string"),
        ({"type": "UUID"}, "string"),
        ({"type": {"nested": 1}}, "string"),
        ({"type": ["null", "integer"]}, "integer"),
        ({"type": []}, "string"),
        ({}, "string"),
        ({"properties": {}}, "object"),
        ({"additionalProperties": True}, "object"),
        ({"items": {}}, "array"),
        # Of several types, the one that holds all of their values.
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, "string"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
        ({"oneOf": [{"properties": {}}, {"type": "string"}]}, "string"),
        ({"type": ["integer", "boolean"]}, "string"),
        ({"type": "string", "anyOf": [{"type": "integer"}]}, "string"),
        ({"allOf": [{"description": "x"}, {"type": "boolean"}]}, "boolean"),
        ({"$ref": "#/components/schemas/count"}, "integer"),
    ],
)
def test_a_types_meaning(schema: Node, expected: str) -> None:
    method = built(replying({"properties": {"f": schema}}), components={"schemas": {"count": {"type": "integer"}}})
    assert [(field.name, field.type) for field in method.fields] == [("f", expected)]


@each_case(
    ("schema", "key", "fields"),
    [
        ({"properties": {"a": {"type": "string"}, "b": {}}}, None, ["a", "b"]),
        ({"type": "array", "items": {"properties": {"a": {}}}}, None, ["a"]),
        ({"properties": {"rows": {"items": {"properties": {"a": {}}}}}}, "$.rows", ["a"]),
        ({"properties": {"value": {"items": {"properties": {"a": {}}}}}}, "$.value[*]", ["a"]),
        ({"properties": {"x": {"properties": {"y": {"items": {"properties": {"a": {}}}}}}}}, "$.x.y[*]", ["a"]),
        ({"properties": {"x-y": {"properties": {"a": {}}}}}, "$['x-y']", ["a"]),
        ({"properties": {"a": {}}}, "$.nosuch", []),
        ({"properties": {"a": "not a mapping", "b": {}}}, None, ["b"]),
        (
            {"allOf": [{"properties": {"a": {}}}, {"$ref": "#/components/schemas/b"}], "properties": {"c": {}}},
            None,
            list("cab"),
        ),
        ({"oneOf": [{"properties": {"a": {}}}, {"properties": {"a": {}, "b": {}}}]}, None, ["a", "b"]),
        # Rows without fields have the column that StackQL gives them.
        ({"type": "string"}, None, ["column_anon"]),
        ({"items": {"type": "integer"}}, None, ["column_anon"]),
        ({"properties": {"names": {"items": {"type": "string"}}}}, "$.names", ["column_anon"]),
        ({"type": "object"}, None, []),
        ("nonsense", None, []),
    ],
)
def test_fields_are_the_properties_of_a_row(schema: object, key: str | None, fields: list[str]) -> None:
    method = built(
        replying(schema),
        method={"response": {"objectKey": key, "openAPIDocKey": "200"}},
        components={"schemas": {"b": {"properties": {"b": {}}}}},
    )
    assert [field.name for field in method.fields] == fields


@each_case(
    ("responses", "key", "description"),
    [
        ({"200": {"description": "ok"}, "201": {"description": "made"}}, "201", "made"),
        ({"404": {"description": "no"}, "201": {"description": "made"}}, "200", "made"),
        ({200: {"description": "a number"}}, "200", "a number"),
        ({"2XX": {"description": "any"}}, "2XX", "any"),
        ({"default": {"description": "else"}}, "200", "else"),
        ({"404": {"description": "no"}}, "200", ""),
    ],
)
def test_the_reply_is_the_announced_one_or_the_first_success(responses: Node, key: str, description: str) -> None:
    method = built({"responses": responses}, method={"response": {"openAPIDocKey": key}})
    assert method.response_description == description


def test_an_object_key_of_another_language_is_dropped() -> None:
    assert built(replying({}), method={"response": {"objectKey": "/*/item"}}).object_key is None


@each_case(
    ("algorithm", "names"),
    [(None, ["data__a"]), ("default", ["data__a"]), ("naive", ["a"]), ("naive_DesiredState", ["a"])],
)
def test_body_attributes_bear_the_names_of_their_generation(algorithm: str | None, names: list[str]) -> None:
    config = {"config": {"requestBodyTranslate": {"algorithm": algorithm}}} if algorithm else {}
    method = built(taking({"properties": {"a": {}}}), method=config)
    assert [parameter.sql_name for parameter in method.parameters] == names


def test_a_body_requires_what_its_schema_and_all_its_parts_require() -> None:
    schema = {
        "required": ["a"],
        "properties": {"a": {}, "b": {}, "c": {}},
        "allOf": [{"required": ["b"]}],
        "oneOf": [{"required": ["c"]}],
    }
    assert [parameter.name for parameter in built(taking(schema)).required] == ["a", "b"]


def test_a_body_that_is_no_object_has_no_attributes() -> None:
    method = built(taking({"type": "array", "items": {"type": "string"}}))
    assert method.has_body
    assert method.parameters == ()


def test_parameters_come_by_location() -> None:
    """The server's variables, the path's (declared or not), the query's, headers, the body's."""
    operation = {
        **taking({"properties": {"e": {"type": "boolean"}}}),
        "parameters": [
            {"name": "d", "in": "header", "schema": {"type": "string"}},
            {"name": "Authorization", "in": "header"},
            {"name": "session", "in": "cookie"},
            {"name": "c", "in": "query", "type": "integer"},
            {"name": "b", "in": "path", "description": "string"},
            {"$ref": "#/components/parameters/page"},
        ],
    }
    method = built(
        operation,
        path="/v/{b}/w/{undeclared}",
        servers=[{"url": "https://{a:[a-z]+}.example/{free}/", "variables": {"a": {"default": 7}}}],
        components={"parameters": {"page": {"name": "page", "in": "query", "required": True}}},
    )
    assert [
        (parameter.name, parameter.location, parameter.type, parameter.required) for parameter in method.parameters
    ] == [
        ("a", "server", "string", True),
        ("free", "server", "string", True),
        ("b", "path", "string", True),
        ("undeclared", "path", "string", True),
        ("c", "query", "integer", False),
        ("page", "query", "string", True),
        ("d", "header", "string", False),
        ("e", "body", "boolean", False),
    ]
    assert method.server == "https://{a}.example/{free}"
    assert method.parameters[0].example == "7"


def test_an_operations_parameter_wins_over_its_paths() -> None:
    path_item = {"parameters": [{"name": "q", "in": "query", "required": True}, {"name": "r", "in": "query"}]}
    method = built({"parameters": [{"name": "q", "in": "query"}]}, path_item=path_item)
    assert [(parameter.name, parameter.required) for parameter in method.parameters] == [("q", False), ("r", False)]


def test_the_innermost_server_is_taken() -> None:
    inner = [{"url": "https://inner.example"}, {"url": "https://second.example"}]
    method = built({"servers": inner}, servers=[{"url": "https://outer.example"}])
    assert method.server == "https://inner.example"


def test_tilde_escapes_of_a_reference_are_undone() -> None:
    assert built({"description": "found"}, path="/a~b/{c}").path == "/a~b/{c}"


def test_methods_come_in_the_order_of_the_verbs_then_the_documents() -> None:
    names = {"d": "delete", "g": "get", "u": "patch", "l": "post", "alone": "put"}
    found = {name: {"operation": {"$ref": f"#/paths/~1x/{http}"}} for name, http in names.items()}

    def references(*methods: str) -> list[Node]:
        return [{"$ref": f"#/components/x-stackQL-resources/r/methods/{method}"} for method in methods]

    verbs = {"delete": references("d"), "select": references("l", "g"), "update": references("u"), "exec": []}
    root = {
        "paths": {"/x": {http: {} for http in names.values()}},
        "components": {"x-stackQL-resources": {"r": {"methods": found, "sqlVerbs": verbs}}},
    }
    methods = ServiceDocument("p", "s", "s.yaml", root).build_resource("r").methods
    assert [(method.name, method.verb) for method in methods] == [
        ("l", "SELECT"),
        ("g", "SELECT"),
        ("u", "UPDATE"),
        ("d", "DELETE"),
        ("alone", "EXEC"),
    ]


def test_a_resource_without_methods_is_one_with_none() -> None:
    root = {"components": {"x-stackQL-resources": {"view": {"id": "p.s.view", "title": "View"}}}}
    assert ServiceDocument("p", "s", "s.yaml", root).build_resource("view") == Resource(
        "p", "s", "view", (), "View", "View"
    )


CIRCLE: Node = {
    "node": {"type": "object", "properties": {"name": {}, "child": {"$ref": "#/components/schemas/node"}}},
    "composed": {"allOf": [{"$ref": "#/components/schemas/composed"}, {"properties": {"name": {}}}]},
    "only": {"$ref": "#/components/schemas/only"},
}


@pytest.mark.parametrize(("name", "fields"), [("node", ["name", "child"]), ("composed", ["name"]), ("only", [])])
def test_schemas_that_contain_themselves_end(name: str, fields: list[str]) -> None:
    method = built(replying({"$ref": f"#/components/schemas/{name}"}), components={"schemas": CIRCLE})
    assert [field.name for field in method.fields] == fields
    assert all(json.loads(field.shape) for field in method.fields if field.shape)


@each_case(
    ("root", "place", "problem"),
    [
        ({}, "#/components", "expected a mapping"),
        ({"components": {"x-stackQL-resources": []}}, "#/components/x-stackQL-resources", "expected a mapping"),
        ({"components": {"x-stackQL-resources": {"r": 1}}}, "x-stackQL-resources/r", "expected a mapping"),
        ({"components": {"x-stackQL-resources": {"r": {"methods": 1}}}}, "r/methods", "expected a mapping"),
        ({"components": {"x-stackQL-resources": {"r": {"methods": {"m": 1}}}}}, "methods/m", "expected a mapping"),
        (
            {"components": {"x-stackQL-resources": {"r": {"methods": {"m": {}}}}}},
            "methods/m/operation",
            "not a reference into this document: None",
        ),
        (
            {
                "components": {
                    "x-stackQL-resources": {"r": {"methods": {"m": {"operation": {"$ref": "#/paths/~1x/get"}}}}}
                }
            },
            "methods/m/operation",
            "unresolvable reference: '#/paths/~1x/get'",
        ),
        (
            {"a": {}, "components": {"x-stackQL-resources": {"r": {"methods": {"m": {"operation": {"$ref": "#/a"}}}}}}},
            "methods/m/operation",
            "not a reference to an operation: '#/a'",
        ),
        (
            {"components": {"x-stackQL-resources": {"r": {"sqlVerbs": {"select": [{"$ref": "#/x/nosuch"}]}}}}},
            "r/sqlVerbs/select",
            "unresolvable reference: '#/x/nosuch'",
        ),
    ],
)
def test_a_broken_document_is_one_error_that_names_file_and_place(root: Node, place: str, problem: str) -> None:
    message = explain_problem(root)
    assert message.startswith("s.yaml: #/components")
    assert message.endswith(f"{place}: {problem}")


def explain_problem(root: Node) -> str:
    """Return what is wrong with a resource, or with the only method that does not work."""
    try:
        resource = ServiceDocument("p", "s", "s.yaml", root).build_resource("r")
    except ProviderDocumentError as error:
        return error.message
    (problem,) = {method.problem for method in resource.methods if method.problem}
    return problem.removeprefix("its document is broken: ")


def test_a_dangling_schema_is_an_error_that_names_the_method() -> None:
    problem = built(replying({"$ref": "#/nosuch"})).problem
    assert problem.startswith("its document is broken: s.yaml: ")
    assert "r/methods/m/response: " in problem
    assert problem.endswith("unresolvable reference: '#/nosuch'")


WORDS = """
    components x-stackQL-resources r methods m operation $ref sqlVerbs select parameters requestBody content responses 200
    application/json schema properties items allOf type required servers url variables in name get paths /x
"""
KEYS = st.sampled_from(WORDS.split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | KEYS | st.sampled_from(["#/paths/~1x/get", "#/components", "{a}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@tries(60, derandomize=False)
@given(operation=st.dictionaries(KEYS, VALUES, max_size=6), response=VALUES, schema=VALUES)
def test_any_document_gives_a_resource_or_the_one_error(operation: Node, response: object, schema: object) -> None:
    broken = document(
        {**operation, **replying(schema)}, method={"response": response}, path="/x", components={"schemas": schema}
    )
    try:
        resource = broken.build_resource("r")
    except ProviderDocumentError as error:
        assert error.message.startswith("s.yaml: #/components")  # noqa: PT017 (either outcome is right)
    else:
        assert [method.name for method in resource.methods] == ["m"]
