"""The ledger notices a token that is lost, and a write after an incomplete read: each fault is planted here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.sessions import A, B, connect, run
from tests.environments import make_environment
from tests.ledger import Ledger, keep_ledger
from tests.shared_parser import CACHE_HOME
from tokensh.api.journal import Entry
from tokensh.cli.main import main
from tokensh.dbapi.connection import Connection
from tokensh.engine.fetch import Fetcher
from tokensh.errors import ReplyError
from tokensh.rows import Row, RowSet
from tokensh.sandbox import Sandbox

INSERT = "INSERT INTO user_tokens (data__comment) VALUES ('a'), ('b') RETURNING token_value"
CONDITIONAL = (
    f"INSERT INTO user_tokens (deployment_name, data__comment) SELECT '{A}', 'x' WHERE NOT EXISTS"
    f" (SELECT 1 FROM user_tokens WHERE deployment_name = '{B}' AND comment = 'x') RETURNING token_value"
)
Patch = pytest.MonkeyPatch


@pytest.fixture
def planted() -> Iterator[Ledger]:
    """Yield a ledger of its own: what the fault does must not fail the test itself."""
    with keep_ledger() as ledger:
        yield ledger


def write_by_cursor(site: Sandbox, home: Path) -> None:
    with connect(site, home, workspace=A) as session:
        for statement in ("BEGIN", INSERT, INSERT, "COMMIT"):
            session.cursor().execute(statement)


def write_by_commit(site: Sandbox, home: Path) -> None:
    with connect(site, home, workspace=A) as session:
        run(session, "BEGIN", INSERT)
        session.commit()
        _ = session.returned


def write_by_command(site: Sandbox, home: Path) -> None:
    variables = {"XDG_CACHE_HOME": str(CACHE_HOME), "DATABRICKS_TOKEN": site.token}
    main(["--endpoint", site.endpoint, "-w", A, "-c", INSERT], make_environment(home, variables=variables))


def keep_the_last_result(patch: Patch) -> None:
    def merge(_: object, results: Iterator[RowSet]) -> Iterator[Row]:
        rows: list[Row] = []
        for result in results:
            rows = list(result.rows)
        yield from rows

    patch.setattr("tokensh.dbapi.connection.merge_rows", merge)


def drop_returned_rows(patch: Patch) -> None:
    patch.setattr(Connection, "returned", property(lambda connection: connection._committed.settle() or []))


def forget_intents(patch: Patch) -> None:
    patch.setattr(Entry, "keep_for_recovery", lambda entry, _=(): entry.remove())


LOSSES: dict[str, tuple[Callable[[Patch], None], Callable[[Sandbox, Path], None]]] = {
    "a COMMIT that returns the rows of its last change": (keep_the_last_result, write_by_cursor),
    "a commit that returns nothing": (drop_returned_rows, write_by_commit),
}


@pytest.mark.parametrize("write", [write_by_cursor, write_by_commit, write_by_command])
def test_a_value_that_reaches_the_user_is_delivered(
    write: Callable[[Sandbox, Path], None], planted: Ledger, site: Sandbox, tmp_path: Path
) -> None:
    write(site, tmp_path)
    assert {mint.where for mint in planted.mints} == {"delivered"}
    planted.check()


@pytest.mark.parametrize("name", LOSSES)
def test_a_value_that_is_lost_is_noticed(
    name: str, planted: Ledger, site: Sandbox, tmp_path: Path, monkeypatch: Patch
) -> None:
    plant, write = LOSSES[name]
    plant(monkeypatch)
    write(site, tmp_path)
    with pytest.raises(AssertionError, match="neither delivered nor reachable nor pending"):
        planted.check(tmp_path)


@pytest.mark.parametrize("is_forgotten", [True, False])
def test_a_create_whose_reply_is_lost_must_be_pending(
    is_forgotten: bool, planted: Ledger, site: Sandbox, tmp_path: Path, monkeypatch: Patch
) -> None:
    if is_forgotten:
        forget_intents(monkeypatch)
    site.fault("POST */token/create", after_handler=True, drop=True)
    write_by_command(site, tmp_path)
    for mint in planted.mints:
        mint.where = ""  # as if the error, which names the token, had been shown to no one
    if is_forgotten:
        with pytest.raises(AssertionError, match="neither delivered nor reachable nor pending"):
            planted.check()
    else:
        planted.check()


@pytest.mark.parametrize("is_partial", [True, False])
def test_a_write_after_an_incomplete_read_is_noticed(
    is_partial: bool, planted: Ledger, site: Sandbox, tmp_path: Path, monkeypatch: Patch
) -> None:
    made: Any = Fetcher.__init__
    if is_partial:
        monkeypatch.setattr(
            Fetcher, "__init__", lambda *given, **more: made(*given, **{**more, "complete": False, "partial": True})
        )
    site.fault(f"GET /w/{B}/*", status=200, body={"token_infos": [], "next_page_token": "x"}, times=None)
    refused = pytest.raises(ReplyError, match="first of several pages")
    with connect(site, tmp_path) as session, pytest.warns() if is_partial else refused:
        run(session, CONDITIONAL)
    if is_partial:
        with pytest.raises(AssertionError, match="after an incomplete read"):
            planted.check(tmp_path)
    else:
        planted.check(tmp_path)
