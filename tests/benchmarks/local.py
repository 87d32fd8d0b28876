"""Rows 19 to 21: statements that send nothing, against sqlite3 and against themselves with a tenth of the parts."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median

from tests.benchmarks.measure import Bench, Result, compare_calls, cpu_seconds, format_ms
from tests.environments import make_environment
from tokensh.dbapi.connection import Connection
from tokensh.dbapi.options import ConnectionOptions

DDL = "CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT, n DOUBLE)"
CHANGES = (
    ("INSERT", "INSERT INTO t VALUES (?, ?, ?)", lambda k: (k, f"name {k}", k * 1.5)),
    ("UPDATE", "UPDATE t SET v = ?, n = n + ? WHERE k = ?", lambda k: (f"other {k}", 1, k)),
    ("DELETE", "DELETE FROM t WHERE k = ?", lambda k: (k,)),
)
CTES = 12
_MANY = (
    "INSERT INTO many WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 10000) SELECT k FROM n"
)
LISTS: tuple[tuple[str, Callable[[int], str]], ...] = (
    (
        "a column of a select list of 1000",
        lambda count: "SELECT " + ", ".join(f"k AS c{i}" for i in range(count)) + " FROM one",
    ),
    ("an arm of UNION ALL of 1000", lambda count: " UNION ALL ".join(["SELECT 1"] * count)),
    ("a row of VALUES of 1000", lambda count: "VALUES " + ", ".join(["(1, 'x')"] * count)),
    ("an operand of OR of 1000", lambda count: "SELECT 1 FROM one WHERE " + " OR ".join(["k = 2"] * count)),
    ("an operand of || of 1000", lambda count: "SELECT " + " || ".join(["'x'"] * count)),
    ("an operand of + of 1000", lambda count: "SELECT " + " + ".join(["1"] * count)),
)


def measure(bench: Bench) -> Iterator[Result]:
    """Compare many sets of values, a chain of CTEs, and long lists."""
    with Connection(ConnectionOptions(environment=make_environment(bench.home))) as ours:
        plain = sqlite3.connect(bench.home / "plain.db")
        # As our store has it.
        plain.execute("PRAGMA journal_mode = WAL")
        for statement in (DDL, "CREATE TABLE one (k INTEGER)", "INSERT INTO one VALUES (1)"):
            plain.execute(statement)
            ours.cursor().execute(statement)
        plain.commit()
        for count in (10_000,) if bench.quick else (10_000, 100_000):
            yield from _compare_sets(ours, plain, count)
        yield _compare_ctes(ours, plain)
        plain.close()
        yield from _compare_lists(ours)


def _compare_sets(ours: Connection, plain: sqlite3.Connection, count: int) -> Iterator[Result]:
    turns: dict[str, list[tuple[float, float]]] = {verb: [] for verb, _, _ in CHANGES}
    # An INSERT, an UPDATE and a DELETE of all rows leave the table as it was, so that each turn does the same.
    for _ in range(6):
        for verb, sql, make_values in CHANGES:
            sets = [make_values(number) for number in range(count)]
            mine = cpu_seconds(partial(ours.cursor().executemany, sql, sets))
            turns[verb].append((mine, cpu_seconds(partial(_change_all, plain, sql, sets))))
    for verb, (_, *pairs) in turns.items():
        mine, other = median(a for a, _ in pairs), median(b for _, b in pairs)
        metric = f"executemany of {count} rows, {verb} : sqlite3, CPU"
        yield Result("19", metric, format_ms(mine), format_ms(other), median(a / b for a, b in pairs), 3.0)


def _change_all(plain: sqlite3.Connection, sql: str, sets: Sequence[tuple[object, ...]]) -> None:
    plain.executemany(sql, sets)
    plain.commit()


def _compare_ctes(ours: Connection, plain: sqlite3.Connection) -> Result:
    """Compare a chain of CTEs over 10,000 rows, each of which reads the one before twice."""
    for statement in ("CREATE TABLE many (k INTEGER)", _MANY):
        plain.execute(statement)
        ours.cursor().execute(statement)
    plain.commit()
    chain = ", ".join(
        f"c{number} AS (SELECT a.k FROM c{number - 1} AS a JOIN c{number - 1} AS b ON a.k = b.k)"
        for number in range(1, CTES + 1)
    )
    sql = f"WITH c0 AS (SELECT k FROM many), {chain} SELECT count(*) FROM c{CTES}"
    mine, other, ratio = compare_calls(lambda: list(ours.run(sql).rows), lambda: plain.execute(sql).fetchall(), 5)
    metric = f"a chain of {CTES} CTEs each used twice, 10000 rows : sqlite3, CPU"
    return Result("20", metric, format_ms(mine), format_ms(other), ratio, 3.0)


def _compare_lists(connection: Connection) -> Iterator[Result]:
    def run(sql: str) -> Callable[[], object]:
        return lambda: deque(connection.run(sql).rows, maxlen=0)

    for name, write in LISTS:
        # Ten of the small ones, so that both take as long.
        small = [run(write(100))] * 10
        large, each, ratio = compare_calls(run(write(1000)), lambda: [call() for call in small], 5)  # noqa: B023 (called here)
        yield Result("21", f"{name} : of 100, CPU", format_ms(large), format_ms(each), ratio, 1.3)
