"""Every goal of speed, measured: `python -m tests.benchmarks`.

Each figure is a ratio of two things measured side by side in this run, so that it means the same on any machine.
`--quick` measures fewer and fails only on what is twice as bad as its goal.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from tests.benchmarks import batches, fetching, parsing, rows, session, stackql, start
from tests.benchmarks.measure import GROSS, Bench, Result, start_bench

SECTIONS: dict[str, Callable[[Bench], Iterator[Result]]] = {
    "start": start.measure,
    "parsing": parsing.measure,
    "fetching": fetching.measure,
    "rows": rows.measure,
    "scripts": batches.measure,
    "session": session.measure,
    "stackql": stackql.measure,
}
HOSTS = 500


def lines(results: Iterable[Result], slack: float) -> Iterator[tuple[str, bool]]:
    """The table, line by line, and whether each line's goal is met."""
    yield f"{'row':4}{'metric':64}{'ours':>12}{'other':>12}{'ratio':>9}{'goal':>9}  ok", True
    for one in results:
        if one.skipped:
            yield f"{one.row:4}{one.metric:64}  skipped: {one.skipped}", True
            continue
        goal = f"{'>=' if one.at_least else '<='} {one.goal:.4g}"
        aim = f", for {one.aim:g}" if one.aim else ""
        holds = one.is_met(slack)
        figures = f"{one.ours:>12}{one.other:>12}{one.value:>9.3f}{goal:>9}"
        yield f"{one.row:4}{one.metric:64}{figures}  {'ok' if holds else 'NO'}{aim}", holds


def main() -> int:
    """Print the table; the exit status is 1 if a goal is not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs, and fail only on twice the goal")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all")
    options = parser.parse_args()
    chosen = options.sections or list(SECTIONS)
    started = time.monotonic()
    failed = 0
    with start_bench(options.quick, HOSTS) as shared:
        results = (result for name in chosen for result in SECTIONS[name](shared))
        for line, holds in lines(results, GROSS if options.quick else 1.0):
            print(line, flush=True)
            failed += not holds
    print(f"{failed} not met, {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
