"""Replies of a registry's methods that are more, or other, than a list of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.registry_sessions import open_session
from tests.engine.sessions import run
from tests.provider.documents import MethodLine as M
from tests.provider.documents import Node, service_document
from tests.resilience.faulty_server import Exchange, FaultyServer
from tokensh.dbapi.connection import Connection
from tokensh.errors import ReplyError

TOPICS: Node = {"type": "object", "properties": {"names": {"type": "array", "items": {"type": "string"}}}}
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
ID_OR_NAME = {"oneOf": [{"type": "integer"}, {"type": "string"}]}
PAGING = {
    "requestToken": {"key": "page", "location": "query"},
    "responseToken": {"key": "next_page", "location": "body"},
}
DOCUMENT = service_document([
    M("topics", "SELECT", "list", "GET /topics", fields="x", object_key="$.names"),
    M("counts", "SELECT", "list", "GET /counts", fields="x"),
    M("state", "SELECT", "get", "GET /state", fields="x", object_key="$.state"),
    M("files", "SELECT", "get", "GET /files/{name}", fields="x", response={"mediaType": "application/octet-stream"}),
    M("flows", "SELECT", "get", "GET /flows/{id}", fields="id"),
    M("flows", "UPDATE", "update", "PATCH /flows/{id}", body="label:object size"),
    M("checks", "SELECT", "get", "GET /checks", query="actor:object*", fields="actor:object ok:boolean"),
    M("jobs", "SELECT", "get", "GET /jobs/{id}", fields="id tasks:array next_page", config={"pagination": PAGING}),
    M("jobs", "EXEC", "run", "POST /jobs/{id}/run", body="", fields="id next_page", config={"pagination": PAGING}),
    M("odd", "SELECT", "list", "GET /odd", fields="x", object_key="$.assets"),
], config={"pagination": PAGING})  # fmt: skip


def replace_schema(path: str, schema: Node) -> None:
    DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"] = {"application/json": {"schema": schema}}


replace_schema("/topics", TOPICS)
replace_schema("/counts", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}})
replace_schema("/state", {"type": "object", "properties": {"state": {"type": "string"}}})
replace_schema("/odd", {"type": "object", "properties": {"items": {"type": "array"}, "next_page": {"type": "string"}}})
DOCUMENT["paths"]["/files/{name}"]["get"]["responses"]["200"]["content"] = BINARY
FLOW = DOCUMENT["paths"]["/flows/{id}"]
for verb in ("get", "patch"):
    FLOW[verb]["parameters"][0]["schema"] = ID_OR_NAME
BODY = FLOW["patch"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
BODY |= {"label": {"oneOf": [{"type": "string"}, {"type": "object"}]}, "size": ID_OR_NAME}

REPLIES: dict[str, Any] = {
    "/topics": {"names": ["a", "b"]},
    "/counts": [[1, 2], [3]],
    "/state": {"state": {"deep": [1]}},
    "/flows/a": {"id": "a"},
    "/checks": {"actor": {"n": 1}, "ok": True},
    "/jobs/5": {"id": "5", "tasks": [1], "next_page": "p2"},
    "/jobs/5?page=p2": {"id": "5", "tasks": [2]},
    "/jobs/5/run": {"id": "5", "next_page": "p2"},
    "/odd": {"items": [1], "next_page": ""},
}


def answer(exchange: Exchange) -> None:
    path = exchange.request.path.removeprefix("/w/w1")
    if path.startswith("/files/"):
        return exchange.reply(200, b"\xff\xfe" if path.endswith("picture") else "a,ü\n".encode())
    return exchange.reply(200, json.dumps(REPLIES.get(path, REPLIES.get(path.partition("?")[0]))).encode())


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as running:
        yield running


@pytest.fixture
def session(server: FaultyServer, tmp_path: Path) -> Iterator[Connection]:
    with open_session(server, tmp_path, {"s": DOCUMENT}) as connection:
        yield connection


CASES: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("SELECT * FROM acme.s.topics", [("w1", "a"), ("w1", "b")]),
    ("SELECT column_anon FROM acme.s.topics WHERE column_anon > 'a'", [("b",)]),
    ("SELECT column_anon FROM acme.s.counts", [("[1,2]",), ("[3]",)]),
    ("SELECT column_anon FROM acme.s.state", [('{"deep":[1]}',)]),
    ("SELECT column_anon FROM acme.s.files WHERE name = 'text'", [("a,ü\n",)]),
    ("SELECT id FROM acme.s.flows WHERE id = 'a'", [("a",)]),
    # An object that routes says nothing about the object that is a field.
    ("SELECT ok, actor FROM acme.s.checks WHERE actor = '{\"m\": 2}'", [(True, '{"n":1}')]),
    # Where a page is the whole reply, each is a row.
    ("SELECT id, tasks FROM acme.s.jobs WHERE id = '5'", [("5", "[1]"), ("5", "[2]")]),
    ("DESCRIBE acme.s.topics", [("column_anon", "string")]),
]


@pytest.mark.parametrize(("sql", "rows"), CASES, ids=[sql for sql, _ in CASES])
def test_every_reply_becomes_rows(sql: str, rows: list[tuple[Any, ...]], session: Connection) -> None:
    assert run(session, sql) == rows


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT column_anon FROM acme.s.files WHERE name = 'picture'", r"not valid UTF-8 text \(.*2 bytes\)"),
        ("SELECT * FROM acme.s.odd", "unknown reply to list: an object with 'items', not 'assets'"),
    ],
)
def test_a_reply_that_cannot_be_rows_is_an_error(sql: str, problem: str, session: Connection) -> None:
    with pytest.raises(ReplyError, match=problem):
        run(session, sql)


def test_a_change_is_not_sent_again_for_a_page(session: Connection, server: FaultyServer) -> None:
    run(session, "EXEC acme.s.jobs.run @id = '5'")
    assert [seen.path for seen in server.log] == ["/w/w1/jobs/5/run"]


@pytest.mark.parametrize(
    ("values", "sent"),
    [
        (("a", 5), {"label": "a", "size": 5}),
        (('{"n": 1}', "big"), {"label": {"n": 1}, "size": "big"}),
        (("[1]", "5"), {"label": [1], "size": "5"}),
    ],
)
def test_an_attribute_of_several_types_takes_each(
    values: tuple[Any, Any], sent: Node, session: Connection, server: FaultyServer
) -> None:
    run(session, "UPDATE acme.s.flows SET label = ?, size = ? WHERE id = 'a'", values=values)
    assert json.loads(server.log[-1].body) == sent
