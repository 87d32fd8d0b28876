"""Rows 7 to 9 and 22: many workspaces, and many revokes, at once."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import requests
from requests.adapters import HTTPAdapter

import tokensh
from tests.benchmarks.measure import TOKEN, Bench, Result, compare_calls, cpu_seconds, format_ms, wall_seconds
from tokensh.cli.main import tune
from tokensh.dbapi.connection import Connection
from tokensh.environment import Environment

LATENCY = 50
"""The time that the server takes for each reply, in ms."""
POOL = 32


def measure(bench: Bench) -> Iterator[Result]:
    """Measure how close a fan-out comes to the latency alone, its connections, and the cost of a workspace."""
    tune()
    for count in (100,) if bench.quick else (100, 500):
        yield from _compare_with_latency(bench, count, "r3", POOL, 1.15)
    yield from _compare_with_latency(bench, 32, "r1000", 4, 1.25)
    yield from _count_connections(bench)
    yield _cost_per_workspace(bench)
    yield _compare_revokes(bench, 200 if bench.quick else 1000)
    if not bench.quick:
        yield from _compare_with_latency(bench, 2000, "r50", 64, 1.15)
        yield _memory_per_workspace(bench, 200, 2000)


def connect(bench: Bench, delay: int = 0, pool: int = POOL, *, writes: int = 1, **variables: str) -> Connection:
    """Return a new connection to the server."""
    streams = (io.StringIO(), io.StringIO(), io.StringIO())
    environment = Environment(*streams, variables={**bench.environment, **variables})
    mapped = "TOKENSH_CONFIG" in variables
    return tokensh.connect(
        environment=environment,
        endpoint=None if mapped else bench.endpoint(delay),
        max_connections=pool,
        write_connections=writes,
        yes=True,
    )


def select_from(names: Iterator[str]) -> str:
    """Return a query of several workspaces."""
    return f"SELECT * FROM user_tokens WHERE deployment_name IN ({', '.join(map(repr, names))})"


def _read_all(connection: Connection, sql: str) -> None:
    for _ in connection.run(sql).rows:
        pass


def _compare_with_latency(bench: Bench, count: int, name: str, pool: int, goal: float) -> Iterator[Result]:
    """Compare a query with the latency alone, and with a pool of threads that fetch the same and ignore it."""
    floor = LATENCY / 1000 * math.ceil(count / pool)
    names = [f"{name}-{number}" for number in range(count)]
    sql = select_from(iter(names))
    with (
        connect(bench, LATENCY, pool) as connection,
        requests.Session() as session,
        ThreadPoolExecutor(pool) as threads,
    ):
        session.mount("http://", HTTPAdapter(pool_maxsize=pool))

        def ask(workspace: str) -> object:
            reply = session.get(bench.url(workspace, LATENCY), headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
            return reply.json()

        _read_all(connection, select_from(iter([name])))
        took, bare, ratio = compare_calls(
            lambda: _read_all(connection, sql), lambda: list(threads.map(ask, names)), 3, wall_seconds
        )
    metric = f"{count} workspaces of {name[1:]} rows, pool {pool} :"
    yield Result("7", f"{metric} latency alone", format_ms(took), format_ms(floor), took / floor, goal)
    yield Result("7", f"{metric} bare threads, wall", format_ms(took), format_ms(bare), ratio, goal)


def _count_connections(bench: Bench) -> Iterator[Result]:
    bench.counters()
    with connect(bench) as connection:
        _read_all(connection, select_from(f"r3-{number}" for number in range(100)))
    opened = bench.counters()["connections"]
    yield Result("8", f"connections to one host, pool {POOL}", str(opened), str(POOL), opened / POOL, 1.0)
    metric = f"new connections when {bench.hosts} hosts are asked again"
    if not bench.hosts:
        yield Result("8", metric, skipped="the loopback network has only one address here")
        return
    config = bench.home / "config.toml"
    addresses = [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(bench.hosts)]
    lines = (f'"r3-{number}" = "http://{address}:{bench.port}/0/r3"' for number, address in enumerate(addresses))
    config.write_text("[hosts]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    sql = select_from(f"r3-{number}" for number in range(bench.hosts))
    with connect(bench, TOKENSH_CONFIG=str(config)) as connection:
        _read_all(connection, sql)
        first = bench.counters()["connections"]
        _read_all(connection, sql)
        again = bench.counters()["connections"]
    yield Result("8", metric, str(again), str(first), again, 0)


def request_in_loop(bench: Bench, count: int) -> None:
    """Ask workspaces one after the other with requests alone."""
    with requests.Session() as session:
        for number in range(count):
            reply = session.get(bench.url(f"r3-{number}"), headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
            assert reply.json()["token_infos"]


def _cost_per_workspace(bench: Bench) -> Result:
    count = 200

    def loop() -> None:
        request_in_loop(bench, count)

    with connect(bench) as connection:
        few = select_from(f"r3-{number}" for number in range(10))
        many = select_from(f"r3-{number}" for number in range(count + 10))
        pairs = [
            (
                cpu_seconds(lambda: _read_all(connection, many)) - cpu_seconds(lambda: _read_all(connection, few)),
                cpu_seconds(loop),
            )
            for _ in range(6)
        ]
    ours, other = median(a for a, _ in pairs[1:]) / count, median(b for _, b in pairs[1:]) / count
    metric = "one more workspace : a bare requests loop, CPU"
    return Result("9", metric, format_ms(ours), format_ms(other), median(a / b for a, b in pairs[1:]), 1.5)


def _compare_revokes(bench: Bench, count: int) -> Result:
    """Compare a DELETE of many tokens, with as many at a time as connections, with the latency alone."""
    most = 16
    name = f"r{count}"
    with connect(bench, LATENCY, most, writes=most) as connection:
        _read_all(connection, select_from(iter([name])))
        took = wall_seconds(lambda: _read_all(connection, f"DELETE FROM user_tokens WHERE deployment_name = '{name}'"))
    # The list that is read first, and then the revokes.
    floor = LATENCY / 1000 * (1 + math.ceil(count / most))
    metric = f"DELETE of {count} tokens, {most} at a time : latency alone"
    return Result("22", metric, format_ms(took), format_ms(floor), took / floor, 1.5)


def _memory_per_workspace(bench: Bench, few: int, many: int) -> Result:
    peaks = []
    for count in (few, many):
        script = bench.home / "many.sql"
        script.write_text(select_from(f"r50-{number}" for number in range(count)), encoding="utf-8")
        peaks.append(bench.run(bench.tokensh("--max-connections", "64", "-o", "csv", "-f", str(script))).peak)
    each = (peaks[1] - peaks[0]) * 1024 / (many - few)
    return Result("7", "memory of one more workspace of 50 rows : 20 KiB", f"{each:.1f} KiB", "20 KiB", each / 20, 1.0)
