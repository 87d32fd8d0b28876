"""Start Spark sessions that are small enough for a shared machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.spark.needs import sql
from tokensh.spark import TokenDataSource

JAVA = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""A short run has nothing of a compiler that takes its time."""
SMALL = {
    "spark.driver.extraJavaOptions": JAVA,
    "spark.executor.extraJavaOptions": JAVA,
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


def workspaces(count: int) -> list[str]:
    return [f"ws-{number}" for number in range(count)]


@contextmanager
def opened(master: str, folder: Path, **more: str) -> Iterator[Any]:
    """Open a session that writes into a folder and ends with the block."""
    builder = sql.SparkSession.builder.master(master).appName("tokensh tests")
    given = {**SMALL, "spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder / "warehouse"), **more}
    for name, value in given.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.dataSource.register(TokenDataSource)
    try:
        yield session
    finally:
        session.stop()
