"""An executor reads its workspaces into batches, keeps failures as rows, and looks its own credential up."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.spark.conftest import TOKEN_ENV
from tests.spark.needs import datasource, types
from tokensh.errors import Error, NotSupportedError
from tokensh.sandbox import Sandbox
from tokensh.spark import TokenDataSource

Options = dict[str, str]


def reader(options: Options, schema: str | None = None) -> Any:
    """Return the reader as Spark has it: pickled on the driver, unpickled on an executor."""
    source = pickle.loads(pickle.dumps(TokenDataSource(options)))
    return pickle.loads(pickle.dumps(source.reader(written(schema) if schema else source.schema())))


def written(schema: str) -> Any:
    """Return the schema that a user writes as `name TYPE, ...`."""
    kinds = {"STRING": types.StringType, "BIGINT": types.LongType, "DOUBLE": types.DoubleType}
    pairs = [column.split() for column in schema.split(", ")]
    return types.StructType([types.StructField(name, kinds.get(kind, types.TimestampType)()) for name, kind in pairs])


def read_rows(options: Options, schema: str | None = None) -> list[dict[str, Any]]:
    reading = reader(options, schema)
    return [row for part in reading.partitions() for batch in reading.read(part) for row in batch.to_pylist()]


def failure(options: Options, schema: str | None = None) -> str:
    with pytest.raises(Error) as caught:
        read_rows(options, schema)
    return str(caught.value)


def listed(site: Sandbox) -> list[str]:
    return sorted(entry.workspace for entry in site.log)


def test_a_resource_is_read_whole(site: Sandbox, options: Options) -> None:
    rows = read_rows({**options, "deployment_name": "a,b"})
    assert [row["deployment_name"] for row in rows] == ["a"] * 3 + ["b"] * 3
    assert list(rows[0]) == ["deployment_name", "token_id", "comment", "creation_time", "expiry_time"]
    assert isinstance(rows[0]["expiry_time"], int)
    assert listed(site) == ["a", "b"]


def test_a_partition_has_so_many_workspaces(options: Options) -> None:
    many = ",".join(f"ws-{i}" for i in range(45))
    sizes = [len(part.value) for part in reader({**options, "deployment_name": many}).partitions()]
    assert sizes == [20, 20, 5]
    few = reader({**options, "deployment_name": many, "workspaces_per_partition": "40"})
    assert [len(part.value) for part in few.partitions()] == [40, 5]


def test_the_workspaces_of_a_partition_are_asked_at_once(site: Sandbox, options: Options) -> None:
    site.fault("GET *", delay=2, times=None)
    read_rows({**options, "deployment_name": ",".join(f"ws-{i}" for i in range(20))})
    assert max(entry.started for entry in site.log) < min(entry.ended or 0.0 for entry in site.log)


def test_a_query_gives_its_rows(options: Options) -> None:
    query = (
        "SELECT deployment_name AS ws, comment || '!' AS said, expiry_time / 2 FROM user_tokens WHERE comment LIKE '%1'"
    )
    rows = read_rows({**options, "query": query, "deployment_name": "a,b"})
    assert [(row["ws"], row["said"]) for row in rows] == [("a", "extra 1!"), ("b", "extra 1!")]


def test_a_schema_picks_columns_and_types(options: Options) -> None:
    given = {**options, "query": "SELECT comment, length(comment) AS n FROM user_tokens", "deployment_name": "a"}
    assert read_rows(given)[0] == {"comment": "extra 0", "n": "7"}
    assert read_rows(given, "n BIGINT")[0] == {"n": 7}
    assert read_rows(given, "n DOUBLE, comment STRING")[0] == {"n": 7.0, "comment": "extra 0"}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("commend STRING", "unknown column 'commend'\nhint: did you mean 'comment'?"),
        ("expiry_time TIMESTAMP", "convert in Spark SQL: timestamp_millis"),
        ("comment BIGINT", "a value of column comment is not a bigint"),
    ],
)
def test_a_schema_that_does_not_fit_is_an_error(options: Options, schema: str, message: str) -> None:
    assert message in failure({**options, "deployment_name": "a"}, schema)


def test_two_columns_of_one_name_are_an_error(options: Options) -> None:
    message = failure({**options, "deployment_name": "a", "query": "SELECT comment, Comment FROM user_tokens"})
    assert message == "two columns are named 'comment'\nhint: rename one of them: AS ..."


# ---- failures


def test_a_workspace_that_fails_fails_the_read_and_is_named(site: Sandbox, options: Options) -> None:
    site.fault("GET */w/b/*", status=403, times=None)
    site.fault("GET */w/c/*", status=404, times=None)
    message = failure({**options, "deployment_name": "a,b,c"})
    assert message.startswith("2 of 3 workspaces failed\n  b: ")
    assert "403 PERMISSION_DENIED" in message
    assert "\n  c: " in message
    assert message.endswith("option errors = 'rows' gives the rows of the others, and a row for each of these")


@pytest.mark.parametrize("failing", ["b", "a,b,c"])
def test_failures_may_be_rows(site: Sandbox, options: Options, failing: str) -> None:
    for name in failing.split(","):
        site.fault(f"GET */w/{name}/*", status=403, times=None)
    rows = read_rows({**options, "deployment_name": "a,b,c", "errors": "rows"})
    errors = [row for row in rows if row["error"] is not None]
    assert [row["error"]["deployment_name"] for row in errors] == failing.split(",")
    assert {(row["error"]["type"], row["error"]["status"], row["error"]["code"]) for row in errors} == {
        ("ApiError", 403, "PERMISSION_DENIED")
    }
    assert all(row["token_id"] is None for row in errors)
    assert len(rows) - len(errors) == 3 * (3 - len(errors))


def test_a_schema_beside_failures_as_rows_must_have_their_column(options: Options) -> None:
    message = failure({**options, "deployment_name": "a", "errors": "rows"}, "comment STRING")
    assert message.startswith("errors = 'rows' needs the column error struct<deployment_name:string")


def test_a_get_is_tried_again_as_in_the_shell(site: Sandbox, options: Options) -> None:
    site.fault("GET *", status=503, headers={"Retry-After": "0"})
    assert len(read_rows({**options, "deployment_name": "a"})) == 3
    assert listed(site) == ["a", "a"]


def test_a_redirect_is_not_followed(site: Sandbox, options: Options) -> None:
    site.fault("GET */w/a/*", status=302, headers={"Location": f"{site.origin}/w/b/api/2.0/token/list"}, times=None)
    assert "redirects are not followed" in failure({**options, "deployment_name": "a"})
    assert listed(site) == ["a"]


def test_no_answer_in_time_is_a_failure(site: Sandbox, options: Options) -> None:
    site.fault("GET */w/a/*", drip=0.5, times=None)
    assert "no complete answer" in failure({**options, "deployment_name": "a", "timeout": "0.4"})


# ---- filters


def narrowed(options: Options, *filters: Any) -> tuple[list[Any], tuple[str, ...] | None]:
    reading = reader({**options, "pushdown": "true"})
    left = list(reading.pushFilters(list(filters)))
    return left, tuple(name for part in reading.partitions() for name in part.value)


def test_filters_choose_the_workspaces_and_others_are_given_back(options: Options) -> None:
    others = [
        datasource.GreaterThan(("expiry_time",), 0),
        datasource.Not(datasource.EqualTo(("deployment_name",), "a")),
    ]
    left, asked = narrowed(options, datasource.In(("deployment_name",), ("a", "b", None)), *others)
    assert (left, asked) == (others, ("a", "b"))


def test_filters_narrow_what_the_option_names(options: Options) -> None:
    given = {**options, "deployment_name": "a,b,c"}
    assert narrowed(given, datasource.EqualTo(("deployment_name",), "b"))[1] == ("b",)
    assert narrowed(given, datasource.EqualTo(("deployment_name",), "z"))[1] == ()


def test_filters_know_the_column_by_the_name_that_the_query_gave_it(options: Options) -> None:
    given = {**options, "query": "SELECT deployment_name AS ws, comment AS deployment_name FROM user_tokens"}
    other = datasource.EqualTo(("deployment_name",), "b")
    assert narrowed(given, datasource.EqualTo(("ws",), "a"), other) == ([other], ("a",))


def test_without_any_workspace_a_filter_is_asked_for(options: Options) -> None:
    with pytest.raises(Error, match="no value for deployment_name\nhint: add WHERE"):
        narrowed(options, datasource.GreaterThan(("expiry_time",), 0))


def test_a_filter_names_no_other_host(site: Sandbox, options: Options) -> None:
    with pytest.raises(Error, match="is neither one DNS label"):
        narrowed(options, datasource.EqualTo(("deployment_name",), "evil.example.com/x"))
    assert site.log == []


def test_an_error_that_passes_several_stations_is_told_once(options: Options) -> None:
    message = failure({**options, "deploymentname": "a"})
    assert message == "unknown option 'deploymentname'\nhint: did you mean 'deployment_name'?"


@pytest.mark.parametrize("partition", [None, datasource.InputPartition(None)], ids=["4.1", "4.3"])
def test_no_workspaces_are_no_rows(partition: Any, options: Options) -> None:
    # With no partitions Spark makes one of nothing.
    assert list(reader({**options, "deployment_name": "a"}).read(partition)) == []


def test_only_the_option_makes_a_reader_that_takes_filters(options: Options) -> None:
    assert "pushFilters" not in type(reader({**options, "deployment_name": "a"})).__dict__


# ---- credentials


def test_a_variable_that_is_not_set_is_not_named(options: Options, site: Sandbox) -> None:
    message = failure({**options, "deployment_name": "a", "token_env": "hunter2"})
    assert "is not set where workspaces are read" in message
    assert "hunter2" not in message
    assert site.log == []


@pytest.fixture
def databricks_runtime(site: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a stand-in for the module of Databricks' runtime: one secret in one scope."""
    folder = tmp_path / "databricks" / "sdk"
    folder.mkdir(parents=True)
    (folder / "runtime.py").write_text(
        "import os\nclass secrets:\n"
        "    @staticmethod\n"
        f"    def get(scope, key):\n        return {{('ops', 'pat'): os.environ[{TOKEN_ENV!r}] + chr(10)}}[scope, key]\n"
        "class dbutils:\n    secrets = secrets\n"
    )
    ours = [name for name in sys.modules if name.partition(".")[0] == "databricks"]
    with monkeypatch.context() as patch:
        for name in ours:
            patch.delitem(sys.modules, name)
        patch.syspath_prepend(str(tmp_path))
        yield
        for name in [name for name in sys.modules if name.partition(".")[0] == "databricks"]:
            del sys.modules[name]


@pytest.mark.usefixtures("databricks_runtime")
def test_a_secret_of_databricks_is_read_where_workspaces_are_read(site: Sandbox, options: Options) -> None:
    del options["token_env"]
    given = {**options, "deployment_name": "a", "secret_scope": "ops", "secret_key": "pat"}
    assert len(read_rows(given)) == 3
    assert [entry.authorization for entry in site.log] == [f"Bearer {site.token}"]
    message = failure({**given, "secret_key": "hunter2"})
    assert "cannot be read where workspaces are read: KeyError" in message
    assert "hunter2" not in message


def test_without_an_option_credentials_are_looked_for_as_in_the_shell(
    site: Sandbox, options: Options, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del options["token_env"]
    assert "no credential for 127.0.0.1" in failure({**options, "deployment_name": "a"})
    monkeypatch.setenv("DATABRICKS_TOKEN", site.token)
    assert len(read_rows({**options, "deployment_name": "a"})) == 3


def test_a_profile_is_named(site: Sandbox, options: Options, home: Path) -> None:
    del options["token_env"]
    (home / ".databrickscfg").touch(0o600)
    (home / ".databrickscfg").write_text(f"[here]\nhost = {site.origin}\ntoken = {site.token}\n")
    try:
        assert len(read_rows({**options, "deployment_name": "a", "profile": "here"})) == 3
        assert "has no profile 'there'" in failure({**options, "deployment_name": "a", "profile": "there"})
    finally:
        (home / ".databrickscfg").unlink()


# ---- writing


def test_a_writer_is_refused_with_the_reason(options: Options) -> None:
    source = TokenDataSource(options)
    for writer in (source.writer, source.streamWriter):
        with pytest.raises(NotSupportedError, match="Spark only reads tokens"):
            writer(types.StructType(), False)
