"""How the benchmarks measure: whole processes in alternating pairs, calls in turns, medians of both."""

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
"""How far from its goal a figure may be where only gross regressions shall fail."""


@dataclass(frozen=True)
class Result:
    """One line of the table: `value` is held against `goal`, at most that or, with `at_least`, at least that.

    `ours` and `other` are the figures behind it, as text; `skipped` says why there are none; `aim` is what one tries for.
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
        """Whether the goal is met, give or take a factor."""
        if self.skipped:
            return True
        return self.value * slack >= self.goal if self.at_least else self.value <= self.goal * slack


@dataclass(frozen=True)
class Usage:
    """What a process took: CPU and wall in s, peak memory in MiB, time to its first byte of output in s, bytes of output."""

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
        """CPU time against a goal."""
        return Result(row, metric, format_ms(self.ours.cpu), format_ms(self.other.cpu), self.cpu, goal, aim=aim)

    def memory(self, row: str, metric: str, goal: float) -> Result:
        """Peak memory against a goal."""
        return Result(row, metric, f"{self.ours.peak:.1f} MiB", f"{self.other.peak:.1f} MiB", self.peak, goal)


def format_ms(seconds: float) -> str:
    """Seconds as milliseconds."""
    return f"{seconds * 1000:.{0 if seconds >= 0.1 else 1 if seconds >= 0.01 else 3}f} ms"


def _median_usage(samples: Sequence[Usage]) -> Usage:
    return Usage(
        median(one.cpu for one in samples),
        median(one.wall for one in samples),
        median(one.peak for one in samples),
        median(one.first for one in samples),
        samples[-1].size,
    )


@dataclass
class Bench:
    """What the measurements share: a server, a launcher, a home folder that nobody else uses."""

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
        """A listing's address; `delay` in ms."""
        return f"http://127.0.0.1:{self.port}/{delay}/{name}/api/2.0/token/list"

    def endpoint(self, delay: int = 0) -> str:
        """The endpoint under which every name is a workspace."""
        return f"http://127.0.0.1:{self.port}/{delay}/{{deployment_name}}"

    @property
    def command(self) -> list[str]:
        """How ours is started: by the script that an installation makes."""
        script = Path(sys.executable).with_name("tokensh")
        return [str(script)] if script.exists() else [sys.executable, "-m", "tokensh"]

    def tokensh(self, *arguments: str, delay: int = 0) -> list[str]:
        """The command line of ours, against the server."""
        return [*self.command, "--endpoint", self.endpoint(delay), *arguments]

    def python(self, *arguments: str) -> list[str]:
        """The command line of a Python."""
        return [sys.executable, *arguments]

    def run(self, argv: Sequence[str], stdin: Path | None = None, status: int = 0) -> Usage:
        """Run a command once. Raises RuntimeError if it ends otherwise than expected."""
        errors = self.home / "stderr"
        order = {
            "argv": list(argv),
            "env": dict(self.environment),
            "stdin": stdin and str(stdin),
            "stderr": str(errors),
        }
        assert self._launcher.stdin
        assert self._launcher.stdout
        self._launcher.stdin.write(json.dumps(order) + "\n")
        self._launcher.stdin.flush()
        done: dict[str, Any] = json.loads(self._launcher.stdout.readline())
        if done.pop("status") != status:
            raise RuntimeError(f"{argv} failed: {errors.read_text()}")
        return Usage(**done)

    def compare_commands(
        self, ours: Sequence[str], other: Sequence[str], count: int = 9, *, status: int = 0, stdin: Path | None = None
    ) -> Pair:
        """Run two commands in turns, after one run of each that does not count. `status`: what ours ends with."""
        both = [(self.run(ours, stdin, status), self.run(other)) for _ in range((3 if self.quick else count) + 1)][1:]
        return Pair(
            _median_usage([a for a, _ in both]),
            _median_usage([b for _, b in both]),
            median(a.cpu / b.cpu for a, b in both),
            median(a.wall / b.wall for a, b in both),
            median(a.peak / b.peak for a, b in both),
        )

    def counters(self) -> dict[str, int]:
        """What the server has seen since it was last asked."""
        with urlopen(f"http://127.0.0.1:{self.port}/counters", timeout=30) as reply:
            found: dict[str, int] = json.load(reply)
        return found


@contextmanager
def start_bench(quick: bool, hosts: int) -> Iterator[Bench]:
    """Start the server and the launcher, and stop them."""
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
    """The CPU seconds of a call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def wall_seconds(call: Callable[[], object]) -> float:
    """The seconds of a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def compare_calls(
    ours: Callable[[], object], other: Callable[[], object], count: int = 9, clock: Callable[..., float] = cpu_seconds
) -> tuple[float, float, float]:
    """Call both in turns, after one turn that does not count: the medians of both, and of the ratios."""
    both = [(clock(ours), clock(other)) for _ in range(count + 1)][1:]
    return median(a for a, _ in both), median(b for _, b in both), median(a / b for a, b in both)
