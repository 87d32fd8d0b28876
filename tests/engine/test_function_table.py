"""The table of functions: each has a text, types, a case, and is completed; what it declares is what it does."""

from __future__ import annotations

import re
from contextlib import closing
from typing import get_args

import pytest

from tests.cases import each_case
from tests.engine.test_functions import FLAT
from tests.shared_parser import shared_parser
from tokensh.complete import Completer, Facts
from tokensh.engine.functions import function_names
from tokensh.engine.sqlite import Database
from tokensh.environment import Cancellation
from tokensh.functions import Function, functions
from tokensh.provider.catalog import Catalog
from tokensh.rows import ColumnType, Value
from tokensh.sql import nodes, unparse

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
    ("acos(1)", 0.0),
    ("acosh(1)", 0.0),
    ("asin(0)", 0.0),
    ("asinh(0)", 0.0),
    ("atan(0)", 0.0),
    ("atan2(0, 1)", 0.0),
    ("atanh(0)", 0.0),
    ("cos(0)", 1.0),
    ("cosh(0)", 1.0),
    ("\"current_date\"() = date('now')", 1),
    ("\"current_time\"() <= '23:59:59'", 1),
    ("\"current_timestamp\"() > '2026-01-01'", 1),
    ("degrees(0)", 0.0),
    ("\"left\"('abc', 2)", "ab"),
    ("octet_length('東京')", 6),
    ("pi() > 3.14", 1),
    ("radians(0)", 0.0),
    ("typeof(random())", "integer"),
    ("length(randomblob(3))", 3),
    ("regexp_instr('ab12', '[0-9]')", 3),
    ("reverse('abc')", "cba"),
    ("\"right\"('abc', 2)", "bc"),
    ("sinh(0)", 0.0),
    ("sqlite_version() > '3.40'", 1),
    ("tan(0)", 0.0),
    ("tanh(0)", 0.0),
    ("timediff('2026-01-02', '2026-01-01')", "+0000-00-01 00:00:00.000"),
    ("unhex('4142')", b"AB"),
    ("zeroblob(2)", b"\x00\x00"),
    ("iif(1 < 2, 'fine', error('never reached'))", "fine"),
    ("add_months('2026-01-31', 1)", "2026-02-28"),
    ("ascii('A')", 65),
    ("btrim('xax', 'x')", "a"),
    ("char_length('東京')", 2),
    ("character_length('東京')", 2),
    ("chr(65)", "A"),
    ("contains('token', 'ke')", 1),
    ("date_add('2026-12-31', 1)", "2027-01-01"),
    ("date_diff('2026-03-01', '2026-02-01')", 28),
    ("date_part('month', '2026-05-17')", 5),
    ("date_sub('2026-01-01', 1)", "2025-12-31"),
    ("date_trunc('month', '2026-05-17')", "2026-05-01"),
    ("dateadd('hour', 2, '2026-05-17')", "2026-05-17 02:00:00"),
    ("datediff('2026-03-01', '2026-02-01')", 28),
    ("day('2026-05-17')", 17),
    ("dayofmonth('2026-05-17')", 17),
    ("dayofweek('2026-11-29')", 1),
    ("dayofyear('2026-02-01')", 32),
    ("ends_with('token', 'en')", 1),
    ("from_unixtime(86400)", "1970-01-02 00:00:00"),
    ("greatest(1, NULL, 3)", 3),
    ("hour('2026-05-17 10:20:30')", 10),
    ("initcap('personal access-TOKEN')", "Personal Access-Token"),
    ("last_day('2024-02-10')", "2024-02-29"),
    ("lcase('ABC')", "abc"),
    ("least('b', 'a', NULL)", "a"),
    ("len('abc')", 3),
    ("lpad('7', 3, '0')", "007"),
    ("minute('2026-05-17 10:20:30')", 20),
    ("month('2026-05-17')", 5),
    ("now() > '2026-01-01'", 1),
    ("nvl(NULL, 1)", 1),
    ("nvl2(NULL, 'yes', 'no')", "no"),
    ("overlay('abcd', 'x', 2, 2)", "axd"),
    ("position('k', 'token')", 3),
    ("quarter('2026-05-17')", 2),
    ("repeat('ab', 2)", "abab"),
    ("rpad('abcd', 2)", "ab"),
    ("second('2026-05-17 10:20:30')", 30),
    ("starts_with('token', 'to')", 1),
    ("strpos('token', 'k')", 3),
    ("timestampadd('minute', 90, '2026-05-17 10:00:00')", "2026-05-17 11:30:00"),
    ("timestampdiff('month', '2026-01-31', '2026-03-30')", 1),
    ("to_date('2026-05-17 10:20:30')", "2026-05-17"),
    ("to_timestamp(86400)", "1970-01-02 00:00:00"),
    ("translate('abc', 'ab', 'x')", "xc"),
    ("ucase('abc')", "ABC"),
    ("unix_timestamp('1970-01-02')", 86400),
    ("weekofyear('2026-01-01')", 1),
    ("year('2026-05-17')", 2026),
]
OVER_ROWS: list[tuple[str, Value]] = [
    ("avg(x)", 2.0),
    ("count(x)", 3),
    ("count(DISTINCT x % 2)", 2),
    ("group_concat(x)", "1,2,3"),
    ("group_concat(x, '-')", "1-2-3"),
    ("string_agg(x, '-')", "1-2-3"),
    ("json_group_array(x)", "[1,2,3]"),
    ("any_value(x)", 1),
    ("array_agg(x)", "[1,2,3]"),
    ("bool_and(x > 1)", 0),
    ("bool_or(x > 1)", 1),
    ("collect_list(x)", "[1,2,3]"),
    ("count_if(x > 1)", 2),
    ("every(x > 0)", 1),
    ("listagg(x, '-')", "1-2-3"),
    ("median(x)", 2.0),
    ("mode(x % 2)", 1),
    ("stddev(x)", 1.0),
    ("stddev_pop(x - x)", 0.0),
    ("stddev_samp(x)", 1.0),
    ("var_pop(x - x)", 0.0),
    ("var_samp(x)", 1.0),
    ("variance(x)", 1.0),
    ("group_concat(x ORDER BY x DESC)", "3,2,1"),
    ("group_concat(x, '-' ORDER BY x % 2, x DESC)", "2-3-1"),
    ("group_concat(x ORDER BY nullif(x, 2))", "2,1,3"),
    ("group_concat(x ORDER BY nullif(x, 2) NULLS LAST)", "1,3,2"),
    ("group_concat(x ORDER BY nullif(x, 2) DESC)", "3,1,2"),
    ("group_concat(x ORDER BY nullif(x, 2) DESC NULLS FIRST)", "2,3,1"),
    ("group_concat(x ORDER BY x DESC SEPARATOR '/')", "3/2/1"),
    ("group_concat(DISTINCT x % 2 SEPARATOR '/')", "1/0"),
    ("string_agg(DISTINCT x % 2, '/' ORDER BY x % 2)", "0/1"),
    ("group_concat(x ORDER BY x DESC) FILTER (WHERE x > 1)", "3,2"),
    ("json_group_array(x ORDER BY x DESC)", "[3,2,1]"),
    ("sum(x ORDER BY x)", 6),
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


NAMES = sorted(functions())
NEWER = {"octet_length", "timediff", "unhex", "current_date", "current_time", "current_timestamp"}
"""Functions that SQLite 3.40, the oldest that is supported, lacks; current_* are keywords in some builds."""
PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": int,
}


def first_name(call: str) -> str:
    return call.partition("(")[0].strip('"')


def available(cases: list[tuple[str, Value]]) -> list[tuple[str, Value]]:
    return [(call, value) for call, value in cases if first_name(call) in function_names()]


def sqlite_text(call: str) -> str:
    """Return a call as the planner writes it for SQLite: a function may have another name there."""
    statement = shared_parser().parse(f"SELECT {call}")
    assert isinstance(statement, nodes.Query)
    assert isinstance(statement.body, nodes.Select)
    (item,) = statement.body.items
    assert isinstance(item, nodes.Item)
    return unparse.expression(item.expr, sqlite=True)


# ---- what each does


@each_case(("call", "value"), available(SCALAR), ids=[call for call, _ in available(SCALAR)])
def test_a_scalar_function_gives_what_its_documentation_says(call: str, value: Value) -> None:
    with closing(Database(Cancellation())) as database:
        assert database.evaluate([sqlite_text(call)]) == (value,)


@each_case(("call", "value"), available(OVER_ROWS), ids=[call for call, _ in available(OVER_ROWS)])
def test_an_aggregate_gives_what_its_documentation_says(call: str, value: Value) -> None:
    with closing(Database(Cancellation())) as database:
        rows = database.query(f"SELECT {sqlite_text(call)} FROM (SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3)")
        assert list(rows) == [(value,)]


@each_case(("call", "values"), WINDOWS, ids=[call for call, _ in WINDOWS])
def test_a_window_function_gives_what_its_documentation_says(call: str, values: list[Value]) -> None:
    source = "(SELECT column1 AS x FROM (VALUES (1), (2), (3)))"
    with closing(Database(Cancellation())) as database:
        rows = database.query(f"SELECT {call} OVER (ORDER BY x) FROM {source}")
        assert [row[0] for row in rows] == values


# ---- what each declares


@each_case("name", NAMES)
def test_a_function_has_a_text_and_types(name: str) -> None:
    function = functions()[name]
    types = {*get_args(ColumnType), "T", "N", "time"}
    parameters = function.call.partition("(")[2].removesuffix(")")
    undeclared = re.sub(r"\w+: \w+|[\[\], ]|\.\.\.", "", parameters)
    assert undeclared == ("*orDISTINCT" if name == "count" else "")
    assert (function.name, function.call.endswith(")"), bool(function.description)) == (name, True, True)
    assert {function.result, *(parameter.type for parameter in function.parameters)} <= types
    assert function.result not in ("T", "N") or function.result in {p.type for p in function.parameters}


@each_case("name", NAMES)
def test_a_function_has_a_case(name: str) -> None:
    cases = [*SCALAR, *OVER_ROWS, *WINDOWS, *FLAT]
    assert [call for call, _ in cases if re.search(rf"\b{name}\"?\(", call)]


@pytest.fixture(scope="module")
def completer() -> Completer:
    return Completer(shared_parser(), Catalog.load_shipped())


@each_case("name", NAMES)
def test_a_function_is_completed_with_its_signature(name: str, completer: Completer) -> None:
    facts = Facts(functions={name: function.signature for name, function in functions().items()})
    text = f"SELECT {name}"
    suggestions = {found.text: found.note for found in completer.complete(text, len(text), facts)}
    assert suggestions.get(f"{name}(") == functions()[name].signature


@each_case(("call", "value"), [*SCALAR, *OVER_ROWS], ids=[call for call, _ in [*SCALAR, *OVER_ROWS]])
def test_a_value_has_the_type_that_its_function_declares(call: str, value: Value) -> None:
    function = functions()[first_name(call)]
    is_a_call = re.fullmatch(r'"?\w+"?\([^()]*\)', call)
    if value is not None and is_a_call and function.result in PYTHON_TYPES:
        assert isinstance(value, PYTHON_TYPES[function.result])
        assert function.result != "boolean" or value in (0, 1)


def test_every_function_that_is_listed_can_be_called_by_name() -> None:
    assert functions().keys() - function_names() <= NEWER


# ---- what a declaration says


TYPES: list[tuple[Function, list[ColumnType | None], ColumnType]] = [
    (functions()["length"], ["string"], "integer"),
    (functions()["coalesce"], ["string", "string", "string"], "string"),
    (functions()["coalesce"], ["integer", "number"], "number"),
    (functions()["coalesce"], ["integer", "string"], "any"),
    (functions()["coalesce"], [], "any"),
    (functions()["if"], ["boolean", "string"], "string"),
    (functions()["if"], ["boolean", "string", "integer"], "any"),
    (functions()["nullif"], ["integer", "string"], "integer"),
    (functions()["max"], ["integer", "integer", "number"], "number"),
    (functions()["lag"], ["string", "integer", "string"], "string"),
    (functions()["sum"], ["number"], "number"),
    (functions()["sum"], ["boolean"], "integer"),
    (functions()["sum"], ["any"], "number"),
    (functions()["abs"], ["integer"], "integer"),
    (functions()["coalesce"], [None, "integer"], "integer"),
]


@each_case(("function", "arguments", "result"), TYPES, ids=[f"{f.name} {a}" for f, a, _ in TYPES])
def test_the_type_of_a_call_follows_from_those_of_its_arguments(
    function: Function, arguments: list[ColumnType | None], result: ColumnType
) -> None:
    assert function.result_type(arguments) == result


@each_case(
    ("name", "counts"),
    [("sha256", (1,)), ("split_part", (3,)), ("regexp_like", (2, 3)), ("log", (1, 2)), ("pi", (0,)), ("concat", (-1,))],
)
def test_the_numbers_of_arguments_follow_from_a_declaration(name: str, counts: tuple[int, ...]) -> None:
    assert functions()[name].argument_counts == counts


def test_only_an_aggregate_makes_one_value_of_many_rows() -> None:
    aggregates = {name for name, function in functions().items() if function.is_aggregate(1)}
    assert aggregates == {first_name(call) for call, _ in OVER_ROWS}
    assert not functions()["max"].is_aggregate(2)


# ---- mathematics, where SQLite was built without it


FALLBACKS: dict[str, tuple[tuple[float, ...], float]] = {
    "sqrt": ((9,), 3.0),
    "pow": ((2, 3), 8.0),
    "mod": ((7, 4), 3.0),
    "log": ((100,), 2.0),
    "floor": ((1.8,), 1),
    "ceil": ((1.2,), 2),
    "trunc": ((-1.5,), -1),
}


@each_case("name", FALLBACKS)
def test_mathematics_is_there_where_sqlite_was_built_without_it(name: str) -> None:
    arguments, value = FALLBACKS[name]
    function = functions()[name]
    assert function.is_fallback
    assert function.implementation is not None
    assert len(arguments) in function.argument_counts
    assert function.implementation(*arguments) == value
    assert function.implementation(*["x"] * len(arguments)) is None


def test_a_square_root_of_a_negative_number_is_null_as_sqlite_has_it() -> None:
    implementation = functions()["sqrt"].implementation
    assert implementation is not None
    assert implementation(-1) is None
