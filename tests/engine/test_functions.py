"""The functions that tokensh adds to SQLite give the right values and clear errors at their edges."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.cases import each_case
from tokensh.engine.sqlite import Database
from tokensh.environment import Cancellation
from tokensh.errors import DataError, ProgrammingError
from tokensh.functions import functions
from tokensh.rows import Row, Value

CASES: dict[str, list[tuple[str, Value]]] = {
    "regexp": [
        ("'token' REGEXP 'k.n$'", 1),
        ("'token' REGEXP 'K'", 0),
        ("NULL REGEXP 'k'", None),
        ("'x' REGEXP NULL", None),
        ("12 REGEXP '^1'", 1),
    ],
    "regexp_like": [
        ("regexp_like('a\nb', 'a.b')", 0),
        ("regexp_like('a\nb', 'a.b', 's')", 1),
        ("regexp_like('a\nb', '^b', 'm')", 1),
        ("regexp_like('AB', 'b', 'ic')", 1),
        ("regexp_like(NULL, 'b')", None),
        ("regexp_like('', '')", 1),
    ],
    "regexp_substr": [
        ("regexp_substr('東京 2026', '[0-9]{2}')", "20"),
        ("regexp_substr('abc', '[0-9]')", None),
        ("regexp_substr('ABC', 'b', 'i')", "B"),
        ("regexp_substr('abc', NULL)", None),
    ],
    "regexp_replace": [
        ("regexp_replace('a-b', '(a)-(b)', '$2$1')", "ba"),
        (r"regexp_replace('a-b', '(a)-(b)', '\2\1')", "ba"),
        ("regexp_replace('aAa', 'a', 'x', 'i')", "xxx"),
        ("regexp_replace('abc', 'z', 'x')", "abc"),
        ("regexp_replace('abc', 'b', '')", "ac"),
        ("regexp_replace('abc', 'b', NULL)", None),
    ],
    "regexp_instr": [
        ("regexp_instr('東京x', 'x')", 3),
        ("regexp_instr('abc', 'z')", 0),
        ("regexp_instr(NULL, 'z')", None),
    ],
    "split_part": [
        ("split_part('a.b.c', '.', -1)", "c"),
        ("split_part('a.b.c', '.', 4)", ""),
        ("split_part('a.b.c', '.', -4)", ""),
        ("split_part('a.b.c', '.', 0)", ""),
        ("split_part('abc', '', 1)", "abc"),
        ("split_part('a.c', '.', 2.0)", "c"),
        ("split_part(NULL, '.', 1)", None),
    ],
    "json_equal": [
        ("json_equal('[1,2]', '[2,1]')", 0),
        ("json_equal('1', '1.0')", 1),
        ("json_equal('1', 'true')", 0),
        ("json_equal('{\"a\":[0]}', '{\"a\":[false]}')", 0),
        ("json_equal('{', '{')", 0),
        ("json_equal(NULL, '1')", None),
    ],
    "concat": [("concat()", ""), ("concat(NULL)", ""), ("concat('a', 1, 2.5)", "a12.5"), ("concat(x'6162')", "ab")],
    "concat_ws": [
        ("concat_ws(NULL, 'a')", None),
        ("concat_ws(',', NULL, NULL)", ""),
        ("concat_ws('', 'a', '', 'b')", "ab"),
        ("concat_ws(', ', 'a', '', 'b')", "a, , b"),
    ],
    "upper": [("upper('zoë')", "ZOË"), ("upper(NULL)", None), ("upper(1e20)", "1.0E+20"), ("upper(x'6162')", "AB")],
    "lower": [("lower('ÉCOLE ΑΣ')", "école ας"), ("lower(NULL)", None), ("lower(1.0)", "1.0")],
    "if": [
        ("if(NULL, 1, 2)", 2),
        ("if('', 1, 2)", 2),
        ("if('0', 1, 2)", 2),
        ("if(-1, 1, 2)", 1),
        ("if(0, 1)", None),
        ("if('abc', 1, 2)", 2),
        ("if('0.0', 1, 2)", 2),
        ("if(' 1x', 1, 2)", 1),
        ("if(x'31', 1, 2)", 1),
        ("if(0.5, 1, 2)", 1),
        ("if(2 > 1, 'a', 'b')", "a"),
    ],
    "left": [
        ("\"left\"('東京x', 2)", "東京"),
        ("\"left\"('abc', 9)", "abc"),
        ("\"left\"('abc', -1)", ""),
        ('"left"(NULL, 1)', None),
    ],
    "right": [
        ("\"right\"('東京x', 2)", "京x"),
        ("\"right\"('abc', 9)", "abc"),
        ("\"right\"('abc', 0)", ""),
        ('"right"(NULL, 1)', None),
    ],
    "reverse": [("reverse('abc')", "cba"), ("reverse(12)", "21"), ("reverse(NULL)", None)],
    "sha256": [
        ("sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("length(sha256('東京'))", 64),
        ("sha256(NULL)", None),
    ],
    "json_extract_path_text": [
        ("json_extract_path_text('{\"a\":[1,{\"b\":null}]}', 'a', '0')", "1"),
        ("json_extract_path_text('{\"a\":[1,{\"b\":null}]}', 'a', 1, 'b')", None),
        ("json_extract_path_text('{\"a\":true}', 'a')", "true"),
        ("json_extract_path_text('{\"a\":{\"b\":1}}', 'a')", '{"b": 1}'),
        ("json_extract_path_text('{\"a\":1}', 'b')", None),
        ("json_extract_path_text('[1]', 'x')", None),
        ("json_extract_path_text(NULL, 'x')", None),
        ("json_extract_path_text('\"x\"')", "x"),
    ],
    "aws_policy_equal": [
        ('aws_policy_equal(\'{"a":["x"]}\', \'{"a":"x"}\')', 1),
        ("aws_policy_equal('[1,1,2]', '[2,1]')", 1),
        ("aws_policy_equal('{\"a\":1}', '{\"a\":2}')", 0),
        ("aws_policy_equal('{\"a\":1}', '{\"a\":true}')", 0),
        ("aws_policy_equal('{', '{')", 0),
        ("aws_policy_equal(NULL, '{}')", None),
    ],
    "error": [
        ("CASE WHEN 1 > 2 THEN error('never reached') ELSE 'fine' END", "fine"),
        ("iif(1 < 2, 'fine', error(3))", "fine"),
    ],
    "expires_in": [
        ("expires_in(NULL)", None),
        ("expires_in('soon')", None),
        ("expires_in(unixepoch() * 1000 + 90500)", "in 1m"),
        ("expires_in(unixepoch() * 1000 + 2 * 86400000 + 9000)", "in 2d"),
        ("expires_in(unixepoch() * 1000 - 3 * 3600000)", "3h ago"),
        ("expires_in(unixepoch() * 1000 + 800 * 86400000)", "in 2y"),
        ("expires_in(9e999)", None),
    ],
    "days_left": [
        ("days_left(NULL)", None),
        ("days_left('x')", None),
        ("round(days_left(unixepoch() * 1000 + 86400000 * 3))", 3.0),
        ("days_left(unixepoch() * 1000 - 86400000) < -0.9", 1),
    ],
    "from_ms": [
        ("from_ms(0)", "1970-01-01 00:00:00"),
        ("from_ms(1764000000123)", "2025-11-24 16:00:00"),
        ("from_ms(-2000)", "1969-12-31 23:59:58"),
        ("from_ms('x')", None),
        ("from_ms(NULL)", None),
    ],
    "to_ms": [
        ("to_ms('2026-12-31')", 1798675200000),
        ("to_ms(' 1970-01-01 00:00:01.5 ')", 1500),
        ("to_ms('1970-01-01T00:00:00Z')", 0),
        ("to_ms('1969-12-31')", -86400000),
        ("to_ms(NULL)", None),
        ("to_ms(from_ms(1764000000000))", 1764000000000),
    ],
    "add_months": [
        ("add_months('2026-01-31 10:00:00', 1)", "2026-02-28 10:00:00"),
        ("add_months('2026-03-31', -1)", "2026-02-28"),
        ("add_months('2026-11-30', 3)", "2027-02-28"),
        ("add_months(-1, 1)", None),
        ("add_months(1706659200000, 1)", 1709164800000),
    ],
    "ascii": [("ascii('')", 0), ("ascii(NULL)", None)],
    "contains": [("contains('token', 'K')", 0), ("contains(NULL, 'k')", None)],
    "date_add": [
        ("date_add(1709164800001, 1)", 1709251200001),
        ("date_add('2026-12-31 23:00:00', 1)", "2027-01-01 23:00:00"),
        ("date_add('2026-12-31', '1')", "2027-01-01"),
        ("date_add(NULL, 1)", None),
        ("date_add('2026-12-31', NULL)", None),
    ],
    "date_diff": [("date_diff('2026-02-01 23:00:00', '2026-02-01 01:00:00')", 0)],
    "date_part": [
        ("date_part('YEARS', '2026-05-17')", 2026),
        ("date_part('quarter', '2026-12-31')", 4),
        ("date_part('week', '2027-01-01')", 53),
        ("date_part('isoyear', '2027-01-01')", 2026),
        ("date_part('dow', '2026-11-29')", 0),
        ("date_part('isodow', '2026-11-29')", 7),
        ("date_part('doy', '2026-12-31')", 365),
        ("date_part('hour', 86399000)", 23),
        ("date_part('second', 1500)", 1.5),
        ("date_part('second', 2000)", 2),
        ("date_part('millisecond', 1500)", 1500),
        ("date_part('microsecond', 1500)", 1500000),
        ("date_part('epoch', 1500)", 1.5),
        ("date_part('epoch', '1970-01-02')", 86400),
        ("date_part('decade', '2026-05-17')", 202),
        ("date_part('century', '2000-05-17')", 20),
        ("date_part('year', -1)", None),
    ],
    "date_sub": [("date_sub('2026-03-01', 1)", "2026-02-28"), ("date_sub('2026-03-01', NULL)", None)],
    "date_trunc": [
        ("date_trunc('year', '2026-05-17 10:20:30')", "2026-01-01 00:00:00"),
        ("date_trunc('quarter', '2026-05-17')", "2026-04-01"),
        ("date_trunc('week', '2026-11-29')", "2026-11-23"),
        ("date_trunc('hour', '2026-05-17 10:20:30')", "2026-05-17 10:00:00"),
        ("date_trunc('second', 1500)", "1970-01-01 00:00:01"),
        ("date_trunc('day', -1)", None),
        ("date_trunc('day', -86400001)", "1969-12-30 00:00:00"),
        ("date_trunc(NULL, '2026-05-17')", None),
    ],
    "dateadd": [("dateadd('week', -1, '2026-01-01')", "2025-12-25"), ("dateadd('day', 1.5, 0)", 129600000)],
    "datediff": [("datediff('2025-12-31', '2026-01-01')", -1), ("datediff(NULL, '2026-01-01')", None)],
    "day": [("day(NULL)", None)],
    "dayofmonth": [("dayofmonth(0)", 1)],
    "dayofweek": [("dayofweek('2026-11-28')", 7)],
    "dayofyear": [("dayofyear('2024-12-31')", 366)],
    "ends_with": [("ends_with('token', 'EN')", 0)],
    "from_unixtime": [("from_unixtime(1.5)", "1970-01-01 00:00:01.500"), ("from_unixtime(NULL)", None)],
    "greatest": [("greatest(NULL, NULL)", None), ("greatest(2, '1')", "1")],
    "hour": [("hour('2026-05-17')", 0)],
    "initcap": [("initcap('élan vital')", "Élan Vital"), ("initcap(NULL)", None)],
    "last_day": [("last_day(0)", "1970-01-31"), ("last_day(NULL)", None)],
    "least": [("least(3, NULL, 1.5)", 1.5)],
    "lpad": [
        ("lpad('abc', 2)", "ab"),
        ("lpad('a', 4, 'xy')", "xyxa"),
        ("lpad('a', 3, '')", "a"),
        ("lpad(NULL, 3)", None),
    ],
    "minute": [("minute(60000)", 1)],
    "month": [("month('2026-12-31T23:59:59Z')", 12)],
    "grouping": [("grouping(1)", 0)],
    "grouping_id": [("grouping_id()", 0)],
    "nvl2": [("nvl2(0, 'yes', 'no')", "yes")],
    "string": [("string(5)", "5"), ("string(NULL)", None)],
    "overlay": [
        ("overlay('Txxxxas', 'hom', 2, 4)", "Thomas"),
        ("overlay('abc', 'x', 2)", "axc"),
        ("overlay('abc', 'x', 9)", "abcx"),
        ("overlay(NULL, 'x', 1)", None),
    ],
    "position": [("position('x', 'abc')", 0), ("position('a', 'aba', 2)", 3), ("position(NULL, 'a')", None)],
    "quarter": [("quarter('2026-04-01')", 2)],
    "repeat": [("repeat('a', 0)", ""), ("repeat(NULL, 2)", None)],
    "rpad": [("rpad('a', 4, 'xy')", "axyx"), ("rpad('a', -1)", "")],
    "second": [("second(1500)", 1)],
    "starts_with": [("starts_with('token', 'To')", 0), ("starts_with(NULL, 't')", None)],
    "timestampadd": [("timestampadd('months', 1, '2026-01-31')", "2026-02-28"), ("timestampadd('day', NULL, 0)", None)],
    "timestampdiff": [
        ("timestampdiff('day', '2026-01-01 12:00:00', '2026-01-03 11:00:00')", 1),
        ("timestampdiff('month', '2026-03-30', '2026-01-31')", -1),
        ("timestampdiff('year', '2024-02-29', '2025-02-28')", 0),
        ("timestampdiff('day', NULL, '2026-01-03')", None),
    ],
    "to_date": [("to_date('2026-05-17T23:00:00-02:00')", "2026-05-18"), ("to_date(NULL)", None)],
    "to_timestamp": [
        ("to_timestamp('2026-05-17')", "2026-05-17 00:00:00"),
        ("to_timestamp('2026-05-17T10:00:00+02:00')", "2026-05-17 08:00:00"),
        ("to_timestamp(NULL)", None),
    ],
    "translate": [("translate('aab', 'aa', 'xy')", "xxb"), ("translate(NULL, 'a', 'b')", None)],
    "unix_timestamp": [
        ("unix_timestamp(1500)", 1),
        ("unix_timestamp() > 1790000000", 1),
        ("unix_timestamp(NULL)", None),
    ],
    "weekofyear": [("weekofyear('2027-01-01')", 53)],
    "year": [("year(NULL)", None)],
}


def evaluate(*expressions: str) -> Row:
    with closing(Database(Cancellation())) as database:
        return database.evaluate(expressions)


FLAT = [case for cases in CASES.values() for case in cases]


@each_case(("call", "value"), FLAT, ids=[call for call, _ in FLAT])
def test_a_function_gives_its_value(call: str, value: Value) -> None:
    (result,) = evaluate(call)
    assert (type(result), result) == (type(value), value)


def test_every_function_that_sqlite_lacks_has_cases() -> None:
    assert CASES.keys() == {name for name, f in functions().items() if f.implementation and not f.is_fallback}


@each_case(
    ("call", "words"),
    [
        ("regexp_like('a', '(')", "invalid regular expression"),
        ("'a' REGEXP '*'", "invalid regular expression"),
        ("regexp_like('a', 'a', 'q')", "unknown flag of a regular expression: 'q'"),
        (r"regexp_replace('a', 'a', '\9')", "invalid replacement"),
        ("json_extract_path_text('{', 'a')", "malformed JSON"),
        ("split_part('abc', '.', 'x')", "not a whole number"),
        ("\"left\"('abc', 1.5)", "not a whole number"),
        ("\"right\"('abc', '2')", "not a whole number"),
        ("from_ms(1e18)", "outside the years 1 to 9999"),
        ("from_ms(9e999)", "outside the years 1 to 9999"),
        ("to_ms('tomorrow')", "invalid time: 'tomorrow'"),
        ("json('{')", "not valid JSON"),
        ("error('the new token is missing')", "the new token is missing"),
        ("error(NULL)", "was called"),
        ("date_part('fortnight', 0)", "a time has no part 'fortnight'"),
        ("date_trunc('fortnight', 0)", "unknown unit: 'fortnight'"),
        ("date_add('tomorrow', 1)", "invalid time: 'tomorrow'"),
        ("date_add('9999-12-31', 1)", "outside the years 1 to 9999"),
        ("date_add('2026-01-01', 1.5)", "date_add takes a whole number, not '1.5'"),
        ("add_months('0001-01-01', -1)", "outside the years 1 to 9999"),
        ("year(9e999)", "invalid time"),
        ("to_date(0)", "a number is not a date: 0"),
        ("to_timestamp(1790000000000)", "outside the years 1 to 9999"),
        ("from_unixtime('x')", "takes seconds since 1970, not 'x'"),
        ("lpad('a', 1e12)", "too long"),
        ("repeat('ab', 1000000)", "too long"),
        ("overlay('a', 'b', 0)", "from 1"),
    ],
)
def test_a_value_that_a_function_cannot_take_is_an_error_that_says_so(call: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        evaluate(call)


@each_case("call", ["reverse()", "split_part('a', 'b')", "no_such(1)", "sha256(1, 2)"])
def test_a_wrong_call_is_an_error(call: str) -> None:
    with pytest.raises(ProgrammingError):
        evaluate(call)


def test_the_error_of_one_function_is_not_told_of_the_next() -> None:
    with closing(Database(Cancellation())) as database:
        with pytest.raises(DataError, match="invalid time"):
            database.evaluate(["to_ms('x')"])
        with pytest.raises(ProgrammingError, match="the name 'nope' cannot be used here"):
            database.evaluate(["nope"])
