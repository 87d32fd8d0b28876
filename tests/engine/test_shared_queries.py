"""A CTE or view is evaluated once for a statement, however often it is read, and its readers ask for what each needs."""

from __future__ import annotations

import random
import sqlite3

import pytest

from tests.engine.sessions import A, B, C, list_calls, list_requests, run
from tokensh.dbapi.connection import Connection
from tokensh.errors import HostError, MissingParameter, NotSupportedError
from tokensh.sandbox import Sandbox

D = "deployment_name"
PLACES = f"(SELECT column1 AS {D} FROM (VALUES ('{A}'), ('{B}'), ('{C}')) ORDER BY random() LIMIT 1)"


def chain(first: str, step: str, length: int) -> str:
    """Return WITH c0 AS (first), each later query made of the one before it."""
    later = "".join(f", c{i} AS ({step.format(f'c{i - 1}')})" for i in range(1, length + 1))
    return f"WITH c0 AS ({first}){later}"


# Each is true if the query is evaluated once.
ONCE = [
    "WITH r AS (SELECT random() AS x) SELECT a.x = b.x FROM r AS a, r AS b",
    "WITH r AS MATERIALIZED (SELECT random() AS x) SELECT a.x = b.x FROM r AS a, r AS b",
    "WITH r AS NOT MATERIALIZED (SELECT random() AS x) SELECT a.x = b.x FROM r AS a, r AS b",
    "WITH r(x) AS (SELECT hex(randomblob(8))) SELECT (SELECT x FROM r) = (SELECT max(x) FROM r)",
    f"WITH r AS (SELECT * FROM user_tokens WHERE {D} = '{A}' ORDER BY random() LIMIT 1)"
    " SELECT count(*) = 1 FROM r AS a JOIN r AS b USING (token_id)",
    f"WITH r AS (SELECT *, random() AS x FROM user_tokens) SELECT count(*) > 1 AND min(a.x = b.x) FROM r AS a JOIN r AS b"
    f" USING (token_id) WHERE a.{D} = '{A}' AND b.{D} = '{A}'",
    f"WITH r AS (SELECT *, random() AS x FROM user_tokens) SELECT count(*) > 1 AND min(a.x = b.x) FROM r AS a JOIN r AS b"
    f" USING ({D}, token_id) WHERE a.{D} = '{A}'",
    "WITH r AS (SELECT random() AS x), s AS (SELECT x FROM r), t AS (SELECT x FROM r) SELECT s.x = t.x FROM s, t",
    # The values of a parameter are worked out by a statement of their own, before the rows are there.
    f"WITH w AS {PLACES} SELECT count(*) > 0 FROM w JOIN user_tokens AS u ON u.{D} = w.{D}",
    f"SELECT count(DISTINCT {D}) = 1 FROM user_tokens WHERE {D} IN {PLACES}",
    f"SELECT count(*) > 0 FROM {PLACES} AS w JOIN user_tokens AS u ON u.{D} = w.{D}",
]


@pytest.mark.parametrize("sql", ONCE)
@pytest.mark.parametrize("_again", range(2))
def test_a_query_is_evaluated_once(sql: str, _again: int, session: Connection) -> None:
    assert run(session, sql) == [(1,)]


def test_a_view_is_evaluated_once_too(session: Connection) -> None:
    run(session, "CREATE VIEW dice AS SELECT random() AS x")
    assert run(session, "SELECT a.x = b.x FROM dice AS a, dice AS b") == [(1,)]


# The statement, and the workspaces that are asked.
READERS = [
    (
        f"WITH r AS (SELECT * FROM user_tokens) SELECT 1 FROM r AS a JOIN r AS b ON a.{D} = '{A}' AND b.{D} = '{B}'",
        [A, B],
    ),
    (
        f"WITH r AS (SELECT * FROM user_tokens) SELECT 1 FROM r WHERE {D} = '{A}' UNION SELECT 2 FROM r WHERE {D} = '{B}'",
        [A, B],
    ),
    (
        f"WITH r AS (SELECT * FROM user_tokens WHERE {D} IN ('{A}', '{B}', '{C}')) SELECT 1 FROM r AS a JOIN r AS b"
        f" ON a.{D} = b.{D} WHERE a.{D} = '{C}'",
        [C],
    ),
    (
        f"WITH r AS (SELECT * FROM user_tokens WHERE {D} IN ('{A}', '{B}')) SELECT 1 FROM r AS a, r AS b WHERE a.{D} = '{A}'",
        [A, B],
    ),
    (
        f"WITH r AS (SELECT * FROM user_tokens), s AS (SELECT * FROM r UNION ALL SELECT * FROM r) SELECT 1 FROM s AS a JOIN s AS b"
        f" USING (token_id) WHERE a.{D} = '{A}' AND b.{D} = '{A}'",
        [A],
    ),
]


@pytest.mark.parametrize(("sql", "workspaces"), READERS)
def test_the_scans_of_a_query_fetch_what_any_of_its_readers_needs(
    sql: str, workspaces: list[str], session: Connection, site: Sandbox
) -> None:
    site.log.clear()
    run(session, sql)
    assert sorted(list_requests(site)) == sorted(list_calls(*workspaces))


def test_each_reader_sees_its_own_part(session: Connection) -> None:
    reader = f"(SELECT count(*) FROM r WHERE {D} = '{{}}')"
    alone = [run(session, f"SELECT count(*) FROM user_tokens WHERE {D} = '{name}'")[0][0] for name in (A, B)]
    sql = f"WITH r AS (SELECT * FROM user_tokens) SELECT {reader.format(A)}, {reader.format(B)}"
    assert run(session, sql) == [tuple(alone)]


def test_one_reader_may_give_the_other_its_values(session: Connection) -> None:
    """Then the two readings differ, and each is read by itself."""
    sql = f"WITH r AS (SELECT * FROM user_tokens) SELECT 1 FROM r AS a JOIN r AS b ON b.{D} = a.comment WHERE a.{D} = '{A}'"
    with pytest.raises(HostError, match="terraform ci"):
        run(session, sql)


JOIN = "SELECT a.token_id FROM {0} AS a JOIN {0} AS b USING (token_id)"


@pytest.mark.parametrize("length", [12, 40])
def test_a_chain_of_queries_that_each_read_the_one_before_twice_answers_at_once(
    length: int, session: Connection
) -> None:
    expected = run(session, f"SELECT count(*) FROM user_tokens WHERE {D} = '{A}'")
    sql = chain(f"SELECT token_id FROM user_tokens WHERE {D} = '{A}'", JOIN, length)
    assert run(session, f"{sql} SELECT count(*) FROM c{length}") == expected
    inside = f"EXISTS (SELECT 1 FROM c{length} WHERE c{length}.token_id = u.token_id)"
    assert run(session, f"{sql} SELECT count(*) FROM user_tokens AS u WHERE {D} = '{A}' AND {inside}") == expected


def test_a_chain_takes_its_workspace_from_the_end(session: Connection, site: Sandbox) -> None:
    step = f"SELECT {D}, token_id FROM {{0}} AS a JOIN {{0}} AS b USING ({D}, token_id)"
    sql = chain(f"SELECT {D}, token_id FROM user_tokens", step, 30)
    site.log.clear()
    run(session, f"{sql} SELECT count(*) FROM c30 WHERE {D} = '{B}'")
    assert list_requests(site) == list_calls(B)
    session.workspace = None
    with pytest.raises(MissingParameter):
        run(session, f"{sql} SELECT count(*) FROM c30")


def test_a_chain_of_views_answers_at_once(session: Connection) -> None:
    run(session, f"CREATE VIEW v0 AS SELECT token_id FROM user_tokens WHERE {D} = '{A}'")
    for number in range(1, 21):
        run(session, f"CREATE VIEW v{number} AS {JOIN.format(f'v{number - 1}')}")
    assert run(session, "SELECT count(*) FROM v20") == run(session, "SELECT count(*) FROM v0")


def test_a_chain_in_a_correlated_query_answers_or_is_refused(session: Connection) -> None:
    def count(length: int) -> object:
        sql = chain("SELECT u.token_id", JOIN, length)
        inside = f"{sql} SELECT token_id FROM c{length}"
        return run(session, f"SELECT count(*) FROM user_tokens AS u WHERE {D} = '{A}' AND token_id = ({inside})")

    assert count(8) == run(session, f"SELECT count(*) FROM user_tokens WHERE {D} = '{A}'")
    with pytest.raises(NotSupportedError, match="read each other too often"):
        count(30)


# ---- against SQLite


def random_graph(seed: int) -> str:
    """Return a statement whose CTEs read one another and a table `base (k, v)`."""
    source = random.Random(seed)
    names = ["base"]
    ctes = []
    for number in range(source.randint(1, 7)):
        a, b = source.choice(names), source.choice(names)
        body = source.choice(
            [
                f"SELECT k, v FROM {a} WHERE k > {source.randint(0, 4)}",
                f"SELECT a.k, b.v FROM {a} AS a JOIN {b} AS b ON a.k = b.k + {source.randint(0, 1)}",
                f"SELECT k, v FROM {a} UNION SELECT v, k FROM {b}",
                f"SELECT a.k, (SELECT max(b.v) FROM {b} AS b WHERE b.k <= a.k) AS v FROM {a} AS a",
                f"SELECT k, count(*) AS v FROM {a} GROUP BY k",
                f"SELECT k, v FROM {a} WHERE v IN (SELECT k FROM {b})",
                f"SELECT k, v FROM {a} EXCEPT SELECT k, v FROM {b}",
                f"SELECT k, v FROM {a} WHERE EXISTS (WITH i AS (SELECT v FROM {b} AS b WHERE b.k = {a}.k)"
                " SELECT 1 FROM i AS x JOIN i AS y ON x.v = y.v)",
            ]
        )
        hint = source.choice(["", "", "MATERIALIZED ", "NOT MATERIALIZED "])
        ctes.append(f"c{number}(k, v) AS {hint}({body})")
        names.append(f"c{number}")
    last, other = names[-1], source.choice(names)
    return f"WITH {', '.join(ctes)} SELECT x.k, x.v, y.v FROM {last} AS x LEFT JOIN {other} AS y ON x.k = y.k ORDER BY 1, 2, 3"


@pytest.mark.parametrize("seed", range(60))
def test_a_graph_of_queries_has_the_rows_that_sqlite_finds(seed: int, session: Connection) -> None:
    rows = "(1, 2), (2, 3), (3, 1), (3, 4), (5, NULL)"
    plain = sqlite3.connect(":memory:")
    plain.execute("CREATE TABLE base (k INTEGER, v INTEGER)")
    plain.execute(f"INSERT INTO base VALUES {rows}")
    run(session, "CREATE OR REPLACE TABLE base (k INTEGER, v INTEGER)", f"INSERT INTO base VALUES {rows}")
    sql = random_graph(seed)
    assert run(session, sql) == plain.execute(sql).fetchall()
    plain.close()
