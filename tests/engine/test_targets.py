"""Check that one workspace is one target, in whatever spelling a statement names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cases import each_case
from tests.environments import make_environment
from tokensh import sandbox
from tokensh.dbapi.connection import Connection, connect
from tokensh.sandbox import Sandbox

NAME = "dbc-abcd0123-a1bc"
SPELLINGS = (NAME, NAME.upper(), "Dbc-Abcd0123-a1bc.cloud.databricks.com", f"{NAME}.cloud.databricks.com:443/")
LIST = ", ".join(f"'{spelling}'" for spelling in SPELLINGS)
VALUES = ", ".join(f"('{spelling}')" for spelling in SPELLINGS)


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running


@pytest.fixture
def session(site: Sandbox, tmp_path: Path) -> Iterator[Connection]:
    environment = make_environment(tmp_path)
    with connect(environment=environment, sandbox=site, yes=True) as connection:
        yield connection


def rows(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    return list(connection.run(sql).rows)


def count(connection: Connection) -> int:
    ((number,),) = rows(connection, f"SELECT count(*) FROM user_tokens WHERE deployment_name = '{NAME}'")
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize(
    "condition",
    [
        *(f"deployment_name = '{spelling}'" for spelling in SPELLINGS),
        *(f"'{spelling}' = deployment_name" for spelling in SPELLINGS),
        f"deployment_name IN ({LIST})",
        f"deployment_name IN (SELECT * FROM (VALUES {VALUES}))",
        f"deployment_name = '{SPELLINGS[1]}' AND deployment_name = '{SPELLINGS[2]}'",
        f"deployment_name = '{SPELLINGS[1]}' OR deployment_name = '{SPELLINGS[2]}'",
        f"deployment_name IN ({LIST}) AND NOT deployment_name <> '{SPELLINGS[1]}'",
        f"deployment_name IN ({LIST}) AND deployment_name IS '{SPELLINGS[1]}'",
    ],
)
def test_all_spellings_are_one_request_and_the_canonical_name(condition: str, session: Connection) -> None:
    expected = count(session)
    before = session.client.requests_sent
    found = rows(session, f"SELECT deployment_name, count(*) FROM user_tokens WHERE {condition} GROUP BY 1")
    assert found == [(NAME, expected)]
    assert session.client.requests_sent - before == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM user_tokens u JOIN w ON w.name = u.deployment_name",
        "SELECT count(*) FROM user_tokens u JOIN w ON u.deployment_name = w.name",
        "SELECT count(*) FROM w, user_tokens u WHERE w.name = u.deployment_name",
        "SELECT count(*) FROM w LEFT JOIN user_tokens u ON w.name = u.deployment_name",
        "SELECT count(*) FROM user_tokens WHERE deployment_name IN (SELECT name FROM w)",
        "SELECT count(*) FROM (SELECT name AS deployment_name FROM w) JOIN user_tokens USING (deployment_name)",
        "SELECT count(*) FROM kept JOIN user_tokens USING (deployment_name)",
        "SELECT count(*) FROM user_tokens u, kept WHERE kept.deployment_name = u.deployment_name",
        f"SELECT count(*) FROM user_tokens u JOIN user_tokens v ON u.deployment_name = v.deployment_name AND u.token_id ="
        f" v.token_id WHERE u.deployment_name = '{SPELLINGS[1]}' AND v.deployment_name = '{SPELLINGS[2]}'",
    ],
)
def test_joins_compare_targets(sql: str, session: Connection) -> None:
    rows(session, f"CREATE TABLE w AS SELECT '{SPELLINGS[2]}' AS name")
    rows(session, f"CREATE TABLE kept AS SELECT '{SPELLINGS[1]}' AS deployment_name")
    assert rows(session, sql) == [(count(session),)]


UPPER, FULL = f"'{SPELLINGS[1]}'", f"'{SPELLINGS[2]}'"


@each_case(
    "condition",
    [
        f"CASE deployment_name WHEN 'other' THEN 0 WHEN {UPPER} THEN 1 ELSE 0 END",
        f"CASE {UPPER} WHEN deployment_name THEN 1 END",
        f"deployment_name BETWEEN {UPPER} AND {FULL}",
        f"{UPPER} BETWEEN deployment_name AND deployment_name",
        f"NOT deployment_name NOT BETWEEN {FULL} AND {UPPER}",
        f"(deployment_name, 1) = ({UPPER}, 1)",
        f"(1, {UPPER}) = (1, deployment_name)",
        f"(deployment_name, 1) <= ({UPPER}, 1)",
        f"(deployment_name, 1) IS ({FULL}, 1)",
        f"(1, deployment_name) IN ((1, {UPPER}), (2, {FULL}))",
        f"(deployment_name, 1) IN (VALUES ({UPPER}, 1))",
        f"(1, deployment_name) IN (SELECT 1, {FULL})",
        f"(deployment_name, 1) = (SELECT {UPPER}, 1)",
        f"deployment_name = (SELECT {FULL})",
        f"{UPPER} IN (deployment_name, 'other')",
        f"{UPPER} IN (SELECT u.deployment_name)",
        f"nullif(deployment_name, {UPPER}) IS NULL",
        f"NOT deployment_name IN (SELECT 'other' UNION SELECT 'another') AND deployment_name IN (SELECT {UPPER} UNION SELECT {FULL})",
    ],
)
def test_every_comparison_is_of_targets(condition: str, session: Connection) -> None:
    sql = f"SELECT count(*) FROM user_tokens u WHERE deployment_name = {FULL} AND {condition}"
    assert rows(session, sql) == [(count(session),)]
    # The other way round: what is not the target stays apart.
    other = condition.replace(UPPER, "'dbc-zzzz'").replace(FULL, "'dbc-zzzz'")
    if "BETWEEN" not in condition and "<=" not in condition:
        assert rows(session, sql.replace(condition, other)) == [(0,)]


def test_a_write_asks_for_each_row_and_names_the_target(session: Connection) -> None:
    insert = "INSERT INTO user_tokens (deployment_name, data__comment)"
    created = rows(session, f"{insert} VALUES ('{SPELLINGS[1]}', 'once') RETURNING deployment_name, token_value")
    assert [name for name, _ in created] == [NAME]
    rows(
        session,
        f"{insert} SELECT deployment_name, 'fleet' FROM tokensh.local.workspaces WHERE deployment_name = '{SPELLINGS[2]}' RETURNING token_value",
    )
    ((fleet,),) = rows(
        session, f"SELECT count(*) FROM user_tokens WHERE deployment_name = '{NAME}' AND comment = 'fleet'"
    )
    assert fleet == 1


def test_a_delete_over_two_spellings_revokes_each_token_once(session: Connection) -> None:
    rows(
        session,
        f"INSERT INTO user_tokens (deployment_name, data__comment) SELECT '{NAME}', 'doomed' FROM (VALUES (1), (2)) RETURNING token_value",
    )
    deleted = rows(
        session,
        f"DELETE FROM user_tokens WHERE deployment_name IN ({LIST}) AND comment = 'doomed' RETURNING deployment_name",
    )
    assert deleted == [(NAME,), (NAME,)]
