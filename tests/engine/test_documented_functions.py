"""The functions that StackQL's documentation lists, each called once."""

from __future__ import annotations

import pytest

from tokensh.engine.functions import MATH
from tokensh.engine.sqlite import Database, function_names
from tokensh.environment import Cancellation
from tokensh.plan.function_docs import functions
from tokensh.rows import Value

SCALAR: list[tuple[str, Value]] = [
    ("abs(-2)", 2),
    ("aws_policy_equal('{\"a\":[1,2]}', '{\"a\":[2,1]}')", 1),
    ("ceil(1.2)", 2),
    ("ceiling(1.2)", 2),
    ("char(65, 66)", "AB"),
    ("coalesce(NULL, 'x')", "x"),
    ("concat('a', NULL, 1)", "a1"),
    ("concat_ws('-', 'a', NULL, 'b')", "a-b"),
    ("date('2026-11-24 10:00:00')", "2026-11-24"),
    ("datetime('2026-11-24')", "2026-11-24 00:00:00"),
    ("exp(0)", 1.0),
    ("floor(1.8)", 1),
    ("format('%05d', 42)", "00042"),
    ("glob('a*', 'abc')", 1),
    ("hex('AB')", "4142"),
    ("if(1, 'yes', 'no')", "yes"),
    ("ifnull(NULL, 1)", 1),
    ("iif(0, 'yes', 'no')", "no"),
    ("instr('token', 'k')", 3),
    ("json('{\"a\" : 1}')", '{"a":1}'),
    ("json_array(1, 'a')", '[1,"a"]'),
    ("json_array_length('[1,2]')", 2),
    ('json_equal(\'{"a":1,"b":2}\', \'{"b":2,"a":1}\')', 1),
    ("json_extract('{\"a\":{\"b\":7}}', '$.a.b')", 7),
    ("json_extract_path_text('{\"a\":{\"b\":7}}', 'a', 'b')", "7"),
    ("json_insert('{}', '$.a', 1)", '{"a":1}'),
    ("json_object('a', 1)", '{"a":1}'),
    ("json_patch('{\"a\":1}', '{\"b\":2}')", '{"a":1,"b":2}'),
    ("json_quote('a')", '"a"'),
    ("json_remove('{\"a\":1,\"b\":2}', '$.a')", '{"b":2}'),
    ("json_replace('{\"a\":1}', '$.a', 2)", '{"a":2}'),
    ("json_set('{\"a\":1}', '$.b', 2)", '{"a":1,"b":2}'),
    ("json_type('[1]')", "array"),
    ("json_valid('{')", 0),
    ("julianday('2000-01-01 12:00')", 2451545.0),
    ("length('東京')", 2),
    ("like('%k%', 'token')", 1),
    ("ln(1)", 0.0),
    ("log(100)", 2.0),
    ("log10(100)", 2.0),
    ("log2(8)", 3.0),
    ("lower('ABC')", "abc"),
    ("ltrim('  a')", "a"),
    ("max(1, 2)", 2),
    ("min(1, 2)", 1),
    ("mod(7, 4)", 3.0),
    ("nullif(1, 1)", None),
    ("pow(2, 10)", 1024.0),
    ("power(2, 3)", 8.0),
    ("printf('%.2f', 1.5)", "1.50"),
    ("quote('it''s')", "'it''s'"),
    ("regexp('^t', 'token')", 1),
    ("regexp_like('token', '^T', 'i')", 1),
    ("regexp_replace('a1b2', '[0-9]', '#')", "a#b#"),
    ("regexp_substr('ab12', '[0-9]+')", "12"),
    ("replace('abc', 'b', 'x')", "axc"),
    ("round(1.25, 1)", 1.3),
    ("rtrim('a  ')", "a"),
    ("sign(-3)", -1),
    ("sin(0)", 0.0),
    ("split_part('a.b.c', '.', 2)", "b"),
    ("sqrt(9)", 3.0),
    ("strftime('%Y', '2026-11-24')", "2026"),
    ("substr('token', 2, 3)", "oke"),
    ("substring('token', 1, 1)", "t"),
    ("time('10:20:30')", "10:20:30"),
    ("trim(' a ')", "a"),
    ("trunc(1.9)", 1),
    ("typeof(1.5)", "real"),
    ("unicode('A')", 65),
    ("unixepoch('1970-01-02')", 86400),
    ("upper('abc')", "ABC"),
    ("from_ms(86400000)", "1970-01-02 00:00:00"),
    ("from_ms(-1)", None),
    ("to_ms('1970-01-02T02:00:00+02:00')", 86400000),
    ("days_left(-1)", None),
    ("expires_in(-1)", "never"),
    ("sha256('')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
]
OVER_ROWS: list[tuple[str, Value]] = [
    ("avg(x)", 2.0),
    ("count(x)", 3),
    ("count(DISTINCT x % 2)", 2),
    ("group_concat(x)", "1,2,3"),
    ("group_concat(x, '-')", "1-2-3"),
    ("json_group_array(x)", "[1,2,3]"),
    ("json_group_object('k' || x, x)", '{"k1":1,"k2":2,"k3":3}'),
    ("max(x)", 3),
    ("min(x)", 1),
    ("sum(x)", 6),
    ("total(x)", 6.0),
]
WINDOWS: list[tuple[str, list[Value]]] = [
    ("row_number()", [1, 2, 3]),
    ("rank()", [1, 2, 3]),
    ("dense_rank()", [1, 2, 3]),
    ("percent_rank()", [0.0, 0.5, 1.0]),
    ("cume_dist()", [1 / 3, 2 / 3, 1.0]),
    ("ntile(2)", [1, 1, 2]),
    ("lag(x)", [None, 1, 2]),
    ("lead(x, 1, 0)", [2, 3, 0]),
    ("first_value(x)", [1, 1, 1]),
    ("last_value(x)", [1, 2, 3]),
    ("nth_value(x, 2)", [None, 2, 2]),
    ("sum(x)", [1, 3, 6]),
]


@pytest.mark.parametrize(("call", "value"), SCALAR, ids=[call for call, _ in SCALAR])
def test_a_scalar_function_gives_what_its_documentation_says(call: str, value: Value) -> None:
    assert Database(Cancellation()).evaluate([call]) == (value,)


@pytest.mark.parametrize(("call", "value"), OVER_ROWS, ids=[call for call, _ in OVER_ROWS])
def test_an_aggregate_gives_what_its_documentation_says(call: str, value: Value) -> None:
    rows = Database(Cancellation()).query(f"SELECT {call} FROM (SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3)")
    assert list(rows) == [(value,)]


@pytest.mark.parametrize(("call", "values"), WINDOWS, ids=[call for call, _ in WINDOWS])
def test_a_window_function_gives_what_its_documentation_says(call: str, values: list[Value]) -> None:
    rows = Database(Cancellation()).query(
        f"SELECT {call} OVER (ORDER BY x) FROM (VALUES (1), (2), (3)) t".replace(
            "(VALUES (1), (2), (3)) t", "(SELECT column1 AS x FROM (VALUES (1), (2), (3)))"
        )
    )
    assert [row[0] for row in rows] == values


def test_every_function_that_is_listed_can_be_called_by_name() -> None:
    newer = {"string_agg", "octet_length", "timediff", "unhex", "current_date", "current_time", "current_timestamp"}
    assert functions().keys() - function_names() <= newer


MATH_VALUES: dict[str, tuple[tuple[float, ...], float]] = {
    "sqrt": ((9,), 3.0),
    "pow": ((2, 3), 8.0),
    "mod": ((7, 4), 3.0),
    "log": ((100,), 2.0),
    "floor": ((1.8,), 1),
    "ceil": ((1.2,), 2),
    "trunc": ((-1.5,), -1),
}


@pytest.mark.parametrize("name", MATH_VALUES)
def test_mathematics_is_there_where_sqlite_was_built_without_it(name: str) -> None:
    arguments, value = MATH_VALUES[name]
    function, counts = MATH[name]
    assert len(arguments) in counts
    assert function(*arguments) == value
    assert function(*["x"] * len(arguments)) is None


def test_a_square_root_of_a_negative_number_is_null_as_sqlite_has_it() -> None:
    assert MATH["sqrt"][0](-1) is None
