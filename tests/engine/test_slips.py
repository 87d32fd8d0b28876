"""No slip of meaning is silently wrong: `slips.txt` has what each statement must give, `mistakes.txt` more messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.engine.sessions import A, connect, list_requests, run
from tokensh import sandbox
from tokensh.dbapi.connection import Connection
from tokensh.errors import Error
from tokensh.sandbox import Sandbox


def read_cases(name: str) -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    halves = (line.rpartition(" => ") for line in lines if line and not line.startswith("#"))
    return [(marked, outcome) for marked, _, outcome in halves]


SLIPS, MISTAKES = read_cases("slips.txt"), read_cases("mistakes.txt")


@pytest.fixture(scope="module")
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running


@pytest.fixture(scope="module")
def session(site: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    home = Path(tmp_path_factory.mktemp("home"))
    with connect(site, home, workspace=A) as opened:
        run(opened, "CREATE TABLE slips (x INTEGER PRIMARY KEY, y TEXT NOT NULL)")
        run(opened, "INSERT INTO slips VALUES (1, 'a'), (2, 'b')")
        yield opened


@each_case(("marked", "outcome"), SLIPS, ids=[marked for marked, _ in SLIPS])
def test_a_slip_is_refused_where_it_is_or_gives_the_right_rows(
    marked: str, outcome: str, session: Connection, site: Sandbox
) -> None:
    sql = re.sub("[«»]", "", marked)
    if "«" not in marked:
        assert run(session, sql) == ast.literal_eval(outcome)
        return
    with pytest.raises(Error) as caught:
        run(session, sql)
    error = caught.value
    assert f"{error.message} | {error.hint}" == outcome
    start, end = error.span or (0, 0)
    assert f"{sql[:start]}«{sql[start:end]}»{sql[end:]}" == marked
    # Nothing has happened: the only write that a workspace has seen is one that it refused.
    assert not any(request.startswith("POST") and request.endswith("delete") for request in list_requests(site))
    assert run(session, "SELECT * FROM slips") == [(1, "a"), (2, "b")]


def test_a_typed_mistake_is_refused_with_what_to_write(session: Connection) -> None:
    found = []
    for marked, _ in MISTAKES:
        sql = re.sub("[«»]", "", marked)
        with pytest.raises(Error) as caught:
            run(session, sql)
        start, end = caught.value.span or (0, 0)
        place = f"{sql[:start]}«{sql[start:end]}»{sql[end:]}"
        found.append((place, f"{caught.value.message} | {caught.value.hint}"))
    assert found == MISTAKES


def test_there_are_enough_slips() -> None:
    assert len({sql for sql, _ in SLIPS}) == len(SLIPS) >= 150
    assert len({sql for sql, _ in (*SLIPS, *MISTAKES)}) == len(SLIPS) + len(MISTAKES) >= 300
