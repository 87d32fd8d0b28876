"""A sweep of faults over a rotation: `python -m tests.resilience.rotation_sweep [SCHEDULES]`.

A schedule spoils some requests, ends the process at some step, makes the destination fail, or does several of these in one run. After
each run there is a credential that works, and at most one token more; a run without faults then finishes. Each run is a process of
its own (fork), so that a kill is one.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from tests.engine.sessions import A, connect
from tests.resilience.sweeping import SPOILT, Clock, Steps, print_sweep, run_in_child
from tokensh import sandbox
from tokensh.api.client import Client
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.destinations import Destination, FileDestination, NewSecret, ProgramDestination
from tokensh.environment import Environment
from tokensh.errors import Error, OutputError
from tokensh.recipes.rotation import Rotation, RotationRequest
from tokensh.recipes.rotation_record import RotationRecords, strip_mark
from tokensh.sandbox import Sandbox
from tokensh.sandbox.seed import ADMIN
from tokensh.sandbox.state import CreateRequest, Token, fingerprint

COMMENT = "rotated in a test"
REQUESTS = ("GET */token/list", "POST */token/create", "POST */token/delete", "GET */scim/v2/Me", "PATCH *")
DELIVERIES = ("file", "program", "fails", "hangs", "absent", "full", "fails after it took the value")
FAILED = 3
_KILL_POINTS = 36


@dataclass(frozen=True)
class Schedule:
    """What goes wrong: requests (pattern, kind, skipped, times), the step at which the process ends, the delivery of the first run."""

    faults: tuple[tuple[str, str, int, int | None], ...] = ()
    kill_at: int | None = None
    delivery: str = "file"
    eventual: bool = False
    full_disk: int | None = None


def all_single_schedules() -> Iterator[Schedule]:
    """Yield every fault alone."""
    for delivery in DELIVERIES:
        yield Schedule(delivery=delivery)
    for delivery in ("file", "program"):
        for step in range(_KILL_POINTS):
            yield Schedule(kill_at=step, delivery=delivery)
            yield Schedule(kill_at=step, delivery=delivery, eventual=True)
        for number in range(8):
            yield Schedule(full_disk=number, delivery=delivery)
    for pattern in REQUESTS:
        for kind in SPOILT:
            for skip in range(4 if pattern.startswith("GET */token") else 2):
                yield Schedule(faults=((pattern, kind, skip, 1),))
                yield Schedule(faults=((pattern, kind, skip, None),))


def random_schedules(seed: int) -> Iterator[Schedule]:
    """Yield combinations of faults without end."""
    dice = random.Random(seed)
    while True:
        faults = tuple(
            (dice.choice(REQUESTS), dice.choice(list(SPOILT)), dice.randrange(4), dice.choice((1, 1, 2, 3, None)))
            for _ in range(dice.randrange(4))
        )
        yield Schedule(
            faults,
            dice.choice((None, dice.randrange(_KILL_POINTS))),
            dice.choice(DELIVERIES),
            dice.random() < 0.3,
            dice.choice((None, None, None, dice.randrange(8))),
        )


def check(schedule: Schedule, site: Sandbox, home: Path) -> str:
    """Run a schedule, and return what was wrong; empty if nothing was."""
    site.clear_faults()
    site.state.settings.eventual = schedule.eventual
    workspace = site.state.workspace(A)
    for token in _rotated(site):
        workspace.revoke_token(token.token_id)
    old, _ = workspace.create_token(ADMIN, ADMIN, CreateRequest(COMMENT, 3600))
    workspace._snapshot = None
    consumer = home / "value"
    consumer.write_text(old)
    for pattern, kind, skip, times in schedule.faults:
        site.fault(pattern, skip=skip, times=times, **SPOILT[kind])
    run_in_child(lambda: _rotate(schedule, site, home, is_first=True))
    if problem := _judge(site, old, consumer, "after the faults"):
        return problem
    site.clear_faults()
    # The second run may find a token that the first has left; it must finish.
    again = Schedule(delivery=_working(schedule))
    status = run_in_child(lambda: _rotate(again, site, home, is_first=False))
    if status:
        return f"the second run ended with {status}"
    tokens = _rotated(site)
    if [fingerprint(consumer.read_text())] != [token.token_id for token in tokens]:
        return f"finished with {[token.token_id for token in tokens]}"
    if tokens[0].comment != COMMENT and not any(pattern.startswith("PATCH") for pattern, *_ in schedule.faults):
        return f"the comment is {tokens[0].comment!r}"
    left = list((home / ".local/state/tokensh/rotations").glob("*.json"))
    return f"records are left: {left}" if left else ""


def _working(schedule: Schedule) -> str:
    return "file" if schedule.delivery in ("file", "full") else "program"


def _judge(site: Sandbox, old: str, consumer: Path, when: str) -> str:
    tokens = {token.token_id for token in _rotated(site)}
    if len(tokens) > 2:
        return f"{len(tokens)} tokens {when}"
    if not tokens & {fingerprint(old), fingerprint(consumer.read_text())}:
        return f"no credential works {when}"
    return ""


def _rotated(site: Sandbox) -> list[Token]:
    tokens = site.state.workspace(A)._tokens.values()
    return [token for token in tokens if strip_mark(token.comment or "") == COMMENT]


# ---- the process that is killed


class _Destination:
    """A destination that fails."""

    def check(self) -> None:
        """Accept everything."""

    def deliver(self, secret: NewSecret) -> str:
        raise OutputError("the destination fails")


def _rotate(schedule: Schedule, site: Sandbox, home: Path, *, is_first: bool) -> int:
    steps = Steps(schedule.kill_at)
    _fill_disk(schedule.full_disk)
    clock = Clock()
    clocks: dict[str, Any] = {"now": clock.now, "sleep": clock.sleep, "monotonic": clock.monotonic}
    with connect(site, home, **clocks, timeout=5.0, callbacks=Callbacks()) as connection:
        destination = _make_destination(schedule.delivery, home / "value", connection.environment)
        if schedule.kill_at is not None:
            steps.wrap(Client, "_send_once")
            steps.wrap(RotationRecords, "write")
            steps.wrap(RotationRecords, "remove")
            steps.wrap(destination, "deliver")
        try:
            state = next(iter(Rotation(connection, RotationRequest(A, comment=COMMENT), destination).run().rows))[3]
        except Error as error:
            if not is_first:
                sys.stderr.write(f"{error.message}\n")
            return FAILED
    return 0 if state == "done" else FAILED


def _fill_disk(after: int | None) -> None:
    """Let all writes of records but the first ones fail, as on a full disk."""
    if after is None:
        return
    inner, writes = os.fsync, iter(range(10_000))

    def fsync(descriptor: int) -> None:
        if next(writes) >= after:
            raise OSError(28, "No space left on device")
        inner(descriptor)

    os.fsync = fsync  # type: ignore[assignment] # the code under test passes numbers


def _make_destination(delivery: str, path: Path, environment: Environment) -> Destination:
    program = f"cat > {path}.new && mv {path}.new {path}"
    match delivery:
        case "file":
            return FileDestination(str(path), environment)
        case "full":
            return FileDestination("/dev/full/x", environment)
        case "program":
            return ProgramDestination(program, environment)
        case "fails":
            return _Destination()
        case "hangs":
            return ProgramDestination("sleep 30", environment, timeout=0.05)
        case "absent":
            return ProgramDestination("/nowhere/program", environment)
        case _:
            return ProgramDestination(f"{program}; exit 1", environment)


@contextmanager
def opened() -> Iterator[Callable[[Schedule], str]]:
    """Yield a function that checks a schedule on one sandbox."""
    import tokensh.api.transport  # noqa: F401, PLC0415 (before the forks, each of which would load it)

    with sandbox.start() as site, tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        numbers = iter(range(10**9))

        def check_one(schedule: Schedule) -> str:
            home = base / str(next(numbers))
            home.mkdir()
            return check(schedule, site, home)

        yield check_one


def main(count: int) -> int:
    """Check every single fault, then combinations, and print what was wrong."""
    with opened() as check_one:
        return print_sweep(count, check_one, chain(all_single_schedules(), random_schedules(23)))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000))
