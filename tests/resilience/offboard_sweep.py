"""A sweep of faults over an offboarding: `python -m tests.resilience.offboard_sweep [SCHEDULES]`.

A schedule spoils some requests, kills or interrupts the process at some step, lets the report meet a full disk, or does several of
these in one run. Afterwards every token of others exists, what is reported is true, and the exit status tells whether something is left;
a run without faults then finishes. Each run is the command line, in a process of its own.
"""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from tests.engine.sessions import A, B, C
from tests.resilience.sweeping import KILLED, SPOILT, Clock, Steps, print_sweep, run_in_child
from tests.shared_parser import CACHE_HOME
from tokensh import sandbox
from tokensh.api.client import Client
from tokensh.cli.main import main as run_command_line
from tokensh.environment import Environment
from tokensh.sandbox import Sandbox
from tokensh.sandbox.seed import USER
from tokensh.sandbox.state import CreateRequest, Token

WORKSPACES = (A, B, C)
REQUESTS = ("GET *", "DELETE *", f"GET */w/{A}/*", f"DELETE */w/{B}/*", f"* */w/{C}/*")
KINDS = {**SPOILT, "a web page instead": {"status": 200, "body": "<html>"}, "silent": {"delay": 1.0}}
_STEPS = 24
_FULL_DISK = 4
"""The exit status if the report could not be written: tokens may have been revoked."""


@dataclass(frozen=True)
class Schedule:
    """What goes wrong: requests (pattern, kind, skipped, times), the step at which the process is killed or interrupted, the disk."""

    faults: tuple[tuple[str, str, int, int | None], ...] = ()
    kill_at: int | None = None
    interrupt_at: int | None = None
    eventual: bool = False
    full_disk: bool = False


def all_single_schedules() -> Iterator[Schedule]:
    """Yield every fault alone."""
    for eventual in (False, True):
        yield Schedule(eventual=eventual)
        yield Schedule(eventual=eventual, full_disk=True)
        for step in range(_STEPS):
            yield Schedule(kill_at=step, eventual=eventual)
            yield Schedule(interrupt_at=step, eventual=eventual)
    for pattern in REQUESTS:
        for kind in KINDS:
            for skip in range(3):
                yield Schedule(faults=((pattern, kind, skip, 1),))
                yield Schedule(faults=((pattern, kind, skip, None),))


def random_schedules(seed: int) -> Iterator[Schedule]:
    """Yield combinations of faults without end."""
    dice = random.Random(seed)
    while True:
        faults = tuple(
            (dice.choice(REQUESTS), dice.choice(list(KINDS)), dice.randrange(4), dice.choice((1, 1, 2, 3, None)))
            for _ in range(dice.randrange(4))
        )
        step = dice.randrange(_STEPS)
        kill_at, interrupt_at = dice.choice(((None, None), (None, None), (step, None), (None, step)))
        yield Schedule(faults, kill_at, interrupt_at, dice.random() < 0.3, dice.random() < 0.1)


def check(schedule: Schedule, site: Sandbox, home: Path) -> str:
    """Run a schedule, and return what was wrong; empty if nothing was."""
    site.clear_faults()
    site.state.settings.eventual = schedule.eventual
    for name, count in zip(WORKSPACES, (2, 1, 1), strict=True):
        workspace = site.state.workspace(name)
        for token in _owned(site, name):
            workspace.revoke_token(token.token_id)
        for number in range(count):
            workspace.create_token(USER, USER, CreateRequest(f"leaver's {number}", 3600))
        workspace._snapshot = None
    others = _others(site)
    before = {(name, token.token_id) for name in WORKSPACES for token in _owned(site, name)}
    for pattern, kind, skip, times in schedule.faults:
        site.fault(pattern, skip=skip, times=times, **KINDS[kind])
    status = run_in_child(lambda: _offboard(schedule, site, home, timeout=0.5))
    if problem := _judge(schedule, site, home, before, status):
        return f"{problem} (exit status {status})"
    site.clear_faults()
    for name in WORKSPACES:
        site.state.workspace(name)._snapshot = None
    status = run_in_child(lambda: _offboard(Schedule(), site, home, timeout=30))
    left = [token.token_id for name in WORKSPACES for token in _owned(site, name)]
    if status or left:
        return f"the second run ended with {status}, {left} are left"
    return "" if _others(site) == others else "tokens of others were changed"


def _owned(site: Sandbox, name: str) -> list[Token]:
    return [token for token in site.state.workspace(name)._tokens.values() if token.owner == USER]


def _others(site: Sandbox) -> set[tuple[str, str]]:
    tokens = ((name, token) for name in WORKSPACES for token in site.state.workspace(name)._tokens.values())
    return {(name, token.token_id) for name, token in tokens if token.owner != USER}


def _judge(schedule: Schedule, site: Sandbox, home: Path, before: set[tuple[str, str]], status: int) -> str:
    """Return what the report of a run says wrongly."""
    left = {(name, token.token_id) for name in WORKSPACES for token in _owned(site, name)}
    if status == KILLED:
        return ""
    if status not in (0, 1, 2, 4, 130):
        return "an undocumented exit status"
    if left and not status:
        return f"tokens are left: {left}"
    report = home / "report.json"
    if schedule.full_disk or not report.exists():
        return "" if status else "no report"
    rows = json.loads(report.read_text())
    states = {(row["deployment_name"], row["token_id"]): row["state"] for row in rows}
    unseen = {name for (name, token_id), state in states.items() if token_id is None and state == "unknown"}
    if wrong := [key for key, state in states.items() if state == "revoked" and key in left]:
        return f"reported as revoked, and left: {wrong}"
    if wrong := [key for key, state in states.items() if state == "remains" and key not in left]:
        # A list may be older than the token's end, and a request that was given up may be carried out after the list.
        may_lag = schedule.eventual or any(kind == "silent" for _, kind, _, _ in schedule.faults)
        return "" if may_lag else f"reported to remain, and gone: {wrong}"
    if missing := [key for key in before if key not in states and key[0] not in unseen]:
        return f"not in the report: {missing}"
    return ""


# ---- the process that is killed


def _offboard(schedule: Schedule, site: Sandbox, home: Path, *, timeout: float) -> int:
    if schedule.kill_at is not None:
        Steps(schedule.kill_at).wrap(Client, "_send_once")
    if schedule.interrupt_at is not None:
        Steps(schedule.interrupt_at, lambda: os.kill(os.getpid(), signal.SIGINT)).wrap(Client, "_send_once")
    report = home / "report.json"
    report.unlink(missing_ok=True)
    out = open("/dev/full", "w") if schedule.full_disk else io.StringIO()  # noqa: SIM115, PTH123 (the process ends with it)
    clock = Clock()
    variables = {"HOME": str(home), "XDG_CACHE_HOME": str(CACHE_HOME), "DATABRICKS_TOKEN": site.token}
    clocks: dict[str, Any] = {"now": clock.now, "sleep": clock.sleep, "monotonic": clock.monotonic}
    words = ["run", "offboard", "-v", "user=ed@example.com", "--yes", "-o", "json", "--endpoint", site.endpoint]
    words += ["-w", A, "--timeout", str(timeout), *(() if schedule.full_disk else ("-O", str(report)))]
    errors = io.StringIO()
    status = run_command_line(words, Environment(io.StringIO(), out, errors, variables, **clocks))
    if "made a mistake" in errors.getvalue():
        raise AssertionError(errors.getvalue())
    return status


@contextmanager
def opened() -> Iterator[Callable[[Schedule], str]]:
    """Yield a function that checks a schedule on one sandbox."""
    import tokensh.api.transport  # noqa: F401, PLC0415 (before the forks, each of which would load it)

    with sandbox.start(any_workspace=True) as site, tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        numbers = iter(range(10**9))
        hosts = "".join(f'{name} = "{site.origin}/w/{name}"\n' for name in WORKSPACES)

        def make_home() -> Path:
            home = base / str(next(numbers))
            (home / ".config/tokensh").mkdir(parents=True)
            (home / ".config/tokensh/config.toml").write_text(f"[hosts]\n{hosts}")
            return home

        # What this imports, the processes that are forked need not.
        _offboard(Schedule(), site, make_home(), timeout=30)
        yield lambda schedule: check(schedule, site, make_home())


def main(count: int) -> int:
    """Check every single fault, then combinations."""
    with opened() as check_one:
        return print_sweep(count, check_one, chain(all_single_schedules(), random_schedules(23)))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
