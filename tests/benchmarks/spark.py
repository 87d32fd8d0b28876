"""Compare the thread pool with Spark on one machine: `python -m tests.benchmarks.spark`; needs tokensh[spark] and Java.

The same tokens of the same workspaces, from a sandbox that answers each request after some time. Spark's partitions have 1, 20
or 100 workspaces; its session and its workers are warm. Times are in seconds, the best and the worst of some runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.spark.sessions import opened, workspaces
from tokensh import connect

VARIABLE = "TOKENSH_BENCHMARK_PAT"
TOKENS = 10


def timed(count: int, work: Callable[[], int], wanted: int) -> str:
    """Return the best and the worst time of `count` runs, each of which must return `wanted` rows."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - begun)
        assert found == wanted, (found, wanted)
    return f"{min(times):6.2f} .. {max(times):6.2f}"


def compare(endpoint: str, names: list[str], runs: int, folder: Path) -> None:
    """Print a line for each way of reading."""
    wanted = len(names) * TOKENS
    listed = ", ".join(f"'{name}'" for name in names)

    def pool() -> int:
        with connect(endpoint=endpoint, token=os.environ[VARIABLE]) as connection:
            return len(list(connection.run(f"SELECT * FROM user_tokens WHERE deployment_name IN ({listed})").rows))

    print(f"thread pool, 16 at once        {timed(runs, pool, wanted)}", flush=True)
    with opened("local[2]", folder) as spark:
        options = {"endpoint": endpoint, "token_env": VARIABLE, "deployment_name": ",".join(names)}
        for size in (20, 1, 20, 100):
            reader = spark.read.format("tokensh").options(**options, workspaces_per_partition=str(size))
            figures = timed(runs, lambda reader=reader: reader.load().count(), wanted)  # type: ignore[misc]
            print(f"Spark, {size:3} to a partition      {figures}", flush=True)


def main() -> None:
    """Start a sandbox in another process, and compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.spark", description=__doc__)
    parser.add_argument("--workspaces", type=int, default=400)
    parser.add_argument("--latency", type=float, default=0.3, help="seconds before each answer (default: 0.3)")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    command = [sys.executable, "-m", "tokensh.sandbox", "--any-workspace", f"--tokens={TOKENS}"]
    server = subprocess.Popen([*command, f"--latency={given.latency}"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        endpoint, token = (server.stdout.readline().split()[1] for _ in range(2))
        os.environ |= {VARIABLE: token, "PYSPARK_PYTHON": sys.executable}
        with TemporaryDirectory() as folder:
            compare(endpoint, workspaces(given.workspaces), given.runs, Path(folder))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
