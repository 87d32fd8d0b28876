"""Printed statements parse to the same tree, and printed expressions mean the same in SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import given

from tests.cases import each_case
from tests.shared_parser import shared_parser
from tests.sql import corpus, trees
from tests.tries import tries
from tokensh.sql import nodes, unparse
from tokensh.sql.parse import Parser

PARSER = shared_parser()


def parse_expression(text: str) -> nodes.Expr:
    statement = PARSER.parse(f"SELECT {text}")
    assert isinstance(statement, nodes.Query)
    assert isinstance(statement.body, nodes.Select)
    (item,) = statement.body.items
    assert isinstance(item, nodes.Item)
    assert item.alias is None
    return item.expr


def test_every_statement_of_the_corpus_is_printed_as_itself(parser: Parser) -> None:
    for text in corpus.statements(parser):
        tree = parser.parse(text)
        assert parser.parse(unparse.statement(tree)) == tree, text


@tries(120)
@given(trees.EXPRESSIONS)
def test_every_expression_is_printed_as_itself(tree: nodes.Expr) -> None:
    assert parse_expression(unparse.expression(tree)) == tree


PARENTHESES = [
    ("(1 + 2) * 3", "(1 + 2) * 3"),
    ("(1 * 2) + 3", "1 * 2 + 3"),
    ("1 - (2 - 3)", "1 - (2 - 3)"),
    ("(1 - 2) - 3", "1 - 2 - 3"),
    ("- -1", "- -1"),
    ("NOT (1 OR 2)", "NOT (1 OR 2)"),
    ("(NOT 1) OR 2", "NOT 1 OR 2"),
    ("(NOT 1) = 2", "(NOT 1) = 2"),
    ("(1 OR 2) AND 3", "(1 OR 2) AND 3"),
    ("1 AND 2 AND 3", "1 AND 2 AND 3"),
    ("(1 = 2) IS NULL", "1 = 2 IS NULL"),
    ("1 = (2 IS NULL)", "1 = (2 IS NULL)"),
    ("1 IN ((SELECT 2))", "1 IN (SELECT 2)"),
    ("group_concat(1 ORDER BY 2 SEPARATOR ';')", "\"group_concat\"(1 ORDER BY 2 SEPARATOR ';')"),
    ("INTERVAL (1 + 2) day", "INTERVAL (1 + 2) DAY"),
    ("'it''s'", "'it''s'"),
    ('"a ""b"""', '"a ""b"""'),
    ('`a "b`', '"a ""b"'),
]


@each_case(("text", "printed"), PARENTHESES)
def test_only_needed_parentheses_are_printed(text: str, printed: str) -> None:
    assert unparse.expression(parse_expression(text)) == printed


STATEMENTS = [
    "SELECT DISTINCT a.*, * FROM (a, b) JOIN (c LEFT JOIN d USING (x, y)) ON 1 = 1 NATURAL JOIN e",
    "SELECT 1 FROM a CROSS JOIN b RIGHT JOIN c ON 1 FULL OUTER JOIN d ON 2, e",
    "SELECT 1 UNION ALL (SELECT 2 ORDER BY 1 LIMIT 1) EXCEPT SELECT 3 ORDER BY 1 DESC NULLS LAST LIMIT 5 OFFSET 2",
    "WITH RECURSIVE a (x) AS (VALUES (1), (2)), b AS (SELECT 1) SELECT x FROM a, b",
    "SELECT sum(x) OVER w FROM t GROUP BY a, b HAVING count(*) > 1 WINDOW w AS (PARTITION BY a ORDER BY b ROWS 1 PRECEDING)",
    "SELECT 1 FROM json_each('[1]') AS e, (EXEC a.b.c.d @x = 1, @@json = '{}') AS f",
    "INSERT INTO a.b.c (x, data__y) VALUES (1, 'z'), (2, NULL) RETURNING *",
    "INSERT INTO t SELECT 1",
    "REPLACE INTO t (a) SELECT 1 RETURNING a AS b",
    "REPLACE a.b.c SET x = 1 WHERE y = 2",
    "UPDATE a.b.c AS d SET x = 1, y.z = 2 FROM e WHERE d.k = e.k ORDER BY k LIMIT 1 RETURNING x",
    "DELETE FROM a.b.c WHERE x = 1 ORDER BY y LIMIT 2 RETURNING *",
    "SHOW EXTENDED METHODS IN a.b.c LIKE '%x%'",
    "SHOW TRANSACTION ISOLATION LEVEL",
    "SHOW RESOURCES FROM a.b WHERE name = 'x'",
    "SHOW EXTENDED INSERT INTO a.b.c (x)",
    "DESCRIBE METHOD EXTENDED a.b.c.d",
    "DESC a.b.c",
    "EXPLAIN SELECT 1",
    "EXPLAIN a.b.c",
    "USE a.b",
    "CREATE OR REPLACE MATERIALIZED VIEW v (x) AS SELECT 1",
    "CREATE VIEW IF NOT EXISTS v AS (SELECT 1) ORDER BY 1",
    "CREATE TABLE t (a varchar(20) PRIMARY KEY DEFAULT 'x', b UNSIGNED int NOT NULL, UNIQUE (a, b))",
    "CREATE TABLE t AS SELECT 1",
    "DROP MATERIALIZED VIEW IF EXISTS v",
    "DROP TABLE t",
    "REFRESH MATERIALIZED VIEW v",
    "START TRANSACTION",
    "ROLLBACK",
    "REGISTRY PULL aws v1",
]


@each_case("text", STATEMENTS)
def test_every_kind_of_statement_is_printed_as_itself(text: str, parser: Parser) -> None:
    tree = parser.parse(text)
    assert parser.parse(unparse.statement(tree)) == tree


SQLITE = [
    ("1 IN (1, 2) AND NOT 0", 1),
    ("CONVERT('12', SIGNED) + 1", 13),
    ("7 DIV 2", 3),
    ("7 MOD 4", 3),
    ("b'01000001'", b"A"),
    ("'it''s' || \"x y\"", "it's1"),
    ("SUBSTRING('abcdef' FROM 2 FOR 3)", "bcd"),
    ("NULL <=> NULL", 1),
    ("count(DISTINCT 1)", 1),
    ("group_concat(1 SEPARATOR ';')", "1"),
    (" AND ".join(["1"] * 3000), 1),
    ("(" * 500 + "1" + ")" * 500, 1),
]


@each_case(("text", "value"), SQLITE, ids=[text[:30] for text, _ in SQLITE])
def test_sqlite_runs_what_is_printed_for_it(text: str, value: object) -> None:
    printed = unparse.expression(parse_expression(text), sqlite=True)
    with closing(sqlite3.connect(":memory:")) as connection:
        (result,) = connection.execute(f'SELECT {printed} FROM (SELECT 1 AS "x y")').fetchone()
    assert result == value
