"""No slip of meaning is silently wrong: `slips.txt` has what each statement must give."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.sessions import A, connect, list_requests, run
from tokensh import sandbox
from tokensh.dbapi.connection import Connection
from tokensh.errors import Error
from tokensh.sandbox import Sandbox

LINES = (Path(__file__).parent / "slips.txt").read_text(encoding="utf-8").splitlines()
SLIPS = [tuple(line.rsplit(" => ", 1)) for line in LINES if line and not line.startswith("#")]


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


@pytest.mark.parametrize(("marked", "outcome"), SLIPS, ids=[marked for marked, _ in SLIPS])
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


def test_there_are_enough_slips() -> None:
    assert len({sql for sql, _ in SLIPS}) == len(SLIPS) >= 150
