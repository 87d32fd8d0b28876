"""polars reads queries and cursors, and writes local tables through the engine."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

import tokensh
from tests.engine.sessions import A
from tokensh.sandbox import Sandbox

pl = pytest.importorskip("polars", reason="needs polars")
sa = pytest.importorskip("sqlalchemy", reason="needs tokensh[sqlalchemy]")
pytestmark = pytest.mark.interfaces


@pytest.fixture
def engine(site: Sandbox) -> Iterator[Any]:
    made = sa.create_engine(f"tokensh://{A}")
    yield made
    made.dispose()


def make_frame() -> Any:
    day, moment = datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4)
    return pl.DataFrame({"i": [1, 2], "s": ["x", None], "b": [True, None], "d": [day, None], "at": [moment, None]})


def test_a_frame_comes_back_as_it_was(engine: Any) -> None:
    make_frame().write_database("frames", engine)
    table = sa.Table("frames", sa.MetaData(), autoload_with=engine)
    assert pl.read_database(sa.select(table), engine).equals(make_frame())


def test_a_table_that_exists_is_replaced_appended_to_or_an_error(engine: Any) -> None:
    for mode in ("replace", "replace", "append"):
        make_frame().write_database("frames", engine, if_table_exists=mode)
    assert pl.read_database("SELECT count(*) AS n FROM frames", engine)["n"].to_list() == [4]
    with pytest.raises(ValueError, match="already exists"):
        make_frame().write_database("frames", engine)


def test_rows_come_in_batches_from_an_engine_and_from_a_connection(engine: Any) -> None:
    query = "SELECT value, value > 1 AS more FROM json_each('[1,2,3]')"
    with tokensh.connect(workspace=A) as connection:
        for source in (engine, connection):
            batches = list(pl.read_database(query, source, iter_batches=True, batch_size=2))
            assert [batch["value"].to_list() for batch in batches] == [[1, 2], [3]]
        assert [str(kind) for kind in pl.read_database(query, connection.cursor()).dtypes] == ["Int64", "Boolean"]


def test_values_are_bound(engine: Any) -> None:
    query = sa.text("SELECT comment FROM user_tokens WHERE expiry_time = :never")
    found = pl.read_database(query, engine, execute_options={"parameters": {"never": -1}})
    assert found["comment"].to_list() == ["terraform ci"]


def test_arrow_tables_are_taken(site: Sandbox) -> None:
    with tokensh.connect(workspace=A) as connection:
        cursor = connection.cursor().execute("SELECT comment, expiry_time FROM user_tokens")
        found = pl.from_arrow(cursor.fetch_arrow_table())
    assert ("terraform ci", -1) in found.rows()
