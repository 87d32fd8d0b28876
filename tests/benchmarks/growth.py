"""Row 23: what an item of each construct of the grammar that can repeat or nest costs in a long statement, against a short one.

Each construct is measured in a process of its own, `python -m tests.benchmarks.growth NAME CACHE`: what one leaves behind is in no
other's figure. Less the cost of a statement with one item, an item of many may take at most half more than an item of few. What costs less
than a microsecond counts as one.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.benchmarks.measure import Bench, Result, cpu_seconds

WIDE = 1000
"""Columns of the table `wide`."""
_LEAST = 1e-6
"""Seconds: a smaller difference of two statements is noise."""
_GOAL = 1.5
_TRIES = 2
"""Processes of a construct that misses the goal; the least of both counts, of few items as of many: the rest is what else ran."""
_SAMPLE = 0.03
"""CPU seconds of a sample, for which a short statement is carried out several times."""
_ROUNDS, _FEWEST_ROUNDS, _BUDGET = 12, 4, 1.5
"""Rounds of samples; after some CPU seconds, fewer do."""


@dataclass(frozen=True)
class Construct:
    """A construct of the grammar.

    Attributes:
        rules: the rules of the grammar that the statement uses as often as it has items.
        write: returns a statement with a number of items.
        few, many: the numbers of items that are compared.
        runs: False: the statement is only parsed and printed; what it names is not there, or it would be refused.
    """

    rules: tuple[str, ...]
    write: Callable[[int], str]
    few: int = 100
    many: int = 1000
    runs: bool = True
    is_refused: bool = False
    """Whether the parser reads the statement only to say what to do instead."""


def _write_list(before: str, item: str, between: str = ", ", after: str = "") -> Callable[[int], str]:
    """Return a function that writes a statement of n items; `#` in an item is its number."""
    return lambda count: before + between.join(item.replace("#", str(number)) for number in range(count)) + after


def _write_nested(before: str, left: str, inside: str, right: str, after: str = "") -> Callable[[int], str]:
    return lambda count: before + left * count + inside + right * count + after


def _write_repeated(before: str, text: str, after: str) -> Callable[[int], str]:
    return lambda count: before + text * count + after


CONSTRUCTS = {
    "common table expressions": Construct(
        ("with", "cte"), lambda n: _write_list("WITH ", "c# AS (SELECT # AS k)")(n) + f" SELECT k FROM c{n - 1}"
    ),
    "rows of VALUES": Construct(("values",), _write_list("VALUES ", "(#, 'x')")),
    "cells of VALUES": Construct(("value_row",), _write_list("VALUES (", "#", after=")")),
    "arms of UNION ALL": Construct(("compound", "set_operator"), _write_list("", "SELECT #", " UNION ALL ")),
    "columns of a select list": Construct(
        ("items", "item", "alias"), _write_list("SELECT ", "k AS c#", after=" FROM one")
    ),
    "named windows": Construct(
        ("windows", "named_window"), _write_list("SELECT k FROM one WINDOW ", "w# AS (ORDER BY k)"), 20, 200
    ),
    "expressions of GROUP BY": Construct(
        ("group_by", "group_item"), _write_list("SELECT count(*) FROM one GROUP BY ", "k + #"), 6, 60
    ),
    "grouping sets": Construct(
        ("grouping_sets", "group_set"),
        _write_list("SELECT count(*) FROM one GROUP BY GROUPING SETS (", "(k)", after=")"),
        10,
        100,
    ),
    "expressions of ORDER BY": Construct(
        ("order_by", "order_item"), _write_list("SELECT k FROM one ORDER BY ", "k + #")
    ),
    "names of columns": Construct(
        ("names",), lambda n: f"SELECT 1 FROM (VALUES ({_write_list('', '#')(n)})) AS t({_write_list('', 'c#')(n)})"
    ),
    "columns of INSERT": Construct(
        ("column_names", "column_name", "row_value"),
        lambda n: f"INSERT INTO wide ({_write_list('', 'c#')(n)}) VALUES ({_write_list('', '#')(n)})",
        100,
        WIDE,
    ),
    "assignments": Construct(("assignments", "assignment"), _write_list("UPDATE wide SET ", "c# = #"), 100, WIDE),
    "arguments of EXEC": Construct(("exec", "argument"), _write_list("EXEC a.b.c.d ", "@x# = #"), runs=False),
    "words of SHOW": Construct(("names_in_a_row",), _write_list("SHOW ", "w#", " "), runs=False),
    "columns of a table": Construct(
        ("create_table", "column_definition", "column_type"),
        _write_list("CREATE OR REPLACE TABLE made (", "c# int", after=")"),
        100,
        WIDE,
    ),
    "constraints of a column": Construct(
        ("column_constraint",), _write_list("CREATE TABLE made (x int ", "CHECK (x > #)", " ", ")"), runs=False
    ),
    "actions of a reference": Construct(
        ("references", "reference_action"),
        _write_list("CREATE TABLE made (x int REFERENCES u ", "ON DELETE CASCADE", " ", ")"),
        runs=False,
    ),
    "columns of an index": Construct(
        ("create_index", "index_column"), _write_list("CREATE INDEX i ON t (", "c#", after=")"), runs=False
    ),
    "words of REGISTRY": Construct(
        ("registry", "registry_word"), _write_list("REGISTRY PULL a ", "w#", " "), runs=False, is_refused=True
    ),
    "items of IN": Construct(
        ("exprs", "in_list"), _write_list("SELECT k FROM one WHERE k IN (", "#", after=")"), 1000, 10_000
    ),
    "operands of OR": Construct(("or_",), _write_list("SELECT k FROM one WHERE ", "k = #", " OR ")),
    "operands of AND": Construct(("and_",), _write_list("SELECT k FROM one WHERE ", "k <> #", " AND ")),
    "operands of |": Construct(("bits", "chain", "bit_operator"), _write_list("SELECT ", "#", " | ")),
    "operands of +": Construct(("sum", "chain", "sum_operator"), _write_list("SELECT ", "#", " + ")),
    "operands of *": Construct(("product", "chain", "product_operator"), _write_list("SELECT ", "1", " * ")),
    "operands of ||": Construct(("joined_text", "chain", "text_operator"), _write_list("SELECT ", "'#'", " || ")),
    "arms of CASE": Construct(("case", "when"), _write_list("SELECT CASE k ", "WHEN # THEN #", " ", " END FROM one")),
    "words of a type": Construct(("type", "type_word"), _write_list("SELECT CAST(1 AS ", "w#", " ", ")"), runs=False),
    "tables with commas": Construct(("tables", "comma_join"), _write_list("SELECT 1 FROM ", "one AS t#"), 6, 30),
    "joined tables": Construct(
        ("joined", "join"), _write_list("SELECT 1 FROM one ", "JOIN one AS t# ON t#.k = one.k", " "), 6, 30
    ),
    "comparisons in a row": Construct(("predicate", "compare"), _write_list("SELECT ", "1", " = "), 40, 200),
    "BETWEEN in a row": Construct(
        ("between",), _write_repeated("SELECT 1", " BETWEEN 0 AND 1", ""), 40, 200, runs=False
    ),
    "IN in a row": Construct(("in_list",), _write_repeated("SELECT 1", " IN (0)", ""), 40, 200, runs=False),
    "IN (SELECT) in a row": Construct(
        ("in_query",), _write_repeated("SELECT 1", " IN (SELECT 1)", ""), 40, 200, runs=False
    ),
    "IN table in a row": Construct(("in_table",), _write_repeated("SELECT 1", " IN one", ""), 40, 200, runs=False),
    "LIKE in a row": Construct(("match",), _write_repeated("SELECT 1", " LIKE 'x'", ""), 40, 200, runs=False),
    "LIKE ESCAPE in a row": Construct(
        ("match_escape",), _write_repeated("SELECT 1", " LIKE 'x' ESCAPE '!'", ""), 40, 200, runs=False
    ),
    "IS in a row": Construct(("is_",), _write_repeated("SELECT 1", " IS 1", ""), 40, 200, runs=False),
    "IS DISTINCT FROM in a row": Construct(
        ("is_distinct",), _write_repeated("SELECT 1", " IS DISTINCT FROM 1", ""), 40, 200, runs=False
    ),
    "ISNULL in a row": Construct(("is_null",), _write_repeated("SELECT 1", " ISNULL", ""), 40, 200, runs=False),
    "NOT NULL in a row": Construct(("not_null",), _write_repeated("SELECT 1", " NOT NULL", ""), 40, 200, runs=False),
    "collations in a row": Construct(
        ("collated", "collate"), _write_repeated("SELECT 'x'", " COLLATE nocase", ""), 40, 200
    ),
    "casts in a row": Construct(("postfix_cast",), _write_repeated("SELECT 1", "::integer", ""), 10, 40),
    "signs in a row": Construct(("unary", "unary_operator"), _write_repeated("SELECT ", "- ", "1"), 20, 90),
    "NOT in a row": Construct(("negation", "not_"), _write_repeated("SELECT ", "NOT ", "1 = 1"), 20, 90),
    "parts of a path": Construct(("path", "longer_path"), _write_list("SELECT 1 FROM ", "p#", "."), 40, 200, False),
    "parentheses": Construct(("primary",), _write_nested("SELECT ", "(", "1", ")"), 1000, 10000),
    "parentheses of queries": Construct(("parens_query",), _write_nested("", "(", "SELECT 1", ")"), 1000, 10000),
    "subqueries": Construct(("subquery",), _write_nested("SELECT ", "(SELECT ", "1", ")"), 4, 12),
    "derived tables": Construct(("derived",), _write_nested("", "SELECT k FROM (", "SELECT k FROM one", ")"), 20, 60),
    "EXISTS": Construct(("exists",), _write_nested("SELECT ", "EXISTS (SELECT ", "1", ")"), 4, 12),
    "calls": Construct(("call", "call_arguments"), _write_nested("SELECT ", "abs(", "1", ")"), 10, 30),
    "casts": Construct(("cast",), _write_nested("SELECT ", "CAST(", "1", " AS integer)"), 10, 40),
    "a chain of common table expressions": Construct(
        ("with_query",),
        lambda n: (
            "WITH c0 AS (SELECT k FROM one)"
            + "".join(f", c{i} AS (SELECT k FROM c{i - 1})" for i in range(1, n))
            + f" SELECT k FROM c{n - 1}"
        ),
        20,
        80,
    ),
    "letters of a text": Construct(("literal",), _write_repeated("SELECT '", "it''s ", "'"), 1000, 10_000),
    "letters of a name": Construct(("name",), _write_repeated('SELECT 1 AS "', "a b ", '"'), 1000, 10_000),
    "comments": Construct((), _write_repeated("SELECT /* a */ ", "/* b */ -- c\n", "1"), 1000, 10_000),
    "lines": Construct((), _write_repeated("SELECT ", "\n", "1"), 1000, 10_000),
    "operators of JSON": Construct((), _write_repeated("SELECT '{}'", " ->> '$.x'", ""), 100, 1000),
    "intervals": Construct(("interval_text",), _write_repeated("SELECT date('2026-01-01')", " + INTERVAL '1 day'", "")),
    "table functions": Construct(("table_function",), _write_list("SELECT 1 FROM ", "json_each('[1]') AS t#"), 6, 30),
    "window calls": Construct(
        ("over", "window", "partition_by"),
        _write_list("SELECT ", "sum(k) OVER (PARTITION BY k + #)", after=" FROM one"),
        10,
        40,
    ),
    "columns of RETURNING": Construct(
        ("returning",), _write_list("INSERT INTO one VALUES (2) RETURNING ", "k AS c#"), 100, WIDE
    ),
}


def measure(bench: Bench) -> Iterator[Result]:
    """Compare an item of many with an item of few, of each construct."""
    for name, construct in CONSTRUCTS.items():
        metric = f"{name}: an item of {construct.many} : of {construct.few}, CPU"
        yield _measure_construct(bench, name, metric)


def _measure_construct(bench: Bench, name: str, metric: str) -> Result:
    few = many = float("inf")
    for _ in range(_TRIES):
        # All processes keep the compiled grammar in one folder.
        command = [sys.executable, "-m", "tests.benchmarks.growth", name, str(bench.home / "cache")]
        child = subprocess.run(command, capture_output=True, text=True, check=False)
        if child.returncode:
            return Result("23", metric, "failed", child.stderr.strip().splitlines()[-1][:100], 99.0, _GOAL)
        costs = [max(cost, _LEAST) for cost in json.loads(child.stdout)]
        many, few = min(many, costs[0]), min(few, costs[1])
        if many / few <= _GOAL:
            break
    return Result("23", metric, f"{many * 1e6:.2f} us", f"{few * 1e6:.2f} us", many / few, _GOAL)


def measure_items(construct: Construct, cache: Path) -> tuple[float, float]:
    """Return the CPU seconds of an item of many, and of an item of few."""
    from tests.environments import make_environment  # noqa: PLC0415 (the child alone needs them)
    from tokensh.dbapi.connection import Connection  # noqa: PLC0415
    from tokensh.dbapi.options import ConnectionOptions  # noqa: PLC0415
    from tokensh.errors import SqlSyntaxError  # noqa: PLC0415
    from tokensh.sql import unparse  # noqa: PLC0415
    from tokensh.sql.parse import Parser  # noqa: PLC0415

    parser = Parser(cache / "tokensh")
    with (
        tempfile.TemporaryDirectory() as home,
        Connection(
            ConnectionOptions(environment=make_environment(Path(home), variables={"XDG_CACHE_HOME": str(cache)}))
        ) as connection,
    ):
        columns = ", ".join(f"c{number} int" for number in range(WIDE))
        for sql in ("CREATE TABLE one (k int)", "INSERT INTO one VALUES (1)", f"CREATE TABLE wide ({columns})"):
            deque(connection.run(sql).rows, maxlen=0)

        def carry_out(sql: str) -> None:
            if construct.runs:
                deque(connection.run(sql).rows, maxlen=0)
                return
            with suppress(SqlSyntaxError) if construct.is_refused else nullcontext():
                unparse.statement(parser.parse(sql))

        gc.disable()  # as timeit does
        fixed, few, many = _measure_statements(
            carry_out, [construct.write(n) for n in (1, construct.few, construct.many)]
        )
    return (many - fixed) / (construct.many - 1), (few - fixed) / (construct.few - 1)


def _measure_statements(carry_out: Callable[[str], None], statements: list[str]) -> list[float]:
    """Return the CPU seconds of each statement: the least of rounds in which they take turns.

    What else the machine does slows the samples of a round alike, and a short statement is carried out several times a sample.
    """

    def repeat(sql: str, times: int) -> None:
        for _ in range(times):
            carry_out(sql)

    for sql in statements:
        carry_out(sql)
    alone = [cpu_seconds(partial(carry_out, sql)) for sql in statements]
    times = [max(1, round(_SAMPLE / max(cost, _LEAST))) for cost in alone]
    least = alone
    begun = time.process_time()
    for number in range(_ROUNDS):
        if number >= _FEWEST_ROUNDS and time.process_time() - begun > _BUDGET:
            break
        costs = [cpu_seconds(partial(repeat, sql, count)) / count for sql, count in zip(statements, times, strict=True)]
        least = list(map(min, least, costs))
    return least


if __name__ == "__main__":
    print(json.dumps(measure_items(CONSTRUCTS[sys.argv[1]], Path(sys.argv[2]))))
