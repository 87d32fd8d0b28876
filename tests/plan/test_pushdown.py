"""Which workspaces a query asks follows from its predicates, or is an error that names the parameter."""

from __future__ import annotations

import sqlite3

import pytest

from tests.cases import each_case
from tests.plan.planning import A, B, C, Planner
from tokensh.errors import MissingParameter
from tokensh.plan.method_resolution import choose_method
from tokensh.plan.nodes import FromQuery
from tokensh.rows import Value

U = "SELECT 1 FROM user_tokens WHERE"
D = "deployment_name"

ONE_TABLE = [
    (f"{D} = '{A}'", A),
    (f"'{A}' = {D}", A),
    (f"{D} == '{A}'", A),
    (f"{D} IS '{A}'", A),
    (f"{D} IS NOT DISTINCT FROM '{A}'", A),
    (f"user_tokens.{D} = '{A}'", A),
    (f"databricks_workspace.workspace.user_tokens.{D} = '{A}'", A),
    ("DEPLOYMENT_NAME = 'dbc-a'", A),
    (f"{D} IN ('{A}', '{B}')", f"{A} {B}"),
    (f"{D} IN ('{A}', NULL, '{A}')", A),
    (f"{D} IN ()", "nothing"),
    (f"{D} = NULLIF('a', 'a')", "<\"NULLIF\"('a', 'a')>"),
    (f"{D} = '{A}' OR {D} = '{B}'", f"{A} {B}"),
    (f"{D} = '{A}' OR ({D} IN ('{B}', '{C}') AND comment = 'x')", f"{A} {B} {C}"),
    (f"{D} = '{A}' AND comment = 'x' OR comment = 'y' AND {D} = '{B}'", f"{A} {B}"),
    (f"{D} = '{A}' AND {D} IN ('{A}', '{B}')", f"(& {A}, {A} {B})"),
    (f"{D} = '{A}' AND {D} LIKE 'x%'", A),
    (f"{D} = '{A}' AND NOT {D} = '{B}'", A),
    (f"{D} = '{A}' AND ({D} <> '{B}' OR comment = 'x')", A),
    (f"{D} = lower('X')", "<\"lower\"('X')>"),
    (f"{D} = 'dbc-' || 'a'", "<'dbc-' || 'a'>"),
    (f"{D} IN ('{A}', lower('X'))", f"{A} <\"lower\"('X')>"),
    (f"({D}, comment) = ('{A}', 'x')", A),
    (f"({D}, comment) IN (('{A}', 'x'), ('{B}', 'y'))", f"{A} {B}"),
    (f"({D}, comment) IN (SELECT '{A}', 'x')", "query"),
    (f"(comment, {D}) IN (VALUES ('x', '{A}'))", "query"),
    (f"{D} = (SELECT '{A}')", "query"),
    (f"{D} IN (SELECT '{A}' UNION SELECT '{B}')", "query"),
    (f"{D} IN (VALUES ('{A}'), ('{B}'))", "query"),
    (f"{D} IN (SELECT value FROM json_each('[\"{A}\"]'))", "query"),
    (f"{D} = '{A}' OR {D} IN (SELECT '{B}')", f"(| {A} query)"),
    (f"{D} = {D} AND {D} = '{A}'", A),
    (f"{D} = comment AND {D} = '{A}'", A),
]


@each_case(("where", "values"), ONE_TABLE, ids=[where for where, _ in ONE_TABLE])
def test_a_predicate_gives_the_values_that_it_leaves(where: str, values: str, planner: Planner) -> None:
    assert planner.sets(f"{U} {where}") == [values]


BETWEEN_TABLES = [
    (f"SELECT 1 FROM user_tokens AS a SEMI JOIN tokens AS b USING ({D}) WHERE a.{D} = '{A}'", [A, "same 1"]),
    (f"SELECT 1 FROM user_tokens AS a SEMI JOIN tokens AS b ON a.{D} = b.{D} AND b.{D} = '{A}'", ["same 2", A]),
    (f"SELECT 1 FROM user_tokens AS a ANTI JOIN tokens AS b USING ({D}, token_id) WHERE a.{D} = '{A}'", [A, "same 1"]),
    (f"SELECT 1 FROM tokens AS b RIGHT ANTI JOIN user_tokens AS a USING ({D}) WHERE a.{D} = '{A}'", [A, "same 2"]),
    (f"SELECT 1 FROM user_tokens AS a JOIN tokens AS b USING ({D}) WHERE a.{D} = '{A}'", [A, "same 1"]),
    (f"SELECT 1 FROM user_tokens AS a JOIN tokens AS b ON b.{D} = a.{D} AND a.{D} = '{A}'", [A, "same 1"]),
    (f"SELECT 1 FROM user_tokens AS a, tokens AS b WHERE a.{D} = b.{D} AND b.{D} = '{A}'", ["same 2", A]),
    (f"SELECT 1 FROM user_tokens AS a NATURAL JOIN tokens AS b WHERE b.{D} = '{A}'", ["same 2", A]),
    (f"SELECT 1 FROM user_tokens AS a LEFT JOIN tokens AS b ON b.{D} = a.{D} WHERE a.{D} = '{A}'", [A, "same 1"]),
    (f"SELECT 1 FROM user_tokens AS a RIGHT JOIN tokens AS b ON b.{D} = a.{D} WHERE b.{D} = '{A}'", [A, "same 2"]),
    (f"SELECT 1 FROM user_tokens AS a LEFT JOIN tokens AS b ON b.{D} = '{B}' WHERE a.{D} = '{A}'", [A, B]),
    (f"SELECT 1 FROM user_tokens AS a FULL JOIN tokens AS b ON 1 WHERE a.{D} = '{A}' AND b.{D} = '{B}'", [A, B]),
    (f"SELECT * FROM (SELECT * FROM user_tokens) AS d WHERE {D} = '{A}'", [A]),
    (f"WITH w AS (SELECT * FROM user_tokens) SELECT * FROM w WHERE {D} = '{A}'", [A]),
    (f"WITH w(p) AS (SELECT {D} FROM user_tokens) SELECT * FROM w WHERE p = '{A}'", [A]),
    (f"SELECT * FROM (SELECT {D} AS p, count(*) FROM user_tokens GROUP BY {D}) AS d WHERE p = '{A}'", [A]),
    (f"SELECT * FROM (SELECT {D} AS p, count(*) FROM user_tokens GROUP BY p) AS d WHERE p = '{A}'", [A]),
    (f"SELECT * FROM (SELECT {D}, comment AS c, count(*) FROM user_tokens GROUP BY 2, 1) AS d WHERE {D} = '{A}'", [A]),
    (f"SELECT * FROM (SELECT DISTINCT {D} FROM user_tokens GROUP BY 1 HAVING 1) AS d WHERE {D} = '{A}'", [A]),
    (f"SELECT * FROM ((SELECT {D} FROM user_tokens) UNION (SELECT {D} FROM tokens)) AS d WHERE {D} = '{A}'", [A, A]),
    (f"SELECT * FROM (SELECT {D} FROM tokens EXCEPT SELECT {D} FROM user_tokens) AS d WHERE {D} = '{A}'", [A, A]),
    (f"SELECT * FROM (SELECT {D} FROM user_tokens UNION SELECT {D} FROM tokens) AS d WHERE {D} = '{A}'", [A, A]),
    (f"SELECT {D} FROM user_tokens WHERE {D} = '{A}' UNION SELECT '{B}' FROM tokens WHERE {D} = '{B}'", [A, B]),
    (f"SELECT 1 FROM user_tokens AS u, (SELECT '{A}' AS p) AS d WHERE u.{D} = d.p", ["query"]),
    (f"SELECT 1 FROM user_tokens AS u JOIN json_each('[\"{A}\"]') AS j ON u.{D} = j.value", ["query"]),
    (f"{U} {D} = '{A}' AND EXISTS (SELECT 1 FROM tokens AS t WHERE t.{D} = user_tokens.{D})", [A, "same 1"]),
    (f"{U} {D} IN (SELECT {D} FROM tokens WHERE {D} = '{A}')", [A, "query[2]"]),
    (f"{U} {D} IN (SELECT {D} FROM tokens WHERE {D} IN ('{A}', '{B}') AND comment = 'x')", [f"{A} {B}", "query[2]"]),
]


@each_case(("sql", "values"), BETWEEN_TABLES, ids=[sql for sql, _ in BETWEEN_TABLES])
def test_values_go_from_one_table_to_another(sql: str, values: list[str], planner: Planner) -> None:
    assert planner.sets(sql) == values


UNKNOWN = [
    f"{U} 1",
    f"{U} {D} LIKE 'dbc%'",
    f"{U} {D} <> '{A}'",
    f"{U} {D} > '{A}'",
    f"{U} {D} BETWEEN '{A}' AND '{B}'",
    f"{U} {D} IS NULL",
    f"{U} {D} IS NOT '{A}'",
    f"{U} {D} IS DISTINCT FROM '{A}'",
    f"{U} {D} IS NOT DISTINCT FROM NULL",
    f"{U} {D} = '{A}' COLLATE NOCASE",
    f"{U} {D} = (SELECT t.{D} FROM tokens AS t WHERE t.token_id = user_tokens.token_id AND t.{D} = '{A}')",
    f"{U} {D} NOT IN ('{A}')",
    f"{U} NOT ({D} = '{A}')",
    f"{U} {D} = '{A}' OR comment = 'x'",
    f"{U} {D} = comment",
    f"{U} {D} || '' = '{A}'",
    f"{U} upper({D}) = '{A}'",
    f"{U} {D} = hex(randomblob(4))",
    f"{U} {D} = {D}",
    f"{U} ({D} = '{A}') IS NULL",
    f"{U} coalesce({D} = '{A}', 1)",
    f"SELECT CASE WHEN {D} = '{A}' THEN 1 END FROM user_tokens",
    f"SELECT {D} FROM user_tokens GROUP BY {D} HAVING {D} = '{A}'",
    f"SELECT 1 FROM tokens AS a LEFT JOIN user_tokens AS u ON a.{D} = '{A}' AND u.{D} = '{A}'",
    f"SELECT 1 FROM user_tokens AS a FULL JOIN tokens AS b ON a.{D} = '{A}' AND b.{D} = '{A}'",
    f"SELECT 1 FROM user_tokens AS a JOIN tokens AS b ON a.{D} = b.{D}",
    f"SELECT * FROM (SELECT * FROM user_tokens LIMIT 3) AS d WHERE {D} = '{A}'",
    f"SELECT * FROM (SELECT {D}, rank() OVER (ORDER BY comment) FROM user_tokens) AS d WHERE {D} = '{A}'",
    f"SELECT * FROM (SELECT max({D}) AS {D} FROM user_tokens) AS d WHERE {D} = '{A}'",
    f"SELECT * FROM (SELECT any_value({D}) AS {D}, comment AS c FROM user_tokens GROUP BY 2) AS d WHERE {D} = '{A}'",
    f"SELECT 1 FROM user_tokens AS u, (SELECT 1 AS x) AS a, (SELECT 1 AS y) AS b WHERE u.{D} = a.x || b.y",
]


@each_case("sql", UNKNOWN)
def test_what_cannot_be_worked_out_is_an_error_that_names_the_parameter(sql: str, planner: Planner) -> None:
    with pytest.raises(MissingParameter) as caught:
        planner.plan(sql)
    assert caught.value.names == (D,)
    assert caught.value.span is not None
    assert sql[slice(*caught.value.span)].startswith(("user_tokens", "tokens"))


DEFAULTS = [
    ("SELECT 1 FROM user_tokens", [C]),
    ("SELECT 1 FROM user_tokens WHERE comment = 'x'", [C]),
    (f"SELECT 1 FROM user_tokens WHERE {D} = '{A}'", [A]),
    ("SELECT 1 FROM user_tokens, tokens", [C, C]),
    (f"SELECT 1 FROM user_tokens AS a JOIN tokens AS b USING (token_id) WHERE a.{D} = '{A}'", None),
    (f"SELECT 1 FROM user_tokens WHERE {D} LIKE 'x%'", None),
    (f"SELECT 1 FROM user_tokens WHERE {D} <> 'x'", None),
    (f"SELECT 1 FROM user_tokens WHERE {D} = '{A}' OR comment = 'x'", None),
    (f"SELECT * FROM (SELECT * FROM user_tokens LIMIT 3) AS d WHERE {D} = '{A}'", None),
    (f"SELECT * FROM (SELECT max({D}) AS {D} FROM user_tokens) AS d WHERE {D} = '{A}'", [C]),
    # That two tables share a workspace gives it no value.
    (f"SELECT 1 FROM user_tokens AS a JOIN tokens AS b ON a.{D} = b.{D}", [C, C]),
    (f"SELECT 1 FROM user_tokens AS a JOIN tokens AS b ON a.{D} = b.{D} AND a.token_id = b.token_id", [C, C]),
    (f"SELECT 1 FROM user_tokens AS a FULL JOIN tokens AS b ON a.{D} = b.{D}", [C, C]),
    (f"SELECT 1 FROM user_tokens JOIN tokens USING ({D}, token_id)", [C, C]),
    ("SELECT 1 FROM user_tokens NATURAL JOIN tokens", [C, C]),
    (f"SELECT 1 FROM user_tokens AS a WHERE EXISTS (SELECT 1 FROM tokens AS b WHERE b.{D} = a.{D})", [C, C]),
    (f"SELECT 1 FROM user_tokens AS a, tokens AS b WHERE b.{D} = a.{D} AND a.{D} = '{A}'", [A, "same 1"]),
    (f"SELECT 1 FROM user_tokens AS a, tokens AS b, tokens AS c WHERE b.{D} = a.{D} AND c.{D} = '{A}'", None),
    (f"SELECT 1 FROM user_tokens AS a, tokens AS b WHERE b.{D} = a.{D} AND a.{D} LIKE 'x%'", None),
    (f"SELECT 1 FROM user_tokens AS a JOIN tokens AS b USING ({D}) WHERE {D} <> 'x'", None),
    (f"SELECT 1 FROM user_tokens AS a, tokens AS b WHERE b.{D} = a.{D} OR a.comment = 'x'", None),
    (f"SELECT 1 FROM user_tokens AS a, tokens AS b WHERE b.{D} <> a.{D}", None),
    (f"SELECT 1 FROM user_tokens AS a, tokens AS b WHERE b.{D} = lower(a.{D})", None),
    (
        f"SELECT 1 FROM user_tokens AS a, tokens AS b WHERE b.{D} = a.{D} AND a.{D} IN (SELECT comment FROM tokens)",
        None,
    ),
    (f"SELECT 1 FROM user_tokens AS a WHERE {D} NOT IN (SELECT b.{D} FROM tokens AS b WHERE b.{D} = a.{D})", None),
    (f"SELECT 1 FROM user_tokens WHERE {D} = {D}", None),
]


@each_case(("sql", "values"), DEFAULTS, ids=[sql for sql, _ in DEFAULTS])
def test_the_sessions_workspace_is_for_tables_of_which_nothing_is_said(
    sql: str, values: list[str] | None, planner: Planner
) -> None:
    if values is None:
        with pytest.raises(MissingParameter):
            planner.plan(sql, workspace=C)
    else:
        assert planner.sets(sql, workspace=C) == values


NARROWED = [
    ("WHERE w.env = 'prod'", "=prod"),
    ("WHERE 'prod' = w.env AND w.name <> w.env AND u.comment = 'x'", "=prod !="),
    ("WHERE w.env IN ('a', 'b') AND w.env LIKE 'p%' AND w.env NOT BETWEEN 'x' AND 'y'", "IN LIKE BETWEEN"),
    ("WHERE w.env = 'a' OR w.env IS NOT NULL", "OR"),
    ("AND w.env = 'prod'", "=prod"),
    # What might hold of a row that is missing, or fail on one that is not asked for, narrows nothing.
    ("WHERE w.env IS NULL", ""),
    ("WHERE w.env NOT IN ()", ""),
    ("WHERE coalesce(w.env, 'prod') = 'prod'", ""),
    ("WHERE w.name = json_extract(w.env, '$.a')", ""),
    ("WHERE w.env = u.comment", ""),
    ("WHERE w.env = (SELECT 'prod')", ""),
    ("WHERE NOT w.env = 'dev'", ""),
    ("GROUP BY w.env HAVING w.env = 'prod'", ""),
]


@each_case(("tail", "said"), NARROWED, ids=[tail for tail, _ in NARROWED])
def test_a_table_that_gives_values_is_narrowed_by_what_is_said_of_it_alone(
    tail: str, said: str, planner: Planner
) -> None:
    (scan,) = planner.select(
        "WITH w(name, env) AS (VALUES ('dbc-a', 'prod'), ('dbc-b', 'dev'))"
        f" SELECT count(*) FROM w JOIN user_tokens AS u ON u.{D} = w.name {tail}"
    ).scans
    values = scan.values[D]
    assert isinstance(values, FromQuery)
    _, where, condition = values.sql.partition(" WHERE ")
    assert bool(where) == bool(said)
    assert all(part.lstrip("=") in condition for part in said.split())


def test_an_outer_joins_condition_narrows_only_the_side_that_may_be_missing(planner: Planner) -> None:
    w = "WITH w(name, env) AS (VALUES ('dbc-a', 'prod'), ('dbc-b', 'dev')) SELECT 1 FROM"
    (kept,) = planner.select(f"{w} w LEFT JOIN user_tokens AS u ON u.{D} = w.name AND w.env = 'prod'").scans
    (narrowed,) = planner.select(f"{w} user_tokens AS u RIGHT JOIN w ON u.{D} = w.name WHERE w.env = 'prod'").scans
    assert " WHERE " not in str(kept.values[D])
    assert " WHERE " in str(narrowed.values[D])


def test_the_documents_default_is_never_a_host(planner: Planner) -> None:
    with pytest.raises(MissingParameter, match=r"deployment_name of databricks_workspace\.workspace\.user_tokens"):
        planner.plan("SELECT * FROM user_tokens")


KEYS = [
    ("token_id = 'x'", "x"),
    ("token_id IN ('x', 'y')", "x y"),
    ("token_id = 'x' OR token_id = 'y'", "x y"),
    ("token_id = 'x' OR comment = 'y'", "-"),
    ("token_id = -1", "-1"),
    ("token_id = 0x10", "16"),
    ("token_id IN (1, 0)", "1 0"),
    ("token_id > 'x'", "-"),
    ("token_id = comment", "-"),
    ("created_by_id = 7", "-"),
]


@each_case(("where", "values"), KEYS, ids=[where for where, _ in KEYS])
def test_a_key_is_taken_from_constants_alone(where: str, values: str, planner: Planner) -> None:
    assert planner.sets(f"SELECT 1 FROM tokens WHERE {D} = '{A}' AND ({where})", "token_id") == [values]


QUERIES = [
    (f"{U} {D} IN (SELECT '{A}' WHERE 1)", f"SELECT '{A}' AS \"'{A}'\" WHERE 1"),
    (f"WITH w AS (SELECT '{A}' AS p) {U} {D} IN (SELECT p FROM w)", "WITH"),
    (f"SELECT 1 FROM user_tokens AS u, json_each('[1]') AS j WHERE u.{D} = j.value", "SELECT DISTINCT"),
]


@pytest.mark.parametrize(("sql", "start"), QUERIES, ids=[sql for sql, _ in QUERIES])
def test_a_query_that_gives_values_stands_alone(sql: str, start: str, planner: Planner) -> None:
    (scan,) = planner.select(sql).scans
    values = scan.values[D]
    assert isinstance(values, FromQuery)
    assert values.sql.startswith(start)
    connection = sqlite3.connect(":memory:")
    assert connection.execute(values.sql).fetchall() in ([(A,)], [(1,)])
    connection.close()


METHODS: list[tuple[dict[str, tuple[Value, ...]], str | None]] = [
    ({"deployment_name": (A,)}, "list"),
    ({"deployment_name": (A, B)}, "list"),
    ({"deployment_name": (A,), "token_id": ("x",)}, "get"),
    ({"deployment_name": (A, B), "token_id": ("x",)}, "get"),
    ({"deployment_name": (A,), "token_id": ("x", "y")}, "list"),
    ({"deployment_name": (A,), "token_id": ()}, "list"),
    ({"deployment_name": (A,), "created_by_id": (7,)}, "list"),
    ({"token_id": ("x",)}, None),
    ({}, None),
]


@each_case(("values", "method"), METHODS, ids=[str(values) for values, _ in METHODS])
def test_one_key_is_got_and_no_or_many_are_listed(
    values: dict[str, tuple[Value, ...]], method: str | None, planner: Planner
) -> None:
    chosen = choose_method(planner.resource("tokens").methods_for("SELECT"), values)
    assert (chosen.name if chosen else None) == method
