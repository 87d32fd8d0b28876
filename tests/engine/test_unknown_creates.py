"""tokensh.local.pending lists creates of unknown outcome until the user has checked them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.engine.conftest import Connect
from tests.engine.sessions import A, connect, run
from tests.engine.test_create import insert, token_ids
from tokensh.api.journal import Journal
from tokensh.dbapi.connection import Connection
from tokensh.engine.session_tables import PENDING as NAME
from tokensh.environment import make_private_folder
from tokensh.errors import ProgrammingError, UnknownOutcome
from tokensh.redact import MASK
from tokensh.render.errors import format_error
from tokensh.sandbox import Sandbox

PENDING = f"SELECT workspace, resource, comment, lifetime_seconds, token_id, statement FROM {NAME}"
USER_TOKENS = "databricks_workspace.workspace.user_tokens"


def lose_create(
    session: Connection, site: Sandbox, comment: str, *, effect: bool = True, listed: bool = True
) -> UnknownOutcome:
    """Run a create whose response never comes, and return its error."""
    site.fault("POST */create", drop=True, after_handler=effect)
    if not listed:
        site.fault("GET */list", status=403)
    with pytest.raises(UnknownOutcome) as caught:
        run(session, insert(comment))
    return caught.value


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


def test_the_job_that_made_tokens_settles_them_by_their_comments(session: Connection, site: Sandbox) -> None:
    lose_create(session, site, "mine 1", listed=False)
    lose_create(session, site, "mine 2", listed=False)
    lose_create(session, site, "other", listed=False)
    session.pending.forget_comments(lambda comment: comment.startswith("mine"))
    assert [row[2] for row in run(session, PENDING)] == ["other"]


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
    session.pending.forget_tokens(["t1"])
    assert [row[4] for row in run(session, PENDING)] == ["t2", None]
    session.pending.forget_tokens(["t2"])
    assert [row[4] for row in run(session, PENDING)] == [None]
    (folder / "1-1-3.json").write_text(json.dumps({**intent, "orphans": [*orphans, ["t3", "EXEC 3;"]]}))
    session.pending.forget_tokens(["t1", "t2", "elsewhere"])
    assert [row[4] for row in run(session, PENDING)] == [None, "t3"]


def test_a_comment_is_inert_in_the_notice(session: Connection, site: Sandbox) -> None:
    lose_create(session, site, "\x1b[2J" + "x" * 100, effect=False)
    assert f'({A} "\\x1b[2J{"x" * 32}…")' in str(session.pending.summary())


ALL = f"SELECT * FROM {NAME}"
ENTRY = {"time": 1, "workspace": "dbc-1", "resource": "a.b.c", "comment": "ci", "lifetime_seconds": 60}
UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "truncated": json.dumps(ENTRY).encode()[:30],
    "not JSON": b"\xff\xfe",
    "not an object": b"[1]",
    "nested deeply": b"[" * 100_000,
    "no workspace": b'{"time": 1, "resource": "a.b.c"}',
    "a workspace that is a number": json.dumps({**ENTRY, "workspace": 5}).encode(),
    "a time that is a text": json.dumps({**ENTRY, "time": "now"}).encode(),
    "a time of 400 digits": json.dumps({**ENTRY, "time": 10**400}).encode(),
    "a time of 5000 digits": b'{"time": ' + b"9" * 5000 + b"}",
    "a negative time": json.dumps({**ENTRY, "time": -1}).encode(),
    "a lifetime that is an object": json.dumps({**ENTRY, "lifetime_seconds": {}}).encode(),
    "orphans that are a text": json.dumps({**ENTRY, "orphans": "x"}).encode(),
    "an orphan of three": json.dumps({**ENTRY, "orphans": [["a", "b", "c"]]}).encode(),
    "an orphan without a statement": json.dumps({**ENTRY, "orphans": [["a", None]]}).encode(),
}


def write_entry(session: Connection, content: bytes, name: str = "5-1-1.json") -> Path:
    folder: Path = session.environment.state_folder / "journal"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_an_entry_that_cannot_be_read_is_a_row_that_names_its_file(content: bytes, session: Connection) -> None:
    path = write_entry(session, content)
    write_entry(session, json.dumps(ENTRY).encode(), "6-1-1.json")
    assert "unknown outcome of 2 creates" in str(session.pending.summary())
    unreadable, readable = run(session, ALL)
    assert unreadable == ("5-1-1", *[None] * 7, f"cannot be read: {path}")
    assert readable[:3] == ("6-1-1", 1, "dbc-1")
    session.pending.forget_tokens(["t"])  # as a revoke does
    run(session, f"DELETE FROM {NAME} WHERE id = '5-1-1'")
    assert not path.exists()
    assert len(run(session, ALL)) == 1


def test_what_other_versions_write_is_read(session: Connection) -> None:
    orphans = [["t1", "EXEC 1"], ["t2", "EXEC 2"]]
    path = write_entry(session, json.dumps({**ENTRY, "orphans": orphans, "region": "eu", "comment": "\ud800"}).encode())
    write_entry(session, b'{"time": 1, "workspace": "old", "resource": "a.b.c"}', "4-1-1.json")
    assert [row[2:] for row in run(session, ALL)] == [
        ("old", "", "a.b.c", None, None, None, None),
        ("dbc-1", "", "a.b.c", "\\ud800", 60, "t1", "EXEC 1"),
        ("dbc-1", "", "a.b.c", "\\ud800", 60, "t2", "EXEC 2"),
    ]
    session.pending.forget_tokens(["t1"])
    assert json.loads(path.read_bytes())["region"] == "eu"
    assert len(run(session, ALL)) == 2


def test_what_is_not_a_file_is_a_row_too_and_other_names_are_not(session: Connection) -> None:
    folder = write_entry(session, b"", "x.txt").parent
    (folder / "1.json").mkdir()
    os.mkfifo(folder / "2.json")
    (folder / "3.json").symlink_to(folder / "nowhere")
    assert [row[-1] for row in run(session, ALL)] == [
        f"cannot be read: {folder / name}" for name in ("1.json", "2.json")
    ]


def test_a_journal_that_is_not_a_folder_is_a_row(session: Connection) -> None:
    folder: Path = session.environment.state_folder / "journal"
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    assert [row[-1] for row in run(session, ALL)] == [f"cannot be read: {folder}"]


# ---- passwords that are words of the statements


WORDS = [
    "databricks",
    "workspace",
    "user_tokens",
    "token_id",
    "deployment_name",
    "EXEC databricks",
    "creation_time",
    "coalesce",
    A,
    A[:9],
]


@pytest.mark.parametrize("word", WORDS)
def test_a_password_that_is_a_word_leaves_the_statements_usable(word: str, site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path, {"DATABRICKS_PASSWORD": word}) as session:
        error = lose_create(session, site, f"word {WORDS.index(word)}")
        ((_, statement),) = error.orphans
        lines = format_error(error, redact=session.redactor.clean)
        assert statement in lines
        ((look,),) = [(entry.intent.look,) for entry in Journal(session.environment).leftover_intents()]
        assert "[hidden]" not in look
        assert run(session, ALL)[0][-1] == statement
        assert session.redactor.clean(f"{site.token}") == "[hidden]"
        session.pending.forget()


def test_a_file_in_the_place_of_the_folder_is_pending(session: Connection) -> None:
    folder = session.pending._journal.folder
    make_private_folder(folder.parent.parent)
    folder.parent.write_text("not a folder")
    ((statement,),) = run(session, f"SELECT statement FROM {NAME}")
    assert str(folder) in str(statement)
    assert f"cannot be read: {folder}" in str(session.pending.summary())


def test_a_revoke_is_done_though_others_could_have_written_to_the_journal(session: Connection) -> None:
    folder = session.pending._journal.folder
    make_private_folder(folder)
    folder.chmod(0o777)
    session.pending.forget_tokens(["gone"])
    assert "others may write" in str(session.pending.summary())
