"""The Spark data source `tokensh`: token inventories beside lakehouse tables, in notebooks and in jobs (extra `tokensh[spark]`).

    spark.dataSource.register(tokensh.spark.TokenDataSource)
    spark.read.format("tokensh").option("deployment_name", "dbc-abcd0123-a1bc,dbc-bcde1234-b2cd").load()

The driver plans one plain SELECT over one resource and works its parameters' values out; the executors fetch a few workspaces
each, with the shell's own fetcher. Everything beyond those rows is Spark SQL's work. It only reads; and no secret is ever an
option, a plan or an error: executors look credentials up where they run.
"""

from __future__ import annotations

try:
    from tokensh.spark.partitions import ERROR
    from tokensh.spark.source import Tables, TokenDataSource, tables
except ImportError as missing:
    if (missing.name or "").partition(".")[0] != "pyspark":
        raise
    raise ImportError("tokensh.spark needs PySpark 4: pip install 'tokensh[spark]'") from missing

__all__ = ["ERROR", "Tables", "TokenDataSource", "tables"]
