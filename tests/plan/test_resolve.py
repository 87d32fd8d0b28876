"""Resolution makes a bound tree: every reference carries its column, every expression has a type, and nothing is bound twice."""

from __future__ import annotations

import pytest

from tests.cases import each_case
from tests.plan.planning import A, Planner
from tests.shared_parser import shared_parser
from tokensh.errors import NotSupportedError, UnknownName
from tokensh.functions import functions
from tokensh.plan.bound import BoundQuery, BoundReference, BoundSelect, references
from tokensh.plan.expression_types import expression_type
from tokensh.plan.names import Names
from tokensh.plan.query import QueryResolver
from tokensh.provider.catalog import Catalog
from tokensh.sql import nodes
from tokensh.sql.visit import walk

W = f"WHERE deployment_name = '{A}'"


@pytest.fixture(scope="module")
def names() -> Names:
    return Names(Catalog.load(None), functions=lambda: frozenset(functions()))


def resolve(sql: str, names: Names) -> BoundQuery:
    statement = shared_parser().parse(sql)
    assert isinstance(statement, nodes.Query)
    return QueryResolver(names).resolve(statement, None, {})


def resolve_select(sql: str, names: Names) -> BoundSelect:
    body = resolve(sql, names).body
    assert isinstance(body, BoundSelect)
    return body


TYPES = [
    ("token_id", "string"),
    ("expiry_time", "integer"),
    ("'x'", "string"),
    ("1", "integer"),
    ("1.5", "number"),
    ("0xff", "integer"),
    ("NULL", "any"),
    ("TRUE", "boolean"),
    ("-expiry_time", "integer"),
    ("expiry_time + 1", "integer"),
    ("expiry_time / 1.5", "number"),
    pytest.param("+".join(["1"] * 290), "integer", id="a long sum"),
    pytest.param("- " * 140 + "1", "integer", id="many signs"),
    ("expiry_time + '1'", "number"),
    ("+token_id", "string"),
    ("sum(expiry_time)", "integer"),
    ("nullif(expiry_time, -1)", "integer"),
    ("max(NULL, 'x')", "string"),
    ("token_id || 1", "string"),
    ("expiry_time > 1", "boolean"),
    ("NOT expiry_time > 0", "boolean"),
    ("comment LIKE 'x' AND 1", "boolean"),
    ("comment IS NULL", "boolean"),
    ("comment BETWEEN 'a' AND 'b'", "boolean"),
    ("token_id IN ('a')", "boolean"),
    ("EXISTS (SELECT 1)", "boolean"),
    ("CASE WHEN 1 THEN expiry_time ELSE NULL END", "integer"),
    ("CASE WHEN 1 THEN 1 ELSE 1.5 END", "number"),
    ("CASE WHEN 1 THEN 1 ELSE 'x' END", "any"),
    ("CAST(comment AS INTEGER)", "integer"),
    ("CAST(expiry_time AS CHAR(3))", "string"),
    ("CAST(comment AS DATE)", "string"),
    ("comment COLLATE nocase", "string"),
    ("length(comment)", "integer"),
    ("coalesce(comment, 'x')", "string"),
    ("count(*)", "integer"),
    ("json_object('a', 1)", "json"),
    ("comment -> '$'", "json"),
    ("comment ->> '$'", "any"),
    ("(SELECT max(creation_time) FROM user_tokens AS u WHERE deployment_name = 'a')", "integer"),
    ("CURRENT_TIMESTAMP", "string"),
]


@each_case(("text", "expected"), TYPES)
def test_an_expression_has_the_type_of_its_values(text: str, expected: str, names: Names) -> None:
    (expr,) = resolve_select(f"SELECT {text} FROM user_tokens {W}", names).items
    assert expression_type(expr) == expected


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT d.n FROM (SELECT length(comment) AS n FROM user_tokens {W}) AS d",
        f"WITH w(n) AS (SELECT length(comment) FROM user_tokens {W}) SELECT n FROM w",
        f"SELECT n FROM (SELECT expiry_time AS n FROM user_tokens {W} UNION SELECT 1) AS d",
    ],
)
def test_a_column_of_a_query_has_the_type_of_the_expression_below(sql: str, names: Names) -> None:
    (reference,) = references(resolve_select(sql, names).items)
    assert reference.column.type == "integer"


def test_no_name_is_left_in_a_bound_tree_and_each_reference_knows_its_column(names: Names) -> None:
    sql = f"SELECT comment AS c, upper(token_id), expiry_time FROM user_tokens {W} AND c LIKE 'x%' GROUP BY c, token_id, 3 ORDER BY token_id"
    select = resolve_select(sql, names)
    inside = list(walk(select.parts))
    assert not [node for node in inside if isinstance(node, nodes.ColumnRef | nodes.Query)]
    origins = [node.column.column.origin or "" for node in inside if isinstance(node, BoundReference)]
    columns = ["comment", "token_id", "expiry_time", "deployment_name", "comment", "comment", "token_id", "token_id"]
    assert [origin.rpartition(".")[2] for origin in origins] == columns


def test_the_parsed_tree_stays_as_it_was_and_resolves_to_the_same_again(names: Names) -> None:
    sql = f"SELECT (SELECT max(token_id) FROM tokens AS t WHERE t.deployment_name = u.deployment_name) FROM user_tokens AS u {W}"
    statement = shared_parser().parse(sql)
    assert isinstance(statement, nodes.Query)
    first, second = (QueryResolver(names).resolve(statement, None, {}) for _ in range(2))
    assert first == second
    assert statement == shared_parser().parse(sql)


def test_a_query_that_is_correlated_through_a_cte_in_a_deeper_query_knows_it(names: Names) -> None:
    sql = (
        "SELECT (WITH c AS (SELECT o.token_id AS x) SELECT 1 WHERE EXISTS (SELECT 1 FROM c WHERE x = 'a'))"
        f" FROM user_tokens AS o {W}"
    )
    (expr,) = resolve_select(sql, names).items
    assert isinstance(expr, nodes.Subquery)
    assert isinstance(expr.query, BoundQuery)
    assert expr.query.is_correlated


def test_a_recursive_query_may_have_a_with_of_its_own(planner: Planner) -> None:
    plan = planner.select(
        "WITH RECURSIVE n(i) AS (WITH f AS (SELECT 1 AS i) SELECT i FROM f UNION ALL SELECT i + 1 FROM n WHERE i < 3)"
        " SELECT i FROM n"
    )
    assert [column.name for column in plan.columns] == ["i"]


def test_a_cte_that_nothing_reads_is_checked_and_not_fetched(planner: Planner) -> None:
    unused = "WITH {} AS (SELECT {} FROM tokens WHERE deployment_name = 'a') SELECT 1 FROM user_tokens " + W
    plan = planner.select(unused.format("w", "comment"))
    assert [scan.resource.name for scan in plan.scans] == ["user_tokens"]
    with pytest.raises(UnknownName):
        planner.plan(unused.format("w", "nope"))


@pytest.mark.parametrize(
    "kind", ["SELECT x FROM c{}", "SELECT x FROM (SELECT x FROM c{}) AS t", "SELECT (SELECT x FROM c{}) AS x"]
)
def test_queries_that_read_one_another_over_too_many_levels_are_refused_in_our_words(kind: str) -> None:
    steps = (f"c{number} AS ({kind.format(number - 1)})" for number in range(1, 400))
    with pytest.raises(NotSupportedError, match="read one another over too many levels"):
        Planner().plan(f"WITH c0 AS (SELECT 1 AS x), {', '.join(steps)} SELECT x FROM c399")
