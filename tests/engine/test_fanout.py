"""Many workspaces are read at once, within the limit of connections, and one that fails does not hide the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.sessions import connect, first_column, run
from tokensh import sandbox
from tokensh.api import limits
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import Error, SeveralErrors
from tokensh.sandbox import LogEntry, Sandbox

NAMES = [f"w{number}" for number in range(120)]
LIST = ", ".join(f"'{name}'" for name in NAMES)
COUNT = f"SELECT deployment_name FROM user_tokens WHERE deployment_name IN ({LIST})"


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox.start(any_workspace=True, tokens=1, latency=0.005) as running:
        yield running


@pytest.fixture
def session(site: Sandbox, tmp_path: Path) -> Iterator[Connection]:
    with connect(site, tmp_path) as connection:
        yield connection


def count_connections(entries: list[LogEntry]) -> int:
    return len({entry.peer for entry in entries})


def most_at_once(entries: list[LogEntry]) -> int:
    moments = [(entry.started, 1) for entry in entries] + [(entry.ended or entry.started, -1) for entry in entries]
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


def test_rows_come_in_the_order_of_the_values(session: Connection, site: Sandbox) -> None:
    for name in NAMES[::7]:
        site.fault(f"GET /w/{name}/*", delay=0.03)
    assert first_column(session, COUNT) == NAMES


def test_a_repeat_opens_no_connection(session: Connection, site: Sandbox) -> None:
    first_column(session, COUNT)
    first = count_connections(site.log)
    assert first <= limits.CONNECTIONS
    first_column(session, COUNT)
    first_column(session, f"SELECT 1 FROM user_tokens WHERE deployment_name IN ({LIST}) AND comment = 'extra 0'")
    assert len(site.log) == 3 * len(NAMES)
    assert count_connections(site.log) == first


@pytest.mark.parametrize("most", [1, 5, 16])
def test_no_more_are_asked_at_a_time_than_is_allowed(most: int, site: Sandbox, tmp_path: Path) -> None:
    with connect(site, tmp_path, max_connections=most) as session:
        first_column(session, COUNT)
    assert most_at_once(site.log) <= most
    assert count_connections(site.log) <= most


def test_a_join_asks_both_sides_at_once_and_each_workspace_once(session: Connection, site: Sandbox) -> None:
    sql = (
        "SELECT count(*) FROM user_tokens AS a JOIN tokens AS b USING (deployment_name, token_id)"
        f" WHERE a.deployment_name IN ({LIST})"
    )
    assert first_column(session, sql) == [len(NAMES)]
    assert len(site.log) == len({(entry.workspace, entry.path) for entry in site.log}) == 2 * len(NAMES)


def test_the_names_may_be_a_table_s(session: Connection, site: Sandbox) -> None:
    rows = ", ".join(f"('{name}')" for name in NAMES)
    run(session, "CREATE TABLE mine (name TEXT)", f"INSERT INTO mine VALUES {rows}")
    found = first_column(
        session, "SELECT deployment_name FROM user_tokens WHERE deployment_name IN (SELECT name FROM mine)"
    )
    assert sorted(map(str, found)) == sorted(NAMES)


def test_all_that_fail_are_named_and_the_others_can_be_had(site: Sandbox, tmp_path: Path) -> None:
    for name in NAMES[:20]:
        site.fault(f"GET /w/{name}/*", status=403, times=None)
    with connect(site, tmp_path) as session, pytest.raises(SeveralErrors) as caught:
        first_column(session, COUNT)
    assert [name for name, _ in caught.value.failures] == NAMES[:20]
    told: list[Error] = []
    with connect(site, tmp_path, partial=True, callbacks=Callbacks(on_failure=told.append)) as session:
        assert first_column(session, COUNT) == NAMES[20:]
    assert str(told[0]) == "20 of 120 workspaces failed"


def test_each_workspace_s_own_token_is_fetched_once(site: Sandbox, tmp_path: Path) -> None:
    variables = {
        "DATABRICKS_TOKEN": "",
        "DATABRICKS_CLIENT_ID": site.client_id,
        "DATABRICKS_CLIENT_SECRET": site.client_secret,
    }
    with connect(site, tmp_path, variables) as session:
        first_column(session, COUNT)
        first_column(session, COUNT)
    granted = [entry.workspace for entry in site.log if entry.path == "/oidc/v1/token"]
    assert sorted(granted) == sorted(NAMES)
