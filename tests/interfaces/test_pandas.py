"""Scenarios of pandas' own suite for SQL (pandas/tests/io/test_sql.py), over an engine of tokensh and its local tables."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.sessions import A
from tokensh.sandbox import Sandbox

pd = pytest.importorskip("pandas", reason="needs tokensh[pandas]")
np = pytest.importorskip("numpy")
sa = pytest.importorskip("sqlalchemy", reason="needs tokensh[sqlalchemy]")
pytestmark = pytest.mark.interfaces


@pytest.fixture
def engine(site: Sandbox) -> Iterator[Any]:
    made = sa.create_engine(f"tokensh://{A}")
    yield made
    made.dispose()


def make_frame() -> Any:
    return pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "c": [0.5, -1.25, np.nan]})


def store(engine: Any, frame: Any, **more: Any) -> Any:
    """Write a frame under the name `t`, and return what is read of it."""
    frame.to_sql("t", engine, **{"index": False, **more})
    return pd.read_sql_table("t", engine)


def column(engine: Any, values: Any, **more: Any) -> Any:
    """Write one column and return it as it is read."""
    return store(engine, pd.DataFrame({"v": values}), **more)["v"]


def check_round_trip(engine: Any) -> None:
    pd.testing.assert_frame_equal(store(engine, make_frame()), make_frame())


def check_index(engine: Any) -> None:
    make_frame().to_sql("t", engine)
    pd.testing.assert_frame_equal(pd.read_sql_table("t", engine, index_col="index"), make_frame(), check_names=False)


def check_index_label(engine: Any) -> None:
    make_frame().to_sql("t", engine, index_label="number")
    assert list(pd.read_sql_table("t", engine).columns) == ["number", "a", "b", "c"]


def check_several_indexes(engine: Any) -> None:
    frame = make_frame().set_index(["a", "b"])
    frame.to_sql("t", engine)
    assert list(pd.read_sql_table("t", engine, index_col=["a", "b"]).index.names) == ["a", "b"]
    assert [index["name"] for index in sa.inspect(engine).get_indexes("t")] == ["ix_t_a", "ix_t_b"]


def check_fail(engine: Any) -> None:
    store(engine, make_frame())
    with pytest.raises(ValueError, match="Table 't' already exists"):
        store(engine, make_frame(), if_exists="fail")


def check_replace(engine: Any) -> None:
    store(engine, make_frame())
    assert len(store(engine, make_frame()[:1], if_exists="replace")) == 1


def check_replace_with_other_columns(engine: Any) -> None:
    store(engine, make_frame())
    assert list(store(engine, pd.DataFrame({"other": [1]}), if_exists="replace").columns) == ["other"]


def check_append(engine: Any) -> None:
    store(engine, make_frame())
    assert len(store(engine, make_frame(), if_exists="append")) == 6


def check_append_reordered(engine: Any) -> None:
    store(engine, make_frame())
    found = store(engine, make_frame()[["c", "b", "a"]], if_exists="append")
    assert found["a"].tolist() == [1, 2, 3] * 2


def check_append_of_unknown_column(engine: Any) -> None:
    store(engine, make_frame())
    with pytest.raises(sa.exc.ProgrammingError, match="unknown column 'other'"):
        store(engine, make_frame().assign(other=1), if_exists="append")


def check_chunks(engine: Any) -> None:
    assert len(store(engine, pd.DataFrame({"n": range(10)}), chunksize=3)) == 10


def check_multi(engine: Any) -> None:
    assert len(store(engine, make_frame(), method="multi")) == 3


def check_own_method(engine: Any) -> None:
    seen: list[list[str]] = []

    def insert(table: Any, connection: Any, keys: list[str], rows: Any) -> None:
        seen.append(keys)
        connection.execute(table.table.insert(), [dict(zip(keys, row, strict=True)) for row in rows])

    assert (len(store(engine, make_frame(), method=insert)), seen) == (3, [["a", "b", "c"]])


def check_count(engine: Any) -> None:
    assert make_frame().to_sql("t", engine, index=False, method="multi") == 3


def check_empty(engine: Any) -> None:
    found = store(engine, make_frame()[:0])
    assert (len(found), list(found.columns)) == (0, ["a", "b", "c"])


def check_declared_types(engine: Any) -> None:
    store(engine, make_frame(), dtype={"a": sa.String(10), "c": sa.Float()})
    types = {found["name"]: str(found["type"]) for found in sa.inspect(engine).get_columns("t")}
    assert types == {"a": "VARCHAR(10)", "b": "TEXT", "c": "FLOAT"}


def check_schema(engine: Any) -> None:
    make_frame().to_sql("t", engine, schema="tokensh.local", index=False)
    assert len(pd.read_sql_table("t", engine, schema="tokensh.local")) == 3
    assert len(pd.read_sql_table("t", engine)) == 3


def check_other_schema(engine: Any) -> None:
    make_frame().to_sql("t", engine, schema="mine", index=False)
    assert len(pd.read_sql_table("t", engine, schema="mine")) == 3
    assert "mine" in sa.inspect(engine).get_schema_names()


def check_session_tables(engine: Any) -> None:
    assert A in pd.read_sql_table("workspaces", engine, schema="tokensh.local")["deployment_name"].tolist()


def check_resource(engine: Any) -> None:
    frame = pd.read_sql_table("user_tokens", engine, columns=["comment", "expiry_time"])
    assert (str(frame["expiry_time"].dtype), "terraform ci" in set(frame["comment"])) == ("int64", True)


def check_missing_table(engine: Any) -> None:
    with pytest.raises(ValueError, match="Table nope not found"):
        pd.read_sql_table("nope", engine)


def check_read_columns(engine: Any) -> None:
    store(engine, make_frame())
    assert list(pd.read_sql_table("t", engine, columns=["c", "a"]).columns) == ["c", "a"]


def check_read_chunks(engine: Any) -> None:
    store(engine, make_frame())
    assert [len(part) for part in pd.read_sql("SELECT * FROM t", engine, chunksize=2)] == [2, 1]
    assert [len(part) for part in pd.read_sql_table("t", engine, chunksize=2)] == [2, 1]


def check_read_chunks_of_nothing(engine: Any) -> None:
    store(engine, make_frame()[:0])
    assert [list(part.columns) for part in pd.read_sql("SELECT * FROM t", engine, chunksize=2)] == [["a", "b", "c"]]


def check_read_index(engine: Any) -> None:
    store(engine, make_frame())
    assert pd.read_sql("SELECT * FROM t", engine, index_col="a").index.tolist() == [1, 2, 3]


def check_read_by_name(engine: Any) -> None:
    store(engine, make_frame())
    assert len(pd.read_sql("t", engine)) == 3


def check_text_with_values(engine: Any) -> None:
    store(engine, make_frame())
    found = pd.read_sql(sa.text("SELECT a FROM t WHERE a > :least"), engine, params={"least": 1})
    assert found["a"].tolist() == [2, 3]


def check_expression(engine: Any) -> None:
    store(engine, make_frame())
    table = sa.Table("t", sa.MetaData(), autoload_with=engine)
    assert pd.read_sql(sa.select(table.c.b).where(table.c.a == 3), engine)["b"].tolist() == ["z"]


def check_connection(engine: Any) -> None:
    with engine.connect() as connection:
        make_frame().to_sql("t", connection, index=False)
        assert len(pd.read_sql("SELECT * FROM t", connection)) == 3


def check_block(engine: Any) -> None:
    with engine.begin() as connection:
        make_frame().to_sql("t", connection, index=False)
    assert len(pd.read_sql_table("t", engine)) == 3


def check_datetimes(engine: Any) -> None:
    moments = pd.Series(pd.to_datetime(["2026-01-02 03:04:05.000006", None]), name="v")
    pd.testing.assert_series_equal(column(engine, moments), moments)


def check_dates(engine: Any) -> None:
    days = [datetime.date(2026, 1, 2), None]
    assert column(engine, days)[0] == pd.Timestamp(2026, 1, 2)


def check_times(engine: Any) -> None:
    assert column(engine, [datetime.time(9, 0), datetime.time(9, 1, 30)])[1] == datetime.time(9, 1, 30)


def check_parse_dates(engine: Any) -> None:
    store(engine, pd.DataFrame({"v": ["2026-01-02", "2026-01-03"], "n": [0, 86_400]}))
    found = pd.read_sql("SELECT * FROM t", engine, parse_dates={"v": "%Y-%m-%d", "n": "s"})
    assert [str(dtype) for dtype in found.dtypes] == ["datetime64[ns]"] * 2


def check_time_zones(engine: Any) -> None:
    moments = pd.to_datetime(["2026-01-02 03:04"]).tz_localize("UTC")
    assert pd.Timestamp(column(engine, moments)[0]).hour == 3


def check_time_deltas(engine: Any) -> None:
    with pytest.warns(UserWarning, match="the 'timedelta' type"):
        assert column(engine, pd.to_timedelta(["1s", "2s"]).to_series(index=[0, 1])).tolist() == [10**9, 2 * 10**9]


def check_booleans(engine: Any) -> None:
    assert column(engine, [True, False]).dtype == bool


def check_missing_booleans(engine: Any) -> None:
    assert column(engine, [True, None]).tolist() == [True, None]


def check_nullable_types(engine: Any) -> None:
    frame = pd.DataFrame({"i": [1, None], "b": [True, None], "s": ["x", None]}).astype(
        {"i": "Int64", "b": "boolean", "s": "string"}
    )
    frame.to_sql("t", engine, index=False)
    found = pd.read_sql_table("t", engine, dtype_backend="numpy_nullable")
    pd.testing.assert_frame_equal(found, frame)


def check_arrow_types(engine: Any) -> None:
    store(engine, make_frame())
    found = pd.read_sql_table("t", engine, dtype_backend="pyarrow")
    assert [str(dtype) for dtype in found.dtypes] == ["int64[pyarrow]", "string[pyarrow]", "double[pyarrow]"]


def check_integers(engine: Any) -> None:
    assert column(engine, [2**63 - 1, -(2**63)]).tolist() == [2**63 - 1, -(2**63)]
    with pytest.raises(ValueError, match="Unsigned 64 bit integer"):
        column(engine, np.array([2**64 - 1], dtype="uint64"), if_exists="replace")


def check_infinity(engine: Any) -> None:
    with pytest.raises((sa.exc.ProgrammingError, ValueError), match="not finite: inf"):
        column(engine, [np.inf])


def check_object_columns(engine: Any) -> None:
    assert column(engine, np.array(["x", None, np.nan], dtype=object)).tolist() == ["x", None, None]


def check_categories(engine: Any) -> None:
    assert column(engine, pd.Categorical(["a", "b", "a"])).tolist() == ["a", "b", "a"]


def check_series(engine: Any) -> None:
    pd.Series([1, 2], name="v").to_sql("t", engine, index=False)
    assert pd.read_sql_table("t", engine)["v"].tolist() == [1, 2]


def check_odd_names(engine: Any) -> None:
    names = ["a b", "order", 'quo"te', "per%cent", "(c)", "ünïcødé", "1", "x.y"]
    frame = pd.DataFrame([range(len(names))], columns=names)
    frame.to_sql("odd table", engine, index=False)
    assert list(pd.read_sql_table("odd table", engine).columns) == names


def check_duplicate_names(engine: Any) -> None:
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises((sa.exc.SQLAlchemyError, ValueError), match="a"):
        frame.to_sql("t", engine, index=False)
    assert pd.read_sql("SELECT 1 AS a, 2 AS a", engine).shape == (1, 2)


def check_many_rows(engine: Any) -> None:
    frame = pd.DataFrame({"n": range(2_000), "s": "text"})
    assert len(store(engine, frame, method="multi", chunksize=500)) == 2_000


def check_same_as_sqlite(engine: Any) -> None:
    query = "SELECT b, count(*) AS n, avg(c) AS mean FROM t GROUP BY b ORDER BY b"
    store(engine, make_frame())
    database = sqlite3.connect(":memory:")
    make_frame().to_sql("t", database, index=False)
    pd.testing.assert_frame_equal(pd.read_sql(query, engine), pd.read_sql(query, database))
    database.close()


SCENARIOS: list[Callable[[Any], None]] = [
    found for name, found in sorted(globals().items()) if name.startswith("check_")
]


def test_there_are_forty_scenarios() -> None:
    assert len(SCENARIOS) >= 40


@pytest.mark.parametrize("check", SCENARIOS, ids=[scenario.__name__.removeprefix("check_") for scenario in SCENARIOS])
def test_pandas_finds_what_it_wrote(check: Callable[[Any], None], engine: Any) -> None:
    check(engine)
