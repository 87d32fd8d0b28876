"""Rows 1 to 3: the cost of a run before it does anything."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.measure import MINIMAL, TOKEN, Bench, Result

SELECT = "SELECT token_id, comment FROM user_tokens WHERE deployment_name = 'r3'"
OFFLINE = (
    ("SHOW METHODS", "SHOW METHODS IN user_tokens", 0),
    ("DESCRIBE", "DESCRIBE user_tokens", 0),
    ("a syntax error", "SELECT token_id FORM user_tokens WHERE deployment_name = 'r3'", 1),
)
LOCAL = (("SELECT 1", "SELECT 1"), ("a row of a local table", "SELECT v FROM kept WHERE k = 2"))
SQLITE = "import sqlite3, sys; print(sqlite3.connect(':memory:').execute('SELECT 1').fetchall())"
PEAK = 40.0
"""MiB."""


def measure(bench: Bench) -> Iterator[Result]:
    """Measure --version, --help, statements that send nothing, and the smallest that sends a request."""
    for option in ("--version", "--help"):
        pair = bench.compare_commands([*bench.command, option], bench.python("-c", "pass"), 15)
        yield pair.result("1", f"{option} : python -c pass, CPU", 2.0)
    minimal = bench.python(MINIMAL, bench.url("r3"), TOKEN)
    for name, statement, status in OFFLINE:
        pair = bench.compare_commands(bench.tokensh("-c", statement), minimal, status=status)
        yield pair.result("3", f"{name} : minimal requests script, CPU", 0.6)
    bench.run(bench.tokensh("-c", "CREATE TABLE kept (k INTEGER, v TEXT); INSERT INTO kept VALUES (2, 'x')"))
    for name, statement in LOCAL:
        pair = bench.compare_commands(bench.tokensh("-c", statement), bench.python("-c", SQLITE), 15)
        yield pair.result("3", f"{name} : sqlite3 of Python, CPU", 5.0)
    pair = bench.compare_commands(bench.tokensh("-o", "csv", "-c", SELECT), minimal, 15)
    yield pair.result("2", "SELECT of 3 rows : minimal requests script, CPU", 1.5, 1.2)
    peak = pair.ours.peak
    yield Result("2", "its peak memory : 40 MiB", f"{peak:.1f} MiB", f"{PEAK:.0f} MiB", peak / PEAK, 1.0)
