"""Imports and marks for the tests of Spark, which are skipped where PySpark or Java is missing."""

from __future__ import annotations

import os
import shutil

import pytest

datasource = pytest.importorskip("pyspark.sql.datasource", reason="tokensh[spark] is not installed")
sql = pytest.importorskip("pyspark.sql")
types = pytest.importorskip("pyspark.sql.types")

starts_spark = [
    pytest.mark.spark,
    pytest.mark.skipif(
        shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="there is no Java, which Spark runs in"
    ),
    # PySpark and its dependencies warn of each other.
    pytest.mark.filterwarnings("default"),
]
"""The marks of a module that starts Spark."""
