"""Statements become the right trees, and errors say what is wrong and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import each_case
from tests.shared_parser import shared_parser
from tests.tries import tries
from tokensh.errors import SqlSyntaxError
from tokensh.sql import nodes
from tokensh.sql.parse import Parser

PARSER = shared_parser()
ONE = nodes.Literal("number", "1")
TWO = nodes.Literal("number", "2")


def path(text: str) -> nodes.Path:
    return tuple(map(nodes.Name, text.split(".")))


def column(text: str) -> nodes.ColumnRef:
    return nodes.ColumnRef(path(text))


def string(text: str) -> nodes.Literal:
    return nodes.Literal("string", text)


def equal(name: str, value: nodes.Expr) -> nodes.Binary:
    return nodes.Binary("=", column(name), value)


def select(
    *items: nodes.Expr | nodes.Star, source: nodes.FromItem | None = None, where: nodes.Expr | None = None
) -> nodes.Query:
    wrapped = tuple(i if isinstance(i, nodes.Star) else nodes.Item(i) for i in items)
    return nodes.Query(nodes.Select(wrapped, source, where))


A, B, C = (nodes.TableRef(path(name)) for name in "abc")
ABC = path("a.b.c")
STAR = (nodes.Star(),)

STATEMENTS: list[tuple[str, nodes.Statement]] = [
    ("select 1", select(ONE)),
    ("SELECT * FROM a.b.c", select(nodes.Star(), source=nodes.TableRef(ABC))),
    ("SELECT a.*, a.b FROM a", select(nodes.Star(path("a")), column("a.b"), source=A)),
    ('SELECT `x y`, "x ""y"', select(nodes.ColumnRef((nodes.Name("x y"),)), nodes.ColumnRef((nodes.Name('x "y'),)))),
    (
        "SELECT 1 x, 2 AS 'y'",
        nodes.Query(nodes.Select((nodes.Item(ONE, nodes.Name("x")), nodes.Item(TWO, nodes.Name("y"))))),
    ),
    ("SELECT 1 AS delete", nodes.Query(nodes.Select((nodes.Item(ONE, nodes.Name("delete")),)))),
    ("SELECT DISTINCT 1", nodes.Query(nodes.Select((nodes.Item(ONE),), distinct=True))),
    ("(SELECT 1)", select(ONE)),
    ("SELECT 1 FROM a, b", select(ONE, source=nodes.Join(A, B, "COMMA"))),
    ("SELECT 1 FROM a JOIN b ON 1", select(ONE, source=nodes.Join(A, B, "INNER", on=ONE))),
    (
        "SELECT 1 FROM a NATURAL LEFT OUTER JOIN b CROSS JOIN c",
        select(ONE, source=nodes.Join(nodes.Join(A, B, "LEFT", natural=True), C, "CROSS")),
    ),
    (
        "SELECT 1 FROM a FULL JOIN b USING (x, y)",
        select(ONE, source=nodes.Join(A, B, "FULL", using=(*path("x"), *path("y")))),
    ),
    ("SELECT 1 FROM (SELECT 2) AS d", select(ONE, source=nodes.Derived(select(TWO), nodes.Name("d")))),
    ("SELECT 1 FROM (EXEC a.b.c)", select(ONE, source=nodes.Derived(nodes.Exec(ABC)))),
    ("SELECT 1 FROM json_each(1)", select(ONE, source=nodes.TableFunction(path("json_each"), (ONE,)))),
    ("SELECT 1 LIMIT 1 OFFSET 2", nodes.Query(select(ONE).body, limit=ONE, offset=TWO)),
    ("SELECT 1 LIMIT 2, 1", nodes.Query(select(ONE).body, limit=ONE, offset=TWO)),
    (
        "SELECT 1 ORDER BY x DESC NULLS FIRST, 2",
        nodes.Query(select(ONE).body, order=(nodes.OrderItem(column("x"), "DESC", "FIRST"), nodes.OrderItem(TWO))),
    ),
    ("SELECT 1 UNION ALL SELECT 2", nodes.Query(nodes.Compound(select(ONE).body, (("UNION ALL", select(TWO).body),)))),
    ("SELECT 1 UNION DISTINCT (SELECT 2)", nodes.Query(nodes.Compound(select(ONE).body, (("UNION", select(TWO)),)))),
    ("VALUES (1), (2)", nodes.Query(nodes.Values(((ONE,), (TWO,))))),
    (
        "WITH RECURSIVE a (x) AS (SELECT 1) SELECT 2",
        nodes.Query(select(TWO).body, ctes=(nodes.Cte(nodes.Name("a"), path("x"), select(ONE)),), recursive=True),
    ),
    ("INSERT INTO a.b.c (x, y) SELECT 1, 2", nodes.Insert(ABC, (path("x"), path("y")), select(ONE, TWO))),
    (
        "INSERT INTO a.b.c (x) VALUES (1) RETURNING *",
        nodes.Insert(ABC, (path("x"),), nodes.Query(nodes.Values(((ONE,),))), STAR),
    ),
    ("REPLACE INTO a SELECT 1", nodes.Insert(path("a"), None, select(ONE), replace=True)),
    (
        "UPDATE a.b.c SET x = 1 WHERE y = 2",
        nodes.Update("UPDATE", ABC, None, ((path("x"), ONE),), None, equal("y", TWO)),
    ),
    ("REPLACE a.b.c SET x = 1", nodes.Update("REPLACE", ABC, None, ((path("x"), ONE),))),
    ("/*+ delete */ DELETE FROM a.b.c WHERE x = 1", nodes.Delete(ABC, None, equal("x", ONE))),
    ("DELETE FROM a.b.c d RETURNING *", nodes.Delete(ABC, nodes.Name("d"), returning=STAR)),
    ("EXEC a.b.c @x = 1, @y-z = 'u'", nodes.Exec(ABC, (nodes.Argument("x", ONE), nodes.Argument("y-z", string("u"))))),
    (
        "EXEC a.b.c @x = 1 @@json = '{\"a\": \"it''s\"}'",
        nodes.Exec(ABC, (nodes.Argument("x", ONE),), nodes.JsonArgument('{"a": "it\'s"}')),
    ),
    ('EXEC a.b.c @@json = {"a": "}"}', nodes.Exec(ABC, (), nodes.JsonArgument('{"a": "}"}'))),
    ("SHOW PROVIDERS", nodes.Show(nodes.Name("PROVIDERS"))),
    ("SHOW EXTENDED METHODS IN a.b.c", nodes.Show(nodes.Name("METHODS"), True, ABC)),
    ("SHOW SERVICES FROM a LIKE '%x'", nodes.Show(nodes.Name("SERVICES"), False, path("a"), "%x")),
    (
        "SHOW RESOURCES IN a.b WHERE x = 1",
        nodes.Show(nodes.Name("RESOURCES"), False, path("a.b"), None, equal("x", ONE)),
    ),
    ("SHOW transaction isolation level", nodes.Show(nodes.Name("transaction isolation level"))),
    ("SHOW INSERT INTO a.b.c", nodes.ShowInsert(ABC)),
    ("DESCRIBE a.b.c", nodes.Describe(ABC)),
    ("DESC EXTENDED a.b.c", nodes.Describe(ABC, True)),
    ("DESCRIBE METHOD a.b.c", nodes.Describe(ABC, method=True)),
    ("DESCRIBE EXTENDED METHOD a.b.c", nodes.Describe(ABC, True, True)),
    ("EXPLAIN SELECT 1", nodes.Explain(select(ONE))),
    ("EXPLAIN a.b.c", nodes.Describe(ABC)),
    ("USE a.b", nodes.Use(path("a.b"))),
    ("CREATE VIEW v AS SELECT 1", nodes.CreateView(path("v"), select(ONE))),
    (
        "CREATE OR REPLACE MATERIALIZED VIEW v (x) AS SELECT 1",
        nodes.CreateView(path("v"), select(ONE), path("x"), materialized=True, replace=True),
    ),
    (
        "CREATE TABLE IF NOT EXISTS t (a int NOT NULL, UNIQUE (a))",
        nodes.CreateTable(
            path("t"),
            (nodes.ColumnDefinition(nodes.Name("a"), "INT", (nodes.Constraint("NOT NULL"),)),),
            (nodes.Constraint("UNIQUE", columns=path("a")),),
            if_not_exists=True,
        ),
    ),
    ("CREATE TABLE t AS SELECT 1", nodes.CreateTable(path("t"), query=select(ONE))),
    ("DROP VIEW IF EXISTS v", nodes.Drop("VIEW", path("v"), True)),
    ("DROP MATERIALIZED VIEW v", nodes.Drop("MATERIALIZED VIEW", path("v"))),
    (
        "CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a DESC)",
        nodes.CreateIndex(path("i"), path("t"), (nodes.IndexColumn(nodes.Name("a"), None, True),), True, True),
    ),
    ("DROP INDEX i", nodes.Drop("INDEX", path("i"))),
    ("DROP TABLE t", nodes.Drop("TABLE", path("t"))),
    ("REFRESH MATERIALIZED VIEW v", nodes.Refresh(path("v"))),
    ("START TRANSACTION", nodes.Transaction("BEGIN")),
    ("COMMIT", nodes.Transaction("COMMIT")),
    ("ROLLBACK TRANSACTION", nodes.Transaction("ROLLBACK")),
    ("AUTH LOGIN google", nodes.Unsupported("AUTH", "AUTH LOGIN google")),
    ("REGISTRY LIST", nodes.Registry("LIST", text="REGISTRY LIST")),
    ("REGISTRY PULL aws 'v1'", nodes.Registry("PULL", "aws", "v1", "REGISTRY PULL aws 'v1'")),
    ("registry pull google v0.1.2", nodes.Registry("PULL", "google", "v0.1.2", "registry pull google v0.1.2")),
    ("SLEEP 1", nodes.Unsupported("SLEEP", "SLEEP 1")),
]


@each_case(("text", "tree"), STATEMENTS, ids=[text for text, _ in STATEMENTS])
def test_a_statement_has_its_tree(text: str, tree: nodes.Statement, parser: Parser) -> None:
    assert parser.parse(text) == tree


X, Y = column("x"), column("y")

EXPRESSIONS: list[tuple[str, nodes.Expr]] = [
    ("1 + 2 * x", nodes.Binary("+", ONE, nodes.Binary("*", TWO, X))),
    ("1 - 2 - x", nodes.Binary("-", nodes.Binary("-", ONE, TWO), X)),
    ("x = 1 AND y = 2 OR x", nodes.Logical("OR", (nodes.Logical("AND", (equal("x", ONE), equal("y", TWO))), X))),
    ("x AND y && 1", nodes.Logical("AND", (X, Y, ONE))),
    ("(x OR y) OR 1", nodes.Logical("OR", (X, Y, ONE))),
    ("x OR (y OR 1)", nodes.Logical("OR", (X, nodes.Logical("OR", (Y, ONE))))),
    ("NOT x = 1", nodes.Unary("NOT", equal("x", ONE))),
    ("!x", nodes.Unary("NOT", X)),
    ("- -1", nodes.Unary("-", nodes.Unary("-", ONE))),
    ("x <> y", nodes.Binary("!=", X, Y)),
    ("x == y", nodes.Binary("=", X, Y)),
    ("x <=> y", nodes.Is(X, Y)),
    ("x MOD y", nodes.Binary("%", X, Y)),
    ("x DIV y", nodes.Cast(nodes.Binary("/", X, Y), "INTEGER")),
    ("x NOT BETWEEN 1 AND 2 AND y", nodes.Logical("AND", (nodes.Between(X, ONE, TWO, True), Y))),
    ("x IN (1, 2)", nodes.InList(X, (ONE, TWO))),
    ("x NOT IN ()", nodes.InList(X, (), True)),
    ("x IN (SELECT 1)", nodes.InQuery(X, select(ONE))),
    ("x NOT LIKE 'y' ESCAPE '!'", nodes.Match("LIKE", X, string("y"), string("!"), True)),
    ("x RLIKE y", nodes.Match("REGEXP", X, Y)),
    ("x IS NOT NULL", nodes.Is(X, nodes.Literal("null"), True)),
    ("x NOTNULL", nodes.Is(X, nodes.Literal("null"), True)),
    ("x IS DISTINCT FROM y", nodes.Is(X, Y, distinct=True)),
    ("x -> '$.y' ->> 'z'", nodes.Binary("->>", nodes.Binary("->", X, string("$.y")), string("z"))),
    ("x COLLATE nocase", nodes.Collate(X, nodes.Name("nocase"))),
    ("EXISTS (SELECT 1)", nodes.Exists(select(ONE))),
    ("(SELECT 1)", nodes.Subquery(select(ONE))),
    ("(1, 2)", nodes.RowExpr((ONE, TWO))),
    ("CASE x WHEN 1 THEN 2 END", nodes.Case(X, (nodes.When(ONE, TWO),))),
    ("CASE WHEN x THEN 1 ELSE 2 END", nodes.Case(None, (nodes.When(X, ONE),), TWO)),
    ("CAST(x AS varchar(3))", nodes.Cast(X, "VARCHAR(3)")),
    ("CONVERT(x, signed)", nodes.Cast(X, "SIGNED")),
    ("SUBSTRING(x FROM 1 FOR 2)", nodes.Call(path("substr"), (X, ONE, TWO))),
    ("count(*)", nodes.Call(path("count"), star=True)),
    ("count(DISTINCT x) FILTER (WHERE y)", nodes.Call(path("count"), (X,), True, filter=Y)),
    (
        "group_concat(x ORDER BY y SEPARATOR ';')",
        nodes.Call(path("group_concat"), (X,), order=(nodes.OrderItem(Y),), separator=";"),
    ),
    ("sum(x) OVER w", nodes.Call(path("sum"), (X,), over=nodes.Name("w"))),
    ("sum(x) OVER (PARTITION BY y)", nodes.Call(path("sum"), (X,), over=nodes.Window(partition=(Y,)))),
    (
        "sum(x) OVER (ORDER BY y ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        nodes.Call(
            path("sum"),
            (X,),
            over=nodes.Window(
                order=(nodes.OrderItem(Y),),
                frame=nodes.Frame("ROWS", nodes.FrameBound("PRECEDING", ONE), nodes.FrameBound("CURRENT ROW")),
            ),
        ),
    ),
    ("INTERVAL '1' day", nodes.Interval(string("1"), "DAY")),
    ("{{ x }}", nodes.Placeholder("x")),
    ("?", nodes.Variable("?")),
    (":x", nodes.Variable(":x")),
    (r"'\'", string("\\")),
    ("'it''s'", string("it's")),
    ("current_date", nodes.Literal("current", "CURRENT_DATE")),
    ("TRUE", nodes.Literal("true")),
    ("x'0f'", nodes.Literal("blob", "x'0f'")),
]


@each_case(("text", "tree"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_an_expression_has_its_tree(text: str, tree: nodes.Expr, parser: Parser) -> None:
    assert parser.parse(f"SELECT {text}") == select(tree)


ERRORS = [
    ("", "", "ends too early", "a statement begins with SELECT"),
    ("SELECT", "", "ends too early", "an expression"),
    ("SELECT FROM t", "FROM", "unexpected 'FROM'", "an expression"),
    ("SELECT a FORM t", "t", "unexpected 't'", "did you mean FROM instead of 'FORM'"),
    ("SELECT a FROM t WHRE x = 1", "x", "unexpected 'x'", "did you mean WHERE instead of 'WHRE'"),
    ("SELCT 1", "SELCT", "unexpected 'SELCT'", "did you mean SELECT"),
    ("SELECT CASE", "", "ends too early", "expected"),
    ("SELECT a FROM", "", "ends too early", "a name"),
    ("SELECT a FROM t LIMIT", "", "ends too early", "an expression"),
    ("SELECT a,, b", ",", "unexpected ','", "an expression"),
    ("SELECT 'a", "'a", "string is not closed", "'"),
    ('SELECT "a', '"a', "quoted name is not closed", '"'),
    ("SELECT `a", "`a", "quoted name is not closed", "`"),
    ("SELECT 1 /* a", "/* a", "comment is not closed", "*/"),
    ("SELECT 1; SELECT 2", ";", "one statement at a time", "another statement"),
    ("SELECT 1 ^ 2", "^", "unexpected '^'", "power(x, y)"),
    ("SELECT \x00", "\x00", "a NUL character (U+0000)", "remove it"),
    ("SELECT 'a\x00b'", "\x00", "a NUL character (U+0000)", "remove it"),
    ("SELECT 1)", ")", "unexpected ')'", "end of statement"),
    ("SELECT (1", "", "ends too early", ")"),
    ("DELETE t WHERE x = 1", "DELETE t", "unexpected 'DELETE t'", "DELETE FROM"),
    ("INSERT INTO t () SELECT 1", "()", "list of columns is empty", "leave the parentheses out"),
    ("INSERT INTO t (x) SELECT 'x' DELETE FROM t", "DELETE", "unexpected 'DELETE'", "AS DELETE"),
    ("DELETE FROM t COMMIT", "COMMIT", "unexpected 'COMMIT'", ";"),
    ("UPDATE t SET WHERE x = 1", "WHERE", "unexpected 'WHERE'", "a name"),
    ("UPDATE t SET x 1", "1", "unexpected '1'", "="),
    ("EXEC a.b.c x = 1", "x =", "unexpected 'x ='", "@name = value"),
    ("EXEC a.b.c @@json = '{}' @@json = '[]'", "@@json = '[]'", "body is given twice", "one @@json"),
    ('EXEC a.b.c @@json = {"a": }', "}", "invalid JSON object", ""),
    ("EXEC a.b.c @@json = " + '{"a":' * 100_000, "{", "nested too deeply", ""),
    ("CREATE VIEW v SELECT 1", "SELECT", "unexpected 'SELECT'", "AS"),
    ("SELECT * FROM a ORDER x", "x", "unexpected 'x'", "expected BY"),
]


@each_case(("text", "place", "message", "hint"), ERRORS, ids=[repr(text[:40]) for text, *_ in ERRORS])
def test_an_error_says_what_and_where(text: str, place: str, message: str, hint: str, parser: Parser) -> None:
    with pytest.raises(SqlSyntaxError) as raised:
        parser.parse(text)
    span = raised.value.span
    assert span is not None
    assert text[span.start : span.end] == place
    assert message in raised.value.message
    assert hint in (raised.value.hint or "")


WORDS = [*PARSER.table.keywords, *PARSER.table.operators, "a", "b.c", "'s'", '"q"', "1", "?", "@x", "@@json", "{}", ";"]
ODD = st.sampled_from(["'", '"', "`", "/*", "*/", "--", "\n", "{{ x }}", "{", "x'0", "\x00", "…", "0x", "1e", "$", ":"])


def outcome(text: str) -> nodes.Statement | SqlSyntaxError:
    try:
        return PARSER.parse(text)
    except SqlSyntaxError as error:
        found = error
    assert found.span is not None
    assert 0 <= found.span.start <= found.span.end <= len(text)
    return found


@tries(150)
@given(st.lists(st.sampled_from(WORDS) | ODD, max_size=20).map(" ".join) | st.text(max_size=40))
def test_any_text_parses_or_has_a_place_where_it_is_wrong(text: str) -> None:
    outcome(text)


@tries(150)
@given(
    st.sampled_from([text for text, _ in STATEMENTS]), st.integers(0, 80), ODD | st.sampled_from(WORDS), st.booleans()
)
def test_a_damaged_statement_parses_or_has_a_place_where_it_is_wrong(text: str, at: int, word: str, cut: bool) -> None:
    outcome(f"{text[:at]} {word} {'' if cut else text[at:]}")


DEEP = 10_000
NESTED = [
    ("SELECT " + "(" * DEEP + "1" + ")" * DEEP, True),
    ("(" * DEEP + "SELECT 1" + ")" * DEEP, True),
    ("SELECT 1 FROM " + "(" * DEEP + "a" + ")" * DEEP, True),
    ("SELECT " + "1 AND " * DEEP + "1", True),
    ("SELECT 1 WHERE " + "x = 1 OR " * DEEP + "x", True),
    ("SELECT " + "1, " * DEEP + "1", True),
    ("SELECT 1 IN (" + "1, " * DEEP + "1)", True),
    ("SELECT " + "(SELECT " * DEEP + "1" + ")" * DEEP, False),
    ("SELECT " + "NOT " * DEEP + "1", False),
    ("SELECT " + "- " * DEEP + "1", False),
    ("SELECT 1" + " + 1" * DEEP, True),
    ("SELECT " + "f(" * DEEP + "1" + ")" * DEEP, False),
    ("SELECT " + "CASE WHEN " * DEEP, False),
    ("SELECT 1" + " UNION SELECT 1" * DEEP, True),
    ("SELECT 1 FROM a" + " JOIN a" * DEEP, False),
    ("SELECT " + "(" * DEEP, False),
]


@each_case(("text", "fits"), NESTED, ids=[text[:24] for text, _ in NESTED])
def test_depth_is_a_tree_or_an_error(text: str, fits: bool) -> None:
    assert isinstance(outcome(text), SqlSyntaxError) is not fits


def test_what_may_follow_is_told_for_completion(parser: Parser) -> None:
    assert {"FROM", "AS", "WHERE", "$END"} <= set(parser.expected_terminals("SELECT a"))
    assert "SELECT" not in parser.expected_terminals("SELECT a")


def test_positions_are_those_of_the_text(parser: Parser) -> None:
    text = "SELECT a,  b.c FROM x.y"
    statement = parser.parse(text)
    assert isinstance(statement, nodes.Query)
    assert isinstance(statement.body, nodes.Select)
    item = statement.body.items[1]
    assert isinstance(item, nodes.Item)
    assert isinstance(item.expr, nodes.ColumnRef)
    assert item.text == "b.c"
    assert text[item.expr.span.start : item.expr.span.end] == "b.c"


@pytest.mark.parametrize("sql", ["SELECT '\ud800'", 'CREATE TABLE "\udcff" (x)', "SELECT 1 AS a\udfff -- b"])
def test_half_a_character_is_a_syntax_error_at_its_place(sql: str, parser: Parser) -> None:
    with pytest.raises(SqlSyntaxError, match="half a character") as caught:
        parser.parse(sql)
    assert caught.value.span is not None
    assert not sql[slice(*caught.value.span)].isprintable()
