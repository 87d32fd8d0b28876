"""What sweeps of faults over a recipe have in common: spoilt replies, a clock that does not wait, a process that ends at a step."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

SPOILT: dict[str, dict[str, Any]] = {
    "refused": {"status": 403},
    "429": {"status": 429, "headers": {"Retry-After": "0"}},
    "429 without a time": {"status": 429},
    "500": {"status": 500},
    "503": {"status": 503},
    "504": {"status": 504},
    "lost before": {"drop": True},
    "lost": {"drop": True, "after_handler": True},
    "closed": {"close": True, "after_handler": True},
    "500 after it was done": {"status": 500, "after_handler": True},
    "cut": {"cut": 20, "after_handler": True},
    "late": {"delay": 0.3, "after_handler": True},
    "a web page": {"status": 200, "body": "<html>", "after_handler": True},
}
"""What may happen to a request, as the keywords of the sandbox's `fault`."""
KILLED = 9
"""The exit status of a process that ended at a step."""
BROKEN = 99
"""The exit status of a process in which the test itself failed."""


@dataclass
class Clock:
    """A clock that sleeping advances at once."""

    offset: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.offset += seconds

    def now(self) -> float:
        return time.time() + self.offset

    def monotonic(self) -> float:
        return time.monotonic() + self.offset


@dataclass
class Steps:
    """Counts the steps of a run, and acts at one of them: by default it ends the process."""

    act_at: int | None
    act: Callable[[], object] = lambda: os._exit(KILLED)
    done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> None:
        with self._lock:
            reached = self.done == self.act_at
            self.done += 1
        if reached:
            self.act()

    def wrap(self, owner: Any, name: str) -> None:
        """Count a step before and after each call of a function."""
        inner = getattr(owner, name)

        def outer(*arguments: Any, **keywords: Any) -> Any:
            self.count()
            result = inner(*arguments, **keywords)
            self.count()
            return result

        setattr(owner, name, outer)


def run_in_child(run: Callable[[], int]) -> int:
    """Return the exit status of a function in a process of its own (fork)."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(run())
        except BaseException as error:  # noqa: BLE001 (the child must not go on as a second test run)
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(BROKEN)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


Schedule = TypeVar("Schedule")


def print_sweep(count: int, check: Callable[[Schedule], str], schedules: Iterable[Schedule]) -> int:
    """Check the first `count` schedules, print what was wrong, and return the exit status of the program."""
    wrong = 0
    started = time.monotonic()
    for number, schedule in enumerate(islice(schedules, count)):
        problem = check(schedule)
        if number % 100 == 99:
            print(f"{number + 1} schedules, {wrong} wrong", flush=True)
        if problem:
            wrong += 1
            print(f"{number}: {schedule}: {problem}", flush=True)
    print(f"{count} schedules, {wrong} wrong, {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0
