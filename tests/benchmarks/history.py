"""Compare loading a history of 100,000 statements with prompt_toolkit's own file of the same statements."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from prompt_toolkit.history import FileHistory
from prompt_toolkit.history import History as PromptHistory

from tokensh.engine.history import History
from tokensh.shell.history import StoredHistory


def make_statements(count: int) -> list[str]:
    return [
        f"SELECT token_id, comment FROM user_tokens\nWHERE deployment_name = 'dbc-{i % 97}'\nAND comment LIKE 'job {i}%'"
        for i in range(count)
    ]


def write_histories(folder: Path, count: int) -> tuple[Path, Path]:
    """Write the same statements to our file and to prompt_toolkit's."""
    ours, theirs = folder / "history.db", folder / "history.txt"
    store = History(ours, str)
    store.add("SELECT 1", 1.7e9, None)
    store.close()
    with closing(sqlite3.connect(ours)) as database, database:
        database.executemany(
            "INSERT INTO statements(statement, started, duration, rows, outcome) VALUES (?, 1.7e9, 0.1, 1, 'ok')",
            ((text,) for text in make_statements(count)),
        )
    with theirs.open("w") as file:
        for text in make_statements(count):
            file.write("\n# 2026-11-25 10:00:00\n" + "".join(f"+{line}\n" for line in text.split("\n")))
    return ours, theirs


async def _time_load(make_history: Callable[[], PromptHistory]) -> tuple[float, float]:
    """Return the seconds to the first entry, and the longest time without a look at the keyboard until all is loaded."""
    longest = 0.0
    done = False

    async def ticks() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not done:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    ticker = asyncio.create_task(ticks())
    await asyncio.sleep(0)
    started = time.perf_counter()
    first = 0.0
    async for _ in make_history().load():
        first = first or time.perf_counter() - started
    await asyncio.sleep(0)
    done = True
    await ticker
    return first, longest


def compare_loads(folder: Path, count: int, runs: int = 9) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the medians of (first entry, longest gap) in s, ours and FileHistory's, measured in turns."""
    ours, theirs = write_histories(folder, count)
    own: list[tuple[float, float]] = []
    others: list[tuple[float, float]] = []
    for _ in range(runs):
        store = History(ours, str)
        own.append(asyncio.run(_time_load(lambda store=store: StoredHistory(store, str))))  # type: ignore[misc]
        store.close()
        others.append(asyncio.run(_time_load(lambda: FileHistory(theirs))))
    return _median_pair(own), _median_pair(others)


def _median_pair(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    return median(a for a, _ in pairs), median(b for _, b in pairs)
