"""Spark on one machine (`local[2]`) reads, filters, joins and saves tokens, and never writes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.spark.conftest import TOKEN_ENV
from tests.spark.needs import starts_spark
from tests.spark.sessions import opened, workspaces
from tokensh.sandbox import Sandbox
from tokensh.spark import tables

pytestmark = starts_spark

NOTEBOOK = re.compile(r"^```python notebook\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AUDIT_ROWS = 1_000_000
WORKSPACES = 400


@pytest.fixture(scope="module")
def spark(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with opened("local[2]", tmp_path_factory.mktemp("local")) as session:
        yield session


@pytest.fixture
def read(spark: Any, options: dict[str, str]) -> Any:
    """Read the sandbox with some more options."""
    return lambda **more: spark.read.format("tokensh").options(**options, **more).load()


def asked(site: Sandbox) -> Counter[str]:
    """How many requests each workspace got."""
    return Counter(entry.workspace for entry in site.log)


def refusal(frame: Any) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 (whatever PySpark makes of it)
        frame()
    return str(caught.value)


def test_four_hundred_workspaces_join_a_million_audit_rows_with_each_request_made_once(
    spark: Any, read: Any, site: Sandbox, tmp_path: Path
) -> None:
    audit = spark.range(AUDIT_ROWS).selectExpr(
        f"concat('ws-', id % {WORKSPACES}) AS deployment_name",
        f"concat('extra ', (id DIV {WORKSPACES}) % 4) AS comment",
    )
    audit.write.parquet(str(tmp_path / "audit"))
    tokens = read(deployment_name=",".join(workspaces(WORKSPACES)))
    joined = tokens.join(spark.read.parquet(str(tmp_path / "audit")), ["deployment_name", "comment"])
    found = joined.groupBy("deployment_name", "token_id").count().collect()
    # A workspace has 3 tokens, and its 2,500 audit rows speak of 4 comments in turn.
    assert Counter(row["deployment_name"] for row in found) == dict.fromkeys(workspaces(WORKSPACES), 3)
    assert {row["count"] for row in found} == {AUDIT_ROWS // WORKSPACES // 4}
    assert asked(site) == dict.fromkeys(workspaces(WORKSPACES), 1)
    assert {(entry.method, entry.status) for entry in site.log} == {("GET", 200)}


def test_a_temporary_view_is_spark_sqls(spark: Any, options: dict[str, str], site: Sandbox) -> None:
    given = ", ".join(f"{name} '{value}'" for name, value in {**options, "deployment_name": "a,b"}.items())
    spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW tokens USING tokensh OPTIONS ({given})")
    found = spark.sql("SELECT deployment_name, max(comment) AS last FROM tokens GROUP BY ALL ORDER BY 1").collect()
    assert [tuple(row) for row in found] == [("a", "extra 2"), ("b", "extra 2")]
    assert asked(site) == {"a": 1, "b": 1}


def test_a_query_is_planned_by_us_and_its_rows_are_the_frame(read: Any, site: Sandbox) -> None:
    frame = read(query="SELECT upper(comment) AS c, expiry_time FROM user_tokens WHERE deployment_name IN ('a', 'b')")
    assert frame.dtypes == [("c", "string"), ("expiry_time", "bigint")]
    assert frame.where("c LIKE '%2'").count() == 2
    assert asked(site) == {"a": 1, "b": 1}


def test_a_partition_has_as_many_workspaces_as_the_option_says(read: Any) -> None:
    names = ",".join(workspaces(12))
    assert read(deployment_name=names).rdd.getNumPartitions() == 1
    assert read(deployment_name=names, workspaces_per_partition="5").rdd.getNumPartitions() == 3


def test_filters_choose_the_workspaces_where_spark_pushes_them_down(spark: Any, read: Any, site: Sandbox) -> None:
    frame = read(deployment_name="a,b,c,d")
    assert frame.where("deployment_name = 'b'").count() == 3
    assert asked(site) == dict.fromkeys("abcd", 1)
    site.clear_log()
    spark.conf.set("spark.sql.python.filterPushdown.enabled", "true")
    try:
        pushed = read(pushdown="true").where("deployment_name IN ('a', 'b') AND comment LIKE '%1'")
        assert pushed.count() == 2
        assert asked(site) == {"a": 1, "b": 1}
        assert read(pushdown="true", deployment_name="a").where("deployment_name = 'z'").count() == 0
        assert "no value for deployment_name" in refusal(read(pushdown="true").count)
    finally:
        spark.conf.set("spark.sql.python.filterPushdown.enabled", "false")
    assert "spark.sql.python.filterPushdown.enabled" in refusal(read(pushdown="true", deployment_name="a").count)


def test_failures_are_an_error_or_a_table(read: Any, site: Sandbox) -> None:
    site.fault("GET */w/b/*", status=403, times=None)
    message = refusal(read(deployment_name="a,b").collect)
    assert "b: " in message
    assert "403 PERMISSION_DENIED" in message
    site.clear_log()
    kept = read(deployment_name="a,b,c", errors="rows").cache()
    rows, errors = tables(kept)
    assert Counter(row["deployment_name"] for row in rows.collect()) == {"a": 3, "c": 3}
    assert [(row["deployment_name"], row["status"], row["code"]) for row in errors.collect()] == [
        ("b", 403, "PERMISSION_DENIED")
    ]
    kept.unpersist()
    assert asked(site) == {"a": 1, "b": 1, "c": 1}


def test_writing_is_refused_with_the_reason(spark: Any, options: dict[str, str], site: Sandbox) -> None:
    frame = spark.createDataFrame([("a", "minted by Spark")], "deployment_name STRING, comment STRING")
    message = refusal(frame.write.format("tokensh").options(**options).mode("append").save)
    assert "Spark only reads tokens" in message
    query = "INSERT INTO user_tokens(deployment_name, comment) SELECT 'a', 'minted by Spark'"
    message = refusal(spark.read.format("tokensh").options(**options, query=query).load)
    assert "Spark only reads tokens" in message
    assert asked(site) == {}


def test_the_secret_is_in_no_plan_and_no_error(spark: Any, read: Any, site: Sandbox) -> None:
    frame = read(deployment_name="a", query="SELECT comment FROM user_tokens")
    frame.createOrReplaceTempView("tokens")
    plans = [row[0] for row in spark.sql("EXPLAIN EXTENDED SELECT * FROM tokens").collect()]
    assert "tokensh" in plans[0]
    site.fault("GET *", status=401, times=None, body={"error_code": "X", "message": f"no: {site.token}"})
    errors = [refusal(frame.collect), refusal(lambda: read(deployment_name="a", pat=site.token))]
    errors.append(refusal(lambda: read(deployment_name=site.token)))
    assert "[hidden]" in errors[0]
    assert "holds a secret, and Spark" in errors[1]
    assert site.token not in "".join((*plans, *errors, spark.sparkContext.getConf().toDebugString()))
    assert TOKEN_ENV not in plans[0]


def test_the_manuals_notebook_lands_a_table(
    spark: Any, site: Sandbox, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = NOTEBOOK.findall((Path(__file__).parents[2] / "tokensh" / "manual" / "spark.md").read_text("utf-8"))
    here = f'.option("endpoint", "{site.endpoint}").load()'
    exec(program.replace("OPS_PAT", TOKEN_ENV).replace(".load()", here), {"spark": spark})
    assert "terraform ci" in capsys.readouterr().out
    assert asked(site) == {"dbc-abcd0123-a1bc": 1, "dbc-bcde1234-b2cd": 1}
