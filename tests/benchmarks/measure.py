"""Measure whole processes in alternating pairs, calls in turns, and take medians.

The other side of a pair is always something familiar on the same machine, so that a ratio means the same everywhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

HERE = Path(__file__).parent
MINIMAL = str(HERE / "scripts" / "minimal.py")
STRAIGHT = str(HERE / "scripts" / "straight.py")
TOKEN = "dapi" + "0123456789abcdef" * 2
GROSS = 2.0
"""The factor by which a figure may miss its goal when only gross regressions are to fail."""


@dataclass(frozen=True)
class Result:
    """A line of the table: `value` may be at most `goal` or, with `at_least`, must be at least that.

    `ours` and `other` are the measured figures, as text; `skipped` the reason why they were not measured; `aim` is the long-term goal.
    """

    row: str
    metric: str
    ours: str = ""
    other: str = ""
    value: float = 0.0
    goal: float = 0.0
    at_least: bool = False
    aim: float | None = None
    skipped: str = ""

    def is_met(self, slack: float = 1.0) -> bool:
        """Return True if the goal is met, or missed by no more than the factor `slack`."""
        if self.skipped:
            return True
        return self.value * slack >= self.goal if self.at_least else self.value <= self.goal * slack


@dataclass(frozen=True)
class Usage:
    """The usage of a process: CPU and wall time in s, peak memory in MiB, time to the first byte of output in s, bytes of output."""

    cpu: float
    wall: float
    peak: float
    first: float
    size: int


@dataclass(frozen=True)
class Pair:
    """The medians of two commands run in turns, and the median of the ratios, pair by pair."""

    ours: Usage
    other: Usage
    cpu: float
    wall: float
    peak: float

    def result(self, row: str, metric: str, goal: float, aim: float | None = None) -> Result:
        """Return the line that compares the CPU times."""
        return Result(row, metric, format_ms(self.ours.cpu), format_ms(self.other.cpu), self.cpu, goal, aim=aim)

    def memory(self, row: str, metric: str, goal: float) -> Result:
        """Return the line that compares the peak memory."""
        return Result(row, metric, f"{self.ours.peak:.1f} MiB", f"{self.other.peak:.1f} MiB", self.peak, goal)


def format_ms(seconds: float) -> str:
    """Format seconds as milliseconds."""
    return f"{seconds * 1000:.{0 if seconds >= 0.1 else 1 if seconds >= 0.01 else 3}f} ms"


def _median_usage(samples: Sequence[Usage]) -> Usage:
    return Usage(
        median(sample.cpu for sample in samples),
        median(sample.wall for sample in samples),
        median(sample.peak for sample in samples),
        median(sample.first for sample in samples),
        samples[-1].size,
    )


@dataclass
class Bench:
    """The fixtures of all measurements: a server, a launcher, a home folder of their own."""

    home: Path
    port: int
    quick: bool
    hosts: int
    _launcher: subprocess.Popen[str]
    environment: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "DATABRICKS_TOKEN": TOKEN,
            "LC_ALL": "C.UTF-8",
        }

    def url(self, name: str, delay: int = 0) -> str:
        """Return the address of a listing; `delay` is in ms."""
        return f"http://127.0.0.1:{self.port}/{delay}/{name}/api/2.0/token/list"

    def endpoint(self, delay: int = 0) -> str:
        """Return the endpoint below which every name is a workspace."""
        return f"http://127.0.0.1:{self.port}/{delay}/{{deployment_name}}"

    @property
    def command(self) -> list[str]:
        """The command that starts tokensh: the installed script, if there is one."""
        script = Path(sys.executable).with_name("tokensh")
        return [str(script)] if script.exists() else [sys.executable, "-m", "tokensh"]

    def tokensh(self, *arguments: str, delay: int = 0) -> list[str]:
        """Return a command line of tokensh that talks to the server."""
        return [*self.command, "--endpoint", self.endpoint(delay), *arguments]

    def python(self, *arguments: str) -> list[str]:
        """Return a command line of this Python."""
        return [sys.executable, *arguments]

    def run(self, argv: Sequence[str], stdin: Path | None = None, status: int = 0) -> Usage:
        """Run a command once. Raises RuntimeError if its exit status is not the expected one."""
        errors = self.home / "stderr"
        job = {
            "argv": list(argv),
            "env": dict(self.environment),
            "stdin": stdin and str(stdin),
            "stderr": str(errors),
        }
        assert self._launcher.stdin
        assert self._launcher.stdout
        self._launcher.stdin.write(json.dumps(job) + "\n")
        self._launcher.stdin.flush()
        outcome: dict[str, Any] = json.loads(self._launcher.stdout.readline())
        if outcome.pop("status") != status:
            raise RuntimeError(f"{argv} failed: {errors.read_text()}")
        return Usage(**outcome)

    def compare_commands(
        self, ours: Sequence[str], other: Sequence[str], count: int = 9, *, status: int = 0, stdin: Path | None = None
    ) -> Pair:
        """Run two commands in turns, after a warm-up run of each. `status` is the expected exit status of ours."""
        both = [(self.run(ours, stdin, status), self.run(other)) for _ in range((3 if self.quick else count) + 1)][1:]
        return Pair(
            _median_usage([a for a, _ in both]),
            _median_usage([b for _, b in both]),
            median(a.cpu / b.cpu for a, b in both),
            median(a.wall / b.wall for a, b in both),
            median(a.peak / b.peak for a, b in both),
        )

    def counters(self) -> dict[str, int]:
        """Return the server's counters since the last call."""
        with urlopen(f"http://127.0.0.1:{self.port}/counters", timeout=30) as reply:
            counters: dict[str, int] = json.load(reply)
        return counters


@contextmanager
def start_bench(quick: bool, hosts: int) -> Iterator[Bench]:
    """Start the server and the launcher, and stop them at the end."""
    python = [sys.executable, "-I", "-S"]
    hosts = hosts if sys.platform == "linux" else 0  # elsewhere the loopback network is one address
    with (
        tempfile.TemporaryDirectory() as home,
        _start_process([*python, str(HERE / "server.py"), "--hosts", str(hosts)]) as server,
        _start_process([*python, str(HERE / "launcher.py")]) as launcher,
    ):
        assert server.stdout
        yield Bench(Path(home), int(server.stdout.readline()), quick, hosts, launcher)


@contextmanager
def _start_process(argv: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU seconds that a call takes."""
    started = time.process_time()
    call()
    return time.process_time() - started


def wall_seconds(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def compare_calls(
    ours: Callable[[], object], other: Callable[[], object], count: int = 9, clock: Callable[..., float] = cpu_seconds
) -> tuple[float, float, float]:
    """Call both in turns, after a warm-up turn; returns the median of each and of the ratios."""
    both = [(clock(ours), clock(other)) for _ in range(count + 1)][1:]
    return median(a for a, _ in both), median(b for _, b in both), median(a / b for a, b in both)
