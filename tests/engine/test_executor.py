"""DELETE, UPDATE, EXEC and EXPLAIN send what they should, in order, and return the rows that come back."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.engine.conftest import Connect
from tests.engine.sessions import A, B, first_column, list_requests, run
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import (
    ApiError,
    DataError,
    Error,
    HostError,
    MissingParameter,
    NotSupportedError,
    ProgrammingError,
    UnknownOutcome,
)
from tokensh.plan.nodes import ChangePlan, ExecPlan
from tokensh.rows import Value
from tokensh.sandbox import Sandbox

PLACE = f"deployment_name = '{A}'"
Listed = Sequence[Mapping[str, Value]]


def create_tokens(session: Connection, *comments: str) -> list[str]:
    """Create tokens, and return their ids."""
    rows = ", ".join(f"('{A}', '{comment}')" for comment in comments)
    into = "INSERT INTO user_tokens (deployment_name, comment)"
    created = run(session, f"{into} VALUES {rows} RETURNING json_extract(token_info, '$.token_id'), token_value")
    return [str(token_id) for token_id, _ in created]


def posted_bodies(site: Sandbox) -> list[object]:
    return [json.loads(entry.body) for entry in site.log if entry.method == "POST"]


# ---- DELETE


def test_a_delete_by_key_sends_one_request_and_lists_nothing(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    (token_id,) = create_tokens(session, "by key")
    site.clear_log()
    sql = f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = '{token_id}' RETURNING token_id, deployment_name"
    assert run(session, sql) == [(token_id, A)]
    assert list_requests(site) == [f"POST {A} delete"]
    assert posted_bodies(site) == [{"token_id": token_id}]


def test_a_delete_by_other_predicates_lists_and_then_deletes_row_by_row(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    token_ids = create_tokens(session, "old 1", "old 2", "new")
    site.clear_log()
    sql = f"DELETE FROM user_tokens WHERE {PLACE} AND comment LIKE 'old _' RETURNING comment, token_id"
    assert sorted(run(session, sql)) == [("old 1", token_ids[0]), ("old 2", token_ids[1])]
    assert list_requests(site) == [f"GET {A} list", f"POST {A} delete", f"POST {A} delete"]
    assert first_column(session, f"SELECT comment FROM user_tokens WHERE {PLACE} AND comment IN ('old 1', 'new')") == [
        "new"
    ]


def test_a_delete_takes_keys_from_a_query(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    token_ids = create_tokens(session, "from a query", "from a query")
    run(
        session, "CREATE TABLE ids AS SELECT token_id FROM user_tokens WHERE " + PLACE + " AND comment = 'from a query'"
    )
    run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND token_id IN (SELECT token_id FROM ids)")
    remaining = set(first_column(session, f"SELECT token_id FROM user_tokens WHERE {PLACE}"))
    assert not remaining & set(token_ids)


def test_a_delete_of_what_is_not_there_is_no_row(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    assert run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = 'gone' RETURNING token_id") == []
    assert list_requests(site) == [f"POST {A} delete"]


def test_rows_that_had_to_be_listed_need_a_yes(session: Connection, site: Sandbox) -> None:
    create_tokens(session, "asked for")
    site.clear_log()
    with pytest.raises(ProgrammingError, match=r'this DELETE would hit 1 row: .*comment="asked for') as caught:
        run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'asked for'")
    assert "--yes" in str(caught.value.hint)
    assert list_requests(site) == [f"GET {A} list"]


@pytest.mark.parametrize("source", [f"tokens WHERE {PLACE} AND comment = 'named elsewhere'", "named_elsewhere"])
def test_keys_that_no_statement_names_need_a_yes(source: str, session: Connection, site: Sandbox) -> None:
    (token_id,) = create_tokens(session, "named elsewhere")
    run(session, f"CREATE TABLE named_elsewhere AS SELECT '{token_id}' AS token_id")
    with pytest.raises(ProgrammingError, match=f"this DELETE would hit .*{token_id}") as caught:
        run(session, f"DELETE FROM tokens WHERE {PLACE} AND token_id IN (SELECT token_id FROM {source})")
    assert "--yes" in str(caught.value.hint)
    assert not [entry for entry in site.log if entry.method == "DELETE"]


def test_whoever_is_asked_sees_the_rows_and_may_say_no(connect: Connect, site: Sandbox) -> None:
    asked_for: list[Listed] = []

    def refuse(plan: ChangePlan | ExecPlan, rows: Listed) -> None:
        asked_for.append(rows)
        raise ProgrammingError("not this time")

    session = connect(callbacks=Callbacks(approve=refuse))
    (token_id,) = create_tokens(session, "spared")
    site.clear_log()
    for sql in (
        f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = '{token_id}'",
        f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'spared'",
        f"EXEC user_tokens.revoketoken @deployment_name = '{A}', @token_id = '{token_id}'",
    ):
        with pytest.raises(ProgrammingError, match="not this time"):
            run(session, sql)
    assert [[row["token_id"] for row in rows] for rows in asked_for] == [[token_id]] * 3
    assert f"POST {A} delete" not in list_requests(site)


def test_a_failure_in_the_middle_of_a_delete_says_how_far_it_came(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    create_tokens(session, "half", "half", "half")
    site.clear_log()
    site.fault("POST */delete", status=403, skip=1)
    with pytest.raises(ApiError, match=re.escape("(1 of 3 rows done, 1 failed, 1 not tried)")):
        run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'half'")
    assert list_requests(site).count(f"POST {A} delete") == 2


LOST: dict[str, dict[str, Any]] = {
    "the connection is reset": {"drop": True},
    "the connection is closed": {"close": True},
    "a server error": {"status": 500},
    "an error of a gateway": {"status": 502, "body": "<html>bad gateway</html>"},
    "no JSON": {"status": 200, "body": "<html>"},
    "JSON of another shape": {"status": 200, "body": "[1]"},
    "half of it": {"headers": {"Content-Length": "100000"}},
}
REVOKES = [
    "DELETE FROM user_tokens WHERE deployment_name = '{}' AND token_id = '{}'",
    "EXEC user_tokens.revoketoken @deployment_name = '{}', @token_id = '{}'",
]


@pytest.mark.parametrize("sql", REVOKES)
@pytest.mark.parametrize("how", LOST)
def test_a_revoke_whose_answer_is_lost_is_sent_once_more(how: str, sql: str, connect: Connect, site: Sandbox) -> None:
    notes: list[str] = []
    session = connect(yes=True, callbacks=Callbacks(note=notes.append))
    (token_id,) = create_tokens(session, "lost")
    site.clear_log()
    site.fault("POST */delete", after_handler=True, **LOST[how])
    notes.clear()
    run(session, sql.format(A, token_id))
    assert list_requests(site) == [f"POST {A} delete"] * 2
    assert ["sending it again does no harm" in note for note in notes] == [True]
    assert first_column(session, f"SELECT token_id FROM user_tokens WHERE {PLACE} AND token_id = '{token_id}'") == []


@pytest.mark.parametrize("sql", REVOKES)
@pytest.mark.parametrize("how", LOST)
def test_a_revoke_whose_second_answer_is_lost_too_is_unknown(
    how: str, sql: str, connect: Connect, site: Sandbox
) -> None:
    session = connect(yes=True)
    (token_id,) = create_tokens(session, "lost")
    site.clear_log()
    site.fault("POST */delete", after_handler=True, times=None, **LOST[how])
    with pytest.raises(UnknownOutcome, match=f"whether it took effect in {A} is unknown") as caught:
        run(session, sql.format(A, token_id))
    assert caught.value.orphans == ()
    assert "running it again does no harm" in str(caught.value.hint)
    assert list_requests(site) == [f"POST {A} delete"] * 2


@pytest.mark.parametrize("sql", REVOKES)
def test_ctrl_c_ends_a_revoke_that_was_sent_and_it_is_not_repeated(sql: str, connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    (token_id,) = create_tokens(session, "stopped")
    site.clear_log()
    site.fault("POST */delete", delay=5, after_handler=True)
    presses = threading.Timer(0.5, session.cancellation.press)
    presses.start()
    with pytest.raises(UnknownOutcome, match="unknown: interrupted"):
        run(session, sql.format(A, token_id))
    assert list_requests(site) == [f"POST {A} delete"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_mass_revoke_waits_for_a_workspace_that_puts_it_off(status: int, connect: Connect, site: Sandbox) -> None:
    done: list[tuple[int, int, str]] = []
    session = connect(yes=True, callbacks=Callbacks(on_rows_done=lambda *facts: done.append(facts)))
    create_tokens(session, *["many"] * 5)
    site.clear_log()
    site.fault("POST */delete", status=status, headers={"Retry-After": "1"}, skip=1, times=4)
    assert len(run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'many'")) == 5
    assert list_requests(site).count(f"POST {A} delete") == 9
    assert done == [(number, 5, "revoked") for number in range(6)]


@pytest.mark.parametrize("token_id", [None, "", "  ", 5, ["x"], {"a": 1}, True, ...], ids=repr)
@pytest.mark.parametrize(
    "sql",
    [
        f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'odd'",
        f"DELETE FROM tokens WHERE {PLACE} AND comment LIKE 'od%'",
    ],
)
def test_an_id_that_is_not_a_text_is_never_sent(sql: str, token_id: Any, connect: Connect, site: Sandbox) -> None:
    row = {"comment": "odd", "creation_time": 1, "expiry_time": -1}
    body = {"token_infos": [{"token_id": "a", **row}, row if token_id is ... else {"token_id": token_id, **row}]}
    site.fault("GET *", status=200, body=body, times=None)
    with pytest.raises(MissingParameter, match="a row that this DELETE hits has no token_id"):
        run(connect(yes=True), sql)
    assert {entry.method for entry in site.log} == {"GET"}


@pytest.mark.parametrize("value", ["''", "'  '", "NULL"])
def test_a_key_that_is_empty_is_never_sent(value: str, connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    for sql in (
        f"EXEC user_tokens.revoketoken @deployment_name = '{A}', @token_id = {value}",
        f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = {value}",
        f"DELETE FROM tokens WHERE {PLACE} AND token_id = {value}",
    ):
        with contextlib.suppress(Error):
            assert run(session, sql) == []
    assert site.log == []


@pytest.mark.parametrize("value", ["null", '""', '" "', "5", '["x"]', "{}", "true"])
def test_an_id_in_json_that_is_not_a_text_is_never_sent(value: str, connect: Connect, site: Sandbox) -> None:
    with pytest.raises((MissingParameter, DataError)):
        run(
            connect(yes=True),
            f"""EXEC user_tokens.revoketoken @deployment_name = '{A}' @@json = '{{"token_id": {value}}}'""",
        )
    assert site.log == []


@pytest.mark.parametrize("sql", REVOKES)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_change_that_is_refused_is_known_to_have_no_effect(
    status: int, sql: str, connect: Connect, site: Sandbox
) -> None:
    session = connect(yes=True)
    (token_id,) = create_tokens(session, "refused")
    site.fault("POST */delete", status=status)
    with pytest.raises(ApiError) as caught:
        run(session, sql.format(A, token_id))
    assert caught.value.status == status
    assert first_column(session, f"SELECT comment FROM user_tokens WHERE {PLACE} AND token_id = '{token_id}'") == [
        "refused"
    ]


def test_a_change_whose_returning_fails_says_that_it_took_effect(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    keys = ", ".join(f"'{token_id}'" for token_id in create_tokens(session, "1", "2", "3"))
    site.clear_log()
    sql = f"DELETE FROM user_tokens WHERE {PLACE} AND token_id IN ({keys}) RETURNING json(token_id)"
    words = "revoketoken took effect, but RETURNING failed: a text is not valid JSON (1 of 3 rows done, 2 not tried)"
    with pytest.raises(DataError, match=re.escape(words)):
        run(session, sql)
    assert list_requests(site) == [f"POST {A} delete"]


@pytest.mark.parametrize(
    "sql",
    [
        f"INSERT INTO user_tokens (deployment_name) VALUES ('{A}') RETURNING abs(1, 2)",
        f"INSERT INTO user_tokens (deployment_name) VALUES ('{A}') RETURNING upper(token_value, 1)",
        f"INSERT INTO user_tokens (deployment_name) SELECT '{A}' FROM user_tokens WHERE {PLACE} RETURNING abs()",
        f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = 'x' RETURNING abs()",
        f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'x' RETURNING abs()",
        f"EXPLAIN INSERT INTO user_tokens (deployment_name) VALUES ('{A}') RETURNING abs()",
    ],
)
def test_a_returning_that_cannot_run_stops_before_anything_is_sent(sql: str, connect: Connect, site: Sandbox) -> None:
    with pytest.raises(ProgrammingError):
        run(connect(yes=True), sql)
    assert site.log == []


def test_a_local_table_is_not_changed_where_returning_cannot_run(session: Connection) -> None:
    run(session, "CREATE TABLE t (x INT)")
    with pytest.raises(ProgrammingError):
        run(session, "INSERT INTO t VALUES (1) RETURNING abs()")
    assert run(session, "SELECT count(*) FROM t") == [(0,)]


def test_tokens_of_several_workspaces_go_in_the_order_of_the_values(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    run(session, f"DELETE FROM user_tokens WHERE deployment_name IN ('{B}', '{A}') AND token_id IN ('x', 'y')")
    assert list_requests(site) == [f"POST {B} delete"] * 2 + [f"POST {A} delete"] * 2


# ---- UPDATE and REPLACE

GUEST = {"user_name": "gus@example.com", "permission_level": "CAN_USE"}
ACL = json.dumps([GUEST])


@pytest.fixture
def permissions_session(connect: Connect, site: Sandbox) -> Iterator[Connection]:
    """Yield a session; what it changes in permissions is undone."""
    session = connect(yes=True)
    yield session
    everyone = json.dumps([{"group_name": "token-users", "permission_level": "CAN_USE"}])
    run(session, f"REPLACE token_permissions SET access_control_list = '{everyone}' WHERE {EVERYWHERE}")


EVERYWHERE = f"deployment_name IN ('{B}', '{A}')"
ATTRIBUTES = [
    f"access_control_list = '{ACL}'",
    f"data__access_control_list = '{ACL}'",
    "access_control_list = json_array(json_object('user_name', 'gus@' || 'example.com', 'permission_level', 'CAN_USE'))",
]


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize(("verb", "method"), [("UPDATE", "PATCH"), ("REPLACE", "PUT")])
def test_text_for_an_array_is_sent_as_json(
    verb: str, method: str, attribute: str, permissions_session: Connection, site: Sandbox
) -> None:
    assert run(
        permissions_session, f"{verb} token_permissions SET {attribute} WHERE {PLACE} RETURNING object_type"
    ) == [("tokens",)]
    looked = [f"GET {A} tokens"] if verb == "REPLACE" else []
    assert list_requests(site) == [*looked, f"{method} {A} tokens"]
    assert json.loads(site.log[-1].body) == {"access_control_list": [GUEST]}


@pytest.mark.parametrize("value", ["'x'", "'{}'", "'[1'", "7", "x'5b5d'"])
def test_what_is_no_array_is_not_sent(value: str, permissions_session: Connection, site: Sandbox) -> None:
    with pytest.raises(DataError, match="data__access_control_list takes an array"):
        run(permissions_session, f"UPDATE token_permissions SET access_control_list = {value} WHERE {PLACE}")
    assert site.log == []


def test_returning_of_an_update_gives_what_the_reply_says(permissions_session: Connection, site: Sandbox) -> None:
    sql = f"UPDATE token_permissions SET access_control_list = '{ACL}' WHERE {PLACE}"
    ((place, names),) = run(
        permissions_session, f"{sql} RETURNING deployment_name, json_extract(access_control_list, '$[#-1].user_name')"
    )
    assert (place, names) == (A, "gus@example.com")
    assert list_requests(site) == [f"PATCH {A} tokens"]


def test_an_update_of_several_workspaces_goes_in_the_order_of_the_values_and_stops_at_a_failure(
    permissions_session: Connection, site: Sandbox
) -> None:
    sql = f"UPDATE token_permissions SET access_control_list = '{ACL}' WHERE {EVERYWHERE} RETURNING deployment_name"
    assert first_column(permissions_session, sql) == [B, A]
    assert list_requests(site) == [f"PATCH {B} tokens", f"PATCH {A} tokens"]
    site.clear_log()
    site.fault(f"PATCH /w/{B}/*", status=403)
    with pytest.raises(ApiError, match=re.escape("(0 of 2 rows done, 1 failed, 1 not tried)")):
        run(permissions_session, sql)
    assert list_requests(site) == [f"PATCH {B} tokens"]


def test_an_update_by_what_a_row_says_lists_it_and_needs_a_yes(
    permissions_session: Connection, session: Connection, site: Sandbox
) -> None:
    sql = f"UPDATE token_permissions SET access_control_list = '{ACL}' WHERE {PLACE} AND object_type = "
    with pytest.raises(ProgrammingError, match="this UPDATE would hit 1 row"):
        run(session, f"{sql} 'tokens'")
    assert run(permissions_session, f"{sql} 'clusters'") == []
    assert list_requests(site) == [f"GET {A} tokens"] * 2
    run(permissions_session, f"{sql} 'tokens'")
    assert list_requests(site)[2:] == [f"GET {A} tokens", f"PATCH {A} tokens"]


# ---- EXEC


def test_an_exec_that_reads_gives_its_rows(session: Connection, site: Sandbox) -> None:
    result = session.run(f"EXEC user_tokens.listtokens @deployment_name = '{A}'")
    assert "token_id" in [column.name for column in result.columns]
    assert len(list(result.rows)) >= 7
    assert list_requests(site) == [f"GET {A} list"]


def test_an_exec_with_an_empty_reply_gives_none(session: Connection, site: Sandbox) -> None:
    (token_id,) = create_tokens(session, "exec")
    site.clear_log()
    sql = f"EXEC user_tokens.revoketoken @deployment_name = '{A}' @@json = '{{\"token_id\": \"{token_id}\"}}'"
    assert run(session, sql) == []
    assert posted_bodies(site) == [{"token_id": token_id}]


def test_an_exec_of_what_is_not_there_is_an_error(session: Connection) -> None:
    with pytest.raises(ApiError) as caught:
        run(session, f"EXEC user_tokens.revoketoken @deployment_name = '{A}', @token_id = 'gone'")
    assert caught.value.status == 404


def test_an_exec_that_creates_gives_the_value(session: Connection, site: Sandbox) -> None:
    result = session.run(
        f"EXEC user_tokens.create @deployment_name = '{A}', @comment = 'exec', @lifetime_seconds = '60'"
    )
    (row,) = result.rows
    value = dict(zip([column.name for column in result.columns], row, strict=True))["token_value"]
    assert str(value if isinstance(value, str) else "").startswith("dapi")
    assert posted_bodies(site) == [{"comment": "exec", "lifetime_seconds": 60}]


def test_null_is_not_sent_by_exec_either(session: Connection, site: Sandbox) -> None:
    run(session, f"EXEC user_tokens.create @deployment_name = '{A}', @comment = 'by exec', @lifetime_seconds = NULL")
    assert posted_bodies(site) == [{"comment": "by exec"}]


@pytest.mark.parametrize(
    "arguments",
    [
        f"@deployment_name = '{A}', @token_id = NULL",
        f"@deployment_name = '{A}' @@json = '{{\"token_id\": null}}'",
        "@deployment_name = NULL, @token_id = 'x'",
    ],
)
def test_exec_without_what_it_needs_sends_nothing(arguments: str, connect: Connect, site: Sandbox) -> None:
    with pytest.raises(MissingParameter, match="is NULL"):
        run(connect(yes=True), f"EXEC user_tokens.revoketoken {arguments}")
    assert site.log == []


def test_exec_stands_in_from_where_it_reads(session: Connection) -> None:
    sql = f"SELECT count(*) > 6 FROM (EXEC user_tokens.listtokens @deployment_name = '{A}') AS e WHERE e.token_id > ''"
    assert run(session, sql) == [(1,)]
    with pytest.raises(NotSupportedError):
        run(session, f"SELECT * FROM (EXEC user_tokens.create @deployment_name = '{A}') AS e")


# ---- EXPLAIN

EXPLAINED = [
    (f"SELECT count(*) FROM user_tokens WHERE deployment_name IN ('{A}', '{B}')", ["GET", A, B, "/api/2.0/token/list"]),
    (f"SELECT * FROM tokens WHERE {PLACE} AND token_id = 'x'", ["/api/2.0/token-management/tokens/x"]),
    (f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = 'x'", ["POST", "/api/2.0/token/delete"]),
    (f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'x'", ["GET", "POST", "/api/2.0/token/delete"]),
    (
        f"INSERT INTO user_tokens (deployment_name) VALUES ('{A}') RETURNING token_value",
        ["POST", "/api/2.0/token/create"],
    ),
    (f"EXEC user_tokens.listtokens @deployment_name = '{A}'", ["GET", "/api/2.0/token/list"]),
    ("SELECT 1", ["SELECT"]),
    (
        f"SELECT 1 FROM user_tokens AS a JOIN tokens AS b USING (deployment_name) WHERE a.{PLACE}",
        ["those of deployment_name in scan 1", "/api/2.0/token/list", "/api/2.0/token-management/tokens"],
    ),
    (
        f"SELECT 1 FROM user_tokens WHERE deployment_name IN (SELECT comment FROM tokens WHERE {PLACE})",
        ["one per value, once those are fetched"],
    ),
    (
        "SELECT 1 FROM user_tokens WHERE deployment_name IN ('a', 'b', 'c', 'd', 'e', 'f', lower('G'))",
        ["and 2 more", "/w/e/"],
    ),
    (
        f"SELECT 1 FROM user_tokens WHERE ({PLACE} OR deployment_name IN (SELECT '{B}')) AND deployment_name IN ('{B}')",
        ["(", " or SELECT", ") and ", B],
    ),
    (f"INSERT INTO user_tokens (deployment_name) VALUES ('{A}') RETURNING token_value", ["returning", "token_value"]),
    (f"UPDATE token_permissions SET access_control_list = '[]' WHERE {PLACE}", ["PATCH", "once per combination"]),
    (
        f"EXEC user_tokens.revoketoken @deployment_name = '{A}' @@json = '{{\"token_id\": \"x\"}}'",
        ['{"token_id": "x"}'],
    ),
    ("INSERT INTO kept (x) VALUES (1) RETURNING x", ["INSERT INTO kept (x)", "returning"]),
    ("UPDATE kept SET x = 2 WHERE x = 1", ["UPDATE kept, once per row", "kept as"]),
    ("DELETE FROM kept RETURNING x", ["DELETE kept, once per row", "returning"]),
]


@pytest.mark.parametrize(("sql", "words"), EXPLAINED, ids=[sql for sql, _ in EXPLAINED])
def test_explain_tells_what_would_be_sent_and_sends_nothing(
    sql: str, words: list[str], session: Connection, site: Sandbox
) -> None:
    run(session, "CREATE TABLE kept (x INT)", "CREATE MATERIALIZED VIEW seen AS SELECT 1 AS a")
    result = session.run(f"EXPLAIN {sql}")
    assert [column.name for column in result.columns] == ["step", "action", "detail"]
    text = "\n".join(str(row) for row in result.rows)
    assert [word for word in words if word not in text] == []
    assert site.log == []


DRY = [
    ("BEGIN", ["BEGIN"]),
    (f"CREATE VIEW v AS SELECT token_id FROM user_tokens WHERE {PLACE}", ["CREATE VIEW v (token_id string"]),
    (f"CREATE TABLE t AS SELECT token_id FROM user_tokens WHERE {PLACE}", ["GET", "CREATE TABLE t (token_id string"]),
    ("DROP TABLE IF EXISTS nothing", ["DROP TABLE nothing (does not exist)"]),
    ("REFRESH MATERIALIZED VIEW seen", ["a new version of seen"]),
]


@pytest.mark.parametrize(("sql", "words"), DRY, ids=[sql for sql, _ in DRY])
def test_a_dry_run_explains_what_explain_does_not_take_and_does_none_of_it(
    sql: str, words: list[str], session: Connection, site: Sandbox
) -> None:
    run(session, "CREATE MATERIALIZED VIEW seen AS SELECT 1 AS a")
    text = "\n".join(str(row) for row in session.run(sql, dry=True).rows)
    assert [word for word in words if word not in text] == []
    assert site.log == []
    assert not session.in_transaction
    assert list(session.objects.store.names()) == ["seen"]


def test_explain_finds_what_is_wrong(session: Connection) -> None:
    with pytest.raises(Error):
        run(session, f"EXPLAIN SELECT count(count(*)) FROM user_tokens WHERE {PLACE}")


# ---- SHOW and USE

SHOWN = [
    ("SHOW METHODS IN user_tokens LIKE '%list%'", ["listtokens"]),
    ("SHOW METHODS IN user_tokens WHERE SQLVerb <> 'SELECT' AND MethodName LIKE '%e%'", ["create", "revoketoken"]),
    ("SHOW RESOURCES LIKE 'user%'", ["user_tokens"]),
    ("SHOW FUNCTIONS WHERE name = lower('RANK')", ["rank"]),
    ("SHOW PROVIDERS WHERE 1 = 2", []),
]


@pytest.mark.parametrize(("sql", "found"), SHOWN, ids=[sql for sql, _ in SHOWN])
def test_what_is_shown_is_narrowed_by_like_and_where(
    sql: str, found: list[str], session: Connection, site: Sandbox
) -> None:
    cells = [cell for row in run(session, sql) for cell in row]
    assert [cell for cell in found if cell not in cells] == []
    assert len(run(session, sql)) == len(found)
    assert site.log == []


def test_use_changes_what_short_names_mean_for_the_rest_of_the_session(session: Connection) -> None:
    run(session, "USE databricks_workspace")
    assert run(session, f"SELECT count(*) > 0 FROM workspace.user_tokens WHERE {PLACE}") == [(1,)]
    with pytest.raises(ProgrammingError):
        run(session, f"SELECT 1 FROM user_tokens WHERE {PLACE}")
    run(session, "USE databricks_workspace.workspace")
    assert run(session, f"SELECT count(*) > 0 FROM user_tokens WHERE {PLACE}") == [(1,)]


# ---- the session's own statements


def test_statements_that_are_written_down_can_be_queried(session: Connection) -> None:
    secret = f"dapi{'0123456789abcdef' * 2}"
    number = session.history.add(f"SELECT '{secret}'", 1.5, A)
    session.history.finish(number, 0.25, 3, "done")
    sql = "SELECT statement, start_time, duration, rows, workspace, outcome FROM tokensh.local.statements"
    ((statement, *rest),) = run(session, sql)
    assert rest == [1500, 0.25, 3, A, "done"]
    assert isinstance(statement, str)
    assert secret not in statement


# ---- where an error stands, and what is left to do

NOWHERE = "'evil.com/#'"


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        (f"SELECT 1 FROM user_tokens WHERE deployment_name IN ('{A}', {NOWHERE})", NOWHERE),
        (f"SELECT 1 FROM tokens AS t WHERE {NOWHERE} = t.deployment_name", NOWHERE),
        (f"SELECT 1 FROM tokens AS t WHERE deployment_name = lower({NOWHERE})", "tokens AS t"),
        ("SELECT 1 FROM nowhere WHERE comment = 'x'", "nowhere"),
        (f"SELECT 1 FROM anywhere WHERE deployment_name = {NOWHERE}", NOWHERE),
        (f"DELETE FROM tokens WHERE deployment_name = {NOWHERE} AND token_id = 'x'", NOWHERE),
        (f"INSERT INTO user_tokens (deployment_name) VALUES ('{A}'), ({NOWHERE}) RETURNING token_value", "user_tokens"),
        (f"EXEC user_tokens.create @deployment_name = {NOWHERE}", f"@deployment_name = {NOWHERE}"),
    ],
)
def test_a_refused_workspace_is_shown_where_it_stands(sql: str, place: str, session: Connection, site: Sandbox) -> None:
    run(session, f"CREATE OR REPLACE VIEW nowhere AS SELECT * FROM user_tokens WHERE deployment_name = {NOWHERE}")
    run(session, "CREATE OR REPLACE VIEW anywhere AS SELECT * FROM user_tokens")
    with pytest.raises(HostError) as caught:
        run(session, sql)
    assert caught.value.span is not None
    assert sql[slice(*caught.value.span)] == place
    assert not site.log


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        (f"SELECT 1 FROM tokens WHERE {PLACE} AND token_id = ''", "tokens"),
        (
            f"INSERT INTO user_tokens (deployment_name, lifetime_seconds) VALUES ('{A}', 'x') RETURNING token_value",
            "user_tokens",
        ),
        (f"EXEC user_tokens.create @deployment_name = '{A}' @lifetime_seconds = 'x'", "@lifetime_seconds = 'x'"),
    ],
)
def test_a_value_that_does_not_fit_is_shown_where_it_is_given(
    sql: str, place: str, session: Connection, site: Sandbox
) -> None:
    with pytest.raises(DataError) as caught:
        run(session, sql)
    assert caught.value.span is not None
    assert sql[slice(*caught.value.span)] == place
    assert not site.log


def test_an_insert_that_fails_on_its_way_says_what_to_run_for_the_rest(session: Connection) -> None:
    columns = "INSERT INTO user_tokens (deployment_name, comment, lifetime_seconds)"
    with pytest.raises(ApiError, match=r"\(1 of 3 rows done, 1 failed, 1 not tried\)") as caught:
        run(
            session,
            f"{columns} VALUES ('{A}', 'left 1', 60), ('{A}', 'it''s left', -5), ('{A}', NULL, 60) RETURNING token_value",
        )
    _, _, rest = str(caught.value.hint).partition("for the rest: ")
    assert rest.endswith(f" VALUES ('{A}', 'it''s left', -5), ('{A}', NULL, 60) RETURNING token_value;")
    assert len(run(session, rest.replace("-5", "60").rstrip(";"))) == 2
    many = f"{columns} SELECT '{A}', 'many', 60 - 70 * (value = 2) FROM json_each('{[*range(1, 31)]}') RETURNING token_value"
    with pytest.raises(ApiError, match=r"\(1 of 30 rows done, 1 failed, 28 not tried\)") as caught:
        run(session, many)
    assert "rows 2 to 30 of its query remain" in str(caught.value.hint)


def test_a_change_that_fails_on_its_way_prints_the_statement_for_the_rest(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    create_tokens(session, "again", "again", "again")
    delete = f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'again'"
    site.fault("POST */delete", status=403, skip=1)
    with pytest.raises(ApiError, match=r"\(1 of 3 rows done, 1 failed, 1 not tried\)") as caught:
        run(session, delete)
    _, _, rest = str(caught.value.hint).partition("for the rest: ")
    assert rest.startswith(
        f"DELETE FROM databricks_workspace.workspace.user_tokens WHERE deployment_name = '{A}' AND token_id IN ("
    )
    assert len(run(session, rest.rstrip(";"))) == 2
    assert run(session, delete) == []


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        (f"SELECT lower(comment), substr(comment) FROM user_tokens WHERE {PLACE}", "substr(comment)"),
        (f"SELECT count(*) FROM user_tokens WHERE {PLACE} AND count(*) > 1", "count(*)"),
        (
            f"SELECT 1 FROM user_tokens AS a JOIN tokens AS b ON max(a.comment) = 'x' WHERE a.{PLACE} AND b.{PLACE}",
            "max(",
        ),
        (f"SELECT 1 FROM user_tokens WHERE {PLACE} AND row_number() OVER () = 1", "row_number() OVER ()"),
        (f"DELETE FROM tokens WHERE {PLACE} AND sum(expiry_time) > 1", "sum(expiry_time)"),
        (f"UPDATE token_permissions SET access_control_list = json_array(abs()) WHERE {PLACE}", "abs()"),
        (f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{A}', 'x') RETURNING hex()", "hex()"),
        ("EXPLAIN SELECT length(1, 2)", "length(1, 2)"),
    ],
)
def test_a_function_that_is_used_wrongly_is_shown_where_it_stands(
    sql: str, place: str, session: Connection, site: Sandbox
) -> None:
    with pytest.raises(ProgrammingError) as caught:
        run(session, sql)
    assert caught.value.span is not None
    assert sql[caught.value.span.start :].startswith(place)
    assert caught.value.span.start == sql.rindex(place)
    assert not site.log


def test_an_explained_write_names_the_address_that_would_be_asked(session: Connection, site: Sandbox) -> None:
    delete = f"EXPLAIN DELETE FROM tokens WHERE {PLACE} AND token_id = 'x'"
    details = [str(detail) for _, action, detail in run(session, delete) if action == "write"]
    assert details[0].startswith(f"DELETE {site.endpoint}/api/2.0/")
