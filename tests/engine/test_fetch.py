"""A query sends each request once, gives rows in a fixed order, and never hides a failure."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.cases import each_case
from tests.engine.conftest import Connect
from tests.engine.sessions import A, B, C, first_column, list_calls, list_requests, run
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import (
    ApiError,
    Error,
    HostError,
    Interrupted,
    NetworkError,
    ProgrammingError,
    ReplyError,
    SeveralErrors,
)
from tokensh.provider.catalog import Catalog
from tokensh.sandbox import Sandbox

PLACES = "SELECT DISTINCT deployment_name FROM user_tokens WHERE deployment_name"


@pytest.mark.parametrize(
    ("places", "order"),
    [(f"IN ('{B}', '{A}', '{C}')", [B, A, C]), (f"= '{C}' OR deployment_name IN ('{A}', '{C}')", [C, A])],
)
def test_rows_come_in_the_order_of_the_values_whichever_answers_first(
    places: str, order: list[str], session: Connection, site: Sandbox
) -> None:
    site.fault(f"GET /w/{order[0]}/*", delay=0.15)
    assert first_column(session, f"{PLACES} {places}") == order


ONCE = [
    (f"{PLACES} IN ('{A}', '{A}', lower('{A.upper()}'))", [A]),
    (f"{PLACES} = '{A}' OR deployment_name = '{A}'", [A]),
    (
        f"SELECT 1 FROM user_tokens AS x JOIN user_tokens AS y USING (deployment_name) WHERE deployment_name = '{A}'",
        [A],
    ),
    (f"WITH w AS (SELECT * FROM user_tokens WHERE deployment_name = '{A}') SELECT 1 FROM w AS a, w AS b", [A]),
    (f"{PLACES} = '{A}' UNION {PLACES} IN ('{A}', '{B}')", [A, B]),
    (f"{PLACES} IN (SELECT deployment_name FROM user_tokens WHERE deployment_name IN ('{A}', '{B}'))", [A, B]),
    (f"{PLACES} IN ('{A}', '{B}') AND deployment_name IN ('{B}', '{C}')", [B]),
    (f"{PLACES} IN ()", []),
    (f"{PLACES} IN (NULL)", []),
    (f"{PLACES} IN ('{A}', NULL)", [A]),
]


@pytest.mark.parametrize(("sql", "places"), ONCE, ids=[sql[:100] for sql, _ in ONCE])
def test_each_value_is_asked_for_once(sql: str, places: list[str], session: Connection, site: Sandbox) -> None:
    run(session, sql)
    assert sorted(list_requests(site)) == sorted(list_calls(*places))


def test_a_host_that_is_none_stops_all_before_anything_is_sent(session: Connection, site: Sandbox) -> None:
    with pytest.raises(HostError):
        run(session, f"{PLACES} IN ('{A}', 'evil.com/#')")
    assert site.log == []


CANNOT_RUN = [
    "SELECT count(count(*)) FROM user_tokens WHERE {}",
    "SELECT 1 FROM user_tokens WHERE {} AND count(*) > 1",
    "SELECT 1 FROM user_tokens WHERE {} GROUP BY count(*)",
    "SELECT comment FROM user_tokens WHERE {} HAVING comment > 'a'",
    "SELECT 1 FROM user_tokens WHERE {} AND rank() OVER () = 1",
    "SELECT rank() FROM user_tokens WHERE {}",
    "SELECT upper(comment) OVER () FROM user_tokens WHERE {}",
    "SELECT upper(comment) FILTER (WHERE 1) FROM user_tokens WHERE {}",
    "SELECT row_number() OVER nowhere FROM user_tokens WHERE {}",
    "SELECT abs(1, 2) FROM user_tokens WHERE {}",
    "SELECT (SELECT 1, 2) FROM user_tokens WHERE {}",
    "SELECT 1 FROM user_tokens WHERE {} AND token_id IN (SELECT 1, 2)",
    "SELECT 1 FROM user_tokens WHERE {} AND token_id = (1, 2)",
]


@each_case("sql", CANNOT_RUN)
def test_sql_that_cannot_run_stops_before_anything_is_sent(sql: str, session: Connection, site: Sandbox) -> None:
    with pytest.raises(ProgrammingError):
        run(session, sql.format(f"deployment_name = '{A}'"))
    assert site.log == []


# ---- get by key


def test_one_key_is_got_and_several_are_found_in_the_list(session: Connection, site: Sandbox) -> None:
    some = [
        str(token_id)
        for (token_id,) in run(session, f"SELECT token_id FROM tokens WHERE deployment_name = '{A}' LIMIT 2")
    ]
    for sql, path in [
        (f"token_id = '{some[0]}'", some[0]),
        (f"token_id IN ('{some[0]}', '{some[1]}')", "tokens"),
        (f"token_id || '' = '{some[0]}'", "tokens"),
    ]:
        site.clear_log()
        found = first_column(session, f"SELECT token_id FROM tokens WHERE deployment_name = '{A}' AND {sql}")
        assert found == [token_id for token_id in some if token_id in sql]
        assert list_requests(site) == [f"GET {A} {path}"]


def test_a_key_that_is_not_there_is_no_row(session: Connection, site: Sandbox) -> None:
    assert run(session, f"SELECT * FROM tokens WHERE deployment_name = '{A}' AND token_id = '{'0' * 64}'") == []
    assert list_requests(site) == [f"GET {A} {'0' * 64}"]


def listings() -> list[tuple[str, str]]:
    """Return the resources of the shipped provider that are read without a key, with the paths of those requests."""
    catalog = Catalog.load_shipped()
    return [
        (resource.id, method.path)
        for service in catalog.services("databricks_workspace")
        for resource in catalog.resources("databricks_workspace", service.name)
        for method in resource.methods_for("SELECT")
        if all(parameter.location != "path" for parameter in method.routing)
    ]


@pytest.mark.parametrize("code", ["RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"])
@pytest.mark.parametrize(("resource", "path"), listings(), ids=[resource for resource, _ in listings()])
def test_a_listing_that_is_not_found_is_an_error_and_never_an_empty_one(
    resource: str, path: str, code: str, session: Connection, site: Sandbox
) -> None:
    site.fault(f"GET *{path}", status=404, body={"error_code": code, "message": "no"}, times=None)
    with pytest.raises(ApiError, match="no"):
        run(session, f"SELECT count(*) FROM {resource} WHERE deployment_name = '{A}'")
    assert len(site.log) == 1


def test_a_workspace_that_is_not_there_is_an_error_even_for_a_key(session: Connection) -> None:
    with pytest.raises((ApiError, NetworkError)):
        run(session, "SELECT * FROM tokens WHERE deployment_name = 'dbc-nowhere' AND token_id = 'x'")


NARROWED = [
    ("created_by_id = 8432093917481966", "created_by_id=8432093917481966"),
    ("created_by_id = '8432093917481966'", "created_by_id=8432093917481966"),
    ("created_by_username = 'ada@example.com'", "created_by_username=ada%40example.com"),
    ("created_by_id IN (8432093917481966, 7)", ""),
    ("created_by_id > 8432093917481965", ""),
    ("created_by_id + 0 = 8432093917481966", ""),
    ("created_by_id = 8432093917481966 OR comment = 'x'", ""),
    ("created_by_id = -1 OR created_by_id = 8432093917481966", ""),
]


@pytest.mark.parametrize(("predicate", "query"), NARROWED, ids=[predicate for predicate, _ in NARROWED])
def test_a_parameter_that_is_a_field_is_sent_where_it_has_one_value(
    predicate: str, query: str, session: Connection, site: Sandbox
) -> None:
    sql = f"SELECT created_by_id, comment FROM tokens WHERE deployment_name = '{A}'"
    every = run(session, sql)
    found = run(session, f"{sql} AND ({predicate})")
    assert site.log[-1].target.partition("?")[2] == query
    assert found == [row for row in every if row[0] == 8432093917481966]


def test_a_value_that_does_not_fit_an_optional_parameter_is_compared_and_not_sent(
    session: Connection, site: Sandbox
) -> None:
    sql = f"SELECT 1 FROM tokens WHERE deployment_name = '{A}' AND created_by_id = 0.5"
    assert run(session, sql) == []
    assert list_requests(site) == [f"GET {A} tokens"]


# ---- failures


def test_one_workspace_that_fails_is_its_own_error_where_the_statement_names_it(
    session: Connection, site: Sandbox
) -> None:
    site.fault(f"GET /w/{B}/*", status=403, times=None)
    for condition in (f"IN ('{A}', «'{B}'»)", f"IN ('{A}', «'{B.upper()}'»)", f"= «'{B}'» OR deployment_name = '{A}'"):
        before, place, after = re.split("[«»]", f"{PLACES} {condition}")
        with pytest.raises(ApiError, match=B) as caught:
            run(session, before + place + after)
        assert caught.value.span == (len(before), len(before + place))
    with pytest.raises(ApiError, match=B) as caught:
        run(session, f"{PLACES} IN (SELECT '{B}')")
    assert caught.value.span is None


def test_several_that_fail_are_all_named(session: Connection, site: Sandbox) -> None:
    site.fault(f"GET /w/{A}/*", status=403, times=None)
    site.fault(f"GET /w/{C}/*", status=200, body="<html>", times=None)
    with pytest.raises(SeveralErrors, match="2 of 3 workspaces failed") as caught:
        run(session, f"{PLACES} IN ('{C}', '{B}', '{A}')")
    assert [(place, type(error)) for place, error in caught.value.failures] == [(C, ReplyError), (A, ApiError)]


def test_partial_gives_the_rows_of_the_others(connect: Connect, site: Sandbox) -> None:
    failed: list[Error] = []
    session = connect(partial=True, callbacks=Callbacks(on_failure=failed.append))
    for place in (A, B):
        site.fault(f"GET /w/{place}/*", status=403, times=None)
    assert first_column(session, f"{PLACES} IN ('{A}', '{B}', '{C}')") == [C]
    (error,) = failed
    assert isinstance(error, SeveralErrors)
    assert [place for place, _ in error.failures] == [A, B]
    with pytest.raises(SeveralErrors):
        run(session, f"{PLACES} IN ('{A}', '{B}')")


@pytest.mark.parametrize("failing", [(A,), (A, B), (A, B, C)], ids=len)
def test_failures_that_are_tolerated_are_told_by_workspace_even_if_all_fail(
    failing: tuple[str, ...], connect: Connect, site: Sandbox
) -> None:
    failures: dict[str, Error] = {}
    session = connect(callbacks=Callbacks(on_tolerated=failures.update))
    for place in failing:
        site.fault(f"GET /w/{place}/*", status=403, times=None)
    assert first_column(session, f"{PLACES} IN ('{A}', '{B}', '{C}')") == [
        workspace for workspace in (A, B, C) if workspace not in failing
    ]
    assert tuple(failures) == failing


@pytest.mark.parametrize("body", [{"token_infos": {}}, {"token_infos": [1]}, {"token_infos": "x"}], ids=str)
def test_a_reply_of_another_shape_is_an_error_that_says_where(
    body: dict[str, object], session: Connection, site: Sandbox
) -> None:
    site.fault("GET */list", status=200, body=body)
    with pytest.raises(ReplyError) as caught:
        run(session, f"{PLACES} = '{A}'")
    assert "token_infos" in caught.value.path


def test_an_empty_reply_is_no_rows(session: Connection, site: Sandbox) -> None:
    site.fault("GET */list", status=200, body={})
    assert run(session, f"{PLACES} = '{A}'") == []


def test_ctrl_c_while_rows_are_stored_is_no_failure_of_a_workspace(connect: Connect, site: Sandbox) -> None:
    failures: dict[str, Error] = {}
    session: Connection

    def press_at_the_end(done: int, total: int) -> None:
        if done == total:
            session.cancellation.press()

    session = connect(callbacks=Callbacks(on_tolerated=failures.update, on_progress=press_at_the_end))
    # The rows of both are stored after the last answer, which is that of the first workspace.
    site.fault(f"GET /w/{A}/*", delay=0.1)
    with pytest.raises(Interrupted):
        run(session, f"{PLACES} IN ('{A}', '{B}')")
    assert failures == {}


def test_progress_is_told_where_several_answers_are_awaited(connect: Connect) -> None:
    told: list[tuple[int, int]] = []
    session = connect(callbacks=Callbacks(on_progress=lambda done, total: told.append((done, total))))
    run(session, f"{PLACES} = '{A}'")
    assert told == []
    run(session, f"{PLACES} IN ('{A}', '{B}', '{C}')")
    assert told[-1] == (3, 3)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


PLACES_OF_ERRORS = [
    (
        "user_tokens",
        "",
        {"token_infos": [{"token_id": "a"}, {"token_id": "b", "creation_time": "never"}]},
        "$.token_infos[1]",
    ),
    ("tokens", " AND token_id = 'a'", {"token_info": {"token_id": "a", "creation_time": "never"}}, "$.token_info"),
]


@pytest.mark.parametrize(("resource", "condition", "body", "place"), PLACES_OF_ERRORS, ids=["of a list", "of one"])
def test_a_value_of_another_type_is_named_by_its_place_in_the_reply(
    resource: str, condition: str, body: dict[str, Any], place: str, session: Connection, site: Sandbox
) -> None:
    site.fault("GET *", status=200, body=body)
    with pytest.raises(ReplyError) as caught:
        run(session, f"SELECT creation_time FROM {resource} WHERE deployment_name = '{A}'{condition}")
    assert caught.value.path == f"{place}.creation_time"


def test_a_field_that_some_rows_lack_is_null_in_those(session: Connection, site: Sandbox) -> None:
    rows = [{"token_id": "a", "creation_time": "5"}, {"token_id": "b"}, {"token_id": "c", "creation_time": 6}]
    site.fault("GET *", status=200, body={"token_infos": rows})
    found = run(session, f"SELECT token_id, creation_time FROM user_tokens WHERE deployment_name = '{A}'")
    assert found == [("a", 5), ("b", None), ("c", 6)]


def test_an_object_whose_reply_lacks_its_key_has_the_one_that_was_asked_for(connect: Connect, site: Sandbox) -> None:
    site.fault("GET *", status=200, body={"token_info": {"comment": "mute"}})
    site.fault("DELETE *", status=200, body={})
    run(connect(yes=True), f"DELETE FROM tokens WHERE deployment_name = '{A}' AND token_id = 'k' AND comment = 'mute'")
    assert [(entry.method, entry.path.rpartition("/")[2]) for entry in site.log] == [("GET", "k"), ("DELETE", "k")]


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ("= 'a/b'", "'a/b'"),
        (f"IN ('{A}', 'a/b')", "'a/b'"),
        (f"IN (SELECT '{A}') OR deployment_name = 'a/b'", "'a/b'"),
        ("= lower('A/B')", "user_tokens"),
    ],
)
def test_a_refused_host_is_shown_where_it_is_written(condition: str, place: str, session: Connection) -> None:
    text = f"SELECT 1 FROM user_tokens WHERE deployment_name {condition}"
    with pytest.raises(HostError) as caught:
        run(session, text)
    assert caught.value.span is not None
    assert text[slice(*caught.value.span)] == place


def test_it_is_said_what_is_read(connect: Connect) -> None:
    activities: list[str] = []
    received: list[tuple[int, int]] = []
    told = Callbacks(on_activity=activities.append, on_progress=lambda *counts: received.append(counts))
    session = connect(callbacks=told)
    for places in (f"= '{A}'", f"IN ('{A}', '{B}')"):
        run(session, f"SELECT 1 FROM user_tokens WHERE deployment_name {places}")
    assert activities == [f"reading user_tokens of {A}", "reading 2 workspaces"]
    assert received[-1] == (2, 2)
    assert {total for _, total in received} == {2}


@pytest.mark.parametrize(("failing", "hint"), [([A, B, C], None), ([A, C], "--partial gives the rows of the others")])
def test_partial_is_offered_only_if_others_have_rows(
    failing: list[str], hint: str | None, session: Connection, site: Sandbox
) -> None:
    for place in failing:
        site.fault(f"GET /w/{place}/*", status=403, times=None)
    with pytest.raises(SeveralErrors, match=f"^{len(failing)} of 3 workspaces failed") as caught:
        run(session, f"SELECT 1 FROM user_tokens WHERE deployment_name IN ('{A}', '{B}', '{C}')")
    assert caught.value.hint == hint
