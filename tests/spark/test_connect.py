"""Spark Connect works: the client has the class, the server plans and reads. It needs a JVM, and so a process, of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.spark.needs import starts_spark
from tests.spark.sessions import SMALL, workspaces
from tokensh.sandbox import Sandbox

pytest.importorskip("grpc", reason="pyspark[connect] is not installed")
pytestmark = starts_spark

CLIENT = """
import json, sys
from pyspark.sql import SparkSession
from tokensh.spark import TokenDataSource, tables

config, options, names, failing = json.loads(sys.argv[1])
builder = SparkSession.builder.remote("local[2]")
for name, value in config.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
spark.dataSource.register(TokenDataSource)
read = lambda **more: spark.read.format("tokensh").options(**options, **more).load()
found = {"kind": type(spark).__module__}
found["counts"] = [tuple(row) for row in read(deployment_name=",".join(names)).groupBy("deployment_name").count().collect()]
rows, errors = tables(read(deployment_name=failing, errors="rows"))
found["errors"] = [row["deployment_name"] for row in errors.collect()]
try:
    read(deployment_name=failing).collect()
except Exception as error:
    found["message"] = str(error)
print("found", json.dumps(found))
spark.stop()
"""


def test_a_client_registers_and_reads(options: dict[str, str], site: Sandbox) -> None:
    site.fault("GET */w/failing/*", status=403, times=None)
    given = json.dumps([SMALL, options, workspaces(40), "failing"])
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, given], capture_output=True, text=True, check=False, timeout=240
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("found ")] or [done.stderr]
    found = json.loads(line.removeprefix("found "))
    assert found["kind"].startswith("pyspark.sql.connect")
    assert dict(found["counts"]) == dict.fromkeys(workspaces(40), 3)
    assert found["errors"] == ["failing"]
    assert "403 PERMISSION_DENIED" in found["message"]
    asked = Counter(entry.workspace for entry in site.log)
    assert asked == {**dict.fromkeys(workspaces(40), 1), "failing": 2}
    assert site.token not in done.stdout + done.stderr
