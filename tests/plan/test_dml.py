"""INSERT, UPDATE, DELETE and EXEC choose the right method and values, and refuse what is wrong before anything is sent."""

from __future__ import annotations

import re

import pytest

from tests.cases import each_case
from tests.plan.planning import A, C, Planner
from tokensh.errors import Error, MissingParameter, NotSupportedError, ProgrammingError, UnknownName
from tokensh.plan.nodes import ChangePlan, ExecPlan, InsertPlan, Keys, SelectPlan

INTO = "INSERT INTO user_tokens"

INSERTS = [
    (f"{INTO} (comment, deployment_name) VALUES ('x', '{A}')", "create", ["comment", "deployment_name"]),
    (f"{INTO} (data__comment, Deployment_Name) VALUES ('x', '{A}')", "create", ["comment", "deployment_name"]),
    (f"{INTO} (deployment_name, lifetime_seconds) SELECT '{A}', 60", "create", ["deployment_name", "lifetime_seconds"]),
    (
        f"INSERT INTO tokens (deployment_name, application_id, comment) VALUES ('{A}', 'y', 'x') RETURNING token_value",
        "createobotoken",
        ["deployment_name", "application_id", "comment"],
    ),
]


@each_case(("sql", "method", "targets"), INSERTS, ids=[sql for sql, _, _ in INSERTS])
def test_an_insert_calls_the_method_that_takes_its_columns(
    sql: str, method: str, targets: list[str], planner: Planner
) -> None:
    plan = planner.plan(sql)
    assert isinstance(plan, InsertPlan)
    assert plan.method.name == method
    assert [target.name for target in plan.targets] == targets


def test_an_insert_takes_the_sessions_workspace_where_it_names_none(planner: Planner) -> None:
    plan = planner.plan(f"{INTO} (comment) VALUES ('x')", workspace=C)
    assert isinstance(plan, InsertPlan)
    assert plan.defaults == {"deployment_name": C}
    named = planner.plan(f"{INTO} (comment, deployment_name) VALUES ('x', '{A}')", workspace=C)
    assert isinstance(named, InsertPlan)
    assert named.defaults == {}


def test_returning_gives_the_reply_and_what_was_given(planner: Planner) -> None:
    sql = f"{INTO} (deployment_name, comment) VALUES ('{A}', 'x')"
    every = planner.plan(f"{sql} RETURNING *")
    assert isinstance(every, InsertPlan)
    assert every.returning is not None
    assert [(column.name, column.secret) for column in every.returning.columns] == [
        ("token_info", False),
        ("token_value", True),
    ]
    some = planner.plan(f"{sql} RETURNING token_value AS v, deployment_name, data__comment, upper(token_value) AS u")
    assert isinstance(some, InsertPlan)
    assert some.returning is not None
    assert [column.name for column in some.returning.columns] == ["v", "deployment_name", "data__comment", "u"]
    assert [column.secret for column in some.returning.columns] == [True, False, False, True]


IN_A = f"deployment_name = '{A}'"
LESS_THAN_A_KEY = [
    "(token_id, 1) = ('x', 2)",
    "token_id = 'x' AND 1 = 2",
    "(token_id = 'x' OR TRUE)",
    "(token_id = 'x') = 0",
    "NOT token_id = 'x'",
    "token_id = 'x' COLLATE NOCASE",
    "token_id IN ('x', comment)",
    "token_id = (SELECT token_id)",
    "token_id = CASE WHEN token_id = 'x' THEN token_id END",
    "'x' IN (token_id)",
]
"""Predicates from which a key's values can be read, or nearly, and that are not true of just those."""
AS_MUCH_AS_A_KEY = [
    ("token_id IS 'x'", "x"),
    ("(token_id = 'x' OR token_id IN ('y'))", "x y"),
    ("'x' = tokens.token_id", "x"),
]

DELETES = [
    (f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = 'x'", "revoketoken", False, A, "x"),
    (f"DELETE FROM tokens WHERE deployment_name = '{A}' AND token_id IN ('x', 'y')", "delete", False, A, "x y"),
    (f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment = 'x'", "revoketoken", True, "", ""),
    (f"DELETE FROM tokens WHERE deployment_name = '{A}' AND (token_id = 'x' OR comment = 'y')", "delete", True, "", ""),
    (f"DELETE FROM tokens WHERE deployment_name = '{A}' AND token_id LIKE 'x%'", "delete", True, "", ""),
    *((f"DELETE FROM tokens WHERE {IN_A} AND {less}", "delete", True, "", "") for less in LESS_THAN_A_KEY),
    *((f"DELETE FROM tokens WHERE {IN_A} AND {key}", "delete", False, A, keys) for key, keys in AS_MUCH_AS_A_KEY),
    (f"DELETE FROM tokens WHERE {IN_A} AND token_id = 'x' LIMIT 1", "delete", True, "", ""),
    (f"DELETE FROM tokens WHERE (deployment_name, 1) = ('{A}', 2) AND token_id = 'x'", "delete", True, "", ""),
    (f"DELETE FROM user_tokens WHERE {IN_A} AND token_id = 'x' RETURNING token_id", "revoketoken", False, A, "x"),
]


@each_case(("sql", "method", "filtered", "place", "keys"), DELETES, ids=[sql for sql, *_ in DELETES])
def test_a_delete_lists_first_where_its_predicates_are_no_keys(
    sql: str, method: str, filtered: bool, place: str, keys: str, planner: Planner
) -> None:
    plan = planner.plan(sql)
    assert isinstance(plan, ChangePlan)
    assert (plan.method.name, plan.filtered) == (method, filtered)
    if filtered:
        assert isinstance(plan.source, SelectPlan)
    else:
        assert isinstance(plan.source, Keys)
        assert plan.source.scans == ()
        known = {name: set(getattr(values, "values", ())) for name, values in plan.source.values.items()}
        assert known == {"deployment_name": {place}, "token_id": set(keys.split())}


EXECS = [
    (
        f"EXEC user_tokens.revoketoken @deployment_name = '{A}', @token_id = 'x'",
        "revoketoken",
        ["deployment_name", "token_id"],
    ),
    (
        f"EXEC user_tokens.revoketoken @deployment_name = '{A}' @@json = '{{\"token_id\": \"x\"}}'",
        "revoketoken",
        ["deployment_name"],
    ),
    (
        f"EXEC databricks_workspace.workspace.user_tokens.listtokens @DEPLOYMENT_NAME = '{A}'",
        "listtokens",
        ["deployment_name"],
    ),
    (
        f"EXEC /*+ SHOWRESULTS */ tokens.get @deployment_name = '{A}', @token_id = lower('X')",
        "get",
        ["deployment_name", "token_id"],
    ),
]


@each_case(("sql", "method", "given"), EXECS, ids=[sql for sql, _, _ in EXECS])
def test_an_exec_gives_its_arguments_to_the_method(sql: str, method: str, given: list[str], planner: Planner) -> None:
    plan = planner.plan(sql)
    assert isinstance(plan, ExecPlan)
    assert plan.method.name == method
    assert [parameter.name for parameter, _ in plan.values] == given


REVOKE = f"EXEC user_tokens.revoketoken @deployment_name = '{A}'"
WRONG: list[tuple[str, type[Error], str]] = [
    (f"{INTO} (coment) VALUES ('x')", UnknownName, "coment"),
    (f"{INTO} (data__coment, deployment_name) VALUES ('x', 'y')", UnknownName, "data__coment"),
    (f"{INTO} (comment) VALUES ('x')", MissingParameter, "deployment_name"),
    (f"{INTO} (comment, data__comment, deployment_name) VALUES (1, 2, 3)", ProgrammingError, "named twice"),
    (f"{INTO} (comment, deployment_name) VALUES ('x')", ProgrammingError, "2 columns and is given 1 value"),
    (f"{INTO} (deployment_name) VALUES ('x', 'y')", ProgrammingError, "1 column and is given 2 values"),
    (f"{INTO} VALUES ('x')", ProgrammingError, "names its columns"),
    (f"{INTO} (deployment_name) VALUES ('x') RETURNING tokn_value", UnknownName, "tokn_value"),
    (f"{INTO} (deployment_name) VALUES ('x') RETURNING (SELECT 1)", NotSupportedError, "no subqueries"),
    (f"REPLACE INTO user_tokens (deployment_name) VALUES ('{A}')", NotSupportedError, "for local tables"),
    ("INSERT INTO user_token (deployment_name) VALUES ('x')", UnknownName, "user_token"),
    ("DELETE FROM user_tokens", MissingParameter, "deployment_name"),
    (f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND toke_id = 'x'", UnknownName, "toke_id"),
    ("DELETE FROM user_tokens WHERE token_id = 'x'", MissingParameter, "deployment_name"),
    ("DELETE FROM token_permissions WHERE deployment_name = 'x'", NotSupportedError, "DELETE"),
    (f"UPDATE user_tokens SET comment = 'x' WHERE deployment_name = '{A}'", NotSupportedError, "no method for UPDATE"),
    (
        f"REPLACE user_tokens SET comment = 'x' WHERE deployment_name = '{A}'",
        NotSupportedError,
        "no method for REPLACE",
    ),
    ("EXEC user_tokens.revoke @deployment_name = 'x'", UnknownName, "revoke"),
    ("EXEC revoketoken @deployment_name = 'x'", ProgrammingError, "a method is written resource.method"),
    (f"{REVOKE}, @tokn_id = 'x'", UnknownName, "tokn_id"),
    (f"{REVOKE}, @token_id = 'x', @TOKEN_ID = 'y'", ProgrammingError, "given twice"),
    (f"{REVOKE}, @token_id = (SELECT 1)", NotSupportedError, "no subquery"),
    (f"{REVOKE} @@json = '{{'", ProgrammingError, "not valid JSON"),
    (f"{REVOKE} @@json = '[]'", ProgrammingError, "@@json"),
    (f"{REVOKE} @@json = '{{\"tokn_id\": 1}}'", UnknownName, "tokn_id"),
    (f"{REVOKE}, @token_id = 'x' @@json = '{{\"token_id\": \"y\"}}'", ProgrammingError, "given twice"),
    ("EXEC user_tokens.listtokens", MissingParameter, "deployment_name"),
    (f"EXEC user_tokens.listtokens @deployment_name = '{A}' @@json = '{{}}'", ProgrammingError, "takes no body"),
    (f'{REVOKE} @@json = \'{{"token_id": "a", "token_id": "b"}}\'', ProgrammingError, "names a key of an object twice"),
    (f"{REVOKE} @@json = '{'[' * 9999}'", ProgrammingError, "cannot be read as JSON"),
    (f"{INTO} (deployment_name) VALUES ('x') RETURNING count(*)", NotSupportedError, "no aggregate"),
    (f"{INTO} (deployment_name) VALUES ('x') RETURNING 1 + max(token_value)", NotSupportedError, "no aggregate"),
    (f"{INTO} (deployment_name) VALUES ('x') RETURNING rank() OVER ()", NotSupportedError, "no window function"),
    (f"DELETE FROM tokens WHERE {IN_A} AND token_id = 'x' RETURNING count(*)", NotSupportedError, "no aggregate"),
    (f"EXEC user_tokens.revoketoken @deployment_name = '{A}'", MissingParameter, "token_id"),
    ("PURGE", NotSupportedError, "PURGE is not offered"),
]


@each_case(("sql", "kind", "words"), WRONG, ids=[sql for sql, _, _ in WRONG])
def test_a_wrong_write_is_refused_while_it_is_planned(
    sql: str, kind: type[Error], words: str, planner: Planner
) -> None:
    with pytest.raises(kind, match=re.escape(words)):
        planner.plan(sql)


NEAREST = [
    (f"{INTO} (data__coment, deployment_name) VALUES ('x', 'y')", "data__comment"),
    ("EXEC user_tokens.revoke_token @deployment_name = 'x'", "revoketoken"),
    (f"{REVOKE}, @tokenid = 'x'", "token_id"),
    (f"DELETE FROM user_tokens WHERE deployment_nam = '{A}'", "deployment_name"),
]


@each_case(("sql", "near"), NEAREST, ids=[sql for sql, _ in NEAREST])
def test_an_unknown_name_of_a_write_comes_with_the_nearest_one(sql: str, near: str, planner: Planner) -> None:
    with pytest.raises(UnknownName) as caught:
        planner.plan(sql)
    assert caught.value.near == near
    assert caught.value.span is not None


SET = "UPDATE token_permissions SET access_control_list = '[]'"
FROM_ROW = "UPDATE token_permissions SET access_control_list = access_control_list"
FROM_QUERY = "UPDATE token_permissions SET access_control_list = (SELECT '[]')"

# The statement, its method, whether rows are listed first, whether the listing decides what is sent.
UPDATES = [
    (f"{SET} WHERE {IN_A}", "updatepermissions", False, False),
    (f"UPDATE token_permissions SET data__access_control_list = '[]' WHERE {IN_A}", "updatepermissions", False, False),
    (f"UPDATE token_permissions SET access_control_list = lower('[]') WHERE {IN_A}", "updatepermissions", False, False),
    (f"REPLACE token_permissions SET access_control_list = '[]' WHERE {IN_A}", "setpermissions", False, False),
    (f"{SET} WHERE {IN_A} RETURNING deployment_name, object_id", "updatepermissions", False, False),
    (f"{SET} WHERE {IN_A} RETURNING *", "updatepermissions", True, False),
    (f"{SET} WHERE {IN_A} AND object_type = 'tokens'", "updatepermissions", True, True),
    (f"{FROM_ROW} WHERE {IN_A}", "updatepermissions", True, True),
    (f"{FROM_QUERY} WHERE {IN_A}", "updatepermissions", True, True),
]


@each_case(("sql", "method", "lists", "filtered"), UPDATES, ids=[sql for sql, *_ in UPDATES])
def test_an_update_lists_rows_where_the_statement_does_not_say_all_that_is_sent(
    sql: str, method: str, lists: bool, filtered: bool, planner: Planner
) -> None:
    plan = planner.plan(sql)
    assert isinstance(plan, ChangePlan)
    assert (plan.method.name, plan.filtered) == (method, filtered)
    assert isinstance(plan.source, SelectPlan) is lists
    assert [parameter.name for parameter in plan.assigned] == ["access_control_list"]


# What is wrong stands between «».
WRONG_UPDATES: list[tuple[str, type[Error], str]] = [
    (f"UPDATE token_permissions SET «access_control_lst» = '[]' WHERE {IN_A}", UnknownName, "access_control_lst"),
    (f"UPDATE token_permissions SET «deployment_name» = 'x' WHERE {IN_A}", ProgrammingError, "belongs in WHERE"),
    (
        f"UPDATE token_permissions SET access_control_list = '[]', «data__access_control_list» = '[]' WHERE {IN_A}",
        ProgrammingError,
        "named twice",
    ),
    (SET.replace("token_permissions", "«token_permissions»"), MissingParameter, "is not given"),
    (f"UPDATE «token_permissions» SET access_control_list = '[]' FROM tokens WHERE {IN_A}", NotSupportedError, "FROM"),
    (
        "UPDATE «token_permissions» SET access_control_list = '[]' WHERE deployment_name > 'x'",
        MissingParameter,
        "worked",
    ),
    (f"{SET} WHERE {IN_A} AND «objct_id» = 'x'", UnknownName, "objct_id"),
]


@each_case(("marked", "kind", "words"), WRONG_UPDATES, ids=[sql for sql, _, _ in WRONG_UPDATES])
def test_a_wrong_update_is_shown_where_it_is_wrong(
    marked: str, kind: type[Error], words: str, planner: Planner
) -> None:
    sql, wrong = re.sub("[«»]", "", marked), re.findall("«(.*)»", marked)[0]
    with pytest.raises(kind, match=words) as caught:
        planner.plan(sql)
    assert caught.value.span is not None
    assert sql[slice(*caught.value.span)] == wrong
