"""An audit of many workspaces, a tenth of which fail: `python -m tests.benchmarks.audit_fleet [WORKSPACES...]`, by default 200 2000.

Prints for each number what the report has, how many requests it took, and the most memory that the process had.
"""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tokensh import sandbox
from tokensh.sandbox.seed import ADMIN
from tokensh.sandbox.state import CreateRequest

_TOKENS = 5
"""Tokens of each workspace that expire soon."""


def audit_fleet(count: int) -> tuple[str, bool]:
    """Return a line about an audit of so many workspaces, and whether its report is right."""
    with sandbox.start(any_workspace=True) as site, tempfile.TemporaryDirectory() as home:
        names = [f"fleet-{number:05}" for number in range(count)]
        failing = set(names[5::10])
        for name in names:
            for _ in range(_TOKENS):
                site.state.workspace(name).create_token(ADMIN, ADMIN, CreateRequest("soon", 86_400))
        site.fault("*/w/fleet-????5/*", status=403, times=None)
        folder = Path(home) / ".config" / "tokensh"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(
            "[hosts]\n" + "".join(f'{name} = "{site.origin}/w/{name}"\n' for name in names)
        )
        report = Path(home) / "report.csv"
        words = ["run", "audit", "-o", "csv", "-O", str(report), "-w", names[0]]
        done = subprocess.run(
            [sys.executable, "-m", "tokensh", *words],
            env={"HOME": home, "DATABRICKS_TOKEN": site.token, "PATH": "/usr/bin:/bin"},
            check=False,
        )
        with report.open(newline="") as file:
            rows = list(csv.DictReader(file))
        silent = {row["deployment_name"] for row in rows if row["finding"] == "no answer"}
        found = Counter(row["deployment_name"] for row in rows if row["finding"] == "expires soon")
        requests = Counter(entry.workspace for entry in site.log)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    right = (
        done.returncode == 1
        and silent == failing
        and found == dict.fromkeys(set(names) - failing, _TOKENS)
        and requests == Counter(names)
    )
    return (
        f"{count} workspaces: exit status {done.returncode}, {len(rows)} rows, {len(silent)} do not answer, "
        f"{sum(requests.values())} requests, at most {max(requests.values())} to one workspace, {memory:.0f} MB",
        right,
    )


def main(counts: list[int]) -> int:
    """Print a line for each number of workspaces, the smallest first, as memory is that of the largest process so far."""
    results = [audit_fleet(count) for count in sorted(counts)]
    for line, right in results:
        print(line, "" if right else "WRONG")
    return 0 if all(right for _, right in results) else 1


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]] or [200, 2000]))
