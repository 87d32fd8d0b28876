"""-1 is smaller than every time: a DELETE says how many of the tokens that it hits never expire, however it finds them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.engine.sessions import A, list_requests, run
from tokensh.dbapi.connection import Connection
from tokensh.errors import ProgrammingError
from tokensh.sandbox import Sandbox

FAR = "to_ms('2127-01-01')"
CONDITIONS = [
    f"expiry_time < {FAR}",
    f"NOT expiry_time >= {FAR}",
    f"expiry_time BETWEEN -5 AND {FAR}",
    f"u.expiry_time <= {FAR}",
    f"token_id IN (SELECT token_id FROM user_tokens AS s WHERE s.expiry_time < {FAR})",
    "token_id IN (SELECT token_id FROM early)",
    "token_id IN (SELECT token_id FROM copied)",
    f"deployment_name = '{A}' AND token_id IN (SELECT token_id FROM tokens WHERE deployment_name = '{A}' AND expiry_time < {FAR})",
    f"(token_id, comment) IN (SELECT token_id, comment FROM user_tokens AS s WHERE s.expiry_time < {FAR})",
    "EXISTS (SELECT 1 FROM early WHERE early.token_id = u.token_id)",
    "coalesce(nullif(expiry_time, 0), 5) < 5",
]


@pytest.fixture
def session(connect: Callable[..., Connection]) -> Connection:
    session: Connection = connect(workspace=A)
    early = f"SELECT token_id, expiry_time FROM user_tokens WHERE expiry_time < {FAR}"
    run(session, f"CREATE VIEW early AS {early}", f"CREATE TABLE copied AS {early}")
    return session


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_refused_delete_counts_the_rows_that_never_expire(condition: str, session: Connection, site: Sandbox) -> None:
    sql = f"DELETE FROM user_tokens AS u WHERE {condition}"
    with pytest.raises(ProgrammingError) as caught:
        run(session, sql)
    assert re.search(r"would hit (7 rows, 1 of which never expires|1 row, which never expires): ", caught.value.message)
    assert not [request for request in list_requests(site) if request.startswith("POST")]


def test_rows_that_all_expire_are_not_counted(session: Connection) -> None:
    with pytest.raises(ProgrammingError, match="would hit 6 rows: "):
        run(session, f"DELETE FROM user_tokens WHERE expiry_time BETWEEN 0 AND {FAR}")


def test_explain_says_that_they_will_be_counted(session: Connection) -> None:
    steps = run(session, f"EXPLAIN DELETE FROM user_tokens WHERE expiry_time < {FAR}")
    assert [detail for _, action, detail in steps if action == "note"] == [
        "expiry_time is -1 for never: the rows that never expire are counted before they are approved"
    ]
    by_id = run(session, "EXPLAIN DELETE FROM user_tokens WHERE token_id = 'x'")
    assert not [step for step in by_id if step[1] == "note"]
