"""On a cluster (`local-cluster`), a lost worker repeats only its own reads, and no log holds a secret."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.spark.needs import sql, starts_spark
from tests.spark.sessions import opened, workspaces
from tokensh.sandbox import Sandbox

pytestmark = [*starts_spark, pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="there is no /proc/net/tcp")]

LIMIT = 120.0
"""Seconds after which something is not late but wrong."""


def read(spark: Any, options: dict[str, str], **more: str) -> Any:
    return spark.read.format("tokensh").options(**options, **more).load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cluster")
    (made / "events").mkdir()
    return made


@pytest.fixture(scope="module")
def events(folder: Path) -> Path:
    return folder / "events"


@pytest.fixture(scope="module")
def spark(home: Path, folder: Path, events: Path) -> Iterator[Any]:
    more = {
        "spark.executor.memory": "700m",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events.as_uri(),
        "spark.eventLog.compress": "false",
    }
    with opened("local-cluster[2,1,700]", folder, **more) as session:
        yield session


def process_of(port: int) -> int:
    """Return the process that owns the connection from a local port."""
    inode = next(
        fields[9]
        for fields in (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        if int(fields[1].rpartition(":")[2], 16) == port
    )
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == f"socket:[{inode}]":
                return int(link.parts[2])
        except OSError:
            continue
    raise LookupError(port)


def test_executors_read_each_workspace_once(spark: Any, options: dict[str, str], site: Sandbox) -> None:
    frame = read(spark, options, deployment_name=",".join(workspaces(40)), workspaces_per_partition="10")
    assert frame.groupBy("deployment_name").count().where("count = 3").count() == 40
    assert Counter(entry.workspace for entry in site.log) == dict.fromkeys(workspaces(40), 1)


def test_a_worker_lost_mid_read_costs_a_repeated_get_and_nothing_else(
    spark: Any, options: dict[str, str], site: Sandbox
) -> None:
    site.fault("GET */w/ws-7/*", delay=LIMIT)
    found: list[Any] = []
    frame = read(spark, options, deployment_name=",".join(workspaces(8)), workspaces_per_partition="4")
    reading = threading.Thread(target=lambda: found.extend(frame.collect()))
    reading.start()
    until = time.monotonic() + LIMIT
    while not (waiting := [entry for entry in site.log if entry.workspace == "ws-7"]) and time.monotonic() < until:
        time.sleep(0.05)
    worker = process_of(waiting[0].peer)
    assert worker != os.getpid()
    os.kill(worker, signal.SIGKILL)
    reading.join(LIMIT)
    assert Counter(row["deployment_name"] for row in found) == dict.fromkeys(workspaces(8), 3)
    times = Counter(entry.workspace for entry in site.log)
    assert times["ws-7"] == 2
    assert all(times[name] == 1 for name in workspaces(4))
    assert all(times[name] <= 2 for name in workspaces(8))
    assert {entry.method for entry in site.log} == {"GET"}


def test_the_secret_is_in_no_event_log_and_no_executors_log(
    spark: Any, options: dict[str, str], site: Sandbox, events: Path
) -> None:
    application = Path(str(sql.__file__)).parents[1] / "work" / spark.sparkContext.applicationId
    given = ", ".join(f"{name} '{value}'" for name, value in {**options, "deployment_name": "a"}.items())
    spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW logged USING tokensh OPTIONS ({given})")
    assert spark.sql("SELECT * FROM logged").count() == 3
    site.fault("GET *", status=401, times=None, body={"error_code": "X", "message": f"no: {site.token}"})
    with pytest.raises(Exception, match=r"\[hidden\]"):
        spark.sql("SELECT * FROM logged").collect()
    spark.stop()  # which ends the log
    (log,) = [file for file in events.rglob("*") if file.is_file() and file.stat().st_size > 10_000]
    text = log.read_text()
    assert "SELECT * FROM logged" in text or "BatchScan tokensh" in text
    assert "[hidden]" in text
    assert site.token not in text
    written = [file.read_text() for file in application.glob("*/stderr")]
    shutil.rmtree(application)
    assert any("PythonException" in text for text in written)
    assert site.token not in "".join(written)
