"""Random queries give the rows that plain SQLite finds in tables that hold the rows of all workspaces."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from urllib.request import Request, urlopen

import pytest

from tests.cases import each_case
from tests.engine.random_queries import ARM, RESOURCES, VIEWS, WHOLE, WORKSPACES, StatementBuilder
from tests.environments import make_environment
from tokensh import sandbox
from tokensh.dbapi.connection import Connection, connect
from tokensh.errors import DataError, HostError
from tokensh.rows import Row, Value
from tokensh.sandbox import Sandbox

PATHS = {"user_tokens": "/api/2.0/token/list", "tokens": "/api/2.0/token-management/tokens"}
COUNT = int(os.environ.get("TOKENSH_RANDOM_QUERIES") or 100)
"""How many; more by hand."""


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    with sandbox.start(tokens=2) as running:
        yield running


@pytest.fixture(scope="module")
def ours(site: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    home = tmp_path_factory.mktemp("home")
    variables = {"DATABRICKS_TOKEN": site.token}
    with connect(environment=make_environment(home, variables=variables), endpoint=site.endpoint) as connection:
        for name, query in VIEWS.items():
            list(connection.run(f"CREATE VIEW {name} AS {query}").rows)
        yield connection


@pytest.fixture(scope="module")
def plain(site: Sandbox) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(":memory:")
    # SQLite itself changes the case of ASCII letters alone.
    database.create_function("upper", 1, lambda value: None if value is None else str(value).upper())
    database.create_function("lower", 1, lambda value: None if value is None else str(value).lower())
    for resource, columns in RESOURCES.items():
        typed = (f"{name} {'INTEGER' if kind in ('integer', 'number') else 'TEXT'}" for name, kind in columns)
        database.execute(f"CREATE TABLE {resource} ({', '.join(typed)})")
        for workspace in WORKSPACES:
            url = site.endpoint.format(deployment_name=workspace) + PATHS[resource]
            with urlopen(Request(url, headers={"Authorization": f"Bearer {site.token}"})) as reply:
                listed = json.load(reply)["token_infos"]
            rows = [(workspace, *(token.get(name) for name, _ in columns[1:])) for token in listed]
            database.executemany(f"INSERT INTO {resource} VALUES ({', '.join('?' * len(columns))})", rows)
    for name, query in VIEWS.items():
        database.execute(f"CREATE VIEW {name} AS {keep_queries_apart(query)}")
    yield database
    database.close()


@pytest.fixture(scope="module")
def token_ids(plain: sqlite3.Connection) -> list[str]:
    return [row[0] for row in plain.execute("SELECT DISTINCT token_id FROM tokens ORDER BY comment, token_id")]


def keep_queries_apart(sql: str) -> str:
    """Return the statement for plain SQLite, which gets some queries wrong when it merges them."""
    begin, end = ARM
    return sql.replace(WHOLE, "LIMIT -1").replace(begin, "SELECT * FROM (").replace(end, "LIMIT -1)")


def with_types(row: Row) -> tuple[tuple[type, Value], ...]:
    """Return a row in which 1 and 1.0 differ."""
    return tuple((type(cell), cell) for cell in row)


@each_case("number", range(COUNT))
def test_a_random_query_has_the_rows_that_plain_sqlite_finds(
    number: int, ours: Connection, plain: sqlite3.Connection, token_ids: list[str]
) -> None:
    statement = StatementBuilder(number, token_ids).statement()
    expected = [with_types(row) for row in plain.execute(keep_queries_apart(statement.sql))]
    if "it''s" in statement.sql:  # a constant that cannot name a host: we send nothing, SQLite compares it
        with suppress(HostError):
            assert Counter(with_types(row) for row in ours.run(statement.sql).rows) == Counter(expected)
        return
    try:
        found = [with_types(row) for row in ours.run(statement.sql).rows]
    except DataError as error:  # SQLite chooses no row then
        if "NOT IN is NULL" not in error.message:
            raise
        return
    if statement.ordered:
        assert found == expected, statement.sql
    assert Counter(found) == Counter(expected), statement.sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT (2 IS DISTINCT FROM 2) > 0",
        "SELECT (1 = 2) < 1",
        "SELECT ((1, 2) = (1, 2)) >= 1",
        "SELECT (1 IN (2)) <= 0",
        "SELECT (3 < 2) < 1, 3 < (2 < 1)",
        "SELECT (2 < 3) = 1, 2 < 3 = 1",
    ],
)
def test_parentheses_around_a_comparison_that_is_compared_stay(
    sql: str, ours: Connection, plain: sqlite3.Connection
) -> None:
    assert list(ours.run(sql).rows) == plain.execute(sql).fetchall()


@each_case("form", ["{}", "SELECT c FROM ({}) AS q", "SELECT c FROM (SELECT c, count(*) OVER () FROM ({}) AS q)"])
@each_case("operator", ["UNION ALL", "UNION", "EXCEPT", "INTERSECT"])
@each_case("joins", [("RIGHT", "RIGHT"), ("FULL", "RIGHT"), ("LEFT", "FULL")])
def test_a_set_operation_of_outer_joins_has_the_rows_of_its_arms(
    joins: tuple[str, str], operator: str, form: str, ours: Connection
) -> None:
    a, b = WORKSPACES[1:]
    arms = [
        f"SELECT x.deployment_name AS c FROM user_tokens AS x {joins[0]} JOIN tokens AS y ON x.comment = y.token_id,"
        f" user_tokens AS z WHERE x.deployment_name = '{a}' AND y.deployment_name = '{a}' AND z.deployment_name = '{a}'",
        f"SELECT y.deployment_name AS c FROM user_tokens AS x {joins[1]} JOIN tokens AS y ON x.token_id = y.token_id"
        f" WHERE x.deployment_name = '{b}' AND y.deployment_name = '{b}'",
    ]
    first, second = ([row[0] for row in ours.run(arm).rows] for arm in arms)
    expected = {
        "UNION ALL": [*first, *second],
        "UNION": {*first, *second},
        "EXCEPT": set(first) - set(second),
        "INTERSECT": set(first) & set(second),
    }
    found = ours.run(form.format(f" {operator} ".join(arms))).rows
    assert Counter(row[0] for row in found) == Counter(expected[operator])


@pytest.mark.parametrize("join", ["RIGHT", "FULL"])
def test_a_condition_in_an_arm_of_a_union_is_none_of_its_outer_join(join: str, ours: Connection) -> None:
    a, b = WORKSPACES[:2]
    arm = (
        f"SELECT y.token_id AS c FROM user_tokens AS x {join} JOIN user_tokens AS y ON x.token_id = y.comment"
        f" WHERE x.deployment_name = '{a}' AND y.deployment_name = '{b}'"
    )
    assert list(ours.run(f"SELECT upper(q.c) FROM ({arm} UNION ALL {arm}) AS q WHERE q.c LIKE '%'").rows) == []
