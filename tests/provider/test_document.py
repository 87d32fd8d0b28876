"""Registry trees and `--vars` files are read, and a broken one is a single error with file and line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cases import each_case
from tests.provider import seed_page
from tests.support import shared_path
from tokensh.errors import InterfaceError, ProviderDocumentError
from tokensh.provider.catalog import Catalog
from tokensh.provider.document import load_registry, may_be_deep, parse_yaml_text, read_variables

SERVICE = """
openapi: 3.0.0
servers: [{url: 'https://{region}.example'}]
x-odd: !!js/undefined ''
paths:
  /things:
    get:
      responses:
        200:
          description: Fine.
          content: {application/json: {schema: {properties: {id: {type: int32}, on: {type: required}}}}}
components:
  x-stackQL-resources:
    things:
      methods:
        list:
          operation: {$ref: '#/paths/~1things/get'}
          response: {openAPIDocKey: '200', mediaType: application/json}
      sqlVerbs: {select: [{$ref: '#/components/x-stackQL-resources/things/methods/list'}]}
"""
PROVIDER = """
id: acme
name: acme
version: {version}
config: {{odd: !!js/undefined ''}}
providerServices:
  main:
    id: main:{version}
    name: main
    title: Main
    version: {version}
    description: The only one
    service: {{$ref: acme.example/{version}/services/main.yaml}}
  absent:
    id: absent:{version}
    service: {{$ref: acme.example/{version}/services/absent.yaml}}
"""


def write(folder: Path, version: str, *, service: str = SERVICE, provider: str = PROVIDER) -> Path:
    """Write a registry whose folder has another name than the provider, as in the published one."""
    place = folder / "src" / "acme.example" / version
    (place / "services").mkdir(parents=True)
    (place / "provider.yaml").write_text(provider.format(version=version), "utf-8")
    (place / "services" / "main.yaml").write_text(service, "utf-8")
    return folder


@pytest.mark.parametrize("inner", ["", "src", "src/acme.example", "src/acme.example/v1"])
def test_a_registry_is_found_from_any_of_its_folders(tmp_path: Path, inner: str) -> None:
    catalog = Catalog.load(write(tmp_path, "v1") / inner)
    (method,) = catalog.find(("acme", "main", "things")).methods
    assert [(field.name, field.type) for field in method.fields] == [("id", "integer"), ("on", "string")]
    assert method.response_description == "Fine."


def test_a_registry_joins_the_shipped_provider(tmp_path: Path) -> None:
    catalog = Catalog.load(write(tmp_path, "v1"))
    assert [provider.name for provider in catalog.providers()] == ["acme", "databricks_workspace"]
    assert [(service.name, service.title) for service in catalog.services("acme")] == [("absent", ""), ("main", "Main")]


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (["v00.00.00001", "v00.00.00000"], "v00.00.00001"),
        (["v0.9.0", "v0.10.0"], "v0.10.0"),
        (["v0.2.0", "v0.2.0-alpha01"], "v0.2.0"),
        (["v0.2.0-alpha02", "v0.2.0-alpha10"], "v0.2.0-alpha10"),
    ],
)
def test_the_newest_version_is_taken(tmp_path: Path, versions: list[str], newest: str) -> None:
    for version in versions:
        write(tmp_path, version)
    assert [provider.version for provider in Catalog.load(tmp_path).providers() if provider.name == "acme"] == [newest]


def test_a_json_tree_needs_no_yaml(tmp_path: Path) -> None:
    """Neither the shipped document nor a JSON tree costs the import of PyYAML."""
    place = tmp_path / "src" / "acme" / "v1"
    place.mkdir(parents=True)
    service = {"id": "main:v1", "service": {"$ref": "acme/v1/main.json"}}
    (place / "provider.json").write_text(json.dumps({"name": "acme", "providerServices": {"main": service}}))
    (place / "main.json").write_text(json.dumps({"components": {"x-stackQL-resources": {"view": {"title": "View"}}}}))
    program = (
        "import sys; from pathlib import Path; from tokensh.provider.catalog import Catalog;"
        "print(Catalog.load(Path(sys.argv[1])).find(('acme', 'main', 'view')).title, 'yaml' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "View False\n"


@pytest.mark.parametrize("folder", ["", "nosuch"])
def test_a_folder_without_a_registry_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(InterfaceError, match="no provider document under"):
        Catalog.load(tmp_path / folder)


@pytest.mark.parametrize(
    ("provider", "problem"),
    [
        ("a: [1\nb: 2\n", "provider.yaml:2: not YAML: did not find expected ',' or ']'"),
        ("- 1\n", "provider.yaml: #: expected a mapping"),
        ("name: acme\n", "provider.yaml: #/providerServices: expected a mapping"),
        ("providerServices:\n  main: 1\n", "provider.yaml: #/providerServices/main: expected a mapping"),
        ("a: '\x07'\n", "provider.yaml:1: not YAML: control characters are not allowed"),
        ("[" * 20_000, "provider.yaml:1: nested too deeply"),
        ("a: !!int abc\n", "provider.yaml:1: not readable"),
    ],
)
def test_a_broken_provider_document_is_one_error_with_its_place(tmp_path: Path, provider: str, problem: str) -> None:
    write(tmp_path, "v1", provider=provider.replace("{", "{{").replace("}", "}}"))
    (broken,) = load_registry(tmp_path)
    assert broken.error is not None
    assert broken.error.message.endswith(f"/v1/{problem}")
    with pytest.raises(ProviderDocumentError):
        Catalog.load(tmp_path).services(broken.info.name)
    with pytest.raises(ProviderDocumentError):
        Catalog.load(tmp_path).find_or_none((broken.info.name, "main", "things"))


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        (b"a: 1\nb: \xff\n", "main.yaml:2: not UTF-8"),
        (b"", "main.yaml: #: expected a mapping"),
        (b"a: 1\n", "main.yaml: #/components: expected a mapping"),
    ],
)
def test_a_broken_service_document_is_one_error_when_it_is_asked_for(
    tmp_path: Path, service: bytes, problem: str
) -> None:
    catalog = Catalog.load(write(tmp_path, "v1"))
    (tmp_path / "src/acme.example/v1/services/main.yaml").write_bytes(service)
    with pytest.raises(ProviderDocumentError) as caught:
        catalog.resources("acme", "main")
    assert caught.value.message.endswith(f"/v1/services/{problem}")


def test_a_service_without_its_file_is_an_error_only_when_it_is_asked_for(tmp_path: Path) -> None:
    catalog = Catalog.load(write(tmp_path, "v1"))
    with pytest.raises(ProviderDocumentError, match=r"cannot read .*absent\.yaml: No such file"):
        catalog.resources("acme", "absent")


def test_a_service_without_a_reference_is_an_error_with_its_place(tmp_path: Path) -> None:
    catalog = Catalog.load(write(tmp_path, "v1", provider="providerServices:\n  main:\n    service: {{}}\n"))
    with pytest.raises(ProviderDocumentError, match=r"#/providerServices/main/service: expected a \$ref"):
        catalog.resources("acme.example", "main")


def test_the_published_tree_is_read_defects_and_all() -> None:
    catalog = Catalog.load(shared_path("registry"))
    for service in ("iam", "workspace"):
        assert all(resource.methods for resource in catalog.resources("databricks_workspace", service))
    user_tokens = catalog.find(("user_tokens",))
    assert [(method.name, method.verb) for method in user_tokens.methods] == [
        ("listtokens", "SELECT"),
        ("create", "INSERT"),
        ("revoketoken", "EXEC"),
    ]
    (token_id,) = user_tokens.methods_for("EXEC")[0].body
    # The shipped resource stays: its document requires the id, the published one does not.
    assert (token_id.type, token_id.required) == ("string", True)


@each_case(
    ("text", "values"),
    [
        ("deployment_name: dbc-1\nlifetime_seconds: 3600\n", {"deployment_name": "dbc-1", "lifetime_seconds": 3600}),
        ('{"a": "x", "b": 1.5, "c": true, "d": null}', {"a": "x", "b": 1.5, "c": True, "d": None}),
        ('\ufeff{"a": 1}', {"a": 1}),
        (
            "a: no\nb: 2026-01-01\nc: 12:34\nd: 007\ne: 1_000\nf: .inf\n",
            {"a": "no", "b": "2026-01-01", "c": "12:34", "d": "007", "e": "1_000", "f": ".inf"},
        ),
        ('{"a": NaN}', {"a": "NaN"}),
        ("a: string\n", {"a": "string"}),
        ("1: x\n", {"1": "x"}),
        ("scopes: [sql, all-apis]\nmore: {a: 1}\n", {"scopes": '["sql","all-apis"]', "more": '{"a":1}'}),
        ("", {}),
        ("# nothing yet\n", {}),
        ("- name: t\n  props:\n    - name: a\n      value: x\n    - name: b\n      value: 7\n", {"a": "x", "b": 7}),
        ("- props:\n    - {name: a, value: x}\n- props:\n    - {name: b, value: ~}\n", {"a": "x", "b": None}),
        ("- props:\n    - {name: a, value: integer}\n    - {name: b}\n    - {name: c, value: [{u: string}]}\n", {}),
        ("- props: []\n", {}),
    ],
)
def test_variables_of_a_file(text: str, values: dict[str, Any]) -> None:
    found = read_variables(text, "vars.yaml")
    assert found == values
    assert [type(value) for value in found.values()] == [type(value) for value in values.values()]


def test_the_pages_manifest_as_printed_fills_nothing() -> None:
    assert read_variables(seed_page.fence("`INSERT` examples", "yaml"), "manifest.yaml") == {}


def test_the_pages_manifest_with_values_fills_the_statement() -> None:
    text = seed_page.fence("`INSERT` examples", "yaml").replace("value: integer", "value: 3600")
    assert read_variables(text, "manifest.yaml") == {"lifetime_seconds": 3600}


@each_case(
    ("text", "message"),
    [
        ("just words\n", "f.yaml:1: neither names with values nor a manifest"),
        ("- 1\n", "f.yaml:1: neither names with values nor a manifest"),
        ("- props: []\n- nope: s3cret\n", "f.yaml:2: neither names with values nor a manifest"),
        ("- props: []\n- props:\n    - value: s3cret\n", "f.yaml:2: neither names with values nor a manifest"),
        ("a: 1\nb: [s3cret\n", "f.yaml:3: not YAML: did not find expected ',' or ']'"),
        ('{"a": 1,\n "b": "s3cret}', "f.yaml:2: not YAML: found unexpected end of stream"),
        ("a: *s3cret\n", "f.yaml:1: not YAML: found undefined alias"),
        ("a: &x [*x]\n", "f.yaml:1: not YAML: an alias stands for what contains it"),
        ("[" * 20_000, "f.yaml:1: nested too deeply"),
        ("- " * 20_000, "f.yaml:1: nested too deeply"),
    ],
)
def test_a_broken_variables_file_is_told_by_line_and_without_its_values(text: str, message: str) -> None:
    with pytest.raises(InterfaceError) as caught:
        read_variables(text, "f.yaml")
    assert caught.value.message == message


# ---- texts that are small and stand for much, and texts that say two things

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
BOMBS = {
    "aliases of aliases": LAUGHS,
    "merges of merges": MERGES,
    "aliases as keys and values": "a: &a {b: &b [x, x]}\n" + "".join(
        f"c{n}: &c{n} {{p: *{'b' if n == 0 else f'c{n - 1}'}, q: *{'b' if n == 0 else f'c{n - 1}'}}}\n" for n in range(40)
    ),
    "one long text named often": f"a: &a {'x' * 50_000}\nb: [{', '.join(['*a'] * 5_000)}]\n",
    "a list that contains itself": "a: &a [*a]\n",
    "a mapping that contains itself in two steps": "a: &a {b: &b [1, *a]}\n",
    "a merge of itself": "a: &a {<<: *a}\n",
    "a manifest": "- name: x\n  props: &p\n  - {name: y, value: *p}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_aliases_that_stand_for_too_much_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InterfaceError, match=r"^vars\.yaml:\d+: not YAML: (its aliases|an alias|found)"):
        read_variables(BOMBS[name], "vars.yaml")
    write(tmp_path, "v1", provider=BOMBS[name].replace("{", "{{").replace("}", "}}"))
    (broken,) = load_registry(tmp_path)
    assert re.search(r"provider\.yaml:\d+: ", str(broken.error))


@each_case(
    ("text", "values"),
    [
        ("a: &a x\nb: *a\n", {"a": "x", "b": "x"}),
        ("a: &a {k: 1, l: 2}\nb: {<<: *a, k: 3}\n", {"a": '{"k":1,"l":2}', "b": '{"k":3,"l":2}'}),
        ("a: '*'\nb: '&'\n", {"a": "*", "b": "&"}),
        ("", {}),
    ],
)  # fmt: skip
def test_ordinary_aliases_are_read(text: str, values: dict[str, str]) -> None:
    assert read_variables(text, "vars.yaml") == values


@each_case(
    ("text", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", 3),
        ("a:\n  k: 1\n  k: 1\n", 3),
        ("{a: 1, 'a': 2}", 1),
        ('{"a": 1, "a": 2}', 1),
        ('{"a": {"k": 1, "k": 2}}', 1),
        ("- name: x\n  props:\n  - name: y\n    value: 1\n    value: 2\n", 5),
        ("- name: x\n  props: []\n  props: []\n", 3),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(InterfaceError, match=rf"^vars:{line}: .*a key stands twice"):
        read_variables(text, "vars")


def test_a_registry_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "v1", provider=PROVIDER + "name: other\n")
    (broken,) = load_registry(tmp_path)
    assert "a key stands twice" in str(broken.error)


@each_case(
    ("text", "expected"),
    [
        ("[" * 20_000, True),
        ('{"a":' * 20_000, True),
        ("a: " + "{ b: [" * 6_000, True),
        ("- " * 6_000, True),
        ("\n".join(" " * level + "a:" for level in range(6_000)), True),
        # Brackets in words open nothing, and a long line does not count as a level.
        ("/users/{id}/jobs/{job}: x\n" * 20_000, False),
        ("description: " + "long " * 20_000, False),
    ],
    ids=["brackets", "objects", "both", "entries", "columns", "paths", "line"],
)
def test_only_what_could_nest_deeply_is_read_by_the_slow_parser(text: str, expected: bool) -> None:
    assert may_be_deep(text) is expected


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("{a: &x 1,b: *x}", {"a": 1, "b": 1}),
        ("a: '* one & two *bold* &amp;'", {"a": "* one & two *bold* &amp;"}),
    ],
)
def test_aliases_are_told_from_text(text: str, parsed: object) -> None:
    assert parse_yaml_text(text.encode(), "f.yaml") == parsed
