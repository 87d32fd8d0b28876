"""A statement's predicates narrow the table that gives the workspaces, without changing the result.

Random joins of a local table `w` with a resource give the rows that they give over a copy of all the resource's rows.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.engine.sessions import A, B, C, run
from tokensh.dbapi.connection import Connection
from tokensh.errors import MissingParameter

VALUES = {
    "env": ("'prod'", "'dev'", "'2'", "nullif('x', 'x')", f"'{A}'", "'x'"),
    "name": ("'prod'", "nullif('x', 'x')", f"'{A}'", "lower('PROD')"),
    "n": ("2", "'2'", "nullif(1, 1)", "length('x')"),
}
"""What each column can be compared with."""
PREDICATES = (
    "{c} = {v}",
    "{c} <> {v}",
    "{c} IS NULL",
    "{c} IS NOT NULL",
    "{c} IN ({v}, '3')",
    "{c} NOT IN ({v}, '1')",
    "{c} NOT IN ()",
    "{c} LIKE '%r%'",
    "{c} NOT LIKE 'p%'",
    "{c} BETWEEN 1 AND 3",
    "{c} NOT BETWEEN 2 AND 9",
    "{c} > {v}",
    "coalesce({c}, {v}) = {v}",
    "{a}.env < {a}.name",
    "{c} GLOB 'd*'",
    "NOT {c} = {v}",
)
JOINS = ("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
SHAPES = (
    "w AS w1 {j} @ AS s ON {on}",
    "@ AS s {j} w AS w1 ON {on}",
    "w AS w2 {k} (w AS w1 {j} @ AS s ON {on}) ON {p1}",
    "(w AS w1 {j} @ AS s ON {on}) {k} w AS w2 ON {p2}",
    "w AS w2 {k} w AS w1 ON {p1} {j} @ AS s ON {on}",
)


def predicate(random: Random, table: str) -> str:
    column = random.choice([*VALUES])
    text = random.choice(PREDICATES).format(a=table, c=f"{table}.{column}", v=random.choice(VALUES[column]))
    return f"({text} OR {predicate(random, table)})" if random.random() < 0.2 else text


def query(random: Random) -> str:
    """Build a SELECT with `@` for the resource."""
    on = " AND ".join(
        ["s.deployment_name = w1.name", *(predicate(random, "w1") for _ in range(random.choice((0, 0, 1))))]
    )
    source = random.choice(SHAPES).format(
        j=random.choice(JOINS),
        k=random.choice(JOINS),
        on=on,
        p1=predicate(random, "w1"),
        p2=predicate(random, "w2"),
    )
    tables = ("w1", "w2") if " w2" in source else ("w1",)
    where = [predicate(random, random.choice(tables)) for _ in range(random.choice((0, 1, 1, 2)))]
    if random.random() < 0.2:
        source = "w AS w1, (SELECT 'none' AS token_id) AS s"
        where = ["EXISTS (SELECT 1 FROM @ AS t WHERE t.deployment_name = w1.name)", predicate(random, "w1")]
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    return f"SELECT w1.n, w1.env, s.token_id FROM {source}{condition}"


@pytest.mark.parametrize("seed", range(2))
def test_the_rows_are_those_of_a_copy_of_everything(seed: int, session: Connection) -> None:
    places = f"deployment_name IN ('{A}', '{B}', '{C}')"
    run(
        session,
        "CREATE OR REPLACE TABLE w (name TEXT, env TEXT, n INT)",
        f"INSERT INTO w VALUES ('{A}', 'prod', 1), ('{B}', 'dev', 2), ('{C}', NULL, 3)",
        f"INSERT INTO w VALUES ('{A}', NULL, 4), ('{B}', 'prod', NULL), (NULL, 'x', 5)",
        f"CREATE OR REPLACE TABLE copied AS SELECT * FROM user_tokens WHERE {places}",
    )
    random = Random(seed)
    answered = 0
    for _ in range(80):
        sql = query(random)
        try:
            rows = run(session, sql.replace("@", "user_tokens"))
        except MissingParameter:
            continue  # a FULL JOIN, or one that keeps the resource's rows
        assert sorted(map(repr, rows)) == sorted(map(repr, run(session, sql.replace("@", "copied")))), sql
        answered += 1
    assert answered > 20
