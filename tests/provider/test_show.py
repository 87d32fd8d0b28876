"""SHOW and DESCRIBE say what the page of user_tokens says."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cases import each_case
from tests.provider import seed_page
from tokensh.errors import ProgrammingError
from tokensh.provider import show
from tokensh.provider.catalog import Catalog
from tokensh.provider.model import Field, Method, Parameter, Resource
from tokensh.rows import RowSet, Value

CATALOG = Catalog.load_shipped()
USER_TOKENS = CATALOG.find(("user_tokens",))
LISTTOKENS, CREATE, REVOKETOKEN = USER_TOKENS.methods


def records(result: RowSet) -> list[dict[str, Value]]:
    names = [column.name for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def only_cell(result: RowSet) -> Value:
    ((cell,),) = result.rows
    return cell


def test_show_extended_methods_says_what_the_page_says() -> None:
    shown = records(show.show_methods(USER_TOKENS, extended=True))
    assert [
        (
            row["MethodName"],
            str(row["SQLVerb"]).lower(),
            row["RequiredParams"],
            row["OptionalParams"],
            row["description"],
        )
        for row in shown
    ] == seed_page.table("Methods")


def test_describe_extended_says_what_the_page_says() -> None:
    rows = list(show.describe(USER_TOKENS, extended=True).rows)
    page = [row[:2] for row in seed_page.table("Fields")]
    newer = [(field.name, field.type) for field in USER_TOKENS.undocumented_fields]
    assert [row[:2] for row in rows] == [*page, *newer]


def test_describe_says_the_unit_of_each_time_and_that_minus_one_is_never() -> None:
    for resource in CATALOG.resources("databricks_workspace", "workspace"):
        plain = {row[0]: row[2] for row in show.describe(resource).rows if len(row) > 2}
        extended = {row[0]: row[2] for row in show.describe(resource, extended=True).rows}
        for field in resource.fields:
            if field.name == "expiry_time":
                assert plain[field.name] == extended[field.name] == "epoch milliseconds; -1: never expires"
            elif field.name.endswith(("_time", "_day")):
                assert plain[field.name] == extended[field.name] == "epoch milliseconds"


def test_describe_method_extended_has_the_pages_text_of_the_parameter() -> None:
    (row,) = (row for row in records(show.describe_method(CREATE, extended=True)) if row["name"] == "deployment_name")
    assert [(row["name"], row["type"], row["description"])] == seed_page.table("Parameters")
    assert (row["param_type"], row["shape"]) == ("input_required", '{"example":"dbc-abcd0123-a1bc"}')


def test_show_insert_is_the_pages_form() -> None:
    assert only_cell(show.show_insert(USER_TOKENS)) == seed_page.fence("`INSERT` examples", "sql")


def test_show_extended_insert_is_the_pages_manifest() -> None:
    assert only_cell(show.show_insert(USER_TOKENS, extended=True)) == seed_page.fence("`INSERT` examples", "yaml")


@each_case(
    ("show", "plain", "extended"),
    [
        pytest.param(
            lambda extended: show.show_services(CATALOG.services("databricks_workspace"), extended=extended),
            ["id", "name", "title"],
            ["id", "name", "title", "description", "preferred", "version"],
            id="services",
        ),
        pytest.param(
            lambda extended: show.show_resources([USER_TOKENS], extended=extended),
            ["id", "name"],
            ["id", "name", "description"],
            id="resources",
        ),
        pytest.param(
            lambda extended: show.show_methods(USER_TOKENS, extended=extended),
            ["MethodName", "RequiredParams", "SQLVerb"],
            ["MethodName", "RequiredParams", "SQLVerb", "OptionalParams", "description"],
            id="methods",
        ),
        pytest.param(
            lambda extended: show.describe(USER_TOKENS, extended=extended),
            ["name", "type", "unit"],
            ["name", "type", "description"],
            id="describe",
        ),
        pytest.param(
            lambda extended: show.describe_method(CREATE, extended=extended),
            ["name", "param_type", "shape", "type"],
            ["name", "param_type", "shape", "type", "description"],
            id="describe method",
        ),
    ],
)
def test_extended_has_more_columns_or_other_ones(
    show: Callable[[bool], RowSet], plain: list[str], extended: list[str]
) -> None:
    for expected, result in ((plain, show(False)), (extended, show(True))):
        assert [column.name for column in result.columns] == expected
        assert {len(row) for row in result.rows} == {len(expected)}


def test_show_providers() -> None:
    assert records(show.show_providers(CATALOG.providers())) == [
        {"name": "databricks_workspace", "version": "v00.00.00000"}
    ]


def test_show_services_types_preferred_as_a_boolean() -> None:
    result = show.show_services(CATALOG.services("databricks_workspace"), extended=True)
    assert [column.type for column in result.columns if column.name == "preferred"] == ["boolean"]
    assert ("workspace:v00.00.00000", "workspace", "Workspace", "Workspace", 1, "v00.00.00000") in list(result.rows)


def test_describe_method_lists_what_is_required_first_and_the_reply_last() -> None:
    rows = [(row["name"], row["param_type"], row["type"]) for row in records(show.describe_method(REVOKETOKEN))]
    assert rows == [
        ("deployment_name", "input_required", "string"),
        ("data__token_id", "input_required", "string"),
    ]
    rows = [(row["name"], row["param_type"], row["type"]) for row in records(show.describe_method(CREATE))]
    assert rows == [
        ("deployment_name", "input_required", "string"),
        ("data__lifetime_seconds", "input_optional", "integer"),
        ("data__comment", "input_optional", "string"),
        ("data__scopes", "input_optional", "array"),
        ("data__autoscope_enabled", "input_optional", "boolean"),
        ("token_info", "output", "object"),
        ("token_value", "output", "string"),
    ]


def test_describe_method_gives_the_shape_of_an_object() -> None:
    shapes = {row["name"]: row["shape"] for row in records(show.describe_method(CREATE))}
    assert json.loads(str(shapes["token_info"])) == {
        "type": "object",
        "properties": {
            "token_id": {"type": "string"},
            "comment": {"type": "string"},
            "creation_time": {"type": "integer"},
            "expiry_time": {"type": "integer"},
        },
    }
    assert shapes["token_value"] == ""


@each_case(
    ("name", "method", "required", "optional"),
    [
        ("workspace.tokens", "get", "token_id, deployment_name", ""),
        ("workspace.tokens", "list", "deployment_name", "created_by_id, created_by_username"),
        ("workspace.tokens", "createobotoken", "deployment_name", ""),
        ("settings.tokens", "delete", "deployment_name, token_id", ""),
        ("settings.tokens", "create", "deployment_name", ""),
        ("settings.token_management", "create", "deployment_name, application_id", ""),
    ],
)
def test_show_methods_lists_parameters_as_each_generation_of_pages_does(
    name: str, method: str, required: str, optional: str
) -> None:
    rows = records(show.show_methods(CATALOG.find(tuple(name.split("."))), extended=True))
    (row,) = (row for row in rows if row["MethodName"] == method)
    assert (row["RequiredParams"], row["OptionalParams"]) == (required, optional)


def test_show_insert_of_bare_attributes_marks_the_required_ones() -> None:
    text = str(only_cell(show.show_insert(CATALOG.find(("settings", "token_management")))))
    assert "'{{ application_id }}' /* required */,\n{{ lifetime_seconds }},\n'{{ comment }}'," in text
    assert "data__" not in text


def test_show_insert_where_there_is_none_names_the_methods() -> None:
    with pytest.raises(ProgrammingError) as caught:
        show.show_insert(CATALOG.find(("token_permissions",)))
    assert caught.value.message == "databricks_workspace.workspace.token_permissions has no method for INSERT"
    assert "setpermissions (REPLACE)" in str(caught.value.hint)


def test_a_manifest_quotes_descriptions_so_that_it_stays_yaml() -> None:
    attribute = Parameter("note", "body", "string", required=False, description='say: "#1"\nor not')
    method = Method("create", "INSERT", "POST", "", "/x", (attribute,), (Field("id", "string"),))
    text = str(only_cell(show.show_insert(Resource("p", "s", "r", (method,)), extended=True)))
    assert text.endswith('    - name: note\n      value: string\n      description: "say: \\"#1\\"\\nor not"')
