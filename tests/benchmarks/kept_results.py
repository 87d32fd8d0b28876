"""Row 18: the memory of earlier results, `_1`, `_2` ..., in a long session; `python -m tests.benchmarks.kept_results COUNT` is one."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import Bench, Result

ROWS = 10_000


def compare_sessions(bench: Bench) -> Result:
    """Compare what a session of many results takes more than a session of one with the budget."""
    from tokensh.engine.objects import RESULT_BUDGET  # noqa: PLC0415 (the child loads it through the connection)

    many = 20 if bench.quick else 60
    least, most = (
        bench.run(bench.python("-m", "tests.benchmarks.kept_results", str(count))).peak for count in (1, many)
    )
    budget = RESULT_BUDGET / 2**20
    metric = f"memory of {many} results of {ROWS} rows : the budget"
    return Result("18", metric, f"{most - least:.1f} MiB", f"{budget:.0f} MiB", (most - least) / budget, 1.0)


def keep_results(count: int) -> None:
    """Keep results as the shell does after each statement."""
    from tests.benchmarks.rows import COLUMNS, make_rows  # noqa: PLC0415 (the child alone needs them)
    from tests.environments import make_environment  # noqa: PLC0415
    from tokensh.dbapi.connection import Connection  # noqa: PLC0415
    from tokensh.dbapi.options import ConnectionOptions  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory() as home,
        Connection(ConnectionOptions(environment=make_environment(Path(home)))) as connection,
    ):
        for _ in range(count):
            connection.objects.keep_result(COLUMNS, make_rows(ROWS))
            connection.objects.drop_old_results()


if __name__ == "__main__":
    keep_results(int(sys.argv[1]))
