"""Compare the CPU time until the prompt is shown with that of importing prompt_toolkit alone."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

import pexpect

from tests.benchmarks.measure import Bench

NANO = 1e-9


def _cpu_of_process(process: int) -> float:
    """Return the CPU seconds that all threads of a process have used so far; only Linux reports them this exactly."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) * NANO


def _until_prompt(bench: Bench) -> float:
    arguments = bench.tokensh("-w", "dbc-1")
    variables = {**bench.environment, "TERM": "xterm-256color"}
    child = pexpect.spawn(arguments[0], arguments[1:], env=variables, dimensions=(24, 80), timeout=60)
    try:
        child.expect(rb"dbc-1[^\r\n]*>")
        return _cpu_of_process(child.pid or 0)
    finally:
        child.close(force=True)


def ready(bench: Bench, count: int = 9) -> tuple[float, float, float] | None:
    """Return the CPU seconds of ours and of the import, and their ratio, as medians of runs in turns; None if unavailable."""
    if sys.platform != "linux":
        return None
    imported = bench.python("-c", "import prompt_toolkit")
    both = [(_until_prompt(bench), bench.run(imported).cpu) for _ in range((3 if bench.quick else count) + 1)][1:]
    return median(a for a, _ in both), median(b for _, b in both), median(a / b for a, b in both)
