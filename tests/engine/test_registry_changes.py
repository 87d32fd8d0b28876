"""Changes of any provider's resources call the method that the statement's keys fit, with every key, or ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.engine.registry_sessions import open_session
from tests.engine.sessions import run
from tests.provider.documents import MethodLine as M
from tests.provider.documents import service_document
from tests.resilience.faulty_server import Exchange, FaultyServer
from tokensh.dbapi.connection import Connection
from tokensh.errors import MissingParameter, NotSupportedError, ProgrammingError

JOBS = [{"job_id": 5, "name": "etl", "owner": "ada"}, {"job_id": 6, "name": "bi", "owner": "ada"}]
ROW = "job_id:integer name owner"
DOCUMENT = service_document([
    M("jobs", "SELECT", "list", "GET /jobs/list", fields=ROW, object_key="$.jobs[*]"),
    M("jobs", "DELETE", "delete", "POST /jobs/delete", body="job_id:integer*"),
    M("jobs", "UPDATE", "update", "POST /jobs/update", body="job_id:integer* new_settings:object fields_to_remove:array"),
    M("jobs", "REPLACE", "reset", "POST /jobs/reset", body="job_id:integer* new_settings:object*"),
    # An older document: no attribute is required, and SQL names them with the prefix.
    M("old", "SELECT", "list", "GET /old/list", fields=ROW, object_key="$.jobs[*]"),
    M("old", "DELETE", "delete", "POST /old/delete", body="job_id:integer", naive=False),
    M("old", "UPDATE", "update", "POST /old/update", body="job_id:integer name", naive=False),
    # Attributes of which no listing shows that one alone is the key.
    M("scopes", "SELECT", "list", "GET /old/list", fields="name", object_key="$.jobs[*]"),
    M("scopes", "DELETE", "delete", "POST /scopes/delete", body="scope"),
    M("runs", "SELECT", "list", "GET /old/list", fields=ROW, object_key="$.jobs[*]"),
    M("runs", "DELETE", "delete", "POST /runs/delete", body="job_id:integer before:integer"),
    # A key that no listing shows.
    M("files", "SELECT", "list", "GET /files/list", query="path*", fields="name size:integer", object_key="$.files[*]"),
    M("files", "DELETE", "delete", "POST /files/delete", body="path* recursive:boolean"),
    # Several methods for one verb, the narrower ones first, as documents have them.
    M("models", "SELECT", "list", "GET /models", fields="full_name owner", object_key="$.models[*]"),
    M("models", "DELETE", "delete_alias", "DELETE /models/{full_name}/aliases/{alias}"),
    M("models", "DELETE", "delete", "DELETE /models/{full_name}", query="force:boolean"),
    M("models", "UPDATE", "set_alias", "PUT /models/{full_name}/aliases/{alias}", body="version:integer*"),
    M("models", "UPDATE", "update", "PATCH /models/{full_name}", body="owner comment"),
    M("models", "REPLACE", "replace_alias", "PUT /models/{full_name}/aliases/{alias}", body="version:integer*"),
    M("models", "REPLACE", "replace", "PUT /models/{full_name}", body="owner comment"),
    # One of each in a workspace.
    M("banner", "SELECT", "get", "GET /banner", fields="text"),
    M("banner", "DELETE", "delete", "DELETE /banner"),
    M("banner", "UPDATE", "update", "PATCH /banner", body="text*"),
    # The body repeats the name of the path.
    M("tags", "UPDATE", "update", "PATCH /tags/{name}", body="name value"),
])  # fmt: skip


def answer(exchange: Exchange) -> None:
    path = urlsplit(exchange.request.path).path
    replies: dict[str, Any] = {
        "jobs/list": {"jobs": JOBS},
        "old/list": {"jobs": JOBS},
        "models": {"models": [{"full_name": "c.s.m", "owner": "ada"}, {"full_name": "c.s.n", "owner": "bob"}]},
    }
    exchange.reply(200, json.dumps(replies.get(path.removeprefix("/w/w1/"), {})).encode())


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as running:
        yield running


@pytest.fixture
def session(server: FaultyServer, tmp_path: Path) -> Iterator[Connection]:
    with _connect(server, tmp_path, yes=False) as connection:
        yield connection


def _connect(server: FaultyServer, home: Path, *, yes: bool) -> Connection:
    return open_session(server, home, {"s": DOCUMENT}, workspace=None, yes=yes)


def sent(server: FaultyServer) -> list[str]:
    """Return the changes that arrived: method, path and body."""
    changes = [seen for seen in server.log if seen.method != "GET"]
    bodies = [json.dumps(json.loads(seen.body), separators=(",", ":")) if seen.body else "" for seen in changes]
    return [
        f"{seen.method} {seen.path.removeprefix('/w/w1')} {body}".rstrip()
        for seen, body in zip(changes, bodies, strict=True)
    ]


BY_KEY = [
    ("DELETE FROM acme.s.jobs WHERE job_id = 5", ['POST /jobs/delete {"job_id":5}']),
    ("DELETE FROM acme.s.jobs WHERE job_id = '5'", ['POST /jobs/delete {"job_id":5}']),
    (
        "DELETE FROM acme.s.jobs WHERE job_id IN (5, 6)",
        ['POST /jobs/delete {"job_id":5}', 'POST /jobs/delete {"job_id":6}'],
    ),
    ("DELETE FROM acme.s.jobs WHERE data__job_id = 5", ['POST /jobs/delete {"job_id":5}']),
    ("DELETE FROM acme.s.old WHERE job_id = 5", ['POST /old/delete {"job_id":5}']),
    ("DELETE FROM acme.s.old o WHERE o.data__job_id = 5", ['POST /old/delete {"job_id":5}']),
    ("DELETE FROM acme.s.files WHERE path = '/a'", ['POST /files/delete {"path":"/a"}']),
    (
        "DELETE FROM acme.s.files WHERE path = '/a' AND recursive = true",
        ['POST /files/delete {"path":"/a","recursive":true}'],
    ),
    (
        "UPDATE acme.s.jobs SET new_settings = '{\"a\":1}' WHERE job_id = 5",
        ['POST /jobs/update {"job_id":5,"new_settings":{"a":1}}'],
    ),
    (
        "UPDATE acme.s.jobs SET job_id = 5, new_settings = '{}'",
        ['POST /jobs/update {"job_id":5,"new_settings":{}}'],
    ),
    (
        "UPDATE acme.s.old SET data__name = 'x' WHERE data__job_id = 5",
        ['POST /old/update {"job_id":5,"name":"x"}'],
    ),
    ("DELETE FROM acme.s.models WHERE full_name = 'c.s.m'", ["DELETE /models/c.s.m"]),
    ("DELETE FROM acme.s.models WHERE full_name = 'c.s.m' AND alias = 'a'", ["DELETE /models/c.s.m/aliases/a"]),
    ("DELETE FROM acme.s.models WHERE full_name = 'c.s.m' AND force = true", ["DELETE /models/c.s.m?force=true"]),
    (
        "UPDATE acme.s.models SET comment = 'x' WHERE full_name = 'c.s.m'",
        ['PATCH /models/c.s.m {"comment":"x"}'],
    ),
    (
        "UPDATE acme.s.models SET version = 2 WHERE full_name = 'c.s.m' AND alias = 'a'",
        ['PUT /models/c.s.m/aliases/a {"version":2}'],
    ),
    ("UPDATE acme.s.banner SET text = 'x'", ['PATCH /banner {"text":"x"}']),
    ("UPDATE acme.s.tags SET value = 'x' WHERE name = 'n'", ['PATCH /tags/n {"value":"x"}']),
]


@pytest.mark.parametrize(("sql", "requests"), BY_KEY, ids=[sql for sql, _ in BY_KEY])
def test_a_change_by_key_sends_the_key_to_the_method_that_takes_it(
    sql: str, requests: list[str], session: Connection, server: FaultyServer
) -> None:
    workspace = "deployment_name = 'w1'"
    run(session, f"{sql} AND {workspace}" if "WHERE" in sql else f"{sql} WHERE {workspace}")
    assert (
        sent(server) == [request.replace('":', '": ').replace(',"', ', "') for request in requests]
        or sent(server) == requests
    )


REPLACED = [
    ("job_id = 5", "jobs SET new_settings = '{}'", '{"job_id":5,"new_settings":{}}'),
    ("full_name = 'c.s.m'", "models SET comment = 'x'", '{"comment":"x"}'),
    ("full_name = 'c.s.m' AND alias = 'a'", "models SET version = 2", '{"version":2}'),
]


@pytest.mark.parametrize(("keys", "setting", "body"), REPLACED)
def test_replace_takes_its_keys_like_update(
    keys: str, setting: str, body: str, server: FaultyServer, tmp_path: Path
) -> None:
    with _connect(server, tmp_path, yes=True) as connection:
        run(connection, f"REPLACE acme.s.{setting} WHERE deployment_name = 'w1' AND {keys}")
    (seen,) = [seen for seen in server.log if seen.method != "GET"]
    assert json.loads(seen.body) == json.loads(body)


LISTED = [
    ("DELETE FROM acme.s.jobs WHERE deployment_name = 'w1'", "2 rows: deployment_name=w1 job_id=5"),
    ("DELETE FROM acme.s.jobs WHERE deployment_name = 'w1' AND name = 'bi'", "1 row: deployment_name=w1 job_id=6"),
    ("DELETE FROM acme.s.old WHERE deployment_name = 'w1'", "2 rows: deployment_name=w1 job_id=5"),
    ("DELETE FROM acme.s.models WHERE deployment_name = 'w1'", "2 rows: deployment_name=w1 full_name=c.s.m"),
    (
        "UPDATE acme.s.jobs SET new_settings = '{}' WHERE deployment_name = 'w1' AND owner = 'ada'",
        "2 rows: deployment_name=w1 job_id=5",
    ),
    ("DELETE FROM acme.s.banner WHERE deployment_name = 'w1'", "1 row: deployment_name=w1"),
]


@pytest.mark.parametrize(("sql", "listing"), LISTED, ids=[sql for sql, _ in LISTED])
def test_a_change_without_a_key_lists_the_keys_and_asks(
    sql: str, listing: str, session: Connection, server: FaultyServer
) -> None:
    with pytest.raises(ProgrammingError, match="would hit") as failure:
        run(session, sql)
    assert listing in str(failure.value)
    assert sent(server) == []


def test_approved_rows_are_deleted_by_their_keys(server: FaultyServer, tmp_path: Path) -> None:
    with _connect(server, tmp_path, yes=True) as connection:
        run(connection, "DELETE FROM acme.s.jobs WHERE deployment_name = 'w1' AND owner = 'ada'")
    assert [json.loads(request.split(" ", 2)[2]) for request in sent(server)] == [{"job_id": 5}, {"job_id": 6}]


REFUSED = [
    ("DELETE FROM acme.s.scopes WHERE deployment_name = 'w1'", MissingParameter, "needs a key"),
    ("DELETE FROM acme.s.runs WHERE deployment_name = 'w1'", MissingParameter, "needs a key"),
    ("DELETE FROM acme.s.banner WHERE deployment_name = 'w1' AND text = 'x'", NotSupportedError, "has no key"),
    ("REPLACE acme.s.jobs SET job_id = 5 WHERE deployment_name = 'w1'", MissingParameter, "needs new_settings"),
    ("DELETE FROM acme.s.files WHERE deployment_name = 'w1'", MissingParameter, "path"),
]


@pytest.mark.parametrize(("sql", "error", "message"), REFUSED, ids=[sql for sql, _, _ in REFUSED])
def test_a_change_that_cannot_name_its_key_is_refused(
    sql: str, error: type[Exception], message: str, session: Connection, server: FaultyServer
) -> None:
    with pytest.raises(error, match=message):
        run(session, sql)
    assert sent(server) == []
