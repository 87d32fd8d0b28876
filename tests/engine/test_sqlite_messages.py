"""What SQLite says reaches nobody: each mistake has words of ours, and a place in the statement."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.engine.sessions import A, connect, run
from tests.shared_parser import shared_parser
from tokensh import sandbox
from tokensh.dbapi.connection import Connection
from tokensh.engine.sqlite_messages import (
    MESSAGES,
    constraint_reason,
    definition_reason,
    file_reason,
    translate_message,
)
from tokensh.errors import Error, EvaluationError, QueryRefused, UnknownName

# Pieces of SQLite's messages (build.c, expr.c, func.c, json.c, resolve.c, select.c, vdbe.c, window.c) that ours do not have.
RAW_WORDS = re.compile(
    'near "|syntax error|no such |misuse of|row value misused|sub-select|datatype mismatch|malformed JSON|constraint failed'
    "|wrong number of arguments to|may not be used|must be a |integer overflow|multiple references|circular reference"
    "|prohibited in|not authorized|user-defined function|string or blob|too many terms|non-deterministic|JSON path|labels must be"
    "|unsupported frame|ESCAPE expression|out of range|incomplete input|unrecognized token|unable to use|this query cannot be run"
)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with sandbox.start() as site, connect(site, Path(tmp_path_factory.mktemp("home")), workspace=A, yes=True) as opened:
        run(
            opened,
            "CREATE TABLE t (x INTEGER PRIMARY KEY, y TEXT NOT NULL UNIQUE)",
            "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        )
        yield opened


# Each statement would get a message of SQLite; «» are around what is pointed at.
PROVOCATIONS = [
    ("SELECT «substr('a')»", "substr() is given 1 argument"),
    ("SELECT «round(1, 2, 3)»", "round() is given 3 arguments"),
    ("SELECT «concat_ws()»", "concat_ws() is given 0 arguments"),
    ("SELECT «count(1, 2)»", "count() is given 2 arguments"),
    ("SELECT «upper(*)»", "upper(*) is not a call"),
    ("SELECT «coalesce(1)»", "coalesce() is given the wrong number of arguments"),
    ("SELECT «upper(DISTINCT y)» FROM t", "upper() takes no DISTINCT"),
    ("SELECT «upper(y) FILTER (WHERE 1)» FROM t", "upper() takes no FILTER"),
    ("SELECT «upper(y) OVER ()» FROM t", "upper() takes no OVER"),
    ("SELECT «row_number()» FROM t", "row_number() is a window function: it needs OVER"),
    ("SELECT «count(DISTINCT y) OVER ()» FROM t", "count(DISTINCT ...) with OVER is not offered"),
    ("SELECT «json_group_object(DISTINCT x, y)» FROM t", "json_group_object(DISTINCT ...) takes one argument"),
    ("SELECT «group_concat(y ORDER BY x) OVER ()» FROM t", "group_concat takes no ORDER BY here"),
    ("SELECT «total(x, y)» FROM t", "total() is given 2 arguments"),
    ("SELECT «INTERVAL 1 DAY» FROM t", "an INTERVAL is added to a time, or subtracted from one"),
    ("SELECT x FROM t WHERE «count(*)» > 1", "WHERE cannot use the aggregate count()"),
    ("SELECT y, count(*) AS n FROM t WHERE «n» > 1 GROUP BY y", "WHERE cannot use the aggregate count()"),
    ("SELECT x FROM t GROUP BY «max(x)»", "GROUP BY cannot use the aggregate max()"),
    ("SELECT max(x) FROM t GROUP BY «1»", "column 1 is an aggregate"),
    ("SELECT max(x) AS m FROM t GROUP BY «m»", "GROUP BY cannot use the aggregate max()"),
    ("SELECT 1 FROM t AS a JOIN t AS b ON «max(a.x)» = b.x", "ON cannot use the aggregate max()"),
    ("SELECT row_number() OVER () AS n FROM t WHERE «n» = 1", "WHERE cannot use the window function row_number()"),
    ("SELECT max(«sum(x)») FROM t", "sum() inside of max()"),
    ("SELECT x FROM t HAVING «x > 1»", "HAVING needs GROUP BY or an aggregate"),
    ("DELETE FROM t WHERE «count(*)» = 1", "WHERE cannot use the aggregate count()"),
    ("UPDATE t SET y = «max(y)»", "SET cannot use max()"),
    ("SELECT «sum(x) OVER w» FROM t", "unknown window 'w'"),
    ("SELECT «sum(x) OVER (w PARTITION BY x)» FROM t WINDOW w AS (ORDER BY x)", "the window 'w' has its own PARTITION clause"),
    ("SELECT «sum(x) OVER (ORDER BY x ROWS UNBOUNDED FOLLOWING)» FROM t", "this frame is not offered"),
    ("SELECT «sum(x) OVER (ORDER BY x, y RANGE 1 PRECEDING)» FROM t", "RANGE with an offset needs an ORDER BY of one expression"),
    ("SELECT «sum(x) OVER (ORDER BY x ROWS -1 PRECEDING)» FROM t", "the starting offset of the frame is not a number that fits"),
    ("SELECT «ntile(0) OVER ()» FROM t", "ntile() takes a whole number from 1"),
    ("SELECT «nth_value(x, 0) OVER ()» FROM t", "nth_value() takes a whole number from 1"),
    ("SELECT «(1, 2)»", "a row of 2 values can only be compared"),
    ("SELECT (1, 2) = «1»", "a row of 2 values is compared with a single value"),
    ("SELECT (1, 2) = «(1, 2, 3)»", "a row of 2 is compared with a row of 3"),
    ("SELECT (1, 2) IN («1», 2)", "a row of 2 values is compared with a single value"),
    ("SELECT upper(«(1, 2)»)", "a row of 2 values can only be compared"),
    ("SELECT «(SELECT 1, 2)»", "this query has 2 columns, and 1 is expected"),
    ("SELECT * FROM t WHERE «x IN (SELECT x, y FROM t)»", "this query has 2 columns, and 1 is expected"),
    ("SELECT (1, 2) = «(SELECT 1)»", "this query has 1 column, and 2 are expected"),
    ("SELECT 1 LIMIT «(SELECT NULL)»", "LIMIT and OFFSET take a whole number"),
    ("SELECT 1 LIMIT «'a' || 'b'»", "LIMIT and OFFSET take a whole number"),
    ("SELECT 'a' COLLATE «klingon»", "unknown collation 'klingon'"),
    ("SELECT «y MATCH 'a'» FROM t", "MATCH is not offered"),
    ("SELECT y LIKE 'a' ESCAPE «'ab'» FROM t", "ESCAPE takes a single character"),
    ("SELECT «y LIKE 'a' ESCAPE y || y» FROM t", "ESCAPE takes a single character"),
    ("SELECT «json_extract('x', '$')»", "a text is not valid JSON"),
    ("SELECT «'x' -> '$'»", "a text is not valid JSON"),
    ("SELECT «json_extract('{}', 'x')»", "'x' is not a path into JSON"),
    ("SELECT «json_object('a')»", "json_object() takes names and values in pairs"),
    ("SELECT «json_object(1, 2)»", "a name in json_object() is not a text"),
    ("SELECT «json_set('{}', '$.a')»", "json_set() takes the JSON, then paths and values in pairs"),
    ("SELECT «json_array(x'00')»", "JSON cannot hold bytes"),
    ("SELECT * FROM «json_each()»", "json_each() is given 0 arguments"),
    ("SELECT * FROM «json_each('x')»", "a text is not valid JSON"),
    ("SELECT «sum(9223372036854775807)» FROM t", "a whole number has more than 64 bits"),
    ("SELECT «abs(-9223372036854775807 - 1)»", "a whole number has more than 64 bits"),
    ("WITH RECURSIVE «r» (n) AS (SELECT 1 UNION ALL SELECT a.n FROM r a, r b) SELECT * FROM r", "can name its own table 'r' once"),
    ("WITH RECURSIVE «r» (n) AS (SELECT 1 UNION ALL SELECT max(n) FROM r) SELECT * FROM r", "a recursive query cannot use aggregates"),
    ("WITH RECURSIVE «r» (n) AS (SELECT 1 UNION ALL SELECT (SELECT n FROM r)) SELECT * FROM r", "'r' refers to itself"),
    ("SELECT * FROM t AS a NATURAL JOIN t AS b ON «1»", "a NATURAL join takes no ON"),
    ("SELECT «zeroblob(10000000000)»", "a value is longer than a gigabyte"),
    # What our functions raise: at the call, which its constants tell from others.
    ("SELECT to_ms('2027-01-01'), «to_ms('now')», to_ms(y) FROM t LIMIT 1", "invalid time: 'now'"),
    ("SELECT y FROM t WHERE x > «to_ms('90 days')»", "invalid time: '90 days'"),
    ("SELECT count(*) FROM t GROUP BY «to_ms(y)»", "invalid time: 'a'"),
    ("WITH w AS (SELECT «to_ms(y)» AS m FROM t) SELECT m FROM w", "invalid time: 'a'"),
    ("DELETE FROM t WHERE x > «to_ms('never')»", "invalid time: 'never'"),
    ("UPDATE t SET x = «to_ms('never')»", "invalid time: 'never'"),
    ("INSERT INTO t VALUES («to_ms('never')», 'c')", "invalid time: 'never'"),
    ("EXEC user_tokens.revoketoken @token_id = «error('no')»", "no"),
    ("SELECT «OVERLAY('abc' PLACING 'x' FROM 1 FOR 1.5)»", "overlay takes a whole number"),
    ("SELECT «EXTRACT(foo FROM '2027-01-01')»", "a time has no part 'foo'"),
    ("SELECT «y REGEXP '['» FROM t", "invalid regular expression"),
    ("SELECT «CAST(y AS TIMESTAMP)» FROM t", "invalid time: 'a'"),
    ("SELECT y + «INTERVAL '1 day'» FROM t", "invalid time: 'a'"),
    ("SELECT left('abc', 1), «left('abc', 1.5)»", "is not a whole number"),
    ("SELECT CASE WHEN x > 1 THEN «error('no')» END FROM t", "no"),
]  # fmt: skip


@each_case(("marked", "message"), PROVOCATIONS, ids=[sql for sql, _ in PROVOCATIONS])
def test_a_mistake_has_words_of_ours_and_a_place(marked: str, message: str, session: Connection) -> None:
    sql, place = re.sub("[«»]", "", marked), re.findall("«(.*)»", marked)[0]
    with pytest.raises(Error) as caught:
        run(session, sql)
    assert message in caught.value.message
    assert not RAW_WORDS.search(f"{caught.value.message} {caught.value.hint}")
    assert caught.value.span is not None
    assert place in sql[slice(*caught.value.span)]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("INSERT INTO t VALUES (1, 'c')", "another row has the same x"),
        ("INSERT INTO t VALUES (3, 'a')", "another row has the same y"),
        ("INSERT INTO t VALUES (3, NULL)", "y must not be NULL"),
        ("CREATE TABLE u (x int PRIMARY KEY, y int PRIMARY KEY)", "there is more than one PRIMARY KEY"),
        ("CREATE TABLE u (x int, UNIQUE (z))", "unknown column 'z'"),
    ],
)
def test_a_table_says_why_it_refuses(sql: str, reason: str, session: Connection) -> None:
    with pytest.raises(Error, match=re.escape(reason)):
        run(session, sql)


@each_case("entry", MESSAGES, ids=lambda entry: entry.pattern)
def test_an_entry_of_the_table_reads_well(entry: object) -> None:
    groups = ["x"] * entry.pattern.replace("(?:", "").count("(")  # type: ignore[attr-defined]
    text = f"{entry.message} {entry.hint or ''}".format(*groups)  # type: ignore[attr-defined]
    assert "{" not in text.replace("{{", "")
    assert not RAW_WORDS.search(text)


def test_a_message_that_is_not_known_is_not_passed_on() -> None:
    for text in ("flux capacitor misaligned", 'near "x": syntax error'):
        error = translate_message(text)
        assert isinstance(error, QueryRefused | EvaluationError)
        assert text not in error.message
    assert "locked" not in file_reason(OSError())
    assert definition_reason("flux") == "a type or a constraint is not understood"
    assert constraint_reason("flux") == "a constraint does not hold"


# ---- a sweep over odd statements

SEEDS = [
    "SELECT x, y FROM t WHERE x > 1 ORDER BY y DESC LIMIT 1",
    "SELECT y, count(*), max(x) FROM t GROUP BY y HAVING count(*) > 0 ORDER BY 2",
    "SELECT sum(x) OVER (PARTITION BY y ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
    "SELECT rank() OVER w, lag(x, 1, 0) OVER w FROM t WINDOW w AS (ORDER BY x)",
    "SELECT * FROM t AS a LEFT JOIN t AS b ON a.x = b.x AND b.y IN (SELECT y FROM t)",
    "SELECT * FROM t NATURAL JOIN (SELECT x FROM t) AS u WHERE EXISTS (SELECT 1 FROM t AS v WHERE v.x = u.x)",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n, (SELECT max(x) FROM t) FROM r",
    "SELECT (x, y) = (SELECT 1, 'a'), (x, y) IN (VALUES (1, 'a')) FROM t",
    "SELECT CASE WHEN y LIKE 'a%' ESCAPE '!' THEN CAST(x AS text) ELSE y || x END FROM t",
    "SELECT json_extract('{\"a\": [1]}', '$.a[0]'), json_object(y, x), value FROM t, json_each('[1, 2]')",
    "SELECT y COLLATE NOCASE = 'A', x BETWEEN 0 AND 2, x IS NOT NULL, -x, ~x, NOT x FROM t",
    "SELECT x FROM t UNION ALL SELECT 3 INTERSECT SELECT x FROM t EXCEPT SELECT 4 ORDER BY 1 LIMIT 2 OFFSET 1",
    "VALUES (1, 2), (3, 4) ORDER BY 2 DESC",
    "SELECT substr(y, 1, 2), round(x, 1), coalesce(x, y), abs(x), datetime('now', '+1 day'), strftime('%Y', 'now') FROM t",
    "SELECT group_concat(DISTINCT y), total(x) FILTER (WHERE x > 1), count(DISTINCT x) FROM t",
    "SELECT comment, days_left(expiry_time) FROM user_tokens WHERE comment REGEXP 'a' ORDER BY expiry_time",
    "UPDATE t SET y = y || 'c' WHERE x = 7 RETURNING x, upper(y)",
    "DELETE FROM t WHERE x = 7 RETURNING *",
]
POOL = ["x", "y", "t", "1", "0", "-1", "'a'", "'x'", "'{'", "NULL", "x'00'", "9223372036854775807", "1e999", "*", "(", ")", ",", ".", "+", "-", "/", "%", "||", "->", "->>", "=", "<>", "<", "IN", "LIKE", "IS", "NOT", "AND", "OR", "DISTINCT", "count(*)", "max(x)", "sum(x)", "row_number()", "upper(y)", "json('x')", "(1,2)", "(SELECT", "1,2)", "(SELECT", "x", "FROM", "t)", "OVER", "()", "OVER", "w", "GROUP", "BY", "HAVING", "ORDER", "BY", "LIMIT", "OFFSET", "FILTER", "COLLATE", "ESCAPE", "UNION", "ALL", "WINDOW", "ROWS", "RANGE", "GROUPS", "PRECEDING", "FOLLOWING", "UNBOUNDED", "BETWEEN", "CASE", "WHEN", "THEN", "END", "CAST", "json_each('[]')", "json_extract", "MATCH", "GLOB", "EXISTS", "nope", "t.y", "USING"]  # fmt: skip


def mutations(count: int, seed: int) -> Iterator[str]:
    """Yield statements with one to three tokens changed, dropped, doubled or swapped."""
    chance = random.Random(seed)
    parser = shared_parser()
    tokens = [[token.text for token in parser.tokenize(statement).tokens] for statement in SEEDS]
    for _ in range(count):
        words = list(chance.choice(tokens))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(words))
            match chance.randrange(5):
                case 0:
                    words[at] = chance.choice(POOL)
                case 1:
                    words.insert(at, chance.choice(POOL))
                case 2 if len(words) > 2:
                    del words[at]
                case 3:
                    words.insert(at, words[at])
                case _:
                    other = chance.randrange(len(words))
                    words[at], words[other] = words[other], words[at]
        yield " ".join(words)


def find_problem(session: Connection, sql: str) -> str | None:
    """Run a statement, and return what is wrong with its error, if anything."""
    try:
        run(session, sql)
    except Error as error:
        raw = RAW_WORDS.search(f"{error.message} {error.hint or ''}")
        if raw:
            return f"{sql}\n    {error.message} ({error.hint})"
        if isinstance(error, QueryRefused | EvaluationError | UnknownName) and error.span is None:
            return f"{sql}\n    no place: {error.message}"
    except Exception as error:  # noqa: BLE001 (whatever it is)
        return f"{sql}\n    {type(error).__name__}: {error}"
    return None


def test_odd_statements_give_a_result_or_an_error_in_words_of_ours(session: Connection) -> None:
    problems = [problem for sql in mutations(1500, seed=18) if (problem := find_problem(session, sql))]
    assert problems == []
