"""Check that exceptions hold no secret: in their text, fields, causes and traceback."""

from __future__ import annotations

import io
import json
import traceback
from collections.abc import Iterator

import pytest

from tests.resilience.faulty_server import (
    Behaviour,
    Exchange,
    FaultyServer,
    answers,
    closes,
    is_cut_off,
    packs_badly,
    resets,
)
from tests.resilience.harness import INSERT, SELECT, Harness
from tests.resilience.invariants import forms
from tokensh.dbapi.connection import Connection, connect
from tokensh.environment import Environment
from tokensh.errors import Error


def repeats(exchange: Exchange) -> None:
    """Take effect, and refuse with everything that is secret."""
    said = f"{exchange.request.headers} {exchange.take_effect().decode()}"
    exchange.reply(500, json.dumps({"error_code": said, "message": said}).encode(), X_Request_Id=said[:200])


def half(exchange: Exchange) -> None:
    """Take effect, and answer with half of the reply, the token's value being in it."""
    exchange.reply(200, exchange.take_effect()[:-20])


FAULTS: dict[str, Behaviour] = {
    "repeats": repeats,
    "half": half,
    "cut off": is_cut_off,
    "resets": resets,
    "closes": closes,
    "bad gzip": packs_badly,
    "redirect": answers(302, Location="http://localhost/x"),
    "too long": answers(200, b" " * 2000),
}


def connection(harness: Harness) -> Connection:
    out, err = io.StringIO(), io.StringIO()
    environment = Environment(io.StringIO(), out, err, harness.variables(), sleep=harness.sleeps.append)
    return connect(environment=environment, endpoint=harness.endpoint, workspace="dbc-1", max_reply=1000)


def related(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all its causes and contexts, suppressed ones too: crash reporters collect them."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            yield error
            waiting += [error.__cause__, error.__context__]


@pytest.mark.parametrize("statement", [SELECT, INSERT], ids=["GET", "POST"])
@pytest.mark.parametrize("name", FAULTS)
def test_an_exception_holds_no_secret(name: str, statement: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list" if statement is SELECT else "create", FAULTS[name])
    with connection(harness) as connected, pytest.raises(Error) as caught:
        connected.cursor().execute(statement).fetchall()
    shown = "".join(traceback.format_exception(caught.value))
    for error in related(caught.value):
        assert isinstance(error, Error)
        shown += f"{error!r} {error!s} {error.args} {vars(error)}"
    secrets = [harness.token, *harness.tokens.minted.values()]
    assert not any(form.decode() in shown for secret in secrets for form in forms(secret))


def test_nothing_that_knows_a_secret_shows_it(harness: Harness) -> None:
    with connection(harness) as connected:
        cursor = connected.cursor()
        cursor.execute(SELECT)
        known = [
            connected,
            cursor,
            connected.redactor,
            connected.client,
            connected.environment,
            connected._access.credentials,
        ]
        assert harness.token not in "".join(map(repr, [*known[:4], known[5]]))
        target = connected.hosts.resolve("https://{deployment_name}.cloud.databricks.com", {"deployment_name": "dbc-1"})
        assert harness.token not in repr(connected._access.credentials.for_target(target))
