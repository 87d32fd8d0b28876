"""Values of named queries stay values, and queries are kept in files without secrets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import each_case
from tests.complete.session import texts
from tests.environments import make_environment
from tests.shared_parser import shared_parser
from tokensh.complete import Facts
from tokensh.errors import InterfaceError, PlaceholderError
from tokensh.recipes.library import list_recipes
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.named_queries import list_arguments
from tokensh.shell.query_store import QueryStore, substitute_values
from tokensh.sql.lexer import tokenize

TABLE = shared_parser().table


@each_case(
    ("query", "values", "sql"),
    [
        ("SELECT 1", [], "SELECT 1"),
        ("SELECT $1", ["7"], "SELECT 7"),
        ("SELECT $1", ["-1.5"], "SELECT (-1.5)"),
        ("SELECT 5-$1 AS x", ["-3"], "SELECT 5-(-3) AS x"),
        ("SELECT a FROM t LIMIT $1", ["1"], "SELECT a FROM t LIMIT 1"),
        ("SELECT '$1 {{ mine }}'", ["{{ x }}"], "SELECT '{{{{ x }}}} {{ mine }}'"),
        ("SELECT $1", ["a"], "SELECT 'a'"),
        ("SELECT $1", ["it's"], "SELECT 'it''s'"),
        ("SELECT $1", ["1 OR 1 = 1"], "SELECT '1 OR 1 = 1'"),
        ("SELECT '$1%'", ["it's"], "SELECT 'it''s%'"),
        ("SELECT '$2', $1", ["1", "b"], "SELECT 'b', 1"),
        ('SELECT json(\'{"a": "$1"}\')', ['x"y'], 'SELECT json(\'{"a": "x\\"y"}\')'),
        ('SELECT \'{"a": "$1"}\'', ['x"y'], 'SELECT \'{"a": "x"y"}\''),
        ('SELECT "$1"', ['a"b'], 'SELECT "a""b"'),
        ("SELECT '$.a', {{ mine }} -- $1", [], "SELECT '$.a', {{ mine }} -- $1"),
    ],
)
def test_values_take_the_places_of_their_numbers(query: str, values: list[str], sql: str) -> None:
    assert substitute_values(query, values, TABLE) == sql


@pytest.mark.parametrize(("query", "values"), [("SELECT $1", []), ("SELECT 1", ["a"]), ("SELECT $2", ["a"])])
def test_as_many_values_are_needed_as_the_query_takes(query: str, values: list[str]) -> None:
    with pytest.raises(InterfaceError, match="the query takes"):
        substitute_values(query, values, TABLE)


@given(st.text(max_size=30))
def test_no_value_leaves_its_place(value: str) -> None:
    sql = substitute_values("SELECT '$1', $1, 1", [value], TABLE)
    significant = [token for token in tokenize(TABLE, sql) if token.kind != "BLANK"]
    signs = [token.text for token in significant if token.kind == "OPERATOR" and token.text != "-"]
    assert signs == [",", ","]
    assert {token.kind for token in significant} <= {"NAME", "STRING", "NUMBER", "OPERATOR"}


def test_no_value_adds_a_member_to_json() -> None:
    query = "EXEC a.b @@json='{\"lifetime_seconds\": $1}'"
    assert substitute_values(query, ["60"], TABLE) == "EXEC a.b @@json='{\"lifetime_seconds\": 60}'"
    with pytest.raises(PlaceholderError, match="is a value in JSON"):
        substitute_values(query, ['60, "comment": "x"'], TABLE)


def test_recipes_and_their_parameters_are_completed(tmp_path: Path) -> None:
    environment = make_environment(tmp_path)
    session = SimpleNamespace(queries=QueryStore(environment, str))
    offered = list_arguments(cast(ShellContext, session))  # it needs no more of a session
    facts = Facts(commands={"\\n": ""}, arguments={"\\n": offered})
    assert texts("\\n audit idle|", facts) == ["idle_days="]
    assert texts("\\n never |", facts) == [
        f"workspaces=tokensh.local.{name}" for name in ("workspaces", "account_workspaces")
    ]
    assert texts("\\n offb|", facts) == ["offboard"]
    assert set(list_recipes(environment)) <= offered.keys()


def test_a_value_makes_no_placeholder_with_the_braces_around_it() -> None:
    with pytest.raises(InterfaceError, match="make a placeholder"):
        substitute_values("SELECT '{$1}'", ["{ x }"], TABLE)


def test_a_query_outlives_the_session_without_a_secret(tmp_path: Path) -> None:
    queries = QueryStore(make_environment(tmp_path), lambda text: text.replace("secret", "[hidden]"))
    queries.save("mine", "SELECT 'secret'")
    again = QueryStore(make_environment(tmp_path), str)
    assert again.texts == {"mine": "SELECT '[hidden]'"}
    again.delete("mine")
    assert QueryStore(make_environment(tmp_path), str).texts == {}


@pytest.mark.parametrize("name", ["", "../evil", "a/b", "a b", ".hidden", "a.sql"])
def test_a_name_is_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(InterfaceError, match="invalid query name"):
        QueryStore(make_environment(tmp_path), str).save(name, "SELECT 1")


def test_an_unknown_name_is_told_with_the_nearest(tmp_path: Path) -> None:
    queries = QueryStore(make_environment(tmp_path), str)
    queries.save("expiring", "SELECT 1")
    with pytest.raises(InterfaceError) as caught:
        queries.get("expirng")
    assert caught.value.hint == "did you mean 'expiring'?"
