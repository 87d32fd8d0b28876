"""Requests of a registry's methods go where the document says, and what tokensh does not offer is said before any is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.engine.registry_sessions import open_session
from tests.engine.sessions import connect, run
from tests.provider.documents import MethodLine as M
from tests.provider.documents import Node, service_document, write_registry
from tests.resilience.client_bench import TOKEN
from tests.resilience.faulty_server import Exchange, FaultyServer
from tokensh.dbapi.connection import Connection
from tokensh.errors import DataError, MissingParameter, NotSupportedError, ProviderDocumentError

DOCUMENT = service_document([
    M("branches", "SELECT", "list", "GET /v1/{parent}/branches", fields="id"),
    M("files", "SELECT", "get", "GET /fs/directories{path}", fields="id"),
    M("pairs", "SELECT", "get", "GET /pairs/{a}/{b}", fields="id"),
    M("versions", "SELECT", "get", "GET /things/{name}?api-version=2024-01-01&of={kind}", query="top", fields="id"),
    M("tokens", "UPDATE", "update", "PATCH /tokens/{id}", body="mask:object token:object"),
    M("heads", "SELECT", "get", "GET /heads", fields="id"),
    M("x_xml", "SELECT", "get", "GET /x1", fields="id", response={"mediaType": "text/xml"}),
    M("x_xpath", "SELECT", "get", "GET /x2", fields="id", object_key="/a/b"),
    M("x_transform", "SELECT", "get", "GET /x3", fields="id", response={"transform": {"type": "t", "body": "b"}}),
    M("x_aws", "SELECT", "get", "GET /x4", fields="id", config={"auth": {"type": "aws_signing_v4"}}),
    M("x_legacy", "SELECT", "get", "GET /x5", fields="id", object_key="items"),
    M("texts", "SELECT", "get", "GET /texts", fields="other",
      response={"transform": {"type": "golang_template_text_v0.3.0", "body": '[{"contents": {{ toJson . }}}]'},
                "mediaType": "text/plain", "overrideMediaType": "application/json"}),
    M("x_template", "SELECT", "get", "GET /x3", fields="id",
      response={"transform": {"type": "golang_template_text_v0.3.0", "body": "[{{ range . }}{{ end }}]"}}),
    M("x_graphql", "SELECT", "get", "GET /x3", fields="id"),
    M("x_index", "SELECT", "get", "GET /x8", fields="id", response={"objectKey": "$.items[0]"}),
    M("x_deep", "SELECT", "get", "GET /x8", fields="id", response={"objectKey": "$..items"}),
    M("x_members", "SELECT", "get", "GET /x8", fields="id", response={"objectKey": "$.items.*"}),
    M("x_state", "SELECT", "get", "GET /x8", fields="id",
      config={"requestBodyTranslate": {"algorithm": "naive_DesiredState"}}),
    M("plain", "SELECT", "get", "GET /x9", fields="id",
      response={"objectKey": "$", "transform": {"type": "golang_template_json_v0.3.0"}}),
    M("x_base", "SELECT", "get", "GET /x9", fields="id"),
    M("x_listed", "SELECT", "list", "GET /x6", fields="id", response={"mediaType": "text/xml"}),
    M("x_listed", "SELECT", "get", "GET /x7/{id}", fields="id"),
    M("acts", "EXEC", "reboot", "POST /acts/{id}?__type=reboot&of=x", body="",
      config={"requestTranslate": {"algorithm": "drop_double_underscore_params"}}),
    M("x_posted", "SELECT", "get", "GET /x9", fields="id",
      config={"requestTranslate": {"algorithm": "get_query_to_post_form_utf_8"}}),
    M("x_mixed", "SELECT", "old", "GET /x6", fields="id", response={"mediaType": "text/xml"}),
    M("x_mixed", "SELECT", "new", "GET /x7", fields="id"),
])  # fmt: skip
DOCUMENT["paths"]["/heads"]["get"]["parameters"] = [{"name": "X-Kind", "in": "header", "schema": {"type": "string"}}]
DOCUMENT["components"]["x-stackQL-resources"]["x_graphql"]["methods"]["get"]["graphQL"] = {"query": "{ x }"}
DOCUMENT["components"]["x-stackQL-resources"]["x_base"]["methods"]["get"]["request"] = {"base": '{"kind": "k"}'}
DOCUMENT["components"]["x-stackQL-resources"]["plain"]["methods"]["get"]["request"] = {"base": "{}"}
TEXT = '"a","b"\n1,{"id": "ü"}\n'


def answer(exchange: Exchange) -> None:
    if exchange.request.path.endswith("/texts"):
        return exchange.reply(200, TEXT.encode())
    return exchange.reply(200, b'{"id": "1"}')


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as running:
        yield running


@pytest.fixture
def session(server: FaultyServer, tmp_path: Path) -> Iterator[Connection]:
    with open_session(server, tmp_path, {"s": DOCUMENT}) as connection:
        yield connection


PATHS = [
    ("branches WHERE parent = 'projects/p'", "/v1/projects/p/branches"),
    ("branches WHERE parent = 'projects/p q/ü'", "/v1/projects/p%20q/%C3%BC/branches"),
    ("files WHERE path = '/Volumes/a'", "/fs/directories/Volumes/a"),
    ("pairs WHERE a = 'x/y' AND b = 'z'", "/pairs/x%2Fy/z"),
    ("versions WHERE name = 'n' AND kind = 'a&b'", "/things/n?api-version=2024-01-01&of=a%26b"),
    ("versions WHERE name = 'n' AND kind = 'k' AND top = '5'", "/things/n?api-version=2024-01-01&of=k&top=5"),
]


@pytest.mark.parametrize(("source", "path"), PATHS)
def test_values_of_a_path_keep_their_slashes_where_they_are_clear(
    source: str, path: str, session: Connection, server: FaultyServer
) -> None:
    assert run(session, f"SELECT id FROM acme.s.{source}") == [("1",)]
    assert [seen.path.removeprefix("/w/w1") for seen in server.log] == [path]


@pytest.mark.parametrize("value", ["a/../b", "..", "a/.", "./a", "a//b", "/a", "a/", ""])
def test_steps_of_a_path_are_refused(value: str, session: Connection, server: FaultyServer) -> None:
    with pytest.raises(DataError, match="cannot be part of a path"):
        run(session, "SELECT id FROM acme.s.branches WHERE parent = ?", values=(value,))
    assert server.log == []


@pytest.mark.parametrize("value", ["/..", "/a/../b", "//a", "/"])
def test_steps_are_refused_where_the_value_brings_the_slash(value: str, session: Connection) -> None:
    with pytest.raises(DataError, match="cannot be part of a path"):
        run(session, "SELECT id FROM acme.s.files WHERE path = ?", values=(value,))


def test_header_parameters_are_sent(session: Connection, server: FaultyServer) -> None:
    run(session, "SELECT id FROM acme.s.heads WHERE \"X-Kind\" = 'k'")
    assert server.log[0].headers["x-kind"] == "k"
    with pytest.raises(DataError, match="printable ASCII"):
        run(session, 'SELECT id FROM acme.s.heads WHERE "X-Kind" = ?', values=("a\r\nHost: b",))


@pytest.mark.parametrize(
    ("value", "sent"), [("comment", "comment"), ("a,b", "a,b"), ("true", "true"), ('{"a":1}', {"a": 1})]
)
def test_text_is_taken_for_an_object_of_which_nothing_is_said(
    value: str, sent: object, session: Connection, server: FaultyServer
) -> None:
    run(session, "UPDATE acme.s.tokens SET mask = ?, token = '{}' WHERE id = '1'", values=(value,))
    assert json.loads(server.log[0].body) == {"mask": sent, "token": {}}


@pytest.mark.parametrize("value", ["{'a': 1}", "[1"])
def test_json_that_is_broken_is_never_taken_for_text(value: str, session: Connection) -> None:
    with pytest.raises(DataError, match="mask takes an object"):
        run(session, "UPDATE acme.s.tokens SET mask = ? WHERE id = '1'", values=(value,))


OFFERED = [
    ("x_xml", "XML"),
    ("x_xpath", "JSONPath"),
    ("x_transform", "transform"),
    ("x_template", "transform"),
    ("x_graphql", "GraphQL"),
    ("x_aws", "signed"),
    ("x_legacy", "JSONPath"),
    ("x_index", "JSONPath"),
    ("x_deep", "JSONPath"),
    ("x_members", "JSONPath"),
    ("x_state", "naive_DesiredState"),
    ("x_posted", "get_query_to_post_form_utf_8"),
    ("x_base", "a body that the document gives"),
]


@each_case(("name", "reason"), OFFERED)
def test_what_is_not_offered_is_said_before_anything_is_sent(
    name: str, reason: str, session: Connection, server: FaultyServer
) -> None:
    for sql in (f"SELECT id FROM acme.s.{name}", f"EXPLAIN SELECT id FROM acme.s.{name}", f"EXEC acme.s.{name}.get"):
        with pytest.raises(NotSupportedError, match=f"is not offered: .*{reason}"):
            run(session, sql)
    assert server.log == []


def test_names_of_a_query_that_only_tell_paths_apart_are_not_sent(session: Connection, server: FaultyServer) -> None:
    run(session, "EXEC acme.s.acts.reboot @id = '5'")
    assert server.log[0].path == "/w/w1/acts/5?of=x"


def test_a_missing_parameter_says_which_method_would_do_without_it(session: Connection) -> None:
    with pytest.raises(MissingParameter) as failure:
        run(session, "SELECT id FROM acme.s.x_listed")
    assert str(failure.value.hint).endswith("; list, which does without, is not offered: it speaks XML")


def test_a_transform_without_a_program_changes_nothing(session: Connection) -> None:
    assert run(session, "SELECT id FROM acme.s.plain") == [("1",)]


def test_a_reply_that_is_text_is_one_row(session: Connection, server: FaultyServer) -> None:
    assert run(session, "SELECT * FROM acme.s.texts") == [("w1", TEXT)]
    assert run(session, "DESCRIBE acme.s.texts") == [("contents", "string")]
    assert server.log[0].headers["accept"] == "*/*"


def test_a_method_that_is_offered_answers_in_place_of_one_that_is_not(
    session: Connection, server: FaultyServer
) -> None:
    assert run(session, "SELECT id FROM acme.s.x_mixed") == [("1",)]
    assert server.log[0].path == "/w/w1/x7"


def broken() -> Node:
    document = service_document([
        M("good", "SELECT", "get", "GET /good", fields="id"),
        M("bad", "SELECT", "get", "GET /bad", fields="id"),
        M("upper", "SELECT", "get", "GET /upper", fields="id"),
        M("listed", "SELECT", "get", "GET /listed", fields="id"),
    ])  # fmt: skip
    resources = document["components"]["x-stackQL-resources"]
    resources["bad"]["methods"]["get"]["operation"]["$ref"] = "#/paths/~1nowhere/get"
    resources["upper"]["methods"]["get"]["operation"]["$ref"] = "#/paths/~1UPPER/GET"
    reply = document["paths"]["/listed"]["get"]["responses"]["200"]["content"]["application/json"]
    document["components"]["schemas"] = {"Tag": {"allOf": [reply["schema"]]}}
    reply["schema"] = {"$ref": "#/components/schemas/Tag/allOf/0"}
    return document


def test_a_broken_method_disables_only_itself(server: FaultyServer, tmp_path: Path) -> None:
    with open_session(server, tmp_path, {"s": broken()}) as connection:
        assert [row[0] for row in run(connection, "SHOW RESOURCES IN acme.s")] == [
            f"acme.s.{name}" for name in ("bad", "good", "listed", "upper")
        ]
        for name in ("good", "listed", "upper"):
            assert run(connection, f"SELECT id FROM acme.s.{name}") == [("1",)]
        with pytest.raises(NotSupportedError, match="unresolvable reference: '#/paths/~1nowhere/get'"):
            run(connection, "SELECT id FROM acme.s.bad")


def test_a_broken_service_disables_only_itself(server: FaultyServer, tmp_path: Path) -> None:
    with open_session(server, tmp_path, {"s": broken(), "t": {"components": []}}) as connection:
        assert run(connection, "SELECT id FROM acme.s.good") == [("1",)]
        with pytest.raises(ProviderDocumentError, match=r"t\.json"):
            run(connection, "SHOW RESOURCES IN acme.t")


@pytest.mark.parametrize("text", ["{}", "[]", '{"name": "pgi", "providerServices": 5}', "not: [valid"])
def test_a_broken_provider_disables_only_itself(text: str, server: FaultyServer, tmp_path: Path) -> None:
    with open_session(server, tmp_path, {"s": broken()}) as connection:
        place = tmp_path / "registry" / "src" / "pgi" / "v1"
        place.mkdir(parents=True)
        (place / "provider.json").write_text(text)
        assert run(connection, "SELECT id FROM acme.s.good") == [("1",)]
        assert run(connection, "SHOW SERVICES IN databricks_workspace")
        with pytest.raises(ProviderDocumentError, match="pgi"):
            run(connection, "SHOW SERVICES IN pgi")


SHADOW = service_document([M("user_tokens", "SELECT", "other", "GET /other", fields="id"),
                           M("extra", "SELECT", "get", "GET /extra", fields="id")])  # fmt: skip


def test_the_shipped_resources_stay_beside_those_of_a_registry(server: FaultyServer, tmp_path: Path) -> None:
    services = {"workspace": SHADOW, "jobs": broken()}
    with open_session(server, tmp_path, {"s": broken()}) as connection:
        write_registry(tmp_path / "registry", services, provider="databricks_workspace")
        assert run(connection, "SELECT id FROM databricks_workspace.workspace.extra") == [("1",)]
        assert run(connection, "SELECT id FROM databricks_workspace.jobs.good") == [("1",)]
        methods = [row[0] for row in run(connection, "SHOW METHODS IN user_tokens")]
        assert "other" not in methods
        shown = {row[0] for row in run(connection, "SHOW RESOURCES IN databricks_workspace.workspace")}
        assert {f"databricks_workspace.workspace.{name}" for name in ("user_tokens", "tokens", "extra")} <= shown
        assert {"settings", "workspace", "jobs"} <= {
            row[1] for row in run(connection, "SHOW SERVICES IN databricks_workspace")
        }


def test_a_broken_document_does_not_hide_the_shipped_resources(server: FaultyServer, tmp_path: Path) -> None:
    with open_session(server, tmp_path, {"s": broken()}) as connection:
        write_registry(tmp_path / "registry", {"workspace": {"components": 5}}, provider="databricks_workspace")
        assert run(connection, "SHOW METHODS IN user_tokens")


@pytest.mark.parametrize(
    ("mapped", "url"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9/storage/v1/b"),
        ("http://127.0.0.1:9/storage/v1", "http://127.0.0.1:9/storage/v1/b"),
        ("http://127.0.0.1:9/proxy", "http://127.0.0.1:9/proxy/storage/v1/b"),
    ],
)
def test_the_base_path_of_a_server_stays_when_its_host_is_mapped(mapped: str, url: str, tmp_path: Path) -> None:
    document = service_document(
        [M("b", "SELECT", "list", "GET /b", fields="id")], server="https://st.example.com/storage/v1"
    )
    registry = write_registry(tmp_path / "registry", {"s": document})
    folder = tmp_path / ".config" / "tokensh"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(f'[hosts]\n"st.example.com" = "{mapped}"\n')
    with connect(None, tmp_path, {"DATABRICKS_TOKEN": TOKEN}, registry=registry) as connection:
        steps = {row[1]: row[2] for row in run(connection, "EXPLAIN SELECT id FROM acme.s.b")}
    assert steps["request"] == f"GET {url}"
