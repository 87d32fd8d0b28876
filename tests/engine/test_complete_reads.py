"""A statement that changes or keeps anything is not sent if one of its reads is incomplete; a query's user is told."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tokensh
from tests.engine.conftest import Connect
from tests.engine.sessions import A, B, connect, first_column, list_requests, run
from tokensh import sandbox
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import Error, IncompleteResultWarning, OperationalError, SeveralErrors
from tokensh.sandbox import Sandbox

READ = f"SELECT comment FROM user_tokens WHERE deployment_name = '{B}'"
CHANGES = {
    "DELETE": f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment NOT IN ({READ})",
    "DELETE by keys": f"DELETE FROM tokens WHERE deployment_name = '{A}' AND token_id IN ({READ})",
    "DELETE in both": f"DELETE FROM user_tokens WHERE deployment_name IN ('{A}', '{B}') AND expiry_time > 0",
    "DELETE where a list says": "DELETE FROM user_tokens WHERE comment <> 'x' AND deployment_name IN"
    f" (SELECT deployment_name FROM user_tokens WHERE deployment_name IN ('{A}', '{B}'))",
    "UPDATE": "UPDATE token_permissions SET data__access_control_list = '[]'"
    f" WHERE deployment_name = '{A}' AND object_id NOT IN ({READ})",
    "UPDATE to a query": f"UPDATE token_permissions SET data__access_control_list = (SELECT '[]' FROM ({READ}) LIMIT 1)"
    f" WHERE deployment_name = '{A}'",
    "REPLACE": "REPLACE token_permissions SET data__access_control_list = '[]'"
    f" WHERE deployment_name = '{A}' AND object_id NOT IN ({READ})",
    "INSERT": "INSERT INTO user_tokens (deployment_name, data__comment)"
    f" SELECT '{A}', 'fleet' WHERE NOT EXISTS ({READ} AND comment = 'fleet') RETURNING token_value",
    "INSERT of a query": f"INSERT INTO user_tokens (deployment_name, data__comment) SELECT '{A}', comment"
    f" FROM user_tokens WHERE deployment_name IN ('{A}', '{B}') RETURNING token_value",
    "INSERT of a view": "INSERT INTO user_tokens (deployment_name, data__comment)"
    f" SELECT '{A}', comment FROM seen RETURNING token_value",
    "CREATE TABLE AS": f"CREATE TABLE made AS SELECT comment FROM user_tokens WHERE deployment_name IN ('{A}', '{B}')",
    "CREATE MATERIALIZED VIEW": f"CREATE MATERIALIZED VIEW made AS {READ}",
    "REFRESH": "REFRESH MATERIALIZED VIEW kept",
    "INSERT into a table": f"INSERT INTO mine SELECT comment FROM user_tokens WHERE deployment_name IN ('{A}', '{B}')",
    "UPDATE of a table": f"UPDATE mine SET comment = 'y' WHERE comment NOT IN ({READ})",
    "DELETE from a table": f"DELETE FROM mine WHERE comment NOT IN ({READ})",
}
LIST = {"token_infos": [{"token_id": "t", "comment": "t", "creation_time": 1, "expiry_time": -1}]}
INCOMPLETE: dict[str, dict[str, Any]] = {
    "a refusal": {"status": 403},
    "an outage": {"status": 503, "headers": {"Retry-After": "999"}},
    "no connection": {"drop": True},
    "a page": {"status": 200, "body": {**LIST, "next_page_token": "abc"}},
    "a page by its header": {"status": 200, "body": LIST, "headers": {"Link": '</2>; rel="next"'}},
    "an unknown object": {"status": 200, "body": {"tokens": []}},
    "an error": {"status": 200, "body": {"message": "not logged in"}},
    "an error beside rows": {"status": 200, "body": {**LIST, "error_code": "PARTIAL"}},
    "a part": {"status": 206, "body": LIST},
    "rows that are none": {"status": 200, "body": {"token_infos": [{"error": "x"}]}},
    "a listing that is not found": {"status": 404},
}
PAGES = ("a page", "a page by its header")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with sandbox.start() as started:
        yield started


@pytest.fixture
def prepared(connect: Connect, site: Sandbox) -> Connection:
    """Return a session that accepts partial results and has a table, a view and a materialized view."""
    session = connect(partial=True, yes=True)
    run(session, "CREATE TABLE mine (comment TEXT)", "INSERT INTO mine VALUES ('x'), ('z')")
    run(session, f"CREATE VIEW seen AS {READ}", f"CREATE MATERIALIZED VIEW kept AS {READ}")
    site.clear_log()
    return session


def spoil(site: Sandbox, how: str) -> None:
    site.fault(f"GET /w/{B}/*", times=None, **INCOMPLETE[how])


@pytest.mark.parametrize(
    ("change", "how"),
    # Every change and every way, each with several of the other.
    [(change, how) for i, change in enumerate(CHANGES) for j, how in enumerate(INCOMPLETE) if (i + j) % 4 == 0],
)
def test_nothing_is_changed_on_an_incomplete_read(change: str, how: str, prepared: Connection, site: Sandbox) -> None:
    kept = first_column(prepared, "SELECT comment FROM kept")
    spoil(site, how)
    with pytest.raises(Error) as caught:
        run(prepared, CHANGES[change])
    assert "nothing was changed" in str(caught.value.hint)
    assert {entry.method for entry in site.log} == {"GET"}
    site.clear_faults()
    assert first_column(prepared, "SELECT comment FROM mine") == ["x", "z"]
    assert first_column(prepared, "SELECT comment FROM kept") == kept
    with pytest.raises(tokensh.ProgrammingError):
        run(prepared, "SELECT * FROM made")


@pytest.mark.parametrize("how", INCOMPLETE)
def test_a_commit_sends_nothing_if_the_reads_of_its_last_change_are_incomplete(
    how: str, prepared: Connection, site: Sandbox
) -> None:
    run(
        prepared,
        "BEGIN",
        f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = 'x'",
        CHANGES["DELETE"],
    )
    spoil(site, how)
    with pytest.raises(Error, match="COMMIT: nothing was sent, 2 changes dropped"):
        run(prepared, "COMMIT")
    assert {entry.method for entry in site.log} == {"GET"}


# ---- queries

COUNT = f"SELECT DISTINCT deployment_name FROM user_tokens WHERE deployment_name IN ('{A}', '{B}')"
EXEC = f"EXEC user_tokens.listtokens @deployment_name = '{B}'"


@pytest.mark.parametrize("how", list(INCOMPLETE))
def test_a_library_user_is_warned_of_missing_rows_and_can_read_why(how: str, connect: Connect, site: Sandbox) -> None:
    session = connect(partial=True)
    spoil(site, how)
    with pytest.warns(IncompleteResultWarning) as caught:
        cursor = session.cursor().execute(COUNT)
    assert [warning.filename for warning in caught] == [__file__]
    assert list(cursor.failures) == [B]
    assert isinstance(cursor.failures[B], OperationalError)
    assert set(cursor.fetchall()) == {(A,), (B,)} if how in PAGES else {(A,)}
    site.clear_faults()
    assert cursor.execute(COUNT).failures == {}
    cursor.close()


@pytest.mark.parametrize("statement", [COUNT, EXEC], ids=["SELECT", "EXEC"])
@pytest.mark.parametrize("how", PAGES)
def test_a_page_is_a_warning_without_partial_too(how: str, statement: str, session: Connection, site: Sandbox) -> None:
    spoil(site, how)
    cursor = session.cursor()
    with pytest.warns(IncompleteResultWarning, match="the first of several pages"):
        cursor.execute(statement).fetchall()
    assert list(cursor.failures) == [B]


def test_each_incomplete_result_is_warned_of_also_at_the_same_line(session: Connection, site: Sandbox) -> None:
    spoil(site, "a page")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            run(session, COUNT)
    assert len(caught) == 3


def test_warnings_that_are_errors_make_an_incomplete_result_an_error(session: Connection, site: Sandbox) -> None:
    spoil(site, "a page")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(tokensh.Warning, match="rows are missing"):
            run(session, COUNT)


def test_a_callback_takes_the_warnings_place(connect: Connect, site: Sandbox) -> None:
    told: list[Error] = []
    session = connect(callbacks=Callbacks(on_failure=told.append))
    spoil(site, "a page")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(session, COUNT)
    assert len(told) == 1


def test_pages_are_failures_where_those_are_tolerated(connect: Connect, site: Sandbox) -> None:
    failures: dict[str, Error] = {}
    session = connect(callbacks=Callbacks(on_tolerated=failures.update))
    spoil(site, "a page")
    assert set(first_column(session, COUNT)) == {A, B}
    assert list(failures) == [B]


def test_a_change_fails_where_failures_are_tolerated(connect: Connect, site: Sandbox) -> None:
    session = connect(callbacks=Callbacks(on_tolerated=lambda _: None), yes=True)
    spoil(site, "an outage")
    with pytest.raises(Error):
        run(session, CHANGES["DELETE"])
    assert {entry.method for entry in site.log} == {"GET"}


def test_several_workspaces_that_fail_a_change_are_all_named(connect: Connect, site: Sandbox) -> None:
    session = connect(partial=True, yes=True)
    site.fault("GET /w/*/list", status=403, times=None)
    with pytest.raises(SeveralErrors) as caught:
        run(session, CHANGES["DELETE in both"])
    assert [name for name, _ in caught.value.failures] == [A, B]
    assert "--partial gives" not in str(caught.value.hint)


# ---- earlier results


def test_an_earlier_result_that_was_incomplete_is_not_a_reason_to_change_anything(
    connect: Connect, site: Sandbox
) -> None:
    session = connect(partial=True, yes=True, callbacks=Callbacks(on_failure=lambda _: None))
    spoil(site, "an outage")
    result = session.run("SELECT comment, token_id FROM user_tokens WHERE deployment_name IN " + f"('{A}', '{B}')")
    rows = list(result.rows)
    session.objects.keep_result(result.columns, rows, next(iter(session.failures.values())))
    site.clear_faults()
    change = f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id NOT IN (SELECT token_id FROM %s)"
    with pytest.raises(Error, match="_ is incomplete"):
        run(session, change % "_")
    # What is made of it is incomplete, too.
    result = session.run("SELECT token_id FROM _1")
    rows = list(result.rows)
    assert list(session.failures) == ["_1"]
    session.objects.keep_result(result.columns, rows, session.failures["_1"])
    with pytest.raises(Error, match="_2 is incomplete"):
        run(session, change % "_2")
    assert f"POST {A} delete" not in list_requests(site)


# ---- complete reads


def test_a_change_whose_reads_are_complete_is_sent(site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path, partial=True, yes=True) as session:
        assert run(session, f"{CHANGES['INSERT']}") != []
