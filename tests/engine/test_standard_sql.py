"""Standard SQL that SQLite lacks finds the rows of the statement that SQLite has for it, and is printed as itself."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.environments import make_environment
from tests.shared_parser import shared_parser
from tokensh import sandbox
from tokensh.dbapi.connection import Connection, connect
from tokensh.errors import NotSupportedError, ProgrammingError, SqlSyntaxError
from tokensh.rows import Row, Value
from tokensh.sql import unparse

CASES = [
    tuple(line.split(" ==> "))
    for line in Path(__file__).with_name("standard_sql.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("# ")
]
TABLES = [
    "CREATE TABLE t (k INTEGER, g TEXT, x REAL, s TEXT, d TEXT)",
    "CREATE TABLE u (k INTEGER, v TEXT)",
    "INSERT INTO t VALUES (1, 'a', 1.0, 'abc', '2026-01-31'), (2, 'a', 2.0, 'Abd', '2026-02-28'),"
    " (3, 'b', 2.5, 'xyz', '2026-03-15'), (4, 'b', NULL, 'b', '2026-12-31'), (5, NULL, 4.0, 'ab', '2027-01-01')",
    "INSERT INTO u VALUES (1, 'one'), (1, 'uno'), (3, 'three'), (7, 'seven')",
]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    home = tmp_path_factory.mktemp("home")
    with (
        sandbox.start(tokens=1) as site,
        connect(
            environment=make_environment(home, variables={"DATABRICKS_TOKEN": site.token}),
            endpoint=site.endpoint,
        ) as connection,
    ):
        for statement in TABLES:
            list(connection.run(statement).rows)
        yield connection


@pytest.fixture(scope="module")
def plain() -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(":memory:")
    for statement in TABLES:
        database.execute(statement)
    yield database
    database.close()


def with_types(row: Row) -> tuple[tuple[type, Value], ...]:
    return tuple((type(cell), cell) for cell in row)


@each_case(("sql", "plain_sql"), CASES, ids=[sql for sql, _ in CASES])
def test_standard_sql_has_the_rows_that_sqlite_finds(
    sql: str, plain_sql: str, ours: Connection, plain: sqlite3.Connection
) -> None:
    found = [with_types(row) for row in ours.run(sql).rows]
    expected = [with_types(row) for row in plain.execute(plain_sql)]
    if "ORDER BY" in sql:
        assert found == expected
    assert Counter(found) == Counter(expected)


@each_case("sql", [sql for sql, _ in CASES])
def test_standard_sql_is_printed_as_itself(sql: str) -> None:
    tree = shared_parser().parse(sql)
    assert shared_parser().parse(unparse.statement(tree)) == tree


@pytest.mark.parametrize("operator", ["UNION ALL", "UNION"])
def test_a_union_of_thousands_of_arms_is_a_list(operator: str, ours: Connection) -> None:
    sql = f" {operator} ".join(f"SELECT {number}" for number in range(2000))
    assert Counter(row[0] for row in ours.run(sql).rows) == Counter(range(2000))
    tree = shared_parser().parse(sql)
    assert shared_parser().parse(unparse.statement(tree)) == tree


def test_operators_of_many_arms_are_applied_from_the_left(ours: Connection) -> None:
    sql = (
        " UNION ALL ".join(f"SELECT {number % 9} AS a" for number in range(900)) + " EXCEPT SELECT 5 UNION ALL SELECT 7"
    )
    assert Counter(row[0] for row in ours.run(sql).rows) == Counter([0, 1, 2, 3, 4, 6, 7, 7, 8])


LONG_CHAINS = [("||", "1" * 2000), ("+", 2000), ("*", 1), ("-", -1998), ("|", 1), ("AND", 1), ("OR", 1)]


@each_case(("operator", "value"), LONG_CHAINS, ids=[operator for operator, _ in LONG_CHAINS])
def test_a_chain_of_thousands_of_operands_is_a_list(operator: str, value: Value, ours: Connection) -> None:
    operand = {"||": "(SELECT 1)", "+": "k"}.get(operator, "1")
    chain = f" {operator} ".join([operand] * 2000)
    assert list(ours.run(f"SELECT {chain} AS value FROM t WHERE k = 1").rows) == [(value,)]
    tree = shared_parser().parse(f"SELECT {chain}")
    assert shared_parser().parse(unparse.statement(tree)) == tree


@each_case("seed", range(12))
def test_a_long_chain_is_applied_from_the_left(seed: int, ours: Connection, plain: sqlite3.Connection) -> None:
    chance = random.Random(seed)
    operators = chance.choice(["+-", "*/%", "+-", "|&"])
    literals = ["9223372036854775807", "0.1", "1e300", "3", "1"] if operators == "+-" else ["7", "3", "2.5", "1"]
    parts = [(chance.choice(operators), chance.choice(literals)) for _ in range(chance.choice([15, 16, 17, 450]))]
    (expected,) = plain.execute("SELECT 5").fetchone()
    for operator, literal in parts:
        (expected,) = plain.execute(f"SELECT ? {operator} {literal}", (expected,)).fetchone()
    ((found,),) = ours.run("SELECT 5" + "".join(f" {operator} {literal}" for operator, literal in parts)).rows
    assert (type(found), found) == (type(expected), expected)


def test_an_operand_of_a_long_chain_is_checked_as_every_operand(ours: Connection) -> None:
    with pytest.raises(ProgrammingError, match="'x' is text: \\+ takes numbers"):
        ours.run("SELECT " + " + ".join(["1"] * 30) + " + 'x'")
    with pytest.raises(NotSupportedError, match="take no aggregate"):
        ours.run("SELECT " + " + ".join(["count(*)"] * 300) + " FROM t")
    assert list(ours.run("SELECT " + " + ".join(["count(*)"] * 100) + " FROM t").rows) == [(500,)]


def test_intervals_are_added_in_a_long_chain(ours: Connection) -> None:
    chain = " + ".join(["INTERVAL '1 day'"] * 31)
    assert list(ours.run(f"SELECT DATE '2026-01-01' + {chain}").rows) == [("2026-02-01",)]


def test_chains_nest_only_as_deep_as_can_be_walked() -> None:
    for operator in ("+", "||", "DIV", "->"):
        chain = "1"
        for _ in range(60):
            chain = f"1 {operator} ({chain}) {f'{operator} 1 ' * 13}"
        with pytest.raises(SqlSyntaxError, match="nested more than 300 levels deep"):
            shared_parser().parse(f"SELECT {chain}")


KEYS = ("g", "k % 2", "v")
SOURCE = "(SELECT t.k, g, x, v FROM t LEFT JOIN u ON u.k = t.k) AS q"


def write_group(chance: random.Random) -> tuple[str, list[set[str]]]:
    """Return an item of GROUP BY, and its sets of keys."""
    keys = chance.sample(KEYS, chance.randint(1, 3))
    match chance.choice(["ROLLUP", "CUBE", "GROUPING SETS", "key"]):
        case "ROLLUP":
            return f"ROLLUP ({', '.join(keys)})", [set(keys[:size]) for size in range(len(keys) + 1)]
        case "CUBE":
            subsets = [{key for i, key in enumerate(keys) if bits >> i & 1} for bits in range(1 << len(keys))]
            return f"CUBE ({', '.join(keys)})", subsets
        case "GROUPING SETS":
            sets = [chance.sample(KEYS, chance.randint(0, 2)) for _ in range(3)]
            return f"GROUPING SETS ({', '.join('(' + ', '.join(keys) + ')' for keys in sets)})", list(map(set, sets))
        case _:
            return keys[0], [{keys[0]}]


@each_case("seed", range(40))
def test_grouping_sets_have_the_rows_of_a_union_of_all_sets(
    seed: int, ours: Connection, plain: sqlite3.Connection
) -> None:
    chance = random.Random(seed)
    items = [write_group(chance) for _ in range(chance.choice([1, 1, 2]))]
    sets = [set().union(*parts) for parts in product(*(sets for _, sets in items))]
    known = sorted(set().union(*sets))
    aggregates = "count(*), sum(x), count(DISTINCT k), count(k) FILTER (WHERE x > 1), max(upper(g))"
    having = chance.choice(["", " HAVING count(*) > 1", " HAVING sum(x) IS NOT NULL"])
    shown = (
        ", ".join((*known, f"coalesce({known[0]}, '-')", f"grouping({', '.join(known)})", aggregates))
        if known
        else aggregates
    )
    arms = []
    for keys in sets:
        values = [key if key in keys else "NULL" for key in known]
        bits = sum(1 << i for i, key in enumerate(reversed(known)) if key not in keys)
        first = [f"coalesce({values[0]}, '-')", str(bits)] if known else []
        group = f" GROUP BY {', '.join(f'({key})' for key in sorted(keys))}" if keys else " GROUP BY 'all'"
        arms.append(f"SELECT {', '.join((*values, *first, aggregates))} FROM {SOURCE}{group}{having}")
    sql = f"SELECT {shown} FROM {SOURCE} GROUP BY {', '.join(text for text, _ in items)}{having}"
    found = Counter(with_types(row) for row in ours.run(sql).rows)
    assert found == Counter(with_types(row) for row in plain.execute(" UNION ALL ".join(arms))), sql


@each_case(
    ("sql", "message"),
    [
        ("SELECT grouping(x) FROM t GROUP BY ROLLUP (g)", "takes what GROUP BY groups by"),
        ("SELECT g FROM t WHERE grouping(g) = 1 GROUP BY CUBE (g)", "WHERE cannot use grouping"),
        ("SELECT (SELECT v FROM u WHERE u.v = t.g) FROM t GROUP BY ROLLUP (g)", "several grouping sets"),
        ("SELECT rollup(g) FROM t", "unknown function 'rollup'"),
        ("SELECT 1 FROM t GROUP BY CUBE (k, k, k, k, k, k, k, k, k, k, k, k, k)", "more than 4096 sets"),
    ],
)
def test_what_grouping_sets_cannot_say_is_refused(sql: str, message: str, ours: Connection) -> None:
    with pytest.raises((ProgrammingError, NotSupportedError), match=message):
        list(ours.run(sql).rows)
