"""Row 14: scripts of many statements, each of which sends a request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.fetching import request_in_loop
from tests.benchmarks.measure import Bench, Result, Usage, cpu_seconds, format_ms

FEW, MANY = 200, 800


def measure(bench: Bench) -> Iterator[Result]:
    """Compare whole runs of scripts of different lengths, less the cost of a run without statements."""
    empty, few, many = (_write_script(bench, count) for count in (0, FEW, MANY))
    runs = [
        (_run_script(bench, empty), _run_script(bench, few), _run_script(bench, many))
        for _ in range(2 if bench.quick else 4)
    ][1:]
    small = median(b.cpu - a.cpu for a, b, _ in runs) / FEW
    large = median(c.cpu - a.cpu for a, _, c in runs) / MANY
    metric = f"a statement of {MANY} : of {FEW}, CPU"
    yield Result(
        "14",
        metric,
        format_ms(large),
        format_ms(small),
        median((c.cpu - a.cpu) / (b.cpu - a.cpu) / MANY * FEW for a, b, c in runs),
        1.15,
    )
    alone = median(cpu_seconds(lambda: request_in_loop(bench, FEW)) for _ in range(3)) / FEW
    metric = "a statement with its request : a bare requests loop, CPU"
    yield Result("14", metric, format_ms(large), format_ms(alone), large / alone, 4.0)
    peaks = median(c.peak for _, _, c in runs), median(b.peak for _, b, _ in runs)
    yield Result(
        "14",
        f"peak memory of {MANY} - of {FEW}, MiB",
        f"{peaks[0]:.1f} MiB",
        f"{peaks[1]:.1f} MiB",
        peaks[0] - peaks[1],
        5.0,
    )


def _write_script(bench: Bench, count: int) -> Path:
    path = bench.home / f"{count}.sql"
    line = "SELECT token_id, comment FROM user_tokens WHERE deployment_name = 'r3-{}' AND expiry_time <> 0;\n"
    path.write_text(
        "".join(line.format(number) for number in range(count))
        or "SELECT token_id FROM user_tokens WHERE deployment_name = 'r3';\n",
        encoding="utf-8",
    )
    return path


def _run_script(bench: Bench, script: Path) -> Usage:
    return bench.run(bench.tokensh("-o", "csv", "-f", str(script)))
