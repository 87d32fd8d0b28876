"""Names in a query mean what SQL says; an unknown, ambiguous or misplaced name is an error at its place."""

from __future__ import annotations

import re

import pytest

from tests.cases import each_case
from tests.plan.planning import A, Planner
from tokensh.errors import Error, NotSupportedError, ProgrammingError, UnknownName
from tokensh.plan.nodes import SelectPlan

W = f"WHERE deployment_name = '{A}'"

# The statement, what is wrong in it («» around the span), the nearest name.
UNKNOWN: list[tuple[str, str, str | None]] = [
    (f"SELECT «toke_id» FROM user_tokens {W}", "column", "token_id"),
    (f"SELECT «user_tokens.toke_id» FROM user_tokens {W}", "column", "token_id"),
    (f"SELECT «x.token_id» FROM user_tokens AS u {W}", "table", None),
    (f"SELECT «user_token.token_id» FROM user_tokens {W}", "table", "user_tokens"),
    (f"SELECT «user_tokens.token_id» FROM user_tokens AS u {W}", "table", None),
    (f"SELECT 1 FROM user_tokens {W} AND «comments» = 'x'", "column", "comment"),
    (f"SELECT 1 FROM user_tokens {W} ORDER BY «commment»", "column", "comment"),
    (f"SELECT 1 FROM user_tokens {W} GROUP BY «commment»", "column", "comment"),
    (f"SELECT 1 FROM user_tokens {W} GROUP BY 1 HAVING «commment» = 1", "column", "comment"),
    (f"SELECT count(*) OVER (PARTITION BY «commment») FROM user_tokens {W}", "column", "comment"),
    ("SELECT 1 FROM «user_token»", "resource", "user_tokens"),
    ("SELECT 1 FROM databricks_workspace.workspace.«user_token»", "resource", "user_tokens"),
    ("SELECT 1 FROM databricks_workspace.«workspaces».user_tokens", "service", "workspace"),
    ("SELECT 1 FROM «databrick_workspace».workspace.user_tokens", "provider", "databricks_workspace"),
    (f"SELECT «lenght»(comment) FROM user_tokens {W}", "function", "length"),
    ("SELECT 1 FROM «jsn_each»('[]')", "table function", "json_each"),
    ("SELECT a AS x FROM (SELECT 1 AS a) AS d WHERE «b» = 1", "column", None),
    ("WITH w AS (SELECT 1 AS a) SELECT «w.b» FROM w", "column", None),
    ("WITH w AS (SELECT «nope») SELECT 1", "column", None),
    ("SELECT «x».* FROM (SELECT 1) AS d", "table", None),
    ("SELECT 1 AS first UNION SELECT 2 ORDER BY «frist»", "column", "first"),
    ("SELECT (SELECT «b») FROM (SELECT 1 AS a) AS d", "column", None),
    ("SELECT * FROM (SELECT 1 AS a) AS x JOIN (SELECT 1 AS b) AS y USING («a»)", "column", None),
]


@each_case(("marked", "kind", "near"), UNKNOWN, ids=[sql for sql, _, _ in UNKNOWN])
def test_an_unknown_name_is_shown_where_it_stands_with_the_nearest_one(
    marked: str, kind: str, near: str | None, planner: Planner
) -> None:
    sql, wrong = re.sub("[«»]", "", marked), re.findall("«(.*)»", marked)[0]
    with pytest.raises(UnknownName) as caught:
        planner.plan(sql)
    assert caught.value.span is not None
    assert caught.value.kind == kind
    assert wrong in sql[slice(*caught.value.span)]
    if near is not None:
        assert caught.value.near == near


WRONG: list[tuple[str, type[Error], str]] = [
    (
        f"SELECT token_id FROM user_tokens AS a, user_tokens AS b {W.replace('d', 'a.d', 1)}",
        ProgrammingError,
        "several tables",
    ),
    ("SELECT a FROM (SELECT 1 AS a) AS x JOIN (SELECT 1 AS a) AS y ON 1", ProgrammingError, "several tables"),
    ("SELECT 1 AS a, 2 AS a ORDER BY a", ProgrammingError, "given to several columns"),
    ("SELECT *", ProgrammingError, "* needs a table in FROM"),
    ("SELECT 1 UNION SELECT 1, 2", ProgrammingError, "1 and 2 columns"),
    ("SELECT 1 UNION SELECT 2 ORDER BY 2", ProgrammingError, "column 2 does not exist"),
    ("SELECT 1 ORDER BY 2", ProgrammingError, "column 2 does not exist"),
    ("SELECT 1 GROUP BY 2", ProgrammingError, "column 2 does not exist"),
    ("SELECT 1 AS a UNION SELECT 2 ORDER BY a + 1", ProgrammingError, "takes a column of the result"),
    ("SELECT 1 INTERSECT ALL SELECT 1", NotSupportedError, "INTERSECT ALL is not offered"),
    ("WITH w AS (SELECT 1), W AS (SELECT 2) SELECT 1", ProgrammingError, "given to two WITH queries"),
    ("WITH w(a, b) AS (SELECT 1) SELECT * FROM w", ProgrammingError, "2 column names for 1 column"),
    ("VALUES (1, 2), (3)", ProgrammingError, "rows of 2 and of 1 values"),
    ("SELECT 1 LIMIT 1.5", ProgrammingError, "LIMIT takes a whole number"),
    ("SELECT 1 LIMIT 'x'", ProgrammingError, "LIMIT takes a whole number"),
    ("SELECT ?", ProgrammingError, "has no value"),
    ("SELECT 1 LIMIT :n", ProgrammingError, "has no value"),
    ("SELECT 1 FROM databricks_workspace.workspace.user_tokens.token_id", ProgrammingError, "token_id"),
]


@each_case(("sql", "kind", "words"), WRONG, ids=[sql for sql, _, _ in WRONG])
def test_what_is_ambiguous_or_does_not_fit_is_an_error(
    sql: str, kind: type[Error], words: str, planner: Planner
) -> None:
    with pytest.raises(kind, match=re.escape(words)) as caught:
        planner.plan(sql)
    assert caught.value.span is not None


RESULTS = [
    (f"SELECT token_id, creation_time FROM user_tokens {W}", ["token_id string", "creation_time integer"]),
    (f"SELECT TOKEN_ID, u.Comment AS c FROM user_tokens AS u {W}", ["TOKEN_ID string", "c string"]),
    (
        f"SELECT * FROM user_tokens {W}",
        ["deployment_name string", "token_id string", "comment string", "creation_time integer", "expiry_time integer"],
    ),
    (f"SELECT u.* FROM user_tokens AS u, (SELECT 1 AS x) AS d {W}", ["deployment_name string"]),
    (f"SELECT d.* FROM user_tokens AS u, (SELECT 1 AS x) AS d {W}", ["x any"]),
    (f"SELECT d.t FROM (SELECT creation_time AS t FROM user_tokens {W}) AS d", ["t integer"]),
    (f"WITH w(t) AS (SELECT expiry_time FROM user_tokens {W}) SELECT * FROM w", ["t integer"]),
    (f"SELECT creation_time AS t FROM user_tokens {W} UNION SELECT expiry_time FROM user_tokens {W}", ["t integer"]),
    (f"SELECT creation_time AS t FROM user_tokens {W} UNION SELECT comment FROM user_tokens {W}", ["t any"]),
    (f"SELECT count(*), upper(min(comment)) FROM user_tokens {W}", ["count(*) any", "upper(min(comment)) any"]),
    (f"SELECT count( * ), 1+1 FROM user_tokens {W}", ["count( * ) any", "1+1 any"]),
    (f"SELECT (SELECT creation_time FROM user_tokens {W} LIMIT 1) AS s", ["s integer"]),
    ("SELECT json_object('a', 1) AS j, json_valid('1') AS v, '{}' -> '$' AS k", ["j json", "v any", "k json"]),
    ("VALUES (1, 'x')", ["column1 any", "column2 any"]),
    ("SELECT 1 AS a, 2 AS a", ["a any", "a any"]),
    ("SELECT key, value FROM json_each('[]')", ["key any", "value json"]),
]


@each_case(("sql", "columns"), RESULTS, ids=[sql for sql, _ in RESULTS])
def test_a_results_columns_have_the_types_of_what_they_come_from(
    sql: str, columns: list[str], planner: Planner
) -> None:
    shown = [f"{column.name} {column.type}".lower() for column in planner.select(sql).columns]
    assert shown[: len(columns)] == [column.lower() for column in columns]


ORIGIN = "databricks_workspace.workspace.user_tokens.expiry_time"
ORIGINS = [
    (f"SELECT expiry_time FROM user_tokens {W}", ORIGIN),
    (f"SELECT u.expiry_time AS e FROM user_tokens AS u {W}", ORIGIN),
    (f"SELECT d.e FROM (SELECT expiry_time AS e FROM user_tokens {W}) AS d", ORIGIN),
    (f"WITH w(e) AS (SELECT expiry_time FROM user_tokens {W}) SELECT e AS f FROM w", ORIGIN),
    (f"SELECT expiry_time FROM user_tokens {W} EXCEPT SELECT expiry_time FROM user_tokens {W}", ORIGIN),
    (f"SELECT expiry_time FROM user_tokens {W} UNION SELECT creation_time FROM user_tokens {W}", None),
    (f"SELECT expiry_time + 0 FROM user_tokens {W}", None),
    (f"SELECT max(expiry_time) FROM user_tokens {W}", None),
]


@each_case(("sql", "origin"), ORIGINS, ids=[sql for sql, _ in ORIGINS])
def test_a_column_that_is_shown_unchanged_keeps_its_origin(sql: str, origin: str | None, planner: Planner) -> None:
    assert planner.select(sql).columns[0].origin == origin


def test_a_cte_goes_before_a_resource_and_ends_with_its_query(planner: Planner) -> None:
    plan = planner.select("WITH user_tokens AS (SELECT 1 AS a) SELECT a FROM user_tokens")
    assert plan.scans == ()
    with pytest.raises(ProgrammingError):
        planner.plan("SELECT 1 FROM (WITH w AS (SELECT 1 AS a) SELECT a FROM w) AS d, w")


@pytest.mark.parametrize("sql", ['SELECT "nope" FROM user_tokens', "SELECT `nope` FROM user_tokens"])
def test_a_quoted_name_is_never_a_string(sql: str, planner: Planner) -> None:
    with pytest.raises(UnknownName):
        planner.plan(f"{sql} {W}")


def test_short_names_are_looked_up_where_use_points(planner: Planner) -> None:
    plan = planner.plan(f"SELECT 1 FROM workspace.user_tokens {W}", namespace=("databricks_workspace",))
    assert isinstance(plan, SelectPlan)
    assert [scan.resource.id for scan in plan.scans] == ["databricks_workspace.workspace.user_tokens"]
    with pytest.raises(ProgrammingError):
        planner.plan(f"SELECT 1 FROM user_tokens {W}", namespace=("databricks_workspace",))


def test_a_hexadecimal_number_of_more_than_64_bits_is_an_error_at_its_place(planner: Planner) -> None:
    sql = "SELECT 0x7fffffffffffffff, 0x1ffffffffffffffff"
    with pytest.raises(ProgrammingError, match="more than 64 bits") as caught:
        planner.plan(sql)
    assert caught.value.span is not None
    assert sql[slice(*caught.value.span)] == "0x1ffffffffffffffff"
