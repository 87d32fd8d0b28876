"""`write_connections` revokes some tokens of a DELETE at a time, and changes nothing else: order, counts and what a failure says."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from tests.engine.conftest import Connect
from tests.engine.sessions import A, B, first_column, run
from tests.engine.test_fanout import most_at_once
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import ApiError, Error, UnknownOutcome
from tokensh.sandbox import LogEntry, Sandbox

PLACES = f"deployment_name IN ('{A}', '{B}')"
MARKED = f"{PLACES} AND comment LIKE 'many%'"
DELETE = f"DELETE FROM user_tokens WHERE {MARKED}"


def create_tokens(session: Connection, each: int) -> list[object]:
    """Create tokens in two workspaces, and return their ids as a SELECT lists them."""
    rows = ", ".join(f"('{place}', 'many {number}')" for place in (A, B) for number in range(each))
    run(session, f"INSERT INTO user_tokens (deployment_name, comment) VALUES {rows} RETURNING token_value")
    return list(first_column(session, f"SELECT token_id FROM user_tokens WHERE {MARKED}"))


def revokes(site: Sandbox, place: str | None = None) -> list[LogEntry]:
    """Return the log entries of revokes, of one workspace or all."""
    return [entry for entry in site.log if entry.path.endswith("/delete") and place in (None, entry.workspace)]


@pytest.mark.parametrize("most", [1, 2, 5, 64])
def test_no_more_than_the_limit_at_a_time_in_a_workspace_and_in_the_order_of_the_rows(
    most: int, connect: Connect, site: Sandbox
) -> None:
    session = connect(yes=True, write_connections=most)
    token_ids = create_tokens(session, 6)
    site.clear_log()
    site.fault("POST */delete", delay=0.02, times=None)
    assert first_column(session, f"{DELETE} RETURNING token_id") == token_ids
    assert len(revokes(site)) == len(token_ids)
    for place in (A, B):
        assert most_at_once(revokes(site, place)) <= most
    assert (most_at_once(revokes(site)) > 1) == (most > 1)
    assert run(session, f"SELECT token_id FROM user_tokens WHERE {MARKED}") == []


REFUSED = {"status": 403}
FAILURES: list[tuple[str, list[dict[str, Any]], type[Error], str, int]] = [
    ("one is refused", [{**REFUSED, "skip": 1}], ApiError, "(2 of 12 rows done, 1 failed, 9 not tried)", 3),
    ("all are refused", [{**REFUSED, "times": None}], ApiError, "(0 of 12 rows done, 3 failed, 9 not tried)", 3),
    (
        "the answers of all are lost twice",
        [{"status": 500, "times": None}],
        UnknownOutcome,
        "(0 of 12 rows done, 3 unknown, 9 not tried)",
        6,
    ),
    (
        "one is refused, and the answers of the others are lost twice",
        [REFUSED, {"drop": True, "times": None}],
        UnknownOutcome,
        "(0 of 12 rows done, 3 unknown, 9 not tried)",
        5,
    ),
]


@pytest.mark.parametrize(("faults", "kind", "words", "sent"), [pytest.param(*case, id=how) for how, *case in FAILURES])
def test_a_failure_lets_those_beside_it_end_and_stops_those_after_it(
    faults: list[dict[str, Any]], kind: type[Error], words: str, sent: int, connect: Connect, site: Sandbox
) -> None:
    session = connect(yes=True, write_connections=3)
    create_tokens(session, 6)
    site.clear_log()
    for fault in faults:
        site.fault("POST */delete", **fault)
    with pytest.raises(kind, match=re.escape(words)) as caught:
        run(session, DELETE)
    assert len(revokes(site)) == sent
    site.clear_faults()
    _, _, rest = str(caught.value.hint).partition("for the rest: ")
    left = first_column(session, f"SELECT token_id FROM user_tokens WHERE {MARKED}")
    assert sorted(map(str, first_column(session, f"{rest.rstrip(';')} RETURNING token_id"))) == sorted(map(str, left))
    assert run(session, f"SELECT token_id FROM user_tokens WHERE {MARKED}") == []


def test_a_token_that_is_gone_already_is_no_failure_and_no_row(connect: Connect, site: Sandbox) -> None:
    done: list[tuple[int, int, str]] = []
    gone: list[object] = []

    def revoke_one_first(*_: object) -> None:
        run(other, f"DELETE FROM user_tokens WHERE {PLACES} AND token_id = '{gone[0]!s}'")

    other = connect(yes=True)
    session = connect(
        callbacks=Callbacks(approve=revoke_one_first, on_rows_done=lambda *facts: done.append(facts)),
        write_connections=4,
    )
    token_ids = create_tokens(other, 3)
    gone.append(token_ids[1])
    assert first_column(session, f"{DELETE} RETURNING token_id") == [token_ids[0], *token_ids[2:]]
    token_ids = create_tokens(other, 3)
    gone[:] = token_ids[-1:]
    run(session, DELETE)
    assert done == [(0, 6, "revoked"), (6, 6, "revoked")]


def test_ctrl_c_leaves_those_that_are_sent_unknown_and_sends_no_more(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True, write_connections=3)
    create_tokens(session, 6)
    site.clear_log()
    site.fault("POST */delete", delay=5, after_handler=True, times=None)
    threading.Timer(0.3, session.cancellation.press).start()
    with pytest.raises(UnknownOutcome, match=re.escape("0 of 12 rows done, 3 unknown, 9 not tried")):
        run(session, DELETE)
    assert len(revokes(site)) == 3


def test_the_token_that_signs_the_requests_is_revoked_alone_and_last(connect: Connect, site: Sandbox) -> None:
    session = connect(yes=True)
    create_tokens(session, 3)
    value, own_id = run(
        session,
        f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{A}', 'many own')"
        " RETURNING token_value, json_extract(token_info, '$.token_id')",
    )[0]
    notes: list[str] = []
    signing = connect(yes=True, token=value, write_connections=64, callbacks=Callbacks(note=notes.append))
    site.clear_log()
    returned = first_column(
        signing, f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND comment LIKE 'many%' RETURNING token_id"
    )
    assert returned[-1] == own_id
    assert [str(own_id) in entry.body.decode() for entry in revokes(site)] == [False] * (len(returned) - 1) + [True]
    assert max(entry.ended or 0 for entry in revokes(site)[:-1]) <= revokes(site)[-1].started
    assert [f"token {own_id!s} signs the requests" in note for note in notes] == [True]
