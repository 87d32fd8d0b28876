"""Statements as trees, and errors as what they say and where."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shared_parser import shared_parser
from tokensh.errors import SqlSyntaxError
from tokensh.sql import nodes as n
from tokensh.sql.parse import Parser

PARSER = shared_parser()
ONE = n.Literal("number", "1")
TWO = n.Literal("number", "2")


def path(text: str) -> n.Path:
    return tuple(map(n.Name, text.split(".")))


def column(text: str) -> n.ColumnRef:
    return n.ColumnRef(path(text))


def string(text: str) -> n.Literal:
    return n.Literal("string", text)


def equal(name: str, value: n.Expr) -> n.Binary:
    return n.Binary("=", column(name), value)


def select(*items: n.Expr | n.Star, source: n.FromItem | None = None, where: n.Expr | None = None) -> n.Query:
    wrapped = tuple(i if isinstance(i, n.Star) else n.Item(i) for i in items)
    return n.Query(n.Select(wrapped, source, where))


A, B, C = (n.TableRef(path(name)) for name in "abc")
ABC = path("a.b.c")
STAR = (n.Star(),)

STATEMENTS: list[tuple[str, n.Statement]] = [
    ("select 1", select(ONE)),
    ("SELECT * FROM a.b.c", select(n.Star(), source=n.TableRef(ABC))),
    ("SELECT a.*, a.b FROM a", select(n.Star(path("a")), column("a.b"), source=A)),
    ('SELECT `x y`, "x ""y"', select(n.ColumnRef((n.Name("x y"),)), n.ColumnRef((n.Name('x "y'),)))),
    ("SELECT 1 x, 2 AS 'y'", n.Query(n.Select((n.Item(ONE, n.Name("x")), n.Item(TWO, n.Name("y")))))),
    ("SELECT 1 AS delete", n.Query(n.Select((n.Item(ONE, n.Name("delete")),)))),
    ("SELECT DISTINCT 1", n.Query(n.Select((n.Item(ONE),), distinct=True))),
    ("(SELECT 1)", select(ONE)),
    ("SELECT 1 FROM a, b", select(ONE, source=n.Join(A, B, "COMMA"))),
    ("SELECT 1 FROM a JOIN b ON 1", select(ONE, source=n.Join(A, B, "INNER", on=ONE))),
    (
        "SELECT 1 FROM a NATURAL LEFT OUTER JOIN b CROSS JOIN c",
        select(ONE, source=n.Join(n.Join(A, B, "LEFT", natural=True), C, "CROSS")),
    ),
    (
        "SELECT 1 FROM a FULL JOIN b USING (x, y)",
        select(ONE, source=n.Join(A, B, "FULL", using=(*path("x"), *path("y")))),
    ),
    ("SELECT 1 FROM (SELECT 2) AS d", select(ONE, source=n.Derived(select(TWO), n.Name("d")))),
    ("SELECT 1 FROM (EXEC a.b.c)", select(ONE, source=n.Derived(n.Exec(ABC)))),
    ("SELECT 1 FROM json_each(1)", select(ONE, source=n.TableFunction(path("json_each"), (ONE,)))),
    ("SELECT 1 LIMIT 1 OFFSET 2", n.Query(select(ONE).body, limit=ONE, offset=TWO)),
    ("SELECT 1 LIMIT 2, 1", n.Query(select(ONE).body, limit=ONE, offset=TWO)),
    (
        "SELECT 1 ORDER BY x DESC NULLS FIRST, 2",
        n.Query(select(ONE).body, order=(n.OrderItem(column("x"), "DESC", "FIRST"), n.OrderItem(TWO))),
    ),
    ("SELECT 1 UNION ALL SELECT 2", n.Query(n.Compound("UNION ALL", select(ONE).body, select(TWO).body))),
    ("SELECT 1 UNION DISTINCT (SELECT 2)", n.Query(n.Compound("UNION", select(ONE).body, select(TWO)))),
    ("VALUES (1), (2)", n.Query(n.Values(((ONE,), (TWO,))))),
    (
        "WITH RECURSIVE a (x) AS (SELECT 1) SELECT 2",
        n.Query(select(TWO).body, ctes=(n.Cte(n.Name("a"), path("x"), select(ONE)),), recursive=True),
    ),
    ("INSERT INTO a.b.c (x, y) SELECT 1, 2", n.Insert(ABC, (path("x"), path("y")), select(ONE, TWO))),
    (
        "INSERT INTO a.b.c (x) VALUES (1) RETURNING *",
        n.Insert(ABC, (path("x"),), n.Query(n.Values(((ONE,),))), STAR),
    ),
    ("REPLACE INTO a SELECT 1", n.Insert(path("a"), None, select(ONE), replace=True)),
    ("UPDATE a.b.c SET x = 1 WHERE y = 2", n.Update("UPDATE", ABC, None, ((path("x"), ONE),), None, equal("y", TWO))),
    ("REPLACE a.b.c SET x = 1", n.Update("REPLACE", ABC, None, ((path("x"), ONE),))),
    ("/*+ delete */ DELETE FROM a.b.c WHERE x = 1", n.Delete(ABC, None, equal("x", ONE))),
    ("DELETE FROM a.b.c d RETURNING *", n.Delete(ABC, n.Name("d"), returning=STAR)),
    ("EXEC a.b.c @x = 1, @y-z = 'u'", n.Exec(ABC, (n.Argument("x", ONE), n.Argument("y-z", string("u"))))),
    (
        "EXEC a.b.c @x = 1 @@json = '{\"a\": \"it''s\"}'",
        n.Exec(ABC, (n.Argument("x", ONE),), n.JsonArgument('{"a": "it\'s"}')),
    ),
    ('EXEC a.b.c @@json = {"a": "}"}', n.Exec(ABC, (), n.JsonArgument('{"a": "}"}'))),
    ("SHOW PROVIDERS", n.Show(n.Name("PROVIDERS"))),
    ("SHOW EXTENDED METHODS IN a.b.c", n.Show(n.Name("METHODS"), True, ABC)),
    ("SHOW SERVICES FROM a LIKE '%x'", n.Show(n.Name("SERVICES"), False, path("a"), "%x")),
    ("SHOW RESOURCES IN a.b WHERE x = 1", n.Show(n.Name("RESOURCES"), False, path("a.b"), None, equal("x", ONE))),
    ("SHOW transaction isolation level", n.Show(n.Name("transaction isolation level"))),
    ("SHOW INSERT INTO a.b.c", n.ShowInsert(ABC)),
    ("DESCRIBE a.b.c", n.Describe(ABC)),
    ("DESC EXTENDED a.b.c", n.Describe(ABC, True)),
    ("DESCRIBE METHOD a.b.c", n.Describe(ABC, method=True)),
    ("DESCRIBE EXTENDED METHOD a.b.c", n.Describe(ABC, True, True)),
    ("EXPLAIN SELECT 1", n.Explain(select(ONE))),
    ("EXPLAIN a.b.c", n.Describe(ABC)),
    ("USE a.b", n.Use(path("a.b"))),
    ("CREATE VIEW v AS SELECT 1", n.CreateView(path("v"), select(ONE))),
    (
        "CREATE OR REPLACE MATERIALIZED VIEW v (x) AS SELECT 1",
        n.CreateView(path("v"), select(ONE), path("x"), materialized=True, replace=True),
    ),
    (
        "CREATE TABLE IF NOT EXISTS t (a int NOT NULL, UNIQUE (a))",
        n.CreateTable(
            path("t"), (n.ColumnDefinition(n.Name("a"), "INT", ("NOT NULL",)),), ('UNIQUE ("a")',), if_not_exists=True
        ),
    ),
    ("CREATE TABLE t AS SELECT 1", n.CreateTable(path("t"), query=select(ONE))),
    ("DROP VIEW IF EXISTS v", n.Drop("VIEW", path("v"), True)),
    ("DROP MATERIALIZED VIEW v", n.Drop("MATERIALIZED VIEW", path("v"))),
    ("DROP TABLE t", n.Drop("TABLE", path("t"))),
    ("REFRESH MATERIALIZED VIEW v", n.Refresh(path("v"))),
    ("START TRANSACTION", n.Transaction("BEGIN")),
    ("COMMIT", n.Transaction("COMMIT")),
    ("ROLLBACK TRANSACTION", n.Transaction("ROLLBACK")),
    ("AUTH LOGIN google", n.Unsupported("AUTH", "AUTH LOGIN google")),
    ("REGISTRY PULL aws 'v1'", n.Unsupported("REGISTRY", "REGISTRY PULL aws 'v1'")),
    ("SLEEP 1", n.Unsupported("SLEEP", "SLEEP 1")),
]


@pytest.mark.parametrize(("text", "tree"), STATEMENTS, ids=[text for text, _ in STATEMENTS])
def test_a_statement_has_its_tree(text: str, tree: n.Statement, parser: Parser) -> None:
    assert parser.parse(text) == tree


X, Y = column("x"), column("y")

EXPRESSIONS: list[tuple[str, n.Expr]] = [
    ("1 + 2 * x", n.Binary("+", ONE, n.Binary("*", TWO, X))),
    ("1 - 2 - x", n.Binary("-", n.Binary("-", ONE, TWO), X)),
    ("x = 1 AND y = 2 OR x", n.Logical("OR", (n.Logical("AND", (equal("x", ONE), equal("y", TWO))), X))),
    ("x AND y && 1", n.Logical("AND", (X, Y, ONE))),
    ("(x OR y) OR 1", n.Logical("OR", (X, Y, ONE))),
    ("x OR (y OR 1)", n.Logical("OR", (X, n.Logical("OR", (Y, ONE))))),
    ("NOT x = 1", n.Unary("NOT", equal("x", ONE))),
    ("!x", n.Unary("NOT", X)),
    ("- -1", n.Unary("-", n.Unary("-", ONE))),
    ("x <> y", n.Binary("!=", X, Y)),
    ("x == y", n.Binary("=", X, Y)),
    ("x <=> y", n.Is(X, Y)),
    ("x MOD y", n.Binary("%", X, Y)),
    ("x DIV y", n.Cast(n.Binary("/", X, Y), "INTEGER")),
    ("x NOT BETWEEN 1 AND 2 AND y", n.Logical("AND", (n.Between(X, ONE, TWO, True), Y))),
    ("x IN (1, 2)", n.InList(X, (ONE, TWO))),
    ("x NOT IN ()", n.InList(X, (), True)),
    ("x IN (SELECT 1)", n.InQuery(X, select(ONE))),
    ("x NOT LIKE 'y' ESCAPE '!'", n.Match("LIKE", X, string("y"), string("!"), True)),
    ("x RLIKE y", n.Match("REGEXP", X, Y)),
    ("x IS NOT NULL", n.Is(X, n.Literal("null"), True)),
    ("x NOTNULL", n.Is(X, n.Literal("null"), True)),
    ("x IS DISTINCT FROM y", n.Is(X, Y, distinct=True)),
    ("x -> '$.y' ->> 'z'", n.Binary("->>", n.Binary("->", X, string("$.y")), string("z"))),
    ("x COLLATE nocase", n.Collate(X, n.Name("nocase"))),
    ("EXISTS (SELECT 1)", n.Exists(select(ONE))),
    ("(SELECT 1)", n.Subquery(select(ONE))),
    ("(1, 2)", n.RowExpr((ONE, TWO))),
    ("CASE x WHEN 1 THEN 2 END", n.Case(X, (n.When(ONE, TWO),))),
    ("CASE WHEN x THEN 1 ELSE 2 END", n.Case(None, (n.When(X, ONE),), TWO)),
    ("CAST(x AS varchar(3))", n.Cast(X, "VARCHAR(3)")),
    ("CONVERT(x, signed)", n.Cast(X, "SIGNED")),
    ("SUBSTRING(x FROM 1 FOR 2)", n.Call(path("substr"), (X, ONE, TWO))),
    ("count(*)", n.Call(path("count"), star=True)),
    ("count(DISTINCT x) FILTER (WHERE y)", n.Call(path("count"), (X,), True, filter=Y)),
    (
        "group_concat(x ORDER BY y SEPARATOR ';')",
        n.Call(path("group_concat"), (X,), order=(n.OrderItem(Y),), separator=";"),
    ),
    ("sum(x) OVER w", n.Call(path("sum"), (X,), over=n.Name("w"))),
    ("sum(x) OVER (PARTITION BY y)", n.Call(path("sum"), (X,), over=n.Window(partition=(Y,)))),
    (
        "sum(x) OVER (ORDER BY y ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        n.Call(
            path("sum"),
            (X,),
            over=n.Window(
                order=(n.OrderItem(Y),),
                frame=n.Frame("ROWS", n.FrameBound("PRECEDING", ONE), n.FrameBound("CURRENT ROW")),
            ),
        ),
    ),
    ("INTERVAL '1' day", n.Interval(string("1"), n.Name("day"))),
    ("{{ x }}", n.Placeholder("x")),
    ("?", n.Variable("?")),
    (":x", n.Variable(":x")),
    (r"'\'", string("\\")),
    ("'it''s'", string("it's")),
    ("current_date", n.Literal("current", "CURRENT_DATE")),
    ("TRUE", n.Literal("true")),
    ("x'0f'", n.Literal("blob", "x'0f'")),
]


@pytest.mark.parametrize(("text", "tree"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_an_expression_has_its_tree(text: str, tree: n.Expr, parser: Parser) -> None:
    assert parser.parse(f"SELECT {text}") == select(tree)


ERRORS = [
    ("", "", "ends too early", "DELETE"),
    ("SELECT", "", "ends too early", "a name"),
    ("SELECT FROM t", "FROM", "unexpected 'FROM'", "a name"),
    ("SELECT a FORM t", "t", "unexpected 't'", "did you mean FROM instead of 'FORM'"),
    ("SELECT a FROM t WHRE x = 1", "x", "unexpected 'x'", "did you mean WHERE instead of 'WHRE'"),
    ("SELCT 1", "SELCT", "unexpected 'SELCT'", "did you mean SELECT"),
    ("SELECT CASE", "", "ends too early", "expected"),
    ("SELECT a FROM", "", "ends too early", "a name"),
    ("SELECT a FROM t LIMIT", "", "ends too early", "a number"),
    ("SELECT a,, b", ",", "unexpected ','", "a name"),
    ("SELECT 'a", "'a", "string is not closed", "'"),
    ('SELECT "a', '"a', "quoted name is not closed", '"'),
    ("SELECT `a", "`a", "quoted name is not closed", "`"),
    ("SELECT 1 /* a", "/* a", "comment is not closed", "*/"),
    ("SELECT 1; SELECT 2", ";", "one statement at a time", "another statement"),
    ("SELECT 1 ^ 2", "^", "unexpected character", ""),
    ("SELECT \x00", "\x00", r"\x00", ""),
    ("SELECT 1)", ")", "unexpected ')'", "end of statement"),
    ("SELECT (1", "", "ends too early", ")"),
    ("DELETE t WHERE x = 1", "t", "unexpected 't'", "expected FROM"),
    ("INSERT INTO t () SELECT 1", "()", "list of columns is empty", "leave the parentheses out"),
    ("INSERT INTO t (x) SELECT 'x' DELETE FROM t", "DELETE", "unexpected 'DELETE'", "AS DELETE"),
    ("DELETE FROM t COMMIT", "COMMIT", "unexpected 'COMMIT'", ";"),
    ("UPDATE t SET WHERE x = 1", "WHERE", "unexpected 'WHERE'", "a name"),
    ("UPDATE t SET x 1", "1", "unexpected '1'", "="),
    ("EXEC a.b.c x = 1", "x", "unexpected 'x'", "@name"),
    ("EXEC a.b.c @@json = '{}' @@json = '[]'", "@@json = '[]'", "body is given twice", "one @@json"),
    ('EXEC a.b.c @@json = {"a": }', "}", "invalid JSON object", ""),
    ("EXEC a.b.c @@json = " + '{"a":' * 100_000, "{", "nested too deeply", ""),
    ("CREATE VIEW v SELECT 1", "SELECT", "unexpected 'SELECT'", "AS"),
    ("SELECT * FROM a ORDER x", "x", "unexpected 'x'", "expected BY"),
]


@pytest.mark.parametrize(("text", "place", "message", "hint"), ERRORS, ids=[repr(text[:40]) for text, *_ in ERRORS])
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


def outcome(text: str) -> n.Statement | SqlSyntaxError:
    try:
        return PARSER.parse(text)
    except SqlSyntaxError as error:
        found = error
    assert found.span is not None
    assert 0 <= found.span.start <= found.span.end <= len(text)
    return found


@settings(derandomize=True, max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(WORDS) | ODD, max_size=20).map(" ".join) | st.text(max_size=40))
def test_any_text_parses_or_has_a_place_where_it_is_wrong(text: str) -> None:
    outcome(text)


@settings(derandomize=True, max_examples=500, deadline=None)
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
    ("SELECT 1" + " + 1" * DEEP, False),
    ("SELECT " + "f(" * DEEP + "1" + ")" * DEEP, False),
    ("SELECT " + "CASE WHEN " * DEEP, False),
    ("SELECT 1" + " UNION SELECT 1" * DEEP, False),
    ("SELECT 1 FROM a" + " JOIN a" * DEEP, False),
    ("SELECT " + "(" * DEEP, False),
]


@pytest.mark.parametrize(("text", "fits"), NESTED, ids=[text[:24] for text, _ in NESTED])
def test_depth_is_a_tree_or_an_error(text: str, fits: bool) -> None:
    assert isinstance(outcome(text), SqlSyntaxError) is not fits


def test_what_may_follow_is_told_for_completion(parser: Parser) -> None:
    assert {"FROM", "AS", "WHERE", "$END"} <= set(parser.expected_terminals("SELECT a"))
    assert "SELECT" not in parser.expected_terminals("SELECT a")


def test_positions_are_those_of_the_text(parser: Parser) -> None:
    text = "SELECT a,  b.c FROM x.y"
    statement = parser.parse(text)
    assert isinstance(statement, n.Query)
    assert isinstance(statement.body, n.Select)
    item = statement.body.items[1]
    assert isinstance(item, n.Item)
    assert isinstance(item.expr, n.ColumnRef)
    assert item.text == "b.c"
    assert text[item.expr.span.start : item.expr.span.end] == "b.c"


@pytest.mark.parametrize("sql", ["SELECT '\ud800'", 'CREATE TABLE "\udcff" (x)', "SELECT 1 AS a\udfff -- b"])
def test_half_a_character_is_a_syntax_error_at_its_place(sql: str, parser: Parser) -> None:
    with pytest.raises(SqlSyntaxError, match="half a character") as caught:
        parser.parse(sql)
    assert caught.value.span is not None
    assert not sql[slice(*caught.value.span)].isprintable()
