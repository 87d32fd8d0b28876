"""Check that the invariants hold if the first, second, third ... operation of a statement on files or sockets fails."""

from __future__ import annotations

import time

import pytest

from tests.resilience import invariants
from tests.resilience.fault_injection import FaultInjector
from tests.resilience.faulty_server import FaultyServer
from tests.resilience.harness import INSERT, SELECT, CommandRun, Harness

KINDS = {
    "a listing": ("-o", "csv", "-c", SELECT),
    "a create": ("-o", "json", "-c", INSERT),
    "a create of two rows": (
        "-o",
        "csv",
        "-c",
        "INSERT INTO user_tokens (comment) VALUES ('a'), ('b') RETURNING token_value",
    ),
    "a create into a file": ("-o", "csv", "-O", "{home}/out.csv", "-c", INSERT),
    "a revoke": ("-c", 'EXEC user_tokens.revoketoken @@json = \'{"token_id": "{token_id}"}\''),
    "a delete by predicate": ("--yes", "-c", "DELETE FROM user_tokens WHERE comment = 'ci'"),
    "a table of the store": ("-c", "CREATE OR REPLACE TABLE kept AS SELECT token_id FROM user_tokens"),
    "the history": ("-c", "SELECT * FROM tokensh.local.statements"),
    "what is pending": ("-c", "DELETE FROM tokensh.local.pending"),
}
_ENOUGH = 200


class Naps(list[float]):
    """Shorten the waits of a run, but not to zero: a server's thread may be slower than the client that gave it up."""

    def append(self, seconds: float) -> None:
        super().append(seconds)
        time.sleep(min(seconds, 0.3))


def run(harness: Harness, kind: str, operations: FaultInjector) -> CommandRun:
    token_id = next(iter(harness.tokens.infos), "none")
    words = [word.replace("{home}", str(harness.home)).replace("{token_id}", token_id) for word in KINDS[kind]]
    with operations.intercept():
        return harness.run(*words, writes=2 if "two rows" in kind else 99 if "predicate" in kind else 1)


@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_operation_fails_nothing_is_lost(
    kind: str, after: bool, harness: Harness, workspace: FaultyServer
) -> None:
    harness.secret_files.add(harness.home / "out.csv")
    harness.sleeps = Naps()
    assert harness.run("-o", "json", "-c", INSERT).status == 0
    failed = []
    for number in range(1, _ENOUGH):
        operations = FaultInjector(harness.root, number, after=after)
        result = run(harness, kind, operations)
        workspace.wait_for_clients()
        if operations.failed is None:
            break
        failed.append((operations.failed, result.status))
        invariants.check(harness)
        harness.runs.clear()
        if kind == "a create into a file" and (harness.home / "out.csv").exists():
            (harness.home / "out.csv").unlink()
    else:
        pytest.fail("it never came to an end")
    assert result.status == 0, result.err
    names = {name for name, _ in failed}
    assert not result.requests or {"connect", "sendall", "recv_into"} <= names
    if "create" in kind:
        assert {"open", "write", "fsync", "unlink"} <= names
        assert 4 in {status for _, status in failed}
