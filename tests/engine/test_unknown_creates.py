"""tokensh.local.pending lists creates of unknown outcome until the user has checked them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.engine.conftest import Connect
from tests.engine.sessions import A, run
from tests.engine.test_create import insert, token_ids
from tokensh.dbapi.connection import Connection
from tokensh.engine.unknown_creates import NAME
from tokensh.errors import ProgrammingError, UnknownOutcome
from tokensh.redact import MASK
from tokensh.sandbox import Sandbox

PENDING = f"SELECT workspace, resource, comment, lifetime_seconds, token_id, statement FROM {NAME}"
USER_TOKENS = "databricks_workspace.workspace.user_tokens"


def lose_create(session: Connection, site: Sandbox, comment: str, *, effect: bool = True, listed: bool = True) -> None:
    """Run a create whose response never comes."""
    site.fault("POST */create", drop=True, after_handler=effect)
    if not listed:
        site.fault("GET */list", status=403)
    with pytest.raises(UnknownOutcome):
        run(session, insert(comment))


def test_a_fresh_home_has_nothing_pending(session: Connection) -> None:
    assert run(session, f"SELECT * FROM {NAME}") == []
    assert session.pending.summary() is None
    assert not session.environment.state_folder.exists()


def test_an_orphan_is_pending_with_the_statement_that_revokes_it(
    session: Connection, site: Sandbox, connect: Connect
) -> None:
    lose_create(session, site, "orphan")
    next_start = connect()
    assert next_start.pending.summary() == f'unknown outcome of 1 create ({A} "orphan"): SELECT * FROM {NAME}'
    ((workspace, resource, comment, lifetime, token_id, statement),) = run(next_start, PENDING)
    assert (workspace, resource, comment, lifetime) == (A, USER_TOKENS, "orphan", 3600)
    assert {token_id} == token_ids(next_start, "orphan")
    run(next_start, str(statement).removesuffix(";"))
    assert token_ids(next_start, "orphan") == set()
    assert (run(next_start, PENDING), next_start.pending.summary()) == ([], None)


def test_a_delete_by_predicate_settles_it_too(session: Connection, site: Sandbox) -> None:
    lose_create(session, site, "by delete")
    session.yes = True
    run(session, f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment = 'by delete'")
    assert run(session, PENDING) == []


def test_so_does_a_delete_that_finds_the_token_gone(session: Connection, site: Sandbox) -> None:
    lose_create(session, site, "gone by then")
    ((*_, token_id, statement),) = run(session, PENDING)
    site.fault("POST */token/delete", status=404, body={"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"})
    run(session, f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = '{token_id!s}'")
    assert run(session, PENDING) == []
    run(session, str(statement).removesuffix(";"))


def test_the_revoke_of_another_token_settles_nothing(session: Connection, site: Sandbox) -> None:
    run(session, insert("other"))
    lose_create(session, site, "kept")
    session.yes = True
    run(session, f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment = 'other'")
    assert [row[2] for row in run(session, PENDING)] == ["kept"]


def test_where_the_token_is_not_known_the_statement_looks_for_it(session: Connection, site: Sandbox) -> None:
    run(session, insert("older"))
    lose_create(session, site, "it''s dark", listed=False)
    ((*_, token_id, statement),) = run(session, PENDING)
    assert token_id is None
    found = run(session, str(statement).removesuffix(";"))
    assert [row for row in found if "it's dark" in row] == found
    assert len(found) == 1


def test_a_create_of_which_nothing_is_seen_stays_pending(session: Connection, site: Sandbox) -> None:
    lose_create(session, site, "nothing", effect=False)
    ((*_, token_id, statement),) = run(session, PENDING)
    assert token_id is None
    assert run(session, str(statement).removesuffix(";")) == []


@pytest.mark.parametrize("comment", ["dapi" + "0123456789abcdef" * 2, "a {{ b }}", "two\nlines"])
def test_a_comment_that_would_not_come_through_is_not_looked_for(
    comment: str, session: Connection, site: Sandbox
) -> None:
    lose_create(session, site, comment, listed=False)
    ((_, _, shown, _, _, statement),) = run(session, PENDING)
    assert shown == (f"{MASK}" if comment.startswith("dapi") else comment)
    assert "comment" not in str(statement)
    assert comment in {cell for row in run(session, str(statement).removesuffix(";")) for cell in row}


def test_a_create_without_a_comment_is_looked_for_by_that(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", drop=True, after_handler=True)
    site.fault("GET */list", status=403)
    with pytest.raises(UnknownOutcome):
        run(
            session,
            f"INSERT INTO user_tokens (deployment_name, lifetime_seconds) VALUES ('{A}', 60) RETURNING token_value",
        )
    ((_, _, comment, _, _, statement),) = run(session, PENDING)
    assert comment is None
    assert str(session.pending.summary()).startswith(f"unknown outcome of 1 create ({A}): ")
    assert len(run(session, str(statement).removesuffix(";"))) >= 1


def test_who_has_looked_deletes_the_row(session: Connection, site: Sandbox) -> None:
    for comment in ("one", "two", "three"):
        lose_create(session, site, comment, effect=False)
    assert str(session.pending.summary()).startswith("unknown outcome of 3 creates ")
    assert run(session, f"DELETE FROM {NAME} WHERE comment = 'one' RETURNING comment") == [("one",)]
    assert [row[2] for row in run(session, PENDING)] == ["two", "three"]
    assert site.log[-1].method == "GET"
    run(session, f"DELETE FROM {NAME}")
    assert run(session, PENDING) == []


def test_nothing_else_of_it_can_be_changed(session: Connection) -> None:
    for statement in (
        f"UPDATE {NAME} SET comment = 'x'",
        f"INSERT INTO {NAME} (id) VALUES ('x')",
        f"DROP TABLE {NAME}",
    ):
        with pytest.raises(ProgrammingError, match=r"SESSION TABLE|session's own"):
            run(session, statement)
    with pytest.raises(ProgrammingError, match="SESSION TABLE"):
        run(session, "DELETE FROM tokensh.local.statements")


def test_explain_of_a_delete_deletes_nothing(session: Connection, site: Sandbox) -> None:
    lose_create(session, site, "explained", effect=False)
    assert run(session, f"EXPLAIN DELETE FROM {NAME}")
    assert len(run(session, PENDING)) == 1


def test_a_create_that_is_under_way_elsewhere_is_not_pending(
    session: Connection, connect: Connect, site: Sandbox
) -> None:
    rows = iter(next(session.results(insert("under way", "second"))).rows)
    next(rows)
    assert connect().pending.summary() is None
    list(rows)
    assert connect().pending.summary() is None


def test_several_candidates_are_several_rows_and_settle_one_by_one(session: Connection, connect: Connect) -> None:
    folder = session.environment.state_folder / "journal"
    folder.mkdir(parents=True)
    orphans = [["t1", "EXEC 1;"], ["t2", "EXEC 2;"]]
    intent = {"time": 1, "workspace": A, "resource": USER_TOKENS, "comment": "x", "lifetime_seconds": 1, "look": ""}
    (folder / "1-1-1.json").write_text(json.dumps({**intent, "orphans": orphans}))
    (folder / "1-1-2.json").write_text(json.dumps(intent))
    assert [row[4:] for row in run(session, PENDING)] == [("t1", "EXEC 1;"), ("t2", "EXEC 2;"), (None, None)]
    session.pending.forget_token("t1")
    assert [row[4] for row in run(session, PENDING)] == ["t2", None]
    session.pending.forget_token("t2")
    assert [row[4] for row in run(session, PENDING)] == [None]


def test_a_comment_is_inert_in_the_notice(session: Connection, site: Sandbox) -> None:
    lose_create(session, site, "\x1b[2J" + "x" * 100, effect=False)
    assert f'({A} "\\x1b[2J{"x" * 32}…")' in str(session.pending.summary())


def test_a_folder_that_cannot_be_read_is_no_reason_to_fail(session: Connection) -> None:
    folder: Path = session.environment.state_folder / "journal"
    folder.mkdir(parents=True)
    (folder / "1.json").mkdir()
    os.mkfifo(folder / "x.txt")
    assert session.pending.summary() is None
