"""Check that statements which need no workspace call none, and that errors are found before a request is sent."""

from __future__ import annotations

import pytest

from tests.resilience.harness import INSERT, REVOKE, SELECT, CommandRun, Harness

NEEDS_NOBODY = [
    "SELECT 1 AS a",
    "SELECT upper('x') WHERE 1",
    "WITH t AS (SELECT 1 AS a) SELECT * FROM t",
    "SHOW PROVIDERS",
    "SHOW SERVICES IN databricks_workspace",
    "SHOW RESOURCES IN databricks_workspace.workspace",
    "SHOW EXTENDED METHODS IN user_tokens",
    "SHOW INSERT INTO user_tokens",
    "SHOW FUNCTIONS",
    "DESCRIBE EXTENDED user_tokens",
    "DESCRIBE METHOD user_tokens.create",
    f"EXPLAIN {SELECT}",
    f"EXPLAIN {INSERT}",
    f"EXPLAIN {REVOKE}",
    "CREATE OR REPLACE VIEW v AS SELECT token_id FROM user_tokens",
    "SELECT * FROM tokensh.local.workspaces",
    "SELECT * FROM tokensh.local.pending",
]
WRONG = [
    "SELECT FROM",
    "SELECT nonsense FROM user_tokens",
    "SELECT token_id FROM nowhere",
    "SELECT nonsense(token_id) FROM user_tokens",
    "SELECT token_id FROM user_tokens WHERE token_id = (SELECT nonsense)",
    "INSERT INTO user_tokens (data__comment) SELECT 'x' RETURNING nonsense",
    "INSERT INTO user_tokens (data__nonsense) SELECT 'x'",
    "INSERT INTO user_tokens (data__lifetime_seconds) SELECT 'soon'",
    "DELETE FROM user_tokens WHERE nonsense = 1",
    "EXEC user_tokens.revoketoken @@json = '{'",
    "EXEC user_tokens.nonsense @@json = '{}'",
    "UPDATE user_tokens SET comment = 'x' WHERE token_id = 'a'",
    "SELECT * FROM user_tokens WHERE deployment_name = '{{ x }}'",
]


def untouched(result: CommandRun) -> None:
    assert list(result.requests) == []
    assert [event for event, _ in result.events if event.startswith("socket.")] == []


@pytest.mark.parametrize("statement", NEEDS_NOBODY)
def test_what_needs_nobody_asks_nobody(statement: str, harness: Harness) -> None:
    result = harness.run("-o", "json", "-c", statement)
    assert result.status == 0
    untouched(result)


@pytest.mark.parametrize("statement", WRONG)
def test_what_is_wrong_is_found_before_anybody_is_asked(statement: str, harness: Harness) -> None:
    result = harness.run("-o", "json", "-c", statement)
    assert result.status in (1, 2)
    untouched(result)


@pytest.mark.parametrize("option", ["--dry-run", "--check"])
@pytest.mark.parametrize("statement", [SELECT, INSERT, REVOKE, "DELETE FROM user_tokens WHERE comment = 'x'"])
def test_a_dry_run_and_a_check_send_nothing(statement: str, option: str, harness: Harness) -> None:
    result = harness.run(option, "-c", statement)
    assert result.status == 0
    untouched(result)
