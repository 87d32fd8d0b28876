"""The first, second, third .. operation of a statement fails, on files and sockets: the invariants hold each time."""

from __future__ import annotations

import time

import pytest

from tests.resilience import invariants
from tests.resilience.operations import Operations
from tests.resilience.running import INSERT, SELECT, CommandRun, Harness
from tests.resilience.server import FaultyServer

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
    """Waits of a run, shortened: a server's thread may be slower than the client that has given it up."""

    def append(self, seconds: float) -> None:
        super().append(seconds)
        time.sleep(min(seconds, 0.3))


def run(place: Harness, kind: str, operations: Operations) -> CommandRun:
    token_id = next(iter(place.tokens.infos), "none")
    words = [one.replace("{home}", str(place.home)).replace("{token_id}", token_id) for one in KINDS[kind]]
    with operations.seen():
        return place.run(*words, writes=2 if "two rows" in kind else 99 if "predicate" in kind else 1)


@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_operation_fails_nothing_is_lost(
    kind: str, after: bool, place: Harness, workspace: FaultyServer
) -> None:
    place.secret_files.add(place.home / "out.csv")
    place.sleeps = Naps()
    assert place.run("-o", "json", "-c", INSERT).status == 0
    failed = []
    for number in range(1, _ENOUGH):
        operations = Operations(place.root, number, after=after)
        ran = run(place, kind, operations)
        workspace.rest()
        if operations.failed is None:
            break
        failed.append((operations.failed, ran.status))
        invariants.check(place)
        place.runs.clear()
        if kind == "a create into a file" and (place.home / "out.csv").exists():
            (place.home / "out.csv").unlink()
    else:
        pytest.fail("it never came to an end")
    assert ran.status == 0, ran.err
    names = {name for name, _ in failed}
    assert not ran.requests or {"connect", "sendall", "recv_into"} <= names
    if "create" in kind:
        assert {"open", "write", "fsync", "unlink"} <= names
        assert 4 in {status for _, status in failed}
