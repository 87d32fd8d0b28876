"""A parameter that has a field's name and another type routes, and the field stays what the reply says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.registry_sessions import open_session
from tests.engine.sessions import run
from tests.provider.documents import MethodLine as M
from tests.provider.documents import service_document
from tests.resilience.faulty_server import Exchange, FaultyServer
from tokensh.dbapi.connection import Connection

REPO = {"id": 7, "name": "r", "owner": {"login": "o"}, "topics": ["a"], "private": True}
FIELDS = "id:integer name owner:object topics:array private:boolean"
DOCUMENT = service_document([
    M("repos", "SELECT", "get", "GET /repos/{owner}/{name}", query="topics private", fields=FIELDS),
    M("repos", "SELECT", "list", "GET /repos/{owner}", fields=FIELDS, object_key="$.repos[*]"),
    M("repos", "DELETE", "delete", "DELETE /repos/{owner}/{name}"),
])  # fmt: skip


def answer(exchange: Exchange) -> None:
    path = exchange.request.path.partition("?")[0].removeprefix("/w/w1/repos/")
    reply: Any = REPO if "/" in path else {"repos": [REPO, {**REPO, "name": "s"}]}
    exchange.reply(200, json.dumps(reply).encode())


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as running:
        yield running


@pytest.fixture
def session(server: FaultyServer, tmp_path: Path) -> Iterator[Connection]:
    with open_session(server, tmp_path, {"s": DOCUMENT}) as connection:
        yield connection


OWNER = '{"login":"o"}'
CASES: list[tuple[str, list[tuple[Any, ...]], str]] = [
    ("SELECT id, owner FROM acme.s.repos WHERE owner = 'o' AND name = 'r'", [(7, OWNER)], "/repos/o/r"),
    ("SELECT id FROM acme.s.repos r WHERE 'o' = r.owner AND r.name = 'r'", [(7,)], "/repos/o/r"),
    ("SELECT id FROM acme.s.repos WHERE owner IN ('o') AND name = 'r'", [(7,)], "/repos/o/r"),
    ("SELECT id FROM acme.s.repos WHERE (owner, name) = ('o', 'r')", [(7,)], "/repos/o/r"),
    ("SELECT name FROM acme.s.repos WHERE owner = 'o'", [("r",), ("s",)], "/repos/o"),
    (
        "SELECT name FROM acme.s.repos WHERE owner = 'o' AND json_extract(owner, '$.login') = 'o'",
        [("r",), ("s",)],
        "/repos/o",
    ),
    ("SELECT name FROM acme.s.repos WHERE owner = 'o' AND json_extract(owner, '$.login') = 'x'", [], "/repos/o"),
    (
        "SELECT topics FROM acme.s.repos WHERE owner = 'o' AND name = 'r' AND topics = 'b'",
        [('["a"]',)],
        "/repos/o/r?topics=b",
    ),
    (
        "SELECT private FROM acme.s.repos WHERE owner = 'o' AND name = 'r' AND private = 'x'",
        [(1,)],
        "/repos/o/r?private=x",
    ),
    (
        "SELECT r.id FROM (SELECT 'o' AS who) w JOIN acme.s.repos r ON r.owner = w.who AND r.name = 'r'",
        [(7,)],
        "/repos/o/r",
    ),
]


@pytest.mark.parametrize(("sql", "rows", "path"), CASES, ids=[sql for sql, _, _ in CASES])
def test_the_parameter_routes_and_does_not_filter(
    sql: str, rows: list[tuple[Any, ...]], path: str, session: Connection, server: FaultyServer
) -> None:
    assert run(session, sql) == rows
    assert [seen.path.removeprefix("/w/w1") for seen in server.log] == [path]


def test_star_gives_the_field(session: Connection) -> None:
    (row,) = run(session, "SELECT * FROM acme.s.repos WHERE owner = 'o' AND name = 'r'")
    assert row == ("w1", 7, "r", OWNER, '["a"]', 1)


def test_a_change_is_sent_with_the_parameter(session: Connection, server: FaultyServer) -> None:
    run(session, "DELETE FROM acme.s.repos WHERE owner = 'o' AND id = 7")
    changes = [seen.path for seen in server.log if seen.method == "DELETE"]
    assert changes == ["/w/w1/repos/o/r", "/w/w1/repos/o/s"]
