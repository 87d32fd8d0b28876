"""Measure every speed goal: `python -m tests.benchmarks`.

Each figure is a ratio of two things measured side by side in this run, so that it means the same on any machine.
`--quick` measures less, and fails only on figures that are twice as bad as their goal.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from tests.benchmarks import batches, fetching, growth, local, parsing, rows, session, stackql, start
from tests.benchmarks.measure import GROSS, Bench, Result, start_bench

SECTIONS: dict[str, Callable[[Bench], Iterator[Result]]] = {
    "start": start.measure,
    "parsing": parsing.measure,
    "fetching": fetching.measure,
    "rows": rows.measure,
    "scripts": batches.measure,
    "session": session.measure,
    "local": local.measure,
    "growth": growth.measure,
    "stackql": stackql.measure,
}
HOSTS = 500


def lines(results: Iterable[Result], slack: float) -> Iterator[tuple[str, bool]]:
    """Yield the lines of the table, each with True if its goal is met."""
    yield f"{'row':4}{'metric':64}{'ours':>12}{'other':>12}{'ratio':>9}{'goal':>9}  ok", True
    for result in results:
        if result.skipped:
            yield f"{result.row:4}{result.metric:64}  skipped: {result.skipped}", True
            continue
        goal = f"{'>=' if result.at_least else '<='} {result.goal:.4g}"
        aim = f", for {result.aim:g}" if result.aim else ""
        is_met = result.is_met(slack)
        figures = f"{result.ours:>12}{result.other:>12}{result.value:>9.3f}{goal:>9}"
        yield f"{result.row:4}{result.metric:64}{figures}  {'ok' if is_met else 'NO'}{aim}", is_met


def main() -> int:
    """Print the table; the exit status is 1 if a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs, and fail only on twice the goal")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all")
    options = parser.parse_args()
    # Growth starts a process per construct of the grammar, which would double the time of a quick run.
    chosen = options.sections or [name for name in SECTIONS if not (options.quick and name == "growth")]
    started = time.monotonic()
    failed = 0
    with start_bench(options.quick, HOSTS) as shared:
        results = (result for name in chosen for result in SECTIONS[name](shared))
        for line, is_met in lines(results, GROSS if options.quick else 1.0):
            print(line, flush=True)
            failed += not is_met
    print(f"{failed} not met, {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
