"""A create whose response is lost, late, broken or cannot be delivered is sent once, and its token is named."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Generator
from email.utils import formatdate
from typing import Any, cast
from urllib.request import Request, urlopen

import pytest

from tests.engine.conftest import Connect
from tests.engine.sessions import A, connect, first_column, list_requests, run
from tokensh import sandbox
from tokensh.api.client import Client
from tokensh.api.journal import Entry, Intent, Journal
from tokensh.api.request import Request as ApiRequest
from tokensh.api.response import Response
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.create import had_no_effect, search_statement
from tokensh.errors import (
    ApiError,
    DataError,
    Error,
    Interrupted,
    MissingParameter,
    NetworkError,
    OperationalError,
    OutputError,
    ReplyError,
    UnknownOutcome,
)
from tokensh.rows import Row, Value
from tokensh.sandbox import Sandbox

POST = f"POST {A} create"


def insert(*comments: str) -> str:
    rows = ", ".join(f"('{A}', '{comment}', 3600)" for comment in comments)
    into = "INSERT INTO user_tokens (deployment_name, comment, lifetime_seconds)"
    return f"{into} VALUES {rows} RETURNING token_value, json_extract(token_info, '$.token_id')"


def token_ids(session: Connection, comment: str) -> set[Value]:
    found = f"SELECT token_id FROM user_tokens WHERE deployment_name = '{A}' AND comment = '{comment}'"
    return set(first_column(session, found))


def unsettled_entries(session: Connection) -> list[Entry]:
    return list(Journal(session.environment).leftover_intents())


def stored_intents(session: Connection) -> list[dict[str, Value]]:
    """Return the intents on the disk, of running and of ended creates."""
    return [json.loads(path.read_bytes()) for path in Journal(session.environment).folder.glob("*.json")]


def count_creates(site: Sandbox) -> int:
    return list_requests(site).count(POST)


# ---- the journal


def test_the_intent_is_on_the_disk_before_the_request_leaves_and_off_it_after(
    session: Connection, site: Sandbox
) -> None:
    site.fault("POST */create", delay=0.3)
    worker = threading.Thread(target=run, args=(session, insert("journaled")))
    worker.start()
    while not site.log and worker.is_alive():
        time.sleep(0.005)
    (intent,) = stored_intents(session)
    assert unsettled_entries(session) == []
    worker.join()
    assert (intent["workspace"], intent["comment"], intent["lifetime_seconds"]) == (A, "journaled", 3600)
    assert stored_intents(session) == []
    assert count_creates(site) == 1


def test_without_a_journal_nothing_is_created(session: Connection, site: Sandbox) -> None:
    folder = session.environment.state_folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    with pytest.raises(OperationalError, match="cannot write the journal of creates"):
        run(session, insert("never"))
    assert site.log == []


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_create_that_is_refused_is_no_unknown_outcome(status: int, session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", status=status)
    with pytest.raises(ApiError):
        run(session, insert("refused"))
    assert list_requests(site) == [POST]
    assert stored_intents(session) == []


@pytest.mark.parametrize(
    ("status", "headers"), [(429, {}), (429, {"Retry-After": "1"}), (503, {"Retry-After": "1"}), (503, {})]
)
def test_a_create_that_is_put_off_is_sent_again(
    status: int, headers: dict[str, str], session: Connection, site: Sandbox
) -> None:
    site.fault("POST */create", status=status, headers=headers, times=2)
    assert len(run(session, insert(f"put off {status} {headers}".replace("'", "")))) == 1
    assert count_creates(site) == 3
    assert stored_intents(session) == []


def test_a_create_that_took_effect_although_it_was_put_off_is_not_sent_again(
    session: Connection, site: Sandbox
) -> None:
    site.fault("POST */create", status=503, headers={"Retry-After": "1"}, after_handler=True)
    with pytest.raises(UnknownOutcome) as caught:
        run(session, insert("lied"))
    assert count_creates(site) == 1
    assert {token_id for token_id, _ in caught.value.orphans} == token_ids(session, "lied")


def test_a_create_that_was_put_off_is_not_sent_again_without_the_list(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", status=503, headers={"Retry-After": "1"})
    site.fault("GET */list", status=403, times=None)
    with pytest.raises(UnknownOutcome):
        run(session, insert("dark"))
    assert count_creates(site) == 1


# ---- a reply that is lost

LOST: dict[str, dict[str, Any]] = {
    "the connection is reset": {"drop": True},
    "the connection is closed": {"close": True},
    "a server error": {"status": 500},
    "an error of a gateway": {"status": 502, "body": "<html>bad gateway</html>"},
    "no JSON": {"status": 200, "body": "<html>"},
    "no value in it": {"status": 200, "body": {"token_info": {"token_id": "x"}}},
    "half of it": {"headers": {"Content-Length": "100000"}},
}


@pytest.mark.parametrize("how", LOST)
def test_a_lost_reply_names_the_token_and_how_to_revoke_it(how: str, session: Connection, site: Sandbox) -> None:
    comment = f"lost: {how}"
    before = token_ids(session, comment)
    site.fault("POST */create", after_handler=True, **LOST[how])
    with pytest.raises(UnknownOutcome) as caught:
        run(session, insert(comment))
    assert count_creates(site) == 1
    ((token_id, statement),) = caught.value.orphans
    assert {token_id} == token_ids(session, comment) - before
    assert [entry.intent.orphans for entry in unsettled_entries(session)] == [((token_id, statement),)]
    session.yes = True
    run(session, statement.removesuffix(";"))
    assert token_ids(session, comment) == set()
    assert unsettled_entries(session) == []


REASONS: dict[str, dict[str, Any]] = {
    "the reply to create has no token_value": {"body": {"token_info": {"token_id": "x"}}},
    "it is full": {"body": {"error": "it is full"}},
    "unknown reply to create": {"body": {"tokens": []}},
    "unexpected": {"body": "[]"},
    "connection": {"drop": True},
}


@pytest.mark.parametrize("reason", REASONS)
def test_the_error_says_why_the_reply_is_lost_and_what_is_done_about_it(
    reason: str, connect: Connect, site: Sandbox
) -> None:
    session, activities = connect(), list[str]()
    session.callbacks = Callbacks(on_activity=activities.append)
    site.fault("POST */create", after_handler=True, **{"status": 200, **REASONS[reason]})
    with pytest.raises(UnknownOutcome) as caught:
        run(session, insert("why"))
    assert caught.value.message.startswith(f"whether {A} created the token is unknown: ")
    assert reason in caught.value.message
    assert "mistake" not in caught.value.message
    assert f"asking {A} whether it was created" in activities


def test_only_errors_that_say_so_mean_that_nothing_was_created() -> None:
    refusals = """
        QUOTA_EXCEEDED PERMISSION_DENIED UNAUTHENTICATED INVALID_PARAMETER_VALUE MALFORMED_REQUEST BAD_REQUEST INVALID_STATE
        FEATURE_DISABLED ENDPOINT_NOT_FOUND RESOURCE_DOES_NOT_EXIST REQUEST_LIMIT_EXCEEDED
    """
    certain: list[Error] = [ApiError("", status=status, code="X") for status in (300, 399, 400, 499)]
    certain += [ApiError("", status=200, code=code) for code in refusals.split()]
    certain += [NetworkError(""), Interrupted(), Interrupted(reason="declined"), OperationalError("")]
    unknown: list[Error] = [ApiError("", status=status, code="QUOTA_EXCEEDED") for status in (500, 503, 599)]
    unknown += [ApiError("", status=200, code=code) for code in ("", "X", "INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")]
    unknown += [NetworkError("", sent=True), Interrupted(reason="unanswered"), ReplyError("")]
    assert [error for error in certain if not had_no_effect(error)] == []
    assert [error for error in unknown if had_no_effect(error)] == []


@pytest.mark.parametrize(
    ("comment", "condition"),
    [
        ("it's", "coalesce(comment, '') = 'it''s'"),
        (None, "coalesce(comment, '') = ''"),
        ("two\nlines", None),
        ("{{ x }}", None),
        ("a secret", None),
    ],
)
def test_the_query_for_a_lost_token_names_its_comment_if_that_stays_as_it_is(
    comment: str | None, condition: str | None, session: Connection
) -> None:
    resource = session.catalog.find(("user_tokens",))
    intent = Intent(1_000_000, A, resource.id, comment, None)
    query = search_statement(resource, {"deployment_name": A}, intent, lambda text: text.replace("secret", "[hidden]"))
    conditions = [f"deployment_name = '{A}'", *([condition] if condition else []), "creation_time >= 400000"]
    assert query == f"SELECT * FROM {resource.id} WHERE {' AND '.join(conditions)};"


def test_an_exec_that_creates_is_looked_after_just_the_same(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", after_handler=True, drop=True)
    with pytest.raises(UnknownOutcome) as caught:
        run(session, f"EXEC user_tokens.create @deployment_name = '{A}', @comment = 'lost exec'")
    assert count_creates(site) == 1
    ((token_id, _),) = caught.value.orphans
    assert {token_id} == token_ids(session, "lost exec")


def test_where_there_is_a_method_for_delete_the_orphans_statement_is_a_delete(
    session: Connection, site: Sandbox
) -> None:
    into = "INSERT INTO tokens (deployment_name, application_id, comment)"
    site.fault("POST */on-behalf-of/tokens", after_handler=True, drop=True)
    with pytest.raises(UnknownOutcome) as caught:
        run(
            session,
            f"{into} VALUES ('{A}', '4c1f2a6e-9d03-4b7a-8f55-0e6d7a2b91c4', 'it''s lost') RETURNING token_value",
        )
    ((token_id, statement),) = caught.value.orphans
    assert statement.startswith("DELETE FROM databricks_workspace.workspace.tokens WHERE ")
    find = f"SELECT token_id FROM tokens WHERE deployment_name = '{A}' AND comment = 'it''s lost'"
    assert first_column(session, find) == [token_id]
    run(session, statement.removesuffix(";"))
    assert first_column(session, find) == []


def test_the_first_of_two_rows_that_is_lost_stops_the_second(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", after_handler=True, drop=True)
    with pytest.raises(UnknownOutcome, match=re.escape("(0 of 2 rows done, 1 unknown, 1 not tried)")) as caught:
        run(session, insert("first of two", "second of two"))
    assert count_creates(site) == 1
    assert {token_id for token_id, _ in caught.value.orphans} == token_ids(session, "first of two")
    assert token_ids(session, "second of two") == set()


def test_tokens_made_at_the_same_time_are_all_named_and_none_is_revoked(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", after_handler=True, drop=True, delay=1)
    worker = threading.Thread(target=_create_elsewhere, args=(site, "at once"))
    worker.start()
    with pytest.raises(UnknownOutcome, match="unknown") as caught:
        run(session, insert("at once"))
    worker.join()
    assert {token_id for token_id, _ in caught.value.orphans} == token_ids(session, "at once")
    assert len(caught.value.orphans) == 2
    assert "check before you revoke" in str(caught.value.hint)


def _create_elsewhere(site: Sandbox, comment: str) -> None:
    """Create a token as someone else does, while ours waits for its response."""
    while not site.log:
        time.sleep(0.005)
    body = json.dumps({"comment": comment}).encode()
    url = f"{site.endpoint.format(deployment_name=A)}/api/2.0/token/create"
    with urlopen(Request(url, body, {"Authorization": f"Bearer {site.token}", "Content-Type": "application/json"})):
        pass


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Nov 2026 00:00:00 GMT"])
def test_a_server_without_a_clock_is_taken_to_have_ours(date: str, session: Connection, site: Sandbox) -> None:
    comment = f"no clock {date}"
    site.fault("POST */create", after_handler=True, drop=True)
    site.fault("GET */list", headers={"Date": date})
    with pytest.raises(UnknownOutcome) as caught:
        run(session, insert(comment))
    assert {token_id for token_id, _ in caught.value.orphans} == token_ids(session, comment)


def test_a_reply_that_is_lost_before_anything_happened_reports_no_token(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", drop=True)
    with pytest.raises(UnknownOutcome) as caught:
        run(session, insert("nothing"))
    assert count_creates(site) == 1
    assert caught.value.orphans == ()
    assert "no new token" in str(caught.value.hint)


def test_where_the_list_cannot_be_had_either_the_intent_stays_and_the_hint_is_a_query(
    session: Connection, site: Sandbox
) -> None:
    site.fault("POST */create", after_handler=True, drop=True)
    site.fault("GET */list", status=403)
    with pytest.raises(UnknownOutcome, match="could not be listed") as caught:
        run(session, insert("dark"))
    assert len(unsettled_entries(session)) == 1
    assert caught.value.hint is not None
    looked = run(session, caught.value.hint.removeprefix("check with: ").removesuffix(";"))
    assert [row[2] for row in looked] == ["dark"]


@pytest.mark.parametrize("ahead", [0.0, 7200.0, -7200.0])
def test_older_tokens_of_the_same_comment_are_not_reported(ahead: float, connect_to: Connect) -> None:
    with sandbox.start(clock_offset=ahead) as site:
        session = connect_to(site)
        run(session, insert("same"))
        site.advance(60)
        other = connect_to(site)
        before = token_ids(other, "same")
        # The machine's clock has not moved by that minute, the server's has: only its Date header tells.
        site.fault("POST */create", after_handler=True, drop=True)
        with pytest.raises(UnknownOutcome) as caught:
            run(other, insert("same"))
        assert {token_id for token_id, _ in caught.value.orphans} == token_ids(other, "same") - before


@pytest.mark.parametrize(("behind", "found"), [(0, True), (300, True), (700, False)])
def test_a_lost_create_is_found_if_the_clock_of_its_token_is_a_little_behind(
    behind: int, found: bool, connect: Connect, site: Sandbox
) -> None:
    now = 1_795_000_000
    token = {"token_id": "t1", "comment": "behind", "creation_time": now * 1000 - behind, "expiry_time": -1}
    site.fault("POST */create", drop=True)
    site.fault(
        "GET */list",
        times=None,
        status=200,
        body={"token_infos": [token]},
        headers={"Date": formatdate(now, usegmt=True)},
    )
    with pytest.raises(UnknownOutcome) as caught:
        run(connect(now=lambda: float(now)), insert("behind"))
    assert [token_id for token_id, _ in caught.value.orphans] == (["t1"] if found else [])


LISTS: dict[str, tuple[dict[str, Any], int, bool]] = {
    "the time is a text": ({"creation_time": "{now}"}, 0, True),
    "an old date, an old token": ({"creation_time": -36_000_000}, -86_400, False),
    "an old date, a new token": ({}, -86_400, True),
    "a date to come, a new token": ({}, 86_400, True),
    "a date to come, a token of that time": ({"creation_time": 86_400_000}, 86_400, True),
    "a clock that is behind": ({"creation_time": -300_000}, -300, True),
    "a clock that is behind, an old token": ({"creation_time": -400_000}, -300, False),
    "another comment": ({"comment": "other"}, 0, False),
}


@pytest.mark.parametrize("case", LISTS)
def test_the_search_for_a_lost_token_reads_the_list_as_a_query_does(case: str, connect: Connect, site: Sandbox) -> None:
    now = 1_795_000_000
    change, offset, found = LISTS[case]
    shift = change.get("creation_time", 0)
    created: Any = str(now * 1000) if isinstance(shift, str) else now * 1000 + shift
    token = {"token_id": "t1", "comment": "sought", "expiry_time": -1, **change, "creation_time": created}
    site.fault("POST */create", drop=True)
    headers = {"Date": formatdate(now + offset, usegmt=True)}
    site.fault("GET */list", times=None, status=200, body={"token_infos": [token]}, headers=headers)
    with pytest.raises(UnknownOutcome) as caught:
        run(connect(now=lambda: float(now)), insert("sought"))
    assert [token_id for token_id, _ in caught.value.orphans] == (["t1"] if found else [])


@pytest.mark.parametrize("body", [{"error": "x"}, {"tokens": []}, {"token_infos": [], "next_page_token": "x"}], ids=str)
def test_a_list_that_is_not_whole_is_not_taken_for_one_without_the_token(
    body: dict[str, Any], session: Connection, site: Sandbox
) -> None:
    site.fault("POST */create", drop=True)
    site.fault("GET */list", times=None, status=200, body=body)
    with pytest.raises(UnknownOutcome, match="could not be listed"):
        run(session, insert("unlisted"))
    assert len(unsettled_entries(session)) == 1


def test_a_note_that_fails_does_not_fail_the_create(session: Connection, site: Sandbox) -> None:
    for digits in (400, 4000):
        info = f'{{"token_id": "x", "creation_time": 1, "expiry_time": {"9" * digits}}}'
        site.fault("POST */create", status=200, body=f'{{"token_value": "dapi{"1" * 32}", "token_info": {info}}}')
        assert run(session, insert("far")) == [(f"dapi{'1' * 32}", "x")]
    assert stored_intents(session) == []


def test_a_token_that_was_delivered_a_moment_ago_is_not_reported(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", after_handler=True, drop=True, skip=1)
    rows = iter(next(session.results(insert("twin", "twin", "twin"))).rows)
    (_, delivered) = next(rows)
    with pytest.raises(UnknownOutcome, match=re.escape("(1 of 3 rows done, 1 unknown, 1 not tried)")) as caught:
        next(rows)
    assert count_creates(site) == 2
    ((token_id, _),) = caught.value.orphans
    assert token_ids(session, "twin") == {token_id, delivered}


# ---- a value that cannot be delivered


@pytest.mark.parametrize("error", [OutputError("disk full"), KeyboardInterrupt(), ValueError("broken renderer")])
def test_a_value_that_is_not_written_out_makes_its_token_an_orphan(
    error: BaseException, session: Connection, site: Sandbox
) -> None:
    comment = f"undelivered {type(error).__name__}"
    rows = cast("Generator[Row, None, None]", next(session.results(insert(comment, "second"))).rows)
    value, token_id = next(rows)
    with pytest.raises(UnknownOutcome, match="could not be delivered") as caught:
        rows.throw(error)
    assert [token_id for token_id, _ in caught.value.orphans] == [token_id]
    assert f"{caught.value.hint}".startswith("revoke it: its value is lost; for the rest: INSERT INTO ")
    assert str(value) not in f"{caught.value} {caught.value.hint} {caught.value.orphans} {stored_intents(session)}"
    assert count_creates(site) == 1
    assert [entry.intent.orphans for entry in unsettled_entries(session)] == [caught.value.orphans]


# ---- one row after the other


def test_a_refusal_in_the_middle_tells_what_is_done_and_what_is_not(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", status=403, skip=1)
    with pytest.raises(ApiError, match=re.escape("(1 of 3 rows done, 1 failed, 1 not tried)")):
        run(session, insert("a", "b", "c"))
    assert count_creates(site) == 2


def test_each_row_is_given_out_before_the_next_is_sent(session: Connection, site: Sandbox) -> None:
    rows = iter(next(session.results(insert("x", "y"))).rows)
    next(rows)
    assert count_creates(site) == 1
    assert len(list(rows)) == 1
    assert count_creates(site) == 2


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (f"('{A}', 'a', 60), ('{A}', 'b', 'soon')", DataError, "lifetime_seconds takes an integer"),
        (f"('{A}', 'a', 60), (NULL, 'b', 60)", MissingParameter, "deployment_name"),
        (f"('{A}', 'a', 60), ('{A}', x'00', 60)", DataError, "comment takes a string"),
        (f"('{A}', 'a', 60), ('evil.com/#', 'b', 60)", Error, "evil.com"),
    ],
)
def test_a_row_that_does_not_fit_stops_all_before_any_is_sent(
    values: str, kind: type[Error], words: str, session: Connection, site: Sandbox
) -> None:
    with pytest.raises(kind, match=words):
        run(
            session,
            f"INSERT INTO user_tokens (deployment_name, comment, lifetime_seconds) VALUES {values} RETURNING token_value",
        )
    assert site.log == []


def test_null_is_not_sent(session: Connection, site: Sandbox) -> None:
    into = "INSERT INTO user_tokens (deployment_name, comment, lifetime_seconds)"
    run(session, f"{into} SELECT '{A}', 'by null', NULL RETURNING token_value")
    assert json.loads(site.log[-1].body) == {"comment": "by null"}


@pytest.fixture
def connect_to(tmp_path: Any) -> Generator[Connect, None, None]:
    """Yield a function that opens sessions with a given sandbox."""
    opened: list[Connection] = []

    def open_session(site: Sandbox) -> Connection:
        opened.append(connect(site, tmp_path))
        return opened[-1]

    yield open_session
    for session in opened:
        session.close()


# ---- unexpected failures


class Failing(Client):
    """A client whose sends fail with an exception that is not one of its errors."""

    failure: BaseException

    def send(self, request: ApiRequest) -> Response:
        raise self.failure


@pytest.mark.parametrize(
    ("failure", "words"),
    [(KeyboardInterrupt(), "unknown: interrupted"), (RuntimeError("secret"), "a mistake: RuntimeError")],
)
def test_whatever_ends_a_create_on_its_way_it_is_an_unknown_outcome(
    failure: BaseException, words: str, session: Connection, site: Sandbox
) -> None:
    session.client.__class__ = type("Failing", (Failing,), {"failure": failure})
    with pytest.raises(UnknownOutcome, match=words) as caught:
        run(session, insert("ends"))
    assert "secret" not in f"{caught.value} {caught.value.hint}"
    assert "check with: SELECT * FROM" in str(caught.value.hint) or "could not be listed" in str(caught.value)
    assert [entry.intent.comment for entry in unsettled_entries(session)] == ["ends"]


def test_a_third_ctrl_c_ends_the_look_for_the_token(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", after_handler=True, drop=True)
    site.fault("GET */list", delay=20)
    ended = threading.Event()
    worker = threading.Thread(target=_press_during_the_look, args=(session, site, ended))
    worker.start()
    with pytest.raises(UnknownOutcome, match="could not be listed: interrupted"):
        run(session, insert("looked for"))
    ended.set()
    worker.join()
    assert len(unsettled_entries(session)) == 1


def _press_during_the_look(session: Connection, site: Sandbox, ended: threading.Event) -> None:
    while not any(entry.path.endswith("/list") for entry in site.log) and not ended.wait(0.005):
        pass
    session.cancellation.press()


def test_a_ctrl_c_before_the_look_is_remembered_after_it(session: Connection, site: Sandbox) -> None:
    site.fault("POST */create", delay=0.5, drop=True)
    worker = threading.Thread(target=_press_during_the_create, args=(session, site))
    worker.start()
    with pytest.raises(UnknownOutcome):
        run(session, insert("pressed"))
    worker.join()
    assert session.cancellation.presses == 1
    assert any(entry.path.endswith("/list") for entry in site.log)  # the look was not ended by it


def _press_during_the_create(session: Connection, site: Sandbox) -> None:
    while not any(entry.path.endswith("/create") for entry in site.log):
        time.sleep(0.005)
    session.cancellation.press()


def test_a_ctrl_c_between_two_looks_ends_them(connect: Connect, site: Sandbox) -> None:
    site.fault("POST */create", drop=True)
    looks: list[float] = []

    def press_instead_of_sleeping(seconds: float) -> None:
        looks.append(seconds)
        if seconds:
            session.cancellation.press()

    session = connect(sleep=press_instead_of_sleeping)
    with pytest.raises(UnknownOutcome):
        run(session, insert("two looks"))
    assert looks == [0.0, 0.5]
