"""Views of provider documents are read like any table; their parameters are columns, whatever form the values have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.engine.registry_sessions import open_session
from tests.engine.sessions import run
from tests.provider.documents import MethodLine as M
from tests.provider.documents import Node, service_document
from tests.resilience.faulty_server import Exchange, FaultyServer
from tokensh.dbapi.connection import Connection
from tokensh.errors import MissingParameter, NotSupportedError

SQLITE = 'sqlDialect == "sqlite3"'
VIEWS = {
    "vw_members": "SELECT g.name AS team, m.value AS member FROM acme.s.teams g, JSON_EACH(g.members) m"
    " WHERE g.deployment_name = '{{ deployment_name }}' AND account = '{{ account }}'",
    "vw_shown": "SELECT account, name FROM acme.s.teams WHERE account = '{{account}}'"
    " AND '{{ deployment_name }}' = deployment_name;",
    "vw_inner": "SELECT n, size FROM (SELECT name AS n, size FROM acme.s.teams WHERE deployment_name ="
    " '{{ deployment_name }}' AND account = '{{ account }}' AND size > 1) t WHERE n <> 'x'",
    "vw_count": "SELECT count(*) AS teams FROM acme.s.teams WHERE deployment_name = '{{ deployment_name }}'"
    " AND account = '{{ account }}'",
    "vw_both": "SELECT a.name, b.text FROM acme.s.teams a JOIN acme.s.notes b ON b.team = a.name"
    " WHERE a.deployment_name = '{{ deployment_name }}' AND b.deployment_name = '{{ deployment_name }}'"
    " AND a.account = '{{ account }}'",
    "vw_wrong": "SELECT nothing FROM acme.s.teams WHERE deployment_name = '{{ deployment_name }}'",
    "vw_broken": "SELECT FROM",
    "vw_change": "DROP TABLE x",
    "vw_like": "SELECT name FROM acme.s.teams WHERE name LIKE '{{ name }}'",
    "vw_itself": "SELECT * FROM acme.s.vw_itself",
}
TEAMS = {
    "a": [{"name": "etl", "members": ["ada", "bob"], "size": 2}, {"name": "bi", "members": ["cyd"], "size": 1}],
    "b": [{"name": "ml", "members": ["dan"], "size": 3}],
}


def document() -> Node:
    built = service_document([
        M("teams", "SELECT", "list", "GET /teams", query="account*", fields="name members:array size:integer",
          object_key="$.teams[*]"),
        M("notes", "SELECT", "list", "GET /notes", fields="team text", object_key="$.notes[*]"),
        # A view goes before the methods that SELECT could call.
        M("both_kinds", "SELECT", "list", "GET /never", fields="other"),
    ])  # fmt: skip
    resources = built["components"]["x-stackQL-resources"]
    for name, text in VIEWS.items():
        postgres = {"predicate": 'sqlDialect == "postgres"', "ddl": "SELECT wrong"}
        views = {"select": {"predicate": SQLITE, "ddl": text, "fallback": postgres}}
        resources[name] = {"id": f"acme.s.{name}", "name": name, "config": {"views": views}}
    resources["vw_shown"]["config"]["docs"] = {
        "fields": [{"name": "account", "type": "string", "description": "whose"}, {"name": "name", "type": "string"}],
        "requiredParams": [{"name": "account", "type": "string"}, {"name": "deployment_name", "type": "string"}],
    }
    # The first one is for another dialect: the one behind it counts.
    count = {"predicate": SQLITE, "ddl": VIEWS["vw_count"]}
    resources["both_kinds"]["config"] = {"views": {"select": {**postgres, "fallback": count}}}
    return built


def answer(exchange: Exchange) -> None:
    parts = urlsplit(exchange.request.path)
    account = parse_qs(parts.query).get("account", [""])[0]
    replies: dict[str, Any] = {
        "teams": {"teams": TEAMS.get(account, [])},
        "notes": {"notes": [{"team": "etl", "text": "nightly"}]},
    }
    exchange.reply(200, json.dumps(replies[parts.path.rpartition("/")[2]]).encode())


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as running:
        yield running


@pytest.fixture
def session(server: FaultyServer, tmp_path: Path) -> Iterator[Connection]:
    with open_session(server, tmp_path, {"s": document()}, workspace=None, yes=False) as connection:
        yield connection


BOTH = "deployment_name = 'w1' AND account"
READ = [
    (f"SELECT * FROM acme.s.vw_members WHERE {BOTH} = 'a'", [("etl", "ada"), ("etl", "bob"), ("bi", "cyd")]),
    (f"SELECT member, account FROM acme.s.vw_members WHERE {BOTH} IN ('a', 'b') AND team <> 'etl'",
     [("cyd", "a"), ("dan", "b")]),
    (f"SELECT v.team FROM ACME.S.VW_MEMBERS v WHERE v.{BOTH} IN (SELECT 'b') LIMIT 1", [("ml",)]),
    (f"SELECT * FROM acme.s.vw_shown WHERE {BOTH} = 'b'", [("b", "ml")]),
    (f"SELECT * FROM acme.s.vw_inner WHERE {BOTH} = 'a'", [("etl", 2)]),
    (f"SELECT teams FROM acme.s.vw_count WHERE {BOTH} IN ('a', 'b') ORDER BY account", [(2,), (1,)]),
    (f"SELECT * FROM acme.s.vw_both WHERE {BOTH} = 'a'", [("etl", "nightly")]),
    (f"SELECT teams FROM acme.s.both_kinds WHERE {BOTH} = 'a'", [(2,)]),
    ("SELECT m.member, s.name FROM acme.s.vw_members m JOIN acme.s.vw_shown s ON s.account = m.account"
     " AND s.deployment_name = m.deployment_name WHERE m.deployment_name = 'w1' AND m.account = 'b'",
     [("dan", "ml")]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "rows"), READ)
def test_a_view_of_a_document_is_read_for_the_values_of_its_parameters(
    sql: str, rows: list[object], session: Connection
) -> None:
    assert run(session, sql) == rows


def test_the_sessions_workspace_is_the_default_of_a_view(session: Connection, server: FaultyServer) -> None:
    session.workspace = "w2"
    assert run(session, "SELECT * FROM acme.s.vw_both WHERE account = 'a'") == [("etl", "nightly")]
    assert sorted(seen.path for seen in server.log) == ["/w/w2/notes", "/w/w2/teams?account=a"]


def test_a_parameter_that_is_not_given_is_named(session: Connection, server: FaultyServer) -> None:
    with pytest.raises(MissingParameter, match="account of acme") as caught:
        run(session, "SELECT * FROM acme.s.vw_members WHERE deployment_name = 'w1'")
    assert "--workspace" not in str(caught.value.hint)
    assert server.log == []


WRONG = [
    ("vw_wrong", "unknown column 'nothing'"),
    ("vw_broken", "its text is wrong"),
    ("vw_change", "its text is not a query"),
    ("vw_like", "compares a parameter with more than columns"),
    ("vw_itself", "reads itself"),
]


@pytest.mark.parametrize(("name", "reason"), WRONG)
def test_a_view_that_its_document_writes_wrongly_says_so_by_itself(
    name: str, reason: str, session: Connection, server: FaultyServer
) -> None:
    with pytest.raises(NotSupportedError, match=f"acme.s.{name} of the provider document cannot be read: .*{reason}"):
        run(session, f"SELECT * FROM acme.s.{name} WHERE deployment_name = 'w1'")
    assert server.log == []


def test_views_of_documents_are_listed_and_described(session: Connection) -> None:
    assert run(session, "SHOW METHODS IN acme.s.vw_shown") == [("view", "account, deployment_name", "SELECT")]
    assert run(session, "DESCRIBE acme.s.vw_shown") == [("account", "string"), ("name", "string")]
    assert run(session, "DESCRIBE acme.s.vw_members") == [("team", "string"), ("member", "json")]
    assert ("acme.s.vw_count", "VIEW", VIEWS["vw_count"]) in run(session, "SHOW VIEWS IN acme.s")
    assert run(session, "SHOW VIEWS") == []
    assert run(session, "SHOW METHODS IN acme.s.both_kinds") == [
        ("view", "account, deployment_name", "SELECT"),
        ("list", "deployment_name", "EXEC"),
    ]


@pytest.mark.parametrize("sql", ["EXEC acme.s.vw_shown.view", "DELETE FROM acme.s.vw_shown WHERE name = 'x'"])
def test_a_view_is_only_read(sql: str, session: Connection, server: FaultyServer) -> None:
    with pytest.raises(NotSupportedError, match=r"only SELECT reads|has no method for DELETE"):
        run(session, sql)
    assert server.log == []
