"""DELETE, EXEC and EXPLAIN against a sandbox: what is sent, in which order, and what comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import pytest

from tests.engine.conftest import Connect
from tests.engine.sessions import A, B, asked, column, run
from tokensh.dbapi import Connection, Listeners
from tokensh.errors import ApiError, Error, NotSupportedError, ProgrammingError, UnknownOutcome
from tokensh.plan.nodes import ChangePlan, ExecPlan
from tokensh.rows import Value
from tokensh.sandbox import Sandbox

PLACE = f"deployment_name = '{A}'"
Listed = Sequence[Mapping[str, Value]]


def make(session: Connection, *comments: str) -> list[str]:
    """The ids of new tokens; the sandbox's log is empty after it."""
    rows = ", ".join(f"('{A}', '{one}')" for one in comments)
    into = "INSERT INTO user_tokens (deployment_name, comment)"
    made = run(session, f"{into} VALUES {rows} RETURNING json_extract(token_info, '$.token_id')")
    return [str(one) for (one,) in made]


def bodies(site: Sandbox) -> list[object]:
    return [json.loads(one.body) for one in site.log if one.method == "POST"]


# ---- DELETE


def test_a_delete_by_key_sends_one_request_and_lists_nothing(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    (token_id,) = make(session, "by key")
    site._log.clear()
    sql = f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = '{token_id}' RETURNING token_id, deployment_name"
    assert run(session, sql) == [(token_id, A)]
    assert asked(site) == [f"POST {A} delete"]
    assert bodies(site) == [{"token_id": token_id}]


def test_a_delete_by_other_predicates_lists_and_then_deletes_row_by_row(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    made = make(session, "old 1", "old 2", "new")
    site._log.clear()
    sql = f"DELETE FROM user_tokens WHERE {PLACE} AND comment LIKE 'old _' RETURNING comment, token_id"
    assert sorted(run(session, sql)) == [("old 1", made[0]), ("old 2", made[1])]
    assert asked(site) == [f"GET {A} list", f"POST {A} delete", f"POST {A} delete"]
    assert column(session, f"SELECT comment FROM user_tokens WHERE {PLACE} AND comment IN ('old 1', 'new')") == ["new"]


def test_a_delete_takes_keys_from_a_query(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    made = make(session, "from a query", "from a query")
    run(
        session, "CREATE TABLE ids AS SELECT token_id FROM user_tokens WHERE " + PLACE + " AND comment = 'from a query'"
    )
    run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND token_id IN (SELECT token_id FROM ids)")
    left = set(column(session, f"SELECT token_id FROM user_tokens WHERE {PLACE}"))
    assert not left & set(made)


def test_a_delete_of_what_is_not_there_is_no_row(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    assert run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = 'gone' RETURNING token_id") == []
    assert asked(site) == [f"POST {A} delete"]


def test_rows_that_had_to_be_listed_need_a_yes(session: Connection, site: Sandbox) -> None:
    make(session, "asked for")
    site._log.clear()
    with pytest.raises(ProgrammingError, match=r"this DELETE would hit 1 row: .*comment=asked for") as caught:
        run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'asked for'")
    assert "--yes" in str(caught.value.hint)
    assert asked(site) == [f"GET {A} list"]


def test_whoever_is_asked_sees_the_rows_and_may_say_no(connect: Connect, site: Sandbox) -> None:
    seen: list[Listed] = []

    def refuse(plan: ChangePlan | ExecPlan, rows: Listed) -> None:
        seen.append(rows)
        raise ProgrammingError("not this time")

    session = connect(listeners=Listeners(approve=refuse))
    (token_id,) = make(session, "spared")
    site._log.clear()
    for sql in (
        f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = '{token_id}'",
        f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'spared'",
        f"EXEC user_tokens.revoketoken @deployment_name = '{A}', @token_id = '{token_id}'",
    ):
        with pytest.raises(ProgrammingError, match="not this time"):
            run(session, sql)
    assert [[row["token_id"] for row in rows] for rows in seen] == [[token_id]] * 3
    assert f"POST {A} delete" not in asked(site)


def test_a_failure_in_the_middle_of_a_delete_says_how_far_it_came(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    make(session, "half", "half", "half")
    site._log.clear()
    site.fault("POST */delete", status=403, skip=1)
    with pytest.raises(ApiError, match=re.escape("(1 of 3 rows done, 1 not tried)")):
        run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'half'")
    assert asked(site).count(f"POST {A} delete") == 2


def test_a_delete_whose_reply_is_lost_is_not_sent_again(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    (token_id,) = make(session, "lost")
    site._log.clear()
    site.fault("POST */delete", after_handler=True, drop=True)
    with pytest.raises(UnknownOutcome, match=f"whether it took effect in {A} is unknown") as caught:
        run(session, f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = '{token_id}'")
    assert caught.value.orphans == ()
    assert asked(site) == [f"POST {A} delete"]


def test_tokens_of_several_workspaces_go_in_the_order_of_the_values(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    run(session, f"DELETE FROM user_tokens WHERE deployment_name IN ('{B}', '{A}') AND token_id IN ('x', 'y')")
    assert asked(site) == [f"POST {B} delete"] * 2 + [f"POST {A} delete"] * 2


# ---- EXEC


def test_an_exec_that_reads_gives_its_rows(session: Connection, site: Sandbox) -> None:
    result = session.run(f"EXEC user_tokens.listtokens @deployment_name = '{A}'")
    assert "token_id" in [one.name for one in result.columns]
    assert len(list(result.rows)) >= 7
    assert asked(site) == [f"GET {A} list"]


def test_an_exec_with_an_empty_reply_gives_none(session: Connection, site: Sandbox) -> None:
    (token_id,) = make(session, "exec")
    site._log.clear()
    sql = f"EXEC user_tokens.revoketoken @deployment_name = '{A}' @@json = '{{\"token_id\": \"{token_id}\"}}'"
    assert run(session, sql) == []
    assert bodies(site) == [{"token_id": token_id}]


def test_an_exec_of_what_is_not_there_is_an_error(session: Connection) -> None:
    with pytest.raises(ApiError) as caught:
        run(session, f"EXEC user_tokens.revoketoken @deployment_name = '{A}', @token_id = 'gone'")
    assert caught.value.status == 404


def test_an_exec_that_creates_gives_the_value(session: Connection, site: Sandbox) -> None:
    result = session.run(
        f"EXEC user_tokens.create @deployment_name = '{A}', @comment = 'exec', @lifetime_seconds = '60'"
    )
    (row,) = result.rows
    value = dict(zip([one.name for one in result.columns], row, strict=True))["token_value"]
    assert str(value if isinstance(value, str) else "").startswith("dapi")
    assert bodies(site) == [{"comment": "exec", "lifetime_seconds": 60}]


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
    (f"INSERT INTO user_tokens (deployment_name) VALUES ('{A}')", ["POST", "/api/2.0/token/create"]),
    (f"EXEC user_tokens.listtokens @deployment_name = '{A}'", ["GET", "/api/2.0/token/list"]),
    ("SELECT 1", ["SELECT"]),
]


@pytest.mark.parametrize(("sql", "words"), EXPLAINED, ids=[sql for sql, _ in EXPLAINED])
def test_explain_tells_what_would_be_sent_and_sends_nothing(
    sql: str, words: list[str], session: Connection, site: Sandbox
) -> None:
    result = session.run(f"EXPLAIN {sql}")
    assert [one.name for one in result.columns] == ["step", "action", "detail"]
    text = "\n".join(str(row) for row in result.rows)
    assert [one for one in words if one not in text] == []
    assert site.log == []


def test_explain_finds_what_is_wrong(session: Connection) -> None:
    with pytest.raises(Error):
        run(session, f"EXPLAIN SELECT count(count(*)) FROM user_tokens WHERE {PLACE}")


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
