"""A new token's value ends with the user: RETURNING shows it, or the caller keeps it, or nothing is sent."""

from __future__ import annotations

import pytest

from tests.cases import each_case
from tests.engine.conftest import Connect
from tests.engine.sessions import A, list_requests, run
from tokensh.api.journal import Journal
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.delivery import deliver_exec, shows_secret
from tokensh.errors import DataError, Error, ProgrammingError, ReplyError
from tokensh.rows import Column, Row, Value
from tokensh.sandbox import Sandbox

pytestmark = pytest.mark.judged

INSERT = f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{A}', 'held')"
MANY = f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{A}', 'a'), ('{A}', 'b')"
FROM_QUERY = f"INSERT INTO user_tokens (deployment_name, comment) SELECT '{A}', value FROM json_each('[1, 2]')"
OBO = f"INSERT INTO tokens (deployment_name, application_id) VALUES ('{A}', '4c1f2a6e-9d03-4b7a-8f55-0e6d7a2b91c4')"
VALUE = "dapi" + "1" * 32
POST = f"POST {A} create"

LOSES = [
    "",
    "RETURNING token_info",
    "RETURNING token_info, data__comment, deployment_name",
    "RETURNING 1",
    "RETURNING length(token_value)",
    "RETURNING token_value IS NOT NULL AS made",
    "RETURNING substr(token_value, 1, 8)",
    "RETURNING NULLIF(token_value, token_value)",
    "RETURNING 'token_value'",
    "RETURNING token_info AS token_value",
    "RETURNING typeof(token_value), length(token_value)",
]
SHOWS = [
    "RETURNING *",
    "RETURNING token_value",
    "RETURNING token_value AS tv, data__comment",
    "RETURNING TOKEN_VALUE",
    "RETURNING 'export TOKEN=' || token_value AS line",
    "RETURNING json_object('token', token_value, 'id', 1)",
    "RETURNING CAST(token_value AS BLOB)",
    "RETURNING hex(token_value)",
    "RETURNING upper(token_value)",
    "RETURNING substr(token_value, 1, 18) AS head, substr(token_value, 19) AS tail",
    "RETURNING CASE WHEN data__comment = 'x' THEN 1 ELSE token_value END",
]


@each_case("returning", LOSES)
@each_case("insert", [INSERT, MANY, OBO, FROM_QUERY, f"EXPLAIN {INSERT}"])
def test_an_insert_that_loses_the_value_is_refused_before_anything_is_sent(
    insert: str, returning: str, session: Connection, site: Sandbox
) -> None:
    with pytest.raises(ProgrammingError, match="add RETURNING token_value") as caught:
        run(session, f"{insert} {returning}")
    assert caught.value.span is not None
    assert caught.value.hint == "nothing was sent"
    assert site.log == []


@pytest.mark.parametrize("returning", SHOWS)
def test_any_expression_from_which_the_value_can_be_read_is_enough(
    returning: str, session: Connection, site: Sandbox
) -> None:
    (row,) = run(session, f"{INSERT} {returning}")
    assert "dapi" in str(row).lower() or b"dapi".hex() in str(row).lower()
    assert list_requests(site) == [POST]


def test_an_exec_returns_its_whole_reply(session: Connection) -> None:
    result = session.run(f"EXEC user_tokens.create @deployment_name = '{A}', @comment = 'held'")
    (row,) = result.rows
    assert str(dict(zip((c.name for c in result.columns), row, strict=True))["token_value"]).startswith("dapi")


def test_a_change_that_would_be_refused_does_not_wait_for_commit(session: Connection, site: Sandbox) -> None:
    run(session, "BEGIN", f"{INSERT} RETURNING token_value")
    with pytest.raises(ProgrammingError, match="add RETURNING token_value"):
        run(session, INSERT)
    assert session.rollback() == 1
    assert site.log == []


# ---- a caller that keeps values

Kept = list[tuple[tuple[Column, ...], Row]]


@pytest.mark.parametrize("returning", LOSES)
def test_what_returning_loses_is_kept_by_a_caller_who_can(returning: str, connect: Connect) -> None:
    kept: Kept = []
    session = connect(callbacks=Callbacks(keep_value=lambda columns, row: kept.append((columns, row))))
    run(session, f"{MANY} {returning}")
    assert len(kept) == 2
    for columns, row in kept:
        values = {column.name: value for column, value in zip(columns, row, strict=True) if column.secret}
        assert list(values) == ["token_value"]
        assert str(values["token_value"]).startswith("dapi")


@pytest.mark.parametrize("returning", SHOWS)
def test_what_returning_shows_is_not_kept_twice(returning: str, connect: Connect) -> None:
    kept: Kept = []
    session = connect(callbacks=Callbacks(keep_value=lambda columns, row: kept.append((columns, row))))
    run(session, f"{INSERT} {returning}")
    assert kept == []


# ---- what fails after the token exists

FAILING = {
    "an expression": ("json(token_value), token_value", DataError, "not valid JSON"),
    "an expression, before the value": (
        "data__comment, token_value, json_extract(token_value, '$')",
        DataError,
        "not valid JSON",
    ),
    "the only expression": ("json(token_value)", DataError, "not valid JSON"),
    "what shows the value only sometimes": (
        "CASE WHEN token_info IS NULL THEN token_value ELSE substr(token_value, 1, 4) END AS x",
        DataError,
        "does not show the new value",
    ),
}


@pytest.mark.parametrize(("returning", "kind", "words"), FAILING.values(), ids=FAILING)
def test_a_returning_that_fails_still_gives_the_raw_value(
    returning: str, kind: type[Error], words: str, session: Connection, site: Sandbox
) -> None:
    cursor = session.cursor()
    with pytest.raises(kind, match=words) as caught:
        cursor.execute(f"{MANY} RETURNING {returning}")
    assert "took effect" in caught.value.message
    assert "(1 of 2 rows done, 1 not tried)" in caught.value.message
    assert caught.value.hint is not None
    assert f"VALUES ('{A}', 'b') RETURNING token_value;" in caught.value.hint
    (row,) = cursor.fetchall()
    assert any(isinstance(cell, str) and cell.startswith("dapi") and len(cell) >= 36 for cell in row)
    assert list_requests(site) == [POST]
    assert list(Journal(session.environment).leftover_intents()) == []


def test_an_exec_whose_reply_does_not_fit_its_types_still_gives_the_value() -> None:
    columns = (Column("token_value", "string", secret=True), Column("count", "integer"), Column("name", "string"))
    row, failure = deliver_exec(columns, {"token_value": VALUE, "count": "x", "name": "n"}, {"token_value": VALUE})
    assert row == (VALUE, None, "n")
    assert isinstance(failure, ReplyError)
    assert "took effect" in failure.message


def test_a_note_that_cannot_be_written_does_not_fail_the_create(connect: Connect, site: Sandbox) -> None:
    def fail(_: str) -> None:
        raise OSError("no terminal")

    session = connect(callbacks=Callbacks(note=fail))
    assert len(run(session, f"{MANY} RETURNING token_value")) == 2


@pytest.mark.parametrize("expiry", [10**400, -(10**30), 1e300])
def test_an_expiry_that_is_no_time_does_not_fail_the_create(expiry: float, session: Connection, site: Sandbox) -> None:
    info = {"token_id": "x", "expiry_time": expiry, "creation_time": 1, "comment": "90 days"}
    site.fault("POST */create", status=200, body={"token_value": VALUE, "token_info": info})
    assert run(session, f"{INSERT} RETURNING token_value") == [(VALUE,)]


@each_case(
    ("row", "shown"),
    [
        (("secret",), True),
        (("a SECRET b", None), True),
        (("sec", "ret"), True),
        ((b"secret",), True),
        (("736563726574",), True),
        (("secre",), False),
        ((6, 0.5, None, b"\xff"), False),
        ((), False),
    ],
)
def test_a_secret_is_shown_as_text_bytes_or_digits(row: tuple[Value, ...], shown: bool) -> None:
    assert shows_secret([row], "secret") == shown


@each_case(("text", "shown"), [("a SecRet b", True), ("536563526574", True), ("secret", False), ("SECRET", False)])
def test_the_capitals_of_a_secret_count(text: str, shown: bool) -> None:
    assert shows_secret([(text,)], "SecRet") == shown


def test_returning_knows_what_stands_inside_the_replys_objects(session: Connection) -> None:
    names = "token_id, comment, expiry_time - creation_time, data__comment, token_value"
    ((token_id, comment, lasts, sent, value),) = run(
        session, f"{INSERT.replace('comment)', 'comment, lifetime_seconds)')[:-1]}, 60) RETURNING {names}"
    )
    assert (len(str(token_id)), comment, lasts, sent, str(value)[:4]) == (64, "held", 60_000, "held", "dapi")
    assert run(session, f"SELECT comment FROM user_tokens WHERE token_id = '{token_id!s}' AND deployment_name = '{A}'")


def test_what_stands_inside_alone_does_not_deliver_a_value(session: Connection, site: Sandbox) -> None:
    with pytest.raises(ProgrammingError, match="would be lost"):
        run(session, f"{INSERT} RETURNING token_id")
    assert list_requests(site) == []
