"""Rows become Arrow tables of the columns' types, without losing a digit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import tokensh
from tests.engine.sessions import A, B
from tokensh import errors
from tokensh.dbapi.connection import Connection
from tokensh.sandbox import Sandbox

pa = pytest.importorskip("pyarrow", reason="needs tokensh[arrow]")
pytestmark = pytest.mark.interfaces


@pytest.fixture
def session(site: Sandbox) -> Iterator[Connection]:
    with tokensh.connect(workspace=A) as connection:
        yield connection


def read_table(session: Connection, sql: str) -> Any:
    return session.cursor().execute(sql).fetch_arrow_table()


def test_the_columns_have_the_types_of_the_resource(session: Connection) -> None:
    table = read_table(session, "SELECT comment, creation_time, expiry_time FROM user_tokens ORDER BY creation_time")
    assert {field.name: str(field.type) for field in table.schema} == {
        "comment": "string",
        "creation_time": "int64",
        "expiry_time": "int64",
    }
    assert table["comment"][0].as_py() == "terraform ci"
    assert table["expiry_time"][0].as_py() == -1


def test_an_empty_result_keeps_its_columns_and_types(session: Connection) -> None:
    table = read_table(session, "SELECT comment, expiry_time FROM user_tokens WHERE token_id = 'none'")
    assert (table.num_rows, [str(type_) for type_ in table.schema.types]) == (0, ["string", "int64"])


CELLS = [
    ("9223372036854775807", "int64", 2**63 - 1),
    ("1.5", "double", 1.5),
    ("x'00ff'", "binary", b"\x00\xff"),
    ("NULL", "null", None),
    ("json_object('a', 1)", "string", '{"a":1}'),
]


@pytest.mark.parametrize(("expression", "kind", "value"), CELLS, ids=[expression for expression, _, _ in CELLS])
def test_an_expression_has_the_type_of_its_values(expression: str, kind: str, value: Any, session: Connection) -> None:
    table = read_table(session, f"SELECT {expression} AS a")
    assert (str(table.schema.types[0]), table["a"][0].as_py()) == (kind, value)


def test_booleans_are_booleans(session: Connection) -> None:
    session.cursor().execute("CREATE TABLE t (b BOOLEAN)")
    session.cursor().execute("INSERT INTO t VALUES (TRUE), (FALSE), (NULL)")
    table = read_table(session, "SELECT b FROM t")
    assert (str(table.schema.types[0]), table["b"].to_pylist()) == ("bool", [True, False, None])


def test_columns_of_one_name_are_both_there(session: Connection) -> None:
    assert read_table(session, "SELECT 1 AS a, 2 AS a").column_names == ["a", "a"]


def test_values_that_are_not_of_the_columns_type_keep_their_own(session: Connection) -> None:
    session.cursor().execute("CREATE TABLE t (n INTEGER, b BOOLEAN)")
    session.cursor().execute("INSERT INTO t VALUES (1.5, 0.5), (2, TRUE)")
    found = read_table(session, "SELECT n, b FROM t")
    assert (found["n"].to_pylist(), found["b"].to_pylist()) == ([1.5, 2.0], [0.5, 1.0])


def test_values_without_a_type_in_common_are_an_error(session: Connection) -> None:
    with pytest.raises(errors.DataError, match="column 'a' have no common type") as caught:
        read_table(session, "SELECT 1 AS a UNION ALL SELECT 'b'")
    assert caught.value.hint == "convert them: CAST(a AS TEXT)"


def test_only_the_rows_that_are_left_come_and_none_without_a_result(session: Connection) -> None:
    cursor = session.cursor().execute("SELECT value FROM json_each('[1,2,3]')")
    cursor.fetchone()
    assert cursor.fetch_arrow_table()["value"].to_pylist() == [2, 3]
    cursor.execute("USE databricks_workspace.workspace")
    with pytest.raises(errors.InterfaceError, match="no result"):
        cursor.fetch_arrow_table()


def test_record_batches_are_read_as_they_are_asked(session: Connection) -> None:
    cursor = session.cursor().execute("SELECT value, value > 2 AS more FROM json_each('[1,2,3,null,5]')")
    reader = cursor.fetch_record_batch(2)
    assert [str(type_) for type_ in reader.schema.types] == ["int64", "bool"]
    assert (reader.read_next_batch().num_rows, cursor.rownumber) == (2, 2)
    assert reader.read_all()["value"].to_pylist() == [3, None, 5]
    empty = session.cursor().execute("SELECT 1 AS a WHERE FALSE").fetch_record_batch()
    assert (empty.schema.names, empty.read_all().num_rows) == (["a"], 0)


def test_batches_of_other_types_are_an_error(session: Connection) -> None:
    reader = session.cursor().execute("SELECT 1 AS a UNION ALL SELECT 'b'").fetch_record_batch(1)
    with pytest.raises(errors.DataError, match="'a' differ in type between batches"):
        reader.read_all()


def test_a_query_of_two_workspaces_is_one_table(session: Connection) -> None:
    sql = f"SELECT deployment_name FROM user_tokens WHERE deployment_name IN ('{A}', '{B}')"
    assert set(read_table(session, sql)["deployment_name"].to_pylist()) == {A, B}
