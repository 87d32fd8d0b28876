"""Check what users run into: a revoked token, a quota, a missing permission, a script that fails half way, a long list."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from tests.resilience.background_run import leftover_entries
from tests.resilience.faulty_server import FaultyServer, answers
from tests.resilience.harness import INSERT, SELECT, Harness
from tests.resilience.test_terminal_text import listing


def gone(token_id: str) -> str:
    return f"""EXEC user_tokens.revoketoken @@json = '{{"token_id": "{token_id}"}}'"""


def test_a_token_that_is_revoked_twice(harness: Harness, workspace: FaultyServer) -> None:
    (token_id,) = harness.run("-o", "json", "-c", INSERT).minted
    assert harness.run("-c", gone(token_id)).status == 0
    body = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Token {token_id} does not exist."}
    workspace.on("delete", answers(404, json.dumps(body).encode()))
    again = harness.run("-c", gone(token_id))
    assert again.status == 1
    assert f"Token {token_id} does not exist." in again.err
    deleted = harness.run("-c", f"DELETE FROM user_tokens WHERE token_id = '{token_id}'")
    assert (deleted.status, deleted.err) == (0, "DELETE 0\n")


def test_a_quota_is_a_refusal_and_leaves_nothing_pending(harness: Harness, workspace: FaultyServer) -> None:
    body = {"error_code": "QUOTA_EXCEEDED", "message": "The number of tokens is limited to 600."}
    workspace.on("create", answers(400, json.dumps(body).encode()))
    result = harness.run("-c", INSERT)
    assert (result.status, result.count_requests("POST")) == (1, 1)
    assert "limited to 600" in result.err
    assert "QUOTA_EXCEEDED" in result.err
    assert leftover_entries(harness) == []


@pytest.mark.parametrize("statement", [SELECT, INSERT, gone("a1")])
def test_a_missing_right_is_told_as_the_api_says_it(statement: str, harness: Harness, workspace: FaultyServer) -> None:
    body = json.dumps({"error_code": "PERMISSION_DENIED", "message": "Tokens are disabled for ci@example.com."})
    for route in ("list", "create", "delete"):
        workspace.on(route, answers(403, body.encode()))
    result = harness.run("-c", statement)
    assert result.status == 1
    assert "Tokens are disabled for ci@example.com." in result.err
    assert leftover_entries(harness) == []


SCRIPT = f"""\
{SELECT};

{gone("nobody")};
{INSERT};
"""


@pytest.mark.parametrize(("more", "creates"), [((), 0), (("--on-error", "continue"), 1)])
def test_a_script_stops_at_its_first_error_unless_told_otherwise(
    more: tuple[str, ...], creates: int, harness: Harness, workspace: FaultyServer
) -> None:
    workspace.on("delete", answers(404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "gone"}'))
    script = harness.write_file("rotate.sql", SCRIPT)
    result = harness.run("-o", "json", "-f", str(script), *more)
    assert result.status == 1
    assert re.search(r"rotate\.sql:3:1: error: .*gone", result.err)
    assert result.count_requests("POST", "create") == creates


def test_twenty_thousand_rows_come_whole(harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", listing(*(f"token {number}" for number in range(20_000))))
    rows = list(csv.reader(io.StringIO(harness.run("-o", "csv", "-c", SELECT).out)))
    assert rows[1] == ["t0", "token 0"]
    assert rows[20_000] == ["t19999", "token 19999"]
    assert len(rows) == 20_001
    assert len(json.loads(harness.run("-o", "json", "-c", SELECT).out)) == 20_000


@pytest.mark.parametrize("statement", [SELECT, INSERT, gone("a1"), "DELETE FROM user_tokens WHERE comment = 'ci'"])
def test_a_dry_run_and_explain_send_nothing(statement: str, harness: Harness, workspace: FaultyServer) -> None:
    for result in (harness.run("--dry-run", "-c", statement), harness.run("-c", f"EXPLAIN {statement}")):
        assert (result.status, result.requests) == (0, [])
        assert "/api/2.0/token/" in result.out
    assert workspace.connections == 0


NOTHING_TO_SEND = [
    "SELECT 1",
    "SHOW METHODS IN user_tokens",
    "DESCRIBE user_tokens",
    "SELECT * FROM tokensh.local.pending",
    "SELECT toke_id FROM user_tokens",
    "SELEC 1",
    "SELECT * FROM user_tokens WHERE deployment_name = 'evil.example/#'",
    "INSERT INTO user_tokens (lifetime_seconds) SELECT 'soon'",
    "INSERT INTO user_tokens (comment) SELECT 'x' RETURNING nothing_of_it",
]


@pytest.mark.parametrize("statement", NOTHING_TO_SEND)
def test_what_needs_no_network_uses_none(statement: str, harness: Harness, workspace: FaultyServer) -> None:
    result = harness.run("-c", statement)
    assert workspace.connections == 0
    assert [event for event, _ in result.events if event.startswith("socket.")] == []
