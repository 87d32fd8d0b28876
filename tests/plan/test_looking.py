"""SHOW, DESCRIBE, EXPLAIN and USE answer from the catalog, and name what they cannot find."""

from __future__ import annotations

import re

import pytest

from tests.cases import each_case
from tests.plan.planning import A, Planner
from tokensh.errors import Error, NotSupportedError, ProgrammingError, UnknownName
from tokensh.plan.nodes import ChangePlan, ExecPlan, ExplainPlan, InsertPlan, RowsPlan, SelectPlan, UsePlan
from tokensh.provider.show_kinds import SHOW_KINDS

SHOWN: list[tuple[str, list[str], str]] = [
    ("SHOW PROVIDERS", ["name", "version"], "databricks_workspace"),
    ("SHOW SERVICES IN databricks_workspace", ["id", "name", "title"], "workspace"),
    ("SHOW SERVICES", ["id", "name", "title"], "workspace"),
    ("SHOW RESOURCES IN databricks_workspace.workspace", ["id", "name"], "user_tokens"),
    ("SHOW RESOURCES", ["id", "name"], "user_tokens"),
    ("SHOW METHODS IN databricks_workspace.workspace.user_tokens", ["MethodName"], "revoketoken"),
    ("SHOW METHODS IN user_tokens", ["MethodName", "RequiredParams", "SQLVerb"], "listtokens"),
    ("SHOW EXTENDED METHODS IN user_tokens", ["MethodName", "RequiredParams"], "create"),
    ("SHOW FUNCTIONS", ["name", "signature", "kind", "description"], "length"),
    ("SHOW VIEWS", ["name", "kind", "query"], ""),
    ("SHOW TABLES", ["name", "kind", "query"], ""),
    ("DESCRIBE user_tokens", ["name", "type"], "token_id"),
    ("DESCRIBE EXTENDED user_tokens", ["name", "type", "description"], "token_id"),
    ("DESCRIBE METHOD user_tokens.create", ["name", "param_type"], "deployment_name"),
]


@each_case(("sql", "columns", "word"), SHOWN, ids=[sql for sql, _, _ in SHOWN])
def test_what_is_shown_has_its_columns_and_rows(sql: str, columns: list[str], word: str, planner: Planner) -> None:
    plan = planner.plan(sql)
    assert isinstance(plan, RowsPlan)
    assert [column.name for column in plan.rows.columns][: len(columns)] == columns
    rows = list(plan.rows.rows)
    assert any(word in map(str, row) for row in rows) or (word == "" and rows == [])


def test_every_kind_of_show_has_a_case() -> None:
    cases = " ".join(sql for sql, _, _ in SHOWN)
    assert [kind for kind in SHOW_KINDS if kind not in cases] == []


FILTERED = [
    ("SHOW METHODS IN user_tokens LIKE '%list%'", '"MethodName" LIKE'),
    ("SHOW RESOURCES LIKE 'user%'", '"name" LIKE'),
    ("SHOW METHODS IN user_tokens WHERE SQLVerb = 'SELECT'", '"SQLVerb" ='),
    ("SHOW FUNCTIONS WHERE kind = 'window' AND name LIKE 'r%'", '"kind" ='),
]


@each_case(("sql", "words"), FILTERED, ids=[sql for sql, _ in FILTERED])
def test_what_is_shown_can_be_narrowed(sql: str, words: str, planner: Planner) -> None:
    plan = planner.plan(sql)
    assert isinstance(plan, RowsPlan)
    assert plan.sql is not None
    assert words in plan.sql


WRONG: list[tuple[str, type[Error], str]] = [
    ("SHOW METHOD IN user_tokens", UnknownName, "METHOD"),
    ("SHOW METHODS", ProgrammingError, "METHODS are in a resource"),
    ("SHOW METHODS IN user_token", UnknownName, "user_token"),
    ("SHOW SERVICES IN databrick_workspace", UnknownName, "databrick_workspace"),
    ("SHOW RESOURCES IN databricks_workspace.workspaces", UnknownName, "workspaces"),
    ("SHOW METHODS IN user_tokens WHERE SQLVreb = 'x'", UnknownName, "SQLVreb"),
    ("SHOW METHODS IN user_tokens WHERE MethodName IN (SELECT 1)", NotSupportedError, "no subquery"),
    ("DESCRIBE user_token", UnknownName, "user_token"),
    ("DESCRIBE METHOD user_tokens.creat", UnknownName, "creat"),
    ("USE databricks_workspac", UnknownName, "databricks_workspac"),
    ("USE databricks_workspace.workspac", UnknownName, "workspac"),
    ("USE databricks_workspace.workspace.user_tokens", ProgrammingError, "USE takes"),
    ("EXPLAIN SELECT nope", UnknownName, "nope"),
]


@each_case(("sql", "kind", "words"), WRONG, ids=[sql for sql, _, _ in WRONG])
def test_a_wrong_name_is_an_error_at_its_place(sql: str, kind: type[Error], words: str, planner: Planner) -> None:
    with pytest.raises(kind, match=re.escape(words)) as caught:
        planner.plan(sql)
    assert caught.value.span is not None


@pytest.mark.parametrize("sql", ["USE databricks_workspace", "USE Databricks_Workspace.Workspace"])
def test_use_gives_the_place_that_names_are_looked_up_in(sql: str, planner: Planner) -> None:
    plan = planner.plan(sql)
    assert isinstance(plan, UsePlan)
    assert ".".join(plan.path).lower() in sql.lower()


EXPLAINED = [
    (f"SELECT 1 FROM user_tokens WHERE deployment_name = '{A}'", SelectPlan),
    (f"INSERT INTO user_tokens (deployment_name) VALUES ('{A}')", InsertPlan),
    (f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = 'x'", ChangePlan),
    (f"EXEC user_tokens.listtokens @deployment_name = '{A}'", ExecPlan),
]


@each_case(("sql", "kind"), EXPLAINED, ids=[sql for sql, _ in EXPLAINED])
def test_explain_holds_the_plan_of_the_statement(sql: str, kind: type[object], planner: Planner) -> None:
    plan = planner.plan(f"EXPLAIN {sql}")
    assert isinstance(plan, ExplainPlan)
    assert isinstance(plan.plan, kind)
